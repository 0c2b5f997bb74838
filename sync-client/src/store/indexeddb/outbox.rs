//! Which changes are in which row of the outbox, and which of them are settled.
//!
//! A row holds a run of changes with consecutive counters. Settling some of them writes a few bytes (one bit per
//! change) beside the row; settling the last one deletes both.

use std::collections::{BTreeMap, BTreeSet};
use sync_protocol::{Change, Counter};

/// Most changes in one row.
const ROW_CHANGES: usize = 256;
/// Bytes at which a row ends.
const ROW_BYTES: usize = 1 << 20;

/// The rows by the counter of their first change.
#[derive(Default)]
pub(super) struct Outbox(BTreeMap<u64, Row>);

struct Row {
    count: u64,
    left: u64,
    settled: Vec<u8>,
}

/// What becomes of a row of which changes were settled.
pub(super) enum Settled {
    /// Some changes are left: the bits to store.
    Some(Vec<u8>),
    /// None is left: the row goes.
    All,
}

impl Outbox {
    /// Takes note of a row that was stored before. Returns those of its changes that are not settled.
    pub(super) fn restore(&mut self, changes: Vec<Change>, bits: Option<Vec<u8>>) -> Vec<Change> {
        let Some(first) = changes.first().map(|change| change.id.counter.0) else { return changes };
        let mut row = Row::new(changes.len() as u64);
        if let Some(bits) = bits {
            row.settled = bits;
            row.settled.resize(changes.len().div_ceil(8), 0);
        }
        let open = |index: usize| row.settled[index / 8] & (1 << (index % 8)) == 0;
        let left: Vec<Change> =
            changes.into_iter().enumerate().filter(|(index, _)| open(*index)).map(|(_, c)| c).collect();
        row.left = left.len() as u64;
        self.0.insert(first, row);
        left
    }

    /// New rows, as JSON lists, by the counter of their first change.
    pub(super) fn add(&mut self, changes: &[Change]) -> Vec<(u64, Vec<u8>)> {
        let mut rows: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut next = None;
        for change in changes {
            let counter = change.id.counter.0;
            match rows.last_mut() {
                Some((first, text))
                    if next == Some(counter)
                        && text.len() < ROW_BYTES
                        && self.0.get(first).is_some_and(|row| row.count < ROW_CHANGES as u64) =>
                {
                    text.push(b',');
                    write_json(text, change);
                    if let Some(row) = self.0.get_mut(first) {
                        row.count += 1;
                    }
                }
                _ => {
                    let mut text =
                        Vec::with_capacity(if changes.len() > 1 { ROW_CHANGES * 512 } else { 1_024 });
                    text.push(b'[');
                    write_json(&mut text, change);
                    self.0.insert(counter, Row::new(1));
                    rows.push((counter, text));
                }
            }
            next = Some(counter + 1);
        }
        for (first, text) in &mut rows {
            text.push(b']');
            if let Some(row) = self.0.get_mut(first) {
                *row = Row::new(row.count);
            }
        }
        rows
    }

    /// Marks changes as settled. Returns what becomes of the rows that held them, by the counter of their first change.
    pub(super) fn settle(&mut self, counters: &[Counter]) -> Vec<(u64, Settled)> {
        let mut touched = BTreeSet::new();
        for counter in counters {
            let Some((first, row)) = self.0.range_mut(..=counter.0).next_back() else { continue };
            let index = counter.0 - first;
            if index < row.count && row.mark(index as usize) {
                touched.insert(*first);
            }
        }
        let mut became = Vec::new();
        for first in touched {
            match self.0.get(&first) {
                Some(row) if row.left > 0 => became.push((first, Settled::Some(row.settled.clone()))),
                _ => {
                    self.0.remove(&first);
                    became.push((first, Settled::All));
                }
            }
        }
        became
    }

    /// The highest counter of a change in a row.
    pub(super) fn last(&self) -> Counter {
        self.0.last_key_value().map_or(Counter(0), |(first, row)| Counter(first + row.count - 1))
    }
}

impl Row {
    fn new(count: u64) -> Self {
        Self { count, left: count, settled: vec![0; count.div_ceil(8) as usize] }
    }

    /// Marks one change; false if it was marked before.
    fn mark(&mut self, index: usize) -> bool {
        let (byte, bit) = (&mut self.settled[index / 8], 1 << (index % 8));
        let new = *byte & bit == 0;
        *byte |= bit;
        self.left -= u64::from(new);
        new
    }
}

fn write_json(text: &mut Vec<u8>, change: &Change) {
    serde_json::to_writer(text, change).expect("changes are JSON, and memory takes all of it");
}
