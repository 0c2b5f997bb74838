//! A replica and its conversation, scenario by scenario: what is lost on the way, sent twice, refused, decided late.

#![allow(clippy::unwrap_used, reason = "a test may stop here")]

mod model;

use model::device::{Device, Flight};
use model::server::Server;
use model::{check, item};
use serde_json::json;
use sync_client::api::ReviewQuery;
use sync_client::replica::session::Outgoing;
use sync_client::status::Phase;
use sync_protocol::{
    Choice, Conflict, Counter, Outcome, Partition, RecordId, RecordKey, Rejection, Revision, Timestamp,
};

const PARTITIONS: u16 = 4;

/// A server with the collection, and devices that know it.
fn start<const N: usize>() -> (Server, [Device; N]) {
    let mut server = Server::new(PARTITIONS);
    let mut devices = std::array::from_fn(|n| Device::new(n as u128 + 1, PARTITIONS));
    devices[0].sync(&mut server);
    devices[0].define();
    devices[0].sync(&mut server);
    devices.iter_mut().for_each(|d| d.sync(&mut server));
    (server, devices)
}

fn keep(field: &str, choice: Choice) -> Outcome {
    Outcome::Keep { choices: [(model::name(field), choice)].into() }
}

/// Records of one partition: what is refused there must not stop the others.
fn neighbours() -> [RecordId; 2] {
    let first = item(1);
    let other = (2..).map(item).find(|id| id.partition(PARTITIONS) == first.partition(PARTITIONS));
    [first, other.unwrap()]
}

/// Both have n changed of item 1; the second one's edit is the conflict.
fn clash() -> (Server, [Device; 2], Conflict) {
    let (mut server, [mut a, mut b]) = start();
    a.insert(&item(1), json!({"n": 1, "m": 1})).unwrap();
    a.sync(&mut server);
    b.sync(&mut server);
    a.edit(&item(1), json!({"n": [1, 2]})).unwrap();
    b.edit(&item(1), json!({"n": [1, 3]})).unwrap();
    a.sync(&mut server);
    b.sync(&mut server);
    a.sync(&mut server);
    let conflict = a.replica.conflicts().next().unwrap().clone();
    (server, [a, b], conflict)
}

fn position(device: &Device, push: bool) -> usize {
    let is = |f: &Flight| matches!(f, Flight::Ask(Outgoing::Push(_)) | Flight::Pushed(..)) == push;
    device.flights.iter().position(is).unwrap()
}

#[test]
fn what_one_device_saves_the_other_sees() {
    let (mut server, [mut a, mut b]) = start();
    a.insert(&item(1), json!({"n": 1})).unwrap();
    assert_eq!(a.view(&item(1)), json!({"n": 1}), "seen at once, without a network");
    assert_eq!(a.replica.unsent().count(), 1);
    a.sync(&mut server);
    b.sync(&mut server);
    assert_eq!(b.view(&item(1)), json!({"n": 1}));
    assert_eq!((a.replica.unsent().count(), a.replica.outbox().count()), (0, 0));
    check::convergence(&[a, b], &server);
}

#[test]
fn a_queue_made_offline_arrives_in_order_without_a_conflict() {
    let (mut server, [mut a, mut b]) = start();
    a.insert(&item(1), json!({"n": 0})).unwrap();
    for n in 0..30 {
        a.edit(&item(1), json!({"n": [n, n + 1]})).unwrap();
        a.restart();
    }
    assert_eq!(a.view(&item(1)), json!({"n": 30}));
    a.sync(&mut server);
    b.sync(&mut server);
    assert_eq!((b.view(&item(1)), server.open_conflicts().count()), (json!({"n": 30}), 0));
}

