//! Conservation, by a book of its own: every value that a device said it had saved is looked for in what people can read.
//!
//! Nothing here knows the rules. A value is accounted for where it is what a record has, or the same device changed the
//! field again, or it can be read in a conflict (open or settled), in a merge, in the record's history, among rejected
//! changes, or where its person threw it away.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail, ensure};
use sync_client::api::{
    Answer, Command as Ask, ConflictInfo, MergeInfo, Review, ReviewFilter, ReviewQuery, ReviewTab,
};
use sync_protocol::{Choice, ConflictKind, FieldName, Fields, Outcome, RecordId, Value};

use crate::play::history;
use crate::stage::Actor;

/// What was said to be saved, in order.
#[derive(Default)]
pub struct Ledger {
    entries: Vec<Entry>,
}

struct Entry {
    device: String,
    /// `None` for a comment.
    record: Option<RecordId>,
    what: What,
    dropped: bool,
}

enum What {
    Value(FieldName, Value),
    Gone,
    Comment(String),
}

/// Everything that can be read somewhere.
#[derive(Default)]
struct Readable {
    values: BTreeSet<(RecordId, FieldName, String)>,
    gone: BTreeSet<RecordId>,
    comments: BTreeSet<String>,
}

impl Ledger {
    pub fn values(&mut self, device: &str, record: &RecordId, fields: Fields) {
        for (field, value) in fields {
            self.note(device, Some(record.clone()), What::Value(field, value));
        }
    }

    pub fn gone(&mut self, device: &str, record: &RecordId) {
        self.note(device, Some(record.clone()), What::Gone);
    }

    pub fn said(&mut self, device: &str, text: &str) {
        self.note(device, None, What::Comment(text.to_owned()));
    }

    fn note(&mut self, device: &str, record: Option<RecordId>, what: What) {
        self.entries.push(Entry { device: device.to_owned(), record, what, dropped: false });
    }

    /// A person threw a rejected change of the record away.
    pub fn discarded(&mut self, device: &str, record: &RecordId) {
        self.drop_all(device, record);
    }

    /// A person took a decision back: what was written with it is not wanted any more.
    pub fn taken_back(&mut self, device: &str, record: &RecordId) {
        self.drop_all(device, record);
    }

    fn drop_all(&mut self, device: &str, record: &RecordId) {
        let own = |e: &&mut Entry| e.device == device && e.record.as_ref() == Some(record);
        self.entries.iter_mut().filter(own).last().into_iter().for_each(|entry| entry.dropped = true);
    }

    /// Whether each of them is somewhere.
    pub async fn conservation(&self, actors: &BTreeMap<String, Actor>) -> Result<()> {
        let records: BTreeSet<&RecordId> = self.entries.iter().filter_map(|e| e.record.as_ref()).collect();
        let mut readable = Readable::default();
        for actor in actors.values() {
            readable.look(actor, &records).await?;
        }
        let first = actors.values().next().expect("a scenario has devices");
        for id in &records {
            readable.versions(first, id).await?;
        }
        for (at, entry) in self.entries.iter().enumerate() {
            let later = self.entries[at + 1..]
                .iter()
                .filter(|e| e.device == entry.device && e.record == entry.record);
            let found = match (&entry.what, &entry.record) {
                (What::Value(field, value), Some(id)) => {
                    let again = later.clone().any(|e| match &e.what {
                        What::Value(name, _) => name == field,
                        What::Gone => true,
                        What::Comment(_) => false,
                    });
                    again
                        || value.is_absent()
                        || readable.values.contains(&(id.clone(), field.clone(), value.0.to_string()))
                }
                (What::Gone, Some(id)) => later.clone().count() > 0 || readable.gone.contains(id),
                (What::Comment(text), _) => readable.comments.contains(text),
                (_, None) => bail!("a value without a record"),
            };
            ensure!(found || entry.dropped, "conservation: {} is nowhere", entry.told());
        }
        Ok(())
    }
}

