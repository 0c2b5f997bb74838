//! How a mirror stands: told by the server that works on it, read by whoever asks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use sync_protocol::Timestamp;
use sync_protocol::mirror::{Ahead, MirrorStatus, RefusedRow};

/// Rows that are listed of those that cannot be taken: what a person looks at; the number tells of the rest.
const LISTED: usize = 20;

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
    status: MirrorStatus,
    refused: BTreeMap<String, String>,
    parked: BTreeSet<String>,
}

impl Board {
    /// Changes it.
    pub fn set(&self, change: impl FnOnce(&mut MirrorStatus)) {
        change(&mut self.lock().status);
    }

    /// The status as it is.
    pub fn read(&self) -> MirrorStatus {
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
