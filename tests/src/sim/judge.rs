//! What should become of a change: the rules of the design once more, in other words, sharing no function with those
//! that both sides judge with.

use std::collections::{BTreeMap, BTreeSet};

use sync_protocol::{
    Change, ChangeId, Choice, Conflict, ConflictKind, Delta, Edit, FieldName, Fields, Outcome, Record, Sides,
    Timestamp, Value,
};

/// What should become of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// The record has these values; `None`: it stays as it is.
    Values(Option<Fields>),
    /// The record is deleted.
    Gone,
    /// It waits for a person: in that conflict, or in one of its own.
    Conflict(Option<ChangeId>),
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

/// What becomes of a field.
enum Met {
    Same,
    Becomes(Value),
    Clash,
    Open,
}

/// Whether parked values of that field that are equal to the record's have still something to add.
fn counts(name: &FieldName, sides: &Sides) -> bool {
    rule(name) == Rule::Add && !sides.inserted
}

/// Whether nothing is left to ask about parked values: what was wanted is there, or is not wanted any more.
pub fn says_nothing(conflict: &Conflict, record: Option<&Record>) -> bool {
    let live = record.filter(|record| !record.deleted);
    let of = |(name, sides): (&FieldName, &Sides)| {
        let there = |live: &Record| !counts(name, sides) && *value(&live.fields, name) == sides.incoming;
        sides.base == sides.incoming || live.is_some_and(there)
    };
    match conflict.kind {
        ConflictKind::DeleteEdit => live.is_none(),
        ConflictKind::EditEdit | ConflictKind::EditDelete => conflict.fields.iter().all(of),
    }
}

/// Whether somebody has to choose about a parked value; `None` where that is not foretold.
pub fn clashes(conflict: &Conflict, name: &FieldName, record: Option<&Record>) -> Option<bool> {
    let sides = &conflict.fields[name];
    let Some(live) = record.filter(|record| !record.deleted) else {
        return Some(sides.base != sides.incoming);
    };
    let is = value(&live.fields, name);
    if conflict.kind == ConflictKind::DeleteEdit {
        return Some(sides.base != *is);
    }
    match parked_field(conflict, name, sides, live).meet() {
        Met::Open => None,
        met => Some(matches!(met, Met::Clash)),
    }
}

fn parked_field<'a>(
    conflict: &'a Conflict,
    name: &'a FieldName,
    sides: &'a Sides,
    record: &'a Record,
) -> Field<'a> {
    Field {
        name,
        saw: &sides.base,
        is: value(&record.fields, name),
        since: since(record, name),
        wants: &sides.incoming,
        at: sides.incoming_by.unwrap_or(conflict.incoming).at,
        anew: sides.inserted,
    }
}

/// One field: what its author saw, what is there and since when, what is wanted and since when.
struct Field<'a> {
    name: &'a FieldName,
    saw: &'a Value,
    is: &'a Value,
    since: Timestamp,
    wants: &'a Value,
    at: Timestamp,
    /// Whether its author saw no record.
    anew: bool,
}

