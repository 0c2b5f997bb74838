//! The order of the rows that match, kept as rows come, change and go: each costs finding its place.

use sync_protocol::schema::Collection;
use sync_protocol::{Fields, RecordKey};

use super::compare::{Comparison, Placed, is_plain, sorted};
use super::table::Seen;
use super::wanted::Wanted;
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
}

impl<'a> Ground<'a> {
    /// A row's values, if it is there and matches: then it has a place.
    pub(super) fn matching(&self, key: &RecordKey) -> Option<&'a Fields> {
        self.rows.get(key).filter(|fields| self.wanted.takes(self.definition, key, fields))
    }

    fn placed<'r>(&self, key: &'r RecordKey) -> Placed<'r> {
        let values = self.rows.get(key).map(|fields| self.wanted.values(fields));
        Placed { values: values.unwrap_or_default(), key, key_place: None }
    }
}

/// The keys of the rows that match, in order, in blocks.
#[derive(Debug)]
pub(super) struct Order {
    blocks: Vec<Vec<RecordKey>>,
    len: usize,
    /// How many keys are not plain: where there are some, all keys are compared in another way.
    odd: usize,
}

impl Order {
    /// Puts what matches in order.
    pub(super) fn of(on: Ground<'_>) -> Self {
        let found = on.rows.iter().inspect(|_| step());
        let found = found.filter(|(key, fields)| on.wanted.takes(on.definition, key, fields));
        let keys = sorted(on.wanted, on.collation, found);
        let odd = keys.iter().filter(|key| !is_plain(key)).count();
        // half full: what comes finds room
        let blocks = keys.chunks(BLOCK / 2).map(|part| part.iter().map(|key| (*key).clone()).collect());
        Self { blocks: blocks.collect(), len: keys.len(), odd }
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

    /// With a row as it is now, which matches. `None` where all have to be put in order anew.
    pub(super) fn with(mut self, on: Ground<'_>, key: &RecordKey) -> Option<Self> {
        if !is_plain(key) {
            self.odd += 1;
            if self.odd == 1 {
                return None;
            }
        }
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
        Some(self)
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
        if !is_plain(key) {
            self.odd -= 1;
            if self.odd == 0 {
                return None;
            }
        }
        Some(self)
    }

    /// Where a row is, or would be: the block and the place in it.
    fn place(&self, on: Ground<'_>, key: &RecordKey) -> (usize, usize) {
        let by = Comparison { wanted: on.wanted, collation: on.collation, plain: self.odd == 0 };
        let row = on.placed(key);
        let is_before = |other: &RecordKey| by.rows(&on.placed(other), &row).is_lt();
        let block = self.blocks.partition_point(|keys| keys.last().is_some_and(is_before));
        let at = self.blocks.get(block).map_or(0, |keys| keys.partition_point(is_before));
        (block, at)
    }
}
