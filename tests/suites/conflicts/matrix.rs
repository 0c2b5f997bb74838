//! Every policy on every type that it fits: of a field, of a collection, and a field's over its collection's.
//!
//! What is expected is written here by hand, for three values of each type; nothing is asked of the rules.

use anyhow::Result;
use std::fmt::Write;

use crate::table::{self, Scenario};

/// Type, then base, A's and B's value, as JSON.
const VALUES: [[&str; 4]; 11] = [
    ["text", "\"one two three\"", "\"ONE two three\"", "\"one two THREE\""],
    ["long_text", "\"one\\ntwo\\nthree\\n\"", "\"ONE\\ntwo\\nthree\\n\"", "\"one\\ntwo\\nTHREE\\n\""],
    ["integer", "10", "12", "15"],
    ["decimal", "\"1.5\"", "\"2.5\"", "\"3.5\""],
    ["yes_no", "null", "true", "false"],
    ["date", "\"2026-01-01\"", "\"2026-01-02\"", "\"2026-01-03\""],
    ["date_time", "\"2026-01-01T00:00:00Z\"", "\"2026-01-02T00:00:00Z\"", "\"2026-01-03T00:00:00Z\""],
    ["choice", "\"red\"", "\"green\"", "\"blue\""],
    ["tags", "[\"a\",\"b\"]", "[\"a\",\"b\",\"c\"]", "[\"b\",\"d\"]"],
    ["counter", "10", "12", "15"],
    ["json", "{\"a\":1}", "{\"a\":2}", "{\"a\":3}"],
];

/// What a policy that combines makes of them: policy, type, result.
const COMBINED: [[&str; 3]; 5] = [
    ["counter", "integer", "17"],
    ["counter", "counter", "17"],
    ["set", "tags", "[\"b\",\"c\",\"d\"]"],
    ["text", "text", "\"ONE two THREE\""],
    ["text", "long_text", "\"ONE\\ntwo\\nTHREE\\n\""],
];

const POLICIES: [&str; 6] = ["ask", "last", "first", "counter", "set", "text"];

/// Each policy as the field's own, then as the collection's, then the field's over another one of the collection.
pub fn scenarios() -> Result<Vec<Scenario>> {
    let mut all = String::new();
    for policy in POLICIES {
        let fitting = VALUES.iter().filter(|value| fits(policy, value[0]));
        let own: Vec<(&[&str; 4], &str)> = fitting.map(|value| (value, policy)).collect();
        write(&mut all, &format!("{policy} as each field's own policy"), None, Some(policy), &own)?;
        let over = if policy == "first" { "last" } else { "first" };
        write(
            &mut all,
            &format!("{policy} of fields over {over} of their collection"),
            Some(over),
            Some(policy),
            &own,
        )?;
        // where the collection's has no meaning for a type, the type's own counts
        let usual = |kind| if kind == "counter" { "counter" } else { "ask" };
        let of_collection =
            VALUES.iter().map(|value| (value, if fits(policy, value[0]) { policy } else { usual(value[0]) }));
        let of_collection: Vec<_> = of_collection.collect();
        write(
            &mut all,
            &format!("{policy} of a collection, on every type"),
            Some(policy),
            None,
            &of_collection,
        )?;
    }
    table::read(&all)
}

fn fits(policy: &str, kind: &str) -> bool {
    matches!(policy, "ask" | "last" | "first") || COMBINED.iter().any(|c| c[0] == policy && c[1] == kind)
}

/// One record for each type, so that none waits because of another. B's edits arrive later and were made later.
fn write(
    text: &mut String,
    name: &str,
    collection: Option<&str>,
    field: Option<&str>,
    rows: &[(&[&str; 4], &str)],
) -> Result<()> {
    writeln!(text, "== {name}")?;
    if let Some(policy) = collection {
        writeln!(text, "policy {policy}")?;
    }
    for ([kind, ..], _) in rows {
        writeln!(text, "A field things.x_{kind} {kind} x_{kind} {}", field.unwrap_or_default())?;
    }
    for (values, who) in [(1, "A"), (2, "A"), (3, "B")] {
        for ((row, _), key) in rows.iter().zip(1..) {
            let word = if values == 1 { "add" } else { "set" };
            let (kind, value) = (row[0], row[values]);
            // a record needs a value, also where the field begins without one
            let named = if values == 1 { "name=\"x\" " } else { "" };
            writeln!(text, "{who} {word} {key} {named}x_{kind}={value}")?;
        }
        writeln!(text, "{}", if values == 2 { "" } else { "sync A B" })?;
    }
    let asked = rows.iter().filter(|(_, policy)| *policy == "ask").count();
    writeln!(text, "open {asked}\nmerges {}", rows.len() - asked)?;
    for (([kind, base, a, b], policy), key) in rows.iter().zip(1..) {
        let combined = COMBINED.iter().find(|c| c[0] == *policy && c[1] == *kind).map(|c| c[2]);
        let result = match *policy {
            "ask" | "first" => a,
            "last" => b,
            _ => combined.unwrap_or(a),
        };
        match *policy {
            "ask" => writeln!(text, "sides {key} x_{kind} {base} {a} {b}\nrule {key} x_{kind} ask")?,
            _ => writeln!(text, "met {key} x_{kind} {base} {a} {b} {result} {policy}")?,
        }
        writeln!(text, "has {key} x_{kind}={result}")?;
    }
    Ok(())
}
