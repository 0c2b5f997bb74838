//! Three-way merge of texts: by lines, and where lines overlap, by words.

use diffy::{DiffOptions, Line};
use std::collections::BTreeMap;

/// Both edits of a text in one; `None` where they touch the same words: a person has to decide.
pub(super) fn merge(base: &str, current: &str, incoming: &str) -> Option<String> {
    let whole = |merged: &String| keeps_every_word(base, current, incoming, merged);
    by_pieces(base, current, incoming)
        .filter(whole)
        .or_else(|| by_words(base, current, incoming).filter(whole))
}

/// Whether each word is in the merged text as often as both edits together leave it. Where words repeat, differences can be
/// told in several ways: what moved to another line is then taken for the same addition on both sides, and for two removals.
fn keeps_every_word(base: &str, current: &str, incoming: &str, merged: &str) -> bool {
    let mut counts: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    for (n, text) in [base, current, incoming, merged].into_iter().enumerate() {
        for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            counts.entry(word).or_default()[n] += 1;
        }
    }
    counts.values().all(|[base, current, incoming, merged]| {
        // both may have made the same addition: it comes once
        let wanted = (current + incoming).saturating_sub(*base).min(*current.max(incoming));
        *merged >= wanted
    })
}

/// The same merge with one word, one run of blanks or one other sign to a line.
fn by_words(base: &str, current: &str, incoming: &str) -> Option<String> {
    let [base, current, incoming] = [base, current, incoming].map(one_to_a_line);
    by_pieces(&base, &current, &incoming).map(|merged| together(&merged))
}

/// The classic three-way merge of lines (Khanna, Kunal, Pierce: A Formal Investigation of Diff3, 2007): what only one side
/// changed is taken from it, whole; where both changed the same lines, or lines side by side, they have to agree. So
/// nothing that one side wrote can vanish, whatever lines the differences align.
fn by_pieces(base: &str, current: &str, incoming: &str) -> Option<String> {
    let lines: Vec<&str> = base.split_inclusive('\n').collect();
    let sides = [edits(base, current), edits(base, incoming)];
    let mut next = [0, 0];
    let mut at = 0;
    let mut merged = String::with_capacity(current.len().max(incoming.len()));
    loop {
        let start = (0..2).filter_map(|side| sides[side].get(next[side])).map(|edit| edit.from).min();
        let Some(start) = start else { break };
        merged.extend(lines[at..start].iter().copied());
        // everything that touches: lines that both changed, or that follow each other without one between that stays
        let (first, mut end) = (next, start);
        loop {
            let touching =
                |side: usize, next: [usize; 2]| sides[side].get(next[side]).filter(|e| e.from <= end);
            let Some(side) = (0..2).find(|side| touching(*side, next).is_some()) else { break };
            end = end.max(sides[side][next[side]].to);
            next[side] += 1;
        }
        let taken = |side: usize| piece(&lines, start, end, &sides[side][first[side]..next[side]]);
        match (first[0] < next[0], first[1] < next[1]) {
            (true, false) => merged.push_str(&taken(0)),
            (false, _) => merged.push_str(&taken(1)),
            (true, true) => {
                let both = taken(0);
                if both != taken(1) {
                    return None;
                }
                merged.push_str(&both);
            }
        }
        at = end;
    }
    merged.extend(lines[at..].iter().copied());
    Some(merged)
}

/// Lines of the base, and what stands in their place.
struct Edit {
    from: usize,
    to: usize,
    text: String,
}

/// What one side made of the base, in order; none of them touch.
fn edits(base: &str, side: &str) -> Vec<Edit> {
    let mut all: Vec<Edit> = Vec::new();
    let patch = DiffOptions::new().set_context_len(base.len() + side.len()).create_patch(base, side);
    let mut at = 0;
    for line in patch.hunks().iter().flat_map(|hunk| hunk.lines()) {
        if matches!(line, Line::Context(_)) {
            at += 1;
            continue;
        }
        if all.last().is_none_or(|edit| edit.to < at) {
            all.push(Edit { from: at, to: at, text: String::new() });
        }
        let edit = all.last_mut().expect("pushed where there was none");
        match line {
            Line::Delete(_) => {
                at += 1;
                edit.to = at;
            }
            Line::Insert(new) => edit.text.push_str(new),
            Line::Context(_) => {}
        }
    }
    all
}

/// What one side has between two lines of the base.
fn piece(lines: &[&str], start: usize, end: usize, edits: &[Edit]) -> String {
    let mut text = String::new();
    let mut at = start;
    for edit in edits {
        text.extend(lines[at..edit.from].iter().copied());
        text.push_str(&edit.text);
        at = edit.to;
    }
    text.extend(lines[at..end].iter().copied());
    text
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
    fn a_word_that_one_side_wrote_never_vanishes_where_words_repeat() {
        let base = "the the the\nthe on on\n";
        let current = "the new1 the\nthe the on\non ";
        let incoming = "the the new2\nthe new5\n";
        assert_eq!(
            merge(base, current, incoming),
            None,
            "both changed what follows the second line's first word"
        );
    }

    #[test]
    fn a_word_that_both_moved_to_another_line_is_not_taken_away_twice() {
        let (base, current) = ("the the on\non on on\n", "new1 the the\non on on\non ");
        assert_eq!(merge(base, current, "the the on\nnew2 on on\non "), None);
    }

    #[test]
    fn equal_edits_and_texts_without_a_last_line_end_merge() {
        assert_eq!(merge("a\nb", "A\nb", "A\nb\nc").as_deref(), Some("A\nb\nc"));
        assert_eq!(merge("", "a\n", "a\n").as_deref(), Some("a\n"));
        assert_eq!(merge("a\nb\nc\n", "a\nc\n", "a\nb\nc\nd\n").as_deref(), Some("a\nc\nd\n"));
        assert_eq!(merge("a\nb\n", "", "a\nb\n").as_deref(), Some(""));
    }

    #[test]
    fn additions_at_the_same_place_are_asked_about() {
        assert_eq!(merge("a\n", "a\nb\n", "a\nc\n"), None);
        assert_eq!(merge("Call back", "Call back today", "Call back soon"), None);
    }
}
