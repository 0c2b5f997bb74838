//! Rows for the grid: a collection in memory as the person sees it, searched, sorted and paged.
//!
//! Order and search are for the screen: they follow what people read there, not what is stored. A collection is read once; then
//! it follows the delta of each batch (`Table`), and the last question's order follows with it (`Order`).

use std::collections::BTreeMap;

use sync_protocol::schema::Collection;
use sync_protocol::{CollectionId, Fields, Record, RecordId, RecordKey};

use crate::api::{Failure, FailureKind, Only, Row, Rows, RowsQuery};
use crate::delta::Delta;
use crate::limits;
use crate::replica::Replica;
use crate::store::{LocalStore, StoreError};
use crate::text::Collation;

mod compare;
mod order;
mod search;
mod table;

use compare::sorted;
use order::Wanted;
use search::{matches, words};
use table::Table;

/// Collections that were looked at lately.
#[derive(Debug, Default)]
pub struct Tables {
    tables: Vec<Table>,
    collation: Collation,
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
        let at = self.load(store, replica, &query.collection).await.map_err(storage)?;
        let Self { tables, collation } = self;
        let table = &mut tables[at];
        let total = table.seen().len();
        let wanted =
            Wanted { words: words(&query.search), sort: query.sort.clone(), descending: query.descending };
        if let Some(Only::Review) = query.only {
            let (rows, matching) = in_review(table, replica, definition, collation, &wanted, query);
            return Ok(Rows { rows, matching, total });
        }
        let order = table.order(wanted, definition, collation);
        let matching = order.len();
        let keys: Vec<RecordKey> = order.page(query.offset, query.limit).into_iter().cloned().collect();
        let rows = keys.into_iter().filter_map(|key| {
            let marks = replica.marks_of(&RecordId::new(query.collection.clone(), key.clone()));
            let fields = table.seen().get(&key)?.clone();
            Some(Row { key, fields, marks, gone: false })
        });
        Ok(Rows { rows: rows.collect(), matching, total })
    }

    /// All records of a collection as the person sees them.
    pub async fn views<S: LocalStore>(
        &mut self,
        store: &S,
        replica: &Replica,
        collection: &CollectionId,
    ) -> Result<Views<'_>, StoreError> {
        let at = self.load(store, replica, collection).await?;
        Ok(Views { table: &self.tables[at], collation: &self.collation })
    }

    /// Whether a collection is in memory.
    pub fn holds(&self, collection: &CollectionId) -> bool {
        self.tables.iter().any(|table| table.collection == *collection)
    }

    /// Follows what the replica has followed.
    pub fn follow(&mut self, delta: &Delta<'_>, replica: &Replica) {
        for table in &mut self.tables {
            table.follow(delta, replica, &self.collation);
        }
    }

    /// Reads a collection, if it is not in memory. Where it is.
    async fn load<S: LocalStore>(
        &mut self,
        store: &S,
        replica: &Replica,
        collection: &CollectionId,
    ) -> Result<usize, StoreError> {
        if let Some(at) = self.tables.iter().position(|t| t.collection == *collection) {
            self.tables[..=at].rotate_right(1);
            return Ok(0);
        }
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
        self.tables.insert(0, Table::new(collection.clone(), base, replica, &self.collation));
        self.tables.truncate(limits::TABLES);
        Ok(0)
    }
}

/// A collection as the person sees it.
#[derive(Debug)]
pub struct Views<'a> {
    table: &'a Table,
    collation: &'a Collation,
}

impl Views<'_> {
    /// One record's values; `None` where there is none.
    pub fn view_of(&self, key: &RecordKey) -> Option<Fields> {
        self.table.seen().get(key).cloned()
    }

    /// Every record, in the order of keys.
    pub fn all(&self) -> Vec<(RecordKey, Fields)> {
        let by_key = Wanted { words: Vec::new(), sort: None, descending: false };
        let rows = sorted(&Collection::default(), self.collation, &by_key, self.table.seen().iter());
        rows.into_iter().map(|(key, fields)| (key.clone(), fields.clone())).collect()
    }
}

/// A page of the records that wait for a person, and how many match. Those that are not there (any more) are among them with
/// what is known of them.
fn in_review(
    table: &Table,
    replica: &Replica,
    definition: &Collection,
    collation: &Collation,
    wanted: &Wanted,
    query: &RowsQuery,
) -> (Vec<Row>, usize) {
    let mut rows = BTreeMap::new();
    for id in replica.in_review(&table.collection) {
        let there = table.seen().get(&id.key).map(|fields| (fields.clone(), false));
        let (fields, gone) = there.unwrap_or_else(|| (replica.last_known(id), true));
        rows.insert(&id.key, Row { key: id.key.clone(), fields, marks: replica.marks_of(id), gone });
    }
    let found = rows.iter().map(|(key, row)| (*key, &row.fields));
    let found = found.filter(|(key, fields)| matches(definition, &wanted.words, key, fields));
    let mut order = sorted(definition, collation, wanted, found);
    if wanted.descending {
        order.reverse();
    }
    let page = order.iter().skip(query.offset).take(query.limit);
    (page.map(|(key, _)| rows[*key].clone()).collect(), order.len())
}

/// A store's refusal as a person reads it.
pub fn storage(error: StoreError) -> Failure {
    Failure::new(FailureKind::Storage, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;
    use sync_protocol::schema::Field;
    use sync_protocol::{FieldName, FieldType, Value};

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
        let wanted = Wanted { words: words(search), sort: sort.then_some(name.clone()), descending: false };
        let records: Vec<(RecordKey, Fields)> =
            records.iter().map(|(key, v)| (key.clone(), Fields::from([(name.clone(), v.clone())]))).collect();
        let rows = records.iter().map(|(key, fields)| (key, fields));
        let found = rows.filter(|(key, fields)| matches(&definition, &wanted.words, key, fields));
        let keys = sorted(&definition, &Collation::default(), &wanted, found);
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
