//! Three-way merge of texts: by lines, and where lines overlap, by words.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Work;
use super::difference::{Edit, edits};

/// Both edits of a text in one; `None` where they touch the same words, or where that cannot be told with the work that
/// is left: a person has to decide.
pub(super) fn merge(base: &str, current: &str, incoming: &str, work: &Work) -> Option<String> {
    let texts = [base, current, incoming];
    work.within(texts.iter().map(|text| text.len()).sum(), |work| {
        let by = |pieces: fn(&str) -> Vec<&str>| {
            by_pieces(texts.map(pieces), work)
                .filter(|merged| keeps_every_word(base, current, incoming, merged))
        };
        by(lines).or_else(|| by(words))
    })
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Words, runs of blanks, and each other sign alone.
fn words(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let mut start = 0;
    let mut before: Option<Sort> = None;
    for (at, c) in text.char_indices() {
        let sort = sort(c);
        if before.as_ref().is_some_and(|before| *before != sort || sort == Sort::Other) {
            all.push(&text[start..at]);
            start = at;
        }
        before = Some(sort);
    }
    all.extend(Some(&text[start..]).filter(|rest| !rest.is_empty()));
    all
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

/// The classic three-way merge (Khanna, Kunal, Pierce: A Formal Investigation of Diff3, 2007): what only one side
/// changed is taken from it, whole; where both changed the same pieces, or pieces side by side, they have to agree. So
/// nothing that one side wrote can vanish, whatever pieces the differences align.
fn by_pieces([base, current, incoming]: [Vec<&str>; 3], work: &Work) -> Option<String> {
    let sides = [
        Side { edits: edits(&base, &current, work)?, pieces: current },
        Side { edits: edits(&base, &incoming, work)?, pieces: incoming },
    ];
    let mut next = [0, 0];
    let mut at = 0;
    let mut merged = String::new();
    loop {
        let start = (0..2).filter_map(|side| sides[side].edits.get(next[side])).map(|e| e.old.start).min();
        let Some(start) = start else { break };
        merged.extend(base[at..start].iter().copied());
        // everything that touches: pieces that both changed, or that follow each other without one between that stays
        let (first, mut end) = (next, start);
        loop {
            let touching =
                |side: usize| sides[side].edits.get(next[side]).is_some_and(|e| e.old.start <= end);
            let Some(side) = (0..2).find(|side| touching(*side)) else { break };
            end = end.max(sides[side].edits[next[side]].old.end);
            next[side] += 1;
        }
        let taken = |side: usize| sides[side].between(&base, start..end, first[side]..next[side]);
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
    merged.extend(base[at..].iter().copied());
    Some(merged)
}

/// What one of the two made of the text.
struct Side<'a> {
    edits: Vec<Edit>,
    pieces: Vec<&'a str>,
}

impl Side<'_> {
    /// What it has in the place of these pieces of the base, by these edits.
    fn between(&self, base: &[&str], place: Range<usize>, edits: Range<usize>) -> String {
        let mut text = String::new();
        let mut at = place.start;
        for edit in &self.edits[edits] {
            text.extend(base[at..edit.old.start].iter().copied());
            text.extend(self.pieces[edit.new.clone()].iter().copied());
            at = edit.old.end;
        }
        text.extend(base[at..place.end].iter().copied());
        text
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn merge(base: &str, current: &str, incoming: &str) -> Option<String> {
        super::merge(base, current, incoming, &Work::default())
    }

    #[test]
    fn pieces_come_together_as_they_were() {
        for text in ["", "a", " a  b\n\nc\r\n", "back\\slash \\n\n", "née – 日本語, «x»\t1.5\n", "\n", "\\"]
        {
            assert_eq!(words(text).concat(), text);
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
