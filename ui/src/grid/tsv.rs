//! Cells as spreadsheets copy them: one line a row, tabs between cells, quotes around what holds either.

/// Cells as text.
pub fn write(rows: &[Vec<String>]) -> String {
    let cell = |text: &String| {
        if text.contains(['\t', '\n', '\r', '"']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.clone()
        }
    };
    let line = |row: &Vec<String>| row.iter().map(cell).collect::<Vec<_>>().join("\t");
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Cells out of text. A line end at the very end begins no row.
pub fn read(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut chars = text.chars().peekable();
    let (mut quoted, mut any) = (false, false);
    while let Some(c) = chars.next() {
        any = true;
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if cell.is_empty() && closes(chars.clone()) => quoted = true,
            _ if quoted => cell.push(c),
            '\t' => row.push(std::mem::take(&mut cell)),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' | '\r' => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
                any = false;
            }
            c => cell.push(c),
        }
    }
    if any || !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows
}

/// Whether a quote at the beginning of a cell is closed at its end; if not, it is a letter like others (as in `"quoted" word`).
fn closes(mut rest: std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    while let Some(c) = rest.next() {
        if c != '"' {
            continue;
        }
        match rest.peek() {
            Some('"') => drop(rest.next()),
            next => return matches!(next, None | Some('\t' | '\n' | '\r')),
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect()
    }

    #[test]
    fn what_is_copied_is_what_is_pasted() {
        for rows in [
            cells(&[&["a", "b"], &["c", ""]]),
            cells(&[&["with \"quotes\"", "tab\there", "two\nlines", "\r\n"]]),
            cells(&[&[""], &["x"]]),
            cells(&[&["\"", "\"\"", "ü😀"]]),
        ] {
            assert_eq!(read(&write(&rows)), rows);
        }
    }

    #[test]
    fn spreadsheets_end_with_a_line_and_write_two_kinds_of_line_ends() {
        assert_eq!(read("a\tb\r\nc\td\r\n"), cells(&[&["a", "b"], &["c", "d"]]));
        assert_eq!(read("a\n\nb"), cells(&[&["a"], &[""], &["b"]]));
        assert_eq!(read(""), cells(&[]));
        assert_eq!(read("12\" pipe\t\"as is\" he said"), cells(&[&["12\" pipe", "\"as is\" he said"]]));
        assert_eq!(read("\"a\nb\"\tc"), cells(&[&["a\nb", "c"]]));
    }
}
