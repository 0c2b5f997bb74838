//! The conversation with the server as a state machine without I/O: it hands out requests and takes answers.
//!
//! One request of each kind is under way at most: a push, and a pull or a snapshot. [`Session::next`] is asked again
//! after every answer, command and wake-up until it has nothing to send. Each kind waits for itself after a failure, so
//! that a pull that works does not hurry a push that the server asked to wait.

use std::collections::BTreeMap;

use sync_protocol::message::{End, Problem, ProblemCode, Pull, Push, Snapshot};
use sync_protocol::{Change, Counter, Ordered, Partition, Revision, Timestamp, limits as wire};

use super::Replica;
use super::retry::Backoff;
use crate::limits;
use crate::status::{Phase, Transport};
use crate::store::SnapshotState;

/// A request to send.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// Changes.
    Push(Push),
    /// News, please. The number comes back with the answer.
    Pull(u64, Pull),
    /// The live records.
    Snapshot(Snapshot),
}

/// Why a request brought no answer, sorted by what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No answer from the server: no network, time-out, cut connection. Nothing is known; send again later.
    #[error("{0}")]
    NoAnswer(String),
    /// Something else answered (a sign-in page of the network?), or the answer broke the protocol. Send again later.
    #[error("{0}")]
    Strange(String),
    /// Who answers cannot prove to be the server. Nothing was sent; tried again later, and told.
    #[error("{0}")]
    Untrusted(String),
    /// The server answered with a problem.
    #[error("{problem}")]
    Problem {
        /// What it said.
        problem: Problem,
        /// How long it asked to wait, in milliseconds.
        retry_after: Option<u64>,
    },
}

impl SendError {
    /// Whether the server, or a proxy before it, takes no request of that size.
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::Problem { problem, .. } if problem.code == ProblemCode::TooLarge)
    }
}

/// Why the session sends nothing although there is something to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Halt {
    NeedsSignIn,
    /// A pull asks rarely whether the two understand each other by now: it may be the server that was too old.
    NeedsUpdate,
}

/// One kind of request: when it may be tried again, and what was wrong the last time.
#[derive(Debug, Default)]
struct Way {
    backoff: Backoff,
    /// For people; `None` while it works.
    problem: Option<String>,
    /// No answer of the server came: when the other way gets one, this one need not wait.
    unreached: bool,
    /// Why none came, for people.
    cause: Option<String>,
}

impl Way {
    fn failed(&mut self, now: Timestamp, random: u64, error: &SendError, at_least: Option<u64>) {
        self.backoff.failed(now, random, at_least);
        self.unreached = !matches!(error, SendError::Problem { .. });
        self.cause = match error {
            SendError::NoAnswer(message) => Some(message.clone()),
            _ => None,
        };
        self.problem = match error {
            SendError::NoAnswer(_) => None,
            SendError::Strange(message) | SendError::Untrusted(message) => Some(message.clone()),
            SendError::Problem { problem, .. } => Some(problem.message.clone()),
        };
    }

    fn succeeded(&mut self, other: &mut Self) {
        *self = Self::default();
        if other.unreached {
            other.backoff.now();
        }
    }
}

/// The request for the part of a snapshot that comes next.
fn part(state: &SnapshotState) -> Outgoing {
    Outgoing::Snapshot(Snapshot { resume: state.resume.clone(), partitions: state.partitions.clone() })
}

/// The conversation.
#[derive(Debug)]
pub struct Session {
    pushing: Option<Vec<Counter>>,
    /// Bytes of the push that is under way or was last.
    pushed_bytes: usize,
    /// What is made in a burst goes together: after a push that took all there was, only what fills one is sent before that.
    gather_until: Option<Timestamp>,
    /// Bytes that the next push may have: less after one that did not get through, more after one that did.
    push_room: usize,
    pulling: bool,
    /// While much is sent, news waits until then: the next pull brings it together with the outcome of more pushes.
    hold_until: Option<Timestamp>,
    push_way: Way,
    pull_way: Way,
    halt: Option<Halt>,
    /// Somebody said that nothing shall be sent or fetched until they say otherwise.
    paused: bool,
    transport: Transport,
    pulls: u64,
    stale_pulls: u32,
    /// The server knows of no such workspace for this person. It is asked on, rarely: they may be added again.
    removed: bool,
    /// The highest sequence number of partition 0 that a verdict named: the server must judge with at least that schema.
    schema_judged: Revision,
    caught_up: bool,
    caught_up_at: Option<Timestamp>,
    verified: BTreeMap<Partition, Revision>,
    verified_at: Option<Timestamp>,
    progress: Option<(u64, u64)>,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            pushing: None,
            pushed_bytes: 0,
            gather_until: None,
            push_room: wire::PUSH_BYTES,
            pulling: false,
            hold_until: None,
            push_way: Way::default(),
            pull_way: Way::default(),
            halt: None,
            paused: false,
            transport: Transport::Connecting,
            pulls: 0,
            stale_pulls: 0,
            removed: false,
            schema_judged: Revision(0),
            caught_up: false,
            caught_up_at: None,
            verified: BTreeMap::new(),
            verified_at: None,
            progress: None,
        }
    }
}

