//! Pages with their overlay on top, as records in the order of their key texts.

use serde::Deserialize;
use serde_json::value::RawValue;
use sync_protocol::{Record, RecordKey, Revision};

use super::base::{Newer, Section, parse, parse_text};
use crate::store::StoreError;

/// What identifies a record and its revision; the values are skipped.
#[derive(Deserialize)]
pub(super) struct Brief {
    pub(super) key: RecordKey,
    pub(super) rev: Revision,
}

/// A record in a merged run: as its page has it, or newer.
pub(super) enum Merged<'a, P> {
    /// From a page.
    Page(P),
    /// From the overlay.
    Newer(&'a RawValue),
}

/// The records of consecutive pages from the key text `from` on, all below `until`, with the overlay between the two.
///
/// Stops once `limit` records are met, where the next one is of the overlay: the key text to go on from.
pub(super) fn merge<'a, P>(
    section: &'a Section,
    pages: impl Iterator<Item = P>,
    key_of: impl Fn(&P) -> Result<String, StoreError>,
    (from, until): (&str, Option<&str>),
    limit: usize,
    meet: &mut impl FnMut(Merged<'a, P>) -> Result<(), StoreError>,
) -> Result<Option<String>, StoreError> {
    let mut overlay = section.newer(from, until).peekable();
    let mut before = !from.is_empty();
    let mut met = 0;
    for record in pages {
        if overlay.peek().is_none() && !before {
            meet(Merged::Page(record))?;
            met += 1;
            continue;
        }
        let key = key_of(&record)?;
        before = before && *key < *from;
        if before {
            continue;
        }
        while let Some((newer_key, newer)) = overlay.next_if(|(newer, _)| **newer < key) {
            if met >= limit && newer.record.is_some() {
                return Ok(Some(newer_key.clone()));
            }
            met += show(newer, meet)?;
        }
        match overlay.next_if(|(newer, _)| **newer == key) {
            Some((_, newer)) => met += show(newer, meet)?,
            None => {
                meet(Merged::Page(record))?;
                met += 1;
            }
        }
    }
    for (key, newer) in overlay {
        if met >= limit && newer.record.is_some() {
            return Ok(Some(key.clone()));
        }
        met += show(newer, meet)?;
    }
    Ok(None)
}

fn show<'a, P>(
    newer: &'a Newer,
    meet: &mut impl FnMut(Merged<'a, P>) -> Result<(), StoreError>,
) -> Result<usize, StoreError> {
    match &newer.record {
        Some(record) => meet(Merged::Newer(record)).map(|()| 1),
        None => Ok(0),
    }
}

/// The records of a page, not taken apart.
pub(super) fn pieces(page: &[u8]) -> Result<Vec<&RawValue>, StoreError> {
    parse("a page", page)
}

/// Key and revision of a record that is not taken apart.
pub(super) fn brief(record: &RawValue) -> Result<Brief, StoreError> {
    parse_text("a record", record.get())
}

/// The record of that key text in a page, if it is there.
pub(super) fn find(page: &[u8], key: &str) -> Result<Option<Record>, StoreError> {
    let pieces = pieces(page)?;
    let (mut low, mut high) = (0, pieces.len());
    while low < high {
        let middle = low + (high - low) / 2;
        match brief(pieces[middle])?.key.to_text().as_str().cmp(key) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => return parse_text("a record", pieces[middle].get()).map(Some),
        }
    }
    Ok(None)
}
