//! Opening a store: one owner, version, damage, and the journal's second opinion.

use ::sled::{Batch as Rows, Db};
use std::cell::{Cell, RefCell};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::journal::{self, Journal};
use super::{Acknowledged, Last, Live, Opened, SledStore, Unsent, Up, VERSION, failed, flush, rows};
use crate::store::profile::{disk_failed, private_folder};
use crate::store::{Loaded, Memos, Rebuilt, Receipt, StoreError, follow_memos};

const RECORDS: &str = "records";
const JOURNAL: &str = "unsent.journal";
/// A journal of which lines could not be read, as it was found.
const JOURNAL_DAMAGED: &str = "unsent.journal.damaged";
const DAMAGED: &str = "damaged";
const LOCK: &str = "lock";
/// Damaged folders kept for a look; the oldest goes.
const SET_ASIDE: usize = 2;
/// What sled may want to write at once when it is opened or goes on: two of its segments.
const ROOM_BYTES: usize = 1 << 20;
/// Memory that sled may use for pages it has read.
const CACHE_BYTES: u64 = 64 << 20;
/// How long an owner that is gone may take to let go of the folder.
const LET_GO: Duration = Duration::from_secs(2);

pub(super) fn open(folder: &Path) -> Result<Opened, StoreError> {
    private_folder(folder).map_err(|e| disk_failed(&e))?;
    let lock = lock(&folder.join(LOCK))?;
    let (up, found) = up(folder, None)?;
    let recovered = found != Rebuilt::No;
    let store = SledStore {
        live: RefCell::new(Live::Up(Box::new(up))),
        rebuilt: Cell::new(found),
        full: Cell::new(false),
        folder: folder.to_owned(),
        _lock: lock,
    };
    Ok(Opened { store, recovered })
}

/// Opens the files, and says whether the records were damaged and had to be rebuilt. `acknowledged`: what this process
/// has said to be saved, where it has opened them before; what was answered with "nothing was saved" is undone.
pub(super) fn up(folder: &Path, acknowledged: Option<&Acknowledged>) -> Result<(Up, Rebuilt), StoreError> {
    let (noted, damaged) = journal::read(&folder.join(JOURNAL), acknowledged.and_then(|last| last.journal))?;
    // sled takes a log in which nothing is readable for a new one
    let begun = fs::metadata(folder.join(RECORDS).join("db")).is_ok_and(|db| db.len() > 0);
    let emptied = |loaded: &Loaded| begun && loaded.meta.is_none() && noted.meta.is_some();
    let opened = checked(folder).and_then(|(last, loaded)| match emptied(&loaded) {
        true => Err(StoreError::Corrupt("nothing of it is left".into())),
        false => Ok((last, loaded)),
    });
    let (last, loaded, set_aside) = match opened {
        Ok((last, loaded)) => (last, loaded, false),
        Err(StoreError::Corrupt(why)) => {
            // sled also gives up where it cannot write: a full disk is no damage
            room(folder)?;
            set_aside(folder).map_err(|e| disk_failed(&e))?;
            tracing::warn!(
                why,
                "the records on this device were damaged: set aside, unsent changes kept, the rest is fetched again"
            );
            let (last, loaded) = checked(folder)?;
            (last, loaded, true)
        }
        Err(other) => return Err(other),
    };
    let rebuilt = set_aside || (loaded.meta.is_none() && (noted.meta.is_some() || damaged));
    if rebuilt && damaged {
        // both copies of what is unsent had damage: what a person may still get out of it is kept
        fs::copy(folder.join(JOURNAL), folder.join(JOURNAL_DAMAGED)).map_err(|e| disk_failed(&e))?;
    }
    let db = last.handle();
    let (unsent, receipts) = reconcile(&db, noted, loaded, damaged, acknowledged)?;
    let journal = Journal::create(&folder.join(JOURNAL), &unsent)?;
    let up = Up {
        db,
        journal: RefCell::new(journal),
        meta: RefCell::new(unsent.meta),
        counter: Cell::new(unsent.counter),
        receipts: RefCell::new(receipts),
        failed: RefCell::new(None),
        _last: last,
    };
    let found = match (rebuilt, damaged) {
        (false, _) => Rebuilt::No,
        (true, false) => Rebuilt::Whole,
        (true, true) => Rebuilt::InPart,
    };
    Ok((up, found))
}

