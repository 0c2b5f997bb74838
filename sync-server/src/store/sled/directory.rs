//! Accounts, sessions, workspaces, members and owners of replicas in a tree of their own, one row each.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sync_protocol::message::Role;
use sync_protocol::{ReplicaId, Timestamp, UserId, WorkspaceId};

use super::SledStore;
use super::disk::Disk;
use super::journal::{Tree, Write};
use super::rows::{decode, encode, place};
use crate::store::{Account, Committed, DirectoryStore, SessionRow, StoreError, WorkspaceRow};

/// What a row is; its name and a colon start the key.
#[derive(Clone, Copy)]
pub(super) enum Row {
    Account,
    Login,
    Session,
    Workspace,
    /// By user, then workspace.
    Member,
    /// The same by workspace, then user.
    MemberOf,
    /// By user, then token: those of older releases once they were noted.
    SessionOf,
    Invitation,
    /// By workspace, then token.
    InvitationOf,
    /// That the rows of a kind are all there, which an older release did not write.
    Complete,
    Replica,
}

impl Row {
    pub(super) fn key(self, rest: impl std::fmt::Display) -> Vec<u8> {
        let name = match self {
            Self::Account => "account",
            Self::Login => "login",
            Self::Session => "session",
            Self::Workspace => "workspace",
            Self::Member => "member",
            Self::MemberOf => "memberof",
            Self::SessionOf => "sessionof",
            Self::Invitation => "invitation",
            Self::InvitationOf => "invitationof",
            Self::Complete => "complete",
            Self::Replica => "replica",
        };
        format!("{name}:{rest}").into_bytes()
    }
}

#[derive(Serialize, Deserialize)]
struct StoredAccount {
    user: UserId,
    login: String,
    name: String,
    password_hash: String,
}

#[derive(Serialize, Deserialize)]
struct StoredSession {
    user: UserId,
    expires: Timestamp,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    device: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<Timestamp>,
}

impl From<SessionRow> for StoredSession {
    fn from(SessionRow { user, expires, device, since, seen }: SessionRow) -> Self {
        Self { user, expires, device, since, seen }
    }
}

impl From<StoredSession> for SessionRow {
    fn from(StoredSession { user, expires, device, since, seen }: StoredSession) -> Self {
        Self { user, expires, device, since, seen }
    }
}

#[derive(Serialize, Deserialize)]
struct StoredWorkspace {
    name: String,
    partitions: u16,
}

impl Disk {
    pub(super) fn find<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, StoreError> {
        let Some(value) = self.directory.get(key).map_err(|e| self.refused(e))? else { return Ok(None) };
        let Some(body) = decode(key, &value, self.clock.now())? else { return Ok(None) };
        parse(key, &body).map(Some)
    }

    /// What is named behind this beginning of keys, at most so much.
    pub(super) fn listed<T: std::str::FromStr>(
        &self,
        prefix: &[u8],
        limit: usize,
    ) -> Result<Vec<T>, StoreError> {
        let mut names = Vec::new();
        for item in self.directory.scan_prefix(prefix) {
            let (key, value) = item.map_err(|e| self.refused(e))?;
            if decode(&key, &value, self.clock.now())?.is_none() {
                continue;
            }
            if names.len() == limit {
                break;
            }
            let name = std::str::from_utf8(&key[prefix.len()..]).ok().and_then(|name| name.parse().ok());
            names.push(name.ok_or_else(|| StoreError::Corrupt("a row of a list names nothing".into()))?);
        }
        Ok(names)
    }

    /// Lists members by workspace, where an older release has written the rows.
    pub(super) fn list_members(&self) -> Result<(), StoreError> {
        let complete = Row::Complete.key("memberof");
        if self.find::<()>(&complete)?.is_some() {
            return Ok(());
        }
        let prefix = Row::Member.key("");
        let mut writes = Vec::new();
        for item in self.directory.scan_prefix(&prefix) {
            let (key, _) = item.map_err(|e| self.refused(e))?;
            let member = std::str::from_utf8(&key[prefix.len()..]).ok().and_then(|both| both.split_once('/'));
            let (user, workspace) =
                member.ok_or_else(|| StoreError::Corrupt("a member row names no workspace".into()))?;
            writes.push(insert(Row::MemberOf.key(format_args!("{workspace}/{user}")), None, &()));
        }
        if writes.is_empty() {
            // nothing is written only because a store is opened
            return Ok(());
        }
        writes.push(insert(complete, None, &()));
        self.put(writes).map(drop)
    }

