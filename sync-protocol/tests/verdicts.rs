//! Every verdict by name: who does what, what the server says, what is there afterwards.

use crate::common::{NOW, World, fields, id, keep, replica, said};
use serde_json::json;
use sync_protocol::{
    ChangeId, ConflictKind, Counter, Edit, Outcome, Rejection, Revision, Timestamp, Verdict, limits,
};

const A: u128 = 1;
const B: u128 = 2;

#[test]
fn an_insert_a_patch_and_a_delete_are_applied() {
    let mut w = World::new();
    assert_eq!(w.insert(A, json!({"n": 1, "title": null})), "applied");
    assert_eq!(w.values(), json!({"n": 1}), "a value that is absent is not stored");
    assert_eq!(w.patch(A, json!({"n": [1, 2], "m": [null, 3]})), "applied");
    assert_eq!(w.patch(A, json!({"n": [2, null]})), "applied");
    assert_eq!(w.values(), json!({"m": 3}));
    assert_eq!(w.delete(A, json!({"m": 3})), "applied");
    let gone = w.record.as_ref().unwrap();
    assert!(gone.deleted && gone.fields == fields(json!({"m": 3})), "its last values are kept for restoring");
    assert_eq!((gone.rev, gone.prev), (Revision(4), Some(Revision(3))));
}

#[test]
fn edits_of_different_fields_are_merged() {
    let mut w = World::with(json!({"n": 1, "m": 1}));
    assert_eq!(w.patch(A, json!({"n": [1, 2]})), "merged", "it did not name the revision it saw");
    assert_eq!(w.patch(B, json!({"m": [1, 2]})), "merged");
    assert_eq!(w.values(), json!({"n": 2, "m": 2}));
    let stamps = &w.record.as_ref().unwrap().edits;
    assert_eq!(stamps.values().map(|s| s.by).collect::<Vec<_>>(), [replica(B), replica(A)]);
}

#[test]
fn a_patch_of_the_revision_that_stands_is_applied_not_merged() {
    let mut w = World::with(json!({"n": 1}));
    let mut change = w.change(A, Edit::Patch { fields: crate::common::deltas(json!({"n": [1, 2]})) });
    change.saw = Some(Revision(1));
    assert_eq!(said(&w.push(&change)), "applied");
}

#[test]
fn equal_values_never_conflict_whatever_was_seen() {
    let mut w = World::with(json!({"n": 1}));
    w.patch(A, json!({"n": [1, 5]}));
    assert_eq!(w.patch(B, json!({"n": [1, 5]})), "merged");
    assert_eq!(w.record.as_ref().unwrap().rev, Revision(2), "the record stays as it was");
    assert_eq!(w.open(), 0);
}

#[test]
fn a_queue_of_edits_by_one_replica_never_conflicts() {
    let mut w = World::new();
    assert_eq!(w.insert(A, json!({"n": 1})), "applied");
    for n in 1..20 {
        assert_eq!(w.patch(A, json!({"n": [n, n + 1]})), "applied");
    }
    assert_eq!(w.delete(A, json!({"n": 20})), "applied");
    assert_eq!(w.insert(A, json!({"n": 0})), "applied");
    assert_eq!(w.open(), 0);
}

#[test]
fn two_edits_of_one_field_are_a_conflict_that_changes_nothing() {
    let mut w = World::with(json!({"n": 1, "m": 1}));
    w.patch(A, json!({"n": [1, 2]}));
    assert_eq!(w.patch(B, json!({"n": [1, 3], "m": [1, 9]})), "conflicted");
    assert_eq!(w.values(), json!({"n": 2, "m": 1}), "whole or not at all: m stays, too");
    assert_eq!(w.conflict().kind, ConflictKind::EditEdit);
    assert_eq!(w.sides("n"), json!([1, 2, 3, true]));
    assert_eq!(w.sides("m"), json!([1, 1, 9, false]), "nobody else touched m");
    assert_eq!(w.conflict().id.replica, replica(B));
    assert_eq!(w.conflict().record_rev, Some(Revision(2)));
}

#[test]
fn inserts_of_one_key() {
    for (first, second, verdict, after) in [
        (json!({"n": 1}), json!({"n": 1}), "merged", json!({"n": 1})),
        (json!({"n": 1}), json!({"m": 2}), "merged", json!({"n": 1, "m": 2})),
        (json!({"n": 1}), json!({}), "merged", json!({"n": 1})),
        (json!({"n": 1}), json!({"n": 2, "m": 3}), "conflicted", json!({"n": 1})),
    ] {
        let mut w = World::new();
        assert_eq!(w.insert(A, first), "applied");
        assert_eq!(w.insert(B, second.clone()), verdict, "{second}");
        assert_eq!(w.values(), after);
    }
    let mut w = World::with(json!({"n": 1}));
    w.insert(B, json!({"n": 2, "m": 3}));
    assert_eq!((w.sides("n"), w.sides("m")), (json!([null, 1, 2, true]), json!([null, null, 3, false])));
}

