//! What rows must pass, fitted to the types of the fields.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;

use sync_protocol::schema::Collection;
use sync_protocol::{FieldType, Fields, Ordered, RecordKey, Value};

use super::compare::SortValue;
use super::wanted::{Typed, refused};
use crate::api::{Failure, Filter, Test};
use crate::limits;
use crate::text::Folded;

/// A filter that fits.
#[derive(Debug)]
pub(super) enum Pass {
    All(Vec<Pass>),
    Any(Vec<Pass>),
    Not(Box<Pass>),
    Value(Typed, Check),
    Key(Check),
}

/// What is true of a value that is there.
#[derive(Debug)]
pub(super) enum Check {
    Filled,
    OneOf(Vec<SortValue>),
    Contains(Folded),
    Begins(Folded),
    /// From the first to the second; each with whether it is included.
    Range(Option<(SortValue, bool)>, Option<(SortValue, bool)>),
    HasAny(BTreeSet<String>),
    HasAll(BTreeSet<String>),
}

impl Pass {
    /// Fits a filter to the fields of its collection.
    pub(super) fn new(filter: &Filter, definition: &Collection) -> Result<Self, Failure> {
        let mut room = limits::FILTER_NODES;
        fitted(filter, definition, limits::FILTER_DEPTH, &mut room)
    }

    pub(super) fn passes(&self, key: &RecordKey, fields: &Fields) -> bool {
        match self {
            Self::All(all) => all.iter().all(|pass| pass.passes(key, fields)),
            Self::Any(any) => any.iter().any(|pass| pass.passes(key, fields)),
            Self::Not(pass) => !pass.passes(key, fields),
            Self::Value(field, check) => {
                field.value(fields).is_some_and(|value| check.holds(field.field_type, value))
            }
            Self::Key(check) => check.holds(FieldType::Text, &Value::from(key.to_string())),
        }
    }
}

impl Check {
    fn holds(&self, field_type: FieldType, value: &Value) -> bool {
        let shown = || match value.as_text() {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(field_type.show(value)),
        };
        match self {
            Self::Filled => true,
            Self::OneOf(values) => {
                let value = SortValue::of(field_type, value);
                values.iter().any(|one| one.compare(&value, &str::cmp) == Ordering::Equal)
            }
            Self::Contains(part) => part.is_in(&shown()),
            Self::Begins(start) => start.begins(&shown()),
            Self::Range(from, to) => {
                let value = SortValue::of(field_type, value);
                let inside = |bound: &Option<(SortValue, bool)>, beyond: Ordering| {
                    bound.as_ref().is_none_or(|(bound, included)| match value.compare(bound, &str::cmp) {
                        Ordering::Equal => *included,
                        // what is stored and does not fit the field's type is on neither side
                        order => value.rank() == bound.rank() && order == beyond,
                    })
                };
                // what is no number is neither small nor large
                !value.is_nan() && inside(from, Ordering::Greater) && inside(to, Ordering::Less)
            }
            Self::HasAny(tags) => has(value, |own| tags.iter().any(|tag| own.contains(tag.as_str()))),
            Self::HasAll(tags) => has(value, |own| tags.iter().all(|tag| own.contains(tag.as_str()))),
        }
    }
}

fn has(value: &Value, test: impl Fn(&BTreeSet<&str>) -> bool) -> bool {
    value.as_tags().is_some_and(|tags| test(&tags))
}

fn fitted(filter: &Filter, definition: &Collection, depth: usize, room: &mut usize) -> Result<Pass, Failure> {
    let too_much = || Failure::input("This filter has too many parts. Leave some out.");
    let depth = depth.checked_sub(1).ok_or_else(too_much)?;
    *room = room.checked_sub(1).ok_or_else(too_much)?;
    let mut each = |all: &[Filter]| {
        all.iter().map(|part| fitted(part, definition, depth, room)).collect::<Result<Vec<_>, _>>()
    };
    Ok(match filter {
        Filter::All(all) => Pass::All(each(all)?),
        Filter::Any(any) => Pass::Any(each(any)?),
        Filter::Not(part) => Pass::Not(Box::new(fitted(part, definition, depth, room)?)),
        Filter::Field { field, test } => {
            let field = field.as_ref().map(|field| Typed::new(field, definition)).transpose()?;
            let (check, holds) = Fitting { field: field.as_ref(), definition }.check(test)?;
            let pass = match field {
                Some(field) => Pass::Value(field, check),
                None => Pass::Key(check),
            };
            if holds { pass } else { Pass::Not(Box::new(pass)) }
        }
    })
}

/// Fits one test to a field, or to the key.
struct Fitting<'a> {
    field: Option<&'a Typed>,
    definition: &'a Collection,
}

