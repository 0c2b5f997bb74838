//! What one server at a time has of a mirror, for as long as it renews it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

use crate::store::cassandra::LEASE;

/// Without word of its lease for so long a server writes nothing more: well before another one may take it.
const LOST: Duration = Duration::from_secs(LEASE.as_secs() - 4);

/// A lease as this server knows of it.
#[derive(Debug)]
pub struct Lease(Mutex<Instant>);

impl Lease {
    /// One that was asked for at that time, and given.
    pub fn given(asked: Instant) -> Self {
        Self(Mutex::new(asked))
    }

    /// It was renewed, and that was asked for at that time.
    pub fn renewed(&self, asked: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = asked;
    }

    /// How long ago it was asked for.
    pub fn age(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Whether it certainly is this server's.
    pub fn holds(&self) -> bool {
        self.age() < LOST
    }
}
