//! What becomes of a conflict: how it takes in later edits, and every way in which it ends.

use crate::common::{World, keep, replica};
use serde_json::json;
use sync_protocol::{ConflictKind, Edit, Outcome, Rejection, Resolution, Revision, Verdict};

const A: u128 = 1;
const B: u128 = 2;
const C: u128 = 3;

/// n is 2 by A, B wanted 3.
fn clash() -> World {
    let mut w = World::with(json!({"n": 1, "m": 1}));
    w.patch(A, json!({"n": [1, 2]}));
    assert_eq!(w.patch(B, json!({"n": [1, 3]})), "conflicted");
    w
}

/// The record is deleted by A, B wanted n to be 3.
fn edit_of_deleted() -> World {
    let mut w = World::with(json!({"n": 1, "m": 1}));
    w.delete(A, json!({"n": 1, "m": 1}));
    assert_eq!(w.patch(B, json!({"n": [1, 3]})), "conflicted");
    w
}

/// n is 2 by A, B wanted the record deleted.
fn delete_of_edited() -> World {
    let mut w = World::with(json!({"n": 1, "m": 1}));
    w.patch(A, json!({"n": [1, 2]}));
    assert_eq!(w.delete(B, json!({"n": 1, "m": 1})), "conflicted");
    w
}

#[test]
fn later_edits_of_one_replica_join_its_conflict() {
    let mut w = clash();
    assert_eq!(w.patch(B, json!({"n": [3, 4], "m": [1, 7]})), "conflicted");
    assert_eq!(w.open(), 1, "several edits of one replica are one conflict");
    assert_eq!(w.sides("n"), json!([1, 2, 4, true]), "its base stays the first one, its clash stays");
    assert_eq!(w.sides("m"), json!([1, 1, 7, false]));
    assert_eq!(w.conflict().rev, Revision(4));
    assert_eq!(w.patch(C, json!({"n": [1, 9]})), "conflicted");
    assert_eq!(w.open(), 2, "another replica's edit is another conflict");
}

#[test]
fn an_edit_on_top_of_a_parked_one_clashes_only_where_somebody_else_edited() {
    let mut w = clash();
    w.patch(B, json!({"n": [3, 4], "m": [1, 7]}));
    assert_eq!(w.patch(B, json!({"m": [7, 8]})), "conflicted");
    assert_eq!(w.sides("m"), json!([1, 1, 8, false]), "nobody but B touched m");
    assert_eq!(w.resolve(C, keep(json!({"n": "incoming"}))), "applied");
    assert_eq!(w.values(), json!({"n": 4, "m": 8}));
}

#[test]
fn an_undone_parked_edit_is_undone_in_the_conflict() {
    let mut w = clash();
    w.patch(B, json!({"n": [3, 4], "m": [1, 7]}));
    assert_eq!(w.patch(B, json!({"m": [7, 1]})), "conflicted", "it builds on the parked value");
    assert_eq!(w.sides("m"), json!([1, 1, 1, false]));
    w.resolve(C, keep(json!({"n": "incoming"})));
    assert_eq!(w.values(), json!({"n": 4, "m": 1}));
}

#[test]
fn a_delete_joins_the_conflict_of_its_replica() {
    let mut w = clash();
    assert_eq!(w.delete(B, json!({"n": 3, "m": 1})), "conflicted");
    assert_eq!((w.open(), w.conflict().kind), (1, ConflictKind::DeleteEdit));
    assert_eq!(w.sides("n"), json!([1, 2, null, true]));
}

#[test]
fn a_review_that_a_delete_takes_back_shows_the_record_as_it_is_then() {
    let mut w = World::with(json!({"stock": 3}));
    w.delete(A, json!({"stock": 3}));
    assert_eq!(w.patch(B, json!({"stock": [3, 4]})), "conflicted");
    assert_eq!(w.insert(A, json!({"stock": 4})), "applied");
    assert_eq!(w.open(), 1, "what was to be added still is");
    w.delete(B, json!({"stock": 4}));
    assert_eq!(w.open(), 0);
    let conflict = w.conflict();
    assert_eq!((conflict.kind, conflict.record_rev), (ConflictKind::EditDelete, Some(conflict.rev)));
    assert_eq!(w.sides("stock"), json!([3, null, 4, true]));
}

#[test]
fn the_clashing_field_ends_as_decided() {
    for (choices, after) in [
        (json!({"n": "current"}), json!({"n": 2, "m": 1})),
        (json!({"n": "incoming"}), json!({"n": 3, "m": 1})),
        (json!({"n": {"own": 8}}), json!({"n": 8, "m": 1})),
        (json!({"n": {"own": null}}), json!({"m": 1})),
        (json!({"n": "current", "m": {"own": 5}}), json!({"n": 2, "m": 5})),
    ] {
        let mut w = clash();
        assert_eq!(w.resolve(C, keep(choices)), "applied");
        assert_eq!((w.values(), w.open()), (after, 0));
        let resolved = w.conflict().resolved.as_ref().unwrap();
        assert_eq!(resolved.stamp.by, replica(C));
    }
    let mut w = clash();
    assert_eq!(w.resolve(C, Outcome::Delete), "applied");
    assert_eq!((w.values(), w.open()), (json!(null), 0));
}

