//! Three-way merge of texts: by lines, and where lines overlap, by words.

/// Both edits of a text in one; `None` where they touch the same words: a person has to decide.
pub(super) fn merge(base: &str, current: &str, incoming: &str) -> Option<String> {
    diffy::merge(base, current, incoming).ok().or_else(|| by_words(base, current, incoming))
}

/// The same merge with one word, one run of blanks or one other sign to a line.
fn by_words(base: &str, current: &str, incoming: &str) -> Option<String> {
    let [base, current, incoming] = [base, current, incoming].map(one_to_a_line);
    diffy::merge(&base, &current, &incoming).ok().map(|merged| together(&merged))
}

#[derive(PartialEq)]
enum Sort {
    Word,
    Blank,
    /// A line's end or any other sign: always alone.
    Other,
}

fn sort(c: char) -> Sort {
    match c {
        '\n' | '\r' => Sort::Other,
        c if c.is_whitespace() => Sort::Blank,
        c if c.is_alphanumeric() => Sort::Word,
        _ => Sort::Other,
    }
}

/// Each piece on its own line; line ends and the sign that hides them are written as `\n`, `\r` and `\\`.
fn one_to_a_line(text: &str) -> String {
    let mut lines = String::with_capacity(text.len() * 2);
    let mut before: Option<Sort> = None;
    for c in text.chars() {
        let sort = sort(c);
        if before.as_ref().is_some_and(|before| *before != sort || sort == Sort::Other) {
            lines.push('\n');
        }
        match c {
            '\n' => lines.push_str("\\n"),
            '\r' => lines.push_str("\\r"),
            '\\' => lines.push_str("\\\\"),
            c => lines.push(c),
        }
        before = Some(sort);
    }
    if before.is_some() {
        lines.push('\n');
    }
    lines
}

fn together(lines: &str) -> String {
    let mut text = String::with_capacity(lines.len());
    let mut chars = lines.chars().filter(|c| *c != '\n');
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => text.push('\n'),
                Some('r') => text.push('\r'),
                Some(other) => text.push(other),
                None => {}
            },
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_together_as_they_were() {
        for text in ["", "a", " a  b\n\nc\r\n", "back\\slash \\n\n", "née – 日本語, «x»\t1.5\n", "\n", "\\"]
        {
            assert_eq!(together(&one_to_a_line(text)), text);
        }
    }

    #[test]
    fn other_words_of_one_line_merge_and_the_same_words_do_not() {
        let base = "The pump on deck two is broken, spare parts are ordered.";
        let current = "The pump on deck three is broken, spare parts are ordered.";
        let incoming = "The pump on deck two is broken, spare parts have arrived.";
        let both = "The pump on deck three is broken, spare parts have arrived.";
        assert_eq!(merge(base, current, incoming).as_deref(), Some(both));
        assert_eq!(merge(base, incoming, current).as_deref(), Some(both));
        let other = "The pump on deck four is broken, spare parts are ordered.";
        assert_eq!(merge(base, current, other), None);
    }

    #[test]
    fn additions_at_the_same_place_are_asked_about() {
        assert_eq!(merge("a\n", "a\nb\n", "a\nc\n"), None);
        assert_eq!(merge("Call back", "Call back today", "Call back soon"), None);
    }
}
