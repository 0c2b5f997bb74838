//! What brings rows and their records together: read, have judged, write, read again.

use futures::stream::{self, StreamExt};
use std::collections::{BTreeMap, BTreeSet};
use sync_protocol::{FieldName, Partition, Record, RecordId, RecordKey, Timestamp};

use super::error::WorkError;
use super::link::Link;
use super::told::is_before;
use crate::mirror::cql::TableError;
use crate::mirror::cql::budget::MOST;
use crate::mirror::look::{Answer, Look, Looked, Stop, shadow_key};
use crate::mirror::row::{SeenRow, Shadow};
use crate::mirror::status::span;
use crate::mirror::write::Write;
use crate::store::Read;

/// Rows that are reconciled together: one read of shadows and one step per partition.
const TOGETHER: usize = 256;
/// Looks at one row until it is put off: each means that somebody else wrote to it meanwhile.
const ROUNDS: usize = 8;
/// Reads of a row of which another part is missing each time, until it is put off.
const READS: usize = 4;

/// How it went with some rows.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Not settled yet: to be tried again, later.
    pub left: Vec<RecordKey>,
    /// For how many anything was another one than before.
    pub changed: usize,
}

/// A row under way.
pub(super) struct Open {
    key: RecordKey,
    record: RecordId,
    token: i64,
    shadow_key: String,
    partition: Partition,
    /// What was agreed on when it was first looked at.
    before: Option<Shadow>,
    /// What is agreed on now.
    shadow: Shadow,
    /// Whether that has to be read.
    stale: bool,
    seen: Option<SeenRow>,
    /// Whether that is what was agreed on, and was not read.
    believed: bool,
    read_at: Timestamp,
    /// The write that was acknowledged last, and the shadow's version that it was asked for at.
    made: Option<(u64, Write)>,
    /// Whether anything was another one than before.
    changed: bool,
    /// Whether only values take the places of values.
    replaces: bool,
}

/// What was written, and the shadow's version that it was asked for at; `None` where no column takes any of it.
type Made = Option<(u64, Write)>;

/// How a read of a row ended.
enum ReadRow {
    Read,
    Refused(String),
    Later,
}

impl Link {
    /// Brings rows and their records together, each as far as it goes: reads the row, has it judged, writes what follows, and reads
    /// again. Doing it twice, or in two places at once, comes to the same.
    ///
    /// # Errors
    /// Where nothing goes on for the moment, or without a person.
    pub async fn reconcile(&self, keys: Vec<RecordKey>) -> Result<Outcome, WorkError> {
        let mut outcome = Outcome::default();
        for chunk in keys.chunks(TOGETHER) {
            let mut open: Vec<Open> = chunk.iter().filter_map(|key| self.begin(key)).collect();
            self.load_shadows(&mut open).await?;
            self.together(open, &mut outcome).await?;
        }
        Ok(outcome)
    }

    /// The same for records that differ from what was agreed on. As long as nothing was done to the table as a whole, a row in which
    /// only values take the places of values is taken for what was agreed on, and is not read before it is written: whatever a
    /// program wrote since holds against the write by its time, and is found by the read behind it.
    ///
    /// # Errors
    /// As [`Link::reconcile`].
    pub(super) async fn carry_out(&self, mut open: Vec<Open>) -> Result<Outcome, WorkError> {
        let mut outcome = Outcome::default();
        if self.mapped.inward && self.is_as_told().await {
            let now = self.desk.now();
            let sets = self.table.mapping().columns.values().any(|column| column.of.many_cells);
            // of a set only elements that were seen are taken away
            for one in open.iter_mut().filter(|one| one.replaces && !sets) {
                one.seen = one.shadow.as_row();
                (one.believed, one.read_at) = (one.seen.is_some(), now);
            }
        }
        while !open.is_empty() {
            let rest = open.split_off(TOGETHER.min(open.len()));
            self.together(open, &mut outcome).await?;
            open = rest;
        }
        Ok(outcome)
    }

