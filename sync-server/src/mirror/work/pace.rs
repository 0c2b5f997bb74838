//! How much of a table is asked for at once: as much as it answers quickly.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const LEAST: usize = 2;
const MOST: usize = 48;
/// A row that takes longer than this on the average keeps others waiting: the database has enough to do.
const SLOW: Duration = Duration::from_millis(60);

/// Requests for single rows at once.
#[derive(Debug)]
pub struct Pace(AtomicUsize);

impl Default for Pace {
    fn default() -> Self {
        Self(AtomicUsize::new(12))
    }
}

impl Pace {
    /// So many at once.
    pub fn at_once(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// So many rows took so long altogether.
    pub fn took(&self, rows: usize, time: Duration) {
        let at_once = self.at_once();
        if rows < at_once {
            return;
        }
        let each = time * u32::try_from(at_once).unwrap_or(1) / u32::try_from(rows).unwrap_or(u32::MAX);
        let next = if each > SLOW { at_once / 2 } else { at_once + 2 };
        self.0.store(next.clamp(LEAST, MOST), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_database_is_asked_for_less() {
        let pace = Pace::default();
        pace.took(100, Duration::from_millis(100));
        assert_eq!(pace.at_once(), 14);
        for _ in 0..10 {
            pace.took(100, Duration::from_secs(60));
        }
        assert_eq!(pace.at_once(), LEAST);
    }
}
