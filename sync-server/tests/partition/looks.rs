//! A record and the row of a mirrored table: what each look at the row makes of both.

use std::time::Duration;
use sync_protocol::{Choice, ConflictKind, Outcome, Rejection, Value};
use sync_server::mirror::look::{Answer, Stop};
use sync_server::mirror::row::Intent;
use sync_server::mirror::write::RowWrite;

use crate::faults::{Fault, Faulty};
use crate::kit::field;
use crate::mirror_kit::{Scene, is_mirrors, keep, names, text};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const HOUR: i64 = 3_600_000;

/// A row that record and table agree on.
pub(crate) async fn agreed() -> Scene {
    let scene = Scene::new().await;
    scene.program_inserts(1, &[("a", text("a0")), ("b", text("b0")), ("n", Value::from(5))], 0);
    scene.agree(1).await;
    scene
}

/// The value of a field of record 1.
pub(crate) async fn value(scene: &Scene, name: &str) -> Value {
    scene.record(1).await.map_or(Value::ABSENT, |record| record.value(&field(name)).clone())
}

/// The value of a cell of row 1.
pub(crate) fn cell(scene: &Scene, name: &str) -> Value {
    scene.values(1).and_then(|mut row| row.remove(name)).unwrap_or_default()
}

#[tokio::test]
async fn a_row_becomes_a_record_and_a_record_a_row() {
    let mut scene = agreed().await;
    assert_eq!(value(&scene, "a").await, text("a0"));
    let made = scene.feed().await.into_iter().rfind(|entry| is_mirrors(entry.change)).expect("one");
    assert_eq!(made.change.counter.0, 1);
    let stamp = made.record.expect("a record").stamp;
    assert!(is_mirrors(sync_protocol::ChangeId { replica: stamp.by, ..made.change }));
    assert!(stamp.at <= scene.now());

    scene.ann_sets(2, &[("a", text("x")), ("note", text("no column"))]).await;
    let write = scene.to_write(2).await;
    assert!(matches!(write.row, RowWrite::Insert { .. }), "{write:?}");
    assert_eq!(
        write.cells.keys().map(|name| name.as_str()).collect::<Vec<_>>(),
        ["a"],
        "the others are unset"
    );
    scene.agree(2).await;
    assert_eq!(scene.values(2).expect("a row").len(), 1);
    assert_eq!(scene.made().await, 1, "what went out does not come back");
}

#[tokio::test]
async fn edits_go_both_ways_and_each_has_the_time_just_above_what_was_seen() {
    let mut scene = agreed().await;
    scene.program(1, &[("a", text("a1"))], 0);
    scene.agree(1).await;
    assert_eq!(value(&scene, "a").await, text("a1"));
    let seen = scene.seen(1).expect("a row").cells[&field("b")].written;
    scene.pass(60 * SECOND);
    scene.ann_sets(1, &[("b", text("b1"))]).await;
    let write = scene.to_write(1).await;
    assert_eq!(write.cells[&field("b")].at, seen + 1);
    assert_eq!((write.cells.len(), write.row), (1, RowWrite::Keep));
    let intent = Intent { value: text("b1"), written: seen + 1 };
    assert_eq!(scene.shadow(1).await.intents[&field("b")], [intent], "stored before it is written");
    scene.agree(1).await;
    assert_eq!(cell(&scene, "b"), text("b1"));
    assert!(scene.shadow(1).await.intents.is_empty());
}

#[tokio::test]
async fn a_blind_writer_says_nothing() {
    let mut scene = agreed().await;
    let made = scene.made().await;
    scene.program_inserts(1, &[("a", text("a0")), ("b", text("b0")), ("n", Value::from(5))], 0);
    scene.agree(1).await;
    assert_eq!(scene.made().await, made, "the same values again are no change");
    // it overtakes what Ann wrote with values that it has from before
    scene.ann_sets(1, &[("a", text("ann"))]).await;
    scene.program_inserts(1, &[("a", text("a0")), ("b", text("b0"))], 0);
    scene.agree(1).await;
    assert_eq!((value(&scene, "a").await, cell(&scene, "a")), (text("ann"), text("ann")));
    assert!(scene.conflicts(1).await.is_empty());
}

