//! One table: its rows read and written one at a time.

use scylla::response::query_result::QueryResult;
use scylla::statement::Statement;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlValue;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use sync_protocol::{FieldName, RecordKey, Timestamp, Value};
use tokio::sync::RwLock;
use uuid::Uuid;

use super::answer::Answer;
use super::describe::describe;
use super::mapping::{Chosen, Difference, MappedColumn, Mapping};
use super::value::Unfit;
use super::{Cluster, TableError, quoted, rows};
use crate::mirror::row::{Cell, SeenRow, WriteTime};
use crate::mirror::write::{CellWrite, RowWrite, Write};
use crate::store::Read;

/// The longest life that Cassandra gives a cell: 20 years.
const LONGEST_LIFE: u64 = 20 * 365 * 86_400;

/// A table that is mirrored, with the statements that read and write it.
#[derive(Debug)]
pub struct Table {
    pub(super) cluster: Arc<Cluster>,
    pub(super) mapping: Mapping,
    chosen: Chosen,
    quorum: PreparedStatement,
    serial: PreparedStatement,
    /// By text, each prepared when it is first needed: a few per column at most.
    statements: RwLock<BTreeMap<String, PreparedStatement>>,
    /// Bytes of a row on the average, in the page that was read last; 0 before the first.
    pub(super) row_bytes: AtomicUsize,
}

impl Table {
    /// Opens a table as it was chosen. The differences are those that stand in the way, if it is another one now.
    ///
    /// # Errors
    ///
    /// Where the database does not answer.
    pub async fn open(
        cluster: Arc<Cluster>,
        chosen: &Chosen,
    ) -> Result<Result<Self, Vec<Difference>>, TableError> {
        let mapping = match current(&cluster, chosen).await? {
            Ok(mapping) => mapping,
            Err(differences) => return Ok(Err(differences)),
        };
        let text = format!(
            "SELECT {} FROM {} WHERE {}",
            cells(&mapping).join(", "),
            place(&mapping),
            of_row(&mapping)
        );
        let quorum = prepare(&cluster, &text).await?;
        let mut serial = quorum.clone();
        serial.set_consistency(cluster.serial());
        let (statements, row_bytes) = (RwLock::default(), AtomicUsize::new(0));
        Ok(Ok(Self { cluster, mapping, chosen: chosen.clone(), quorum, serial, statements, row_bytes }))
    }

    /// Which columns are which fields.
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Which table of that name it is.
    pub fn id(&self) -> Uuid {
        self.chosen.id
    }

    /// How the table is another one than was opened: a table that is dropped and made anew takes the same statements. To be asked
    /// before each round.
    ///
    /// # Errors
    ///
    /// Where the database does not answer.
    pub async fn differences(&self) -> Result<Vec<Difference>, TableError> {
        Ok(match current(&self.cluster, &self.chosen).await? {
            Ok(mapping) if mapping == self.mapping => Vec::new(),
            // a type that users made has other fields
            Ok(mapping) => {
                let other = |(field, column): &(&FieldName, &MappedColumn)| {
                    mapping.columns.get(*field) != Some(column)
                };
                let retyped = self.mapping.columns.iter().filter(other);
                retyped.map(|(_, column)| Difference::Retyped(column.column.clone())).collect()
            }
            Err(differences) => differences,
        })
    }

    /// Where a row's partition is on the ring, by computation alone.
    ///
    /// # Errors
    ///
    /// A record key that names no row.
    pub fn token_of(&self, key: &RecordKey) -> Result<i64, TableError> {
        let values = self.mapping.key.to_row(key)?;
        match self.quorum.calculate_token(&values) {
            Ok(Some(token)) => Ok(token.value()),
            Ok(None) => Err(TableError::answer("no token for a row")),
            // a part that is longer than the database takes, above all
            Err(error) => Err(error.into_execution_error().into()),
        }
    }

    /// Reads a row; at serial consistency what conditional writes under way have come to is part of it.
    ///
    /// # Errors
    ///
    /// Also where the row has a value that no record holds.
    pub async fn read(&self, key: &RecordKey, read: Read) -> Result<Option<SeenRow>, TableError> {
        let values = self.mapping.key.to_row(key)?;
        let statement = match read {
            Read::Quorum => &self.quorum,
            Read::Serial => &self.serial,
        };
        let result = self.cluster.session.execute_unpaged(statement, values).await?;
        let row: Option<Answer> = rows(result)?.into_iter().next();
        row.map(|row| seen(&self.mapping, &row.0, now())).transpose()
    }