impl Session {
    /// The next request, if one is due. Its answer goes to [`Session::pushed`], [`Session::pulled`],
    /// [`Session::snapshotted`] or [`Session::failed`].
    pub fn next(&mut self, now: Timestamp, replica: &Replica) -> Option<Outgoing> {
        if self.halt == Some(Halt::NeedsSignIn) || self.paused {
            return None;
        }
        // the first sync goes first: a device that is brought up needs records more than it has changes to send
        if !self.pulling && self.holds_until(now, replica).is_none() && self.pull_way.backoff.begin(now) {
            self.pulling = true;
            self.hold_until = None;
            if let Some(state) = replica.snapshot() {
                return Some(part(state));
            }
            self.pulls += 1;
            // what was judged before is in the feed already
            let there = replica.has_judged_before();
            let waits = self.caught_up && self.transport == Transport::Online && !there;
            let wait_ms = if waits { wire::PULL_WAIT_MS } else { 0 };
            return Some(Outgoing::Pull(self.pulls, Pull { cursor: replica.cursor().clone(), wait_ms }));
        }
        // what waits for a new name goes before what follows it: where that could not be stored, each pull tries again
        if self.pushing.is_some() || self.halt.is_some() || replica.must_renew() {
            return None;
        }
        let may_begin = self.push_way.backoff.begin(now);
        if replica.due_count() == 0 {
            // what could not be sent has been settled in another way
            self.push_way.problem = None;
            // nothing was made while the last push was under way: what comes next is no burst
            self.gather_until = None;
            return None;
        }
        if self.gathers_until(now).is_some() && replica.due_count() < wire::PUSH_CHANGES {
            return None;
        }
        let (push, bytes) = may_begin.then(|| self.push(replica)).flatten()?;
        self.pushed_bytes = bytes;
        self.pushing = Some(push.changes.iter().map(|c| c.id.counter).collect());
        let took_all = push.changes.len() == replica.due_count();
        self.gather_until = took_all.then_some(Timestamp(now.0 + limits::PUSH_GATHER_MS));
        Some(Outgoing::Push(push))
    }

    /// The next push with its bytes.
    fn push(&self, replica: &Replica) -> Option<(Push, usize)> {
        let mut bytes = 0;
        let mut changes: Vec<Change> = Vec::new();
        let name = replica.due().next().map(|change| change.id.replica)?;
        // a push is of one name: what was made under an earlier one goes first
        for change in replica.due().take_while(|change| change.id.replica == name) {
            let size = change.size();
            let full = bytes + size > self.push_room || changes.len() == wire::PUSH_CHANGES;
            if full && !changes.is_empty() {
                break;
            }
            bytes += size;
            changes.push(change.clone());
        }
        let settled =
            replica.outbox().next().map_or(Counter(u64::MAX), |p| Counter(p.change.id.counter.0 - 1));
        let settled = settled.min(changes.first().map_or(Counter(0), |c| Counter(c.id.counter.0 - 1)));
        let schema_seen = replica.cursor().get(Partition(0)).max(self.schema_judged);
        let counters = changes.iter().map(|change| change.id.counter);
        let only_known = counters.filter(|counter| replica.is_asked(*counter)).ordered_set();
        let push = Push { replica: name, settled, schema_seen, changes, only_known };
        (!push.changes.is_empty()).then_some((push, bytes))
    }

    /// The changes of the push under way.
    pub fn pushing(&self) -> &[Counter] {
        self.pushing.as_deref().unwrap_or_default()
    }

    /// The number of the last pull that has begun.
    pub fn last_pull(&self) -> u64 {
        self.pulls
    }

    /// A push was answered; `schema` is the highest sequence number of partition 0 among the verdicts.
    pub fn pushed(&mut self, schema: Option<Revision>) {
        self.pushing = None;
        self.push_room = (self.push_room * 2).min(wire::PUSH_BYTES);
        self.schema_judged = self.schema_judged.max(schema.unwrap_or_default());
        self.push_way.succeeded(&mut self.pull_way);
        self.heard();
    }

