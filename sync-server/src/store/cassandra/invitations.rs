//! Invitations. A place is taken by one conditional write that looks at how many are left and whether the invitation still
//! holds. Who has one and is no member yet is kept with it, so that asking again after an error takes no second one.

use sync_protocol::{Timestamp, UserId, WorkspaceId};
use uuid::Uuid;

use super::CassandraStore;
use super::directory::{LIST_BYTES, ROUNDS, role_from, role_name, ttl_until};
use crate::store::clock::{Clock, SystemClock};
use crate::store::{DirectoryStore, InvitationRow, InvitationStore, Joined, Read, StoreError};

/// As it is stored: id, workspace, role, who made it, when it ends, places, who has one and is no member yet.
type Stored =
    (Option<Uuid>, Option<Uuid>, Option<String>, Option<Uuid>, Option<i64>, Option<i32>, Option<Vec<Uuid>>);

impl CassandraStore {
    /// The row with those who are about to join, used up or not.
    async fn found(
        &self,
        token_hash: &[u8; 32],
        read: Read,
    ) -> Result<Option<(InvitationRow, Vec<UserId>)>, StoreError> {
        let statement = self.database.statements.invitation.at(read);
        let found: Option<Stored> = self.read_one(statement, (token_hash.as_slice(),)).await?;
        // what was written about a place may outlive the rest by a moment
        let Some((Some(id), Some(workspace), Some(role), Some(by), Some(expires), Some(uses), joining)) =
            found
        else {
            return Ok(None);
        };
        let row = InvitationRow {
            id,
            workspace: WorkspaceId(workspace),
            role: role_from(&role)?,
            by: UserId(by),
            expires: Timestamp(expires),
            uses: u32::try_from(uses).unwrap_or_default(),
        };
        Ok(Some((row, joining.unwrap_or_default().into_iter().map(UserId).collect())))
    }

    /// Takes one place; false where there is none.
    async fn take_place(
        &self,
        token_hash: &[u8; 32],
        user: UserId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        for _ in 0..ROUNDS {
            let found = self.found(token_hash, Read::Serial).await?;
            let Some((row, joining)) = found else { return Ok(false) };
            if joining.contains(&user) {
                return Ok(true);
            }
            if row.uses == 0 || row.expires <= now {
                return Ok(false);
            }
            let uses = i32::try_from(row.uses).unwrap_or(i32::MAX);
            let (ttl, me) = (ttl_until(row.expires), vec![user.0]);
            let values = (ttl, uses - 1, me, token_hash.as_slice(), uses, now.0);
            if self.write_once(&self.database.statements.take_place, values).await? {
                return Ok(true);
            }
        }
        Err(StoreError::Unavailable("many people join by this invitation at this moment".into()))
    }
}

#[async_trait::async_trait]
impl InvitationStore for CassandraStore {
    async fn add_invitation(&self, token_hash: &[u8; 32], row: &InvitationRow) -> Result<(), StoreError> {
        let (hash, ttl) = (token_hash.as_slice(), ttl_until(row.expires));
        // listed first: no invitation ever holds that nobody could take back
        self.write(&self.database.statements.add_invitation_of, (row.workspace.0, hash, ttl)).await?;
        let uses = i32::try_from(row.uses).unwrap_or(i32::MAX);
        let role = role_name(row.role);
        let values = (hash, row.id, row.workspace.0, role, row.by.0, row.expires.0, uses, ttl);
        self.write_once(&self.database.statements.add_invitation, values).await.map(drop)
    }

    async fn invitation(&self, token_hash: &[u8; 32]) -> Result<Option<InvitationRow>, StoreError> {
        let found = self.found(token_hash, Read::Quorum).await?.map(|(row, _)| row);
        Ok(found.filter(|row| row.uses > 0 && SystemClock.now() < row.expires))
    }

    async fn invitations_of(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Vec<([u8; 32], InvitationRow)>, StoreError> {
        let listed: Vec<(Vec<u8>,)> =
            self.read(&self.database.statements.invitations_of, LIST_BYTES, (workspace.0,)).await?;
        let mut there = Vec::new();
        for (hash,) in listed {
            let Ok(hash) = <[u8; 32]>::try_from(hash.as_slice()) else { continue };
            there.extend(self.invitation(&hash).await?.map(|row| (hash, row)));
        }
        Ok(there)
    }

    async fn end_invitation(&self, token_hash: &[u8; 32], workspace: WorkspaceId) -> Result<(), StoreError> {
        let hash = token_hash.as_slice();
        self.write_once(&self.database.statements.drop_invitation, (hash,)).await?;
        self.write(&self.database.statements.drop_invitation_of, (workspace.0, hash)).await
    }

    async fn join(&self, token_hash: &[u8; 32], user: UserId, now: Timestamp) -> Result<Joined, StoreError> {
        let Some((row, joining)) = self.found(token_hash, Read::Serial).await? else { return Ok(Joined::No) };
        let before = self.role(row.workspace, user).await?;
        let filled = async {
            let values = (ttl_until(row.expires), vec![user.0], token_hash.as_slice());
            self.write_once(&self.database.statements.place_is_filled, values).await
        };
        if let Some(role) = before {
            if joining.contains(&user) {
                // an earlier try whose answer was lost
                filled.await?;
                return Ok(Joined::Yes(row));
            }
            let holds = row.uses > 0 && now < row.expires;
            return Ok(if holds { Joined::Before(role) } else { Joined::No });
        }
        if !self.take_place(token_hash, user, now).await? {
            return Ok(Joined::No);
        }
        let member = (user.0, row.workspace.0, role_name(row.role));
        self.write_once(&self.database.statements.add_member, member).await?;
        filled.await?;
        Ok(Joined::Yes(InvitationRow { uses: row.uses.saturating_sub(1), ..row }))
    }
}
