//! What the grid saves: a cell, what was pasted, filled down or emptied (each in one step), and taking steps back.

use super::cursor::{Cell, Step};
use super::table::{Asking, Table};
use super::tsv;
use crate::components::field_input::from_input;
use crate::text::field::{misfit, point, sentence};
use crate::text::{count, step};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::rc::Rc;
use sync_client::api::{Answer, Command, Failure, Op, Row, Seen};
use sync_protocol::record::{set_value, value_of};
use sync_protocol::schema::Field;
use sync_protocol::{FieldType, Fields, RecordId, RecordKey, Value};
use wasm_bindgen_futures::spawn_local;
use yew::Callback;

/// Rows that are copied, pasted or filled at once: what one step may hold.
const MOST_ROWS: usize = 20_000;

impl Table {
    /// Saves the cell that is edited, then goes on. False: it cannot be saved as it is.
    pub fn save(&self, then: Option<Step>) -> bool {
        let edited = self.state.get().editing.is_some();
        if !self.store() {
            return false;
        }
        if let Some(step) = then {
            self.step(step, false);
        }
        if edited {
            self.focus();
        }
        true
    }

    /// Saves the cell that is edited.
    pub fn store(&self) -> bool {
        let Some(editing) = self.state.get().editing.clone() else { return true };
        let want = match from_input(&editing.field, &editing.text, &editing.saw) {
            Ok(want) => want,
            Err(why) => {
                self.state.change(|state| {
                    if let Some(editing) = &mut state.editing {
                        editing.error = Some(why);
                    }
                });
                return false;
            }
        };
        self.state.change(|state| state.editing = None);
        if !want.same(&editing.saw) {
            self.source.hold();
            self.source.write(&editing.key, &editing.field.name, want.clone());
            let seen = Seen { saw: editing.saw, want };
            let id = RecordId::new(self.collection.clone(), editing.key);
            self.send(Command::Edit { id, fields: BTreeMap::from([(editing.field.name, seen)]) }, None);
        }
        true
    }

    /// Saves; what fails is told, and the rows are read again.
    fn send(&self, command: Command, done: Option<String>) {
        let table = self.clone();
        self.toaster.new_step();
        let ended = Callback::from(move |outcome: Result<Answer, Failure>| match outcome {
            Ok(Answer::Undone(undone)) => table.toaster.done(step::undone(&undone)),
            Ok(_) => {
                if let Some(done) = &done {
                    table.toaster.step(done.clone());
                }
            }
            Err(failure) => {
                table.toaster.failure(&failure);
                table.source.let_go();
                table.source.again();
            }
        });
        self.call.emit((command, ended));
    }

    pub fn undo(&self) {
        self.send(Command::Undo, None);
    }

    pub fn redo(&self) {
        self.send(Command::Redo, None);
    }

    /// The cells of the range as text, where all of its rows are at hand.
    pub fn copied(&self) -> Option<String> {
        let (held, cursor) = (self.held(), self.state.get().cursor);
        let rows: Option<Vec<Rc<Row>>> =
            self.rows_in(cursor.rows()).map(|at| held.row(at).cloned()).collect();
        Some(self.text_of(&rows?, cursor.columns()))
    }

    fn text_of(&self, rows: &[Rc<Row>], columns: RangeInclusive<usize>) -> String {
        let cells = |row: &Rc<Row>| {
            columns
                .clone()
                .filter_map(|at| self.columns.get(at))
                .map(|column| match &column.field {
                    None => row.key.to_string(),
                    Some(field) => field.field_type.show(value_of(&row.fields, &field.name)),
                })
                .collect()
        };
        tsv::write(&rows.iter().map(cells).collect::<Vec<Vec<String>>>())
    }

    /// Copies a range of which not all rows are at hand.
    pub fn copy_far(&self) {
        let (table, cursor) = (self.clone(), self.state.get().cursor);
        let rows = self.rows_in(cursor.rows());
        let copied = rows.len();
        if copied > MOST_ROWS {
            return self.too_many("copied");
        }
        spawn_local(async move {
            match table.source.rows(rows).await {
                Ok(rows) => {
                    let text = table.text_of(&rows, cursor.columns());
                    let promise = crate::platform::window().navigator().clipboard().write_text(&text);
                    match wasm_bindgen_futures::JsFuture::from(promise).await {
                        Ok(_) => {
                            table.toaster.done(format!("{} copied", count::of(copied as u64, "row", "rows")))
                        }
                        Err(_) => {
                            table.toaster.note("This browser lets nothing be copied here. Select fewer rows.")
                        }
                    }
                }
                Err(failure) => table.toaster.failure(&failure),
            }
        });
    }

    fn too_many(&self, what: &str) {
        self.toaster
            .note(format!("At most {} can be {what} at once.", count::of(MOST_ROWS as u64, "row", "rows")));
    }

