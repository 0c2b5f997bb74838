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
enum Row {
    Account,
    Login,
    Session,
    Workspace,
    /// By user, then workspace.
    Member,
    Replica,
}

impl Row {
    fn key(self, rest: impl std::fmt::Display) -> Vec<u8> {
        let name = match self {
            Self::Account => "account",
            Self::Login => "login",
            Self::Session => "session",
            Self::Workspace => "workspace",
            Self::Member => "member",
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
}

#[derive(Serialize, Deserialize)]
struct StoredWorkspace {
    name: String,
    partitions: u16,
}

impl Disk {
    fn find<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, StoreError> {
        let Some(value) = self.directory.get(key).map_err(|e| self.refused(e))? else { return Ok(None) };
        let Some(body) = decode(key, &value, self.clock.now())? else { return Ok(None) };
        parse(key, &body).map(Some)
    }
}

fn parse<T: DeserializeOwned>(key: &[u8], body: &str) -> Result<T, StoreError> {
    serde_json::from_str(body).map_err(|e| {
        StoreError::Corrupt(format!("{}: {:?} at column {}", place(key), e.classify(), e.column()))
    })
}

fn insert<T: Serialize>(key: Vec<u8>, expires: Option<Timestamp>, row: &T) -> Write {
    let body = serde_json::to_string(row).expect("plain rows are always JSON");
    let value = Some(encode(&key, expires, &body));
    Write { tree: Tree::Directory, key, value }
}

fn remove(key: Vec<u8>) -> Write {
    Write { tree: Tree::Directory, key, value: None }
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

impl SledStore {
    async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Disk) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.read(&self.directory, work).await
    }

    /// `work` says what to write and what to answer.
    async fn change<T: Send + 'static>(
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

    async fn add_session(&self, token_hash: &[u8; 32], session: &SessionRow) -> Result<(), StoreError> {
        let key = Row::Session.key(hex(token_hash));
        let SessionRow { user, expires } = session.clone();
        // expired ones go with the sweep: a sign-in costs the same however many there are
        self.change(move |_| Ok((vec![insert(key, Some(expires), &StoredSession { user, expires })], ())))
            .await
    }

    async fn session(&self, token_hash: &[u8; 32]) -> Result<Option<SessionRow>, StoreError> {
        let key = Row::Session.key(hex(token_hash));
        let stored = self.look(move |disk| disk.find::<StoredSession>(&key)).await?;
        Ok(stored.map(|StoredSession { user, expires }| SessionRow { user, expires }))
    }

    async fn end_session(&self, token_hash: &[u8; 32]) -> Result<(), StoreError> {
        let key = Row::Session.key(hex(token_hash));
        self.change(move |_| Ok((vec![remove(key)], ()))).await
    }

    async fn end_sessions(&self, user: UserId) -> Result<usize, StoreError> {
        self.change(move |disk| {
            let mut writes = Vec::new();
            // a password is changed now and then: no second order of the sessions is kept for it
            for item in disk.directory.scan_prefix(Row::Session.key("")) {
                let (key, value) = item.map_err(|e| disk.refused(e))?;
                let Some(body) = decode(&key, &value, disk.clock.now())? else { continue };
                if parse::<StoredSession>(&key, &body)?.user == user {
                    writes.push(remove(key.to_vec()));
                }
            }
            let ended = writes.len();
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
        let stored = self.look(move |disk| disk.find::<StoredWorkspace>(&Row::Workspace.key(id))).await?;
        Ok(stored.map(|StoredWorkspace { name, partitions }| WorkspaceRow { id, name, partitions }))
    }

    async fn set_member(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        role: Option<Role>,
    ) -> Result<(), StoreError> {
        self.change(move |_| {
            let key = Row::Member.key(format_args!("{user}/{workspace}"));
            let write = match role {
                Some(role) => insert(key, None, &role),
                None => remove(key),
            };
            Ok((vec![write], ()))
        })
        .await
    }

    async fn role(&self, workspace: WorkspaceId, user: UserId) -> Result<Option<Role>, StoreError> {
        self.look(move |disk| disk.find(&Row::Member.key(format_args!("{user}/{workspace}")))).await
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
            self.look(move |disk| disk.find(&key)).await?
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
