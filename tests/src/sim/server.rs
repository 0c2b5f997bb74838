//! The server: two nodes of the real partition engine on one store, behind a gate that knows tokens, roles and owners as
//! the routes do.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{Either, select};
use sync_client::replica::session::{Outgoing, SendError};
use sync_protocol::message::{
    Problem, ProblemCode, Pull, PullAnswer, Push, PushAnswer, Role, SnapshotAnswer, SnapshotToken,
};
use sync_protocol::{
    ChangeId, Conflict, Counter, Cursor, Delta, Edit, Fields, Partition, Rejection, ReplicaId, Revision,
    UserId, Verdict, WorkspaceId,
};
use sync_server::partition::{Author, EngineError, PartitionEngine, Settings};
use sync_server::store::clock::ManualClock;
use tokio::sync::Notify;

use super::bugs::Bug;
use super::checks::Invariant;
use super::model::Shared;
use super::store::{Cluster, NodeStore};

/// A horizon up to this may end within a run.
const SHORT: Duration = Duration::from_hours(1);

/// What a replica asks.
pub type Ask = Outgoing;

/// What the server answers.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Verdicts.
    Push(Vec<Counter>, PushAnswer),
    /// News.
    Pull(u64, PullAnswer),
    /// Records, with the heads when they had been read.
    Snapshot(SnapshotAnswer, Vec<Revision>),
}

/// A member with one device, as the gate knows it.
pub struct Member {
    /// The person.
    pub user: UserId,
    /// Whether the session's token is good.
    pub signed_in: AtomicBool,
    /// Whether the person may only read.
    pub reader: AtomicBool,
    /// Which ways are cut: 1 requests, 2 answers.
    pub cut: AtomicU8,
}

impl Member {
    /// One who is signed in and may write.
    pub fn of(user: UserId) -> Self {
        Self { user, signed_in: AtomicBool::new(true), reader: AtomicBool::new(false), cut: AtomicU8::new(0) }
    }
}

/// One node.
#[derive(Clone)]
struct Node {
    engine: PartitionEngine,
    died: Arc<Notify>,
    clock: Arc<ManualClock>,
}

/// All nodes and what they share.
#[derive(Clone)]
pub struct Server {
    cluster: Arc<Cluster>,
    model: Shared,
    nodes: Arc<Mutex<Vec<Node>>>,
    workspace: WorkspaceId,
    partitions: u16,
    horizon: Duration,
    bug: Option<Bug>,
}

impl Server {
    /// Two nodes on a store.
    pub fn new(
        cluster: Arc<Cluster>,
        model: Shared,
        clocks: [Arc<ManualClock>; 2],
        workspace: WorkspaceId,
        partitions: u16,
        horizon: Duration,
        bug: Option<Bug>,
    ) -> Self {
        let server = Self { cluster, model, nodes: Arc::default(), workspace, partitions, horizon, bug };
        let nodes = clocks.into_iter().zip(0..).map(|(clock, n)| server.node(clock, n)).collect();
        *server.nodes() = nodes;
        server
    }

    fn node(&self, clock: Arc<ManualClock>, seed: u64) -> Node {
        let store = Arc::new(NodeStore::new(self.cluster.clone(), clock.clone()));
        let settings = Settings { horizon: self.horizon, clock: clock.clone(), seed, ..Settings::default() };
        Node { engine: PartitionEngine::new(store, settings), died: Arc::default(), clock }
    }

    /// The store.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Whose records it keeps.
    pub fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    /// A node's engine and clock, for what runs in the server itself.
    pub fn inside(&self, n: usize) -> (PartitionEngine, Arc<ManualClock>) {
        let node = &self.nodes()[n];
        (node.engine.clone(), node.clock.clone())
    }

    /// Counts a fault that a request met.
    pub fn met(&self, kind: &'static str) {
        self.model.lock().faults.add(kind);
    }

    fn nodes(&self) -> MutexGuard<'_, Vec<Node>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A node dies with everything under way, and starts again knowing nothing.
    pub fn crash(&self, n: usize) {
        let clock = self.nodes()[n].clock.clone();
        let new = self.node(clock, n as u64);
        let old = std::mem::replace(&mut self.nodes()[n], new);
        old.died.notify_waiters();
        let cluster = self.cluster.clone();
        tokio::spawn(async move { cluster.open_again().await });
    }

