//! A decision that keeps both, a decision taken back, and who is named for what.

use crate::common::{World, keep, name, replica};
use serde_json::{Value as Json, json};
use sync_protocol::feed::EntryKind;
use sync_protocol::{Outcome, RecordKey, Timestamp};

const A: u128 = 1;
const B: u128 = 2;
const C: u128 = 3;
const D: u128 = 4;

/// n is 2 by A, B wanted 3; m is 1 from the beginning, B wanted 7.
fn clash() -> World {
    let mut w = World::with(json!({"n": 1, "m": 1, "title": "Pump"}));
    w.patch(A, json!({"n": [1, 2]}));
    assert_eq!(w.patch(B, json!({"n": [1, 3], "m": [1, 7]})), "conflicted");
    w
}

fn both(key: &str) -> Outcome {
    Outcome::KeepBoth { key: RecordKey::Text(key.into()) }
}

fn twin(w: &World, key: &str) -> Json {
    match w.twins.get(&RecordKey::Text(key.into())) {
        Some(record) if !record.deleted => json!(record.fields),
        _ => Json::Null,
    }
}

#[test]
fn each_side_names_its_author() {
    let mut w = World::with(json!({"n": 1, "m": 1}));
    w.patch(A, json!({"n": [1, 2]}));
    w.patch(C, json!({"m": [1, 5]}));
    w.at -= 20;
    w.patch(B, json!({"n": [1, 3]}));
    w.at += 10;
    assert_eq!(w.patch(B, json!({"m": [1, 6]})), "conflicted");
    let conflict = w.conflict();
    assert_eq!(conflict.current_by(&name("n")).unwrap().by, replica(A), "not the record's last author");
    assert_eq!(conflict.current_by(&name("m")).unwrap().by, replica(C));
    assert_eq!(
        conflict.incoming_by(&name("n")).at,
        Timestamp(crate::common::NOW - 20),
        "an edit keeps its own time"
    );
    assert_eq!(conflict.incoming_by(&name("m")).at, Timestamp(crate::common::NOW - 10));
}

#[test]
fn a_conflict_is_called_what_its_record_is_called() {
    assert_eq!(clash().conflict().title, "Pump");
    let mut w = World::with(json!({"n": 1}));
    w.delete(A, json!({"n": 1}));
    w.patch(B, json!({"n": [1, 2], "title": [null, "Valve"]}));
    assert_eq!(w.conflict().title, "1", "a deleted record that had no name goes by its key");
    let long = "x".repeat(500);
    let mut w = World::with(json!({"n": 1, "title": long}));
    w.patch(A, json!({"n": [1, 2]}));
    w.patch(B, json!({"n": [1, 3]}));
    assert_eq!(w.conflict().title.chars().count(), sync_protocol::limits::TITLE_CHARS + 1);
}

#[test]
fn both_are_kept_as_two_records() {
    let mut w = clash();
    assert_eq!(w.resolve(C, both("two")), "applied");
    assert_eq!(w.values(), json!({"n": 2, "m": 1, "title": "Pump"}), "the first one stays as it is");
    assert_eq!(twin(&w, "two"), json!({"n": 3, "m": 7, "title": "Pump"}));
    assert_eq!(w.open(), 0);
    let record = &w.twins[&RecordKey::Text("two".into())];
    assert_eq!(record.twin_of, Some(RecordKey::Int(1)), "it says beside which it was made");
    assert_eq!(record.field_stamp(&name("n")).by, replica(B), "values keep their authors");
    assert_eq!(record.created.unwrap().by, replica(C));
    assert_eq!(w.feed.last().unwrap().kind, EntryKind::Resolved);
}

#[test]
fn both_cannot_be_kept_everywhere() {
    let mut w = clash();
    assert_eq!(w.resolve(C, both("elsewhere")), "rejected: impossible", "another partition");
    assert_eq!(w.resolve(C, Outcome::KeepBoth { key: RecordKey::Int(1) }), "rejected: impossible", "itself");
    assert_eq!(w.resolve(C, both("")), "rejected: invalid_key");
    let mut taken = clash();
    taken.resolve(C, both("two"));
    taken.patch(D, json!({"n": [1, 9]}));
    assert_eq!(taken.resolve(C, both("two")), "rejected: impossible", "the key is taken");
    assert_eq!(taken.open(), 1, "nothing is lost by a decision that cannot be made");
    let mut gone = World::with(json!({"n": 1}));
    gone.delete(A, json!({"n": 1}));
    gone.patch(B, json!({"n": [1, 2]}));
    assert_eq!(gone.resolve(C, both("two")), "rejected: impossible", "there is only one to keep");
}

