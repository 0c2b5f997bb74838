//! What is written into a record's form: what of it is a change, the command that saves it, and what is left to save
//! once that is done.

use super::Errors;
use super::form::Target;
use crate::components::field_input::{from_input, to_input};
use crate::text::field::sentence;
use crate::unsaved::{Draft, Touched};
use std::collections::BTreeMap;
use std::rc::Rc;
use sync_client::api::{CollectionInfo, Command, RecordInfo, Seen};
use sync_protocol::Ordered;
use sync_protocol::record::{set_value, value_of};
use sync_protocol::schema::{Collection, Field};
use sync_protocol::{FieldName, Fields, RecordKey, Value};

/// What to do with a draft.
pub enum Ready {
    /// What is written means what is there.
    Nothing,
    /// The values that it wants, by the command that saves them.
    Save(Command, BTreeMap<FieldName, Seen>),
    /// What is wrong with it.
    Wrong(Errors),
}

/// A field is written to; one that is back at what was seen is not touched any more.
pub fn write(draft: &mut Draft, field: &Field, text: String, now: &Value) {
    let saw = draft.fields.get(&field.name).map_or_else(|| now.clone(), |touched| touched.saw.clone());
    if text == to_input(field, &saw) {
        draft.fields.remove(&field.name);
    } else {
        draft.fields.insert(field.name.clone(), Touched { saw, text });
    }
}

/// How many fields would be lost: those whose text means another value than the one that was seen, or none.
pub fn changed(draft: &Draft, collection: &Collection) -> usize {
    let differs = |(name, touched): &(&FieldName, &Touched)| {
        let field = collection.fields.get(*name);
        field.is_none_or(|field| from_input(field, &touched.text, &touched.saw).as_ref() != Ok(&touched.saw))
    };
    draft.fields.iter().filter(differs).count() + usize::from(!draft.key.is_empty())
}

/// What saves a draft. `unfinished`: fields with half a date, which the browser does not tell.
pub fn ready(info: &CollectionInfo, target: &Target, draft: &Draft, unfinished: Vec<String>) -> Ready {
    let mut errors: Errors =
        unfinished.into_iter().map(|name| (name, "This date is not complete.".to_owned())).ordered_map();
    let mut wanted: BTreeMap<FieldName, Seen> = BTreeMap::new();
    for (name, Touched { saw, text }) in &draft.fields {
        let Some(field) = info.collection.fields.get(name) else { continue };
        match from_input(field, text, saw) {
            Ok(want) if want == *saw => {}
            Ok(want) => drop(wanted.insert(name.clone(), Seen { saw: saw.clone(), want })),
            Err(error) => drop(errors.entry(name.to_string()).or_insert(error)),
        }
    }
    if *target == Target::New {
        for field in info.collection.ordered() {
            let said = wanted.contains_key(&field.name) || errors.contains_key(field.name.as_str());
            if !said && let Some(broken) = field.broken(&field.details.default) {
                errors.insert(field.name.to_string(), sentence(&broken.to_string()));
            }
        }
    }
    let key = draft.key.trim();
    let key = (!key.is_empty()).then(|| RecordKey::from_input(key));
    if let Some(Err(wrong)) = key.as_ref().map(RecordKey::check) {
        errors.insert(String::new(), sentence(&wrong.to_string()));
    }
    if errors.is_empty() && *target == Target::New && key.is_none() && wanted.is_empty() {
        errors.insert(String::new(), "Nothing is written yet. Fill in a field, or give it a key.".to_owned());
    }
    if !errors.is_empty() {
        return Ready::Wrong(errors);
    }
    let command = match target {
        Target::New => {
            let fields = wanted.iter().map(|(name, seen)| (name.clone(), seen.want.clone()));
            // one that was emptied does not get its default
            let said = |(name, want): &(FieldName, Value)| {
                let field = info.collection.fields.get(name);
                !want.is_absent() || field.is_some_and(|field| !field.details.default.is_absent())
            };
            let fields = fields.filter(said).ordered_map();
            Command::Insert { collection: info.id.clone(), key, fields }
        }
        Target::Edit(_) if wanted.is_empty() => return Ready::Nothing,
        Target::Edit(id) => Command::Edit { id: id.clone(), fields: wanted.clone() },
    };
    Ready::Save(command, wanted)
}

/// What is left of a draft once `sent` was saved: what was written meanwhile, on top of what was saved.
pub fn left(draft: &Draft, sent: &Draft, wanted: &BTreeMap<FieldName, Seen>) -> Draft {
    let mut left = Draft::default();
    for (name, touched) in &draft.fields {
        if sent.fields.get(name).is_some_and(|sent| sent.text == touched.text) {
            continue;
        }
        let saw = wanted.get(name).map_or(&touched.saw, |seen| &seen.want).clone();
        left.fields.insert(name.clone(), Touched { saw, text: touched.text.clone() });
    }
    left
}

/// The first field that is wrong, as they stand on the screen; the empty name is the record's key.
pub fn first_wrong(errors: &Errors, collection: &Collection) -> Option<String> {
    let names = collection.ordered().into_iter().map(|field| field.name.to_string());
    std::iter::once(String::new()).chain(names).find(|name| errors.contains_key(name))
}

/// What was saved from a form and has not come back yet: it is shown meanwhile, so that nobody sees the old value again,
/// and nobody else is held for the author of one's own change.
#[derive(Clone, Default, PartialEq)]
pub struct Saved {
    /// Per field the values that were there before, and the one that was saved.
    values: BTreeMap<FieldName, (Vec<Value>, Value)>,
    /// What was last read of the record.
    about: Option<Rc<RecordInfo>>,
    /// How often it was read since.
    reads: u8,
    /// Which saving it was.
    pub number: u64,
}

/// The first reading after the answer may have been under way before it; the second knows.
const READS: u8 = 2;

impl Saved {
    /// On top of `self`, what was saved before; `there`: what is known of the record.
    pub fn then(
        &self,
        wanted: &BTreeMap<FieldName, Seen>,
        there: &Fields,
        about: Option<Rc<RecordInfo>>,
    ) -> Self {
        let mut values = self.values.clone();
        for (name, seen) in wanted {
            let (past, now) = values.entry(name.clone()).or_default();
            past.push(value_of(there, name).clone());
            past.push(std::mem::replace(now, seen.want.clone()));
        }
        Self { values, about, reads: 0, number: self.number + 1 }
    }

    /// What is still to be shown, now that `values` and `about` were read.
    pub fn after(&self, values: &Fields, about: Option<&Rc<RecordInfo>>) -> Self {
        let same = match (&self.about, about) {
            (Some(one), Some(other)) => Rc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        let reads = self.reads + u8::from(!same);
        if self.values.is_empty() || reads >= READS {
            return self.none();
        }
        let open = self.values.iter().filter(|(name, (past, _))| past.contains(value_of(values, name)));
        let values = open.map(|(name, pair)| (name.clone(), pair.clone())).ordered_map();
        Self { values, about: about.cloned(), reads, number: self.number }
    }

    /// Nothing any more.
    pub fn none(&self) -> Self {
        Self { number: self.number, ..Self::default() }
    }

    /// The values with what was saved.
    pub fn over(&self, values: &Fields) -> Fields {
        let mut values = values.clone();
        for (name, (_, now)) in &self.values {
            set_value(&mut values, name, now.clone());
        }
        values
    }
}
