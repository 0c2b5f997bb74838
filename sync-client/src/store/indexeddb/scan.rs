//! Reading many records: pages in steps, those of the next steps on their way while these are taken apart.

use js_sys::Array;
use std::collections::BTreeMap;
use sync_protocol::checksum::Checksums;
use sync_protocol::limits::PAGE_RECORDS;
use sync_protocol::{CollectionId, Partition, Record, RecordId};
use wasm_bindgen::{JsCast, JsValue};

use super::base::{Base, PageKey, Place, parse, parse_text};
use super::database::{Read, Reading};
use super::merge::{Merged, brief, merge, pieces};
use super::{Inner, PAGES, bytes, page_key, platform, read_page};
use crate::store::{ScanPosition, Scanned, StoreError};

/// Pages read at a time for checksums: some 2 MB.
const CHECKED_PAGES: usize = 16;

/// Pages that will probably be asked for next.
pub(super) struct Ahead {
    step: Step,
    reading: Reading,
}

/// Consecutive pages of one place, from where on they are wanted, and where they end.
#[derive(Clone, PartialEq, Eq)]
struct Step {
    place: Place,
    from: String,
    pages: Vec<String>,
    /// The key text at which the page after them starts.
    until: Option<String>,
}

impl Inner {
    /// See [`crate::store::LocalStore::scan`].
    pub(super) async fn scan(
        &mut self,
        collection: &CollectionId,
        from: Option<ScanPosition>,
        limit: usize,
    ) -> Result<Scanned, StoreError> {
        let count = limit.div_ceil(PAGE_RECORDS);
        let mut records = Vec::new();
        let mut next = {
            let (_, state) = self.ready().await?;
            let (partition, from) = from.map_or(Ok((Partition(0), String::new())), parse_position)?;
            first_step(&state.base, collection, partition, from, count)
        };
        while let Some(step) = next.take_if(|_| records.len() * 2 < limit) {
            let pages = self.pages_of(&step, count).await?;
            let (_, state) = self.ready().await?;
            let stopped = read_records(&state.base, &step, &pages, limit, &mut records)?;
            next = match stopped {
                Some(from) => Some(step_at(&state.base, step.place, from, count)),
                None => step_after(&state.base, &step, count),
            };
        }
        Ok(Scanned { records, next: next.map(|step| position(&step)) })
    }

    /// See [`crate::store::LocalStore::checksums`].
    pub(super) async fn checksums(&mut self) -> Result<BTreeMap<Partition, Checksums>, StoreError> {
        let mut sums = BTreeMap::<Partition, Checksums>::new();
        let (_, state) = self.ready().await?;
        let places: Vec<Place> = state.base.sections(None).map(|(place, _)| place.clone()).collect();
        for place in places {
            let (_, state) = self.ready().await?;
            let mut next = Some(step_at(&state.base, place.clone(), String::new(), CHECKED_PAGES));
            while let Some(step) = next.take() {
                let pages = self.pages_of(&step, CHECKED_PAGES).await?;
                let (_, state) = self.ready().await?;
                let Some(section) = state.base.section(&place) else { break };
                let mut all = Vec::new();
                for page in &pages {
                    all.extend(pieces(page)?);
                }
                let mut meet = |record: Merged<'_, _>| {
                    let (Merged::Page(raw) | Merged::Newer(raw)) = record;
                    let brief = brief(raw)?;
                    let id = RecordId::new(place.0.clone(), brief.key);
                    sums.entry(place.1).or_default().add(&id, brief.rev);
                    Ok(())
                };
                let key_of = |raw: &&_| brief(raw).map(|brief| brief.key.to_text());
                let bounds = (step.from.as_str(), step.until.as_deref());
                merge(section, all.into_iter(), key_of, bounds, usize::MAX, &mut meet)?;
                next = step_after(&state.base, &step, CHECKED_PAGES).filter(|next| next.place == place);
            }
        }
        Ok(sums)
    }

    /// The pages of a step. Sends for those of the following ones before it waits: places of few pages would else be waited for
    /// one by one.
    async fn pages_of(&mut self, step: &Step, count: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        if step.pages.is_empty() {
            return Ok(Vec::new());
        }
        self.send_for(step, count);
        let read = match self.ahead.pop_front() {
            Some(ahead) => ahead.reading.results().await.ok(),
            None => None,
        };
        if let Some(read) = read.and_then(|read| step.read(read)) {
            return read.iter().map(bytes).collect();
        }
        let pages: Vec<Read> = step.keys().map(|key| read_page(&key)).collect();
        self.database.read(&pages).await?.iter().map(bytes).collect()
    }

    /// Sends for the pages of a step and of those after it, as far as they are not on their way. One transaction is for many of
    /// them: making one takes as long as reading a page.
    fn send_for(&mut self, step: &Step, count: usize) {
        let Self { database, state, ahead } = self;
        let Some(state) = state else { return ahead.clear() };
        if ahead.front().is_none_or(|first| first.step != *step) {
            ahead.clear();
        }
        let after = |step: &Step| step_after(&state.base, step, count);
        let mut next = ahead.back().map_or_else(|| Some(step.clone()), |last| after(&last.step));
        let mut under_way: usize = ahead.iter().map(|ahead| ahead.step.pages.len()).sum();
        if !ahead.is_empty() && under_way > count {
            return;
        }
        let mut steps = Vec::new();
        while let Some(step) = next.take_if(|_| under_way <= 2 * count) {
            next = after(&step).filter(|_| count > 1);
            under_way += step.pages.len();
            if !step.pages.is_empty() {
                steps.push(step);
            }
        }
        let reads: Vec<Vec<Read>> = steps.iter().map(Step::reads).collect();
        let readings = if reads.is_empty() { None } else { database.read_ahead(&reads) };
        let readings = readings.into_iter().flatten();
        ahead.extend(steps.into_iter().zip(readings).map(|(step, reading)| Ahead { step, reading }));
    }
}

