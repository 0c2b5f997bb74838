//! Live queries: a view that is followed is what it would be if it were opened anew, whatever happens; and what a screen is
//! told makes the one window out of the other.

use std::collections::BTreeMap;

use crate::model::device::Device;
use crate::model::name;
use crate::model::server::Server;
use futures::FutureExt;
use proptest::prelude::*;
use serde_json::json;
use sync_client::api::{
    Aggregate, Applied, Event, Failure, Figure, Filter, GroupBy, Groups, Looked, Only, RowsChange, SortBy,
    Test, View, ViewId, Watched, Window,
};
use sync_client::query::Tables;
use sync_protocol::schema::Field;
use sync_protocol::{CollectionId, FieldType, Partition, RecordId, RecordKey, Value};

fn people() -> CollectionId {
    CollectionId::new("people").unwrap()
}

fn person(key: RecordKey) -> RecordId {
    RecordId::new(people(), key)
}

fn definition() -> Vec<Field> {
    use FieldType::{Date, Decimal, Integer, Tags, Text};
    let types = [("name", Text), ("age", Integer), ("pay", Decimal), ("born", Date), ("tags", Tags)];
    let field = |(position, (text, field_type)): (i64, (&str, FieldType))| Field {
        position,
        ..Field::new(name(text), text, field_type)
    };
    (0..).zip(types).map(field).collect()
}

fn view() -> View {
    View::of(people())
}

fn by(fields: &[(&str, bool)]) -> Vec<SortBy> {
    let field = |text: &str| (!text.is_empty()).then(|| name(text));
    fields.iter().map(|(text, descending)| SortBy { field: field(text), descending: *descending }).collect()
}

fn group(field: &str, descending: bool) -> Option<GroupBy> {
    Some(GroupBy { field: name(field), descending })
}

fn test(field: &str, test: Test) -> Filter {
    Filter::field(name(field), test)
}

fn all_figures() -> Vec<Aggregate> {
    let figure = |field: &str, what| Aggregate { field: name(field), what };
    let mut all = Vec::new();
    for field in ["age", "pay"] {
        use Figure::{Average, Count, Empty, Max, Min, Sum, Unique};
        all.extend([Count, Empty, Unique, Sum, Average, Min, Max].map(|what| figure(field, what)));
    }
    all.extend([figure("name", Figure::Unique), figure("born", Figure::Min), figure("tags", Figure::Count)]);
    all
}

/// Questions of every kind.
fn questions() -> Vec<(View, Window, Vec<Aggregate>)> {
    let window = |offset, limit| Window::at(offset, limit);
    let adults = test("age", Test::AtLeast(2.into()));
    vec![
        (view(), window(0, 100), Vec::new()),
        (View { sort: by(&[("", true)]), ..view() }, window(2, 4), Vec::new()),
        (View { sort: by(&[("name", false), ("age", true)]), ..view() }, window(0, 6), all_figures()),
        (
            View { filter: Some(adults.clone()), sort: by(&[("pay", true)]), ..view() },
            window(1, 5),
            all_figures(),
        ),
        (View { search: "ze".into(), ..view() }, window(0, 100), Vec::new()),
        (
            View { group: group("age", true), sort: by(&[("name", true)]), ..view() },
            window(0, 100),
            all_figures(),
        ),
        (
            View {
                group: group("name", false),
                filter: Some(Filter::Not(Box::new(Filter::All(vec![adults, test("tags", Test::Empty)])))),
                ..view()
            },
            window(3, 7),
            vec![],
        ),
        (
            View { only: Some(Only::Review), sort: by(&[("name", true)]), ..view() },
            window(0, 100),
            all_figures(),
        ),
    ]
}

/// One thing that happens.
#[derive(Clone, Debug)]
enum Act {
    /// A person on this device (or another one) writes something to a record: which, which field, which value.
    Write { here: bool, key: usize, field: usize, value: usize },
    /// The server will refuse the next change of that record.
    Refuse { key: usize },
    /// One of the devices talks with the server.
    Sync { here: bool },
    /// A partition comes anew.
    Refetch { partition: u16 },
    /// A screen shows other rows.
    Look { view: usize, offset: usize, limit: usize },
    /// The screen hears nothing for a while.
    Deaf,
}