#[tokio::test]
async fn a_blind_writer_that_copies_a_write_of_ours_is_no_other_author() {
    let mut scene = agreed().await;
    scene.ann_sets(1, &[("a", text("one"))]).await;
    scene.write(1, &scene.to_write(1).await);
    // not read back yet: somebody reads the row and writes all of it, and Ann goes on
    scene.program(1, &[("a", text("one")), ("b", text("b0"))], 0);
    scene.ann_sets(1, &[("a", text("two"))]).await;
    scene.agree(1).await;
    assert_eq!((value(&scene, "a").await, cell(&scene, "a")), (text("two"), text("two")));
    assert!(scene.conflicts(1).await.is_empty());
}

#[tokio::test]
async fn what_a_program_adds_to_a_set_that_was_just_written_comes_on_top() {
    let tags = |tags: &[&str]| Value(serde_json::json!(tags));
    let mut scene = agreed().await;
    scene.program(1, &[("t", tags(&["a", "b"]))], 0);
    scene.agree(1).await;
    scene.ann_sets(1, &[("t", tags(&["ann", "b"]))]).await;
    scene.write(1, &scene.to_write(1).await);
    // not read back yet: a program adds an element, and what was written is in the set
    scene.program(1, &[("t", tags(&["ann", "b", "c"]))], 0);
    scene.agree(1).await;
    assert_eq!(value(&scene, "t").await, tags(&["ann", "b", "c"]));
    assert!(scene.conflicts(1).await.is_empty());
    // one that does not have what was written did not see it
    scene.ann_sets(1, &[("t", tags(&["b", "c"]))]).await;
    scene.write(1, &scene.to_write(1).await);
    scene.program(1, &[("t", tags(&["ann", "b", "c", "d"]))], 0);
    assert_eq!(scene.reconcile(1).await.answer, Answer::Parked);
}

#[tokio::test]
async fn an_own_write_is_known_after_a_crash_also_where_the_record_has_moved_on() {
    for moved_on in [false, true] {
        let mut scene = agreed().await;
        scene.ann_sets(1, &[("a", text("one"))]).await;
        scene.write(1, &scene.to_write(1).await);
        // killed between the write and the look
        let last = if moved_on { "two" } else { "one" };
        if moved_on {
            scene.ann_sets(1, &[("a", text("two"))]).await;
        }
        let made = scene.made().await;
        scene.agree(1).await;
        assert_eq!((value(&scene, "a").await, cell(&scene, "a")), (text(last), text(last)));
        assert_eq!(scene.made().await, made, "an own write is no edit");
        assert!(scene.conflicts(1).await.is_empty());
    }
}

#[tokio::test]
async fn an_own_write_that_a_foreign_one_overtakes_is_asked_about() {
    let mut scene = agreed().await;
    scene.ann_sets(1, &[("a", text("ann"))]).await;
    let write = scene.to_write(1).await;
    scene.program(1, &[("a", text("program"))], 30);
    scene.write(1, &write);
    assert_eq!(cell(&scene, "a"), text("program"), "what is newer than what was seen holds");
    assert_eq!(scene.reconcile(1).await.answer, Answer::Parked);
    let open = scene.open(1).await.remove(0);
    let sides = &open.fields[&field("a")];
    assert_eq!((&sides.base, &sides.current, &sides.incoming), (&text("a0"), &text("ann"), &text("program")));
    assert_eq!(cell(&scene, "a"), text("program"), "what waits is not written");
    // other fields go on
    scene.ann_sets(1, &[("b", text("b1"))]).await;
    assert_eq!(scene.reconcile(1).await.answer, Answer::Parked);
    assert_eq!(cell(&scene, "b"), text("b1"));
    assert!(crate::kit::applied(&scene.settle(&open, keep(&open, Choice::Own(text("both")))).await));
    scene.agree(1).await;
    assert_eq!(cell(&scene, "a"), text("both"));
}

#[tokio::test]
async fn a_late_write_of_ours_finds_nothing_to_take_back() {
    let mut scene = agreed().await;
    scene.ann_sets(1, &[("a", text("one"))]).await;
    let late = scene.to_write(1).await;
    scene.ann_sets(1, &[("a", text("two"))]).await;
    scene.agree(1).await;
    scene.write(1, &late);
    scene.same(1).await;
    assert_eq!(cell(&scene, "a"), text("two"));
}

