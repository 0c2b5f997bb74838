//! What a write with a time of its own comes to.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::time::Duration;
use sync_protocol::Value;
use sync_server::mirror::cql::TableError;
use sync_server::mirror::write::{CellWrite, RowWrite, Write};
use sync_server::store::Read;

use super::{Scene, cell, cells, field, key, micros, row, value, written};

const HOUR: i64 = 3_600_000_000;

pub async fn a_fenced_write_wins_over_a_clock_ahead(scene: &Scene) -> Result<()> {
    scene.cql("CREATE TABLE shop.plain (id int PRIMARY KEY, a text, b text)").await?;
    let table = scene.open("plain").await?;
    let ahead = micros() + HOUR;
    scene
        .cql(format!("INSERT INTO shop.plain (id, a, b) VALUES (1, 'theirs', 'b') USING TIMESTAMP {ahead}"))
        .await?;
    let seen = row(&table, "1").await?;
    ensure!(written(&seen, "a") == ahead);
    let write = cells([cell("a", "ours", ahead + 1)]);
    // sent twice it is the same
    for _ in 0..2 {
        table.write(&key("1"), &write, Some(&seen)).await?;
    }
    let seen = row(&table, "1").await?;
    ensure!(value(&seen, "a") == &Value::from("ours") && written(&seen, "a") == ahead + 1);
    ensure!(value(&seen, "b") == &Value::from("b"), "what was not written stays");
    Ok(())
}

pub async fn what_is_newer_than_the_fence_holds(scene: &Scene) -> Result<()> {
    let table = scene.open("plain").await?;
    scene.cql("INSERT INTO shop.plain (id, a, b) VALUES (2, 'A', 'B')").await?;
    let seen = row(&table, "2").await?;
    scene.cql("UPDATE shop.plain SET b = 'theirs' WHERE id = 2").await?;
    let write =
        cells([cell("a", "ours", written(&seen, "a") + 1), cell("b", "ours", written(&seen, "b") + 1)]);
    table.write(&key("2"), &write, Some(&seen)).await?;
    let seen = row(&table, "2").await?;
    ensure!(value(&seen, "a") == &Value::from("ours"), "each cell has a time of its own");
    ensure!(value(&seen, "b") == &Value::from("theirs"), "what was written since holds");
    // and what a conditional write of theirs makes of it is seen
    scene.cql("UPDATE shop.plain SET a = 'lwt' WHERE id = 2 IF a = 'ours'").await?;
    ensure!(value(&row(&table, "2").await?, "a") == &Value::from("lwt"));
    Ok(())
}

pub async fn a_deleted_cell_wins_a_tie(scene: &Scene) -> Result<()> {
    let table = scene.open("plain").await?;
    scene.cql("INSERT INTO shop.plain (id, a, b) VALUES (3, 'A', 'B')").await?;
    let seen = row(&table, "3").await?;
    let write = cells([cell("a", Value::ABSENT, written(&seen, "a"))]);
    table.write(&key("3"), &write, Some(&seen)).await?;
    let seen = row(&table, "3").await?;
    ensure!(!seen.cells.contains_key("a") && seen.cells.contains_key("b"));
    Ok(())
}

pub async fn an_absent_cell_may_lie_under_a_tombstone(scene: &Scene) -> Result<()> {
    let table = scene.open("plain").await?;
    scene.cql("INSERT INTO shop.plain (id, a, b) VALUES (4, 'A', 'B')").await?;
    let before = micros() - HOUR;
    scene.cql("DELETE a FROM shop.plain WHERE id = 4").await?;
    table.write(&key("4"), &cells([cell("a", "ours", before)]), None).await?;
    ensure!(!row(&table, "4").await?.cells.contains_key("a"), "done, and without effect");
    table.write(&key("4"), &cells([cell("a", "ours", micros())]), None).await?;
    ensure!(value(&row(&table, "4").await?, "a") == &Value::from("ours"));
    Ok(())
}

pub async fn a_deleted_row_leaves_a_later_cell(scene: &Scene) -> Result<()> {
    let table = scene.open("plain").await?;
    let delete = |at| Write { cells: [].into(), row: RowWrite::Delete { at } };
    scene.cql("INSERT INTO shop.plain (id, a) VALUES (5, 'A')").await?;
    let seen = row(&table, "5").await?;
    scene.cql("UPDATE shop.plain SET b = 'late' WHERE id = 5").await?;
    table.write(&key("5"), &delete(written(&seen, "a")), Some(&seen)).await?;
    let left = row(&table, "5").await?;
    ensure!(left.cells.len() == 1 && value(&left, "b") == &Value::from("late"));
    table.write(&key("5"), &delete(written(&left, "b")), Some(&left)).await?;
    ensure!(table.read(&key("5"), Read::Serial).await?.is_none());
    // a row's own mark may be newer than all of its cells: nobody can read its time
    scene
        .cql(format!("UPDATE shop.plain USING TIMESTAMP {} SET a = 'A' WHERE id = 6", micros() - HOUR))
        .await?;
    scene.cql("INSERT INTO shop.plain (id) VALUES (6)").await?;
    let seen = row(&table, "6").await?;
    table.write(&key("6"), &delete(written(&seen, "a")), Some(&seen)).await?;
    ensure!(row(&table, "6").await?.cells.is_empty(), "the mark is left");
    table.write(&key("6"), &delete(micros()), None).await?;
    ensure!(table.read(&key("6"), Read::Serial).await?.is_none());
    Ok(())
}

