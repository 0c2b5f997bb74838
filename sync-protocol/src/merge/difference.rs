//! The difference of two lists of pieces: the fewest removed and added ones (Myers: An O(ND) Difference Algorithm, 1986, in
//! linear space), counted, so that whoever judges stops at the same step.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Work;

/// Pieces of the first list, and the pieces of the second one that stand in their place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
}

/// What was made of the first list, in order; no two edits touch. `None` where that would take more work than is left.
pub(super) fn edits(old: &[&str], new: &[&str], work: &Work) -> Option<Vec<Edit>> {
    let first = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (a, b) = (&old[first..], &new[first..]);
    let last = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[..a.len() - last], &b[..b.len() - last]);
    let (a, b) = common(a, b);
    let mut found = Search {
        gone: vec![true; old.len()],
        came: vec![true; new.len()],
        ahead: Vec::new(),
        back: Vec::new(),
        work,
    };
    found.gone[..first].fill(false);
    found.came[..first].fill(false);
    found.gone[old.len() - last..].fill(false);
    found.came[new.len() - last..].fill(false);
    let room = a.len() + b.len() + 3;
    (found.ahead, found.back) = (vec![NOWHERE; room], vec![NOWHERE; room]);
    found.split(&a, &b, first)?;
    Some(found.edits())
}

/// One piece, by number and place.
#[derive(Clone, Copy)]
struct Piece {
    number: u32,
    at: usize,
}

/// The pieces that are in both lists, numbered: all others are removed or added for certain.
fn common(a: &[&str], b: &[&str]) -> (Vec<Piece>, Vec<Piece>) {
    let mut numbers: BTreeMap<&str, (u32, bool)> = BTreeMap::new();
    for (text, number) in a.iter().zip(0..) {
        numbers.entry(text).or_insert((number, false));
    }
    let mut kept = Vec::new();
    for (at, text) in b.iter().enumerate() {
        if let Some((number, both)) = numbers.get_mut(text) {
            *both = true;
            kept.push(Piece { number: *number, at });
        }
    }
    let of_a = a.iter().enumerate().filter_map(|(at, text)| {
        let (number, both) = numbers[text];
        both.then_some(Piece { number, at })
    });
    (of_a.collect(), kept)
}

/// A diagonal that no path within both lists has reached.
const NOWHERE: isize = isize::MIN;

struct Search<'a> {
    /// Per piece of the first list, whether it is removed.
    gone: Vec<bool>,
    /// Per piece of the second list, whether it is added.
    came: Vec<bool>,
    /// Per diagonal, how far the paths from the beginning come.
    ahead: Vec<isize>,
    /// Per diagonal, how far the paths from the end come.
    back: Vec<isize>,
    work: &'a Work,
}

