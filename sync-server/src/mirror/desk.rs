//! What owners and administrators do with mirrors. Commands do it in their own process, requests in the server's: all of it is
//! in the database, and the server that works on a mirror finds it there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use sync_protocol::mirror::Mirror;
use sync_protocol::{Partition, RecordKey, Timestamp, WorkspaceId};
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::cql::{Cluster, TableError};
use super::definition::{Definition, State};
use super::look::replica_of;
use super::work::Link;
use crate::partition::{EngineError, PartitionEngine};
use crate::store::cassandra::{CassandraOptions, CassandraStore, MIRRORS, MirrorRow};
use crate::store::clock::Clock;
use crate::store::{DirectoryStore, StoreError, WorkspaceRow};

/// Tries to change what somebody else changes, too.
const TRIES: usize = 8;
/// How long a server may take to let go of a mirror that is removed.
const LET_GO: Duration = Duration::from_secs(30);
/// How often it is looked whether it has.
const AGAIN: Duration = Duration::from_millis(200);
/// How long it may be given that most rows are gone.
const LOSS_MEANT: i64 = 10 * 60 * 1000;

/// Why something could not be done with a mirror. `Display` is for people.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// No such mirror in that workspace.
    #[error("There is no such mirror in this workspace. The list of mirrors shows their ids.")]
    NoMirror,
    /// No such workspace.
    #[error("There is no workspace {0}. Its id is printed when it is added.")]
    NoWorkspace(WorkspaceId),
    /// It cannot be done; the sentence says why, and what to do.
    #[error("{0}")]
    Refused(String),
    /// Not now; the sentence says why.
    #[error("{0}. Try again.")]
    Later(String),
    /// Somebody else changed the mirror again and again.
    #[error("The mirror is being changed by somebody else. Look at it, and try again.")]
    Busy,
    /// A table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DeskError {
    /// Whether doing it again comes to the same until somebody changes something.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::NoMirror | Self::NoWorkspace(_) | Self::Refused(_) => true,
            Self::Table(error) => !matches!(error, TableError::Later(_) | TableError::Smaller(_)),
            Self::Later(_) | Self::Busy | Self::Engine(_) | Self::Store(_) => false,
        }
    }
}

/// See the module.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

struct Inner {
    store: Arc<CassandraStore>,
    options: CassandraOptions,
    cluster: OnceCell<Arc<Cluster>>,
    engine: PartitionEngine,
    clock: Arc<dyn Clock>,
}

impl Desk {
    /// On a store, which must be the engine's own.
    pub fn new(
        store: Arc<CassandraStore>,
        options: CassandraOptions,
        engine: PartitionEngine,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(Arc::new(Inner { store, options, cluster: OnceCell::new(), engine, clock }))
    }

    /// The directory.
    pub fn store(&self) -> &CassandraStore {
        &self.0.store
    }

    /// The partitions.
    pub fn engine(&self) -> &PartitionEngine {
        &self.0.engine
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The connection to other people's tables, made when it is first needed.
    ///
    /// # Errors
    /// Where no node answers.
    pub async fn cluster(&self) -> Result<&Arc<Cluster>, TableError> {
        let connect = || async { Ok(Arc::new(Cluster::connect(self.0.options.clone()).await?)) };
        self.0.cluster.get_or_try_init(connect).await
    }

    /// The workspace.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn workspace(&self, id: WorkspaceId) -> Result<WorkspaceRow, DeskError> {
        self.store().workspace(id).await?.ok_or(DeskError::NoWorkspace(id))
    }

    /// All mirrors, or those of a workspace, oldest first.
    ///
    /// # Errors
    /// Where the store does not answer, or what is stored cannot be read.
    pub async fn all(&self, of: Option<WorkspaceId>) -> Result<Vec<Definition>, DeskError> {
        let rows = self.store().mirrors().await?;
        let own = rows.iter().filter(|row| of.is_none_or(|of| row.workspace == of));
        let mut all = own.map(parsed).collect::<Result<Vec<_>, _>>()?;
        all.sort_unstable_by_key(|definition| (definition.made_at, definition.id));
        Ok(all)
    }

    /// One mirror.
    ///
    /// # Errors
    /// [`DeskError::NoMirror`] also where it is another workspace's.
    pub async fn find(&self, of: Option<WorkspaceId>, id: Uuid) -> Result<Definition, DeskError> {
        let row = self.store().mirror(id).await?.filter(|row| of.is_none_or(|of| row.workspace == of));
        parsed(&row.ok_or(DeskError::NoMirror)?)
    }

    /// All mirrors, or those of a workspace, with all there is to say of them, oldest first.
    ///
    /// # Errors
    /// As [`Desk::all`].
    pub async fn show_all(&self, of: Option<WorkspaceId>) -> Result<Vec<Mirror>, DeskError> {
        let (definitions, leases) = (self.all(of).await?, self.leases().await?);
        let mut all = Vec::with_capacity(definitions.len());
        for definition in &definitions {
            all.push(self.shown(definition, &leases).await?);
        }
        Ok(all)
    }