#[tokio::test]
async fn of_an_exact_tie_the_table_decides_and_the_next_write_is_one_later() {
    for (program, wins) in [("zzz", true), ("AAA", false)] {
        let mut scene = agreed().await;
        scene.ann_sets(1, &[("a", text("mmm"))]).await;
        let write = scene.to_write(1).await;
        let at = write.cells[&field("a")].at;
        scene.write(1, &write);
        scene.row(1, |row| row.cell(&field("a"), Some(text(program)), at));
        if wins {
            assert_eq!(
                scene.reconcile(1).await.answer,
                Answer::Parked,
                "larger: it was there when we looked"
            );
            let open = scene.open(1).await.remove(0);
            assert!(crate::kit::applied(&scene.settle(&open, keep(&open, Choice::Current)).await));
            scene.agree(1).await;
            assert_eq!(scene.seen(1).expect("a row").cells[&field("a")].written, at + 1);
        } else {
            scene.agree(1).await;
        }
        assert_eq!(cell(&scene, "a"), text("mmm"));
    }
}

#[tokio::test]
async fn a_tie_that_our_late_write_wins_is_put_right() {
    let mut scene = agreed().await;
    scene.ann_sets(1, &[("a", text("mmm"))]).await;
    let write = scene.to_write(1).await;
    scene.row(1, |row| row.cell(&field("a"), Some(text("bbb")), write.cells[&field("a")].at));
    assert_eq!(scene.reconcile(1).await.answer, Answer::Parked);
    let open = scene.open(1).await.remove(0);
    assert!(crate::kit::applied(&scene.settle(&open, keep(&open, Choice::Incoming)).await));
    // the program's value is agreed on; our write, as old and larger, may still arrive
    scene.reconcile(1).await;
    scene.write(1, &write);
    scene.agree(1).await;
    assert_eq!((value(&scene, "a").await, cell(&scene, "a")), (text("bbb"), text("bbb")));
}

#[tokio::test]
async fn a_first_meeting_joins_what_is_equal_and_asks_about_what_differs() {
    let mut scene = Scene::new().await;
    scene.ann_sets(1, &[("a", text("x")), ("n", Value::from(5))]).await;
    scene.program_inserts(1, &[("a", text("x")), ("n", Value::from(5))], 0);
    scene.agree(1).await;
    assert_eq!(scene.made().await, 0, "silently");

    scene.ann_sets(2, &[("a", text("ann")), ("b", text("b"))]).await;
    scene.program_inserts(2, &[("a", text("program")), ("l", text("l"))], 0);
    assert_eq!(scene.reconcile(2).await.answer, Answer::Parked);
    let open = scene.open(2).await.remove(0);
    let asked: Vec<_> = open.fields.iter().filter(|(_, s)| s.clash).map(|(n, _)| n.as_str()).collect();
    assert_eq!((open.kind, asked), (ConflictKind::EditEdit, vec!["a"]));
    assert!(crate::kit::applied(&scene.settle(&open, keep(&open, Choice::Incoming)).await));
    scene.agree(2).await;
    let row = scene.values(2).expect("a row");
    assert_eq!((&row["a"], &row["b"], &row["l"]), (&text("program"), &text("b"), &text("l")));
}

#[tokio::test]
async fn a_clock_an_hour_ahead_is_followed_and_told() {
    let mut scene = agreed().await;
    scene.program(1, &[("a", text("future"))], HOUR);
    let looked = scene.look_now(1).await;
    assert_eq!(looked.answer, Answer::Agreed);
    assert_eq!(looked.ahead.map(|by| by.as_secs()), Some(3_600));
    let record = scene.record(1).await.expect("a record");
    assert_eq!(
        (record.value(&field("a")), record.stamp.at),
        (&text("future"), scene.now()),
        "never later than now"
    );
    scene.ann_sets(1, &[("a", text("ann"))]).await;
    scene.agree(1).await;
    assert_eq!(cell(&scene, "a"), text("ann"), "over it");
    let looked = scene.look_now(2).await;
    assert_eq!(looked.ahead, None);
}

#[tokio::test]
async fn a_clock_two_days_ahead_stops_the_row() {
    let mut scene = agreed().await;
    scene.program(1, &[("a", text("far"))], 48 * HOUR);
    let stopped = scene.look_now(1).await.answer;
    let Answer::Stopped(Stop::Ahead { field: named, by }) = stopped else { panic!("{stopped:?}") };
    assert_eq!((named, by.as_secs() / 3_600), (field("a"), 48));
    assert_eq!(value(&scene, "a").await, text("far"), "it is followed all the same");
    scene.ann_sets(1, &[("b", text("ann"))]).await;
    assert!(matches!(scene.look_now(1).await.answer, Answer::Stopped(_)));
    scene.pass(30 * Duration::from_secs(3_600));
    scene.agree(1).await;
    assert_eq!(cell(&scene, "b"), text("ann"));
}

