//! What has just come up for review: told once, when it comes.

use super::Replica;
use super::review::Authors;
use crate::api::NewReview;
use crate::delta::{Delta, Move};

impl Replica {
    /// The conflicts that a delta brings and this device did not know, once memory has followed it.
    pub fn news(&self, delta: &Delta<'_>) -> Vec<NewReview> {
        let mut authors = Authors::default();
        let new = delta.moves.iter().filter_map(|step| match step {
            Move::Opened { conflict, news: true } => Some(conflict),
            _ => None,
        });
        let told = new.map(|conflict| {
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
