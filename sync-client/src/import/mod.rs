//! Files of records (CSV, JSON) as new records: look first, then import, row by row, with nothing coerced silently.

use std::collections::{BTreeMap, BTreeSet};

use sync_protocol::schema::{Collection, Field};
use sync_protocol::{CollectionId, FieldName, FieldType, Fields, RecordId, RecordKey, Value};

use crate::api::{Failure, ImportColumn, ImportPlan, Preview, RefusedRow, Row};
use crate::limits;

mod file;
mod guess;

pub(crate) use file::grouped;
pub use file::{Cell, File, check_file};

/// Rows of a preview's sample.
const SAMPLE: usize = 8;

/// Looks at a file: what it would become under a plan, or under a guessed one.
pub fn preview(file: &File, plan: Option<ImportPlan>) -> Preview {
    let plan = plan.unwrap_or_else(|| guess::plan(file));
    let mut rows = Rows::new(file, &plan);
    let mut sample = Vec::new();
    while let Some(result) = rows.next() {
        if let Ok((key, fields)) = result
            && sample.len() < SAMPLE
        {
            sample.push(Row { key, fields, marks: Default::default(), gone: false });
        }
    }
    let notes = rows.notes().into_iter().chain(unreadable(file)).collect();
    Preview {
        rows: file.rows.len(),
        sample,
        refused: rows.refused,
        refused_total: rows.refused_total,
        notes,
        plan,
    }
}

/// What a reader puts where bytes are no text in UTF-8. The file may also hold such characters: so a person is told.
fn unreadable(file: &File) -> Option<String> {
    let lost = |cell: &&Cell| matches!(cell, Cell::Text(text) if text.contains('\u{fffd}'));
    match file.rows.iter().flatten().filter(lost).count() {
        0 => None,
        n => Some(format!(
            "{n} {} “\u{fffd}” where a character could not be read. If letters are missing there, save the file again in UTF-8, then choose it again.",
            if n == 1 { "cell has" } else { "cells have" }
        )),
    }
}

/// Whether a plan was made for this file, not for one that another tab looked at.
pub fn check_file_of(file: &File, plan: &ImportPlan) -> Result<(), Failure> {
    match plan.file == file.number {
        true => Ok(()),
        false => {
            Err(Failure::input("Another tab has looked at another file meanwhile. Choose this file again."))
        }
    }
}

/// Checks that a plan can be carried out at all.
pub fn check_plan(file: &File, plan: &ImportPlan) -> Result<(), Failure> {
    check_file_of(file, plan)?;
    let taken: Vec<&ImportColumn> = plan.columns.iter().filter(|c| c.take).collect();
    if taken.is_empty() && plan.key.is_none() {
        return Err(Failure::input("No column is chosen. Choose at least one, then import."));
    }
    let names: BTreeSet<&FieldName> = taken.iter().map(|c| &c.field.name).collect();
    if names.len() < taken.len() {
        return Err(Failure::input(
            "Two columns would become the same field. Give one of them another name.",
        ));
    }
    if taken.len() > sync_protocol::limits::FIELDS {
        return Err(Failure::input(format!(
            "A collection has at most {} fields. Choose fewer columns.",
            sync_protocol::limits::FIELDS
        )));
    }
    let known = |heading: &str| file.headings.iter().any(|h| h == heading);
    match plan.columns.iter().map(|c| c.heading.as_str()).chain(plan.key.as_deref()).find(|h| !known(h)) {
        Some(heading) => {
            Err(Failure::input(format!("The file has no column “{heading}”. Choose the file again.")))
        }
        None if plan.into.is_none() && plan.label.trim().is_empty() => {
            Err(Failure::input("The new collection needs a name."))
        }
        None => Ok(()),
    }
}

/// The fields that a plan makes of a file's columns.
pub fn fields(plan: &ImportPlan) -> Vec<Field> {
    plan.columns.iter().filter(|c| c.take).map(|c| c.field.clone()).collect()
}

/// The fields of a plan that a collection does not have yet, or a failure where one has another type there.
pub fn missing_fields(plan: &ImportPlan, collection: &Collection) -> Result<Vec<Field>, Failure> {
    let mut missing = Vec::new();
    for field in fields(plan) {
        match collection.fields.get(&field.name) {
            None => missing.push(field),
            Some(known) if known.field_type == field.field_type => {}
            Some(known) => {
                return Err(Failure::input(format!(
                    "The field “{}” of this collection holds {}; the column would be {}. Choose the same type, or another field.",
                    known.label,
                    type_words(known.field_type),
                    type_words(field.field_type)
                )));
            }
        }
    }
    Ok(missing)
}

/// The rows of a file under a plan, one after another.
#[derive(Debug)]
pub struct Rows<'f> {
    file: &'f File,
    at: usize,
    key: Option<usize>,
    columns: Vec<(usize, Field)>,
    keys: BTreeSet<RecordKey>,
    numbers_as_text: BTreeMap<String, usize>,
    /// Refused rows: the first [`limits::REFUSED_LISTED`].
    pub refused: Vec<RefusedRow>,
    /// How many were refused.
    pub refused_total: usize,
}

