//! What makes one window of rows out of another: few steps where little changed.

use std::collections::BTreeSet;

use sync_protocol::RecordKey;

/// One step among keys, as [`RowStep`](crate::api::RowStep) is one among rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum KeyStep {
    Remove(usize),
    Move(usize, usize),
    Insert(usize),
}

/// Keys in their order, and the same without one.
#[derive(Clone, Copy)]
pub(super) struct Listed<'a> {
    pub(super) list: &'a [RecordKey],
    pub(super) set: &'a BTreeSet<RecordKey>,
}

/// The steps from one list of keys to another: removals from the end on, moves, insertions from the start on. Keys that did
/// not change keep their order among each other. `None` where they do not, or where it takes more than `most` steps.
pub(super) fn between(
    before: Listed<'_>,
    now: Listed<'_>,
    changed: &BTreeSet<RecordKey>,
    most: usize,
) -> Option<Vec<KeyStep>> {
    let (stay, stayed) =
        (|key: &&RecordKey| now.set.contains(*key), |key: &&RecordKey| before.set.contains(*key));
    let fixed = |key: &&RecordKey| !changed.contains(*key);
    let mut list: Vec<&RecordKey> = before.list.iter().filter(stay).collect();
    if !list.iter().copied().filter(fixed).eq(now.list.iter().filter(stayed).filter(fixed)) {
        return None;
    }
    let gone = before.list.iter().enumerate().rev().filter(|(_, key)| !stay(key));
    let mut steps: Vec<KeyStep> = gone.map(|(at, _)| KeyStep::Remove(at)).collect();
    // each that may have moved goes right behind the one that is before it now
    let mut last: Option<&RecordKey> = None;
    for key in now.list.iter().filter(stayed) {
        if changed.contains(key) {
            let place = |wanted: &RecordKey| list.iter().position(|key| *key == wanted);
            let from = place(key)?;
            let behind = last.and_then(place).map_or(0, |at| at + 1);
            let to = if from < behind { behind - 1 } else { behind };
            if from != to {
                list.remove(from);
                list.insert(to, key);
                steps.push(KeyStep::Move(from, to));
            }
        }
        if steps.len() > most {
            return None;
        }
        last = Some(key);
    }
    let new = now.list.iter().enumerate().filter(|(_, key)| !stayed(key));
    steps.extend(new.map(|(at, _)| KeyStep::Insert(at)));
    (steps.len() <= most).then_some(steps)
}

#[cfg(test)]
mod tests {
    use sync_protocol::Ordered;

    use super::*;

    fn keys(text: &str) -> Vec<RecordKey> {
        text.chars().map(|c| RecordKey::Text(c.into())).collect()
    }

    #[test]
    fn few_steps_where_little_changed() {
        use KeyStep::{Insert, Move, Remove};
        for (before, now, changed, want) in [
            ("abcd", "abcd", "", Some(vec![])),
            ("abcd", "abcd", "b", Some(vec![])),
            ("abcd", "abxcd", "x", Some(vec![Insert(2)])),
            ("abcd", "acd", "b", Some(vec![Remove(1)])),
            ("abcd", "bcda", "a", Some(vec![Move(0, 3)])),
            ("abcd", "dabc", "d", Some(vec![Move(3, 0)])),
            ("abcde", "bcxea", "adx", Some(vec![Remove(3), Move(0, 3), Insert(2)])),
            ("ab", "ba", "ab", Some(vec![Move(1, 0)])),
            ("abcd", "bacd", "", None),
            ("abcdef", "", "", None),
        ] {
            let set = |text| keys(text).into_iter().ordered_set();
            let (old, new) = ((keys(before), set(before)), (keys(now), set(now)));
            let listed = |(list, set)| Listed { list, set };
            let found = between(listed((&old.0, &old.1)), listed((&new.0, &new.1)), &set(changed), 4);
            assert_eq!(found, want, "{before} {now}");
        }
    }
}