#[tokio::test]
async fn a_second_foreign_edit_joins_the_review_of_the_first() {
    let mut scene = agreed().await;
    scene.ann_sets(1, &[("a", text("ann"))]).await;
    scene.program(1, &[("a", text("one"))], 0);
    scene.reconcile(1).await;
    scene.program(1, &[("a", text("two"))], 0);
    assert_eq!(scene.reconcile(1).await.answer, Answer::Parked);
    let open = scene.open(1).await;
    assert_eq!((open.len(), &open[0].fields[&field("a")].incoming), (1, &text("two")));
    assert_eq!(open[0].fields[&field("a")].base, text("a0"));
    // back to what Ann has: nothing is left to ask
    scene.program(1, &[("a", text("ann"))], 0);
    scene.agree(1).await;
    assert!(scene.open(1).await.is_empty());
}

#[tokio::test]
async fn counters_add_and_the_last_edit_wins_where_that_is_the_rule() {
    let mut scene = agreed().await;
    scene.ann_sets(1, &[("n", Value::from(7)), ("l", text("ann"))]).await;
    scene.program(1, &[("n", Value::from(6))], 0);
    scene.agree(1).await;
    assert_eq!((value(&scene, "n").await, cell(&scene, "n")), (Value::from(8), Value::from(8)));
    assert_eq!(cell(&scene, "l"), text("ann"));
    scene.ann_sets(1, &[("l", text("earlier"))]).await;
    scene.program(1, &[("l", text("later"))], 0);
    scene.agree(1).await;
    assert_eq!((value(&scene, "l").await, cell(&scene, "l")), (text("later"), text("later")));
    let merge = scene.feed().await.into_iter().rev().find_map(|entry| entry.merge).expect("it is told");
    assert!(merge.fields.contains_key(&field("l")));
    assert!(scene.conflicts(1).await.is_empty());
}

#[tokio::test]
async fn what_a_person_changes_in_a_read_only_column_is_told_and_stays_in_the_record() {
    let mut scene = agreed().await;
    scene.mapped.read_only = names(&["a"]);
    scene.ann_sets(1, &[("a", text("ann")), ("b", text("b1"))]).await;
    let looked = scene.reconcile(1).await;
    assert_eq!((looked.answer, looked.unwritable), (Answer::Agreed, names(&["a"])));
    assert_eq!((cell(&scene, "a"), cell(&scene, "b")), (text("a0"), text("b1")));
    scene.program(1, &[("a", text("program"))], 0);
    assert_eq!(scene.reconcile(1).await.answer, Answer::Parked, "both changed it");
}

#[tokio::test]
async fn each_direction_can_be_the_only_one() {
    let mut scene = agreed().await;
    scene.mapped.outward = false;
    scene.ann_sets(1, &[("b", text("ann"))]).await;
    scene.program(1, &[("a", text("program"))], 0);
    assert_eq!(scene.reconcile(1).await.answer, Answer::Agreed);
    assert_eq!((value(&scene, "a").await, cell(&scene, "b")), (text("program"), text("b0")));

    let mut scene = agreed().await;
    scene.mapped.inward = false;
    scene.ann_sets(1, &[("b", text("ann"))]).await;
    scene.program(1, &[("a", text("program"))], 0);
    scene.agree(1).await;
    assert_eq!(
        (cell(&scene, "a"), cell(&scene, "b")),
        (text("a0"), text("ann")),
        "the record is what counts"
    );
    scene.program_deletes(1);
    scene.agree(1).await;
    assert_eq!(cell(&scene, "a"), text("a0"));
    scene.program_inserts(2, &[("a", text("a row of its own"))], 0);
    assert_eq!(scene.reconcile(2).await.answer, Answer::Agreed);
    assert!(scene.record(2).await.is_none() && scene.seen(2).is_some(), "it is left alone");
}

