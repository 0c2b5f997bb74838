//! The order of the rows that match, kept as rows come, change and go: each costs finding its place.

use std::borrow::Cow;

use sync_protocol::schema::Collection;
use sync_protocol::{Fields, RecordKey};

use super::columns::Columns;
use super::compare::{Comparison, Placed, compare_keys};
use super::ranks::{NONE, Row, ranks, sort_numbered};
use super::seen::Seen;
use super::wanted::{Typed, Wanted};
use crate::steps::step;
use crate::text::Collation;

/// Most keys in one block: a key that comes or goes moves those behind it, and no more.
const BLOCK: usize = 512;

/// What rows are found and compared by.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) definition: &'a Collection,
    pub(super) collation: &'a Collation,
    pub(super) wanted: &'a Wanted,
    /// The rows, of which some match.
    pub(super) rows: &'a Seen,
    /// The columns of these rows, where they have some.
    pub(super) columns: Option<&'a Columns>,
}

impl<'a> Ground<'a> {
    /// A row's values, if it is there and matches: then it has a place.
    pub(super) fn matching(&self, key: &RecordKey) -> Option<&'a Fields> {
        self.rows.get(key).filter(|fields| self.wanted.takes(self.definition, key, fields))
    }

    fn placed<'r>(&self, key: &'r RecordKey) -> Placed<'r> {
        let values = self.rows.get(key).map(|fields| self.wanted.values(fields));
        Placed { values: values.unwrap_or_default(), key }
    }
}

/// The keys of the rows that match, in order, in blocks.
#[derive(Debug, Default)]
pub(super) struct Order {
    blocks: Vec<Vec<RecordKey>>,
    len: usize,
}

impl Order {
    /// Puts what matches in order.
    pub(super) fn of(on: Ground<'_>) -> Self {
        let rows = on.rows.numbered().inspect(|_| step());
        let found = rows.filter(|(key, fields, _)| on.wanted.takes(on.definition, key, fields));
        let (keys, late) = sorted(on.wanted, on.collation, on.rows.is_plain(), on.columns, found);
        // half full: what comes finds room
        let blocks = keys.chunks(BLOCK / 2).map(|part| part.iter().map(|key| (*key).clone()).collect());
        let order = Self { blocks: blocks.collect(), len: keys.len() };
        late.into_iter().fold(order, |order, key| order.with(on, key))
    }

    /// How many rows match.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The keys from there on.
    pub(super) fn from(&self, mut offset: usize) -> impl Iterator<Item = &RecordKey> {
        let mut blocks = self.blocks.iter();
        while let Some(block) = blocks.as_slice().first().filter(|block| offset >= block.len()) {
            offset -= block.len();
            blocks.next();
        }
        blocks.flatten().skip(offset).inspect(|_| step())
    }

    /// The key of one row. Costs the blocks before it.
    pub(super) fn at(&self, place: usize) -> Option<&RecordKey> {
        self.from(place).next()
    }

    /// With a row as it is now, which matches.
    pub(super) fn with(mut self, on: Ground<'_>, key: &RecordKey) -> Self {
        let (mut block, mut at) = self.place(on, key);
        if block == self.blocks.len() {
            // behind all others
            match self.blocks.last() {
                Some(last) => (block, at) = (block - 1, last.len()),
                None => self.blocks.push(Vec::new()),
            }
        }
        let keys = &mut self.blocks[block];
        keys.insert(at, key.clone());
        if keys.len() > BLOCK {
            let rest = keys.split_off(BLOCK / 2);
            self.blocks.insert(block + 1, rest);
        }
        self.len += 1;
        self
    }

    /// Without a row that matches and is still as it was. `None` where all have to be put in order anew.
    pub(super) fn without(mut self, on: Ground<'_>, key: &RecordKey) -> Option<Self> {
        let (block, at) = self.place(on, key);
        let keys = self.blocks.get_mut(block)?;
        if keys.get(at) != Some(key) {
            return None;
        }
        keys.remove(at);
        if keys.is_empty() {
            self.blocks.remove(block);
        }
        self.len -= 1;
        Some(self)
    }

