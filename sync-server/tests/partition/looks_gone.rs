//! Rows, cells and records that go: deletes of either side, tombstones, what expires.

use sync_protocol::mirror::Expiry;
use sync_protocol::{Choice, ConflictKind, Outcome, Value};
use sync_server::mirror::look::Answer;
use sync_server::mirror::write::RowWrite;

use crate::kit::field;
use crate::looks::{HOUR, SECOND, agreed, cell, value};
use crate::mirror_kit::{Scene, keep, text};
use crate::table::{after, written};

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
