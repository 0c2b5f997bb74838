//! What a person does on a device, by the commands that screens have.

use std::collections::BTreeMap;

use sync_client::api::{BulkRule, Failure};
use sync_client::replica::bulk::Tally;
use sync_client::store::Batch;
use sync_protocol::schema::{Field, collection_record};
use sync_protocol::{
    ChangeId, Choice, Conflict, ConflictKind, Counter, Outcome, RecordId, RecordKey, Resolution, Timestamp,
    Value, reserved,
};

use super::device::Device;
use super::plan::What;
use super::random::Random;
use super::things::{self, field_name, thing};

impl Device {
    /// Does it. True where it was saved.
    pub fn person(&mut self, what: &What, world: Timestamp) -> bool {
        let now = self.now(world);
        match *what {
            What::Insert { key, value } => {
                let id = thing(key);
                let made =
                    self.replica.insert(now, id.clone(), self.base(&id).as_ref(), things::values(value));
                self.act(made, &[])
            }
            What::Edit { key, field, value } => self.edit(now, &thing(key), field, value),
            What::Delete { key } => {
                let id = thing(key);
                let base = self.base(&id);
                self.act(self.replica.delete(now, vec![(id, base)]), &[])
            }
            What::Resolve { pick, how } => self.resolve(now, pick, how),
            What::Bulk { rule } => self.bulk(now, rule),
            What::TakeBack { pick } => self.take_back(now, pick),
            What::Retry { pick } => match self.refused(pick) {
                Some(counter) => self.act(self.replica.retry(now, counter), &[]),
                None => false,
            },
            What::Discard { pick } => match self.refused(pick) {
                Some(counter) => self.act(Ok(self.replica.discard(counter)), &[counter]),
                None => false,
            },
            What::Comment { pick } => self.comment(now, pick),
            What::Field { add } => self.field(now, add),
            What::Collection { gone } => self.collection(now, gone),
            _ => false,
        }
    }

    /// The collection and its fields.
    pub fn define(&mut self, world: Timestamp, fields: &[Field]) -> bool {
        let made = self.replica.new_collection(self.now(world), &things::collection(), "Things", fields);
        self.act(made, &[])
    }

    fn edit(&mut self, now: Timestamp, id: &RecordId, field: u64, value: u64) -> bool {
        let base = self.base(id);
        let Some(view) = self.replica.view(id, base.as_ref()) else { return false };
        // a form that was opened a while ago shows what was there then
        let opened = self.forms.get(id).filter(|_| (field >> 40).is_multiple_of(5)).cloned();
        self.forms.insert(id.clone(), view.clone());
        let view = opened.unwrap_or(view);
        let mut seen = BTreeMap::new();
        for n in 0..1 + (field >> 32) % 2 {
            let name = field_name((field >> (8 * n)) & 0xff);
            let saw = view.get(&name).cloned().unwrap_or_default();
            let want = things::value(&name, &saw, value >> (8 * n));
            seen.insert(name, things::seen(saw, want));
        }
        self.act(self.replica.edit(now, id.clone(), base.as_ref(), seen), &[])
    }

    /// Settles what is on the screen, which may be outdated by now.
    fn resolve(&mut self, now: Timestamp, pick: u64, how: u64) -> bool {
        let open: Vec<Conflict> = self.replica.conflicts().cloned().collect();
        if open.is_empty() {
            return self.edit(now, &thing(pick % 3), how, pick);
        }
        let looked_at = open[(pick % open.len() as u64) as usize].clone();
        let rev = self.base(&looked_at.record).map(|r| r.rev);
        let before = self.screen.replace((looked_at.clone(), rev));
        let stale =
            before.filter(|(shown, _)| how.is_multiple_of(4) && self.replica.conflict(shown.id).is_some());
        let (shown, saw_record) = stale.unwrap_or((looked_at, rev));
        let Some(outcome) = self.outcome(now, &shown, how) else { return false };
        let resolution = Resolution { conflict: shown.id, saw_conflict: shown.rev, saw_record, outcome };
        let base = self.base(&shown.record);
        self.act(self.replica.resolve(now, resolution, base.as_ref()), &[])
    }

    fn outcome(&self, now: Timestamp, conflict: &Conflict, how: u64) -> Option<Outcome> {
        let mut random = Random::new(how);
        match random.below(8) {
            0 => Some(Outcome::Delete),
            1 | 2 if conflict.kind == ConflictKind::EditEdit => {
                let mut bytes = [0; 10];
                bytes[..8].copy_from_slice(&random.draw().to_be_bytes());
                let key = self.replica.twin_key(now, bytes, conflict.id).ok()?;
                Some(Outcome::KeepBoth { key })
            }
            _ => {
                let mut choices = BTreeMap::new();
                for (name, sides) in &conflict.fields {
                    let choice = match random.below(8) {
                        0..=2 => Choice::Current,
                        3..=5 => Choice::Incoming,
                        6 => Choice::Own(things::value(name, &sides.current, random.draw())),
                        _ => continue,
                    };
                    choices.insert(name.clone(), choice);
                }
                Some(Outcome::Keep { choices })
            }
        }
    }