impl<'f> Rows<'f> {
    /// Starts at the first row.
    pub fn new(file: &'f File, plan: &ImportPlan) -> Self {
        Self::from(file, plan, 0, BTreeSet::new())
    }

    /// Starts at a row, with the keys met before it.
    pub fn from(file: &'f File, plan: &ImportPlan, at: usize, keys: BTreeSet<RecordKey>) -> Self {
        let place = |heading: &str| file.headings.iter().position(|h| h == heading);
        Self {
            file,
            at,
            key: plan.key.as_deref().and_then(place),
            columns: plan
                .columns
                .iter()
                .filter(|c| c.take)
                .filter_map(|c| Some((place(&c.heading)?, c.field.clone())))
                .collect(),
            keys,
            numbers_as_text: BTreeMap::new(),
            refused: Vec::new(),
            refused_total: 0,
        }
    }

    /// The keys met so far.
    pub fn into_keys(self) -> BTreeSet<RecordKey> {
        self.keys
    }

    /// Refuses a row for a reason found elsewhere.
    pub fn refuse(&mut self, row: usize, column: &str, reason: String) {
        self.refused_total += 1;
        if self.refused.len() < limits::REFUSED_LISTED {
            self.refused.push(RefusedRow { row, column: column.to_owned(), reason });
        }
    }

    /// Which row is next, from 0.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The next row as a record, or `Err` where it was refused (and noted).
    #[allow(clippy::should_implement_trait, reason = "an iterator would borrow what `refuse` changes")]
    pub fn next(&mut self) -> Option<Result<(RecordKey, Fields), ()>> {
        let cells = self.file.rows.get(self.at)?;
        self.at += 1;
        let number = self.at;
        let result = self.row(number, cells);
        Some(result.map_err(|(column, reason)| self.refuse(number, &column, reason)))
    }

    fn row(&mut self, number: usize, cells: &[Cell]) -> Result<(RecordKey, Fields), (String, String)> {
        if cells.len() != self.file.headings.len() {
            let reason =
                format!("it has {} cells, the heading has {}", cells.len(), self.file.headings.len());
            return Err((String::new(), reason));
        }
        let key = match self.key {
            None => RecordKey::Int(number as i64),
            Some(place) => {
                let heading = || self.file.headings[place].clone();
                let key = key_of(&cells[place]).map_err(|reason| (heading(), reason))?;
                key.check().map_err(|e| (heading(), e.0))?;
                if self.keys.contains(&key) {
                    return Err((heading(), format!("the key “{key}” is there twice")));
                }
                key
            }
        };
        let mut fields = Fields::new();
        for (place, field) in &self.columns {
            let heading = &self.file.headings[*place];
            let value = convert(&cells[*place], field).map_err(|reason| (heading.clone(), reason))?;
            if matches!(&cells[*place], Cell::Json(serde_json::Value::Number(_))) && is_text(field.field_type)
            {
                *self.numbers_as_text.entry(heading.clone()).or_default() += 1;
            }
            if !value.is_absent() {
                fields.insert(field.name.clone(), value);
            }
        }
        if key.to_text().len() + sync_protocol::record::fields_size(&fields) > limits::IMPORT_RECORD_BYTES {
            let most = sync_protocol::limits::RECORD_BYTES >> 20;
            return Err((
                String::new(),
                format!("it is larger than {most} MB, the most that a record holds"),
            ));
        }
        self.keys.insert(key.clone());
        Ok((key, fields))
    }

    fn notes(&self) -> Vec<String> {
        self.numbers_as_text
            .iter()
            .map(|(heading, n)| match n {
                1 => format!("1 number in “{heading}” becomes text, because the column also holds text."),
                n => format!("{n} numbers in “{heading}” become text, because the column also holds text."),
            })
            .collect()
    }
}

fn is_text(t: FieldType) -> bool {
    matches!(t, FieldType::Text | FieldType::LongText)
}

fn key_of(cell: &Cell) -> Result<RecordKey, String> {
    match cell {
        Cell::Text(text) if text.trim().is_empty() => Err("the key is empty".into()),
        Cell::Text(text) => Ok(RecordKey::from_input(text.trim())),
        Cell::Json(serde_json::Value::String(text)) => Ok(RecordKey::Text(text.clone())),
        Cell::Json(serde_json::Value::Number(n)) => match n.as_i64() {
            Some(n) => Ok(RecordKey::Int(n)),
            None => Err("a key is a whole number or a text".into()),
        },
        Cell::Absent | Cell::Json(serde_json::Value::Null) => Err("the key is empty".into()),
        Cell::Json(_) => Err("a key is a whole number or a text".into()),
    }
}

