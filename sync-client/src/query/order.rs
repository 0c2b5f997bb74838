//! The order of a collection's rows for the last question, kept as rows come, change and go: each costs finding its place.

use std::cmp::Ordering;

use sync_protocol::schema::Collection;
use sync_protocol::{FieldName, FieldType, Fields, RecordKey};

use super::compare::{Comparison, SortValue, Texts, is_plain, sorted};
use super::search::matches;
use super::table::Seen;
use crate::steps::step;
use crate::text::Collation;

/// Most keys in one block: a key that comes or goes moves those behind it, and no more.
const BLOCK: usize = 512;

/// What is asked for, beside the page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Folded.
    pub(super) words: Vec<String>,
    pub(super) sort: Option<FieldName>,
    pub(super) descending: bool,
}

impl Wanted {
    /// What a row is sorted by.
    pub(super) fn value(&self, definition: &Collection, fields: &Fields) -> Option<SortValue> {
        let name = self.sort.as_ref()?;
        let field_type = definition.fields.get(name).map_or(FieldType::Text, |f| f.field_type);
        Some(SortValue::of(field_type, fields.get(name)?))
    }
}

/// The keys of the rows that match, smallest first, in blocks. Who wants them the other way reads from the end.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) wanted: Wanted,
    blocks: Vec<Vec<RecordKey>>,
    len: usize,
    /// How many keys are not plain: where there are some, all keys are compared in another way.
    odd: usize,
}

impl Order {
    /// Puts what matches in order.
    pub(super) fn of(wanted: Wanted, definition: &Collection, collation: &Collation, seen: &Seen) -> Self {
        let found = seen.iter().inspect(|_| step());
        let found = found.filter(|(key, fields)| matches(definition, &wanted.words, key, fields));
        let rows = sorted(definition, collation, &wanted, found);
        let odd = rows.iter().filter(|(key, _)| !is_plain(key)).count();
        // half full: what comes finds room
        let blocks = rows.chunks(BLOCK / 2).map(|part| part.iter().map(|(key, _)| (*key).clone()).collect());
        Self { blocks: blocks.collect(), len: rows.len(), odd, wanted }
    }

    /// How many rows match.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The keys of a page.
    pub(super) fn page(&self, offset: usize, limit: usize) -> Vec<&RecordKey> {
        let offset = offset.min(self.len);
        let count = limit.min(self.len - offset);
        if !self.wanted.descending {
            return self.from(offset, count);
        }
        let mut keys = self.from(self.len - offset - count, count);
        keys.reverse();
        keys
    }

    fn from(&self, mut offset: usize, count: usize) -> Vec<&RecordKey> {
        let mut blocks = self.blocks.iter();
        while let Some(block) = blocks.as_slice().first().filter(|block| offset >= block.len()) {
            offset -= block.len();
            blocks.next();
        }
        blocks.flatten().skip(offset).take(count).inspect(|_| step()).collect()
    }

    /// With a row as it is seen now, if it matches. `None` where all have to be put in order anew.
    pub(super) fn with(
        mut self,
        definition: &Collection,
        collation: &Collation,
        seen: &Seen,
        key: &RecordKey,
    ) -> Option<Self> {
        let Some(fields) = self.matching(definition, seen, key) else { return Some(self) };
        if !is_plain(key) {
            self.odd += 1;
            if self.odd == 1 {
                return None;
            }
        }
        let (mut block, mut at) = self.place(definition, collation, seen, (key, fields));
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

    /// Without a row, which is still seen as it was. `None` where all have to be put in order anew.
    pub(super) fn without(
        mut self,
        definition: &Collection,
        collation: &Collation,
        seen: &Seen,
        key: &RecordKey,
    ) -> Option<Self> {
        let Some(fields) = self.matching(definition, seen, key) else { return Some(self) };
        let (block, at) = self.place(definition, collation, seen, (key, fields));
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

    /// A row's values, if it is seen and matches: then it has a place.
    fn matching<'s>(&self, definition: &Collection, seen: &'s Seen, key: &RecordKey) -> Option<&'s Fields> {
        seen.get(key).filter(|fields| matches(definition, &self.wanted.words, key, fields))
    }

    /// Where a row is, or would be: the block and the place in it.
    fn place(
        &self,
        definition: &Collection,
        collation: &Collation,
        seen: &Seen,
        (key, fields): (&RecordKey, &Fields),
    ) -> (usize, usize) {
        let by = Comparison {
            texts: Texts::Collation(collation),
            plain: self.odd == 0,
            descending: self.wanted.descending,
        };
        let value = self.wanted.value(definition, fields);
        let is_before = |other: &RecordKey| {
            let theirs = seen.get(other).and_then(|fields| self.wanted.value(definition, fields));
            by.rows((theirs.as_ref(), other), (value.as_ref(), key)) == Ordering::Less
        };
        let block = self.blocks.partition_point(|keys| keys.last().is_some_and(is_before));
        let at = self.blocks.get(block).map_or(0, |keys| keys.partition_point(is_before));
        (block, at)
    }
}
