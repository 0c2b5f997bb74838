//! From the records to the table: the feed of the collection, in order, and what became of the mirror's conflicts.

use futures::stream::{self, StreamExt, TryStreamExt};
use std::time::Duration;
use sync_protocol::{Cursor, Partition, Revision};

use super::error::WorkError;
use super::link::Link;
use super::reconcile::Open;
use crate::partition::Changed;

/// Partitions that are carried at once.
const AT_ONCE: usize = 8;
/// How long news is waited for: each wait begins with a look at the heads themselves.
const WAIT: Duration = Duration::from_secs(20);
/// Pauses between two tries of a row that somebody else writes again and again.
const AGAIN: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(5)];

impl Link {
    /// Carries what changes, until something is in the way.
    pub(super) async fn outward(&self) -> Result<std::convert::Infallible, WorkError> {
        let all: Vec<Partition> = (0..self.partitions).map(Partition).collect();
        let begun: Vec<(Partition, Revision)> = stream::iter(all)
            .map(|partition| async move { Ok::<_, WorkError>((partition, self.begun(partition).await?)) })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut carried = Cursor::start(self.partitions);
        begun.iter().for_each(|(partition, seq)| carried.advance(*partition, *seq));
        loop {
            let engine = self.desk.engine();
            let heads = engine.beyond(self.workspace(), self.partitions, &carried, WAIT).await?;
            let news: Vec<Partition> =
                heads.iter().filter(|(p, head)| *head > carried.get(*p)).map(|(p, _)| p).collect();
            let behind = |carried: &Cursor| {
                heads.iter().map(|(p, head)| head.0.saturating_sub(carried.get(p).0)).sum::<u64>()
            };
            self.board.set(|status| status.behind = behind(&carried));
            let moved: Vec<(Partition, Revision)> = stream::iter(news)
                .map(|partition| {
                    let after = carried.get(partition);
                    async move { Ok::<_, WorkError>((partition, self.carry(partition, after).await?)) }
                })
                .buffer_unordered(AT_ONCE)
                .try_collect()
                .await?;
            moved.iter().for_each(|(partition, seq)| carried.advance(*partition, *seq));
            let now = self.desk.now();
            self.board.set(|status| {
                status.behind = behind(&carried);
                if status.behind == 0 {
                    status.in_step_at = Some(now);
                }
            });
        }
    }

    /// How far a partition was carried. Where that has not begun, all of its records are looked at first.
    async fn begun(&self, partition: Partition) -> Result<Revision, WorkError> {
        let engine = self.desk.engine();
        match engine.carried(self.workspace(), partition, self.mapped.mirror).await? {
            Some(seq) => Ok(seq),
            None => self.all_records(partition).await,
        }
    }

    /// Looks at all records of a partition; all changes up to the given number are in that.
    async fn all_records(&self, partition: Partition) -> Result<Revision, WorkError> {
        let engine = self.desk.engine();
        let seq = engine.reached(self.workspace(), partition).await?;
        if self.mapped.outward {
            let mut after: Option<String> = None;
            loop {
                let page = engine
                    .records_of(self.workspace(), partition, self.collection(), after.as_deref())
                    .await?;
                self.settle(self.differing(page.rows).await?).await?;
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        engine.carry(self.workspace(), partition, self.mapped.mirror, seq).await?;
        Ok(seq)
    }

    /// Carries one read of a partition's feed; how far it came.
    async fn carry(&self, partition: Partition, after: Revision) -> Result<Revision, WorkError> {
        let engine = self.desk.engine();
        let (workspace, mirror) = (self.workspace(), self.mapped.mirror);
        let changed = engine.changed(workspace, partition, self.collection(), after).await?;
        let Changed::Records { records, conflicts, upto, .. } = changed else {
            // away for longer than the feed is kept
            return self.all_records(partition).await;
        };
        for conflict in conflicts {
            self.tell_conflict(&conflict).await?;
        }
        if self.mapped.outward {
            self.settle(self.differing(records).await?).await?;
        }
        engine.carry(workspace, partition, mirror, upto).await?;
        Ok(upto)
    }

    /// Reconciles until nothing is left.
    async fn settle(&self, open: Vec<Open>) -> Result<(), WorkError> {
        let mut left = self.carry_out(open).await?.left;
        for pause in AGAIN.into_iter().chain(std::iter::repeat(AGAIN[AGAIN.len() - 1])) {
            if left.is_empty() {
                break;
            }
            tokio::time::sleep(pause).await;
            left = self.reconcile(left).await?.left;
        }
        Ok(())
    }
}
