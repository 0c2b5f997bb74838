//! Rows for the grid: a collection in memory as the person sees it, searched, sorted and paged.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use sync_protocol::schema::Collection;
use sync_protocol::{CollectionId, FieldType, Fields, Record, RecordId, RecordKey, Value};

use crate::api::{Failure, FailureKind, Marks, Only, Row, Rows, RowsQuery};
use crate::limits;
use crate::replica::Replica;
use crate::store::{Batch, LocalStore, StoreError};

/// Collections that were looked at lately, base records only; what is pending is laid on top at each question.
#[derive(Debug, Default)]
pub struct Tables {
    tables: Vec<Table>,
}

#[derive(Debug)]
struct Table {
    collection: CollectionId,
    base: BTreeMap<RecordKey, Fields>,
    /// The last answer's order, valid while nothing changes.
    order: Option<(OrderKey, Vec<RecordKey>)>,
}

#[derive(Debug, PartialEq, Eq)]
struct OrderKey {
    search: String,
    sort: Option<sync_protocol::FieldName>,
    descending: bool,
}

impl Tables {
    /// Rows of a collection; reads it from the store if it is not in memory.
    pub async fn rows<S: LocalStore>(
        &mut self,
        store: &S,
        replica: &Replica,
        query: &RowsQuery,
    ) -> Result<Rows, Failure> {
        if query.limit > limits::ROWS {
            return Err(Failure::input(format!("At most {} rows can be asked for at once.", limits::ROWS)));
        }
        let Some(definition) = replica.schema().collection(&query.collection) else {
            return Err(Failure::input("This collection does not exist (any more)."));
        };
        let marks = replica.marks(&query.collection);
        let table = self.table(store, &query.collection).await.map_err(storage)?;
        let views = Views { replica, table };
        let wanted = OrderKey {
            search: query.search.to_lowercase(),
            sort: query.sort.clone(),
            descending: query.descending,
        };
        let total = views.total();
        if let Some(Only::Review) = query.only {
            let (rows, matching) = views.in_review(definition, &wanted, &marks, query);
            return Ok(Rows { rows, matching, total });
        }
        let order = match &views.table.order {
            Some((key, order)) if *key == wanted => order.clone(),
            _ => views.order(definition, &wanted),
        };
        let rows = order
            .iter()
            .skip(query.offset)
            .take(query.limit)
            .filter_map(|key| {
                let id = RecordId::new(query.collection.clone(), key.clone());
                let marks = marks.get(&id).copied().unwrap_or_default();
                Some(Row { key: key.clone(), fields: views.view(&id)?, marks, gone: false })
            })
            .collect();
        let rows = Rows { rows, matching: order.len(), total };
        self.tables[0].order = Some((wanted, order));
        Ok(rows)
    }

    /// Follows a committed batch.
    pub fn absorb(&mut self, batch: &Batch) {
        if !batch.clear.is_empty() || !batch.pages.is_empty() {
            self.tables.clear();
        }
        for table in &mut self.tables {
            for (_, record) in batch.records.iter().filter(|(collection, _)| *collection == table.collection)
            {
                table.order = None;
                if record.deleted {
                    table.base.remove(&record.key);
                } else {
                    table.base.insert(record.key.clone(), record.fields.clone());
                }
            }
            // what is pending comes and goes with the outbox
            if !batch.enqueue.is_empty() || !batch.settle.is_empty() || !batch.conflicts.is_empty() {
                table.order = None;
            }
        }
    }

    async fn table<S: LocalStore>(
        &mut self,
        store: &S,
        collection: &CollectionId,
    ) -> Result<&Table, StoreError> {
        if let Some(at) = self.tables.iter().position(|t| t.collection == *collection) {
            self.tables[..=at].rotate_right(1);
        } else {
            let mut base = BTreeMap::new();
            let mut from = None;
            loop {
                let scanned = store.scan(collection, from, limits::SCAN_STEP).await?;
                base.extend(scanned.records.into_iter().map(|r: Record| (r.key, r.fields)));
                match scanned.next {
                    Some(next) => from = Some(next),
                    None => break,
                }
            }
            self.tables.insert(0, Table { collection: collection.clone(), base, order: None });
            self.tables.truncate(limits::TABLES);
        }
        Ok(&self.tables[0])
    }
}

struct Views<'a> {
    replica: &'a Replica,
    table: &'a Table,
}

