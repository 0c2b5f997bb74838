//! `./x bench query`: what live queries take on 100,000 records (or as many as is said) of ten fields, without a store's or a
//! network's share: the first look, each change of the question, one edit with five views open, and other rows of a view.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result};
use futures::FutureExt;
use serde_json::json;
use sync_client::api::{Aggregate, Event, Figure, Filter, GroupBy, Seen, SortBy, Test, View, ViewId, Window};
use sync_client::query::Tables;
use sync_client::replica::Replica;
use sync_client::store::memory::MemoryStore;
use sync_client::store::{Batch, Loaded, LocalStore, Meta};
use sync_protocol::schema::Field;
use sync_protocol::{
    CollectionId, Counter, FieldName, FieldType, Fields, Record, RecordId, RecordKey, ReplicaId, Revision,
    Stamp, Timestamp, UserId, Value, WorkspaceId,
};

/// Times that each is measured.
const ROUNDS: usize = 9;
const WINDOW: Window = Window::at(0, 50);

fn main() -> Result<()> {
    let size = std::env::args().nth(1).and_then(|arg| arg.parse().ok()).unwrap_or(100_000);
    let mut figures = BTreeMap::from([("records".to_owned(), json!(size))]);
    let mut bench = Bench::new(size)?;
    let mut note = |what: &str, mut ms: Vec<f64>| {
        let first = ms[0];
        ms.sort_by(f64::total_cmp);
        let (best, median) = (ms[0], ms[ms.len() / 2]);
        println!("{what}: {median:.3} ms (best {best:.3}, first {first:.3})");
        figures.insert(format!("{what}_first_ms"), json!(first));
        figures.insert(format!("{what}_ms"), json!(median));
    };
    note("first_look", bench.first_looks()?);
    for (what, view, of_each) in questions() {
        note(what, bench.questions(&view, &of_each)?);
    }
    note("other_rows", bench.other_rows(size)?);
    note("edit_with_five_views", bench.edits(size)?);
    if let Some(out) = std::env::var_os("MOORING_BENCH_JSON") {
        std::fs::write(out, serde_json::to_string_pretty(&figures)?)?;
    }
    Ok(())
}

fn orders() -> CollectionId {
    CollectionId::from_label("orders")
}

fn name(text: &str) -> FieldName {
    FieldName::from_label(text)
}

fn fields() -> Vec<Field> {
    use FieldType::{Choice, Date, DateTime, Decimal, Integer, LongText, Tags, Text, YesNo};
    let types = [
        ("customer", Text),
        ("city", Text),
        ("mail", Text),
        ("status", Choice),
        ("amount", Decimal),
        ("pieces", Integer),
        ("ordered", Date),
        ("packed", DateTime),
        ("paid", YesNo),
        ("notes", LongText),
        ("labels", Tags),
    ];
    let field = |(position, (text, field_type)): (i64, (&str, FieldType))| Field {
        position,
        ..Field::new(name(text), text, field_type)
    };
    (0..).zip(types).map(field).collect()
}

fn record(n: usize) -> Record {
    let mixed = n.wrapping_mul(2_654_435_761) % 1_000_003;
    let city = ["Berlin", "Århus", "Łódź", "San José", "Zürich", "Köln", "Oslo", "Aix"][mixed % 8];
    let status = ["open", "packed", "sent", "back"][mixed % 4];
    let labels = &["a", "b", "c"][..mixed % 3];
    let values = json!({
        "customer": format!("Customer {mixed} of Harbour Street"),
        "city": city,
        "mail": format!("person.{mixed}@example.org"),
        "status": status,
        "amount": format!("{}.{:02}", mixed % 5_000, mixed % 100),
        "pieces": mixed % 40,
        "ordered": format!("20{:02}-{:02}-{:02}", mixed % 27, mixed % 12 + 1, mixed % 28 + 1),
        "packed": format!("2026-01-{:02}T{:02}:{:02}:00Z", mixed % 28 + 1, mixed % 24, mixed % 60),
        "paid": mixed.is_multiple_of(3),
        "notes": format!("Leave it at gate {} and ring twice; fragile, keep upright, do not stack.", mixed % 90),
        "labels": labels,
    });
    let serde_json::Value::Object(values) = values else { unreachable!("it was written as an object") };
    Record {
        key: RecordKey::Int(n as i64),
        rev: Revision(n as u64 + 1),
        prev: None,
        alone_since: None,
        stamp: Stamp { by: ReplicaId(uuid::Uuid::from_u128(2)), at: Timestamp(0) },
        created: None,
        edits: BTreeMap::new(),
        twin_of: None,
        deleted: false,
        fields: values.into_iter().map(|(field, value)| (name(&field), Value(value))).collect::<Fields>(),
    }
}

fn by(fields: &[(&str, bool)]) -> Vec<SortBy> {
    fields
        .iter()
        .map(|(field, descending)| SortBy { field: Some(name(field)), descending: *descending })
        .collect()
}

/// As a grid asks below its columns of numbers.
fn counted() -> Vec<Aggregate> {
    let of = |field: &'static str| {
        [Figure::Sum, Figure::Average, Figure::Min, Figure::Max]
            .map(|what| Aggregate { field: name(field), what })
    };
    ["amount", "pieces"].into_iter().flat_map(of).collect()
}

