//! Which columns are which fields: proposed from what a table looks like, chosen by an owner, held against the table as it is.

use scylla::value::CqlValue;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use sync_protocol::schema::Field;
use sync_protocol::value::from_json;
use sync_protocol::{FieldName, FieldType, Value, limits};
use uuid::Uuid;

use super::describe::{Column, Refusal, Role, TableInfo};
use super::key::{Key, KeyColumn};
use super::types::{ColumnType, Kind, Plain};
use super::value::{Unfit, to_cql, to_value};

/// What an owner chose, and what the table looked like then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// The keyspace.
    pub keyspace: String,
    /// The table.
    pub table: String,
    /// Which one of that name.
    pub id: Uuid,
    /// The columns of its key, in order.
    pub key: Vec<ChosenKey>,
    /// The columns that are fields.
    pub columns: Vec<ChosenColumn>,
}

/// A column of the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenKey {
    /// Its name.
    pub column: String,
    /// Its type.
    pub cql: String,
}

/// A column that is a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenColumn {
    /// Its name.
    pub column: String,
    /// Its type.
    pub cql: String,
    /// The field.
    pub field: FieldName,
    /// What the field holds.
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// Whether it is only read.
    #[serde(default)]
    pub read_only: bool,
    /// When a column of that name was dropped last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<i64>,
}

/// What can be made of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// All columns that can be fields.
    pub chosen: Chosen,
    /// The fields, for the schema of a collection.
    pub fields: Vec<Field>,
    /// What there is to say about columns that are only read or left out.
    pub notes: Vec<Note>,
}

/// Why a column is only read, or left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The column.
    pub column: String,
    /// Whether it is left out.
    pub left_out: bool,
    /// Why, and what to do. For people.
    pub why: &'static str,
}

/// How a table is another one than was chosen. `Display` is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each says it in its sentence")]
pub enum Difference {
    #[error("the table cannot be mirrored any more: {0}")]
    Refused(#[from] Refusal),
    #[error("the table is gone")]
    TableGone,
    #[error("the table was dropped and made anew")]
    MadeAnew,
    #[error("the table has another key")]
    Key,
    #[error("column {0} is gone")]
    Gone(String),
    #[error("column {0} was dropped and added again: what was in it is not there any more")]
    AddedAgain(String),
    #[error("column {0} has another type")]
    Retyped(String),
    #[error("column {0} cannot be this type of field")]
    FieldType(String),
    #[error("column {0} can only be read")]
    ReadOnly(String),
    #[error("field {0} is chosen twice")]
    Twice(FieldName),
}

/// A mapping that holds for a table as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The keyspace.
    pub keyspace: String,
    /// The table.
    pub table: String,
    /// Its key.
    pub key: Key,
    /// The columns by field.
    pub columns: BTreeMap<FieldName, MappedColumn>,
    /// Whether partitions have values of their own: one of which only they are left answers as a row without a key.
    pub(super) has_static: bool,
}

/// A column that is a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedColumn {
    /// Its name.
    pub column: String,
    /// Its type.
    pub of: ColumnType,
    /// What the field holds.
    pub field_type: FieldType,
    /// Whether it is only read.
    pub read_only: bool,
}

/// Proposes a mapping of a table.
///
/// # Errors
///
/// A table that cannot be mirrored.
pub fn propose(info: &TableInfo) -> Result<Proposal, Refusal> {
    key(info)?;
    let chosen_key = info
        .columns
        .iter()
        .filter(|column| is_key(column))
        .map(|column| ChosenKey { column: column.name.clone(), cql: text(column).to_owned() });
    let mut proposal = Proposal {
        chosen: Chosen {
            keyspace: info.keyspace.clone(),
            table: info.table.clone(),
            id: info.id,
            key: chosen_key.collect(),
            columns: Vec::new(),
        },
        fields: Vec::new(),
        notes: Vec::new(),
    };
    let mut names = BTreeSet::new();
    for column in info.columns.iter().filter(|column| !is_key(column)) {
        let (field_types, why) = match possible(column, info) {
            Possible::Field(field_types, why) => (field_types, why),
            Possible::Not(why) => {
                proposal.notes.push(Note { column: column.name.clone(), left_out: true, why });
                continue;
            }
        };
        if proposal.fields.len() == limits::FIELDS {
            let why = "a collection has no more fields; leave other columns out";
            proposal.notes.push(Note { column: column.name.clone(), left_out: true, why });
            continue;
        }
        if let Some(why) = why {
            proposal.notes.push(Note { column: column.name.clone(), left_out: false, why });
        }
        let label = label(&column.name);
        let mut field = FieldName::from_label(&label);
        if !names.insert(field.clone()) {
            field = FieldName::marked(&label, column.name.as_bytes());
            names.insert(field.clone());
        }
        let field_type = field_types[0];
        proposal.fields.push(Field {
            position: proposal.fields.len() as i64,
            ..Field::new(field.clone(), label, field_type)
        });
        proposal.chosen.columns.push(ChosenColumn {
            column: column.name.clone(),
            cql: text(column).to_owned(),
            field,
            field_type,
            read_only: why.is_some(),
            dropped: info.dropped.get(&column.name).copied(),
        });
    }
    Ok(proposal)
}

