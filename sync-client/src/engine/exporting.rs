//! A collection as a file: exactly what is stored, as the person sees it, so that it can be imported again.

use std::collections::BTreeSet;
use sync_protocol::Ordered;

use sync_protocol::schema::{Collection, Field};
use sync_protocol::{CollectionId, FieldName, FieldType, Fields, RecordKey, Value};

use super::workspace::Workspace;
use crate::api::{Failure, FileFormat};
use crate::query::storage;
use crate::sheet::{self, Cell, KEY};
use crate::store::LocalStore;

/// The file's text.
pub(super) async fn written<S: LocalStore>(
    open: &mut Workspace<S>,
    id: &CollectionId,
    format: FileFormat,
) -> Result<String, Failure> {
    let collection = open.replica.schema().collection(id).filter(|_| !id.is_reserved());
    let collection = collection
        .ok_or_else(|| Failure::input("This collection does not exist (any more). Choose another one."))?;
    let views = open.tables.views(&open.store, &open.replica, id).await.map_err(storage)?;
    let records = views.all();
    let columns = columns(collection, &records);
    Ok(match format {
        FileFormat::Csv => csv(&columns, &records),
        FileFormat::Json => json(&columns, &records),
    })
}

/// A column: what it is called, and the field's values in it.
struct Column {
    heading: String,
    name: FieldName,
    field_type: Option<FieldType>,
}

/// The fields in their order, and behind them what records hold beyond them. No two columns are called the same.
fn columns(collection: &Collection, records: &[(RecordKey, Fields)]) -> Vec<Column> {
    let names = records.iter().flat_map(|(_, fields)| fields.keys());
    let unknown: BTreeSet<&FieldName> =
        names.filter(|name| !collection.fields.contains_key(*name)).ordered_set();
    let known = collection
        .ordered()
        .into_iter()
        .map(|field: &Field| (field.label.clone(), field.name.clone(), Some(field.field_type)));
    let unknown = unknown.into_iter().map(|name| (name.to_string(), name.clone(), None));
    let mut taken = [KEY.to_owned()].into_iter().ordered_set();
    let named = known.chain(unknown).map(|(label, name, field_type)| {
        let label = label.trim().to_owned();
        let heading = if taken.insert(label.clone()) { label } else { format!("{label} ({name})") };
        taken.insert(heading.clone());
        Column { heading, name, field_type }
    });
    named.collect()
}
fn csv(columns: &[Column], records: &[(RecordKey, Fields)]) -> String {
    let heading: Vec<String> =
        std::iter::once(KEY.to_owned()).chain(columns.iter().map(|column| column.heading.clone())).collect();
    let rows = records.iter().map(|(key, fields)| {
        let key = match key {
            RecordKey::Int(n) => Cell::Number(n.to_string()),
            RecordKey::Text(text) => Cell::Text(text.clone()),
        };
        let value =
            |column: &Column| fields.get(&column.name).map_or_else(|| "".into(), |value| cell(column, value));
        std::iter::once(key).chain(columns.iter().map(value)).collect()
    });
    sheet::write(&heading, rows)
}
fn cell(column: &Column, value: &Value) -> Cell {
    let field_type = column.field_type.filter(|t| t.check(value, &[]).is_ok() || *t == FieldType::Choice);
    let shown = match field_type {
        Some(field_type) => field_type.show(value),
        // a value that no field explains
        None => value.as_text().map_or_else(|| value.0.to_string(), str::to_owned),
    };
    match field_type {
        Some(FieldType::Integer | FieldType::Decimal | FieldType::Counter | FieldType::Number) => {
            Cell::Number(shown)
        }
        _ => Cell::Text(shown),
    }
}

fn json(columns: &[Column], records: &[(RecordKey, Fields)]) -> String {
    // written by hand, so that the names keep the order of the fields
    let name = |text: &str| serde_json::Value::from(text).to_string();
    let object = |(key, fields): &(RecordKey, Fields)| {
        let key = std::iter::once((KEY, key.to_text()));
        let values = columns
            .iter()
            .filter_map(|column| Some((column.heading.as_str(), fields.get(&column.name)?.0.to_string())));
        let pairs: Vec<String> =
            key.chain(values).map(|(heading, value)| format!("{}: {value}", name(heading))).collect();
        format!("  {{{}}}", pairs.join(", "))
    };
    let objects: Vec<String> = records.iter().map(object).collect();
    format!("[\n{}\n]\n", objects.join(",\n"))
}
