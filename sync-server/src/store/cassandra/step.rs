//! One atomic step of a partition: a conditional batch on the head, with all that it writes.

use scylla::statement::batch::{Batch, BatchType};
use scylla::value::CqlValue;
use std::time::Duration;

use super::{CassandraStore, FIRST, applied, number, outcome, permit};
use crate::store::{Committed, Head, Kind, PartitionId, Row, Step, StoreError};

/// A step that is put together.
pub(super) struct Taking<'a> {
    store: &'a CassandraStore,
    id: PartitionId,
    batch: Batch,
    values: Vec<Vec<Option<CqlValue>>>,
}

impl<'a> Taking<'a> {
    /// One that takes a partition to this head, if its last step is still `expected`.
    pub(super) fn new(store: &'a CassandraStore, id: PartitionId, expected: Step, head: &Head) -> Self {
        let mut batch = Batch::new(BatchType::Unlogged);
        batch.set_consistency(store.options.quorum());
        batch.set_serial_consistency(Some(store.options.serial()));
        batch.set_is_idempotent(false);
        let mut step = Self { store, id, batch, values: Vec::new() };
        step.batch.append_statement(store.database.statements.step.clone());
        let checksums = serde_json::to_string(&head.checksums).expect("texts are always JSON");
        let kept = serde_json::to_string(&head.kept).expect("numbers are always JSON");
        step.values.push(vec![
            Some(CqlValue::BigInt(number(head.step.0))),
            Some(CqlValue::BigInt(number(head.revision.0))),
            Some(CqlValue::Text(checksums)),
            Some(CqlValue::Text(kept)),
            Some(CqlValue::Uuid(id.workspace.0)),
            Some(CqlValue::Int(i32::from(id.partition.0))),
            // the first commit of a partition finds no step
            (expected != Step(0)).then(|| CqlValue::BigInt(number(expected.0))),
        ]);
        if expected == Step(0) {
            step.put_as(FIRST, String::new(), "{}".into(), None);
        }
        step
    }

    /// Writes a row.
    pub(super) fn put(&mut self, Row { kind, key, body, ttl }: Row) {
        self.put_as(kind.name(), key, body, ttl);
    }

    fn put_as(&mut self, kind: &str, key: String, body: String, ttl: Option<Duration>) {
        self.batch.append_statement(self.store.database.statements.put.clone());
        let mut values = self.place(kind);
        values.extend([
            Some(CqlValue::Text(key)),
            Some(CqlValue::Text(body)),
            Some(CqlValue::Int(ttl_seconds(ttl))),
        ]);
        self.values.push(values);
    }

    /// Takes all rows of a kind away. Of this kind nothing can be written in the same step: at one time, Cassandra lets a deletion
    /// hold.
    pub(super) fn clear(&mut self, kind: Kind) {
        self.batch.append_statement(self.store.database.statements.clear.clone());
        self.values.push(self.place(kind.name()));
    }

    fn place(&self, kind: &str) -> Vec<Option<CqlValue>> {
        vec![
            Some(CqlValue::Uuid(self.id.workspace.0)),
            Some(CqlValue::Int(i32::from(self.id.partition.0))),
            Some(CqlValue::Text(kind.into())),
        ]
    }

    pub(super) async fn take(self) -> Result<Committed, StoreError> {
        let _permit = permit(&self.store.commits).await;
        match self.store.database.session.batch(&self.batch, self.values).await {
            Ok(result) => Ok(match applied(Ok(result)) {
                Ok(true) => Committed::Yes,
                Ok(false) => Committed::HeadMoved,
                // an answer that cannot be read
                Err(_) => Committed::Unknown,
            }),
            Err(error) => outcome::of_commit(&error),
        }
    }
}

/// 0 is "for ever" to Cassandra, so what expires lives a second at least.
pub(super) fn ttl_seconds(ttl: Option<Duration>) -> i32 {
    /// The longest that Cassandra takes: 20 years.
    const MOST: u64 = 630_720_000;
    ttl.map_or(0, |ttl| ttl.as_secs().clamp(1, MOST) as i32)
}
