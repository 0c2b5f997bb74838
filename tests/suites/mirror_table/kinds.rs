//! Values of every type.

use anyhow::{Context, Result, ensure};
use serde_json::{Value as J, json};
use std::collections::BTreeMap;
use sync_protocol::Value;
use sync_server::mirror::write::{CellWrite, RowWrite, Write};

use super::{Scene, cell, cells, field, key, micros, row, same, value};

/// Columns: type, value as CQL writes it, value as a record has it. Those that end in `!` are only read.
fn columns() -> Vec<(&'static str, &'static str, J)> {
    vec![
        ("ascii", "'a b'", json!("a b")),
        ("text", "'é\n\"x\"'", json!("é\n\"x\"")),
        ("varchar", "''", json!("")),
        ("bigint", "-9223372036854775808", json!(i64::MIN)),
        ("int", "-2147483648", json!(i32::MIN)),
        ("smallint", "-32768", json!(-32768)),
        ("tinyint", "-128", json!(-128)),
        ("varint", "-123456789012345678901234567890", json!("-123456789012345678901234567890")),
        ("varint", "7", json!("7")),
        ("decimal", "1.0", json!("1.0")),
        ("decimal", "1.00", json!("1.00")),
        ("decimal", "1E3", json!("1E+3")),
        (
            "decimal",
            "-0.000000000000000000000000000000000001",
            json!("-0.000000000000000000000000000000000001"),
        ),
        ("double", "0.1", json!(0.1)),
        ("double", "5.0", json!(5)),
        ("double", "-0.0", json!(-0.0)),
        ("double", "NaN", json!("NaN")),
        ("double", "-Infinity", json!("-Infinity")),
        ("double", "1.7976931348623157E308", json!(f64::MAX)),
        ("float", "0.1", json!(0.1)),
        ("float", "NaN", json!("NaN")),
        ("float", "3.4028235E38", json!(3.4028235e38)),
        ("boolean", "false", json!(false)),
        ("uuid", "0192f3c4-5d6e-7f80-9a1b-2c3d4e5f6071", json!("0192f3c4-5d6e-7f80-9a1b-2c3d4e5f6071")),
        ("timeuuid", "50554d6e-29bb-11e5-b345-feff819cdc9f", json!("50554d6e-29bb-11e5-b345-feff819cdc9f")),
        ("timestamp", "-1", json!("1969-12-31T23:59:59.999Z")),
        ("timestamp", "'2026-11-23 14:30:00.250+0000'", json!("2026-11-23T14:30:00.25Z")),
        ("date", "'1583-02-28'", json!("1583-02-28")),
        ("time", "'14:30:00.123456789'", json!("14:30:00.123456789")),
        ("time", "'00:00:00'", json!("00:00:00")),
        ("blob", "0x00ff10", json!("AP8Q")),
        ("inet", "'10.0.0.1'", json!("10.0.0.1")),
        ("inet", "'2001:0db8:0:0::1'", json!("2001:db8::1")),
        ("duration", "1y2mo3d4h5m6s500ms", json!("P1Y2M3DT4H5M6.5S")),
        ("duration", "-1ns", json!("-PT0.000000001S")),
        ("frozen<list<int>>", "[3, 1, 1]", json!([3, 1, 1])),
        ("frozen<list<text>>", "[]", json!([])),
        ("frozen<set<decimal>>", "{10, 9.50, 1.0}", json!(["1.0", "10", "9.50"])),
        ("frozen<map<text, frozen<list<int>>>>", "{'a': [1], 'b': []}", json!({"a": [1], "b": []})),
        ("frozen<map<int, double>>", "{-1: 0.5, 10: NaN}", json!({"-1": 0.5, "10": "NaN"})),
        (
            "frozen<map<frozen<tuple<int, text>>, blob>>",
            "{(2, 'b'): 0x01, (1, null): 0x}",
            json!([[[1, null], ""], [[2, "b"], "AQ=="],]),
        ),
        ("tuple<int, text, boolean>", "(1, null, true)", json!([1, null, true])),
        ("frozen<address>", "{street: 'x', zip: null}", json!({"street": "x"})),
        ("frozen<list<frozen<address>>>", "[{street: null, zip: 1}]", json!([{"zip": 1}])),
        ("vector<float, 2>", "[0.1, 2]", json!([0.1, 2])),
        ("set<text>", "{'b', 'a'}", json!(["a", "b"])),
        ("list<int>!", "[2, 1]", json!([2, 1])),
        ("set<int>!", "{2, 1}", json!([1, 2])),
        (
            "map<text, frozen<address>>!",
            "{'home': {street: 's', zip: 2}}",
            json!({"home": {"street": "s", "zip": 2}}),
        ),
    ]
}

