//! A table for a collection that has none.

use std::collections::BTreeSet;
use sync_protocol::schema::Field;
use sync_protocol::{FieldName, FieldType};

use super::{Cluster, TableError, quoted};

/// What the keys of a collection's records are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// All kinds, in a column of type text.
    Text,
    /// Whole numbers alone, in a column of type bigint.
    Number,
}

/// The statement that makes a table for a collection's fields: each in a column of its name. The key's column is called `key`, or
/// `_key` where a field has that name.
///
/// # Errors
///
/// The fields that no column can hold.
pub fn create_table(
    keyspace: &str,
    table: &str,
    key: KeyForm,
    fields: &[Field],
) -> Result<String, Vec<FieldName>> {
    let names: BTreeSet<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    // no field's name begins so
    let key_name = if names.contains("key") { "_key" } else { "key" };
    let key_type = match key {
        KeyForm::Text => "text",
        KeyForm::Number => "bigint",
    };
    let mut columns = vec![format!("    {} {key_type} PRIMARY KEY", name(key_name))];
    let mut without = Vec::new();
    for field in fields {
        match column_type(field.field_type) {
            Some(column_type) => columns.push(format!("    {} {column_type}", name(field.name.as_str()))),
            None => without.push(field.name.clone()),
        }
    }
    if !without.is_empty() {
        return Err(without);
    }
    Ok(format!("CREATE TABLE {}.{} (\n{}\n)", name(keyspace), name(table), columns.join(",\n")))
}

/// Makes the table. One of that name that is there already is refused, whatever it looks like.
///
/// # Errors
///
/// Also where the database's user may not make tables.
pub async fn make(cluster: &Cluster, create: &str) -> Result<(), TableError> {
    cluster.session.query_unpaged(create, ()).await?;
    Ok(())
}

/// The type of the column that a field gets.
fn column_type(field_type: FieldType) -> Option<&'static str> {
    Some(match field_type {
        FieldType::Text | FieldType::LongText | FieldType::Choice | FieldType::Json => "text",
        FieldType::Integer | FieldType::Counter => "bigint",
        FieldType::Decimal => "decimal",
        FieldType::YesNo => "boolean",
        FieldType::Date => "date",
        FieldType::DateTime => "timestamp",
        FieldType::Time => "time",
        FieldType::Tags => "set<text>",
        FieldType::Number => "double",
        FieldType::Uuid => "uuid",
        FieldType::Bytes => "blob",
        // made by a later version
        FieldType::Unknown => return None,
    })
}

/// A name as it is typed: in quotes where CQL would read something else without them.
pub(super) fn name(name: &str) -> String {
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if starts && plain && !RESERVED.contains(&name) { name.to_owned() } else { quoted(name) }
}

/// Words of CQL that no name has without quotes.
const RESERVED: [&str; 59] = [
    "add",
    "allow",
    "alter",
    "and",
    "apply",
    "asc",
    "authorize",
    "batch",
    "begin",
    "by",
    "columnfamily",
    "create",
    "default",
    "delete",
    "desc",
    "describe",
    "drop",
    "entries",
    "execute",
    "from",
    "full",
    "grant",
    "if",
    "in",
    "index",
    "infinity",
    "insert",
    "into",
    "is",
    "keyspace",
    "limit",
    "materialized",
    "mbean",
    "mbeans",
    "modify",
    "nan",
    "norecursive",
    "not",
    "null",
    "of",
    "on",
    "or",
    "order",
    "primary",
    "rename",
    "replace",
    "revoke",
    "schema",
    "select",
    "set",
    "table",
    "to",
    "token",
    "truncate",
    "unlogged",
    "unset",
    "update",
    "use",
    "using",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, field_type: FieldType) -> Field {
        let name = FieldName::new(name).unwrap();
        let label = name.to_string();
        Field::new(name, label, field_type)
    }

    #[test]
    fn names_stand_in_quotes_where_they_must() {
        let fields =
            [field("name", FieldType::Text), field("order", FieldType::Tags), field("key", FieldType::YesNo)];
        let text = create_table("shop", "Orders", KeyForm::Text, &fields).unwrap();
        assert_eq!(
            text,
            "CREATE TABLE shop.\"Orders\" (\n    \"_key\" text PRIMARY KEY,\n    name text,\n    \"order\" set<text>,\n    key boolean\n)"
        );
        let text = create_table("shop", "t", KeyForm::Number, &fields[..1]).unwrap();
        assert!(text.contains("key bigint PRIMARY KEY"));
        let later = create_table("shop", "t", KeyForm::Text, &[field("shape", FieldType::Unknown)]);
        assert_eq!(later, Err(vec![FieldName::new("shape").unwrap()]));
    }
}
