//! Takes away what is kept of a person: account, sessions, memberships, and their name in what workspaces hold. What they wrote is the
//! workspaces', and stays.

use std::collections::{BTreeMap, BTreeSet};
use sync_protocol::message::Role;
use sync_protocol::schema::person_record;
use sync_protocol::{
    Fields, Partition, Record, RecordId, ReplicaId, UserId, Value, Verdict, WorkspaceId, reserved,
};

use crate::limits::MEMBERS_ALL;
use crate::partition::limits::{RANGE_BYTES, RANGE_ROWS};
use crate::partition::{EngineError, PartitionEngine};
use crate::store::{Account, Kind, PartitionId, Read, Store, StoreError, WorkspaceRow};

/// What others read in place of the name.
pub const NAMELESS: &str = "Former member";

/// Why nothing, or not all, was taken away; doing it again is right.
#[derive(Debug, thiserror::Error)]
pub enum PersonError {
    /// Nobody else could manage these workspaces.
    #[error(
        "Nobody else owns {0}. Make somebody else an owner (member set), or erase the workspace (workspace erase), and try again. Nothing was taken away."
    )]
    OnlyOwner(String),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A workspace does not take the new name.
    #[error("their name in “{workspace}” cannot be taken away")]
    Name {
        /// What the workspace is called.
        workspace: String,
        /// Why.
        #[source]
        cause: EngineError,
    },
    /// It says why.
    #[error("their name in “{workspace}” cannot be taken away: {why}")]
    Refused {
        /// What the workspace is called.
        workspace: String,
        /// Why.
        why: String,
    },
}

/// Where somebody is a member, and of those the ones in which nobody else is an owner.
///
/// # Errors
/// Where the store does not answer.
pub async fn places(
    store: &dyn Store,
    user: UserId,
) -> Result<(Vec<WorkspaceRow>, Vec<WorkspaceRow>), StoreError> {
    let (mut all, mut alone) = (Vec::new(), Vec::new());
    for (id, role) in store.workspaces_of(user).await? {
        let Some(row) = store.workspace(id).await? else { continue };
        if role == Role::Owner {
            let members = store.members_of(id, MEMBERS_ALL).await?;
            if !members.iter().any(|(other, role)| *other != user && *role == Role::Owner) {
                alone.push(row.clone());
            }
        }
        all.push(row);
    }
    Ok((all, alone))
}

/// Takes a person away. `before`: workspaces that they left, where their name is still read. The account goes last: where this
/// was broken off, the same again goes on.
///
/// # Errors
/// [`PersonError`].
pub async fn person(
    store: &dyn Store,
    engine: &PartitionEngine,
    account: &Account,
    before: &[WorkspaceRow],
) -> Result<Vec<WorkspaceRow>, PersonError> {
    let (member_of, alone) = places(store, account.user).await?;
    if !alone.is_empty() {
        return Err(PersonError::OnlyOwner(names(&alone)));
    }
    store.end_sessions(account.user).await?;
    let left = member_of.iter().map(|row| row.id).collect::<BTreeSet<WorkspaceId>>();
    let before = before.iter().filter(|row| !left.contains(&row.id)).cloned();
    let all: Vec<WorkspaceRow> = member_of.into_iter().chain(before).collect();
    for row in &all {
        // their name goes first: it is by the membership that the same again finds the workspace
        nameless(store, engine, row, account.user).await?;
        store.set_member(row.id, account.user, None).await?;
    }
    store.remove_account(account).await?;
    Ok(all)
}

/// The names of workspaces, for people.
pub fn names(rows: &[WorkspaceRow]) -> String {
    rows.iter().map(|row| format!("“{}”", row.name)).collect::<Vec<_>>().join(", ")
}

/// Takes the person's name out of what a workspace says of its people and devices.
async fn nameless(
    store: &dyn Store,
    engine: &PartitionEngine,
    row: &WorkspaceRow,
    user: UserId,
) -> Result<(), PersonError> {
    let name = reserved::field("name");
    let (own, _) = person_record(user, "");
    let mut wanted: BTreeMap<RecordId, Fields> = BTreeMap::new();
    for record in [reserved::PEOPLE, reserved::DEVICES] {
        for (id, mut fields) in records(store, row.id, record).await? {
            let theirs =
                id == own || fields.get(&reserved::field("user")) == Some(&Value::from(user.to_string()));
            if theirs && fields.contains_key(&name) {
                let instead = if id == own { NAMELESS } else { "A device" };
                fields.insert(name.clone(), Value::from(instead));
                wanted.insert(id, fields);
            }
        }
    }
    let wanted = wanted.into_iter().map(|(id, fields)| (id, Some(fields))).collect();
    // a name that nobody has: the server speaks for it this once
    let writer = ReplicaId(uuid::Uuid::now_v7());
    let verdicts = engine.write_own(row.id, row.partitions, writer, wanted).await;
    let verdicts = verdicts.map_err(|cause| PersonError::Name { workspace: row.name.clone(), cause })?;
    match verdicts.into_iter().find(|verdict| matches!(verdict, Verdict::Rejected { .. })) {
        Some(Verdict::Rejected { message, .. }) => {
            Err(PersonError::Refused { workspace: row.name.clone(), why: message })
        }
        _ => Ok(()),
    }
}

/// The live records of one of Mooring's own collections; all of these are in partition 0.
async fn records(
    store: &dyn Store,
    workspace: WorkspaceId,
    collection: &str,
) -> Result<Vec<(RecordId, Fields)>, StoreError> {
    let id = PartitionId { workspace, partition: Partition(0) };
    let prefix = format!("{collection}/");
    let (mut after, mut all) = (prefix.clone(), Vec::new());
    loop {
        let rows = store.range(id, Kind::Record, Some(&after), RANGE_ROWS, RANGE_BYTES, Read::Quorum).await?;
        let Some((last, _)) = rows.last() else { return Ok(all) };
        after.clone_from(last);
        for (key, body) in &rows {
            if !key.starts_with(&prefix) {
                return Ok(all);
            }
            let record: Record = serde_json::from_str(body)
                .map_err(|e| StoreError::Corrupt(format!("the row of {key}: {:?}", e.classify())))?;
            if !record.deleted
                && let Some(id) = RecordId::from_text(key)
            {
                all.push((id, record.fields));
            }
        }
    }
}
