//! Figures about rows, which follow as rows come and go: each costs itself, smallest and largest values a search among few.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::Value as Json;
use sync_protocol::{Fields, Value};

use super::compare::SortValue;
use super::sum::Sum;
use super::wanted::Typed;
use crate::api::Figure;
use crate::steps::step;

/// Smallest or largest values that are kept, each with how many rows have it: where one leaves, the next one is known.
const EXTREMES: usize = 64;

/// Which figures, each field that they are about once.
#[derive(Debug, Default)]
pub(super) struct Figures {
    fields: Vec<About>,
    /// In the order asked for: about which field, and what.
    asked: Vec<(usize, Figure)>,
}

/// What is kept about a field.
#[derive(Debug)]
struct About {
    field: Typed,
    sum: bool,
    unique: bool,
    extremes: bool,
}

impl Figures {
    /// One more.
    pub(super) fn add(&mut self, field: Typed, figure: Figure) {
        let at = self.fields.iter().position(|about| about.field == field).unwrap_or(self.fields.len());
        if at == self.fields.len() {
            self.fields.push(About { field, sum: false, unique: false, extremes: false });
        }
        let about = &mut self.fields[at];
        match figure {
            Figure::Count | Figure::Empty => {}
            Figure::Sum | Figure::Average => about.sum = true,
            Figure::Unique => about.unique = true,
            Figure::Min | Figure::Max => about.extremes = true,
        }
        self.asked.push((at, figure));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }
}

/// What is known of some rows.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// How many rows.
    pub(super) rows: usize,
    fields: Vec<Counted>,
}

/// What is known of a field.
#[derive(Debug, Default)]
struct Counted {
    /// In how many rows it has a value.
    filled: usize,
    sum: Sum,
    /// How many rows have each value.
    values: ByValue,
    smallest: Extreme,
    largest: Extreme,
}

impl Tally {
    /// A row comes, or goes as it was.
    pub(super) fn count(&mut self, wanted: &Figures, fields: &Fields, comes: bool) {
        let more = |n: &mut usize| if comes { *n += 1 } else { *n -= 1 };
        more(&mut self.rows);
        self.fields.resize_with(wanted.fields.len(), Counted::default);
        for (about, counted) in wanted.fields.iter().zip(&mut self.fields) {
            let Some(value) = about.field.value(fields) else { continue };
            step();
            more(&mut counted.filled);
            if !(about.sum || about.unique || about.extremes) {
                continue;
            }
            let order = SortValue::of(about.field.field_type, value);
            if about.sum {
                counted.sum.change(&order, comes);
            }
            // a value that was stored before the field held numbers or times is neither small nor large
            if about.extremes && order.is_ordered() {
                counted.smallest.count(&order, value, comes, &|order| order);
                counted.largest.count(&order, value, comes, &Ordering::reverse);
            }
            if about.unique {
                let value = Distinct { order: Some(order), written: value.clone() };
                count_by(&mut counted.values, value, &Figures::default(), fields, comes);
            }
        }
    }

    /// Whether a smallest or largest value is no longer known: all that were kept are gone.
    pub(super) fn is_lost(&self) -> bool {
        self.fields.iter().any(|counted| counted.smallest.is_lost() || counted.largest.is_lost())
    }

    /// The figures in the order asked for.
    pub(super) fn figures(&self, wanted: &Figures) -> Vec<Value> {
        let none = Counted::default();
        let all = wanted.asked.iter().map(|(at, figure)| (self.fields.get(*at).unwrap_or(&none), figure));
        all.map(|(counted, figure)| match figure {
            Figure::Count => Value::from(counted.filled),
            Figure::Empty => Value::from(self.rows - counted.filled),
            Figure::Unique => Value::from(counted.values.len()),
            Figure::Sum => counted.sum.total().map_or(Value::ABSENT, Value::from),
            Figure::Average => counted.sum.average().map_or(Value::ABSENT, Value::from),
            Figure::Min => counted.smallest.first(),
            Figure::Max => counted.largest.first(),
        })
        .collect()
    }
}

/// The first values of an order, each with how many rows have it.
#[derive(Debug, Default)]
struct Extreme {
    values: Vec<(Distinct, usize)>,
    /// Whether there were others, which all come behind these.
    more: bool,
}

