//! Tables as CSV for people's spreadsheets: the one writer of all exports.
//!
//! Every cell stands in quotation marks. A spreadsheet runs a text that begins like a formula, also behind a separator
//! of another language's tables; an apostrophe before it keeps it a text. [`unguarded`] takes it off again, so that what
//! was exported is imported as it was.

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// What people wrote.
    Text(String),
    /// A number as it is stored: never a formula.
    Number(String),
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// The text of a file: a heading and rows. It begins with the mark by which spreadsheets know UTF-8.
pub fn write(heading: &[String], rows: impl IntoIterator<Item = Vec<Cell>>) -> String {
    let mut writer = csv::WriterBuilder::new()
        .quote_style(csv::QuoteStyle::Always)
        .terminator(csv::Terminator::CRLF)
        .flexible(true)
        .from_writer("\u{feff}".as_bytes().to_vec());
    let mut line = |cells: Vec<String>| writer.write_record(cells).expect("a Vec takes every write");
    line(heading.iter().map(|text| guarded(text)).collect());
    for row in rows {
        let cell = |cell| match cell {
            Cell::Text(text) => guarded(&text),
            Cell::Number(text) => text,
        };
        line(row.into_iter().map(cell).collect());
    }
    let bytes = writer.into_inner().expect("a Vec takes every write");
    String::from_utf8(bytes).expect("cells are text")
}

/// Whether a text is a table of records that [`crate::engine`] wrote: then its guards are ours.
pub fn is_export(text: &str) -> bool {
    text.strip_prefix('\u{feff}').is_some_and(|text| text.starts_with(&format!("\"{KEY}\",")))
}

/// The heading of the column of keys.
pub const KEY: &str = "Key";

/// A text that no spreadsheet runs.
fn guarded(text: &str) -> String {
    rewritten(text, 0, |apostrophes| apostrophes + 1)
}

/// The text that was guarded.
pub fn unguarded(text: &str) -> String {
    rewritten(text, 1, |apostrophes| apostrophes - 1)
}

/// Gives another number of apostrophes to every place where a formula could begin and that has at least `least`.
fn rewritten(text: &str, least: usize, change: impl Fn(usize) -> usize) -> String {
    const SIGNS: [char; 10] = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r'];
    let mut all = String::with_capacity(text.len() + 1);
    let mut begins = true;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if begins {
            let behind = rest.trim_start_matches('\'');
            let apostrophes = rest.len() - behind.len();
            if behind.starts_with(SIGNS) && apostrophes >= least {
                all.push_str(&"'".repeat(change(apostrophes)));
                rest = behind;
                begins = false;
                continue;
            }
        }
        begins = matches!(c, ';' | ',' | '|' | '\t' | '\n' | '\r');
        all.push(c);
        rest = &rest[c.len_utf8()..];
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_harmless() {
        let row = vec!["x, \"y\"".into(), "=1+1".into(), Cell::Number("-5".into()), "x;=cmd|'A1".into()];
        let text = write(&["a".to_owned(), "b".to_owned()], [row]);
        assert_eq!(text, "\u{feff}\"a\",\"b\"\r\n\"x, \"\"y\"\"\",\"'=1+1\",\"-5\",\"x;'=cmd|'A1\"\r\n");
    }

    #[test]
    fn every_text_comes_back() {
        for text in [
            "", "a", "=1", "'=1", "''=1", "'", "-5", "+49", "@x", "\t=1", "\r=", "＝1", "a;=1", "a;'=1",
            "a;b", "'a", "a\n-b", "a\r\n-b", ";;==", "-", "--1", "a,=b", "= '=", "|-",
        ] {
            let safe = guarded(text);
            assert_eq!(unguarded(&safe), text, "{safe}");
            let runs = |part: &str| part.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
            assert!(!safe.split([';', ',']).any(runs), "{safe}");
        }
    }
}
