//! A bulk decision, or taking many back, under way: some conflicts at a time, so that other commands (such as "Stop") are
//! heard in between.

use std::collections::VecDeque;

use sync_protocol::ChangeId;

use super::{Engine, Reply};
use crate::api::{Answer, BulkReport, BulkRule, Event, Failure, Which};
use crate::device::Device;
use crate::limits;
use crate::query::storage;
use crate::replica::bulk::Tally;
use crate::store::LocalStore;

/// What is left to do and what was done.
pub(super) struct Deciding {
    left: VecDeque<ChangeId>,
    total: usize,
    task: Task,
    tally: Tally,
    reply: Option<Reply>,
}

enum Task {
    Decide { rule: BulkRule, dry_run: bool },
    TakeBack,
}

impl<D: Device> Engine<D> {
    pub(super) fn resolve_many(&mut self, which: Which, rule: BulkRule, dry_run: bool, reply: Reply) {
        let now = self.device.now();
        let conflicts = match (which, &self.desk.open) {
            (Which::Ids(ids), _) => ids,
            (Which::Filter(filter), Some(open)) => open.replica.matching(now, &filter),
            (Which::Filter(_), None) => Vec::new(),
        };
        self.begin_deciding(conflicts, Task::Decide { rule, dry_run }, reply);
    }

    pub(super) fn take_back(&mut self, conflicts: Vec<ChangeId>, reply: Reply) {
        self.begin_deciding(conflicts, Task::TakeBack, reply);
    }

    fn begin_deciding(&mut self, conflicts: Vec<ChangeId>, task: Task, reply: Reply) {
        let refusal = if let Err(failure) = self.workspace() {
            Some(failure)
        } else if self.desk.deciding.is_some() {
            Some(Failure::input("Another decision about many is under way. Wait for its end, or stop it."))
        } else if conflicts.len() > limits::BULK {
            let message = format!("At most {} can be settled at once. Narrow the filter.", limits::BULK);
            Some(Failure::input(message))
        } else {
            None
        };
        if let Some(failure) = refusal {
            return drop(reply.send(Err(failure)));
        }
        let left: VecDeque<ChangeId> = conflicts.into();
        let total = left.len();
        self.desk.deciding =
            Some(Deciding { left, total, task, tally: Tally::default(), reply: Some(reply) });
    }

    pub(super) async fn decide_step(&mut self) {
        let Some(mut deciding) = self.desk.deciding.take() else { return };
        match self.decide_some(&mut deciding).await {
            Err(failure) => {
                let done = deciding.tally.report.done.len();
                let message =
                    format!("{} {done} were saved on this device before, the rest was not.", failure.message);
                deciding.end(Err(Failure { message, ..failure }));
            }
            Ok(()) if deciding.left.is_empty() => deciding.end_well(false),
            Ok(()) => self.desk.deciding = Some(deciding),
        }
    }

    async fn decide_some(&mut self, deciding: &mut Deciding) -> Result<(), Failure> {
        let now = self.device.now();
        let some = deciding.left.len().min(limits::BULK_STEP);
        let ids: Vec<ChangeId> = deciding.left.drain(..some).collect();
        let open = self.workspace()?;
        let (batch, stored) = match &deciding.task {
            Task::TakeBack => {
                let report = &mut deciding.tally.report;
                report.done.extend(ids.iter().filter(|id| open.replica.reopening(**id).is_some()));
                (open.replica.take_back(now, &ids)?, true)
            }
            Task::Decide { rule, dry_run } => {
                let known: Vec<ChangeId> =
                    ids.into_iter().filter(|id| open.replica.conflict(*id).is_some()).collect();
                let record = |id: &ChangeId| open.replica.conflict(*id).map(|c| c.record.clone());
                let records: Vec<_> = known.iter().filter_map(record).collect();
                let bases = open.store.get(&records).await.map_err(storage)?;
                let tally = &mut deciding.tally;
                (open.replica.decide_many(now, rule, &known, &bases, tally)?, !dry_run)
            }
        };
        if stored {
            self.save(batch).await?;
        }
        let total = deciding.total;
        self.tell(Event::Working { done: total - deciding.left.len(), total });
        Ok(())
    }

    /// Stops what is under way; what is saved stays.
    pub(super) fn cancel_work(&mut self) {
        if let Some(deciding) = self.desk.deciding.take() {
            deciding.end_well(true);
        }
        #[cfg(feature = "screens")]
        if let Some(audit) = self.desk.audit.take() {
            audit.cancel();
        }
    }
}

impl Deciding {
    fn end_well(mut self, cancelled: bool) {
        let report = BulkReport { cancelled, ..std::mem::take(&mut self.tally.report) };
        self.end(Ok(Answer::Bulk(report)));
    }

    fn end(mut self, answer: Result<Answer, Failure>) {
        if let Some(reply) = self.reply.take() {
            // a screen that went away does not need the answer
            drop(reply.send(answer));
        }
    }
}
