//! Many rows, and how it is noticed where one of them changed.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use sync_protocol::Value;
use sync_server::mirror::cql::TableError;
use sync_server::mirror::cql::ranges::{RangeDigest, TokenRange};
use sync_server::store::Read;

use super::{Scene, cell, cells, key, micros, row, value};

const ROWS: usize = 300;

pub async fn a_range_is_read_in_pages(scene: &Scene) -> Result<()> {
    scene
        .cql("CREATE TABLE shop.many (id int, at int, v text, tags set<text>, s text STATIC, PRIMARY KEY (id, at))")
        .await?;
    for id in 0..ROWS {
        scene
            .cql(format!("INSERT INTO shop.many (id, at, v, tags) VALUES ({id}, 1, 'v{id}', {{'a', 'b'}})"))
            .await?;
    }
    scene.cql("INSERT INTO shop.many (id, at, v) VALUES (5, 2, 'second')").await?;
    scene.cql("UPDATE shop.many SET s = 'for both' WHERE id = 5").await?;
    // a partition without a row
    scene.cql("UPDATE shop.many SET s = 'alone' WHERE id = 9999").await?;

    let table = scene.open("many").await?;
    let (mut all, mut last, mut pages_read) = (BTreeSet::new(), i64::MIN, 0);
    for range in TokenRange::RING.split(3) {
        let mut pages = table.read_range(range);
        while let Some(page) = pages.next().await? {
            pages_read += 1;
            for found in page {
                ensure!(found.token >= last && range.contains(found.token), "not in the order of the ring");
                last = found.token;
                let (record, seen) = found.row?;
                ensure!(all.insert(record.clone()), "{record} twice");
                let both = value(&seen, "s") == &Value::from("for both");
                ensure!(both == record.to_string().starts_with("5|"), "{record}");
            }
        }
    }
    ensure!(all.len() == ROWS + 1 && pages_read > 3, "{} rows in {pages_read} pages", all.len());
    Ok(())
}

pub async fn a_digest_finds_the_range_of_a_changed_row(scene: &Scene) -> Result<()> {
    let table = scene.open("many").await?;
    let ranges = TokenRange::RING.split(16);
    let digests = async || -> Result<Vec<RangeDigest>> {
        let mut digests = Vec::new();
        for range in &ranges {
            digests.push(table.digest(*range).await?);
        }
        Ok(digests)
    };
    let before = digests().await?;
    ensure!(before.iter().map(|digest| digest.rows).sum::<i64>() == ROWS as i64 + 1);
    // what was read adds up to the same
    for (range, digest) in ranges.iter().zip(&before) {
        let mut added = RangeDigest::none(table.mapping());
        let mut pages = table.read_range(*range);
        while let Some(page) = pages.next().await? {
            for found in page {
                added.add(table.mapping(), &found.row?.1.cells);
            }
        }
        // but for a partition without a row, whose own value counts all the same
        let has_no_row = range.contains(table.token_of(&key("9999|1"))?);
        ensure!((added == *digest) != has_no_row, "{added:?} is not {digest:?}");
    }
    for (change, record) in [
        ("UPDATE shop.many SET v = 'other' WHERE id = 17 AND at = 1", "17|1"),
        ("DELETE v FROM shop.many WHERE id = 18 AND at = 1", "18|1"),
        ("UPDATE shop.many SET tags = tags + {'c'} WHERE id = 19 AND at = 1", "19|1"),
        ("UPDATE shop.many SET tags = tags - {'a'} WHERE id = 20 AND at = 1", "20|1"),
        ("UPDATE shop.many SET s = 'changed' WHERE id = 5", "5|1"),
        ("DELETE FROM shop.many WHERE id = 21 AND at = 1", "21|1"),
        ("INSERT INTO shop.many (id, at) VALUES (22, 7)", "22|7"),
        ("UPDATE shop.many SET v = 'v23' WHERE id = 23 AND at = 1", "23|1"),
    ] {
        let before = digests().await?;
        scene.cql(change).await?;
        let token = table.token_of(&key(record))?;
        for ((range, before), after) in ranges.iter().zip(before).zip(digests().await?) {
            ensure!((before != after) == range.contains(token), "{change}: {before:?} and {after:?}");
        }
    }
    Ok(())
}

/// More than a node goes through at once is said in so many words, and smaller parts are read.
pub async fn a_range_of_what_was_deleted_is_split(scene: &Scene) -> Result<()> {
    scene.cql("CREATE TABLE shop.dropped (id int, at int, v text, PRIMARY KEY (id, at))").await?;
    for id in 0..1_500 {
        scene.cql(format!("DELETE FROM shop.dropped WHERE id = {id} AND at = 1")).await?;
    }
    scene.cql("INSERT INTO shop.dropped (id, at, v) VALUES (1, 2, 'left')").await?;
    let table = scene.open("dropped").await?;
    let whole = table.digest(TokenRange::RING).await;
    ensure!(matches!(whole, Err(TableError::Smaller(_))), "{whole:?}");
    let page = table.read_range(TokenRange::RING).next().await;
    ensure!(matches!(page, Err(TableError::Smaller(_))));
    let mut rows = 0;
    for range in TokenRange::RING.split(4) {
        rows += table.digest(range).await?.rows;
    }
    ensure!(rows == 1);
    Ok(())
}

pub async fn nodes_count_writes_and_no_reads(scene: &Scene) -> Result<()> {
    let table = scene.open("plain").await?;
    let before = table.write_counts().await;
    ensure!(before.nodes.len() == 1 && before.silent.is_empty(), "{before:?}");
    for _ in 0..3 {
        table.read(&key("1"), Read::Quorum).await?;
        table.read(&key("1"), Read::Serial).await?;
        table.digest(TokenRange::RING).await?;
    }
    scene.cql("UPDATE shop.plain SET a = 'x' WHERE id = 1 IF a = 'what it is not'").await?;
    ensure!(table.write_counts().await == before, "nothing was written");
    let count = async || -> Result<i64> {
        let counts = table.write_counts().await;
        Ok(counts.nodes.values().next().context("no node")?.writes)
    };
    let mut last = count().await?;
    for write in [
        "INSERT INTO shop.plain (id, a) VALUES (50, 'x')",
        "UPDATE shop.plain SET a = 'y' WHERE id = 50",
        "DELETE FROM shop.plain WHERE id = 50",
        "INSERT INTO shop.plain (id) VALUES (51) IF NOT EXISTS",
        "BEGIN BATCH UPDATE shop.plain SET a = 'z' WHERE id = 52 APPLY BATCH",
    ] {
        scene.cql(write).await?;
        let now = count().await?;
        ensure!(now > last, "{write} was not counted");
        last = now;
    }
    table.write(&key("1"), &cells([cell("a", "ours", micros())]), None).await?;
    ensure!(count().await? > last && row(&table, "1").await?.cells.contains_key("a"));
    Ok(())
}