    /// Writes to a row: all of it or nothing, each cell with its own time. `seen` is the row that the write was decided on: of sets,
    /// only elements that were seen are taken away.
    ///
    /// May be sent again, whatever became of it: with the same times and the same values it comes to the same. It says nothing of
    /// what is in the table afterwards: newer writes of others hold against it.
    ///
    /// # Errors
    ///
    /// Also where a column does not take a value; nothing is written then.
    pub async fn write(
        &self,
        key: &RecordKey,
        write: &Write,
        seen: Option<&SeenRow>,
    ) -> Result<(), TableError> {
        let key = self.mapping.key.to_row(key)?;
        let mut batch = Batch::new(BatchType::Unlogged);
        batch.set_is_idempotent(true);
        let mut all_values: Vec<Vec<CqlValue>> = Vec::new();
        for (text, mut values) in self.statements(write, seen, &key)? {
            batch.append_statement(self.prepared(text).await?);
            values.shrink_to_fit();
            all_values.push(values);
        }
        if all_values.is_empty() {
            return Ok(());
        }
        self.cluster.session.batch(&batch, all_values).await?;
        Ok(())
    }

    /// The statements of a write, with what they bind. Nothing is ever bound to null: that writes a tombstone.
    fn statements(
        &self,
        write: &Write,
        seen: Option<&SeenRow>,
        key: &[CqlValue],
    ) -> Result<Vec<(String, Vec<CqlValue>)>, TableError> {
        let (place, of_row) = (place(&self.mapping), of_row(&self.mapping));
        let with_key = |mut values: Vec<CqlValue>| {
            values.extend_from_slice(key);
            values
        };
        let mut statements = Vec::new();
        match write.row {
            RowWrite::Keep => {}
            RowWrite::Insert { at } => {
                let names = names(&self.mapping);
                let marks = vec!["?"; names.len()].join(", ");
                let text =
                    format!("INSERT INTO {place} ({}) VALUES ({marks}) USING TIMESTAMP ?", names.join(", "));
                let mut values = key.to_vec();
                values.push(CqlValue::BigInt(at));
                statements.push((text, values));
            }
            RowWrite::Delete { at } => {
                let text = format!("DELETE FROM {place} USING TIMESTAMP ? WHERE {of_row}");
                return Ok(vec![(text, with_key(vec![CqlValue::BigInt(at)]))]);
            }
        }
        for (field, cell) in &write.cells {
            let unfit = |why| TableError::Unfit { field: field.clone(), why };
            let column = self.mapping.columns.get(field).filter(|column| !column.read_only);
            let column = column.ok_or_else(|| unfit(Unfit::Kind("nothing that is written from here")))?;
            let name = quoted(&column.column);
            let using = using(cell);
            let mut update = |change: String, value: CqlValue| {
                let text = format!("UPDATE {place} USING {} SET {change} WHERE {of_row}", using.0);
                let mut values = using.1.clone();
                values.push(value);
                statements.push((text, with_key(values)));
            };
            if column.of.many_cells {
                if !cell.value.is_absent() {
                    column.to_cql(&cell.value).map_err(unfit)?;
                }
                let before = seen.and_then(|row| row.cells.get(field)).map(|cell| &cell.value);
                let (more, less) = elements(before, &cell.value);
                if !more.is_empty() {
                    update(format!("{name} = {name} + ?"), CqlValue::Set(more));
                }
                if !less.is_empty() {
                    let text =
                        format!("UPDATE {place} USING TIMESTAMP ? SET {name} = {name} - ? WHERE {of_row}");
                    let values = vec![CqlValue::BigInt(cell.at), CqlValue::Set(less)];
                    statements.push((text, with_key(values)));
                }
            } else if cell.value.is_absent() {
                let text = format!("DELETE {name} FROM {place} USING TIMESTAMP ? WHERE {of_row}");
                statements.push((text, with_key(vec![CqlValue::BigInt(cell.at)])));
            } else {
                update(format!("{name} = ?"), column.to_cql(&cell.value).map_err(unfit)?);
            }
        }
        Ok(statements)
    }

    /// The statement of that text, which is of this table.
    pub(super) async fn prepared(&self, text: String) -> Result<PreparedStatement, TableError> {
        if let Some(prepared) = self.statements.read().await.get(&text) {
            return Ok(prepared.clone());
        }
        let prepared = prepare(&self.cluster, &text).await?;
        self.statements.write().await.insert(text, prepared.clone());
        Ok(prepared)
    }

    pub(super) async fn ask(
        &self,
        text: String,
        values: impl scylla::serialize::row::SerializeRow,
    ) -> Result<QueryResult, TableError> {
        let statement = self.prepared(text).await?;
        Ok(self.cluster.session.execute_unpaged(&statement, values).await?)
    }
}