    /// A request at a node. An error is what the replica gets instead of an answer.
    pub async fn serve(&self, n: usize, member: &Member, ask: Ask) -> Result<Answer, SendError> {
        if !member.signed_in.load(Ordering::SeqCst) {
            return Err(problem(ProblemCode::NeedsSignIn, None));
        }
        let node = self.nodes()[n].clone();
        let died = node.died.clone();
        let died = died.notified();
        let served = self.at(&node.engine, member, ask);
        match select(std::pin::pin!(died), std::pin::pin!(served)).await {
            Either::Left(_) => Err(SendError::NoAnswer("the server died".into())),
            Either::Right((answer, _)) => answer,
        }
    }

    async fn at(&self, engine: &PartitionEngine, member: &Member, ask: Ask) -> Result<Answer, SendError> {
        let (workspace, partitions) = (self.workspace, self.partitions);
        let broken = |error| self.refused(error);
        match ask {
            Outgoing::Push(push) => {
                let role = if member.reader.load(Ordering::SeqCst) { Role::Reader } else { Role::Editor };
                let ids = push.changes.iter().map(|c| c.id);
                match role {
                    Role::Reader => self.model.lock().not_permitted.extend(ids),
                    Role::Editor | Role::Owner => self.model.lock().permitted.extend(ids),
                }
                push.changes.iter().for_each(|change| self.model.lock().arrived(change));
                let asked =
                    push.changes.iter().map(|c| c.id).filter(|id| push.only_known.contains(&id.counter));
                self.model.lock().asked.extend(asked);
                let push = self.planted(push);
                let author = Author { replica: push.replica, user: member.user, standing: role.into() };
                let verdicts = engine.push(workspace, partitions, author, &push).await;
                let verdicts = match (verdicts, self.bug) {
                    (Err(EngineError::Store(_)), Some(Bug::UnknownIsRejected)) => {
                        push.changes.iter().map(|_| Verdict::from(Rejection::NotPermitted)).collect()
                    }
                    (verdicts, _) => verdicts.map_err(broken)?,
                };
                self.check_verdicts(&push, &verdicts);
                let sent = push.changes.iter().map(|c| c.id.counter).collect();
                Ok(Answer::Push(sent, PushAnswer { verdicts }))
            }
            Outgoing::Pull(number, pull) => {
                let answer = engine.pull(workspace, partitions, &pull).await.map_err(broken)?;
                self.check_pull(&pull, &answer);
                Ok(Answer::Pull(number, answer))
            }
            Outgoing::Snapshot(request) => {
                let answer = engine.snapshot(workspace, partitions, &request).await.map_err(broken)?;
                let mut model = self.model.lock();
                let foreign = answer.pages.iter().any(|page| page.collection.as_str() == "foreign");
                model.checks.that(Invariant::Tenancy, !foreign, || "a snapshot of another workspace".into());
                let heads = model.parts.iter().map(|part| part.head()).collect();
                drop(model);
                Ok(Answer::Snapshot(answer, heads))
            }
        }
    }

    fn refused(&self, error: EngineError) -> SendError {
        match error {
            EngineError::Busy => problem(ProblemCode::Unavailable, Some(2_000)),
            EngineError::Store(sync_server::store::StoreError::Unavailable(_)) => {
                problem(ProblemCode::Unavailable, Some(2_000))
            }
            other => {
                let mut model = self.model.lock();
                model.checks.that(Invariant::Liveness, false, || format!("the server says: {other}"));
                problem(ProblemCode::Internal, None)
            }
        }
    }

