//! What a search finds in texts, and where.

use std::ops::Range;

use sync_protocol::sort_few;

use super::folded;

/// A text that is searched for: letter case, accents and width do not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded(String);

impl Folded {
    /// One that a person wrote.
    pub fn new(text: &str) -> Self {
        Self(folded(text))
    }

    /// Each word of what a person wrote.
    pub fn words(search: &str) -> Vec<Self> {
        folded(search).split_whitespace().map(|word| Self(word.to_owned())).collect()
    }

    /// As it is compared.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is somewhere in a text.
    pub fn is_in(&self, text: &str) -> bool {
        if text.is_ascii() {
            self.first_in(text.as_bytes()).is_some()
        } else {
            folded(text).contains(&self.0)
        }
    }

    /// Whether a text begins with it.
    pub fn begins(&self, text: &str) -> bool {
        if !text.is_ascii() {
            return folded(text).starts_with(&self.0);
        }
        text.get(..self.0.len()).is_some_and(|start| start.eq_ignore_ascii_case(&self.0))
    }

    /// Where it is first in a text of ASCII. A search looks into millions of texts: none of them is copied.
    fn first_in(&self, text: &[u8]) -> Option<usize> {
        let wanted = self.0.as_bytes();
        let Some((first, rest)) = wanted.split_first() else { return Some(0) };
        let last = text.len().checked_sub(rest.len())?;
        memchr::memchr2_iter(*first, first.to_ascii_uppercase(), &text[..last])
            .find(|at| text[at + 1..at + wanted.len()].eq_ignore_ascii_case(rest))
    }
}

/// Where the words of a search are in a text that is shown: ranges of bytes, in order, none touching another.
///
/// ```
/// assert_eq!(sync_client::text::hits("cafe e", "Ein Café"), [0..1, 4..9]);
/// ```
pub fn hits(search: &str, shown: &str) -> Vec<Range<usize>> {
    let mut hits = Vec::new();
    let words = Folded::words(search);
    if words.is_empty() {
        return hits;
    }
    let (text, origin) = unfolded(shown);
    for word in &words {
        let mut from = 0;
        while let Some(at) = text.get(from..).and_then(|rest| rest.find(&word.0)).map(|at| from + at) {
            let end = at + word.0.len();
            // a letter that is several folded ones is marked as a whole, with the accents behind it
            let begin = origin.partition_point(|(place, _)| *place <= at).saturating_sub(1);
            let behind = origin.partition_point(|(place, _)| *place < end);
            let whole = origin.get(begin).map_or(0, |(_, whole)| *whole);
            hits.push(whole..origin.get(behind).map_or(shown.len(), |(_, whole)| *whole));
            from = end;
        }
    }
    sort_few(&mut hits, |one, other| one.start.cmp(&other.start));
    let mut apart: Vec<Range<usize>> = Vec::new();
    for hit in hits {
        match apart.last_mut() {
            Some(last) if hit.start <= last.end => last.end = last.end.max(hit.end),
            _ => apart.push(hit),
        }
    }
    apart
}

/// A text folded letter by letter; for each that leaves something, where that is, and where the letter was.
fn unfolded(shown: &str) -> (String, Vec<(usize, usize)>) {
    let (mut text, mut origin) = (String::new(), Vec::new());
    for (at, c) in shown.char_indices() {
        let place = text.len();
        text.push_str(&folded(c.encode_utf8(&mut [0; 4])));
        if text.len() > place {
            origin.push((place, at));
        }
    }
    (text, origin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn marked(search: &str, shown: &str) -> String {
        let mut marked = String::new();
        let mut from = 0;
        for hit in hits(search, shown) {
            marked += &format!("{}[{}]", &shown[from..hit.start], &shown[hit.clone()]);
            from = hit.end;
        }
        marked + &shown[from..]
    }

    #[test]
    fn what_was_found_is_marked_as_it_is_written() {
        for (search, shown, want) in [
            ("", "Café", "Café"),
            ("   ", "Café", "Café"),
            ("cafe", "Café, CAFE\u{301} and ＣＡＦＥ", "[Café], [CAFE\u{301}] and [ＣＡＦＥ]"),
            ("Gross", "große Straße", "[groß]e Straße"),
            ("s", "Straße", "[S]tra[ß]e"),
            ("ae", "Ærø", "[Æ]rø"),
            ("istan", "İstanbul", "[İstan]bul"),
            ("οδος", "ΟΔΟΣ", "[ΟΔΟΣ]"),
            ("lo low", "Yellow low", "Yel[low] [low]"),
            ("an na", "banana", "b[anana]"),
            ("two words", "words, two", "[words], [two]"),
            ("東京", "東京都", "[東京]都"),
            ("x", "Café", "Café"),
        ] {
            assert_eq!(marked(search, shown), want, "{search}");
        }
    }

    proptest! {
        #[test]
        fn a_word_is_marked_where_it_is_found(word in "[a-bé]{1,2}", text in "[abAÉé \u{301}ß]{0,8}") {
            let found = Folded::words(&word).iter().any(|word| word.is_in(&text));
            prop_assert_eq!(!hits(&word, &text).is_empty(), found);
            prop_assert!(hits(&word, &text).iter().all(|hit| Folded::words(&word)[0].is_in(&text[hit.clone()])));
            let folded_text = folded(&text);
            prop_assert_eq!(found, folded_text.contains(&folded(&word)));
            prop_assert_eq!(Folded::new(&word).begins(&text), folded_text.starts_with(&folded(&word)));
        }
    }
}
