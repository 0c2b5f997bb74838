//! The rows that a person sees of a collection. Each version of a row has a number of its own, by which columns find it.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

use sync_protocol::{Fields, RecordKey};

use super::compare::is_plain;

/// Numbers that may be in use for nothing beside those of rows, however few these are.
const SPARE: usize = 4_096;

/// Rows by key.
#[derive(Debug, Default)]
pub(super) struct Seen {
    rows: BTreeMap<RecordKey, Version>,
    /// The number of the next version.
    next: u32,
    /// How many keys are not plain: where there are some, all keys are compared in another way.
    odd: usize,
}

#[derive(Debug)]
struct Version {
    fields: Fields,
    number: u32,
}

impl Seen {
    pub(super) fn get(&self, key: &RecordKey) -> Option<&Fields> {
        self.rows.get(key).map(|row| &row.fields)
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// In an order that no person knows.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&RecordKey, &Fields)> {
        self.rows.iter().map(|(key, row)| (key, &row.fields))
    }

    /// The same with the numbers of these versions.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (&RecordKey, &Fields, u32)> {
        self.rows.iter().map(|(key, row)| (key, &row.fields, row.number))
    }

    /// Those behind a key, or all.
    pub(super) fn behind(&self, after: Option<RecordKey>) -> impl Iterator<Item = (&RecordKey, &Fields)> {
        let rows = self.rows.range((after.map_or(Unbounded, Excluded), Unbounded));
        rows.map(|(key, row)| (key, &row.fields))
    }

    /// A row is this from now on, or is gone.
    pub(super) fn put(&mut self, key: &RecordKey, fields: Option<Fields>) {
        match (self.rows.get_mut(key), fields) {
            (Some(row), Some(fields)) => {
                *row = Version { fields, number: self.next };
                self.next += 1;
            }
            (None, Some(fields)) => self.add(key.clone(), fields),
            (Some(_), None) => {
                self.rows.remove(key);
                self.odd -= usize::from(!is_plain(key));
            }
            (None, None) => {}
        }
    }

    /// A row that was not there.
    pub(super) fn add(&mut self, key: RecordKey, fields: Fields) {
        let is_odd = !is_plain(&key);
        if self.rows.insert(key, Version { fields, number: self.next }).is_none() {
            self.odd += usize::from(is_odd);
        }
        self.next += 1;
    }

    /// Whether all keys are compared without the collation.
    pub(super) fn is_plain(&self) -> bool {
        self.odd == 0
    }

    /// How many numbers were given so far: all are smaller.
    pub(super) fn numbers(&self) -> usize {
        self.next as usize
    }

    /// Numbers all rows anew where most numbers stand for versions that are gone. Whether it did.
    pub(super) fn renumber(&mut self) -> bool {
        let is_scattered = self.numbers() > 2 * self.rows.len() + SPARE;
        if is_scattered {
            self.next = 0;
            for row in self.rows.values_mut() {
                row.number = self.next;
                self.next += 1;
            }
        }
        is_scattered
    }
}
