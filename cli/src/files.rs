//! Files in and out.

use std::fs;
use std::path::Path;

use serde_json::json;
use sync_client::api::{Answer, Command, FileFormat, ImportCounts, ImportPlan};
use sync_client::import;

use crate::args::{Format, Import};
use crate::failure::Failure;
use crate::find;
use crate::link::Link;
use crate::print;

pub(crate) async fn export(
    link: &mut Link,
    name: &str,
    format: Format,
    output: Option<&Path>,
) -> Result<(), Failure> {
    let collection = find::collection(link, name).await?.id;
    let text = text(link, Command::Export { collection, format: FileFormat::from(format) }).await?;
    match output {
        Some(path) => written(path, &text),
        None => print::line(text.trim_end_matches('\n')),
    }
}

fn written(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::Device(format!("{}: {error}", path.display())))
}

async fn text(link: &mut Link, command: Command) -> Result<String, Failure> {
    match link.ask(command).await? {
        Answer::Text(text) => Ok(text),
        other => Err(find::unexpected(&other)),
    }
}

pub(crate) async fn import(link: &mut Link, given: &Import, as_json: bool) -> Result<(), Failure> {
    let name = given.file.display().to_string();
    let failed = |error: std::io::Error| Failure::Device(format!("{name}: {error}"));
    let bytes = fs::metadata(&given.file).map_err(failed)?.len();
    import::check_file(&name, bytes)?;
    let text = String::from_utf8(fs::read(&given.file).map_err(failed)?).map_err(|_| {
        Failure::Usage(format!("{name} is not in UTF-8. Save it as UTF-8, and import it again."))
    })?;
    let into = match &given.into {
        Some(name) => Some(find::collection(link, name).await?.id),
        None => None,
    };
    let label = given.new.clone().unwrap_or_default();
    // the columns are guessed first, then the rest is said about them
    let mut plan = preview(link, &name, text, None).await?.plan;
    plan = ImportPlan { into, mode: given.mode.into(), columns: Vec::new(), ..plan };
    if !label.is_empty() {
        plan.label = label;
    }
    if given.key.is_some() {
        plan.key.clone_from(&given.key);
    }
    let preview = preview(link, &name, String::new(), Some(plan)).await?;
    if let Some(key) = &given.key
        && !preview.plan.columns.iter().any(|column| column.heading == *key)
    {
        return Err(Failure::Nothing(format!("The file has no column “{key}”.")));
    }
    for note in &preview.notes {
        print::note(note);
    }
    if given.dry_run {
        return told("would", &preview.counts, preview.refused_total, &preview.refused, as_json);
    }
    let report = match link.ask(Command::Import { plan: preview.plan }).await? {
        Answer::Imported(report) => report,
        other => return Err(find::unexpected(&other)),
    };
    if let Some(path) = given.refused.as_deref().filter(|_| report.refused_total > 0) {
        written(path, &self::text(link, Command::RefusedRows).await?)?;
    }
    told("", &report.counts, report.refused_total, &report.refused, as_json)
}

async fn preview(
    link: &mut Link,
    name: &str,
    text: String,
    plan: Option<ImportPlan>,
) -> Result<sync_client::api::Preview, Failure> {
    match link.ask(Command::Preview { name: name.to_owned(), text, plan }).await? {
        Answer::Preview(preview) => Ok(*preview),
        other => Err(find::unexpected(&other)),
    }
}

/// What came of it. Rows that were refused are a failure: a script must not take a part for the whole.
fn told(
    would: &str,
    counts: &ImportCounts,
    refused: usize,
    rows: &[sync_client::api::RefusedRow],
    as_json: bool,
) -> Result<(), Failure> {
    if as_json {
        print::json(&json!({
            "new": counts.new, "changed": counts.change, "same": counts.same, "left_out": counts.passed, "refused": refused,
            "dry_run": !would.is_empty(),
        }))?;
    } else {
        let be = if would.is_empty() { "" } else { "would be: " };
        print::line(&format!(
            "{be}{} new, {} changed, {} the same, {} left out, {refused} refused",
            counts.new, counts.change, counts.same, counts.passed
        ))?;
    }
    for row in rows {
        let column = if row.column.is_empty() { String::new() } else { format!(", {}", row.column) };
        print::note(&format!("row {}{column}: {}", row.row, row.reason));
    }
    match refused {
        0 => Ok(()),
        _ => Err(Failure::Refused(format!("{refused} rows cannot be imported; the others are as said."))),
    }
}
