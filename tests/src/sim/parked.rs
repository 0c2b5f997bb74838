//! What waits for a person, held against what is committed: that it is kept, told rightly, asked about only where there is
//! something to ask, and that settling it touches nothing else.

use std::sync::Arc;

use sync_protocol::feed::EntryKind;
use sync_protocol::limits::CONFLICTS_AT_ONCE;
use sync_protocol::{
    Change, Choice, Conflict, ConflictKind, Edit, Entry, FieldName, Outcome, Record, Stamp, Timestamp, Value,
};

use super::checks::Invariant;
use super::judge::{adds_up, clashes, says_nothing};
use super::model::Model;

static NOTHING: Value = Value(serde_json::Value::Null);

/// The value of a record's field, nothing where the record is deleted.
fn is<'a>(record: Option<&'a Record>, name: &FieldName) -> &'a Value {
    record.filter(|r| !r.deleted).and_then(|r| r.fields.get(name)).unwrap_or(&NOTHING)
}

impl Model {
    /// `before`: the record of the change as it was; `after`: as it is now. The entry is not folded yet.
    pub(super) fn parked(
        &mut self,
        place: usize,
        entry: &Entry,
        change: &Change,
        (before, after): (Option<&Record>, Option<&Record>),
        now: Timestamp,
    ) {
        for conflict in entry.conflicts() {
            let was = self.parts[place].conflicts.get(&conflict.id).cloned();
            let was = was.as_deref().filter(|was| was.resolved.is_none());
            if let (Some(was), false) = (was, change.about() == Some(conflict.id)) {
                let lost = replaced_unseen(was, conflict, change, after);
                self.checks.that(Invariant::ParkedKept, lost.is_none(), || {
                    format!(
                        "{} replaces or ends {} of {} unseen",
                        change.id,
                        lost.unwrap_or_default(),
                        conflict.id
                    )
                });
            }
            // what a decision meets is the record before it; what ended, or is open, has it as it is now
            let decided =
                conflict.resolved.as_ref().is_some_and(|r| r.saw.is_some() || !r.effect.fields.is_empty());
            let record = if decided { before } else { after };
            let stamp = Stamp { by: change.id.replica, at: change.at.min(now) };
            let untrue = untrue(was, conflict, change, record, stamp);
            self.checks.that(Invariant::SidesTrue, untrue.is_none(), || {
                format!("{} shows {} untruly after {}", conflict.id, untrue.unwrap_or_default(), change.id)
            });
        }
        if let (EntryKind::Resolved, Edit::Resolve(resolution)) = (entry.kind, &change.edit) {
            let conflict = entry.conflict.as_ref().filter(|c| c.id == resolution.conflict);
            if let (Some(conflict), Outcome::Keep { choices }) = (conflict, &resolution.outcome) {
                let told =
                    |name: &FieldName| entry.merge.as_ref().is_some_and(|m| m.fields.contains_key(name));
                let last = |name: &FieldName| before.and_then(|r| r.fields.get(name)).unwrap_or(&NOTHING);
                let names = before.into_iter().chain(after).flat_map(|record| record.fields.keys());
                let touched = names.filter(|name| last(name) != is(after, name)).find(|name| {
                    let parked =
                        conflict.fields.get(*name).filter(|_| conflict.kind != ConflictKind::DeleteEdit);
                    match choices.get(*name) {
                        Some(choice) => *choice == Choice::Current,
                        // nobody else had touched it, or a policy decided
                        None => {
                            !parked.is_some_and(|s| s.base == *last(name) || told(name) || before.is_none())
                        }
                    }
                });
                self.checks.that(Invariant::UndecidedUntouched, touched.is_none(), || {
                    format!(
                        "{} changes {}, about which nobody was asked",
                        change.id,
                        touched.expect("it is one")
                    )
                });
            }
        }
    }

