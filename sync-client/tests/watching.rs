//! What a screen hears of the views that it watches: what happened in its window, in few words, and when a view ends.

use crate::model::device::Device;
use crate::model::server::Server;
use crate::model::{collection, item, name};
use futures::FutureExt;
use serde_json::json;
use sync_client::api::{
    Aggregate, Duplicate, Event, Failure, FailureKind, Figure, Filter, Folded, Group, GroupBy, Marks,
    RowStep, RowsChange, SortBy, Test, View, ViewChange, ViewId, Watched, Window,
};
use sync_client::limits;
use sync_client::query::Tables;
use sync_protocol::{RecordKey, Value};

const WINDOW: Window = Window::at(0, 10);

/// A device with records 1 to 9, of which the field `n` is 10 to 90 and `m` 1, 2, 0, 1 and so on.
fn device() -> (Server, Device) {
    let (mut server, mut device) = (Server::new(4), Device::new(1, 4));
    device.sync(&mut server);
    device.define();
    for n in 1..10 {
        device.insert(&item(n), json!({"n": n * 10, "m": n % 3})).unwrap();
    }
    device.sync(&mut server);
    device.tables = vec![Tables::default()];
    (server, device)
}

fn by_n() -> View {
    View { sort: vec![SortBy::rising(name("n"))], ..View::of(collection()) }
}

fn watch(
    device: &mut Device,
    id: u64,
    view: View,
    window: Window,
    figures: &[Aggregate],
) -> Result<Watched, Failure> {
    let mut tables = device.tables.remove(0);
    let question = (view, window, figures.to_vec());
    let watched = tables.watch(device.store(), &device.replica, ViewId(id), question).now_or_never().unwrap();
    device.tables.push(tables);
    watched
}

fn news(device: &mut Device) -> Vec<Event> {
    device.tables[0].news(&device.replica, |_| false)
}

/// The one change that is told.
fn change(device: &mut Device) -> ViewChange {
    match <[Event; 1]>::try_from(news(device)) {
        Ok([Event::Seen(change)]) => *change,
        other => panic!("one change: {other:?}"),
    }
}

fn steps(device: &mut Device) -> Vec<RowStep> {
    match change(device).rows {
        RowsChange::Steps(steps) => steps,
        RowsChange::Whole(rows) => panic!("steps: {rows:?}"),
    }
}

#[test]
fn one_edit_is_one_step_in_the_window_that_shows_it() {
    let (mut server, mut device) = device();
    watch(&mut device, 1, by_n(), WINDOW, &[]).unwrap();
    assert_eq!(news(&mut device), [], "nothing happened");
    device.edit(&item(2), json!({"m": [2, 5]})).unwrap();
    let [RowStep::Change { at: 1, row }] = &steps(&mut device)[..] else { panic!("one change") };
    assert_eq!((row.fields["m"].0.clone(), row.marks.unsent), (json!(5), true));
    device.edit(&item(2), json!({"n": [20, 85]})).unwrap();
    let [RowStep::Move { from: 1, to: 7 }, RowStep::Change { at: 7, .. }] = &steps(&mut device)[..] else {
        panic!("it moves, with its new value")
    };
    device.delete(&item(1)).unwrap();
    assert_eq!(steps(&mut device), [RowStep::Remove { at: 0 }]);
    device.insert(&item(50), json!({"n": 35})).unwrap();
    let [RowStep::Insert { at: 1, .. }] = &steps(&mut device)[..] else { panic!("one comes") };
    // the server has judged them: what changed is how they are marked
    device.sync(&mut server);
    let marked = steps(&mut device);
    assert_eq!(marked.len(), 2, "{marked:?}");
    assert!(
        marked
            .iter()
            .all(|step| matches!(step, RowStep::Change { row, .. } if row.marks == Marks::default()))
    );
}

