//! What members say about conflicts: who was asked to look, what was put off, comments. Records of reserved collections,
//! so that they work offline and reach everyone.

use std::collections::{BTreeMap, BTreeSet};
use sync_protocol::Ordered;

use sync_protocol::record::{per_field, value_of};
use sync_protocol::{
    ChangeId, CollectionId, FieldName, Fields, RecordId, RecordKey, Timestamp, UserId, Value, reserved,
};

use super::{Replica, of_collection, uuid_key};
use crate::api::{CommentInfo, Failure, Person, Seen};
use crate::store::Batch;

/// What is noted of all conflicts.
#[derive(Debug, Default)]
pub struct Notes {
    /// Who was asked to look.
    pub assigned: BTreeMap<ChangeId, Person>,
    /// Put off by this replica's person, until then.
    pub snoozed: BTreeMap<ChangeId, Timestamp>,
    /// How many comments there are.
    pub comments: BTreeMap<ChangeId, usize>,
}

/// Whether records of the collection say something about conflicts.
pub fn is_note(collection: &CollectionId) -> bool {
    matches!(collection.as_str(), reserved::ASSIGNMENTS | reserved::COMMENTS | reserved::SNOOZES)
}

impl Replica {
    /// What is noted, as of now.
    pub fn notes(&self, now: Timestamp) -> Notes {
        let mut notes = self.states(now);
        for (_, fields) in self.views(reserved::COMMENTS) {
            if let Some(id) = text(&fields, "conflict").and_then(|id| ChangeId::try_from(id.to_owned()).ok())
            {
                *notes.comments.entry(id).or_default() += 1;
            }
        }
        notes
    }

    /// Who was asked, and what is put off.
    fn states(&self, now: Timestamp) -> Notes {
        let mut notes = Notes::default();
        for (id, fields) in self.views(reserved::ASSIGNMENTS) {
            let user = text(&fields, "user").and_then(|user| user.parse().ok());
            if let (Some(conflict), Some(user)) = (conflict_of(&id), user) {
                notes.assigned.insert(conflict, self.person(user));
            }
        }
        let own = format!("{}/", self.meta().user);
        for (id, fields) in self.views(reserved::SNOOZES) {
            let RecordKey::Text(key) = &id.key else { continue };
            let conflict = key.strip_prefix(&own).and_then(|id| ChangeId::try_from(id.to_owned()).ok());
            let until = text(&fields, "until").and_then(Timestamp::from_text).filter(|until| *until > now);
            if let (Some(conflict), Some(until)) = (conflict, until) {
                notes.snoozed.insert(conflict, until);
            }
        }
        notes
    }

    /// How many open conflicts wait for this replica's person: neither put off by them nor asked of somebody else. Costs the
    /// notes, where there is a conflict at all.
    pub fn for_me(&self, now: Timestamp) -> usize {
        if self.conflict_count() == 0 {
            return 0;
        }
        let notes = self.states(now);
        let others = notes.assigned.iter().filter(|(_, person)| person.user != self.meta().user);
        let aside: BTreeSet<ChangeId> =
            others.map(|(id, _)| id).chain(notes.snoozed.keys()).copied().ordered_set();
        self.conflict_count() - aside.iter().filter(|id| self.conflict(**id).is_some()).count()
    }

    /// What was said about a conflict, oldest first.
    pub fn comments(&self, conflict: ChangeId) -> Vec<CommentInfo> {
        let conflict = conflict.to_string();
        let own = self.meta().user.to_string();
        let mut comments: Vec<CommentInfo> = self
            .views(reserved::COMMENTS)
            .filter(|(_, fields)| text(fields, "conflict") == Some(&conflict))
            .map(|(id, fields)| {
                let user = text(&fields, "user").unwrap_or_default();
                CommentInfo {
                    person: user.parse().map(|user| self.person(user).name).unwrap_or_default(),
                    own: user == own,
                    at: text(&fields, "at").and_then(Timestamp::from_text).unwrap_or(Timestamp(0)),
                    text: text(&fields, "text").unwrap_or_default().to_owned(),
                    unsent: self.marks_of(&id).unsent,
                }
            })
            .collect();
        sync_protocol::sort_few(&mut comments, |a, b| (a.at, &a.text).cmp(&(b.at, &b.text)));
        comments
    }

    /// People who have opened the workspace, by name. A program that writes to a mirrored table is none of them.
    pub fn people(&self) -> Vec<Person> {
        let user = |id: &RecordId| if let RecordKey::Text(key) = &id.key { key.parse().ok() } else { None };
        let of_mirror = |fields: &Fields| text(fields, "channel") == Some("mirror");
        let programs: BTreeSet<UserId> = self
            .views(reserved::DEVICES)
            .filter(|(_, fields)| of_mirror(fields))
            .filter_map(|(_, fields)| text(&fields, "user")?.parse().ok())
            .ordered_set();
        let mut people: Vec<Person> = self
            .views(reserved::PEOPLE)
            .filter_map(|(id, fields)| {
                Some(Person { name: text(&fields, "name")?.to_owned(), user: user(&id)? })
            })
            .filter(|person| !programs.contains(&person.user))
            .collect();
        sync_protocol::sort_few(&mut people, Ord::cmp);
        people
    }

