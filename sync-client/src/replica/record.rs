//! One record beside its values: what is unsent, what was made beside it, what is known of one that is gone.

use std::collections::BTreeSet;
use sync_protocol::Ordered;

use sync_protocol::record::{set_value, value_of};
use sync_protocol::{
    Change, Edit, FieldName, FieldType, Fields, Outcome, Record, RecordId, RecordKey, Value,
};

use super::Replica;
use crate::api::{Seen, UnsentInfo, UnsentWhat};
use crate::store::Decided;

impl Replica {
    /// A record's changes that the server has not judged, oldest first.
    pub fn unsent_of(&self, id: &RecordId) -> Vec<UnsentInfo> {
        self.outbox.of(id).filter(|p| p.judged == super::Judged::No).map(|p| unsent_info(&p.change)).collect()
    }

    /// What a record held when it was deleted here, while the server has not judged that.
    pub fn deleted(&self, id: &RecordId) -> Option<Fields> {
        match &self.pending_of(id).last()?.edit {
            Edit::Delete { base } => Some(base.clone()),
            _ => None,
        }
    }

    /// The records that were made beside this one, where somebody kept both of two versions, as far as this device knows.
    pub fn twins_of(&self, id: &RecordId) -> BTreeSet<RecordKey> {
        let settled = self.decisions().filter_map(|decision| match &decision.what {
            Decided::Settled(conflict) if conflict.record == *id => {
                conflict.resolved.as_ref().map(|resolved| &resolved.outcome)
            }
            Decided::Settled(_) | Decided::Merged(_) => None,
        });
        let twin = |outcome: &Outcome| match outcome {
            Outcome::KeepBoth { key } => Some(key.clone()),
            Outcome::Keep { .. } | Outcome::Delete => None,
        };
        settled.filter_map(twin).ordered_set()
    }

    /// The fields of a record that somebody has set or cleared.
    pub fn authored<'a>(&self, record: &'a Record) -> BTreeSet<&'a FieldName> {
        record.fields.keys().chain(record.edits.keys()).ordered_set()
    }

    /// What is known of a record that is not there (any more) from what waits for a person: its title, and the values
    /// that are at stake.
    pub fn last_known(&self, id: &RecordId) -> Fields {
        let mut fields = Fields::new();
        for rejected in self.rejected_of(id) {
            if let Edit::Insert { fields: wanted } = &rejected.change.edit {
                fields.extend(wanted.clone());
            }
        }
        for conflict in self.conflicts_of(id) {
            for (name, sides) in &conflict.fields {
                let value = if sides.current.is_absent() { &sides.base } else { &sides.current };
                set_value(&mut fields, name, value.clone());
            }
            let collection = self.schema().collection(&id.collection);
            let named = collection.and_then(|c| c.title_field());
            if let Some(field) = named.filter(|field| field.field_type == FieldType::Text)
                && value_of(&fields, &field.name).is_absent()
                && !conflict.title.is_empty()
                && conflict.title != id.key.to_string()
            {
                set_value(&mut fields, &field.name, Value::from(conflict.title.as_str()));
            }
        }
        fields
    }
}

fn unsent_info(change: &Change) -> UnsentInfo {
    let seen = |saw: &Value, want: &Value| Seen { saw: saw.clone(), want: want.clone() };
    let (what, fields) = match &change.edit {
        Edit::Insert { fields } => {
            let added = fields.iter().map(|(name, value)| (name.clone(), seen(&Value::ABSENT, value)));
            (UnsentWhat::Add, added.ordered_map())
        }
        Edit::Patch { fields } => {
            let edited = fields.iter().map(|(name, d)| (name.clone(), seen(&d.base, &d.incoming)));
            (UnsentWhat::Edit, edited.ordered_map())
        }
        Edit::Delete { .. } => (UnsentWhat::Delete, Default::default()),
        Edit::Resolve(_) => (UnsentWhat::Decide, Default::default()),
        Edit::Reopen(_) => (UnsentWhat::TakeBack, Default::default()),
    };
    UnsentInfo { at: change.at, what, fields }
}
