//! When a replica asks its server, and when it waits: sign-in, versions, servers that are busy or stuck.

use crate::model::device::{Device, Flight};
use crate::model::item;
use crate::model::server::Server;
use serde_json::json;
use sync_client::limits;
use sync_client::replica::session::{Outgoing, SendError};
use sync_client::status::{Phase, Transport};
use sync_client::store::SnapshotState;
use sync_protocol::Timestamp;
use sync_protocol::message::{Problem, ProblemCode};

/// A server with the collection, and a device that knows it.
fn start() -> (Server, Device) {
    let mut server = Server::new(4);
    let mut device = Device::new(1, 4);
    device.sync(&mut server);
    device.define();
    device.sync(&mut server);
    (server, device)
}

#[test]
fn a_session_that_needs_sign_in_keeps_the_outbox_and_asks_nothing() {
    let (mut server, mut a) = start();
    a.insert(&item(1), json!({"n": 1})).unwrap();
    let problem = Problem { code: ProblemCode::NeedsSignIn, message: "Sign in again.".into() };
    a.session.failed(a.now, 7, true, &SendError::Problem { problem, retry_after: None });
    a.now.0 += 10_000_000;
    a.ask();
    assert!(a.flights.is_empty() && a.session.wakes_at().is_none());
    assert_eq!((a.session.phase(&a.replica), a.replica.unsent().count()), (Phase::NeedsSignIn, 1));
    a.session.signed_in();
    a.sync(&mut server);
    assert_eq!((a.session.transport(), a.replica.unsent().count()), (Transport::Online, 0));
}

#[test]
fn while_it_is_paused_nothing_is_asked_whatever_the_network_does() {
    let (mut server, mut a) = start();
    a.session.pause();
    a.insert(&item(1), json!({"n": 1})).unwrap();
    for _ in 0..3 {
        a.session.nudge();
        a.session.offline(a.now, 7);
        a.now.0 += 10_000_000;
        a.ask();
        assert!(a.flights.is_empty() && a.session.wakes_at().is_none());
        assert!(a.session.gathers_until(a.now).is_none());
    }
    assert_eq!((a.session.phase(&a.replica), a.replica.unsent().count()), (Phase::Paused, 1));
    a.session.resume();
    a.sync(&mut server);
    assert_eq!((a.session.phase(&a.replica), a.replica.unsent().count()), (Phase::Idle, 0));
}

#[test]
fn a_server_that_says_more_and_sends_nothing_is_not_asked_in_a_loop() {
    let (server, mut a) = start();
    let mut asked = 0;
    while a.session.wakes_at().is_none() {
        a.ask();
        let Some(Flight::Ask(Outgoing::Pull(_, pull))) = a.flights.first() else { panic!("a pull") };
        let answer = sync_protocol::message::PullAnswer { more: true, ..server.pull(pull) };
        a.flights[0] = Flight::Pulled(1, answer);
        a.answer(0, &server);
        asked += 1;
        assert!(asked < 10, "a loop without a wait");
    }
    assert!(a.session.problem().is_some());
}

#[test]
fn a_push_that_the_server_asked_to_wait_is_not_hurried_by_a_pull_that_works() {
    let (mut server, mut a) = start();
    a.insert(&item(1), json!({"n": 1})).unwrap();
    a.now.0 += 100_000;
    a.ask();
    let push = a.position(true);
    a.flights.remove(push);
    let problem = Problem { code: ProblemCode::SlowDown, message: "Wait a little.".into() };
    a.session.failed(a.now, 7, true, &SendError::Problem { problem, retry_after: Some(5_000) });
    let told = a.now.0;
    let pull = a.position(false);
    a.arrive(pull, &mut server);
    a.answer(pull, &server);
    assert_eq!(a.session.problem(), Some("Wait a little."), "a person still sees why nothing is sent");
    assert_eq!(a.session.wakes_at(), Some(Timestamp(told + 5_000)));
    a.now.0 += 4_999;
    a.ask();
    assert!(a.flights.iter().all(|f| matches!(f, Flight::Ask(Outgoing::Pull(..)))));
    a.now.0 += 1;
    a.ask();
    a.position(true);
    assert_eq!(a.session.wakes_at(), None, "who waits for an answer waits for no time");
    a.sync(&mut server);
    assert_eq!((a.session.problem(), a.view(&item(1))), (None, json!({"n": 1})));
}

