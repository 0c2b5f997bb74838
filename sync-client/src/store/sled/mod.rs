//! The local store of the desktop and of embedding programs: sled, with a second, plain copy of what is unsent.
//!
//! One folder holds `records` (sled), `unsent.journal` (see `journal`) and `lock`. All rows live in one tree, so that
//! a batch is one atomic write. sled 0.34 has been seen damaged after an abrupt stop: every row carries a checksum,
//! and a damaged `records` folder is set aside and rebuilt from the journal, to be fetched from the server again.

mod journal;
mod open;
mod rows;

use ::sled::{Batch as Rows, Db};
use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeMap;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;
use sync_protocol::checksum::Checksums;
use sync_protocol::message::Page;
use sync_protocol::{CollectionId, Counter, Partition, Record, RecordId};

use super::profile::disk_failed;
use super::{
    Batch, Loaded, LocalStore, Memos, Mended, Meta, Quarantined, Rebuilt, Receipt, ScanPosition, Scanned,
    StoreError, Usage,
};
use journal::Journal;

/// The layout of rows and journal that this build writes.
const VERSION: u32 = 1;
/// A flush that takes longer is made to look again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A [`LocalStore`] in a folder.
pub struct SledStore {
    live: RefCell<Live>,
    /// Damage was found when it was opened, or since.
    rebuilt: Cell<Rebuilt>,
    /// The disk had no room for a batch. A small one may still fit; that is no room to go on.
    full: Cell<bool>,
    folder: PathBuf,
    _lock: File,
}

enum Live {
    Up(Box<Up>),
    /// Closed after a failure, and not to be opened again so far.
    Down {
        why: StoreError,
        acknowledged: Acknowledged,
    },
}

/// What this process has said to be saved, where it opens its files again: a batch that was answered with "nothing was
/// saved" may be on the disk all the same.
#[derive(Clone)]
struct Acknowledged {
    /// The highest number of a change.
    counter: Counter,
    receipts: Vec<Receipt>,
    /// Where the journal ended, if a line behind it could not be taken back.
    journal: Option<u64>,
}

/// The open files.
struct Up {
    db: Db,
    journal: RefCell<Journal>,
    meta: RefCell<Option<Meta>>,
    counter: Cell<Counter>,
    receipts: RefCell<Vec<Receipt>>,
    /// A write failed, and memory and disk may differ: nothing more is written until all is opened again.
    failed: RefCell<Option<StoreError>>,
    /// Behind all other handles.
    _last: Last,
}

/// Closes sled: the last handle to go. sled panics where its last sync fails; nothing can be done about it there, and what
/// counts is in the journal.
struct Last(Option<Db>);

impl Last {
    /// Another handle, which must go before this one.
    fn handle(&self) -> Db {
        self.0.clone().expect("it is taken only when this is dropped")
    }
}

impl Drop for Last {
    fn drop(&mut self) {
        drop(catch_unwind(AssertUnwindSafe(|| drop(self.0.take()))));
    }
}

/// A store just opened.
pub struct Opened {
    /// The store.
    pub store: SledStore,
    /// The records were damaged: they were set aside, unsent changes were taken from the journal, and the cursor is
    /// back at the beginning.
    pub recovered: bool,
}

impl SledStore {
    /// Opens the store in a folder; makes one where there is none.
    pub fn open(folder: &Path) -> Result<Opened, StoreError> {
        open::open(folder)
    }

    /// The open files, for reading; also after a write failed: what was stored before can still be seen.
    fn up(&self) -> Result<Ref<'_, Up>, StoreError> {
        let up = Ref::filter_map(self.live.borrow(), |live| match live {
            Live::Up(up) => Some(&**up),
            Live::Down { .. } => None,
        });
        up.map_err(|live| match &*live {
            Live::Down { why, .. } => why.clone(),
            Live::Up(_) => StoreError::Gone("it was closed".into()),
        })
    }

    /// Reads something. Damage that shows is remembered: the records are rebuilt when the store is mended, or opened next.
    fn read<T>(&self, work: impl FnOnce(&Up) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let up = self.up()?;
        work(&up).inspect_err(|error| {
            if matches!(error, StoreError::Corrupt(_)) {
                open::mark_damaged(&self.folder);
                up.failed.replace(Some(error.clone()));
            }
        })
    }
}

