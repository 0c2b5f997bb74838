//! Keys.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use sync_protocol::{RecordKey, Value};
use sync_server::mirror::cql::TableError;
use sync_server::mirror::cql::ranges::TokenRange;
use sync_server::store::Read;

use super::{Scene, cell, cells, key, micros, row, value};
use scylla::value::CqlValue;

/// Types of key columns, with two values each.
const KINDS: [(&str, &str, &str); 22] = [
    ("ascii", "'a'", "'b'"),
    ("text", "'a|b~'", "''"),
    ("bigint", "-9223372036854775808", "1"),
    ("int", "7", "-7"),
    ("smallint", "7", "-7"),
    ("tinyint", "7", "-7"),
    ("varint", "123456789012345678901234567890", "-1"),
    ("decimal", "1.50", "-1E3"),
    ("double", "-0.0", "NaN"),
    ("float", "0.1", "-Infinity"),
    ("boolean", "true", "false"),
    ("uuid", "0192f3c4-5d6e-7f80-9a1b-2c3d4e5f6071", "00000000-0000-0000-0000-000000000000"),
    ("timeuuid", "50554d6e-29bb-11e5-b345-feff819cdc9f", "ffffffff-29bb-11e5-8080-808080808080"),
    ("timestamp", "-1", "'2026-11-23 14:30:00.250+0000'"),
    ("date", "'1583-02-28'", "'2026-11-23'"),
    ("time", "'14:30:00.123456789'", "'00:00:00'"),
    ("blob", "0x00ff", "0x01"),
    ("inet", "'10.0.0.1'", "'2001:db8::1'"),
    ("frozen<list<int>>", "[1, 2]", "[]"),
    ("frozen<tuple<int, text>>", "(1, null)", "(null, 'x')"),
    ("frozen<address>", "{street: 'x', zip: 1}", "{street: null, zip: 2}"),
    ("vector<float, 2>", "[0.1, 2]", "[1, NaN]"),
];

pub async fn keys_of_every_type_name_their_rows(scene: &Scene) -> Result<()> {
    let names: Vec<String> = (0..KINDS.len()).map(|at| format!("k{at}")).collect();
    let list = |names: &[String]| names.join(", ");
    let definitions: Vec<String> =
        KINDS.iter().zip(&names).map(|((of, ..), name)| format!("{name} {of}")).collect();
    // half of them in the partition's key, then the other half
    let half = KINDS.len() / 2;
    let (first, second) = names.split_at(half);
    for (at, (partition, clustering)) in [(first, second), (second, first)].into_iter().enumerate() {
        let name = format!("keys{at}");
        scene
            .cql(format!(
                "CREATE TABLE shop.{name} ({}, v text, PRIMARY KEY (({}), {}))",
                definitions.join(", "),
                list(partition),
                list(clustering)
            ))
            .await?;
        for one in [true, false] {
            let values: Vec<&str> = KINDS.iter().map(|(_, a, b)| if one { *a } else { *b }).collect();
            scene
                .cql(format!(
                    "INSERT INTO shop.{name} ({}, v) VALUES ({}, '{one}')",
                    list(&names),
                    values.join(", ")
                ))
                .await?;
        }
        all_are_found(scene, &name, partition).await?;
    }
    // each alone, as both kinds of key
    for (at, (of, one, other)) in KINDS.iter().enumerate() {
        let name = format!("key{at}");
        scene.cql(format!("CREATE TABLE shop.{name} (p {of}, c {of}, v text, PRIMARY KEY (p, c))")).await?;
        for (p, c) in [(one, other), (one, one), (other, one)] {
            if *p != "''" {
                scene.cql(format!("INSERT INTO shop.{name} (p, c, v) VALUES ({p}, {c}, 'x')")).await?;
            }
        }
        all_are_found(scene, &name, &["p".to_owned()]).await.with_context(|| (*of).to_owned())?;
    }
    Ok(())
}

/// Each row is found again by its record key, on the place of the ring that the database says; and written there.
async fn all_are_found(scene: &Scene, name: &str, partition: &[String]) -> Result<()> {
    let table = scene.open(name).await?;
    let mut pages = table.read_range(TokenRange::RING);
    let mut found = Vec::new();
    while let Some(page) = pages.next().await? {
        found.extend(page);
    }
    let count = scene.cell(format!("SELECT count(*) FROM shop.{name}")).await?;
    ensure!(count == Some(CqlValue::BigInt(found.len() as i64)) && found.len() >= 2, "{count:?}");
    let tokens = scene.cql(format!("SELECT token({}) FROM shop.{name}", partition.join(", "))).await?;
    let mut records = BTreeSet::new();
    for (found, token) in found.into_iter().zip(tokens) {
        let (record, seen) = found.row?;
        ensure!(token.columns[0] == Some(CqlValue::BigInt(found.token)), "{record}");
        ensure!(table.token_of(&record)? == found.token, "{record} is elsewhere");
        let read =
            table.read(&record, Read::Quorum).await?.with_context(|| format!("{record} is not found"))?;
        ensure!(read.cells == seen.cells, "{record}");
        let at = read.cells["v"].written + 1;
        table.write(&record, &cells([cell("v", record.to_string(), at)]), Some(&read)).await?;
        let again = table.read(&record, Read::Quorum).await?.context("gone")?;
        ensure!(value(&again, "v") == &Value::from(record.to_string()));
        ensure!(records.insert(record), "two rows of one key");
    }
    let after = scene.cell(format!("SELECT count(*) FROM shop.{name}")).await?;
    ensure!(after == count, "a write made another row");
    Ok(())
}

pub async fn rows_without_a_record_key_are_told(scene: &Scene) -> Result<()> {
    scene.cql("CREATE TABLE shop.odd (id text PRIMARY KEY, v int)").await?;
    let long = "x".repeat(600);
    for id in ["fine", "7", "007", "with\nline", &long] {
        scene.cql(format!("INSERT INTO shop.odd (id, v) VALUES ('{id}', 1)")).await?;
    }
    let table = scene.open("odd").await?;
    let page = table.read_range(TokenRange::RING).next().await?.context("no page")?;
    let (mut named, mut told) = (BTreeSet::new(), BTreeSet::new());
    for found in page {
        match found.row {
            Ok((record, _)) => drop(named.insert(record)),
            Err(TableError::Key(why)) => {
                ensure!(!why.to_string().contains("with"), "no content in a reason");
                told.insert(found.shown);
            }
            Err(other) => return Err(other.into()),
        }
    }
    ensure!(named == BTreeSet::from([RecordKey::Int(7), key("007"), key("fine")]), "{named:?}");
    ensure!(told == BTreeSet::from(["with␣line".to_owned(), "x".repeat(200)]), "{told:?}");
    // a record that no row of this table can be
    let write = cells([cell("v", 1, micros())]);
    let refused = table.write(&RecordKey::Text("7".into()), &write, None).await;
    ensure!(matches!(refused, Err(TableError::Key(_))));
    ensure!(value(&row(&table, "7").await?, "v") == &Value::from(1));
    Ok(())
}
