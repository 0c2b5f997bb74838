//! What a screen knows of one record: rows that need review, unsent edits, records made beside it; and what is told once
//! when it comes up for review.

use crate::model::device::Device;
use crate::model::server::Server;
use crate::model::{collection, item};
use futures::FutureExt;
use serde_json::json;
use sync_client::api::{Only, Rows, RowsQuery, UnsentWhat};
use sync_client::query::Tables;
use sync_protocol::{ChangeId, Choice, Outcome, RecordKey};

const PARTITIONS: u16 = 4;

fn start<const N: usize>() -> (Server, [Device; N]) {
    let mut server = Server::new(PARTITIONS);
    let mut devices = std::array::from_fn(|n| Device::new(n as u128 + 1, PARTITIONS));
    devices[0].sync(&mut server);
    devices[0].define();
    devices[0].sync(&mut server);
    devices.iter_mut().for_each(|d| d.sync(&mut server));
    (server, devices)
}

/// Both change n of a record; b is later.
fn clash(server: &mut Server, a: &mut Device, b: &mut Device, key: i64) -> ChangeId {
    a.insert(&item(key), json!({"n": key, "m": 1})).unwrap();
    a.sync(server);
    b.sync(server);
    a.edit(&item(key), json!({"n": [key, key + 100]})).unwrap();
    b.edit(&item(key), json!({"n": [key, key + 200]})).unwrap();
    a.sync(server);
    b.sync(server);
    let found = b.replica.conflicts().find(|c| c.record == item(key)).unwrap();
    found.id
}

fn query(search: &str) -> RowsQuery {
    RowsQuery {
        collection: collection(),
        search: search.into(),
        sort: None,
        descending: false,
        only: Some(Only::Review),
        offset: 0,
        limit: 100,
    }
}

fn rows(device: &Device, query: &RowsQuery) -> Rows {
    let mut tables = Tables::default();
    tables.rows(device.store(), &device.replica, query).now_or_never().unwrap().unwrap()
}

fn keys(rows: &Rows) -> Vec<(String, bool)> {
    rows.rows.iter().map(|row| (row.key.to_string(), row.gone)).collect()
}

#[test]
fn the_filter_lists_exactly_the_records_that_wait_for_a_person() {
    let (mut server, [mut a, mut b]) = start();
    for key in 1..=3 {
        a.insert(&item(key), json!({"n": key})).unwrap();
    }
    clash(&mut server, &mut a, &mut b, 7);
    clash(&mut server, &mut a, &mut b, 5);
    // a change that the server refuses
    server.refuse.insert(item(2));
    b.edit(&item(2), json!({"n": [2, 9]})).unwrap();
    b.sync(&mut server);
    let found = rows(&b, &query(""));
    assert_eq!(keys(&found), [("2".into(), false), ("5".into(), false), ("7".into(), false)]);
    assert_eq!((found.matching, found.total), (3, 5));
    assert!(found.rows[0].marks.rejected && found.rows[1].marks.review);

    // search, order and pages as without the filter
    assert_eq!(keys(&rows(&b, &query("105"))), [("5".into(), false)]);
    let backwards = RowsQuery { descending: true, offset: 1, limit: 1, ..query("") };
    let page = rows(&b, &backwards);
    assert_eq!((keys(&page), page.matching), (vec![("5".into(), false)], 3));
    let by_value = RowsQuery { sort: Some(crate::model::name("n")), descending: true, ..query("") };
    assert_eq!(keys(&rows(&b, &by_value))[0], ("7".into(), false), "107 is the largest");
    let all = rows(&b, &RowsQuery { only: None, ..query("") });
    assert_eq!((all.matching, all.total), (5, 5));
}

#[test]
fn a_record_that_is_gone_is_listed_while_it_waits_for_a_decision() {
    let (mut server, [mut a, mut b]) = start();
    a.insert(&item(1), json!({"n": 1, "m": 5})).unwrap();
    a.sync(&mut server);
    b.sync(&mut server);
    a.delete(&item(1)).unwrap();
    b.edit(&item(1), json!({"n": [1, 2]})).unwrap();
    a.sync(&mut server);
    b.sync(&mut server);
    a.sync(&mut server);
    for device in [&a, &b] {
        let found = rows(device, &query(""));
        assert_eq!((keys(&found), found.matching, found.total), (vec![("1".into(), true)], 1, 0));
        assert_eq!(found.rows[0].fields["n"].0, json!(1), "the last value that is known");
    }
    // and an added one that was refused
    server.refuse.insert(item(3));
    a.insert(&item(3), json!({"n": 3})).unwrap();
    a.sync(&mut server);
    let found = rows(&a, &query(""));
    assert_eq!(keys(&found), [("1".into(), true), ("3".into(), true)]);
    assert_eq!(found.rows[1].fields["n"].0, json!(3), "what it wanted");
}

