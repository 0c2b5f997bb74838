//! Rounds over the table: which ranges are another than was agreed on, and which of their rows.
//!
//! A round never decides: it finds rows that differ, and each of those is read again and judged ([`Link::reconcile`]). Only rows
//! of which nothing was ever agreed on are judged as they were read.

use futures::stream::{self, StreamExt, TryStreamExt};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use sync_protocol::mirror::{MirrorProgress, MirrorRound};
use sync_protocol::{Partition, RecordId, RecordKey, Timestamp};
use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_64;

use super::error::WorkError;
use super::link::Link;
use super::plan::{Cuts, Part, total};
use super::sums::Summed;
use super::told::is_before;
use crate::mirror::cql::ranges::{Found, RangeDigest, TokenRange};
use crate::mirror::look::{Answer, Look, shadow_key};
use crate::mirror::row::{SeenRow, Shadow, WriteTime};

/// Rows that are read before they are compared: some MiB.
const ROWS: usize = 5_000;
/// Rows of one token that are compared at a time: a wide partition has no end that could be waited for.
const WIDE: usize = 20_000;
/// Ranges whose rows are read and compared at once: while those of one are judged, those of another are read.
const READ: usize = 2;
/// Rows that were found gone, remembered until the end of a round: it is asked then whether that many may be.
const GONE: usize = 200_000;
/// So many rows may be gone at once, whatever that is of all.
const FEW: usize = 10;

/// Shadows by their partition.
type Places = BTreeMap<Partition, Vec<String>>;

/// A row as it was read, and its token.
type ReadRow = (RecordKey, i64, SeenRow);

/// What a round reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// The rows of ranges whose sums are others.
    Differing,
    /// All rows.
    All,
}

/// What a round found.
#[derive(Debug, Default)]
pub struct Report {
    /// Rows to be tried again.
    pub left: Vec<RecordKey>,
    /// Whether rows are gone that nothing was done about yet: there were too many to remember.
    pub more: bool,
    /// How long it took to find out which ranges differ. What is done about them is work that somebody made.
    pub looked: Duration,
}

#[derive(Default)]
struct State {
    round: MirrorRound,
    done: u64,
    of: u64,
    /// Rows that were agreed on when it began.
    rows: u64,
    /// Rows that are not there any more, with the latest time of their cells.
    gone: Vec<(RecordKey, Option<WriteTime>)>,
    report: Report,
}

/// Rows of a range as far as they were read.
struct Chunk {
    rows: BTreeMap<String, ReadRow>,
    /// Of a token with very many rows: those that were compared already.
    compared: BTreeSet<u64>,
    /// What was agreed on in the range.
    cuts: Cuts,
}

/// What of a range is another than was agreed on.
#[derive(Default)]
struct Differing {
    /// Rows that were compared.
    count: usize,
    /// Rows with other values.
    keys: Vec<RecordKey>,
    /// Rows of which nothing was ever agreed on.
    fresh: Vec<ReadRow>,
    /// Rows that are not there any more, with the latest time of their cells.
    gone: Vec<(RecordKey, Option<WriteTime>)>,
}

impl Link {
    /// Goes over the table.
    ///
    /// # Errors
    /// Where nothing goes on for the moment, or without a person. What was found so far was dealt with.
    pub async fn round(&self, reads: Reads) -> Result<Report, WorkError> {
        let told = self.ask_told().await;
        self.unchanged().await?;
        let started = Instant::now();
        if self.plan(|plan| plan.is_empty()) {
            self.first_plan().await?;
        }
        let looking = Instant::now();
        let (ranges, differing) = self.sums(reads).await?;
        let looked = looking.elapsed();
        let rows = self.plan(|plan| plan.rows());
        let round = MirrorRound { ranges, read: differing.len() as u64, ..MirrorRound::default() };
        let of = differing.iter().map(|one| one.sum.as_ref().map_or(0, |sum| sum.rows.max(0).unsigned_abs()));
        let state = Mutex::new(State { round, of: of.sum(), rows, ..State::default() });
        let read = stream::iter(differing).map(Ok::<_, WorkError>);
        read.try_for_each_concurrent(READ, |one| self.read(one, &state)).await?;
        let mut state = state.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.gone(&mut state).await?;
        let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let rows = self.plan(|plan| plan.rows());
        self.board.set(|status| {
            status.last_round = Some(MirrorRound { at: self.desk.now(), took_ms, ..state.round });
            status.progress = None;
            status.rows = rows;
        });
        self.keep_told(told);
        Ok(Report { looked, ..state.report })
    }

