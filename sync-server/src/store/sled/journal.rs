//! The write-ahead journal that makes a commit durable: written whole and fsynced before anything of it can be read. Commits
//! that come while another one waits for the disk go there together: the disk takes as long for all of them as for one.
//!
//! sled's own flush does not promise that: on Linux it ends with `sync_file_range`, which leaves the file's size and the
//! drive's cache alone, and files for large values are not synced at all. So sled is the index here, and the journal
//! holds what sled may not have on the disk yet; it is played back when the store is opened, and emptied once all of
//! sled is on the disk.
//!
//! A frame: length of the payload (4 bytes, big-endian), XXH3-64 of it (8), payload. Payload, per write: tree (1), length
//! of the key (4), key, 1 and length of the value (4) and value, or 0 for a removal.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write as _};
use std::path::Path;
use xxhash_rust::xxh3::xxh3_64;

use super::disk::own_file;

/// Bytes at which the journal is emptied: some seconds of writing; as much is read when the store is opened.
pub(super) const CHECKPOINT_BYTES: u64 = 64 << 20;
const FRAME_HEAD: usize = 12;

/// Which tree a write is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    Rows,
    Directory,
}

/// One value set, or removed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Write {
    pub(super) tree: Tree,
    pub(super) key: Vec<u8>,
    pub(super) value: Option<Vec<u8>>,
}

/// An open journal.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    length: u64,
    /// It could not be said whether the last frame is there: nothing may follow it.
    broken: bool,
    /// How often something was brought to the disk.
    #[cfg(test)]
    pub(super) appended: usize,
}

/// Why a frame is not in the journal.
#[derive(Debug)]
pub(super) enum NotWritten {
    /// It is certain that it is not.
    Nothing(io::Error),
    /// It may turn up when the store is opened next.
    InDoubt(io::Error),
}

impl Journal {
    /// Opens or makes the journal; gives the frames in it, in order. A last one that is not whole was never promised.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Vec<Vec<Write>>)> {
        let mut file = own_file().truncate(false).read(true).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut frames = Vec::new();
        let mut rest = bytes.as_slice();
        while let Some((frame, after)) = read_frame(rest) {
            frames.push(frame);
            rest = after;
        }
        let length = (bytes.len() - rest.len()) as u64;
        let mut journal = Self {
            file,
            length,
            broken: false,
            #[cfg(test)]
            appended: 0,
        };
        journal.cut()?;
        Ok((journal, frames))
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// On the disk, or an error: all of these frames together, in their order.
    pub(super) fn append(&mut self, frames: &[u8]) -> Result<(), NotWritten> {
        if self.broken {
            return Err(NotWritten::Nothing(io::Error::other(
                "an earlier write failed; start the server again",
            )));
        }
        #[cfg(test)]
        {
            self.appended += 1;
        }
        let written = self.file.write_all(frames).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => {
                self.length += frames.len() as u64;
                Ok(())
            }
            Err(error) => match self.cut() {
                Ok(()) => Err(NotWritten::Nothing(error)),
                Err(_) => {
                    self.broken = true;
                    Err(NotWritten::InDoubt(error))
                }
            },
        }
    }

    /// Whether it takes nothing any more.
    pub(super) fn broken(&self) -> bool {
        self.broken
    }

    /// What it holds is in no need of it any more, or nobody knows what of it is applied.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        let length = std::mem::take(&mut self.length);
        self.cut().inspect_err(|_| self.length = length)
    }

    /// Takes away what is behind the last whole frame.
    fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.file.seek(SeekFrom::Start(self.length))?;
        self.file.sync_all()
    }
}

/// Brings everything that sled has written to the disk, so that the journal may go.
/// `synced` is the newest file of a large value that was brought there before; gives the newest now.
pub(super) fn sync_sled(db: &Path, synced: u64) -> io::Result<u64> {
    let sync = |path: &Path| File::options().write(true).open(path).and_then(|file| file.sync_all());
    let mut newest = synced;
    let blobs = db.join("blobs");
    if blobs.is_dir() {
        for entry in fs::read_dir(&blobs)? {
            let entry = entry?;
            // named by their place in sled's log, which only grows
            let number = entry.file_name().to_str().and_then(|name| name.parse::<u64>().ok());
            if number.is_none_or(|number| number > synced) {
                match sync(&entry.path()) {
                    // sled has no use for it any more
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    result => result?,
                }
                newest = newest.max(number.unwrap_or_default());
            }
        }
        sync_folder(&blobs)?;
    }
    sync(&db.join("db"))?;
    sync_folder(db)?;
    Ok(newest)
}

