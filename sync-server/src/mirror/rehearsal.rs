//! What would happen: the first round, without doing any of it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sync_protocol::schema::{collection_record, field_record};
use sync_protocol::{
    Change, ChangeId, Counter, Edit, Fields, Partition, RecordId, RecordKey, ReplicaId, Schema, Timestamp,
    gate,
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::cql::ranges::TokenRange;
use super::cql::table::Table;
use super::desk::{Desk, DeskError};
use super::proposal::{Planned, PlannedNote};
use super::row::SeenRow;

/// Rows of each kind that are shown.
const SAMPLES: usize = 5;
/// Reasons that are listed of those for which rows are refused.
const REASONS: usize = 20;

/// What would happen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rehearsed {
    /// Rows that were read.
    pub rows: u64,
    /// Whether the table has more; then nothing is known of records that become rows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Rows that become records.
    pub new_here: u64,
    /// Records that become rows.
    pub new_there: u64,
    /// Rows that are like their records.
    pub equal: u64,
    /// Rows that are not: the policies decide, or a person.
    pub differing: u64,
    /// Rows that cannot be taken.
    pub refused: u64,
    /// Why, and how many of each; the first reasons only.
    pub reasons: BTreeMap<String, u64>,
    /// The first rows as they would become records.
    pub samples: Vec<Sample>,
    /// The first rows that differ.
    pub differing_samples: Vec<Sample>,
    /// What there is to say about columns.
    pub notes: Vec<PlannedNote>,
    /// The columns by field.
    pub columns: BTreeMap<String, String>,
    /// The statement that makes the table, if it is to be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<String>,
}

/// A row as a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sample {
    /// Its key.
    pub key: String,
    /// Its values by field.
    #[schema(value_type = BTreeMap<String, Object>)]
    pub row: Fields,
    /// Those of the record, where it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, Object>>)]
    pub record: Option<Fields>,
}

impl Desk {
    /// Reads table and records and counts what would become of them, up to about `most` rows. Nothing is changed.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn rehearse(&self, planned: &Planned, most: u64) -> Result<Rehearsed, DeskError> {
        let definition = &planned.definition;
        let chosen = &definition.chosen;
        let columns = chosen.columns.iter();
        let mut told = Rehearsed {
            notes: planned.notes.clone(),
            columns: columns.map(|column| (column.field.to_string(), column.column.clone())).collect(),
            create: planned.create.clone(),
            ..Rehearsed::default()
        };
        let row = self.workspace(definition.workspace).await?;
        let mut records = 0;
        if planned.new_collection.is_none() && definition.mapped().outward {
            for partition in (0..row.partitions).map(Partition) {
                let mut after = None;
                loop {
                    let page = self
                        .engine()
                        .records_of(row.id, partition, &definition.collection, after.as_deref())
                        .await?;
                    records += page.rows.len() as u64;
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
            }
        }
        if planned.create.is_some() {
            told.new_there = records;
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
                    Err(why) => told.refuse(why.to_string()),
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
                    told.refuse(reason.to_string());
                    continue;
                }
                told.take(&id.key, values, record.map(|record| record.fields), planned);
            }
        }
        // records whose rows were not read may have some
        told.new_there = if told.partial { 0 } else { records.saturating_sub(met) };
        Ok(told)
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

impl Rehearsed {
    fn refuse(&mut self, why: String) {
        self.refused += 1;
        if self.reasons.len() < REASONS || self.reasons.contains_key(&why) {
            *self.reasons.entry(why).or_default() += 1;
        }
    }

    fn take(&mut self, key: &RecordKey, row: Fields, record: Option<Fields>, planned: &Planned) {
        let key = key.to_string();
        let absent = sync_protocol::Value::ABSENT;
        let equal = record.as_ref().map(|record| {
            planned.definition.chosen.columns.iter().all(|column| {
                let (one, other) = (row.get(&column.field), record.get(&column.field));
                planned.collection.same(&column.field, one.unwrap_or(&absent), other.unwrap_or(&absent))
            })
        });
        match equal {
            None => self.new_here += 1,
            Some(true) => self.equal += 1,
            Some(false) => self.differing += 1,
        }
        let samples = if equal == Some(false) { &mut self.differing_samples } else { &mut self.samples };
        if samples.len() < SAMPLES {
            samples.push(Sample { key, row, record: record.filter(|_| equal == Some(false)) });
        }
    }
}
