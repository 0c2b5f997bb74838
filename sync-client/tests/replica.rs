//! A replica and its conversation, scenario by scenario: what is lost on the way, sent twice, refused, decided late.

use crate::model::device::Device;
use crate::model::scene::{PARTITIONS, clash, keep, start};
use crate::model::server::Server;
use crate::model::{check, item};
use serde_json::json;
use sync_client::replica::session::Outgoing;
use sync_client::status::Phase;
use sync_protocol::{Choice, Counter, Outcome, Partition, RecordId, Rejection, Revision, Timestamp};

/// Records of one partition: what is refused there must not stop the others.
fn neighbours() -> [RecordId; 2] {
    let first = item(1);
    let other = (2..).map(item).find(|id| id.partition(PARTITIONS) == first.partition(PARTITIONS));
    [first, other.unwrap()]
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
        let push = a.position(true);
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
    a.hear_verdicts(&mut server);
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
    let push = a.position(true);
    a.arrive(push, &mut server);
    let pull = a.position(false);
    a.arrive(pull, &mut server);
    a.answer(pull, &server);
    assert_eq!((a.replica.outbox().count(), a.view(&item(1))), (0, json!({"n": 1})));
    let push = a.position(true);
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
    assert!(a.replica.marks_of(&first).rejected && !a.replica.marks_of(&other).rejected);
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
    assert_eq!(conflict.fields[&crate::model::name("n")].incoming, 4.into());
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
    let push = a.position(true);
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
        let push = a.position(true);
        a.arrive(push, &mut server);
        a.answer(push, &server);
        a.edit(&item(1), json!({"stock": [2, 3]})).unwrap(); // refused
        server.refuse.insert(item(1));
        a.hear_verdicts(&mut server);
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
        let sides = &device.replica.conflict(conflict.id).unwrap().fields[&crate::model::name("n")];
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
        let push = a.position(true);
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
        let pull = a.position(false);
        a.arrive(pull, &mut server);
        a.answer(pull, &server);
        a.flights.clear();
        a.session.dropped();
    }
    assert_eq!((a.view(&item(1)), a.counters().len()), (json!({"n": 1}), 1), "a snapshot, no feed entry");
    a.delete(&item(1)).unwrap();
    lose_answer(&mut a, &mut server);
    let pull = a.position(false);
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
        sync_client::store::Batch { records: vec![(crate::model::collection(), gone)], ..Default::default() };
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

/// An entry that this version cannot read does not stop a device: it goes on with the rest, and takes a snapshot of that
/// partition.
#[test]
fn an_entry_that_cannot_be_read_is_passed_by_a_snapshot() {
    let (mut server, [mut a, mut b]) = start();
    for key in 1..40 {
        a.insert(&item(key), json!({"n": key})).unwrap();
    }
    a.sync(&mut server);
    b.sync(&mut server);
    a.edit(&item(1), json!({"n": [1, 2]})).unwrap();
    for key in 2..40 {
        a.edit(&item(key), json!({"n": [key, key + 1]})).unwrap();
    }
    a.sync(&mut server);
    let pull = sync_protocol::message::Pull { cursor: b.replica.cursor().clone(), wait_ms: 0 };
    let text = serde_json::to_string(&server.pull(&pull)).unwrap();
    let spoilt = text.replacen("\"kind\":\"applied\"", "\"kind\":\"unheard_of\"", 1);
    assert_ne!(text, spoilt);
    let answer: sync_protocol::message::PullAnswer = serde_json::from_str(&spoilt).unwrap();
    let unread = sync_client::replica::unread(&answer);
    assert_eq!(unread.len(), 1);
    let batch = b.replica.pulled(1, &answer).unwrap();
    assert_eq!(batch.snapshot.as_ref().unwrap().as_ref().unwrap().partitions, unread);
    assert!(!batch.records.is_empty(), "the rest is taken");
    b.commit(&batch).unwrap();
    b.sync(&mut server);
    assert_eq!(b.view(&item(1)), json!({"n": 2}));
    check::convergence(&[a, b], &server);
}