    /// Once the entry is folded: whether something is open of its record about which nothing is to ask.
    pub(super) fn nothing_to_ask(&mut self, place: usize, change: &Change) {
        let part = &self.parts[place];
        let record = part.records.get(&change.record).map(Arc::as_ref);
        let of_record = |c: &&Arc<Conflict>| c.resolved.is_none() && c.record == change.record;
        let open: Vec<&Arc<Conflict>> = part.conflicts.values().filter(of_record).collect();
        if open.len() > CONFLICTS_AT_ONCE {
            return;
        }
        let idle = open.into_iter().find(|conflict| says_nothing(conflict, record)).map(|c| c.id);
        self.checks.that(Invariant::NothingToAsk, idle.is_none(), || {
            format!("{idle:?} is open after {}, and both ways come to the same", change.id)
        });
    }
}

/// A field whose parked value is gone, though nobody saw it, decided about it, or has it now.
fn replaced_unseen(
    was: &Conflict,
    now: &Conflict,
    change: &Change,
    record: Option<&Record>,
) -> Option<String> {
    let seen = |name: &FieldName| match &change.edit {
        Edit::Patch { fields } => fields.get(name).map(|delta| &delta.base),
        Edit::Delete { base } => Some(base.get(name).unwrap_or(&NOTHING)),
        Edit::Insert { fields } => fields.get(name).map(|_| &NOTHING),
        Edit::Resolve(_) | Edit::Reopen(_) => None,
    };
    let own = change.id.replica == was.id.replica;
    let gone = |(name, sides): &(&FieldName, &sync_protocol::Sides)| {
        let kept = now.fields.get(*name).is_some_and(|now| now.incoming == sides.incoming);
        let on_top = own && (seen(name) == Some(&sides.incoming) || adds_up(name) && seen(name).is_some());
        match &now.resolved {
            None => !kept && !on_top,
            Some(_) => {
                let there = *is(record, name) == sides.incoming || sides.base == sides.incoming;
                let dead = record.is_none_or(|r| r.deleted) && was.kind == ConflictKind::DeleteEdit;
                // what joined, and clashes no more, is in the record as a policy or the rule says
                let released = own && now.fields.get(*name).is_some_and(|s| !s.clash);
                !there && !dead && !on_top && !released
            }
        }
    };
    was.fields.iter().find(gone).map(|(name, _)| name.to_string())
}

/// What a conflict shows that is not so.
fn untrue(
    was: Option<&Conflict>,
    conflict: &Conflict,
    change: &Change,
    record: Option<&Record>,
    stamp: Stamp,
) -> Option<String> {
    let live = record.filter(|r| !r.deleted);
    let kind = match (conflict.kind, live) {
        (ConflictKind::DeleteEdit, live) => live.is_some() || conflict.resolved.is_some(),
        (ConflictKind::EditEdit, live) => live.is_some(),
        (ConflictKind::EditDelete, live) => live.is_none(),
    };
    if !kind {
        return Some(format!("its kind {:?}", conflict.kind));
    }
    if conflict.current != record.map(|r| r.stamp) || conflict.record_rev != record.map(|r| r.rev) {
        return Some("the record that it met".into());
    }
    let touches = |name: &FieldName| match &change.edit {
        Edit::Patch { fields } => fields.get(name).is_some_and(|delta| delta.base != delta.incoming),
        Edit::Insert { fields } => fields.contains_key(name),
        Edit::Delete { base } => base.contains_key(name) || live.is_some_and(|r| r.fields.contains_key(name)),
        Edit::Resolve(_) | Edit::Reopen(_) => false,
    };
    let joins = conflict.resolved.is_none() && change.about().is_none();
    for (name, sides) in &conflict.fields {
        if sides.current != *is(record, name) {
            return Some(format!("the current value of {name}"));
        }
        let author = |r: &Record| r.edits.get(name).copied().or(r.created).unwrap_or(r.stamp);
        if live.is_some() && sides.current_by.or(conflict.current) != live.map(author) {
            return Some(format!("who set {name}"));
        }
        let by = |c: &Conflict| c.fields.get(name).map(|s| s.incoming_by.unwrap_or(c.incoming));
        let wanted = if joins && touches(name) { Some(stamp) } else { was.and_then(by) };
        if joins && by(conflict) != wanted {
            return Some(format!("who wanted {name}"));
        }
        if clashes(conflict, name, record).is_some_and(|clash| clash != sides.clash) {
            return Some(format!("whether {name} clashes"));
        }
    }
    None
}