    /// What leaves is committed, and what is called rejected never takes effect.
    fn check_verdicts(&self, push: &Push, verdicts: &[Verdict]) {
        let mut model = self.model.lock();
        for (change, verdict) in push.changes.iter().zip(verdicts) {
            let partition = change.record.partition(self.partitions);
            let seq = model.seq_of(change);
            let noted = model.is_noted(partition, change.id);
            match verdict {
                Verdict::Applied { seq: said }
                | Verdict::Merged { seq: said }
                | Verdict::Conflicted { seq: said, .. } => {
                    model.checks.that(Invariant::AckDurable, seq == Some(*said) && noted, || {
                        format!("{} was acknowledged as {said}; committed: {seq:?}", change.id)
                    });
                }
                Verdict::Duplicate { forgotten } => {
                    model.duplicate(change, *forgotten);
                    model.checks.that(Invariant::AckDurable, noted, || {
                        format!("{} was called a duplicate and was never judged", change.id)
                    });
                }
                Verdict::Rejected { taken: true, .. } => {
                    model.taken(change);
                    model.refused.insert((change.id.replica, change.record.clone()));
                }
                Verdict::Rejected { reason, .. } => {
                    model.checks.that(Invariant::UnknownIsNotNo, noted && seq.is_none(), || {
                        format!(
                            "{} was reported as rejected ({reason}); committed: {seq:?}, noted: {noted}",
                            change.id
                        )
                    });
                    let by_reader = model.not_permitted.contains(&change.id);
                    let fair = fair(reason, change, by_reader, model.was_gone);
                    let follows = matches!(reason, Rejection::FollowsRejected { .. });
                    model.checks.that(Invariant::RefusedChangeIsLocal, fair || follows, || {
                        format!("{} was rejected without a cause: {reason}", change.id)
                    });
                    let of_record = (change.id.replica, change.record.clone());
                    let first = !follows || model.refused.contains(&of_record);
                    model.checks.that(Invariant::RefusedChangeIsLocal, first, || {
                        format!("{} was rejected because of another record", change.id)
                    });
                    model.refused.insert(of_record);
                    model.rejected.insert(change.id);
                }
            }
        }
    }

    /// What is read is what was committed, and nothing else.
    fn check_pull(&self, pull: &Pull, answer: &PullAnswer) {
        let mut model = self.model.lock();
        let kept = self.horizon <= SHORT || answer.expired.is_empty();
        model.checks.that(Invariant::Contiguous, kept, || {
            format!("{:?} is called expired, and nothing of it is", answer.expired)
        });
        for feed in &answer.feeds {
            let foreign =
                feed.entries.iter().any(|e| e.collection.as_ref().is_some_and(|c| c.as_str() == "foreign"));
            model.checks.that(Invariant::Tenancy, !foreign, || "a feed of another workspace".into());
            let from = pull.cursor.get(feed.partition).0 as usize;
            let known = model.part(feed.partition).feed.get(from..).unwrap_or_default();
            let same =
                feed.entries.len() <= known.len() && feed.entries.iter().zip(known).all(|(a, b)| *a == **b);
            model.checks.that(Invariant::Contiguous, same, || {
                format!(
                    "partition {} was read from {from} on, and differs from what was committed",
                    feed.partition
                )
            });
        }
    }

    fn planted(&self, mut push: Push) -> Push {
        if self.bug != Some(Bug::FieldIgnored) {
            return push;
        }
        let model = self.model.lock();
        for change in &mut push.changes {
            let part = model.part(change.record.partition(self.partitions));
            let Some(record) = part.records.get(&change.record).filter(|r| !r.deleted) else { continue };
            if let Edit::Patch { fields } = &mut change.edit
                && let Some((name, delta)) = fields.iter_mut().next()
            {
                *delta = Delta { base: record.value(name).clone(), incoming: delta.incoming.clone() };
            }
        }
        push
    }

