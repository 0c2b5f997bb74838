//! What tables look like, what cannot be mirrored, and tables that change.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use sync_protocol::schema::Field;
use sync_protocol::{FieldType, RecordKey};
use sync_server::mirror::cql::describe::{Refusal, describe, keyspaces, tables};
use sync_server::mirror::cql::mapping::{Difference, propose};
use sync_server::mirror::cql::publish::{KeyForm, create_table, make};
use sync_server::mirror::cql::table::Table;
use sync_server::mirror::cql::{Cluster, TableError};
use sync_server::store::Read;

use super::{Scene, cell, cells, field, key, micros, options, row, value};

pub async fn what_cannot_be_mirrored_is_refused_with_a_reason(scene: &Scene) -> Result<()> {
    for statement in [
        "CREATE TABLE shop.counted (id int PRIMARY KEY, n counter)",
        "CREATE TABLE shop.base (id int PRIMARY KEY, v int)",
        "CREATE MATERIALIZED VIEW shop.seen_by AS SELECT * FROM shop.base WHERE v IS NOT NULL AND id IS NOT NULL PRIMARY KEY (v, id)",
        "CREATE TABLE shop.ordered (id int, d frozen<list<decimal>>, PRIMARY KEY (id, d))",
        "CREATE TABLE shop.spread (id frozen<set<int>> PRIMARY KEY)",
        "CREATE TABLE mooring.rows (id int PRIMARY KEY)",
        "CREATE TABLE shop.mixed (id int PRIMARY KEY, \"US Gross\" int, us_gross text, home address, secret text MASKED WITH DEFAULT, once text)",
        "ALTER TABLE shop.mixed DROP once",
    ] {
        scene.cql(statement).await?;
    }
    let cluster = &scene.cluster;
    let refused = async |keyspace: &str, table: &str| -> Result<Refusal> {
        let info = describe(cluster, keyspace, table).await?.context("no such table")?;
        propose(&info).err().with_context(|| format!("{table} is proposed"))
    };
    ensure!(refused("shop", "counted").await? == Refusal::Counters);
    ensure!(refused("shop", "seen_by").await? == Refusal::View("base".into()));
    ensure!(matches!(refused("shop", "ordered").await?, Refusal::Key { column, .. } if column == "d"));
    ensure!(matches!(refused("shop", "spread").await?, Refusal::Key { column, .. } if column == "id"));
    ensure!(refused("mooring", "rows").await? == Refusal::Own);
    ensure!(refused("system_auth", "roles").await? == Refusal::System);
    ensure!(describe(cluster, "shop", "nothing").await?.is_none());
    ensure!(keyspaces(cluster).await? == ["shop"]);
    let names = tables(cluster, "shop").await?;
    ensure!(names.contains(&"mixed".to_owned()) && !names.contains(&"seen_by".to_owned()));

    let info = describe(cluster, "shop", "mixed").await?.context("no such table")?;
    ensure!(info.dropped.contains_key("once") && info.tells_elements && info.default_ttl == 0);
    let proposal = propose(&info)?;
    let left_out: Vec<&str> =
        proposal.notes.iter().filter(|n| n.left_out).map(|n| n.column.as_str()).collect();
    ensure!(left_out == ["home", "secret"], "{left_out:?}");
    let labels: Vec<&str> = proposal.fields.iter().map(|field| field.label.as_str()).collect();
    ensure!(labels == ["US Gross", "Us gross"], "{labels:?}");
    let names: Vec<&str> = proposal.fields.iter().map(|field| field.name.as_str()).collect();
    ensure!(names[0] == "us_gross" && names[1].starts_with("us_gross__"), "{names:?}");
    let types: Vec<FieldType> = proposal.fields.iter().map(|field| field.field_type).collect();
    ensure!(types == [FieldType::Integer, FieldType::LongText]);
    Ok(())
}

pub async fn a_table_that_changes_is_noticed(scene: &Scene) -> Result<()> {
    let create = "CREATE TABLE shop.shifting (id int PRIMARY KEY, a text, b text, at frozen<place>)";
    scene.cql("CREATE TYPE shop.place (street text)").await?;
    scene.cql(create).await?;
    let chosen = scene.chosen("shifting").await?;
    let table = scene.open_as(&chosen).await?;
    ensure!(table.differences().await?.is_empty());
    scene.cql("ALTER TABLE shop.shifting ADD more int").await?;
    ensure!(table.differences().await?.is_empty(), "a column that nobody chose");
    scene.cql("ALTER TYPE shop.place ADD floor int").await?;
    ensure!(table.differences().await? == [Difference::Retyped("at".into())]);
    // such a value is neither read nor written without what was added
    scene.cql("INSERT INTO shop.shifting (id, at) VALUES (1, {street: 's', floor: 3})").await?;
    ensure!(matches!(table.read(&key("1"), Read::Quorum).await, Err(TableError::Unfit { .. })));
    let table = scene.open_as(&chosen).await?;
    ensure!(value(&row(&table, "1").await?, "at").0 == json!({"street": "s", "floor": 3}));

    scene.cql("ALTER TABLE shop.shifting DROP b").await?;
    ensure!(table.differences().await? == [Difference::Gone("b".into())]);
    scene.cql("ALTER TABLE shop.shifting ADD b text").await?;
    ensure!(table.differences().await? == [Difference::AddedAgain("b".into())]);
    scene.cql("ALTER TABLE shop.shifting RENAME id TO number").await?;
    ensure!(table.differences().await?.contains(&Difference::Key));
    scene.cql("DROP TABLE shop.shifting").await?;
    ensure!(table.differences().await? == [Difference::TableGone]);
    let gone = table.read(&key("1"), Read::Quorum).await;
    ensure!(matches!(gone, Err(TableError::Changed(_))), "{gone:?}");
    scene.cql(create).await?;
    ensure!(table.differences().await? == [Difference::MadeAnew], "the same statements would go on");
    ensure!(Table::open(scene.cluster.clone(), &chosen).await?.is_err());
    Ok(())
}

