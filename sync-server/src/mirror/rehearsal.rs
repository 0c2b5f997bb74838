//! What would happen: the first round, without doing any of it.

use sync_protocol::mirror::{MirrorPlan, MirrorSample};
use sync_protocol::schema::{collection_record, field_record};
use sync_protocol::{
    Change, ChangeId, Counter, Edit, Fields, Partition, RecordId, RecordKey, ReplicaId, Schema, Timestamp,
    gate,
};
use uuid::Uuid;

use super::cql::ranges::TokenRange;
use super::cql::table::Table;
use super::desk::{Desk, DeskError};
use super::proposal::Planned;
use super::row::SeenRow;
use crate::store::WorkspaceRow;

/// Rows of each kind that are shown.
const SAMPLES: usize = 5;
/// Reasons that are listed of those for which rows are refused.
const REASONS: usize = 20;

impl Desk {
    /// Reads table and records and counts what would become of them, up to about `most` rows. Nothing is changed.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn rehearse(&self, planned: &Planned, most: u64) -> Result<MirrorPlan, DeskError> {
        let definition = &planned.definition;
        let chosen = &definition.chosen;
        let columns = chosen.columns.iter();
        let mut told = MirrorPlan {
            notes: planned.notes.clone(),
            columns: columns.map(|column| (column.field.to_string(), column.column.clone())).collect(),
            create: planned.create.clone(),
            ..MirrorPlan::default()
        };
        let row = self.workspace(definition.workspace).await?;
        if planned.create.is_some() {
            told.new_there = self.records_to_carry(&row, planned).await?;
            return Ok(told);
        }
        let table = match Table::open(self.cluster().await?.clone(), chosen).await? {
            Ok(table) => table,
            Err(differences) => {
                let all: Vec<String> = differences.iter().map(ToString::to_string).collect();
                return Err(DeskError::Refused(all.join("; ")));
            }
        };
        let mut schema = Schema::default();
        let (id, fields) = collection_record(&definition.collection, &planned.collection.label, None);
        schema.apply(&id, Some(&fields));
        for field in planned.collection.fields.values() {
            let (id, fields) = field_record(&definition.collection, field);
            schema.apply(&id, Some(&fields));
        }
        let mut met = 0;
        let mut pages = table.read_range(TokenRange::RING);
        while let Some(found) = pages.next().await? {
            if told.rows >= most {
                told.partial = true;
                break;
            }
            let mut rows: Vec<(RecordId, SeenRow)> = Vec::with_capacity(found.len());
            for found in found {
                told.rows += 1;
                match found.row {
                    Ok((key, seen)) => rows.push((RecordId::new(definition.collection.clone(), key), seen)),
                    Err(why) => refuse(&mut told, why.to_string()),
                }
            }
            let ids: Vec<RecordId> = rows.iter().map(|(id, _)| id.clone()).collect();
            let records = self.engine().records_with(row.id, row.partitions, &ids).await?;
            for ((id, seen), record) in rows.into_iter().zip(records) {
                let values: Fields =
                    seen.cells.into_iter().map(|(field, cell)| (field, cell.value)).collect();
                let record = record.filter(|record| !record.deleted);
                met += u64::from(record.is_some());
                if let Err(reason) = gate::check(&insert(&id, &values), &schema) {
                    refuse(&mut told, reason.to_string());
                    continue;
                }
                take(&mut told, &id.key, values, record.map(|record| record.fields), planned);
            }
        }
        if !told.partial {
            // else records whose rows were not read may have some
            told.new_there = self.records_to_carry(&row, planned).await?.saturating_sub(met);
        }
        Ok(told)
    }

    /// How many records there are that may become rows.
    async fn records_to_carry(&self, row: &WorkspaceRow, planned: &Planned) -> Result<u64, DeskError> {
        let definition = &planned.definition;
        let mut records = 0;
        if planned.new_collection.is_some() || !definition.mapped().outward {
            return Ok(records);
        }
        for partition in (0..row.partitions).map(Partition) {
            let mut after = None;
            loop {
                let collection = &definition.collection;
                let page = self.engine().records_of(row.id, partition, collection, after.as_deref()).await?;
                records += page.rows.len() as u64;
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(records)
    }
}

fn insert(id: &RecordId, values: &Fields) -> Change {
    Change {
        id: ChangeId { replica: ReplicaId(Uuid::nil()), counter: Counter(1) },
        record: id.clone(),
        at: Timestamp(0),
        saw: None,
        edit: Edit::Insert { fields: values.clone() },
    }
}

fn refuse(told: &mut MirrorPlan, why: String) {
    told.refused += 1;
    if told.reasons.len() < REASONS || told.reasons.contains_key(&why) {
        *told.reasons.entry(why).or_default() += 1;
    }
}

fn take(told: &mut MirrorPlan, key: &RecordKey, row: Fields, record: Option<Fields>, planned: &Planned) {
    let key = key.to_string();
    let absent = sync_protocol::Value::ABSENT;
    let equal = record.as_ref().map(|record| {
        planned.definition.chosen.columns.iter().all(|column| {
            let (one, other) = (row.get(&column.field), record.get(&column.field));
            planned.collection.same(&column.field, one.unwrap_or(&absent), other.unwrap_or(&absent))
        })
    });
    match equal {
        None => told.new_here += 1,
        Some(true) => told.equal += 1,
        Some(false) => told.differing += 1,
    }
    let samples = if equal == Some(false) { &mut told.differing_samples } else { &mut told.samples };
    if samples.len() < SAMPLES {
        samples.push(MirrorSample { key, row, record: record.filter(|_| equal == Some(false)) });
    }
}