    pub(super) fn role(&self, workspace: WorkspaceId, user: UserId) -> Result<Option<Role>, StoreError> {
        self.find(&Row::Member.key(format_args!("{user}/{workspace}")))
    }
}

/// The writes that set a member's role.
pub(super) fn member(workspace: WorkspaceId, user: UserId, role: Option<Role>) -> [Write; 2] {
    let key = Row::Member.key(format_args!("{user}/{workspace}"));
    let listed = Row::MemberOf.key(format_args!("{workspace}/{user}"));
    match role {
        Some(role) => [insert(key, None, &role), insert(listed, None, &())],
        None => [remove(key), remove(listed)],
    }
}

fn parse<T: DeserializeOwned>(key: &[u8], body: &str) -> Result<T, StoreError> {
    serde_json::from_str(body).map_err(|e| {
        StoreError::Corrupt(format!("{}: {:?} at column {}", place(key), e.classify(), e.column()))
    })
}

pub(super) fn insert<T: Serialize>(key: Vec<u8>, expires: Option<Timestamp>, row: &T) -> Write {
    let body = serde_json::to_string(row).expect("plain rows are always JSON");
    let value = Some(encode(&key, expires, &body));
    Write { tree: Tree::Directory, key, value }
}

pub(super) fn remove(key: Vec<u8>) -> Write {
    Write { tree: Tree::Directory, key, value: None }
}

/// The hash of a token in keys: hexadecimal.
#[derive(Clone, Copy)]
pub(super) struct Hash(pub [u8; 32]);

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::str::FromStr for Hash {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut hash = [0; 32];
        let (high, low) = text.split_at_checked(32).unwrap_or((text, "too short"));
        hash[..16].copy_from_slice(&u128::from_str_radix(high, 16)?.to_be_bytes());
        hash[16..].copy_from_slice(&u128::from_str_radix(low, 16)?.to_be_bytes());
        Ok(Self(hash))
    }
}

fn session_of(user: UserId, hash: Hash) -> Vec<u8> {
    Row::SessionOf.key(format_args!("{user}/{hash}"))
}

impl SledStore {
    pub(super) async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Disk) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.read(&self.directory, work).await
    }

    /// The same for a few rows by their keys.
    async fn glance_at<T: Send + 'static>(
        &self,
        work: impl Fn(&Disk) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.glance(&self.directory, work).await
    }

    /// `work` says what to write and what to answer.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Disk) -> Result<(Vec<Write>, T), StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write(&self.directory, move |disk| {
            let (writes, answer) = work(disk)?;
            if writes.is_empty() {
                return Ok(answer);
            }
            match disk.put(writes)? {
                Committed::Yes => Ok(answer),
                Committed::HeadMoved | Committed::Unknown => Err(StoreError::Unavailable(
                    "the disk failed in the middle of a change; it is not known whether it is saved".into(),
                )),
            }
        })
        .await
    }
}

#[async_trait::async_trait]
impl DirectoryStore for SledStore {
    async fn add_account(&self, account: &Account) -> Result<bool, StoreError> {
        let Account { user, login, name, password_hash } = account.clone();
        self.change(move |disk| {
            let mut writes = Vec::new();
            let by_login = Row::Login.key(&login);
            let free = disk.find::<UserId>(&by_login)?.is_none();
            if free {
                writes.push(insert(by_login, None, &user));
                let stored = StoredAccount { user, login, name, password_hash };
                writes.push(insert(Row::Account.key(user), None, &stored));
            }
            Ok((writes, free))
        })
        .await
    }

    async fn account(&self, login: &str) -> Result<Option<Account>, StoreError> {
        let key = Row::Login.key(login);
        let user = self.look(move |disk| disk.find::<UserId>(&key)).await?;
        match user {
            Some(user) => self.account_of(user).await,
            None => Ok(None),
        }
    }

    async fn account_of(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        let stored = self.look(move |disk| disk.find::<StoredAccount>(&Row::Account.key(user))).await?;
        Ok(stored.map(|StoredAccount { user, login, name, password_hash }| Account {
            user,
            login,
            name,
            password_hash,
        }))
    }

