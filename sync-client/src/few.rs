//! A handful of values by their names.

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// Values by their names, in the order in which they came. They are looked for one by one: for a handful that is as fast as a tree, and a
/// tree of another type brings its own balancing, which browsers have to load (decision 0026).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Few<K, T>(Vec<(K, T)>);

impl<K, T> Default for Few<K, T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Eq, T> Few<K, T> {
    /// Takes a value, in the place of one of the same name, which is given back.
    pub fn insert(&mut self, name: K, value: T) -> Option<T> {
        match self.get_mut(&name) {
            Some(held) => Some(std::mem::replace(held, value)),
            None => {
                self.0.push((name, value));
                None
            }
        }
    }

    /// The value of that name.
    pub fn get<Q: Eq + ?Sized>(&self, name: &Q) -> Option<&T>
    where
        K: Borrow<Q>,
    {
        self.0.iter().find(|(known, _)| known.borrow() == name).map(|(_, value)| value)
    }

    /// The same, to change it.
    pub fn get_mut<Q: Eq + ?Sized>(&mut self, name: &Q) -> Option<&mut T>
    where
        K: Borrow<Q>,
    {
        self.0.iter_mut().find(|(known, _)| known.borrow() == name).map(|(_, value)| value)
    }

    /// Gives the value of that name away.
    pub fn remove<Q: Eq + ?Sized>(&mut self, name: &Q) -> Option<T>
    where
        K: Borrow<Q>,
    {
        let at = self.0.iter().position(|(known, _)| known.borrow() == name)?;
        Some(self.0.remove(at).1)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &T)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<K, T> IntoIterator for Few<K, T> {
    type Item = (K, T);
    type IntoIter = std::vec::IntoIter<(K, T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<K: Eq, T> FromIterator<(K, T)> for Few<K, T> {
    fn from_iter<I: IntoIterator<Item = (K, T)>>(all: I) -> Self {
        let mut few = Self::default();
        for (name, value) in all {
            few.insert(name, value);
        }
        few
    }
}

/// As a map is written.
impl<T: Serialize> Serialize for Few<String, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<String, T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Entries(PhantomData))
    }
}

/// Reads the entries of a map.
struct Entries<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
    type Value = Few<String, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut few = Few::default();
        while let Some((name, value)) = map.next_entry()? {
            few.insert(name, value);
        }
        Ok(few)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_there_once_and_in_their_order() {
        let all = [("b", 1), ("a", 2), ("b", 3)].map(|(name, value)| (name.to_owned(), value));
        let mut few: Few<String, i32> = all.into_iter().collect();
        let text = serde_json::to_string(&few).expect("plain data");
        assert_eq!(text, r#"{"b":3,"a":2}"#);
        assert_eq!(serde_json::from_str::<Few<String, i32>>(&text).expect("as it was written"), few);
        assert_eq!(
            few.iter().map(|(name, value)| (name.as_str(), *value)).collect::<Vec<_>>(),
            [("b", 3), ("a", 2)]
        );
        *few.get_mut("a").expect("it is there") += 2;
        assert_eq!((few.remove("a"), few.remove("a"), few.len()), (Some(4), None, 1));
    }
}