    /// Puts copied cells where the cursor is, in one step; asks where that would add records.
    pub fn paste(&self, text: &str) {
        let mut cells = tsv::read(text);
        let cursor = self.state.get().cursor;
        let rows = self.rows_in(cursor.rows());
        let at = Cell { row: rows.start, column: *cursor.columns().start() };
        if let ([one], true) = (cells.as_slice(), cursor.is_range())
            && let [one] = one.as_slice()
        {
            // one value fills the range
            let row = vec![one.clone(); cursor.columns().count()];
            if rows.len() > MOST_ROWS {
                return self.too_many("filled");
            }
            cells = vec![row; rows.len()];
        }
        if cells.is_empty() || !self.may_edit {
            return;
        }
        if cells.len() > MOST_ROWS {
            return self.too_many("pasted");
        }
        let new = (at.row + cells.len()).saturating_sub(self.held().lines.rows());
        if new > 0 {
            let asking = Asking { cells, at, new };
            return self.state.change(|state| state.asking = Some(Rc::new(asking)));
        }
        self.put_cells(cells, at, "Paste");
    }

    /// Copies the first row of the range into the others.
    pub fn fill_down(&self) {
        let cursor = self.state.get().cursor;
        let (rows, columns) = (self.rows_in(cursor.rows()), cursor.columns());
        let first = self.held().row(rows.start).cloned();
        let Some(first) = first.filter(|_| self.may_edit && !rows.is_empty()) else { return };
        if rows.len() > MOST_ROWS {
            return self.too_many("filled");
        }
        let line = tsv::read(&self.text_of(&[first], columns.clone())).pop().unwrap_or_default();
        let below = rows.len() - 1;
        if below > 0 {
            let at = Cell { row: rows.start + 1, column: *columns.start() };
            self.put_cells(vec![line; below], at, "Fill down");
        }
    }

    /// Empties the cells of the range.
    pub fn empty(&self, label: &'static str) {
        let cursor = self.state.get().cursor;
        let rows = self.rows_in(cursor.rows());
        if !self.may_edit || rows.is_empty() {
            return;
        }
        if rows.len() > MOST_ROWS {
            return self.too_many("emptied");
        }
        let line = vec![String::new(); cursor.columns().count()];
        let at = Cell { row: rows.start, column: *cursor.columns().start() };
        self.put_cells(vec![line; rows.len()], at, label);
    }

    /// Saves cells, all of them or none; the first of them in that row of those that are not folded.
    pub fn put_cells(&self, cells: Vec<Vec<String>>, at: Cell, label: &'static str) {
        let table = self.clone();
        spawn_local(async move {
            let end = (at.row + cells.len()).min(table.held().lines.rows());
            let rows = match table.source.rows(at.row..end).await {
                Ok(rows) => rows,
                Err(failure) => return table.toaster.failure(&failure),
            };
            let ops = cells.iter().enumerate().filter_map(|(line, cells)| match rows.get(line) {
                Some(row) if row.gone => None,
                Some(row) => table.edit_of(row, cells, at.column).transpose(),
                None => Some(table.insert_of(cells, at.column)),
            });
            match ops.collect::<Result<Vec<Op>, String>>() {
                Err(why) => table.toaster.note(format!("Nothing was changed. {why}")),
                Ok(ops) if ops.is_empty() => {}
                Ok(ops) => {
                    let changed = count::records(ops.len() as u64);
                    table.source.hold();
                    let write = Command::Write {
                        ops,
                        label: Some(label.to_owned()),
                        types: Vec::new(),
                        memos: Vec::new(),
                    };
                    table.send(write, Some(format!("{changed} changed on this device")));
                }
            }
        });
    }

    fn edit_of(&self, row: &Row, cells: &[String], from: usize) -> Result<Option<Op>, String> {
        let mut fields = BTreeMap::new();
        for (text, column) in cells.iter().zip(self.columns.iter().skip(from)) {
            // what a record is called is for good
            let Some(field) = &column.field else { continue };
            let saw = value_of(&row.fields, &field.name);
            let want = read(field, text)?;
            if !want.same(saw) {
                fields.insert(field.name.clone(), Seen { saw: saw.clone(), want });
            }
        }
        let id = RecordId::new(self.collection.clone(), row.key.clone());
        Ok((!fields.is_empty()).then_some(Op::Edit { id, fields }))
    }

    fn insert_of(&self, cells: &[String], from: usize) -> Result<Op, String> {
        let (mut key, mut fields) = (None, Fields::new());
        for (text, column) in cells.iter().zip(self.columns.iter().skip(from)) {
            match &column.field {
                Some(field) => set_value(&mut fields, &field.name, read(field, text)?),
                None => key = (!text.trim().is_empty()).then(|| RecordKey::from_input(text.trim())),
            }
        }
        Ok(Op::Insert { collection: self.collection.clone(), key, fields })
    }
}

/// A copied cell as a value: as the type writes it, or as its input has it.
fn read(field: &Field, text: &str) -> Result<Value, String> {
    if matches!(field.field_type, FieldType::Decimal | FieldType::Number) {
        point(text).map_err(|why| told(field, text, &why))?;
    }
    let parsed = field.read(text);
    match (parsed, field.field_type) {
        (Ok(value), _) => match field.broken(&value) {
            Some(broken) => Err(told(field, text, &sentence(&broken.to_string()))),
            None => Ok(value),
        },
        (Err(_), FieldType::DateTime) => {
            from_input(field, text, &Value::ABSENT).map_err(|why| told(field, text, &why))
        }
        (Err(wrong), _) => Err(told(field, text, &misfit(&wrong))),
    }
}

fn told(field: &Field, text: &str, why: &str) -> String {
    let shown: String = text.chars().take(40).collect();
    format!("“{shown}” does not fit into {}: {why}", field.label)
}
