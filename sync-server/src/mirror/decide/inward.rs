//! What another program did since record and row last agreed.

use std::collections::{BTreeMap, BTreeSet};
use sync_protocol::{Delta, Edit, FieldName, Fields, Timestamp, Value};

use super::super::row::{Cell, SeenRow, Shadow, WriteTime};
use super::Facts;
use sync_protocol::mirror::Expiry;

/// What comes in from a look.
#[derive(Clone, Debug, PartialEq)]
pub struct Inward {
    /// The change of the mirror, and when it was made.
    pub edit: Option<(Edit, Timestamp)>,
    /// What is agreed on once the change is judged; its version is the old one.
    pub shadow: Shadow,
}

/// The difference between what was agreed on and what was seen, as one edit.
pub fn inward(facts: Facts<'_>, agreed: &Shadow) -> Inward {
    let mut shadow = Shadow { refused: None, ..agreed.clone() };
    // a field that is not mapped any more is no concern of the row's
    shadow.cells.retain(|name, _| facts.mapped.fields.contains(name));
    shadow.intents.retain(|name, _| facts.mapped.fields.contains(name));
    let edit = match facts.seen {
        Some(row) => row_there(facts, row, &mut shadow),
        None => row_gone(facts, &mut shadow),
    };
    Inward { edit: edit.filter(|_| facts.mapped.inward), shadow }
}

/// What was found in the cells of a row.
#[derive(Default)]
struct Found {
    deltas: BTreeMap<FieldName, Delta>,
    /// The latest time of a foreign value.
    newest: Option<WriteTime>,
    /// Cells that are older than what was agreed on.
    back: BTreeMap<FieldName, Cell>,
}

impl Found {
    fn foreign(&mut self, field: &FieldName, base: Value, incoming: Value, written: Option<WriteTime>) {
        self.newest = self.newest.max(written);
        self.deltas.insert(field.clone(), Delta { base, incoming });
    }

    /// When the change was made: when its latest cell was written, never later than now. Of a cell that is gone nobody can read
    /// when: then it is when that was seen.
    fn at(&self, facts: Facts<'_>) -> Timestamp {
        let written = self.newest.map(|written| Timestamp(written.div_euclid(1_000)));
        written.unwrap_or(facts.read_at).min(facts.now)
    }
}

fn row_there(facts: Facts<'_>, row: &SeenRow, shadow: &mut Shadow) -> Option<(Edit, Timestamp)> {
    let was_there = shadow.there;
    if !facts.mapped.inward && !was_there && shadow.inserting.is_none() && facts.live().is_none() {
        // a row of somebody else's that has no record, and shall have none
        return None;
    }
    let mut found = Found::default();
    for field in &facts.mapped.fields {
        match row.cells.get(field) {
            Some(cell) => cell_there(facts, field, cell, shadow, &mut found),
            None => cell_gone(facts, field, shadow, &mut found),
        }
    }
    let own_row = shadow.inserting.is_some();
    shadow.there = true;
    if !shadow.deleting {
        shadow.inserting = None;
    }
    if was_there {
        let at = found.at(facts);
        return (!found.deltas.is_empty()).then_some((Edit::Patch { fields: found.deltas }, at));
    }
    if facts.live().is_none() && found.deltas.is_empty() && !found.back.is_empty() {
        // agreed to be gone, and here again with nothing newer than that: a person is asked, for an edit that meets a delete
        for (field, cell) in std::mem::take(&mut found.back) {
            found.foreign(&field, Value::ABSENT, cell.value.clone(), Some(cell.written));
            shadow.cells.insert(field, cell);
        }
        let at = found.at(facts);
        return Some((Edit::Patch { fields: found.deltas }, at));
    }
    let nothing_new = match facts.live() {
        // a first meeting: what is equal joins silently, what differs is judged like two who add the same record
        Some(live) => found.deltas.iter().all(|(field, d)| facts.same(field, &d.incoming, live.value(field))),
        None => found.deltas.is_empty() && own_row,
    };
    let at = found.at(facts);
    let values = found.deltas.into_iter().map(|(field, delta)| (field, delta.incoming));
    let fields = values.filter(|(_, value)| !value.is_absent()).collect();
    (!nothing_new).then_some((Edit::Insert { fields }, at))
}

fn cell_there(facts: Facts<'_>, field: &FieldName, cell: &Cell, shadow: &mut Shadow, found: &mut Found) {
    let agreed = shadow.cells.get(field);
    let intents = shadow.intents.get(field).map_or(&[][..], Vec::as_slice);
    // with a later time than the mirror's: somebody read it there and wrote all columns again
    let own = intents
        .iter()
        .any(|intent| intent.written <= cell.written && facts.same(field, &intent.value, &cell.value));
    let held = agreed.filter(|agreed| !agreed.value.is_absent());
    let is_older = agreed.is_some_and(|agreed| {
        cell.written < agreed.written || cell.written == agreed.written && agreed.value.is_absent()
    });
    if !own && is_older {
        if !held.is_some_and(|held| facts.same(field, &held.value, &cell.value)) {
            found.back.insert(field.clone(), cell.clone());
        }
        return;
    }
    let is_same = held.is_some_and(|held| facts.same(field, &held.value, &cell.value));
    if !own && !is_same {
        let held = held.map_or(&Value::ABSENT, |held| &held.value);
        let base = intents.iter().rev().find(|intent| adds_to(&intent.value, held, &cell.value));
        let base = base.map_or(held, |intent| &intent.value).clone();
        found.foreign(field, base, cell.value.clone(), Some(cell.written));
    }
    if let Some(list) = shadow.intents.get_mut(field) {
        // what is older than what holds can never arrive; what is as old still can, where it is larger, or where it goes by itself:
        // a second copy of the same write lives longer than the first
        list.retain(|intent| {
            let differs = !facts.same(field, &intent.value, &cell.value);
            intent.written > cell.written
                || intent.written == cell.written && (differs || cell.expires.is_some())
        });
        if list.is_empty() {
            shadow.intents.remove(field);
        }
    }
    let unmoved = shadow.cells.get(field).is_some_and(|agreed| {
        agreed.written == cell.written
            && agreed.value == cell.value
            && agreed.expires.is_some() == cell.expires.is_some()
    });
    // of one cell that is read twice, the expiry is told to the second only
    if !unmoved {
        shadow.cells.insert(field.clone(), cell.clone());
    }
}

