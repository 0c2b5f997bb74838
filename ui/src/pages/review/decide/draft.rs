//! What a person has picked so far, what the record would be by it, and the command that saves it.

use crate::components::field_input::{from_input, to_input};
use crate::components::field_value::quoted;
use crate::pages::frame::Here;
use crate::pages::review::field_of;
use crate::platform::clock;
use crate::text::{field::in_sentence, review};
use std::collections::BTreeMap;
use std::rc::Rc;
use sync_client::api::{Command, ConflictInfo};
use sync_protocol::record::{per_field, set_value, value_of};
use sync_protocol::schema::Field;
use sync_protocol::{Choice, ConflictKind, FieldName, FieldType, Fields, Outcome, Value};

/// What is picked for a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Picked {
    Current,
    Incoming,
    /// What the person wrote instead.
    Own(String),
}

/// What is picked for the record as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// Two records; only where two edits met.
    Both,
    /// The record as it is now, be it deleted or edited.
    Current,
    /// The other: the edit of a deleted record, or the deletion of an edited one.
    Incoming,
}

/// Everything that is picked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    pub picks: BTreeMap<FieldName, Picked>,
    pub whole: Option<Whole>,
}

/// What a review is about, with the words for it.
#[derive(Clone, PartialEq)]
pub struct Case {
    pub info: Rc<ConflictInfo>,
    /// The fields that it is about, in the collection's order.
    pub fields: Vec<Field>,
    /// Who made the current side.
    pub current: String,
    /// Who made the incoming side.
    pub incoming: String,
}

impl Case {
    pub fn new(here: &Here, info: Rc<ConflictInfo>) -> Self {
        let collection = &info.conflict.record.collection;
        let field = |name: &FieldName| {
            let sides = &info.conflict.fields[name];
            let sample =
                [&sides.current, &sides.incoming, &sides.base].into_iter().find(|value| !value.is_absent());
            field_of(here, collection, name, sample.unwrap_or(&sides.base))
        };
        let mut fields: Vec<Field> = info.conflict.fields.keys().map(field).collect();
        sync_protocol::sort_few(&mut fields, |a, b| a.position.cmp(&b.position));
        let (current, incoming) = names(&info);
        Self { fields, current, incoming, info }
    }