fn questions() -> Vec<(&'static str, View, Vec<Aggregate>)> {
    let all = || View::of(orders());
    let figure = |field: &str, what| Aggregate { field: name(field), what };
    let filter = Filter::All(vec![
        Filter::field(name("amount"), Test::AtLeast("2500".into())),
        Filter::field(name("city"), Test::Contains("koln".into())),
    ]);
    let group = Some(GroupBy { field: name("status"), descending: false });
    vec![
        ("by_key", all(), Vec::new()),
        ("sort_text", View { sort: by(&[("customer", false)]), ..all() }, Vec::new()),
        ("sort_few_texts", View { sort: by(&[("city", true)]), ..all() }, Vec::new()),
        ("sort_numbers", View { sort: by(&[("amount", true)]), ..all() }, Vec::new()),
        (
            "sort_three",
            View { sort: by(&[("city", false), ("ordered", true), ("amount", false)]), ..all() },
            vec![],
        ),
        ("filter", View { filter: Some(filter), ..all() }, Vec::new()),
        ("sort_and_count", View { sort: by(&[("customer", true)]), ..all() }, counted()),
        ("search", View { search: "harbour 77".into(), ..all() }, Vec::new()),
        (
            "group_with_figures",
            View { group, ..all() },
            vec![
                figure("amount", Figure::Sum),
                figure("pieces", Figure::Average),
                figure("amount", Figure::Max),
            ],
        ),
    ]
}

struct Bench {
    store: MemoryStore,
    replica: Replica,
    tables: Tables,
}

impl Bench {
    fn new(size: usize) -> Result<Self> {
        let meta = Meta {
            workspace: WorkspaceId(uuid::Uuid::from_u128(1)),
            partitions: 16,
            replica: ReplicaId(uuid::Uuid::from_u128(1)),
            user: UserId(uuid::Uuid::from_u128(1)),
            copied: Counter(0),
        };
        let replica = Replica::new(meta.clone(), Loaded::default(), Vec::new());
        let mut bench = Self { store: MemoryStore::default(), replica, tables: Tables::default() };
        bench.commit(&Batch { meta: Some(meta), ..Batch::default() })?;
        let made = bench.replica.new_collection(Timestamp(0), &orders(), "Orders", &fields())?;
        bench.commit(&made)?;
        let records = (0..size).map(|n| (orders(), record(n))).collect();
        bench.commit(&Batch { records, ..Batch::default() })?;
        Ok(bench)
    }

    /// As the engine does it.
    fn commit(&mut self, batch: &Batch) -> Result<Vec<Event>> {
        let delta = self.replica.lower(batch, |collection| self.tables.holds(collection));
        self.store.commit(batch).now_or_never().context("memory never waits")??;
        self.replica.follow(&delta);
        self.tables.follow(&delta, &self.replica);
        Ok(self.tables.news(&self.replica, |_| false))
    }

    fn watch(&mut self, id: u64, view: &View, figures: &[Aggregate]) -> Result<()> {
        let question = (view.clone(), WINDOW, figures.to_vec());
        let watched = self.tables.watch(&self.store, &self.replica, ViewId(id), question);
        watched.now_or_never().context("memory never waits")??;
        Ok(())
    }

    /// From nothing in memory to the first rows by key.
    fn first_looks(&mut self) -> Result<Vec<f64>> {
        let mut all = Vec::new();
        for _ in 0..ROUNDS {
            self.tables = Tables::default();
            let begun = Instant::now();
            self.watch(0, &View::of(orders()), &[])?;
            all.push(ms(begun));
        }
        Ok(all)
    }

    /// Each of them as if nobody had asked it lately.
    fn questions(&mut self, view: &View, figures: &[Aggregate]) -> Result<Vec<f64>> {
        let mut all = Vec::new();
        for _ in 0..ROUNDS {
            // answers are kept for a while; columns are
            for word in ["one", "other"] {
                let nothing = Filter::All(vec![Filter::Any(Vec::new())]);
                let other = View { search: word.into(), filter: Some(nothing), ..View::of(orders()) };
                self.watch(2, &other, &[])?;
                self.tables.unwatch(ViewId(2));
            }
            let begun = Instant::now();
            self.watch(1, view, figures)?;
            all.push(ms(begun));
            self.tables.unwatch(ViewId(1));
        }
        Ok(all)
    }

    fn other_rows(&mut self, size: usize) -> Result<Vec<f64>> {
        let mut all = Vec::new();
        for round in 0..ROUNDS {
            let window = Window::at(size / ROUNDS * round, 50);
            let begun = Instant::now();
            self.tables.look(&self.replica, ViewId(0), window)?;
            all.push(ms(begun));
        }
        Ok(all)
    }

    fn edits(&mut self, size: usize) -> Result<Vec<f64>> {
        for (id, (_, view, figures)) in (10..).zip(questions()).step_by(2) {
            self.watch(id, &view, &figures)?;
        }
        let mut all = Vec::new();
        for round in 0..ROUNDS * 20 {
            let id = RecordId::new(orders(), RecordKey::Int((size / 200 * round % size) as i64));
            let base =
                self.store.get(std::slice::from_ref(&id)).now_or_never().context("memory never waits")??;
            let base = base.into_iter().next().flatten();
            let saw = base.as_ref().map(|record| record.fields[&name("amount")].clone()).unwrap_or_default();
            let seen = Seen { saw, want: format!("{round}.5").into() };
            let change = BTreeMap::from([(name("amount"), seen)]);
            let batch = self.replica.edit(Timestamp(1), id, base.as_ref(), change)?;
            let begun = Instant::now();
            self.commit(&batch)?;
            all.push(ms(begun));
        }
        Ok(all)
    }
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1_000.0
}