    /// Another workspace on the same store, of which nobody here may see anything.
    pub async fn add_neighbour(&self) {
        let author = Author {
            replica: ReplicaId(uuid::Uuid::from_u128(900)),
            user: UserId(uuid::Uuid::from_u128(900)),
            standing: Role::Owner.into(),
        };
        let collection = sync_protocol::CollectionId::from_label("foreign");
        let (id, fields) = sync_protocol::schema::collection_record(&collection, "foreign", None);
        let insert = |counter, record, fields: Fields| sync_protocol::Change {
            id: ChangeId { replica: author.replica, counter: Counter(counter) },
            record,
            at: sync_protocol::Timestamp(0),
            saw: None,
            edit: Edit::Insert { fields },
        };
        let own = sync_protocol::RecordId::new(collection, sync_protocol::RecordKey::Int(1));
        let push = Push {
            replica: author.replica,
            settled: Counter(0),
            schema_seen: Revision(0),
            changes: vec![insert(1, id, fields), insert(2, own, Fields::new())],
            only_known: Default::default(),
        };
        let engine = self.nodes()[0].engine.clone();
        let neighbour = WorkspaceId(uuid::Uuid::from_u128(901));
        let verdicts = engine.push(neighbour, self.partitions, author, &push).await;
        let done = verdicts.is_ok_and(|all| all.iter().all(|v| matches!(v, Verdict::Applied { .. })));
        self.model.lock().checks.that(Invariant::Tenancy, done, || "the neighbour cannot write".into());
    }
}

/// Whether the reason can be true: readers write nothing, one field comes and goes, a decision may be too late.
fn fair(reason: &Rejection, change: &sync_protocol::Change, sent_by_reader: bool, was_gone: bool) -> bool {
    match reason {
        Rejection::NotPermitted => sent_by_reader,
        Rejection::UnknownCollection { .. } => was_gone,
        Rejection::UnknownField { field } => field.as_str() == "extra",
        Rejection::NoSuchConflict
        | Rejection::AlreadyResolved { .. }
        | Rejection::Moved
        | Rejection::Impossible { .. }
        | Rejection::Undecided { .. } => change.about().is_some(),
        _ => false,
    }
}

fn problem(code: ProblemCode, retry_after: Option<u64>) -> SendError {
    SendError::Problem { problem: Problem { code, message: format!("{code:?}") }, retry_after }
}

/// The same answer with less in it, as a server with smaller limits gives it.
pub fn shortened(answer: &mut Answer, pick: u64, partitions: u16) {
    match answer {
        Answer::Push(..) => {}
        Answer::Pull(_, pull) => {
            let all: usize = pull.feeds.iter().map(|feed| feed.entries.len()).sum();
            if all < 2 {
                return;
            }
            let mut left = 1 + (pick as usize) % (all - 1);
            for feed in &mut pull.feeds {
                let first = feed.entries.first().map_or(Revision(0), |e| Revision(e.seq.0 - 1));
                feed.entries.truncate(left);
                left -= feed.entries.len();
                let last = feed.entries.last().map_or(first, |e| e.seq);
                pull.cursor.0[usize::from(feed.partition.0)] = last;
            }
            pull.feeds.retain(|feed| !feed.entries.is_empty());
            let cursor: Cursor = pull.cursor.clone();
            pull.ends.retain(|end| cursor.get(end.partition) == end.head);
            pull.more = true;
        }
        Answer::Snapshot(snapshot, _) => {
            if snapshot.next.is_some() || snapshot.finished.len() < 2 {
                return;
            }
            let keep = 1 + (pick as usize) % (snapshot.finished.len() - 1);
            let mut cursor = Cursor::start(partitions);
            snapshot.finished.iter().for_each(|(p, rev)| cursor.advance(*p, *rev));
            let (partition, _) = snapshot.finished[keep];
            snapshot.finished.truncate(keep);
            let mut sent: Vec<Partition> = snapshot.finished.iter().map(|(p, _)| *p).collect();
            // of the one that is not finished: nothing, or all records and the first half of its conflicts
            let of = |c: &Conflict| c.record.partition(partitions);
            let half = snapshot.conflicts.iter().filter(|c| of(c) == partition).count() / 2;
            let mut left = if pick.is_multiple_of(2) { half } else { 0 };
            let mut conflicts_after = None;
            if left > 0 {
                sent.push(partition);
            }
            snapshot.pages.retain(|page| sent.contains(&page.partition));
            snapshot.conflicts.retain(|conflict| match of(conflict) == partition {
                true if left == 0 => false,
                true => {
                    left -= 1;
                    conflicts_after = Some(conflict.id.to_string());
                    true
                }
                false => sent.contains(&of(conflict)),
            });
            let (done, total) = (0, snapshot.total);
            snapshot.next =
                Some(SnapshotToken { cursor, partition, after: None, conflicts_after, done, total });
        }
    }
}
