//! The reviews of a mirrored collection as programs that write to its table read them.

use std::collections::BTreeMap;
use sync_protocol::schema::reserved;
use sync_protocol::{Conflict, FieldName, RecordId, RecordKey, ReplicaId, Value, conflict::Sides};

use super::error::WorkError;
use super::link::Link;
use crate::partition::EngineError;
use crate::store::StoreError;
use crate::store::cassandra::ConflictRow;

impl Link {
    /// Tells of a review as it is now. One about fields without a column is nothing to the table.
    pub(super) async fn tell_conflict(&self, conflict: &Conflict) -> Result<(), WorkError> {
        if !conflict.fields.is_empty()
            && !conflict.fields.keys().any(|field| self.mapped.fields.contains(field))
        {
            return Ok(());
        }
        let settled = match &conflict.resolved {
            None => None,
            Some(resolved) => Some((resolved.stamp.at, self.person(resolved.stamp.by).await?)),
        };
        let current_by = match &conflict.current {
            None => None,
            Some(current) => Some(self.person(current.by).await?),
        };
        let chosen = &self.definition.chosen;
        let row = ConflictRow {
            keyspace: chosen.keyspace.clone(),
            table: chosen.table.clone(),
            row_key: conflict.record.key.to_string(),
            conflict: conflict.id.to_string(),
            sides: [
                self.side(conflict, |sides| &sides.base),
                self.side(conflict, |sides| &sides.current),
                self.side(conflict, |sides| &sides.incoming),
            ],
            current_by,
            incoming_by: self.person(conflict.incoming.by).await?,
            opened_at: conflict.incoming.at,
            order: i64::try_from(conflict.rev.0).unwrap_or(i64::MAX),
            ttl: settled.is_some().then(|| self.desk.engine().horizon()),
            settled,
        };
        let told = self.desk.store().put_mirror_conflict(&row).await;
        told.map_err(|error: StoreError| EngineError::Store(error).into())
    }

    /// One side of it, by column where the field has one.
    fn side(&self, conflict: &Conflict, side: fn(&Sides) -> &Value) -> String {
        let columns = &self.definition.chosen.columns;
        let name = |field: &FieldName| {
            let column = columns.iter().find(|column| column.field == *field);
            column.map_or_else(|| field.to_string(), |column| column.column.clone())
        };
        let values = conflict.fields.iter().map(|(field, sides)| (name(field), &side(sides).0));
        let values: BTreeMap<String, &serde_json::Value> = values.collect();
        serde_json::to_string(&values).expect("texts as keys: always JSON")
    }

    /// The name of whoever has a replica.
    async fn person(&self, replica: ReplicaId) -> Result<String, WorkError> {
        let of =
            |collection, key: String| RecordId::new(reserved::collection(collection), RecordKey::Text(key));
        let text = async |id: RecordId, field: &str| -> Result<Option<String>, WorkError> {
            let found = self.desk.engine().records_with(self.workspace(), self.partitions, &[id]).await?;
            let value =
                found.into_iter().flatten().next().and_then(|record| record.fields.get(field).cloned());
            Ok(value.and_then(|value| value.as_text().map(str::to_owned)))
        };
        let user = text(of(reserved::DEVICES, replica.to_string()), "user").await?;
        let name = match user {
            Some(user) => text(of(reserved::PEOPLE, user), "name").await?,
            None => None,
        };
        Ok(name.unwrap_or_else(|| replica.to_string()))
    }
}