#[test]
fn an_answer_that_is_lost_is_asked_for_again_and_nothing_is_judged_twice() {
    let (mut server, [mut a]) = start();
    a.insert(&item(1), json!({"stock": 5})).unwrap();
    a.edit(&item(1), json!({"stock": [5, 6]})).unwrap();
    for _ in 0..3 {
        a.now.0 += 100_000;
        a.ask();
        let push = position(&a, true);
        a.arrive(push, &mut server);
        a.lose(push);
    }
    a.sync(&mut server);
    assert_eq!(a.view(&item(1)), json!({"stock": 6}));
    assert_eq!(a.replica.outbox().count(), 0);
}

#[test]
fn a_restart_between_the_verdict_and_the_feed_sends_again_and_gets_a_duplicate() {
    let (mut server, [mut a]) = start();
    a.insert(&item(1), json!({"stock": 5})).unwrap();
    a.now.0 += 100_000;
    a.ask();
    let push = position(&a, true);
    a.arrive(push, &mut server);
    a.answer(push, &server);
    assert_eq!((a.replica.outbox().count(), a.replica.unsent().count()), (1, 0), "judged, not yet seen");
    a.restart();
    assert_eq!(a.replica.unsent().count(), 1, "what is not stored is asked again");
    a.sync(&mut server);
    assert_eq!((a.replica.outbox().count(), a.view(&item(1))), (0, json!({"stock": 5})));
}

#[test]
fn the_feed_may_bring_a_change_before_its_verdict() {
    let (mut server, [mut a]) = start();
    a.insert(&item(1), json!({"n": 1})).unwrap();
    a.now.0 += 100_000;
    a.ask();
    let push = position(&a, true);
    a.arrive(push, &mut server);
    let pull = position(&a, false);
    a.arrive(pull, &mut server);
    a.answer(pull, &server);
    assert_eq!((a.replica.outbox().count(), a.view(&item(1))), (0, json!({"n": 1})));
    let push = position(&a, true);
    a.answer(push, &server);
    a.sync(&mut server);
    check::convergence(&[a], &server);
}

#[test]
fn a_request_that_arrives_late_changes_nothing() {
    let (mut server, [mut a]) = start();
    a.insert(&item(1), json!({"stock": 1})).unwrap();
    a.now.0 += 100_000;
    a.ask();
    a.restart();
    let Some(Outgoing::Push(late)) = a.ghosts.pop() else { panic!("the push was under way") };
    a.edit(&item(1), json!({"stock": [1, 2]})).unwrap();
    a.sync(&mut server);
    server.push(&late);
    a.sync(&mut server);
    assert_eq!(a.view(&item(1)), json!({"stock": 2}));
}

#[test]
fn a_refused_change_stops_only_its_record_and_is_kept() {
    let (mut server, [mut a, mut b]) = start();
    let [first, other] = neighbours();
    server.refuse.insert(first.clone());
    a.insert(&first, json!({"n": 1})).unwrap();
    a.edit(&first, json!({"n": [1, 2]})).unwrap();
    a.insert(&other, json!({"n": 7})).unwrap();
    a.sync(&mut server);
    b.sync(&mut server);
    assert_eq!(b.view(&other), json!({"n": 7}));
    assert_eq!(a.refused().iter().map(|(_, r)| r).collect::<Vec<_>>(), [&Rejection::NotPermitted; 2]);
    let marks = a.replica.marks(&model::collection());
    assert!(marks[&first].rejected && !marks.contains_key(&other));
    a.restart();
    assert_eq!((a.refused().len(), a.replica.rejected().count()), (2, 2), "they survive");
}