/// A cell as a value of that field, or why not.
fn convert(cell: &Cell, field: &Field) -> Result<Value, String> {
    use serde_json::Value as J;
    let json = match cell {
        Cell::Absent => return Ok(Value::ABSENT),
        Cell::Text(text) => {
            return field.field_type.parse(text, &field.options).map_err(|m| m.to_string());
        }
        Cell::Json(json) => json,
    };
    let value = match (field.field_type, json) {
        (FieldType::Decimal, J::Number(n)) => {
            let text = sync_protocol::value::canonical_decimal(&n.to_string());
            Value::from(text.ok_or("more than 28 digits")?)
        }
        (t, J::Number(n)) if is_text(t) => Value::from(n.to_string()),
        (
            FieldType::Decimal | FieldType::Integer | FieldType::Date | FieldType::DateTime,
            J::String(text),
        ) => {
            return field.field_type.parse(text, &field.options).map_err(|m| m.to_string());
        }
        (FieldType::Tags, J::Array(items)) if items.iter().all(J::is_string) => {
            Value::from_tags(items.iter().filter_map(J::as_str))
        }
        (_, other) => Value(other.clone()),
    };
    field.field_type.check(&value, &field.options).map_err(|m| m.to_string())?;
    Ok(value)
}

/// A type in words for a person.
fn type_words(t: FieldType) -> &'static str {
    match t {
        FieldType::Text => "text",
        FieldType::LongText => "long text",
        FieldType::Integer => "whole numbers",
        FieldType::Decimal => "decimal numbers",
        FieldType::YesNo => "yes or no",
        FieldType::Date => "dates",
        FieldType::DateTime => "dates with time",
        FieldType::Choice => "a choice",
        FieldType::Tags => "tags",
        FieldType::Counter => "a counter",
        FieldType::Json => "JSON",
    }
}

/// The id of a row's record.
pub fn record_id(collection: &CollectionId, key: RecordKey) -> RecordId {
    RecordId::new(collection.clone(), key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(name: &str, text: &str) -> Preview {
        preview(&File::read(name, text).unwrap(), None)
    }

    fn types(preview: &Preview) -> Vec<(&str, FieldType)> {
        preview.plan.columns.iter().map(|c| (c.heading.as_str(), c.field.field_type)).collect()
    }

    #[test]
    fn csv_is_guessed_by_its_values() {
        let preview = look(
            "stock.csv",
            "code,Name,zip,count,price,ok,day\nA1,Ann,01234,5,1.50,true,2024-01-02\nB2,\"Bob, jr\",99999,-7,2,false,2024-02-29\n",
        );
        use FieldType::*;
        assert_eq!(
            types(&preview),
            [
                ("code", Text),
                ("Name", Text),
                ("zip", Text),
                ("count", Integer),
                ("price", Decimal),
                ("ok", YesNo),
                ("day", Date)
            ]
        );
        assert_eq!(preview.plan.label, "Stock");
        assert_eq!(preview.plan.key.as_deref(), Some("code"));
        assert_eq!(preview.sample[1].key, RecordKey::Text("B2".into()));
        assert_eq!(preview.sample[0].fields["zip"], Value::from("01234"), "leading zeros stay");
        assert_eq!((preview.rows, preview.refused_total), (2, 0));
    }

    #[test]
    fn json_keeps_the_order_of_columns_and_says_what_it_turns_into_text() {
        let preview = look(
            "movies.json",
            r#"[{"Title":"Up","US Gross":10,"Rating":6.1,"x":null},{"Title":300,"US Gross":null,"Rating":7,"y":{"a":1}}]"#,
        );
        use FieldType::*;
        assert_eq!(
            types(&preview),
            [("Title", Text), ("US Gross", Integer), ("Rating", Decimal), ("x", Text), ("y", Json)]
        );
        assert_eq!(preview.plan.key, None);
        assert_eq!(preview.sample[1].fields["title"], Value::from("300"));
        assert_eq!(preview.sample[0].fields["rating"], Value::from("6.1"));
        assert_eq!(preview.notes, ["1 number in “Title” becomes text, because the column also holds text."]);
    }

    #[test]
    fn bad_rows_are_refused_with_place_and_reason() {
        let file = File::read("a.csv", "id,n\n1,2\n1,3\n,4\n5,x\n6,7,8\n9,10\n").unwrap();
        let mut plan = guess::plan(&file);
        plan.key = Some("id".into());
        plan.columns[1].field.field_type = FieldType::Integer;
        let preview = preview(&file, Some(plan));
        let refused: Vec<(usize, &str)> =
            preview.refused.iter().map(|r| (r.row, r.column.as_str())).collect();
        assert_eq!(refused, [(2, "id"), (3, "id"), (4, "n"), (5, "")]);
        assert_eq!(preview.sample.len(), 2);
    }

    #[test]
    fn what_is_no_table_gets_a_clear_answer() {
        for (name, text) in [
            ("a.json", "{\"a\": 1}"),
            ("a.json", "[1, 2]"),
            ("a.json", "[{\"a\": 1}"),
            ("a.json", "<html>"),
            ("a.csv", ""),
            ("a.json", " \n"),
            ("a.csv", "a,a\n1,2\n"),
            ("a.xlsx", "PK"),
        ] {
            let failure = File::read(name, text).unwrap_err();
            assert!(failure.message.len() > 20, "{name} {text}: {}", failure.message);
        }
    }
}