    async fn set_password(&self, user: UserId, password_hash: &str) -> Result<(), StoreError> {
        let key = Row::Account.key(user);
        let password_hash = password_hash.to_owned();
        self.change(move |disk| {
            let mut writes = Vec::new();
            if let Some(stored) = disk.find::<StoredAccount>(&key)? {
                writes.push(insert(key, None, &StoredAccount { password_hash, ..stored }));
            }
            Ok((writes, ()))
        })
        .await
    }

    async fn set_name(&self, user: UserId, name: &str) -> Result<(), StoreError> {
        let key = Row::Account.key(user);
        let name = name.to_owned();
        self.change(move |disk| {
            let stored = disk.find::<StoredAccount>(&key)?;
            let writes = stored.map(|stored| insert(key, None, &StoredAccount { name, ..stored }));
            Ok((writes.into_iter().collect(), ()))
        })
        .await
    }

    async fn remove_account(&self, account: &Account) -> Result<(), StoreError> {
        let writes = vec![remove(Row::Login.key(&account.login)), remove(Row::Account.key(account.user))];
        self.change(move |_| Ok((writes, ()))).await
    }

    async fn add_session(&self, token_hash: &[u8; 32], session: &SessionRow) -> Result<(), StoreError> {
        let hash = Hash(*token_hash);
        let stored = StoredSession::from(session.clone());
        let expires = Some(stored.expires);
        // expired ones go with the sweep: a sign-in costs the same however many there are
        let writes = vec![
            insert(session_of(stored.user, hash), expires, &()),
            insert(Row::Session.key(hash), expires, &stored),
        ];
        self.change(move |_| Ok((writes, ()))).await
    }

    async fn session(&self, token_hash: &[u8; 32]) -> Result<Option<SessionRow>, StoreError> {
        let key = Row::Session.key(Hash(*token_hash));
        let stored = self.glance_at(move |disk| disk.find::<StoredSession>(&key)).await?;
        Ok(stored.map(SessionRow::from))
    }

    async fn sessions_of(
        &self,
        user: UserId,
        limit: usize,
    ) -> Result<Vec<([u8; 32], SessionRow)>, StoreError> {
        self.look(move |disk| {
            let mut found = Vec::new();
            let prefix = Row::SessionOf.key(format_args!("{user}/"));
            for hash in disk.listed::<Hash>(&prefix, limit)? {
                let stored = disk.find::<StoredSession>(&Row::Session.key(hash))?;
                found.extend(stored.map(|stored| (hash.0, stored.into())));
            }
            Ok(found)
        })
        .await
    }

    async fn note_session(
        &self,
        token_hash: &[u8; 32],
        device: Option<&str>,
        seen: Timestamp,
    ) -> Result<(), StoreError> {
        let (hash, device) = (Hash(*token_hash), device.map(str::to_owned));
        self.change(move |disk| {
            let key = Row::Session.key(hash);
            let Some(stored) = disk.find::<StoredSession>(&key)? else { return Ok((Vec::new(), ())) };
            let device = device.unwrap_or(stored.device);
            let stored = StoredSession { device, seen: Some(seen), ..stored };
            let expires = Some(stored.expires);
            let listed = insert(session_of(stored.user, hash), expires, &());
            Ok((vec![listed, insert(key, expires, &stored)], ()))
        })
        .await
    }

    async fn end_session(&self, token_hash: &[u8; 32]) -> Result<(), StoreError> {
        let hash = Hash(*token_hash);
        self.change(move |disk| {
            let key = Row::Session.key(hash);
            let user = disk.find::<StoredSession>(&key)?.map(|stored| stored.user);
            let listed = user.map(|user| remove(session_of(user, hash)));
            Ok((listed.into_iter().chain([remove(key)]).collect(), ()))
        })
        .await
    }

    async fn end_sessions(&self, user: UserId) -> Result<usize, StoreError> {
        self.change(move |disk| {
            let mut writes = Vec::new();
            // a password is changed now and then: those of older releases, which are not listed, end as well
            for item in disk.directory.scan_prefix(Row::Session.key("")) {
                let (key, value) = item.map_err(|e| disk.refused(e))?;
                let Some(body) = decode(&key, &value, disk.clock.now())? else { continue };
                if parse::<StoredSession>(&key, &body)?.user == user {
                    writes.push(remove(key.to_vec()));
                }
            }
            let ended = writes.len();
            let listed = disk.listed::<Hash>(&Row::SessionOf.key(format_args!("{user}/")), usize::MAX)?;
            writes.extend(listed.into_iter().map(|hash| remove(session_of(user, hash))));
            Ok((writes, ended))
        })
        .await
    }

