//! A workspace on this device only: all of it is in the outbox, and nothing is ever sent from there.

use std::collections::BTreeSet;
use sync_protocol::Ordered;

use sync_protocol::{Change, Counter, Edit, RecordId, UserId};

use super::people::is_own_record;
use super::{Replica, is_schema};
use crate::api::Failure;
use crate::store::Batch;

/// Whose the workspaces on this device only are: the same on every device, so that they are found also where the
/// profile is lost. No server has such a user, and no change names one.
pub const LOCAL: UserId = UserId(uuid::Uuid::nil());

impl Replica {
    /// Whether it is on this device only: what is in its outbox waits for nobody.
    pub fn is_local(&self) -> bool {
        self.meta.user == LOCAL
    }

    /// What there is, as inserts: collections and fields first. In the same order however often it is asked.
    pub fn as_inserts(&self) -> Vec<Change> {
        let records: BTreeSet<&RecordId> = self.pending_records().ordered_set();
        let insert = |id: &RecordId| {
            let at = self.pending_of(id).last()?.at;
            let fields = self.view(id, None)?;
            Some(self.change(1, at, id.clone(), None, Edit::Insert { fields }))
        };
        let (schema, others): (Vec<_>, Vec<_>) =
            records.into_iter().partition(|id| is_schema(&id.collection));
        let all = schema.into_iter().chain(others).filter_map(insert);
        all.filter(|change| !is_own_record(change)).collect()
    }

    /// The same in place of all that was done: who edits a record a thousand times keeps one change of it.
    pub fn compacted(&self) -> Batch {
        let settle: Vec<Counter> = self.outbox().map(|pending| pending.change.id.counter).collect();
        Batch { enqueue: self.renumbered(self.as_inserts()), settle, ..Batch::default() }
    }

    /// Changes of another workspace on this device as own ones, in their order.
    ///
    /// # Errors
    ///
    /// That there is no room for them.
    pub fn adopt(&self, changes: Vec<Change>) -> Result<Batch, Failure> {
        self.room_for(changes.len())?;
        Ok(Batch { enqueue: self.renumbered(changes), ..Batch::default() })
    }
}