    /// A page of the feed was answered and stored. `moved`: whether it brought anything.
    pub fn pulled(
        &mut self,
        now: Timestamp,
        replica: &Replica,
        more: bool,
        moved: bool,
        ends: &[End],
    ) -> Result<(), SendError> {
        self.pulling = false;
        if more && !moved {
            self.stale_pulls += 1;
            if self.stale_pulls >= limits::STALE_PULLS {
                return Err(SendError::Strange(
                    "The server says there is more, but sends nothing. Trying again later.".into(),
                ));
            }
        } else {
            self.stale_pulls = 0;
        }
        let much = replica.due_count() >= wire::PUSH_CHANGES;
        self.hold_until = much.then_some(Timestamp(now.0 + limits::PULL_HOLD_MS));
        self.pull_way.succeeded(&mut self.push_way);
        self.heard();
        self.caught_up = !more && replica.snapshot().is_none();
        if self.caught_up {
            self.caught_up_at = Some(now);
        }
        for end in ends.iter().filter(|end| replica.cursor().get(end.partition) == end.head) {
            if replica.checksums().get(&end.partition) == Some(&end.checksums) {
                self.verified.insert(end.partition, end.head);
            }
        }
        if self.is_verified(replica) {
            self.verified_at = Some(now);
        }
        Ok(())
    }

    /// A part of a snapshot was answered and stored.
    pub fn snapshotted(&mut self, done: u64, total: u64) {
        self.pulling = false;
        self.caught_up = false;
        self.progress = Some((done, total));
        self.pull_way.succeeded(&mut self.push_way);
        self.heard();
    }

    /// The request for the part of a snapshot that follows one which has come and is to be stored: sent meanwhile, the network
    /// and the disk work at once. Once that one is stored, [`Session::asked_ahead`] says that it is under way; where it could
    /// not be stored, the request is dropped.
    pub fn ahead(&self, after: &SnapshotState) -> Option<Outgoing> {
        (self.pulling && self.halt.is_none() && !self.paused).then(|| part(after))
    }

    /// The request of [`Session::ahead`] is under way.
    pub fn asked_ahead(&mut self) {
        self.pulling = true;
    }

    fn heard(&mut self) {
        self.transport = Transport::Online;
        self.removed = false;
        if self.halt == Some(Halt::NeedsUpdate) {
            self.halt = None;
        }
    }

    /// A request brought no answer.
    pub fn failed(&mut self, now: Timestamp, random: u64, push: bool, error: &SendError) {
        let several = self.pushing().len() > 1;
        if push {
            (self.pushing, self.gather_until) = (None, None);
            self.push_room = (self.pushed_bytes.min(self.push_room) / 2).max(limits::PUSH_LEAST_BYTES);
        } else {
            self.pulling = false;
            self.caught_up = false;
        }
        let mut at_least = None;
        match error {
            SendError::NoAnswer(_) | SendError::Strange(_) | SendError::Untrusted(_) => {
                self.transport = Transport::Offline;
            }
            SendError::Problem { problem, retry_after } => {
                at_least = *retry_after;
                match problem.code {
                    ProblemCode::NeedsSignIn => self.halt = Some(Halt::NeedsSignIn),
                    ProblemCode::Upgrade => {
                        self.halt = Some(Halt::NeedsUpdate);
                        at_least = at_least.max(Some(limits::UPDATE_RETRY_MS));
                    }
                    ProblemCode::NotFound => self.removed = true,
                    _ => {}
                }
            }
        }
        let way = if push { &mut self.push_way } else { &mut self.pull_way };
        way.failed(now, random, error, at_least);
        if push && several && error.is_too_large() {
            // there is nothing to wait for: half as much goes at once
            way.backoff.now();
        }
        if push && self.halt == Some(Halt::NeedsUpdate) {
            // the pull is the one that asks again
            self.pull_way.failed(now, random, error, at_least);
        }
    }

    /// A reason to try now: the network came back, the screen was focused, a click.
    pub fn nudge(&mut self) {
        (self.gather_until, self.hold_until) = (None, None);
        self.push_way.backoff.now();
        self.pull_way.backoff.now();
        if self.transport == Transport::Offline {
            self.transport = Transport::Connecting;
        }
    }

    /// The platform says that there is no network. Believed for the display; tries go on, rarely.
    pub fn offline(&mut self, now: Timestamp, random: u64) {
        self.transport = Transport::Offline;
        self.caught_up = false;
        let error = SendError::NoAnswer("There is no network.".into());
        for way in [&mut self.push_way, &mut self.pull_way] {
            way.failed(now, random, &error, Some(limits::RETRY_CAP_MS / 4));
        }
    }

    /// Nothing is handed out any more; requests under way were dropped.
    pub fn pause(&mut self) {
        self.dropped();
        self.gather_until = None;
        self.caught_up = false;
        self.paused = true;
    }

