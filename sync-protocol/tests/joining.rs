//! What is parked is kept, and told rightly: how later changes join a conflict or open another, what is then shown of it, how
//! it ends by itself, and that settling touches nothing that nobody was asked about.

use crate::common::{World, keep, name, replica};
use serde_json::{Value as Json, json};
use sync_protocol::feed::EntryKind;
use sync_protocol::{ChangeId, Choice, Conflict, ConflictKind, Edit, Outcome, RecordKey, Resolution, limits};

const A: u128 = 1;
const B: u128 = 2;
const C: u128 = 3;
const D: u128 = 4;

/// n is 2 by A, B wanted 3.
fn clash() -> World {
    let mut w = World::with(json!({"n": 1, "m": 1}));
    w.patch(A, json!({"n": [1, 2]}));
    assert_eq!(w.patch(B, json!({"n": [1, 3]})), "conflicted");
    w
}

/// What waits in open conflicts for a field, oldest first.
fn waiting(w: &World, field: &str) -> Vec<Json> {
    let open = w.conflicts.values().filter(|c| c.is_open());
    open.filter_map(|c| c.fields.get(&name(field))).map(|sides| sides.incoming.0.clone()).collect()
}

fn decide(w: &mut World, by: u128, conflict: ChangeId, outcome: Outcome) -> String {
    let resolution = Resolution {
        conflict,
        saw_conflict: w.conflicts[&conflict].rev,
        saw_record: w.record.as_ref().filter(|r| !r.deleted).map(|r| r.rev),
        outcome,
    };
    w.does(by, Edit::Resolve(resolution))
}

#[test]
fn an_edit_that_was_not_made_on_top_of_a_parked_value_never_replaces_it() {
    let mut w = clash();
    w.patch(C, json!({"n": [2, 50]}));
    assert_eq!(w.patch(B, json!({"n": [2, 4]})), "conflicted");
    assert_eq!(waiting(&w, "n"), [json!(3), json!(4)], "each in a conflict of its own");
    assert_eq!(w.sides("n"), json!([2, 50, 4, true]), "B saw 2");
    assert_eq!(w.patch(B, json!({"n": [4, 5]})), "conflicted");
    assert_eq!(waiting(&w, "n"), [json!(3), json!(5)], "on top of the second one");
    assert_eq!(w.patch(B, json!({"n": [3, 6]})), "conflicted");
    assert_eq!(waiting(&w, "n"), [json!(6), json!(5)], "on top of the first one");
    let ids: Vec<ChangeId> = w.conflicts.keys().copied().collect();
    assert_eq!(decide(&mut w, C, ids[0], keep(json!({"n": "incoming"}))), "applied");
    assert_eq!(decide(&mut w, C, ids[1], keep(json!({"n": "incoming"}))), "applied");
    assert_eq!((w.values()["n"].clone(), w.open()), (json!(5), 0));
}

#[test]
fn a_change_that_is_partly_on_top_replaces_nothing_unseen_either() {
    let mut w = World::with(json!({"n": 1, "m": 1}));
    w.patch(A, json!({"n": [1, 2]}));
    w.patch(B, json!({"n": [1, 3], "m": [1, 7]}));
    assert_eq!(w.patch(B, json!({"n": [3, 4], "m": [1, 9]})), "conflicted");
    assert_eq!((waiting(&w, "n"), waiting(&w, "m")), (vec![json!(3), json!(4)], vec![json!(7), json!(9)]));
}

#[test]
fn what_clashes_with_nothing_and_joins_nothing_is_applied() {
    let mut w = World::with(json!({"n": 1, "m": 1}));
    w.patch(A, json!({"n": [1, 2]}));
    w.patch(B, json!({"n": [1, 3], "m": [1, 7]}));
    assert_eq!(w.patch(B, json!({"n": [3, 2], "m": [1, 9]})), "merged", "2 is what A wrote");
    assert_eq!((w.values(), w.open()), (json!({"n": 2, "m": 9}), 1));
}

