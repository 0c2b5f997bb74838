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
/// all that is known. `tried`: the latest try above that, and how many there were; it had no effect, or was not made. What
/// lies in the future (a tombstone of a clock that is ahead) is waited for, in growing steps. `None`: not yet.
pub(super) fn climb(
    known: Option<WriteTime>,
    tried: Option<(WriteTime, usize)>,
    read_at: WriteTime,
) -> Option<WriteTime> {
    let first = known.map(|known| known.saturating_add(1));
    let back = |back: Duration| read_at.saturating_sub(as_micros(back));
    let rungs: Vec<WriteTime> = first.into_iter().chain(LADDER.map(back)).collect();
    let Some((latest, tries)) = tried else { return rungs.first().copied() };
    let next = rungs.iter().copied().skip(tries.min(rungs.len() - 1)).find(|rung| *rung > latest)?;
    let pause = match tries.checked_sub(rungs.len()) {
        Some(waits) => as_micros(Duration::from_secs(1 << waits.min(20))),
        None => 0,
    };
    (next.saturating_sub(latest) >= pause).then_some(next)
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
        for second in 0..5 {
            let tried = times.last().map(|last| (*last, times.len()));
            times.extend(climb(None, tried, NOW + second * SECOND));
        }
        let day = 86_400 * SECOND;
        assert_eq!(
            times,
            [
                NOW - day,
                NOW + SECOND - 10 * SECOND,
                NOW + 2 * SECOND,
                NOW + 3 * SECOND,
                // the next one only after a pause of two seconds
            ]
        );
        assert_eq!(climb(Some(NOW - 7 * day), None, NOW), Some(NOW - 7 * day + 1), "above what is known");
        assert_eq!(climb(Some(NOW - 7 * day), Some((NOW - 7 * day + 1, 1)), NOW), Some(NOW - day));
        assert_eq!(climb(Some(NOW + day), Some((NOW + day + 1, 1)), NOW), None, "the future is waited for");
    }

    #[test]
    fn a_day_of_waiting_takes_few_tries() {
        let (mut tried, mut tries) = (None, 0);
        for second in 0..86_400 {
            if let Some(at) = climb(None, tried, NOW + second * SECOND) {
                tries += 1;
                tried = Some((at, tries));
            }
        }
        assert!(tries < INTENTS, "{tries}");
    }
}