impl Extreme {
    fn count(&mut self, order: &SortValue, written: &Value, comes: bool, way: &dyn Fn(Ordering) -> Ordering) {
        let compare = |other: &Distinct| {
            let order = other.order.as_ref().map_or(Ordering::Equal, |own| own.compare(order, &str::cmp));
            way(order.then_with(|| by_text(&other.written, written)))
        };
        let is_behind = self.values.last().is_none_or(|(last, _)| compare(last).is_lt());
        if is_behind && self.more {
            return;
        }
        let found = self.values.binary_search_by(|(other, _)| compare(other));
        match found {
            Ok(at) if comes => self.values[at].1 += 1,
            Ok(at) => {
                self.values[at].1 -= 1;
                if self.values[at].1 == 0 {
                    self.values.remove(at);
                }
            }
            Err(at) => {
                let value = Distinct { order: Some(order.clone()), written: written.clone() };
                self.values.insert(at, (value, 1));
                self.more |= self.values.len() > EXTREMES;
                self.values.truncate(EXTREMES);
            }
        }
    }

    fn first(&self) -> Value {
        self.values.first().map_or(Value::ABSENT, |(value, _)| value.written.clone())
    }

    fn is_lost(&self) -> bool {
        self.more && self.values.is_empty()
    }
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
    /// What the rows of a group have in common.
    pub(super) fn shared(field: &Typed, fields: &Fields) -> Self {
        Self { order: field.sort_value(fields), written: Value::ABSENT }
    }
}

fn by_text(one: &Value, other: &Value) -> Ordering {
    match (&one.0, &other.0) {
        (Json::Null, Json::Null) => Ordering::Equal,
        (Json::String(one), Json::String(other)) => one.cmp(other),
        (Json::Number(one), Json::Number(other)) if one == other => Ordering::Equal,
        (one, other) => one.to_string().cmp(&other.to_string()),
    }
}

impl Ord for Distinct {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = match (&self.order, &other.order) {
            (Some(one), Some(other)) => one.compare(other, &str::cmp),
            (one, other) => one.is_none().cmp(&other.is_none()),
        };
        order.then_with(|| by_text(&self.written, &other.written))
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

/// Counts a row among those that have its value, in or out. Whether something of them is lost: see [`Tally::is_lost`].
pub(super) fn count_by(
    values: &mut ByValue,
    value: Distinct,
    wanted: &Figures,
    fields: &Fields,
    comes: bool,
) -> bool {
    if let Some(tally) = values.get_mut(&value) {
        tally.count(wanted, fields, comes);
        let is_lost = tally.is_lost();
        if tally.rows == 0 {
            values.remove(&value);
        }
        return is_lost;
    }
    let mut tally = Tally::default();
    tally.count(wanted, fields, comes);
    values.insert(value, tally);
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sync_protocol::{FieldName, FieldType};

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn extremes_are_those_of_the_rows_or_said_to_be_lost(
            values in proptest::collection::vec(0..400_i64, 1..400),
            goes in proptest::collection::vec(any::<prop::sample::Index>(), 0..300),
            from_an_end in any::<bool>(),
        ) {
            let field = Typed { name: FieldName::from_label("n"), field_type: FieldType::Integer };
            let mut wanted = Figures::default();
            for figure in [Figure::Min, Figure::Max, Figure::Sum, Figure::Count] {
                wanted.add(field.clone(), figure);
            }
            let row = |n: i64| Fields::from([(field.name.clone(), Value::from(n))]);
            let mut tally = Tally::default();
            values.iter().for_each(|n| tally.count(&wanted, &row(*n), true));
            let mut rest = values;
            for at in goes {
                rest.sort_unstable();
                if rest.is_empty() {
                    break;
                }
                let gone = rest.remove(if from_an_end { 0 } else { at.index(rest.len()) });
                tally.count(&wanted, &row(gone), false);
                if tally.is_lost() {
                    // they are counted anew
                    tally = Tally::default();
                    rest.iter().for_each(|n| tally.count(&wanted, &row(*n), true));
                }
                let extreme = |value: Option<&i64>| value.map_or(Value::ABSENT, |n| Value::from(*n));
                let sum = (!rest.is_empty()).then(|| rest.iter().sum::<i64>().to_string());
                prop_assert_eq!(tally.figures(&wanted), [
                    extreme(rest.iter().min()),
                    extreme(rest.iter().max()),
                    sum.map_or(Value::ABSENT, Value::from),
                    Value::from(rest.len()),
                ]);
            }
        }
    }
}
