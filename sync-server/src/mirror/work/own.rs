//! The mirror's own writes, counted: so that they are not taken for somebody else's.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How many writes were begun, and how many are certainly done.
#[derive(Debug, Default)]
pub struct OwnWrites {
    begun: AtomicU64,
    done: AtomicU64,
    doubt: AtomicBool,
}

/// A write under way; one that is forgotten counts as in doubt.
#[derive(Debug)]
pub struct OwnWrite<'a>(&'a OwnWrites, bool);

impl OwnWrites {
    /// A write begins.
    pub fn begins(&self) -> OwnWrite<'_> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        OwnWrite(self, false)
    }

    /// Writes that are certainly done.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::SeqCst)
    }

    /// Writes that were begun.
    pub fn begun(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }

    /// Whether nobody knows what became of one since this was last asked.
    pub fn take_doubt(&self) -> bool {
        self.doubt.swap(false, Ordering::SeqCst)
    }
}

impl OwnWrite<'_> {
    /// The database has it.
    pub fn done(mut self) {
        self.1 = true;
        self.0.done.fetch_add(1, Ordering::SeqCst);
    }

    /// It was never sent.
    pub fn never_sent(mut self) {
        self.1 = true;
        self.0.begun.fetch_sub(1, Ordering::SeqCst);
    }

    /// Nobody knows.
    pub fn in_doubt(self) {}
}

impl Drop for OwnWrite<'_> {
    fn drop(&mut self) {
        if !self.1 {
            self.0.done.fetch_add(1, Ordering::SeqCst);
            self.0.doubt.store(true, Ordering::SeqCst);
        }
    }
}