#[test]
fn a_delete_that_was_not_made_on_top_opens_a_conflict_of_its_own() {
    let mut w = clash();
    w.patch(C, json!({"m": [1, 50]}));
    assert_eq!(w.delete(B, json!({"n": 2, "m": 1})), "conflicted");
    assert_eq!((w.open(), waiting(&w, "n")), (2, vec![json!(3), json!(null)]));
    assert_eq!(w.conflict().kind, ConflictKind::DeleteEdit);
}

#[test]
fn a_parked_delete_takes_in_no_edit() {
    let mut w = World::with(json!({"n": 1, "m": 1, "title": "Pump"}));
    w.patch(A, json!({"m": [1, 2]}));
    assert_eq!(w.delete(B, json!({"n": 1, "m": 1, "title": "Pump"})), "conflicted");
    w.patch(A, json!({"n": [1, 10]}));
    assert_eq!(w.patch(B, json!({"n": [1, 5]})), "conflicted");
    let kinds: Vec<ConflictKind> = w.conflicts.values().map(|c| c.kind).collect();
    assert_eq!(kinds, [ConflictKind::DeleteEdit, ConflictKind::EditEdit]);
    assert_eq!(w.resolve(A, keep(json!({"n": "incoming"}))), "applied");
    assert_eq!(w.values(), json!({"n": 5, "m": 2, "title": "Pump"}), "nobody was asked about the title");
    assert_eq!(w.open(), 1, "the delete still waits");
}

#[test]
fn what_a_replica_makes_anew_after_a_parked_delete_is_a_question_of_its_own() {
    let mut w = World::with(json!({"n": 1, "title": "Pump"}));
    w.patch(A, json!({"n": [1, 2]}));
    w.delete(B, json!({"n": 1, "title": "Pump"}));
    assert_eq!(w.insert(B, json!({"n": 5})), "conflicted");
    assert_eq!(w.open(), 2);
    w.resolve(C, keep(json!({"n": "incoming"})));
    assert_eq!(w.values(), json!({"n": 5, "title": "Pump"}));
}

#[test]
fn a_delete_said_again_by_newer_eyes_is_the_same_question() {
    let mut w = World::with(json!({"n": 1}));
    w.patch(A, json!({"n": [1, 2]}));
    w.delete(B, json!({"n": 1}));
    w.patch(A, json!({"n": [2, 3]}));
    assert_eq!(w.delete(B, json!({"n": 2})), "conflicted");
    assert_eq!((w.open(), w.sides("n")), (1, json!([2, 3, null, true])));
}

#[test]
fn sides_persons_and_kind_are_true_after_something_joined() {
    let mut w = clash();
    w.patch(C, json!({"m": [1, 5]}));
    assert_eq!(w.patch(B, json!({"m": [1, 7]})), "conflicted");
    assert_eq!(w.open(), 1);
    assert_eq!(w.conflict().current_by(&name("n")).unwrap().by, replica(A), "it was Ada who set n");
    assert_eq!(w.conflict().current_by(&name("m")).unwrap().by, replica(C));

    let mut w = clash();
    w.patch(C, json!({"n": [2, 9], "m": [1, 5]}));
    w.patch(B, json!({"m": [1, 7]}));
    assert_eq!(w.sides("n"), json!([1, 9, 3, true]), "what the record has now");

    let mut w = clash();
    w.delete(A, json!({"n": 2, "m": 1}));
    assert_eq!(w.patch(B, json!({"m": [1, 7]})), "conflicted");
    assert_eq!((w.conflict().kind, w.sides("n")), (ConflictKind::EditDelete, json!([1, null, 3, true])));
    assert_eq!(w.conflict().current.unwrap().by, replica(A));
    w.insert(C, json!({"n": 8}));
    assert_eq!(w.patch(B, json!({"n": [3, 4]})), "conflicted");
    assert_eq!((w.conflict().kind, w.sides("n")), (ConflictKind::EditEdit, json!([1, 8, 4, true])));
}

