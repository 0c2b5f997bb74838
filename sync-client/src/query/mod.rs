//! Live queries: collections in memory as the person sees them; of each the views that screens watch, filtered, searched,
//! sorted, grouped, counted, and shown through windows.
//!
//! Order and search are for the screen: they follow what people read there, not what is stored. A collection is read once; then
//! it follows the delta of each batch (`Table`), and with it the answers to what is asked of it (`Live`). What a screen watches
//! is compared with what it was told last (`Watching`), and the difference is told.

use std::collections::BTreeSet;

use sync_protocol::schema::Field;
use sync_protocol::{CollectionId, FieldName, Fields, Record, RecordId, RecordKey};

use crate::api::{
    Aggregate, Duplicate, Duplicates, Event, Failure, FailureKind, Holder, Keys, Looked, Rows, RowsQuery,
    SortBy, View, ViewId, Watched, Window,
};
use crate::delta::Delta;
use crate::limits;
use crate::replica::Replica;
use crate::replica::rules::{Held, Holders};
use crate::store::{LocalStore, StoreError};
use crate::text::Collation;

mod columns;
mod compare;
mod difference;
mod filter;
mod live;
mod order;
mod ranks;
mod search;
mod seen;
mod sum;
mod table;
mod tally;
mod unique;
mod wanted;
mod watching;

use live::Live;
use order::sorted;
use seen::Seen;
use table::{Table, no_collection};
use wanted::Wanted;
use watching::bounded;

/// Collections that were looked at lately.
#[derive(Debug, Default)]
pub struct Tables {
    tables: Vec<Table>,
    collation: Collation,
    /// How often a view was looked at.
    looks: u64,
    /// Views that have ended by themselves, and nobody was told.
    ended: Vec<ViewId>,
}

impl Tables {
    /// Rows of a collection; reads it from the store if it is not in memory.
    pub async fn rows<S: LocalStore>(
        &mut self,
        store: &S,
        replica: &Replica,
        query: &RowsQuery,
    ) -> Result<Rows, Failure> {
        let window = bounded(Window::at(query.offset, query.limit))?;
        let definition = replica.schema().collection(&query.collection).ok_or_else(no_collection)?;
        // a screen may still ask for the order of a field that is gone
        let field = query.sort.clone().filter(|name| definition.fields.contains_key(name));
        let view = View {
            search: query.search.clone(),
            sort: vec![SortBy { field, descending: query.descending }],
            only: query.only,
            ..View::of(query.collection.clone())
        };
        let at = self.load(store, replica, &query.collection).await.map_err(storage)?;
        let (live, of) = self.tables[at].ask(view, replica, &self.collation)?;
        let keys = live.keys(window.offset).take(window.limit);
        let rows = keys.filter_map(|key| live.row(of, key)).collect();
        Ok(Rows { rows, matching: live.len(), total: of.seen.len() })
    }

    /// Opens a view under that name. Where too many are open, the one that was looked at longest ago ends.
    ///
    /// # Errors
    ///
    /// What is asked for that the collection does not have, with the field; too large a question; the store's refusal.
    pub async fn watch<S: LocalStore>(
        &mut self,
        store: &S,
        replica: &Replica,
        id: ViewId,
        (view, window, figures): (View, Window, Vec<Aggregate>),
    ) -> Result<Watched, Failure> {
        let window = bounded(window)?;
        let definition = replica.schema().collection(&view.collection).ok_or_else(no_collection)?;
        let collection = view.collection.clone();
        let live = Live::new(view, figures, definition)?;
        let at = self.load(store, replica, &collection).await.map_err(storage)?;
        self.make_way();
        let watched = self.tables[at].watch(id, live, window, replica, &self.collation)?;
        self.looked_at(id);
        Ok(watched)
    }

    /// Shows other rows of an open view.
    ///
    /// # Errors
    ///
    /// It has ended; more rows than can be asked for.
    pub fn look(&mut self, replica: &Replica, id: ViewId, window: Window) -> Result<Looked, Failure> {
        let window = bounded(window)?;
        self.looked_at(id);
        let Self { tables, collation, .. } = self;
        let mut found = tables.iter_mut().filter_map(|table| table.watching(id, replica, collation));
        found.next().map(|(watching, of)| watching.look(window, of)).ok_or_else(ended)
    }