    /// A key that names no row is refused here.
    fn begin(&self, key: &RecordKey) -> Option<Open> {
        let token = match self.table.token_of(key) {
            Ok(token) => token,
            Err(error) => {
                self.board.refuse(&key.to_string(), error.to_string());
                return None;
            }
        };
        let record = RecordId::new(self.collection().clone(), key.clone());
        Some(Open {
            key: key.clone(),
            partition: record.partition(self.partitions),
            record,
            token,
            shadow_key: shadow_key(self.mapped.mirror, token, key),
            before: None,
            shadow: Shadow::default(),
            stale: true,
            seen: None,
            believed: false,
            read_at: Timestamp(0),
            made: None,
            changed: false,
            replaces: false,
        })
    }

    async fn together(&self, mut open: Vec<Open>, outcome: &mut Outcome) -> Result<(), WorkError> {
        for _ in 0..ROUNDS {
            let mut ready = Vec::with_capacity(open.len());
            for (one, read) in self.read_rows(open).await? {
                match read {
                    ReadRow::Read => ready.push(one),
                    ReadRow::Refused(why) => self.board.refuse(&one.key.to_string(), why),
                    ReadRow::Later => outcome.left.push(one.key),
                }
            }
            if ready.iter().any(|one| !one.missing().is_empty()) {
                // nothing is deleted because another table has its name, or another column: what was read before this was of
                // the table that was chosen
                self.unchanged().await?;
                self.not_emptied(&ready).await?;
            }
            let looks = ready.iter().map(Open::look).collect();
            let engine = self.desk.engine();
            let looked = engine.look(self.workspace(), self.partitions, &self.mapped, looks).await?;
            open = self.follow(ready.into_iter().zip(looked), outcome).await?;
            if open.is_empty() {
                return Ok(());
            }
            self.load_shadows(&mut open).await?;
        }
        outcome.left.extend(open.into_iter().map(|one| one.key));
        Ok(())
    }

    /// Reads what is agreed on, where it is not at hand. Before the rows are read: an old look never passes for a new edit then.
    async fn load_shadows(&self, open: &mut [Open]) -> Result<(), WorkError> {
        let mut places: BTreeMap<Partition, Vec<usize>> = BTreeMap::new();
        for (place, one) in open.iter().enumerate().filter(|(_, one)| one.stale) {
            places.entry(one.partition).or_default().push(place);
        }
        for (partition, places) in places {
            let keys: Vec<String> = places.iter().map(|place| open[*place].shadow_key.clone()).collect();
            let shadows = self.desk.engine().shadows_of(self.workspace(), partition, &keys).await?;
            for (place, shadow) in places.into_iter().zip(shadows) {
                let one = &mut open[place];
                one.before.get_or_insert_with(|| shadow.clone());
                (one.shadow, one.stale) = (shadow, false);
            }
        }
        Ok(())
    }

    async fn read_rows(&self, open: Vec<Open>) -> Result<Vec<(Open, ReadRow)>, WorkError> {
        let count = open.len();
        let reads = stream::iter(open).map(|mut one| async move {
            let read = self.read_row(&mut one).await;
            (one, read)
        });
        let done: Vec<(Open, Result<(), TableError>)> = reads.buffered(MOST).collect().await;
        let mut all = Vec::with_capacity(count);
        for (one, read) in done {
            let read = match read {
                Ok(()) => ReadRow::Read,
                Err(error @ (TableError::Key(_) | TableError::Unfit { .. })) => {
                    ReadRow::Refused(error.to_string())
                }
                Err(TableError::Later(_) | TableError::Smaller(_)) => ReadRow::Later,
                Err(error) => return Err(error.into()),
            };
            all.push((one, read));
        }
        Ok(all)
    }

    /// What is missing is looked for until two reads in a row miss it: a value may fail to come for one read, where a node has
    /// missed writes.
    async fn read_row(&self, one: &mut Open) -> Result<(), TableError> {
        if one.believed {
            return Ok(());
        }
        // what conditional writes under way come to is found by its own time, if it holds against what was written
        let mut read = if one.made.is_some() { Read::Quorum } else { Read::Serial };
        let mut missed: Option<BTreeSet<Option<FieldName>>> = None;
        for _ in 0..READS {
            let place = self.table.place_of(one.token).await;
            one.read_at = self.desk.now();
            let seen = self.table.read(&one.key, read).await;
            place.answered(&seen);
            one.seen = seen?;
            let missing = one.missing();
            if missing.is_empty() || missed.is_some_and(|missed| missing.is_subset(&missed)) {
                return Ok(());
            }
            (missed, read) = (Some(missing), Read::Quorum);
        }
        Err(TableError::unsettled())
    }

