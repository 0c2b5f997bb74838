//! Names of people and devices: records that each replica writes about itself, so that every member knows them offline.

use sync_protocol::limits::LABEL_CHARS;
use sync_protocol::record::per_field;
use sync_protocol::schema::{device_record, person_record};
use sync_protocol::{Change, Fields, RecordId, RecordKey, Stamp, Timestamp, Value, reserved};

use super::Replica;
use crate::api::{Author, Failure};
use crate::store::Batch;

/// Whether the change is one of a replica about its person or itself.
pub fn is_own_record(change: &Change) -> bool {
    matches!(change.record.collection.as_str(), reserved::PEOPLE | reserved::DEVICES)
}

impl Replica {
    /// What this replica has to tell about its person and itself; an empty batch where all is told.
    pub fn introduce(
        &self,
        now: Timestamp,
        person: &str,
        device: &str,
        channel: &str,
    ) -> Result<Batch, Failure> {
        let mut all = Batch::default();
        // an account's or a computer's name may be longer than what every member's screen has room for
        let label =
            |name: &str| name.chars().filter(|c| !c.is_control()).take(LABEL_CHARS).collect::<String>();
        for (id, fields) in [
            person_record(self.meta().user, &label(person)),
            device_record(self.id(), self.meta().user, &label(device), channel),
        ] {
            let base = self.reserved(&id);
            let batch = match self.view(&id, base) {
                Some(seen) if seen == fields => continue,
                Some(seen) => {
                    let deltas = per_field(fields.into_iter().map(|(name, want)| {
                        let saw = seen.get(&name).cloned().unwrap_or_default();
                        (name, crate::api::Seen { saw, want })
                    }));
                    self.edit(now, id.clone(), base, deltas)?
                }
                None => self.insert(now, id.clone(), base, fields)?,
            };
            for mut change in batch.enqueue {
                change.id.counter.0 += all.enqueue.len() as u64;
                all.enqueue.push(change);
            }
        }
        Ok(all)
    }

    /// What this replica's person is called here; `None` where that was not told yet.
    pub fn person_name(&self) -> Option<String> {
        let person = self.record_of(reserved::PEOPLE, self.meta().user.to_string())?;
        Some(person.get("name").and_then(Value::as_text).unwrap_or_default().to_owned())
    }

    /// Who made a change, by the names that people know.
    pub fn author(&self, stamp: Stamp) -> Author {
        let device = self.record_of(reserved::DEVICES, stamp.by.to_string());
        let text = |fields: &Option<Fields>, name: &str| {
            fields.as_ref().and_then(|f| f.get(name)).and_then(Value::as_text).unwrap_or_default().to_owned()
        };
        let user = text(&device, "user");
        let person = self.record_of(reserved::PEOPLE, user);
        Author {
            person: text(&person, "name"),
            device: text(&device, "name"),
            channel: text(&device, "channel"),
            here: stamp.by == self.id(),
            at: stamp.at,
        }
    }

    fn record_of(&self, collection: &'static str, key: String) -> Option<Fields> {
        let id = RecordId::new(reserved::collection(collection), RecordKey::Text(key));
        self.view(&id, self.reserved(&id))
    }
}
