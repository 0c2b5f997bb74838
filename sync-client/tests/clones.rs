//! Devices of one name: copied, restored from a backup, or overtaken by their own requests. None loses anything silently,
//! and no two changes have one id (`identity`).

use std::collections::BTreeSet;

use crate::model::device::{Device, Flight};
use crate::model::scene::{PARTITIONS, start};
use crate::model::server::Server;
use crate::model::{check, item, name};
use serde_json::json;
use sync_client::replica::session::Outgoing;
use sync_protocol::{Change, Choice, Counter, Outcome, RecordId, Rejection, Verdict};

/// An id names one change for good, over all partitions.
fn identity(server: &Server) {
    let mut met = BTreeSet::new();
    for entry in server.entries() {
        assert!(met.insert(entry.change), "identity: {:?} is in the feed twice", entry.change);
    }
}

/// A device, and two of one name that know the same and have nothing of their own under way.
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
        assert_eq!(record.value(&name(field)).as_integer(), Some(*value), "{id}");
    }
}

fn nothing_waits(device: &Device) {
    assert_eq!((device.replica.outbox().count(), device.refused()), (0, Vec::new()));
}

/// The push that the device wants to send, which is not sent.
fn push_of(device: &mut Device) -> sync_protocol::message::Push {
    device.ask();
    let at = device.position(true);
    let Flight::Ask(Outgoing::Push(push)) = &device.flights[at] else { panic!("a push") };
    let push = push.clone();
    device.lose(at);
    push
}

/// In the same partition, in another one, of the same record; the copy hears of the other's changes before or after it
/// sends its own. Whoever comes second goes on under a new name, and each change counts once.
#[test]
fn a_copy_takes_a_new_name_and_loses_nothing() {
    for first_pulls in [false, true] {
        let (mut server, mut a, [mut b, mut copy]) = twins();
        let mut wanted = Vec::new();
        for key in 1..=4 {
            b.edit(&item(key), json!({ "stock": [0, 10 + key] })).unwrap();
            copy.edit(&item(key + 4), json!({ "stock": [0, 20 + key] })).unwrap();
            copy.insert(&item(100 + key), json!({ "n": key })).unwrap();
            copy.edit(&item(100 + key), json!({ "n": [key, 2 * key] })).unwrap();
            wanted.push((item(key), "stock", 10 + key));
            wanted.push((item(key + 4), "stock", 20 + key));
            wanted.push((item(100 + key), "n", 2 * key));
        }
        b.sync(&mut server);
        if first_pulls {
            push_of(&mut copy);
            let pull = copy.position(false);
            copy.arrive(pull, &mut server);
            copy.answer(pull, &server);
        }
        copy.sync(&mut server);
        b.sync(&mut server);
        a.sync(&mut server);
        copy.sync(&mut server);
        assert!(copy.renewed == 1 && copy.replica.id() != b.replica.id());
        nothing_waits(&copy);
        all_there(&server, &wanted);
        identity(&server);
        check::convergence(&[a, b, copy], &server);
    }
}

/// A device that was set back to an earlier image of itself: the numbers that it mints anew are known to the server, or were
/// known so long ago that it has forgotten what they said.
#[test]
fn what_was_restored_from_a_backup_is_told_also_long_after() {
    for edits_since in [3, 500] {
        let (mut server, mut a, [mut b, mut image]) = twins();
        for n in 0..edits_since {
            b.edit(&item(1 + n % 3), json!({ "n": [n / 3, n / 3 + 1] })).unwrap();
            if n % 10 == 0 {
                b.sync(&mut server);
            }
        }
        b.sync(&mut server);
        let before = server.record(&item(1)).unwrap().value(&name("n")).clone();
        for key in 4..=6 {
            image.edit(&item(key), json!({ "n": [0, 50 + key] })).unwrap();
        }
        image.edit(&item(1), json!({ "stock": [0, 5] })).unwrap();
        image.sync(&mut server);
        assert_eq!(image.renewed, 1, "{edits_since}");
        nothing_waits(&image);
        let wanted = [(item(4), "n", 54), (item(5), "n", 55), (item(6), "n", 56), (item(1), "stock", 5)];
        all_there(&server, &wanted);
        assert_eq!(*server.record(&item(1)).unwrap().value(&name("n")), before);
        identity(&server);
        a.sync(&mut server);
        check::convergence(&[a, image], &server);
    }
}

