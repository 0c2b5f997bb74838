//! The open files of the store, and what is done with them. All of it waits on the disk.

use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, mpsc};
use std::time::Duration;
use sync_protocol::checksum::Checksums;
use sync_protocol::{Revision, Timestamp};

use super::from_sled;
use super::journal::{CHECKPOINT_BYTES, Journal, NotWritten, Tree, Write, frame, sync_folder, sync_sled};
use super::rows::{self, decode, encode, prefix, row_key};
use crate::store::clock::{Clock, expiry};
use crate::store::{Commit, Committed, Head, Kept, PartitionId, Step, StoreError};

/// The layout of keys and values that this build writes.
const VERSION: u32 = 1;
/// Pages that sled keeps in memory; its own default is a gigabyte.
const CACHE_BYTES: u64 = 128 << 20;
/// Rows that each commit looks at for expired ones: more than a commit adds feed rows, so that rubbish never piles up.
const SWEEP_ROWS: usize = 16;
/// Tries, and the pause between them, for sled to let go of files that this process has just closed.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The open files.
#[derive(Debug)]
pub(super) struct Disk {
    db: sled::Db,
    pub(super) rows: sled::Tree,
    pub(super) directory: sled::Tree,
    pub(super) clock: Arc<dyn Clock>,
    journal: Mutex<Journal>,
    /// Frames that wait for their turn to be written.
    waiting: Mutex<Vec<Arc<Frame>>>,
    /// Read: something is in the journal and not in sled yet. Written: to empty the journal.
    applying: RwLock<()>,
    /// The newest file of a large value that is known to be on the disk.
    synced: Mutex<u64>,
    folder: PathBuf,
    /// Where the sweep is in either tree.
    sweep_after: Mutex<[Vec<u8>; 2]>,
    /// Why it takes nothing any more.
    failed: Mutex<Option<StoreError>>,
    /// Whether it was said in the log that there is no room.
    told: Arc<AtomicBool>,
    /// Behind all other handles.
    _last: Last,
}

/// A frame of the journal on its way to the disk.
#[derive(Debug)]
struct Frame {
    bytes: Vec<u8>,
    /// What became of it; `None` while it waits.
    ended: Mutex<Option<Result<(), Unwritten>>>,
}

/// Why a frame is not in the journal.
#[derive(Clone, Debug)]
struct Unwritten {
    error: StoreError,
    /// It may turn up all the same when the store is opened next.
    in_doubt: bool,
}

/// Closes sled: the last handle to go. sled panics where its last sync fails; nothing can be done about it there, and all
/// that counts is in the journal.
#[derive(Debug)]
struct Last(Option<sled::Db>);

impl Last {
    /// Another handle, which must go before this one.
    fn handle(&self) -> sled::Db {
        self.0.clone().expect("it is taken only when this is dropped")
    }
}

impl Drop for Last {
    fn drop(&mut self) {
        drop(catch_unwind(AssertUnwindSafe(|| drop(self.0.take()))));
    }
}

impl Frame {
    fn ended(&self) -> MutexGuard<'_, Option<Result<(), Unwritten>>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk {
    /// Opens the files in a folder that this process has locked, or makes them; plays back what is in the journal.
    pub(super) fn open(
        folder: &Path,
        clock: Arc<dyn Clock>,
        told: Arc<AtomicBool>,
    ) -> Result<Self, StoreError> {
        check_version(folder)?;
        let last = Last(Some(open_sled(&folder.join("db"))?));
        let db = last.handle();
        let rows = db.open_tree("partitions").map_err(from_sled)?;
        let directory = db.open_tree("directory").map_err(from_sled)?;
        let (journal, frames) = Journal::open(&folder.join("journal")).map_err(from_io)?;
        let disk = Self {
            db,
            rows,
            directory,
            clock,
            journal: Mutex::new(journal),
            waiting: Mutex::default(),
            applying: RwLock::default(),
            synced: Mutex::default(),
            folder: folder.to_owned(),
            sweep_after: Mutex::default(),
            failed: Mutex::default(),
            told,
            _last: last,
        };
        for frame in frames {
            disk.apply(frame)?;
        }
        disk.checkpoint()?;
        stamp_version(folder)?;
        disk.list_members()?;
        Ok(disk)
    }