impl Field<'_> {
    fn meet(&self) -> Met {
        let rule = match rule(self.name) {
            Rule::Add if self.anew => Rule::Ask,
            rule => rule,
        };
        if self.saw == self.wants {
            return Met::Same;
        }
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

/// What should become of a change. `before` is the record as it was, a deleted one with its last values; `parked` are the
/// open conflicts of the same record and replica, the newest first; `named` is the conflict that a decision names; `now` the
/// server's time.
pub fn expected(
    change: &Change,
    before: Option<&Record>,
    parked: &[&Conflict],
    named: Option<&Conflict>,
    now: Timestamp,
) -> Expected {
    let live = before.filter(|record| !record.deleted);
    let at = change.at.min(now);
    match &change.edit {
        Edit::Insert { fields } => {
            let saw_none = |(name, value): (&FieldName, &Value)| {
                (name.clone(), Delta { base: NOTHING.clone(), incoming: value.clone() })
            };
            let Some(live) = live else {
                let mut all = Fields::new();
                fields.iter().for_each(|(name, value)| put(&mut all, name, value));
                return Expected::Values(Some(all));
            };
            edited(live, &fields.iter().map(saw_none).collect(), parked, at, true)
        }
        Edit::Patch { fields } => match live {
            Some(live) => edited(live, fields, parked, at, false),
            None => waits(parked, fields, None, at, false).unwrap_or(Expected::Conflict(None)),
        },
        Edit::Delete { base } => match live {
            None => Expected::Values(None),
            Some(live) if live.fields == *base => Expected::Gone,
            Some(_) => {
                // by somebody who saw what waits there, or wants it gone as well
                let seen = |(name, sides): (&FieldName, &Sides)| sides.incoming == *value(base, name);
                let fits = |c: &&&Conflict| {
                    let told = |(name, sides)| seen((name, sides)) || sides.incoming == NOTHING;
                    c.kind == ConflictKind::DeleteEdit || c.fields.iter().all(told)
                };
                let on_top = |c: &&&Conflict| c.kind == ConflictKind::DeleteEdit || c.fields.iter().any(seen);
                let holder = parked.iter().filter(fits).find(on_top).or(parked.iter().find(fits));
                Expected::Conflict(holder.map(|c| c.id))
            }
        },
        Edit::Resolve(resolution) => match named {
            Some(conflict) => settled(conflict, &resolution.outcome, before),
            None => Expected::Open,
        },
        Edit::Reopen(_) => Expected::Open,
    }
}

fn edited(
    live: &Record,
    deltas: &BTreeMap<FieldName, Delta>,
    parked: &[&Conflict],
    at: Timestamp,
    anew: bool,
) -> Expected {
    let mut fields = live.fields.clone();
    let (mut moved, mut clash, mut on_top, mut open) = (false, false, false, false);
    for (name, delta) in deltas.iter().filter(|(_, delta)| delta.base != delta.incoming) {
        let is = value(&live.fields, name);
        // made on top of a parked value, not of the record
        let edits = parked.iter().filter(|c| c.kind != ConflictKind::DeleteEdit);
        let on_parked = edits.filter_map(|c| c.fields.get(name)).any(|s| s.incoming == delta.base);
        on_top |= on_parked && delta.base != *is && !adds_up(name);
        let (saw, since, wants) = (&delta.base, since(live, name), &delta.incoming);
        match (Field { name, saw, is, since, wants, at, anew }).meet() {
            Met::Same => {}
            Met::Becomes(value) => {
                put(&mut fields, name, &value);
                moved = true;
            }
            Met::Clash => clash = true,
            Met::Open => open = true,
        }
    }
    let waits = || waits(parked, deltas, Some(live), at, anew);
    match (clash, open) {
        (true, _) => waits().unwrap_or(Expected::Conflict(None)),
        (false, true) => Expected::Open,
        (false, false) => {
            let applied = Expected::Values(moved.then_some(fields));
            if on_top { waits().unwrap_or(applied) } else { applied }
        }
    }
}

/// The change cannot be applied: it waits with what it was made on top of, unless that leaves nothing to ask;
/// `None` where nothing takes it in.
fn waits(
    parked: &[&Conflict],
    deltas: &BTreeMap<FieldName, Delta>,
    live: Option<&Record>,
    at: Timestamp,
    anew: bool,
) -> Option<Expected> {
    let deltas: BTreeMap<&FieldName, &Delta> =
        deltas.iter().filter(|(_, delta)| delta.base != delta.incoming).collect();
    if deltas.is_empty() {
        return Some(Expected::Values(None));
    }
    let mut taken: Vec<(bool, Conflict)> =
        parked.iter().filter_map(|conflict| together(conflict, &deltas, at, anew)).collect();
    // the newest that it was made on top of, else the newest
    let at = taken.iter().position(|(on_top, _)| *on_top).or((!taken.is_empty()).then_some(0))?;
    let joined = taken.swap_remove(at).1;
    if says_nothing(&joined, live) {
        return Some(Expected::Values(None));
    }
    let Some(live) = live else { return Some(Expected::Conflict(Some(joined.id))) };
    let mut fields = live.fields.clone();
    let mut open = false;
    for (name, sides) in &joined.fields {
        match parked_field(&joined, name, sides, live).meet() {
            Met::Same => {}
            Met::Becomes(value) => put(&mut fields, name, &value),
            Met::Clash => return Some(Expected::Conflict(Some(joined.id))),
            Met::Open => open = true,
        }
    }
    Some(if open { Expected::Open } else { Expected::Values((fields != live.fields).then_some(fields)) })
}

/// Parked values with a later edit of the same replica, and whether that was made on top of one of them; `None` where it
/// would replace one unseen.
fn together(
    parked: &Conflict,
    deltas: &BTreeMap<&FieldName, &Delta>,
    at: Timestamp,
    anew: bool,
) -> Option<(bool, Conflict)> {
    if parked.kind == ConflictKind::DeleteEdit {
        return None;
    }
    let (mut all, mut on_top) = (parked.clone(), false);
    for (name, delta) in deltas {
        let stamp = sync_protocol::Stamp { by: parked.id.replica, at };
        let Some(sides) = all.fields.get_mut(*name) else {
            let (base, incoming) = (delta.base.clone(), delta.incoming.clone());
            let (current, clash, by) = (NOTHING.clone(), true, Some(stamp));
            let new =
                Sides { base, current, incoming, clash, inserted: anew, current_by: None, incoming_by: by };
            all.fields.insert((*name).clone(), new);
            continue;
        };
        if sides.incoming == delta.base {
            (sides.incoming, on_top) = (delta.incoming.clone(), true);
        } else if adds_up(name) && !sides.inserted {
            let (saw, is, wants) = (&delta.base, &sides.incoming, &delta.incoming);
            let field = Field { name, saw, is, since: at, wants, at, anew: false };
            match field.meet() {
                Met::Becomes(sum) => sides.incoming = sum,
                Met::Clash => sides.incoming = delta.incoming.clone(),
                Met::Same | Met::Open => {}
            }
        } else if sides.incoming != delta.incoming {
            return None;
        }
        sides.incoming_by = Some(stamp);
    }
    Some((on_top, all))
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
            (None, Some(sides)) => match before {
                None => put(&mut fields, name, &sides.incoming),
                // a deleted one is restored with its last values first
                Some(record) => match parked_field(conflict, name, sides, record).meet() {
                    Met::Same => {}
                    Met::Becomes(value) => put(&mut fields, name, &value),
                    Met::Clash | Met::Open => return Expected::Open,
                },
            },
        }
    }
    Expected::Values((live.is_none() || fields != was).then_some(fields))
}
