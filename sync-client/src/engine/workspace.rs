//! An open workspace: its store, its replica, its conversation with the server.

use std::task::Poll;

use futures::FutureExt;
use futures::future::{LocalBoxFuture, ready};
use sync_protocol::message::{PullAnswer, PushAnswer, SnapshotAnswer};
use sync_protocol::{
    Counter, Partition, RecordId, Rejection, Revision, Timestamp, Verdict, WorkspaceId, reserved,
};

use super::past::Past;
use super::profile::Contact;
use super::{Done, Engine, failure};
use crate::api::{Event, Failure, FailureKind};
use crate::delta::Delta;
use crate::device::Device;
use crate::few::Few;
use crate::limits;
use crate::query::{Tables, storage};
use crate::replica::LOCAL;
use crate::replica::session::{Outgoing, SendError, Session};
use crate::replica::{FeedError, Replica, unread};
use crate::status::{Phase, Status};
use crate::store::{Batch, LocalStore, Mended, Meta, Rebuilt, SnapshotState, StoreError, Usage};
use crate::transport::Transport;

/// What a person reads after damage.
const REBUILT: &str = "The records kept on this device were damaged. They were set aside, and everything is fetched again from the server. What you had not sent yet is kept.";

/// The same where some of what is unsent was damaged as well.
const IN_PART: &str = "The records kept on this device were damaged, and some of what you had not sent yet could not be read any more. What could be read is kept, and the rest is fetched again from the server. The damaged files are kept beside the records; compare your last changes.";

/// The same of a workspace on this device only.
const LOCAL_REBUILT: &str = "The records kept on this device were damaged. What could be read is kept; the damaged files are kept beside it.";

/// What a person reads where the device had to take a new name.
fn renamed(unsent: usize) -> String {
    let changes = match unsent {
        0 => "Nothing was waiting to be sent.".to_owned(),
        1 => "Its 1 unsent change is kept and sent.".to_owned(),
        n => format!("Its {n} unsent changes are kept and sent."),
    };
    format!(
        "This device's folder was copied or restored from a backup, and another device goes by its name. It goes on under a new name. {changes}"
    )
}

/// Wait before a store that failed is tried again, in milliseconds: a person who has made room looks once more.
const MEND_AFTER_MS: i64 = 2_000;

/// Time between two questions for the person's name, in milliseconds.
const NAME_PAUSE_MS: i64 = 60_000;

/// Times that a partition is fetched again because its checksum differs, before a person is told.
const REFETCHES: u32 = 3;

pub(super) struct Workspace<S> {
    pub store: S,
    pub replica: Replica,
    pub session: Session,
    pub tables: Tables,
    /// What is stored has to be read and compared: it was just opened, or came in a snapshot.
    pub must_scan: bool,
    /// How often partitions were fetched again.
    pub refetched: Few<Partition, u32>,
    pub storage_problem: Option<String>,
    /// How full the store was when it was last asked: the answer takes as long as a write.
    pub usage: Usage,
    /// What came from the server and could not be read here, for people.
    pub unread: Option<String>,
    /// That the device goes on under a new name, for people.
    pub renamed: Option<String>,
    /// The steps that can be taken back.
    pub past: Past,
}

/// A batch that did not end well, and whether a push brought it.
pub(super) type Failed = (bool, SendError);

impl<S: LocalStore> Workspace<S> {
    pub async fn open(store: S, new: Meta) -> Result<Self, Failure> {
        Ok(Self {
            replica: load(&store, new).await?,
            // asked after a moment: the answer takes a browser as long as all the rest
            usage: Usage::default(),
            store,
            session: Session::default(),
            tables: Tables::default(),
            must_scan: true,
            refetched: Default::default(),
            storage_problem: None,
            unread: None,
            renamed: None,
            past: Past::default(),
        })
    }