#[test]
fn a_decision_taken_back_leaves_all_as_before() {
    for outcome in
        [keep(json!({"n": "incoming"})), keep(json!({"n": {"own": 9}, "m": {"own": null}})), both("two")]
    {
        let mut w = clash();
        let (values, sides) = (w.values(), w.sides("n"));
        w.resolve(C, outcome);
        assert_eq!(w.open(), 0);
        assert_eq!(w.reopen(D), "applied");
        assert_eq!((w.values(), w.sides("n"), w.open()), (values, sides, 1));
        assert_eq!(twin(&w, "two"), Json::Null);
        assert_eq!(w.feed.last().unwrap().kind, EntryKind::Reopened);
        assert_eq!(w.conflict().current_by(&name("n")).unwrap().by, replica(A), "the value is A's again");
        assert_eq!(w.resolve(C, keep(json!({"n": "incoming"}))), "applied", "and it can be decided anew");
        assert_eq!(w.values(), json!({"n": 3, "m": 7, "title": "Pump"}));
    }
}

#[test]
fn what_others_did_after_a_decision_stands_when_it_is_taken_back() {
    let mut w = clash();
    w.resolve(C, keep(json!({"n": "incoming"})));
    w.patch(A, json!({"n": [3, 4]}));
    assert_eq!(w.reopen(C), "applied");
    assert_eq!(w.values(), json!({"n": 4, "m": 1, "title": "Pump"}), "m goes back, n is A's newest");
    assert_eq!(w.sides("n"), json!([1, 4, 3, true]), "both sides are there to decide");

    let mut w = clash();
    w.resolve(C, both("two"));
    let twin_key = RecordKey::Text("two".into());
    let edited = sync_protocol::Record { rev: sync_protocol::Revision(99), ..w.twins[&twin_key].clone() };
    w.twins.insert(twin_key, edited);
    w.reopen(C);
    assert_ne!(twin(&w, "two"), Json::Null, "somebody has worked on the second record");
}

#[test]
fn a_deleted_record_comes_back_and_a_restored_one_goes() {
    let mut w = clash();
    w.resolve(C, Outcome::Delete);
    assert_eq!(w.values(), json!(null));
    w.reopen(C);
    assert_eq!(w.values(), json!({"n": 2, "m": 1, "title": "Pump"}));
    assert_eq!(w.record.as_ref().unwrap().field_stamp(&name("n")).by, replica(A), "with its authors");

    let mut w = World::with(json!({"n": 1}));
    w.delete(A, json!({"n": 1}));
    w.patch(B, json!({"n": [1, 3]}));
    w.resolve(C, keep(json!({"n": "incoming"})));
    assert_eq!(w.values(), json!({"n": 3}));
    w.reopen(C);
    assert_eq!((w.values(), w.open()), (json!(null), 1));
    assert_eq!(w.resolve(C, Outcome::Delete), "applied");

    let mut w = clash();
    w.resolve(C, Outcome::Delete);
    w.insert(D, json!({"n": 50}));
    w.reopen(C);
    assert_eq!(w.values(), json!({"n": 50}), "the new record under the same key is not touched");
}

#[test]
fn a_restored_record_keeps_who_made_and_edited_it() {
    let mut w = World::with(json!({"n": 1, "m": 1}));
    w.patch(D, json!({"m": [1, 2]}));
    w.delete(A, json!({"n": 1, "m": 2}));
    w.patch(B, json!({"n": [1, 3]}));
    w.resolve(C, keep(json!({"n": "incoming"})));
    let record = w.record.as_ref().unwrap();
    assert_eq!(record.created.unwrap().by, replica(9));
    assert_eq!(record.field_stamp(&name("m")).by, replica(D));
    assert_eq!(record.field_stamp(&name("n")).by, replica(C));
}

#[test]
fn a_decision_is_taken_back_once() {
    let mut w = clash();
    w.resolve(C, keep(json!({"n": "current"})));
    let reopening = w.reopening();
    assert_eq!(w.reopen(C), "applied");
    assert_eq!(w.does(D, sync_protocol::Edit::Reopen(reopening.clone())), "rejected: impossible");
    w.resolve(C, keep(json!({"n": "incoming"})));
    assert_eq!(
        w.does(D, sync_protocol::Edit::Reopen(reopening)),
        "rejected: impossible",
        "another decision was made since"
    );
    assert_eq!(w.open(), 0);
}

