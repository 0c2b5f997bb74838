//! Live queries of the open workspace: views that screens watch, and what they are told of them.

use sync_protocol::RecordId;

use super::Engine;
use super::workspace::Workspace;
use crate::api::{Aggregate, Answer, Event, Failure, View, ViewId, Window};
use crate::device::Device;
use crate::store::LocalStore;

/// Opens a view. Its name is a random number, so that no other engine, before or after this one, gives the same; of 53 bits,
/// which JavaScript keeps exactly.
pub(super) async fn watch<S: LocalStore>(
    open: &mut Workspace<S>,
    random: [u8; 16],
    asked: (View, Window, Vec<Aggregate>),
) -> Result<Answer, Failure> {
    let id = ViewId((u128::from_le_bytes(random) >> 75) as u64);
    let watched = open.tables.watch(&open.store, &open.replica, id, asked).await?;
    Ok(Answer::Watched(Box::new(watched)))
}

impl<D: Device> Engine<D> {
    /// Tells what changed in open views. Once a turn: several batches of one command are one change.
    pub(super) fn tell_views(&mut self) {
        let (Some(open), events) = (&mut self.desk.open, &self.events) else { return };
        for event in open.tables.news(&open.replica, |id| events.waits(id)) {
            events.tell(Some(self.place), event);
        }
    }

    /// Ends the views of a workspace that is closed.
    pub(super) fn end_views(&self, open: &mut Workspace<D::Store>) {
        open.tables.forget();
        open.tables.news(&open.replica, |_| false).into_iter().for_each(|event| self.tell(event));
    }

    /// An engine that has just begun knows no view of one before it.
    pub(super) fn end_earlier_views(&self) {
        self.tell(Event::Ended { ids: None });
    }
}

impl<S> Workspace<S> {
    /// The server has judged changes of these records: they are marked otherwise, though nothing was stored.
    pub(super) fn judged(&mut self, records: &[RecordId]) {
        self.tables.touch(records);
    }
}
