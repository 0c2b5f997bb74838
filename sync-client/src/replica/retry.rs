//! When to try again: exponential backoff with full jitter and a cap.

use sync_protocol::Timestamp;

use crate::limits;

/// The waits after failures in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
    until: Option<Timestamp>,
}

impl Backoff {
    /// Whether nothing has to be waited for.
    pub fn is_due(&self, now: Timestamp) -> bool {
        // a wait that is longer than any that is ever begun: the clock was set back
        self.until.is_none_or(|until| now >= until || until.0 - now.0 > limits::RETRY_MOST_MS as i64)
    }

    /// Whether a try may begin; a wait that is over is forgotten, so that [`Backoff::until`] tells of waits alone.
    pub fn begin(&mut self, now: Timestamp) -> bool {
        let due = self.is_due(now);
        if due {
            self.until = None;
        }
        due
    }

    /// When the next try is due, if a wait is on.
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// A try failed. `random` is uniform over all numbers; `at_least` is what the server asked for, in milliseconds.
    pub fn failed(&mut self, now: Timestamp, random: u64, at_least: Option<u64>) {
        let ceiling =
            limits::RETRY_FIRST_MS.saturating_mul(1 << self.failures.min(20)).min(limits::RETRY_CAP_MS);
        // full jitter, but never at once: a loop without a wait is a storm
        let wait = (random % ceiling.max(1)).max(limits::RETRY_FIRST_MS / 4);
        let wait = wait.max(at_least.unwrap_or(0).min(limits::RETRY_MOST_MS));
        self.failures = self.failures.saturating_add(1);
        self.until = Some(Timestamp(now.0.saturating_add(wait as i64)));
    }

    /// A try succeeded.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Something (the network came back, a click) is a reason to try now.
    pub fn now(&mut self) {
        self.until = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_end_with_success() {
        let mut backoff = Backoff::default();
        let mut longest = 0;
        for n in 0..40 {
            let now = Timestamp(1_000_000);
            backoff.failed(now, u64::MAX - n, None);
            let wait = backoff.until().unwrap().0 - now.0;
            assert!((125..=60_000).contains(&wait), "{wait}");
            assert!(!backoff.is_due(now) && backoff.is_due(Timestamp(now.0 + wait)));
            longest = longest.max(wait);
        }
        assert!(longest > 30_000);
        backoff.failed(Timestamp(0), 0, Some(90_000));
        assert_eq!(backoff.until(), Some(Timestamp(90_000)), "Retry-After is honoured");
        backoff.now();
        assert!(backoff.is_due(Timestamp(0)));
        backoff.succeeded();
        assert_eq!(backoff, Backoff::default());
    }

    #[test]
    fn the_longest_wait_that_is_asked_for_is_waited() {
        for asked in [121_000, limits::UPDATE_RETRY_MS, limits::RETRY_MOST_MS, u64::MAX] {
            let (mut backoff, now) = (Backoff::default(), Timestamp(5));
            backoff.failed(now, 0, Some(asked));
            let until = backoff.until().unwrap();
            assert_eq!(until.0 - now.0, asked.min(limits::RETRY_MOST_MS) as i64);
            assert!(!backoff.is_due(now) && !backoff.is_due(Timestamp(until.0 - 1)) && backoff.is_due(until));
        }
    }

    #[test]
    fn a_try_that_has_begun_waits_for_nothing() {
        let mut backoff = Backoff::default();
        backoff.failed(Timestamp(0), 0, Some(1_000));
        assert!(!backoff.begin(Timestamp(999)) && backoff.until().is_some());
        assert!(backoff.begin(Timestamp(1_000)));
        assert_eq!(backoff.until(), None, "or the one who waits for it would wake at once, again and again");
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_wait_for_ever() {
        let mut backoff = Backoff::default();
        backoff.failed(Timestamp(86_400_000), 400, None);
        assert!(backoff.is_due(Timestamp(0)));
    }
}