#[test]
fn a_decision_is_taken_back_also_where_a_newer_change_of_that_replica_waits() {
    let mut w = clash();
    w.resolve(C, keep(json!({"n": "current"})));
    let reopening = w.reopening();
    assert_eq!(w.patch(B, json!({"n": [1, 8]})), "conflicted");
    assert_eq!(w.does(C, sync_protocol::Edit::Reopen(reopening)), "applied");
    assert_eq!(w.open(), 2, "each value that waits has its own question");
}

#[test]
fn what_a_policy_decided_is_told_with_both_sides() {
    let mut w = World::with(json!({"first": 1, "last": 1, "stock": 5, "tags": ["a"], "n": 1}));
    w.at -= 10;
    w.patch(A, json!({"first": [1, 2], "last": [1, 2], "stock": [5, 6], "tags": [["a"], ["a", "x"]]}));
    w.at += 10;
    let said = w.patch(
        B,
        json!({"first": [1, 3], "last": [1, 3], "stock": [5, 8], "tags": [["a"], ["y"]], "n": [1, 2]}),
    );
    assert_eq!(said, "merged");
    let merge = w.feed.last().unwrap().merge.clone().unwrap();
    assert_eq!((merge.record, merge.incoming.by, merge.delete), (w.id.clone(), replica(B), false));
    let met = |field: &str| {
        let met = &merge.fields[&name(field)];
        json!([met.base, met.current, met.incoming, met.result, met.policy, met.current_by.by == replica(A)])
    };
    assert_eq!(met("first"), json!([1, 2, 3, 2, "first", true]), "the value that gave way can be read");
    assert_eq!(met("last"), json!([1, 2, 3, 3, "last", true]));
    assert_eq!(met("stock"), json!([5, 6, 8, 9, "counter", true]));
    assert_eq!(met("tags"), json!([["a"], ["a", "x"], ["y"], ["x", "y"], "set", true]));
    assert!(!merge.fields.contains_key("n"), "nothing met there");
}

#[test]
fn edits_that_meet_nothing_or_agree_tell_of_no_merge() {
    let mut w = World::with(json!({"n": 1, "m": 1, "stock": 5}));
    w.patch(A, json!({"n": [1, 2]}));
    w.patch(B, json!({"m": [1, 2]}));
    w.patch(B, json!({"n": [1, 2]}));
    assert!(w.feed.iter().all(|entry| entry.merge.is_none()));
    w.patch(A, json!({"stock": [5, 6]}));
    w.patch(B, json!({"stock": [5, 6]}));
    assert!(w.feed.last().unwrap().merge.is_some(), "two who each counted one more are told so");
}

#[test]
fn a_delete_that_a_policy_decided_is_told_too() {
    for (collection, left) in [("firsts", json!({"n": 2})), ("lasts", json!(null))] {
        let mut w = World::of(crate::common::id(collection, "1"));
        w.insert(9, json!({"n": 1}));
        w.patch(A, json!({"n": [1, 2]}));
        assert_eq!(w.delete(B, json!({"n": 1})), "merged");
        assert_eq!(w.values(), left);
        let merge = w.feed.last().unwrap().merge.clone().unwrap();
        assert!(merge.delete);
        assert_eq!(json!(merge.fields[&name("n")].current), json!(2));
    }
}

#[test]
fn ones_own_edits_before_a_decision_do_not_make_it_outdated() {
    let mut w = clash();
    let seen = w.resolution(keep(json!({"n": "incoming"})));
    w.patch(C, json!({"m": [1, 5]}));
    w.patch(C, json!({"title": ["Pump", "Old pump"]}));
    let decision = sync_protocol::Edit::Resolve(seen.clone());
    assert_eq!(w.does(D, decision.clone()), "rejected: moved", "for others the record has moved");
    assert_eq!(w.does(C, decision), "rejected: undecided", "m was edited since, by its author too");
    let mut seen = seen;
    seen.outcome = keep(json!({"n": "incoming", "m": "current"}));
    assert_eq!(w.does(C, sync_protocol::Edit::Resolve(seen)), "applied");
    assert_eq!(w.values(), json!({"n": 3, "m": 5, "title": "Old pump"}));
}