    /// Makes the store usable again after it failed, if that is possible by now. True where it holds something else
    /// than memory, so that everything was loaded anew and what is under way no longer fits.
    pub async fn mend(&mut self) -> Result<bool, Failure> {
        let mended = self.store.mend().await;
        let mended = mended.inspect_err(|e| self.storage_problem = Some(e.to_string())).map_err(storage)?;
        if mended == Mended::Anew {
            self.replica = load(&self.store, self.replica.meta().clone()).await?;
            self.tables.forget();
            self.must_scan = true;
            self.refetched.clear();
            self.session.restarted();
        }
        if self.storage_problem.is_some() {
            // only a write proves that there is room; this one changes nothing
            let same = Batch { meta: Some(self.replica.meta().clone()), ..Batch::default() };
            self.commit(&same).await.map_err(storage)?;
            self.session.nudge();
        }
        Ok(mended == Mended::Anew)
    }

    /// Stores a batch, then lets memory know. What it has changed comes back.
    pub async fn commit<'b>(&mut self, batch: &'b Batch) -> Result<Delta<'b>, StoreError> {
        let delta = self.replica.lower(batch, |collection| self.tables.holds(collection));
        if let Err(error) = self.store.commit(batch).await {
            self.storage_problem = Some(error.to_string());
            return Err(error);
        }
        self.storage_problem = None;
        self.replica.follow(&delta);
        self.tables.follow(&delta, &self.replica);
        Ok(delta)
    }

    pub fn request(&self, transport: &Transport, outgoing: Outgoing) -> LocalBoxFuture<'static, Done> {
        let transport = transport.clone();
        let workspace: WorkspaceId = self.replica.meta().workspace;
        let path = move |what: &str| format!("/v1/workspaces/{workspace}/{what}");
        match outgoing {
            Outgoing::Push(push) => async move {
                let sent = push.changes.iter().map(|c| c.id.counter).collect();
                Done::Push(sent, transport.post(&path("push"), &push, limits::ANSWER_MS).await)
            }
            .boxed_local(),
            Outgoing::Pull(number, pull) => async move {
                let wait = pull.wait_ms + limits::PULL_GRACE_MS;
                Done::Pull(number, transport.post(&path("pull"), &pull, wait).await)
            }
            .boxed_local(),
            Outgoing::Snapshot(snapshot) => async move {
                Done::Snapshot(transport.post(&path("snapshot"), &snapshot, limits::ANSWER_MS).await)
            }
            .boxed_local(),
        }
    }

    /// Changes of the person that are nowhere else, rejected ones among them.
    pub fn unsent(&self) -> u64 {
        (self.replica.unsent_count() + self.replica.quarantine_count()) as u64
    }

    /// When the server was last heard of.
    pub fn contact(&self) -> Contact {
        Contact { caught_up: self.session.caught_up_at(), verified: self.session.verified_at() }
    }

    pub fn status(&self, now: Timestamp) -> Status {
        let (replica, session) = (&self.replica, &self.session);
        if replica.is_local() {
            // nothing waits for a server, and nothing is wrong without one
            return Status {
                phase: Phase::Local,
                problem: self.storage_problem.clone(),
                usage: self.usage,
                notice: (self.store.rebuilt() != Rebuilt::No).then(|| LOCAL_REBUILT.to_owned()),
                ..Status::default()
            };
        }
        let phase = session.phase(replica);
        Status {
            transport: session.transport(),
            phase,
            pending: replica.unsent_count() as u64,
            held: replica.held_count() as u64,
            oldest_pending: replica.unsent().map(|c| c.at).next(),
            caught_up_at: session.caught_up_at(),
            conflicts: replica.conflict_count() as u64,
            for_me: replica.for_me(now) as u64,
            rejected: replica.rejected_count() as u64,
            problem: self.storage_problem.clone().or(session.problem().map(str::to_owned)),
            cause: session.cause().map(str::to_owned),
            verified_at: session.verified_at(),
            verified: session.is_verified(replica),
            progress: (phase == Phase::FirstSync).then(|| session.progress()).flatten(),
            retry_at: session.wakes_at(),
            usage: self.usage,
            notice: match self.store.rebuilt() {
                Rebuilt::No => self.unread.clone().or_else(|| self.renamed.clone()),
                Rebuilt::Whole => Some(REBUILT.to_owned()),
                Rebuilt::InPart => Some(IN_PART.to_owned()),
            },
            follower: false,
        }
    }

    /// Reads all that is stored and makes its checksums the known ones.
    pub async fn scan(&mut self) -> Result<(), StoreError> {
        let found = self.store.checksums().await?;
        let batch = self.replica.scanned(found);
        self.commit(&batch).await?;
        self.session.doubt();
        self.must_scan = false;
        Ok(())
    }
}