#[test]
fn what_happens_beside_a_window_changes_its_counts_only() {
    let (_server, mut device) = device();
    watch(&mut device, 1, by_n(), Window::at(0, 3), &[]).unwrap();
    device.edit(&item(8), json!({"m": [2, 7]})).unwrap();
    assert_eq!(news(&mut device), [], "nobody sees it");
    device.delete(&item(9)).unwrap();
    let told = change(&mut device);
    assert_eq!((told.total, told.matching, told.rows), (8, 8, RowsChange::Steps(Vec::new())));
    // a record before the window moves it on
    device.tables[0].look(&device.replica, ViewId(1), Window::at(3, 3)).unwrap();
    device.delete(&item(1)).unwrap();
    let [RowStep::Remove { at: 0 }, RowStep::Insert { at: 2, row }] = &steps(&mut device)[..] else {
        panic!("one goes, one comes")
    };
    assert_eq!(row.key, RecordKey::Int(7));
}

#[test]
fn where_more_differs_than_stays_the_window_comes_whole() {
    let (_server, mut device) = device();
    watch(&mut device, 1, by_n(), Window::at(0, 4), &[]).unwrap();
    for n in 1..4 {
        device.delete(&item(n)).unwrap();
    }
    let RowsChange::Whole(rows) = change(&mut device).rows else { panic!("all of it") };
    let keys: Vec<_> = rows.into_iter().map(|row| row.key).collect();
    assert_eq!(keys, [4, 5, 6, 7].map(RecordKey::Int));
}

#[test]
fn groups_and_figures_follow() {
    let (_server, mut device) = device();
    let view = View { group: Some(GroupBy { field: name("m"), descending: true }), ..by_n() };
    let figures =
        [Figure::Sum, Figure::Average, Figure::Max].map(|what| Aggregate { field: name("n"), what });
    let watched = watch(&mut device, 1, view, WINDOW, &figures).unwrap();
    let keys: Vec<_> = watched.shown.rows.iter().map(|row| row.key.to_string()).collect();
    assert_eq!(keys.join(" "), "2 5 8 1 4 7 3 6 9");
    let group = |m: i64, rows, sum: &str, average: &str, max: i64| {
        let figures = vec![Value::from(sum), Value::from(average), Value::from(max)];
        Group { value: Value::from(m), rows, figures }
    };
    let groups = watched.groups.unwrap();
    let want = [group(2, 3, "150", "50", 80), group(1, 3, "120", "40", 70), group(0, 3, "180", "60", 90)];
    assert_eq!((groups.groups, groups.more), (want.to_vec(), false));
    assert_eq!(watched.figures, [Value::from("450"), Value::from("50"), Value::from(90)]);

    device.edit(&item(9), json!({"m": [0, null], "n": [90, 5]})).unwrap();
    let told = change(&mut device);
    let last = Group { value: Value::ABSENT, ..group(0, 1, "5", "5", 5) };
    let want = vec![want[0].clone(), want[1].clone(), group(0, 2, "90", "45", 60), last];
    assert_eq!(told.groups.unwrap().groups, want);
    assert_eq!(told.figures.unwrap(), [Value::from("365"), Value::from("40.555556"), Value::from(80)]);
}

#[test]
fn what_cannot_be_asked_is_refused_by_the_name_of_its_field() {
    let (_server, mut device) = device();
    let city = name("city");
    for view in [
        View { filter: Some(Filter::field(city.clone(), Test::Filled)), ..by_n() },
        View { sort: vec![SortBy::rising(city.clone())], ..by_n() },
        View { group: Some(GroupBy { field: city.clone(), descending: false }), ..by_n() },
    ] {
        let failure = watch(&mut device, 1, view, WINDOW, &[]).unwrap_err();
        assert_eq!((failure.kind, failure.field), (FailureKind::Input, Some(city.clone())));
    }
    let figure = Aggregate { field: city.clone(), what: Figure::Count };
    assert_eq!(watch(&mut device, 1, by_n(), WINDOW, &[figure]).unwrap_err().field, Some(city));
    let most = limits::ROWS;
    assert!(watch(&mut device, 1, by_n(), Window::at(0, most + 1), &[]).is_err());
    let sort = vec![SortBy::rising(name("n")); limits::VIEW_SORTS + 1];
    assert!(watch(&mut device, 1, View { sort, ..by_n() }, WINDOW, &[]).is_err());
    let search = "x".repeat(limits::VIEW_TEXT_BYTES + 1);
    assert!(watch(&mut device, 1, View { search, ..by_n() }, WINDOW, &[]).is_err());
    let count = Aggregate { field: name("n"), what: Figure::Count };
    assert!(watch(&mut device, 1, by_n(), WINDOW, &vec![count; limits::VIEW_FIGURES + 1]).is_err());
    assert_eq!(news(&mut device), []);
}