    /// Asks a member to look at a conflict, or nobody any more.
    pub fn assign(&self, now: Timestamp, conflict: ChangeId, to: Option<UserId>) -> Result<Batch, Failure> {
        self.known(conflict)?;
        let user = to.map_or(Value::ABSENT, |user| Value::from(user.to_string()));
        self.note(now, reserved::ASSIGNMENTS, conflict.to_string(), [("user", user)])
    }

    /// Puts a conflict off for this replica's person, or takes it up again.
    pub fn snooze(
        &self,
        now: Timestamp,
        conflict: ChangeId,
        until: Option<Timestamp>,
    ) -> Result<Batch, Failure> {
        self.known(conflict)?;
        let until = match until {
            Some(until) => Value::from(until.to_text().ok_or_else(|| Failure::input("This is not a date."))?),
            None => Value::ABSENT,
        };
        let key = format!("{}/{conflict}", self.meta().user);
        self.note(now, reserved::SNOOZES, key, [("until", until)])
    }

    /// Says something about a conflict.
    pub fn comment(
        &self,
        now: Timestamp,
        random: [u8; 10],
        conflict: ChangeId,
        said: &str,
    ) -> Result<Batch, Failure> {
        self.known(conflict)?;
        let said = said.trim();
        if said.is_empty() {
            return Err(Failure::input("Write something first."));
        }
        if said.chars().count() > sync_protocol::limits::COMMENT_CHARS {
            return Err(Failure::input(format!(
                "A comment has at most {} characters. Shorten it, or write two.",
                sync_protocol::limits::COMMENT_CHARS
            )));
        }
        let fields = [
            (reserved::field("conflict"), Value::from(conflict.to_string())),
            (reserved::field("user"), Value::from(self.meta().user.to_string())),
            (reserved::field("text"), Value::from(said)),
            (reserved::field("at"), Value::from(now.to_text().unwrap_or_default())),
        ]
        .into_iter()
        .ordered_map();
        let key = RecordKey::Text(format!("{}/{}", self.meta().user, uuid_key(now, random)));
        self.insert(now, RecordId::new(reserved::collection(reserved::COMMENTS), key), None, fields)
    }

    fn known(&self, conflict: ChangeId) -> Result<(), Failure> {
        let known = self.any_conflict(conflict).is_some();
        known
            .then_some(())
            .ok_or_else(|| Failure::input("This was settled long ago; there is nothing left to review here."))
    }

    fn note(
        &self,
        now: Timestamp,
        collection: &'static str,
        key: String,
        fields: [(&'static str, Value); 1],
    ) -> Result<Batch, Failure> {
        let id = RecordId::new(reserved::collection(collection), RecordKey::Text(key));
        let base = self.reserved(&id);
        let fields = fields.map(|(name, value)| (reserved::field(name), value));
        match self.view(&id, base) {
            Some(seen) => {
                let seen = fields.map(|(name, want)| {
                    let saw = value_of(&seen, &name).clone();
                    (name, Seen { saw, want })
                });
                self.edit(now, id.clone(), base, per_field(seen))
            }
            None if fields.iter().all(|(_, value)| value.is_absent()) => Ok(Batch::default()),
            None => self.insert(now, id.clone(), base, fields.into()),
        }
    }

    fn person(&self, user: UserId) -> Person {
        let id = RecordId::new(reserved::collection(reserved::PEOPLE), RecordKey::Text(user.to_string()));
        let name = self.view(&id, self.reserved(&id)).and_then(|f| text(&f, "name").map(str::to_owned));
        Person { name: name.unwrap_or_default(), user }
    }

    /// The records of a reserved collection as the person sees them.
    pub(super) fn views(&self, collection: &'static str) -> impl Iterator<Item = (RecordId, Fields)> {
        let collection: CollectionId = reserved::collection(collection);
        let base = of_collection(&self.reserved, &collection);
        let pending: Vec<&RecordId> = self.outbox.records_of(&collection).collect();
        let new = pending.into_iter().filter(|id| !self.reserved.contains_key(*id));
        base.chain(new).filter_map(|id| Some((id.clone(), self.view(id, self.reserved(id))?)))
    }
}

fn conflict_of(id: &RecordId) -> Option<ChangeId> {
    match &id.key {
        RecordKey::Text(key) => ChangeId::try_from(key.clone()).ok(),
        RecordKey::Int(_) => None,
    }
}

pub(super) fn text<'a>(fields: &'a Fields, name: &'static str) -> Option<&'a str> {
    fields.get(&FieldName::new(name).expect("constant names are valid")).and_then(Value::as_text)
}