#[test]
fn what_the_server_judged_is_not_in_sync_before_its_outcome_is_here() {
    let (mut server, mut a) = start();
    a.ask();
    assert_eq!(a.session.phase(&a.replica), Phase::Idle, "while it waits for news");
    a.insert(&item(1), json!({"n": 1})).unwrap();
    a.now.0 += 100_000;
    a.hear_verdicts(&mut server);
    let state = (a.replica.unsent().count(), a.replica.outbox().count(), a.session.phase(&a.replica));
    assert_eq!(state, (0, 1, Phase::Syncing), "sent and judged; the record itself is still to come");
    a.sync(&mut server);
    assert_eq!((a.replica.outbox().count(), a.session.phase(&a.replica)), (0, Phase::Idle));
}

#[test]
fn the_outcome_of_a_change_that_was_judged_before_is_fetched_without_a_wait() {
    let (mut server, mut a) = start();
    a.insert(&item(1), json!({"n": 1})).unwrap();
    a.now.0 += 100_000;
    a.ask();
    // the answer is lost, and a pull that began before goes on
    let push = a.position(true);
    a.arrive(push, &mut server);
    a.lose(push);
    a.now = a.session.wakes_at().unwrap();
    a.hear_verdicts(&mut server);
    let pull = a.position(false);
    let Flight::Ask(Outgoing::Pull(number, _)) = a.flights[pull] else { panic!("a pull") };
    let nothing = sync_protocol::message::PullAnswer {
        feeds: Vec::new(),
        cursor: a.replica.cursor().clone(),
        more: false,
        expired: Vec::new(),
        ends: Vec::new(),
    };
    a.flights[pull] = Flight::Pulled(number, nothing);
    a.answer(pull, &server);
    assert_eq!(a.session.phase(&a.replica), Phase::Syncing);
    a.ask();
    let pull = a.position(false);
    let Flight::Ask(Outgoing::Pull(_, pull)) = &a.flights[pull] else { panic!("a pull") };
    assert_eq!(pull.wait_ms, 0, "there is something to fetch");
    a.sync(&mut server);
    assert_eq!((a.replica.outbox().count(), a.session.phase(&a.replica)), (0, Phase::Idle));
}

#[test]
fn the_network_that_a_pull_found_is_used_by_the_push_at_once() {
    let (mut server, mut a) = start();
    a.insert(&item(1), json!({"n": 1})).unwrap();
    a.now.0 += 100_000;
    for _ in 0..8 {
        a.ask();
        while !a.flights.is_empty() {
            a.lose(0);
        }
        a.now = a.session.wakes_at().unwrap();
    }
    a.ask();
    let push = a.position(true);
    a.lose(push);
    let pull = a.position(false);
    a.arrive(pull, &mut server);
    a.answer(pull, &server);
    a.ask();
    a.position(true);
}

#[test]
fn a_server_that_says_more_and_sends_nothing_is_asked_ever_more_rarely() {
    let (server, mut a) = start();
    let (mut waits, mut last) = (Vec::new(), a.now);
    while waits.len() < 12 {
        a.ask();
        let Some(Flight::Ask(Outgoing::Pull(_, pull))) = a.flights.first() else { panic!("a pull") };
        let answer = sync_protocol::message::PullAnswer { more: true, ..server.pull(pull) };
        a.flights[0] = Flight::Pulled(1, answer);
        let flight = a.flights.remove(0);
        let Flight::Pulled(_, answer) = flight else { panic!("the same") };
        let pulled = a.session.pulled(a.now, &a.replica, true, false, &answer.ends);
        if let Err(error) = pulled {
            a.session.failed(a.now, u64::MAX, false, &error);
            a.now = a.session.wakes_at().unwrap();
            waits.push(a.now.0 - last.0);
            last = a.now;
        }
    }
    assert!(waits.windows(2).all(|w| w[0] <= w[1] || w[1] > 30_000), "{waits:?}");
    assert!(waits[11] > 30_000, "{waits:?}");
}

#[test]
fn a_server_of_another_version_is_asked_again_rarely_and_when_a_person_says_so() {
    let (mut server, mut a) = start();
    a.insert(&item(1), json!({"n": 1})).unwrap();
    a.now.0 += 100_000;
    a.ask();
    let problem = Problem { code: ProblemCode::Upgrade, message: "This app is too old.".into() };
    let error = SendError::Problem { problem, retry_after: None };
    while let Some(flight) = a.flights.pop() {
        let push = matches!(flight, Flight::Ask(Outgoing::Push(_)));
        a.session.failed(a.now, 7, push, &error);
    }
    assert_eq!(a.session.phase(&a.replica), Phase::NeedsUpdate);
    a.now.0 += 599_999;
    a.ask();
    assert!(a.flights.is_empty(), "not before ten minutes");
    a.session.nudge();
    a.ask();
    assert_eq!(a.flights.len(), 1, "one pull, no push");
    let pull = a.position(false);
    a.arrive(pull, &mut server);
    a.answer(pull, &server);
    assert_ne!(a.session.phase(&a.replica), Phase::NeedsUpdate);
    a.sync(&mut server);
    assert_eq!(a.replica.unsent().count(), 0);
}

