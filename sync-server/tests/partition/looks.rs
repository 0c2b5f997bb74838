//! A record and the row of a mirrored table: what each look at the row makes of both.

use std::time::Duration;
use sync_protocol::mirror::Expiry;
use sync_protocol::{Choice, ConflictKind, Outcome, Rejection, Value};
use sync_server::mirror::look::{Answer, Stop};
use sync_server::mirror::row::Intent;
use sync_server::mirror::write::RowWrite;

use crate::faults::{Fault, Faulty};
use crate::kit::field;
use crate::mirror_kit::{Scene, is_mirrors, keep, names, text};
use crate::table::{after, written};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: i64 = 3_600_000;

/// A row that record and table agree on.
async fn agreed() -> Scene {
    let scene = Scene::new().await;
    scene.program_inserts(1, &[("a", text("a0")), ("b", text("b0")), ("n", Value::from(5))], 0);
    scene.agree(1).await;
    scene
}

async fn value(scene: &Scene, name: &str) -> Value {
    scene.record(1).await.map_or(Value::ABSENT, |record| record.value(&field(name)).clone())
}

fn cell(scene: &Scene, name: &str) -> Value {
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
async fn a_foreign_delete_deletes_and_meets_an_edit_as_a_review() {
    let mut scene = agreed().await;
    scene.ann_sets(1, &[("note", text("no column"))]).await;
    scene.program_deletes(1);
    scene.agree(1).await;
    assert!(scene.record(1).await.is_none(), "what has no column was seen by the program");

    let mut scene = agreed().await;
    scene.ann_sets(1, &[("a", text("ann"))]).await;
    scene.program_deletes(1);
    assert_eq!(scene.reconcile(1).await.answer, Answer::Parked);
    let open = scene.open(1).await.remove(0);
    assert_eq!(open.kind, ConflictKind::DeleteEdit);
    assert!(scene.seen(1).is_none(), "the whole row waits");
    scene.ann_sets(1, &[("b", text("b1"))]).await;
    assert_eq!(scene.reconcile(1).await.answer, Answer::Parked);
    let open = scene.open(1).await.remove(0);
    assert!(crate::kit::applied(&scene.settle(&open, keep(&open, Choice::Current)).await));
    scene.agree(1).await;
    assert_eq!((cell(&scene, "a"), cell(&scene, "b")), (text("ann"), text("b1")));

    scene.program_deletes(1);
    scene.ann_sets(1, &[("b", text("b2"))]).await;
    assert_eq!(scene.reconcile(1).await.answer, Answer::Parked);
    let open = scene.open(1).await.remove(0);
    assert!(crate::kit::applied(&scene.settle(&open, Outcome::Delete).await));
    scene.agree(1).await;
    assert!(scene.record(1).await.is_none());
}

#[tokio::test]
async fn a_persons_delete_deletes_the_row_and_a_foreign_edit_holds_against_it() {
    let mut scene = agreed().await;
    scene.ann_deletes(1).await;
    let write = scene.to_write(1).await;
    let newest = scene.seen(1).expect("a row").cells.values().map(|cell| cell.written).max();
    assert_eq!(write.row, RowWrite::Delete { at: newest.expect("cells") });
    scene.agree(1).await;
    assert!(scene.seen(1).is_none());
    assert_eq!(scene.made().await, 1, "an own delete is no edit");

    let mut scene = agreed().await;
    scene.ann_deletes(1).await;
    let write = scene.to_write(1).await;
    scene.program(1, &[("a", text("program"))], 0);
    scene.write(1, &write);
    assert_eq!(scene.values(1).expect("a row").len(), 1, "the newer cell is all that is left");
    assert_eq!(scene.reconcile(1).await.answer, Answer::Parked);
    let open = scene.open(1).await.remove(0);
    assert_eq!(open.kind, ConflictKind::EditDelete);
    assert_eq!(open.fields.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["a"]);
    assert!(crate::kit::applied(&scene.settle(&open, keep(&open, Choice::Incoming)).await));
    scene.agree(1).await;
    assert_eq!((cell(&scene, "a"), cell(&scene, "b")), (text("program"), text("b0")), "restored as a whole");

    let mut scene = agreed().await;
    scene.ann_deletes(1).await;
    scene.program(1, &[("a", text("program"))], 0);
    assert_eq!(scene.reconcile(1).await.answer, Answer::Parked);
    let open = scene.open(1).await.remove(0);
    assert!(crate::kit::applied(&scene.settle(&open, Outcome::Delete).await));
    scene.agree(1).await;
    assert!(scene.seen(1).is_none());
}

#[tokio::test]
async fn of_a_row_whose_marker_is_newer_the_marker_goes_too() {
    let mut scene = agreed().await;
    let at = written(scene.now(), 5_000);
    scene.row(1, |row| row.mark(at, None));
    scene.ann_deletes(1).await;
    let write = scene.to_write(1).await;
    scene.write(1, &write);
    assert_eq!(scene.values(1).map(|row| row.len()), Some(0), "only the marker is left");
    scene.pass(10 * SECOND);
    scene.agree(1).await;
    assert!(scene.seen(1).is_none());
}

#[tokio::test]
async fn the_tombstone_of_a_row_has_the_lowest_time_of_its_cells() {
    let mut scene = agreed().await;
    scene.program(1, &[("a", text("future"))], HOUR);
    scene.agree(1).await;
    let (old, new) = {
        let cells = scene.seen(1).expect("a row").cells;
        (cells[&field("b")].written, cells[&field("a")].written)
    };
    scene.ann_deletes(1).await;
    let first = scene.to_write(1).await;
    assert_eq!(first.cells.iter().map(|(n, w)| (n.as_str(), w.at)).collect::<Vec<_>>(), [("a", new)]);
    scene.write(1, &first);
    assert_eq!(scene.to_write(1).await.row, RowWrite::Delete { at: old });
    scene.agree(1).await;
    // what is inserted now is not below a tombstone of the future
    scene.program_inserts(1, &[("b", text("again"))], 0);
    scene.agree(1).await;
    assert_eq!(value(&scene, "b").await, text("again"));
}

#[tokio::test]
async fn a_record_that_comes_back_before_its_row_is_gone_stays() {
    let mut scene = agreed().await;
    scene.ann_deletes(1).await;
    let late = scene.to_write(1).await;
    scene.ann_sets(1, &[("a", text("again"))]).await;
    // the delete is on its way still, and arrives last
    scene.reconcile(1).await;
    scene.write(1, &late);
    scene.agree(1).await;
    assert_eq!(cell(&scene, "a"), text("again"));
    assert_eq!(cell(&scene, "b"), Value::ABSENT);
    assert!(!scene.shadow(1).await.deleting);
}

#[tokio::test]
async fn a_delete_and_an_insert_within_one_round_are_an_edit() {
    let scene = agreed().await;
    scene.program_deletes(1);
    scene.program_inserts(1, &[("a", text("new")), ("n", Value::from(5))], 0);
    scene.agree(1).await;
    assert_eq!((value(&scene, "a").await, value(&scene, "b").await), (text("new"), Value::ABSENT));
    assert_eq!(value(&scene, "n").await, Value::from(5));
    assert!(scene.conflicts(1).await.is_empty());
}

#[tokio::test]
async fn what_expires_goes_or_stays_as_the_mirror_says() {
    for expiry in [Expiry::Delete, Expiry::Keep] {
        let mut scene = agreed().await;
        scene.mapped.expiry = expiry;
        let (at, ends) = (written(scene.now(), 0), after(scene.now(), 60 * SECOND));
        scene.row(1, |row| row.cell_for(&field("a"), Some(text("brief")), at, Some(ends)));
        scene.agree(1).await;
        assert_eq!(value(&scene, "a").await, text("brief"));
        // refreshed with the same value: no change, and it is known to live longer
        scene.pass(30 * SECOND);
        let made = scene.made().await;
        let (at, ends) = (written(scene.now(), 0), after(scene.now(), 60 * SECOND));
        scene.row(1, |row| row.cell_for(&field("a"), Some(text("brief")), at, Some(ends)));
        scene.agree(1).await;
        assert_eq!(scene.made().await, made);
        assert_eq!(scene.shadow(1).await.cells[&field("a")].expires, Some(ends));
        // Ann's value has the rest of that life
        scene.ann_sets(1, &[("a", text("ann"))]).await;
        let ttl = scene.to_write(1).await.cells[&field("a")].ttl.expect("it goes by itself");
        assert!(ttl > 59 * SECOND && ttl <= 60 * SECOND, "{ttl:?}");
        scene.agree(1).await;
        scene.pass(61 * SECOND);
        assert_eq!(scene.reconcile(1).await.answer, Answer::Agreed);
        assert_eq!(cell(&scene, "a"), Value::ABSENT, "it is not written back");
        let left = if expiry == Expiry::Keep { text("ann") } else { Value::ABSENT };
        assert_eq!(value(&scene, "a").await, left);
        scene.ann_sets(1, &[("a", text("later"))]).await;
        scene.agree(1).await;
        assert_eq!(cell(&scene, "a"), text("later"));
    }
}

#[tokio::test]
async fn a_second_copy_of_a_write_with_a_life_is_the_mirrors_own() {
    for buried in [false, true] {
        let mut scene = agreed().await;
        let (at, ends) = (written(scene.now(), 1), after(scene.now(), 10 * SECOND));
        scene.row(1, |row| row.cell_for(&field("a"), Some(text("brief")), at, Some(ends)));
        scene.agree(1).await;
        scene.ann_sets(1, &[("a", text("ann"))]).await;
        let write = scene.to_write(1).await;
        scene.agree(1).await;
        assert_eq!(cell(&scene, "a"), text("ann"));
        scene.pass(20 * SECOND);
        if buried {
            scene.agree(1).await;
            assert_eq!(value(&scene, "a").await, Value::ABSENT, "it has expired");
        } else {
            // seen to be gone; what follows from that is not written yet
            drop(scene.look_now(1).await);
        }
        let made = scene.made().await;
        scene.write(1, &write);
        scene.agree(1).await;
        assert_eq!((value(&scene, "a").await, cell(&scene, "a")), (Value::ABSENT, Value::ABSENT));
        assert_eq!(scene.made().await, made, "an own write is no edit");
    }
}

#[tokio::test]
async fn a_row_that_expires_as_a_whole_takes_its_record_along_or_not() {
    for expiry in [Expiry::Delete, Expiry::Keep] {
        let mut scene = Scene::new().await;
        scene.mapped.expiry = expiry;
        let (at, ends) = (written(scene.now(), 0), after(scene.now(), 60 * SECOND));
        scene.row(1, |row| {
            row.mark(at, Some(ends));
            row.cell_for(&field("a"), Some(text("brief")), at, Some(ends));
        });
        scene.agree(1).await;
        scene.pass(61 * SECOND);
        assert_eq!(scene.reconcile(1).await.answer, Answer::Agreed);
        assert!(scene.seen(1).is_none());
        assert_eq!(scene.record(1).await.is_some(), expiry == Expiry::Keep);
        if expiry == Expiry::Keep {
            scene.ann_sets(1, &[("b", text("b1"))]).await;
            scene.agree(1).await;
            assert_eq!(cell(&scene, "a"), text("brief"), "once it is edited, the row is there as a whole");
        }
    }
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
async fn a_value_that_is_taken_away_is_a_cell_that_is_deleted_and_the_reverse() {
    let mut scene = agreed().await;
    scene.ann_sets(1, &[("a", Value::ABSENT)]).await;
    let write = scene.to_write(1).await;
    let seen = scene.seen(1).expect("a row").cells[&field("a")].written;
    let cell_write = &write.cells[&field("a")];
    assert!(
        cell_write.value.is_absent() && cell_write.at == seen,
        "a tombstone of just that time: {write:?}"
    );
    scene.agree(1).await;
    assert_eq!(cell(&scene, "a"), Value::ABSENT);
    scene.ann_sets(1, &[("a", text("back"))]).await;
    assert!(scene.to_write(1).await.cells[&field("a")].at > seen, "above the tombstone");
    scene.agree(1).await;
    scene.program(1, &[("a", Value::ABSENT)], 0);
    scene.agree(1).await;
    assert_eq!(value(&scene, "a").await, Value::ABSENT);
    assert!(scene.conflicts(1).await.is_empty());
}

#[tokio::test]
async fn a_row_made_by_update_outlives_its_last_value_as_its_record_does() {
    let mut scene = Scene::new().await;
    scene.program(1, &[("a", text("only"))], 0);
    scene.agree(1).await;
    scene.ann_sets(1, &[("a", Value::ABSENT)]).await;
    scene.agree(1).await;
    assert_eq!(scene.values(1).map(|row| row.len()), Some(0));
    // without a value to begin with
    scene.ann_sets(2, &[("note", text("no column"))]).await;
    scene.agree(2).await;
    assert_eq!(scene.values(2).map(|row| row.len()), Some(0));
    scene.ann_deletes(2).await;
    scene.agree(2).await;
    assert!(scene.seen(2).is_none());
}

#[tokio::test]
async fn a_value_gets_through_a_tombstone_that_nobody_can_read() {
    let mut scene = Scene::new().await;
    let at = written(scene.now(), -60_000);
    scene.row(1, |row| row.delete(at));
    scene.ann_sets(1, &[("a", text("x"))]).await;
    let first = scene.to_write(1).await.cells[&field("a")].at;
    assert_eq!(first, written(scene.now(), -24 * HOUR), "low first: what nobody has seen yet shall hold");
    scene.agree(1).await;
    assert_eq!(cell(&scene, "a"), text("x"));
    assert!(scene.seen(1).expect("a row").cells[&field("a")].written > at);
}

#[tokio::test]
async fn a_tombstone_from_the_future_is_waited_for() {
    let mut scene = agreed().await;
    let at = written(scene.now(), HOUR);
    scene.row(1, |row| row.delete(at));
    scene.agree(1).await;
    scene.ann_sets(1, &[("a", text("again"))]).await;
    let mut wrote = None;
    for minute in 0..70 {
        let mut look = scene.look_of(1, scene.shadow(1).await.version, scene.seen(1));
        look.wrote = wrote;
        let Answer::Write(write) = scene.ask(look).await.answer else { break };
        assert!(minute < 65 && write.cells[&field("a")].at <= written(scene.now(), 0), "never ahead of now");
        assert!(scene.shadow(1).await.intents[&field("a")].len() <= 2, "what was in vain is forgotten");
        scene.write(1, &write);
        scene.pass(60 * SECOND);
        wrote = Some(write);
    }
    scene.agree(1).await;
    assert_eq!(cell(&scene, "a"), text("again"));
    assert!(scene.shadow(1).await.intents.is_empty(), "what was tried is over");
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