impl Step {
    fn keys(&self) -> impl DoubleEndedIterator<Item = PageKey> {
        self.pages.iter().map(|first| (self.place.clone(), first.clone()))
    }

    /// Whether its pages are one range of keys. IndexedDB puts texts beyond ASCII in another order than this program.
    fn is_range(&self) -> bool {
        self.pages.len() > 1 && self.pages.iter().all(|first| first.is_ascii())
    }

    fn reads(&self) -> Vec<Read> {
        let mut keys = self.keys();
        match (self.is_range(), keys.next(), keys.next_back()) {
            (true, Some(first), Some(last)) => {
                vec![Read::In(PAGES, platform::key_range(&page_key(&first), &page_key(&last)))]
            }
            _ => self.keys().map(|key| read_page(&key)).collect(),
        }
    }

    /// The pages, one by one, of what was read; `None` where these are not all of them.
    fn read(&self, read: Vec<JsValue>) -> Option<Vec<JsValue>> {
        let pages = match (self.is_range(), read.first()) {
            (true, Some(all)) => all.dyn_ref::<Array>()?.to_vec(),
            _ => read,
        };
        (pages.len() == self.pages.len()).then_some(pages)
    }
}

/// The step that starts at a key text of a place.
fn step_at(base: &Base, place: Place, from: String, count: usize) -> Step {
    let mut pages: Vec<String> = Vec::new();
    let mut until = None;
    if let Some(section) = base.section(&place) {
        // what lies before the first page belongs to it
        let start = section.page_of(&from).or(section.pages.first());
        if let Some(start) = start {
            let mut rest = section.pages.range::<String, _>(start..);
            pages.extend(rest.by_ref().take(count).cloned());
            until = rest.next().cloned();
        }
    }
    Step { place, from, pages, until }
}

fn first_step(
    base: &Base,
    collection: &CollectionId,
    partition: Partition,
    from: String,
    count: usize,
) -> Option<Step> {
    let place = base.places(collection, partition).next()?.clone();
    let from = if place.1 == partition { from } else { String::new() };
    Some(step_at(base, place, from, count))
}

fn step_after(base: &Base, step: &Step, count: usize) -> Option<Step> {
    let (collection, partition) = &step.place;
    match &step.until {
        Some(until) => Some(step_at(base, step.place.clone(), until.clone(), count)),
        None => first_step(base, collection, Partition(partition.0.checked_add(1)?), String::new(), count),
    }
}

/// Adds the records of a step. Returns from where to go on, if it was cut short.
fn read_records(
    base: &Base,
    step: &Step,
    pages: &[Vec<u8>],
    limit: usize,
    into: &mut Vec<Record>,
) -> Result<Option<String>, StoreError> {
    let Some(section) = base.section(&step.place) else { return Ok(None) };
    let bounds = (step.from.as_str(), step.until.as_deref());
    let mut parsed: Vec<Vec<Record>> = Vec::with_capacity(pages.len());
    for page in pages {
        parsed.push(parse("a page", page)?);
    }
    let key_of = |record: &Record| Ok(record.key.to_text());
    merge(section, parsed.into_iter().flatten(), key_of, bounds, limit, &mut |record| {
        into.push(match record {
            Merged::Page(record) => record,
            Merged::Newer(record) => parse_text("a record", record.get())?,
        });
        Ok(())
    })
}

fn position(step: &Step) -> ScanPosition {
    ScanPosition(format!("{}/{}", step.place.1, step.from))
}

fn parse_position(at: ScanPosition) -> Result<(Partition, String), StoreError> {
    let parse = || {
        let (partition, from) = at.0.split_once('/')?;
        Some((Partition(partition.parse().ok()?), from.to_owned()))
    };
    parse().ok_or_else(|| StoreError::Corrupt("not a position of this store".into()))
}