pub async fn a_table_for_a_collection_is_that_collection(scene: &Scene) -> Result<()> {
    let fields: Vec<Field> = FieldType::ALL
        .into_iter()
        .enumerate()
        .map(|(at, field_type)| Field {
            options: vec!["red".into()],
            position: at as i64,
            ..Field::new(field(field_type.name()), field_type.name(), field_type)
        })
        .collect();
    for (name, form) in [("Published", KeyForm::Text), ("numbered", KeyForm::Number)] {
        let create = create_table("shop", name, form, &fields).ok().context("a field without a column")?;
        make(&scene.cluster, &create).await?;
        ensure!(matches!(make(&scene.cluster, &create).await, Err(TableError::Refused(_))), "it is there");
        let mut chosen = scene.chosen(name).await?;
        for column in &mut chosen.columns {
            // a table does not say all of it: a choice is a text to it
            column.field_type = FieldType::from_name(column.field.as_str()).context("a type")?;
        }
        let table = scene.open_as(&chosen).await?;
        ensure!(table.mapping().columns.values().all(|column| !column.read_only));
        let at = micros();
        let write = cells([
            cell("text", "one line", at),
            cell("long_text", "two\nlines", at),
            cell("integer", -7, at),
            cell("decimal", "-12.50", at),
            cell("yes_no", true, at),
            cell("date", "0000-02-29", at),
            cell("date_time", "9999-12-31T23:59:59.999Z", at),
            cell("time", "00:00:00.000000001", at),
            cell("choice", "red", at),
            cell("tags", json!(["a", "é"]), at),
            cell("counter", 3, at),
            cell("json", json!({"a": [1, 2.5, null], "b": {}}), at),
            cell("number", 6.02e23, at),
            cell("uuid", "0192f3c4-5d6e-7f80-9a1b-2c3d4e5f6071", at),
            cell("bytes", "AP8Q", at),
        ]);
        ensure!(write.cells.len() == FieldType::ALL.len(), "a type of field is missing here");
        table.write(&key("42"), &write, None).await?;
        let seen = row(&table, "42").await?;
        for (name, wanted) in &write.cells {
            ensure!(value(&seen, name.as_str()) == &wanted.value, "{name}");
        }
        let worded = table.token_of(&RecordKey::Text("INV-7".into()));
        ensure!(worded.is_ok() == (form == KeyForm::Text));
    }
    // what another program makes of a text of JSON
    let mut chosen = scene.chosen("Published").await?;
    chosen.columns.retain(|column| column.field.as_str() == "json");
    chosen.columns[0].field_type = FieldType::Json;
    let table = scene.open_as(&chosen).await?;
    scene.cql("INSERT INTO shop.\"Published\" (key, json) VALUES ('a', '{ \"x\" : 1 }')").await?;
    ensure!(value(&row(&table, "a").await?, "json").0 == json!({"x": 1}));
    scene.cql("INSERT INTO shop.\"Published\" (key, json) VALUES ('a', '{')").await?;
    ensure!(matches!(table.read(&key("a"), Read::Quorum).await, Err(TableError::Unfit { .. })));
    Ok(())
}

pub async fn errors_are_sorted_by_what_comes_next(scene: &Scene) -> Result<()> {
    for statement in [
        "CREATE ROLE reader WITH PASSWORD = 'reader' AND LOGIN = true",
        "GRANT SELECT ON shop.plain TO reader",
    ] {
        scene.cql(statement).await?;
    }
    let connect = async || {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            match Cluster::connect(options(&scene.address, ("reader", "reader"))).await {
                Err(_) if Instant::now() < until => tokio::time::sleep(Duration::from_millis(200)).await,
                connected => return connected,
            }
        }
    };
    let cluster = Arc::new(connect().await?);
    let open = async |name: &str| -> Result<Table> {
        let chosen = scene.chosen(name).await?;
        let opened = Table::open(cluster.clone(), &chosen).await?;
        opened.map_err(|differences| anyhow::anyhow!("{differences:?}"))
    };
    let table = open("plain").await?;
    table.read(&key("1"), Read::Quorum).await?;
    let write = cells([cell("a", "x", micros())]);
    let refused = table.write(&key("1"), &write, None).await;
    ensure!(matches!(refused, Err(TableError::Rights(_))), "{refused:?}");
    let hidden = match open("narrow").await {
        Ok(table) => table.read(&key("1"), Read::Quorum).await.map(drop),
        Err(error) => Err(error.downcast::<TableError>()?),
    };
    ensure!(matches!(hidden, Err(TableError::Rights(_))), "{hidden:?}");
    let create = "CREATE TABLE shop.mine (id int PRIMARY KEY)";
    ensure!(matches!(make(&cluster, create).await, Err(TableError::Rights(_))));

    // a key that no partition has, however often it is sent
    let chosen = scene.chosen("plain").await?;
    let table = scene.open_as(&chosen).await?;
    ensure!(matches!(table.token_of(&key("not a number")), Err(TableError::Key(_))));
    let unknown = make(&scene.cluster, "CREATE TABLE nowhere.t (id int PRIMARY KEY)").await;
    ensure!(matches!(unknown, Err(TableError::Changed(_))), "{unknown:?}");
    let wrong = make(&scene.cluster, "CREATE TABLE shop.t (").await;
    ensure!(matches!(wrong, Err(TableError::Refused(_))), "{wrong:?}");
    Ok(())
}
