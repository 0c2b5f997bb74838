//! Many conflicts settled by one rule.

use std::collections::BTreeSet;

use sync_protocol::record::per_field;
use sync_protocol::{
    ChangeId, Choice, Conflict, ConflictKind, FieldName, Outcome, Record, RecordId, Resolution, Timestamp,
};

use super::Replica;
use super::review::{Authors, current_side};
use crate::api::{BulkReport, BulkRule, Failure};
use crate::limits;
use crate::store::Batch;

/// With which side a conflict ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    Keep,
    Take,
    Mixed,
}

/// A bulk decision under way: which records have been decided about, and the report so far.
#[derive(Debug, Default)]
pub struct Tally {
    /// What was done and what was left.
    pub report: BulkReport,
    changed: BTreeSet<RecordId>,
}

impl Replica {
    /// Decides about some conflicts. `bases` are their records in the store, in the same order.
    pub fn decide_many(
        &self,
        now: Timestamp,
        rule: &BulkRule,
        conflicts: &[ChangeId],
        bases: &[Option<Record>],
        tally: &mut Tally,
    ) -> Result<Batch, Failure> {
        let mut resolutions = Vec::new();
        let mut authors = Authors::default();
        let notes = self.notes(now);
        for (id, base) in conflicts.iter().zip(bases) {
            // settled by somebody meanwhile: what was wanted is done
            let Some(conflict) = self.conflict(*id) else { continue };
            let report = &mut tally.report;
            match self.decide(now, rule, conflict, base.as_ref(), &mut authors, &mut tally.changed) {
                Ok((resolution, ends)) => {
                    report.done.push(*id);
                    match ends {
                        Ends::Keep => report.keep += 1,
                        Ends::Take => report.take += 1,
                        Ends::Mixed => report.mixed += 1,
                    }
                    resolutions.push((conflict.record.clone(), resolution));
                }
                Err(reason) => {
                    report.left_total += 1;
                    if report.left.len() < limits::LEFT_LISTED {
                        report.left.push((self.item(conflict, &notes, &mut authors), reason));
                    }
                }
            }
        }
        self.resolve_many(now, resolutions)
    }

    fn decide(
        &self,
        now: Timestamp,
        rule: &BulkRule,
        conflict: &Conflict,
        base: Option<&Record>,
        authors: &mut Authors,
        changed: &mut BTreeSet<RecordId>,
    ) -> Result<(Resolution, Ends), String> {
        if self.decided(conflict).is_some() {
            return Err("It is decided already, and waits to be sent.".into());
        }
        let ends = match rule {
            BulkRule::Current => Ends::Keep,
            BulkRule::Incoming => Ends::Take,
            BulkRule::Newest => self.newest(conflict, base),
            BulkRule::Person(name) => one_side(conflict, self, authors, |a| a.person == *name)?,
            BulkRule::Device(name) => one_side(conflict, self, authors, |a| a.device == *name)?,
        };
        if ends != Ends::Keep && changed.contains(&conflict.record) {
            return Err(
                "Another change of the same record is being taken; look at this one afterwards.".into()
            );
        }
        let outcome = match (conflict.kind, ends) {
            // a record that is deleted stays so
            (_, Ends::Keep) if base.is_none() => Outcome::Delete,
            (ConflictKind::DeleteEdit, Ends::Take) => Outcome::Delete,
            (ConflictKind::EditEdit, _) if *rule == BulkRule::Newest => self.by_time(conflict, base),
            (_, Ends::Take) => keep_all(conflict, &Choice::Incoming),
            (_, Ends::Keep | Ends::Mixed) => keep_all(conflict, &Choice::Current),
        };
        let resolution = Resolution {
            conflict: conflict.id,
            saw_conflict: conflict.rev,
            saw_record: base.map(|record| record.rev),
            outcome,
        };
        if let Some(reason) = self.refusal(now, conflict, &resolution, base) {
            return Err(reason.to_string());
        }
        if ends != Ends::Keep {
            changed.insert(conflict.record.clone());
        }
        Ok((resolution, ends))
    }

    fn newest(&self, conflict: &Conflict, base: Option<&Record>) -> Ends {
        if conflict.kind != ConflictKind::EditEdit {
            let own = self.pending_of(&conflict.record).filter(|change| change.about().is_none()).last();
            let met =
                own.map(|change| change.at).or(base.map(|r| r.stamp).or(conflict.current).map(|s| s.at));
            return if met.is_none_or(|met| conflict.incoming.at >= met) { Ends::Take } else { Ends::Keep };
        }
        let mut clashing = conflict.fields.iter().filter(|(_, sides)| sides.clash);
        let taken: Vec<bool> =
            clashing.by_ref().map(|(name, _)| self.is_newer(conflict, name, base)).collect();
        match (taken.contains(&true), taken.contains(&false)) {
            (true, true) => Ends::Mixed,
            (false, true) => Ends::Keep,
            (_, false) => Ends::Take,
        }
    }

    /// Whether the incoming edit of a field was made last.
    fn is_newer(&self, conflict: &Conflict, name: &FieldName, base: Option<&Record>) -> bool {
        let current = self.current_stamp(conflict, name, base);
        current.is_none_or(|current| conflict.incoming_by(name).at >= current.at)
    }

    /// Each field from the side that was edited last.
    fn by_time(&self, conflict: &Conflict, base: Option<&Record>) -> Outcome {
        let pick = |name: &FieldName| {
            let choice = if self.is_newer(conflict, name, base) { Choice::Incoming } else { Choice::Current };
            (name.clone(), choice)
        };
        Outcome::Keep { choices: per_field(conflict.fields.keys().map(pick)) }
    }
}

fn keep_all(conflict: &Conflict, choice: &Choice) -> Outcome {
    Outcome::Keep { choices: per_field(conflict.fields.keys().map(|name| (name.clone(), choice.clone()))) }
}

fn one_side(
    conflict: &Conflict,
    replica: &Replica,
    authors: &mut Authors,
    is: impl Fn(&crate::api::Author) -> bool,
) -> Result<Ends, String> {
    let incoming = is(&authors.of(replica, conflict.incoming));
    let current = current_side(conflict).is_some_and(|stamp| is(&authors.of(replica, stamp)));
    match (current, incoming) {
        (true, false) => Ok(Ends::Keep),
        (false, true) => Ok(Ends::Take),
        (true, true) => Err("Both versions are from there.".into()),
        (false, false) => Err("Neither version is from there.".into()),
    }
}
