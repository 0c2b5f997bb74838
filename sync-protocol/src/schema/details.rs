//! What is said of a field beyond its name and type. All of it may be missing, and earlier versions know nothing of it:
//! they keep it, and hold nobody to it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::format::Format;
use super::{reserved, text};
use crate::id::FieldName;
use crate::record::{Fields, value_of};
use crate::value::{FieldType, Value};

/// What is said of a field beyond its name and type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// What people read below its input; in one line.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub help: String,
    /// Whether it was deleted: nobody sees it, its values stay, and it can be restored.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// Whether a record must have a value there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// Whether no two records have the same value there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unique: bool,
    /// What it holds in a new record that says nothing of it.
    #[serde(skip_serializing_if = "Value::is_absent")]
    pub default: Value,
    /// The smallest number or earliest time.
    #[serde(skip_serializing_if = "Value::is_absent")]
    pub smallest: Value,
    /// The largest number or latest time.
    #[serde(skip_serializing_if = "Value::is_absent")]
    pub largest: Value,
    /// The longest text, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest: Option<u32>,
    /// The colours of options.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub colours: BTreeMap<String, Colour>,
    /// Options that are offered no more. Records keep them, and a device that did not know is not refused for one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<String>,
    /// As what its values are shown and written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
}

/// The colour of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "they are what they are called")]
pub enum Colour {
    Blue,
    Teal,
    Green,
    Yellow,
    Orange,
    Red,
    Purple,
    /// Without one of its own; also one that only a later version knows.
    #[serde(other)]
    Grey,
}

impl Colour {
    /// All of them, in the order in which screens offer them.
    pub const ALL: [Self; 8] = [
        Self::Grey,
        Self::Blue,
        Self::Teal,
        Self::Green,
        Self::Yellow,
        Self::Orange,
        Self::Red,
        Self::Purple,
    ];

    /// The name in schema records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Teal => "teal",
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Orange => "orange",
            Self::Red => "red",
            Self::Purple => "purple",
            Self::Grey => "grey",
        }
    }

    /// The colour of that [`Colour::name`]; grey for any other.
    pub fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|colour| colour.name() == name).unwrap_or(Self::Grey)
    }
}

impl Details {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What a record of [`reserved::FIELDS`] says. What has no meaning for the type is not said: somebody may have changed
    /// that at the same time.
    pub(super) fn of(fields: &Fields, field_type: FieldType) -> Self {
        let yes = |name: &str| fields.get(name).is_some_and(|value| value.0 == true);
        let value = |name| value_of(fields, &reserved::field(name)).clone();
        let bound = |name| Some(value(name)).filter(|bound| field_type.has_size() && fits(field_type, bound));
        let colours = fields.get("colours").and_then(|colours| colours.0.as_object());
        Self {
            help: text(fields, "help").unwrap_or_default().to_owned(),
            deleted: yes("deleted"),
            required: yes("required"),
            unique: yes("unique") && field_type.can_be_unique(),
            default: value("default"),
            smallest: bound("smallest").unwrap_or_default(),
            largest: bound("largest").unwrap_or_default(),
            longest: value("longest").as_integer().and_then(|most| u32::try_from(most).ok()),
            colours: colours
                .into_iter()
                .flatten()
                .map(|(option, colour)| {
                    (option.clone(), Colour::from_name(colour.as_str().unwrap_or_default()))
                })
                .collect(),
            former: super::texts(fields, "former").unwrap_or_default(),
            format: text(fields, "format")
                .map(|name| Format::from(name.to_owned()))
                .filter(|format| format.fits(field_type)),
        }
    }

    /// The same as parts of a record of [`reserved::FIELDS`].
    pub(super) fn parts(&self) -> Vec<(FieldName, Value)> {
        let yes = |it: bool| if it { Value::from(true) } else { Value::ABSENT };
        let some = |is: bool, value: Value| if is { value } else { Value::ABSENT };
        let colours: serde_json::Map<String, serde_json::Value> =
            self.colours.iter().map(|(option, colour)| (option.clone(), colour.name().into())).collect();
        let parts = [
            ("help", some(!self.help.is_empty(), Value::from(self.help.as_str()))),
            ("deleted", yes(self.deleted)),
            ("required", yes(self.required)),
            ("unique", yes(self.unique)),
            ("default", self.default.clone()),
            ("smallest", self.smallest.clone()),
            ("largest", self.largest.clone()),
            ("longest", self.longest.map_or(Value::ABSENT, Value::from)),
            ("colours", some(!colours.is_empty(), Value(colours.into()))),
            ("format", self.format.clone().map_or(Value::ABSENT, |format| Value::from(String::from(format)))),
            ("former", some(!self.former.is_empty(), Value::from(self.former.clone()))),
        ];
        let said = parts.into_iter().filter(|(_, value)| !value.is_absent());
        said.map(|(name, value)| (reserved::field(name), value)).collect()
    }
}

fn fits(field_type: FieldType, value: &Value) -> bool {
    field_type.check(value, &[]).is_ok()
}
