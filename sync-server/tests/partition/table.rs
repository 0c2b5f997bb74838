//! A table that another program writes: cells with times, by the rules of Cassandra. The simulation of the suites uses it, too.

use std::collections::BTreeMap;
use std::time::Duration;
use sync_protocol::{FieldName, Timestamp, Value};
use sync_server::mirror::row::{Cell, SeenRow, WriteTime};
use sync_server::mirror::write::{RowWrite, Write};

/// One cell as it is stored: of two, the one with the later time holds; of the same time a tombstone, then one that has a time to
/// live (the longer one), then the larger value.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// When it was written, by whoever wrote it.
    pub written: WriteTime,
    /// `None`: a tombstone.
    pub value: Option<Value>,
    /// When it goes by itself.
    pub expires: Option<Timestamp>,
}

impl Stored {
    fn rank(&self) -> (WriteTime, bool, Option<Timestamp>, String) {
        let text = self.value.as_ref().map_or(String::new(), |v| v.0.to_string());
        (self.written, self.value.is_none(), self.expires, text)
    }

    fn lives(&self, now: Timestamp) -> bool {
        self.value.is_some() && self.expires.is_none_or(|at| at > now)
    }
}

/// One row.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The time of its own tombstone.
    pub deleted: Option<WriteTime>,
    /// What makes it a row also without values.
    pub marker: Option<Stored>,
    /// Its cells.
    pub cells: BTreeMap<FieldName, Stored>,
}

fn put(place: Option<&Stored>, new: Stored) -> Stored {
    match place {
        Some(old) if old.rank() >= new.rank() => old.clone(),
        _ => new,
    }
}

impl Row {
    fn shown<'a>(&self, cell: &'a Stored, now: Timestamp) -> Option<&'a Stored> {
        (cell.lives(now) && self.deleted.is_none_or(|at| cell.written > at)).then_some(cell)
    }

    /// What a read shows.
    pub fn read(&self, now: Timestamp) -> Option<SeenRow> {
        let cells: BTreeMap<FieldName, Cell> = self
            .cells
            .iter()
            .filter_map(|(name, cell)| {
                let cell = self.shown(cell, now)?;
                let value = cell.value.clone().unwrap_or_default();
                Some((name.clone(), Cell { value, written: cell.written, expires: cell.expires }))
            })
            .collect();
        let marker = self.marker.as_ref().and_then(|marker| self.shown(marker, now));
        (marker.is_some() || !cells.is_empty()).then_some(SeenRow { cells })
    }

    /// A cell is written, or deleted.
    pub fn cell(&mut self, field: &FieldName, value: Option<Value>, written: WriteTime) {
        self.cell_for(field, value, written, None);
    }

    /// A cell is written that goes by itself.
    pub fn cell_for(
        &mut self,
        field: &FieldName,
        value: Option<Value>,
        written: WriteTime,
        expires: Option<Timestamp>,
    ) {
        let new = Stored { written, value, expires };
        let held = put(self.cells.get(field), new);
        self.cells.insert(field.clone(), held);
    }

    /// The row is inserted.
    pub fn mark(&mut self, written: WriteTime, expires: Option<Timestamp>) {
        let new = Stored { written, value: Some(Value::from(true)), expires };
        self.marker = Some(put(self.marker.as_ref(), new));
    }

    /// The row is deleted: all of it up to that time.
    pub fn delete(&mut self, written: WriteTime) {
        self.deleted = self.deleted.max(Some(written));
    }

    /// What a mirror writes: one batch, all or nothing.
    pub fn write(&mut self, write: &Write, now: Timestamp) {
        match write.row {
            RowWrite::Keep => {}
            RowWrite::Insert { at } => self.mark(at, None),
            RowWrite::Delete { at } => {
                assert!(write.cells.is_empty(), "nothing is written to a row that is deleted");
                self.delete(at);
            }
        }
        for (field, cell) in &write.cells {
            let value = (!cell.value.is_absent()).then(|| cell.value.clone());
            let expires = cell.ttl.map(|ttl| after(now, ttl));
            self.cell_for(field, value, cell.at, expires);
        }
    }
}

/// So much later.
pub fn after(now: Timestamp, time: Duration) -> Timestamp {
    Timestamp(now.0 + time.as_millis() as i64)
}

/// The time of a write now, by a clock that is that many milliseconds ahead.
pub fn written(now: Timestamp, ahead: i64) -> WriteTime {
    (now.0 + ahead) * 1_000
}

/// What a server believes that takes its own write for the row.
pub fn as_written(seen: Option<SeenRow>, write: &Write) -> Option<SeenRow> {
    if let RowWrite::Delete { .. } = write.row {
        return if write.cells.is_empty() { None } else { seen };
    }
    let mut row = seen.unwrap_or_default();
    for (name, cell) in &write.cells {
        if cell.value.is_absent() {
            row.cells.remove(name);
        } else {
            let (value, written) = (cell.value.clone(), cell.at);
            row.cells.insert(name.clone(), Cell { value, written, expires: None });
        }
    }
    Some(row)
}
