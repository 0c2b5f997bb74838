//! Ordered maps and sets out of iterators, and lists in order.

use std::cmp::Ordering;
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

/// Puts a list in order; what is equal stays as it was. For lists that a person looks at: all of them share one sort, of places, where the
/// standard library's has 4 KB of code for each type. For very many entries that one is faster.
pub fn sort_few<T>(items: &mut Vec<T>, compare: impl Fn(&T, &T) -> Ordering) {
    let mut places: Vec<usize> = (0..items.len()).collect();
    sort_places(&mut places, &|one, other| compare(&items[one], &items[other]));
    let mut taken: Vec<Option<T>> = items.drain(..).map(Some).collect();
    items.extend(places.into_iter().filter_map(|place| taken[place].take()));
}

fn sort_places(places: &mut [usize], compare: &dyn Fn(usize, usize) -> Ordering) {
    places.sort_by(|one, other| compare(*one, *other));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_put_in_order_and_equals_stay() {
        let mut list = vec![(3, 'a'), (1, 'b'), (3, 'c'), (2, 'd'), (1, 'e')];
        sort_few(&mut list, |one, other| one.0.cmp(&other.0));
        assert_eq!(list, [(1, 'b'), (1, 'e'), (2, 'd'), (3, 'a'), (3, 'c')]);
        sort_few(&mut Vec::<u8>::new(), Ord::cmp);
    }

    #[test]
    fn of_two_with_one_key_the_later_one_holds() {
        let map = [(2, 'a'), (1, 'b'), (2, 'c')].into_iter().ordered_map();
        assert_eq!(map, BTreeMap::from([(1, 'b'), (2, 'c')]));
        assert_eq!([3, 1, 3].into_iter().ordered_set(), BTreeSet::from([1, 3]));
    }
}
