//! Into a file.

use std::collections::BTreeMap;
use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use sync_protocol::{Partition, WorkspaceId};
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncSeekExt, AsyncWriteExt, BufWriter};
use xxhash_rust::xxh3::Xxh3;

use super::{ArchiveError, FORMAT, KINDS, Line, Summary};
use crate::limits::MEMBERS_ALL;
use crate::partition::limits::{RANGE_BYTES, RANGE_ROWS};
use crate::store::{Head, Kind, Mark, PartitionId, Read, Store, StoreError, WorkspaceRow, feed_key};

/// Reads of one partition before it is called too busy: other servers write to it meanwhile, and what is put away is one moment of it.
const TRIES: u32 = 10;

/// Puts a workspace into a new file for its owner only. `progress` hears how many partitions of how many are done.
///
/// # Errors
/// [`ArchiveError`]; what there is of the file is gone then.
pub async fn export(
    store: &dyn Store,
    workspace: WorkspaceId,
    to: &Path,
    progress: impl Fn(u16, u16),
) -> Result<Summary, ArchiveError> {
    let row = store.workspace(workspace).await?;
    let row = row.ok_or_else(|| {
        ArchiveError::Refused(format!(
            "There is no workspace {workspace}. Its id is printed when it is added."
        ))
    })?;
    let mut out = Out::create(to).await?;
    match put(store, &row, &mut out, progress).await {
        Ok(summary) => Ok(summary),
        Err(error) => {
            drop(out);
            let gone = tokio::fs::remove_file(to).await;
            gone.map_err(|cause| ArchiveError::File { file: to.into(), cause })?;
            Err(error)
        }
    }
}

async fn put(
    store: &dyn Store,
    row: &WorkspaceRow,
    out: &mut Out,
    progress: impl Fn(u16, u16),
) -> Result<Summary, ArchiveError> {
    let WorkspaceRow { id, name, partitions } = row.clone();
    out.line(&Line::Workspace { format: FORMAT, id, name: name.clone(), partitions }).await?;
    let mut members = 0;
    for (user, role) in store.members_of(id, MEMBERS_ALL).await? {
        let Some(account) = store.account_of(user).await? else { continue };
        let crate::store::Account { login, name, password_hash, .. } = account;
        members += 1;
        out.line(&Line::Member { user, login, name, password_hash, role }).await?;
    }
    let mut rows: BTreeMap<String, u64> = BTreeMap::new();
    for partition in (0..partitions).map(Partition) {
        for (kind, more) in partition_of(store, PartitionId { workspace: id, partition }, out).await? {
            *rows.entry(kind.name().into()).or_default() += more;
        }
        progress(partition.0 + 1, partitions);
    }
    out.end(rows.values().sum()).await?;
    Ok(Summary { workspace: id, name, partitions, members, rows })
}

/// One moment of a partition: where it moved while it was read, it is read anew.
async fn partition_of(
    store: &dyn Store,
    id: PartitionId,
    out: &mut Out,
) -> Result<BTreeMap<Kind, u64>, ArchiveError> {
    let begin = out.place().await?;
    for _ in 0..TRIES {
        let before = store.head(id, Read::Serial).await?;
        let rows = rows_of(store, id, before.clone(), out).await?;
        if store.head(id, Read::Serial).await? == before {
            return Ok(rows);
        }
        out.go_back(&begin).await?;
    }
    Err(ArchiveError::Refused(format!(
        "People write to partition {} all the time: put the workspace away at a quieter hour, or stop the servers for it.",
        id.partition
    )))
}

async fn rows_of(
    store: &dyn Store,
    id: PartitionId,
    mut head: Head,
    out: &mut Out,
) -> Result<BTreeMap<Kind, u64>, ArchiveError> {
    let mut counts = BTreeMap::new();
    // read first where it begins: what it no longer has is said in the head
    let floor = feed_key(head.kept.floor.seq);
    let first = store.range(id, Kind::Feed, Some(&floor), 1, 1, Read::Quorum).await;
    let has_feed = !matches!(first, Err(StoreError::Expired(_)));
    if !has_feed {
        head.kept.floor = Mark { seq: head.revision, fed: head.kept.fed, ..head.kept.floor };
    }
    let Head { revision, checksums, kept, .. } = head;
    out.line(&Line::Partition { partition: id.partition, revision, checksums, kept }).await?;
    for kind in KINDS.into_iter().filter(|kind| has_feed || *kind != Kind::Feed) {
        let mut after = (kind == Kind::Feed).then(|| floor.clone());
        loop {
            let rows = store.range(id, kind, after.as_deref(), RANGE_ROWS, RANGE_BYTES, Read::Quorum).await?;
            let Some((last, _)) = rows.last() else { break };
            after = Some(last.clone());
            *counts.entry(kind).or_default() += rows.len() as u64;
            for (key, body) in rows {
                let body = serde_json::value::RawValue::from_string(body).map_err(|_| {
                    StoreError::Corrupt(format!(
                        "{} {key} of partition {} is no JSON; see: workspace check",
                        kind.name(),
                        id.partition
                    ))
                })?;
                out.line(&Line::Row { kind: kind.name().into(), key, body }).await?;
            }
        }
    }
    Ok(counts)
}

/// The file, and what its lines add up to.
struct Out {
    path: PathBuf,
    file: BufWriter<File>,
    digest: Xxh3,
}

/// Where a file was.
struct Place {
    at: u64,
    digest: Xxh3,
}

impl Out {
    async fn create(path: &Path) -> Result<Self, ArchiveError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        let file = options.open(path).await.map_err(|cause| match cause.kind() {
            io::ErrorKind::AlreadyExists => {
                ArchiveError::Refused(format!("{} is there already. Name another file.", path.display()))
            }
            _ => ArchiveError::File { file: path.into(), cause },
        })?;
        Ok(Self { path: path.into(), file: BufWriter::new(file), digest: Xxh3::new() })
    }

    fn failed(&self) -> impl Fn(io::Error) -> ArchiveError + use<> {
        let file = self.path.clone();
        move |cause| ArchiveError::File { file: file.clone(), cause }
    }

    async fn line(&mut self, line: &Line<'_>) -> Result<(), ArchiveError> {
        let mut text = serde_json::to_vec(line).expect("lines have text keys");
        text.push(b'\n');
        self.digest.update(&text);
        self.file.write_all(&text).await.map_err(self.failed())
    }

    async fn place(&mut self) -> Result<Place, ArchiveError> {
        let at = self.file.stream_position().await.map_err(self.failed())?;
        Ok(Place { at, digest: self.digest.clone() })
    }

    async fn go_back(&mut self, place: &Place) -> Result<(), ArchiveError> {
        let failed = self.failed();
        self.file.flush().await.map_err(&failed)?;
        self.file.get_ref().set_len(place.at).await.map_err(&failed)?;
        self.file.seek(SeekFrom::Start(place.at)).await.map_err(&failed)?;
        self.digest = place.digest.clone();
        Ok(())
    }

    async fn end(&mut self, rows: u64) -> Result<(), ArchiveError> {
        let digest = format!("{:016x}", self.digest.digest());
        self.line(&Line::End { rows, digest }).await?;
        let failed = self.failed();
        self.file.flush().await.map_err(&failed)?;
        self.file.get_ref().sync_all().await.map_err(&failed)
    }
}
