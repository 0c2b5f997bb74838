//! Reviews on a device, scenario by scenario: decided too late, twice, taken back, listed.

use crate::model::device::Device;
use crate::model::item;
use crate::model::scene::{PARTITIONS, clash, keep, start};
use serde_json::json;
use sync_client::api::ReviewQuery;
use sync_protocol::{Choice, Counter, Outcome, RecordId, RecordKey, Rejection, Timestamp};

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
    let returned: Vec<_> = b.replica.returned(&conflict).collect();
    assert_eq!((returned.len(), &returned[0].reason), (1, &Rejection::Moved));
    let shown = b.replica.conflict(conflict.id).unwrap().clone();
    let base = b.base(&item(1));
    let info = b.replica.conflict_info(Timestamp(0), &shown, base.as_ref());
    assert_eq!(info.returned, Some((keep("n", Choice::Own(6.into())), Rejection::Moved)));
    assert_eq!(b.replica.rejected().count(), 0, "shown at its conflict, not twice");
    // looked at once more
    b.resolve(conflict.id, keep("n", Choice::Own(6.into()))).unwrap();
    assert_eq!(b.replica.returned(&conflict).count(), 0);
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
    assert_eq!(b.replica.returned(&conflict).count(), 1);
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
