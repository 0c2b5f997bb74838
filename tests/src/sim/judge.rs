//! What should become of a change: the rules of the design once more, in other words, sharing no function with those
//! that both sides judge with.

use std::collections::{BTreeMap, BTreeSet};

use sync_protocol::{
    Change, Choice, Conflict, ConflictKind, Delta, Edit, FieldName, Fields, Outcome, Record, Timestamp, Value,
};

/// What should become of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// The record has these values; `None`: it stays as it is.
    Values(Option<Fields>),
    /// The record is deleted.
    Gone,
    /// A conflict.
    Conflict,
    /// The record beside it has these values.
    Twin(Fields),
    /// Not foretold here.
    Open,
}

/// What the fields of the simulated collection do where edits meet.
#[derive(Clone, Copy, PartialEq)]
enum Rule {
    Ask,
    Last,
    First,
    Add,
    Unite,
    /// Text is merged by words: whether it can be is not foretold.
    Words,
}

fn rule(field: &FieldName) -> Rule {
    match field.as_str() {
        "last" => Rule::Last,
        "first" => Rule::First,
        "stock" => Rule::Add,
        "tags" => Rule::Unite,
        "prose" => Rule::Words,
        _ => Rule::Ask,
    }
}

/// Whether edits of the field count where they arrive.
pub fn adds_up(field: &FieldName) -> bool {
    matches!(rule(field), Rule::Add | Rule::Unite)
}

enum Met {
    Same,
    Becomes(Value),
    Clash,
    Open,
}

/// One field: what its author saw, what is there and since when, what is wanted and since when.
struct Field<'a> {
    name: &'a FieldName,
    saw: &'a Value,
    is: &'a Value,
    since: Timestamp,
    wants: &'a Value,
    at: Timestamp,
}

impl Field<'_> {
    fn meet(&self) -> Met {
        let rule = rule(self.name);
        if self.saw == self.is {
            return if self.is == self.wants { Met::Same } else { Met::Becomes(self.wants.clone()) };
        }
        if rule == Rule::Add {
            return self.add();
        }
        if self.is == self.wants {
            return Met::Same;
        }
        match rule {
            Rule::Ask | Rule::Add => Met::Clash,
            Rule::First => Met::Same,
            Rule::Last if self.at < self.since => Met::Same,
            Rule::Last => Met::Becomes(self.wants.clone()),
            Rule::Unite => self.unite(),
            Rule::Words => Met::Open,
        }
    }

    fn add(&self) -> Met {
        let number = |value: &Value| if value.0.is_null() { Some(0) } else { value.0.as_i64() };
        match (number(self.saw), number(self.is), number(self.wants)) {
            (Some(saw), Some(is), Some(wants)) if !self.wants.0.is_null() => {
                let sum = is + wants - saw;
                if self.is.0.as_i64() == Some(sum) { Met::Same } else { Met::Becomes(Value(sum.into())) }
            }
            _ if self.is == self.wants => Met::Same,
            _ => Met::Clash,
        }
    }

    fn unite(&self) -> Met {
        let set = |value: &Value| -> BTreeSet<String> {
            let list = value.0.as_array().cloned().unwrap_or_default();
            list.iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect()
        };
        let (saw, is, wants) = (set(self.saw), set(self.is), set(self.wants));
        let removed: BTreeSet<String> = saw.difference(&wants).cloned().collect();
        let added = wants.difference(&saw).cloned();
        let all: BTreeSet<String> = is.difference(&removed).cloned().chain(added).collect();
        if all == is {
            return Met::Same;
        }
        let list: Vec<serde_json::Value> = all.into_iter().map(serde_json::Value::from).collect();
        Met::Becomes(Value(if list.is_empty() { serde_json::Value::Null } else { list.into() }))
    }
}

/// Since when a record's field has its value.
fn since(record: &Record, field: &FieldName) -> Timestamp {
    record.edits.get(field).or(record.created.as_ref()).unwrap_or(&record.stamp).at
}

static NOTHING: Value = Value(serde_json::Value::Null);

fn value<'a>(fields: &'a Fields, name: &FieldName) -> &'a Value {
    fields.get(name).unwrap_or(&NOTHING)
}

fn put(fields: &mut Fields, name: &FieldName, value: &Value) {
    if value.0.is_null() {
        fields.remove(name);
    } else {
        fields.insert(name.clone(), value.clone());
    }
}

