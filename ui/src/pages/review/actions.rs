//! From what a person picked to the command that settles it.

use super::compare::Picked;
use crate::components::field_input::from_input;
use std::collections::BTreeMap;
use sync_client::api::{Command, ConflictInfo};
use sync_protocol::schema::Field;
use sync_protocol::{Choice, FieldName, Outcome};

/// The command that settles a conflict with an outcome, as seen on this screen.
pub fn resolve(info: &ConflictInfo, outcome: Outcome) -> Command {
    Command::Resolve {
        conflict: info.conflict.id,
        saw_conflict: info.conflict.rev,
        saw_record: info.record_rev,
        outcome,
    }
}

/// The record lives, all fields from one side.
pub fn decide_all(info: &ConflictInfo, picked: &Picked) -> Command {
    let choice = if *picked == Picked::Incoming { Choice::Incoming } else { Choice::Current };
    let choices = info.conflict.fields.keys().map(|name| (name.clone(), choice.clone())).collect();
    resolve(info, Outcome::Keep { choices })
}

/// The record lives, each clashing field as picked. Errors by field.
pub fn decide_each(
    info: &ConflictInfo,
    fields: &BTreeMap<FieldName, Field>,
    picks: &BTreeMap<FieldName, Picked>,
) -> Result<Command, BTreeMap<FieldName, String>> {
    let mut choices = BTreeMap::new();
    let mut errors = BTreeMap::new();
    for (name, picked) in picks {
        match picked {
            Picked::Current => drop(choices.insert(name.clone(), Choice::Current)),
            Picked::Incoming => drop(choices.insert(name.clone(), Choice::Incoming)),
            Picked::Own(text) => match fields.get(name).map(|field| from_input(field, text)) {
                Some(Ok(value)) => drop(choices.insert(name.clone(), Choice::Own(value))),
                Some(Err(error)) => drop(errors.insert(name.clone(), error)),
                None => {}
            },
        }
    }
    if errors.is_empty() { Ok(resolve(info, Outcome::Keep { choices })) } else { Err(errors) }
}
