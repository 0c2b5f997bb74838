//! Devices of one name: copied, restored from a backup, or overtaken by their own requests. None loses anything silently,
//! and no two changes have one id (`identity`).

#![allow(clippy::unwrap_used, reason = "a test may stop here")]

mod model;

use std::collections::BTreeSet;

use model::device::Device;
use model::scene::{PARTITIONS, start};
use model::server::Server;
use model::{check, item};
use serde_json::json;
use sync_client::replica::session::Outgoing;
use sync_protocol::{Counter, Digest, RecordId};

/// An id names one change for good, over all partitions.
fn identity(server: &Server) {
    let mut met: BTreeSet<_> = BTreeSet::new();
    for entry in server.entries() {
        let said = entry.said.unwrap_or(Digest(0));
        assert!(met.insert(entry.change), "identity: {:?} ({said}) is in the feed twice", entry.change);
    }
}

/// Two devices of one name that know the same, with nothing of their own under way.
fn twins() -> (Server, Device, [Device; 2]) {
    let (mut server, [mut a, mut b]) = start();
    let mut copy = Device::new(2, PARTITIONS);
    for key in 1..=8 {
        a.insert(&item(key), json!({ "n": 0, "stock": 0 })).unwrap();
    }
    a.sync(&mut server);
    b.sync(&mut server);
    copy.sync(&mut server);
    assert_eq!(b.replica.id(), copy.replica.id());
    (server, a, [b, copy])
}

fn all_there(server: &Server, wanted: &[(RecordId, &str, i64)]) {
    for (id, field, value) in wanted {
        let record = server.record(id).unwrap_or_else(|| panic!("{id} is not there"));
        assert_eq!(record.value(&model::name(field)).as_integer(), Some(*value), "{id}");
    }
}

/// In turns, in the same partition, in another one, of the same record: whoever comes second is told.
#[test]
fn a_copy_takes_a_new_name_and_loses_nothing() {
    for first_pulls in [false, true] {
        let (mut server, mut a, [mut b, mut copy]) = twins();
        let mut wanted = Vec::new();
        for (n, key) in (1..=4).enumerate() {
            b.edit(&item(key), json!({ "n": [0, 10 + key] })).unwrap();
            // shifted by one, so that the same number is of another record, mostly of another partition
            copy.edit(&item(key + 4), json!({ "n": [0, 20 + key] })).unwrap();
            copy.insert(&item(100 + key), json!({ "n": key })).unwrap();
            wanted.push((item(key), "n", 10 + key));
            wanted.push((item(key + 4), "n", 20 + key));
            wanted.push((item(100 + key), "n", key));
            let _ = n;
        }
        b.sync(&mut server);
        if first_pulls {
            // it hears of the other's changes before it sends its own
            copy.now.0 += 100_000;
            copy.ask();
            let push = copy.position(true);
            copy.lose(push);
        }
        copy.sync(&mut server);
        b.sync(&mut server);
        a.sync(&mut server);
        copy.sync(&mut server);
        assert!(copy.renewed == 1 && copy.replica.id() != b.replica.id());
        assert_eq!((copy.replica.outbox().count(), copy.refused()), (0, Vec::new()));
        all_there(&server, &wanted);
        identity(&server);
        check::convergence(&[a, b, copy], &server);
    }
}

/// A device that was set back to an earlier image of itself: the numbers that it mints anew are known to the server.
#[test]
fn what_was_restored_from_a_backup_is_told_also_long_after() {
    for settled_since in [false, true] {
        let (mut server, _, [mut b, mut image]) = twins();
        for key in 1..=3 {
            b.edit(&item(key), json!({ "n": [0, key] })).unwrap();
        }
        b.sync(&mut server);
        if settled_since {
            // what those said is forgotten, as the device holds their outcome
            b.edit(&item(1), json!({ "n": [1, 7] })).unwrap();
            b.edit(&item(2), json!({ "n": [2, 8] })).unwrap();
            b.edit(&item(3), json!({ "n": [3, 9] })).unwrap();
            b.sync(&mut server);
        }
        let before = server.record(&item(1)).unwrap().value(&model::name("n")).clone();
        for key in 4..=6 {
            image.edit(&item(key), json!({ "n": [0, 50 + key] })).unwrap();
        }
        image.edit(&item(1), json!({ "stock": [0, 5] })).unwrap();
        image.sync(&mut server);
        assert_eq!((image.renewed, image.replica.outbox().count(), image.refused().len()), (1, 0, 0));
        all_there(
            &server,
            &[(item(4), "n", 54), (item(5), "n", 55), (item(6), "n", 56), (item(1), "stock", 5)],
        );
        assert_eq!(*server.record(&item(1)).unwrap().value(&model::name("n")), before);
        identity(&server);
    }
}

/// The same edit of the same record by both is still two changes: a counter counts both.
#[test]
fn equal_edits_of_twins_both_count() {
    let (mut server, _, [mut b, mut copy]) = twins();
    copy.now.0 += 1;
    b.edit(&item(1), json!({ "stock": [0, 1] })).unwrap();
    copy.edit(&item(1), json!({ "stock": [0, 1] })).unwrap();
    b.sync(&mut server);
    copy.sync(&mut server);
    all_there(&server, &[(item(1), "stock", 2)]);
    identity(&server);
}

/// A push that comes after a later one: what it carries was never judged, and is not called judged.
#[test]
fn changes_that_later_ones_overtook_are_sent_under_a_new_name() {
    let (mut server, _, [mut b, _]) = twins();
    b.edit(&item(1), json!({ "n": [0, 1] })).unwrap();
    b.ask();
    let early = b.position(true);
    let model::device::Flight::Ask(Outgoing::Push(mut push)) = b.flights.remove(early) else {
        panic!("a push")
    };
    // a client that does not wait for its answers sends the next one first
    let mut later = push.changes[0].clone();
    later.id.counter = Counter(later.id.counter.0 + 5);
    later.record = item(1);
    later.edit = sync_protocol::Edit::Delete { base: Default::default() };
    let first = std::mem::replace(&mut push.changes, vec![later]);
    server.push(&push);
    push.changes = first;
    let answer = server.push(&push);
    assert_eq!(answer.taken, [push.changes[0].id.counter], "{answer:?}");
}

/// States that servers of releases before this one stored say nothing of what changes said: all stays as it was there.
#[test]
fn states_without_digests_go_on() {
    let (mut server, _, [mut b, _]) = twins();
    b.edit(&item(1), json!({ "n": [0, 1] })).unwrap();
    b.ask();
    let push = b.position(true);
    b.arrive(push, &mut server);
    b.lose(push);
    for state in server.parts.iter_mut().flat_map(|part| part.replicas.values_mut()) {
        let text = format!("{{\"last\":{}}}", state.last);
        *state = serde_json::from_str(&text).unwrap();
    }
    b.sync(&mut server);
    assert_eq!((b.renewed, b.replica.outbox().count()), (0, 0));
    b.edit(&item(2), json!({ "n": [0, 2] })).unwrap();
    b.sync(&mut server);
    all_there(&server, &[(item(1), "n", 1), (item(2), "n", 2)]);
}