impl Fitting<'_> {
    /// What must hold, or must not.
    fn check(&self, test: &Test) -> Result<(Check, bool), Failure> {
        Ok(match test {
            Test::Is(value) => (Check::OneOf(vec![self.value(value)?]), true),
            Test::IsNot(value) => (Check::OneOf(vec![self.value(value)?]), false),
            Test::AnyOf(values) => {
                self.bounded(values.len())?;
                (Check::OneOf(values.iter().map(|value| self.value(value)).collect::<Result<_, _>>()?), true)
            }
            Test::Contains(part) => (Check::Contains(self.text(part)?), true),
            Test::ContainsNot(part) => (Check::Contains(self.text(part)?), false),
            Test::Begins(start) => (Check::Begins(self.text(start)?), true),
            Test::Less(value) => (Check::Range(None, Some((self.size(value)?, false))), true),
            Test::AtMost(value) => (Check::Range(None, Some((self.size(value)?, true))), true),
            Test::Greater(value) => (Check::Range(Some((self.size(value)?, false)), None), true),
            Test::AtLeast(value) => (Check::Range(Some((self.size(value)?, true)), None), true),
            Test::Between(from, to) => {
                (Check::Range(Some((self.size(from)?, true)), Some((self.size(to)?, true))), true)
            }
            Test::Empty => (Check::Filled, false),
            Test::Filled => (Check::Filled, true),
            Test::HasAny(tags) => (Check::HasAny(self.tags(tags)?), true),
            Test::HasAll(tags) => (Check::HasAll(self.tags(tags)?), true),
            Test::HasNone(tags) => (Check::HasAny(self.tags(tags)?), false),
        })
    }

    fn value(&self, value: &Value) -> Result<SortValue, Failure> {
        use FieldType::{Bytes, Choice, Json, Text, Unknown};
        let Some(field) = self.field else {
            return match &value.0 {
                serde_json::Value::String(text) => Ok(SortValue::Text(text.clone())),
                serde_json::Value::Number(number) => Ok(SortValue::Text(number.to_string())),
                _ => Err(self.refused("is compared with a text or a whole number.".into())),
            };
        };
        self.bounded_text(value.as_text().unwrap_or_default())?;
        // records may have a choice that is none any more
        let field_type = if field.field_type == Choice { Text } else { field.field_type };
        match field_type {
            Json | Bytes | Unknown => Err(self.refused("cannot be compared with a value.".into())),
            _ if value.is_absent() => {
                Err(self.refused("is compared with a value, and there is none.".into()))
            }
            _ => match field_type.check(value, &[]) {
                Ok(()) => Ok(SortValue::of(field_type, value)),
                Err(misfit) => Err(self.refused(format!("cannot be compared with this: {misfit}."))),
            },
        }
    }

    fn size(&self, value: &Value) -> Result<SortValue, Failure> {
        if self.field.is_some_and(Typed::is_ordered) {
            return self.value(value);
        }
        Err(self.refused("has no smaller or larger values: only numbers, dates and times have.".into()))
    }

    fn text(&self, part: &str) -> Result<Folded, Failure> {
        use FieldType::{Choice, LongText, Text, Uuid};
        self.bounded_text(part)?;
        match self.field.map(|field| field.field_type) {
            None | Some(Text | LongText | Choice | Uuid) => Ok(Folded::new(part)),
            Some(_) => Err(self.refused("holds no text to look into.".into())),
        }
    }

    fn tags(&self, tags: &[String]) -> Result<BTreeSet<String>, Failure> {
        self.bounded(tags.len())?;
        tags.iter().try_for_each(|tag| self.bounded_text(tag))?;
        match self.field.map(|field| field.field_type) {
            Some(FieldType::Tags) => Ok(tags.iter().cloned().ordered_set()),
            _ => Err(self.refused("holds no tags.".into())),
        }
    }

    fn bounded(&self, values: usize) -> Result<(), Failure> {
        let most = limits::FILTER_VALUES;
        let fits = values <= most;
        if fits { Ok(()) } else { Err(self.refused(format!("is compared with more than {most} values."))) }
    }

    fn bounded_text(&self, text: &str) -> Result<(), Failure> {
        let most = limits::VIEW_TEXT_BYTES;
        let fits = text.len() <= most;
        if fits {
            Ok(())
        } else {
            Err(self.refused(format!("is compared with more than {most} bytes of text.")))
        }
    }

    fn refused(&self, what: String) -> Failure {
        match self.field {
            Some(field) => refused(&field.name, format!("{} {what}", field.label(self.definition))),
            None => Failure::input(format!("The key {what}")),
        }
    }
}

#[cfg(test)]
mod tests;
