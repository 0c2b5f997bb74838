//! How a mirror stands: told by the server that works on it, read by whoever asks.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use sync_protocol::Timestamp;
use utoipa::ToSchema;

/// Rows that are listed of those that cannot be taken: what a person looks at; the number tells of the rest.
const LISTED: usize = 20;

/// How a mirror stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Status {
    /// When this was told, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// What its server is at.
    pub phase: Phase,
    /// How far a round over the rows has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Rows that are mirrored.
    pub rows: u64,
    /// The last round over the table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_round: Option<Round>,
    /// Writes of other programs that were found since its server took it over.
    pub found: u64,
    /// Rows that were written to the table since then.
    pub written: u64,
    /// Rows with fields that wait for a person, of those seen since then.
    pub parked: u64,
    /// Changes of records that wait to be carried to the table.
    pub behind: u64,
    /// When all that was known then had been carried both ways.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub in_step_at: Option<Timestamp>,
    /// A program that writes with a clock that is ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ahead: Option<Ahead>,
    /// How many rows and records cannot be taken as they are.
    pub refused: u64,
    /// The first of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused_rows: Vec<RefusedRow>,
    /// What is in the way for the moment; it is tried again by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// What a mirror's server is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing yet.
    #[default]
    Starting,
    /// A round over all rows and records, by value.
    Comparing,
    /// Everything has been compared: only what changes is read.
    Following,
}

/// How far a round has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// Rows looked at.
    pub done: u64,
    /// Of about so many.
    pub of: u64,
}

/// A round over the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Round {
    /// When it ended.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Ranges that were added up.
    pub ranges: u64,
    /// Of these, ranges whose rows were read.
    pub read: u64,
    /// Rows that were another one than was agreed on.
    pub differing: u64,
}

/// A program that writes with a clock that is ahead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ahead {
    /// The last row where that was seen.
    pub key: String,
    /// How far, in milliseconds.
    pub by_ms: u64,
    /// When.
    #[schema(value_type = i64)]
    pub at: Timestamp,
}

/// A row or record that cannot be taken as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefusedRow {
    /// Its key.
    pub key: String,
    /// Why, for people.
    pub reason: String,
}

/// A time as people say it, in whole units.
pub fn span(time: Duration) -> String {
    match time.as_secs() {
        0..100 => format!("{} s", time.as_secs()),
        seconds @ 100..6_000 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3_600),
    }
}

/// A status under way.
#[derive(Debug, Default)]
pub struct Board(Mutex<Written>);

#[derive(Debug, Default)]
struct Written {
    status: Status,
    refused: BTreeMap<String, String>,
    parked: BTreeSet<String>,
}

impl Board {
    /// Changes it.
    pub fn set(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.lock().status);
    }

    /// The status as it is.
    pub fn read(&self) -> Status {
        let written = self.lock();
        let mut status = written.status.clone();
        (status.refused, status.parked) = (written.refused.len() as u64, written.parked.len() as u64);
        let listed = written.refused.iter().take(LISTED);
        status.refused_rows =
            listed.map(|(key, reason)| RefusedRow { key: key.clone(), reason: reason.clone() }).collect();
        status
    }

    /// A row cannot be taken.
    pub fn refuse(&self, key: &str, reason: String) {
        let refused = &mut self.lock().refused;
        if refused.len() < MOST_REFUSED || refused.contains_key(key) {
            refused.insert(key.to_owned(), reason);
        }
    }

    /// A row is taken after all.
    pub fn accept(&self, key: &str) {
        let refused = &mut self.lock().refused;
        if !refused.is_empty() {
            refused.remove(key);
        }
    }

    /// Fields of a row wait for a person, or do not any more.
    pub fn park(&self, key: &str, waits: bool) {
        let parked = &mut self.lock().parked;
        if !waits {
            parked.remove(key);
        } else if parked.len() < MOST_REFUSED {
            parked.insert(key.to_owned());
        }
    }

    /// A program's clock is ahead.
    pub fn ahead(&self, key: &str, by: Duration, at: Timestamp) {
        let by_ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.set(|status| status.ahead = Some(Ahead { key: key.to_owned(), by_ms, at }));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refused rows, and rows that wait, that are remembered: the number that is told ends there.
const MOST_REFUSED: usize = 10_000;
