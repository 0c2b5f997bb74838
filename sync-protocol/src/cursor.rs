//! Where a replica has read to.

use serde::{Deserialize, Serialize};

use crate::id::{Partition, Revision};

/// One sequence number per partition: everything up to it has been read. Opaque to those who embed Mooring.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Cursor(pub Vec<Revision>);

impl Cursor {
    /// The cursor of a replica that has read nothing of a workspace with that many partitions.
    pub fn start(partitions: u16) -> Self {
        Self(vec![Revision(0); usize::from(partitions)])
    }

    /// How far that partition has been read; 0 where it has not.
    pub fn get(&self, partition: Partition) -> Revision {
        self.0.get(usize::from(partition.0)).copied().unwrap_or_default()
    }

    /// Moves one partition forward. Never goes back.
    pub fn advance(&mut self, partition: Partition, to: Revision) {
        let at = usize::from(partition.0);
        if self.0.len() <= at {
            self.0.resize(at + 1, Revision(0));
        }
        self.0[at] = self.0[at].max(to);
    }

    /// Every partition with how far it has been read.
    pub fn iter(&self) -> impl Iterator<Item = (Partition, Revision)> + '_ {
        self.0.iter().enumerate().map(|(p, r)| (Partition(p as u16), *r))
    }
}
