//! A server's store: what it changes in one go, and what it holds.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sync_protocol::message::Role;
use sync_protocol::{Partition, ReplicaId, Revision, Timestamp, UserId, WorkspaceId};
use sync_server::store::clock::ManualClock;
use sync_server::store::memory::MemoryStore;
use sync_server::store::sled::SledStore;
use sync_server::store::{
    Account, Commit, Committed, Head, Kind, PartitionId, Read, Row, SessionRow, Step, Store, StoreError,
    WorkspaceRow,
};
use uuid::Uuid;

/// What is changed in one go.
pub const KINDS: [&str; 10] = [
    "verdicts of a group",
    "rejections alone",
    "expired rows swept",
    "a new account",
    "a new password",
    "a session begins",
    "all sessions end",
    "a new workspace",
    "a member's role",
    "a replica's owner",
];

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const PART: PartitionId = PartitionId { workspace: WorkspaceId(Uuid::from_u128(1)), partition: Partition(0) };

fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

fn replica(n: u128) -> ReplicaId {
    ReplicaId(Uuid::from_u128(n))
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(NOW))
}

/// Opens the store in a folder.
pub fn open(folder: &Path) -> Result<SledStore, StoreError> {
    SledStore::open_with(folder, clock())
}

fn row(kind: Kind, key: &str, what: &str) -> Row {
    let body = format!("{{\"what\":\"{what}\",\"filler\":\"{}\"}}", "x".repeat(500));
    Row { kind, key: key.into(), body, ttl: None }
}

/// The step after `from`, with so many rows.
pub fn step(from: u64, rows: usize) -> Commit {
    let to = from + 1;
    let mut all: Vec<Row> =
        (0..rows).map(|n| row(Kind::Record, &format!("people/{n}"), &format!("at {to}"))).collect();
    all.push(row(Kind::Feed, &format!("{to:020}"), "entries"));
    all.push(row(Kind::Replica, &replica(1).to_string(), &format!("last {to}")));
    all.push(row(Kind::Conflict, &format!("people/1\t{to}"), "sides"));
    let head = Head { step: Step(to), revision: Revision(to), ..Head::default() };
    Commit { expected: Step(from), head, rows: all }
}

fn account(n: u128) -> Account {
    let login = format!("person{n}");
    Account { user: user(n), name: login.clone(), login, password_hash: "old".into() }
}

fn session(user: UserId) -> SessionRow {
    SessionRow::new(user, Timestamp(NOW.0 + 3_600_000))
}

/// Something of everything.
pub async fn prepare(store: &dyn Store) -> Result<(), StoreError> {
    store.commit(PART, step(0, 20)).await?;
    let mut soon = step(1, 5);
    soon.rows
        .iter_mut()
        .filter(|row| row.kind == Kind::Conflict)
        .for_each(|row| row.ttl = Some(Duration::ZERO));
    store.commit(PART, soon).await?;
    store.add_account(&account(1)).await?;
    store.add_session(&[1; 32], &session(user(1))).await?;
    store.add_session(&[2; 32], &session(user(1))).await?;
    store.set_member(PART.workspace, user(1), Some(Role::Owner)).await
}

/// Changes it.
pub async fn attempt(store: &dyn Store, kind: &str) -> Result<(), StoreError> {
    match kind {
        "verdicts of a group" => took(store.commit(PART, step(2, 30)).await?),
        "rejections alone" => {
            let mut commit = step(2, 0);
            commit.rows.retain(|row| row.kind == Kind::Replica);
            took(store.commit(PART, commit).await?)
        }
        "expired rows swept" => took(store.commit(PART, step(2, 1)).await?),
        "a new account" => store.add_account(&account(2)).await.map(drop),
        "a new password" => store.set_password(user(1), "new").await,
        "a session begins" => store.add_session(&[3; 32], &session(user(1))).await,
        "all sessions end" => store.end_sessions(user(1)).await.map(drop),
        "a new workspace" => {
            let (id, name) = (PART.workspace, "crew".to_owned());
            store.add_workspace(&WorkspaceRow { id, name, partitions: 1 }).await.map(drop)
        }
        "a member's role" => store.set_member(PART.workspace, user(1), Some(Role::Reader)).await,
        "a replica's owner" => store.claim_replica(replica(5), user(1)).await.map(drop),
        _ => Ok(()),
    }
}

fn took(committed: Committed) -> Result<(), StoreError> {
    match committed {
        Committed::Yes => Ok(()),
        other => Err(StoreError::Unavailable(format!("{other:?}"))),
    }
}

/// Everything that a store holds, as text.
pub async fn all_of(store: &dyn Store) -> Result<String, StoreError> {
    let mut text = format!("{:?}\n", store.head(PART, Read::Serial).await?);
    for kind in Kind::ALL {
        for (key, body) in store.range(PART, kind, None, usize::MAX, usize::MAX, Read::Serial).await? {
            text += &format!("{} {key} {body}\n", kind.name());
        }
    }
    for n in 1..=2 {
        text += &format!(
            "{:?} {:?}\n",
            store.account(&format!("person{n}")).await?,
            store.account_of(user(n)).await?
        );
    }
    for n in 1..=3 {
        text += &format!("{:?}\n", store.session(&[n; 32]).await?);
    }
    text += &format!("{:?}\n", store.workspace(PART.workspace).await?);
    text += &format!("{:?}\n", store.workspaces_of(user(1)).await?);
    Ok(text)
}

/// What the store in memory holds before and after.
pub async fn states(kind: &str) -> Result<[String; 2], StoreError> {
    let store = MemoryStore::new(clock());
    prepare(&store).await?;
    let before = all_of(&store).await?;
    attempt(&store, kind).await?;
    Ok([before, all_of(&store).await?])
}

/// The files that a store writes.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    ["db/db", "journal", "version.new", "db/conf"].map(|name| folder.join(name)).into()
}
