//! A device's conversation with the server: what the engine does with answers.

use sync_client::replica::FeedError;
use sync_client::replica::session::{Outgoing, SendError};
use sync_client::store::{Batch, LocalStore};
use sync_protocol::message::{PullAnswer, PushAnswer, SnapshotAnswer};
use sync_protocol::{Change, ChangeId, Counter, ReplicaId, Revision, Timestamp, Verdict, reserved};
use uuid::Uuid;

use super::bugs::Bug;
use super::checks::Invariant;
use super::device::{By, Device};
use super::disk::{Failed, now};
use super::server::Answer;

/// Requests that one look at the session may hand out: a push and a pull.
const AT_ONCE: usize = 2;

impl Device {
    /// The requests that are due.
    pub fn due(&mut self, world: Timestamp) -> Vec<Outgoing> {
        let mut due = Vec::new();
        while !self.away && due.len() <= AT_ONCE {
            let now = self.now(world);
            match self.session.next(now, &self.replica) {
                Some(outgoing) => due.push(outgoing),
                None => break,
            }
        }
        let fits = due.len() <= AT_ONCE;
        let n = self.n;
        self.model.lock().checks.that(Invariant::Bounded, fits, || format!("replica {n} asks without end"));
        due
    }

    /// An answer, or word that there is none.
    pub fn deliver(&mut self, world: Timestamp, push: bool, answer: Result<Answer, SendError>) {
        let outcome = match answer {
            Ok(Answer::Push(sent, answer)) => self.pushed(&sent, &answer),
            Ok(Answer::Pull(number, answer)) => self.pulled(world, number, self.planted_pull(answer)),
            Ok(Answer::Snapshot(answer, heads)) => self.snapshotted(answer, &heads),
            Err(error) => {
                if push
                    && self.bug == Some(Bug::UnknownRetriedAsNew)
                    && matches!(error, SendError::NoAnswer(_))
                {
                    self.send_as_new();
                }
                Err(Some(error))
            }
        };
        // after a power cut there is nobody to tell
        if let Err(Some(error)) = outcome {
            let (now, random) = (self.now(world), self.random.draw());
            self.session.failed(now, random, push, &error);
        }
        self.check_status();
    }

    fn pushed(&mut self, sent: &[Counter], answer: &PushAnswer) -> Result<(), Option<SendError>> {
        let batch = self.replica.pushed(sent, answer).map_err(|e| self.unusable(&e))?;
        let schema = sent.iter().zip(&answer.verdicts).filter_map(|(counter, verdict)| {
            let reserved = self.replica.pending(*counter)?.record.collection.is_reserved();
            seq(verdict).filter(|_| reserved)
        });
        let schema: Option<Revision> = schema.max();
        self.stored(batch)?;
        self.replica.note_verdicts(sent, answer, self.session.last_pull());
        self.session.pushed(schema);
        self.renew()?;
        if self.bug == Some(Bug::OutboxLeftEarly) {
            let judged = sent.iter().zip(&answer.verdicts).filter(|(_, verdict)| seq(verdict).is_some());
            let settle =
                judged.map(|(counter, _)| *counter).filter(|c| self.replica.pending(*c).is_some()).collect();
            self.stored(Batch { settle, ..Batch::default() })?;
        }
        Ok(())
    }

    fn pulled(&mut self, world: Timestamp, number: u64, answer: PullAnswer) -> Result<(), Option<SendError>> {
        let batch = self.replica.pulled(number, &answer).map_err(|e| self.unusable(&e))?;
        let moved = batch.cursor.is_some() || !answer.expired.is_empty();
        self.stored(batch)?;
        self.replica.note_pulled(number, &answer);
        if self.must_scan && !answer.more && self.replica.snapshot().is_none() {
            let found = now(self.disk.store_in_use().checksums());
            self.stored(self.replica.scanned(found))?;
            self.session.doubt();
            self.must_scan = false;
        }
        // until what is stored was read, the known checksums may be those of before a snapshot
        let differing = if self.must_scan { Vec::new() } else { self.replica.differing(&answer.ends) };
        let n = self.n;
        self.model.lock().checks.that(Invariant::Convergence, differing.is_empty(), || {
            format!("the checksums of replica {n} differ from the server's in {differing:?}")
        });
        let now = self.now(world);
        self.session.pulled(now, &self.replica, answer.more, moved, &answer.ends).map_err(Some)?;
        self.renew()?;
        if !differing.is_empty() {
            return self.stored(self.replica.refetch(&differing));
        }
        if !answer.more && self.replica.snapshot().is_none() {
            let name = format!("person {}", self.member.user.0.as_u128());
            let made = self.replica.introduce(now, &name, &format!("device {n}"), "embedded");
            self.act(made, &[]);
        }
        Ok(())
    }