impl Up {
    /// The rows of a batch, and the highest counter after it.
    fn rows(&self, batch: &Batch, pages: Vec<Unpacked>) -> Result<(Rows, Counter), StoreError> {
        let mut rows = Rows::default();
        if let Some(meta) = &batch.meta {
            rows.insert(rows::META, rows::json(rows::META, meta));
        }
        self.base_rows(batch, pages, &mut rows)?;
        let mut counter = self.counter.get();
        for change in &batch.enqueue {
            counter = counter.max(change.id.counter);
            let key = rows::outbox(change.id.counter);
            rows.insert(&key[..], rows::json(&key, change));
        }
        for settled in &batch.settle {
            counter = counter.max(*settled);
            rows.remove(&rows::outbox(*settled)[..]);
        }
        if counter != self.counter.get() {
            rows.insert(rows::COUNTER, rows::json(rows::COUNTER, &counter));
        }
        for conflict in &batch.conflicts {
            let key = rows::conflict(&conflict.id);
            if conflict.is_open() {
                let row = rows::json(&key, conflict);
                rows.insert(key, row);
            } else {
                rows.remove(key);
            }
        }
        for id in &batch.conflicts_gone {
            rows.remove(rows::conflict(id));
        }
        for rejected in &batch.quarantine {
            let key = rows::quarantine(rejected.change.id.counter);
            rows.insert(&key[..], rows::json(&key, rejected));
        }
        for gone in &batch.quarantine_gone {
            rows.remove(&rows::quarantine(*gone)[..]);
        }
        for decision in &batch.decisions {
            let key = rows::decision(&decision.id);
            let row = rows::json(&key, decision);
            rows.insert(key, row);
        }
        for id in &batch.decisions_gone {
            rows.remove(rows::decision(id));
        }
        if let Some(cursor) = &batch.cursor {
            rows.insert(rows::CURSOR, rows::json(rows::CURSOR, cursor));
        }
        if let Some(snapshot) = &batch.snapshot {
            rows.insert(rows::SNAPSHOT, rows::json(rows::SNAPSHOT, snapshot));
        }
        if let Some(receipts) = &batch.receipts {
            rows.insert(rows::RECEIPTS, rows::json(rows::RECEIPTS, receipts));
        }
        for (name, text) in &batch.memos {
            rows::set_memo(&mut rows, name, text);
        }
        for (partition, sums) in &batch.checksums {
            let key = rows::checksums(*partition);
            rows.insert(&key[..], rows::json(&key, sums));
        }
        Ok((rows, counter))
    }

    fn base_rows(&self, batch: &Batch, pages: Vec<Unpacked>, rows: &mut Rows) -> Result<(), StoreError> {
        if batch.clear.is_empty() && batch.pages.is_empty() && batch.records.is_empty() {
            return Ok(());
        }
        let known = self.meta.borrow();
        let meta = batch.meta.as_ref().or(known.as_ref());
        let count =
            meta.ok_or_else(|| StoreError::Corrupt("the store has no identity yet".into()))?.partitions;
        if !batch.clear.is_empty() {
            for collection in self.collections()? {
                for partition in &batch.clear {
                    let prefix = rows::partition_prefix(&collection, *partition);
                    for row in self.db.scan_prefix(prefix).keys() {
                        rows.remove(row.map_err(failed)?);
                    }
                }
            }
        }
        for (key, row) in pages.into_iter().flatten() {
            rows.insert(key, row);
        }
        for (collection, record) in &batch.records {
            let id = RecordId::new(collection.clone(), record.key.clone());
            let key = rows::record(collection, id.partition(count), &record.key.to_text());
            if record.deleted {
                rows.remove(key);
            } else {
                let row = rows::json(&key, record);
                rows.insert(key, row);
            }
        }
        Ok(())
    }

