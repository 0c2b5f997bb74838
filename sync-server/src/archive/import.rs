//! Out of a file: first all of it is looked at, then it is brought in.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use sync_protocol::message::Role;
use sync_protocol::{Conflict, Partition, Record, RecordId, UserId};
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use xxhash_rust::xxh3::Xxh3;

use super::{ArchiveError, FORMAT, KINDS, Line, Summary};
use crate::partition::limits::{GROUP_BYTES, GROUP_CHANGES};
use crate::store::{
    Account, Commit, Committed, Head, Kind, PartitionId, Read, Row, Store, StoreError, WorkspaceRow,
};
use crate::{erase, mend};

/// Bytes of a line at most: above what any row has.
const LINE_BYTES: u64 = 64 << 20;

/// Tries of one step while the store does not say how it ended.
const TRIES: u32 = 10;

/// Brings a workspace from a file into a store that has none of that id; where that was broken off, the same again goes on.
/// With `dry_run` the file is only looked at. `horizon`: how long what expires is kept from now on. `progress` hears how many
/// partitions of how many are done.
///
/// # Errors
/// [`ArchiveError`]; until all of it is there, nobody sees any of it.
pub async fn import(
    store: &dyn Store,
    from: &Path,
    dry_run: bool,
    horizon: Duration,
    progress: impl Fn(u16, u16),
) -> Result<Summary, ArchiveError> {
    let summary = look_through(from).await?;
    let known = store.workspace(summary.workspace).await?;
    if dry_run {
        return match known {
            Some(row) => Err(is_here(&row.name)),
            None => Ok(summary),
        };
    }
    let mut lines = Lines::open(from).await?;
    let mut members = Vec::new();
    let mut open: Option<Open> = None;
    while let Some(line) = lines.next().await? {
        match line {
            Line::Workspace { .. } => {}
            Line::Member { user, login, name, password_hash, role } => {
                members.push((Account { user, login, name, password_hash }, role));
            }
            Line::Partition { partition, revision, checksums, kept } => {
                if let Some(before) = open.take() {
                    before.close(store).await?;
                    progress(partition.0, summary.partitions);
                }
                let id = PartitionId { workspace: summary.workspace, partition };
                let head = Head { revision, checksums, kept, ..Head::default() };
                open = Some(Open::begin(store, id, head, known.is_some(), &summary.name).await?);
            }
            Line::Row { kind, key, body } => {
                let (Some(open), Some(kind)) = (&mut open, kind_of(&kind)) else { continue };
                let body = body.get().to_owned();
                let ttl = expires(kind, &body).then_some(horizon);
                open.row(store, Row { kind, key, body, ttl }).await?;
            }
            Line::End { .. } => break,
        }
    }
    if let Some(last) = open.take() {
        last.close(store).await?;
        progress(summary.partitions, summary.partitions);
    }
    let row =
        WorkspaceRow { id: summary.workspace, name: summary.name.clone(), partitions: summary.partitions };
    store.add_workspace(&row).await?;
    for (account, role) in members {
        let user = person(store, account).await?;
        store.set_member(row.id, user, Some(role)).await?;
    }
    Ok(summary)
}

fn is_here(name: &str) -> ArchiveError {
    ArchiveError::Refused(format!(
        "“{name}” is in this store already, and may have moved on since. Nothing was brought in."
    ))
}

/// Whether a row goes after the horizon: nobody needs it any more then.
fn expires(kind: Kind, body: &str) -> bool {
    match kind {
        Kind::Record => serde_json::from_str::<Record>(body).is_ok_and(|record| record.deleted),
        Kind::Conflict => serde_json::from_str::<Conflict>(body).is_ok_and(|conflict| !conflict.is_open()),
        Kind::Feed => true,
        Kind::Replica | Kind::Shadow | Kind::Mirror => false,
    }
}

/// Who a member is in this store: whoever signs in by that name, or else a new account with the password of old.
async fn person(store: &dyn Store, account: Account) -> Result<UserId, StoreError> {
    if store.account_of(account.user).await?.is_some() || store.add_account(&account).await? {
        return Ok(account.user);
    }
    let there = store.account(&account.login).await?;
    Ok(there.map_or(account.user, |there| there.user))
}

fn kind_of(name: &str) -> Option<Kind> {
    KINDS.into_iter().find(|kind| kind.name() == name)
}

/// A partition that is being written.
struct Open {
    id: PartitionId,
    /// As it will be; its step is that of what is written.
    head: Head,
    rows: Vec<Row>,
    bytes: usize,
    /// All of it is there already.
    done: bool,
}

impl Open {
    async fn begin(
        store: &dyn Store,
        id: PartitionId,
        mut head: Head,
        is_known: bool,
        name: &str,
    ) -> Result<Self, ArchiveError> {
        let now = store.head(id, Read::Serial).await?;
        head.step = now.step;
        let done = now == head && (head.revision.0 > 0 || is_known);
        let begun = now.revision.0 == 0 && !is_known;
        if !done && !begun {
            return Err(is_here(name));
        }
        if !done && now.step.0 > 0 {
            // what an import that was broken off has left, perhaps of another file
            erase::partition(store, id).await?;
            head.step = store.head(id, Read::Serial).await?.step;
        }
        Ok(Self { id, head, rows: Vec::new(), bytes: 0, done })
    }

    async fn row(&mut self, store: &dyn Store, row: Row) -> Result<(), ArchiveError> {
        if self.done {
            return Ok(());
        }
        self.bytes += row.key.len() + row.body.len();
        self.rows.push(row);
        if self.bytes >= GROUP_BYTES || self.rows.len() >= GROUP_CHANGES {
            self.write(store, false).await?;
        }
        Ok(())
    }

