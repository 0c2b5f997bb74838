//! Figures about rows, which follow as rows come and go: each costs itself, smallest and largest values a search among the
//! different ones.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use sync_protocol::{Fields, Value};

use super::compare::SortValue;
use super::sum::Sum;
use super::wanted::Typed;
use crate::api::Figure;
use crate::steps::step;

/// What is known of some rows.
#[derive(Debug)]
pub(super) struct Tally {
    /// How many rows.
    pub(super) rows: usize,
    /// For each figure, in how many rows its field has a value, and what else it takes.
    figures: Vec<(usize, Kept)>,
}

/// What a figure is made of.
#[derive(Debug)]
enum Kept {
    Nothing,
    Sum(Sum),
    /// How many rows have each value.
    Values(ByValue),
}

impl Tally {
    /// Of no rows.
    pub(super) fn new(wanted: &[(Typed, Figure)]) -> Self {
        let kept = |figure| match figure {
            Figure::Count | Figure::Empty => Kept::Nothing,
            Figure::Sum | Figure::Average => Kept::Sum(Sum::default()),
            Figure::Unique | Figure::Min | Figure::Max => Kept::Values(BTreeMap::new()),
        };
        Self { rows: 0, figures: wanted.iter().map(|(_, figure)| (0, kept(*figure))).collect() }
    }

    /// A row comes, or goes as it was.
    pub(super) fn count(&mut self, wanted: &[(Typed, Figure)], fields: &Fields, comes: bool) {
        let more = |n: &mut usize| if comes { *n += 1 } else { *n -= 1 };
        more(&mut self.rows);
        for ((field, _), (filled, kept)) in wanted.iter().zip(&mut self.figures) {
            let Some(value) = field.value(fields) else { continue };
            step();
            more(filled);
            match kept {
                Kept::Nothing => {}
                Kept::Sum(sum) => {
                    let value = SortValue::of(field.field_type, value);
                    if comes { sum.add(&value) } else { sum.take_out(&value) }
                }
                Kept::Values(values) => {
                    count_by(values, Distinct::new(field, value), &[], fields, comes);
                }
            }
        }
    }

    /// The figures in the order asked for.
    pub(super) fn figures(&self, wanted: &[(Typed, Figure)]) -> Vec<Value> {
        let all = wanted.iter().zip(&self.figures);
        all.map(|((_, figure), (filled, kept))| match (figure, kept) {
            (Figure::Empty, _) => Value::from(self.rows - filled),
            (Figure::Unique, Kept::Values(values)) => Value::from(values.len()),
            (Figure::Sum, Kept::Sum(sum)) => sum.total().map_or(Value::ABSENT, Value::from),
            (Figure::Average, Kept::Sum(sum)) => sum.average().map_or(Value::ABSENT, Value::from),
            (Figure::Min, Kept::Values(values)) => first(values.keys()),
            (Figure::Max, Kept::Values(values)) => first(values.keys().rev()),
            _ => Value::from(*filled),
        })
        .collect()
    }
}

/// The first that fits a field of numbers or times: a value that was stored before the field became one does not.
fn first<'v>(mut values: impl Iterator<Item = &'v Distinct>) -> Value {
    let found = values.find(|value| value.order.as_ref().is_some_and(SortValue::is_ordered));
    found.map_or(Value::ABSENT, |value| value.written.clone())
}

/// A value among others, and what rows of a group have in common. No value is the last.
#[derive(Debug)]
pub(super) struct Distinct {
    order: Option<SortValue>,
    /// Where values differ that are written in different ways.
    written: Value,
}

/// What is known of the rows by their values. One kind of map for all: each kind is code of its own.
pub(super) type ByValue = BTreeMap<Distinct, Tally>;

impl Distinct {
    fn new(field: &Typed, value: &Value) -> Self {
        Self { order: Some(SortValue::of(field.field_type, value)), written: value.clone() }
    }

    /// What the rows of a group have in common.
    pub(super) fn shared(field: &Typed, fields: &Fields) -> Self {
        Self { order: field.sort_value(fields), written: Value::ABSENT }
    }
}

impl Ord for Distinct {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = match (&self.order, &other.order) {
            (Some(one), Some(other)) => one.compare(other, &str::cmp),
            (one, other) => one.is_none().cmp(&other.is_none()),
        };
        order.then_with(|| self.written.0.to_string().cmp(&other.written.0.to_string()))
    }
}

impl PartialOrd for Distinct {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Distinct {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Distinct {}

/// Counts a row among those that have its value, in or out.
pub(super) fn count_by(
    values: &mut ByValue,
    value: Distinct,
    wanted: &[(Typed, Figure)],
    fields: &Fields,
    comes: bool,
) {
    if let Some(tally) = values.get_mut(&value) {
        tally.count(wanted, fields, comes);
        if tally.rows == 0 {
            values.remove(&value);
        }
    } else {
        let mut tally = Tally::new(wanted);
        tally.count(wanted, fields, comes);
        values.insert(value, tally);
    }
}