/// The same where one record was edited again and again: whatever the server says of each edit (that it has forgotten what
/// had the number, that another copy has it, nothing because it is above all others), none goes before an older one.
#[test]
fn what_the_server_forgot_goes_before_what_was_made_after_it() {
    for (left_out, also_later) in [(470, false), (470, true), (10_000, false), (10_000, true)] {
        let (mut server, mut a, [mut b, mut image]) = twins();
        for n in 0..500 {
            b.edit(&item(1), json!({ "n": [n, n + 1] })).unwrap();
            if n % 10 == 0 {
                b.sync(&mut server);
            }
        }
        b.sync(&mut server);
        image.edit(&item(1), json!({ "stock": [0, 1] })).unwrap();
        image.edit(&item(1), json!({ "stock": [1, 2] })).unwrap();
        // the program was started again between the edits
        image.replica.leap(left_out);
        image.edit(&item(1), json!({ "stock": [2, 3] })).unwrap();
        if also_later {
            let push = push_of(&mut image);
            server.push(&push);
            image.edit(&item(1), json!({ "stock": [3, 4] })).unwrap();
        }
        image.sync(&mut server);
        let made = |entry: &sync_protocol::Entry| {
            let (order, change) = image.acked.get(&entry.change.counter)?;
            (change.id == entry.change && entry.said == Some(change.digest())).then_some(*order)
        };
        let met: Vec<u64> = server.entries().filter_map(made).collect();
        assert!(met.is_sorted(), "{left_out}: met as {met:?}");
        assert_eq!(met.len(), 3 + usize::from(also_later), "{left_out}");
        nothing_waits(&image);
        assert_eq!(image.renewed, 1);
        assert_eq!(image.replica.conflict_count(), 0);
        all_there(&server, &[(item(1), "stock", 3 + i64::from(also_later)), (item(1), "n", 500)]);
        identity(&server);
        a.sync(&mut server);
        check::convergence(&[a, image], &server);
    }
}

/// The same where the device was away for so long that it takes a snapshot: nobody knows whether its changes took effect, so
/// the person is asked.
#[test]
fn what_nobody_knows_any_more_is_shown_to_the_person() {
    let (mut server, _, [mut b, mut image]) = twins();
    for n in 0..500 {
        b.edit(&item(1), json!({ "n": [n, n + 1] })).unwrap();
        if n % 10 == 0 {
            b.sync(&mut server);
        }
    }
    b.sync(&mut server);
    image.edit(&item(1), json!({ "stock": [0, 5] })).unwrap();
    for part in &mut server.parts {
        part.expired = part.head().0;
    }
    image.sync(&mut server);
    let refused = image.refused();
    let [(_, Rejection::Impossible { rule })] = refused.as_slice() else { panic!("{refused:?}") };
    assert!(rule.contains("too long ago"), "{rule}");
    image.retry(Counter(refused[0].0));
    image.sync(&mut server);
    nothing_waits(&image);
    all_there(&server, &[(item(1), "stock", 5), (item(1), "n", 500)]);
    identity(&server);
}

/// What waited behind such a change may be in effect as well: what the person decides about the one does not make the other
/// count twice.
#[test]
fn what_waited_behind_what_nobody_knows_counts_once() {
    for retried in [false, true] {
        let (mut server, _, [mut b, mut copy]) = twins();
        let place = |key: i64| item(key).partition(PARTITIONS);
        let other = (2..=8).find(|key| place(*key) == place(1)).unwrap();
        b.edit(&item(1), json!({ "stock": [0, 1] })).unwrap();
        for n in 0..70 {
            b.edit(&item(other), json!({ "n": [n, n + 1] })).unwrap();
        }
        b.edit(&item(1), json!({ "stock": [1, 2] })).unwrap();
        let whole = push_of(&mut b);
        assert_eq!(whole.changes.len(), 72);
        server.push(&whole); // its answer is lost
        copy.replica.leap(10_000);
        for n in 0..2 {
            copy.edit(&item(other), json!({ "stock": [n, n + 1] })).unwrap();
            copy.sync(&mut server);
        }
        for part in &mut server.parts {
            part.expired = part.head().0;
        }
        let told = first_of(whole, &mut b, &mut server);
        assert_eq!(told, Verdict::Duplicate { forgotten: true });
        b.sync(&mut server);
        assert_eq!(b.refused()[0].0, 1, "nobody knows of the first one");
        for (counter, _) in b.refused() {
            match retried && counter == 1 {
                true => b.retry(Counter(counter)),
                false => b.discard(Counter(counter)),
            }
        }
        b.sync(&mut server);
        nothing_waits(&b);
        all_there(&server, &[(item(1), "stock", 2 + i64::from(retried)), (item(other), "n", 70)]);
        identity(&server);
    }
}

