//! What a replica's base must be: the fold of the feed up to its cursor, followed step by step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sync_protocol::{ChangeId, Entry, Record, RecordId, Revision};

/// One partition at a cursor.
#[derive(Clone, Default)]
pub struct Shadow {
    at: usize,
    live: BTreeMap<RecordId, Arc<Entry>>,
    open: BTreeMap<ChangeId, Revision>,
    touched: BTreeSet<RecordId>,
}

impl Shadow {
    /// Goes to a cursor; backwards by starting anew.
    pub fn follow(&mut self, feed: &[Arc<Entry>], to: Revision) {
        let to = (to.0 as usize).min(feed.len());
        if to < self.at {
            let touched = self.live.keys().cloned().collect();
            *self = Self { touched, ..Self::default() };
        }
        for entry in &feed[self.at..to] {
            if let (Some(collection), Some(record)) = (&entry.collection, &entry.record) {
                let id = RecordId::new(collection.clone(), record.key.clone());
                if record.deleted {
                    self.live.remove(&id);
                } else {
                    self.live.insert(id.clone(), entry.clone());
                }
                self.touched.insert(id);
            }
            for conflict in entry.conflicts() {
                if conflict.resolved.is_none() {
                    self.open.insert(conflict.id, conflict.rev);
                } else {
                    self.open.remove(&conflict.id);
                }
            }
        }
        self.at = to;
    }

    /// The records touched since this was last asked.
    pub fn touched(&mut self) -> Vec<RecordId> {
        std::mem::take(&mut self.touched).into_iter().collect()
    }

    /// The live record of that id.
    pub fn record(&self, id: &RecordId) -> Option<&Record> {
        self.live.get(id).and_then(|entry| entry.record.as_ref())
    }

    /// All live records.
    pub fn records(&self) -> impl Iterator<Item = (&RecordId, &Record)> {
        self.live.iter().filter_map(|(id, entry)| Some((id, entry.record.as_ref()?)))
    }

    /// The open conflicts with their revisions.
    pub fn open(&self) -> &BTreeMap<ChangeId, Revision> {
        &self.open
    }
}
