//! How much one user, and all of them together, may have under way at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use sync_protocol::UserId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::answer::Failure;

/// A bounded number of places, bounded also per user.
#[derive(Clone, Debug)]
pub struct Slots {
    overall: Arc<Semaphore>,
    per_user: usize,
    taken: Arc<Mutex<HashMap<UserId, usize>>>,
}

/// A place, given back when dropped.
#[derive(Debug)]
pub struct Slot {
    _overall: OwnedSemaphorePermit,
    taken: Arc<Mutex<HashMap<UserId, usize>>>,
    user: UserId,
}

impl Slots {
    /// So many places, and so many per user.
    pub fn new(overall: usize, per_user: usize) -> Self {
        Self { overall: Arc::new(Semaphore::new(overall)), per_user, taken: Arc::default() }
    }

    /// How many places are taken.
    pub fn in_use(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// Takes a place or says which bound is reached.
    pub fn take(&self, user: UserId) -> Result<Slot, Failure> {
        let overall = Arc::clone(&self.overall).try_acquire_owned().map_err(|_| {
            Failure::unavailable("The server has as much to do as it can. Your device sends again by itself.")
        })?;
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(user).or_default();
        if *count >= self.per_user {
            return Err(Failure::slow_down(
                format!(
                    "You have {} requests of this kind under way already, which is the most. Close some windows or devices.",
                    self.per_user
                ),
                Duration::from_secs(5),
            ));
        }
        *count += 1;
        drop(taken);
        Ok(Slot { _overall: overall, taken: Arc::clone(&self.taken), user })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_protocol::message::ProblemCode;

    #[test]
    fn places_are_bounded_per_user_and_overall_and_come_back() {
        let user = |n| UserId(uuid::Uuid::from_u128(n));
        let slots = Slots::new(3, 2);
        let held = [slots.take(user(1)).unwrap(), slots.take(user(1)).unwrap()];
        assert_eq!(slots.take(user(1)).unwrap_err().problem.code, ProblemCode::SlowDown);
        let other = slots.take(user(2)).unwrap();
        assert_eq!(slots.take(user(3)).unwrap_err().problem.code, ProblemCode::Unavailable);
        drop(held);
        drop(other);
        assert_eq!(slots.in_use(), 0);
        assert!(slots.take(user(1)).is_ok());
    }
}