/// What should become of a change. `before` is the record as it was, a deleted one with its last values; `parked` the
/// open conflict of the same record and replica, for a resolution the conflict that it names; `now` the server's time.
pub fn expected(
    change: &Change,
    before: Option<&Record>,
    parked: Option<&Conflict>,
    now: Timestamp,
) -> Expected {
    let live = before.filter(|record| !record.deleted);
    let at = change.at.min(now);
    match &change.edit {
        Edit::Insert { fields } => {
            let Some(live) = live else {
                let mut all = Fields::new();
                fields.iter().for_each(|(name, value)| put(&mut all, name, value));
                return Expected::Values(Some(all));
            };
            let saw_none = |(name, value): (&FieldName, &Value)| {
                (name.clone(), Delta { base: NOTHING.clone(), incoming: value.clone() })
            };
            edited(live, &fields.iter().map(saw_none).collect(), parked, at)
        }
        Edit::Patch { fields } => match live {
            Some(live) => edited(live, fields, parked, at),
            None => Expected::Conflict,
        },
        Edit::Delete { base } => match live {
            None => Expected::Values(None),
            Some(live) if live.fields == *base => Expected::Gone,
            Some(_) => Expected::Conflict,
        },
        Edit::Resolve(resolution) => match parked {
            Some(conflict) => settled(conflict, &resolution.outcome, before),
            None => Expected::Open,
        },
        Edit::Reopen(_) => Expected::Open,
    }
}

fn edited(
    live: &Record,
    deltas: &BTreeMap<FieldName, Delta>,
    parked: Option<&Conflict>,
    at: Timestamp,
) -> Expected {
    let mut fields = live.fields.clone();
    let (mut moved, mut clash, mut open) = (false, false, false);
    for (name, delta) in deltas {
        let is = value(&live.fields, name);
        // made on top of a parked value, not of the record
        let on_parked = parked.and_then(|c| c.fields.get(name)).is_some_and(|s| s.incoming == delta.base);
        clash |= on_parked && delta.base != *is && delta.base != delta.incoming && !adds_up(name);
        let field =
            Field { name, saw: &delta.base, is, since: since(live, name), wants: &delta.incoming, at };
        match field.meet() {
            Met::Same => {}
            Met::Becomes(value) => {
                put(&mut fields, name, &value);
                moved = true;
            }
            Met::Clash => clash = true,
            Met::Open => open = true,
        }
    }
    match (clash, open) {
        (true, _) => Expected::Conflict,
        (false, true) => Expected::Open,
        (false, false) => Expected::Values(moved.then_some(fields)),
    }
}

fn settled(conflict: &Conflict, outcome: &Outcome, before: Option<&Record>) -> Expected {
    let live = before.filter(|record| !record.deleted);
    let choices = match outcome {
        Outcome::Delete if live.is_some() => return Expected::Gone,
        Outcome::Delete => return Expected::Values(None),
        Outcome::KeepBoth { .. } => {
            let mut fields = live.map(|r| r.fields.clone()).unwrap_or_default();
            conflict.fields.iter().for_each(|(name, sides)| put(&mut fields, name, &sides.incoming));
            return Expected::Twin(fields);
        }
        Outcome::Keep { choices } => choices,
    };
    let was = before.map(|r| r.fields.clone()).unwrap_or_default();
    let mut fields = was.clone();
    let names: BTreeSet<&FieldName> = conflict.fields.keys().chain(choices.keys()).collect();
    for name in names {
        match (choices.get(name), conflict.fields.get(name)) {
            (Some(Choice::Own(value)), _) => put(&mut fields, name, value),
            (Some(Choice::Incoming), Some(sides)) => put(&mut fields, name, &sides.incoming),
            (Some(_), _) | (None, None) => {}
            (None, Some(_)) if conflict.kind == ConflictKind::DeleteEdit => {}
            (None, Some(sides)) if live.is_none() => put(&mut fields, name, &sides.incoming),
            (None, Some(sides)) => {
                let record = live.expect("the arm before has the other case");
                let is = value(&record.fields, name);
                let (since, at) = (since(record, name), conflict.incoming.at);
                let field = Field { name, saw: &sides.base, is, since, wants: &sides.incoming, at };
                match field.meet() {
                    Met::Same => {}
                    Met::Becomes(value) => put(&mut fields, name, &value),
                    Met::Clash | Met::Open => return Expected::Open,
                }
            }
        }
    }
    Expected::Values((live.is_none() || fields != was).then_some(fields))
}