impl Mapping {
    /// Holds what was chosen against the table as it is.
    ///
    /// # Errors
    ///
    /// All that differs.
    pub fn new(chosen: &Chosen, info: &TableInfo) -> Result<Self, Vec<Difference>> {
        let key = key(info).map_err(|refusal| vec![Difference::Refused(refusal)])?;
        if chosen.id != info.id {
            return Err(vec![Difference::MadeAnew]);
        }
        let mut differences = Vec::new();
        let keys = info.columns.iter().filter(|column| is_key(column));
        let keys: Vec<(&str, &str)> = keys.map(|column| (column.name.as_str(), text(column))).collect();
        let chosen_keys = chosen.key.iter().map(|key| (key.column.as_str(), key.cql.as_str()));
        if !chosen_keys.eq(keys) {
            differences.push(Difference::Key);
        }
        let mut columns = BTreeMap::new();
        for wanted in &chosen.columns {
            match mapped(wanted, info) {
                Ok(column) => {
                    if columns.insert(wanted.field.clone(), column).is_some() {
                        differences.push(Difference::Twice(wanted.field.clone()));
                    }
                }
                Err(difference) => differences.push(difference),
            }
        }
        if !differences.is_empty() {
            return Err(differences);
        }
        Ok(Self {
            keyspace: info.keyspace.clone(),
            table: info.table.clone(),
            key,
            columns,
            has_static: info.columns.iter().any(|column| column.role == Role::Static),
        })
    }
}

fn mapped(wanted: &ChosenColumn, info: &TableInfo) -> Result<MappedColumn, Difference> {
    let name = || wanted.column.clone();
    let column = info.columns.iter().find(|column| column.name == wanted.column && !is_key(column));
    let column = column.ok_or_else(|| Difference::Gone(name()))?;
    if info.dropped.get(&wanted.column).copied() != wanted.dropped {
        return Err(Difference::AddedAgain(name()));
    }
    let of = column.of.clone().ok().filter(|of| of.text == wanted.cql);
    let of = of.ok_or_else(|| Difference::Retyped(name()))?;
    match possible(column, info) {
        Possible::Field(types, _) if !types.contains(&wanted.field_type) => {
            Err(Difference::FieldType(name()))
        }
        Possible::Field(_, Some(_)) if !wanted.read_only => Err(Difference::ReadOnly(name())),
        Possible::Field(..) => Ok(MappedColumn {
            column: name(),
            of,
            field_type: wanted.field_type,
            read_only: wanted.read_only,
        }),
        Possible::Not(_) => Err(Difference::FieldType(name())),
    }
}

impl MappedColumn {
    /// Whether the field holds JSON and the column its text.
    fn is_json_text(&self) -> bool {
        self.field_type == FieldType::Json && self.of.kind == Kind::Plain(Plain::Text)
    }

    /// A cell's value as its field holds it.
    ///
    /// # Errors
    ///
    /// What no record holds.
    pub fn to_value(&self, cql: &CqlValue) -> Result<Value, Unfit> {
        match cql {
            CqlValue::Text(text) if self.is_json_text() => {
                // “null” is JSON, and no value
                let value = from_json(text).ok().filter(|value| !value.is_absent());
                value.ok_or(Unfit::Beyond("the text is not JSON; make the field one of text"))
            }
            cql => to_value(cql, &self.of.kind),
        }
    }