/// What another program wrote as CQL is read; what we write of it is the same cell to the last bit.
pub async fn every_type_goes_both_ways(scene: &Scene) -> Result<()> {
    scene.cql("CREATE TYPE shop.address (street text, zip int)").await?;
    let columns = columns();
    let names: Vec<String> = (0..columns.len()).map(|at| format!("c{at}")).collect();
    let definitions =
        columns.iter().zip(&names).map(|((of, ..), name)| format!("{name} {}", of.trim_end_matches('!')));
    let definitions: Vec<String> = definitions.collect();
    scene.cql(format!("CREATE TABLE shop.kinds (id int PRIMARY KEY, {})", definitions.join(", "))).await?;
    let literals: Vec<&str> = columns.iter().map(|(_, literal, _)| *literal).collect();
    let insert =
        format!("INSERT INTO shop.kinds (id, {}) VALUES (1, {})", names.join(", "), literals.join(", "));
    scene.cql(insert).await?;

    let table = scene.open("kinds").await?;
    let seen = row(&table, "1").await?;
    let mut writes = BTreeMap::new();
    for ((of, literal, want), name) in columns.iter().zip(&names) {
        let is = value(&seen, name);
        ensure!(is.0 == *want, "{of} {literal} is read as {}", is.0);
        let mapped = &table.mapping().columns[name.as_str()];
        ensure!(mapped.read_only == of.ends_with('!'), "{of} is only read: {}", mapped.read_only);
        if !mapped.read_only {
            writes.insert(field(name), CellWrite { value: is.clone(), at: micros(), ttl: None });
        }
    }
    let count = writes.len();
    table.write(&key("2"), &Write { cells: writes, row: RowWrite::Keep }, None).await?;
    let both = scene.cql(format!("SELECT {} FROM shop.kinds WHERE id IN (1, 2)", names.join(", "))).await?;
    let [one, other] = &both[..] else { anyhow::bail!("not two rows") };
    let mut compared = 0;
    for (((of, ..), one), other) in columns.iter().zip(&one.columns).zip(&other.columns) {
        if !of.ends_with('!') {
            same(one, other).with_context(|| (*of).to_owned())?;
            compared += 1;
        }
    }
    ensure!(compared == count && count > 40, "{compared} of {count}");
    let back = row(&table, "2").await?;
    for (name, cell) in &back.cells {
        // as texts, in which both zeros are told apart
        let [one, other] = [&seen.cells[name], cell].map(|cell| cell.value.0.to_string());
        ensure!(one == other, "{name}");
    }
    Ok(())
}

/// Null, and the values that look like nothing.
pub async fn nothing_and_empty_are_two(scene: &Scene) -> Result<()> {
    scene
        .cql("CREATE TABLE shop.empty (id int PRIMARY KEY, t text, b blob, l frozen<list<int>>, s set<text>, n int)")
        .await?;
    scene.cql("INSERT INTO shop.empty (id, t, b, l, s, n) VALUES (1, '', 0x, [], {}, null)").await?;
    scene.cql("INSERT INTO shop.empty (id, n) VALUES (2, blobAsInt(0x))").await?;
    let table = scene.open("empty").await?;
    let seen = row(&table, "1").await?;
    let names: Vec<&str> = seen.cells.keys().map(|name| name.as_str()).collect();
    ensure!(names == ["b", "l", "t"], "an empty set is null, and so is a null: {names:?}");
    ensure!(value(&seen, "t").0 == json!("") && value(&seen, "l").0 == json!([]));
    let unreadable = table.read(&key("2"), sync_server::store::Read::Quorum).await;
    ensure!(
        unreadable.is_err_and(|error| error.to_string().contains("empty value")),
        "an int without a byte"
    );

    let at = micros();
    let nothing = Value::ABSENT;
    table
        .write(
            &key("1"),
            &cells([cell("t", nothing.clone(), at), cell("l", nothing, at), cell("s", json!([]), at)]),
            None,
        )
        .await?;
    let seen = row(&table, "1").await?;
    ensure!(seen.cells.len() == 1 && value(&seen, "b").0 == json!(""), "deleted, not set to empty");
    Ok(())
}
