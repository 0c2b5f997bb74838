//! A bounded memory of who tried how often: so many tries at once, then one per pause.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Tries per key. Keys are kept as keyed hashes only. The generic cell rate algorithm: one instant per key.
#[derive(Debug)]
pub struct Throttle {
    burst: u32,
    pause: Duration,
    capacity: usize,
    hasher: RandomState,
    /// When a key will have all its tries again.
    full_at: Mutex<HashMap<u64, Instant>>,
}

impl Throttle {
    /// `burst` tries at once, then one per `pause`; at most `capacity` keys are remembered.
    pub fn new(burst: u32, pause: Duration, capacity: usize) -> Self {
        Self { burst, pause, capacity, hasher: RandomState::new(), full_at: Mutex::default() }
    }

    /// Takes a try, or says how long to wait for the next one.
    pub fn take(&self, key: impl Hash, now: Instant) -> Result<(), Duration> {
        let key = self.hasher.hash_one(key);
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let next = full_at.get(&key).copied().unwrap_or(now).max(now) + self.pause;
        let wait = next.duration_since(now).saturating_sub(self.pause * self.burst);
        if !wait.is_zero() {
            return Err(wait);
        }
        if full_at.len() >= self.capacity && !full_at.contains_key(&key) {
            make_room(&mut full_at, now);
        }
        full_at.insert(key, next);
        Ok(())
    }

    /// Gives one try back: this one knew the password.
    pub fn give_back(&self, key: impl Hash) {
        let key = self.hasher.hash_one(key);
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = full_at.get_mut(&key) {
            *at = at.checked_sub(self.pause).unwrap_or(*at);
        }
    }
}

/// A bounded set of keys that were seen, as keyed hashes; where there are too many, the half that was seen last stays.
#[derive(Debug)]
pub struct Seen {
    capacity: usize,
    hasher: RandomState,
    seen: Mutex<HashMap<u64, Instant>>,
}

impl Seen {
    /// At most so many.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, hasher: RandomState::new(), seen: Mutex::default() }
    }

    /// Whether that one was seen.
    pub fn has(&self, key: impl Hash) -> bool {
        let key = self.hasher.hash_one(key);
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&key)
    }

    /// That one is seen now.
    pub fn note(&self, key: impl Hash, now: Instant) {
        let key = self.hasher.hash_one(key);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= self.capacity && !seen.contains_key(&key) {
            keep_later_half(&mut seen);
        }
        seen.insert(key, now);
    }
}

/// Forgets whoever has all tries again, and where that is not enough, the half that has most of them.
fn make_room(full_at: &mut HashMap<u64, Instant>, now: Instant) {
    let before = full_at.len();
    full_at.retain(|_, at| *at > now);
    if full_at.len() == before {
        keep_later_half(full_at);
    }
}

fn keep_later_half(instants: &mut HashMap<u64, Instant>) {
    let mut sorted: Vec<Instant> = instants.values().copied().collect();
    let middle = sorted.len() / 2;
    let (_, median, _) = sorted.select_nth_unstable(middle);
    let median = *median;
    instants.retain(|_, at| *at > median);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_run_out_and_come_back() {
        let throttle = Throttle::new(3, Duration::from_secs(10), 100);
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(throttle.take("a", start), Ok(()));
        }
        assert_eq!(throttle.take("a", start), Err(Duration::from_secs(10)));
        assert_eq!(throttle.take("b", start), Ok(()), "others are not concerned");
        assert_eq!(throttle.take("a", start + Duration::from_secs(4)), Err(Duration::from_secs(6)));
        assert_eq!(throttle.take("a", start + Duration::from_secs(10)), Ok(()));
        throttle.give_back("a");
        assert_eq!(throttle.take("a", start + Duration::from_secs(10)), Ok(()), "one is given back");
        assert!(throttle.take("a", start + Duration::from_secs(10)).is_err(), "and no more");
    }

    #[test]
    fn memory_is_bounded_and_keeps_the_worst() {
        let throttle = Throttle::new(3, Duration::from_secs(10), 100);
        let now = Instant::now();
        for _ in 0..3 {
            assert_eq!(throttle.take("guesser", now), Ok(()));
        }
        for n in 0..10_000 {
            assert_eq!(throttle.take(n, now), Ok(()));
        }
        assert!(throttle.full_at.lock().unwrap().len() <= 100);
        assert!(throttle.take("guesser", now).is_err(), "a flood of others does not clear a guesser");
    }
}