    /// The collections that have records, by one seek each.
    fn collections(&self) -> Result<Vec<CollectionId>, StoreError> {
        let mut found = Vec::new();
        let mut from = vec![rows::RECORD];
        while let Some(row) = self.db.range(from..vec![rows::RECORD + 1]).keys().next() {
            let (collection, _, _) = rows::parse_record_key(&row.map_err(failed)?)?;
            from = rows::after_collection(&collection);
            found.push(collection);
        }
        Ok(found)
    }

    fn sound(&self) -> Result<(), StoreError> {
        self.failed.borrow().clone().map_or(Ok(()), Err)
    }

    fn commit(&self, batch: &Batch, (rows, counter): (Rows, Counter)) -> Result<(), StoreError> {
        self.sound()?;
        let mut journal = self.journal.borrow_mut();
        let before = journal.append(batch).inspect_err(|error| {
            if journal.is_torn() {
                self.failed.replace(Some(error.clone()));
            }
        })?;
        let flushed = || if batch.must_be_strict() { flush(&self.db) } else { Ok(()) };
        if let Err(error) = self.db.apply_batch(rows).and_then(|()| flushed()) {
            let error = failed(error);
            // a line that cannot be taken back is left out when all is opened again: see `open::up`
            drop(journal.cut(before));
            self.failed.replace(Some(error.clone()));
            return Err(error);
        }
        if let Some(meta) = &batch.meta {
            self.meta.replace(Some(meta.clone()));
        }
        self.counter.set(counter);
        if let Some(receipts) = &batch.receipts {
            self.receipts.replace(receipts.clone());
        }
        Ok(())
    }

    fn acknowledged(&self) -> Acknowledged {
        Acknowledged {
            counter: self.counter.get(),
            receipts: self.receipts.borrow().clone(),
            journal: self.journal.borrow().torn_after(),
        }
    }

    fn scan(
        &self,
        collection: &CollectionId,
        from: Option<ScanPosition>,
        limit: usize,
    ) -> Result<Scanned, StoreError> {
        let start = match from {
            None => rows::collection_prefix(collection),
            Some(at) => rows::after_position(collection, &at)?,
        };
        let mut scanned = Scanned::default();
        let mut last = None;
        for row in self.db.range(start..rows::after_collection(collection)) {
            let (key, row) = row.map_err(failed)?;
            if scanned.records.len() >= limit.max(1) {
                scanned.next = last.map(|key: ::sled::IVec| rows::position(&key)).transpose()?;
                break;
            }
            scanned.records.push(rows::parse(&key, &row)?);
            last = Some(key);
        }
        Ok(scanned)
    }

    fn checksums(&self) -> Result<BTreeMap<Partition, Checksums>, StoreError> {
        let mut sums = BTreeMap::<Partition, Checksums>::new();
        for row in self.db.scan_prefix([rows::RECORD]) {
            let (key, row) = row.map_err(failed)?;
            let brief: rows::Brief = rows::parse(&key, &row)?;
            let (collection, partition, _) = rows::parse_record_key(&key)?;
            sums.entry(partition).or_default().add(&RecordId::new(collection, brief.key), brief.rev);
        }
        Ok(sums)
    }
}

