//! The server's store as the nodes see it: a real one, behind a wire on which commits are lost, late or in doubt. The model is told of every step that is really taken.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sync_protocol::Timestamp;
use sync_protocol::checksum::Checksums;
use sync_server::store::clock::{Clock, ManualClock};
use sync_server::store::{
    Commit, Committed, Head, Kind, PartitionId, PartitionStore, Read, Row, Step, StoreError,
};
use tokio::time::{Instant, sleep};

use super::bugs::Bug;
use super::checks::Invariant;
use super::ground::Ground;
use super::model::Shared;
use super::plan::Weather;
use super::random::Random;

/// One store for all nodes.
pub struct Cluster {
    inner: Ground,
    model: Shared,
    bug: Option<Bug>,
    state: Mutex<State>,
}

struct State {
    random: Random,
    fault_rate: u64,
    slow_rate: u64,
    late: BTreeMap<PartitionId, Late>,
    dark_until: Option<Instant>,
    sums_before: BTreeMap<PartitionId, Checksums>,
}

/// A commit that is in doubt.
#[derive(Clone)]
struct Late {
    commit: Commit,
    now: Timestamp,
    /// Quorum reads show its head already, and not its rows.
    half: bool,
}

/// What becomes of a commit.
enum Fate {
    Taken,
    UnknownTaken,
    UnknownLost,
    UnknownLate { half: bool },
    Unavailable,
    TakenThenDark,
}

impl Cluster {
    /// An empty store.
    pub fn new(inner: Ground, model: Shared, seed: u64, bug: Option<Bug>) -> Self {
        let state = State {
            random: Random::of(seed, 2),
            fault_rate: 0,
            slow_rate: 0,
            late: BTreeMap::new(),
            dark_until: None,
            sums_before: BTreeMap::new(),
        };
        Self { inner, model, bug, state: Mutex::new(state) }
    }

    /// Everything in a partition: its head and its rows.
    pub async fn all(&self, id: PartitionId) -> Result<(Head, Vec<Row>), StoreError> {
        let mut rows = Vec::new();
        for kind in Kind::ALL {
            let found = self.inner.range(id, kind, None, usize::MAX, usize::MAX, Read::Serial).await?;
            rows.extend(found.into_iter().map(|(key, body)| Row { kind, key, body, ttl: None }));
        }
        Ok((self.inner.head(id, Read::Serial).await?, rows))
    }

    /// Puts what another store had into a partition of this new one.
    pub async fn fill(
        &self,
        id: PartitionId,
        (head, rows): (Head, Vec<Row>),
    ) -> Result<Committed, StoreError> {
        self.inner.commit(id, Commit { expected: Step(0), head, rows }, |_| {}).await
    }

    /// Faults from now on, at these rates.
    pub fn storm(&self, weather: &Weather) {
        let mut state = self.state();
        (state.fault_rate, state.slow_rate) = (weather.store, weather.store_slow);
    }

    /// Where it stands on files, they are closed and opened again.
    pub async fn open_again(&self) {
        if let Ground::Memory(_) = self.inner {
            return;
        }
        let opened = self.inner.open_again().await;
        let checks = &mut self.model.lock().checks;
        checks
            .that(Invariant::Liveness, opened.is_ok(), || format!("the store cannot be opened: {opened:?}"));
    }

    /// Does not answer for a while.
    pub fn darken(&self, ms: u64) {
        self.state().dark_until = Some(Instant::now() + Duration::from_millis(ms));
    }