    /// The place of a row that matches, among all of them. Costs finding it, and the blocks before it.
    pub(super) fn find(&self, on: Ground<'_>, key: &RecordKey) -> Option<usize> {
        let (block, at) = self.place(on, key);
        let is_there = self.blocks.get(block)?.get(at) == Some(key);
        is_there.then(|| self.blocks[..block].iter().map(Vec::len).sum::<usize>() + at)
    }

    /// Where a row is, or would be: the block and the place in it.
    fn place(&self, on: Ground<'_>, key: &RecordKey) -> (usize, usize) {
        let by = Comparison { wanted: on.wanted, collation: on.collation, plain: on.rows.is_plain() };
        let row = on.placed(key);
        let is_before = |other: &RecordKey| by.rows(&on.placed(other), &row).is_lt();
        let block = self.blocks.partition_point(|keys| keys.last().is_some_and(is_before));
        let at = self.blocks.get(block).map_or(0, |keys| keys.partition_point(is_before));
        (block, at)
    }
}

/// Rows in order by the ranks of their values, and those that no column knows yet in none.
pub(super) fn sorted<'a>(
    wanted: &Wanted,
    collation: &Collation,
    plain: bool,
    columns: Option<&Columns>,
    rows: impl Iterator<Item = (&'a RecordKey, &'a Fields, u32)>,
) -> (Vec<&'a RecordKey>, Vec<&'a RecordKey>) {
    let mut by: Vec<(Option<&Typed>, bool)> =
        wanted.sort.iter().map(|by| (by.field.as_ref(), by.descending)).collect();
    by.push((None, wanted.keys_descend()));
    // no two rows have one key: what is behind it never counts
    by.truncate(1 + by.iter().take_while(|(field, _)| field.is_some()).count());
    // where hardly two are alike, keys have no ranks: they are compared themselves
    let keys_descend = by.last().is_some_and(|(_, descending)| *descending);
    let by_keys = by.len() > 1 && columns.is_some_and(|columns| columns.tells_apart(wanted));
    if by_keys {
        by.pop();
    }
    let kept: Vec<Option<&[u32]>> = by.iter().map(|(field, _)| columns?.ranks(*field)).collect();
    let known = kept.iter().flatten().map(|ranks| ranks.len()).min().unwrap_or(usize::MAX);
    let (mut found, mut numbers, mut late) = (Vec::<Row<'_>>::new(), Vec::new(), Vec::new());
    for (key, fields, number) in rows {
        if (number as usize) < known {
            found.push((key, fields));
            numbers.push(number);
        } else {
            late.push(key);
        }
    }
    let ranked: Vec<Cow<'_, [u32]>> = by
        .iter()
        .zip(kept)
        .map(|((field, _), kept)| match kept {
            Some(ranks) => Cow::Borrowed(ranks),
            None => {
                // of these rows only: they are numbered as they come
                Cow::Owned(ranks(*field, plain, collation, &found))
            }
        })
        .collect();
    let rank = |by_at: usize, row: u32| {
        let Some(((_, descending), ranks)) = by.get(by_at).zip(ranked.get(by_at)) else { return 0 };
        let at = if matches!(ranks, Cow::Owned(_)) { row } else { numbers[row as usize] };
        match ranks[at as usize] {
            rank if *descending && rank != NONE => NONE - 1 - rank,
            rank => rank,
        }
    };
    let both = |row| u64::from(rank(0, row)) << 32 | u64::from(rank(1, row));
    let mut list: Vec<(u64, u32)> = (0..found.len() as u32).map(|row| (both(row), row)).collect();
    sort_numbered(&mut list, &|a, b| {
        let orders = (2..by.len()).map(|at| rank(at, a).cmp(&rank(at, b)));
        orders.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| {
            if !by_keys {
                return std::cmp::Ordering::Equal;
            }
            let (a, b) = (found[a as usize].0, found[b as usize].0);
            let order = compare_keys(plain, &|a, b| collation.compare(a, b), a, b);
            if keys_descend { order.reverse() } else { order }
        })
    });
    (list.into_iter().map(|(_, row)| found[row as usize].0).collect(), late)
}