    /// All open conflicts by one rule. What a dry run says is what is done.
    fn bulk(&mut self, now: Timestamp, rule: u64) -> bool {
        let rules =
            [BulkRule::Current, BulkRule::Incoming, BulkRule::Newest, BulkRule::Person("person 0".into())];
        let rule = &rules[(rule % 4) as usize];
        let ids: Vec<ChangeId> = self.replica.conflicts().map(|c| c.id).collect();
        let bases: Vec<_> = self.replica.conflicts().map(|c| self.base(&c.record)).collect();
        let made = self.replica.decide_many(now, rule, &ids, &bases, &mut Tally::default());
        self.act(made, &[])
    }

    fn take_back(&mut self, now: Timestamp, pick: u64) -> bool {
        let settled = self.replica.decisions().filter(|d| self.replica.settled(d.id).is_some()).map(|d| d.id);
        let decided = self.replica.conflicts().filter(|c| self.replica.decided(c).is_some()).map(|c| c.id);
        let all: Vec<ChangeId> = settled.chain(decided).collect();
        if all.is_empty() {
            return false;
        }
        let one = [all[(pick % all.len() as u64) as usize]];
        self.act(self.replica.take_back(now, &one), &[])
    }

    fn refused(&self, pick: u64) -> Option<Counter> {
        let all: Vec<Counter> = self.replica.quarantine().map(|q| q.change.id.counter).collect();
        all.get((pick % all.len().max(1) as u64) as usize).copied()
    }

    fn comment(&mut self, now: Timestamp, pick: u64) -> bool {
        let Some(conflict) = self.replica.conflicts().next().map(|c| c.id) else { return false };
        let mut random = [0; 10];
        random[..8].copy_from_slice(&pick.to_be_bytes());
        self.act(self.replica.comment(now, random, conflict, "so it is"), &[])
    }

    fn field(&mut self, now: Timestamp, add: bool) -> bool {
        if add {
            return self.act(self.replica.set_field(now, &things::collection(), &things::extra()), &[]);
        }
        let key = RecordKey::Text(format!("{}.extra", things::collection()));
        let id = RecordId::new(reserved::collection(reserved::FIELDS), key);
        let base = self.replica.reserved(&id).cloned();
        self.act(self.replica.delete(now, vec![(id, base)]), &[])
    }

    fn collection(&mut self, now: Timestamp, gone: bool) -> bool {
        let (id, fields) = collection_record(&things::collection(), "Things", None);
        let base = self.replica.reserved(&id).cloned();
        let made = if gone {
            self.replica.delete(now, vec![(id, base)])
        } else {
            self.replica.insert(now, id, base.as_ref(), fields)
        };
        self.act(made, &[])
    }

    /// Decides about one thing that is left, so that in the end nothing waits for a person.
    pub fn tidy_up(&mut self, world: Timestamp) -> bool {
        let now = self.now(world);
        if let Some(counter) = self.refused(0) {
            return self.act(Ok(self.replica.discard(counter)), &[counter]);
        }
        let undecided = |c: &&Conflict| self.replica.decided(c).is_none();
        let Some(conflict) = self.replica.conflicts().find(undecided).cloned() else { return false };
        let base = self.base(&conflict.record);
        let choose = |outcome| Resolution {
            conflict: conflict.id,
            saw_conflict: conflict.rev,
            saw_record: base.as_ref().map(|r| r.rev),
            outcome,
        };
        let choices = conflict.fields.keys().map(|name| (name.clone(), Choice::Current)).collect();
        let keep: Result<Batch, Failure> =
            self.replica.resolve(now, choose(Outcome::Keep { choices }), base.as_ref());
        let made = keep.or_else(|_| self.replica.resolve(now, choose(Outcome::Delete), base.as_ref()));
        self.act(made, &[])
    }

    /// All records as the person sees them.
    pub fn views(&self) -> BTreeMap<RecordId, BTreeMap<sync_protocol::FieldName, Value>> {
        let collection = things::collection();
        let stored =
            self.disk.scan(&collection).into_iter().map(|r| RecordId::new(collection.clone(), r.key));
        let pending = self.replica.pending_records().filter(|id| id.collection == collection).cloned();
        let ids: std::collections::BTreeSet<RecordId> = stored.chain(pending).collect();
        ids.into_iter()
            .filter_map(|id| Some((id.clone(), self.replica.view(&id, self.base(&id).as_ref())?)))
            .collect()
    }
}
