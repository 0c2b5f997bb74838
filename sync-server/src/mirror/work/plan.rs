//! Which ranges of the table there are, and what the sums over each are where it is as agreed on.

use std::collections::BTreeMap;
use sync_protocol::FieldName;

use crate::mirror::cql::mapping::Mapping;
use crate::mirror::cql::ranges::{RangeDigest, TokenRange};
use crate::mirror::row::Cell;

/// Rows of one range: what is read where a sum is another one, for a single row that changed.
pub const ROWS: i64 = 500;

/// A range.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Which.
    pub range: TokenRange,
    /// The sums over what was agreed on; `None` where that is not known.
    pub sum: Option<RangeDigest>,
}

/// The whole ring in ranges.
#[derive(Debug, Default)]
pub struct Plan(BTreeMap<i64, Part>);

impl Plan {
    /// One of these ranges, which make up the ring.
    pub fn set(&mut self, parts: Vec<Part>) {
        self.0 = parts.into_iter().map(|part| (part.range.upto, part)).collect();
    }

    /// The ranges in order.
    #[cfg(test)]
    pub fn parts(&self) -> Vec<Part> {
        self.0.values().cloned().collect()
    }

    /// Whether nothing is known yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Rows that were agreed on.
    pub fn rows(&self) -> u64 {
        let rows = self.0.values().filter_map(|part| part.sum.as_ref());
        rows.map(|sum| u64::try_from(sum.rows).unwrap_or(0)).sum()
    }

    /// Neighbours whose rows are added up by one question, and one by one only where that sum is another one: so many rows and
    /// so many ranges at most. What is not known, or is known to be empty, is asked about alone: there may be any number of
    /// rows by now.
    pub fn groups(&self, rows: i64, ranges: usize) -> Vec<Vec<Part>> {
        let mut groups: Vec<Vec<Part>> = Vec::new();
        let mut count = 0;
        for part in self.0.values() {
            let own = part.sum.as_ref().map_or(0, |sum| sum.rows);
            match groups.last_mut() {
                Some(group) if count > 0 && own > 0 && count + own <= rows && group.len() < ranges => {
                    group.push(part.clone());
                    count += own;
                }
                _ => {
                    groups.push(vec![part.clone()]);
                    count = own;
                }
            }
        }
        groups
    }

    /// Makes one range of neighbours that have few rows together. Those that have none stay: what comes to them is to be read
    /// in parts.
    pub fn join_small(&mut self) {
        let mut joined: Vec<Part> = Vec::with_capacity(self.0.len());
        for part in std::mem::take(&mut self.0).into_values() {
            let before = joined.last_mut().filter(|before| before.range.upto == part.range.after);
            let sums = before.map(|before| (&mut before.range, before.sum.as_mut(), part.sum.as_ref()));
            match sums {
                Some((range, Some(sum), Some(more))) if (1..=ROWS / 2).contains(&(sum.rows + more.rows)) => {
                    range.upto = part.range.upto;
                    sum.join(more);
                }
                _ => joined.push(part),
            }
        }
        self.set(joined);
    }

    /// Puts ranges that follow each other in the place of those within them. What is left of one at the ends is not known any
    /// more.
    pub fn put_all(&mut self, parts: Vec<Part>) {
        for part in parts {
            self.put(part);
        }
    }

    /// The same for one.
    pub fn put(&mut self, part: Part) {
        let TokenRange { after, upto } = part.range;
        let touched: Vec<Part> = self
            .0
            .range(after.saturating_add(1)..)
            .map(|(_, old)| old)
            .take_while(|old| old.range.after < upto)
            .cloned()
            .collect();
        for old in touched {
            self.0.remove(&old.range.upto);
            let ends = [
                TokenRange { after: old.range.after, upto: after },
                TokenRange { after: upto, upto: old.range.upto },
            ];
            for range in ends.into_iter().filter(|range| range.after < range.upto) {
                self.0.insert(range.upto, Part { range, sum: None });
            }
        }
        self.0.insert(upto, part);
    }

    /// A row is agreed on that was another one before.
    pub fn moved(
        &mut self,
        mapping: &Mapping,
        token: i64,
        before: Option<&BTreeMap<FieldName, Cell>>,
        after: Option<&BTreeMap<FieldName, Cell>>,
    ) {
        let part = self.0.range_mut(token..).next().map(|(_, part)| part);
        let part = part.filter(|part| part.range.contains(token));
        let Some(sum) = part.and_then(|part| part.sum.as_mut()) else { return };
        let of = |cells: Option<&BTreeMap<FieldName, Cell>>| {
            let mut digest = RangeDigest::none(mapping);
            cells.into_iter().for_each(|cells| digest.add(mapping, cells));
            digest
        };
        let (less, more) = (of(before), of(after));
        sum.rows += more.rows - less.rows;
        for (field, sum) in &mut sum.fields {
            let (Some(less), Some(more)) = (less.fields.get(field), more.fields.get(field)) else { continue };
            sum.cells += more.cells - less.cells;
            sum.written = sum.written.wrapping_add(more.written).wrapping_sub(less.written);
            sum.elements += more.elements - less.elements;
        }
    }
}

