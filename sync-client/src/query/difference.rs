//! What makes one window of rows out of another: few steps where little changed.

use std::collections::{BTreeMap, BTreeSet};

use sync_protocol::{Ordered, RecordKey};

/// One step among keys, as [`RowStep`](crate::api::RowStep) is one among rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum KeyStep {
    Remove(usize),
    Move(usize, usize),
    Insert(usize),
}

/// The steps from one list of keys to another: removals from the end on, moves, insertions from the start on. Keys that did
/// not change keep their order among each other. `None` where they do not, or where it takes more than `most` steps.
pub(super) fn between(
    before: &[RecordKey],
    now: &[RecordKey],
    changed: &BTreeSet<RecordKey>,
    most: usize,
) -> Option<Vec<KeyStep>> {
    let places: BTreeMap<&RecordKey, usize> = now.iter().enumerate().map(|(at, key)| (key, at)).ordered_map();
    let mut steps = Vec::new();
    let mut list: Vec<&RecordKey> = Vec::with_capacity(now.len());
    for key in before {
        if places.contains_key(key) {
            list.push(key);
        }
    }
    let gone = before.iter().enumerate().rev().filter(|(_, key)| !places.contains_key(key));
    steps.extend(gone.map(|(at, _)| KeyStep::Remove(at)));
    let fixed = list.iter().filter(|key| !changed.contains(**key)).map(|key| places[*key]);
    if steps.len() > most || !fixed.is_sorted() {
        return None;
    }
    let stays: BTreeSet<&RecordKey> = list.iter().copied().ordered_set();
    // each that may have moved goes right behind the one that is before it now
    let mut last: Option<&RecordKey> = None;
    for key in now.iter().filter(|key| stays.contains(key)) {
        if changed.contains(key) {
            let place = |wanted: &RecordKey| list.iter().position(|key| *key == wanted);
            let from = place(key)?;
            let behind = last.and_then(place).map_or(0, |at| at + 1);
            let to = if from < behind { behind - 1 } else { behind };
            if from != to {
                list.remove(from);
                list.insert(to, key);
                steps.push(KeyStep::Move(from, to));
                if steps.len() > most {
                    return None;
                }
            }
        }
        last = Some(key);
    }
    let new = now.iter().enumerate().filter(|(_, key)| !stays.contains(key));
    steps.extend(new.map(|(at, _)| KeyStep::Insert(at)));
    (steps.len() <= most).then_some(steps)
}

#[cfg(test)]
mod tests {
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
            let changed = keys(changed).into_iter().ordered_set();
            let found = between(&keys(before), &keys(now), &changed, 4);
            assert_eq!(found, want, "{before} {now}");
        }
    }
}