    /// Why nothing can be done with it any more, if so: nothing is shown while it is not known what a crash would leave.
    pub(super) fn failed(&self) -> Option<StoreError> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everything or nothing, on the disk when this returns [`Committed::Yes`].
    pub(super) fn put(&self, writes: Vec<Write>) -> Result<Committed, StoreError> {
        {
            let _applying = self.applying.read().unwrap_or_else(PoisonError::into_inner);
            if let Err(Unwritten { error, in_doubt }) = self.append(frame(&writes)) {
                if in_doubt {
                    self.fail(error);
                    return Ok(Committed::Unknown);
                }
                self.tell(&error);
                return Err(error);
            }
            if let Err(error) = self.apply(writes) {
                self.fail(error);
                return Ok(Committed::Unknown);
            }
        }
        if self.told.swap(false, Ordering::Relaxed) {
            tracing::info!("the disk takes changes again");
        }
        if self.journal().length() > CHECKPOINT_BYTES
            && let Err(error) = self.checkpoint()
        {
            // the commit stands, in the journal
            self.fail(error);
        }
        Ok(Committed::Yes)
    }

    /// Brings a frame to the disk, with all that wait meanwhile.
    fn append(&self, bytes: Vec<u8>) -> Result<(), Unwritten> {
        let own = Arc::new(Frame { bytes, ended: Mutex::default() });
        self.waiting().push(own.clone());
        let mut journal = self.journal();
        // whoever had the journal before may have taken it along
        let ended = own.ended().take();
        if let Some(ended) = ended {
            return ended;
        }
        let together = std::mem::take(&mut *self.waiting());
        let bytes: Vec<&[u8]> = together.iter().map(|frame| frame.bytes.as_slice()).collect();
        let ended = journal.append(&bytes.concat()).map_err(|why| match why {
            NotWritten::Nothing(error) => Unwritten { error: from_io(error), in_doubt: false },
            NotWritten::InDoubt(error) => Unwritten { error: from_io(error), in_doubt: true },
        });
        together.iter().for_each(|frame| *frame.ended() = Some(ended.clone()));
        ended
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Arc<Frame>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing goes on here: the files have to be opened anew.
    fn fail(&self, error: StoreError) {
        self.tell(&error);
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    /// What sled says where it was read, or written to beside the journal: once a call to the files has failed, it fails
    /// for ever, and only files that are opened anew help.
    pub(super) fn refused(&self, error: sled::Error) -> StoreError {
        let error = from_sled(error);
        if !matches!(error, StoreError::Corrupt(_)) {
            self.fail(error.clone());
        }
        error
    }

    /// Says once what a person has to do.
    fn tell(&self, error: &StoreError) {
        if self.told.swap(true, Ordering::Relaxed) {
            return;
        }
        match error {
            StoreError::Full(_) => {
                tracing::error!(%error, "free some space: until then nothing is saved here, and devices keep their changes");
            }
            _ => {
                tracing::error!(%error, "look at the disk: until then nothing is saved here, and devices keep their changes")
            }
        }
    }

    fn apply(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let (mut rows, mut directory) = (sled::Batch::default(), sled::Batch::default());
        for Write { tree, key, value } in writes {
            let batch = match tree {
                Tree::Rows => &mut rows,
                Tree::Directory => &mut directory,
            };
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.rows.apply_batch(rows).and_then(|()| self.directory.apply_batch(directory)).map_err(from_sled)
    }

    /// Empties the journal once sled has everything on the disk.
    fn checkpoint(&self) -> Result<(), StoreError> {
        let _nobody_applies = self.applying.write().unwrap_or_else(PoisonError::into_inner);
        let mut journal = self.journal();
        if journal.length() == 0 || journal.broken() {
            return Ok(());
        }
        self.flush().map_err(from_sled)?;
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        *synced = sync_sled(&self.folder.join("db"), *synced).map_err(from_io)?;
        journal.clear().map_err(from_io)
    }

    /// sled's own flush. By its source it can miss that a write of another thread failed just now (`exit_reservation`
    /// wakes nobody), and would then wait for ever, with all locks held; any other write makes it look again.
    fn flush(&self) -> sled::Result<()> {
        std::thread::scope(|scope| {
            let (_flushing, end) = mpsc::channel::<()>();
            scope.spawn(move || {
                while end.recv_timeout(Duration::from_secs(1)) == Err(mpsc::RecvTimeoutError::Timeout) {
                    drop(self.db.insert("look again", ""));
                }
            });
            self.db.flush().map(drop)
        })
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn head(&self, id: PartitionId) -> Result<Head, StoreError> {
        let key = prefix(id);
        let Some(value) = self.rows.get(key).map_err(|e| self.refused(e))? else {
            return Ok(Head::default());
        };
        let body = decode(&key, &value, self.clock.now())?.unwrap_or_default();
        let row: HeadRow = serde_json::from_str(&body)
            .map_err(|e| StoreError::Corrupt(format!("head of partition {}: {e}", id.partition)))?;
        Ok(Head { step: Step(row.step), revision: row.head, checksums: row.checksums, kept: row.kept })
    }

    pub(super) fn writes(&self, id: PartitionId, commit: Commit) -> Vec<Write> {
        let now = self.clock.now();
        let write = |key: Vec<u8>, expires: Option<Timestamp>, body: &str| {
            let value = Some(encode(&key, expires, body));
            Write { tree: Tree::Rows, key, value }
        };
        let Head { step, revision, checksums, kept } = commit.head;
        let head = serde_json::to_string(&HeadRow { step: step.0, head: revision, checksums, kept })
            .expect("numbers and texts are always JSON");
        let mut writes = vec![write(prefix(id).to_vec(), None, &head)];
        writes.extend(commit.rows.into_iter().map(|row| {
            write(row_key(id, row.kind, &row.key), row.ttl.map(|ttl| expiry(now, ttl)), &row.body)
        }));
        writes
    }

    /// What takes the first rows of a partition away, at most so many; its head stays.
    pub(super) fn first_rows(&self, id: PartitionId, limit: usize) -> Result<Vec<Write>, StoreError> {
        let prefix = prefix(id);
        let keys =
            self.rows.scan_prefix(prefix).keys().filter(|key| !matches!(key, Ok(key) if **key == prefix));
        keys.take(limit)
            .map(|key| {
                let key = key.map_err(|e| self.refused(e))?.to_vec();
                Ok(Write { tree: Tree::Rows, key, value: None })
            })
            .collect()
    }

    pub(super) fn range(
        &self,
        start: &[u8],
        after: bool,
        limit: usize,
        bytes: usize,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let now = self.clock.now();
        let mut page = Vec::new();
        let mut size = 0;
        for item in self.rows.range(start..) {
            let (key, value) = item.map_err(|e| self.refused(e))?;
            if !rows::same_kind(start, &key) || page.len() == limit || (size >= bytes && size > 0) {
                break;
            }
            if after && key == start {
                continue;
            }
            if let Some(body) = decode(&key, &value, now)? {
                size += body.len();
                page.push((rows::text_key(&key)?, body));
            }
        }
        Ok(page)
    }

    /// Takes some expired rows away, going round the store a few rows per commit. What fails is left for the next round.
    pub(super) fn sweep(&self) {
        self.sweep_some(SWEEP_ROWS);
    }

    /// The same with so many rows of each tree; whether there are more behind them.
    pub(super) fn sweep_some(&self, count: usize) -> bool {
        let now = self.clock.now();
        let mut after = self.sweep_after.lock().unwrap_or_else(PoisonError::into_inner);
        let [rows, directory] = &mut *after;
        let mut more = false;
        for (tree, after) in [(&self.rows, rows), (&self.directory, directory)] {
            let mut last = None;
            let from = (std::ops::Bound::Excluded(std::mem::take(after)), std::ops::Bound::Unbounded);
            for item in tree.range::<Vec<u8>, _>(from).take(count) {
                let swept = item.and_then(|(key, value)| {
                    if rows::expired(&value, now) {
                        // only if nobody has written it anew; if so, a later round comes by
                        let _ = tree.compare_and_swap(&key, Some(&value), None::<&[u8]>)?;
                    }
                    Ok::<sled::IVec, sled::Error>(key)
                });
                let key = match swept {
                    Ok(key) => key,
                    Err(error) => {
                        self.refused(error);
                        return false;
                    }
                };
                last = Some(key.to_vec());
            }
            more |= last.is_some();
            *after = last.unwrap_or_default();
        }
        more
    }
}

/// The row of a head.
#[derive(Serialize, Deserialize)]
struct HeadRow {
    step: u64,
    head: Revision,
    checksums: Checksums,
    #[serde(default)]
    kept: Kept,
}

fn open_sled(path: &Path) -> Result<sled::Db, StoreError> {
    without_half_a_snapshot(path);
    let config = sled::Config::new().path(path).cache_capacity(CACHE_BYTES).flush_every_ms(None);
    for _ in 0..LOCK_TRIES {
        match config.open().map_err(from_sled) {
            Err(StoreError::InUse(_)) => std::thread::sleep(LOCK_PAUSE),
            other => return other,
        }
    }
    config.open().map_err(from_sled)
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

/// A file to be written that only its owner may read.
pub(super) fn own_file() -> fs::OpenOptions {
    let mut options = File::options();
    options.create(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn check_version(folder: &Path) -> Result<(), StoreError> {
    let path = folder.join("version");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(from_io(error)),
    };
    match text.trim().parse::<u32>() {
        Ok(version) if version <= VERSION => Ok(()),
        Ok(version) => Err(StoreError::Newer(format!("layout {version}, this build knows {VERSION}"))),
        Err(_) => Err(StoreError::Corrupt(format!("{} is not a version", path.display()))),
    }
}

/// Written whole beside the old one and moved over it, so that a crash leaves one of them.
fn stamp_version(folder: &Path) -> Result<(), StoreError> {
    let path = folder.join("version");
    if path.exists() {
        return Ok(());
    }
    let next = folder.join("version.new");
    let mut file = own_file().truncate(true).open(&next).map_err(from_io)?;
    file.write_all(format!("{VERSION}\n").as_bytes()).and_then(|()| file.sync_all()).map_err(from_io)?;
    fs::rename(&next, &path).map_err(from_io)?;
    sync_folder(folder).map_err(from_io)
}

pub(super) fn from_io(error: io::Error) -> StoreError {
    match error.kind() {
        // the last one is a quota on single files
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            StoreError::Full(error.to_string())
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            StoreError::ReadOnly(error.to_string())
        }
        _ => StoreError::Unavailable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::clock::SystemClock;

    #[test]
    fn commits_that_wait_for_the_disk_go_there_together() {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = Disk::open(folder.path(), Arc::new(SystemClock), Arc::default()).expect("it opens");
        let write = |n: u8| vec![Write { tree: Tree::Directory, key: vec![255, n], value: Some(vec![n]) }];
        std::thread::scope(|scope| {
            let busy = disk.journal();
            let commits: Vec<_> = (0..8)
                .map(|n| {
                    let disk = &disk;
                    scope.spawn(move || disk.put(write(n)))
                })
                .collect();
            while disk.waiting().len() < commits.len() {
                std::thread::yield_now();
            }
            drop(busy);
            for commit in commits {
                assert!(matches!(commit.join().expect("it ends"), Ok(Committed::Yes)));
            }
        });
        assert_eq!(disk.journal().appended, 1, "eight commits, one wait");
        drop(disk);
        let (_, frames) = Journal::open(&folder.path().join("journal")).expect("it opens");
        assert_eq!(frames.len(), 8, "each whole by itself");
    }
}