/// Ranges as they are cut out of one, in the order of the ring, with the sums over what was agreed on in each.
#[derive(Debug)]
pub struct Cuts {
    /// Where the first one begins.
    pub after: i64,
    /// The last tokens of all but the last one.
    ends: Vec<i64>,
    sums: Vec<RangeDigest>,
    none: RangeDigest,
    /// The token of the last row, and how many rows there were since the last cut.
    pub last: i64,
    uncut: i64,
}

/// The sums over some ranges, as far as they are known.
pub fn total(parts: &[Part], mut none: RangeDigest) -> RangeDigest {
    parts.iter().filter_map(|part| part.sum.as_ref()).for_each(|sum| none.join(sum));
    none
}

impl Cuts {
    /// Nothing is cut yet.
    pub fn new(after: i64, none: RangeDigest) -> Self {
        Self { after, ends: Vec::new(), sums: vec![none.clone()], none, last: after, uncut: 0 }
    }

    /// The next row, in the order of the ring. One token is never cut.
    pub fn row(&mut self, token: i64) {
        if token != self.last && self.uncut >= ROWS {
            self.cut(self.last);
            self.uncut = 0;
        }
        (self.last, self.uncut) = (token, self.uncut + 1);
    }

    /// Cuts behind a token, which is above those of the cuts before.
    fn cut(&mut self, upto: i64) {
        self.ends.push(upto);
        self.sums.push(self.none.clone());
    }

    /// The sums over the range that a token lies in.
    pub fn of(&mut self, token: i64) -> &mut RangeDigest {
        let place = self.ends.partition_point(|end| *end < token);
        &mut self.sums[place]
    }

    /// The ranges; the last one ends there.
    pub fn ranges(self, upto: i64) -> Vec<Part> {
        let ends = self.ends.iter().copied().chain([upto]);
        let starts = [self.after].into_iter().chain(self.ends.iter().copied());
        let ranges = starts.zip(ends).map(|(after, upto)| TokenRange { after, upto });
        let parts = ranges.zip(self.sums).map(|(range, sum)| Part { range, sum: Some(sum) });
        parts.filter(|part| part.range.after < part.range.upto).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(plan: &Plan) -> Vec<(i64, i64)> {
        plan.parts().iter().map(|part| (part.range.after, part.range.upto)).collect()
    }

    #[test]
    fn neighbours_with_few_rows_become_one() {
        let sum = |rows| Some(RangeDigest { rows, fields: BTreeMap::new() });
        let part = |after, upto, sum| Part { range: TokenRange { after, upto }, sum };
        let mut plan = Plan::default();
        let parts = [sum(90), sum(110), sum(200), None, sum(0), sum(1), None, sum(0), sum(0)];
        let parts = parts.into_iter().zip(0..).map(|(sum, at)| part(at, at + 1, sum));
        plan.set(parts.collect());
        plan.join_small();
        assert_eq!(ranges(&plan), [(0, 2), (2, 3), (3, 4), (4, 6), (6, 7), (7, 8), (8, 9)]);
        assert_eq!(plan.rows(), 401);
    }

    #[test]
    fn neighbours_are_asked_about_together_unless_nothing_is_known_of_them() {
        let sum = |rows| Some(RangeDigest { rows, fields: BTreeMap::new() });
        let parts = [sum(4), sum(5), sum(2), sum(1), sum(1), sum(1), None, sum(3), sum(0), sum(0), sum(2)];
        let parts = parts.into_iter().zip(0..);
        let part = |(sum, at)| Part { range: TokenRange { after: at, upto: at + 1 }, sum };
        let mut plan = Plan::default();
        plan.set(parts.map(part).collect());
        let groups = plan.groups(10, 3);
        let lengths: Vec<usize> = groups.iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 3, 1, 1, 1, 1, 1, 1]);
        assert_eq!(groups.concat(), plan.parts());
    }

    #[test]
    fn what_is_cut_covers_the_range_and_each_row_is_in_one_sum() {
        let mut cuts = Cuts::new(0, RangeDigest::default());
        for (token, cut) in [(3, false), (7, true), (8, false), (20, true), (21, false)] {
            cuts.of(token).rows += 1;
            if cut {
                cuts.cut(token);
            }
        }
        cuts.of(5).rows += 10;
        let parts = cuts.ranges(30);
        let told = |part: &Part| (part.range.after, part.range.upto, part.sum.as_ref().unwrap().rows);
        assert_eq!(parts.iter().map(told).collect::<Vec<_>>(), [(0, 7, 12), (7, 20, 2), (20, 30, 1)]);
    }

    #[test]
    fn ranges_cover_the_ring_whatever_is_put() {
        let range = |after, upto| TokenRange { after, upto };
        let part = |after, upto| Part { range: range(after, upto), sum: None };
        let mut plan = Plan::default();
        plan.set(vec![part(i64::MIN, 0), part(0, i64::MAX)]);
        plan.put(part(-10, 10));
        assert_eq!(ranges(&plan), [(i64::MIN, -10), (-10, 10), (10, i64::MAX)]);
        plan.put(part(i64::MIN, -10));
        plan.put(part(-10, 3));
        assert_eq!(ranges(&plan), [(i64::MIN, -10), (-10, 3), (3, 10), (10, i64::MAX)]);
        plan.put(part(i64::MIN, i64::MAX));
        assert_eq!(ranges(&plan), [(i64::MIN, i64::MAX)]);
    }
}
