//! What is known in memory of the base records: which pages there are, and the overlay of newer records.
//!
//! A *page* is a stored JSON list of records, sorted by key text. A *segment* is a stored row with all records of one
//! commit. The *overlay* is what the segments say, newest first; it hides what the pages say. Segments are deleted
//! from the oldest on only, and only once nothing newer than the pages is in them, so that reading the rest back
//! never brings an older record to light.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::ops::Bound::{Excluded, Included, Unbounded};
use sync_protocol::{CollectionId, Partition, Record, RecordId};

use crate::store::{Batch, StoreError};

/// A collection's records in one partition.
pub(super) type Place = (CollectionId, Partition);

/// A stored page: its place and the key text of its first record.
pub(super) type PageKey = (Place, String);

/// Pages and overlay.
#[derive(Default)]
pub(super) struct Base {
    sections: BTreeMap<Place, Section>,
    segments: BTreeMap<u64, usize>,
    overlay_bytes: usize,
    overlay_count: usize,
}

/// What is known of one place.
#[derive(Default)]
pub(super) struct Section {
    /// The key text of each page's first record.
    pub(super) pages: BTreeSet<String>,
    /// By key text.
    pub(super) overlay: BTreeMap<String, Newer>,
}

/// A record that is newer than the pages.
pub(super) struct Newer {
    segment: u64,
    /// Its JSON; `None` for a deleted one.
    pub(super) record: Option<Box<RawValue>>,
}

/// Records by key text; no record where it was deleted.
type KeyedRecords = Vec<(String, Option<Box<RawValue>>)>;

/// A segment's row.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Segment {
    /// Partitions that were cleared before the records were stored: what older segments say of them is void.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    clear: Vec<Partition>,
    /// Per place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    places: Vec<(CollectionId, Partition, KeyedRecords)>,
}

impl Base {
    /// Takes note of a page.
    pub(super) fn add_page(&mut self, (place, first): PageKey) {
        self.sections.entry(place).or_default().pages.insert(first);
    }

    /// Takes a page out.
    pub(super) fn remove_page(&mut self, (place, first): &PageKey) {
        if let Some(section) = self.sections.get_mut(place) {
            section.pages.remove(first);
        }
    }

    /// Applies a stored segment; they come in the order of their numbers.
    pub(super) fn follow(&mut self, number: u64, segment: Segment) {
        self.segments.insert(number, 0);
        for partition in segment.clear {
            self.forget(partition, false);
        }
        for (collection, partition, records) in segment.places {
            self.cover((collection, partition), number, records);
        }
    }

    /// What a batch clears and which records it brings, as a new segment with its number; `None` where it does neither.
    pub(super) fn segment(&self, batch: &Batch, partitions: u16) -> Option<(u64, Segment)> {
        // without older segments there is nothing that a reader would have to be told to ignore
        let clear = if self.segments.is_empty() { Vec::new() } else { batch.clear.clone() };
        if clear.is_empty() && batch.records.is_empty() {
            return None;
        }
        let mut newest = BTreeMap::<Place, BTreeMap<String, &Record>>::new();
        for (collection, record) in &batch.records {
            let id = RecordId::new(collection.clone(), record.key.clone());
            let place = (id.collection.clone(), id.partition(partitions));
            newest.entry(place).or_default().insert(record.key.to_text(), record);
        }
        let raw = |record: &Record| {
            serde_json::value::to_raw_value(record).expect("records are JSON, and memory takes all of it")
        };
        let places = newest.into_iter().map(|((collection, partition), records)| {
            let records = records.into_iter().map(|(key, r)| (key, (!r.deleted).then(|| raw(r)))).collect();
            (collection, partition, records)
        });
        let number = self.segments.last_key_value().map_or(1, |(last, _)| last + 1);
        Some((number, Segment { clear, places: places.collect() }))
    }

    /// Forgets the overlay of a partition, and its pages too where `pages` says so.
    pub(super) fn forget(&mut self, partition: Partition, pages: bool) {
        let places: Vec<Place> = self.sections.keys().filter(|place| place.1 == partition).cloned().collect();
        for place in places {
            let Some(section) = self.sections.get_mut(&place) else { continue };
            if pages {
                section.pages.clear();
            }
            for (key, newer) in std::mem::take(&mut section.overlay) {
                self.let_go(&key, &newer);
            }
        }
    }