#[test]
fn what_follows_a_refused_change_is_sent_after_its_retry_in_order() {
    let (mut server, [mut a, mut b]) = start();
    let [first, other] = neighbours();
    server.refuse.insert(first.clone());
    a.insert(&first, json!({"n": 1})).unwrap();
    a.edit(&first, json!({"n": [1, 2]})).unwrap();
    a.sync(&mut server);
    // made while the refused ones are unresolved
    a.edit(&first, json!({"n": [2, 3]})).unwrap_err();
    a.insert(&first, json!({"n": 3})).unwrap();
    a.edit(&first, json!({"n": [3, 4]})).unwrap();
    a.insert(&other, json!({"n": 7})).unwrap();
    a.sync(&mut server);
    let held: Vec<bool> = a.replica.outbox().map(|p| a.replica.is_held(&p.change)).collect();
    assert_eq!(held, [true, true], "they wait for the person");
    server.refuse.clear();
    let first_refused = Counter(a.refused()[0].0);
    a.retry(first_refused);
    a.sync(&mut server);
    b.sync(&mut server);
    assert_eq!(a.refused(), []);
    // the first insert, its edit to 2, then the insert of 3, which met 2: asked about; nothing overtook or vanished
    assert_eq!(b.view(&first), json!({"n": 2}));
    let conflict = b.replica.conflicts().next().unwrap();
    assert_eq!(conflict.fields[&model::name("n")].incoming, 4.into());
}

#[test]
fn an_edit_that_waited_behind_a_refused_change_is_not_lost_when_that_is_discarded() {
    let (mut server, [mut a, mut b]) = start();
    let [first, other] = neighbours();
    a.insert(&first, json!({"n": 1, "m": 1})).unwrap();
    a.sync(&mut server);
    server.refuse.insert(first.clone());
    a.edit(&first, json!({"n": [1, 2]})).unwrap();
    a.sync(&mut server);
    a.edit(&first, json!({"m": [1, 5]})).unwrap(); // waits
    a.insert(&other, json!({"n": 7})).unwrap(); // does not
    a.sync(&mut server);
    server.refuse.clear();
    let refused = Counter(a.refused()[0].0);
    a.discard(refused);
    a.sync(&mut server);
    b.sync(&mut server);
    assert_eq!(
        b.view(&first),
        json!({"n": 1, "m": 5}),
        "what was overtaken by a neighbour is sent all the same"
    );
    assert_eq!(a.replica.outbox().count(), 0);
}

#[test]
fn an_edit_on_top_of_a_refused_insert_follows_its_retry() {
    let (mut server, [mut a, mut b]) = start();
    server.refuse.insert(item(1));
    a.insert(&item(1), json!({"n": 1})).unwrap();
    a.now.0 += 100_000;
    a.ask();
    a.edit(&item(1), json!({"n": [1, 2]})).unwrap(); // made while the insert is under way
    let push = position(&a, true);
    a.arrive(push, &mut server);
    a.answer(push, &server);
    a.sync(&mut server);
    assert_eq!((a.refused().len(), a.replica.outbox().count()), (1, 1));
    server.refuse.clear();
    let refused = Counter(a.refused()[0].0);
    a.retry(refused);
    assert_eq!(a.view(&item(1)), json!({"n": 2}));
    a.sync(&mut server);
    b.sync(&mut server);
    assert_eq!((b.view(&item(1)), server.open_conflicts().count()), (json!({"n": 2}), 0));
}

#[test]
fn what_was_accepted_before_a_refused_change_is_not_sent_again_with_its_retry() {
    for restart in [false, true] {
        let (mut server, [mut a]) = start();
        a.insert(&item(1), json!({"stock": 1})).unwrap();
        a.sync(&mut server);
        a.edit(&item(1), json!({"stock": [1, 2]})).unwrap(); // accepted
        a.now.0 += 100_000;
        a.ask();
        let push = position(&a, true);
        a.arrive(push, &mut server);
        a.answer(push, &server);
        a.edit(&item(1), json!({"stock": [2, 3]})).unwrap(); // refused
        server.refuse.insert(item(1));
        a.ask();
        let push = position(&a, true);
        a.arrive(push, &mut server);
        a.answer(push, &server);
        server.refuse.clear();
        if restart {
            a.restart();
        }
        let refused = Counter(a.refused()[0].0);
        a.retry(refused);
        a.sync(&mut server);
        assert_eq!(a.view(&item(1)), json!({"stock": 3}), "each count counts once");
    }
}