impl Search<'_> {
    /// Marks what is in both, in the same order. `first`: what the places of pieces are counted from.
    fn split(&mut self, mut a: &[Piece], mut b: &[Piece], first: usize) -> Option<()> {
        while let ([x, a_rest @ ..], [y, b_rest @ ..]) = (a, b)
            && x.number == y.number
        {
            self.stays(*x, *y, first)?;
            (a, b) = (a_rest, b_rest);
        }
        while let ([a_rest @ .., x], [b_rest @ .., y]) = (a, b)
            && x.number == y.number
        {
            self.stays(*x, *y, first)?;
            (a, b) = (a_rest, b_rest);
        }
        if a.is_empty() || b.is_empty() {
            return Some(());
        }
        let (x, y) = self.middle(a, b)?;
        self.split(&a[..x], &b[..y], first)?;
        self.split(&a[x..], &b[y..], first)
    }

    fn stays(&mut self, x: Piece, y: Piece, first: usize) -> Option<()> {
        self.gone[first + x.at] = false;
        self.came[first + y.at] = false;
        self.work.spend(1)
    }

    /// A point on a shortest path with half of its edits before it. Neither list is empty, and neither their first nor
    /// their last pieces are equal: so there are at least two edits, and each half has fewer.
    fn middle(&mut self, a: &[Piece], b: &[Piece]) -> Option<(usize, usize)> {
        let (n, m) = (a.len() as isize, b.len() as isize);
        let (apart, odd) = (n - m, (n - m) % 2 != 0);
        let most = (n + m + 1) / 2;
        for edits in 0..=most {
            for k in diagonals(edits, n, m) {
                let from = step(&self.ahead, most, k, edits, n, m);
                let mut x = from;
                while x >= 0 && x < n && x - k < m && a[x as usize].number == b[(x - k) as usize].number {
                    x += 1;
                    self.work.spend(1)?;
                }
                self.work.spend(1)?;
                self.ahead[index(most, k)] = x;
                let other = apart - k;
                if odd && x >= 0 && diagonals_hold(edits - 1, other, n, m) {
                    let met = self.back[index(most, other)];
                    if met >= 0 && x + met >= n {
                        return Some((from as usize, (from - k) as usize));
                    }
                }
            }
            for k in diagonals(edits, n, m) {
                let mut x = step(&self.back, most, k, edits, n, m);
                while x >= 0
                    && x < n
                    && x - k < m
                    && a[(n - 1 - x) as usize].number == b[(m - 1 - (x - k)) as usize].number
                {
                    x += 1;
                    self.work.spend(1)?;
                }
                self.work.spend(1)?;
                self.back[index(most, k)] = x;
                let other = apart - k;
                if !odd && x >= 0 && diagonals_hold(edits, other, n, m) {
                    let met = self.ahead[index(most, other)];
                    if met >= 0 && x + met >= n {
                        return Some(((n - x) as usize, (m - (x - k)) as usize));
                    }
                }
            }
        }
        None // never: both searches together pass every path
    }

    fn edits(&self) -> Vec<Edit> {
        let mut all = Vec::new();
        let (mut old, mut new) = (0, 0);
        while old < self.gone.len() || new < self.came.len() {
            let (from_old, from_new) = (old, new);
            old += self.gone[old..].iter().take_while(|gone| **gone).count();
            new += self.came[new..].iter().take_while(|came| **came).count();
            if old > from_old || new > from_new {
                all.push(Edit { old: from_old..old, new: from_new..new });
            }
            (old, new) = (old + 1, new + 1);
        }
        all
    }
}

/// The diagonals that paths of so many edits end on, within both lists.
fn diagonals(edits: isize, n: isize, m: isize) -> std::iter::StepBy<std::ops::RangeInclusive<isize>> {
    (-edits + 2 * (edits - m).max(0)..=edits - 2 * (edits - n).max(0)).step_by(2)
}

fn diagonals_hold(edits: isize, k: isize, n: isize, m: isize) -> bool {
    -edits + 2 * (edits - m).max(0) <= k && k <= edits - 2 * (edits - n).max(0)
}

fn index(most: isize, k: isize) -> usize {
    (most + 1 + k) as usize
}

/// How far the diagonal is reached with one edit more, before equal pieces are passed.
fn step(reached: &[isize], most: isize, k: isize, edits: isize, n: isize, m: isize) -> isize {
    if edits == 0 {
        return 0;
    }
    let below = if k < edits { reached[index(most, k + 1)] } else { NOWHERE };
    let beside = if k > -edits { reached[index(most, k - 1)] } else { NOWHERE };
    let below = if below >= 0 && below - k <= m { below } else { NOWHERE };
    let beside = if (0..n).contains(&beside) { beside + 1 } else { NOWHERE };
    below.max(beside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<&str> {
        text.split_inclusive(|_| true).collect()
    }

    /// Length of a longest common subsequence, by the table that everybody knows.
    fn longest(a: &[&str], b: &[&str]) -> usize {
        let mut row = vec![0; b.len() + 1];
        for x in a {
            let mut before = 0;
            for (j, y) in b.iter().enumerate() {
                let above = row[j + 1];
                row[j + 1] = if x == y { before + 1 } else { row[j + 1].max(row[j]) };
                before = above;
            }
        }
        row[b.len()]
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { cases: 3_000, failure_persistence: None, ..Default::default() })]

        #[test]
        fn edits_lead_from_one_to_the_other_and_none_are_fewer(old in "[abc]{0,14}", new in "[abcd]{0,14}") {
            let (a, b) = (pieces(&old), pieces(&new));
            let edits = edits(&a, &b, &Work::default()).unwrap();
            let (mut made, mut at, mut kept) = (String::new(), 0, 0);
            for edit in &edits {
                proptest::prop_assert!(edit.old.start > at || at == 0, "edits touch");
                kept += edit.old.start - at;
                made.extend(a[at..edit.old.start].iter().copied());
                made.extend(b[edit.new.clone()].iter().copied());
                at = edit.old.end;
            }
            kept += a.len() - at;
            made.extend(a[at..].iter().copied());
            proptest::prop_assert_eq!(&made, &new);
            proptest::prop_assert_eq!(kept, longest(&a, &b));
        }
    }
}
