//! Rows for the grid: a collection in memory as the person sees it, searched, sorted and paged.
//!
//! Order and search are for the screen: they follow what people read there, not what is stored.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use sync_protocol::Ordered;

use sync_protocol::schema::Collection;
use sync_protocol::value::decimal::Decimal;
use sync_protocol::{CollectionId, FieldName, FieldType, Fields, Record, RecordId, RecordKey, Value};

use crate::api::{Failure, FailureKind, Only, Row, Rows, RowsQuery};
use crate::limits;
use crate::replica::Replica;
use crate::store::{Batch, LocalStore, StoreError};
use crate::text;

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
    /// Folded.
    words: Vec<String>,
    sort: Option<FieldName>,
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
        let table = self.table(store, &query.collection).await.map_err(storage)?;
        let views = Views { replica, table };
        let wanted =
            OrderKey { words: words(&query.search), sort: query.sort.clone(), descending: query.descending };
        let total = views.total();
        if let Some(Only::Review) = query.only {
            let (rows, matching) = views.in_review(definition, &wanted, query);
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
                let marks = replica.marks_of(&id);
                Some(Row { key: key.clone(), fields: views.view(&id)?, marks, gone: false })
            })
            .collect();
        let rows = Rows { rows, matching: order.len(), total };
        self.tables[0].order = Some((wanted, order));
        Ok(rows)
    }

    /// All records of a collection as the person sees them.
    pub async fn views<'a, S: LocalStore>(
        &'a mut self,
        store: &S,
        replica: &'a Replica,
        collection: &CollectionId,
    ) -> Result<Views<'a>, StoreError> {
        let table = self.table(store, collection).await?;
        Ok(Views { replica, table })
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

/// A collection as the person sees it.
#[derive(Debug)]
pub struct Views<'a> {
    replica: &'a Replica,
    table: &'a Table,
}

impl Views<'_> {
    /// One record's values; `None` where there is none.
    pub fn view_of(&self, key: &RecordKey) -> Option<Fields> {
        self.view(&RecordId::new(self.table.collection.clone(), key.clone()))
    }

    /// Every record, in the order of keys.
    pub fn all(&self) -> Vec<(RecordKey, Fields)> {
        let pending: BTreeMap<&RecordKey, Option<Fields>> =
            self.pending().map(|id| (&id.key, self.view(id))).ordered_map();
        let base = self.table.base.iter().filter(|(key, _)| !pending.contains_key(key));
        let mut all: Vec<(RecordKey, Fields)> =
            base.map(|(key, fields)| (key.clone(), fields.clone())).collect();
        all.extend(pending.iter().filter_map(|(key, fields)| Some(((*key).clone(), fields.clone()?))));
        let places = KeyOrder::of(all.iter().map(|(key, _)| key));
        all.sort_by(|a, b| places.compare(&a.0, &b.0));
        all
    }

    fn view(&self, id: &RecordId) -> Option<Fields> {
        let base = self.table.base.get(&id.key).cloned();
        self.replica.view_of(id, base)
    }

    fn pending(&self) -> impl Iterator<Item = &RecordId> {
        self.replica.pending_records_of(&self.table.collection)
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
    fn in_review(&self, definition: &Collection, wanted: &OrderKey, query: &RowsQuery) -> (Vec<Row>, usize) {
        let mut rows = BTreeMap::new();
        for id in self.replica.in_review(&self.table.collection) {
            let there = self.view(id).map(|fields| (fields, false));
            let (fields, gone) = there.unwrap_or_else(|| (self.replica.last_known(id), true));
            rows.insert(&id.key, Row { key: id.key.clone(), fields, marks: self.replica.marks_of(id), gone });
        }
        let order = sorted(definition, wanted, rows.iter().map(|(key, row)| (*key, &row.fields)));
        let page = order.iter().skip(query.offset).take(query.limit);
        (page.map(|(key, _)| rows[*key].clone()).collect(), order.len())
    }
}

/// What is searched for: each word somewhere.
fn words(search: &str) -> Vec<String> {
    text::folded(search).split_whitespace().map(str::to_owned).collect()
}