#[test]
fn a_settled_conflict_tells_the_sides_as_they_were_then() {
    let mut w = clash();
    w.patch(C, json!({"n": [2, 9]}));
    w.patch(D, json!({"m": [1, 5]}));
    w.resolve(D, keep(json!({"n": "current"})));
    assert_eq!(w.sides("n"), json!([1, 9, 3, true]));
    assert_eq!(w.conflict().current_by(&name("n")).unwrap().by, replica(C));
}

#[test]
fn last_edit_wins_by_the_time_of_the_parked_edit() {
    let mut w = World::with(json!({"n": 1, "last": 1}));
    w.at -= 100;
    w.patch(A, json!({"n": [1, 2]}));
    w.at += 10;
    assert_eq!(w.patch(B, json!({"n": [1, 3], "last": [1, 7]})), "conflicted");
    w.at += 10;
    w.patch(C, json!({"last": [1, 8]}));
    w.at += 10;
    w.patch(B, json!({"n": [3, 4]}));
    assert_eq!(w.resolve(A, keep(json!({"n": "incoming"}))), "applied");
    assert_eq!(w.values(), json!({"n": 4, "last": 8}), "C's is the later one");
}

#[test]
fn what_policies_decide_within_a_decision_is_told() {
    let mut w = World::with(json!({"n": 1, "first": 1, "stock": 5, "tags": ["a"]}));
    w.patch(A, json!({"n": [1, 2], "first": [1, 2], "stock": [5, 6], "tags": [["a"], ["a", "x"]]}));
    w.patch(
        B,
        json!({"n": [1, 3], "first": [1, 3], "stock": [5, 8], "tags": [["a"], ["y"]], "m": [null, 4]}),
    );
    assert_eq!(w.resolve(C, keep(json!({"n": "current"}))), "applied");
    assert_eq!(w.values(), json!({"n": 2, "first": 2, "stock": 9, "tags": ["x", "y"], "m": 4}));
    let merge = w.feed.last().unwrap().merge.as_ref().unwrap();
    assert_eq!(merge.incoming.by, replica(B), "whose change it was, not who decided");
    let met = |field: &str| {
        let met = &merge.fields[&name(field)];
        json!([met.base, met.current, met.incoming, met.result, met.current_by.by == replica(A)])
    };
    assert_eq!(met("first"), json!([1, 2, 3, 2, true]));
    assert_eq!(met("stock"), json!([5, 6, 8, 9, true]));
    assert_eq!(met("tags"), json!([["a"], ["a", "x"], ["y"], ["x", "y"], true]));
    assert_eq!(merge.fields.len(), 3, "nothing met in m, and n was decided");
}

#[test]
fn a_restored_record_merges_what_nobody_chose_about() {
    let before = json!({"stock": 5, "tags": ["a"], "first": 1, "n": 1});
    let deleted = || {
        let mut w = World::with(before.clone());
        w.patch(A, json!({"stock": [5, 6], "tags": [["a"], ["a", "b"]], "first": [1, 2]}));
        w.delete(A, json!({"stock": 6, "tags": ["a", "b"], "first": 2, "n": 1}));
        w
    };
    let mut w = deleted();
    let edit = json!({"stock": [5, 8], "tags": [["a"], ["a", "c"]], "first": [1, 3], "n": [1, 4]});
    assert_eq!(w.patch(B, edit), "conflicted");
    assert_eq!(w.resolve(C, keep(json!({}))), "applied");
    assert_eq!(w.values(), json!({"stock": 9, "tags": ["a", "b", "c"], "first": 2, "n": 4}));
    assert_eq!(w.feed.last().unwrap().merge.as_ref().unwrap().fields.len(), 3);

    let mut w = World::with(before.clone());
    w.patch(A, json!({"n": [1, 2]}));
    w.delete(A, json!({"stock": 5, "tags": ["a"], "first": 1, "n": 2}));
    w.patch(B, json!({"n": [1, 3]}));
    assert_eq!(w.resolve(C, keep(json!({}))), "rejected: undecided", "A's last value and B's");
    assert_eq!(w.resolve(C, keep(json!({"n": "incoming"}))), "applied");
}