/// Programs that start go on from numbers of chance: their changes have different ids before anybody hears of the other.
#[test]
fn copies_that_are_started_share_no_number() {
    let (mut server, mut a, [mut b, mut copy]) = twins();
    b.replica.leap(77);
    copy.replica.leap(123_456);
    for key in 1..=4 {
        b.edit(&item(key), json!({ "n": [0, key] })).unwrap();
        copy.edit(&item(key), json!({ "stock": [0, key] })).unwrap();
    }
    let ids = |device: &Device| device.counters().into_iter().collect::<BTreeSet<_>>();
    assert!(ids(&b).is_disjoint(&ids(&copy)));
    copy.sync(&mut server);
    b.sync(&mut server);
    copy.sync(&mut server);
    b.sync(&mut server);
    a.sync(&mut server);
    assert!(b.replica.id() != copy.replica.id(), "whoever has the lower numbers was overtaken");
    nothing_waits(&b);
    nothing_waits(&copy);
    for key in 1..=4 {
        all_there(&server, &[(item(key), "n", key), (item(key), "stock", key)]);
    }
    identity(&server);
    check::convergence(&[a, b, copy], &server);
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

/// What the image had not sent, and its original has: one change, and it counts once.
#[test]
fn what_both_copies_hold_counts_once() {
    let (mut server, _, [mut b, mut copy]) = twins();
    copy.now = b.now;
    for device in [&mut b, &mut copy] {
        device.edit(&item(1), json!({ "stock": [0, 1] })).unwrap();
        device.edit(&item(2), json!({ "stock": [0, 1] })).unwrap();
    }
    b.sync(&mut server);
    copy.sync(&mut server);
    nothing_waits(&copy);
    all_there(&server, &[(item(1), "stock", 1), (item(2), "stock", 1)]);
    identity(&server);
}

/// The first change that waits is sent alone, and its verdict heard.
fn first_alone(device: &mut Device, server: &mut Server) -> Verdict {
    let push = push_of(device);
    first_of(push, device, server)
}

/// The first change of a push is sent alone, and its verdict heard.
fn first_of(mut push: sync_protocol::message::Push, device: &mut Device, server: &mut Server) -> Verdict {
    push.changes.truncate(1);
    let sent = [push.changes[0].id.counter];
    let answer = server.push(&push);
    let heard = device.replica.pushed(&sent, &answer).unwrap();
    device.commit(&heard).unwrap();
    device.replica.note_verdicts(&sent, &answer, device.session.last_pull());
    answer.verdicts[0].clone()
}

/// Both hold a decision that is refused, and edits of its record. The copy is told of the decision, and its edits are in effect;
/// the other device hears only that the decision's number is taken, and sends it anew, but not what it has not sent of the
/// record: whether that is known is asked first. What nobody knows goes after the decision, under another number as well.
#[test]
fn what_follows_a_taken_number_is_asked_for_before_it_goes_anew() {
    for by_both in [0, 1, 2] {
        let (mut server, mut a, [mut b, mut copy]) = twins();
        a.edit(&item(1), json!({ "n": [0, 1] })).unwrap();
        copy.now = b.now;
        for device in [&mut b, &mut copy] {
            device.edit(&item(1), json!({ "n": [0, 2] })).unwrap();
        }
        for at in [0, 1, 2, 0] {
            [&mut a, &mut b, &mut copy][at].sync(&mut server);
        }
        let conflict = b.replica.conflicts().next().unwrap().id;
        let keep = |choice| Outcome::Keep { choices: [(name("n"), choice)].into() };
        for device in [&mut b, &mut copy] {
            device.resolve(conflict, keep(Choice::Incoming)).unwrap();
            for n in 0..by_both {
                device.edit(&item(1), json!({ "stock": [n, n + 1] })).unwrap();
            }
        }
        a.resolve(conflict, keep(Choice::Current)).unwrap();
        a.sync(&mut server);
        let told = first_alone(&mut copy, &mut server);
        assert!(matches!(told, Verdict::Rejected { taken: false, .. }), "{told:?}");
        copy.sync(&mut server);
        b.edit(&item(1), json!({ "stock": [by_both, by_both + 1] })).unwrap();
        // with this the copy tells that it has heard of the decision, and the server forgets it
        copy.edit(&item(1), json!({ "n": [1, 3] })).unwrap();
        copy.sync(&mut server);
        let told = first_alone(&mut b, &mut server);
        assert!(matches!(told, Verdict::Rejected { taken: true, .. }), "{told:?}");
        b.sync(&mut server);
        // the decision is refused again, and what follows it waits for the person
        let refused = b.refused();
        let [(_, Rejection::AlreadyResolved { .. }), (edit, _)] = refused.as_slice() else {
            panic!("{refused:?}")
        };
        b.retry(Counter(*edit));
        b.sync(&mut server);
        all_there(&server, &[(item(1), "stock", by_both + 1)]);
        assert_eq!(b.replica.outbox().count(), 0);
        identity(&server);
    }
}

/// A push whose answer was lost is in effect, and a shorter one is sent after it: what is known only of its first changes
/// says nothing of the others, which count once.
#[test]
fn what_was_judged_before_the_name_went_counts_once() {
    let (mut server, _, [mut b, mut copy]) = twins();
    b.edit(&item(1), json!({ "n": [0, 1] })).unwrap();
    copy.edit(&item(2), json!({ "stock": [0, 1] })).unwrap();
    copy.edit(&item(3), json!({ "stock": [0, 1] })).unwrap();
    b.sync(&mut server);
    let whole = push_of(&mut copy);
    let answer = server.push(&whole);
    assert!(matches!(answer.verdicts[0], Verdict::Rejected { taken: true, .. }));
    assert!(matches!(answer.verdicts[1], Verdict::Applied { .. }));
    // the answer is lost, and only the first change is sent again
    let first = Counter(whole.changes[0].id.counter.0);
    let short = sync_protocol::message::PushAnswer { verdicts: answer.verdicts[..1].to_vec() };
    copy.replica.note_verdicts(&[first], &short, copy.session.last_pull());
    copy.sync(&mut server);
    nothing_waits(&copy);
    all_there(&server, &[(item(1), "n", 1), (item(2), "stock", 1), (item(3), "stock", 1)]);
    identity(&server);
}

/// A push that comes after a later one: what it carries was never judged, and is not called judged.
#[test]
fn changes_that_later_ones_overtook_are_told() {
    let (mut server, _, [mut b, _]) = twins();
    b.edit(&item(1), json!({ "n": [0, 1] })).unwrap();
    let early = push_of(&mut b);
    // a client that does not wait for its answers
    let mut late = early.clone();
    late.changes[0] = Change {
        id: sync_protocol::ChangeId {
            counter: Counter(early.changes[0].id.counter.0 + 5),
            ..early.changes[0].id
        },
        edit: sync_protocol::Edit::Delete { base: Default::default() },
        ..early.changes[0].clone()
    };
    server.push(&late);
    let told = server.push(&early).verdicts;
    assert!(matches!(told[0], Verdict::Rejected { taken: true, .. }), "{told:?}");
}

/// States that servers of releases before this one stored say nothing of what changes said: all stays as it was there.
#[test]
fn states_without_digests_go_on() {
    let (mut server, _, [mut b, _]) = twins();
    b.edit(&item(1), json!({ "n": [0, 1] })).unwrap();
    let push = push_of(&mut b);
    server.push(&push);
    for state in server.parts.iter_mut().flat_map(|part| part.replicas.values_mut()) {
        let text = format!("{{\"last\":{}}}", state.last);
        *state = serde_json::from_str(&text).unwrap();
    }
    assert_eq!(server.push(&push).verdicts, [Verdict::Duplicate { forgotten: true }]);
    b.sync(&mut server);
    nothing_waits(&b);
    b.edit(&item(2), json!({ "n": [0, 2] })).unwrap();
    b.sync(&mut server);
    assert_eq!(b.renewed, 0);
    all_there(&server, &[(item(1), "n", 1), (item(2), "n", 2)]);
}

/// The disk has no room at the moment in which the device takes its new name: what follows the refused change in its record waits for it.
#[test]
fn nothing_is_sent_before_a_new_name_is_stored() {
    let (mut server, a, [mut b, mut copy]) = twins();
    b.edit(&item(1), json!({ "n": [0, 1] })).unwrap();
    b.sync(&mut server);
    copy.edit(&item(2), json!({ "n": [0, 1] })).unwrap();
    copy.ask();
    let push = copy.position(true);
    copy.arrive(push, &mut server);
    let Flight::Pushed(sent, answer) = copy.flights.remove(push) else { panic!("verdicts") };
    copy.replica.note_verdicts(&sent, &answer, copy.session.last_pull());
    copy.session.pushed(None);
    assert!(copy.replica.must_renew());
    copy.edit(&item(2), json!({ "n": [1, 2] })).unwrap();
    copy.ask();
    for flight in &copy.flights {
        if let Flight::Ask(Outgoing::Push(push)) = flight {
            let judged = push.changes.iter().filter(|c| !push.only_known.contains(&c.id.counter));
            assert_eq!(judged.count(), 0, "the first edit comes before the second");
        }
    }
    copy.sync(&mut server);
    b.sync(&mut server);
    assert_eq!(copy.renewed, 1);
    nothing_waits(&copy);
    all_there(&server, &[(item(1), "n", 1), (item(2), "n", 2)]);
    identity(&server);
    drop(a);
}