    /// A field's value as its cell holds it.
    ///
    /// # Errors
    ///
    /// What the column does not take.
    pub fn to_cql(&self, value: &Value) -> Result<CqlValue, Unfit> {
        if self.is_json_text() {
            return Ok(CqlValue::Text(value.0.to_string()));
        }
        to_cql(value, &self.of.kind)
    }
}

enum Possible {
    /// Types of fields, the best first; why it can only be read, if so.
    Field(&'static [FieldType], Option<&'static str>),
    Not(&'static str),
}

fn possible(column: &Column, info: &TableInfo) -> Possible {
    let Ok(of) = &column.of else {
        return Possible::Not("its type is unknown here");
    };
    if column.masked {
        return Possible::Not("it is masked: what is read from it may not be what is in it");
    }
    if of.kind.contains(Plain::Counter) {
        return Possible::Not("it is a counter, which cannot be set");
    }
    let is_tags = of.kind == Kind::Set(Box::new(Kind::Plain(Plain::Text))) && of.many_cells;
    if of.many_cells {
        if matches!(of.kind, Kind::Made(_)) {
            return Possible::Not(
                "each of its fields is a cell of its own, and the database does not tell when each was written; make it frozen",
            );
        }
        if !info.tells_elements {
            return Possible::Not(
                "before Cassandra 5.0 the database does not tell when elements were last written; make it frozen",
            );
        }
    }
    let only_read = if column.role == Role::Static {
        Some("it has one value for a whole partition, which no single record owns")
    } else if of.many_cells && !is_tags {
        Some(
            "each of its elements is a cell of its own; only sets of text can be written so, or make it frozen",
        )
    } else {
        None
    };
    let types: &'static [FieldType] = match &of.kind {
        Kind::Plain(plain) => plain_types(*plain),
        _ if is_tags => &[FieldType::Tags],
        _ => &[FieldType::Json],
    };
    Possible::Field(types, only_read)
}

/// Texts are of many lines unless somebody says otherwise: what another program writes is then never refused for its form.
pub(super) fn plain_types(plain: Plain) -> &'static [FieldType] {
    use FieldType as F;
    match plain {
        Plain::Text => &[F::LongText, F::Text, F::Choice, F::Json],
        Plain::Ascii => &[F::LongText, F::Text, F::Choice],
        Plain::Tinyint | Plain::Smallint | Plain::Int | Plain::Bigint | Plain::Counter => {
            &[F::Integer, F::Counter]
        }
        Plain::Varint | Plain::Decimal => &[F::Decimal],
        Plain::Float | Plain::Double => &[F::Number],
        Plain::Boolean => &[F::YesNo],
        Plain::Date => &[F::Date],
        Plain::Timestamp => &[F::DateTime],
        Plain::Time => &[F::Time],
        Plain::Uuid | Plain::Timeuuid => &[F::Uuid],
        Plain::Blob => &[F::Bytes],
        Plain::Inet | Plain::Duration => &[F::Text],
    }
}

fn key(info: &TableInfo) -> Result<Key, Refusal> {
    if let Some(refusal) = &info.refused {
        return Err(refusal.clone());
    }
    let columns = info.columns.iter().filter(|column| is_key(column)).map(|column| match &column.of {
        Ok(of) => Ok(KeyColumn {
            name: column.name.clone(),
            kind: of.kind.clone(),
            clustering: column.role == Role::Clustering,
        }),
        Err(unknown) => Err(Refusal::Key { column: column.name.clone(), why: unknown.to_string() }),
    });
    let key = Key(columns.collect::<Result<_, _>>()?);
    match key.unusable() {
        Some((column, why)) => Err(Refusal::Key { column: column.to_owned(), why: why.to_owned() }),
        None => Ok(key),
    }
}

fn is_key(column: &Column) -> bool {
    matches!(column.role, Role::Partition | Role::Clustering)
}

fn text(column: &Column) -> &str {
    match &column.of {
        Ok(of) => &of.text,
        Err(unknown) => &unknown.0,
    }
}

/// What people call a column: `us_gross` is `Us gross`, where the field has the column's own name all the same.
fn label(column: &str) -> String {
    let spaced = column.replace('_', " ");
    let mut letters = spaced.chars();
    let first = letters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    let label = format!("{first}{}", letters.as_str());
    if FieldName::from_label(&label) == FieldName::from_label(column) {
        return label;
    }
    // names in quotes may be anything
    column.chars().filter(|c| !c.is_control()).take(limits::LABEL_CHARS).collect()
}
