//! Texts in a form: browsers give every line end as a line feed, whatever the text had.

/// A text as a form's input holds it.
pub fn to_form(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// What a form's input holds as it belongs into a text that was `before`: what was not touched keeps its line ends,
/// what is new has those of the text's first line.
pub fn from_form(before: &str, written: &str) -> String {
    if !before.contains('\r') {
        return written.to_owned();
    }
    let seen = units(before);
    let wanted: Vec<char> = written.chars().collect();
    let shown =
        |unit: &&str| if unit.starts_with('\r') { '\n' } else { unit.chars().next().unwrap_or_default() };
    let same = |(unit, c): &(&&str, &char)| shown(unit) == **c;
    let start = seen.iter().zip(&wanted).take_while(same).count();
    let left = seen.len().min(wanted.len()) - start;
    let end = seen.iter().rev().zip(wanted.iter().rev()).take(left).take_while(same).count();
    let style = seen.iter().find(|unit| unit.starts_with(['\r', '\n'])).copied().unwrap_or("\n");
    let mut text: String = seen[..start].concat();
    for c in &wanted[start..wanted.len() - end] {
        match c {
            '\n' => text.push_str(style),
            c => text.push(*c),
        }
    }
    text.push_str(&seen[seen.len() - end..].concat());
    text
}

/// The characters of a text; a carriage return with its line feed is one.
fn units(text: &str) -> Vec<&str> {
    let mut units = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = if rest.starts_with("\r\n") { 2 } else { c.len_utf8() };
        let (unit, after) = rest.split_at(length);
        units.push(unit);
        rest = after;
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_touched_keeps_its_line_ends() {
        for (before, written, wanted) in [
            ("a b\r\nc", "a b\nc", "a b\r\nc"),
            ("a b\r\nc", "a x b\nc", "a x b\r\nc"),
            ("a\r\nb\r\n", "a\nnew\nb\n", "a\r\nnew\r\nb\r\n"),
            ("a\nb\r\nc\rd", "a\nB\nc\nd", "a\nB\r\nc\rd"),
            ("a\r\n\r\nb", "a\nb", "a\r\nb"),
            ("a\r\nb", "", ""),
            ("a\r\nb", "a\nb\n", "a\r\nb\r\n"),
            ("ä\r\nö", "äü\nö", "äü\r\nö"),
            ("a\nb", "a\nb\nc", "a\nb\nc"),
            ("", "a\nb", "a\nb"),
        ] {
            assert_eq!(from_form(before, written), wanted, "{before:?} as {written:?}");
            assert_eq!(from_form(before, &to_form(before)), before, "untouched");
        }
    }
}
