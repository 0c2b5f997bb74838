//! Ordered maps and sets out of iterators.

use std::collections::{BTreeMap, BTreeSet};

/// `collect` for ordered maps and sets, entry by entry; of two with one key the later one holds.
///
/// `collect` itself, and `from` of an array, sort first. That is code of 4.5 KB for each type of entry, and there are half a hundred of
/// them: 40 KB of what a browser loads. Entry by entry costs the same time.
pub trait Ordered: Iterator + Sized {
    /// An ordered map of the pairs.
    fn ordered_map<K: Ord, V>(self) -> BTreeMap<K, V>
    where
        Self: Iterator<Item = (K, V)>,
    {
        let mut map = BTreeMap::new();
        map.extend(self);
        map
    }

    /// An ordered set of the items.
    fn ordered_set(self) -> BTreeSet<Self::Item>
    where
        Self::Item: Ord,
    {
        let mut set = BTreeSet::new();
        set.extend(self);
        set
    }
}

impl<I: Iterator> Ordered for I {}
