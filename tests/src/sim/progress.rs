//! How far a long run is, for who waits for it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// So seldom that a log of the run stays readable.
const EVERY: Duration = Duration::from_secs(10);

/// Counts what several threads have done, and says it on the standard error output every ten seconds.
pub struct Progress {
    what: String,
    of: u64,
    done: AtomicU64,
    said: Mutex<Instant>,
}

impl Progress {
    /// What is done, and how much of it there is.
    pub fn new(of: u64, what: impl Into<String>) -> Self {
        Self { what: what.into(), of, done: AtomicU64::new(0), said: Mutex::new(Instant::now()) }
    }

    /// One more is done.
    pub fn one(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        // another thread that says it just now says enough
        if let Ok(mut said) = self.said.try_lock()
            && said.elapsed() >= EVERY
        {
            *said = Instant::now();
            eprintln!("{done} of {} {}", self.of, self.what);
        }
    }
}