#[test]
fn a_conflict_reaches_everybody_and_survives_a_restart() {
    let (mut server, [mut a, mut b], conflict) = clash();
    assert_eq!((a.view(&item(1)), b.view(&item(1))), (json!({"n": 2, "m": 1}), json!({"n": 2, "m": 1})));
    for device in [&mut a, &mut b] {
        device.restart();
        let sides = &device.replica.conflict(conflict.id).unwrap().fields[&model::name("n")];
        assert_eq!((&sides.base, &sides.current, &sides.incoming), (&1.into(), &2.into(), &3.into()));
        assert!(device.replica.marks_of(&item(1)).review);
    }
    b.edit(&item(1), json!({"m": [1, 4]})).unwrap();
    b.sync(&mut server);
    a.sync(&mut server);
    assert_eq!(a.view(&item(1)), json!({"n": 2, "m": 4}), "it blocks nothing");
    assert_eq!(a.replica.conflicts().count(), 1);
}

#[test]
fn a_decision_made_offline_is_seen_at_once_and_closes_the_conflict_for_all() {
    let (mut server, [mut a, mut b], conflict) = clash();
    a.resolve(conflict.id, keep("n", Choice::Incoming)).unwrap();
    assert_eq!(a.view(&item(1)), json!({"n": 3, "m": 1}));
    assert!(a.replica.decided(&conflict).is_some());
    a.restart();
    a.sync(&mut server);
    b.sync(&mut server);
    assert_eq!((a.replica.conflicts().count(), b.replica.conflicts().count()), (0, 0));
    assert_eq!(b.view(&item(1)), json!({"n": 3, "m": 1}));
    check::convergence(&[a, b], &server);
}

#[test]
fn an_unsent_decision_does_not_hide_what_others_did_to_fields_nobody_was_asked_about() {
    let (mut server, [mut a, mut b]) = start();
    a.insert(&item(1), json!({"n": 1, "stock": 5})).unwrap();
    a.sync(&mut server);
    b.sync(&mut server);
    a.edit(&item(1), json!({"n": [1, 2], "stock": [5, 9]})).unwrap();
    b.edit(&item(1), json!({"n": [1, 3], "stock": [5, 6]})).unwrap();
    a.sync(&mut server);
    b.sync(&mut server);
    let conflict = b.replica.conflicts().next().unwrap().id;
    b.resolve(conflict, keep("n", Choice::Incoming)).unwrap();
    assert_eq!(b.view(&item(1)), json!({"n": 3, "stock": 9}), "the counts meet at the server");
    b.sync(&mut server);
    assert_eq!(b.view(&item(1)), json!({"n": 3, "stock": 10}));
}

#[test]
fn the_second_to_decide_is_told_who_was_first() {
    let (mut server, [mut a, mut b], conflict) = clash();
    a.resolve(conflict.id, keep("n", Choice::Current)).unwrap();
    b.resolve(conflict.id, keep("n", Choice::Incoming)).unwrap();
    a.sync(&mut server);
    b.sync(&mut server);
    let [(counter, Rejection::AlreadyResolved { resolved })] = &b.refused()[..] else {
        panic!("{:?}", b.refused())
    };
    assert_eq!((resolved.stamp.by, &resolved.outcome), (a.replica.id(), &keep("n", Choice::Current)));
    assert_eq!(b.replica.rejected().count(), 1, "shown until it is read");
    assert_eq!(b.view(&item(1)), json!({"n": 2, "m": 1}));
    let list = b.replica.review(b.now, &ReviewQuery { limit: 10, ..ReviewQuery::default() });
    let about = list.rejected[0].about.as_ref().unwrap();
    assert_eq!(about.id, conflict.id);
    assert_eq!(about.settled.as_ref().unwrap().outcome, keep("n", Choice::Current), "a screen can tell how");
    b.discard(Counter(*counter));
    assert_eq!(b.replica.rejected().count(), 0);
    b.edit(&item(1), json!({"m": [1, 9]})).unwrap();
    b.sync(&mut server);
    a.sync(&mut server);
    assert_eq!(a.view(&item(1)), json!({"n": 2, "m": 9}));
}

