//! What keys, the mouse and the clipboard do in the grid.

use super::cursor::{Cell, Cursor, Step, step_of};
use super::heading::heading_button;
use super::table::Table;
use crate::platform::dom;
use sync_protocol::FieldType;
use wasm_bindgen::JsCast;
use web_sys::{ClipboardEvent, Element};
use yew::prelude::*;

impl Table {
    /// A key, while the grid or an editor within it has the focus.
    pub fn key(&self, event: &KeyboardEvent) {
        if event.is_composing() {
            return;
        }
        let taken = if self.state.get().editing.is_some() {
            self.key_in_editor(event)
        } else if dom::typing(event) || dom::on_control(event) {
            false
        } else {
            self.key_in_grid(event)
        };
        if taken {
            event.prevent_default();
            event.stop_propagation();
        }
    }

    fn key_in_editor(&self, event: &KeyboardEvent) -> bool {
        let long =
            self.state.get().editing.as_ref().is_some_and(|editing| {
                matches!(editing.field.field_type, FieldType::LongText | FieldType::Json)
            });
        match event.key().as_str() {
            // a line of its own
            "Enter" if long && (event.shift_key() || event.alt_key()) => return false,
            "Enter" => drop(self.save(Some(if event.shift_key() { Step::Up(1) } else { Step::Down(1) }))),
            "Tab" => drop(self.save(Some(if event.shift_key() { Step::Previous } else { Step::Next }))),
            "Escape" => self.revert(),
            _ => {
                // what is written is no shortcut
                event.stop_propagation();
                return false;
            }
        }
        true
    }

    fn key_in_grid(&self, event: &KeyboardEvent) -> bool {
        let (key, shift) = (event.key(), event.shift_key());
        let ctrl = event.ctrl_key() || event.meta_key();
        let cursor = self.state.get().cursor;
        if event.alt_key() {
            let column = self.columns.get(cursor.at.column).filter(|_| key == "ArrowDown");
            return column.is_some_and(|column| {
                dom::click(&heading_button(column.name()));
                true
            });
        }
        let fold = match (key.as_str(), ctrl) {
            ("Enter" | " ", false) => Some(None),
            ("ArrowRight", false) => Some(Some(true)),
            ("ArrowLeft", false) => Some(Some(false)),
            _ => None,
        };
        if fold.is_some_and(|folded| !shift && self.fold(cursor.at.row, folded)) {
            return true;
        }
        match (key.as_str(), ctrl) {
            ("a" | "A", true) => {
                let all = Cursor::all(self.size());
                self.state.change(|state| state.cursor = all);
            }
            ("z" | "Z", true) if shift => self.redo(),
            ("z" | "Z", true) => self.undo(),
            ("y" | "Y", true) => self.redo(),
            ("d" | "D", true) => self.fill_down(),
            ("Delete" | "Backspace", true) => self.delete_rows(),
            ("Delete" | "Backspace", false) => self.empty("Empty cells"),
            (" ", _) if shift => self.tick(cursor.at.row, false),
            (" ", false) => {
                if let Some(row) = self.row(cursor.at.row) {
                    self.onopen.emit(row.key.clone());
                }
            }
            ("Enter" | "F2", false) => {
                // what cannot be edited here is opened
                if !self.edit(None)
                    && let Some(row) = self.row(cursor.at.row)
                {
                    self.onopen.emit(row.key.clone());
                }
            }
            ("Escape", false) if cursor.is_range() => self.put(Cursor::on(cursor.at)),
            _ => return self.move_or_type(&key, ctrl, shift),
        }
        true
    }

    fn move_or_type(&self, key: &str, ctrl: bool, shift: bool) -> bool {
        let cursor = self.state.get().cursor;
        if let Some(step) = step_of(key, ctrl, shift, self.pane().page()) {
            let moved = cursor.after(step, false, self.size()).at != cursor.at;
            // at the very end Tab leaves the grid
            if key == "Tab" && !moved {
                return false;
            }
            self.source.let_go();
            self.step(step, shift && key != "Tab");
            return true;
        }
        let mut letters = key.chars();
        let (Some(_), None, false) = (letters.next(), letters.next(), ctrl) else { return false };
        let Some(column) = self.columns.get(cursor.at.column) else { return false };
        match column.field_type() {
            Some(FieldType::Choice | FieldType::YesNo) => self.edit(None),
            // their inputs take what is typed into them, once they are there
            Some(FieldType::Date | FieldType::DateTime | FieldType::Time) => {
                self.edit(Some(String::new()));
                false
            }
            Some(_) => self.edit(Some(key.to_owned())),
            None => false,
        }
    }

