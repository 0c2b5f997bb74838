//! Group commit: one task per busy partition takes all that waits, judges it and commits it as one step.
//!
//! The task runs on when a request is cut off: what was begun is finished, and the replica hears of it next time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use sync_protocol::{ChangeId, Rejection, Verdict, limits::RECORD_BYTES};
use tokio::sync::oneshot;
use xxhash_rust::xxh3::xxh3_64;

use super::cache::Cache;
use super::case::{Asked, Case, Told};
use super::judge::{Draft, Loaded, Rules, judge_group};
use super::limits::{
    ATTEMPTS, BACKOFF_FIRST, BACKOFF_MOST, COMMIT_BYTES, GROUP_BYTES, GROUP_CHANGES, JUDGE_INLINE_BYTES,
    QUEUE_BYTES, QUEUE_CHANGES, QUEUED_BYTES,
};
use super::room::Group;
use super::{EngineError, Shared};
use crate::store::clock::expiry;
use crate::store::{Commit, Committed, PartitionId, Read, StoreError};

/// The way in for changes of one partition.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) id: PartitionId,
    queue: Mutex<Queue>,
    /// While no task runs; the task has it otherwise.
    cache: Mutex<Option<Cache>>,
    weight: AtomicUsize,
    used: AtomicU64,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<Job>,
    changes: usize,
    bytes: usize,
    running: bool,
}

#[derive(Debug)]
struct Job {
    case: Case,
    answer: oneshot::Sender<Result<Vec<Told>, EngineError>>,
    held: Held,
}

/// Bytes of changes that wait, given back with the job.
#[derive(Debug)]
struct Held {
    all: Arc<AtomicUsize>,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Resolves to the answers of one case.
pub(super) type Answer = oneshot::Receiver<Result<Vec<Told>, EngineError>>;

impl Lane {
    pub(super) fn new(id: PartitionId) -> Self {
        Self {
            id,
            queue: Mutex::default(),
            cache: Mutex::default(),
            weight: AtomicUsize::new(0),
            used: AtomicU64::new(0),
        }
    }