/// Whether there is room to go on, found out by writing: the only way that is right on every file system.
pub(super) fn room(folder: &Path) -> Result<(), StoreError> {
    let path = folder.join("room");
    let write = || {
        let mut file = File::create(&path)?;
        file.write_all(&vec![0; ROOM_BYTES])?;
        file.sync_all()
    };
    let written = write();
    // what stays behind is written over by the next look
    drop(fs::remove_file(&path));
    written.map_err(|e| disk_failed(&e))
}

/// Leaves word that the records are damaged. Not being able to is no further harm: the next look finds the damage too.
pub(super) fn mark_damaged(folder: &Path) {
    let _ = File::create(folder.join(DAMAGED));
}

/// One owner per folder. A lock may outlive its owner for a moment: in a process that is being started with a copy of
/// the owner's files, so being in use is believed only after a while.
fn lock(path: &Path) -> Result<File, StoreError> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path);
    let file = file.map_err(|e| disk_failed(&e))?;
    let locked = patiently(|| match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(disk_failed(&error)),
    })?;
    if locked { Ok(file) } else { Err(StoreError::InUse) }
}

/// Tries until it works or [`LET_GO`] is over.
fn patiently(mut attempt: impl FnMut() -> Result<bool, StoreError>) -> Result<bool, StoreError> {
    let deadline = Instant::now() + LET_GO;
    loop {
        if attempt()? {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The records, if they are of this version and everything but the base records is readable.
fn checked(folder: &Path) -> Result<(Last, Loaded), StoreError> {
    if folder.join(DAMAGED).exists() {
        return Err(StoreError::Corrupt("damage was found before".into()));
    }
    // sled panics on some kinds of damage
    let opened = catch_unwind(AssertUnwindSafe(|| -> Result<_, StoreError> {
        let last = Last(Some(opened(&folder.join(RECORDS))?));
        let db = last.handle();
        let found: Option<u32> = rows::one(&db, rows::VERSION)?;
        match found {
            Some(found) if found > VERSION => return Err(StoreError::TooNew { found, known: VERSION }),
            Some(_) => {}
            None => {
                db.insert(rows::VERSION, rows::json(rows::VERSION, &VERSION)).map_err(failed)?;
            }
        }
        let loaded = rows::load(&db)?;
        Ok((last, loaded))
    }));
    opened.unwrap_or_else(|_| Err(StoreError::Corrupt("sled gave up on it".into())))
}

/// A store of this very process that was dropped a moment ago may still be letting go of sled's own lock; ours is held.
fn opened(path: &Path) -> Result<Db, StoreError> {
    without_half_a_snapshot(path);
    let config = ::sled::Config::new().path(path).cache_capacity(CACHE_BYTES).flush_every_ms(Some(1_000));
    let mut db = None;
    patiently(|| match config.open() {
        Err(::sled::Error::Io(error)) if error.to_string().contains("could not acquire lock") => Ok(false),
        other => {
            db = Some(other.map_err(failed)?);
            Ok(true)
        }
    })?;
    db.ok_or(StoreError::InUse)
}

/// sled writes a snapshot of its index beside its log, and gives it its name at the end. What a full disk or a crash left of one it takes
/// for damage; without it the log is read from the snapshot before. One that cannot be removed is for sled to tell.
fn without_half_a_snapshot(path: &Path) {
    for file in fs::read_dir(path).into_iter().flatten().flatten() {
        if file.file_name().to_string_lossy().ends_with(".generating") {
            let _ = fs::remove_file(file.path());
        }
    }
}

/// Puts damaged records aside, out of the way and not deleted.
fn set_aside(folder: &Path) -> std::io::Result<()> {
    let name = |n: usize| -> PathBuf { folder.join(format!("{RECORDS}.damaged-{n}")) };
    if name(SET_ASIDE).exists() {
        fs::remove_dir_all(name(SET_ASIDE))?;
    }
    for n in (1..SET_ASIDE).rev() {
        if name(n).exists() {
            fs::rename(name(n), name(n + 1))?;
        }
    }
    let records = folder.join(RECORDS);
    if records.exists() {
        fs::rename(records, name(1))?;
    }
    match fs::remove_file(folder.join(DAMAGED)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What the journal knows and the records lack goes into the records: all of it after damage, else the commits whose
/// answer was lost. What the records settled stays settled. Gives the receipts, too.
fn reconcile(
    db: &Db,
    noted: Unsent,
    loaded: Loaded,
    damaged: bool,
    acknowledged: Option<&Acknowledged>,
) -> Result<(Unsent, Vec<Receipt>), StoreError> {
    let fresh = loaded.meta.is_none();
    let mut receipts = loaded.receipts;
    let mut unsent = Unsent {
        meta: loaded.meta,
        counter: loaded.counter,
        outbox: loaded.outbox.into_iter().map(|c| (c.id.counter, c)).collect(),
        quarantine: loaded.quarantine.into_iter().map(|q| (q.change.id.counter, q)).collect(),
        memos: loaded.memos,
    };
    let mut missing = Rows::default();
    // what of the journal cannot be read may have been later than what can
    if !damaged || unsent.memos.is_empty() {
        reconcile_memos(&mut unsent.memos, &noted.memos, acknowledged.is_some(), &mut missing);
    }
    if let Some(last) = acknowledged.filter(|last| unsent.counter > last.counter) {
        undo(&mut unsent, &noted, &mut missing);
        receipts = last.receipts.clone();
        missing.insert(rows::RECEIPTS, rows::json(rows::RECEIPTS, &receipts));
    }
    for (counter, change) in noted.outbox {
        if counter > loaded.counter {
            let key = rows::outbox(counter);
            missing.insert(&key[..], rows::json(&key, &change));
            unsent.outbox.insert(counter, change);
        }
    }
    for (counter, rejected) in noted.quarantine {
        if fresh || counter > loaded.counter {
            let key = rows::quarantine(counter);
            missing.insert(&key[..], rows::json(&key, &rejected));
            unsent.quarantine.insert(counter, rejected);
        }
    }
    if let (true, Some(meta)) = (fresh, noted.meta) {
        missing.insert(rows::META, rows::json(rows::META, &meta));
        unsent.meta = Some(meta);
    }
    unsent.counter = unsent.counter.max(noted.counter);
    missing.insert(rows::COUNTER, rows::json(rows::COUNTER, &unsent.counter));
    db.apply_batch(missing).map_err(failed)?;
    flush(db).map_err(failed)?;
    Ok((unsent, receipts))
}

/// Memos become as the journal has them. `all`: it has all that was said to be saved, and others are none.
fn reconcile_memos(memos: &mut Memos, noted: &Memos, all: bool, missing: &mut Rows) {
    let others = memos.iter().filter(|(name, _)| all && !noted.iter().any(|(known, _)| known == name));
    let others: Memos = others.map(|(name, _)| (name.clone(), String::new())).collect();
    for (name, text) in others.iter().chain(noted) {
        rows::set_memo(missing, name, text);
    }
    follow_memos(memos, &others);
    follow_memos(memos, noted);
}

/// A person's batch that was refused has reached the records: what it added goes, and what it took away comes back. The
/// journal says what was there.
fn undo(unsent: &mut Unsent, noted: &Unsent, missing: &mut Rows) {
    for counter in unsent.outbox.keys() {
        missing.remove(&rows::outbox(*counter)[..]);
    }
    for counter in unsent.quarantine.keys() {
        missing.remove(&rows::quarantine(*counter)[..]);
    }
    for (counter, change) in &noted.outbox {
        let key = rows::outbox(*counter);
        missing.insert(&key[..], rows::json(&key, change));
    }
    for (counter, rejected) in &noted.quarantine {
        let key = rows::quarantine(*counter);
        missing.insert(&key[..], rows::json(&key, rejected));
    }
    (unsent.outbox, unsent.quarantine) = (noted.outbox.clone(), noted.quarantine.clone());
}