#[test]
fn a_view_ends_when_it_is_told_so_or_there_is_no_room_or_its_field_goes() {
    let (_server, mut device) = device();
    let ended = |ids: &[u64]| [Event::Ended { ids: Some(ids.iter().copied().map(ViewId).collect()) }];
    for id in 1..=limits::VIEWS as u64 {
        watch(&mut device, id, by_n(), WINDOW, &[]).unwrap();
    }
    // the first one is looked at again: the second one makes way
    device.tables[0].look(&device.replica, ViewId(1), WINDOW).unwrap();
    watch(&mut device, 1_000, by_n(), WINDOW, &[]).unwrap();
    assert_eq!(news(&mut device), ended(&[2]));
    for id in 3..=limits::VIEWS as u64 {
        device.tables[0].unwatch(ViewId(id));
    }
    device.tables[0].unwatch(ViewId(1));
    let look = device.tables[0].look(&device.replica, ViewId(1), WINDOW);
    assert_eq!(look.unwrap_err().kind, FailureKind::Ended);

    let by_m = View { sort: vec![SortBy::rising(name("m"))], ..by_n() };
    watch(&mut device, 2_000, by_m, WINDOW, &[]).unwrap();
    let key = RecordKey::Text(format!("{}.m", collection()));
    let field = sync_protocol::RecordId::new(sync_protocol::reserved::collection("_fields"), key);
    device.delete(&field).unwrap();
    let told = news(&mut device);
    assert_eq!(told, ended(&[2_000]), "the other one does not ask for that field");
    device.tables[0].forget();
    assert_eq!(news(&mut device), ended(&[1_000]));
}

#[test]
fn all_keys_of_a_view_come_in_pages() {
    let (_server, mut device) = device();
    // long keys: a page holds a part of them
    let long = |n: usize| format!("{n:03}{}", "k".repeat(500));
    for n in 0..700 {
        let id = sync_protocol::RecordId::new(collection(), RecordKey::Text(long(n)));
        device.insert(&id, json!({"n": 1_000 + n})).unwrap();
    }
    let view = View { filter: Some(Filter::field(name("n"), Test::AtLeast(80.into()))), ..by_n() };
    watch(&mut device, 1, view, Window::default(), &[]).unwrap();
    let (mut keys, mut pages, mut offset) = (Vec::new(), 0, Some(0));
    let first = device.tables[0].keys(&device.replica, ViewId(1), 0).unwrap();
    while let Some(from) = offset {
        let page = device.tables[0].keys(&device.replica, ViewId(1), from).unwrap();
        let bytes: usize = page.keys.iter().map(|key| key.to_text().len()).sum();
        assert!(bytes <= limits::KEYS_BYTES && page.moves == first.moves);
        keys.extend(page.keys);
        (pages, offset) = (pages + 1, page.next);
    }
    assert_eq!(pages, 2);
    let want = [8, 9].map(RecordKey::Int).into_iter().chain((0..700).map(|n| RecordKey::Text(long(n))));
    assert!(keys.iter().eq(&want.collect::<Vec<_>>()));
    device.delete(&item(9)).unwrap();
    let later = device.tables[0].keys(&device.replica, ViewId(1), 0).unwrap();
    assert_ne!(later.moves, first.moves, "pages of before do not fit");
    let empty = device.tables[0].keys(&device.replica, ViewId(1), 10_000).unwrap();
    assert!(empty.keys.is_empty() && empty.next.is_none());
}