/// What matches the search, in the order asked for.
fn sorted<'a>(
    definition: &Collection,
    wanted: &OrderKey,
    rows: impl Iterator<Item = (&'a RecordKey, &'a Fields)>,
) -> Vec<(&'a RecordKey, &'a Fields)> {
    let mut found: Vec<(&RecordKey, &Fields)> =
        rows.filter(|(key, fields)| matches(definition, &wanted.words, key, fields)).collect();
    let keys = KeyOrder::of(found.iter().map(|(key, _)| *key));
    match &wanted.sort {
        None => found.sort_by(|a, b| keys.compare(a.0, b.0)),
        Some(name) => {
            let field_type = definition.fields.get(name).map_or(FieldType::Text, |f| f.field_type);
            let values: Vec<Option<SortValue>> =
                found.iter().map(|(_, fields)| Some(SortValue::of(field_type, fields.get(name)?))).collect();
            let texts = values.iter().flatten().filter_map(|value| match value {
                SortValue::Text(text) => Some(text.as_str()),
                _ => None,
            });
            let places = text::places(texts);
            let mut keyed: Vec<_> = values.into_iter().zip(found).collect();
            // rows without a value stay last either way
            let last = if wanted.descending { Ordering::Less } else { Ordering::Greater };
            keyed.sort_by(|(a, row), (b, other)| match (a, b) {
                (Some(x), Some(y)) => x.compare(y, &places).then_with(|| keys.compare(row.0, other.0)),
                (None, Some(_)) => last,
                (Some(_), None) => last.reverse(),
                (None, None) => keys.compare(row.0, other.0),
            });
            found = keyed.into_iter().map(|(_, row)| row).collect();
        }
    }
    if wanted.descending {
        found.reverse();
    }
    found
}

/// Keys as people count: numbers by size, also within texts. Where all of them are plain, nothing is looked up.
struct KeyOrder {
    places: Option<BTreeMap<String, usize>>,
}

impl KeyOrder {
    fn of<'a>(keys: impl Iterator<Item = &'a RecordKey> + Clone) -> Self {
        let plain = |key: &RecordKey| match key {
            RecordKey::Int(_) => true,
            RecordKey::Text(text) => text.is_ascii(),
        };
        if keys.clone().all(plain) {
            return Self { places: None };
        }
        let texts: Vec<String> = keys.map(RecordKey::to_string).collect();
        Self { places: Some(text::places(texts.iter().map(String::as_str))) }
    }

    fn compare(&self, a: &RecordKey, b: &RecordKey) -> Ordering {
        let (a_minted, b_minted) = (a.is_minted(), b.is_minted());
        let order = match (a, b, &self.places) {
            // behind the keys that people chose, in the order in which they were minted
            _ if a_minted || b_minted => a_minted.cmp(&b_minted),
            (RecordKey::Int(a), RecordKey::Int(b), _) => a.cmp(b),
            (RecordKey::Text(a), RecordKey::Text(b), None) => natural(a, b),
            (_, _, None) => natural(&a.to_string(), &b.to_string()),
            (_, _, Some(places)) => places.get(&a.to_string()).cmp(&places.get(&b.to_string())),
        };
        order.then_with(|| a.cmp(b))
    }
}

/// The order of two texts of ASCII: runs of digits by their value, letters without case.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        match (a.first(), b.first()) {
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let run = |text: &[u8]| text.iter().take_while(|c| c.is_ascii_digit()).count();
                let ((x, rest_a), (y, rest_b)) = (a.split_at(run(a)), b.split_at(run(b)));
                let bare = |digits: &[u8]| digits.iter().take_while(|c| **c == b'0').count();
                let (x, y) = (&x[bare(x)..], &y[bare(y)..]);
                match x.len().cmp(&y.len()).then_with(|| x.cmp(y)) {
                    Ordering::Equal => (a, b) = (rest_a, rest_b),
                    other => return other,
                }
            }
            (Some(x), Some(y)) => match x.to_ascii_lowercase().cmp(&y.to_ascii_lowercase()) {
                Ordering::Equal => (a, b) = (&a[1..], &b[1..]),
                other => return other,
            },
            (x, y) => return x.is_some().cmp(&y.is_some()),
        }
    }
}