async fn current(cluster: &Cluster, chosen: &Chosen) -> Result<Result<Mapping, Vec<Difference>>, TableError> {
    Ok(match describe(cluster, &chosen.keyspace, &chosen.table).await? {
        Some(info) => Mapping::new(chosen, &info),
        None => Err(vec![Difference::TableGone]),
    })
}

async fn prepare(cluster: &Cluster, text: &str) -> Result<PreparedStatement, TableError> {
    let mut prepared = cluster.session.prepare(Statement::new(text)).await?;
    prepared.set_is_idempotent(true);
    Ok(prepared)
}

/// The table in a statement.
pub(super) fn place(mapping: &Mapping) -> String {
    format!("{}.{}", quoted(&mapping.keyspace), quoted(&mapping.table))
}

/// The names of the key's columns.
pub(super) fn names(mapping: &Mapping) -> Vec<String> {
    mapping.key.0.iter().map(|column| quoted(&column.name)).collect()
}

fn of_row(mapping: &Mapping) -> String {
    let equal = names(mapping).into_iter().map(|name| format!("{name} = ?"));
    equal.collect::<Vec<_>>().join(" AND ")
}

/// What is selected for the cells of a row, in the order in which [`seen`] reads it. A table without a field still has rows.
pub(super) fn cells(mapping: &Mapping) -> Vec<String> {
    let one = |column: &MappedColumn| {
        let (name, written) = (quoted(&column.column), written(column));
        [name.clone(), written, format!("ttl({name})")]
    };
    let cells: Vec<String> = mapping.columns.values().flat_map(one).collect();
    if cells.is_empty() { names(mapping) } else { cells }
}

/// When a column was written last.
pub(super) fn written(column: &MappedColumn) -> String {
    let function = if column.of.many_cells { "maxwritetime" } else { "writetime" };
    format!("{function}({})", quoted(&column.column))
}

/// A row of what [`cells`] selects.
pub(super) fn seen(
    mapping: &Mapping,
    columns: &[Option<CqlValue>],
    now: Timestamp,
) -> Result<SeenRow, TableError> {
    let mut row = SeenRow::default();
    for ((field, column), cell) in mapping.columns.iter().zip(columns.chunks_exact(3)) {
        let [Some(value), Some(CqlValue::BigInt(written)), ttl] = cell else {
            match cell[0] {
                None => continue,
                Some(_) => return Err(TableError::answer("a cell without the time of its writing")),
            }
        };
        let value = column.to_value(value);
        let value = value.map_err(|why| TableError::Unfit { field: field.clone(), why })?;
        let expires = ttl.as_ref().and_then(shortest).map(|left| expiry(now, left));
        row.cells.insert(field.clone(), Cell { value, written: *written, expires });
    }
    Ok(row)
}

/// What is left of a cell's life; of a collection the life of the element that goes first.
fn shortest(ttl: &CqlValue) -> Option<i32> {
    match ttl {
        CqlValue::Int(left) => Some(*left),
        CqlValue::List(each) => each.iter().filter_map(shortest).min(),
        _ => None,
    }
}

/// In whole seconds, as the database counts: two looks at one cell differ by a second at most.
fn expiry(now: Timestamp, left: i32) -> Timestamp {
    Timestamp((now.0.div_euclid(1000) + i64::from(left)) * 1000)
}

pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// What stands behind `USING`, and what it binds.
fn using(cell: &CellWrite) -> (&'static str, Vec<CqlValue>) {
    let at: WriteTime = cell.at;
    match cell.ttl {
        None => ("TIMESTAMP ?", vec![CqlValue::BigInt(at)]),
        Some(left) => ("TIMESTAMP ? AND TTL ?", vec![CqlValue::BigInt(at), CqlValue::Int(seconds(left))]),
    }
}

/// At least one: none would be for good.
fn seconds(left: Duration) -> i32 {
    i32::try_from(left.as_secs().clamp(1, LONGEST_LIFE)).unwrap_or(i32::MAX)
}

/// The elements of a set that come, and those of what was seen that go.
fn elements(before: Option<&Value>, after: &Value) -> (Vec<CqlValue>, Vec<CqlValue>) {
    let tags = |value: &Value| value.as_tags().unwrap_or_default().into_iter().map(str::to_owned).collect();
    let before: BTreeSet<String> = before.map(tags).unwrap_or_default();
    let after: BTreeSet<String> = tags(after);
    let text = |element: &String| CqlValue::Text(element.clone());
    (after.difference(&before).map(text).collect(), before.difference(&after).map(text).collect())
}
