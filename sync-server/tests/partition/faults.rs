//! Commits whose outcome is not known, that lose, or that do not happen: a change is judged once whatever comes.

use async_trait::async_trait;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use sync_protocol::message::Role;
use sync_protocol::{Change, Verdict};
use sync_server::partition::EngineError;
use sync_server::store::{Commit, Committed, Head, Kind, PartitionId, PartitionStore, Read, StoreError};

use crate::kit::{Device, World, airport, airports, applied};

/// What becomes of the next commit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// Written, and the answer is lost.
    UnknownApplied,
    /// Not written, and the answer is lost.
    UnknownLost,
    /// The answer is lost; it is written just before the next commit arrives.
    UnknownLate,
    /// Another node was faster, and wrote what does not matter here.
    Beaten,
    /// Not taken.
    Unavailable,
    /// Written, the answer is lost, and after that nothing can be read.
    UnknownAppliedThenDark,
}

/// Says what becomes of a commit; `None`: nothing out of the way. It may take from it what a defect would lose.
type Draw = dyn FnMut(&mut Commit) -> Option<Fault> + Send;

/// A store whose commits go wrong.
pub(crate) struct Faulty {
    store: Arc<dyn PartitionStore>,
    /// What is to become of the next commits.
    faults: Mutex<VecDeque<Fault>>,
    /// What becomes of those after them.
    draw: Mutex<Box<Draw>>,
    late: Mutex<Option<(PartitionId, Commit)>>,
    dark: AtomicBool,
}

impl Faulty {
    /// The first commits go wrong as in the script.
    pub(crate) fn new(store: Arc<dyn PartitionStore>, script: &[Fault]) -> Arc<Self> {
        Self::with(store, script, |_| None)
    }

    /// What goes wrong is drawn for each commit.
    pub(crate) fn drawn(
        store: Arc<dyn PartitionStore>,
        draw: impl FnMut(&mut Commit) -> Option<Fault> + Send + 'static,
    ) -> Arc<Self> {
        Self::with(store, &[], draw)
    }

    fn with(
        store: Arc<dyn PartitionStore>,
        script: &[Fault],
        draw: impl FnMut(&mut Commit) -> Option<Fault> + Send + 'static,
    ) -> Arc<Self> {
        let faults = Mutex::new(script.iter().copied().collect());
        let draw: Mutex<Box<Draw>> = Mutex::new(Box::new(draw));
        Arc::new(Self { store, faults, draw, late: Mutex::default(), dark: AtomicBool::new(false) })
    }

    /// It can be read again, and nothing more goes wrong by the script.
    pub(crate) fn lighten(&self) {
        self.dark.store(false, Ordering::SeqCst);
        self.faults.lock().expect("no panic").clear();
    }

    fn light(&self) -> Result<(), StoreError> {
        if self.dark.load(Ordering::SeqCst) { Err(StoreError::Unavailable("dark".into())) } else { Ok(()) }
    }
}

#[async_trait]
impl PartitionStore for Faulty {
    async fn head(&self, id: PartitionId, read: Read) -> Result<Head, StoreError> {
        self.light()?;
        self.store.head(id, read).await
    }

    async fn get(
        &self,
        id: PartitionId,
        kind: Kind,
        keys: &[String],
    ) -> Result<Vec<Option<String>>, StoreError> {
        self.light()?;
        self.store.get(id, kind, keys).await
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
        self.light()?;
        self.store.range(id, kind, after, limit, bytes, read).await
    }

    async fn clear(
        &self,
        id: PartitionId,
        before: sync_server::store::Step,
    ) -> Result<Committed, StoreError> {
        self.store.clear(id, before).await
    }

    async fn commit(&self, id: PartitionId, mut commit: Commit) -> Result<Committed, StoreError> {
        self.light()?;
        let late = self.late.lock().expect("no panic").take();
        if let Some((id, late)) = late {
            self.store.commit(id, late).await?;
        }
        let scripted = self.faults.lock().expect("no panic").pop_front();
        let fault = scripted.or_else(|| (self.draw.lock().expect("no panic"))(&mut commit));
        match fault {
            None => self.store.commit(id, commit).await,
            Some(Fault::UnknownApplied) => {
                self.store.commit(id, commit).await?;
                Ok(Committed::Unknown)
            }
            Some(Fault::UnknownAppliedThenDark) => {
                self.store.commit(id, commit).await?;
                self.dark.store(true, Ordering::SeqCst);
                Ok(Committed::Unknown)
            }
            Some(Fault::UnknownLost) => Ok(Committed::Unknown),
            Some(Fault::UnknownLate) => {
                *self.late.lock().expect("no panic") = Some((id, commit));
                Ok(Committed::Unknown)
            }
            Some(Fault::Beaten) => {
                let head = self.store.head(id, Read::Serial).await?;
                let idle = Commit {
                    expected: head.step,
                    head: Head { step: head.step.next(), ..head },
                    rows: vec![],
                };
                self.store.commit(id, idle).await?;
                self.store.commit(id, commit).await
            }
            Some(Fault::Unavailable) => Err(StoreError::Unavailable("forged".into())),
        }
    }
}

async fn world(faults: &[Fault]) -> (World, Arc<Faulty>, Device) {
    let (world, _, _) = airports(1).await;
    let faulty = Faulty::new(world.store.clone(), faults);
    (world, faulty, Device::new())
}