    async fn close(mut self, store: &dyn Store) -> Result<(), ArchiveError> {
        let is_empty = self.head.revision.0 == 0 && self.rows.is_empty();
        if self.done || is_empty { Ok(()) } else { self.write(store, true).await }
    }

    /// One step. Until the last one the partition says that it has nothing.
    async fn write(&mut self, store: &dyn Store, last: bool) -> Result<(), ArchiveError> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        let before = self.head.step;
        let head = if last { self.head.clone() } else { Head::default() };
        let head = Head { step: before.next(), ..head };
        for _ in 0..TRIES {
            let commit = Commit { expected: before, head: head.clone(), rows: rows.clone() };
            let committed = match store.commit(self.id, commit).await? {
                Committed::Unknown => store.head(self.id, Read::Serial).await? == head,
                ended => ended == Committed::Yes,
            };
            if committed {
                self.head.step = head.step;
                return Ok(());
            }
            if store.head(self.id, Read::Serial).await?.step != before {
                return Err(ArchiveError::Refused(
                    "Somebody else writes to this workspace. Is it being brought in twice?".into(),
                ));
            }
        }
        Err(StoreError::Unavailable("it does not say how writing ended".into()).into())
    }
}

/// Reads all of a file without keeping it: whether everything in it can be read by every device, and is where it belongs.
async fn look_through(from: &Path) -> Result<Summary, ArchiveError> {
    let mut lines = Lines::open(from).await?;
    let Some(Line::Workspace { format, id, name, partitions }) = lines.next().await? else {
        return Err(lines.wrong("this is no workspace that was put away"));
    };
    if format != FORMAT {
        return Err(lines.wrong(&format!("a newer version of this program wrote it (format {format})")));
    }
    if !(1..=sync_protocol::limits::PARTITIONS_MAX).contains(&partitions) {
        return Err(lines.wrong("no workspace is sliced like that"));
    }
    let mut summary = Summary { workspace: id, name, partitions, members: 0, rows: BTreeMap::new() };
    let mut next = Partition(0);
    let mut owned = false;
    loop {
        let before = lines.digest.digest();
        let Some(line) = lines.next().await? else {
            return Err(lines.wrong("the file ends in the middle: it was not written to its end"));
        };
        match line {
            Line::Workspace { .. } => return Err(lines.wrong("a second workspace begins here")),
            Line::Member { role, .. } if next.0 == 0 => {
                owned |= role == Role::Owner;
                summary.members += 1;
            }
            Line::Member { .. } => return Err(lines.wrong("members come before what is stored")),
            Line::Partition { partition, .. } if partition == next && partition.0 < partitions => {
                next = Partition(partition.0 + 1);
            }
            Line::Partition { partition, .. } => {
                return Err(lines.wrong(&format!("partition {partition} is not the next one")));
            }
            Line::Row { kind: name, key, body } => {
                let Some(kind) = kind_of(&name) else {
                    return Err(lines.wrong(&format!("there is no kind “{name}”")));
                };
                let at = next.0.checked_sub(1).map(Partition);
                let belongs = match kind {
                    Kind::Record | Kind::Conflict => {
                        let record = key.split('\t').next().and_then(RecordId::from_text);
                        record.is_some_and(|id| Some(id.partition(partitions)) == at)
                    }
                    _ => at.is_some(),
                };
                if !belongs {
                    return Err(lines.wrong("this row belongs to another partition"));
                }
                if !mend::is_whole(kind, body.get()) {
                    return Err(lines.wrong(&format!("this {name} cannot be read by every device; mend it where it comes from (workspace check --mend), and put it away again")));
                }
                *summary.rows.entry(kind.name().into()).or_default() += 1;
            }
            Line::End { rows, digest } => {
                let whole = next.0 == partitions
                    && rows == summary.rows.values().sum::<u64>()
                    && digest == format!("{before:016x}");
                if !whole {
                    return Err(lines.wrong("the file was changed since it was written, or is damaged"));
                }
                if !owned {
                    return Err(lines.wrong("no member is an owner"));
                }
                return Ok(summary);
            }
        }
    }
}

/// The lines of a file.
struct Lines {
    path: PathBuf,
    file: BufReader<File>,
    text: Vec<u8>,
    /// From 1, of the one read last.
    line: u64,
    /// Of all lines read.
    digest: Xxh3,
}

impl Lines {
    async fn open(path: &Path) -> Result<Self, ArchiveError> {
        let file = File::open(path).await.map_err(|cause| ArchiveError::File { file: path.into(), cause })?;
        let file = BufReader::new(file);
        Ok(Self { path: path.into(), file, text: Vec::new(), line: 0, digest: Xxh3::new() })
    }

    async fn next(&mut self) -> Result<Option<Line<'static>>, ArchiveError> {
        self.text.clear();
        let failed = |cause: io::Error| ArchiveError::File { file: self.path.clone(), cause };
        (&mut self.file).take(LINE_BYTES).read_until(b'\n', &mut self.text).await.map_err(failed)?;
        if self.text.is_empty() {
            return Ok(None);
        }
        self.line += 1;
        self.digest.update(&self.text);
        match serde_json::from_slice(&self.text) {
            Ok(line) if self.text.ends_with(b"\n") => Ok(Some(line)),
            _ => Err(self.wrong("this cannot be read")),
        }
    }

    fn wrong(&self, why: &str) -> ArchiveError {
        ArchiveError::Line { file: self.path.clone(), line: self.line, why: why.into() }
    }
}