    /// No more faults from now on. What is in doubt stays so until somebody looks.
    pub fn heal(&self) {
        let mut state = self.state();
        (state.fault_rate, state.slow_rate, state.dark_until) = (0, 0, None);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn light(&self) -> Result<(), StoreError> {
        let dark = self.state().dark_until.is_some_and(|until| Instant::now() < until);
        if dark { Err(StoreError::Unavailable("dark".into())) } else { Ok(()) }
    }

    async fn pause(&self) {
        let ms = {
            let mut state = self.state();
            let rate = state.slow_rate;
            if state.random.percent(rate) { state.random.between(1, 40) } else { 0 }
        };
        if ms > 0 {
            sleep(Duration::from_millis(ms)).await;
        }
    }

    fn fate(&self) -> Fate {
        let mut state = self.state();
        let rate = state.fault_rate;
        if !state.random.percent(rate) {
            return Fate::Taken;
        }
        let (fate, kind) = match state.random.below(12) {
            0..=2 => (Fate::UnknownTaken, "store: outcome unknown, written"),
            3..=4 => (Fate::UnknownLost, "store: outcome unknown, lost"),
            5..=6 => (Fate::UnknownLate { half: false }, "store: outcome unknown, written late"),
            7..=8 => (Fate::UnknownLate { half: true }, "store: outcome unknown, half seen"),
            9..=10 => (Fate::Unavailable, "store: unavailable"),
            _ => {
                let ms = state.random.between(50, 1_500);
                state.dark_until = Some(Instant::now() + Duration::from_millis(ms));
                (Fate::TakenThenDark, "store: written, then dark")
            }
        };
        drop(state);
        self.model.lock().faults.add(kind);
        fate
    }

    async fn apply(
        self: &Arc<Self>,
        id: PartitionId,
        mut commit: Commit,
        now: Timestamp,
    ) -> Result<Committed, StoreError> {
        self.plant(id, &mut commit);
        let cluster = self.clone();
        let taken = async move {
            let tell = |commit: &Commit| cluster.model.lock().committed(id, commit, now);
            cluster.inner.commit(id, commit, tell).await
        };
        match self.inner {
            Ground::Memory(_) => taken.await,
            // what has reached the files goes on, also where the node dies that waits for it
            Ground::Sled(_) => tokio::spawn(taken).await.expect("who tells the model does not panic"),
        }
    }

    /// A commit in doubt is decided.
    async fn decide(self: &Arc<Self>, id: PartitionId) -> Result<(), StoreError> {
        let late = self.state().late.remove(&id);
        match late {
            Some(late) => self.apply(id, late.commit, late.now).await.map(drop),
            None => Ok(()),
        }
    }

    fn plant(&self, id: PartitionId, commit: &mut Commit) {
        match self.bug {
            Some(Bug::CounterNotStored) => commit.rows.retain(|row| row.kind != Kind::Replica),
            Some(Bug::TombstoneDropped) => {
                let dead = |body: &str| body.contains("\"deleted\":true");
                for row in commit.rows.iter_mut().filter(|r| r.kind == Kind::Record && dead(&r.body)) {
                    row.ttl = Some(Duration::ZERO);
                }
            }
            Some(Bug::ChecksumOutsideBatch) => {
                let now = commit.head.checksums.clone();
                let before = self.state().sums_before.insert(id, now).unwrap_or_default();
                commit.head.checksums = before;
            }
            Some(Bug::MergeLosesField) => merge_loses_field(commit),
            // the node dies in between every other time
            Some(Bug::ShadowOutsideBatch) if commit.head.step.0.is_multiple_of(2) => {
                commit.rows.retain(|row| row.kind != Kind::Shadow);
            }
            _ => {}
        }
    }
}

/// In the record and in the feed alike, as a judge would that forgot it.
fn merge_loses_field(commit: &mut Commit) {
    let mut lost = BTreeMap::new();
    for row in commit.rows.iter_mut().filter(|row| row.kind == Kind::Feed) {
        let Ok(mut entries) = serde_json::from_str::<Vec<serde_json::Value>>(&row.body) else { continue };
        for entry in entries.iter_mut().filter(|entry| entry["kind"] == "merged") {
            let collection = entry["collection"].as_str().unwrap_or_default().to_owned();
            let Some(record) = entry["record"].as_object_mut() else { continue };
            let key = record["key"].to_string();
            let Some(fields) = record["fields"].as_object_mut() else { continue };
            if let Some(name) = fields.keys().next().cloned() {
                fields.remove(&name);
                lost.insert(format!("{collection}/{key}"), name);
            }
        }
        row.body = serde_json::Value::from(entries).to_string();
    }
    for row in commit.rows.iter_mut().filter(|row| row.kind == Kind::Record) {
        if let Some(name) = lost.get(&row.key)
            && let Ok(mut record) = serde_json::from_str::<serde_json::Value>(&row.body)
            && let Some(fields) = record["fields"].as_object_mut()
        {
            fields.remove(name);
            row.body = record.to_string();
        }
    }
}

/// The store as one node sees it.
pub struct NodeStore {
    cluster: Arc<Cluster>,
    clock: Arc<ManualClock>,
}

impl NodeStore {
    /// The view of a node with that clock.
    pub fn new(cluster: Arc<Cluster>, clock: Arc<ManualClock>) -> Self {
        Self { cluster, clock }
    }
}

#[async_trait]
impl PartitionStore for NodeStore {
    async fn head(&self, id: PartitionId, read: Read) -> Result<Head, StoreError> {
        let cluster = &self.cluster;
        cluster.light()?;
        if read == Read::Quorum {
            let half =
                cluster.state().late.get(&id).filter(|late| late.half).map(|late| late.commit.head.clone());
            let head = cluster.inner.head(id, read).await?;
            // a read shows the newer of what it meets
            return Ok(half.filter(|half| half.step > head.step).unwrap_or(head));
        }
        let decided = {
            let mut state = cluster.state();
            match state.late.get(&id).map(|late| late.half) {
                None => false,
                Some(true) => true,
                Some(false) => match state.random.below(3) {
                    0 => true,
                    1 => {
                        state.late.remove(&id);
                        false
                    }
                    _ => false,
                },
            }
        };
        if decided {
            cluster.decide(id).await?;
        }
        cluster.inner.head(id, read).await
    }