    pub(super) async fn shadows(
        &self,
        range: TokenRange,
        after: Option<&str>,
    ) -> Result<crate::partition::Page<(String, Shadow)>, WorkError> {
        let tokens = (range.after.saturating_add(1), range.upto);
        let engine = self.desk.engine();
        Ok(engine.shadows(self.workspace(), self.partitions, self.mapped.mirror, tokens, after).await?)
    }

    pub(super) fn remember(&self, key: &RecordKey, shadow: &Shadow) {
        if let Some(at) = shadow.held().filter_map(|(_, cell)| cell.expires).min() {
            self.calendar(|calendar| calendar.note(at, key));
        }
    }

    /// Reads the rows of a range and deals with those that differ.
    async fn read(&self, of: Summed, state: &Mutex<State>) -> Result<(), WorkError> {
        let Summed { range, sum } = of;
        let none = RangeDigest::none(self.table.mapping());
        let mut pages = self.table.read_range(range);
        let mut chunk = Chunk::new(range.after, none.clone());
        let (mut whole, mut found) = (true, false);
        while let Some(page) = pages.next().await? {
            for Found { token, shown, row } in page {
                if chunk.len() >= ROWS && token != chunk.cuts.last {
                    let last = chunk.cuts.last;
                    found |= self.compare(chunk, last, state).await?.0;
                    chunk = Chunk::new(last, none.clone());
                    whole = false;
                } else if chunk.rows.len() >= WIDE {
                    found |= self.compare_some(&mut chunk, state).await?;
                }
                chunk.cuts.row(token);
                match row {
                    Ok((key, seen)) => {
                        let at = shadow_key(self.mapped.mirror, token, &key);
                        chunk.rows.insert(at, (key, token, seen));
                    }
                    Err(why) => self.board.refuse(&shown, why.to_string()),
                }
            }
        }
        let (differs, agreed) = self.compare(chunk, range.upto, state).await?;
        // nothing to be done about any row: what the database adds up here is what it is to be
        if whole && !found && !differs && sum.as_ref().is_some_and(|sum| *sum != agreed) {
            self.plan(|plan| plan.put(Part { range, sum }));
        }
        Ok(())
    }

    /// Compares the rows of a range, which ends there, with what was agreed on, also with what is not there: whether any differ, and
    /// the sums over what was agreed on.
    async fn compare(
        &self,
        mut chunk: Chunk,
        upto: i64,
        state: &Mutex<State>,
    ) -> Result<(bool, RangeDigest), WorkError> {
        let mut found = Differing { count: chunk.rows.len(), ..Differing::default() };
        if !chunk.compared.is_empty() {
            let places = self.by_key(&mut chunk, &mut found).await?;
            self.count(&mut chunk, &places).await?;
        }
        self.agreed_on(&mut chunk, upto, &mut found).await?;
        let parts = chunk.cuts.ranges(upto);
        let agreed = total(&parts, RangeDigest::none(self.table.mapping()));
        self.plan(|plan| plan.put_all(parts));
        Ok((self.deal_with(found, state).await?, agreed))
    }

    /// The same for rows of a token that has very many: what is not there is found at its end.
    async fn compare_some(&self, chunk: &mut Chunk, state: &Mutex<State>) -> Result<bool, WorkError> {
        let mut found = Differing { count: chunk.rows.len(), ..Differing::default() };
        let places = self.by_key(chunk, &mut found).await?;
        let any = self.deal_with(found, state).await?;
        // the sum of the range is put in its place at its end: until then it is of what is agreed on by now
        self.count(chunk, &places).await?;
        Ok(any)
    }