#[test]
fn a_decision_about_what_has_moved_comes_back_with_the_choices_kept() {
    let (mut server, [mut a, mut b], conflict) = clash();
    a.edit(&item(1), json!({"m": [1, 8]})).unwrap();
    b.resolve(conflict.id, keep("n", Choice::Own(6.into()))).unwrap();
    a.sync(&mut server);
    b.sync(&mut server);
    let returned: Vec<_> = b.replica.returned(conflict.id).collect();
    assert_eq!((returned.len(), &returned[0].reason), (1, &Rejection::Moved));
    let shown = b.replica.conflict(conflict.id).unwrap().clone();
    let base = b.base(&item(1));
    let info = b.replica.conflict_info(Timestamp(0), &shown, base.as_ref());
    assert_eq!(info.returned, Some((keep("n", Choice::Own(6.into())), Rejection::Moved)));
    assert_eq!(b.replica.rejected().count(), 0, "shown at its conflict, not twice");
    // looked at once more
    b.resolve(conflict.id, keep("n", Choice::Own(6.into()))).unwrap();
    assert_eq!(b.replica.returned(conflict.id).count(), 0);
    b.sync(&mut server);
    a.sync(&mut server);
    assert_eq!(a.view(&item(1)), json!({"n": 6, "m": 8}));
    assert_eq!((b.refused().len(), server.open_conflicts().count()), (0, 0));
}

#[test]
fn both_are_kept_with_a_key_that_the_device_finds() {
    let (mut server, [mut a, mut b], conflict) = clash();
    let keys: Vec<_> = (0..8).map(|n| b.replica.twin_key(b.now, [n; 10], conflict.id).unwrap()).collect();
    let id = |key: &RecordKey| RecordId::new(conflict.record.collection.clone(), key.clone());
    let here = conflict.record.partition(PARTITIONS);
    assert!(keys.iter().all(|key| id(key).partition(PARTITIONS) == here), "one atomic step writes both");
    b.resolve(conflict.id, Outcome::KeepBoth { key: keys[0].clone() }).unwrap();
    b.sync(&mut server);
    a.sync(&mut server);
    assert_eq!(a.view(&item(1)), json!({"n": 2, "m": 1}));
    assert_eq!(a.view(&id(&keys[0])), json!({"n": 3, "m": 1}));
    assert_eq!((b.refused().len(), server.open_conflicts().count()), (0, 0));
}

#[test]
fn what_nobody_has_to_choose_about_is_told_with_its_value() {
    let (mut server, [mut a, mut b]) = start();
    a.insert(&item(1), json!({"n": 1, "m": 1, "k": 1})).unwrap();
    a.sync(&mut server);
    b.sync(&mut server);
    a.edit(&item(1), json!({"n": [1, 2]})).unwrap();
    b.edit(&item(1), json!({"n": [1, 3], "m": [1, 5], "k": [1, 7]})).unwrap();
    a.sync(&mut server);
    b.sync(&mut server);
    let told = |device: &Device| {
        let conflict = device.replica.conflicts().next().unwrap();
        let base = device.base(&item(1));
        json!(device.replica.conflict_info(device.now, conflict, base.as_ref()).without_choice)
    };
    assert_eq!(told(&b), json!({"m": 5, "k": 7}), "only n was changed by both");
    // somebody goes on in one of the others
    a.sync(&mut server);
    a.edit(&item(1), json!({"m": [1, 9]})).unwrap();
    a.sync(&mut server);
    b.sync(&mut server);
    assert_eq!(told(&b), json!({"k": 7}), "m needs a choice now");
    let conflict = b.replica.conflicts().next().unwrap().id;
    b.resolve(conflict, keep("n", Choice::Incoming)).unwrap();
    b.sync(&mut server);
    assert!(matches!(b.refused()[..], [(_, Rejection::Undecided { .. })]), "the judge says so too");
}