#[test]
fn an_insert_after_a_delete_is_a_new_record() {
    let mut w = World::with(json!({"n": 1, "m": 2}));
    w.delete(9, json!({"n": 1, "m": 2}));
    assert_eq!(w.insert(A, json!({"n": 5})), "applied");
    assert_eq!(w.values(), json!({"n": 5}), "nothing of the old one is resurrected");
    let record = w.record.as_ref().unwrap();
    assert_eq!((record.prev, record.created), (Some(Revision(2)), None), "its history goes on");
}

#[test]
fn an_edit_of_a_deleted_record_is_a_conflict() {
    let mut w = World::with(json!({"n": 1, "m": 2}));
    w.delete(A, json!({"n": 1, "m": 2}));
    assert_eq!(w.patch(B, json!({"n": [1, 5]})), "conflicted");
    assert_eq!((w.conflict().kind, w.values()), (ConflictKind::EditDelete, json!(null)));
    assert_eq!(w.sides("n"), json!([1, null, 5, true]));
}

#[test]
fn an_edit_of_a_record_that_never_was_is_a_conflict_that_can_be_kept() {
    let mut w = World::new();
    assert_eq!(w.patch(A, json!({"n": [1, 5]})), "conflicted");
    assert_eq!((w.conflict().kind, w.conflict().record_rev), (ConflictKind::EditDelete, None));
    assert_eq!(w.resolve(B, keep(json!({}))), "applied");
    assert_eq!(w.values(), json!({"n": 5}));
}

#[test]
fn a_delete_of_an_edited_record_is_a_conflict() {
    let mut w = World::with(json!({"n": 1, "m": 2}));
    w.patch(A, json!({"n": [1, 5]}));
    assert_eq!(w.delete(B, json!({"n": 1, "m": 2})), "conflicted");
    assert_eq!((w.conflict().kind, w.values()), (ConflictKind::DeleteEdit, json!({"n": 5, "m": 2})));
    assert_eq!((w.sides("n"), w.sides("m")), (json!([1, 5, null, true]), json!([2, 2, null, false])));
}

#[test]
fn a_delete_of_an_equal_record_is_applied_however_it_became_equal() {
    let mut w = World::with(json!({"n": 1}));
    w.patch(A, json!({"n": [1, 5]}));
    w.patch(A, json!({"n": [5, 1]}));
    assert_eq!(w.delete(B, json!({"n": 1})), "applied");
    assert_eq!(w.values(), json!(null));
}

#[test]
fn a_delete_of_a_deleted_record_changes_nothing() {
    let mut w = World::with(json!({"n": 1}));
    w.delete(A, json!({"n": 1}));
    assert_eq!(w.delete(B, json!({"n": 1})), "applied");
    assert_eq!((w.record.as_ref().unwrap().rev, w.open()), (Revision(2), 0));
}

#[test]
fn each_policy_on_edits_that_meet() {
    for (base, current, incoming, verdict, after) in [
        (json!({"n": 1}), json!({"n": [1, 2]}), json!({"n": [1, 3]}), "conflicted", json!({"n": 2})),
        (
            json!({"first": 1}),
            json!({"first": [1, 2]}),
            json!({"first": [1, 3]}),
            "merged",
            json!({"first": 2}),
        ),
        (json!({"last": 1}), json!({"last": [1, 2]}), json!({"last": [1, 3]}), "merged", json!({"last": 3})),
        (
            json!({"stock": 5}),
            json!({"stock": [5, 9]}),
            json!({"stock": [5, 3]}),
            "merged",
            json!({"stock": 7}),
        ),
        (
            json!({"stock": 5}),
            json!({"stock": [5, 6]}),
            json!({"stock": [5, 6]}),
            "merged",
            json!({"stock": 7}),
        ),
        (
            json!({"stock": 5}),
            json!({"stock": [5, 6]}),
            json!({"stock": [5, null]}),
            "conflicted",
            json!({"stock": 6}),
        ),
        (
            json!({"tags": ["a", "b"]}),
            json!({"tags": [["a", "b"], ["b", "c"]]}),
            json!({"tags": [["a", "b"], ["a", "d"]]}),
            "merged",
            json!({"tags": ["c", "d"]}),
        ),
        (
            json!({"body": "a\nb\nc\n"}),
            json!({"body": ["a\nb\nc\n", "A\nb\nc\n"]}),
            json!({"body": ["a\nb\nc\n", "a\nb\nC\n"]}),
            "merged",
            json!({"body": "A\nb\nC\n"}),
        ),
        (
            json!({"body": "a\n"}),
            json!({"body": ["a\n", "b\n"]}),
            json!({"body": ["a\n", "c\n"]}),
            "conflicted",
            json!({"body": "b\n"}),
        ),
    ] {
        let mut w = World::with(base);
        w.patch(A, current);
        assert_eq!(w.patch(B, incoming.clone()), verdict, "{incoming}");
        assert_eq!(w.values(), after, "{incoming}");
    }
}

