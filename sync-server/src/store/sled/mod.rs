//! The embedded store: sled in one folder, one process at a time.
//!
//! A commit goes to an fsynced [`journal`] first and then, as one batch, to sled, so that a crash shows all of it or none
//! and nothing is ever shown that a crash could take back. Every row carries a checksum.

mod directory;
mod journal;
mod rows;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use sync_protocol::checksum::Checksums;
use sync_protocol::{Revision, Timestamp};
use tokio::sync::RwLock;

use super::clock::{Clock, SystemClock, expiry};
use super::{Commit, Committed, Head, Kind, PartitionId, PartitionStore, Read, Step, StoreError};
use journal::{CHECKPOINT_BYTES, Journal, NotWritten, Tree, Write, sync_folder, sync_sled};
use rows::{decode, encode, prefix, row_key};

/// The layout of keys and values that this build writes.
const VERSION: u32 = 1;
/// Partitions that share a lock: enough that two busy ones seldom meet.
const STRIPES: usize = 64;
/// Pages that sled keeps in memory; its own default is a gigabyte.
const CACHE_BYTES: u64 = 128 << 20;
/// Rows that each commit looks at for expired ones: more than a commit adds feed rows, so that rubbish never piles up.
const SWEEP_ROWS: usize = 16;
/// How long an owner that is gone may take to let go of the folder.
const LET_GO: Duration = Duration::from_secs(2);

/// A sled database in a folder.
#[derive(Debug)]
pub struct SledStore {
    disk: Arc<Disk>,
    /// A partition is read as it was before a commit or as it is after it.
    stripes: Vec<Arc<RwLock<()>>>,
    directory: Arc<RwLock<()>>,
}

#[derive(Debug)]
struct Disk {
    db: sled::Db,
    rows: sled::Tree,
    directory: sled::Tree,
    clock: Arc<dyn Clock>,
    journal: Mutex<Journal>,
    /// Read: something is in the journal and not in sled yet. Written: to empty the journal.
    applying: std::sync::RwLock<()>,
    /// The newest file of a large value that is known to be on the disk.
    synced: Mutex<u64>,
    folder: PathBuf,
    sweep_after: Mutex<Vec<u8>>,
    /// Held for as long as the folder is open; dropped after the database.
    _lock: File,
}

impl SledStore {
    /// Opens the store in this folder, or makes one. Waits on the disk: call it before serving.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        Self::open_with(folder, Arc::new(SystemClock))
    }

    /// The same, with rows that expire by that clock.
    pub fn open_with(folder: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(from_io)?;
        let lock = lock(folder)?;
        check_version(folder)?;
        let db = opened(&folder.join("db"))?;
        let rows = db.open_tree("partitions").map_err(from_sled)?;
        let directory = db.open_tree("directory").map_err(from_sled)?;
        let (journal, frames) = Journal::open(&folder.join("journal")).map_err(from_io)?;
        let disk = Disk {
            db,
            rows,
            directory,
            clock,
            journal: Mutex::new(journal),
            applying: std::sync::RwLock::default(),
            synced: Mutex::default(),
            folder: folder.to_owned(),
            sweep_after: Mutex::default(),
            _lock: lock,
        };
        for frame in frames {
            disk.apply(frame)?;
        }
        disk.checkpoint()?;
        stamp_version(folder)?;
        Ok(Self {
            disk: Arc::new(disk),
            stripes: (0..STRIPES).map(|_| Arc::default()).collect(),
            directory: Arc::default(),
        })
    }

    fn stripe(&self, id: PartitionId) -> &Arc<RwLock<()>> {
        let hash = xxhash_rust::xxh3::xxh3_64(&prefix(id)) as usize;
        &self.stripes[hash % self.stripes.len()]
    }

    async fn read<T: Send + 'static>(
        &self,
        stripe: &Arc<RwLock<()>>,
        work: impl FnOnce(&Disk) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.blocking(stripe.clone().read_owned().await, work).await
    }

    async fn write<T: Send + 'static>(
        &self,
        stripe: &Arc<RwLock<()>>,
        work: impl FnOnce(&Disk) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.blocking(stripe.clone().write_owned().await, work).await
    }

    /// The guard goes along: the work ends under the lock even when nobody waits for it any more.
    async fn blocking<G: Send + 'static, T: Send + 'static>(
        &self,
        guard: G,
        work: impl FnOnce(&Disk) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let disk = self.disk.clone();
        tokio::task::spawn_blocking(move || {
            let _guard = guard;
            disk.sound()?;
            work(&disk)
        })
        .await
        .unwrap_or_else(|e| Err(StoreError::Corrupt(format!("the store broke off: {e}"))))
    }
}

