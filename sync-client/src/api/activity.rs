//! What a device has sent and received lately.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sync_protocol::{CollectionId, Timestamp};

/// What was sent or received within about a minute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityInfo {
    /// When it began, by this device's clock.
    pub at: Timestamp,
    /// Whether it was sent; else it was received.
    pub sent: bool,
    /// How many changes, by collection; of received copies, how many records.
    pub of: BTreeMap<CollectionId, u64>,
    /// How many of them are in collections beyond the first ones, that are not told apart any more.
    #[serde(default, skip_serializing_if = "is_none")]
    pub others: u64,
    /// Refused by the server.
    #[serde(default, skip_serializing_if = "is_none")]
    pub refused: u64,
    /// Merged with what others had changed.
    #[serde(default, skip_serializing_if = "is_none")]
    pub merged: u64,
    /// Met another change, so that a person is asked.
    #[serde(default, skip_serializing_if = "is_none")]
    pub review: u64,
}

impl ActivityInfo {
    /// All of its changes.
    pub fn total(&self) -> u64 {
        self.of.values().sum::<u64>() + self.others
    }
}

fn is_none(n: &u64) -> bool {
    *n == 0
}