    /// One mirror with all there is to say of it.
    ///
    /// # Errors
    /// As [`Desk::find`].
    pub async fn show(&self, definition: &Definition) -> Result<Mirror, DeskError> {
        self.shown(definition, &self.leases().await?).await
    }

    /// Which server works on which mirror.
    async fn leases(&self) -> Result<BTreeMap<Uuid, Uuid>, DeskError> {
        Ok(self.store().mirror_leases().await?.into_iter().collect())
    }

    async fn shown(
        &self,
        definition: &Definition,
        leases: &BTreeMap<Uuid, Uuid>,
    ) -> Result<Mirror, DeskError> {
        let server = leases.get(&definition.id).copied();
        let status = self.store().mirror_status(definition.id).await?;
        let reason = match &definition.state {
            State::Paused { reason, .. } => Some(reason.clone()),
            _ => None,
        };
        let loss = matches!(definition.state, State::Paused { loss: true, .. });
        let columns = definition.chosen.columns.iter();
        Ok(Mirror {
            id: definition.id,
            workspace: definition.workspace,
            collection: definition.collection.clone(),
            table: definition.table(),
            direction: definition.direction,
            state: definition.state.name().to_owned(),
            reason,
            loss,
            columns: columns.map(|column| (column.field.to_string(), column.column.clone())).collect(),
            expiry: definition.expiry,
            by: definition.by.clone(),
            server,
            status: status.and_then(|text| serde_json::from_str(&text).ok()),
        })
    }

    /// Stores a new mirror and tells devices of it.
    ///
    /// # Errors
    /// Where its table or its collection is mirrored already.
    pub async fn store_new(&self, definition: &Definition) -> Result<(), DeskError> {
        let all = self.all(None).await?;
        if let Some(other) = all.iter().find(|other| other.table() == definition.table()) {
            // what other workspaces there are is nobody's business
            let where_ = match other.workspace == definition.workspace {
                true => format!("as the collection {}", other.collection),
                false => "in another workspace".to_owned(),
            };
            return Err(DeskError::Refused(format!(
                "{} is mirrored already, {where_}. That mirror has to be removed first.",
                other.table()
            )));
        }
        let same = |other: &&Definition| {
            (other.workspace, &other.collection) == (definition.workspace, &definition.collection)
        };
        if let Some(other) = all.iter().find(same) {
            return Err(DeskError::Refused(format!(
                "{} is the mirror of {} already. Remove that mirror first.",
                other.collection,
                other.table()
            )));
        }
        if all.len() >= MIRRORS {
            return Err(DeskError::Refused(format!("There are {MIRRORS} mirrors, which is the most.")));
        }
        let row = MirrorRow { id: definition.id, workspace: definition.workspace, body: json(definition) };
        if !self.store().add_mirror(&row).await? {
            return Err(DeskError::Busy);
        }
        // of two who add the same table at once each sees the other one by now: the older one stays
        let meets = |other: &Definition| other.table() == definition.table() || same(&other);
        let older = |other: &Definition| (other.made_at, other.id) < (definition.made_at, definition.id);
        if self.all(None).await?.iter().any(|other| meets(other) && older(other)) {
            self.store().drop_mirror(definition.id).await?;
            return Err(DeskError::Busy);
        }
        self.tell(definition).await
    }

    /// Changes a mirror; what it is then. `change` says whether there is anything to change.
    ///
    /// # Errors
    /// Where there is no such mirror, or `change` refuses.
    pub async fn change(
        &self,
        id: Uuid,
        change: impl Fn(&mut Definition) -> Result<bool, DeskError>,
    ) -> Result<Definition, DeskError> {
        for _ in 0..TRIES {
            let row = self.store().mirror(id).await?.ok_or(DeskError::NoMirror)?;
            let mut definition = parsed(&row)?;
            if !change(&mut definition)? {
                return Ok(definition);
            }
            if self.store().set_mirror(id, &row.body, &json(&definition)).await? {
                self.tell(&definition).await?;
                return Ok(definition);
            }
        }
        Err(DeskError::Busy)
    }

    /// A server at work on a mirror stops there: see [`Definition::stops`]. What the mirror is now.
    ///
    /// # Errors
    /// As [`Desk::change`].
    pub async fn stop(&self, known: &Definition, reason: &str, loss: bool) -> Result<Definition, DeskError> {
        let at = self.now();
        self.change(known.id, |definition| Ok(definition.stops(known, reason, at, loss))).await
    }

    /// Nothing is read or written until it is resumed. Waits until no server is at work on it any more.
    ///
    /// # Errors
    /// As [`Desk::change`]; also where a server does not let go. It is paused all the same then.
    pub async fn pause(&self, id: Uuid, reason: &str) -> Result<Definition, DeskError> {
        let at = self.now();
        let paused = self.change(id, |definition| Ok(definition.pauses(reason, at, false))).await?;
        let until = tokio::time::Instant::now() + LET_GO;
        while self.store().mirror_leases().await?.iter().any(|(held, _)| *held == id) {
            if tokio::time::Instant::now() > until {
                return Err(DeskError::Later(
                    "The mirror is paused, but a server is still at work on it".into(),
                ));
            }
            tokio::time::sleep(AGAIN).await;
        }
        Ok(paused)
    }

