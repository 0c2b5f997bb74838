//! A server that mirrors: it notices what has changed on either side, and reconciles one record at a time: read the row, look, write
//! what the look asks for, read again. Between any two steps time passes, and it may die.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use sync_protocol::{Partition, RecordId, Revision, Timestamp};
use sync_server::mirror::look::{Answer, Look};
use sync_server::mirror::row::SeenRow;
use sync_server::mirror::write::{RowWrite, Write};
use sync_server::partition::{Changed, EngineError, PartitionEngine};
use sync_server::store::StoreError;
use sync_server::store::clock::Clock;
use tokio::time::sleep;

use super::account::{row, shown, with_nulls};
use super::row::as_written;
use super::{Busy, Letter, MIRROR, Office, shadow_of};
use crate::sim::bugs::Bug;
use crate::sim::checks::Invariant;
use crate::sim::random::Random;
use crate::sim::things;

/// Looks at one row before others have their turn.
const LOOKS: usize = 6;

/// How long a row rests that cannot be as its record is yet, in milliseconds.
const RESTS: i64 = 60_000;

/// The column that a planted bug does not read.
const OVERLOOKED: &str = "last";

/// Of a hundred reads, those that miss something for once.
const MISSED: u64 = 6;

/// There was no answer: later again.
struct Later;

/// How a record was left.
#[derive(PartialEq)]
enum Left {
    Done,
    Waits,
}

/// One server that mirrors.
pub struct Worker {
    office: Office,
    n: usize,
    random: Random,
    /// How far each feed was carried.
    carried: BTreeMap<Partition, Revision>,
    /// Each row as it was when it was last looked at.
    noticed: BTreeMap<RecordId, Option<SeenRow>>,
}

impl Worker {
    /// One that knows nothing.
    pub(super) fn new(office: Office, n: usize, seed: u64, starts: u64) -> Self {
        Self {
            office,
            n,
            random: Random::of(seed, 600 + starts),
            carried: BTreeMap::new(),
            noticed: BTreeMap::new(),
        }
    }

    /// Works until it dies.
    pub(super) async fn work(mut self) {
        let mut idle = 0;
        loop {
            self.nap(100, 300 << u64::min(idle, 3)).await;
            let lease = self.office.lease.load(Ordering::SeqCst);
            if lease != 2 && lease != self.n as u64 {
                continue;
            }
            match self.round().await {
                Ok(false) => idle += 1,
                Ok(true) | Err(Later) => idle = 0,
            }
        }
    }

    async fn nap(&mut self, low: u64, high: u64) {
        let ms = self.random.between(low, high);
        sleep(Duration::from_millis(ms)).await;
    }

    fn engine(&self) -> PartitionEngine {
        self.office.server.inside(self.n).0
    }

    /// Everything that has changed on either side; whether there was anything.
    async fn round(&mut self) -> Result<bool, Later> {
        let _busy = Busy::of(&self.office);
        let (begun, now) = self.account(|account| (account.ticks, account.table.now()));
        let mut due: BTreeSet<RecordId> = BTreeSet::new();
        let mut carry = Vec::new();
        for partition in (0..self.office.partitions).map(Partition) {
            let (records, from, upto) = self.changed(partition).await?;
            due.extend(records);
            if upto > from {
                carry.push((partition, upto));
            }
        }
        let rows = self.account(|account| account.table.rows());
        due.extend(rows.into_iter().filter(|(id, row)| self.noticed.get(id) != Some(row)).map(|(id, _)| id));
        due.extend(self.account(|account| account.waiting(now)));
        if due.is_empty() && carry.is_empty() {
            self.account(|account| account.rested = begun);
            return Ok(false);
        }
        for id in due {
            let left = self.reconcile(&id).await?;
            self.account(|account| match left {
                Left::Done => account.waits.remove(&id),
                Left::Waits => account.waits.insert(id, Timestamp(account.table.now().0 + RESTS)),
            });
        }
        for (partition, upto) in carry {
            let moved = self.engine().carry(self.office.workspace, partition, MIRROR, upto).await;
            self.answered(moved)?;
            self.carried.insert(partition, upto);
        }
        Ok(true)
    }

