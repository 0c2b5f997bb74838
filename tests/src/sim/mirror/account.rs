//! An account of the mirrored table: what programs wrote and when it stood there, what the mirror told of it, and what it took
//! away. It is kept by the table's own order and by the feed as committed, and asks nobody what a mirror should have done.

use std::collections::{BTreeMap, BTreeSet};

use sync_protocol::schema::Collection;
use sync_protocol::{FieldName, RecordId, Timestamp, Value};
use sync_server::mirror::look::{Look, Mapped};
use sync_server::mirror::row::{SeenRow, Shadow, WriteTime};
use sync_server::mirror::write::{RowWrite, Write};

use super::row::Row;
use super::table::Table;
use super::{COLUMNS, COUNTED, Letter, columns, mapped, shadow_of};
use crate::sim::checks::Invariant;
use crate::sim::clock::Watch;
use crate::sim::model::Model;

/// One value of one field of one record.
pub(super) type Said = (RecordId, FieldName, String);

/// Times that differ by no more than the writes of a mirror that can be on their way at once are as good as a tie.
const TIE: WriteTime = 32;

/// What is known of the table and of those who write it.
#[derive(Clone)]
pub struct Account {
    /// The table.
    pub table: Table,
    /// Writes of the mirror's that have not arrived yet.
    pub on_the_way: Vec<Letter>,
    /// Rows that cannot be as their records are yet, and when they are looked at again.
    pub(super) waits: BTreeMap<RecordId, Timestamp>,
    pub(super) mapped: Mapped,
    pub(super) schema: sync_protocol::Schema,
    /// The collection as it is, or last was.
    pub(super) collection: Option<Collection>,
    /// How many values programs have made up.
    pub(super) next: u64,
    /// Everything that happens to the table or is committed has a number.
    pub(super) ticks: u64,
    /// When a round of the mirror began that found nothing to do.
    pub(super) rested: u64,
    /// Looks that may still be judged, by the shadow that they are since.
    pub(super) looks: BTreeMap<String, Vec<Look>>,
    /// What record and row agreed on, as committed.
    pub(super) shadows: BTreeMap<String, Shadow>,
    /// How often programs wrote each value.
    pub(super) wrote: BTreeMap<Said, u64>,
    /// How often programs took a field's value away, or something went by itself.
    pub(super) took: BTreeMap<(RecordId, FieldName), u64>,
    /// How often the mirror's changes told each value.
    pub(super) told: BTreeMap<Said, u64>,
    /// What was ever in the record, in a review, or where a policy decided.
    pub(super) known: BTreeSet<Said>,
    /// What a look saw that was judged.
    looked: BTreeSet<Said>,
    /// What each cell held when a look last saw it.
    pub(super) last: BTreeMap<(RecordId, FieldName), String>,
    /// When a value was last seen to stand in the table.
    pub(super) stood: BTreeMap<Said, u64>,
    /// Since when a record's field has its value.
    pub(super) since: BTreeMap<(RecordId, FieldName), u64>,
    /// The latest time with which the mirror was to write a value into a cell.
    asked: BTreeMap<(String, FieldName), WriteTime>,
}

pub(super) fn text(value: &Value) -> String {
    value.0.to_string()
}

impl Account {
    /// Of an empty table.
    pub fn new(watch: Watch) -> Self {
        Self {
            table: Table::new(watch),
            on_the_way: Vec::new(),
            waits: BTreeMap::new(),
            mapped: mapped(),
            schema: sync_protocol::Schema::default(),
            collection: None,
            next: 0,
            ticks: 0,
            rested: 0,
            looks: BTreeMap::new(),
            shadows: BTreeMap::new(),
            wrote: BTreeMap::new(),
            took: BTreeMap::new(),
            told: BTreeMap::new(),
            known: BTreeSet::new(),
            looked: BTreeSet::new(),
            last: BTreeMap::new(),
            stood: BTreeMap::new(),
            since: BTreeMap::new(),
            asked: BTreeMap::new(),
        }
    }

    /// Whether all that happened was looked at, and nothing is on its way.
    pub fn rests(&self) -> bool {
        self.rested == self.ticks && self.on_the_way.is_empty()
    }

    /// Rows that have rested long enough.
    pub(super) fn waiting(&self, now: Timestamp) -> Vec<RecordId> {
        self.waits.iter().filter(|(_, until)| **until <= now).map(|(id, _)| id.clone()).collect()
    }