#[test]
fn somebody_elses_edit_among_ones_own_makes_a_decision_outdated() {
    let own = |w: &mut World| w.patch(C, json!({"title": ["Pump", "Old pump"]}));
    let other = |w: &mut World| w.patch(D, json!({"m": [1, 5]}));
    let later = |w: &mut World| w.patch(C, json!({"title": ["Old pump", "Pump"]}));
    for acts in [&[other, own][..], &[own, other], &[own, other, later]] {
        let mut w = clash();
        let seen = w.resolution(keep(json!({"n": "incoming"})));
        acts.iter().for_each(|act| drop(act(&mut w)));
        assert_eq!(w.does(C, sync_protocol::Edit::Resolve(seen)), "rejected: moved");
    }
}

#[test]
fn a_decision_taken_back_and_another_can_be_made_in_one_go() {
    for first in [keep(json!({"n": "incoming"})), Outcome::Delete, both("two")] {
        let mut w = clash();
        let seen = w.resolution(keep(json!({"n": {"own": 50}})));
        w.resolve(C, first.clone());
        w.reopen(C);
        let second = sync_protocol::Edit::Resolve(seen);
        assert_eq!(w.does(D, second.clone()), "rejected: moved", "another person looks once more");
        assert_eq!(w.does(C, second), "applied");
        assert_eq!(w.values(), json!({"n": 50, "m": 7, "title": "Pump"}));
        // and once more
        let seen = sync_protocol::Resolution { outcome: first, ..w.resolution(both("three")) };
        let mut again = clash();
        again.resolve(C, keep(json!({"n": "incoming"})));
        again.reopen(D);
        let seen = sync_protocol::Resolution { conflict: again.conflict().id, ..seen };
        assert_eq!(
            again.does(C, sync_protocol::Edit::Resolve(seen)),
            "rejected: moved",
            "somebody else took it back"
        );
    }
}

#[test]
fn a_change_that_joins_makes_a_decision_outdated_also_for_its_own_device() {
    let mut w = clash();
    let seen = w.resolution(keep(json!({"n": "incoming"})));
    assert_eq!(w.patch(B, json!({"n": [3, 4]})), "conflicted");
    assert_eq!(w.does(B, sync_protocol::Edit::Resolve(seen)), "rejected: moved", "the side is another one");
}

#[test]
fn it_is_told_who_took_a_decision_back() {
    let mut w = clash();
    w.resolve(C, keep(json!({"n": "incoming"})));
    w.reopen(D);
    assert_eq!(w.conflict().reopened.unwrap().stamp.by, replica(D));
    w.resolve(A, keep(json!({"n": "current"})));
    assert_eq!(w.conflict().reopened, None);
}

/// The same where the collection was deleted meanwhile.
fn without_its_collection(mut w: World) -> World {
    let (id, _) = sync_protocol::schema::collection_record(&w.id.collection, "Items", None);
    w.schema.apply(&id, None);
    w
}

#[test]
fn a_conflict_in_a_deleted_collection_is_closed_without_writing() {
    for outcome in [Outcome::Delete, keep(json!({"n": "current"}))] {
        let mut w = without_its_collection(clash());
        let before = w.values();
        assert_eq!(w.resolve(C, outcome.clone()), "applied");
        assert_eq!(w.open(), 0);
        if outcome != Outcome::Delete {
            assert_eq!(w.values(), before, "what nobody decided about stays, too");
        }
        assert_eq!(w.reopen(C), "applied");
        assert_eq!((w.values(), w.open()), (before, 1));
    }
    for outcome in [keep(json!({"n": "incoming"})), keep(json!({"n": {"own": 9}})), both("two")] {
        let mut w = without_its_collection(clash());
        assert_eq!(w.resolve(C, outcome), "rejected: unknown_collection");
        assert_eq!(w.open(), 1);
    }
    let mut w = World::with(json!({"n": 1}));
    w.delete(A, json!({"n": 1}));
    w.patch(B, json!({"n": [1, 2]}));
    let mut w = without_its_collection(w);
    assert_eq!(
        w.resolve(C, keep(json!({"n": "current"}))),
        "rejected: unknown_collection",
        "nothing is restored there"
    );
    assert_eq!(w.resolve(C, Outcome::Delete), "applied");
}

#[test]
fn a_decision_is_taken_back_also_after_its_collection_was_deleted() {
    let mut w = clash();
    let before = w.values();
    w.resolve(C, keep(json!({"n": "incoming"})));
    let mut w = without_its_collection(w);
    assert_eq!(w.reopen(D), "applied");
    assert_eq!((w.values(), w.open()), (before, 1));
}
