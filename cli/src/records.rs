//! Records: read, listed, written, deleted.

use std::collections::BTreeMap;
use std::io::BufRead;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sync_client::api::{Answer, CollectionInfo, Command, Marks, Op, Row, Seen, Window};
use sync_client::limits;
use sync_protocol::{CollectionId, Fields, RecordId, RecordKey, Value, record};

use crate::args::{List, Write};
use crate::failure::Failure;
use crate::link::Link;
use crate::print::{self, Table};
use crate::{filter, find};

/// Records asked for at a time: what an answer has at most.
const PAGE: usize = 500;

/// How a record is written to a script: a line.
#[derive(Serialize)]
pub(crate) struct Written<'r> {
    /// Where it is told of several collections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) collection: Option<&'r CollectionId>,
    pub(crate) key: &'r RecordKey,
    /// `null` where there is no such record.
    pub(crate) fields: Option<&'r Fields>,
    #[serde(skip_serializing_if = "Marks::is_clean")]
    pub(crate) marks: Marks,
    /// Where it is told that it changed: by this device, or by the server's news.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<&'static str>,
}

impl<'r> Written<'r> {
    pub(crate) fn new(key: &'r RecordKey, fields: Option<&'r Fields>) -> Self {
        Self { collection: None, key, fields, marks: Marks::default(), by: None }
    }
}

/// The values of records; `None` for those that are not there.
pub(crate) async fn values(link: &mut Link, ids: &[RecordId]) -> Result<Vec<Option<Fields>>, Failure> {
    let mut all = Vec::with_capacity(ids.len());
    for ids in ids.chunks(PAGE) {
        match link.ask(Command::Get { ids: ids.to_vec() }).await? {
            Answer::Got(found) => all.extend(found),
            other => return Err(find::unexpected(&other)),
        }
    }
    Ok(all)
}

pub(crate) async fn get(link: &mut Link, name: &str, keys: &[String], as_lines: bool) -> Result<(), Failure> {
    let collection = find::collection(link, name).await?;
    let ids: Vec<RecordId> = keys.iter().map(|key| find::record(&collection.id, key)).collect();
    let found = values(link, &ids).await?;
    for (at, (id, fields)) in ids.iter().zip(&found).enumerate() {
        match fields {
            _ if as_lines => print::json(&Written::new(&id.key, fields.as_ref()))?,
            Some(fields) => {
                if at > 0 {
                    print::line("")?;
                }
                show(&collection, &id.key, fields)?;
            }
            None => {}
        }
    }
    let missing: Vec<String> = ids
        .iter()
        .zip(&found)
        .filter(|(_, found)| found.is_none())
        .map(|(id, _)| id.key.to_string())
        .collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Failure::Nothing(format!(
            "“{}” has no record {}.",
            collection.collection.label,
            missing.join(", ")
        ))),
    }
}

fn show(collection: &CollectionInfo, key: &RecordKey, fields: &Fields) -> Result<(), Failure> {
    print::line(&format!("{}: {key}", collection.collection.title(key, fields)))?;
    for field in collection.collection.ordered() {
        let value = record::value_of(fields, &field.name);
        if !value.is_absent() {
            print::line(&format!("  {}: {}", field.label, field.field_type.show(value)))?;
        }
    }
    Ok(())
}

pub(crate) async fn list(link: &mut Link, list: &List, as_lines: bool) -> Result<(), Failure> {
    let collection = find::collection(link, &list.select.collection).await?;
    let view = filter::view(&collection, &list.select)?;
    let shown = match list.fields.is_empty() {
        true => collection.collection.ordered(),
        false => list
            .fields
            .iter()
            .map(|name| find::field(&collection.collection, name))
            .collect::<Result<_, _>>()?,
    };
    let most = if list.count { 0 } else { list.limit.unwrap_or(usize::MAX) };
    let window = |offset, given: usize| Window::at(offset, (most - given).min(PAGE));
    let first = Command::Watch { view: Box::new(view), window: window(list.offset, 0), figures: Vec::new() };
    let Answer::Watched(watched) = link.ask(first).await? else {
        return Err(Failure::Device("Mooring did not open the view.".into()));
    };
    let (id, mut page) = (watched.id, watched.shown);
    if list.count {
        let line = json!({ "matching": page.matching, "total": page.total });
        if as_lines { print::json(&line)? } else { print::line(&page.matching.to_string())? }
    } else {
        let heading = std::iter::once("Key".to_owned()).chain(shown.iter().map(|field| field.label.clone()));
        let mut table = (!as_lines).then(|| Table::new(heading.collect()));
        let mut given = 0;
        loop {
            let cells = |row: &Row| {
                let value = |field: &&sync_protocol::schema::Field| {
                    field.field_type.show(record::value_of(&row.fields, &field.name))
                };
                std::iter::once(row.key.to_string()).chain(shown.iter().map(value)).collect()
            };
            match &mut table {
                Some(table) => table.rows(&page.rows.iter().map(cells).collect::<Vec<_>>())?,
                None => {
                    for row in &mut page.rows {
                        if !list.fields.is_empty() {
                            row.fields.retain(|name, _| shown.iter().any(|field| field.name == *name));
                        }
                        let line = Written { marks: row.marks, ..Written::new(&row.key, Some(&row.fields)) };
                        print::json(&line)?;
                    }
                }
            }
            given += page.rows.len();
            let is_last = page.rows.is_empty() || list.offset + given >= page.matching;
            if is_last || given >= most {
                break;
            }
            page = match link.ask(Command::Look { id, window: window(list.offset + given, given) }).await? {
                Answer::Looked(looked) => looked,
                other => return Err(find::unexpected(&other)),
            };
        }
    }
    link.ask(Command::Unwatch { id }).await.map(drop)
}

