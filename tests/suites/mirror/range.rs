//! A program deletes 100,000 rows with one statement: nobody is asked row by row, and nothing goes before a person says that it was
//! meant.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value as Json;

use crate::outside::{self, KEYSPACE, Outside};
use crate::race::{add, verify};
use crate::stage::{Kind, Stage};

/// Rows that go, and rows that stay.
const GO: u32 = 100_000;
const STAY: u32 = 1_000;
/// A program's writes at a time.
const AT_ONCE: usize = 64;
/// How long a mirror may take for all of it on a busy machine, and how often is asked.
const PATIENCE: Duration = Duration::from_mins(15);
const ASKED: Duration = Duration::from_millis(500);

pub async fn delete(address: &str, outside: &Outside) -> Result<()> {
    let stage = Stage::set(&Kind::Cassandra(address.to_owned()), "range", &[]).await?;
    let workspace = stage.workspace("A range", &["Ada"]).await?;
    let table = format!("{KEYSPACE}.range_{:x}", std::process::id());
    outside.cql(&format!("CREATE TABLE {table} (g int, id int, name text, PRIMARY KEY (g, id))")).await?;
    let rows = (0..GO).map(|id| (1, id)).chain((0..STAY).map(|id| (2, id)));
    let inserts = rows.map(|(g, id)| {
        let text = format!("INSERT INTO {table} (g, id, name) VALUES ({g}, {id}, 'a')");
        async move { outside.cql(&text).await.map(drop) }
    });
    stream::iter(inserts).buffer_unordered(AT_ONCE).try_collect::<()>().await?;

    let begun = Instant::now();
    let mirror = add(&stage, &workspace, &table).await?;
    until(&stage, &mirror, |shown| rows_of(shown) == u64::from(GO + STAY))
        .await
        .context("all rows come in")?;
    verify(&stage, &mirror, PATIENCE).await?;
    let came = begun.elapsed();

    let begun = Instant::now();
    outside.cql(&format!("DELETE FROM {table} WHERE g = 1 AND id >= 0")).await?;
    let paused = until(&stage, &mirror, |shown| shown["state"] == "paused").await.context("it pauses")?;
    let (told, reason) = (format!("{GO} of {} rows are gone", GO + STAY), paused["reason"].to_string());
    ensure!(reason.contains(&told), "paused for another reason: {reason}");
    let asked = begun.elapsed();
    ensure!(rows_of(&paused) == u64::from(GO + STAY), "nothing was deleted: {paused}");

    let begun = Instant::now();
    let words = ["resume".into(), mirror.clone(), "--accept-loss".into()];
    ensure!(outside::mirror(&stage, &words).await?.code == 0, "it is resumed");
    until(&stage, &mirror, |shown| shown["state"] == "running" && rows_of(shown) == u64::from(STAY))
        .await
        .context("the records go")?;
    verify(&stage, &mirror, PATIENCE).await?;
    println!(
        "range: {} rows came in within {came:.1?}; {GO} deleted: asked after {asked:.1?}, gone {:.1?} after the answer",
        GO + STAY,
        begun.elapsed()
    );
    outside.forget(&format!("TABLE {table}")).await
}

fn rows_of(shown: &Json) -> u64 {
    shown.pointer("/status/rows").and_then(Json::as_u64).unwrap_or(0)
}

async fn until(stage: &Stage, mirror: &str, holds: impl Fn(&Json) -> bool) -> Result<Json> {
    let since = Instant::now();
    loop {
        let words = ["show".into(), mirror.to_owned(), "--json".into()];
        let shown = outside::mirror(stage, &words).await?.json()?;
        if holds(&shown) {
            return Ok(shown);
        }
        ensure!(since.elapsed() < PATIENCE, "not within {PATIENCE:?}: {shown}");
        tokio::time::sleep(ASKED).await;
    }
}
