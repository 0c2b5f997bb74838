//! Which collections are kept in step with ordinary tables: the server tells devices, in records of a reserved collection.

use std::collections::BTreeMap;
use sync_protocol::mirror::Direction;
use sync_protocol::{CollectionId, Fields, Ordered, reserved};

use super::Replica;
use super::notes::text;
use crate::api::MirrorNote;

impl Replica {
    /// The tables by collection.
    pub fn mirrors(&self) -> BTreeMap<CollectionId, MirrorNote> {
        self.views(reserved::MIRRORS).filter_map(|(_, fields)| note(&fields)).ordered_map()
    }
}

fn note(fields: &Fields) -> Option<(CollectionId, MirrorNote)> {
    let collection = CollectionId::new(text(fields, "collection")?).ok()?;
    let table = format!("{}.{}", text(fields, "keyspace")?, text(fields, "table")?);
    let paused = text(fields, "state") == Some("paused");
    let paused = paused.then(|| text(fields, "reason").unwrap_or_default().to_owned());
    let direction = text(fields, "direction").and_then(Direction::from_name);
    Some((collection, MirrorNote { table, direction, paused }))
}