/// So that the names in it are on the disk.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Writes that are there together, or not at all.
pub(super) fn frame(writes: &[Write]) -> Vec<u8> {
    let mut frame = vec![0; FRAME_HEAD];
    for Write { tree, key, value } in writes {
        frame.push(match tree {
            Tree::Rows => 1,
            Tree::Directory => 2,
        });
        put_bytes(&mut frame, key);
        match value {
            Some(value) => {
                frame.push(1);
                put_bytes(&mut frame, value);
            }
            None => frame.push(0),
        }
    }
    let length = (frame.len() - FRAME_HEAD) as u32;
    let sum = xxh3_64(&frame[FRAME_HEAD..]);
    frame[..4].copy_from_slice(&length.to_be_bytes());
    frame[4..FRAME_HEAD].copy_from_slice(&sum.to_be_bytes());
    frame
}

fn put_bytes(frame: &mut Vec<u8>, bytes: &[u8]) {
    frame.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    frame.extend_from_slice(bytes);
}

fn read_frame(bytes: &[u8]) -> Option<(Vec<Write>, &[u8])> {
    let mut head = bytes;
    let length = u32::from_be_bytes(take(&mut head, 4)?.try_into().ok()?);
    let sum = u64::from_be_bytes(take(&mut head, 8)?.try_into().ok()?);
    let mut payload = take(&mut head, length as usize)?;
    if payload.is_empty() || xxh3_64(payload) != sum {
        return None;
    }
    let mut writes = Vec::new();
    while !payload.is_empty() {
        let tree = match take(&mut payload, 1)? {
            [1] => Tree::Rows,
            [2] => Tree::Directory,
            _ => return None,
        };
        let key = take_bytes(&mut payload)?;
        let value = match take(&mut payload, 1)? {
            [1] => Some(take_bytes(&mut payload)?),
            [0] => None,
            _ => return None,
        };
        writes.push(Write { tree, key, value });
    }
    Some((writes, head))
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

fn take_bytes(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let length = u32::from_be_bytes(take(bytes, 4)?.try_into().ok()?);
    take(bytes, length as usize).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writes(n: u8) -> Vec<Write> {
        vec![
            Write { tree: Tree::Rows, key: vec![n], value: Some(vec![n; 300]) },
            Write { tree: Tree::Directory, key: vec![n, n], value: None },
        ]
    }

    #[test]
    fn a_torn_end_is_cut_off_and_what_follows_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let (mut journal, frames) = Journal::open(&path).expect("open");
        assert!(frames.is_empty());
        journal.append(&frame(&writes(1))).expect("append");
        journal.append(&frame(&writes(2))).expect("append");
        let (whole, first) = (journal.length(), journal.length() / 2);
        drop(journal);
        let bytes = fs::read(&path).expect("read");
        for length in 0..=whole {
            fs::write(&path, &bytes[..length as usize]).expect("write");
            let (mut journal, frames) = Journal::open(&path).expect("open");
            let want: Vec<Vec<Write>> = (1..=(length / first) as u8).map(writes).collect();
            assert_eq!(frames, want, "{length} bytes");
            journal.append(&frame(&writes(9))).expect("append");
            drop(journal);
            let (_, frames) = Journal::open(&path).expect("open");
            assert_eq!(frames.last(), Some(&writes(9)));
            assert_eq!(frames.len(), want.len() + 1);
        }
    }

    #[test]
    fn a_flipped_bit_ends_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let (mut journal, _) = Journal::open(&path).expect("open");
        journal.append(&frame(&writes(1))).expect("append");
        let bytes = fs::read(&path).expect("read");
        for bit in (0..bytes.len() * 8).step_by(7) {
            let mut torn = bytes.clone();
            torn[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &torn).expect("write");
            let (_, frames) = Journal::open(&path).expect("open");
            assert!(frames.is_empty(), "bit {bit}");
        }
    }
}
