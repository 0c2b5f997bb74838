//! Which ranges of the table there are, and what the sums over each are where it is as agreed on.

use std::collections::BTreeMap;
use sync_protocol::FieldName;

use crate::mirror::cql::mapping::Mapping;
use crate::mirror::cql::ranges::{RangeDigest, TokenRange};
use crate::mirror::row::Cell;

/// A range.
#[derive(Clone, Debug)]
pub struct Part {
    /// Which.
    pub range: TokenRange,
    /// The sums over what was agreed on; `None` where that is not known.
    pub sum: Option<RangeDigest>,
}

/// The whole ring in ranges, none of them larger than one look takes.
#[derive(Debug, Default)]
pub struct Plan(BTreeMap<i64, Part>);

impl Plan {
    /// One of these ranges, which make up the ring.
    pub fn set(&mut self, parts: Vec<Part>) {
        self.0 = parts.into_iter().map(|part| (part.range.upto, part)).collect();
    }

    /// The ranges in order.
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

    /// Makes one range of neighbours that have few rows together: each costs a question.
    pub fn join_small(&mut self, most: usize) {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let mut joined: Vec<Part> = Vec::with_capacity(self.0.len());
        for part in std::mem::take(&mut self.0).into_values() {
            let before = joined.last_mut().filter(|before| before.range.upto == part.range.after);
            let sums = before.map(|before| (&mut before.range, before.sum.as_mut(), part.sum.as_ref()));
            match sums {
                Some((range, Some(sum), Some(more))) if sum.rows + more.rows <= most => {
                    range.upto = part.range.upto;
                    sum.join(more);
                }
                _ => joined.push(part),
            }
        }
        self.set(joined);
    }

    /// Puts a range in the place of those within it. What is left of one at its ends is not known any more.
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
        let parts = [sum(3), sum(4), sum(9), None, sum(0), sum(1)];
        let parts = parts.into_iter().zip(0..).map(|(sum, at)| part(at, at + 1, sum));
        plan.set(parts.collect());
        plan.join_small(10);
        assert_eq!(ranges(&plan), [(0, 2), (2, 3), (3, 4), (4, 6)]);
        assert_eq!(plan.rows(), 17);
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