#[tokio::test]
async fn what_the_judge_refuses_is_told_once_and_not_tried_again_until_it_is_another() {
    let scene = agreed().await;
    scene.program(1, &[("n", text("no number")), ("a", text("a1"))], 0);
    let Answer::Refused(Rejection::Misfit { field: named, .. }) = scene.look_now(1).await.answer else {
        panic!("refused")
    };
    assert_eq!(named, field("n"));
    let (steps, made) = (scene.steps().await, scene.made().await);
    assert!(matches!(scene.look_now(1).await.answer, Answer::Refused(Rejection::Misfit { .. })));
    assert_eq!((scene.steps().await, scene.made().await), (steps, made), "nothing more is stored");
    assert_eq!(cell(&scene, "n"), text("no number"), "it is not written over");
    scene.program(1, &[("n", Value::from(6))], 0);
    scene.agree(1).await;
    assert_eq!((value(&scene, "n").await, value(&scene, "a").await), (Value::from(6), text("a1")));
    assert_eq!(scene.shadow(1).await.refused, None);
    // rows of Mooring's own collections are nobody's
    let mut look = scene.look_of(3, 0, None);
    look.record = sync_protocol::schema::person_record(scene.ann.author.user, "Ann").0;
    let looked = scene.node.look(scene.world.workspace, 1, &scene.mapped, vec![look]).await.expect("look");
    assert_eq!(looked[0].answer, Answer::Refused(Rejection::NotPermitted));
}

#[tokio::test]
async fn a_row_that_was_read_before_the_shadow_moved_says_nothing() {
    let mut scene = agreed().await;
    let (since, old) = (scene.shadow(1).await.version, scene.seen(1));
    scene.ann_sets(1, &[("a", text("ann"))]).await;
    scene.agree(1).await;
    let looked = scene.look(1, since, old).await;
    assert_eq!(looked.answer, Answer::Again);
    assert_eq!(looked.version, scene.shadow(1).await.version);
    scene.same(1).await;
    assert_eq!(scene.made().await, 1);
}

#[tokio::test]
async fn what_is_older_than_what_was_agreed_on_is_no_edit() {
    let mut scene = agreed().await;
    scene.ann_sets(1, &[("a", text("ann"))]).await;
    scene.agree(1).await;
    // a node was restored: the cell is what it was before Ann's
    let at = scene.seen(1).expect("a row").cells[&field("a")].written;
    scene.row(1, |row| {
        row.cells.remove(&field("a"));
        row.cell(&field("a"), Some(text("a0")), at - 1);
    });
    scene.agree(1).await;
    assert_eq!((value(&scene, "a").await, cell(&scene, "a")), (text("ann"), text("ann")));
    assert_eq!(scene.made().await, 1);
    // a whole row comes back from a node that slept longer than tombstones are kept: a person is asked
    let old = scene.row(1, |row| row.clone());
    scene.ann_deletes(1).await;
    scene.agree(1).await;
    scene.row(1, |row| *row = old);
    assert_eq!(scene.reconcile(1).await.answer, Answer::Parked);
    let open = scene.open(1).await.remove(0);
    assert_eq!(open.kind, ConflictKind::EditDelete);
    assert!(crate::kit::applied(&scene.settle(&open, Outcome::Delete).await));
    scene.agree(1).await;
    assert!(scene.seen(1).is_none());
}

#[tokio::test]
async fn two_who_reconcile_at_once_make_one_change_and_one_write() {
    let mut scene = agreed().await;
    scene.program(1, &[("a", text("program"))], 0);
    scene.ann_sets(1, &[("b", text("ann"))]).await;
    let (since, seen) = (scene.shadow(1).await.version, scene.seen(1));
    let other = scene.world.node();
    let looks = [&scene.node, &other].map(|node| {
        let look = scene.look_of(1, since, seen.clone());
        node.look(scene.world.workspace, 1, &scene.mapped, vec![look])
    });
    let answers = futures::future::join_all(looks).await;
    let answers: Vec<_> = answers.into_iter().map(|a| a.expect("look").remove(0).answer).collect();
    let again = answers.iter().filter(|answer| **answer == Answer::Again).count();
    assert_eq!(again, 1, "{answers:?}");
    let first = scene.to_write(1).await;
    assert_eq!(first, scene.to_write(1).await, "the same write is told to both");
    scene.agree(1).await;
    assert_eq!(scene.made().await, 2);
}

#[tokio::test]
async fn a_server_that_has_nothing_to_store_still_knows_what_another_one_did() {
    let mut scene = agreed().await;
    let other = scene.world.node();
    scene.program(1, &[("a", text("program"))], 0);
    scene.ann_sets(1, &[("a", text("ann"))]).await;
    assert_eq!(scene.reconcile(1).await.answer, Answer::Parked);
    let open = scene.open(1).await.remove(0);
    // what is settled leaves the row's shadow as it is: only the head tells this server of it
    let here = std::mem::replace(&mut scene.node, other);
    assert!(crate::kit::applied(&scene.settle(&open, keep(&open, Choice::Incoming)).await));
    scene.node = here;
    assert_eq!(scene.look_now(1).await.answer, Answer::Agreed);
}

