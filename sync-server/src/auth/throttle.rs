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

    /// Gives all tries back: this one knew the password.
    pub fn clear(&self, key: impl Hash) {
        let key = self.hasher.hash_one(key);
        self.full_at.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }
}

/// Forgets whoever has all tries again, and where that is not enough, the half that has most of them.
fn make_room(full_at: &mut HashMap<u64, Instant>, now: Instant) {
    let before = full_at.len();
    full_at.retain(|_, at| *at > now);
    if full_at.len() == before {
        let mut instants: Vec<Instant> = full_at.values().copied().collect();
        let middle = instants.len() / 2;
        let (_, median, _) = instants.select_nth_unstable(middle);
        let median = *median;
        full_at.retain(|_, at| *at > median);
    }
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
        throttle.clear("a");
        assert_eq!(throttle.take("a", start), Ok(()));
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