    /// Deletes the rows that are ticked, else those of the range; asks before.
    pub fn delete_rows(&self) {
        if !self.may_edit {
            return;
        }
        let ticked = self.selected.get();
        if !ticked.is_empty() {
            return self.ondelete.emit(ticked.iter().cloned().collect());
        }
        let (table, rows) = (self.clone(), self.rows_in(self.state.get().cursor.rows()));
        wasm_bindgen_futures::spawn_local(async move {
            match table.source.rows(rows).await {
                Ok(rows) if rows.is_empty() => {}
                Ok(rows) => table.ondelete.emit(rows.iter().map(|row| row.key.clone()).collect()),
                Err(failure) => table.toaster.failure(&failure),
            }
        });
    }

    /// The mouse goes down on a cell, a tick, a link.
    pub fn mouse_down(&self, event: &MouseEvent) {
        let Some(at) = cell_of(event) else { return };
        if dom::typing(event) || event.button() != 0 || dom::on_link(event) {
            return;
        }
        // the focus goes to the grid, and no text is marked
        event.prevent_default();
        if !self.save(None) {
            return;
        }
        let cursor = self.state.get().cursor;
        self.source.let_go();
        let anchor = if event.shift_key() { cursor.anchor } else { at };
        self.put(Cursor { at, anchor });
        self.state.change(|state| state.dragging = true);
        self.focus();
    }

    /// The mouse moves over the cells: a range, while its button is down.
    pub fn mouse_over(&self, event: &MouseEvent) {
        let dragging = self.state.get().dragging;
        if !dragging {
            return;
        }
        if event.buttons() & 1 == 0 {
            return self.state.change(|state| state.dragging = false);
        }
        if let Some(at) = cell_of(event) {
            self.state.change(|state| state.cursor.at = at);
        }
    }

    /// A click: ticks, and what leads to a record.
    pub fn click(&self, event: &MouseEvent) {
        let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else {
            return;
        };
        if let Some(line) = line_of(&target) {
            event.prevent_default();
            self.put(Cursor::on(Cell { row: line, column: self.state.get().cursor.at.column }));
            self.fold(line, None);
        } else if dom::on_link(event) {
            // a new tab or window is the browser's to open
            if event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key() {
                return;
            }
            if let Some(row) = row_of(&target).and_then(|at| self.row(at)) {
                event.prevent_default();
                self.onopen.emit(row.key.clone());
            }
        } else if let (Ok(Some(_)), Some(at)) = (target.closest(".mooring-tick"), row_of(&target)) {
            event.prevent_default();
            self.tick(at, event.shift_key());
        } else if (event.ctrl_key() || event.meta_key()) && row_of(&target).is_some() {
            open_link(&target);
        }
    }

    /// The middle button opens a record in a tab of its own.
    pub fn middle_click(&self, event: &MouseEvent) {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        if let Some(target) = target.filter(|_| event.button() == 1 && !dom::on_link(event)) {
            open_link(&target);
        }
    }

    /// A double click edits, and opens what cannot be edited.
    pub fn double_click(&self, event: &MouseEvent) {
        if cell_of(event).is_some() && !dom::typing(event) && !dom::on_link(event) {
            event.prevent_default();
            self.edit(None);
        }
    }

    /// Copies or cuts the range.
    pub fn copy(&self, event: &Event, cut: bool) {
        if self.state.get().editing.is_some() || dom::typing(event) {
            return;
        }
        event.prevent_default();
        let data = event.dyn_ref::<ClipboardEvent>().and_then(ClipboardEvent::clipboard_data);
        match (self.copied(), data) {
            (Some(text), Some(data)) => {
                if data.set_data("text/plain", &text).is_ok() && cut {
                    self.empty("Cut");
                }
            }
            _ => self.copy_far(),
        }
    }

    /// Pastes what was copied here or in a spreadsheet.
    pub fn paste_event(&self, event: &Event) {
        if self.state.get().editing.is_some() || dom::typing(event) {
            return;
        }
        let data = event.dyn_ref::<ClipboardEvent>().and_then(ClipboardEvent::clipboard_data);
        if let Some(text) = data.and_then(|data| data.get_data("text/plain").ok()) {
            event.prevent_default();
            self.paste(&text);
        }
    }
}

/// The line of a group's heading.
fn line_of(target: &Element) -> Option<usize> {
    target.closest("[data-line]").ok().flatten()?.get_attribute("data-line")?.parse().ok()
}

fn row_of(target: &Element) -> Option<usize> {
    target.closest("[data-row]").ok().flatten()?.get_attribute("data-row")?.parse().ok()
}

/// The cell that an event is at.
fn cell_of(event: &MouseEvent) -> Option<Cell> {
    let target = event.target()?.dyn_into::<Element>().ok()?;
    let column =
        target.closest("[data-column]").ok().flatten()?.get_attribute("data-column")?.parse().ok()?;
    Some(Cell { row: row_of(&target)?, column })
}

/// Opens the record of a row in a tab of its own.
fn open_link(target: &Element) {
    let link = target
        .closest("[data-row]")
        .ok()
        .flatten()
        .and_then(|row| row.query_selector("a[href]").ok().flatten());
    if let Some(href) = link.and_then(|link| link.get_attribute("href")) {
        dom::open_tab(&href);
    }
}
