//! Files of records (CSV, JSON) as records: look first, then import, row by row, with nothing coerced silently.

use std::collections::{BTreeMap, BTreeSet};
use sync_protocol::Ordered;

use sync_protocol::schema::{Collection, Field};
use sync_protocol::{CollectionId, FieldName, FieldType, Fields, RecordId, RecordKey, Value};

use crate::api::{
    Failure, ImportColumn, ImportCounts, ImportMode, ImportPlan, Preview, Reading, RefusedRow, Row,
};
use crate::limits;
use crate::replica::rules::{Holders, Rules};
use crate::sheet;

mod file;
mod forms;
mod guess;
mod held;
mod json;
mod table;

pub use file::{Cell, File, FileRow, check_file, check_size};
pub use held::{Asking, hold};

/// Rows of a preview's sample.
const SAMPLE: usize = 8;
/// Options that a choice gets from the values of its column, at most.
const OPTIONS: usize = 200;
/// The columns that a file of refused rows has beside the row's own.
pub(crate) const OF_REFUSED: [&str; 2] = ["Line in the file", "Why it was refused"];

/// The collection that a file is imported into.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// What it is, and what its fields ask.
    pub asking: Asking<'a>,
    /// Its records, as the person sees them.
    pub view: &'a dyn Fn(&RecordKey) -> Option<Fields>,
}

/// Looks at a file: what it would become under a plan, or under a guessed one, as a new collection.
pub fn preview(file: &File, plan: Option<ImportPlan>) -> Preview {
    look(file, plan, None)
}

/// Looks at a file: what it would become under a plan, or under a guessed one.
pub fn look(file: &File, plan: Option<ImportPlan>, known: Option<Known<'_>>) -> Preview {
    let collection = known.map(|known| known.asking.collection);
    let mut plan = match plan {
        Some(plan) if !plan.columns.is_empty() => plan,
        wanted => guess::plan(file, wanted, collection),
    };
    plan.reading = file.reading;
    if let Some(collection) = collection {
        adopt(&mut plan, collection);
    }
    for column in plan.columns.iter_mut().filter(|column| !column.known) {
        let field = &mut column.field;
        match (field.field_type, file.place(&column.heading)) {
            (FieldType::Choice, Some(place)) => field.options = guess::options(file, place),
            _ => field.options.clear(),
        }
    }
    let mut rows = Rows::new(file, &plan);
    let mut asked = Rules::new(Holders::new());
    let mut sample = Vec::new();
    let mut counts = ImportCounts::default();
    while let Some(result) = rows.next() {
        let Ok((key, fields)) = result else { continue };
        let there = known.filter(|_| plan.key.is_some()).and_then(|known| (known.view)(&key));
        let fate = fate(&plan, there.as_ref(), &fields, &rows.taken());
        let mut fields = fields;
        if let Some(known) = known {
            let wanted = match (fate, &there) {
                (Fate::Change, Some(there)) => changes(&plan, there, &fields, &rows.taken()),
                _ => fields.clone(),
            };
            match held::hold(&mut asked, known.asking, (&key, there.as_ref()), fate, wanted) {
                Ok(with_defaults) if fate == Fate::New => fields = with_defaults,
                Ok(_) => {}
                Err(reason) => {
                    rows.refuse(rows.position(), "", reason);
                    continue;
                }
            }
        }
        counts.add(fate);
        if sample.len() < SAMPLE {
            sample.push(Row { key, fields, marks: Default::default(), gone: false });
        }
    }
    let mut notes = file.notes.clone();
    notes.extend(guess::notes(file, &plan));
    notes.extend(rows.notes());
    notes.extend(unreadable(file));
    Preview {
        rows: file.rows.len(),
        counts,
        sample,
        refused: rows.refused,
        refused_total: rows.refused_total,
        notes,
        start: file.start.clone(),
        plan,
    }
}

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A new record.
    New,
    /// A record changes.
    Change,
    /// The record says so already.
    Same,
    /// The plan leaves it out.
    Passed,
}

/// What becomes of a row of such values, given the record of its key. `taken`: the fields of the plan.
pub fn fate(plan: &ImportPlan, there: Option<&Fields>, fields: &Fields, taken: &[FieldName]) -> Fate {
    match (there, plan.mode) {
        (None, ImportMode::Update) | (Some(_), ImportMode::Add) => Fate::Passed,
        (None, _) => Fate::New,
        (Some(there), _) if changes(plan, there, fields, taken).is_empty() => Fate::Same,
        (Some(_), _) => Fate::Change,
    }
}