    async fn add_workspace(&self, workspace: &WorkspaceRow) -> Result<bool, StoreError> {
        let WorkspaceRow { id, name, partitions } = workspace.clone();
        self.change(move |disk| {
            let mut writes = Vec::new();
            let key = Row::Workspace.key(id);
            let free = disk.find::<StoredWorkspace>(&key)?.is_none();
            if free {
                writes.push(insert(key, None, &StoredWorkspace { name, partitions }));
            }
            Ok((writes, free))
        })
        .await
    }

    async fn workspace(&self, id: WorkspaceId) -> Result<Option<WorkspaceRow>, StoreError> {
        let stored =
            self.glance_at(move |disk| disk.find::<StoredWorkspace>(&Row::Workspace.key(id))).await?;
        Ok(stored.map(|StoredWorkspace { name, partitions }| WorkspaceRow { id, name, partitions }))
    }

    async fn rename_workspace(&self, id: WorkspaceId, name: &str) -> Result<(), StoreError> {
        let key = Row::Workspace.key(id);
        let name = name.to_owned();
        self.change(move |disk| {
            let stored = disk.find::<StoredWorkspace>(&key)?;
            let writes = stored.map(|stored| insert(key, None, &StoredWorkspace { name, ..stored }));
            Ok((writes.into_iter().collect(), ()))
        })
        .await
    }

    async fn remove_workspace(&self, id: WorkspaceId) -> Result<(), StoreError> {
        self.change(move |_| Ok((vec![remove(Row::Workspace.key(id))], ()))).await
    }

    async fn set_member(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        role: Option<Role>,
    ) -> Result<(), StoreError> {
        self.change(move |_| Ok((member(workspace, user, role).into(), ()))).await
    }

    async fn role(&self, workspace: WorkspaceId, user: UserId) -> Result<Option<Role>, StoreError> {
        self.glance_at(move |disk| disk.role(workspace, user)).await
    }

    async fn members_of(
        &self,
        workspace: WorkspaceId,
        limit: usize,
    ) -> Result<BTreeMap<UserId, Role>, StoreError> {
        self.look(move |disk| {
            let mut members = BTreeMap::new();
            let prefix = Row::MemberOf.key(format_args!("{workspace}/"));
            for user in disk.listed::<UserId>(&prefix, limit)? {
                members.extend(disk.role(workspace, user)?.map(|role| (user, role)));
            }
            Ok(members)
        })
        .await
    }

    async fn workspaces_of(&self, user: UserId) -> Result<BTreeMap<WorkspaceId, Role>, StoreError> {
        self.look(move |disk| {
            let prefix = Row::Member.key(format_args!("{user}/"));
            let mut own = BTreeMap::new();
            for item in disk.directory.scan_prefix(&prefix) {
                let (key, value) = item.map_err(|e| disk.refused(e))?;
                let named = std::str::from_utf8(&key[prefix.len()..]).ok().and_then(|id| id.parse().ok());
                let id =
                    named.ok_or_else(|| StoreError::Corrupt("a member row names no workspace".into()))?;
                if let Some(body) = decode(&key, &value, disk.clock.now())? {
                    own.insert(id, parse(&key, &body)?);
                }
            }
            Ok(own)
        })
        .await
    }

    async fn claim_replica(&self, replica: ReplicaId, user: UserId) -> Result<UserId, StoreError> {
        let key = Row::Replica.key(replica);
        let owner = {
            let key = key.clone();
            self.glance_at(move |disk| disk.find(&key)).await?
        };
        if let Some(owner) = owner {
            return Ok(owner);
        }
        self.change(move |disk| {
            let mut writes = Vec::new();
            let owner = match disk.find(&key)? {
                Some(owner) => owner,
                None => {
                    writes.push(insert(key, None, &user));
                    user
                }
            };
            Ok((writes, owner))
        })
        .await
    }
}
