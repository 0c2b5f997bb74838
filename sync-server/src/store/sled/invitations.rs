//! Invitations: in the tree of accounts and members, so that who joins is a member in the same step.

use serde::{Deserialize, Serialize};
use sync_protocol::message::Role;
use sync_protocol::{Timestamp, UserId, WorkspaceId};
use uuid::Uuid;

use super::SledStore;
use super::directory::{Hash, Row, insert, member, remove};
use super::disk::Disk;
use super::journal::Write;
use crate::store::{InvitationRow, InvitationStore, Joined, StoreError};

#[derive(Serialize, Deserialize)]
struct Stored {
    id: Uuid,
    workspace: WorkspaceId,
    role: Role,
    by: UserId,
    expires: Timestamp,
    uses: u32,
}

fn listed(workspace: WorkspaceId, hash: Hash) -> Vec<u8> {
    Row::InvitationOf.key(format_args!("{workspace}/{hash}"))
}

fn added(hash: Hash, row: &InvitationRow) -> [Write; 2] {
    let InvitationRow { id, workspace, role, by, expires, uses } = row.clone();
    let stored = Stored { id, workspace, role, by, expires, uses };
    [
        insert(Row::Invitation.key(hash), Some(expires), &stored),
        insert(listed(workspace, hash), Some(expires), &()),
    ]
}

fn taken_away(hash: Hash, workspace: WorkspaceId) -> [Write; 2] {
    [remove(Row::Invitation.key(hash)), remove(listed(workspace, hash))]
}

impl Disk {
    fn invitation(&self, hash: Hash) -> Result<Option<InvitationRow>, StoreError> {
        let stored = self.find::<Stored>(&Row::Invitation.key(hash))?;
        Ok(stored.map(|Stored { id, workspace, role, by, expires, uses }| InvitationRow {
            id,
            workspace,
            role,
            by,
            expires,
            uses,
        }))
    }
}

#[async_trait::async_trait]
impl InvitationStore for SledStore {
    async fn add_invitation(&self, token_hash: &[u8; 32], row: &InvitationRow) -> Result<(), StoreError> {
        let writes = added(Hash(*token_hash), row);
        self.change(move |_| Ok((writes.into(), ()))).await
    }

    async fn invitation(&self, token_hash: &[u8; 32]) -> Result<Option<InvitationRow>, StoreError> {
        let hash = Hash(*token_hash);
        self.look(move |disk| disk.invitation(hash)).await
    }

    async fn invitations_of(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Vec<([u8; 32], InvitationRow)>, StoreError> {
        self.look(move |disk| {
            let mut there = Vec::new();
            let prefix = Row::InvitationOf.key(format_args!("{workspace}/"));
            for hash in disk.listed::<Hash>(&prefix, usize::MAX)? {
                there.extend(disk.invitation(hash)?.map(|row| (hash.0, row)));
            }
            Ok(there)
        })
        .await
    }

    async fn end_invitation(&self, token_hash: &[u8; 32], workspace: WorkspaceId) -> Result<(), StoreError> {
        let writes = taken_away(Hash(*token_hash), workspace);
        self.change(move |_| Ok((writes.into(), ()))).await
    }

    async fn join(&self, token_hash: &[u8; 32], user: UserId, now: Timestamp) -> Result<Joined, StoreError> {
        let hash = Hash(*token_hash);
        self.change(move |disk| {
            let Some(row) = disk.invitation(hash)?.filter(|row| row.uses > 0 && now < row.expires) else {
                return Ok((Vec::new(), Joined::No));
            };
            if let Some(role) = disk.role(row.workspace, user)? {
                return Ok((Vec::new(), Joined::Before(role)));
            }
            let left = InvitationRow { uses: row.uses - 1, ..row };
            let place = match left.uses {
                0 => taken_away(hash, left.workspace),
                _ => added(hash, &left),
            };
            let member = member(left.workspace, user, Some(left.role));
            Ok((place.into_iter().chain(member).collect(), Joined::Yes(left)))
        })
        .await
    }
}
