//! What has just come up for review: told once, when it comes.

use sync_protocol::{ChangeId, Conflict, Edit};

use super::Replica;
use super::review::Authors;
use crate::api::NewReview;
use crate::store::Batch;

impl Replica {
    /// The conflicts that a batch brings and this device did not know, before the batch is absorbed. What a snapshot
    /// brings is not new: it was there before this device was. Nor is what this device's person has opened again.
    pub fn news(&self, batch: &Batch) -> Vec<NewReview> {
        if batch.snapshot.is_some() {
            return Vec::new();
        }
        let reopened: Vec<ChangeId> = batch
            .settle
            .iter()
            .filter_map(|counter| match &self.pending(*counter)?.edit {
                Edit::Reopen(reopening) => Some(reopening.conflict),
                _ => None,
            })
            .collect();
        let is_new = |conflict: &&Conflict| {
            conflict.is_open() && self.conflict(conflict.id).is_none() && !reopened.contains(&conflict.id)
        };
        let mut authors = Authors::default();
        let told = batch.conflicts.iter().filter(is_new).map(|conflict| {
            let collection = &conflict.record.collection;
            let label = self.schema().collection(collection).map(|c| c.label.as_str());
            NewReview {
                id: conflict.id,
                record: conflict.record.clone(),
                collection: label.unwrap_or(collection.as_str()).to_owned(),
                kind: conflict.kind,
                incoming: authors.of(self, conflict.incoming),
            }
        });
        told.collect()
    }
}