#[test]
fn a_clashing_field_without_a_decision_is_not_guessed() {
    let mut w = clash();
    assert_eq!(w.resolve(C, keep(json!({}))), "rejected: undecided");
    assert_eq!(w.resolve(C, keep(json!({"m": "current"}))), "rejected: undecided");
    assert_eq!((w.open(), w.values()), (1, json!({"n": 2, "m": 1})));
}

#[test]
fn what_only_the_parked_change_touched_comes_with_it() {
    let mut w = World::with(json!({"n": 1, "m": 1}));
    w.patch(A, json!({"n": [1, 2]}));
    w.patch(B, json!({"n": [1, 3], "m": [1, 9], "title": [null, "x"]}));
    w.resolve(C, keep(json!({"n": "current", "title": "current"})));
    assert_eq!(w.values(), json!({"n": 2, "m": 9}));
}

#[test]
fn a_field_that_moved_after_the_verdict_is_asked_about_not_overwritten() {
    let mut w = World::with(json!({"n": 1, "m": 1}));
    w.patch(A, json!({"n": [1, 2]}));
    w.patch(B, json!({"n": [1, 3], "m": [1, 9]}));
    assert_eq!(w.patch(A, json!({"m": [1, 5]})), "applied");
    assert_eq!(w.resolve(C, keep(json!({"n": "current"}))), "rejected: undecided");
    assert_eq!(w.resolve(C, keep(json!({"n": "current", "m": "incoming"}))), "applied");
    assert_eq!(w.values(), json!({"n": 2, "m": 9}));
}

#[test]
fn fields_that_nobody_decides_follow_their_policy() {
    let before = json!({"n": 1, "stock": 5, "tags": ["a"], "first": 1, "last": 1, "body": "a\nb\nc\n"});
    let mut w = World::with(before);
    w.at -= 10;
    w.patch(
        A,
        json!({
            "n": [1, 2], "stock": [5, 9], "tags": [["a"], ["a", "x"]], "first": [1, 2],
            "last": [1, 2], "body": ["a\nb\nc\n", "A\nb\nc\n"],
        }),
    );
    w.at -= 10;
    let parked = json!({
        "n": [1, 3], "stock": [5, 6], "tags": [["a"], ["y"]], "first": [1, 3],
        "last": [1, 3], "body": ["a\nb\nc\n", "a\nb\nC\n"],
    });
    assert_eq!(w.patch(B, parked), "conflicted");
    assert_eq!(w.resolve(C, keep(json!({"n": "current"}))), "applied");
    let after = json!({
        "n": 2, "stock": 10, "tags": ["x", "y"], "first": 2, "last": 2, "body": "A\nb\nC\n",
    });
    assert_eq!(w.values(), after, "as if only n had been asked about");
}

#[test]
fn counts_on_top_of_parked_counts_are_counted_once() {
    let mut w = World::with(json!({"n": 1, "stock": 5}));
    w.patch(A, json!({"n": [1, 2]}));
    w.patch(B, json!({"n": [1, 3], "stock": [5, 6]})); // parked: one more
    w.patch(B, json!({"stock": [6, 7]})); // counted at once: one more
    w.patch(B, json!({"n": [3, 4], "stock": [7, 8]})); // parked: one more
    assert_eq!(w.resolve(C, keep(json!({"n": "incoming"}))), "applied");
    assert_eq!(w.values(), json!({"n": 4, "stock": 8}));
}

#[test]
fn an_edit_of_a_deleted_record_ends_either_way() {
    for (outcome, after) in [
        (Outcome::Delete, json!(null)),
        (keep(json!({})), json!({"n": 3, "m": 1})),
        (keep(json!({"n": "current"})), json!({"n": 1, "m": 1})),
        (keep(json!({"n": {"own": 4}, "m": {"own": 5}})), json!({"n": 4, "m": 5})),
    ] {
        let mut w = edit_of_deleted();
        assert_eq!(w.resolve(C, outcome), "applied");
        assert_eq!((w.values(), w.open()), (after, 0));
    }
}

#[test]
fn a_delete_of_an_edited_record_ends_either_way() {
    for (outcome, after) in [
        (Outcome::Delete, json!(null)),
        (keep(json!({})), json!({"n": 2, "m": 1})),
        (keep(json!({"n": {"own": 4}})), json!({"n": 4, "m": 1})),
        (keep(json!({"n": "incoming"})), json!({"m": 1})),
    ] {
        let mut w = delete_of_edited();
        assert_eq!(w.resolve(C, outcome), "applied");
        assert_eq!((w.values(), w.open()), (after, 0));
    }
}

#[test]
fn a_record_deleted_after_the_verdict_can_be_kept_or_left() {
    for (outcome, after) in
        [(Outcome::Delete, json!(null)), (keep(json!({"n": "incoming"})), json!({"n": 3, "m": 1}))]
    {
        let mut w = clash();
        w.delete(A, json!({"n": 2, "m": 1}));
        assert_eq!(w.resolve(C, outcome), "applied");
        assert_eq!((w.values(), w.open()), (after, 0));
    }
}

