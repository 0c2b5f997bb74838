//! A second, plain copy of what exists nowhere else: an append-only file, one line per commit, synced to the disk
//! before the commit is answered. `length checksum json`. A last line that is torn was never promised and is skipped; any
//! other that cannot be read was promised: the others count all the same, and whoever opens it is told.

use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use sync_protocol::{Change, Counter};
use xxhash_rust::xxh3::xxh3_64;

use super::{Unsent, VERSION};
use crate::store::profile::disk_failed;
use crate::store::{Batch, Memos, Meta, Quarantined, StoreError};

/// Bytes that a journal may have beyond twice its size when last rewritten.
const SLACK: u64 = 4 << 20;
/// Changes in one line of a rewritten journal, so that one damaged line costs little.
const LINE_CHANGES: usize = 64;

/// The open journal of a store.
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    bytes: u64,
    rewritten: u64,
    /// A line could not be taken back.
    torn: bool,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Line {
    version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Meta>,
    counter: Counter,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    enqueue: Vec<Change>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    settle: Vec<Counter>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    quarantine: Vec<Quarantined>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    quarantine_gone: Vec<Counter>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    memos: Memos,
}

/// What a journal says, all lines folded, and whether lines are damaged whose commits were acknowledged; of one that is torn
/// what is before the tear. Refuses one that a newer version wrote.
pub(super) fn read(path: &Path, torn_after: Option<u64>) -> Result<(Unsent, bool), StoreError> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(mut file) => file.read_to_end(&mut bytes).map_err(|e| disk_failed(&e))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Unsent::default(), false)),
        Err(error) => return Err(disk_failed(&error)),
    };
    // it may have been replaced since by a whole one, in which no line ends there
    if let Some(end) = torn_after.map(|end| end as usize)
        && bytes.get(..end).is_some_and(|whole| whole.ends_with(b"\n"))
    {
        bytes.truncate(end);
    }
    let mut unsent = Unsent::default();
    let (mut unread, mut damaged) = (false, false);
    for line in bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        // one before this line could not be read, so it was not the last one
        damaged |= unread;
        let Some(line) = unframed(line) else {
            unread = true;
            continue;
        };
        unread = false;
        let version: Version = serde_json::from_slice(line).unwrap_or_default();
        if version.version > VERSION {
            return Err(StoreError::TooNew { found: version.version, known: VERSION });
        }
        // an intact line of a known version that does not parse is damage that the checksum missed: skipped like it
        match serde_json::from_slice::<Line>(line) {
            Ok(line) => unsent.follow(line),
            Err(_) => damaged = true,
        }
    }
    Ok((unsent, damaged))
}

#[derive(Default, Deserialize)]
struct Version {
    version: u32,
}

impl Journal {
    /// Replaces the journal by one that says just this, and opens it.
    pub(super) fn create(path: &Path, unsent: &Unsent) -> Result<Self, StoreError> {
        let (file, bytes) = replace(path, unsent).map_err(|e| disk_failed(&e))?;
        Ok(Self { path: path.to_owned(), file, bytes, rewritten: bytes, torn: false })
    }

    /// Adds what a batch does to unsent changes, durably. Returns where the journal ended before; see [`Journal::cut`].
    pub(super) fn append(&mut self, batch: &Batch) -> Result<u64, StoreError> {
        let before = self.bytes;
        let line = Line {
            version: VERSION,
            meta: batch.meta.clone(),
            counter: Counter(0),
            enqueue: batch.enqueue.clone(),
            settle: batch.settle.clone(),
            quarantine: batch.quarantine.clone(),
            quarantine_gone: batch.quarantine_gone.clone(),
            memos: batch.memos.clone(),
        };
        if line.is_empty() {
            return Ok(before);
        }
        let text = framed(&line);
        match self.file.write_all(&text).and_then(|()| self.file.sync_data()) {
            Ok(()) => {
                self.bytes += text.len() as u64;
                Ok(before)
            }
            Err(error) => {
                // a line that stays behind would be taken for a commit whose answer was lost
                let cut = self.cut(before);
                cut.and(Err(disk_failed(&error)))
            }
        }
    }