    /// Hours pass for the table: what rests is looked at again.
    pub fn pass(&mut self, ms: i64) {
        self.table.pass(ms);
        self.ticks += 1;
    }

    pub(super) fn wrote(&mut self, record: &RecordId, name: &FieldName, value: &Value) {
        *self.wrote.entry((record.clone(), name.clone(), text(value))).or_default() += 1;
    }

    pub(super) fn took(&mut self, record: &RecordId, name: &FieldName) {
        *self.took.entry((record.clone(), name.clone())).or_default() += 1;
    }

    /// Somebody writes to a row.
    pub(super) fn touch(&mut self, record: &RecordId, act: impl FnOnce(&mut Row, Timestamp)) {
        let before = self.stands(record);
        self.table.write(record, act);
        if self.table.read(record) != before {
            self.ticks += 1;
            self.stands(record);
        }
    }

    /// Notes what stands in a row.
    pub(super) fn stands(&mut self, record: &RecordId) -> Option<SeenRow> {
        let row = self.table.read(record);
        for (name, cell) in row.iter().flat_map(|row| &row.cells) {
            self.stood.insert((record.clone(), name.clone(), text(&cell.value)), self.ticks);
        }
        row
    }

    fn is_foreign(&self, said: &Said) -> bool {
        self.wrote.contains_key(said)
    }

    /// A look is on its way to the lane.
    pub(super) fn looks(&mut self, look: &Look) {
        let version = self.shadows.get(&look.shadow_key).map_or(0, |shadow| shadow.version);
        let looks = self.looks.entry(look.shadow_key.clone()).or_default();
        looks.retain(|old| old.since >= version);
        looks.push(look.clone());
    }

    /// Values that the mirror is to write, as it has stored that.
    pub(super) fn asks(&mut self, key: &str, shadow: &Shadow) {
        for (name, intents) in &shadow.intents {
            for intent in intents.iter().filter(|intent| !intent.value.is_absent()) {
                let asked = self.asked.entry((key.to_owned(), name.clone())).or_insert(intent.written);
                *asked = intent.written.max(*asked);
            }
        }
    }

    /// A cell that a write of the mirror's deletes although nobody saw a value there, and none is on its way.
    fn buries(&self, record: &RecordId, seen: Option<&SeenRow>, write: &Write) -> Option<String> {
        let mut deleted = write.cells.iter().filter(|(_, cell)| cell.value.is_absent()).map(|(name, _)| name);
        let unseen = deleted.find(|name| {
            let of = (shadow_of(record), (*name).clone());
            seen.is_none_or(|row| !row.cells.contains_key(*name)) && !self.asked.contains_key(&of)
        });
        unseen.map(|name| format!("whatever {name} was"))
    }

    /// What a write of the mirror's takes away that nobody was told of.
    fn loses(
        &self,
        record: &RecordId,
        seen: Option<&SeenRow>,
        write: &Write,
        (before, left): (Option<&SeenRow>, Option<&SeenRow>),
    ) -> Option<String> {
        before.into_iter().flat_map(|row| &row.cells).find_map(|(name, cell)| {
            let said = (record.clone(), name.clone(), text(&cell.value));
            let stays = left.and_then(|row| row.cells.get(name)) == Some(cell);
            let known = self.known.contains(&said) || self.looked.contains(&said);
            if stays || known || !self.is_foreign(&said) {
                return None;
            }
            let fenced = match seen.and_then(|row| row.cells.get(name)) {
                Some(seen) => cell.written <= seen.written + TIE,
                // where there was no cell nothing can be read of what was there, for a value or against a whole row
                None => match write.cells.get(name) {
                    Some(own) if own.value.is_absent() => {
                        let asked = self.asked.get(&(shadow_of(record), said.1));
                        asked.is_some_and(|asked| cell.written <= *asked)
                    }
                    Some(_) => true,
                    None => matches!(write.row, RowWrite::Delete { .. }),
                },
            };
            (!fenced).then(|| format!("{name}={} written at {}", cell.value.0, cell.written))
        })
    }
}

