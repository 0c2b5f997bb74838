//! Keeps the files open, and opens them again after the disk failed: the server goes on by itself once it can.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use super::disk::{Disk, from_io};
use crate::store::StoreError;
use crate::store::clock::Clock;

/// Pause between tries to open the files again: often enough for a person who has just made room.
const AGAIN: Duration = Duration::from_secs(1);
/// How long an owner that is gone may take to let go of the folder.
const LET_GO: Duration = Duration::from_secs(2);

/// A folder, locked for this process.
#[derive(Debug)]
pub(super) struct Keeper {
    state: RwLock<State>,
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    told: Arc<AtomicBool>,
    /// Held for as long as the folder is; let go after the files.
    _lock: File,
}

#[derive(Debug)]
enum State {
    Up(Box<Disk>),
    Down { why: StoreError, again: Instant },
}

impl Keeper {
    /// Locks the folder and opens its files.
    pub(super) fn open(folder: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(from_io)?;
        let lock = lock(folder)?;
        let told = Arc::default();
        let disk = Disk::open(folder, Arc::clone(&clock), Arc::clone(&told))?;
        Ok(Self {
            state: RwLock::new(State::Up(Box::new(disk))),
            folder: folder.to_owned(),
            clock,
            told,
            _lock: lock,
        })
    }

    /// Does something with the open files.
    pub(super) fn with<T>(&self, work: impl FnOnce(&Disk) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut state = self.state();
        if !state.is_sound() {
            drop(state);
            self.open_again()?;
            state = self.state();
        }
        match &*state {
            State::Up(disk) => match disk.failed() {
                None => work(disk),
                Some(error) => Err(error),
            },
            State::Down { why, .. } => Err(why.clone()),
        }
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_again(&self) -> Result<(), StoreError> {
        // nobody works with the files as long as this is held
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let why = match &*state {
            State::Down { why, again } if Instant::now() < *again => return Err(why.clone()),
            State::Down { why, .. } => why.clone(),
            State::Up(disk) => match disk.failed() {
                None => return Ok(()),
                Some(why) => why,
            },
        };
        // sled lets go of its files only when it is dropped
        *state = State::Down { why, again: Instant::now() };
        match Disk::open(&self.folder, Arc::clone(&self.clock), Arc::clone(&self.told)) {
            Ok(disk) => {
                *state = State::Up(Box::new(disk));
                tracing::info!("the store is open again");
                Ok(())
            }
            Err(why) => {
                *state = State::Down { why: why.clone(), again: Instant::now() + AGAIN };
                Err(why)
            }
        }
    }
}

impl State {
    fn is_sound(&self) -> bool {
        match self {
            Self::Up(disk) => disk.failed().is_none(),
            Self::Down { .. } => false,
        }
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
    let deadline = Instant::now() + LET_GO;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(folder.display().to_string())),
            Err(TryLockError::Error(error)) => return Err(from_io(error)),
        }
    }
}
