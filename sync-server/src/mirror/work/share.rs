//! How much of the time looking for changes may take: a table that is written without a pause is not added up without a pause.

use std::time::Duration;
use tokio::time::Instant;

/// In the long run looking takes one second of so many.
const OF: u32 = 3;
/// So much rest may be owed before one waits: somebody who writes now and then is followed at once.
const OWED: Duration = Duration::from_secs(20);

/// The rest that rounds owe.
#[derive(Debug, Default)]
pub struct Share {
    /// When none is owed any more.
    even: Option<Instant>,
}

impl Share {
    /// A round began then and looked for so long.
    pub fn took(&mut self, begun: Instant, time: Duration) {
        let even = self.even.map_or(begun, |even| even.max(begun));
        self.even = Some(even + time * OF);
    }

    /// Whether a round may begin.
    pub fn is_free(&self, now: Instant) -> bool {
        self.even.is_none_or(|even| even.saturating_duration_since(now) <= OWED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_rounds_follow_each_other_and_many_take_a_third_of_the_time() {
        let begun = Instant::now();
        let (mut share, mut now, mut rounds) = (Share::default(), begun, Vec::new());
        while now < begun + Duration::from_secs(600) {
            if share.is_free(now) {
                rounds.push(now);
                share.took(now, Duration::from_secs(1));
                now += Duration::from_secs(1);
            }
            now += Duration::from_millis(100);
        }
        let after = |seconds| begun + Duration::from_secs(seconds);
        assert!(rounds.iter().filter(|at| **at < after(12)).count() >= 10);
        assert!((195..=215).contains(&rounds.len()), "{}", rounds.len());
    }
}
