//! How long ago, in words.

use sync_protocol::Timestamp;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// `just now`, `3 minutes ago`, `2 days ago`; a time to come, within a device's wrong clock, is `just now`.
pub fn ago(now: Timestamp, at: Timestamp) -> String {
    match seconds(now, at) {
        s if s < 10 => "just now".to_owned(),
        s => format!("{} ago", span(s)),
    }
}

/// `in 5 seconds`; `now` for what is due.
pub fn until(now: Timestamp, at: Timestamp) -> String {
    match seconds(at, now) {
        0 => "now".to_owned(),
        s => format!("in {}", span(s)),
    }
}

fn seconds(late: Timestamp, early: Timestamp) -> i64 {
    (late.0.saturating_sub(early.0) / 1000).max(0)
}

fn span(seconds: i64) -> String {
    let (n, unit) = match seconds {
        s if s < MINUTE => (s, "second"),
        s if s < HOUR => (s / MINUTE, "minute"),
        s if s < 2 * DAY => (s / HOUR, "hour"),
        s => (s / DAY, "day"),
    };
    if n == 1 { format!("1 {unit}") } else { format!("{n} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        let now = Timestamp(1_000_000_000);
        let before = |s: i64| Timestamp(now.0 - s * 1000);
        for (seconds, words) in [
            (-500, "just now"),
            (3, "just now"),
            (45, "45 seconds ago"),
            (60, "1 minute ago"),
            (3 * HOUR, "3 hours ago"),
            (30 * HOUR, "30 hours ago"),
            (72 * HOUR, "3 days ago"),
        ] {
            assert_eq!(ago(now, before(seconds)), words);
        }
        assert_eq!(until(now, before(-5)), "in 5 seconds");
        assert_eq!(until(now, before(5)), "now");
    }
}
