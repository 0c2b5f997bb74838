//! Changes as they come in a push: each is read by itself and within a budget, so that none fails its neighbours.

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::look::{Look, look};
use crate::change::Change;
use crate::id::{ChangeId, Counter, FieldName, RecordId, ReplicaId, Revision};
use crate::limits;
use crate::message::Push;
use crate::value::{Misfit, Value};
use crate::verdict::Rejection;

/// Cells of a change beside its values: names, and the object around each field.
const FORM_CELLS: usize = 24 * limits::FIELDS;

/// Levels of a change above its values: the change, its edit, the outcome, the choices, the choice.
const FORM_DEPTH: usize = 5;

/// A push before its changes are read: nothing in it takes more memory than its text.
#[derive(Debug, Deserialize)]
pub struct PushText {
    replica: ReplicaId,
    settled: Counter,
    schema_seen: Revision,
    changes: Texts,
    #[serde(default)]
    only_known: BTreeSet<Counter>,
}

#[derive(Debug)]
struct Texts {
    first: Vec<Box<RawValue>>,
    more: bool,
}

/// A change that cannot be read: rejected by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Its id, where that can be read.
    pub id: Option<ChangeId>,
    /// Its record, where that can be read.
    pub record: Option<RecordId>,
    /// What is wrong.
    pub reason: Rejection,
}

/// A push whose changes were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The changes that can be read, in their order.
    pub push: Push,
    /// The others by their place in the list as it came.
    pub unread: BTreeMap<usize, Unread>,
}

impl PushText {
    /// Whether it holds more changes than a push may.
    pub fn is_too_long(&self) -> bool {
        self.changes.more
    }

    /// Bytes of its changes.
    pub fn bytes(&self) -> usize {
        self.changes.first.iter().map(|text| text.get().len()).sum()
    }

    /// What its changes take in memory once they are read, in cells ([`limits::CHANGE_CELLS`]). A change that is too dear
    /// by itself is not read and counts nothing.
    pub fn cells(&self) -> usize {
        let each = self.changes.first.iter().map(|text| look(text.get()).cells);
        each.filter(|cells| *cells <= limits::CHANGE_CELLS + FORM_CELLS).sum()
    }

    /// Reads the changes.
    pub fn read(self) -> Reading {
        let mut changes = Vec::with_capacity(self.changes.first.len());
        let mut unread = BTreeMap::new();
        for (place, text) in self.changes.first.into_iter().enumerate() {
            match read(text.get()) {
                Ok(change) => changes.push(change),
                Err(reason) => {
                    let id = part::<HasId>(text.get()).map(|has| has.id);
                    let record = part::<HasRecord>(text.get()).map(|has| has.record);
                    unread.insert(place, Unread { id, record, reason });
                }
            }
        }
        let Self { replica, settled, schema_seen, only_known, .. } = self;
        Reading { push: Push { replica, settled, schema_seen, changes, only_known }, unread }
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of changes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts, A::Error> {
                let mut first = Vec::new();
                while first.len() < limits::PUSH_CHANGES {
                    let Some(text) = list.next_element()? else { return Ok(Texts { first, more: false }) };
                    first.push(text);
                }
                let mut more = false;
                while list.next_element::<IgnoredAny>()?.is_some() {
                    more = true;
                }
                Ok(Texts { first, more })
            }
        }
        deserializer.deserialize_seq(List)
    }
}

#[derive(Deserialize)]
struct HasId {
    id: ChangeId,
}

#[derive(Deserialize)]
struct HasRecord {
    record: RecordId,
}

fn part<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
    crate::json::read(json).ok()
}

/// Reads one change, as it was written or not at all.
///
/// # Errors
///
/// Why the change can never be accepted as it is.
pub fn read(json: &str) -> Result<Change, Rejection> {
    let whole = look(json);
    if whole.cells > limits::CHANGE_CELLS + FORM_CELLS {
        return Err(Rejection::TooLarge { limit: limits::RECORD_BYTES });
    }
    let plain = whole.exact && whole.once && whole.depth <= limits::JSON_DEPTH + FORM_DEPTH;
    if !plain && let Some(found) = misfit(json) {
        return Err(found);
    }
    crate::json::read(json).map_err(|_| {
        misfit(json).unwrap_or_else(|| {
            let rule = "the change is not written as the protocol says, or nested too deep";
            Rejection::Impossible { rule: rule.into() }
        })
    })
}

/// The first value of a change that does not come through as it was written.
fn misfit(json: &str) -> Option<Rejection> {
    let edit = part::<HasEdit<'_>>(json)?.edit;
    let lists = [edit.fields, edit.base, edit.outcome.and_then(|outcome| outcome.choices)];
    lists.into_iter().flatten().find_map(|Pairs(pairs)| {
        let mut names = BTreeSet::new();
        pairs.iter().find_map(|(name, value)| {
            let misfit = if names.insert(name) { of_value(value.get())? } else { Misfit::Twice };
            let field = FieldName::new(name.as_str()).ok()?;
            Some(Rejection::Misfit { field, rule: misfit.to_string() })
        })
    })
}

fn of_value(json: &str) -> Option<Misfit> {
    let Look { depth, exact, once, .. } = look(json);
    if !exact {
        return Some(Misfit::Inexact);
    }
    if !once {
        return Some(Misfit::Twice);
    }
    // within a field of a patch, or a choice, the value is one level down
    if depth > limits::JSON_DEPTH + 1 {
        return Some(Misfit::TooDeep);
    }
    part::<Value>(json)
        .is_none()
        .then_some(Misfit::Kind("it holds a text or a number that JSON cannot carry"))
}

#[derive(Deserialize)]
struct HasEdit<'a> {
    #[serde(borrow)]
    edit: Edited<'a>,
}

#[derive(Deserialize)]
struct Edited<'a> {
    #[serde(borrow, default)]
    fields: Option<Pairs<'a>>,
    #[serde(borrow, default)]
    base: Option<Pairs<'a>>,
    #[serde(borrow, default)]
    outcome: Option<Chosen<'a>>,
}

#[derive(Deserialize)]
struct Chosen<'a> {
    #[serde(borrow, default)]
    choices: Option<Pairs<'a>>,
}

/// Names with the texts of their values, also where a name comes twice.
struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("values by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    pairs.push((name, value));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Map)
    }
}
