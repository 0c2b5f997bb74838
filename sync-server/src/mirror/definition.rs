//! What an owner set: which table is which collection, and how.
//!
//! Kept in the directory of mirrors ([`crate::store::cassandra`]), for servers; and told to devices as a record of the reserved
//! collection `_mirrors`, which nobody but the server writes.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use sync_protocol::mirror::{Direction, Expiry};
use sync_protocol::schema::reserved;
use sync_protocol::{CollectionId, Fields, RecordId, RecordKey, Timestamp, Value, WorkspaceId, limits};
use uuid::Uuid;

use super::cql::mapping::Chosen;
use super::look::Mapped;

/// A mirror.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Which.
    pub id: Uuid,
    /// Whose.
    pub workspace: WorkspaceId,
    /// The collection.
    pub collection: CollectionId,
    /// The table, and which of its columns are which fields.
    pub chosen: Chosen,
    /// Which way changes go.
    pub direction: Direction,
    /// What an expiry means.
    pub expiry: Expiry,
    /// Who defined it: a person's name, or that it was the command line.
    pub by: String,
    /// When.
    pub made_at: Timestamp,
    /// Whether it runs.
    pub state: State,
    /// Counts how often somebody asked for a round over all rows.
    #[serde(default)]
    pub rounds_asked: u64,
    /// How many of those were made.
    #[serde(default)]
    pub rounds_done: u64,
    /// Until then, that most rows are gone is taken for what was meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_meant_until: Option<Timestamp>,
}

/// Whether a mirror runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum State {
    /// It runs.
    Running,
    /// Nothing is read or written until somebody resumes it.
    Paused {
        /// Why, and what to do. A sentence for people.
        reason: String,
        /// Since when.
        at: Timestamp,
        /// Whether because most rows are gone: who resumes it says whether that was meant.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        loss: bool,
    },
    /// All was brought over, one time.
    Done,
    /// What is kept of it is being taken away.
    Removing,
}

impl State {
    /// The name that is shown.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused { .. } => "paused",
            Self::Done => "done",
            Self::Removing => "removing",
        }
    }
}

impl Definition {
    /// What the partitions have to know of it.
    pub fn mapped(&self) -> Mapped {
        let read_only = self.chosen.columns.iter().filter(|column| column.read_only);
        Mapped {
            mirror: self.id,
            fields: self.chosen.columns.iter().map(|column| column.field.clone()).collect(),
            read_only: read_only.map(|column| column.field.clone()).collect::<BTreeSet<_>>(),
            inward: self.direction != Direction::Out,
            outward: matches!(self.direction, Direction::Both | Direction::Out),
            expiry: self.expiry,
        }
    }

    /// Whether it is what a server at work on it knows. That a round was made which was asked for is no news to the one
    /// who made it.
    pub fn is_as_known(&self, known: &Self) -> bool {
        *known == Self { rounds_done: known.rounds_done, ..self.clone() }
    }

    /// A server at work on it stops, for it found that nothing goes on without a person. Whether it is paused now: what
    /// somebody set meanwhile, above all that the loss of most rows was meant, is worked on first.
    pub fn stops(&mut self, known: &Self, reason: &str, at: Timestamp, loss: bool) -> bool {
        self.is_as_known(known) && self.pauses(reason, at, loss)
    }

    /// Nothing is read or written until it is resumed; `loss`: because most rows are gone. Whether it ran.
    pub fn pauses(&mut self, reason: &str, at: Timestamp, loss: bool) -> bool {
        let ran = self.state == State::Running;
        if ran {
            self.state = State::Paused { reason: reason.to_owned(), at, loss };
        }
        ran
    }

    /// The table as people write it.
    pub fn table(&self) -> String {
        format!("{}.{}", self.chosen.keyspace, self.chosen.table)
    }

    /// The record by which devices know of it.
    pub fn record(&self) -> (RecordId, Fields) {
        let text = |text: &str| Value::from(text.chars().take(limits::LABEL_CHARS).collect::<String>());
        let columns: BTreeMap<&str, serde_json::Value> = self
            .chosen
            .columns
            .iter()
            .map(|column| {
                let mut about = serde_json::json!({ "column": column.column, "type": column.cql });
                if column.read_only {
                    about["read_only"] = true.into();
                }
                (column.field.as_str(), about)
            })
            .collect();
        let field = reserved::field;
        let mut fields = Fields::from([
            (field("collection"), text(self.collection.as_str())),
            (field("keyspace"), text(&self.chosen.keyspace)),
            (field("table"), text(&self.chosen.table)),
            (field("direction"), text(self.direction.name())),
            (field("state"), text(self.state.name())),
            (field("columns"), Value(serde_json::json!(columns))),
            (field("by"), text(&self.by)),
        ]);
        if let State::Paused { reason, .. } = &self.state {
            let reason: String =
                reason.chars().filter(|c| !c.is_control()).take(limits::LABEL_CHARS).collect();
            fields.insert(field("reason"), Value::from(reason));
        }
        (self.record_id(), fields)
    }

    /// Which record that is.
    pub fn record_id(&self) -> RecordId {
        RecordId::new(reserved::collection(reserved::MIRRORS), RecordKey::Text(self.id.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> Definition {
        Definition {
            id: Uuid::from_u128(1),
            workspace: WorkspaceId(Uuid::from_u128(2)),
            collection: CollectionId::new("things").unwrap(),
            chosen: Chosen {
                keyspace: "shop".into(),
                table: "things".into(),
                id: Uuid::from_u128(3),
                key: Vec::new(),
                columns: Vec::new(),
            },
            direction: Direction::Both,
            expiry: Expiry::Delete,
            by: "Ada".into(),
            made_at: Timestamp(1),
            state: State::Running,
            rounds_asked: 1,
            rounds_done: 0,
            loss_meant_until: None,
        }
    }

    #[test]
    fn a_server_that_has_not_heard_of_the_answer_does_not_stop_it_again() {
        let known = running();
        let mut now = Definition { rounds_done: 1, ..running() };
        assert!(now.stops(&known, "11 of 12 rows are gone", Timestamp(5), true));
        assert_eq!(now.state.name(), "paused");
        // a person resumed it, and said that this was meant
        let mut now = Definition { loss_meant_until: Some(Timestamp(9)), ..running() };
        assert!(!now.stops(&known, "11 of 12 rows are gone", Timestamp(6), true));
        assert_eq!(now.state, State::Running);
        // who knows of that may stop it for another reason
        let known = now.clone();
        assert!(now.stops(&known, "the table is gone", Timestamp(7), false));
    }
}