fn act() -> impl Strategy<Value = Act> {
    let write = (any::<bool>(), 0..14_usize, 0..7_usize, 0..12_usize);
    prop_oneof![
        12 => write.prop_map(|(here, key, field, value)| Act::Write { here, key, field, value }),
        1 => (0..14_usize).prop_map(|key| Act::Refuse { key }),
        4 => any::<bool>().prop_map(|here| Act::Sync { here }),
        1 => (0..4_u16).prop_map(|partition| Act::Refetch { partition }),
        2 => (0..8_usize, 0..9_usize, 0..9_usize)
            .prop_map(|(view, offset, limit)| Act::Look { view, offset, limit }),
        2 => Just(Act::Deaf),
    ]
}

fn key(n: usize) -> RecordKey {
    let text = ["R1", "R10", "R2", "Öl", "öl", "a-b", "a_b", "019aa1e2-f000-7000-8000-000000000001"];
    text.get(n).map_or_else(|| RecordKey::Int(n as i64 - 10), |text| RecordKey::Text((*text).into()))
}

fn value(field: usize, n: usize) -> (&'static str, serde_json::Value) {
    let name = ["", "Zebra", "zebra", "Äpfel", "item 10", "item 2", "Öl", "o\u{308}l", "öl", "x", "X"];
    let pay = ["1.0", "1.00", "1", "-2.5", "0.125", "1E+3", "99.90", "0", "-0.001", "12", "7.7"];
    let tags = [json!([]), json!(["a"]), json!(["a", "b"]), json!(["c"])];
    match (field, n) {
        (field, 11) => (["name", "age", "pay", "born", "tags"][field % 5], json!(null)),
        (0, n) => ("name", json!(name[n])),
        (1, n) => ("age", json!(n % 4)),
        (2, n) => ("pay", json!(pay[n])),
        (3, n) => ("born", json!(format!("2001-01-{:02}", n + 1))),
        (_, n) => ("tags", tags[n % 4].clone()),
    }
}

fn write(device: &mut Device, key: RecordKey, field: usize, n: usize) {
    let id = person(key);
    let (name, want) = value(field, n);
    let Some(current) = device.replica.view(&id, device.base(&id).as_ref()) else {
        let values = if want.is_null() { json!({}) } else { json!({name: want}) };
        return drop(device.insert(&id, values));
    };
    if field == 6 {
        return drop(device.delete(&id));
    }
    let saw = current.get(name).map_or(json!(null), |value| value.0.clone());
    // it may be refused where something of the record was
    drop(device.edit(&id, json!({name: [saw, want]})));
}

/// What a screen has of a view.
struct Screen {
    question: (View, Window, Vec<Aggregate>),
    shown: Looked,
    groups: Option<Groups>,
    figures: Vec<Value>,
}

/// A device with a screen on which all views are open.
struct Shown {
    device: Device,
    screens: BTreeMap<ViewId, Screen>,
    /// What was told and is not heard yet.
    waiting: BTreeMap<ViewId, Event>,
    /// How many changes came as steps, and how many as whole windows.
    told: [usize; 2],
}

fn watch(
    tables: &mut Tables,
    device: &Device,
    id: u64,
    question: (View, Window, Vec<Aggregate>),
) -> Result<Watched, Failure> {
    tables.watch(device.store(), &device.replica, ViewId(id), question).now_or_never().unwrap()
}

impl Shown {
    fn new(mut device: Device) -> Self {
        let mut tables = Tables::default();
        let mut screens = BTreeMap::new();
        for (n, question) in (0..).zip(questions()) {
            let Watched { id, shown, groups, figures } =
                watch(&mut tables, &device, n, question.clone()).unwrap();
            screens.insert(id, Screen { question, shown, groups, figures });
        }
        device.tables = vec![tables];
        Self { device, screens, waiting: BTreeMap::new(), told: [0, 0] }
    }

    fn look(&mut self, n: usize, window: Window) {
        let id = ViewId(n as u64);
        let screen = self.screens.get_mut(&id).unwrap();
        screen.question.1 = window.clone();
        screen.shown = self.device.tables[0].look(&self.device.replica, id, window).unwrap();
    }

