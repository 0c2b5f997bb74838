//! Which collections are kept in step with ordinary tables: the server tells devices, in records of a reserved collection.

use std::collections::BTreeMap;
use sync_protocol::{CollectionId, FieldName, reserved};

use super::Replica;
use crate::api::MirrorNote;

impl Replica {
    /// The tables by collection.
    pub fn mirrors(&self) -> BTreeMap<CollectionId, MirrorNote> {
        let mut mirrors = BTreeMap::new();
        let all = self
            .reserved
            .iter()
            .filter(|(id, record)| id.collection.as_str() == reserved::MIRRORS && !record.deleted);
        for (_, record) in all {
            let text = |name: &str| {
                let value = record.fields.get(&FieldName::new(name).ok()?)?;
                value.as_text().map(str::to_owned)
            };
            let (Some(collection), Some(keyspace), Some(table)) =
                (text("collection"), text("keyspace"), text("table"))
            else {
                continue;
            };
            let Ok(collection) = CollectionId::new(collection) else { continue };
            let paused =
                (text("state").as_deref() == Some("paused")).then(|| text("reason").unwrap_or_default());
            let direction = text("direction").unwrap_or_default();
            mirrors
                .insert(collection, MirrorNote { table: format!("{keyspace}.{table}"), direction, paused });
        }
        mirrors
    }
}