    /// Does what was answered; what is to be looked at once more.
    async fn follow(
        &self,
        looked: impl Iterator<Item = (Open, Looked)>,
        outcome: &mut Outcome,
    ) -> Result<Vec<Open>, WorkError> {
        let mut again = Vec::new();
        let mut writes = Vec::new();
        for (mut one, looked) in looked {
            let shown = one.key.to_string();
            self.note(&shown, &looked, one.read_at);
            if looked.version != one.shadow.version {
                one.changed = true;
            }
            // that nothing is to be written says nothing of a row that was not read
            let read = !std::mem::take(&mut one.believed);
            one.stale = looked.shadow.is_none();
            one.shadow = looked.shadow.unwrap_or(one.shadow);
            match looked.answer {
                Answer::Agreed | Answer::Parked => {
                    self.board.park(&shown, looked.answer == Answer::Parked);
                    if read && looked.unwritable.is_empty() {
                        self.board.accept(&shown);
                    }
                    self.settled(one, outcome);
                }
                Answer::Write(write) => writes.push((one, looked.version, write)),
                Answer::Again => again.push(one),
                Answer::Refused(reason) => {
                    self.board.refuse(&shown, reason.to_string());
                    outcome.changed += usize::from(one.changed);
                }
                Answer::Stopped(Stop::Ahead { field, by }) => {
                    self.board.refuse(&shown, stopped(field.as_str(), by));
                    outcome.changed += usize::from(one.changed);
                }
            }
        }
        let made = stream::iter(writes).map(|(one, version, write)| async move {
            let made = self.write(&one, write).await;
            (one, made.map(|made| made.map(|write| (version, write))))
        });
        let made: Vec<(Open, Result<Made, TableError>)> = made.buffer_unordered(MOST).collect().await;
        for (mut one, made) in made {
            match made {
                Ok(Some(write)) => {
                    self.board.set(|status| status.written += 1);
                    one.made = Some(write);
                    one.changed = true;
                    again.push(one);
                }
                // no column takes it: told, and looked at when record or row is another one
                Ok(None) => self.settled(one, outcome),
                Err(error @ TableError::Refused(_)) => {
                    self.board.refuse(&one.key.to_string(), error.to_string());
                }
                Err(TableError::Later(_) | TableError::Smaller(_)) => outcome.left.push(one.key),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(again)
    }

    pub(super) fn note(&self, shown: &str, looked: &Looked, at: Timestamp) {
        if let Some(by) = looked.ahead {
            self.board.ahead(shown, by, at);
        }
        if let Some(field) = looked.unwritable.first() {
            self.board.refuse(shown, format!("field {field} cannot be written to the table"));
        }
    }

    fn settled(&self, one: Open, outcome: &mut Outcome) {
        let before = one.before.as_ref().filter(|shadow| shadow.there).map(Shadow::row);
        self.moved(one.token, &one.key, before.as_ref(), one.seen.as_ref());
        outcome.changed += usize::from(one.changed);
    }

    /// A row is agreed on: the sum of its range is another one now, and its values may expire.
    pub(super) fn moved(
        &self,
        token: i64,
        key: &RecordKey,
        before: Option<&SeenRow>,
        after: Option<&SeenRow>,
    ) {
        let cells = after.map(|row| &row.cells);
        self.plan(|plan| plan.moved(self.table.mapping(), token, before.map(|row| &row.cells), cells));
        if let Some(at) = cells.into_iter().flatten().filter_map(|(_, cell)| cell.expires).min() {
            self.calendar(|calendar| calendar.note(at, key));
        }
    }

    /// Writes what the columns take, and gives what that was; `None` where it is nothing.
    async fn write(&self, one: &Open, mut write: Write) -> Result<Option<Write>, TableError> {
        let cells = write.cells.len();
        loop {
            let place = self.table.place_of(one.token).await;
            if self.lease.as_ref().is_some_and(|lease| !lease.holds()) {
                return Err(TableError::not_ours());
            }
            let own = self.own.begins();
            let made = self.table.write(&one.key, &write, one.seen.as_ref()).await;
            place.answered(&made);
            match made {
                Err(TableError::Unfit { field, why }) if write.cells.remove(&field).is_some() => {
                    own.never_sent();
                    self.board.refuse(&one.key.to_string(), format!("field {field}: {why}"));
                    if write.cells.is_empty() && cells > 0 {
                        return Ok(None);
                    }
                }
                Ok(()) => {
                    own.done();
                    return Ok(Some(write));
                }
                Err(error) => {
                    own.in_doubt();
                    return Err(error);
                }
            }
        }
    }

    /// Of these records, those that may not agree with their rows, by what is stored of both: most changes need no look
    /// at the table, above all the mirror's own.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub(super) async fn differing(&self, ids: Vec<RecordId>) -> Result<Vec<Open>, WorkError> {
        let schema = self.desk.engine().schema(self.workspace()).await?;
        let Some(collection) = schema.collection(self.collection()) else { return Ok(Vec::new()) };
        let mut differing = Vec::new();
        for chunk in ids.chunks(TOGETHER) {
            let mut open: Vec<Open> = chunk.iter().filter_map(|id| self.begin(&id.key)).collect();
            self.load_shadows(&mut open).await?;
            let ids: Vec<RecordId> = open.iter().map(|one| one.record.clone()).collect();
            let records = self.desk.engine().records_with(self.workspace(), self.partitions, &ids).await?;
            let differs = |one: &Open, record: Option<&Record>| {
                let shadow = &one.shadow;
                let quiet = shadow.intents.is_empty() && !shadow.deleting && shadow.refused.is_none();
                let record = record.filter(|record| !record.deleted);
                let equal = |record: &Record| {
                    self.mapped.fields.iter().all(|field| {
                        collection.same(field, record.value(field), shadow.value(field))
                            || self.mapped.read_only.contains(field)
                    })
                };
                !quiet || record.is_some() != shadow.there || record.is_some_and(|record| !equal(record))
            };
            let replaces = |one: &Open, record: &Record| {
                let cells = &self.mapped.fields;
                cells.iter().all(|f| record.value(f).is_absent() == one.shadow.value(f).is_absent())
            };
            for (mut one, record) in open.into_iter().zip(&records) {
                one.replaces =
                    record.as_ref().is_some_and(|record| !record.deleted && replaces(&one, record));
                differing.extend(differs(&one, record.as_ref()).then_some(one));
            }
        }
        Ok(differing)
    }
}

impl Open {
    fn look(&self) -> Look {
        Look {
            record: self.record.clone(),
            shadow_key: self.shadow_key.clone(),
            since: self.shadow.version,
            wrote: self
                .made
                .as_ref()
                .filter(|(at, _)| *at == self.shadow.version)
                .map(|(_, write)| write.clone()),
            seen: self.seen.clone(),
            read_at: self.read_at,
        }
    }

    /// Whether anything is missing, and all was written before then.
    pub(super) fn misses_since_before(&self, at: Timestamp) -> bool {
        !self.missing().is_empty() && is_before(self.shadow.written(), at)
    }

    /// What is missing that was agreed on; `None` stands for the row.
    fn missing(&self) -> BTreeSet<Option<FieldName>> {
        match &self.seen {
            None if self.shadow.there => BTreeSet::from([None]),
            None => BTreeSet::new(),
            Some(row) => {
                let held = self.shadow.held().map(|(field, _)| field);
                held.filter(|field| !row.cells.contains_key(*field)).cloned().map(Some).collect()
            }
        }
    }
}

pub(super) fn stopped(field: &str, by: std::time::Duration) -> String {
    format!(
        "field {field} was written with a clock {} ahead: nothing is written to this row until its program writes it again",
        span(by)
    )
}
