//! What rows must pass, as people put it together: tests, and groups of tests, of which all or any must hold.

use super::words::{operator_label, operators};
use crate::text::field::misfit;
use sync_client::api::{Filter, Test};
use sync_protocol::schema::{Collection, Field};
use sync_protocol::{FieldName, FieldType, Value};

/// What a test asks of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Is,
    IsNot,
    AnyOf,
    Contains,
    ContainsNot,
    Begins,
    Less,
    AtMost,
    Greater,
    AtLeast,
    Between,
    Empty,
    Filled,
    HasAny,
    HasAll,
    HasNone,
}

impl Operator {
    /// All of them, with their names in addresses.
    pub const ALL: [(Self, &str); 16] = [
        (Self::Is, "is"),
        (Self::IsNot, "not"),
        (Self::AnyOf, "in"),
        (Self::Contains, "has"),
        (Self::ContainsNot, "hasnot"),
        (Self::Begins, "begins"),
        (Self::Less, "lt"),
        (Self::AtMost, "le"),
        (Self::Greater, "gt"),
        (Self::AtLeast, "ge"),
        (Self::Between, "from"),
        (Self::Empty, "empty"),
        (Self::Filled, "filled"),
        (Self::HasAny, "any"),
        (Self::HasAll, "all"),
        (Self::HasNone, "none"),
    ];

    /// How many values it takes at most.
    pub fn values(self) -> usize {
        match self {
            Self::Empty | Self::Filled => 0,
            Self::Between => 2,
            Self::AnyOf | Self::HasAny | Self::HasAll | Self::HasNone => MOST_VALUES,
            _ => 1,
        }
    }
}

/// Values of one test; more are no test that a person can read.
const MOST_VALUES: usize = 50;

/// One test. Values as texts that the field's type reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// `None`: the key.
    pub field: Option<FieldName>,
    pub operator: Operator,
    pub values: Vec<String>,
}

/// A test, or several in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    One(Condition),
    Group(Joined<Condition>),
}

/// Several, of which all or any must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined<T> {
    pub any: bool,
    pub parts: Vec<T>,
}

impl<T> Default for Joined<T> {
    fn default() -> Self {
        Self { any: false, parts: Vec::new() }
    }
}

impl Condition {
    /// What the engine asks.
    ///
    /// # Errors
    ///
    /// Why it asks nothing (yet), as a sentence.
    pub fn test(&self, collection: &Collection) -> Result<Filter, String> {
        let field = match &self.field {
            None => None,
            Some(name) => Some(collection.fields.get(name).ok_or("This field is not there any more.")?),
        };
        if !operators(field.map(|field| field.field_type)).contains(&self.operator) {
            return Err("This does not fit the field's type.".to_owned());
        }
        let text = |at: usize| {
            let text = self.values.get(at).map(String::as_str).unwrap_or_default();
            if text.is_empty() { Err("Not complete yet.".to_owned()) } else { Ok(text.to_owned()) }
        };
        let value = |at: usize| read(field, &text(at)?);
        let tags = || match self.values.iter().filter(|tag| !tag.is_empty()).cloned().collect::<Vec<_>>() {
            tags if tags.is_empty() => Err("Not complete yet.".to_owned()),
            tags => Ok(tags),
        };
        let test = match self.operator {
            Operator::Is => Test::Is(value(0)?),
            Operator::IsNot => Test::IsNot(value(0)?),
            Operator::AnyOf => {
                Test::AnyOf(tags()?.iter().map(|text| read(field, text)).collect::<Result<_, _>>()?)
            }
            Operator::Contains => Test::Contains(text(0)?),
            Operator::ContainsNot => Test::ContainsNot(text(0)?),
            Operator::Begins => Test::Begins(text(0)?),
            Operator::Less => Test::Less(value(0)?),
            Operator::AtMost => Test::AtMost(value(0)?),
            Operator::Greater => Test::Greater(value(0)?),
            Operator::AtLeast => Test::AtLeast(value(0)?),
            Operator::Between => Test::Between(value(0)?, value(1)?),
            Operator::Empty => Test::Empty,
            Operator::Filled => Test::Filled,
            Operator::HasAny => Test::HasAny(tags()?),
            Operator::HasAll => Test::HasAll(tags()?),
            Operator::HasNone => Test::HasNone(tags()?),
        };
        Ok(Filter::Field { field: self.field.clone(), test })
    }

    /// Whether it asks something, or will once it is complete.
    pub fn fits(&self, collection: &Collection) -> bool {
        self.values.iter().all(String::is_empty) || self.test(collection).is_ok()
    }

