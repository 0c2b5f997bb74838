//! The times that writes of the mirror get: above what was seen, so that whatever is newer holds against them.

use std::time::Duration;
use sync_protocol::{FieldName, Value};

use super::super::row::{Intent, Shadow, WriteTime};

/// Writes of one cell that can be on their way at once: more come only where the database takes none for long. Then the newest of
/// them is tried until it is seen.
const INTENTS: usize = 32;

/// Bytes of one shadow before no further write is added to those on their way.
const SHADOW_BYTES: usize = 3 << 20;

/// Where nothing can be read (a tombstone, a row's marker), how far back the tries begin: a foreign write that nobody has seen yet
/// shall hold against the first of them.
const LADDER: [Duration; 3] = [Duration::from_hours(24), Duration::from_secs(10), Duration::ZERO];

/// Between two tries at the top at least. What lies in the future (a tombstone of a clock that is ahead) is waited for.
const PAUSE: Duration = Duration::from_millis(1);

/// Notes a write before it is made; false where the newest one on its way is to be seen first.
pub(super) fn intend(shadow: &mut Shadow, field: &FieldName, value: &Value, written: WriteTime) -> bool {
    let full = shadow.size() + value.size() > SHADOW_BYTES;
    let list = shadow.intents.entry(field.clone()).or_default();
    if list.len() >= INTENTS || full && !list.is_empty() {
        return false;
    }
    list.push(Intent { value: value.clone(), written });
    true
}

/// The time for a write where nothing can be read: the smallest that takes effect is wanted. `known`: what it must be above for
/// all that is known. `tried`: the latest try above that, which was made and had no effect. `None`: not yet.
pub(super) fn climb(
    known: Option<WriteTime>,
    tried: Option<WriteTime>,
    read_at: WriteTime,
) -> Option<WriteTime> {
    let rung = |back: Duration| read_at.saturating_sub(as_micros(back));
    match (tried, known) {
        (None, Some(known)) => Some(known.saturating_add(1)),
        (None, None) => Some(rung(LADDER[0])),
        // a rung moves on with the clock, and is still the same one
        (Some(tried), _) => LADDER
            .into_iter()
            .find(|back| rung(*back) >= tried.saturating_add(as_micros((*back / 2).max(PAUSE))))
            .map(rung),
    }
}

fn as_micros(time: Duration) -> WriteTime {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: WriteTime = 1_000_000;
    const NOW: WriteTime = 100 * 86_400 * SECOND;

    #[test]
    fn the_first_try_is_low_and_each_further_one_higher() {
        let mut times = Vec::new();
        for half in 0..8 {
            times.extend(climb(None, times.last().copied(), NOW + half * SECOND / 2));
        }
        let now = |half: i64| NOW + half * SECOND / 2;
        let day = 86_400 * SECOND;
        assert_eq!(times[..3], [now(0) - day, now(1) - 10 * SECOND, now(2)]);
        assert_eq!(times[3..], [3, 4, 5, 6, 7].map(now));
        assert_eq!(climb(Some(NOW - 7 * day), None, NOW), Some(NOW - 7 * day + 1), "above what is known");
        assert_eq!(climb(Some(NOW - 7 * day), Some(NOW - 7 * day + 1), NOW), Some(NOW - day));
        assert_eq!(climb(Some(NOW + day), Some(NOW + day + 1), NOW), None, "the future is waited for");
    }
}
