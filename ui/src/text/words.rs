//! Two texts word by word: what is the same, what went, what came.

/// What became of a piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    Same,
    Gone,
    New,
}

/// More comparisons than this are not made: the middle of two such texts counts as changed as a whole.
const COMPARISONS: usize = 400_000;

/// The pieces from the one text to the other, in reading order; of a changed place first what went.
pub fn pieces(before: &str, after: &str) -> Vec<(Piece, String)> {
    let (old, new) = (tokens(before), tokens(after));
    let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = |all: &[&str]| all.len() - start;
    let end = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let end = end.min(rest(&old)).min(rest(&new));
    let (middle_old, middle_new) = (&old[start..old.len() - end], &new[start..new.len() - end]);

    let mut all = Pieces::default();
    old[..start].iter().for_each(|token| all.same(token));
    if middle_old.len().saturating_mul(middle_new.len()) > COMPARISONS {
        middle_old.iter().for_each(|token| all.gone.push_str(token));
        middle_new.iter().for_each(|token| all.new.push_str(token));
    } else {
        compare(middle_old, middle_new, &mut all);
    }
    old[old.len() - end..].iter().for_each(|token| all.same(token));
    all.flush();
    all.done
}

/// Words, runs of blanks, and every other character by itself.
fn tokens(text: &str) -> Vec<&str> {
    let kind = |c: char| if c.is_alphanumeric() { 1 } else { 2 * u8::from(c.is_whitespace()) };
    let mut found = Vec::new();
    let mut start = 0;
    let mut last = 0;
    for (at, c) in text.char_indices() {
        if at > 0 && (kind(c) != last || last == 0) {
            found.push(&text[start..at]);
            start = at;
        }
        last = kind(c);
    }
    if start < text.len() {
        found.push(&text[start..]);
    }
    found
}

/// By the longest common subsequence.
fn compare(old: &[&str], new: &[&str], all: &mut Pieces) {
    let width = new.len() + 1;
    let mut longest = vec![0_u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i * width + j] = if old[i] == new[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            all.same(old[i]);
            (i, j) = (i + 1, j + 1);
        } else if longest[(i + 1) * width + j] >= longest[i * width + j + 1] {
            all.went(old[i]);
            i += 1;
        } else {
            all.came(new[j]);
            j += 1;
        }
    }
    old[i..].iter().for_each(|token| all.went(token));
    new[j..].iter().for_each(|token| all.came(token));
}

/// Collects pieces; blanks between two changed words belong to the change.
#[derive(Default)]
struct Pieces {
    done: Vec<(Piece, String)>,
    gone: String,
    new: String,
    blanks: String,
}

impl Pieces {
    fn changing(&self) -> bool {
        !self.gone.is_empty() || !self.new.is_empty()
    }

    fn same(&mut self, token: &str) {
        if self.changing() && token.chars().all(char::is_whitespace) {
            self.blanks.push_str(token);
            return;
        }
        self.flush();
        self.put(Piece::Same, token);
    }

    fn went(&mut self, token: &str) {
        self.take_blanks();
        self.gone.push_str(token);
    }

    fn came(&mut self, token: &str) {
        self.take_blanks();
        self.new.push_str(token);
    }

    fn take_blanks(&mut self) {
        let blanks = std::mem::take(&mut self.blanks);
        self.gone.push_str(&blanks);
        self.new.push_str(&blanks);
    }

    fn flush(&mut self) {
        let (gone, new, blanks) =
            (std::mem::take(&mut self.gone), std::mem::take(&mut self.new), std::mem::take(&mut self.blanks));
        self.put(Piece::Gone, &gone);
        self.put(Piece::New, &new);
        self.put(Piece::Same, &blanks);
    }

    fn put(&mut self, piece: Piece, text: &str) {
        match self.done.last_mut() {
            _ if text.is_empty() => {}
            Some((last, so_far)) if *last == piece => so_far.push_str(text),
            _ => self.done.push((piece, text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{-gone-}`, `{+new+}`.
    fn marked(before: &str, after: &str) -> String {
        let mark = |(piece, text): (Piece, String)| match piece {
            Piece::Same => text,
            Piece::Gone => format!("{{-{text}-}}"),
            Piece::New => format!("{{+{text}+}}"),
        };
        pieces(before, after).into_iter().map(mark).collect()
    }

    #[test]
    fn whole_words_are_marked() {
        for (before, after, wanted) in [
            ("", "", ""),
            ("a b c", "a b c", "a b c"),
            ("", "new", "{+new+}"),
            ("Call Ann today", "Call Ben today", "Call {-Ann-}{+Ben+} today"),
            ("Call Ann", "Call Ann tomorrow", "Call Ann{+ tomorrow+}"),
            ("one two three four", "one 2 3 four", "one {-two three-}{+2 3+} four"),
            ("+49 30 12", "+49 40 12", "+49 {-30-}{+40+} 12"),
            ("a.b", "a,b", "a{-.-}{+,+}b"),
            ("über alles", "unter alles", "{-über-}{+unter+} alles"),
        ] {
            assert_eq!(marked(before, after), wanted, "{before} to {after}");
        }
    }

    #[test]
    fn both_texts_can_be_read_from_the_pieces() {
        let words = ["the ", "cat, ", "sat\n", "on ", "a ", "mat ", "  ", "é"];
        let text = |seed: usize| (0..12).map(|n| words[(seed * 7 + n * n * seed) % 8]).collect::<String>();
        for (a, b) in (0..60).flat_map(|a| (0..4).map(move |b| (text(a), text(a + b)))) {
            let side = |without: Piece| {
                let kept = pieces(&a, &b).into_iter().filter(|(piece, _)| *piece != without);
                kept.map(|(_, text)| text).collect::<String>()
            };
            assert_eq!((side(Piece::New), side(Piece::Gone)), (a.clone(), b.clone()));
        }
    }

    #[test]
    fn very_long_texts_are_not_compared_word_by_word() {
        let long = |word: &str| format!("start {} end", vec![word; 2_000].join(" "));
        let found = pieces(&long("a b"), &long("c d"));
        let kinds: Vec<Piece> = found.iter().map(|(piece, _)| *piece).collect();
        assert_eq!(kinds, [Piece::Same, Piece::Gone, Piece::New, Piece::Same]);
    }
}
