//! Looks at every stored row of a workspace, and mends those that a device could not read.
//!
//! Releases before this one stored what was nested deeper than every parser reads it in an answer. The server cuts such
//! values when it reads them; here they are cut where they stand.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use sync_protocol::limits::JSON_DEPTH;
use sync_protocol::message::ReplicaState;
use sync_protocol::{Conflict, Entry, Partition, Record};

use crate::mirror::row::{Carried, Shadow};
use crate::partition::limits::{RANGE_BYTES, RANGE_ROWS};
use crate::store::{
    Commit, Committed, Kind, PartitionId, PartitionStore, Read, Row, StoreError, WorkspaceRow,
};

/// Tries of one step where servers that run write to the same partition.
const TRIES: u32 = 20;

/// How long a group of the feed stays that nobody can read: the devices that have not met it take a snapshot then.
const UNREADABLE_STAYS: Duration = Duration::from_secs(1);

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows looked at.
    pub rows: u64,
    /// Rows with values that lie too deep.
    pub deep: u64,
    /// Keys of rows that cannot be read at all, with their kind and partition.
    pub unreadable: Vec<(Partition, &'static str, String)>,
}

enum Found {
    Whole,
    Deep(String),
    Unreadable,
}

/// Looks at all rows of a workspace; with `mend`, what is too deep is cut, and groups of the feed that cannot be read go,
/// so that devices take a snapshot instead. `horizon`: how long mended rows that expire are kept.
///
/// # Errors
///
/// Where the store does not answer, or other servers write so much that no step of this one gets through.
pub async fn workspace(
    store: &dyn PartitionStore,
    row: &WorkspaceRow,
    horizon: Duration,
    mend: bool,
) -> Result<Report, StoreError> {
    let mut report = Report::default();
    for partition in (0..row.partitions).map(Partition) {
        let id = PartitionId { workspace: row.id, partition };
        for kind in Kind::ALL {
            let mut after: Option<String> = None;
            loop {
                let rows =
                    store.range(id, kind, after.as_deref(), RANGE_ROWS, RANGE_BYTES, Read::Quorum).await?;
                let Some((last, _)) = rows.last() else { break };
                after = Some(last.clone());
                for (key, body) in rows {
                    report.rows += 1;
                    match look(kind, &body) {
                        Found::Whole => continue,
                        Found::Deep(_) => report.deep += 1,
                        Found::Unreadable => report.unreadable.push((partition, kind.name(), key.clone())),
                    }
                    if mend {
                        mend_row(store, id, kind, &key, horizon).await?;
                    }
                }
            }
        }
    }
    Ok(report)
}

/// What a row may have around a value.
const ENVELOPE: usize = 16;

/// Whether every device can read a row.
pub(crate) fn is_whole(kind: Kind, body: &str) -> bool {
    depth(body) <= JSON_DEPTH + ENVELOPE && matches!(look(kind, body), Found::Whole)
}

fn look(kind: Kind, body: &str) -> Found {
    match kind {
        Kind::Record => read::<Record>(body),
        Kind::Feed => read::<Vec<Entry>>(body),
        Kind::Conflict => read::<Conflict>(body),
        Kind::Replica => read::<ReplicaState>(body),
        Kind::Shadow => read::<Shadow>(body),
        Kind::Mirror => read::<Carried>(body),
    }
}

/// What is read is cut already; it differs from what is stored where there was something to cut.
fn read<T: DeserializeOwned + Serialize>(body: &str) -> Found {
    let Ok(value) = serde_json::from_str::<T>(body) else { return Found::Unreadable };
    let text = serde_json::to_string(&value).expect("what was read is JSON");
    if text.len() < body.len() && depth(body) > depth(&text) { Found::Deep(text) } else { Found::Whole }
}

/// How deep lists and objects are nested in a JSON text.
fn depth(json: &str) -> usize {
    let (mut depth, mut most, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                most = most.max(depth);
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    most
}

async fn mend_row(
    store: &dyn PartitionStore,
    id: PartitionId,
    kind: Kind,
    key: &str,
    horizon: Duration,
) -> Result<(), StoreError> {
    for _ in 0..TRIES {
        let before = store.head(id, Read::Serial).await?;
        // only what stands at that step is written over
        let now = store.get(id, kind, &[key.to_owned()]).await?.into_iter().next().flatten();
        let (body, ttl) = match (now.map(|body| look(kind, &body)), kind) {
            (Some(Found::Deep(body)), Kind::Feed) => (body, Some(horizon)),
            (Some(Found::Deep(body)), Kind::Conflict) => {
                let open = serde_json::from_str::<Conflict>(&body).is_ok_and(|c| c.is_open());
                (body, (!open).then_some(horizon))
            }
            (Some(Found::Unreadable), Kind::Feed) => ("[]".to_owned(), Some(UNREADABLE_STAYS)),
            // nothing else is mended without a person
            (Some(Found::Deep(_) | Found::Unreadable | Found::Whole) | None, _) => return Ok(()),
        };
        let mut head = before.clone();
        head.step = before.step.next();
        let row = Row { kind, key: key.to_owned(), body, ttl };
        if store.commit(id, Commit { expected: before.step, head, rows: vec![row] }).await? == Committed::Yes
        {
            return Ok(());
        }
    }
    Err(StoreError::Unavailable("other servers write to this partition all the time; try again later".into()))
}