#[test]
fn the_second_to_decide_is_told_who_was_first() {
    let mut w = clash();
    let late = w.resolution(keep(json!({"n": "incoming"})));
    w.resolve(A, keep(json!({"n": "current"})));
    let change = w.change(C, Edit::Resolve(late));
    match w.push(&change) {
        Verdict::Rejected { reason: Rejection::AlreadyResolved { resolved }, .. } => {
            assert_eq!((resolved.stamp.by, resolved.outcome), (replica(A), keep(json!({"n": "current"}))));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(w.values(), json!({"n": 2, "m": 1}));
}

#[test]
fn a_decision_about_what_has_moved_is_never_applied() {
    let mut w = clash();
    let outdated = w.resolution(keep(json!({"n": "incoming"})));
    w.patch(A, json!({"m": [1, 2]}));
    assert_eq!(w.does(C, Edit::Resolve(outdated)), "rejected: moved", "the record has moved");

    let mut w = clash();
    let outdated = w.resolution(keep(json!({"n": "incoming"})));
    w.patch(B, json!({"n": [3, 4]}));
    assert_eq!(w.does(C, Edit::Resolve(outdated)), "rejected: moved", "the conflict has moved");

    let mut w = clash();
    let outdated = w.resolution(keep(json!({"n": "incoming"})));
    w.delete(A, json!({"n": 2, "m": 1}));
    assert_eq!(w.does(C, Edit::Resolve(outdated)), "rejected: moved", "the record is gone");
    assert_eq!(w.open(), 1);
}

#[test]
fn only_a_conflict_of_this_record_can_be_settled() {
    let mut w = clash();
    let mut resolution = w.resolution(Outcome::Delete);
    resolution.conflict.counter = resolution.conflict.counter.next();
    assert_eq!(w.does(C, Edit::Resolve(resolution)), "rejected: no_such_conflict");
    let resolution = w.resolution(Outcome::Delete);
    let mut change = w.change(C, Edit::Resolve(resolution));
    change.record = crate::common::id("items", "2");
    assert_eq!(crate::common::said(&w.push(&change)), "rejected: no_such_conflict");
    assert_eq!(w.open(), 1);
}

#[test]
fn a_decision_is_checked_like_any_other_change() {
    let mut w = clash();
    assert_eq!(w.resolve(C, keep(json!({"n": {"own": "text"}}))), "rejected: misfit");
    assert_eq!(w.resolve(C, keep(json!({"n": "current", "other": {"own": 1}}))), "rejected: unknown_field");
    // the field's type was changed since: the parked value does not fit any more
    let mut field = crate::common::field("n", sync_protocol::FieldType::Text, None);
    field.position = 7;
    let (id, values) = sync_protocol::schema::field_record(&w.id.collection, &field);
    w.schema.apply(&id, Some(&values));
    assert_eq!(w.resolve(C, keep(json!({"n": "incoming"}))), "rejected: misfit");
    assert_eq!(w.resolve(C, keep(json!({"n": {"own": "three"}}))), "applied");
}

#[test]
fn a_conflict_about_a_field_that_was_taken_away_can_be_closed() {
    let mut w = clash();
    let (id, _) = sync_protocol::schema::field_record(
        &w.id.collection,
        &crate::common::field("n", sync_protocol::FieldType::Integer, None),
    );
    w.schema.apply(&id, None);
    assert_eq!(w.resolve(C, keep(json!({"n": "incoming"}))), "rejected: unknown_field");
    assert_eq!(w.resolve(C, keep(json!({"n": "current"}))), "applied");
    assert_eq!((w.open(), w.values()), (0, json!({"n": 2, "m": 1})));
}

#[test]
fn a_settled_conflict_takes_nothing_in() {
    let mut w = clash();
    w.resolve(C, keep(json!({"n": "current"})));
    assert_eq!(w.patch(B, json!({"n": [1, 5]})), "conflicted");
    assert_eq!((w.conflicts.len(), w.open()), (2, 1));
    assert_eq!(w.sides("n"), json!([1, 2, 5, true]));
}

#[test]
fn a_conflict_blocks_nothing() {
    let mut w = clash();
    assert_eq!(w.patch(C, json!({"n": [2, 6]})), "merged");
    assert_eq!(w.patch(B, json!({"m": [1, 7]})), "merged");
    assert_eq!((w.values(), w.open()), (json!({"n": 6, "m": 7}), 1));
}

#[test]
fn a_resolution_that_changes_nothing_leaves_the_revision() {
    let mut w = clash();
    let rev = w.record.as_ref().unwrap().rev;
    let resolution = Resolution { outcome: keep(json!({"n": "current"})), ..w.resolution(Outcome::Delete) };
    assert_eq!(w.does(C, Edit::Resolve(resolution)), "applied");
    assert_eq!(w.record.as_ref().unwrap().rev, rev);
    assert_eq!(w.feed.last().unwrap().record, None);
    assert_eq!(w.feed.last().unwrap().kind, sync_protocol::feed::EntryKind::Resolved);
}