impl Views<'_> {
    fn view(&self, id: &RecordId) -> Option<Fields> {
        let base = self.table.base.get(&id.key).cloned();
        self.replica.view_of(id, base)
    }

    fn pending(&self) -> impl Iterator<Item = &RecordId> {
        self.replica.pending_records().filter(|id| id.collection == self.table.collection)
    }

    fn total(&self) -> usize {
        let mut total = self.table.base.len() as i64;
        for id in self.pending() {
            total += i64::from(self.view(id).is_some()) - i64::from(self.table.base.contains_key(&id.key));
        }
        total.max(0) as usize
    }

    fn order(&self, definition: &Collection, wanted: &OrderKey) -> Vec<RecordKey> {
        let mut pending: BTreeMap<&RecordKey, Option<Fields>> = BTreeMap::new();
        for id in self.pending() {
            pending.insert(&id.key, self.view(id));
        }
        let base = self.table.base.iter().filter(|(key, _)| !pending.contains_key(key));
        let own = pending.iter().filter_map(|(key, fields)| Some((*key, fields.as_ref()?)));
        sorted(definition, wanted, base.chain(own)).into_iter().map(|(key, _)| key.clone()).collect()
    }

    /// A page of the records that wait for a person, and how many match. Those that are not there (any more) are among
    /// them with what is known of them.
    fn in_review(
        &self,
        definition: &Collection,
        wanted: &OrderKey,
        marks: &BTreeMap<RecordId, Marks>,
        query: &RowsQuery,
    ) -> (Vec<Row>, usize) {
        let mut rows = BTreeMap::new();
        for (id, marks) in marks.iter().filter(|(_, marks)| marks.review || marks.rejected) {
            let there = self.view(id).map(|fields| (fields, false));
            let (fields, gone) = there.unwrap_or_else(|| (self.replica.last_known(id), true));
            rows.insert(&id.key, Row { key: id.key.clone(), fields, marks: *marks, gone });
        }
        let order = sorted(definition, wanted, rows.iter().map(|(key, row)| (*key, &row.fields)));
        let page = order.iter().skip(query.offset).take(query.limit);
        (page.map(|(key, _)| rows[*key].clone()).collect(), order.len())
    }
}

/// What matches the search, in the order asked for.
fn sorted<'a>(
    definition: &Collection,
    wanted: &OrderKey,
    rows: impl Iterator<Item = (&'a RecordKey, &'a Fields)>,
) -> Vec<(&'a RecordKey, &'a Fields)> {
    let mut found: Vec<(&RecordKey, &Fields)> =
        rows.filter(|(key, fields)| matches(&wanted.search, key, fields)).collect();
    match &wanted.sort {
        None => found.sort_by_key(|(key, _)| *key),
        Some(name) => {
            let field_type = definition.fields.get(name).map_or(FieldType::Text, |f| f.field_type);
            let value = |fields: &Fields| fields.get(name).map(|v| SortValue::of(field_type, v));
            let mut keyed: Vec<_> =
                found.into_iter().map(|(key, fields)| (value(fields), key, fields)).collect();
            // rows without a value stay last either way
            keyed.sort_by(|a, b| match (&a.0, &b.0) {
                (Some(x), Some(y)) => x.compare(y).then_with(|| a.1.cmp(b.1)),
                (Some(_), None) => {
                    if wanted.descending {
                        Ordering::Greater
                    } else {
                        Ordering::Less
                    }
                }
                (None, Some(_)) => {
                    if wanted.descending {
                        Ordering::Less
                    } else {
                        Ordering::Greater
                    }
                }
                (None, None) => a.1.cmp(b.1),
            });
            found = keyed.into_iter().map(|(_, key, fields)| (key, fields)).collect();
        }
    }
    if wanted.descending {
        found.reverse();
    }
    found
}

enum SortValue {
    Number(rust_decimal::Decimal),
    Text(String),
    Flag(bool),
}

impl SortValue {
    fn of(field_type: FieldType, value: &Value) -> Self {
        match (field_type, &value.0) {
            (FieldType::Integer | FieldType::Counter, v) if v.is_i64() => {
                Self::Number(v.as_i64().unwrap_or_default().into())
            }
            (FieldType::Decimal, v) => v
                .as_str()
                .and_then(|s| s.parse().ok())
                .map_or_else(|| Self::Text(v.to_string()), Self::Number),
            (_, serde_json::Value::Bool(b)) => Self::Flag(*b),
            (t, _) => Self::Text(t.show(value).to_lowercase()),
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Flag(a), Self::Flag(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Flag(_) => 0,
            Self::Number(_) => 1,
            Self::Text(_) => 2,
        }
    }
}

fn matches(search: &str, key: &RecordKey, fields: &Fields) -> bool {
    fn value(search: &str, v: &serde_json::Value) -> bool {
        match v {
            serde_json::Value::String(s) => s.to_lowercase().contains(search),
            serde_json::Value::Array(a) => a.iter().any(|v| value(search, v)),
            serde_json::Value::Object(o) => o.values().any(|v| value(search, v)),
            serde_json::Value::Number(n) => n.to_string().contains(search),
            serde_json::Value::Null | serde_json::Value::Bool(_) => false,
        }
    }
    search.is_empty()
        || key.to_string().to_lowercase().contains(search)
        || fields.values().any(|v| value(search, &v.0))
}

/// A store's refusal as a person reads it.
pub fn storage(error: StoreError) -> Failure {
    Failure { kind: FailureKind::Storage, message: error.to_string(), field: None }
}