    fn tell(&mut self) {
        let waiting = &self.waiting;
        let events = self.device.tables[0].news(&self.device.replica, |id| waiting.contains_key(&id));
        for event in events {
            let Event::Seen(change) = &event else { panic!("no view ends") };
            if let RowsChange::Steps(_) = change.rows {
                assert!(!self.waiting.contains_key(&change.id), "steps behind something that waits");
            }
            self.waiting.insert(change.id, event);
        }
    }

    fn hear(&mut self) {
        for (id, event) in std::mem::take(&mut self.waiting) {
            let Event::Seen(change) = event else { panic!("a change") };
            let screen = self.screens.get_mut(&id).unwrap();
            self.told[usize::from(matches!(change.rows, RowsChange::Whole(_)))] += 1;
            let applied = change.apply(&mut screen.shown);
            assert_ne!(applied, Applied::Missed, "{change:?}");
            screen.groups = change.groups.or(screen.groups.take());
            screen.figures = change.figures.unwrap_or_else(|| std::mem::take(&mut screen.figures));
        }
    }

    fn check(&self, after: &Act) -> Result<(), TestCaseError> {
        for screen in self.screens.values() {
            let anew = watch(&mut Tables::default(), &self.device, 0, screen.question.clone()).unwrap();
            let shown = Looked { version: anew.shown.version, ..screen.shown.clone() };
            let what = format!("{:?} after {after:?}", screen.question.0);
            prop_assert_eq!(&shown, &anew.shown, "{}", &what);
            prop_assert_eq!(&screen.groups, &anew.groups, "{}", &what);
            prop_assert_eq!(&screen.figures, &anew.figures, "{}", &what);
            self.check_places(screen, &what)?;
            let counted: usize =
                screen.groups.iter().flat_map(|all| &all.groups).map(|group| group.rows).sum();
            prop_assert!(screen.groups.is_none() || counted == shown.matching, "{}", &what);
        }
        Ok(())
    }
}

impl Shown {
    /// Each row is where the window has it, and nobody else is anywhere.
    fn check_places(&self, screen: &Screen, what: &str) -> Result<(), TestCaseError> {
        let (view, window, _) = &screen.question;
        let everything = (view.clone(), Window::at(0, 100), Vec::new());
        let mut tables = Tables::default();
        let all = watch(&mut tables, &self.device, 0, everything).unwrap().shown.rows;
        for n in 0..15 {
            let place = tables.place(&self.device.replica, ViewId(0), &key(n)).unwrap();
            let wanted = all.iter().position(|row| row.key == key(n));
            prop_assert_eq!(place, wanted, "{:?} of {}", key(n), what);
        }
        prop_assert!(screen.shown.rows.iter().eq(all.iter().skip(window.offset).take(window.limit)));
        Ok(())
    }
}

fn devices() -> (Server, [Device; 2]) {
    let mut server = Server::new(4);
    server.page = 3;
    let [mut a, mut b] = [Device::new(1, 4), Device::new(2, 4)];
    a.sync(&mut server);
    a.make(&people(), &definition());
    a.sync(&mut server);
    b.sync(&mut server);
    (server, [a, b])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_view_that_is_followed_is_what_it_would_be_anew(acts in proptest::collection::vec(act(), 1..70)) {
        let (mut server, [a, mut other]) = devices();
        let mut shown = Shown::new(a);
        for act in &acts {
            let here = &mut shown.device;
            match act {
                Act::Write { here: true, key: n, field, value } => write(here, key(*n), *field, *value),
                Act::Write { key: n, field, value, .. } => write(&mut other, key(*n), *field, *value),
                Act::Refuse { key: n } => drop(server.refuse.insert(person(key(*n)))),
                Act::Sync { here: true } => {
                    here.sync(&mut server);
                    // the server takes them all again
                    server.refuse.clear();
                }
                Act::Sync { .. } => other.sync(&mut server),
                Act::Refetch { partition } => {
                    let again = here.replica.refetch(&[Partition(*partition)]);
                    drop(here.commit(&again));
                }
                Act::Look { view, offset, limit } => {
                    shown.look(*view, Window::at(*offset, *limit));
                }
                Act::Deaf => {
                    shown.tell();
                    continue;
                }
            }
            shown.tell();
            shown.hear();
            shown.check(act)?;
        }
    }
}