#[test]
fn a_decision_made_after_another_was_taken_back_comes_back_for_the_same_reason() {
    let (mut server, [mut a, mut b], conflict) = clash();
    a.edit(&item(1), json!({"m": [1, 8]})).unwrap();
    b.resolve(conflict.id, keep("n", Choice::Incoming)).unwrap();
    b.take_back(&[conflict.id]);
    b.resolve(conflict.id, keep("n", Choice::Current)).unwrap();
    a.sync(&mut server);
    b.sync(&mut server);
    let [(_, Rejection::Moved)] = &b.refused()[..] else { panic!("{:?}", b.refused()) };
    let shown = b.replica.conflict(conflict.id).unwrap();
    let info = b.replica.conflict_info(b.now, shown, b.base(&item(1)).as_ref());
    assert_eq!(info.returned, Some((keep("n", Choice::Current), Rejection::Moved)));
    b.resolve(conflict.id, keep("n", Choice::Current)).unwrap();
    b.sync(&mut server);
    assert_eq!((b.refused().len(), server.open_conflicts().count()), (0, 0));
}

#[test]
fn who_took_a_decision_back_is_not_who_made_the_current_side() {
    let (mut server, [mut a, mut b], conflict) = clash();
    b.resolve(conflict.id, keep("n", Choice::Incoming)).unwrap();
    b.sync(&mut server);
    b.take_back(&[conflict.id]);
    b.sync(&mut server);
    a.sync(&mut server);
    let current = |device: &Device| {
        let list = device.replica.review(device.now, &ReviewQuery { limit: 10, ..ReviewQuery::default() });
        list.items[0].current.clone().unwrap().here
    };
    assert_eq!((current(&a), current(&b)), (true, false), "it is the edit of a that b's edit met");
}

#[test]
fn a_part_of_the_list_can_be_asked_for_around_one() {
    let (mut server, [mut a, mut b]) = start();
    for n in 1..=5 {
        a.insert(&item(n), json!({"n": 1})).unwrap();
    }
    a.sync(&mut server);
    b.sync(&mut server);
    for n in 1..=5 {
        a.edit(&item(n), json!({"n": [1, 2]})).unwrap();
        b.now.0 += 1;
        b.edit(&item(n), json!({"n": [1, 3]})).unwrap();
    }
    a.sync(&mut server);
    b.sync(&mut server);
    let query = |around, limit| ReviewQuery { around, limit, ..ReviewQuery::default() };
    let all = b.replica.review(b.now, &query(None, 10));
    let records = |review: &sync_client::api::Review| {
        review.items.iter().map(|item| item.record.clone()).collect::<Vec<_>>()
    };
    assert_eq!(records(&all), (1..=5).map(item).collect::<Vec<_>>());
    let some = b.replica.review(b.now, &query(Some(all.items[2].id), 3));
    assert_eq!((some.first, some.matching, records(&some)), (1, 5, [2, 3, 4].map(item).to_vec()));
    let start = b.replica.review(b.now, &query(Some(all.items[0].id), 3));
    assert_eq!((start.first, records(&start)), (0, [1, 2, 3].map(item).to_vec()));
}

#[test]
fn a_decision_that_came_back_does_not_stop_edits_of_the_record() {
    let (mut server, [mut a, mut b], conflict) = clash();
    a.edit(&item(1), json!({"m": [1, 8]})).unwrap();
    b.resolve(conflict.id, keep("n", Choice::Incoming)).unwrap();
    a.sync(&mut server);
    b.sync(&mut server);
    assert_eq!(b.replica.returned(conflict.id).count(), 1);
    b.edit(&item(1), json!({"k": [null, 5]})).unwrap();
    b.sync(&mut server);
    a.sync(&mut server);
    assert_eq!(a.view(&item(1)), json!({"n": 2, "m": 8, "k": 5}), "a conflict blocks nothing");
    assert_eq!(b.replica.unsent().count(), 0);
}

