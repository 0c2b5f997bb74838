//! Figures about rows, which follow as rows come and go: each costs itself, smallest and largest values a search among the
//! different ones.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use sync_protocol::{Fields, Value};

use super::compare::SortValue;
use super::sum::Sum;
use super::wanted::{Typed, Wanted};
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
    Values(BTreeMap<Distinct, usize>),
}

impl Tally {
    /// Of no rows.
    pub(super) fn new(wanted: &Wanted) -> Self {
        let kept = |figure| match figure {
            Figure::Count | Figure::Empty => Kept::Nothing,
            Figure::Sum | Figure::Average => Kept::Sum(Sum::default()),
            Figure::Unique | Figure::Min | Figure::Max => Kept::Values(BTreeMap::new()),
        };
        Self { rows: 0, figures: wanted.figures.iter().map(|(_, figure)| (0, kept(*figure))).collect() }
    }

    /// A row comes, or goes as it was.
    pub(super) fn count(&mut self, wanted: &Wanted, fields: &Fields, comes: bool) {
        let more = |n: &mut usize| if comes { *n += 1 } else { *n -= 1 };
        more(&mut self.rows);
        for ((field, _), (filled, kept)) in wanted.figures.iter().zip(&mut self.figures) {
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
                    let value = Distinct::new(field, value);
                    if comes {
                        *values.entry(value).or_default() += 1;
                    } else if let Some(count) = values.get_mut(&value) {
                        *count -= 1;
                        if *count == 0 {
                            values.remove(&value);
                        }
                    }
                }
            }
        }
    }

    /// The figures in the order asked for.
    pub(super) fn figures(&self, wanted: &Wanted) -> Vec<Value> {
        let all = wanted.figures.iter().zip(&self.figures);
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
    let found = values.find(|value| value.order.is_ordered());
    found.map_or(Value::ABSENT, |value| value.value.clone())
}

/// A value among others: in order, and different as it is written.
#[derive(Debug)]
struct Distinct {
    order: SortValue,
    value: Value,
}

impl Distinct {
    fn new(field: &Typed, value: &Value) -> Self {
        Self { order: SortValue::of(field.field_type, value), value: value.clone() }
    }
}

impl Ord for Distinct {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = self.order.compare(&other.order, &str::cmp);
        order.then_with(|| self.value.0.to_string().cmp(&other.value.0.to_string()))
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

/// What the rows of a group have in common. Those without a value are the last.
#[derive(Debug)]
pub(super) struct Shared(Option<SortValue>);

impl Shared {
    pub(super) fn of(field: &Typed, fields: &Fields) -> Self {
        Self(field.sort_value(fields))
    }
}

impl Ord for Shared {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => one.compare(other, &str::cmp),
            (one, other) => one.is_none().cmp(&other.is_none()),
        }
    }
}

impl PartialOrd for Shared {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Shared {}