/// What is read from standard input.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default)]
    key: Option<RecordKey>,
    fields: BTreeMap<String, Value>,
    /// What `list` and `get` write beside it.
    #[serde(default, rename = "marks")]
    _marks: serde_json::Value,
}

/// The records that are to be written, with values by field; an absent one takes away.
fn wanted(collection: &CollectionInfo, write: &Write) -> Result<Vec<(Option<RecordKey>, Fields)>, Failure> {
    let Some(key) = &write.key else {
        let mut all = Vec::new();
        for (at, line) in std::io::stdin().lock().lines().enumerate() {
            let wrong = |what: &dyn std::fmt::Display| Failure::Usage(format!("Line {}: {what}", at + 1));
            let line = line.map_err(|error| wrong(&error))?;
            if line.trim().is_empty() {
                continue;
            }
            if all.len() == limits::STEP_OPS {
                return Err(Failure::Usage(format!(
                    "One step has at most {} records. Make several of it.",
                    limits::STEP_OPS
                )));
            }
            let line: Line = serde_json::from_str(&line).map_err(|error| wrong(&error))?;
            let mut fields = Fields::new();
            for (name, value) in line.fields {
                let name = match find::field(&collection.collection, &name) {
                    Ok(field) => field.name.clone(),
                    Err(_) if collection.collection.open => {
                        sync_protocol::FieldName::new(&name).map_err(|error| wrong(&error))?
                    }
                    Err(error) => return Err(wrong(&error)),
                };
                fields.insert(name, value);
            }
            all.push((line.key, fields));
        }
        return Ok(all);
    };
    Ok(vec![(Some(RecordKey::from_input(key)), find::values(&collection.collection, &write.values)?)])
}

pub(crate) async fn put(link: &mut Link, write: &Write, as_lines: bool) -> Result<(), Failure> {
    let collection = find::collection(link, &write.collection).await?;
    let ops = wanted(&collection, write)?.into_iter().map(|(key, mut fields)| {
        fields.retain(|_, value| !value.is_absent());
        match key {
            Some(key) => Op::Put { id: RecordId::new(collection.id.clone(), key), fields },
            None => Op::Insert { collection: collection.id.clone(), key: None, fields },
        }
    });
    save(link, ops.collect(), as_lines).await
}

pub(crate) async fn patch(link: &mut Link, write: &Write, as_lines: bool) -> Result<(), Failure> {
    let collection = find::collection(link, &write.collection).await?;
    let mut ids = Vec::new();
    let mut wants = Vec::new();
    for (key, fields) in wanted(&collection, write)? {
        let key = key
            .ok_or_else(|| Failure::Usage("A change needs the key of the record that it changes.".into()))?;
        ids.push(RecordId::new(collection.id.clone(), key));
        wants.push(fields);
    }
    let found = values(link, &ids).await?;
    let mut ops = Vec::new();
    for ((id, want), there) in ids.into_iter().zip(wants).zip(found) {
        let there = there.ok_or_else(|| {
            Failure::Nothing(format!(
                "“{}” has no record {}. Add it with put.",
                collection.collection.label, id.key
            ))
        })?;
        let seen = |(name, want): (sync_protocol::FieldName, Value)| {
            let saw = record::value_of(&there, &name).clone();
            (name, Seen { saw, want })
        };
        ops.push(Op::Edit { id, fields: want.into_iter().map(seen).collect() });
    }
    save(link, ops, as_lines).await
}

pub(crate) async fn delete(
    link: &mut Link,
    name: &str,
    keys: &[String],
    as_lines: bool,
) -> Result<(), Failure> {
    let collection = find::collection(link, name).await?;
    let ids: Vec<RecordId> = keys.iter().map(|key| find::record(&collection.id, key)).collect();
    let found = values(link, &ids).await?;
    if let Some((id, _)) = ids.iter().zip(found).find(|(_, found)| found.is_none()) {
        return Err(Failure::Nothing(format!(
            "“{}” has no record {}. Nothing was deleted.",
            collection.collection.label, id.key
        )));
    }
    save(link, ids.into_iter().map(|id| Op::Delete { id }).collect(), as_lines).await
}

/// All of it in one step, or nothing.
async fn save(link: &mut Link, ops: Vec<Op>, as_lines: bool) -> Result<(), Failure> {
    if ops.is_empty() {
        return Err(Failure::Usage("There is nothing to save.".into()));
    }
    let write = Command::Write { ops, label: None, types: Vec::new(), memos: Vec::new() };
    match link.ask(write).await? {
        Answer::Saved { ids } if as_lines => {
            let keys: Vec<&RecordKey> = ids.iter().map(|id| &id.key).collect();
            print::json(&json!({ "saved": keys }))
        }
        Answer::Saved { ids } => ids.iter().try_for_each(|id| print::line(&id.key.to_string())),
        other => Err(find::unexpected(&other)),
    }
}