#[test]
fn somebody_elses_decision_takes_the_returned_one_away() {
    let (mut server, [mut a, mut b], conflict) = clash();
    a.edit(&item(1), json!({"m": [1, 8]})).unwrap();
    b.resolve(conflict.id, keep("n", Choice::Incoming)).unwrap();
    a.sync(&mut server);
    b.sync(&mut server);
    a.resolve(conflict.id, Outcome::Delete).unwrap();
    a.sync(&mut server);
    b.sync(&mut server);
    assert_eq!((b.refused().len(), b.replica.conflicts().count()), (0, 0));
    assert_eq!(b.view(&item(1)), json!(null));
}

#[test]
fn an_edit_of_a_record_deleted_meanwhile_is_a_conflict_and_can_be_kept() {
    let (mut server, [mut a, mut b]) = start();
    a.insert(&item(1), json!({"n": 1, "m": 1})).unwrap();
    a.sync(&mut server);
    b.sync(&mut server);
    a.delete(&item(1)).unwrap();
    b.edit(&item(1), json!({"n": [1, 3]})).unwrap();
    a.sync(&mut server);
    b.sync(&mut server);
    assert_eq!((b.view(&item(1)), b.replica.conflicts().count()), (json!(null), 1));
    let conflict = b.replica.conflicts().next().unwrap().id;
    b.resolve(conflict, Outcome::Keep { choices: Default::default() }).unwrap();
    b.sync(&mut server);
    a.sync(&mut server);
    assert_eq!(a.view(&item(1)), json!({"n": 3, "m": 1}));
    check::convergence(&[a, b], &server);
}

#[test]
fn a_new_device_takes_a_snapshot_page_by_page_while_others_write() {
    let (mut server, [mut a]) = start();
    for key in 0..40 {
        a.insert(&item(key), json!({"n": key})).unwrap();
    }
    a.sync(&mut server);
    server.page = 7;
    let mut c = Device::new(9, PARTITIONS);
    let mut parts = 0;
    while c.replica.snapshot().is_some() {
        c.now.0 += 100_000;
        c.ask();
        assert_eq!(c.session.phase(&c.replica), Phase::FirstSync);
        c.arrive(0, &mut server);
        c.answer(0, &server);
        parts += 1;
        if parts % 2 == 0 {
            c.restart(); // it goes on where it was
        }
        a.edit(&item(parts), json!({"n": [parts, 100 + parts]})).unwrap();
        a.delete(&item(39 - parts)).unwrap();
        a.sync(&mut server);
    }
    assert!((6..20).contains(&parts), "{parts}");
    c.sync(&mut server);
    check::convergence(&[a, c], &server);
}

#[test]
fn a_cursor_beyond_the_horizon_is_answered_with_a_snapshot_that_keeps_the_outbox() {
    let (mut server, [mut a, mut b]) = start();
    for key in 0..12 {
        a.insert(&item(key), json!({"n": key})).unwrap();
    }
    b.insert(&item(50), json!({"n": 50})).unwrap();
    a.sync(&mut server);
    a.delete(&item(3)).unwrap();
    a.sync(&mut server);
    for part in &mut server.parts {
        part.expired = part.head().0;
    }
    b.sync(&mut server);
    a.sync(&mut server);
    assert_eq!((b.view(&item(4)), b.view(&item(3))), (json!({"n": 4}), json!(null)));
    assert_eq!(a.view(&item(50)), json!({"n": 50}));
    check::convergence(&[a, b], &server);
}