    async fn get(
        &self,
        id: PartitionId,
        kind: Kind,
        keys: &[String],
    ) -> Result<Vec<Option<String>>, StoreError> {
        self.cluster.light()?;
        self.cluster.inner.get(id, kind, keys).await
    }

    async fn range(
        &self,
        id: PartitionId,
        kind: Kind,
        after: Option<&str>,
        limit: usize,
        bytes: usize,
        read: Read,
    ) -> Result<Vec<(String, String)>, StoreError> {
        self.cluster.light()?;
        self.cluster.inner.range(id, kind, after, limit, bytes, read).await
    }

    async fn clear(&self, _id: PartitionId, _before: Step) -> Result<Committed, StoreError> {
        Err(StoreError::Refused("no node takes a workspace away".into()))
    }

    async fn commit(&self, id: PartitionId, commit: Commit) -> Result<Committed, StoreError> {
        // what the judge has just read
        let now = self.clock.now();
        let cluster = &self.cluster;
        cluster.pause().await;
        cluster.light()?;
        cluster.decide(id).await?;
        if cluster.bug == Some(Bug::AckBeforeCommit) && cluster.state().random.percent(20) {
            let cluster = cluster.clone();
            tokio::spawn(async move {
                sleep(Duration::from_millis(5)).await;
                drop(cluster.apply(id, commit, now).await);
            });
            return Ok(Committed::Yes);
        }
        let outcome = match cluster.fate() {
            Fate::Taken => cluster.apply(id, commit, now).await?,
            Fate::UnknownTaken | Fate::TakenThenDark => {
                cluster.apply(id, commit, now).await?;
                Committed::Unknown
            }
            Fate::UnknownLost => Committed::Unknown,
            Fate::UnknownLate { half } => {
                // an outdated one never shows. On sled the next one may be on its way to the files by now, and this one
                // outdated as soon as it shows; only in memory nothing comes between looking and showing
                let current = cluster.inner.head(id, Read::Serial).await?.step == commit.expected;
                let half = half && current && matches!(cluster.inner, Ground::Memory(_));
                cluster.state().late.insert(id, Late { commit, now, half });
                Committed::Unknown
            }
            Fate::Unavailable => return Err(StoreError::Unavailable("forged".into())),
        };
        cluster.pause().await;
        Ok(outcome)
    }
}