/// The replica that a store holds; a new one where it holds none.
async fn load<S: LocalStore>(store: &S, new: Meta) -> Result<Replica, Failure> {
    let loaded = store.load().await.map_err(storage)?;
    let mut scanned = Vec::new();
    for name in reserved::ALL {
        let collection = reserved::collection(name);
        let mut from = None;
        loop {
            let step = store.scan(&collection, from, limits::SCAN_STEP).await.map_err(storage)?;
            scanned.extend(step.records.into_iter().map(|record| (collection.clone(), record)));
            match step.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
    }
    match loaded.meta.clone() {
        Some(meta) if meta.user != new.user || meta.workspace != new.workspace => Err(failure(
            FailureKind::Storage,
            "The records on this device belong to somebody else. Nothing was changed.",
        )),
        Some(meta) => Ok(Replica::new(meta, loaded, scanned)),
        // nothing is made for a workspace that is not the person's
        None if new.partitions == 0 => {
            Err(Failure::input("This device keeps no records of this workspace (any more)."))
        }
        None => {
            // there is nobody to fetch anything from
            let local = new.user == LOCAL;
            let partitions = (0..new.partitions).map(Partition).collect();
            let first = Batch {
                meta: Some(new.clone()),
                snapshot: (!local).then_some(Some(SnapshotState { partitions, ..SnapshotState::default() })),
                ..Batch::default()
            };
            store.commit(&first).await.map_err(storage)?;
            let mut replica = Replica::new(new, loaded, scanned);
            replica.absorb(&first);
            Ok(replica)
        }
    }
}

impl<D: Device> Engine<D> {
    /// Makes a store that failed usable again, at once or as soon as it can be: things go on by themselves once there is
    /// room.
    pub(super) async fn mend(&mut self) {
        let now = self.device.now();
        let waits = |at: Timestamp| now < at && at.0 - now.0 <= MEND_AFTER_MS;
        let Some(open) = &mut self.desk.open else { return };
        if self.desk.mend_at.is_some_and(waits) {
            return;
        }
        match open.mend().await {
            Ok(false) => {}
            Ok(true) => {
                let collections = open.replica.schema().collections().map(|(id, _)| id.clone()).collect();
                self.desk.requests.clear();
                self.tell(Event::Changed { collections });
                self.tell(Event::ReviewChanged);
            }
            Err(failure) => tracing::debug!(%failure, "the store is not usable yet"),
        }
        let broken = self.desk.open.as_ref().is_some_and(|open| open.storage_problem.is_some());
        self.desk.mend_at = broken.then_some(Timestamp(now.0 + MEND_AFTER_MS));
    }

    /// Commits a batch and tells the screens.
    pub(super) async fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let Some(open) = &mut self.desk.open else { return Ok(()) };
        let delta = open.commit(batch).await?;
        let news = open.replica.news(&delta);
        let collections = delta.collections();
        if self.follow {
            let all = || open.replica.schema().collections().map(|(id, _)| id.clone()).collect();
            let records = delta.touched(all);
            if !records.is_empty() {
                self.events.tell(Some(self.place), Event::Touched { by: self.who.to_string(), records });
            }
        }
        if !collections.is_empty() {
            self.tell(Event::Changed { collections });
        }
        if delta.is_about_review() {
            self.tell(Event::ReviewChanged);
        }
        if !news.is_empty() {
            self.tell(Event::NewReview { items: news });
        }
        self.touched();
        Ok(())
    }

    pub(super) async fn pushed(&mut self, sent: Vec<Counter>, answer: PushAnswer) -> Result<(), Failed> {
        let now = self.device.now();
        let Some(open) = &mut self.desk.open else { return Ok(()) };
        let mut batch = open.replica.pushed(&sent, &answer).map_err(|e| (true, unusable(&e)))?;
        open.replica.note_sent(now, &sent, &answer, &mut batch);
        let schema = sent.iter().zip(&answer.verdicts).filter_map(|(counter, verdict)| {
            let in_schema = open.replica.pending(*counter)?.record.collection.is_reserved();
            match verdict {
                Verdict::Applied { seq } | Verdict::Merged { seq } | Verdict::Conflicted { seq, .. }
                    if in_schema =>
                {
                    Some(*seq)
                }
                _ => None,
            }
        });
        let schema: Option<Revision> = schema.max();
        self.commit(&batch).await.map_err(|e| (true, SendError::Strange(e.to_string())))?;
        let Some(open) = &mut self.desk.open else { return Ok(()) };
        let refused = answer
            .verdicts
            .iter()
            .any(|verdict| matches!(verdict, Verdict::Rejected { reason: Rejection::NotPermitted, .. }));
        let judged = sent.iter().filter_map(|counter| Some(open.replica.pending(*counter)?.record.clone()));
        let judged: Vec<RecordId> = judged.collect();
        open.replica.note_verdicts(&sent, &answer, open.session.last_pull());
        open.judged(&judged);
        open.session.pushed(schema);
        if refused {
            // the role has become another one
            self.ask_workspaces(None);
        }
        self.renew().await.map_err(|e| (true, e))
    }

    pub(super) async fn pulled(&mut self, number: u64, answer: PullAnswer) -> Result<(), Failed> {
        let strange = |e: String| (false, SendError::Strange(e));
        let now = self.device.now();
        let Some(open) = &mut self.desk.open else { return Ok(()) };
        let mut batch = open.replica.pulled(number, &answer).map_err(|e| (false, unusable(&e)))?;
        open.replica.note_received(now, &answer, &mut batch);
        let unread = unread(&answer);
        let moved = batch.cursor.is_some() || !answer.expired.is_empty() || !unread.is_empty();
        self.commit(&batch).await.map_err(|e| strange(e.to_string()))?;
        let Some(open) = &mut self.desk.open else { return Ok(()) };
        open.replica.note_pulled(number, &answer);
        if let Some(partition) = unread.first() {
            let number = open.replica.cursor().get(*partition).next();
            tracing::warn!(%partition, %number, "an entry of the feed cannot be read: fetching the records anew");
            open.unread = Some(unreadable(*partition, number));
        }
        if open.must_scan && !answer.more && open.replica.snapshot().is_none() {
            open.scan().await.map_err(|e| strange(e.to_string()))?;
        }
        // until what is stored was read, the known checksums may be those of before a snapshot
        let differing = if open.must_scan { Vec::new() } else { open.replica.differing(&answer.ends) };
        if differing
            .iter()
            .any(|partition| open.refetched.get_mut(partition).is_some_and(|times| *times >= REFETCHES))
        {
            return Err((
                false,
                SendError::Strange("The records on this device do not match the server's, even after fetching them again. Tell the person who runs the server.".into()),
            ));
        }
        open.session.pulled(now, &open.replica, answer.more, moved, &answer.ends).map_err(|e| (false, e))?;
        if open.session.is_verified(&open.replica) {
            open.refetched.clear();
        }
        let workspace = open.replica.meta().workspace;
        if !self.profile.workspaces.iter().any(|w| w.id == workspace) {
            // the person is a member (again)
            self.ask_workspaces(None);
        }
        self.renew().await.map_err(|e| (false, e))?;
        if !differing.is_empty() {
            return self.refetch(differing).await;
        }
        if !answer.more {
            self.introduce(false).await;
        }
        Ok(())
    }

    /// Takes a new name for this replica where another one has the same: what could not be sent under the old one goes out
    /// under that.
    async fn renew(&mut self) -> Result<(), SendError> {
        let Some(open) = self.desk.open.as_ref().filter(|open| open.replica.must_renew()) else {
            return Ok(());
        };
        let (old, unsent) = (open.replica.id(), open.replica.outbox_count());
        let batch = open.replica.renewed(self.new_name());
        self.commit(&batch).await.map_err(|e| SendError::Strange(e.to_string()))?;
        if let Some(open) = self.desk.open.as_mut().filter(|open| open.replica.id() != old) {
            tracing::warn!(%old, new = %open.replica.id(), unsent,
                "another copy of this device's records has its name: it takes a new one");
            open.renamed = Some(renamed(unsent));
        }
        Ok(())
    }

    async fn refetch(&mut self, differing: Vec<Partition>) -> Result<(), Failed> {
        let Some(open) = &mut self.desk.open else { return Ok(()) };
        for partition in &differing {
            let times = open.refetched.get_mut(partition).map_or(1, |times| *times + 1);
            open.refetched.insert(*partition, times);
        }
        tracing::warn!(partitions = differing.len(), "checksums differ from the server's: fetching again");
        let batch = open.replica.refetch(&differing);
        self.commit(&batch).await.map_err(|e| (false, SendError::Strange(e.to_string())))
    }

    pub(super) async fn snapshotted(&mut self, answer: SnapshotAnswer) -> Result<(), Failed> {
        let now = self.device.now();
        let Some(open) = &mut self.desk.open else { return Ok(()) };
        let (done, total) = (answer.done, answer.total);
        let mut noted = Batch::default();
        open.replica.note_copied(now, &answer, &mut noted);
        let mut batch = open.replica.snapshotted(answer).map_err(|e| (false, unusable(&e)))?;
        batch.memos = noted.memos;
        let ahead = match &batch.snapshot {
            Some(Some(state)) => open.session.ahead(state),
            _ => None,
        };
        let ahead = match ahead.zip(self.transport.as_ref()) {
            Some((outgoing, transport)) => Some(begun(open.request(transport, outgoing)).await),
            None => None,
        };
        self.commit(&batch).await.map_err(|e| (false, SendError::Strange(e.to_string())))?;
        let Some(open) = &mut self.desk.open else { return Ok(()) };
        open.must_scan = true;
        open.session.snapshotted(done, total);
        if let Some(ahead) = ahead {
            open.session.asked_ahead();
            self.desk.requests.push(ahead);
        }
        Ok(())
    }

    /// The same in all open workspaces.
    pub(super) async fn introduce_all(&mut self, renames: bool) {
        let here = self.place;
        for place in self.places() {
            self.turn_to(place);
            self.introduce(renames).await;
        }
        self.turn_to(here);
    }

    /// Writes this person's and this device's names into the workspace, once it is known what is there.
    /// `renames`: the server has just said what the person is called. Where it has not, another device may have been told
    /// of a newer name, and the server is asked.
    pub(super) async fn introduce(&mut self, renames: bool) {
        let Some(user) = self.profile.user.clone() else { return };
        let (device, channel, now) = (self.device_name(), self.device.channel(), self.device.now());
        let Some(open) = &self.desk.open else { return };
        if open.replica.snapshot().is_some() {
            return;
        }
        if open.replica.is_local() {
            return;
        }
        let called = open.replica.person_name().filter(|called| !renames && *called != user.name);
        if called.is_some() && self.name_asked.is_none_or(|at| now.0 - at.0 > NAME_PAUSE_MS || now < at) {
            self.name_asked = Some(now);
            self.ask_workspaces(None);
        }
        let Some(open) = &self.desk.open else { return };
        match open.replica.introduce(now, called.as_ref().unwrap_or(&user.name), &device, channel) {
            Ok(batch) if batch.enqueue.is_empty() => {}
            Ok(batch) => drop(self.commit(&batch).await), // a full disk shows in the status; names can wait
            Err(failure) => tracing::debug!(%failure, "the device's name was not written"),
        }
    }
}

/// The request, sent: it goes on wherever it is polled next.
async fn begun(mut request: LocalBoxFuture<'static, Done>) -> LocalBoxFuture<'static, Done> {
    match futures::poll!(&mut request) {
        Poll::Ready(done) => ready(done).boxed_local(),
        Poll::Pending => request,
    }
}

/// An answer that breaks the protocol, as a person reads it.
fn unusable(error: &FeedError) -> SendError {
    SendError::Strange(format!(
        "An answer of the server cannot be used: {error}. Nothing of it was stored; this device asks again by itself. If this stays, tell the person who runs the server."
    ))
}

/// What a person is told of an entry that was left out.
fn unreadable(partition: Partition, number: Revision) -> String {
    format!(
        "A change from the server cannot be read by this version of Mooring (number {number} of partition {partition}). The records were fetched as they are now; nothing else is missing. Update the app, and tell the person who runs the server if this comes again."
    )
}