#[test]
fn the_last_edit_is_told_by_the_clocks_never_later_than_the_servers() {
    let mut w = World::with(json!({"last": 1}));
    w.at = NOW + 86_400_000; // a device whose clock is a day ahead
    w.patch(A, json!({"last": [1, 2]}));
    assert_eq!(w.record.as_ref().unwrap().stamp.at, Timestamp(NOW), "the stamp is the server's time");
    w.at = NOW - 10;
    assert_eq!(w.patch(B, json!({"last": [1, 3]})), "merged");
    assert_eq!(w.values(), json!({"last": 2}), "made before, by what the server could know");
    w.at = NOW;
    w.patch(B, json!({"last": [1, 4]}));
    assert_eq!(w.values(), json!({"last": 4}), "the clock ahead has no power over later edits");
}

#[test]
fn policies_of_a_collection_decide_deletes() {
    for (collection, deleted_at, verdict, after) in [
        ("items", NOW, "conflicted", json!({"n": 2})),
        ("firsts", NOW, "merged", json!({"n": 2})),
        ("lasts", NOW, "merged", json!(null)),
        ("lasts", NOW - 20, "merged", json!({"n": 2})),
    ] {
        let mut w = World::of(id(collection, "1"));
        w.at = NOW - 10;
        w.insert(9, json!({"n": 1}));
        w.patch(A, json!({"n": [1, 2]}));
        w.at = deleted_at;
        assert_eq!(w.delete(B, json!({"n": 1})), verdict, "{collection}");
        assert_eq!(w.values(), after, "{collection}");
    }
}

#[test]
fn an_unknown_field_of_a_stored_record_is_preserved() {
    let mut w = World::with(json!({"n": 1}));
    w.record.as_mut().unwrap().fields.extend(fields(json!({"newer": {"x": 1}})));
    assert_eq!(w.patch(A, json!({"n": [1, 2]})), "merged");
    assert_eq!(w.values(), json!({"n": 2, "newer": {"x": 1}}));
    assert_eq!(w.delete(B, json!({"n": 2})), "conflicted", "who deletes has to have seen it");
}

#[test]
fn a_change_sent_again_is_a_duplicate_without_effect() {
    let mut w = World::with(json!({"n": 1}));
    let change = w.change(A, Edit::Patch { fields: crate::common::deltas(json!({"n": [1, 2]})) });
    assert_eq!(said(&w.push(&change)), "merged");
    w.patch(B, json!({"n": [2, 3]}));
    assert_eq!(w.push(&change), Verdict::Duplicate { forgotten: false });
    assert_eq!((w.values(), w.seq), (json!({"n": 3}), 3));
}

#[test]
fn a_rejected_change_sent_again_is_told_the_reason_until_it_is_settled() {
    let mut w = World::new();
    let change = w.change(A, Edit::Insert { fields: fields(json!({"n": "text"})) });
    let verdict = w.push(&change);
    assert!(matches!(verdict, Verdict::Rejected { reason: Rejection::Misfit { .. }, .. }));
    assert_eq!(w.push(&change), verdict);
    w.replicas.get_mut(&replica(A)).unwrap().forget(Counter(1));
    // it was never judged: who has not heard of the rejection sends it under another number, and hears of it then
    assert_eq!(w.push(&change), Verdict::taken());
    assert_eq!((w.seq, w.values()), (0, json!(null)));
}