enum SortValue {
    Whole(i64),
    Decimal(Decimal),
    Number(f64),
    /// A moment as it is stored, without the letter behind it that would come after a fraction.
    Time(String),
    Text(String),
    Flag(bool),
}

impl SortValue {
    fn of(field_type: FieldType, value: &Value) -> Self {
        match (field_type, &value.0) {
            (FieldType::Integer | FieldType::Counter, v) if v.is_i64() => {
                Self::Whole(v.as_i64().unwrap_or_default())
            }
            (FieldType::Decimal, v) => {
                v.as_str().and_then(Decimal::read).map_or_else(|| Self::Text(v.to_string()), Self::Decimal)
            }
            (FieldType::Number, v) => {
                value.as_number().map_or_else(|| Self::Text(v.to_string()), Self::Number)
            }
            (FieldType::Date | FieldType::DateTime | FieldType::Time, serde_json::Value::String(at)) => {
                Self::Time(at.trim_end_matches('Z').to_owned())
            }
            (_, serde_json::Value::Bool(b)) => Self::Flag(*b),
            (t, _) => Self::Text(t.show(value)),
        }
    }

    fn compare(&self, other: &Self, places: &BTreeMap<String, usize>) -> Ordering {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(b),
            (Self::Decimal(a), Self::Decimal(b)) => a.compare(b),
            // both zeros are one; what is no number comes last
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b).unwrap_or(a.is_nan().cmp(&b.is_nan())),
            (Self::Time(a), Self::Time(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => places.get(a).cmp(&places.get(b)),
            (Self::Flag(a), Self::Flag(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Flag(_) => 0,
            Self::Whole(_) | Self::Decimal(_) | Self::Number(_) => 1,
            Self::Time(_) => 2,
            Self::Text(_) => 3,
        }
    }
}

/// Whether every word is somewhere in what a person reads of a record.
fn matches(definition: &Collection, words: &[String], key: &RecordKey, fields: &Fields) -> bool {
    if words.is_empty() {
        return true;
    }
    let mut all = text::folded(&key.to_string());
    for (name, value) in fields {
        all.push('\n');
        let field_type = definition.fields.get(name).map(|field| field.field_type);
        // nobody reads bytes, and words would be found in them by chance
        if field_type == Some(FieldType::Bytes) {
            continue;
        }
        let is_time = field_type == Some(FieldType::DateTime);
        if let Some(shown) = value.as_text().filter(|_| is_time).and_then(text::local_time) {
            all.push_str(&shown);
            all.push('\n');
        }
        read(&value.0, &mut all);
    }
    words.iter().all(|word| all.contains(word.as_str()))
}

/// Adds what a person reads of a value.
fn read(value: &serde_json::Value, all: &mut String) {
    use serde_json::Value as J;
    match value {
        J::String(text) => all.push_str(&text::folded(text)),
        J::Array(items) => items.iter().for_each(|item| {
            read(item, all);
            all.push('\n');
        }),
        J::Object(items) => items.values().for_each(|item| {
            read(item, all);
            all.push('\n');
        }),
        J::Number(n) => all.push_str(&n.to_string()),
        J::Bool(yes) => all.push_str(if *yes { "yes" } else { "no" }),
        J::Null => {}
    }
}

/// A store's refusal as a person reads it.
pub fn storage(error: StoreError) -> Failure {
    Failure { kind: FailureKind::Storage, message: error.to_string(), field: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_protocol::schema::Field;

    /// The keys of what matches, in the order asked for; all records have one field of that type.
    fn found(field_type: FieldType, records: &[(RecordKey, Value)], search: &str, sort: bool) -> String {
        let name = FieldName::from_label("v");
        let field = Field {
            name: name.clone(),
            label: "v".into(),
            field_type,
            options: Vec::new(),
            policy: None,
            position: 0,
        };
        let definition =
            Collection { fields: BTreeMap::from([(name.clone(), field)]), ..Collection::default() };
        let wanted = OrderKey { words: words(search), sort: sort.then_some(name.clone()), descending: false };
        let records: Vec<(RecordKey, Fields)> =
            records.iter().map(|(key, v)| (key.clone(), Fields::from([(name.clone(), v.clone())]))).collect();
        let keys = sorted(&definition, &wanted, records.iter().map(|(key, fields)| (key, fields)));
        keys.into_iter().map(|(key, _)| key.to_string()).collect::<Vec<_>>().join(" ")
    }

    fn numbered(values: &[Value]) -> Vec<(RecordKey, Value)> {
        (1..).map(RecordKey::Int).zip(values.iter().cloned()).collect()
    }

    #[test]
    fn rows_come_in_the_order_in_which_people_look_for_them() {
        let texts = ["Zebra", "Äpfel", "item 10", "item 2"].map(Value::from);
        assert_eq!(found(FieldType::Text, &numbered(&texts), "", true), "2 4 3 1");
        let times =
            ["2026-01-01T10:00:00.5Z", "2026-01-01T10:00:00Z", "2026-01-01T10:00:00.25Z"].map(Value::from);
        assert_eq!(found(FieldType::DateTime, &numbered(&times), "", true), "2 3 1");
        let prices = ["10", "9.5", "-1"].map(Value::from);
        assert_eq!(found(FieldType::Decimal, &numbered(&prices), "", true), "3 2 1");
        // of one size: in the order of their keys
        let prices = ["1E+2", "100.00", "99.9", "100", "-1.5E+3"].map(Value::from);
        assert_eq!(found(FieldType::Decimal, &numbered(&prices), "", true), "5 3 1 2 4");
        let numbers =
            [f64::NAN, 0.0, f64::INFINITY, -0.0, -1e300, f64::NEG_INFINITY, 5.0].map(Value::from_number);
        assert_eq!(found(FieldType::Number, &numbered(&numbers), "", true), "6 5 2 4 7 3 1");
        let clocks = ["14:30:00", "09:00:00", "14:30:00.5"].map(Value::from);
        assert_eq!(found(FieldType::Time, &numbered(&clocks), "", true), "2 1 3");
        let keyed = |keys: &[&str]| -> String {
            let records: Vec<_> =
                keys.iter().map(|key| (RecordKey::from_input(key), Value::from("x"))).collect();
            found(FieldType::Text, &records, "", false)
        };
        assert_eq!(keyed(&["10001", "90210", "00501", "02108"]), "00501 02108 10001 90210");
        assert_eq!(keyed(&["R100", "R1", "R10", "r2", "R1b"]), "R1 R1b r2 R10 R100");
        assert_eq!(keyed(&["Öl", "Zebra", "apple", "2", "10"]), "2 10 apple Öl Zebra");
        assert_eq!(keyed(&["-5", "3", "-10"]), "-10 -5 3");
        let minted = ["019aa1e2-f000-7000-8000-000000000000", "019aa1e1-2000-7000-8000-000000000000"];
        assert_eq!(keyed(&[minted[0], "x", minted[1], "2"]), format!("2 x {} {}", minted[1], minted[0]));
        assert_eq!(keyed(&[minted[0], "Öl", minted[1]]), format!("Öl {} {}", minted[1], minted[0]));
    }

    #[test]
    fn a_search_finds_what_is_read_on_the_screen() {
        let texts = numbered(&["Café Straße", "İstanbul", "lost and fragile", "Müller"].map(Value::from));
        for (search, keys) in [
            ("cafe", "1"),
            ("STRASSE café ", "1"),
            ("istanbul", "2"),
            ("fragile lost", "3"),
            ("muller", "4"),
            ("muller lost", ""),
            ("4", "4"),
            ("", "1 2 3 4"),
        ] {
            assert_eq!(found(FieldType::Text, &texts, search, false), keys, "{search}");
        }
        let flags = numbered(&[Value::from(true), Value::from(false)]);
        assert_eq!(found(FieldType::YesNo, &flags, "yes", false), "1");
        assert_eq!(found(FieldType::YesNo, &flags, "no", false), "2");
        let utc = "2026-11-23T14:30:05.25Z";
        let shown = text::local_time(utc).unwrap();
        let times = numbered(&[Value::from(utc), Value::from("2001-01-01T00:00:00Z")]);
        assert_eq!(found(FieldType::DateTime, &times, &shown, false), "1", "{shown}");
        assert_eq!(found(FieldType::DateTime, &times, &shown[11..16], false), "1", "{shown}");
    }
}
