//! Cassandra as a mirror meets it: rows in memory, with a clock that is right.

use std::collections::BTreeMap;

use sync_protocol::{RecordId, Timestamp};
use sync_server::mirror::row::{SeenRow, WriteTime};

use super::row::Row;
use crate::sim::clock::Watch;

/// The rows, by the record that each mirrors.
#[derive(Clone)]
pub struct Table {
    rows: BTreeMap<RecordId, Row>,
    watch: Watch,
    /// Time that has passed only here and for the servers that mirror.
    passed: i64,
    ballot: WriteTime,
}

impl Table {
    /// An empty one.
    pub fn new(watch: Watch) -> Self {
        Self { rows: BTreeMap::new(), watch, passed: 0, ballot: 0 }
    }

    /// The database's clock.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.watch.now().0 + self.passed)
    }

    /// The world's clock.
    pub fn watch_now(&self) -> Timestamp {
        self.watch.now()
    }

    /// Hours pass in which nobody does anything.
    pub fn pass(&mut self, ms: i64) {
        self.passed += ms;
    }

    /// What a read shows.
    pub fn read(&self, record: &RecordId) -> Option<SeenRow> {
        self.rows.get(record)?.read(self.now())
    }

    /// Writes to a row.
    pub fn write(&mut self, record: &RecordId, act: impl FnOnce(&mut Row, Timestamp)) {
        let now = self.now();
        act(self.rows.entry(record.clone()).or_default(), now);
    }

    /// The ballot of a compare-and-set: by the database's clock, each later than the one before.
    pub fn ballot(&mut self) -> WriteTime {
        self.ballot = (self.now().0 * 1_000).max(self.ballot + 1);
        self.ballot
    }

    /// All rows that were ever written, as a read of the whole table shows them.
    pub fn rows(&self) -> BTreeMap<RecordId, Option<SeenRow>> {
        let now = self.now();
        self.rows.iter().map(|(id, row)| (id.clone(), row.read(now))).collect()
    }
}