#[test]
fn an_answer_about_rows_follows_what_is_settled() {
    let (mut server, [mut a, mut b]) = start();
    let id = clash(&mut server, &mut a, &mut b, 1);
    b.tables = vec![Tables::default()];
    let ask = |b: &mut Device| {
        let mut tables = b.tables.remove(0);
        let found = tables.rows(b.store(), &b.replica, &query("")).now_or_never().unwrap().unwrap();
        b.tables.push(tables);
        found.matching
    };
    assert_eq!(ask(&mut b), 1);
    let choices = [(crate::model::name("n"), Choice::Current)].into();
    b.resolve(id, Outcome::Keep { choices }).unwrap();
    assert_eq!(ask(&mut b), 1, "decided on this device, still open for everyone: as the badge counts it");
    b.sync(&mut server);
    assert_eq!(ask(&mut b), 0);
}

#[test]
fn unsent_edits_of_a_record_are_told_in_order_until_the_server_has_judged_them() {
    let (mut server, [mut a]) = start();
    a.insert(&item(1), json!({"n": 1})).unwrap();
    a.edit(&item(1), json!({"n": [1, 2]})).unwrap();
    a.insert(&item(2), json!({"n": 1})).unwrap();
    a.delete(&item(1)).unwrap();
    let unsent = a.replica.unsent_of(&item(1));
    let what: Vec<UnsentWhat> = unsent.iter().map(|u| u.what).collect();
    assert_eq!(what, [UnsentWhat::Add, UnsentWhat::Edit, UnsentWhat::Delete]);
    let seen = &unsent[1].fields["n"];
    assert_eq!((seen.saw.0.clone(), seen.want.0.clone()), (json!(1), json!(2)));
    a.sync(&mut server);
    assert!(a.replica.unsent_of(&item(1)).is_empty());
}

#[test]
fn a_record_knows_the_one_that_was_made_beside_it() {
    let (mut server, [mut a, mut b]) = start();
    let id = clash(&mut server, &mut a, &mut b, 1);
    let beside = (2..).map(item).find(|i| i.partition(PARTITIONS) == item(1).partition(PARTITIONS)).unwrap();
    b.resolve(id, Outcome::KeepBoth { key: beside.key.clone() }).unwrap();
    b.sync(&mut server);
    a.sync(&mut server);
    for device in [&a, &b] {
        assert_eq!(device.base(&beside).unwrap().twin_of, Some(RecordKey::Int(1)));
        assert_eq!(device.replica.twins_of(&item(1)), [beside.key.clone()].into());
    }
    b.take_back(&[id]);
    b.sync(&mut server);
    assert!(b.replica.twins_of(&item(1)).is_empty(), "taken back, it is gone again");
}

#[test]
fn each_conflict_is_told_once_and_only_when_it_comes() {
    let (mut server, [mut a, mut b]) = start();
    let id = clash(&mut server, &mut a, &mut b, 1);
    a.sync(&mut server);
    for device in [&mut a, &mut b] {
        let told = std::mem::take(&mut device.news);
        assert_eq!(told.iter().map(|n| n.id).collect::<Vec<_>>(), [id]);
        assert_eq!((told[0].collection.as_str(), &told[0].record), ("Items", &item(1)));
    }
    // later edits join it; syncing and starting again tell nothing anew
    b.edit(&item(1), json!({"n": [201, 202]})).unwrap_or_default();
    b.sync(&mut server);
    a.restart();
    a.sync(&mut server);
    assert!(a.news.is_empty() && b.news.is_empty());

    // a device that comes later finds it there: that is nothing new
    let mut c = Device::new(3, PARTITIONS);
    c.sync(&mut server);
    assert_eq!((c.replica.conflicts().count(), c.news.len()), (1, 0));

    // opened again by a, it is news for b alone
    let choices = [(crate::model::name("n"), Choice::Current)].into();
    a.resolve(id, Outcome::Keep { choices }).unwrap();
    a.sync(&mut server);
    b.sync(&mut server);
    a.take_back(&[id]);
    a.sync(&mut server);
    b.sync(&mut server);
    assert_eq!((a.replica.conflicts().count(), a.news.len(), b.news.len()), (1, 0, 1));
}

#[test]
fn only_what_people_made_is_listed_as_merged() {
    let (mut server, [mut a, mut b]) = start();
    let id = clash(&mut server, &mut a, &mut b, 1);
    a.sync(&mut server);
    // both ask somebody else to look, and both change a field that has a rule
    a.edit(&item(1), json!({"last": [null, 1]})).unwrap();
    b.edit(&item(1), json!({"last": [null, 2]})).unwrap();
    a.assign(id, 8);
    b.assign(id, 9);
    a.sync(&mut server);
    b.sync(&mut server);
    let merges = b.replica.merges(None, 0, 100);
    let records: Vec<String> = merges.merges.iter().map(|m| m.merge.record.to_string()).collect();
    assert_eq!((records, merges.total), (vec![item(1).to_string()], 1));
}