#[async_trait::async_trait]
impl PartitionStore for SledStore {
    async fn head(&self, id: PartitionId, _read: Read) -> Result<Head, StoreError> {
        self.read(self.stripe(id), move |disk| disk.head(id)).await
    }

    async fn get(
        &self,
        id: PartitionId,
        kind: Kind,
        keys: &[String],
    ) -> Result<Vec<Option<String>>, StoreError> {
        let keys: Vec<Vec<u8>> = keys.iter().map(|key| row_key(id, kind, key)).collect();
        self.read(self.stripe(id), move |disk| {
            let now = disk.clock.now();
            let body = |key: &Vec<u8>| match disk.rows.get(key).map_err(from_sled)? {
                Some(value) => decode(key, &value, now),
                None => Ok(None),
            };
            keys.iter().map(body).collect()
        })
        .await
    }

    async fn range(
        &self,
        id: PartitionId,
        kind: Kind,
        after: Option<&str>,
        limit: usize,
        bytes: usize,
        _read: Read,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let start = row_key(id, kind, after.unwrap_or_default());
        let after = after.is_some();
        self.read(self.stripe(id), move |disk| disk.range(&start, after, limit, bytes)).await
    }

    async fn commit(&self, id: PartitionId, commit: Commit) -> Result<Committed, StoreError> {
        self.write(self.stripe(id), move |disk| {
            if disk.head(id)?.step != commit.expected {
                return Ok(Committed::HeadMoved);
            }
            let committed = disk.put(disk.writes(id, commit))?;
            disk.sweep();
            Ok(committed)
        })
        .await
    }
}

/// The row of a head.
#[derive(serde::Serialize, serde::Deserialize)]
struct HeadRow {
    step: u64,
    head: Revision,
    checksums: Checksums,
}