#[tokio::test(start_paused = true)]
async fn a_commit_in_doubt_is_found_and_never_made_twice() {
    use Fault::{Beaten, UnknownApplied, UnknownLate, UnknownLost};
    for faults in [
        &[UnknownApplied][..],
        &[UnknownLost],
        &[UnknownLate],
        &[Beaten],
        &[UnknownLate, UnknownLost, UnknownApplied],
    ] {
        let mut scene = agreed().await;
        scene.node = scene.world.node_on(Faulty::new(scene.world.store.clone(), faults));
        scene.program(1, &[("a", text("program"))], 0);
        let looked = scene.look_now(1).await;
        assert!(matches!(looked.answer, Answer::Agreed | Answer::Again), "{looked:?}");
        scene.agree(1).await;
        assert_eq!((value(&scene, "a").await, scene.made().await), (text("program"), 2), "{faults:?}");
        scene.world.audit().await;
    }
}

#[tokio::test]
async fn looks_are_judged_beside_pushes_and_many_at_once() {
    let mut scene = Scene::of(4).await;
    for key in 0..300 {
        scene.program_inserts(key, &[("a", text(&format!("row {key}")))], 0);
    }
    let looks = (0..300).map(|key| scene.look_of(key, 0, scene.seen(key))).collect();
    let (node, world) = (scene.node.clone(), scene.world.clone());
    let steps = scene.steps().await;
    let looked = node.look(world.workspace, world.partitions, &scene.mapped, looks);
    let pushed = scene.ann.insert(&crate::kit::airport(1), "x");
    let (looked, _) = tokio::join!(looked, scene.ann.push(&world, &node, std::slice::from_ref(&pushed)));
    assert!(looked.expect("look").iter().all(|looked| looked.answer == Answer::Agreed));
    assert!(scene.steps().await - steps <= 10, "in groups");
    for key in 0..300 {
        scene.same(key).await;
    }
    scene.world.audit().await;
    // the same rows once more: nothing to say
    assert_eq!(scene.made().await, 300);
}

#[tokio::test]
async fn a_delete_of_what_waits_takes_it_back() {
    let mut scene = agreed().await;
    scene.ann_deletes(1).await;
    scene.program(1, &[("a", text("program"))], 0);
    assert_eq!(scene.reconcile(1).await.answer, Answer::Parked);
    scene.program_deletes(1);
    scene.agree(1).await;
    assert!(scene.open(1).await.is_empty(), "nobody wants it any more");
}

#[tokio::test]
async fn a_full_workspace_refuses_and_is_asked_again_later() {
    let mut scene = agreed().await;
    scene.node = scene.world.node_within(sync_server::partition::Quotas { records: 1, ..Default::default() });
    scene.program_inserts(2, &[("a", text("x"))], 0);
    assert!(matches!(scene.look_now(2).await.answer, Answer::Refused(Rejection::Impossible { .. })));
    scene.node = scene.world.node();
    assert!(matches!(scene.look_now(2).await.answer, Answer::Refused(_)), "left alone for a while");
    scene.pass(600 * SECOND);
    scene.agree(2).await;
}

#[tokio::test]
async fn what_is_kept_of_rows_counts_and_is_given_back() {
    let mut scene = agreed().await;
    let kept = async |scene: &Scene| {
        scene.world.store.head(scene.world.id(0), sync_server::store::Read::Serial).await.expect("head").kept
    };
    let before = kept(&scene).await.bytes;
    for key in 2..20 {
        scene.program_inserts(key, &[("a", text(&"x".repeat(100)))], 0);
        scene.agree(key).await;
        scene.ann_sets(key, &[("b", text("more"))]).await;
        scene.agree(key).await;
    }
    assert!(kept(&scene).await.bytes > before + 18 * 2 * 100);
    for key in 2..20 {
        scene.ann_deletes(key).await;
        scene.agree(key).await;
    }
    assert_eq!(kept(&scene).await.bytes, before);
    let forgotten = scene.node.forget_mirror(scene.world.workspace, 1, crate::mirror_kit::MIRROR).await;
    assert_eq!(forgotten, Ok(true));
    assert!(kept(&scene).await.bytes < before);
    scene.pass(2 * SECOND);
    assert_eq!(scene.shadow(1).await.version, 0);
}