    /// As people read it: `Status is lost`. `show` writes a value as it stands in the grid.
    pub fn sentence(&self, collection: &Collection, show: impl Fn(Option<&Field>, &str) -> String) -> String {
        let field = self.field.as_ref().and_then(|name| collection.fields.get(name));
        let label = match (&self.field, field) {
            (None, _) => "Key",
            (_, Some(field)) => &field.label,
            (Some(name), None) => name.as_str(),
        };
        let operator = operator_label(self.operator, field.map(|field| field.field_type));
        let values: Vec<String> = self.values.iter().map(|text| show(field, text)).collect();
        let join = match self.operator {
            Operator::HasAll | Operator::Between => " and ",
            _ => " or ",
        };
        let values = if values.is_empty() && self.operator.values() > 0 {
            "…".to_owned()
        } else {
            values.join(join)
        };
        format!("{label} {operator} {values}").trim_end().to_owned()
    }
}

fn read(field: Option<&Field>, text: &str) -> Result<Value, String> {
    match field {
        // a whole number, else a text, as people write keys
        None => Ok(match sync_protocol::RecordKey::from_input(text) {
            sync_protocol::RecordKey::Int(number) => Value(number.into()),
            sync_protocol::RecordKey::Text(text) => Value(text.into()),
        }),
        Some(field) => {
            let read = match field.field_type {
                // an option that is no longer there can still be asked for
                FieldType::Choice => FieldType::Choice.parse(text, &[text.to_owned()]),
                _ => field.read(text),
            };
            read.map_err(|wrong| misfit(&wrong))
        }
    }
}

impl Joined<Part> {
    /// What the engine asks. Tests that do not fit or are not complete ask nothing.
    pub fn filter(&self, collection: &Collection) -> Option<Filter> {
        let join = |any: bool, mut parts: Vec<Filter>| match parts.len() {
            0 => None,
            1 => parts.pop(),
            _ if any => Some(Filter::Any(parts)),
            _ => Some(Filter::All(parts)),
        };
        let parts = self.parts.iter().filter_map(|part| match part {
            Part::One(one) => one.test(collection).ok(),
            Part::Group(group) => {
                join(group.any, group.parts.iter().filter_map(|one| one.test(collection).ok()).collect())
            }
        });
        join(self.any, parts.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::tests::{name, orders};

    fn one(field: &str, operator: Operator, values: &[&str]) -> Condition {
        Condition {
            field: (field != "_key").then(|| name(field)),
            operator,
            values: values.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn tests_are_typed_by_their_field() {
        let orders = orders();
        assert_eq!(
            one("amount", Operator::AtLeast, &["012.50"]).test(&orders),
            Ok(Filter::field(name("amount"), Test::AtLeast(Value("12.50".into()))))
        );
        assert_eq!(
            one("_key", Operator::Is, &["7"]).test(&orders),
            Ok(Filter::Field { field: None, test: Test::Is(Value(7.into())) })
        );
        for (wrong, why) in [
            (one("amount", Operator::Less, &["lots"]), "Not a decimal number"),
            (one("amount", Operator::Less, &[""]), "Not complete"),
            (one("amount", Operator::Begins, &["1"]), "does not fit"),
            (one("gone", Operator::Empty, &[]), "not there any more"),
            (one("tags", Operator::HasAny, &[]), "Not complete"),
        ] {
            let told = wrong.test(&orders).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
    }

    #[test]
    fn groups_nest_and_what_does_not_fit_asks_nothing() {
        let orders = orders();
        let lost = one("status", Operator::AnyOf, &["lost"]);
        let (big, broken) = (one("amount", Operator::Greater, &["5"]), one("gone", Operator::Empty, &[]));
        let group = Part::Group(Joined { any: true, parts: vec![big.clone(), lost.clone(), broken.clone()] });
        let all =
            Joined { any: false, parts: vec![Part::One(lost.clone()), group, Part::One(broken.clone())] };
        let (a, b) = (lost.test(&orders).unwrap(), big.test(&orders).unwrap());
        assert_eq!(all.filter(&orders), Some(Filter::All(vec![a.clone(), Filter::Any(vec![b, a])])));
        assert_eq!(Joined { any: true, parts: vec![Part::One(broken)] }.filter(&orders), None);
    }

    #[test]
    fn a_chip_says_what_is_asked() {
        let orders = orders();
        let plain = |_: Option<&Field>, text: &str| text.to_owned();
        for (condition, says) in [
            (one("status", Operator::AnyOf, &["lost", "paid"]), "Status is lost or paid"),
            (one("amount", Operator::Between, &["1", "2"]), "Amount is between 1 and 2"),
            (one("day", Operator::Less, &["2026-01-01"]), "Day is before 2026-01-01"),
            (one("note", Operator::Empty, &[]), "Note is empty"),
            (one("_key", Operator::Contains, &["A"]), "Key contains A"),
            (one("status", Operator::AnyOf, &[]), "Status is …"),
        ] {
            assert_eq!(condition.sentence(&orders, plain), says);
        }
    }
}