    /// Keys of the rows that match an open view, in its order, from there on: as many as fit one answer.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub fn keys(&mut self, replica: &Replica, id: ViewId, offset: usize) -> Result<Keys, Failure> {
        let Self { tables, collation, .. } = self;
        let mut found = tables.iter_mut().filter_map(|table| table.watching(id, replica, collation));
        found.next().map(|(watching, of)| watching.keys(offset, of)).ok_or_else(ended)
    }

    /// The place of a record among the rows that match an open view. Costs finding it.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub fn place(
        &mut self,
        replica: &Replica,
        id: ViewId,
        key: &RecordKey,
    ) -> Result<Option<usize>, Failure> {
        let Self { tables, collation, .. } = self;
        let mut found = tables.iter_mut().filter_map(|table| table.watching(id, replica, collation));
        found.next().map(|(watching, of)| watching.place(key, of)).ok_or_else(ended)
    }

    /// Ends a view.
    pub fn unwatch(&mut self, id: ViewId) {
        self.tables.iter_mut().for_each(|table| table.unwatch(id));
        self.forget_tables();
    }

    /// What is to be told of the open views: what changed since the last time, and which have ended by themselves. `waits`: of
    /// which view something still waits to be heard; what is told then stands in its place.
    pub fn news(&mut self, replica: &Replica, waits: impl Fn(ViewId) -> bool) -> Vec<Event> {
        let Self { tables, collation, ended, .. } = self;
        let mut news = Vec::new();
        for table in tables {
            ended.append(&mut table.ended);
            let changes = table.changes(replica, collation, &waits);
            news.extend(changes.into_iter().map(|change| Event::Seen(Box::new(change))));
        }
        if !ended.is_empty() {
            news.push(Event::Ended { ids: Some(std::mem::take(ended)) });
        }
        news
    }

    /// Forgets all that was read, and ends every view.
    pub fn forget(&mut self) {
        let tables = std::mem::take(&mut self.tables);
        let watched = tables.iter().flat_map(|table| &table.watched).map(|watching| watching.id);
        self.ended.extend(watched);
    }

    /// What of these records is going on may be otherwise, though nothing was stored.
    pub fn touch(&mut self, ids: &[RecordId]) {
        for table in &mut self.tables {
            ids.iter().for_each(|id| table.touch(id));
        }
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

    /// The records that hold those values; reads their collections, where they are not in memory.
    pub async fn holders<S: LocalStore>(
        &mut self,
        store: &S,
        replica: &Replica,
        asked: BTreeSet<Held>,
    ) -> Result<Holders, StoreError> {
        let mut found = Holders::new();
        for held in asked {
            let at = self.load(store, replica, &held.0).await?;
            let keys = self.tables[at].holders(&held.1, &held.2);
            found.insert(held, keys);
        }
        Ok(found)
    }

    /// Values of a field that more than one record holds; reads the collection, where it is not in memory.
    ///
    /// # Errors
    ///
    /// There is no such field, or it holds what cannot be there twice; the store's refusal.
    pub async fn duplicates<S: LocalStore>(
        &mut self,
        store: &S,
        replica: &Replica,
        collection: &CollectionId,
        field: &FieldName,
    ) -> Result<Duplicates, Failure> {
        let definition = replica.schema().collection(collection).ok_or_else(no_collection)?;
        let fits = definition.fields.get(field).is_some_and(|field| field.field_type.can_be_unique());
        if !fits {
            let message = "This field has no values that are told apart.";
            return Err(Failure { field: Some(field.clone()), ..Failure::input(message) });
        }
        let at = self.load(store, replica, collection).await.map_err(storage)?;
        let table = &self.tables[at];
        // one more, to know whether there are more
        let mut found = table.twice(field, limits::GROUPS + 1);
        let more = found.len() > limits::GROUPS;
        found.truncate(limits::GROUPS);
        let fields = |key: &RecordKey| table.seen().get(key).cloned().unwrap_or_default();
        // what all of them share tells nobody which is which
        let tells = definition.title_field().is_some_and(|named| named.name != *field);
        let others = definition.ordered().into_iter().filter(|other| other.name != *field);
        let others: Vec<&Field> = others.collect();
        let called = |key: &RecordKey| {
            let fields = fields(key);
            let texts =
                others.iter().filter_map(|other| Some(other.field_type.show(fields.get(&other.name)?)));
            let mut first = texts.map(|text| text.chars().take(limits::SAMPLE_CHARS).collect::<String>());
            match first.find(|text| !text.trim().is_empty()).filter(|_| !tells) {
                Some(other) => other,
                None if tells => definition.title(key, &fields),
                None => key.to_string(),
            }
        };
        let values = found.into_iter().map(|keys| Duplicate {
            value: keys.first().and_then(|key| fields(key).get(field).cloned()).unwrap_or_default(),
            more: keys.len().saturating_sub(limits::HOLDERS),
            records: keys
                .into_iter()
                .take(limits::HOLDERS)
                .map(|key| Holder { title: called(&key), key })
                .collect(),
        });
        Ok(Duplicates { values: values.collect(), more })
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
        let mut base = Seen::default();
        let mut from = None;
        loop {
            let scanned = store.scan(collection, from, limits::SCAN_STEP).await?;
            scanned.records.into_iter().for_each(|r: Record| base.add(r.key, r.fields));
            match scanned.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
        self.tables.insert(0, Table::new(collection.clone(), base, replica, &self.collation));
        self.forget_tables();
        Ok(0)
    }

    /// Forgets collections that nobody has looked at lately, but for those of open views.
    fn forget_tables(&mut self) {
        let mut others = 0;
        self.tables.retain(|table| {
            others += usize::from(table.watched.is_empty());
            !table.watched.is_empty() || others <= limits::TABLES
        });
    }

    /// A view was looked at just now.
    fn looked_at(&mut self, id: ViewId) {
        self.looks += 1;
        let mut views = self.tables.iter_mut().flat_map(|table| &mut table.watched);
        if let Some(watching) = views.find(|watching| watching.id == id) {
            watching.looked_at = self.looks;
        }
    }

    /// Ends the view that was looked at longest ago, where there is no room for another one.
    fn make_way(&mut self) {
        let open = || self.tables.iter().flat_map(|table| &table.watched);
        if open().count() < limits::VIEWS {
            return;
        }
        if let Some(id) = open().min_by_key(|watching| watching.looked_at).map(|watching| watching.id) {
            self.tables.iter_mut().for_each(|table| table.watched.retain(|watching| watching.id != id));
            self.ended.push(id);
        }
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

    /// The records that hold such a value in a field.
    pub fn holders(&self, name: &FieldName, text: &str) -> BTreeSet<RecordKey> {
        self.table.holders(name, text)
    }

    /// Records by key, numbers before texts; all of them, or those behind one.
    pub fn behind(&self, after: Option<RecordKey>) -> impl Iterator<Item = (&RecordKey, &Fields)> {
        self.table.seen().behind(after)
    }

    /// Every record, in the order of keys.
    pub fn all(&self) -> Vec<(RecordKey, Fields)> {
        let seen = self.table.seen();
        let (keys, _) = sorted(&Wanted::all(), self.collation, seen.is_plain(), None, seen.numbered());
        keys.into_iter().filter_map(|key| Some((key.clone(), seen.get(key)?.clone()))).collect()
    }
}

fn ended() -> Failure {
    let message = "This list is no longer kept up to date. It is read again.";
    Failure::new(FailureKind::Ended, message)
}

/// A store's refusal as a person reads it.
pub fn storage(error: StoreError) -> Failure {
    Failure::new(FailureKind::Storage, error.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::text;
    use sync_protocol::schema::Collection;
    use sync_protocol::{FieldType, Value};

    /// The keys of what matches, in the order asked for; all records have one field of that type.
    fn found(field_type: FieldType, records: &[(RecordKey, Value)], search: &str, sort: bool) -> String {
        let name = FieldName::from_label("v");
        let field = Field::new(name.clone(), "v", field_type);
        let definition =
            Collection { fields: BTreeMap::from([(name.clone(), field)]), ..Collection::default() };
        let by_value = sort.then(|| SortBy::rising(name.clone()));
        let view = View {
            search: search.into(),
            sort: by_value.into_iter().collect(),
            ..View::of(CollectionId::from_label("c"))
        };
        let wanted = Wanted::new(&view, &[], &definition).expect("it fits");
        let records: Vec<(RecordKey, Fields)> =
            records.iter().map(|(key, v)| (key.clone(), Fields::from([(name.clone(), v.clone())]))).collect();
        let mut seen = Seen::default();
        records.into_iter().for_each(|(key, fields)| seen.add(key, fields));
        let found = seen.numbered().filter(|(key, fields, _)| wanted.takes(&definition, key, fields));
        let (keys, _) = sorted(&wanted, &Collation::default(), seen.is_plain(), None, found);
        keys.into_iter().map(RecordKey::to_string).collect::<Vec<_>>().join(" ")
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
