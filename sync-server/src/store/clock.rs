//! The server's clock, as an argument: stamps are clamped to it and rows expire by it. Never decides an order.

use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use sync_protocol::Timestamp;

/// Tells the time.
pub trait Clock: Debug + Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Now, for what is measured: never goes back.
    fn instant(&self) -> Instant {
        Instant::now()
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// A clock that moves only when told to: for tests and the simulation.
#[derive(Debug)]
pub struct ManualClock {
    shown: AtomicI64,
    /// Milliseconds by which it was moved on.
    moved: AtomicU64,
    start: Instant,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { shown: AtomicI64::new(now.0), moved: AtomicU64::new(0), start: Instant::now() }
    }

    /// Sets it; backwards, too.
    pub fn set(&self, now: Timestamp) {
        self.shown.store(now.0, Ordering::SeqCst);
    }

    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        self.shown.fetch_add(by.as_millis() as i64, Ordering::SeqCst);
        self.moved.fetch_add(by.as_millis() as u64, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.shown.load(Ordering::SeqCst))
    }

    fn instant(&self) -> Instant {
        self.start + Duration::from_millis(self.moved.load(Ordering::SeqCst))
    }
}

/// When a row written now with that time to live is gone.
pub(crate) fn expiry(now: Timestamp, ttl: Duration) -> Timestamp {
    Timestamp(now.0.saturating_add(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX)))
}