pub async fn a_row_without_values_is_there(scene: &Scene) -> Result<()> {
    let table = scene.open("plain").await?;
    let insert = Write { cells: [].into(), row: RowWrite::Insert { at: micros() } };
    table.write(&key("7"), &insert, None).await?;
    ensure!(row(&table, "7").await?.cells.is_empty());
    ensure!(scene.cell("SELECT id FROM shop.plain WHERE id = 7").await?.is_some(), "to another program, too");
    // one that has its cells alone goes with the last of them
    let at = micros();
    table.write(&key("8"), &cells([cell("a", "x", at)]), None).await?;
    table.write(&key("8"), &cells([cell("a", Value::ABSENT, at)]), None).await?;
    ensure!(table.read(&key("8"), Read::Serial).await?.is_none());
    Ok(())
}

pub async fn what_is_left_of_a_life_is_kept(scene: &Scene) -> Result<()> {
    let table = scene.open("plain").await?;
    scene.cql("INSERT INTO shop.plain (id, a) VALUES (9, 'A') USING TTL 1000").await?;
    let seen = row(&table, "9").await?;
    let expires = seen.cells["a"].expires.context("no life")?;
    let left = Duration::from_millis((expires.0 - micros() / 1000).unsigned_abs());
    ensure!(left > Duration::from_secs(900) && left <= Duration::from_secs(1001), "{left:?}");
    let ours = CellWrite { value: Value::from("ours"), at: written(&seen, "a") + 1, ttl: Some(left) };
    table.write(&key("9"), &cells([(field("a"), ours)]), Some(&seen)).await?;
    let again = row(&table, "9").await?;
    let kept = again.cells["a"].expires.context("for good")?;
    ensure!((kept.0 - expires.0).abs() <= 2000, "{kept:?} instead of {expires:?}");
    ensure!(value(&again, "a") == &Value::from("ours"));
    // what had none gets none
    table.write(&key("9"), &cells([cell("b", "for good", micros())]), Some(&again)).await?;
    ensure!(row(&table, "9").await?.cells["b"].expires.is_none());
    Ok(())
}

pub async fn elements_come_and_go_one_by_one(scene: &Scene) -> Result<()> {
    scene.cql("CREATE TABLE shop.tagged (id int PRIMARY KEY, tags set<text>)").await?;
    let table = scene.open("tagged").await?;
    // a set that is written whole gets a tombstone below it; one that is added to does not
    scene.cql("INSERT INTO shop.tagged (id) VALUES (1)").await?;
    scene.cql("UPDATE shop.tagged SET tags = tags + {'a', 'b'} WHERE id = 1").await?;
    let seen = row(&table, "1").await?;
    let at = written(&seen, "tags") + 1;
    // another program's element that was written while we decided, and whose clock is behind
    scene
        .cql(format!(
            "UPDATE shop.tagged USING TIMESTAMP {} SET tags = tags + {{'theirs'}} WHERE id = 1",
            at - HOUR
        ))
        .await?;
    table.write(&key("1"), &cells([cell("tags", json!(["b", "c"]), at)]), Some(&seen)).await?;
    let now = row(&table, "1").await?;
    ensure!(value(&now, "tags").0 == json!(["b", "c", "theirs"]), "{}", value(&now, "tags").0);
    ensure!(written(&now, "tags") == at);
    table.write(&key("1"), &cells([cell("tags", Value::ABSENT, at + 1)]), Some(&now)).await?;
    ensure!(table.read(&key("1"), Read::Serial).await?.is_some_and(|row| row.cells.is_empty()));
    // no tombstone over the whole set: an element written before that still counts
    scene
        .cql(format!(
            "UPDATE shop.tagged USING TIMESTAMP {} SET tags = tags + {{'old'}} WHERE id = 1",
            at - HOUR
        ))
        .await?;
    ensure!(value(&row(&table, "1").await?, "tags").0 == json!(["old"]));
    // the element that goes first is the end of the set as it is
    scene.cql("UPDATE shop.tagged USING TTL 500 SET tags = tags + {'x'} WHERE id = 1").await?;
    ensure!(row(&table, "1").await?.cells["tags"].expires.is_some());
    Ok(())
}

pub async fn what_a_column_does_not_take_is_refused_whole(scene: &Scene) -> Result<()> {
    scene.cql("CREATE TABLE shop.narrow (id int PRIMARY KEY, n tinyint, t text)").await?;
    let table = scene.open("narrow").await?;
    let at = micros();
    for bad in [cell("n", 1000, at), cell("n", "x", at), cell("other", 1, at)] {
        let name = bad.0.clone();
        let refused = table.write(&key("1"), &cells([bad, cell("t", "fine", at)]), None).await;
        ensure!(matches!(&refused, Err(TableError::Unfit { field, .. }) if *field == name), "{refused:?}");
    }
    ensure!(table.read(&key("1"), Read::Serial).await?.is_none(), "nothing of it was written");
    Ok(())
}
