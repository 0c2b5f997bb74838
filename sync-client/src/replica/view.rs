//! What a person sees: the server's state with the device's own changes on top.

use sync_protocol::conflict::Life;
use sync_protocol::record::{set_value, value_of};
use sync_protocol::{Change, ChangeId, Choice, Conflict, ConflictKind, Edit, Fields, Outcome, Resolved};

/// Folds changes over a record's values; `None` is "no such record". `conflict` gives open conflicts and settled ones.
pub fn fold<'a>(
    mut fields: Option<Fields>,
    changes: impl Iterator<Item = &'a Change> + Clone,
    conflict: impl Fn(ChangeId) -> Option<&'a Conflict>,
) -> Option<Fields> {
    for change in changes.clone() {
        match &change.edit {
            Edit::Insert { fields: new } => {
                let all = fields.get_or_insert_default();
                new.iter().for_each(|(name, value)| set_value(all, name, value.clone()));
            }
            Edit::Patch { fields: deltas } => {
                if let Some(all) = &mut fields {
                    deltas.iter().for_each(|(name, delta)| set_value(all, name, delta.incoming.clone()));
                }
            }
            Edit::Delete { .. } => fields = None,
            Edit::Reopen(reopening) => {
                let settled = conflict(reopening.conflict).and_then(|c| c.resolved.as_ref());
                if let Some(resolved) = settled.filter(|r| r.change == reopening.resolution) {
                    take_back(&mut fields, resolved);
                }
            }
            // taken back before the server has seen it
            Edit::Resolve(_) if changes.clone().any(|later| takes_back(later, change.id)) => {}
            Edit::Resolve(resolution) => match &resolution.outcome {
                Outcome::Delete => fields = None,
                // the record stays; the new one beside it comes with the server's answer
                Outcome::KeepBoth { .. } => {}
                Outcome::Keep { choices } => {
                    let conflict = conflict(resolution.conflict);
                    let restores = conflict.is_some_and(|c| c.kind == ConflictKind::EditDelete);
                    if fields.is_none() && !restores {
                        continue;
                    }
                    let restored = fields.is_none();
                    let all = fields.get_or_insert_default();
                    for (name, sides) in conflict.iter().flat_map(|c| &c.fields) {
                        // where others have been there meanwhile, the server merges: until then theirs is shown
                        let untold = !choices.contains_key(name)
                            && conflict.is_some_and(|c| c.kind != ConflictKind::DeleteEdit)
                            && (restored || *value_of(all, name) == sides.base);
                        if untold || choices.get(name) == Some(&Choice::Incoming) {
                            set_value(all, name, sides.incoming.clone());
                        }
                    }
                    for (name, choice) in choices {
                        if let Choice::Own(value) = choice {
                            set_value(all, name, value.clone());
                        }
                    }
                }
            },
        }
    }
    fields
}

/// Whether the change takes that resolution back.
pub fn takes_back(change: &Change, resolution: ChangeId) -> bool {
    matches!(&change.edit, Edit::Reopen(reopening) if reopening.resolution == resolution)
}

/// As the server will judge it where nobody has been there since. The values of a record that the decision deleted are
/// only on the server: it comes back with its answer.
fn take_back(fields: &mut Option<Fields>, resolved: &Resolved) {
    match (resolved.effect.life, fields.as_mut()) {
        (Life::Same, Some(all)) => {
            for (name, changed) in &resolved.effect.fields {
                if *value_of(all, name) == changed.after {
                    set_value(all, name, changed.before.clone());
                }
            }
        }
        (Life::Restored, Some(_)) => *fields = None,
        (Life::Same | Life::Restored | Life::Deleted, _) => {}
    }
}