    pub fn field(&self, name: &FieldName) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == *name)
    }

    /// The names of the fields.
    pub fn names(&self) -> impl Iterator<Item = &FieldName> {
        self.fields.iter().map(|field| &field.name)
    }

    /// Whether it is decided field by field; else as a whole.
    pub fn by_field(&self) -> bool {
        match self.info.conflict.kind {
            ConflictKind::EditEdit => true,
            // somebody has restored it meanwhile
            ConflictKind::EditDelete => self.info.record.is_some(),
            ConflictKind::DeleteEdit => false,
        }
    }

    /// Whether the record is deleted now.
    pub fn is_gone(&self) -> bool {
        self.info.record.is_none()
    }

    pub fn may_keep_both(&self) -> bool {
        self.info.conflict.kind == ConflictKind::EditEdit && !self.is_gone()
    }

    /// The value that a field has now, for the record may have moved since the changes met; of what is settled, then.
    pub fn now(&self, name: &FieldName) -> &Value {
        match &self.info.record {
            Some(record) if self.info.item.settled.is_none() => value_of(record, name),
            Some(_) | None => &self.info.conflict.fields[name].current,
        }
    }

    pub fn incoming_value(&self, name: &FieldName) -> &Value {
        &self.info.conflict.fields[name].incoming
    }

    /// Whether somebody has to choose.
    pub fn needs_choice(&self, name: &FieldName) -> bool {
        !self.info.without_choice.contains_key(name)
    }

    /// The fields that still need a choice.
    pub fn missing(&self, draft: &Draft) -> Vec<&Field> {
        let open = |field: &&Field| self.needs_choice(&field.name) && !draft.picks.contains_key(&field.name);
        self.fields.iter().filter(open).collect()
    }

    /// What a field ends with; an error where its own input does not fit, `None` where nothing is chosen yet.
    pub fn result(&self, name: &FieldName, draft: &Draft) -> Option<Result<Value, String>> {
        Some(Ok(match draft.picks.get(name) {
            Some(Picked::Current) => self.now(name).clone(),
            Some(Picked::Incoming) => self.incoming_value(name).clone(),
            Some(Picked::Own(text)) => return Some(from_input(self.field(name)?, text, self.now(name))),
            None => self.info.without_choice.get(name)?.clone(),
        }))
    }

    /// The values that the record (or with both kept, the new one beside it) would have.
    pub fn preview(&self, draft: &Draft) -> Fields {
        let mut record = self.info.record.clone().unwrap_or_default();
        for name in self.names() {
            let value = match draft.whole {
                Some(Whole::Both) => Some(self.incoming_value(name).clone()),
                Some(Whole::Incoming) => Some(self.incoming_value(name).clone()),
                Some(Whole::Current) => Some(self.now(name).clone()),
                None => self.result(name, draft).and_then(Result::ok),
            };
            if let Some(value) = value {
                set_value(&mut record, name, value);
            }
        }
        record
    }

    /// Whether the draft ends with the record deleted.
    pub fn deletes(&self, draft: &Draft) -> bool {
        match (self.info.conflict.kind, draft.whole) {
            (ConflictKind::DeleteEdit, Some(whole)) => whole == Whole::Incoming,
            (_, Some(Whole::Current)) => self.is_gone(),
            _ => false,
        }
    }

    /// The command that saves the draft, or what is wrong by field; `None` while something is missing.
    pub fn command(&self, draft: &Draft) -> Option<Result<Command, BTreeMap<FieldName, String>>> {
        let info = &self.info;
        let (conflict, saw_conflict, saw_record) = (info.conflict.id, info.conflict.rev, info.record_rev);
        let resolve = |outcome| Command::Resolve { conflict, saw_conflict, saw_record, outcome };
        let all = |choice: Choice| per_field(self.names().map(|name| (name.clone(), choice.clone())));
        Some(Ok(match draft.whole {
            Some(Whole::Both) => Command::KeepBoth { conflict, saw_conflict, saw_record },
            Some(_) if self.deletes(draft) => resolve(Outcome::Delete),
            Some(Whole::Current) => resolve(Outcome::Keep { choices: all(Choice::Current) }),
            Some(Whole::Incoming) => resolve(Outcome::Keep { choices: all(Choice::Incoming) }),
            None if !self.by_field() || !self.missing(draft).is_empty() => return None,
            None => {
                let mut choices = BTreeMap::new();
                let mut errors = BTreeMap::new();
                for (name, picked) in &draft.picks {
                    let choice = match picked {
                        Picked::Current => Ok(Choice::Current),
                        Picked::Incoming => Ok(Choice::Incoming),
                        Picked::Own(text) => match self.field(name) {
                            Some(field) => from_input(field, text, self.now(name)).map(Choice::Own),
                            None => continue,
                        },
                    };
                    match choice {
                        Ok(choice) => drop(choices.insert(name.clone(), choice)),
                        Err(error) => drop(errors.insert(name.clone(), error)),
                    }
                }
                if !errors.is_empty() {
                    return Some(Err(errors));
                }
                resolve(Outcome::Keep { choices })
            }
        }))
    }

    /// What saving does, on its button and in the message afterwards.
    pub fn says(&self, draft: &Draft) -> String {
        if let Some(whole) = draft.whole {
            return self.says_whole(whole);
        }
        let missing = self.missing(draft);
        if let [first, rest @ ..] = &missing[..] {
            let label = said(first);
            return match rest.len() {
                0 => format!("Choose {label} first"),
                n => format!("Choose {label} and {n} more first"),
            };
        }
        if !self.by_field() {
            return "Choose one of the two first".to_owned();
        }
        let mut picks = draft.picks.iter();
        match (picks.next(), picks.next()) {
            (Some((name, picked)), None) => self.says_field(name, picked),
            (None, _) => "Save the record as shown".to_owned(),
            _ => format!("Save these {} choices", draft.picks.len()),
        }
    }

    /// What picking does.
    pub fn says_field(&self, name: &FieldName, picked: &Picked) -> String {
        let label = self.field(name).map(said).unwrap_or_default();
        match picked {
            Picked::Current => format!("Keep {label} from {}", self.current),
            Picked::Incoming => format!("Take {label} from {}", self.incoming),
            Picked::Own(_) => format!("Save {label} as you wrote it"),
        }
    }

    /// The same for the record as a whole.
    pub fn says_whole(&self, whole: Whole) -> String {
        match (self.info.conflict.kind, whole, self.is_gone()) {
            (_, Whole::Both, _) => "Keep both as two records".to_owned(),
            (ConflictKind::DeleteEdit, Whole::Incoming, true) => "Leave it deleted".to_owned(),
            (ConflictKind::DeleteEdit, Whole::Incoming, false) => "Delete it anyway".to_owned(),
            (ConflictKind::DeleteEdit, Whole::Current, true) => {
                format!("Restore it with the edit from {}", self.current)
            }
            (ConflictKind::DeleteEdit, Whole::Current, false) => {
                format!("Keep it with the edit from {}", self.current)
            }
            (_, Whole::Current, true) => "Keep it deleted".to_owned(),
            (_, Whole::Current, false) => format!("Keep everything from {}", self.current),
            (_, Whole::Incoming, true) => format!("Restore it with the edit from {}", self.incoming),
            (_, Whole::Incoming, false) => format!("Take everything from {}", self.incoming),
        }
    }

    /// The draft that a decision stands for.
    pub fn draft_of(&self, outcome: &Outcome) -> Draft {
        let whole = |whole| Draft { whole: Some(whole), ..Draft::default() };
        let choices = match outcome {
            Outcome::KeepBoth { .. } => return whole(Whole::Both),
            Outcome::Delete if self.info.conflict.kind == ConflictKind::DeleteEdit => {
                return whole(Whole::Incoming);
            }
            Outcome::Delete => return whole(Whole::Current),
            Outcome::Keep { choices } => choices,
        };
        if !self.by_field() {
            let current = self.info.conflict.kind == ConflictKind::DeleteEdit;
            return whole(if current { Whole::Current } else { Whole::Incoming });
        }
        let picked = |(name, choice): (&FieldName, &Choice)| {
            let picked = match choice {
                Choice::Current => Picked::Current,
                Choice::Incoming => Picked::Incoming,
                Choice::Own(value) => Picked::Own(to_input(self.field(name)?, value)),
            };
            Some((name.clone(), picked))
        };
        Draft { picks: per_field(choices.iter().filter_map(picked)), whole: None }
    }

    /// A decision in words, each field with its value.
    pub fn tells(&self, outcome: &Outcome) -> String {
        let Outcome::Keep { choices } = outcome else {
            return crate::text::field::sentence(&review::how(&self.info.item, outcome));
        };
        let part = |field: &Field| {
            let sides = self.info.conflict.fields.get(&field.name)?;
            let value = match choices.get(&field.name)? {
                Choice::Current => &sides.current,
                Choice::Incoming => &sides.incoming,
                Choice::Own(value) => value,
            };
            Some(format!("{}: {}", field.label, quoted(field, value)))
        };
        let parts: Vec<String> = self.fields.iter().filter_map(part).collect();
        crate::text::field::sentence(&parts.join(", "))
    }
}

/// A field within a sentence.
fn said(field: &Field) -> String {
    match field.field_type {
        // labels of these are rarely nouns
        FieldType::YesNo => format!("“{}”", field.label),
        _ => format!("the {}", in_sentence(&field.label)),
    }
}

/// Who made either side, told apart by time where both have the same names.
fn names(info: &ConflictInfo) -> (String, String) {
    let incoming = review::who(&info.item.incoming);
    let current = info.item.current.as_ref().map_or_else(|| "the record".to_owned(), review::who);
    if current != incoming {
        return (current, incoming);
    }
    let at =
        [info.item.current.as_ref().map_or(info.item.incoming.at, |author| author.at), info.item.incoming.at];
    let times = [clock::moment, clock::to_second].map(|words| at.map(words));
    match times.into_iter().find(|[of_current, of_incoming]| of_current != of_incoming) {
        Some([of_current, of_incoming]) => {
            (format!("{current}, {of_current}"), format!("{incoming}, {of_incoming}"))
        }
        None => (format!("{current}, which came first"), format!("{incoming}, which came second")),
    }
}
