//! Rounds over the table: which ranges are another than was agreed on, and which of their rows.
//!
//! A round never decides: it finds rows that differ, and each of those is read again and judged ([`Link::reconcile`]). Only rows
//! of which nothing was ever agreed on are judged as they were read.

use futures::stream::{self, StreamExt};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use sync_protocol::mirror::{MirrorProgress, MirrorRound};
use sync_protocol::{Partition, RecordId, RecordKey, Timestamp};
use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_64;

use super::error::WorkError;
use super::link::{Link, held};
use super::plan::Part;
use crate::mirror::cql::TableError;
use crate::mirror::cql::ranges::{Found, RangeDigest, TokenRange};
use crate::mirror::look::{Answer, Look, shadow_key};
use crate::mirror::row::{SeenRow, Shadow, WriteTime};

/// Rows of one range: a digest of it takes some ten milliseconds, its rows some MiB.
pub const ROWS: usize = 5_000;
/// Rows of one token that are compared at a time: a wide partition has no end that could be waited for.
const WIDE: usize = 20_000;
/// Ranges of a table of which nothing is known.
const FIRST_RANGES: usize = 64;
/// Ranges that are added up at once.
const SUMS: usize = 3;
/// How often a range is halved that the database does not add up.
const HALVED: u32 = 12;
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
}

#[derive(Default)]
struct State {
    round: MirrorRound,
    done: u64,
    of: u64,
    /// Rows that were agreed on when it began.
    rows: u64,
    /// Rows that are not there any more, with the latest time of their cells.
    gone: Vec<(RecordKey, WriteTime)>,
    report: Report,
}

/// Rows of a range as far as they were read.
struct Chunk {
    range: TokenRange,
    rows: BTreeMap<String, ReadRow>,
    /// Of a token with very many rows: those that were compared already.
    compared: BTreeSet<u64>,
    sum: RangeDigest,
}

impl Link {
    /// Goes over the table.
    ///
    /// # Errors
    /// Where nothing goes on for the moment, or without a person. What was found so far was dealt with.
    pub async fn round(&self, reads: Reads) -> Result<Report, WorkError> {
        self.unchanged().await?;
        let started = Instant::now();
        if self.plan(|plan| plan.is_empty()) {
            self.first_plan().await?;
        }
        let (parts, rows) = self.plan(|plan| {
            plan.join_small(ROWS / 2);
            (plan.parts(), plan.rows())
        });
        let mut state = State { rows, ..State::default() };
        let sums = stream::iter(parts).map(|part| async move {
            let sum = self.sum(part.range, HALVED).await;
            (part, sum)
        });
        let mut differing = Vec::new();
        {
            let mut sums = std::pin::pin!(sums.buffered(SUMS));
            while let Some((part, sums)) = sums.next().await {
                for (range, sum) in sums? {
                    state.round.ranges += 1;
                    let agreed = part.sum.as_ref().filter(|_| range == part.range);
                    if reads == Reads::All || sum.is_none() || sum.as_ref() != agreed {
                        let rows = sum.as_ref().map_or(0, |sum| u64::try_from(sum.rows).unwrap_or(0));
                        state.of += rows;
                        differing.push((range, sum));
                    }
                }
            }
        }
        for (range, sum) in differing {
            state.round.read += 1;
            self.read(range, sum, &mut state).await?;
        }
        self.gone(&mut state).await?;
        let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let rows = self.plan(|plan| plan.rows());
        self.board.set(|status| {
            status.last_round = Some(MirrorRound { at: self.desk.now(), took_ms, ..state.round });
            status.progress = None;
            status.rows = rows;
        });
        Ok(state.report)
    }