    /// Takes back the last line.
    pub(super) fn cut(&mut self, before: u64) -> Result<(), StoreError> {
        let mut cut = || -> io::Result<()> {
            self.file.set_len(before)?;
            self.file.seek(SeekFrom::Start(before))?;
            self.file.sync_data()
        };
        self.bytes = before;
        let done = cut();
        self.torn |= done.is_err();
        done.map_err(|e| disk_failed(&e))
    }

    /// Whether it may hold a line that was answered with an error: nothing may follow it.
    pub(super) fn is_torn(&self) -> bool {
        self.torn
    }

    /// Where it ended before that line.
    pub(super) fn torn_after(&self) -> Option<u64> {
        self.torn.then_some(self.bytes)
    }

    /// Whether most of it is history.
    pub(super) fn is_bloated(&self) -> bool {
        self.bytes > 2 * self.rewritten + SLACK
    }

    /// Replaces what it says.
    pub(super) fn rewrite(&mut self, unsent: &Unsent) -> Result<(), StoreError> {
        *self = Self::create(&self.path, unsent)?;
        Ok(())
    }
}

impl Line {
    fn is_empty(&self) -> bool {
        self.meta.is_none()
            && self.enqueue.is_empty()
            && self.settle.is_empty()
            && self.quarantine.is_empty()
            && self.quarantine_gone.is_empty()
            && self.memos.is_empty()
    }
}

impl Unsent {
    fn follow(&mut self, line: Line) {
        self.meta = line.meta.or_else(|| self.meta.take());
        self.counter = self.counter.max(line.counter);
        for change in line.enqueue {
            self.counter = self.counter.max(change.id.counter);
            self.outbox.insert(change.id.counter, change);
        }
        for counter in line.settle {
            self.counter = self.counter.max(counter);
            self.outbox.remove(&counter);
        }
        for rejected in line.quarantine {
            self.quarantine.insert(rejected.change.id.counter, rejected);
        }
        for counter in line.quarantine_gone {
            self.quarantine.remove(&counter);
        }
        // those that were removed stay, without a text: the records may have them still
        self.memos.extend(line.memos);
    }
}

/// Writes a new file beside the old one and puts it in its place, durably.
fn replace(path: &Path, unsent: &Unsent) -> io::Result<(File, u64)> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(&new)?;
    let mut bytes = 0;
    let mut write = |line: Line| {
        let text = framed(&Line { version: VERSION, ..line });
        bytes += text.len() as u64;
        file.write_all(&text)
    };
    write(Line { meta: unsent.meta.clone(), counter: unsent.counter, ..Line::default() })?;
    let changes: Vec<&Change> = unsent.outbox.values().collect();
    for part in changes.chunks(LINE_CHANGES) {
        write(Line { enqueue: part.iter().map(|c| (*c).clone()).collect(), ..Line::default() })?;
    }
    let rejected: Vec<&Quarantined> = unsent.quarantine.values().collect();
    for part in rejected.chunks(LINE_CHANGES) {
        write(Line { quarantine: part.iter().map(|q| (*q).clone()).collect(), ..Line::default() })?;
    }
    for memo in &unsent.memos {
        write(Line { memos: vec![memo.clone()], ..Line::default() })?;
    }
    file.sync_all()?;
    fs::rename(&new, path)?;
    crate::store::profile::sync_folder(path)?;
    Ok((file, bytes))
}

fn framed(line: &Line) -> Vec<u8> {
    let json = serde_json::to_vec(line).expect("what stores keep is JSON");
    let mut text = format!("{} {:016x} ", json.len(), xxh3_64(&json)).into_bytes();
    text.extend(json);
    text.push(b'\n');
    text
}

/// The JSON of an intact line.
fn unframed(line: &[u8]) -> Option<&[u8]> {
    let mut parts = line.splitn(3, |b| *b == b' ');
    let length: usize = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
    let sum = u64::from_str_radix(std::str::from_utf8(parts.next()?).ok()?, 16).ok()?;
    let json = parts.next()?;
    (json.len() == length && xxh3_64(json) == sum).then_some(json)
}