#[test]
fn rows_of_folded_groups_are_left_out_of_the_window_and_still_counted() {
    let (_server, mut device) = device();
    let group = GroupBy { field: name("m"), descending: false };
    let view = View { group: Some(group), ..by_n() };
    // groups 0 (3, 6, 9), 1 (1, 4, 7) and 2 (2, 5, 8)
    let shut = |values: &[i64]| Folded { all: false, but: values.iter().map(|n| Value::from(*n)).collect() };
    let window = |offset, limit, folded| Window { folded, ..Window::at(offset, limit) };
    let keys = |rows: &[sync_client::api::Row]| -> Vec<RecordKey> {
        rows.iter().map(|row| row.key.clone()).collect()
    };
    let numbers =
        |numbers: &[i64]| -> Vec<RecordKey> { numbers.iter().copied().map(RecordKey::Int).collect() };
    let watched = watch(&mut device, 1, view, window(0, 4, shut(&[1])), &[]).unwrap();
    assert_eq!(keys(&watched.shown.rows), numbers(&[3, 6, 9, 2]));
    assert_eq!(watched.groups.unwrap().groups.iter().map(|group| group.rows).collect::<Vec<_>>(), [3, 3, 3]);
    // what happens in a folded group is told of its heading only
    device.delete(&item(4)).unwrap();
    let told = change(&mut device);
    assert_eq!((told.matching, &told.rows), (8, &RowsChange::Steps(Vec::new())));
    assert_eq!(told.groups.unwrap().groups[1].rows, 2);
    // a row that goes there leaves the window
    device.edit(&item(6), json!({"m": [0, 1]})).unwrap();
    let [RowStep::Remove { at: 1 }, RowStep::Insert { at: 3, row }] = &steps(&mut device)[..] else {
        panic!("it leaves, and the next one comes in")
    };
    assert_eq!(row.key, RecordKey::Int(5));
    let mut look = |window| keys(&device.tables[0].look(&device.replica, ViewId(1), window).unwrap().rows);
    assert_eq!(look(window(2, 9, shut(&[1]))), numbers(&[2, 5, 8]));
    assert_eq!(look(window(0, 9, shut(&[0, 1, 2]))), []);
    assert_eq!(look(window(1, 9, Folded { all: true, ..shut(&[1]) })), numbers(&[6, 7]));
    assert_eq!(look(window(0, 3, Folded::default())), numbers(&[3, 9, 1]));
}

#[test]
fn values_that_are_there_twice_are_listed_and_follow() {
    let (_server, mut device) = device();
    let twice = |device: &mut Device, field: &str| {
        let (collection, field) = (collection(), name(field));
        let mut tables = device.tables.remove(0);
        let found = tables.duplicates(device.store(), &device.replica, &collection, &field);
        let found = found.now_or_never().unwrap();
        device.tables.push(tables);
        let value = |one: &Duplicate| {
            (one.value.0.clone(), one.records.iter().map(|held| held.key.clone()).collect())
        };
        found
            .map(|found| found.values.iter().map(value).collect::<Vec<(serde_json::Value, Vec<RecordKey>)>>())
    };
    let numbers =
        |numbers: &[i64]| -> Vec<RecordKey> { numbers.iter().copied().map(RecordKey::Int).collect() };
    assert_eq!(twice(&mut device, "n").unwrap(), []);
    device.edit(&item(4), json!({"n": [40, 10]})).unwrap();
    device.insert(&item(30), json!({"n": 90})).unwrap();
    let all = [(json!(10), numbers(&[1, 4])), (json!(90), numbers(&[9, 30]))];
    assert_eq!(twice(&mut device, "n").unwrap(), all);
    device.delete(&item(9)).unwrap();
    assert_eq!(twice(&mut device, "n").unwrap(), all[..1]);
    assert!(twice(&mut device, "no_such_field").is_err());
}