    /// Goes on after a pause, at once.
    pub fn resume(&mut self) {
        self.paused = false;
        self.nudge();
    }

    /// Requests under way were dropped.
    pub fn dropped(&mut self) {
        self.pushing = None;
        self.pulling = false;
    }

    /// What the replica holds is not what it held: requests under way were dropped, and all is compared again.
    pub fn restarted(&mut self) {
        self.dropped();
        self.caught_up = false;
        self.doubt();
    }

    /// The person signed in again.
    pub fn signed_in(&mut self) {
        if self.halt == Some(Halt::NeedsSignIn) {
            self.halt = None;
            self.push_way.problem = None;
            self.pull_way.problem = None;
        }
        self.nudge();
    }

    /// When [`Session::next`] will have something because of time alone; `None` while nothing is waited for.
    pub fn wakes_at(&self) -> Option<Timestamp> {
        let pull = self.pull_way.backoff.until();
        match self.halt {
            _ if self.paused => None,
            Some(Halt::NeedsSignIn) => None,
            Some(Halt::NeedsUpdate) => pull,
            None => [pull, self.push_way.backoff.until()].into_iter().flatten().min(),
        }
    }

    /// Until when changes are gathered for the next push; `None` while its answer is waited for anyway.
    pub fn gathers_until(&self, now: Timestamp) -> Option<Timestamp> {
        // a clock that was set back does not make it longer
        let later = |until: &Timestamp| (1..=limits::PUSH_GATHER_MS).contains(&(until.0 - now.0));
        self.gather_until.filter(later).filter(|_| self.pushing.is_none())
    }

    /// Until when no news is asked for, because the server judges first what waits; `None` while nothing is held up by that.
    pub fn holds_until(&self, now: Timestamp, replica: &Replica) -> Option<Timestamp> {
        // a clock that was set back does not make it longer
        let later = |until: &Timestamp| (1..=limits::PULL_HOLD_MS).contains(&(until.0 - now.0));
        let until = self.hold_until.filter(later).filter(|_| !self.pulling && !self.paused)?;
        let is_sent = self.pushing.is_some() || self.push_way.backoff.is_due(now);
        let goes_on = is_sent && self.halt.is_none() && !replica.must_renew();
        (goes_on && replica.due_count() > 0 && replica.snapshot().is_none()).then_some(until)
    }

    /// Whether everything the replica holds was compared with the server's checksums and equal.
    pub fn is_verified(&self, replica: &Replica) -> bool {
        replica.snapshot().is_none()
            && replica.cursor().iter().all(|(p, at)| self.verified.get(&p) == Some(&at))
    }

    /// Forgets what was compared, to compare again.
    pub fn doubt(&mut self) {
        self.verified.clear();
    }

    /// Whether the replica has read the whole feed.
    pub fn is_caught_up(&self) -> bool {
        self.caught_up
    }

    /// What the network side does.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// What the session is busy with.
    pub fn phase(&self, replica: &Replica) -> Phase {
        match self.halt {
            Some(Halt::NeedsSignIn) => Phase::NeedsSignIn,
            Some(Halt::NeedsUpdate) => Phase::NeedsUpdate,
            None if self.removed => Phase::Removed,
            None if self.paused => Phase::Paused,
            None if replica.snapshot().is_some() => Phase::FirstSync,
            None if self.pushing.is_some() || !self.caught_up || replica.has_judged() => Phase::Syncing,
            None => Phase::Idle,
        }
    }

    /// The last problem, for people.
    pub fn problem(&self) -> Option<&str> {
        self.pull_way.problem.as_deref().or(self.push_way.problem.as_deref())
    }

    /// Why the server cannot be reached, for people; `None` while it can be.
    pub fn cause(&self) -> Option<&str> {
        let cause = self.pull_way.cause.as_deref().or(self.push_way.cause.as_deref());
        cause.filter(|_| self.transport == Transport::Offline)
    }

    /// When the server last said that the replica has everything.
    pub fn caught_up_at(&self) -> Option<Timestamp> {
        self.caught_up_at
    }

    /// What was known of the last contact before this program started.
    pub fn remember(&mut self, caught_up_at: Option<Timestamp>, verified_at: Option<Timestamp>) {
        (self.caught_up_at, self.verified_at) = (caught_up_at, verified_at);
    }

    /// When the checksums last equalled.
    pub fn verified_at(&self) -> Option<Timestamp> {
        self.verified_at
    }

    /// First sync: records stored, of how many.
    pub fn progress(&self) -> Option<(u64, u64)> {
        self.progress
    }
}