/// The bytes of the push that goes out next, and how many changes it has.
fn next_push(a: &mut Device) -> (usize, usize) {
    a.now.0 += 10_000_000;
    a.ask();
    let at = a.position(true);
    let Flight::Ask(Outgoing::Push(push)) = &a.flights[at] else { panic!("a push") };
    (push.changes.iter().map(|c| c.size()).sum(), push.changes.len())
}

#[test]
fn a_push_that_does_not_get_through_shrinks_and_grows_again() {
    let (mut server, mut a) = start();
    for key in 1..=500 {
        a.insert(&item(key), json!({"n": key})).unwrap();
    }
    let mut sizes = Vec::new();
    for _ in 0..10 {
        sizes.push(next_push(&mut a).0);
        let push = a.position(true);
        a.lose(push);
    }
    assert!(sizes[0] > 80_000, "{sizes:?}");
    assert!(sizes.windows(2).all(|w| w[1] <= w[0] / 2 || w[1] <= 16 << 10), "{sizes:?}");
    assert!(sizes[9] <= 16 << 10 && sizes[9] > 8 << 10, "{sizes:?}");
    let mut grown = Vec::new();
    for _ in 0..3 {
        grown.push(next_push(&mut a).0);
        a.hear_verdicts(&mut server);
    }
    assert!(grown.windows(2).all(|w| w[1] > w[0]), "{grown:?}");
    a.sync(&mut server);
    assert_eq!(a.replica.unsent().count(), 0);
}

#[test]
fn what_is_too_large_together_goes_in_halves_at_once() {
    let (_, mut a) = start();
    for key in 1..=500 {
        a.insert(&item(key), json!({"n": key})).unwrap();
    }
    let mut counts = Vec::new();
    for _ in 0..4 {
        let (_, count) = next_push(&mut a);
        counts.push(count);
        let push = a.position(true);
        a.flights.remove(push);
        let problem = Problem { code: ProblemCode::TooLarge, message: "Too large.".into() };
        a.session.failed(a.now, 7, true, &SendError::Problem { problem, retry_after: None });
        assert_eq!(a.session.wakes_at(), None, "there is nothing to wait for");
    }
    assert!(counts[0] == 500 && counts[3] < 100, "{counts:?}");
}

#[test]
fn what_is_made_in_a_burst_goes_together() {
    let (mut server, mut a) = start();
    let pushed = |a: &mut Device| -> Vec<usize> {
        a.ask();
        let pushes = a.flights.iter().filter_map(|flight| match flight {
            Flight::Ask(Outgoing::Push(push)) => Some(push.changes.len()),
            _ => None,
        });
        pushes.collect()
    };
    a.now.0 += 100_000;
    a.insert(&item(1), json!({"n": 1})).unwrap();
    assert_eq!(pushed(&mut a), [1], "the first goes at once");
    assert_eq!(a.session.gathers_until(a.now), None, "while an answer is waited for");
    let push = a.position(true);
    a.arrive(push, &mut server);
    a.answer(push, &server);
    assert_eq!(pushed(&mut a), [0; 0], "there is nothing to send");
    a.insert(&item(6), json!({"n": 6})).unwrap();
    assert_eq!(pushed(&mut a), [1], "nor was there: this one goes at once as well");
    a.insert(&item(2), json!({"n": 2})).unwrap();
    let push = a.position(true);
    a.arrive(push, &mut server);
    a.answer(push, &server);
    assert_eq!(pushed(&mut a), [0; 0], "what was made meanwhile waits for more");
    let until = a.session.gathers_until(a.now).unwrap();
    assert_eq!(until.0 - a.now.0, limits::PUSH_GATHER_MS);
    a.insert(&item(3), json!({"n": 3})).unwrap();
    let set_back = Timestamp(a.now.0 - 86_400_000);
    assert_eq!(a.session.gathers_until(set_back), None, "a clock that jumps back holds nothing up");
    a.now = until;
    assert_eq!(pushed(&mut a), [2]);
    // a person who wants it now has it now
    a.insert(&item(4), json!({"n": 4})).unwrap();
    let push = a.position(true);
    a.arrive(push, &mut server);
    a.answer(push, &server);
    assert_eq!(pushed(&mut a), [0; 0]);
    a.session.nudge();
    assert_eq!(pushed(&mut a), [1]);
    a.sync(&mut server);
    // what fills a push waits for no more
    a.insert(&item(5), json!({"n": 5})).unwrap();
    a.now.0 += 100_000;
    assert_eq!(pushed(&mut a), [1]);
    let many = (1_000..1_000 + sync_protocol::limits::PUSH_CHANGES as i64 + 1).map(item);
    let many = many.map(|id| (id, None, crate::model::fields(json!({"n": 1})))).collect();
    let batch = a.replica.import(a.now, many).unwrap();
    a.act(Ok(batch)).unwrap();
    let push = a.position(true);
    a.arrive(push, &mut server);
    a.answer(push, &server);
    assert_eq!(pushed(&mut a), [sync_protocol::limits::PUSH_CHANGES]);
    let push = a.position(true);
    a.arrive(push, &mut server);
    a.answer(push, &server);
    assert_eq!(pushed(&mut a), [1], "nor does the rest of it");
    a.sync(&mut server);
}

