//! The names of changes, held against what is committed: an id names one change for good, whoever uses one again is told,
//! and what is told to go out under another one never takes effect under the first.

use std::collections::BTreeMap;

use sync_protocol::{Change, ChangeId, Counter, Entry, ReplicaId};

use super::checks::Invariant;
use super::model::Model;

/// What a change says, as the page for other clients has it.
pub fn said(change: &Change) -> u32 {
    let key = match &change.record.key {
        sync_protocol::RecordKey::Int(n) => n.to_string(),
        sync_protocol::RecordKey::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
    };
    // members of objects are sorted here
    let edit = serde_json::json!(change.edit);
    let text = format!("{}/{key}\n{}\n{edit}", change.record.collection, change.at.0);
    (xxhash_rust::xxh3::xxh3_64(text.as_bytes()) & 0xffff_ffff) as u32
}

impl Model {
    /// A replica stores a change, as the nth act of one life of its device.
    pub fn made(&mut self, change: &Change, act: (u64, u64)) {
        let says = said(change);
        if self.judged.get(&change.id) == Some(&(self.place(change), says)) {
            self.made_again.insert(change.id);
        }
        self.order.insert((change.id, says), act);
        let all = self.changes.entry(change.id).or_default();
        if !all.contains(change) {
            all.push(change.clone());
        }
    }

    /// The change whose entry it is; another one of that id where none said that.
    pub(super) fn change_of(&self, entry: &Entry) -> Option<Change> {
        let all = self.changes.get(&entry.change)?;
        let own = all.iter().find(|change| entry.said.is_some_and(|digest| digest.0 == said(change)));
        own.or(all.last()).cloned()
    }

    /// An entry is committed: the first of its id, over all partitions.
    pub(super) fn named(&mut self, place: usize, entry: &Entry) {
        let Some(change) = self.change_of(entry) else { return };
        let (id, says) = (entry.change, said(&change));
        let before = self.judged.insert(id, (place, says));
        self.checks.that(Invariant::Once, before != Some((place, says)), || format!("{id} is judged twice"));
        let other = before.filter(|before| *before != (place, says));
        self.checks.that(Invariant::Identity, other.is_none(), || {
            format!("{id} names a change of partition {place}, and another one: {other:?}")
        });
        let gone = self.renamed.contains(&(id, says));
        self.checks.that(Invariant::Identity, !gone, || {
            format!("{id} was told that its number is another's, and takes effect")
        });
    }

    /// What a replica's row says that its changes said never becomes something else. What it says was rejected is kept: the
    /// server may forget that before the verdict has left it.
    pub(super) fn remembered(&mut self, place: usize, replica: ReplicaId, state: &serde_json::Value) {
        let said: BTreeMap<Counter, u32> = serde_json::from_value(state["said"].clone()).unwrap_or_default();
        for (counter, says) in said {
            let id = ChangeId { replica, counter };
            let before = *self.names.entry((place, id)).or_insert(says);
            let same = before == says;
            self.checks.that(Invariant::Identity, same, || format!("{id} said {before}, and now {says}"));
        }
        let rejected: BTreeMap<Counter, serde_json::Value> =
            serde_json::from_value(state["rejected"].clone()).unwrap_or_default();
        self.noted_rejected.extend(rejected.into_keys().map(|counter| ChangeId { replica, counter }));
    }

    /// A push with this change reaches a node.
    pub fn arrived(&mut self, change: &Change) {
        let place = self.place(change);
        self.sent.entry(change.id).or_default().insert(place);
    }

    fn place(&self, change: &Change) -> usize {
        usize::from(change.record.partition(self.parts.len() as u16).0)
    }

    /// A change is called a duplicate: it was judged, or nobody knows any more.
    pub fn duplicate(&mut self, change: &Change, forgotten: bool) {
        let known = self.names.get(&(self.place(change), change.id)).copied();
        let holds = forgotten || known == Some(said(change));
        self.checks.that(Invariant::Identity, holds, || {
            format!("{} is called a duplicate; what was judged under its id: {known:?}", change.id)
        });
    }

    /// A change is told that its number is another one's: one that was judged says something else, or was sent to another
    /// partition; or later ones were judged, and this one never was, or was rejected.
    pub fn taken(&mut self, change: &Change) {
        let (place, id, says) = (self.place(change), change.id, said(change));
        let known = self.names.get(&(place, id)).copied();
        let elsewhere = self.sent.get(&id).is_some_and(|places| places.len() > 1);
        let overtaken = || self.is_noted(sync_protocol::Partition(place as u16), id);
        // nothing came of one that was rejected, and the server may have forgotten it
        let fair = elsewhere
            || self.noted_rejected.contains(&id)
            || known.map_or_else(overtaken, |known| known != says);
        self.checks.that(Invariant::Identity, fair, || {
            format!("{id} is told that its number is another's, and nobody else has it")
        });
        self.goes_out_anew(change);
    }

    /// A device gives a change another number: it never took effect under the first, and never will.
    pub fn goes_out_anew(&mut self, change: &Change) {
        let (place, id, says) = (self.place(change), change.id, said(change));
        let took = self.judged.get(&id) == Some(&(place, says));
        self.checks.that(Invariant::Identity, !took, || {
            format!("{id} took effect, and goes out under another number")
        });
        self.renamed.insert((id, says));
    }
}