#[test]
fn a_deleted_record_does_not_come_back_when_a_snapshot_brought_its_insert() {
    let (mut server, [mut a]) = start();
    let lose_answer = |a: &mut Device, server: &mut Server| {
        a.now.0 += 100_000;
        a.ask();
        let push = position(a, true);
        a.arrive(push, server);
        a.lose(push);
    };
    a.insert(&item(1), json!({"n": 1})).unwrap();
    lose_answer(&mut a, &mut server);
    a.flights.clear();
    a.restart();
    for part in &mut server.parts {
        part.expired = part.head().0;
    }
    for _ in 0..2 {
        a.now.0 += 100_000;
        a.ask();
        let pull = position(&a, false);
        a.arrive(pull, &mut server);
        a.answer(pull, &server);
        a.flights.clear();
        a.session.dropped();
    }
    assert_eq!((a.view(&item(1)), a.counters().len()), (json!({"n": 1}), 1), "a snapshot, no feed entry");
    a.delete(&item(1)).unwrap();
    lose_answer(&mut a, &mut server);
    let pull = position(&a, false);
    a.arrive(pull, &mut server);
    a.answer(pull, &server);
    assert_eq!(
        (a.view(&item(1)), a.counters()),
        (json!(null), vec![]),
        "the delete was judged after the insert"
    );
    a.sync(&mut server);
    check::convergence(&[a], &server);
}

#[test]
fn a_difference_on_the_disk_is_found_and_fetched_again_with_the_outbox_kept() {
    let (mut server, [mut a]) = start();
    for key in 0..12 {
        a.insert(&item(key), json!({"n": key})).unwrap();
    }
    a.sync(&mut server);
    assert!(a.session.is_verified(&a.replica));
    // a record goes missing on the disk
    let gone = sync_protocol::Record { deleted: true, ..a.base(&item(5)).unwrap() };
    let damage =
        sync_client::store::Batch { records: vec![(model::collection(), gone)], ..Default::default() };
    a.commit(&damage).unwrap();
    a.scan().unwrap();
    a.session.doubt();
    assert!(!a.session.is_verified(&a.replica));
    a.insert(&item(60), json!({"n": 60})).unwrap();
    a.sync(&mut server);
    assert_eq!(a.refetches, 1);
    assert_eq!((a.view(&item(5)), a.view(&item(60))), (json!({"n": 5}), json!({"n": 60})));
    check::convergence(&[a], &server);
}

#[test]
fn answers_that_break_the_protocol_change_nothing() {
    let (mut server, [mut a, mut b]) = start();
    a.insert(&item(1), json!({"n": 1})).unwrap();
    a.edit(&item(1), json!({"n": [1, 2]})).unwrap();
    a.sync(&mut server);
    let at = usize::from(item(1).partition(PARTITIONS).0);
    let pull = sync_protocol::message::Pull { cursor: b.replica.cursor().clone(), wait_ms: 0 };
    let good = server.pull(&pull);
    let mut skips = good.clone();
    skips.feeds[0].entries.remove(0);
    let mut twice = good.clone();
    let again = twice.feeds[0].entries[0].clone();
    twice.feeds[0].entries.insert(0, again);
    let mut runs_ahead = good.clone();
    runs_ahead.cursor.0[at] = Revision(99);
    let mut stays_behind = good.clone();
    stays_behind.cursor = pull.cursor.clone();
    for broken in [skips, twice, runs_ahead, stays_behind] {
        assert!(b.replica.pulled(1, &broken).is_err());
    }
    assert!(b.replica.pulled(1, &good).is_ok());
    b.sync(&mut server);
    let short = sync_protocol::message::PushAnswer { verdicts: Vec::new() };
    assert!(b.replica.pushed(&[Counter(1)], &short).is_err());
}

#[test]
fn a_clock_that_jumps_back_a_day_stops_nothing() {
    let (mut server, [mut a, mut b]) = start();
    a.now = Timestamp(a.now.0 + 86_400_000);
    a.insert(&item(1), json!({"last": 1})).unwrap();
    a.ask();
    a.lose(0);
    a.now = Timestamp(a.now.0 - 2 * 86_400_000);
    a.sync(&mut server);
    b.sync(&mut server);
    assert_eq!(b.view(&item(1)), json!({"last": 1}));
    let late = server.record(&item(1)).unwrap().stamp.at;
    assert!(late <= server.now, "no stamp is later than the server's time");
    let partition = Partition(0);
    assert!(b.replica.cursor().get(partition) > Revision(0));
}