/// The values that a row gives to a record that is there, where they differ. An empty cell says nothing, unless the plan
/// says that it clears.
pub fn changes(plan: &ImportPlan, there: &Fields, fields: &Fields, taken: &[FieldName]) -> Fields {
    let mut wanted = Fields::new();
    for name in taken {
        let (old, new) = (there.get(name), fields.get(name));
        match new {
            Some(new) if old != Some(new) => drop(wanted.insert(name.clone(), new.clone())),
            None if plan.clear && old.is_some() => drop(wanted.insert(name.clone(), Value::ABSENT)),
            _ => {}
        }
    }
    wanted
}

impl ImportCounts {
    /// Counts one row.
    pub fn add(&mut self, fate: Fate) {
        *match fate {
            Fate::New => &mut self.new,
            Fate::Change => &mut self.change,
            Fate::Same => &mut self.same,
            Fate::Passed => &mut self.passed,
        } += 1;
    }
}

/// Into a collection its own fields count: what they are called, their types and their options.
pub fn adopt(plan: &mut ImportPlan, collection: &Collection) {
    for column in &mut plan.columns {
        let known = collection.fields.get(&column.field.name).filter(|field| !field.details.deleted);
        column.known = known.is_some();
        if let Some(known) = known {
            column.field = known.clone();
        }
    }
}

