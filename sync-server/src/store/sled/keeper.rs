//! Keeps the files open, and opens them again after the disk failed: the server goes on by itself once it can.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, mpsc};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use super::disk::{Disk, from_io, own_file};
use crate::store::StoreError;
use crate::store::clock::Clock;

/// Pause between tries to open the files again: often enough for a person who has just made room.
const AGAIN: Duration = Duration::from_secs(1);
/// How long an owner that is gone may take to let go of the folder.
const LET_GO: Duration = Duration::from_secs(2);
/// How long closing the files may take. sled's last flush can wait for ever where a write failed before it (the place that
/// the write had taken in sled's log is never filled); all that counts is in the journal.
const CLOSE: Duration = Duration::from_secs(10);
/// After this long without its files the process had better start anew, unless a person has to make room first.
const BEYOND_HELP: Duration = Duration::from_secs(30);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// A folder, locked for this process.
#[derive(Debug)]
pub(super) struct Keeper {
    state: Arc<RwLock<State>>,
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    told: Arc<AtomicBool>,
    /// Whether somebody counts how long the files have been away.
    watched: Arc<AtomicBool>,
    beyond_help: CancellationToken,
    /// Held for as long as the folder is; let go after the files.
    _lock: File,
}

#[derive(Debug)]
enum State {
    Up(Box<Disk>),
    Down {
        why: StoreError,
        /// When to try next; `None` while somebody tries.
        again: Option<Instant>,
    },
}

impl Keeper {
    /// Locks the folder and opens its files.
    pub(super) fn open(folder: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        make_folder(folder).map_err(from_io)?;
        let lock = lock(folder)?;
        let told = Arc::default();
        let disk = Disk::open(folder, Arc::clone(&clock), Arc::clone(&told))?;
        Ok(Self {
            state: Arc::new(RwLock::new(State::Up(Box::new(disk)))),
            folder: folder.to_owned(),
            clock,
            told,
            watched: Arc::default(),
            beyond_help: CancellationToken::new(),
            _lock: lock,
        })
    }

    pub(super) fn beyond_help(&self) -> CancellationToken {
        self.beyond_help.clone()
    }

    /// Does something with the files where they are open and sound; `None` where they are not.
    pub(super) fn with_sound<T>(&self, work: impl FnOnce(&Disk) -> T) -> Option<T> {
        match &*self.state() {
            State::Up(disk) if disk.failed().is_none() => Some(work(disk)),
            State::Up(_) | State::Down { .. } => None,
        }
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

    /// The same where the files are at hand at once; `None` where they have to be waited for.
    pub(super) fn at_once<T>(
        &self,
        work: impl FnOnce(&Disk) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        match &*self.state.try_read().ok()? {
            State::Up(disk) if disk.failed().is_none() => Some(work(disk)),
            State::Up(_) | State::Down { .. } => None,
        }
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// One thread opens the files again; meanwhile the others are told at once that they are away.
    fn open_again(&self) -> Result<(), StoreError> {
        self.count_the_time();
        let (old, why) = {
            // waits for all who work with the files
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            let why = match &*state {
                State::Down { why, again } if again.is_none_or(|at| Instant::now() < at) => {
                    return Err(why.clone());
                }
                State::Down { why, .. } => why.clone(),
                State::Up(disk) => match disk.failed() {
                    None => return Ok(()),
                    Some(why) => why,
                },
            };
            (std::mem::replace(&mut *state, State::Down { why: why.clone(), again: None }), why)
        };
        // sled lets go of its files only when it is dropped
        let opened = match close(old) {
            true => Disk::open(&self.folder, Arc::clone(&self.clock), Arc::clone(&self.told)),
            false => Err(StoreError::Unavailable(format!("the files do not close after: {why}"))),
        };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        match opened {
            Ok(disk) => {
                *state = State::Up(Box::new(disk));
                tracing::info!("the store is open again");
                Ok(())
            }
            Err(why) => {
                *state = State::Down { why: why.clone(), again: Some(Instant::now() + AGAIN) };
                Err(why)
            }
        }
    }

    /// Starts to count how long the files have been away, on a thread that waits for none of those that may hang.
    fn count_the_time(&self) {
        if self.watched.swap(true, Ordering::SeqCst) {
            return;
        }
        let (state, watched) = (Arc::downgrade(&self.state), Arc::clone(&self.watched));
        let beyond_help = self.beyond_help.clone();
        let counts = move || {
            let mut since = Instant::now();
            loop {
                std::thread::sleep(LOOK);
                let Some(state) = state.upgrade() else { return };
                // a lock that is not to be had is held by somebody who closes the files, or hangs in them
                match state.try_read().as_deref() {
                    Ok(state) if state.is_sound() => break,
                    // a person has to make room: this process goes on by itself once there is some
                    Ok(state) if state.waits_for_a_person() => since = Instant::now(),
                    Ok(_) | Err(_) => {}
                }
                if since.elapsed() > BEYOND_HELP {
                    tracing::error!("the store cannot be opened again; start the server anew");
                    beyond_help.cancel();
                    return;
                }
            }
            watched.store(false, Ordering::SeqCst);
        };
        if std::thread::Builder::new().name("keeper".into()).spawn(counts).is_err() {
            self.watched.store(false, Ordering::SeqCst);
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let gone = State::Down { why: StoreError::Unavailable("closed".into()), again: None };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        close(std::mem::replace(&mut *state, gone));
    }
}

/// Closes the files; false where they do not close in time: then the thread that does it is left alone.
fn close(state: State) -> bool {
    let State::Up(disk) = state else { return true };
    if disk.failed().is_none() {
        // nothing can be in sled's way
        drop(disk);
        return true;
    }
    let (closed, end) = mpsc::channel();
    let close = std::thread::Builder::new().name("close".into()).spawn(move || {
        drop(disk);
        // nobody listens any more where it took too long
        let _ = closed.send(());
    });
    close.is_ok() && end.recv_timeout(CLOSE).is_ok()
}

impl State {
    fn is_sound(&self) -> bool {
        match self {
            Self::Up(disk) => disk.failed().is_none(),
            Self::Down { .. } => false,
        }
    }

    /// Whether there is no room, or no right to write: starting anew would not help.
    fn waits_for_a_person(&self) -> bool {
        let why = match self {
            Self::Up(disk) => disk.failed(),
            Self::Down { why, .. } => Some(why.clone()),
        };
        matches!(why, Some(StoreError::Full(_) | StoreError::ReadOnly(_)))
    }
}

/// A folder that only its owner may look into.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// One process per folder. A lock may outlive its owner for a moment, in a process that is being started with a copy of
/// the owner's files: being in use is believed only after a while.
fn lock(folder: &Path) -> Result<File, StoreError> {
    let file = own_file().truncate(false).open(folder.join("lock")).map_err(from_io)?;
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