    async fn deal_with(&self, mut found: Differing, state: &Mutex<State>) -> Result<bool, WorkError> {
        let mut any = !found.keys.is_empty() || !found.gone.is_empty();
        {
            let mut state = lock(state);
            let room = GONE.saturating_sub(state.gone.len());
            state.report.more |= found.gone.len() > room;
            state.gone.extend(found.gone.into_iter().take(room));
        }
        let (first, again) = self.first_looks(found.fresh).await?;
        any |= first > 0 || !again.is_empty();
        found.keys.extend(again);
        let outcome = self.reconcile(found.keys).await?;
        let (done, of) = {
            let mut state = lock(state);
            state.round.differing += first + outcome.changed as u64 + outcome.left.len() as u64;
            state.report.left.extend(outcome.left);
            state.done += found.count as u64;
            (state.done, state.of.max(state.done))
        };
        let rows = self.plan(|plan| plan.rows());
        self.board.set(|status| {
            status.found += first + outcome.changed as u64;
            status.progress = Some(MirrorProgress { done, of });
            status.rows = rows;
        });
        Ok(any)
    }

    /// Holds all that was agreed on in a range against the rows that were read of it.
    async fn agreed_on(&self, chunk: &mut Chunk, upto: i64, found: &mut Differing) -> Result<(), WorkError> {
        let range = TokenRange { after: chunk.cuts.after, upto };
        let mut after: Option<String> = None;
        loop {
            let page = self.shadows(range, after.as_deref()).await?;
            for (at, shadow) in &page.rows {
                let Some((token, key)) = place(at) else { continue };
                let row = chunk.rows.remove(at);
                if row.is_none() && chunk.compared.contains(&xxh3_64(at.as_bytes())) {
                    continue;
                }
                if shadow.there {
                    chunk.cuts.of(token).add(self.table.mapping(), &shadow.row().cells);
                    self.remember(&key, shadow);
                }
                match row {
                    Some((key, _, seen)) if !shadow.is_of(Some(&seen)) => found.keys.push(key),
                    None if shadow.there && has_expired(shadow, self.desk.now()) => found.keys.push(key),
                    None if shadow.there && found.gone.len() <= GONE => {
                        found.gone.push((key, shadow.written()));
                    }
                    _ => {}
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        found.fresh.extend(std::mem::take(&mut chunk.rows).into_values());
        Ok(())
    }

    /// The same for some rows of a token that has very many; where their shadows are.
    async fn by_key(&self, chunk: &mut Chunk, found: &mut Differing) -> Result<Places, WorkError> {
        let mut all = Places::new();
        let mut places: BTreeMap<_, Vec<(String, ReadRow)>> = BTreeMap::new();
        for (at, row) in std::mem::take(&mut chunk.rows) {
            chunk.compared.insert(xxh3_64(at.as_bytes()));
            let partition = self.record(&row.0).partition(self.partitions);
            places.entry(partition).or_default().push((at, row));
        }
        for (partition, rows) in places {
            let keys: Vec<String> = rows.iter().map(|(at, _)| at.clone()).collect();
            let shadows = self.desk.engine().shadows_of(self.workspace(), partition, &keys).await?;
            for ((_, (key, token, seen)), shadow) in rows.into_iter().zip(shadows) {
                if shadow.there {
                    self.remember(&key, &shadow);
                }
                if shadow.version == 0 {
                    found.fresh.push((key, token, seen));
                } else if !shadow.is_of(Some(&seen)) {
                    found.keys.push(key);
                }
            }
            all.insert(partition, keys);
        }
        Ok(all)
    }

    /// Adds what is agreed on of these rows to the sums over their ranges.
    async fn count(&self, chunk: &mut Chunk, places: &Places) -> Result<(), WorkError> {
        for (partition, keys) in places {
            let shadows = self.desk.engine().shadows_of(self.workspace(), *partition, keys).await?;
            for (key, shadow) in keys.iter().zip(shadows.iter()).filter(|(_, shadow)| shadow.there) {
                let token = place(key).map_or(chunk.cuts.last, |(token, _)| token);
                chunk.cuts.of(token).add(self.table.mapping(), &shadow.row().cells);
            }
        }
        Ok(())
    }

    /// Has rows judged of which nothing was ever agreed on, as they were read: how many are agreed on now, and those with which
    /// more is to be done.
    async fn first_looks(&self, fresh: Vec<ReadRow>) -> Result<(u64, Vec<RecordKey>), WorkError> {
        let (mut found, mut again) = (0, Vec::new());
        for rows in fresh.chunks(ROWS) {
            let read_at = self.desk.now();
            let looks = rows.iter().map(|(key, token, seen)| Look {
                record: self.record(key),
                shadow_key: shadow_key(self.mapped.mirror, *token, key),
                since: 0,
                wrote: None,
                seen: Some(seen.clone()),
                read_at,
            });
            let engine = self.desk.engine();
            let looked =
                engine.look(self.workspace(), self.partitions, &self.mapped, looks.collect()).await?;
            for ((key, token, seen), looked) in rows.iter().zip(looked) {
                let shown = key.to_string();
                self.note(&shown, &looked, read_at);
                match looked.answer {
                    Answer::Agreed | Answer::Parked => {
                        found += 1;
                        self.board.park(&shown, looked.answer == Answer::Parked);
                        self.moved(*token, key, None, Some(seen));
                        self.board.accept(&shown);
                    }
                    Answer::Refused(reason) => self.board.refuse(&shown, reason.to_string()),
                    Answer::Write(_) | Answer::Again | Answer::Stopped(_) => again.push(key.clone()),
                }
            }
        }
        Ok((found, again))
    }

    fn record(&self, key: &RecordKey) -> RecordId {
        RecordId::new(self.collection().clone(), key.clone())
    }

    /// Deals with rows that are gone, unless there are so many that a person shall say whether that is what was meant.
    async fn gone(&self, state: &mut State) -> Result<(), WorkError> {
        let gone = std::mem::take(&mut state.gone);
        if gone.is_empty() {
            return Ok(());
        }
        let count = gone.len() as u64;
        if !self.loss_is_meant() && self.mapped.inward {
            // a table that was made anew looks the same, and says more of it
            self.unchanged().await?;
            let table = self.definition.table();
            let what = match self.emptied().await {
                Some(at) if gone.iter().any(|(_, written)| is_before(*written, at)) => {
                    format!("{table} was emptied by TRUNCATE: {count} of {} rows are gone", state.rows)
                }
                _ if gone.len() >= FEW && count * 2 > state.rows => {
                    format!("{count} of {} rows are gone from {table} at once", state.rows)
                }
                _ => String::new(),
            };
            if !what.is_empty() {
                return Err(WorkError::loss(&what));
            }
        }
        state.round.differing += count;
        let outcome = self.reconcile(gone.into_iter().map(|(key, _)| key).collect()).await?;
        self.board.set(|status| status.found += outcome.changed as u64);
        state.report.left.extend(outcome.left);
        Ok(())
    }
}

impl Chunk {
    fn new(after: i64, none: RangeDigest) -> Self {
        Self { rows: BTreeMap::new(), compared: BTreeSet::new(), cuts: Cuts::new(after, none) }
    }

    fn len(&self) -> usize {
        self.rows.len() + self.compared.len()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether all of a row's values have gone by themselves.
fn has_expired(shadow: &Shadow, now: Timestamp) -> bool {
    let mut cells = shadow.held().peekable();
    cells.peek().is_some() && cells.all(|(_, cell)| cell.expires.is_some_and(|at| at <= now))
}

/// The token and the record key that a shadow's key tells.
pub(super) fn place(key: &str) -> Option<(i64, RecordKey)> {
    let mut parts = key.splitn(3, '\t');
    let (_, token, record) = (parts.next()?, parts.next()?, parts.next()?);
    let token = u64::from_str_radix(token, 16).ok()?.cast_signed() ^ i64::MIN;
    Some((token, RecordKey::from_text(record)?))
}
