//! Which records hold which values of a field: what tells whether a value is there already, without looking at all of them.

use std::collections::{BTreeMap, BTreeSet};

use sync_protocol::{FieldName, Fields, RecordKey};

use super::seen::Seen;
use crate::replica::rules::written;
use crate::steps::step;

/// The records by what they hold, of the fields that were asked about.
#[derive(Debug, Default)]
pub(super) struct Holders(BTreeMap<FieldName, BTreeMap<String, BTreeSet<RecordKey>>>);

impl Holders {
    /// Follows one record.
    pub(super) fn moved(&mut self, key: &RecordKey, before: Option<&Fields>, now: Option<&Fields>) {
        for (name, held) in &mut self.0 {
            let of = |fields: Option<&Fields>| fields.and_then(|fields| written(fields.get(name)?));
            if let Some(text) = of(before)
                && let Some(keys) = held.get_mut(&text)
            {
                keys.remove(key);
                if keys.is_empty() {
                    held.remove(&text);
                }
            }
            if let Some(text) = of(now) {
                held.entry(text).or_default().insert(key.clone());
            }
        }
    }

    /// The records that hold such a value in a field.
    pub(super) fn of(&mut self, name: &FieldName, text: &str, seen: &Seen) -> BTreeSet<RecordKey> {
        self.held(name, seen).get(text).cloned().unwrap_or_default()
    }

    /// The records of each value of a field that more than one holds, the first `most` of these.
    pub(super) fn twice(&mut self, name: &FieldName, seen: &Seen, most: usize) -> Vec<Vec<RecordKey>> {
        let several = self.held(name, seen).values().filter(|keys| keys.len() > 1);
        several.take(most).map(|keys| keys.iter().cloned().collect()).collect()
    }

    /// The first time a field is asked about, all rows are looked at.
    fn held(&mut self, name: &FieldName, seen: &Seen) -> &BTreeMap<String, BTreeSet<RecordKey>> {
        self.0.entry(name.clone()).or_insert_with(|| {
            let mut held = BTreeMap::<String, BTreeSet<RecordKey>>::new();
            for (key, fields) in seen.iter() {
                step();
                if let Some(text) = fields.get(name).and_then(written) {
                    held.entry(text).or_default().insert(key.clone());
                }
            }
            held
        })
    }
}