    /// The ranges by what was agreed on: nothing of the table is read for that.
    async fn first_plan(&self) -> Result<(), WorkError> {
        let mapping = self.table.mapping();
        let mut parts = Vec::new();
        let (mut from, mut last, mut sum) = (i64::MIN, i64::MIN, RangeDigest::none(mapping));
        let mut after: Option<String> = None;
        loop {
            let page = self.shadows(TokenRange::RING, after.as_deref()).await?;
            for (key, shadow) in &page.rows {
                let Some((token, record)) = place(key) else { continue };
                if sum.rows as usize >= ROWS && token != last {
                    let range = TokenRange { after: from, upto: last };
                    parts.push(Part {
                        range,
                        sum: Some(std::mem::replace(&mut sum, RangeDigest::none(mapping))),
                    });
                    from = last;
                }
                last = token;
                if shadow.there {
                    sum.add(mapping, &held(shadow));
                    self.remember(&record, shadow);
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let rest = TokenRange { after: from, upto: i64::MAX };
        if parts.is_empty() && sum.rows == 0 {
            let parts = rest.split(FIRST_RANGES).into_iter();
            let parts = parts.map(|range| Part { range, sum: Some(RangeDigest::none(mapping)) }).collect();
            self.plan(|plan| plan.set(parts));
            return Ok(());
        }
        parts.push(Part { range: rest, sum: Some(sum) });
        self.plan(|plan| plan.set(parts));
        Ok(())
    }

    async fn shadows(
        &self,
        range: TokenRange,
        after: Option<&str>,
    ) -> Result<crate::partition::Page<(String, Shadow)>, WorkError> {
        let tokens = (range.after.saturating_add(1), range.upto);
        let engine = self.desk.engine();
        Ok(engine.shadows(self.workspace(), self.partitions, self.mapped.mirror, tokens, after).await?)
    }

    fn remember(&self, key: &RecordKey, shadow: &Shadow) {
        if let Some(at) = shadow.held().filter_map(|(_, cell)| cell.expires).min() {
            self.calendar(|calendar| calendar.note(at, key));
        }
    }

    /// The sums over a range, or over its halves where the database does not manage it; `None` where it does not for the smallest.
    async fn sum(
        &self,
        range: TokenRange,
        halved: u32,
    ) -> Result<Vec<(TokenRange, Option<RangeDigest>)>, WorkError> {
        match self.table.digest(range).await {
            Ok(sum) => Ok(vec![(range, Some(sum))]),
            Err(TableError::Smaller(_) | TableError::Later(_)) if halved > 0 && range.split(2).len() == 2 => {
                // where the database is away altogether, this says so
                self.table.digest(TokenRange { after: i64::MAX - 1, upto: i64::MAX }).await?;
                let mut all = Vec::new();
                for half in range.split(2) {
                    all.extend(Box::pin(self.sum(half, halved - 1)).await?);
                }
                Ok(all)
            }
            Err(TableError::Smaller(_)) => Ok(vec![(range, None)]),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the rows of a range and deals with those that differ.
    async fn read(
        &self,
        range: TokenRange,
        sum: Option<RangeDigest>,
        state: &mut State,
    ) -> Result<(), WorkError> {
        let before = (state.round.differing, state.gone.len());
        let mut pages = self.table.read_range(range);
        let mut chunk = self.chunk(range.after);
        let mut last = range.after;
        let mut whole = true;
        while let Some(found) = pages.next().await? {
            for Found { token, shown, row } in found {
                if chunk.len() >= ROWS && token != last {
                    chunk.range.upto = last;
                    self.compare(chunk, true, state).await?;
                    chunk = self.chunk(last);
                    whole = false;
                } else if chunk.rows.len() >= WIDE {
                    chunk.range.upto = last;
                    chunk = self.compare(chunk, false, state).await?;
                }
                last = token;
                match row {
                    Ok((key, seen)) => {
                        let at = shadow_key(self.mapped.mirror, token, &key);
                        chunk.rows.insert(at, (key, token, seen));
                    }
                    Err(why) => self.board.refuse(&shown, why.to_string()),
                }
            }
        }
        chunk.range.upto = range.upto;
        self.compare(chunk, true, state).await?;
        // nothing to be done about any row: what the database adds up here is what it is to be
        if whole && before == (state.round.differing, state.gone.len()) && sum.is_some() {
            self.plan(|plan| plan.put(Part { range, sum }));
        }
        Ok(())
    }

    fn chunk(&self, after: i64) -> Chunk {
        Chunk {
            range: TokenRange { after, upto: after },
            rows: BTreeMap::new(),
            compared: BTreeSet::new(),
            sum: RangeDigest::none(self.table.mapping()),
        }
    }

    /// Compares rows with what was agreed on. At the end of a range also what was agreed on and is not there.
    async fn compare(&self, mut chunk: Chunk, ends: bool, state: &mut State) -> Result<Chunk, WorkError> {
        let mut differing: Vec<RecordKey> = Vec::new();
        let mut fresh: Vec<ReadRow> = Vec::new();
        let rows = std::mem::take(&mut chunk.rows);
        let count = rows.len() as u64;
        let wide = !ends || !chunk.compared.is_empty();
        let mut places = Places::new();
        if wide {
            places = self.by_key(&mut chunk, rows, &mut differing, &mut fresh).await?;
            if ends {
                self.count(&mut chunk, &places).await?;
                self.agreed_on(&mut chunk, BTreeMap::new(), &mut differing, &mut fresh, state).await?;
            }
        } else {
            self.agreed_on(&mut chunk, rows, &mut differing, &mut fresh, state).await?;
        }
        if ends {
            let sum = Some(std::mem::replace(&mut chunk.sum, RangeDigest::none(self.table.mapping())));
            self.plan(|plan| plan.put(Part { range: chunk.range, sum }));
        }
        differing.extend(self.first_looks(fresh, state).await?);
        let outcome = self.reconcile(differing).await?;
        if !ends {
            // the sum of the range is put in its place at its end: until then it is of what is agreed on by now
            self.count(&mut chunk, &places).await?;
        }
        state.round.differing += outcome.changed as u64 + outcome.left.len() as u64;
        self.board.set(|status| status.found += outcome.changed as u64);
        state.report.left.extend(outcome.left);
        state.done += count;
        let (done, of) = (state.done, state.of.max(state.done));
        let rows = self.plan(|plan| plan.rows());
        self.board.set(|status| {
            status.progress = Some(MirrorProgress { done, of });
            status.rows = rows;
        });
        Ok(chunk)
    }

    /// Holds all that was agreed on in a range against rows that were read of it.
    async fn agreed_on(
        &self,
        chunk: &mut Chunk,
        mut rows: BTreeMap<String, ReadRow>,
        differing: &mut Vec<RecordKey>,
        fresh: &mut Vec<ReadRow>,
        state: &mut State,
    ) -> Result<(), WorkError> {
        let mut after: Option<String> = None;
        loop {
            let page = self.shadows(chunk.range, after.as_deref()).await?;
            for (at, shadow) in &page.rows {
                let Some((_, key)) = place(at) else { continue };
                let row = rows.remove(at);
                if row.is_none() && chunk.compared.contains(&xxh3_64(at.as_bytes())) {
                    continue;
                }
                if shadow.there {
                    chunk.sum.add(self.table.mapping(), &held(shadow));
                    self.remember(&key, shadow);
                }
                match row {
                    Some((key, _, seen)) if !shadow.is_of(Some(&seen)) => differing.push(key),
                    None if shadow.there && has_expired(shadow, self.desk.now()) => differing.push(key),
                    None if shadow.there && state.gone.len() < GONE => {
                        let written = shadow.held().map(|(_, cell)| cell.written).max();
                        state.gone.push((key, written.unwrap_or(WriteTime::MIN)));
                    }
                    None if shadow.there => state.report.more = true,
                    _ => {}
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        fresh.extend(rows.into_values());
        Ok(())
    }

    /// The same for some rows of a token that has very many; where their shadows are.
    async fn by_key(
        &self,
        chunk: &mut Chunk,
        rows: BTreeMap<String, ReadRow>,
        differing: &mut Vec<RecordKey>,
        fresh: &mut Vec<ReadRow>,
    ) -> Result<Places, WorkError> {
        let mut all = Places::new();
        let mut places: BTreeMap<_, Vec<(String, ReadRow)>> = BTreeMap::new();
        for (at, row) in rows {
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
                    fresh.push((key, token, seen));
                } else if !shadow.is_of(Some(&seen)) {
                    differing.push(key);
                }
            }
            all.insert(partition, keys);
        }
        Ok(all)
    }

    /// Adds what is agreed on of these rows to the sum of their range.
    async fn count(&self, chunk: &mut Chunk, places: &Places) -> Result<(), WorkError> {
        for (partition, keys) in places {
            let shadows = self.desk.engine().shadows_of(self.workspace(), *partition, keys).await?;
            for shadow in shadows.iter().filter(|shadow| shadow.there) {
                chunk.sum.add(self.table.mapping(), &held(shadow));
            }
        }
        Ok(())
    }

    /// Has rows judged of which nothing was ever agreed on, as they were read; those with which more is to be done.
    async fn first_looks(&self, fresh: Vec<ReadRow>, state: &mut State) -> Result<Vec<RecordKey>, WorkError> {
        let mut again = Vec::new();
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
            let mut found = 0;
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
            state.round.differing += found;
            self.board.set(|status| status.found += found);
        }
        Ok(again)
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
        let meant = self.definition.loss_meant_until.is_some_and(|until| self.desk.now() < until);
        if !meant && self.mapped.inward {
            // a table that was made anew looks the same, and says more of it
            self.unchanged().await?;
            let table = self.definition.table();
            let what = match self.emptied().await {
                Some(at) if gone.iter().any(|(_, written)| written.div_euclid(1_000) < at.0) => {
                    format!("{table} was emptied by TRUNCATE: {count} of {} rows are gone", state.rows)
                }
                _ if gone.len() >= FEW && count * 2 > state.rows => {
                    format!("{count} of {} rows are gone from {table} at once", state.rows)
                }
                _ => String::new(),
            };
            if !what.is_empty() {
                return Err(WorkError::Loss(format!(
                    "{what}. Nothing was deleted here. If that is what was meant, say so as you resume the mirror (--accept-loss): their records are deleted, too. If not, put the rows back and resume it"
                )));
            }
        }
        state.round.differing += count;
        let outcome = self.reconcile(gone.into_iter().map(|(key, _)| key).collect()).await?;
        self.board.set(|status| status.found += outcome.changed as u64);
        state.report.left.extend(outcome.left);
        Ok(())
    }

    /// When the table was emptied, if that was since the mirror was made.
    async fn emptied(&self) -> Option<Timestamp> {
        let at = self.table.write_counts().await.truncated();
        at.filter(|at| *at > self.definition.made_at)
    }
}

impl Chunk {
    fn len(&self) -> usize {
        self.rows.len() + self.compared.len()
    }
}

/// Whether all of a row's values have gone by themselves.
fn has_expired(shadow: &Shadow, now: Timestamp) -> bool {
    let mut cells = shadow.held().peekable();
    cells.peek().is_some() && cells.all(|(_, cell)| cell.expires.is_some_and(|at| at <= now))
}

/// The token and the record key that a shadow's key tells.
fn place(key: &str) -> Option<(i64, RecordKey)> {
    let mut parts = key.splitn(3, '\t');
    let (_, token, record) = (parts.next()?, parts.next()?, parts.next()?);
    let token = u64::from_str_radix(token, 16).ok()?.cast_signed() ^ i64::MIN;
    Some((token, RecordKey::from_text(record)?))
}

/// The shortest pause after a round: they never take more than a third of the time.
pub fn rest(took: Duration) -> Duration {
    took * 2
}