#[test]
fn what_comes_back_to_what_was_seen_asks_nothing() {
    let mut w = World::with(json!({"n": 1}));
    w.patch(B, json!({"n": [1, 9]}));
    assert_eq!(w.patch(A, json!({"n": [1, 5]})), "conflicted");
    assert_eq!(w.patch(A, json!({"n": [5, 1]})), "merged", "A took it back");
    assert_eq!((w.open(), w.values()), (0, json!({"n": 9})));

    let mut w = World::with(json!({"n": 1}));
    w.patch(B, json!({"n": [1, 9]}));
    w.patch(A, json!({"n": [1, 5]}));
    assert_eq!(w.patch(A, json!({"n": [5, 9]})), "merged", "A wants it, too");
    let entry = w.feed.last().unwrap();
    assert_eq!((w.open(), entry.kind, entry.record.is_none()), (0, EntryKind::Resolved, true));
    let resolved = entry.conflict.as_ref().unwrap().resolved.as_ref().unwrap();
    assert_eq!((resolved.change, resolved.stamp.by, resolved.saw), (entry.change, replica(A), None));
}

#[test]
fn what_no_longer_clashes_is_applied_without_asking() {
    let mut w = World::with(json!({"n": 1, "m": 1, "stock": 1}));
    w.patch(C, json!({"n": [1, 9], "stock": [1, 2]}));
    assert_eq!(w.patch(A, json!({"n": [1, 5], "m": [1, 7], "stock": [1, 4]})), "conflicted");
    assert_eq!(w.patch(A, json!({"n": [5, 1]})), "merged");
    assert_eq!((w.open(), w.values()), (0, json!({"n": 9, "m": 7, "stock": 5})));
    let entry = w.feed.last().unwrap();
    assert!(entry.merge.as_ref().unwrap().fields.contains_key(&name("stock")));
    assert_eq!(w.reopen(C), "applied", "what was done can be taken back");
    assert_eq!((w.open(), w.values()), (1, json!({"n": 9, "m": 1, "stock": 2})));
}

#[test]
fn a_record_that_comes_to_a_parked_value_ends_the_conflict() {
    let mut w = clash();
    assert_eq!(w.patch(D, json!({"n": [1, 3]})), "conflicted", "two wait for the same");
    assert_eq!(w.patch(C, json!({"n": [2, 3], "m": [1, 6]})), "merged");
    assert_eq!((w.open(), w.values()), (0, json!({"n": 3, "m": 6})));
    let entry = w.feed.last().unwrap();
    assert_eq!(entry.conflicts().filter(|c| !c.is_open()).count(), 2);
    assert!(entry.record.is_some());
    for ended in w.conflicts.values() {
        assert_eq!(json!(ended.fields[&name("n")].current), json!(3), "told as it is");
        let resolved = ended.resolved.as_ref().unwrap();
        assert_eq!(resolved.outcome, Outcome::Keep { choices: [(name("n"), Choice::Current)].into() });
    }
    assert_eq!(w.reopen(C), "rejected: impossible", "there is nothing to decide");
}

#[test]
fn a_decision_ends_what_others_wanted_alike() {
    let mut w = clash();
    w.patch(D, json!({"n": [1, 3]}));
    let first = *w.conflicts.keys().next().unwrap();
    assert_eq!(decide(&mut w, C, first, keep(json!({"n": "incoming"}))), "applied");
    assert_eq!(w.open(), 0);
    let entry = w.feed.last().unwrap();
    assert_eq!((entry.conflict.as_ref().unwrap().id, entry.ended.len()), (first, 1));
}