    fn snapshotted(&mut self, answer: SnapshotAnswer, heads: &[Revision]) -> Result<(), Option<SendError>> {
        let (done, total) = (answer.done, answer.total);
        for (partition, _) in &answer.finished {
            self.floor(*partition, heads[usize::from(partition.0)]);
        }
        let batch = self.replica.snapshotted(answer).map_err(|e| self.unusable(&e))?;
        self.stored(batch)?;
        self.must_scan = true;
        self.session.snapshotted(done, total);
        Ok(())
    }

    /// As the engine does where another replica has this one's name.
    fn renew(&mut self) -> Result<(), Option<SendError>> {
        if !self.replica.must_renew() {
            return Ok(());
        }
        let batch = self.replica.renewed(ReplicaId(Uuid::from_u128(u128::from(self.leaps.draw()))));
        let kept: Vec<(Change, Option<Counter>)> = self.kept_anew(&batch);
        let mut model = self.model.lock();
        for (change, _) in &kept {
            // what follows one of an earlier name in its record was asked for, and goes with it or after it; what follows
            // that goes with it
            let known =
                |other: &Change| model.copied.contains(&other.id.replica) || model.asked.contains(&other.id);
            let fair = kept.iter().any(|(other, _)| other.record == change.record && known(other));
            model.checks.that(Invariant::Identity, fair, || {
                format!("{} goes out under another number, and its device was never copied", change.id)
            });
            model.goes_out_anew(change);
        }
        drop(model);
        let moved = kept.into_iter().map(|(old, new)| (old.id.counter, new)).collect();
        self.saves(batch, moved).map_err(|failed| match failed {
            Failed::Full => Some(SendError::Strange("the disk is full".into())),
            Failed::PowerCut { .. } => None,
        })
    }

    /// What goes out under other numbers, with those: all of it but what a device says of itself.
    fn kept_anew(&self, batch: &Batch) -> Vec<(Change, Option<Counter>)> {
        let mut new = batch.enqueue.iter();
        let mut kept = Vec::new();
        for counter in &batch.settle {
            let Some(old) = self.replica.pending(*counter).cloned() else { continue };
            let own = old.record.collection.as_str() == reserved::DEVICES;
            let next = if own { None } else { new.next() };
            let same = next.is_some_and(|new| new.record == old.record && new.at == old.at);
            self.model.lock().checks.that(Invariant::Identity, own || same, || {
                format!("{} is lost where its device takes a new name", old.id)
            });
            kept.push((old, next.map(|new| new.id.counter)));
        }
        kept
    }

    fn stored(&mut self, batch: Batch) -> Result<(), Option<SendError>> {
        self.commit(batch, By::Server).map_err(|failed| match failed {
            Failed::Full => Some(SendError::Strange("the disk is full".into())),
            Failed::PowerCut { .. } => None,
        })
    }

    /// The server keeps the protocol: an answer that cannot be used is a defect of one of the two.
    fn unusable(&self, error: &FeedError) -> Option<SendError> {
        let n = self.n;
        self.model
            .lock()
            .checks
            .that(Invariant::Contiguous, false, || format!("replica {n} cannot use an answer: {error}"));
        Some(SendError::Strange(error.to_string()))
    }

    fn planted_pull(&self, mut answer: PullAnswer) -> PullAnswer {
        if self.bug == Some(Bug::GapSkipped) {
            for feed in &mut answer.feeds {
                if feed.entries.len() > 2 {
                    let at = feed.entries.len() / 2;
                    let entry = &mut feed.entries[at];
                    (entry.record, entry.collection, entry.conflict) = (None, None, None);
                    entry.ended.clear();
                }
            }
        }
        answer
    }

    /// The bug: what may have been judged is made anew.
    fn send_as_new(&mut self) {
        let sent: Vec<Change> =
            self.session.pushing().iter().filter_map(|c| self.replica.pending(*c)).cloned().collect();
        let last = self.replica.outbox().last().map_or(0, |p| p.change.id.counter.0);
        let mut batch = Batch { settle: sent.iter().map(|c| c.id.counter).collect(), ..Batch::default() };
        for (change, n) in sent.into_iter().zip(1..) {
            let id = ChangeId { replica: change.id.replica, counter: Counter(last + n) };
            batch.enqueue.push(Change { id, ..change });
        }
        let mut model = self.model.lock();
        // of these, no order is known
        batch.enqueue.iter().for_each(|c| model.changes.entry(c.id).or_default().push(c.clone()));
        drop(model);
        // how it ends is told by the checkers
        let _ = self.commit(batch, By::Server);
    }
}

fn seq(verdict: &Verdict) -> Option<Revision> {
    match verdict {
        Verdict::Applied { seq } | Verdict::Merged { seq } | Verdict::Conflicted { seq, .. } => Some(*seq),
        Verdict::Rejected { .. } | Verdict::Duplicate { .. } => None,
    }
}
