//! What follows from a look at a row: pure, in two halves with the judge between them.
//!
//! [`inward`] tells what another program did since record and row last agreed (at most one edit), and [`outward`] what is still
//! to be written to the table, by the record as the judge left it. Neither knows where the writes end up: each write is
//! an intent in the shadow before it is made, and stays one until something newer is seen in its cell. So nothing is believed
//! that was not read, and a server may be killed between any two steps.
//!
//! Rules that hold for every field, by the times of Cassandra alone:
//!
//! - A cell with the value of an intent is the mirror's own, whatever the record says by then; with a later time than the
//!   intent's, another program has written it again with all columns.
//! - A cell with the agreed value says nothing, whatever its time: programs write all columns again and again.
//! - A cell that is older than what was agreed on came back (a restored node, tombstones that are gone): no edit. It is
//!   written over. A whole row that came back although its record is deleted is asked about.
//! - Of an exact tie the table has decided already: what is seen is what holds, and the next write is one later.
//! - What is agreed on moves to what was seen even where the judge parks it: the other program has been heard.

mod fence;
mod inward;
mod outward;

use std::collections::BTreeSet;
use std::time::Duration;
use sync_protocol::schema::Collection;
use sync_protocol::{Conflict, ConflictKind, FieldName, Record, Timestamp, Value};

use super::look::{Mapped, Stop};
use super::row::{Cell, SeenRow, Shadow, WriteTime};
use super::write::Write;

pub use inward::{Inward, inward};
pub use outward::{Outward, outward};

/// A cell's time that is further ahead than this is told.
const TOLD: Duration = Duration::from_secs(1);

/// A cell's time that is further ahead than this stops its row: writing over it would need a time still later, and so on.
const STOPS: Duration = Duration::from_hours(24);

/// All that is known of a record and its row, as of one step of the partition.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The mirror.
    pub mapped: &'a Mapped,
    /// The collection's fields and rules.
    pub collection: &'a Collection,
    /// What was seen.
    pub seen: Option<&'a SeenRow>,
    /// The write that was acknowledged before that.
    pub wrote: Option<&'a Write>,
    /// When it was read, by the reader's clock.
    pub read_at: Timestamp,
    /// The record as it stands; a deleted one as its tombstone.
    pub record: Option<&'a Record>,
    /// What waits for a person.
    pub blocked: &'a Blocked,
    /// The server's clock.
    pub now: Timestamp,
}

impl<'a> Facts<'a> {
    fn live(&self) -> Option<&'a Record> {
        self.record.filter(|record| !record.deleted)
    }

    fn same(&self, field: &FieldName, one: &Value, other: &Value) -> bool {
        self.collection.same(field, one, other)
    }

    fn cell(&self, field: &FieldName) -> Option<&'a Cell> {
        self.seen.and_then(|row| row.cells.get(field))
    }

    /// Whether a write of that time was made to a cell that shows nothing of it.
    fn was_in_vain(&self, field: &FieldName, at: WriteTime) -> bool {
        let made = self.wrote.and_then(|wrote| wrote.cells.get(field));
        self.cell(field).is_none() && made.is_some_and(|made| made.at >= at)
    }

    fn has_expired(&self, cell: &Cell) -> bool {
        // the times of cells are kept by the reader's clock, and this may be another server's
        cell.expires.is_some_and(|at| at <= self.now.max(self.read_at))
    }

    /// How far the latest cell is ahead of the server's clock, where that is worth telling.
    pub fn ahead(&self) -> Option<Duration> {
        let latest = self.seen?.cells.values().map(|cell| cell.written).max()?;
        Some(ahead_by(latest, self.now)).filter(|by| *by > TOLD)
    }

    /// Whether nothing may be written to this row. What its program wrote is followed all the same.
    pub fn stop(&self) -> Option<Stop> {
        let latest = self.seen?.cells.iter().max_by_key(|(_, cell)| cell.written);
        let (field, by) = latest.map(|(field, cell)| (field, ahead_by(cell.written, self.now)))?;
        (by > STOPS).then(|| Stop::Ahead { field: field.clone(), by })
    }
}

/// What of a row waits for a person: it is not written until that is settled, and then it is what the record says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blocked {
    /// The whole row: an edit and a delete met.
    pub row: bool,
    /// Single fields.
    pub fields: BTreeSet<FieldName>,
}

impl Blocked {
    /// By the open conflicts of the mirror's replica about the record; `more`: there are others that are not at hand.
    pub fn by<'a>(open: impl Iterator<Item = &'a Conflict>, more: bool) -> Self {
        let mut blocked = Self { row: more, fields: BTreeSet::new() };
        for conflict in open {
            blocked.row |= conflict.kind != ConflictKind::EditEdit;
            blocked.fields.extend(conflict.fields.keys().cloned());
        }
        blocked
    }

    /// Whether anything waits.
    pub fn any(&self) -> bool {
        self.row || !self.fields.is_empty()
    }
}

/// Times of cells are microseconds, those of people milliseconds.
pub(super) fn micros(at: Timestamp) -> WriteTime {
    at.0.saturating_mul(1_000)
}

fn ahead_by(written: WriteTime, now: Timestamp) -> Duration {
    Duration::from_micros(u64::try_from(written.saturating_sub(micros(now))).unwrap_or(0))
}

/// The latest time that something in a cell has, or that a write of the mirror's on its way has: what a new write must be above.
fn latest(shadow: &Shadow, field: &FieldName, seen: Option<&Cell>) -> Option<WriteTime> {
    let agreed = shadow.cells.get(field).map(|cell| cell.written);
    let intents = shadow.intents.get(field).and_then(|list| list.last()).map(|intent| intent.written);
    [seen.map(|cell| cell.written), agreed, intents, shadow.deleted].into_iter().flatten().max()
}