#[test]
fn what_can_never_be_accepted_is_rejected_with_its_reason() {
    let big = "x".repeat(limits::RECORD_BYTES);
    let long = "k".repeat(limits::KEY_BYTES + 1);
    for (record, edit, reason) in [
        (id("nothing", "1"), json!({"kind": "insert", "fields": {}}), "unknown_collection"),
        (id("_nothing", "1"), json!({"kind": "insert", "fields": {}}), "unknown_collection"),
        (id("items", "1"), json!({"kind": "insert", "fields": {"other": 1}}), "unknown_field"),
        (id("items", "1"), json!({"kind": "patch", "fields": {"other": {"incoming": 1}}}), "unknown_field"),
        (id("items", "1"), json!({"kind": "insert", "fields": {"n": 1.5}}), "misfit"),
        (id("items", "1"), json!({"kind": "insert", "fields": {"colour": "green"}}), "misfit"),
        (id("items", "1"), json!({"kind": "patch", "fields": {"n": {"incoming": "1"}}}), "misfit"),
        (id("items", ""), json!({"kind": "insert", "fields": {}}), "invalid_key"),
        (id("items", "a\u{7}"), json!({"kind": "insert", "fields": {}}), "invalid_key"),
        (id("items", long), json!({"kind": "insert", "fields": {}}), "invalid_key"),
        (id("items", "1"), json!({"kind": "insert", "fields": {"any": big}}), "too_large"),
    ] {
        let mut w = World::of(record);
        let edit: Edit = serde_json::from_value(edit).unwrap();
        assert_eq!(w.does(A, edit), format!("rejected: {reason}"));
        assert_eq!((w.seq, w.record.is_none()), (0, true));
    }
}

#[test]
fn a_record_grows_only_up_to_its_limit() {
    let half = "x".repeat(limits::RECORD_BYTES * 6 / 10);
    let mut w = World::with(json!({"any": half}));
    assert_eq!(w.patch(A, json!({"body": [null, half]})), "rejected: too_large");
    assert_eq!(w.patch(A, json!({"body": [null, "short"]})), "merged");
}

#[test]
fn definitions_are_checked() {
    for (collection, key, values, said) in [
        ("_collections", "shops", json!({"label": "Shops"}), "applied"),
        ("_collections", "_shops", json!({"label": "Shops"}), "rejected: invalid_schema"),
        ("_collections", "No Name", json!({"label": "Shops"}), "rejected: invalid_schema"),
        ("_collections", "7", json!({"label": "Shops"}), "rejected: invalid_schema"),
        ("_collections", "shops", json!({"policy": "magic"}), "rejected: invalid_schema"),
        ("_collections", "shops", json!({"colour": "red"}), "rejected: unknown_field"),
        ("_fields", "shops.city", json!({"type": "text"}), "applied"),
        ("_fields", "shops.city", json!({"type": "choice", "options": ["a"]}), "applied"),
        ("_fields", "shops.city", json!({"type": "choice", "options": [1]}), "rejected: invalid_schema"),
        ("_fields", "shops.city", json!({"label": "City"}), "rejected: invalid_schema"),
        ("_fields", "shops.city", json!({"type": "magic"}), "rejected: invalid_schema"),
        ("_fields", "shops.city", json!({"type": "text", "policy": "counter"}), "rejected: invalid_schema"),
        ("_fields", "shops.city", json!({"type": "text", "policy": "magic"}), "rejected: invalid_schema"),
        ("_fields", "shops", json!({"type": "text"}), "rejected: invalid_schema"),
        ("_fields", "_people.name", json!({"type": "text"}), "rejected: invalid_schema"),
        ("_people", "somebody", json!({"name": "Ada"}), "applied"),
        ("_devices", "something", json!({"name": "Laptop", "channel": "browser"}), "applied"),
    ] {
        let mut w = World::of(id(collection, key));
        assert_eq!(w.insert(A, values.clone()), said, "{collection} {key} {values}");
    }
    // a patch is checked as the record becomes
    let mut w = World::of(id("_fields", "shops.city"));
    w.insert(A, json!({"type": "text", "policy": "text"}));
    assert_eq!(w.patch(B, json!({"type": ["text", "integer"]})), "rejected: invalid_schema");
}

#[test]
fn two_people_name_one_field_differently_and_are_asked() {
    let mut w = World::of(id("_fields", "shops.city"));
    w.insert(9, json!({"type": "text", "label": "City", "position": 1}));
    w.patch(A, json!({"label": ["City", "Town"], "position": [1, 2]}));
    assert_eq!(w.patch(B, json!({"position": [1, 3]})), "merged", "a place is not worth a question");
    assert_eq!(w.patch(B, json!({"label": ["City", "Place"]})), "conflicted");
}

#[test]
fn a_deletion_wanted_by_both_is_no_conflict() {
    let mut w = World::with(json!({"n": 1}));
    w.patch(A, json!({"n": [1, 2]}));
    w.delete(A, json!({"n": 2}));
    assert_eq!(w.delete(B, json!({"n": 1})), "applied");
    assert_eq!(w.resolve_nothing(B), "rejected: no_such_conflict");
}

impl World {
    fn resolve_nothing(&mut self, by: u128) -> String {
        let conflict = ChangeId { replica: replica(7), counter: Counter(7) };
        let resolution = sync_protocol::Resolution {
            conflict,
            saw_conflict: Revision(1),
            saw_record: None,
            outcome: Outcome::Delete,
        };
        self.does(by, Edit::Resolve(resolution))
    }
}