impl Entry {
    fn told(&self) -> String {
        let record = self.record.as_ref().map(RecordId::to_text).unwrap_or_default();
        match &self.what {
            What::Value(field, value) => format!("{}'s {field}={} of {record}", self.device, value.0),
            What::Gone => format!("{}'s deletion of {record}", self.device),
            What::Comment(text) => format!("{}'s comment “{text}”", self.device),
        }
    }
}

impl Readable {
    fn fields(&mut self, id: &RecordId, fields: &Fields) {
        fields.iter().for_each(|(name, value)| self.value(id, name, value));
    }

    fn value(&mut self, id: &RecordId, field: &FieldName, value: &Value) {
        self.values.insert((id.clone(), field.clone(), value.0.to_string()));
    }

    async fn look(&mut self, actor: &Actor, records: &BTreeSet<&RecordId>) -> Result<()> {
        for id in records {
            match actor.ask(Ask::Record { id: (*id).clone() }).await? {
                Answer::Record(info) => match &info.fields {
                    Some(fields) => self.fields(id, fields),
                    None => {
                        self.gone.insert((*id).clone());
                    }
                },
                other => bail!("no record: {other:?}"),
            }
        }
        for tab in [ReviewTab::Open, ReviewTab::Settled] {
            let review = review(actor, tab).await?;
            for item in &review.items {
                let Answer::Conflict(info) = actor.ask(Ask::Conflict { id: item.id }).await? else {
                    bail!("no conflict")
                };
                self.conflict(&info);
            }
            for entry in &review.rejected {
                entry.wanted.iter().for_each(|(name, value)| self.value(&entry.id, name, value));
                self.comments.extend(entry.wanted.values().filter_map(|v| v.as_text().map(str::to_owned)));
            }
        }
        let Answer::Merges(merges) = actor.ask(Ask::Merges { record: None, offset: 0, limit: 500 }).await?
        else {
            bail!("no merges")
        };
        merges.merges.iter().for_each(|merge| self.merge(merge));
        Ok(())
    }

    fn conflict(&mut self, info: &ConflictInfo) {
        let id = &info.conflict.record;
        if info.conflict.kind == ConflictKind::DeleteEdit {
            self.gone.insert(id.clone());
        }
        for (name, sides) in &info.conflict.fields {
            for value in [&sides.base, &sides.current, &sides.incoming] {
                self.value(id, name, value);
            }
        }
        let resolved = info.conflict.resolved.as_ref();
        let outcomes = info.returned.iter().map(|(outcome, _)| outcome).chain(resolved.map(|r| &r.outcome));
        for outcome in outcomes {
            if let Outcome::Keep { choices } = outcome {
                for (name, choice) in choices {
                    if let Choice::Own(value) = choice {
                        self.value(id, name, value);
                    }
                }
            }
        }
        self.comments.extend(info.comments.iter().map(|comment| comment.text.clone()));
    }

    fn merge(&mut self, info: &MergeInfo) {
        let id = &info.merge.record;
        if info.merge.delete {
            self.gone.insert(id.clone());
        }
        for (name, met) in &info.merge.fields {
            for value in [&met.base, &met.current, &met.incoming, &met.result] {
                self.value(id, name, value);
            }
        }
    }

    async fn versions(&mut self, actor: &Actor, id: &RecordId) -> Result<()> {
        for version in history(actor, id).await?.versions {
            self.fields(id, &version.fields);
            if version.deleted {
                self.gone.insert(id.clone());
            }
            for (name, met) in version.merge.iter().flat_map(|merge| &merge.fields) {
                self.value(id, name, &met.current);
                self.value(id, name, &met.incoming);
            }
        }
        Ok(())
    }
}

async fn review(actor: &Actor, tab: ReviewTab) -> Result<Review> {
    let filter = ReviewFilter { tab, ..ReviewFilter::default() };
    match actor.ask(Ask::Review(ReviewQuery { filter, limit: 500, ..ReviewQuery::default() })).await? {
        Answer::Review(review) => Ok(review),
        other => bail!("no review: {other:?}"),
    }
}
