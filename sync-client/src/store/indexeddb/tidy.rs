//! Folding the overlay into the pages, in the order of places and keys, some pages at a time.

use serde_json::value::RawValue;
use std::collections::BTreeMap;
use sync_protocol::limits::PAGE_RECORDS;
use wasm_bindgen::JsValue;

use super::base::{Base, Place, Section};
use super::database::{Database, Read, Write};
use super::merge::{brief, pieces};
use super::state::State;
use super::{PAGES, SEGMENTS, bytes, from_bytes, number, page_key, platform, read_page};
use crate::store::StoreError;

/// Pages rewritten in one step.
const STEP_PAGES: usize = 16;
/// Records folded in one step.
const STEP_RECORDS: usize = 4_096;
/// Bytes at which a page is split.
const PAGE_BYTES: usize = 1 << 20;
/// Folding starts when the overlay has as many segments...
const DUE_SEGMENTS: usize = 32;
/// ... or as many records.
const DUE_RECORDS: usize = 1_024;

/// How far a pass over the overlay has come.
pub(super) struct Folding {
    place: Place,
    from: String,
}

/// What one step folds: records of one place, by the page that they belong in (`None`: there is no page yet).
struct Plan {
    place: Place,
    pages: Vec<(Option<String>, Vec<String>)>,
    /// Where the pass goes on.
    next: Option<Folding>,
}

/// One step, if a pass is under way or should begin. True while there is more to do.
pub(super) async fn step_if_due(database: &Database, state: &mut State) -> Result<bool, StoreError> {
    let (_, records, segments) = state.base.overlay_size();
    if state.folding.is_none() && segments < DUE_SEGMENTS && records < DUE_RECORDS {
        return Ok(false);
    }
    step(database, state).await?;
    let (_, records, segments) = state.base.overlay_size();
    Ok(state.folding.is_some() || segments >= DUE_SEGMENTS || records >= DUE_RECORDS)
}

/// One step: folds some records and deletes the segments that are then of no more use, in one transaction.
pub(super) async fn step(database: &Database, state: &mut State) -> Result<(), StoreError> {
    let mut writes = Vec::new();
    match plan(&state.base, state.folding.take()) {
        Some(plan) => {
            fold(database, &mut state.base, &plan, &mut writes).await?;
            state.folding = plan.next;
        }
        // nothing lies over the pages: what segments are left only say so
        None => delete_segments(state.base.spent_segments(), &mut writes),
    }
    database.write(&writes, false).await
}

fn plan(base: &Base, folding: Option<Folding>) -> Option<Plan> {
    let (place, from) = match folding {
        Some(folding) => (Some(folding.place), folding.from),
        None => (None, String::new()),
    };
    let here = place.as_ref().and_then(|place| Some((place, base.section(place)?)));
    let mut sections = here.into_iter().chain(base.sections(place.as_ref()));
    let (place, section, keys) = sections.by_ref().find_map(|(at, section)| {
        let from = if Some(at) == place.as_ref() { from.as_str() } else { "" };
        let mut keys = section.newer(from, None).map(|(key, _)| key).peekable();
        keys.peek()?;
        Some((at, section, keys))
    })?;
    let mut pages: Vec<(Option<String>, Vec<String>)> = Vec::new();
    let mut next = None;
    for (n, key) in keys.enumerate() {
        // what lies before the first page belongs to it
        let page = section.page_of(key).or(section.pages.first()).cloned();
        let same = pages.last().is_some_and(|(last, _)| *last == page);
        if n >= STEP_RECORDS || (!same && pages.len() >= STEP_PAGES) {
            next = Some(Folding { place: place.clone(), from: key.clone() });
            break;
        }
        match pages.last_mut().filter(|_| same) {
            Some((_, keys)) => keys.push(key.clone()),
            None => pages.push((page, vec![key.clone()])),
        }
    }
    let mut later = sections.filter(|(_, section)| !section.overlay.is_empty());
    let next =
        next.or_else(|| later.next().map(|(place, _)| Folding { place: place.clone(), from: String::new() }));
    Some(Plan { place: place.clone(), pages, next })
}

async fn fold(
    database: &Database,
    base: &mut Base,
    plan: &Plan,
    writes: &mut Vec<Write>,
) -> Result<(), StoreError> {
    let reads: Vec<Read> = plan
        .pages
        .iter()
        .filter_map(|(page, _)| Some(read_page(&(plan.place.clone(), page.clone()?))))
        .collect();
    let old: Vec<JsValue> = if reads.is_empty() { Vec::new() } else { database.read(&reads).await? };
    let mut old = old.iter();
    let mut folded = Vec::new();
    for (page, keys) in &plan.pages {
        let text = match page {
            Some(_) => bytes(old.next().unwrap_or(&JsValue::NULL))?,
            None => b"[]".to_vec(),
        };
        let Some(section) = base.section(&plan.place) else { continue };
        let new = split(&merged(section, &text, keys)?);
        if let Some(first) = page {
            let key = (plan.place.clone(), first.clone());
            if new.first().is_none_or(|(new_first, _)| new_first != first) {
                writes.push(Write::Delete(PAGES, page_key(&key)));
            }
            base.remove_page(&key);
        }
        for (first, text) in new {
            let key = (plan.place.clone(), first);
            writes.push(Write::Put(PAGES, page_key(&key), from_bytes(text.as_bytes())));
            base.add_page(key);
        }
        folded.extend_from_slice(keys);
    }
    base.folded(&plan.place, &folded);
    delete_segments(base.spent_segments(), writes);
    Ok(())
}

/// The records of a page with those newer ones, by key text.
fn merged<'a>(
    section: &'a Section,
    page: &'a [u8],
    keys: &[String],
) -> Result<BTreeMap<String, &'a RawValue>, StoreError> {
    let mut all = BTreeMap::new();
    for record in pieces(page)? {
        all.insert(brief(record)?.key.to_text(), record);
    }
    for key in keys {
        match section.overlay.get(key).and_then(|newer| newer.record.as_deref()) {
            Some(record) => all.insert(key.clone(), record),
            None => all.remove(key),
        };
    }
    Ok(all)
}

/// Pages of about the same number of records, none too large, with the key texts they start with.
fn split(records: &BTreeMap<String, &RawValue>) -> Vec<(String, String)> {
    let total: usize = records.values().map(|record| record.get().len()).sum();
    let parts = records.len().div_ceil(PAGE_RECORDS).max(total.div_ceil(PAGE_BYTES)).max(1);
    let size = records.len().div_ceil(parts).max(1);
    let records: Vec<_> = records.iter().collect();
    let page = |part: &[(&String, &&RawValue)]| {
        let texts: Vec<&str> = part.iter().map(|(_, record)| record.get()).collect();
        (part[0].0.clone(), format!("[{}]", texts.join(",")))
    };
    records.chunks(size).map(page).collect()
}

fn delete_segments(spent: Option<(u64, u64)>, writes: &mut Vec<Write>) {
    if let Some((first, last)) = spent {
        writes.push(Write::Delete(SEGMENTS, platform::key_range(&number(first), &number(last))));
    }
}
