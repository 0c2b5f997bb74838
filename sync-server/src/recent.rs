//! A map that forgets what was not used for longest once it weighs too much.

use std::borrow::Borrow;
use std::collections::BTreeMap;

#[derive(Debug)]
pub(crate) struct Recent<K, T> {
    most: usize,
    weight: usize,
    turn: u64,
    slots: BTreeMap<K, Slot<T>>,
    /// Keys by the turn of their last use.
    turns: BTreeMap<u64, K>,
}

#[derive(Debug)]
struct Slot<T> {
    value: T,
    bytes: usize,
    turn: u64,
}

impl<K: Ord + Clone, T> Recent<K, T> {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, weight: 0, turn: 0, slots: BTreeMap::new(), turns: BTreeMap::new() }
    }

    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    pub(crate) fn get<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&T>
    where
        K: Borrow<Q>,
    {
        let slot = self.slots.get_mut(key)?;
        self.turn += 1;
        let key = self.turns.remove(&slot.turn)?;
        slot.turn = self.turn;
        self.turns.insert(slot.turn, key);
        Some(&slot.value)
    }

    /// All that is kept, with nothing counted as used.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &T)> {
        self.slots.iter().map(|(key, slot)| (key, &slot.value))
    }

    pub(crate) fn insert(&mut self, key: K, value: T, bytes: usize) {
        self.remove(&key);
        self.turn += 1;
        self.weight += bytes;
        self.turns.insert(self.turn, key.clone());
        self.slots.insert(key, Slot { value, bytes, turn: self.turn });
        while self.weight > self.most {
            let Some((_, oldest)) = self.turns.pop_first() else { return };
            if let Some(slot) = self.slots.remove(&oldest) {
                self.weight -= slot.bytes;
            }
        }
    }

    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        if let Some(slot) = self.slots.remove(key) {
            self.turns.remove(&slot.turn);
            self.weight -= slot.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_what_was_not_used_for_longest() {
        let mut recent: Recent<String, &str> = Recent::new(30);
        for key in ["a", "b", "c"] {
            recent.insert(key.into(), key, 10);
        }
        assert_eq!(recent.get("a"), Some(&"a"));
        recent.insert("d".into(), "d", 10);
        assert!(recent.get("b").is_none() && recent.weight() == 30);
        assert!(recent.get("a").is_some() && recent.get("c").is_some());
        recent.insert("a".into(), "e", 20);
        assert_eq!(recent.get("a"), Some(&"e"));
        assert!(recent.get("d").is_none() && recent.get("c").is_some() && recent.weight() == 30);
        recent.insert("f".into(), "f", 31);
        assert_eq!(recent.weight(), 0, "too large to keep");
    }
}