    /// It goes on where it stopped. `loss_meant`: that most rows are gone is what was meant; their records go, too.
    ///
    /// # Errors
    /// As [`Desk::change`].
    pub async fn resume(&self, id: Uuid, loss_meant: bool) -> Result<Definition, DeskError> {
        let now = self.now();
        self.change(id, |definition| match definition.state {
            State::Paused { .. } | State::Done => {
                definition.state = State::Running;
                definition.loss_meant_until = loss_meant.then_some(Timestamp(now.0 + LOSS_MEANT));
                Ok(true)
            }
            State::Running => Ok(false),
            State::Removing => Err(DeskError::Refused("This mirror is being removed.".into())),
        })
        .await
    }

    /// Asks for a round over all rows, by value.
    ///
    /// # Errors
    /// As [`Desk::change`].
    pub async fn resync(&self, id: Uuid) -> Result<Definition, DeskError> {
        self.change(id, |definition| {
            definition.rounds_asked += 1;
            if definition.state == State::Done {
                definition.state = State::Running;
            }
            Ok(true)
        })
        .await
    }

    /// Looks at these rows now, without waiting for the mirror's server to notice them. How many are not settled yet.
    ///
    /// # Errors
    /// Where the mirror does not run, or the database does not answer.
    pub async fn touched(&self, definition: &Definition, keys: Vec<RecordKey>) -> Result<usize, DeskError> {
        if definition.state != State::Running {
            return Err(DeskError::Refused(format!(
                "This mirror is {}. Resume it first.",
                definition.state.name()
            )));
        }
        let link = Link::open(self, definition.clone()).await?;
        let left = link.reconcile(keys).await?.left;
        Ok(left.len())
    }

    /// Ends a mirror: table and records stay as they are, what was agreed on is forgotten. Waits until that is done; where a
    /// server works on the mirror, it is the one who does it.
    ///
    /// # Errors
    /// Where there is no such mirror; done again, it goes on.
    pub async fn remove(&self, id: Uuid) -> Result<(), DeskError> {
        self.change(id, |definition| {
            let changes = definition.state != State::Removing;
            definition.state = State::Removing;
            Ok(changes)
        })
        .await?;
        let (me, until) = (Uuid::now_v7(), tokio::time::Instant::now() + LET_GO);
        loop {
            let Some(row) = self.store().mirror(id).await? else { return Ok(()) };
            if self.store().take_mirror(id, me).await? {
                let ended = self.forget(&parsed(&row)?).await;
                self.store().give_mirror(id, me).await?;
                return ended;
            }
            if tokio::time::Instant::now() > until {
                return Err(DeskError::Refused(
                    "A server is still at work on this mirror. It is removed as soon as that server has let go of it."
                        .into(),
                ));
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Forgets what was agreed on, and the mirror. Only by who has its lease.
    ///
    /// # Errors
    /// Where the store does not answer; done again, it goes on.
    pub async fn forget(&self, definition: &Definition) -> Result<(), DeskError> {
        let row = self.workspace(definition.workspace).await?;
        while !self.engine().forget_mirror(row.id, row.partitions, definition.id).await? {}
        let (keyspace, table) = (&definition.chosen.keyspace, &definition.chosen.table);
        while self.store().drop_mirror_conflicts(keyspace, table).await? {}
        let replica = replica_of(definition.id, Partition(0));
        let gone = vec![(definition.record_id(), None)];
        self.engine().write_own(row.id, row.partitions, replica, gone).await?;
        Ok(self.store().drop_mirror(definition.id).await?)
    }

    /// Tells devices what a mirror is.
    ///
    /// # Errors
    /// Where the store does not answer; its server tells it again.
    pub async fn tell(&self, definition: &Definition) -> Result<(), DeskError> {
        let row = self.workspace(definition.workspace).await?;
        let (id, fields) = definition.record();
        let mut records = super::look::introduction(definition.id, row.partitions, &definition.table());
        records.push((id, fields));
        let records = records.into_iter().map(|(id, fields)| (id, Some(fields))).collect();
        let replica = replica_of(definition.id, Partition(0));
        for verdict in self.engine().write_own(row.id, row.partitions, replica, records).await? {
            if let sync_protocol::Verdict::Rejected { message, .. } = verdict {
                tracing::warn!(mirror = %definition.id, message, "a record that tells of a mirror was refused");
            }
        }
        Ok(())
    }
}

/// Reads what is stored of a mirror.
///
/// # Errors
/// What cannot be read.
pub fn parsed(row: &MirrorRow) -> Result<Definition, DeskError> {
    serde_json::from_str(&row.body)
        .map_err(|error| StoreError::Corrupt(format!("mirror {}: {error}", row.id)).into())
}

fn json(definition: &Definition) -> String {
    serde_json::to_string(definition).expect("plain data with texts as keys is always JSON")
}