#[test]
fn counts_that_come_to_the_same_are_not_the_same() {
    let mut w = World::with(json!({"n": 1, "stock": 5}));
    w.patch(A, json!({"n": [1, 2]}));
    assert_eq!(w.patch(B, json!({"n": [1, 3], "stock": [5, 6]})), "conflicted");
    w.patch(C, json!({"n": [2, 3], "stock": [5, 6]}));
    assert_eq!(w.open(), 1, "B's one is not counted yet");
    w.resolve(C, keep(json!({"n": "current"})));
    assert_eq!(w.values(), json!({"n": 3, "stock": 7}));
}

#[test]
fn deletes_that_agree_end_what_waited() {
    let mut w = World::with(json!({"n": 1}));
    w.delete(A, json!({"n": 1}));
    assert_eq!(w.patch(B, json!({"n": [1, 5]})), "conflicted");
    assert_eq!(w.delete(B, json!({"n": 5})), "applied");
    assert_eq!(w.open(), 0, "B deleted what B had wanted");
    assert_eq!(w.reopen(C), "applied");
    assert_eq!((w.open(), waiting(&w, "n")), (1, vec![json!(5)]), "the value can still be had");

    let mut w = World::with(json!({"n": 1}));
    w.patch(A, json!({"n": [1, 2]}));
    assert_eq!(w.delete(B, json!({"n": 1})), "conflicted");
    assert_eq!(w.delete(A, json!({"n": 2})), "applied");
    assert_eq!(w.open(), 0, "both want it deleted");

    let mut w = clash();
    assert_eq!(w.delete(A, json!({"n": 2, "m": 1})), "applied");
    assert_eq!(w.open(), 1, "what B wrote still waits");
}

#[test]
fn what_says_nothing_is_never_asked_about() {
    let mut w = World::with(json!({"n": 9}));
    assert_eq!(w.patch(A, json!({"n": [1, 1]})), "merged");
    assert_eq!(w.patch(A, json!({})), "merged");
    assert_eq!(w.insert(A, json!({"n": null})), "merged");
    let mut w = World::with(json!({"n": 1}));
    assert_eq!(w.delete(A, json!({"n": 1, "m": null})), "applied");
    assert_eq!(w.patch(B, json!({})), "applied");
    assert_eq!(w.patch(B, json!({"n": [1, 1]})), "applied", "a deleted record, and nothing wanted of it");
    let mut w = World::new();
    assert_eq!(w.patch(A, json!({})), "rejected: impossible");
    assert_eq!(w.patch(A, json!({"n": [1, 1]})), "rejected: impossible");
    assert_eq!((w.open(), w.seq), (0, 0));
}

#[test]
fn one_value_written_in_two_ways_never_clashes() {
    for (stands, seen, wanted) in [
        (json!({"any": 1}), json!(2), json!(1.0)),
        (json!({"any": {"a": [1, 2.0]}}), json!(2), json!({"a": [1.0, 2]})),
        (json!({"tags": ["a"]}), json!([]), json!(null)),
    ] {
        let field = stands.as_object().unwrap().keys().next().unwrap().clone();
        let mut w = World::with(stands.clone());
        assert_eq!(w.patch(A, json!({ &field: [seen, wanted] })), "merged", "{stands}");
        assert_eq!(w.values(), stands);
    }
    let mut w = World::with(json!({"n": 1}));
    assert_eq!(w.patch(A, json!({"tags": [[], ["a"]]})), "merged", "no tags and no value are one");
    assert_eq!(w.patch(A, json!({"tags": [["a"], []]})), "applied");
    assert_eq!(w.values(), json!({"n": 1}), "and are kept as no value");
    let mut w = World::with(json!({"any": 1}));
    assert_eq!(w.delete(A, json!({"any": 1.0, "tags": []})), "applied");
}