/// Whether a set that was seen has all that a write of the mirror's did to it: elements are written one by one, so that what
/// another program did to it came on top of that.
fn adds_to(written: &Value, held: &Value, seen: &Value) -> bool {
    let (Some(written), Some(held), Some(seen)) = (tags(written), tags(held), tags(seen)) else {
        return false;
    };
    written != held
        && written.difference(&held).all(|tag| seen.contains(tag))
        && held.difference(&written).all(|tag| !seen.contains(tag))
}

fn tags(value: &Value) -> Option<BTreeSet<&str>> {
    if value.is_absent() { Some(BTreeSet::new()) } else { value.as_tags() }
}

fn cell_gone(facts: Facts<'_>, field: &FieldName, shadow: &mut Shadow, found: &mut Found) {
    forget_in_vain(facts, field, shadow);
    let Some(held) = shadow.cells.get(field).filter(|cell| !cell.value.is_absent()) else { return };
    if own_delete(shadow, field, held) {
        gone(shadow, field);
        return;
    }
    if facts.has_expired(held) {
        if facts.mapped.expiry == Expiry::Delete {
            found.foreign(field, held.value.clone(), Value::ABSENT, None);
            // what is written now may well be older than that cell was
            shadow.cells.remove(field);
        }
        return;
    }
    found.foreign(field, held.value.clone(), Value::ABSENT, None);
    gone(shadow, field);
}

/// What was written in vain lies under something newer, and so does all that is older: none of it can arrive any more. The latest
/// stays, for the next write must be above it.
fn forget_in_vain(facts: Facts<'_>, field: &FieldName, shadow: &mut Shadow) {
    if let Some(list) = shadow.intents.get_mut(field)
        && list.last().is_some_and(|newest| facts.was_in_vain(field, newest.written))
    {
        list.drain(..list.len() - 1);
    }
}

/// Whether a delete of the mirror's own explains that a cell is gone. Where another program deleted it at the same moment, both
/// wanted the same.
fn own_delete(shadow: &Shadow, field: &FieldName, held: &Cell) -> bool {
    let intents = shadow.intents.get(field).map_or(&[][..], Vec::as_slice);
    intents.iter().any(|intent| intent.value.is_absent() && intent.written >= held.written)
        || shadow.deleting && shadow.deleted.is_some_and(|at| at >= held.written)
}

/// Nothing up to the time of what was there comes back.
fn gone(shadow: &mut Shadow, field: &FieldName) {
    if let Some(cell) = shadow.cells.get_mut(field) {
        *cell = Cell { value: Value::ABSENT, written: cell.written, expires: None };
    }
}

fn row_gone(facts: Facts<'_>, shadow: &mut Shadow) -> Option<(Edit, Timestamp)> {
    facts.mapped.fields.iter().for_each(|field| forget_in_vain(facts, field, shadow));
    if !shadow.there {
        return None;
    }
    let by_row =
        shadow.deleting && shadow.held().all(|(_, held)| shadow.deleted.is_some_and(|at| at >= held.written));
    // without a marker of its own a row goes with its last cell
    let by_cell = shadow.inserting.is_none()
        && shadow.held().next().is_some()
        && shadow.held().all(|(name, held)| own_delete(shadow, name, held));
    let own = by_row || by_cell;
    let expired = shadow.held().next().is_some() && shadow.held().all(|(_, held)| facts.has_expired(held));
    if !own && expired && facts.mapped.expiry == Expiry::Keep {
        return None;
    }
    // a value that the mirror was taking away is missed by nobody
    let seen = shadow.held().filter(|(name, held)| !own_delete(shadow, name, held));
    let mut base: Fields = seen.map(|(name, held)| (name.clone(), held.value.clone())).collect();
    if let Some(live) = facts.live() {
        // of fields without a column the table's program saw whatever there is
        let others = live.fields.iter().filter(|(name, _)| !facts.mapped.fields.contains(*name));
        base.extend(others.map(|(name, value)| (name.clone(), value.clone())));
    }
    (shadow.there, shadow.deleting, shadow.inserting) = (false, false, None);
    if expired {
        shadow.cells.retain(|_, cell| cell.value.is_absent());
    }
    let held: Vec<FieldName> = shadow.held().map(|(name, _)| name.clone()).collect();
    held.iter().for_each(|field| gone(shadow, field));
    // a delete of what is deleted takes the mirror's parked edits back
    let wanted = !own && (facts.live().is_some() || facts.blocked.any());
    wanted.then(|| (Edit::Delete { base }, facts.read_at.min(facts.now)))
}