/// What a reader puts where bytes are no text in UTF-8. The file may also hold such characters: so a person is told.
fn unreadable(file: &File) -> Option<String> {
    let lost = |cell: &&Cell| matches!(cell, Cell::Text(text) if text.contains('\u{fffd}'));
    match file.rows.iter().flat_map(|row| &row.cells).filter(lost).count() {
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
    let names: BTreeSet<&FieldName> = taken.iter().map(|c| &c.field.name).ordered_set();
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
    let known = |heading: &str| file.place(heading).is_some();
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

/// The fields of a plan that a collection does not have yet.
pub fn missing_fields(plan: &ImportPlan, collection: &Collection) -> Vec<Field> {
    fields(plan).into_iter().filter(|field| !collection.fields.contains_key(&field.name)).collect()
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
    /// All of them: their places, from 0, and why.
    pub all_refused: Vec<(usize, String)>,
}

impl<'f> Rows<'f> {
    /// Starts at the first row.
    pub fn new(file: &'f File, plan: &ImportPlan) -> Self {
        Self::from(file, plan, 0, BTreeSet::new())
    }

    /// Starts at a row, with the keys met before it.
    pub fn from(file: &'f File, plan: &ImportPlan, at: usize, keys: BTreeSet<RecordKey>) -> Self {
        Self {
            file,
            at,
            key: plan.key.as_deref().and_then(|key| file.place(key)),
            columns: plan
                .columns
                .iter()
                .filter(|c| c.take)
                .filter_map(|c| Some((file.place(&c.heading)?, c.field.clone())))
                .collect(),
            keys,
            numbers_as_text: BTreeMap::new(),
            refused: Vec::new(),
            refused_total: 0,
            all_refused: Vec::new(),
        }
    }

    /// The fields that rows give values to.
    pub fn taken(&self) -> Vec<FieldName> {
        self.columns.iter().map(|(_, field)| field.name.clone()).collect()
    }

    /// The keys met so far.
    pub fn into_keys(self) -> BTreeSet<RecordKey> {
        self.keys
    }

    /// Notes that a row was refused; `row` counts from 1.
    pub fn refuse(&mut self, row: usize, column: &str, reason: String) {
        self.refused_total += 1;
        let told = if column.is_empty() { reason.clone() } else { format!("{column}: {reason}") };
        self.all_refused.push((row - 1, told));
        if self.refused.len() < limits::REFUSED_LISTED {
            let line = self.file.rows.get(row - 1).and_then(|row| row.line);
            self.refused.push(RefusedRow { row, line, column: column.to_owned(), reason });
        }
    }

    /// Which row is next, from 0.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The next row as a record, or `Err` where it was refused (and noted). Without a column for keys the key is the
    /// row's place in the file, from 1.
    #[allow(clippy::should_implement_trait, reason = "an iterator would borrow what `refuse` changes")]
    pub fn next(&mut self) -> Option<Result<(RecordKey, Fields), ()>> {
        let row = self.file.rows.get(self.at)?;
        self.at += 1;
        let number = self.at;
        let result = self.row(number, row);
        Some(result.map_err(|(column, reason)| self.refuse(number, &column, reason)))
    }

    fn row(&mut self, number: usize, row: &FileRow) -> Result<(RecordKey, Fields), (String, String)> {
        let cells = &row.cells;
        if row.odd {
            let reason =
                format!("it has {} cells, the heading has {}", cells.len(), self.file.headings.len());
            return Err((String::new(), reason));
        }
        let none = Cell::Absent;
        let cell = |place: usize| cells.get(place).unwrap_or(&none);
        let key = match self.key {
            None => RecordKey::Int(number as i64),
            Some(place) => {
                let heading = || self.file.headings[place].clone();
                let key = key_of(cell(place)).map_err(|reason| (heading(), reason))?;
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
            let reading = self.file.reading.as_ref();
            let value = convert(cell(*place), field, reading).map_err(|reason| (heading.clone(), reason))?;
            if matches!(cell(*place), Cell::Json(serde_json::Value::Number(_))) && is_text(field.field_type) {
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

/// Rows that were refused as a file that can be mended and imported again: their cells, their lines and the reasons.
pub fn refused_file(file: &File, refused: &[(usize, String)]) -> String {
    let mut heading = file.headings.clone();
    heading.extend(OF_REFUSED.map(str::to_owned));
    let rows = refused.iter().filter_map(|(at, reason)| {
        let row = file.rows.get(*at)?;
        let mut cells: Vec<sheet::Cell> = row.cells.iter().map(|cell| cell.to_text().into()).collect();
        while cells.len() < file.headings.len() {
            cells.push("".into());
        }
        let place = row.line.unwrap_or(*at as u64 + 1);
        cells.extend([sheet::Cell::Number(place.to_string()), reason.as_str().into()]);
        Some(cells)
    });
    sheet::write(&heading, rows)
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
fn convert(cell: &Cell, field: &Field, reading: Option<&Reading>) -> Result<Value, String> {
    use serde_json::Value as J;
    let parse = |text: &str| field.read(text).map_err(|m| m.to_string());
    let json = match cell {
        Cell::Absent => return Ok(Value::ABSENT),
        Cell::Text(text) if text.trim().is_empty() && !is_text(field.field_type) => return Ok(Value::ABSENT),
        Cell::Text(text) => {
            return match field.field_type {
                FieldType::Integer | FieldType::Counter | FieldType::Decimal | FieldType::Number
                    if !field.is_duration() =>
                {
                    let numbers = reading.and_then(|reading| reading.numbers);
                    match forms::plain(text.trim(), numbers) {
                        Some(plain) => parse(&plain),
                        None if matches!(text.trim(), "NaN" | "Infinity" | "-Infinity") => parse(text),
                        None if forms::is_number_of_two_forms(text.trim()) && numbers.is_none() => {
                            Err("it can be read in two ways: say how numbers are written".into())
                        }
                        None => Err("not a number as the others are written".into()),
                    }
                }
                FieldType::Date => {
                    let dates = reading.and_then(|reading| reading.dates);
                    parse(&forms::date(text.trim(), dates).unwrap_or_else(|| text.clone()))
                }
                _ => parse(text),
            };
        }
        Cell::Json(json) => json,
    };
    let value = match (field.field_type, json) {
        (FieldType::Decimal, J::Number(n)) => return parse(&n.to_string()),
        (t, J::Number(n)) if is_text(t) => Value::from(n.to_string()),
        (
            FieldType::Decimal
            | FieldType::Integer
            | FieldType::Counter
            | FieldType::Number
            | FieldType::Date
            | FieldType::DateTime
            | FieldType::Time
            | FieldType::Uuid
            | FieldType::Bytes,
            J::String(text),
        ) => return parse(text),
        (FieldType::Tags, J::Array(items)) if items.iter().all(J::is_string) => {
            Value::from_tags(items.iter().filter_map(J::as_str))
        }
        (FieldType::Tags, J::String(text)) => return parse(text),
        (_, other) => Value(other.clone()),
    };
    field.field_type.check(&value, &field.options).map_err(|m| m.to_string())?;
    Ok(value)
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
            "code,Name,zip,count,price,ok,day\nA1,Ann,01234,5,1.50,true,2024-01-02\nB2,\"Bob, jr\",99999,-7,2.00,false,2024-02-29\n",
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
        let mut plan = guess::plan(&file, None, None);
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