#[test]
fn a_count_that_two_devices_insert_is_not_added_up() {
    let mut w = World::new();
    w.insert(A, json!({"title": "Rope", "stock": 5}));
    assert_eq!(w.insert(B, json!({"title": "Rope", "stock": 5})), "merged", "an import on two devices");
    assert_eq!(w.values()["stock"], json!(5));
    assert_eq!(
        w.insert(C, json!({"title": "Rope", "stock": 7})),
        "conflicted",
        "nobody knows which is right"
    );
    assert_eq!(w.sides("stock"), json!([null, 5, 7, true]));
    assert_eq!(w.insert(D, json!({"title": "Line", "stock": 5})), "conflicted");
    assert_eq!(w.resolve(A, keep(json!({"title": "current"}))), "applied");
    assert_eq!(w.values()["stock"], json!(5), "an equal count is not added when the rest is decided");
    assert_eq!(w.patch(B, json!({"stock": [5, 6]})), "merged");
    assert_eq!(w.patch(A, json!({"stock": [5, 6]})), "merged");
    assert_eq!(w.values()["stock"], json!(7), "from then on all counts");
    let mut w = World::with(json!({"n": 1}));
    w.patch(A, json!({"stock": [null, 2]}));
    assert_eq!(w.patch(B, json!({"stock": [null, 3]})), "merged");
    assert_eq!(w.values()["stock"], json!(5), "two who begin to count in a record that both know");
}

#[test]
fn a_conflict_about_the_largest_texts_is_settled_in_every_way() {
    let large = |c: char| c.to_string().repeat(1_000_000);
    let own = json!({"any": {"own": large('c')}});
    let both = Outcome::KeepBoth { key: RecordKey::Text("two".into()) };
    for outcome in
        [keep(json!({"any": "incoming"})), keep(json!({"any": "current"})), keep(own), both, Outcome::Delete]
    {
        let mut w = World::new();
        w.insert(A, json!({"any": large('a')}));
        assert_eq!(w.insert(B, json!({"any": large('b')})), "conflicted");
        assert_eq!(w.resolve(C, outcome), "applied");
        assert_eq!(w.reopen(C), "applied");
    }
}

#[test]
fn a_conflict_that_is_full_takes_nothing_more_in() {
    let text = |n: u8| char::from(b'a' + n).to_string().repeat(870_000);
    let mut w = World::with(json!({"n": 1}));
    w.delete(A, json!({"n": 1}));
    for (n, field) in ["any", "body", "title", "first", "last"].into_iter().enumerate() {
        let wanted = if n < 3 { json!(text(n as u8)) } else { json!(n) };
        assert_eq!(w.patch(B, json!({ field: [null, wanted] })), "conflicted");
    }
    assert_eq!(w.open(), 1, "all of it has room");
    assert_eq!(w.patch(B, json!({"any": [text(0), 1], "colour": [null, "red"]})), "conflicted");
    assert_eq!(w.patch(B, json!({"any": [1, text(3)], "m": [null, 1]})), "conflicted");
    w.insert(C, json!({"any": text(4)}));
    assert_eq!(w.patch(B, json!({"any": [text(3), 5], "m": [1, 2]})), "conflicted");
    assert_eq!(w.open(), 1);
    w.patch(C, json!({"body": [null, "x"]}));
    assert_eq!(w.patch(B, json!({"any": [5, text(6)]})), "conflicted");
    assert_eq!(w.open(), 2, "what is full takes nothing more in");
    assert!(w.conflicts.values().all(|c| c.size() <= limits::CONFLICT_BYTES));
}

#[test]
fn a_conflict_of_an_earlier_release_reads_and_ends_as_before() {
    let mut w = clash();
    let mut old = json!(w.conflict());
    for sides in old["fields"].as_object_mut().unwrap().values_mut() {
        assert!(sides.get("inserted").is_none(), "nothing new where it says nothing");
        sides["current"] = json!(77); // stale, as a release before told it
    }
    let old: Conflict = serde_json::from_value(old).unwrap();
    w.conflicts.insert(old.id, old.clone());
    assert_eq!(w.resolve(C, keep(json!({"n": "incoming"}))), "applied");
    assert_eq!((w.values()["n"].clone(), w.sides("n")), (json!(3), json!([1, 2, 3, true])));
    assert!(w.conflicts[&old.id].resolved.is_some());
}
