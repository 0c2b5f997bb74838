//! What waits for the judge of a partition: the changes of a push, and what is asked in the server itself.

use std::sync::Arc;
use sync_protocol::preceding::Preceding;
use sync_protocol::{
    Change, ChangeId, Counter, Digest, Fields, RecordId, RecordKey, Rejection, ReplicaId, Revision, Schema,
    Verdict,
};

use super::quota::Room;
use crate::mirror::look::{Look, Looked, Mapped};
use crate::store::Kind;

/// One thing on its way to the judge.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The record that it is about, as text; empty where it is about none.
    pub(super) record: String,
    /// Why it is refused whatever the record looks like.
    pub(super) refused: Option<Rejection>,
    pub(super) what: What,
}

/// What is asked. All but a change is asked in the server itself: where a change follows from it, the lane gives it the next
/// counter of its replica in the partition.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// A change as its replica minted it.
    Change {
        change: Change,
        /// What it says.
        said: Digest,
        /// Whether its id was used in another partition.
        taken: bool,
        /// Whether [`Change::twin`] is of another partition than the change.
        twin_is_elsewhere: bool,
    },
    /// What follows from a look at a row of a mirrored table.
    Look { look: Look, mapped: Arc<Mapped> },
    /// A record is to have these values, or not to be.
    Own { id: RecordId, fields: Option<Fields> },
    /// A row of a mirror's is not needed any more.
    Forget { kind: Kind, key: String },
    /// The feed was carried to a mirrored table up to here.
    Carry { mirror: String, seq: Revision },
}

/// The answer to one thing asked.
#[derive(Clone, Debug)]
pub(super) enum Told {
    Verdict(Verdict),
    Looked(Looked),
    Done,
}

impl Asked {
    /// Bytes that count against what may wait and what a group takes.
    pub(super) fn size(&self) -> usize {
        match &self.what {
            What::Change { change, .. } => change.size(),
            What::Look { look, .. } => {
                let cells = look.seen.iter().flat_map(|row| &row.cells);
                400 + self.record.len()
                    + cells.map(|(name, cell)| name.as_str().len() + 40 + cell.value.size()).sum::<usize>()
            }
            What::Own { fields, .. } => {
                400 + self.record.len() + fields.as_ref().map_or(0, sync_protocol::record::fields_size)
            }
            What::Forget { key, .. } => 100 + key.len(),
            What::Carry { .. } => 100,
        }
    }

    pub(super) fn change(&self) -> Option<&Change> {
        match &self.what {
            What::Change { change, .. } => Some(change),
            What::Look { .. } | What::Own { .. } | What::Forget { .. } | What::Carry { .. } => None,
        }
    }

    /// The key of the record that it is about.
    pub(super) fn key(&self) -> Option<&RecordKey> {
        match &self.what {
            What::Change { change, .. } => Some(&change.record.key),
            What::Look { look, .. } => Some(&look.record.key),
            What::Own { id, .. } => Some(&id.key),
            What::Forget { .. } | What::Carry { .. } => None,
        }
    }

    /// The second record that it is about, where that is in this partition.
    pub(super) fn twin(&self) -> Option<RecordId> {
        match &self.what {
            What::Change { change, twin_is_elsewhere: false, .. } => change.twin(),
            _ => None,
        }
    }

    /// The conflict that it names.
    pub(super) fn about(&self) -> Option<ChangeId> {
        self.change().and_then(Change::about)
    }

    /// The row of a mirror's that it moves.
    pub(super) fn mirror_row(&self) -> Option<(Kind, &str)> {
        match &self.what {
            What::Look { look, .. } => Some((Kind::Shadow, &look.shadow_key)),
            What::Forget { kind, key } => Some((*kind, key)),
            What::Carry { mirror, .. } => Some((Kind::Mirror, mirror)),
            What::Change { .. } | What::Own { .. } => None,
        }
    }
}

/// What one replica asks of one partition at once.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) replica: ReplicaId,
    pub(super) settled: Counter,
    pub(super) schema: Arc<Schema>,
    /// How much the partition may keep.
    pub(super) room: Room,
    pub(super) asked: Vec<Asked>,
    /// Of the first ones asked, as far as they are committed.
    pub(super) told: Vec<Told>,
    /// What the push had before these changes.
    pub(super) preceding: Preceding,
}

impl Case {
    /// What is not judged and committed yet.
    pub(super) fn left(&self) -> &[Asked] {
        &self.asked[self.told.len()..]
    }

    /// The first of those.
    pub(super) fn next(&mut self) -> Option<&mut Asked> {
        self.asked.get_mut(self.told.len())
    }

    /// Whether the answers to what is left depend on what others did just now, also where nothing is to be stored.
    pub(super) fn needs_news(&self) -> bool {
        self.left().iter().any(|asked| asked.change().is_none())
    }

    /// Takes the answers to the next ones, once they are committed.
    pub(super) fn take(&mut self, told: Vec<Told>) {
        for told in told {
            note(&mut self.preceding, &self.asked[self.told.len()], &told);
            self.told.push(told);
        }
    }
}

/// Takes note of an answer for what follows it.
pub(super) fn note(preceding: &mut Preceding, asked: &Asked, told: &Told) {
    if let (Some(change), Told::Verdict(verdict)) = (asked.change(), told) {
        preceding.note(change, verdict);
    }
}
