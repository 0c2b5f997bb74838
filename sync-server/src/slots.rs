//! How much one user, and all of them together, may have under way at once: requests, or KiB of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use sync_protocol::UserId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::answer::Failure;

/// A bounded number of places, bounded also per user. The bound of all is at most 2^32 - 1.
#[derive(Clone, Debug)]
pub struct Slots {
    overall: Arc<Semaphore>,
    per_user: usize,
    taken: Arc<Mutex<HashMap<UserId, usize>>>,
}

/// Places of one user, given back when dropped. Lives with the work, not with the connection that asked for it.
#[derive(Debug)]
pub struct Slot {
    overall: OwnedSemaphorePermit,
    slots: Slots,
    user: UserId,
}

/// A place that is nobody's yet.
#[derive(Debug)]
pub struct Entered {
    overall: OwnedSemaphorePermit,
    slots: Slots,
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
    ///
    /// # Errors
    /// Slow down, where this user has all of theirs; unavailable, where all are taken.
    pub fn take(&self, user: UserId) -> Result<Slot, Failure> {
        self.enter()?.of(user)
    }

    /// Takes a place before it is known for whom.
    ///
    /// # Errors
    /// Unavailable, where all are taken.
    pub fn enter(&self) -> Result<Entered, Failure> {
        Ok(Entered { overall: self.overall(1)?, slots: self.clone() })
    }

    fn overall(&self, count: usize) -> Result<OwnedSemaphorePermit, Failure> {
        let many = u32::try_from(count).unwrap_or(u32::MAX);
        Arc::clone(&self.overall).try_acquire_many_owned(many).map_err(|_| {
            Failure::unavailable("The server has as much to do as it can. Your device sends again by itself.")
        })
    }

    /// Counts so many more for a user.
    fn count(&self, user: UserId, count: usize) -> Result<(), Failure> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.get(&user).copied().unwrap_or_default();
        if own + count > self.per_user {
            return Err(Failure::slow_down(
                "Your account has as much under way as one may have at once. Close some windows or devices; yours sends again by itself.",
                Duration::from_secs(5),
            ));
        }
        taken.insert(user, own + count);
        Ok(())
    }
}

impl Entered {
    /// Makes it a user's.
    ///
    /// # Errors
    /// Slow down, where this user has all of theirs.
    pub fn of(self, user: UserId) -> Result<Slot, Failure> {
        let Self { overall, slots } = self;
        slots.count(user, 1)?;
        Ok(Slot { overall, slots, user })
    }
}

impl Slot {
    /// Takes so many more places.
    ///
    /// # Errors
    /// As [`Slots::take`]; what was taken before stays.
    pub fn more(&mut self, count: usize) -> Result<(), Failure> {
        let overall = self.slots.overall(count)?;
        self.slots.count(self.user, count)?;
        self.overall.merge(overall);
        Ok(())
    }

    /// How many places these are.
    pub fn size(&self) -> usize {
        self.overall.num_permits()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.user) {
            *count -= self.overall.num_permits();
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

    #[test]
    fn what_grows_is_bounded_as_it_grows() {
        let user = |n| UserId(uuid::Uuid::from_u128(n));
        let slots = Slots::new(10, 6);
        let mut one = slots.take(user(1)).unwrap();
        one.more(5).unwrap();
        assert_eq!(one.more(1).unwrap_err().problem.code, ProblemCode::SlowDown);
        let mut two = slots.take(user(2)).unwrap();
        assert_eq!(two.more(4).unwrap_err().problem.code, ProblemCode::Unavailable);
        assert_eq!((one.size(), two.size(), slots.in_use()), (6, 1, 7));
        drop(one);
        two.more(4).unwrap();
        drop(two);
        assert_eq!(slots.in_use(), 0);
    }
}
