//! The kinds of faults, and how many of each were met: a planned one that nothing ran into does not count.

use std::collections::BTreeMap;

/// Counts by kind.
#[derive(Clone, Debug, Default)]
pub struct Faults(pub BTreeMap<&'static str, u64>);

impl Faults {
    /// One more of that kind.
    pub fn add(&mut self, kind: &'static str) {
        *self.0.entry(kind).or_default() += 1;
    }
}