    /// Puts a case into the queue. If the answer says so, the caller starts [`run`].
    ///
    /// # Errors
    /// [`EngineError::Busy`] where too many changes, or too many bytes of them, wait here or in all lanes together.
    pub(super) fn submit(
        &self,
        case: Case,
        now: u64,
        queued: &Arc<AtomicUsize>,
    ) -> Result<(Answer, bool), EngineError> {
        self.used.store(now, Ordering::Relaxed);
        let (answer, receiver) = oneshot::channel();
        let bytes = case.left().iter().map(Asked::size).sum();
        let before = queued.fetch_add(bytes, Ordering::Relaxed);
        let held = Held { all: Arc::clone(queued), bytes };
        let mut queue = self.queue();
        // an empty queue takes anything: no push is too large for good
        let fits = queue.changes + case.asked.len() <= QUEUE_CHANGES
            && (queue.bytes == 0 || queue.bytes + bytes <= QUEUE_BYTES)
            && (before == 0 || before + bytes <= QUEUED_BYTES);
        if !fits {
            return Err(EngineError::Busy);
        }
        queue.changes += case.asked.len();
        queue.bytes += bytes;
        queue.jobs.push_back(Job { case, answer, held });
        let start = !queue.running;
        queue.running = true;
        Ok((receiver, start))
    }

    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Forgets what is cached, and says how much it was; `None` where the partition is busy.
    pub(super) fn forget(&self) -> Option<usize> {
        let queue = self.queue();
        if queue.running {
            return None;
        }
        *self.kept() = None;
        Some(self.weight.swap(0, Ordering::Relaxed))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> MutexGuard<'_, Option<Cache>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Works until nothing waits any more.
pub(super) async fn run(lane: Arc<Lane>, shared: Arc<Shared>) {
    let cache = lane.kept().take();
    let mut runner = Runner {
        lane,
        shared,
        cache,
        jobs: Vec::new(),
        known: BTreeMap::new(),
        lost: 0,
        most: usize::MAX,
        checked: false,
        idle: false,
    };
    while runner.take_jobs() {
        if let Err(error) = runner.round().await {
            runner.fail(error);
        }
    }
}

struct Runner {
    lane: Arc<Lane>,
    shared: Arc<Shared>,
    cache: Option<Cache>,
    /// Taken from the queue and not answered yet, in order.
    jobs: Vec<Job>,
    /// Verdicts of changes that turned out to be judged already.
    known: BTreeMap<ChangeId, Verdict>,
    /// Commits lost to other nodes since the last one won.
    lost: u32,
    /// Changes of the next group at most: fewer after one that was more than the store takes.
    most: usize,
    /// The cache was as the store since the last job was taken.
    checked: bool,
    /// Nothing waits, and the cache is put back.
    idle: bool,
}

/// A task that is cut off (a crash of the simulation, a panic) leaves the lane ready for the next one.
impl Drop for Runner {
    fn drop(&mut self) {
        if !self.idle {
            *self.lane.queue() = Queue::default();
            self.shared.rooms.lost(self.lane.id);
            self.shared.reweigh(self.lane.weight.swap(0, Ordering::Relaxed), 0);
        }
    }
}

/// All that the judge of one group works with; moved to another thread where the group is large.
struct Work {
    cache: Cache,
    jobs: Vec<Job>,
    known: BTreeMap<ChangeId, Verdict>,
    loaded: Loaded,
    rules: Rules,
}

impl Work {
    /// Bytes that the judge may have to go through.
    fn weight(&self) -> usize {
        self.jobs.iter().map(Job::bytes).sum::<usize>() + self.loaded.weight()
    }

    fn judge(self) -> (Cache, Vec<Job>, BTreeMap<ChangeId, Verdict>, Draft, Option<Commit>) {
        let Self { cache, jobs, known, loaded, rules } = self;
        let cases: Vec<&Case> = jobs.iter().map(|job| &job.case).collect();
        let draft = judge_group(&cases, cache.head(), loaded, &known, &rules);
        let commit = draft.writes().then(|| draft.commit(cache.head(), rules.horizon));
        (cache, jobs, known, draft, commit)
    }
}

impl Runner {
    /// Fills up to one group; false, and the cache put back, when nothing waits.
    fn take_jobs(&mut self) -> bool {
        let mut queue = self.lane.queue();
        let mut changes: usize = self.jobs.iter().map(|job| job.case.left().len()).sum();
        let mut bytes: usize = self.jobs.iter().map(Job::bytes).sum();
        while changes < GROUP_CHANGES && bytes < GROUP_BYTES {
            let Some(job) = queue.jobs.pop_front() else { break };
            queue.changes -= job.case.asked.len();
            queue.bytes -= job.held.bytes;
            changes += job.case.asked.len();
            bytes += job.bytes();
            self.checked = false;
            self.jobs.push(job);
        }
        if self.jobs.is_empty() {
            *self.lane.kept() = self.cache.take();
            queue.running = false;
            self.idle = true;
        }
        !self.jobs.is_empty()
    }

    /// One try of one group.
    async fn round(&mut self) -> Result<(), StoreError> {
        let shared = Arc::clone(&self.shared);
        let store = &*shared.store;
        let mut cache = match self.cache.take() {
            Some(cache) => cache,
            None => Cache::load(store, self.lane.id).await?,
        };
        let cases: Vec<&Case> = self.jobs.iter().map(|job| &job.case).collect();
        let loaded = cache.prepare(store, &cases).await?;
        let (now, horizon) = (shared.settings.clock.now(), shared.settings.horizon);
        let rules = Rules { now, horizon, most: self.most };
        let (jobs, known) = (std::mem::take(&mut self.jobs), std::mem::take(&mut self.known));
        let work = Work { cache, jobs, known, loaded, rules };
        let (cache, jobs, known, draft, commit) = if work.weight() <= JUDGE_INLINE_BYTES {
            work.judge()
        } else {
            // never on a thread that other requests need
            let _turn = shared.judges.acquire().await.expect("nobody closes it");
            tokio::task::spawn_blocking(move || work.judge()).await.map_err(|error| {
                tracing::error!(%error, "the judge failed; report this defect");
                StoreError::Unavailable("the judge broke off".into())
            })?
        };
        (self.jobs, self.known) = (jobs, known);
        let Some(commit) = commit else {
            // no condition tells whether this is still so, and a look or a wish has no second chance as a change of a device
            // has: what it is told must not be older than it is
            if !self.checked && self.jobs.iter().any(|job| job.case.needs_news()) {
                self.checked = true;
                if store.head(self.lane.id, Read::Quorum).await?.step != cache.head().step {
                    let (cache, seen) = cache.catch_up(store, horizon, now).await?;
                    self.cache = cache;
                    self.known.extend(seen);
                    return Ok(());
                }
            }
            self.cache = Some(cache);
            self.deliver(draft.told);
            return Ok(());
        };
        let (rows, entries) = (commit.rows.len(), draft.entries.len());
        let until = expiry(now, horizon);
        let group = shared.rooms.is_open(self.lane.id).then(|| draft.group(&commit, until)).flatten();
        let committed = if commit.bytes() > COMMIT_BYTES {
            Err(StoreError::Refused(format!("a commit of {} bytes", commit.bytes())))
        } else {
            store.commit(self.lane.id, commit).await
        };
        shared.settings.figures.stepped(&committed, entries);
        match committed {
            Ok(Committed::Yes) => {
                tracing::debug!(workspace = %self.lane.id.workspace, partition = %self.lane.id.partition,
                    head = %draft.head.revision, entries, rows, "committed");
                self.won(cache, draft, group);
                Ok(())
            }
            Ok(outcome @ (Committed::HeadMoved | Committed::Unknown)) => {
                tracing::debug!(workspace = %self.lane.id.workspace, partition = %self.lane.id.partition,
                    ?outcome, lost = self.lost, "judging again");
                self.lost += 1;
                if self.lost >= ATTEMPTS {
                    self.lost = 0;
                    return Err(StoreError::Unavailable("too many servers write to this partition".into()));
                }
                tokio::time::sleep(self.backoff(cache.head().step.0)).await;
                let (cache, seen) = cache.catch_up(store, horizon, now).await?;
                match &cache {
                    Some(cache) => shared.rooms.found(self.lane.id, cache.head()),
                    None => shared.rooms.lost(self.lane.id),
                }
                self.cache = cache;
                self.known.extend(seen);
                Ok(())
            }
            Err(StoreError::Refused(why)) => {
                self.cache = Some(cache);
                self.refuse(&draft, why)
            }
            Err(error) => Err(error),
        }
    }

    /// The store can never take this group: a smaller one is tried, and what is too much alone is rejected.
    fn refuse(&mut self, draft: &Draft, why: String) -> Result<(), StoreError> {
        let judged: usize = draft.told.iter().map(Vec::len).sum();
        if judged > 1 {
            self.most = judged / 2;
            return Ok(());
        }
        let first = self.jobs.iter_mut().find(|job| !job.case.left().is_empty());
        let asked = first.and_then(|job| job.case.next());
        match asked.filter(|asked| asked.refused.is_none()) {
            Some(asked) => {
                tracing::warn!(workspace = %self.lane.id.workspace, partition = %self.lane.id.partition,
                    why, "a change is more than the store takes");
                asked.refused = Some(Rejection::TooLarge { limit: RECORD_BYTES });
                Ok(())
            }
            // even saying no is too much for it
            None => Err(StoreError::Unavailable(why)),
        }
    }

    fn won(&mut self, mut cache: Cache, mut draft: Draft, group: Option<Group>) {
        (self.lost, self.most) = (0, usize::MAX);
        let (told, revision) = (std::mem::take(&mut draft.told), draft.head.revision);
        cache.absorb(draft);
        let weight = cache.weight();
        self.shared.reweigh(self.lane.weight.swap(weight, Ordering::Relaxed), weight);
        self.shared.rooms.committed(self.lane.id, cache.head(), group);
        self.shared.store.tell(self.lane.id, revision);
        self.cache = Some(cache);
        self.deliver(told);
    }

    /// Answers the cases that are complete; the others go on in the next group.
    fn deliver(&mut self, told: Vec<Vec<Told>>) {
        let jobs = std::mem::take(&mut self.jobs);
        for (mut job, told) in jobs.into_iter().zip(told) {
            job.case.take(told);
            if job.case.left().is_empty() {
                // nobody waits any more where the request was cut off
                let _ = job.answer.send(Ok(job.case.told));
            } else {
                self.jobs.push(job);
            }
        }
        if self.jobs.is_empty() {
            self.known.clear();
        }
    }

    /// The store does not answer: everyone who waits is told at once. Nothing is known of their changes.
    fn fail(&mut self, error: StoreError) {
        if matches!(error, StoreError::Corrupt(_)) {
            tracing::error!(workspace = %self.lane.id.workspace, partition = %self.lane.id.partition, %error,
                "this partition cannot be written; restore it from a backup");
        }
        self.cache = None;
        // a commit that is in doubt may have been taken
        self.shared.rooms.lost(self.lane.id);
        self.shared.reweigh(self.lane.weight.swap(0, Ordering::Relaxed), 0);
        self.known.clear();
        let waiting = {
            let mut queue = self.lane.queue();
            (queue.changes, queue.bytes) = (0, 0);
            std::mem::take(&mut queue.jobs)
        };
        for job in self.jobs.drain(..).chain(waiting) {
            let _ = job.answer.send(Err(EngineError::Store(error.clone())));
        }
    }

    /// Exponential with full jitter. From a hash, so that a simulated run can be played again.
    fn backoff(&self, step: u64) -> Duration {
        let most = BACKOFF_FIRST.saturating_mul(1 << self.lost.min(16)).min(BACKOFF_MOST);
        let mut seed = self.shared.settings.seed.to_be_bytes().to_vec();
        seed.extend_from_slice(&step.to_be_bytes());
        seed.push(self.lost as u8);
        most.mul_f64((xxh3_64(&seed) % 1_000) as f64 / 1_000.0)
    }
}

impl Job {
    fn bytes(&self) -> usize {
        self.case.left().iter().map(Asked::size).sum()
    }
}