fn inserts(device: &mut Device) -> Vec<Change> {
    (0..10).map(|key| device.insert(&airport(key), "x")).collect()
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_becomes_the_true_verdict() {
    use Fault::{Beaten, UnknownApplied, UnknownLate, UnknownLost};
    for faults in [
        &[UnknownApplied][..],
        &[UnknownLost],
        &[UnknownLate],
        &[Beaten],
        &[UnknownLost, UnknownApplied],
        &[UnknownLate, UnknownLost],
        &[UnknownLate, UnknownLate],
        &[Beaten, UnknownLost, Beaten, UnknownLate],
        &[Beaten, Beaten, Beaten, Beaten, Beaten, Beaten],
    ] {
        let (world, faulty, mut device) = world(faults).await;
        let node = world.node_on(faulty.clone());
        let changes = inserts(&mut device);
        let verdicts = device.push(&world, &node, &changes).await;
        for (verdict, seq) in verdicts.iter().zip(4..) {
            assert!(matches!(verdict, Verdict::Applied { seq: s } if s.0 == seq), "{faults:?}: {verdicts:?}");
        }
        assert_eq!(
            device.push(&world, &node, &changes).await,
            vec![Verdict::Duplicate { forgotten: false }; 10]
        );
        assert_eq!(world.audit().await.len(), 13, "{faults:?}");
        assert!(faulty.faults.lock().expect("no panic").is_empty(), "{faults:?}: all were met");
    }
}

#[tokio::test(start_paused = true)]
async fn rejections_survive_an_unknown_outcome() {
    for fault in [Fault::UnknownApplied, Fault::UnknownLost, Fault::UnknownLate, Fault::Beaten] {
        let (world, faulty, mut device) = world(&[fault]).await;
        device.author.standing = Role::Reader.into();
        let node = world.node_on(faulty);
        let changes = inserts(&mut device);
        let verdicts = device.push(&world, &node, &changes).await;
        assert!(verdicts.iter().all(|v| matches!(v, Verdict::Rejected { .. })), "{fault:?}: {verdicts:?}");
        device.author.standing = Role::Owner.into();
        assert_eq!(device.push(&world, &world.node(), &changes).await, verdicts, "{fault:?}");
        assert_eq!(world.audit().await.len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_nothing_is_claimed() {
    for faults in [&[Fault::Unavailable][..], &[Fault::UnknownAppliedThenDark], &[Fault::Beaten; 40]] {
        let (world, faulty, mut device) = world(faults).await;
        let node = world.node_on(faulty.clone());
        let changes = inserts(&mut device);
        let answer = device.try_push(&world, &node, &changes).await;
        assert!(matches!(answer, Err(EngineError::Store(StoreError::Unavailable(_)))), "{answer:?}");
        // the replica sends all of it again, to this node or another
        faulty.lighten();
        let certain = |v: &Verdict| applied(v) || *v == Verdict::Duplicate { forgotten: false };
        assert!(device.push(&world, &node, &changes).await.iter().all(certain));
        assert_eq!(
            device.push(&world, &world.node(), &changes).await,
            vec![Verdict::Duplicate { forgotten: false }; 10]
        );
        assert_eq!(world.audit().await.len(), 13);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_with_faults_all_the_time() {
    use Fault::{UnknownApplied, UnknownLate, UnknownLost};
    let (world, _, _) = airports(2).await;
    let mix = [UnknownApplied, UnknownLost, UnknownLate];
    let script: Vec<Fault> = (0..60).map(|n| mix[n % 3]).collect();
    let nodes: Vec<_> = (0..2).map(|_| world.node_on(Faulty::new(world.store.clone(), &script))).collect();
    let tasks = (0..4i64).map(|n| {
        let (world, nodes) = (world.clone(), nodes.clone());
        tokio::spawn(async move {
            let mut device = Device::new();
            for round in 0..20 {
                let changes: Vec<Change> =
                    (0..5).map(|k| device.insert(&airport(n * 1_000 + round * 5 + k), "x")).collect();
                // sent until it is answered, to the one node and the other
                for node in nodes.iter().cycle() {
                    let Ok(verdicts) = device.try_push(&world, node, &changes).await else { continue };
                    assert!(
                        verdicts.iter().all(|v| applied(v) || *v == Verdict::Duplicate { forgotten: false }),
                        "{verdicts:?}"
                    );
                    break;
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("the task ends");
    }
    assert_eq!(world.audit().await.len(), 3 + 4 * 20 * 5);
}

#[tokio::test]
async fn a_request_that_is_cut_off_is_finished_and_does_not_block_others() {
    let (world, _, _) = airports(1).await;
    let node = world.node();
    let mut device = Device::new();
    let changes = inserts(&mut device);
    let push = device.list(changes.clone());
    {
        let cut = node.push(world.workspace, world.partitions, device.author, &push);
        let mut cut = std::pin::pin!(cut);
        // on its way, and dropped before it is answered
        assert!(futures::poll!(cut.as_mut()).is_pending());
    }
    let mut other = Device::new();
    let change = other.insert(&airport(99), "x");
    assert!(applied(&other.push(&world, &node, &[change]).await[0]));
    device.push(&world, &node, &changes).await;
    assert_eq!(world.audit().await.len(), 14);
}
