//! What a person sees: the server's state with the device's own changes on top.

use sync_protocol::record::{set_value, value_of};
use sync_protocol::{Change, ChangeId, Choice, Conflict, ConflictKind, Edit, Fields, Outcome};

/// Folds changes over a record's values; `None` is "no such record".
pub fn fold<'a>(
    mut fields: Option<Fields>,
    changes: impl Iterator<Item = &'a Change>,
    conflict: impl Fn(ChangeId) -> Option<&'a Conflict>,
) -> Option<Fields> {
    for change in changes {
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
            // only the server knows what has happened since: what it takes back is seen when it has judged
            Edit::Reopen(_) => {}
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
