//! Columns: of each field that rows were sorted by lately, the rank of each row among all, found once for all questions.
//!
//! A row that changes gets another number, which no column knows: it is put in its place by comparing. Where there are too many
//! of these, the column is made anew.

use super::ranks::{NONE, Row, ranks};
use super::seen::Seen;
use super::wanted::{Typed, Wanted};
use crate::limits;
use crate::text::Collation;

/// The columns of a collection, the one used last first.
#[derive(Debug, Default)]
pub(super) struct Columns(Vec<Column>);

#[derive(Debug)]
struct Column {
    /// `None`: of the keys.
    of: Option<Typed>,
    /// Whether the keys were plain then.
    plain: bool,
    /// By the number of a version.
    ranks: Vec<u32>,
    /// Whether most values are different.
    is_varied: bool,
}

impl Columns {
    /// Has a column at hand for all that rows shall be sorted by.
    pub(super) fn prepare(&mut self, seen: &mut Seen, wanted: &Wanted, collation: &Collation) {
        if seen.renumber() {
            self.0.clear();
        }
        for by in wanted.sort.iter().map(|by| by.field.as_ref()).chain([None]) {
            if by.is_none() && self.tells_apart(wanted) {
                // few are alike in all that they are sorted by: their keys are compared themselves
                continue;
            }
            if let Some(at) = self.find(by) {
                let kept = &self.0[at];
                let late = seen.numbers() - kept.ranks.len();
                if late <= seen.len() / limits::COLUMN_LATE + 16
                    && (by.is_some() || kept.plain == seen.is_plain())
                {
                    self.0[..=at].rotate_right(1);
                    continue;
                }
                self.0.remove(at);
            }
            self.0.insert(0, Column::of(by, seen, collation));
            self.0.truncate(limits::COLUMNS);
        }
    }

    /// The ranks of versions by their numbers; newer ones are not among them.
    pub(super) fn ranks(&self, of: Option<&Typed>) -> Option<&[u32]> {
        Some(&self.0[self.find(of)?].ranks)
    }

    /// Whether the first thing that rows are sorted by tells most of them apart.
    pub(super) fn tells_apart(&self, wanted: &Wanted) -> bool {
        let first = wanted.sort.first().and_then(|by| by.field.as_ref());
        let at = first.and_then(|first| self.find(Some(first)));
        at.is_some_and(|at| self.0[at].is_varied)
    }

    fn find(&self, of: Option<&Typed>) -> Option<usize> {
        self.0.iter().position(|column| column.of.as_ref() == of)
    }
}

impl Column {
    fn of(by: Option<&Typed>, seen: &Seen, collation: &Collation) -> Self {
        let rows: Vec<Row<'_>> = seen.iter().collect();
        let found = ranks(by, seen.is_plain(), collation, &rows);
        let different = found.iter().filter(|rank| **rank != NONE).max().map_or(0, |most| *most as usize + 1);
        let is_varied = different > seen.len() / 2;
        let mut ranks = vec![0; seen.numbers()];
        for ((_, _, number), rank) in seen.numbered().zip(found) {
            ranks[number as usize] = rank;
        }
        Self { of: by.cloned(), plain: seen.is_plain(), ranks, is_varied }
    }
}