impl Disk {
    /// Everything or nothing, on the disk when this returns [`Committed::Yes`].
    fn put(&self, writes: Vec<Write>) -> Result<Committed, StoreError> {
        {
            let _applying = self.applying.read().unwrap_or_else(PoisonError::into_inner);
            match self.journal().append(&writes) {
                Ok(()) => {}
                Err(NotWritten::Nothing(error)) => return Err(from_io(error)),
                Err(NotWritten::InDoubt(error)) => {
                    tracing::error!(%error, "the disk failed in the middle of a commit; start the server again");
                    return Ok(Committed::Unknown);
                }
            }
            if let Err(error) = self.apply(writes) {
                tracing::error!(%error, "the store cannot take what its journal holds; start the server again");
                self.journal().give_up();
                return Ok(Committed::Unknown);
            }
        }
        if self.journal().length() > CHECKPOINT_BYTES
            && let Err(error) = self.checkpoint()
        {
            // the commit stands; the next one tries again
            tracing::warn!(%error, "the journal cannot be emptied");
        }
        Ok(Committed::Yes)
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
        self.db.flush().map_err(from_sled)?;
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        *synced = sync_sled(&self.folder.join("db"), *synced).map_err(from_io)?;
        journal.clear().map_err(from_io)
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing is shown while it is not known what a crash would leave.
    fn sound(&self) -> Result<(), StoreError> {
        if self.journal().broken() {
            return Err(StoreError::Unavailable("the disk failed; start the server again".into()));
        }
        Ok(())
    }

    fn head(&self, id: PartitionId) -> Result<Head, StoreError> {
        let key = prefix(id);
        let Some(value) = self.rows.get(key).map_err(from_sled)? else { return Ok(Head::default()) };
        let body = decode(&key, &value, self.clock.now())?.unwrap_or_default();
        let row: HeadRow = serde_json::from_str(&body)
            .map_err(|e| StoreError::Corrupt(format!("head of partition {}: {e}", id.partition)))?;
        Ok(Head { step: Step(row.step), revision: row.head, checksums: row.checksums })
    }

    fn writes(&self, id: PartitionId, commit: Commit) -> Vec<Write> {
        let now = self.clock.now();
        let write = |key: Vec<u8>, expires: Option<Timestamp>, body: &str| {
            let value = Some(encode(&key, expires, body));
            Write { tree: Tree::Rows, key, value }
        };
        let Head { step, revision, checksums } = commit.head;
        let head = serde_json::to_string(&HeadRow { step: step.0, head: revision, checksums })
            .expect("numbers and texts are always JSON");
        let mut writes = vec![write(prefix(id).to_vec(), None, &head)];
        writes.extend(commit.rows.into_iter().map(|row| {
            write(row_key(id, row.kind, &row.key), row.ttl.map(|ttl| expiry(now, ttl)), &row.body)
        }));
        writes
    }

    fn range(
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
            let (key, value) = item.map_err(from_sled)?;
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
    fn sweep(&self) {
        let now = self.clock.now();
        let mut after = self.sweep_after.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = None;
        let from = (std::ops::Bound::Excluded(after.clone()), std::ops::Bound::Unbounded);
        for (key, value) in self.rows.range::<Vec<u8>, _>(from).take(SWEEP_ROWS).flatten() {
            if rows::expired(&value, now) {
                // only if nobody has written it anew; the outcome does not matter, a later round comes by
                let _ = self.rows.compare_and_swap(&key, Some(&value), None::<&[u8]>);
            }
            last = Some(key.to_vec());
        }
        *after = last.unwrap_or_default();
    }
}

/// One process per folder. A lock may outlive its owner for a moment, in a process that is being started with a copy of
/// the owner's files: being in use is believed only after a while.
fn lock(folder: &Path) -> Result<File, StoreError> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join("lock"))
        .map_err(from_io)?;
    let locked = patiently(|| match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(from_io(error)),
    })?;
    if locked { Ok(file) } else { Err(StoreError::InUse(folder.display().to_string())) }
}

/// A store of this very process that was dropped a moment ago may still be letting go of sled's own lock; ours is held.
fn opened(path: &Path) -> Result<sled::Db, StoreError> {
    let config = sled::Config::new().path(path).cache_capacity(CACHE_BYTES).flush_every_ms(None);
    let mut db = None;
    patiently(|| match config.open() {
        Err(sled::Error::Io(error)) if error.to_string().contains("could not acquire lock") => Ok(false),
        other => {
            db = Some(other.map_err(from_sled)?);
            Ok(true)
        }
    })?;
    db.ok_or_else(|| StoreError::InUse(path.display().to_string()))
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
    fs::write(&next, format!("{VERSION}\n")).map_err(from_io)?;
    File::open(&next).and_then(|file| file.sync_all()).map_err(from_io)?;
    fs::rename(&next, &path).map_err(from_io)?;
    sync_folder(folder).map_err(from_io)
}

fn from_io(error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full(error.to_string()),
        _ => StoreError::Unavailable(error.to_string()),
    }
}

fn from_sled(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(error) if error.to_string().contains("could not acquire lock") => {
            StoreError::InUse(error.to_string())
        }
        sled::Error::Io(error) => from_io(error),
        sled::Error::Corruption { .. } | sled::Error::ReportableBug(_) => {
            StoreError::Corrupt(error.to_string())
        }
        sled::Error::CollectionNotFound(_) | sled::Error::Unsupported(_) => {
            StoreError::Corrupt(error.to_string())
        }
    }
}