    /// Lays a segment's records of one place over what is there.
    fn cover(&mut self, place: Place, segment: u64, records: KeyedRecords) {
        let mut older = Vec::new();
        *self.segments.entry(segment).or_default() += records.len();
        self.overlay_count += records.len();
        let section = self.sections.entry(place).or_default();
        for (key, record) in records {
            let newer = Newer { segment, record };
            self.overlay_bytes += weight(&key, &newer);
            match section.overlay.entry(key) {
                Entry::Vacant(free) => {
                    free.insert(newer);
                }
                Entry::Occupied(mut taken) => older.push((taken.key().clone(), taken.insert(newer))),
            }
        }
        for (key, older) in &older {
            self.let_go(key, older);
        }
    }

    fn let_go(&mut self, key: &str, newer: &Newer) {
        self.overlay_count -= 1;
        self.overlay_bytes -= weight(key, newer);
        if let Some(live) = self.segments.get_mut(&newer.segment) {
            *live -= 1;
        }
    }

    /// Takes entries out of the overlay that are in the pages now.
    pub(super) fn folded(&mut self, place: &Place, keys: &[String]) {
        for key in keys {
            let gone = self.sections.get_mut(place).and_then(|s| s.overlay.remove(key));
            if let Some(newer) = gone {
                self.let_go(key, &newer);
            }
        }
    }

    /// Forgets the oldest segments that say nothing any more: the first and the last of them, to be deleted.
    pub(super) fn spent_segments(&mut self) -> Option<(u64, u64)> {
        let mut spent = None;
        while let Some(oldest) = self.segments.first_entry().filter(|oldest| *oldest.get() == 0) {
            let number = *oldest.key();
            oldest.remove();
            spent = Some((spent.map_or(number, |(first, _)| first), number));
        }
        spent
    }

    /// What is known of a place.
    pub(super) fn section(&self, place: &Place) -> Option<&Section> {
        self.sections.get(place)
    }

    /// The places of a collection from a partition on.
    pub(super) fn places(&self, collection: &CollectionId, from: Partition) -> impl Iterator<Item = &Place> {
        let range = (collection.clone(), from)..=(collection.clone(), Partition(u16::MAX));
        self.sections.range(range).map(|(place, _)| place)
    }

    /// All places with what is known of them, after one of them.
    pub(super) fn sections(&self, after: Option<&Place>) -> impl Iterator<Item = (&Place, &Section)> {
        self.sections.range((after.map_or(Unbounded, |place| Excluded(place.clone())), Unbounded))
    }

    /// Bytes, records and segments of the overlay.
    pub(super) fn overlay_size(&self) -> (usize, usize, usize) {
        (self.overlay_bytes, self.overlay_count, self.segments.len())
    }
}

impl Section {
    /// The first key text of the page that a key belongs in; `None` before the first page.
    pub(super) fn page_of(&self, key: &str) -> Option<&String> {
        self.pages.range::<str, _>((Unbounded, Included(key))).next_back()
    }

    /// The overlay from a key text on, up to another where one is given.
    pub(super) fn newer<'a>(
        &'a self,
        from: &str,
        until: Option<&str>,
    ) -> impl Iterator<Item = (&'a String, &'a Newer)> + use<'a> {
        let until = until.map_or(Unbounded, |until| Excluded(until.max(from)));
        self.overlay.range::<str, _>((Included(from), until))
    }
}

/// The place and the key text of a record.
pub(super) fn locate(id: &RecordId, partitions: u16) -> (Place, String) {
    ((id.collection.clone(), id.partition(partitions)), id.key.to_text())
}

/// Reads a stored row. Its encoding is checked once, which is quicker than each text in it by itself.
pub(super) fn parse<'a, T: Deserialize<'a>>(what: &str, bytes: &'a [u8]) -> Result<T, StoreError> {
    let text = std::str::from_utf8(bytes).map_err(|e| StoreError::Corrupt(format!("{what}: {e}")))?;
    parse_text(what, text)
}

/// Reads a stored text.
pub(super) fn parse_text<'a, T: Deserialize<'a>>(what: &str, text: &'a str) -> Result<T, StoreError> {
    sync_protocol::json::read(text).map_err(|e| StoreError::Corrupt(format!("{what}: {e}")))
}

fn weight(key: &str, newer: &Newer) -> usize {
    key.len() + newer.record.as_ref().map_or(0, |record| record.get().len()) + 64
}