    /// The records that changed in a partition since its feed was last carried.
    async fn changed(&mut self, partition: Partition) -> Result<(Vec<RecordId>, Revision, Revision), Later> {
        let (engine, workspace) = (self.engine(), self.office.workspace);
        let from = match self.carried.get(&partition) {
            Some(from) => *from,
            None => {
                let carried = engine.carried(workspace, partition, MIRROR).await;
                let carried = self.answered(carried)?.unwrap_or(Revision(0));
                self.carried.insert(partition, carried);
                carried
            }
        };
        let things = things::collection();
        let changed = engine.changed(workspace, partition, &things, from).await;
        match self.answered(changed)? {
            Changed::Records { records, upto, .. } => Ok((records, from, upto)),
            Changed::Expired => {
                let reached = engine.reached(workspace, partition).await;
                let reached = self.answered(reached)?;
                let (mut all, mut after) = (Vec::new(), None);
                loop {
                    let page = engine.records_of(workspace, partition, &things, after.as_deref()).await;
                    let page = self.answered(page)?;
                    all.extend(page.rows);
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
                // records that are gone by now have a row at most
                all.extend(self.account(|account| account.table.rows().into_keys().collect::<Vec<_>>()));
                Ok((all, from, reached))
            }
        }
    }

    /// Record and row become the same, as far as that can be now.
    async fn reconcile(&mut self, id: &RecordId) -> Result<Left, Later> {
        let (workspace, partitions) = (self.office.workspace, self.office.partitions);
        let (key, partition) = (shadow_of(id), id.partition(partitions));
        let shadows = self.engine().shadows_of(workspace, partition, std::slice::from_ref(&key)).await;
        let shadow = self.answered(shadows)?.pop().unwrap_or_default();
        let mut since = shadow.version;
        let mut wrote: Option<Write> = None;
        // what a person changed may be written to a row that is taken for what was agreed on
        let mut believed = shadow.as_row().filter(|_| self.random.percent(50)).map(Some);
        let mut assumed = believed.is_some();
        for _ in 0..LOOKS {
            let believes = believed.is_some();
            let (seen, truth) = match believed.take() {
                Some(seen) => (seen, None),
                None => self.read(id).await,
            };
            let (engine, clock) = self.office.server.inside(self.n);
            let read_at = clock.now();
            self.nap(0, 30).await;
            let look = Look {
                record: id.clone(),
                shadow_key: key.clone(),
                since,
                wrote: wrote.take(),
                seen: seen.clone(),
                read_at,
            };
            self.account(|account| account.looks(&look));
            let mapped = self.account(|account| account.mapped.clone());
            let looked = engine.look(workspace, partitions, &mapped, vec![look]).await;
            let Some(looked) = self.answered(looked)?.pop() else { return Err(Later) };
            self.line(|| format!("saw {id} since {since}: {}: {}", row(seen.as_ref()), told(&looked.answer)));
            since = looked.version;
            if std::mem::take(&mut assumed) && !matches!(looked.answer, Answer::Write(_)) {
                // nothing is to be written: what is there is to be looked at
                continue;
            }
            self.noticed.insert(id.clone(), seen.clone());
            if !believes && !matches!(looked.answer, Answer::Again | Answer::Refused(_)) {
                self.office.model.lock().looked(id, truth.as_ref());
            }
            match looked.answer {
                Answer::Agreed | Answer::Parked => return Ok(Left::Done),
                Answer::Refused(_) | Answer::Stopped(_) => return Ok(Left::Waits),
                Answer::Again => {}
                Answer::Write(write) if self.leaves_unset(&write) => return Ok(Left::Done),
                Answer::Write(write) => {
                    self.nap(0, 30).await;
                    if self.write(id, seen.as_ref(), &write) {
                        if self.office.bug == Some(Bug::WriteBelieved) {
                            believed = Some(as_written(seen, &write));
                        }
                        wrote = Some(write);
                    }
                }
            }
        }
        Ok(Left::Waits)
    }

    /// A row as it is read, and as it is. What is not there for once is read again.
    async fn read(&mut self, id: &RecordId) -> (Option<SeenRow>, Option<SeenRow>) {
        self.nap(0, 30).await;
        let truth = self.account(|account| account.table.read(id));
        if self.office.bug == Some(Bug::ColumnOverlooked) {
            let mut seen = truth.clone();
            seen.iter_mut().for_each(|row| row.cells.retain(|name, _| name.as_str() != OVERLOOKED));
            return (seen, truth);
        }
        let calm = self.office.calm.load(Ordering::SeqCst);
        if calm || !self.random.percent(MISSED) || truth.is_none() {
            return (truth.clone(), truth);
        }
        self.office.server.met("table: a value is not there for one read");
        if self.office.bug == Some(Bug::AbsenceBelieved) {
            let mut seen = truth.clone();
            match &mut seen {
                Some(row) if !row.cells.is_empty() && self.random.percent(50) => {
                    let at = self.random.below(row.cells.len() as u64) as usize;
                    let name = row.cells.keys().nth(at).cloned();
                    name.and_then(|name| row.cells.remove(&name));
                }
                _ => seen = None,
            }
            return (seen, truth);
        }
        self.nap(1, 30).await;
        let truth = self.account(|account| account.table.read(id));
        (truth.clone(), truth)
    }

    /// Sends a write; whether it was acknowledged.
    fn write(&mut self, id: &RecordId, seen: Option<&SeenRow>, write: &Write) -> bool {
        let write = self.planted(seen, write);
        let mut model = self.office.model.lock();
        let calm = self.office.calm.load(Ordering::SeqCst);
        match if calm { 100 } else { self.random.below(100) } {
            0..=5 => {
                model.faults.add("table: a write of the mirror is lost");
                false
            }
            6..=13 => {
                model.faults.add("table: a write of the mirror comes late");
                if let Some(account) = &mut model.mirror {
                    let due = account.table.watch_now().0 + self.random.between(10, 40_000) as i64;
                    let (record, seen) = (id.clone(), seen.cloned());
                    account.on_the_way.push(Letter { due, record, seen, write });
                }
                false
            }
            14..=19 => {
                model.faults.add("table: a write of the mirror is not acknowledged");
                model.written(id, seen, &write);
                false
            }
            _ => {
                model.written(id, seen, &write);
                true
            }
        }
    }

    /// Whether nothing is left of a write as a bug makes it.
    fn leaves_unset(&self, write: &Write) -> bool {
        let deletes = write.row == RowWrite::Keep && write.cells.values().all(|cell| cell.value.is_absent());
        self.office.bug == Some(Bug::UnsetForNull) && deletes
    }

    /// The write as a bug makes it.
    fn planted(&self, seen: Option<&SeenRow>, write: &Write) -> Write {
        let mut write = write.clone();
        match self.office.bug {
            Some(Bug::UnsetForNull) => write.cells.retain(|_, cell| !cell.value.is_absent()),
            Some(Bug::NullBound) => with_nulls(&mut write, seen),
            Some(Bug::WrittenNow) => {
                let now = self.office.server.inside(self.n).1.now().0 * 1_000;
                write.cells.values_mut().for_each(|cell| cell.at = now);
                if let RowWrite::Delete { at } | RowWrite::Insert { at } = &mut write.row {
                    *at = now;
                }
            }
            _ => {}
        }
        write
    }

    /// What the engine said; an error is a reason to begin again later.
    fn answered<T>(&self, answer: Result<T, EngineError>) -> Result<T, Later> {
        answer.map_err(|error| {
            let fair = matches!(error, EngineError::Busy | EngineError::Store(StoreError::Unavailable(_)));
            let mut model = self.office.model.lock();
            model.checks.that(Invariant::Liveness, fair, || format!("the mirror is told: {error}"));
            Later
        })
    }

    fn account<T>(&self, ask: impl FnOnce(&mut super::account::Account) -> T) -> T {
        let mut model = self.office.model.lock();
        ask(model.mirror.as_mut().expect("there is one where there are workers"))
    }

    fn line(&self, line: impl FnOnce() -> String) {
        self.office.model.lock().trace.line(format!("  mirror {} {}", self.n, line()));
    }
}

/// An answer, for people.
fn told(answer: &Answer) -> String {
    match answer {
        Answer::Write(write) => format!("write {}", shown(write)),
        other => format!("{other:?}"),
    }
}