impl LocalStore for SledStore {
    async fn load(&self) -> Result<Loaded, StoreError> {
        self.read(|up| rows::load(&up.db))
    }

    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        // a page that the server sent is no damage of what is stored here
        let pages = batch.pages.iter().map(unpack).collect::<Result<Vec<_>, _>>()?;
        let rows = self.read(|up| up.rows(batch, pages))?;
        let stored = self.up()?.commit(batch, rows);
        stored.inspect_err(|error| self.full.set(self.full.get() || *error == StoreError::Full))
    }

    async fn get(&self, ids: &[RecordId]) -> Result<Vec<Option<Record>>, StoreError> {
        self.read(|up| {
            let Some(count) = up.meta.borrow().as_ref().map(|meta| meta.partitions) else {
                return Ok(vec![None; ids.len()]);
            };
            let one = |id: &RecordId| {
                let key = rows::record(&id.collection, id.partition(count), &id.key.to_text());
                let row = up.db.get(&key).map_err(failed)?;
                row.map(|row| rows::parse(&key, &row)).transpose()
            };
            ids.iter().map(one).collect()
        })
    }

    async fn scan(
        &self,
        collection: &CollectionId,
        from: Option<ScanPosition>,
        limit: usize,
    ) -> Result<Scanned, StoreError> {
        self.read(|up| up.scan(collection, from, limit))
    }

    async fn checksums(&self) -> Result<BTreeMap<Partition, Checksums>, StoreError> {
        self.read(Up::checksums)
    }

    async fn tidy(&self) -> Result<bool, StoreError> {
        self.read(|up| {
            up.sound()?;
            let mut journal = up.journal.borrow_mut();
            if journal.is_bloated() {
                journal.rewrite(&rows::load_unsent(&up.db)?)?;
            }
            Ok(false)
        })
    }

    async fn mend(&self) -> Result<Mended, StoreError> {
        let acknowledged = match &*self.live.borrow() {
            Live::Up(up) if up.failed.borrow().is_none() => {
                if self.full.get() {
                    open::room(&self.folder)?;
                    self.full.set(false);
                }
                return Ok(Mended::Nothing);
            }
            Live::Up(up) => up.acknowledged(),
            Live::Down { acknowledged, .. } => acknowledged.clone(),
        };
        // while there is no room, what is open stays open, so that records can still be read
        open::room(&self.folder)?;
        self.full.set(false);
        // sled holds its files until the last handle is gone
        let why = StoreError::Gone("it is being opened".into());
        self.live.replace(Live::Down { why, acknowledged: acknowledged.clone() });
        match open::up(&self.folder, Some(&acknowledged)) {
            Ok((up, rebuilt)) => {
                self.live.replace(Live::Up(Box::new(up)));
                self.rebuilt.set(self.rebuilt.get().max(rebuilt));
                Ok(Mended::Anew)
            }
            Err(why) => {
                self.live.replace(Live::Down { why: why.clone(), acknowledged });
                Err(why)
            }
        }
    }

    fn rebuilt(&self) -> Rebuilt {
        self.rebuilt.get()
    }

    async fn usage(&self) -> Usage {
        let used = self.up().ok().and_then(|up| up.db.size_on_disk().ok());
        Usage { used, quota: None, persisted: Some(true) }
    }
}

/// The rows of a page.
type Unpacked = Vec<(Vec<u8>, Vec<u8>)>;

/// One row per record of a page: the simplest layout. Packed pages have not been tried here.
fn unpack(page: &Page) -> Result<Unpacked, StoreError> {
    let damaged = |e: serde_json::Error| StoreError::Corrupt(format!("a page as the server sent it: {e}"));
    let records: Vec<&serde_json::value::RawValue> =
        serde_json::from_str(page.records.get()).map_err(damaged)?;
    let row = |record: &&serde_json::value::RawValue| {
        let brief: rows::Brief = serde_json::from_str(record.get()).map_err(damaged)?;
        let key = rows::record(&page.collection, page.partition, &brief.key.to_text());
        let row = rows::text(&key, record.get());
        Ok((key, row))
    };
    records.iter().map(row).collect()
}

/// What a person's rejected and unsent changes are folded to; see [`journal`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Unsent {
    meta: Option<Meta>,
    counter: Counter,
    outbox: BTreeMap<Counter, sync_protocol::Change>,
    quarantine: BTreeMap<Counter, Quarantined>,
    memos: Memos,
}

/// sled's own flush. By its source it can miss that a write of one of its threads failed just now (`exit_reservation`
/// wakes nobody), and would then wait for ever; any other write makes it look again.
fn flush(db: &Db) -> ::sled::Result<()> {
    std::thread::scope(|scope| {
        let (_flushing, end) = mpsc::channel::<()>();
        scope.spawn(move || {
            while end.recv_timeout(LOOK_AGAIN) == Err(mpsc::RecvTimeoutError::Timeout) {
                drop(db.insert(rows::LOOK_AGAIN, b""));
            }
        });
        db.flush().map(drop)
    })
}

fn failed(error: ::sled::Error) -> StoreError {
    match error {
        ::sled::Error::Io(error) => disk_failed(&error),
        ::sled::Error::Corruption { at, .. } => StoreError::Corrupt(format!("damaged at {at:?}")),
        other => StoreError::Corrupt(other.to_string()),
    }
}