impl Model {
    /// A write of the mirror's reaches the table.
    pub fn written(&mut self, record: &RecordId, seen: Option<&SeenRow>, write: &Write) {
        let Some(account) = &mut self.mirror else { return };
        let before = account.table.read(record);
        account.touch(record, |row, now| row.write(write, now));
        let left = account.table.read(record);
        let lost = account.loses(record, seen, write, (before.as_ref(), left.as_ref()));
        let lost = lost.or_else(|| account.buries(record, seen, write));
        let line = || format!("  the mirror writes {record}: {} leaves {}", shown(write), row(left.as_ref()));
        self.trace.line(line());
        self.checks.that(Invariant::NoRevert, lost.is_none(), || {
            format!("{} of {record} is taken away unseen by {}", lost.unwrap_or_default(), shown(write))
        });
    }

    /// A look was judged. `truth`: what stood in the row when it was last read.
    pub fn looked(&mut self, record: &RecordId, truth: Option<&SeenRow>) {
        let Some(account) = &mut self.mirror else { return };
        for name in columns() {
            let cell = truth.and_then(|row| row.cells.get(&name));
            let held = cell.map_or(&Value::ABSENT, |cell| &cell.value);
            account.last.insert((record.clone(), name), text(held));
        }
        for (name, cell) in truth.into_iter().flat_map(|row| &row.cells) {
            let said = (record.clone(), name.clone(), text(&cell.value));
            account.stood.insert(said.clone(), account.ticks);
            if !account.is_foreign(&said) {
                continue;
            }
            // what is counted is in a sum
            let kept = name.as_str() == COUNTED || account.known.contains(&said);
            account.looked.insert(said);
            self.checks.that(Invariant::ForeignWriteAccounted, kept, || {
                format!("a look saw {name}={} of {record}, and nobody was told", cell.value.0)
            });
        }
    }

    /// After quiet: table, records and what was agreed on are the same.
    pub fn mirrored(&mut self) {
        let Some(account) = &self.mirror else { return };
        let things = crate::sim::things::collection();
        if account.schema.collection(&things).is_none() {
            return;
        }
        let rows = account.table.rows();
        let mut all: BTreeSet<&RecordId> = rows.keys().collect();
        let records = self.parts.iter().flat_map(|part| &part.records);
        let live: BTreeMap<&RecordId, _> = records.filter(|(_, record)| !record.deleted).collect();
        all.extend(live.keys().filter(|id| id.collection == things));
        let nothing = Value::ABSENT;
        let mut differs = Vec::new();
        for id in all {
            let row = rows.get(id).cloned().flatten();
            let (live, shadow) = (live.get(id), account.shadows.get(&shadow_of(id)));
            let there = shadow.is_some_and(|shadow| shadow.there);
            if live.is_some() != row.is_some() || there != row.is_some() {
                let told = (live.is_some(), row.is_some(), there);
                differs.push(format!("{id}: there in records, table, shadow: {told:?}"));
            }
            for name in columns() {
                let cell = row.as_ref().and_then(|row| row.cells.get(&name)).map_or(&nothing, |c| &c.value);
                let own = live.and_then(|record| record.fields.get(&name)).unwrap_or(&nothing);
                let agreed = shadow.map_or(&nothing, |shadow| shadow.value(&name));
                if own.0 != cell.0 || agreed.0 != cell.0 {
                    differs.push(format!("{id}.{name}: {}, {}, {}", own.0, cell.0, agreed.0));
                }
            }
        }
        self.checks.that(Invariant::MirrorConverges, differs.is_empty(), || differs.join("; "));
    }
}

/// A row, for people.
pub(super) fn row(row: Option<&SeenRow>) -> String {
    let Some(row) = row else { return "no row".into() };
    let cells = row.cells.iter().map(|(name, cell)| {
        format!("{name}={}@{}{}", cell.value.0, cell.written, cell.expires.map_or("", |_| "!"))
    });
    format!("[{}]", cells.collect::<Vec<_>>().join(" "))
}

/// A write, for people.
pub(super) fn shown(write: &Write) -> String {
    let cells = write.cells.iter().map(|(name, cell)| format!("{name}={}@{}", cell.value.0, cell.at));
    format!("{:?} {}", write.row, cells.collect::<Vec<_>>().join(" "))
}

/// The write with nulls for all columns that it has no value for.
pub(super) fn with_nulls(write: &mut Write, seen: Option<&SeenRow>) {
    let RowWrite::Insert { at } = write.row else { return };
    for name in COLUMNS.into_iter().map(FieldName::from_label) {
        if seen.is_none_or(|row| !row.cells.contains_key(&name)) {
            let null = sync_server::mirror::write::CellWrite { value: Value::ABSENT, at, ttl: None };
            write.cells.entry(name).or_insert(null);
        }
    }
}