#[test]
fn while_much_is_sent_news_waits_for_it_but_not_for_long() {
    let (mut server, mut a) = start();
    a.now.0 += 100_000;
    let much = 3 * sync_protocol::limits::PUSH_CHANGES as i64;
    let records = (0..much).map(|n| (item(n), None, crate::model::fields(json!({ "n": n })))).collect();
    a.act(a.replica.import(a.now, records)).unwrap();
    let pulls = |a: &mut Device| {
        a.ask();
        a.flights.iter().filter(|flight| !flight.is_push()).count()
    };
    assert_eq!(pulls(&mut a), 1, "nothing was sent before");
    let pushed = |a: &mut Device, server: &mut Server| {
        let push = a.position(true);
        a.arrive(push, server);
        a.answer(push, server);
    };
    let pulled = |a: &mut Device, server: &mut Server| {
        let pull = a.position(false);
        a.arrive(pull, server);
        a.answer(pull, server);
    };
    pushed(&mut a, &mut server);
    pulled(&mut a, &mut server);
    assert_eq!(pulls(&mut a), 0, "the next push is judged first");
    assert_eq!(a.session.holds_until(a.now, &a.replica).map(|at| at.0 - a.now.0), Some(limits::PULL_HOLD_MS));
    pushed(&mut a, &mut server);
    assert_eq!(pulls(&mut a), 0);
    let set_back = Timestamp(a.now.0 - 86_400_000);
    assert_eq!(a.session.holds_until(set_back, &a.replica), None, "a clock that jumps back holds nothing up");
    a.now.0 += limits::PULL_HOLD_MS;
    assert_eq!(pulls(&mut a), 1, "it waits no longer than that");
    pulled(&mut a, &mut server);
    assert_eq!(pulls(&mut a), 0);
    // what cannot be sent holds nothing up
    let push = a.position(true);
    a.lose(push);
    assert_eq!(pulls(&mut a), 1);
    a.now.0 += 100_000;
    a.sync(&mut server);
    assert_eq!((a.replica.unsent().count(), a.replica.outbox().count()), (0, 0));
}

#[test]
fn the_next_part_of_a_snapshot_is_asked_for_while_one_is_stored() {
    let mut a = Device::new(1, 4);
    let state = a.replica.snapshot().expect("a new device copies everything").clone();
    assert!(a.session.ahead(&state).is_none(), "no part has come that another one could follow");
    a.ask();
    assert!(matches!(a.flights[..], [Flight::Ask(Outgoing::Snapshot(_))]));
    // it has come: what follows is asked for, and while that is under way nothing else is
    let after = SnapshotState { partitions: state.partitions[1..].to_vec(), ..state };
    let Some(Outgoing::Snapshot(next)) = a.session.ahead(&after) else { panic!("a part") };
    assert_eq!((&next.partitions, &next.resume), (&after.partitions, &after.resume));
    a.flights.clear();
    a.session.snapshotted(1, 2);
    a.session.asked_ahead();
    a.ask();
    assert!(a.flights.is_empty(), "one part at a time is under way");
    // that one is lost: it is asked for again in its time
    a.session.failed(a.now, 7, false, &SendError::NoAnswer("cut".into()));
    a.now.0 += 10_000_000;
    a.ask();
    assert_eq!(a.flights.len(), 1);
    a.session.pause();
    assert!(a.session.ahead(&after).is_none(), "nothing is sent while it is paused");
}
