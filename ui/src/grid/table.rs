//! The grid at work: one handle to its state, its rows and its elements, on which handlers act. What they see is as it is
//! now, never as it was when the screen was drawn.

use super::columns::Column;
use super::cursor::{Cell, Cursor, Size, Step};
use super::held::Held;
use super::lines::Line;
use super::pane::{Pane, columns_in_view};
use super::rows::Source;
use crate::components::field_input::to_input;
use crate::components::toast::Toaster;
use crate::live::Live;
use crate::platform::dom;
use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};
use std::rc::Rc;
use sync_client::api::Row;
use sync_protocol::record::value_of;
use sync_protocol::schema::Field;
use sync_protocol::{CollectionId, FieldType, RecordKey, Value};
use web_sys::{Element, HtmlElement};
use yew::prelude::*;

/// The height of the headings, and of a row with the mouse and with fingers; as `style.css` has them.
pub const HEAD: f64 = 34.0;
const ROW: f64 = 32.0;
const TOUCH_ROW: f64 = 48.0;
pub const CARD: f64 = 76.0;
/// The width of the column of ticks.
pub const TICKS: u32 = 40;

/// All that the grid remembers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    pub cursor: Cursor,
    /// The record under the cursor: the cursor stays with it where rows come and go.
    pub under: Option<RecordKey>,
    pub drawn: Drawn,
    pub editing: Option<Editing>,
    /// Whether the mouse draws a range.
    pub dragging: bool,
    /// The row that was ticked last, from which Shift goes on.
    pub ticked: Option<usize>,
    /// What a paste would add, while the person is asked.
    pub asking: Option<Rc<Asking>>,
}

/// A paste that goes beyond the last row.
#[derive(Debug, PartialEq)]
pub struct Asking {
    pub cells: Vec<Vec<String>>,
    /// Its row is one of those that are not folded.
    pub at: Cell,
    pub new: usize,
}

/// What is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawn {
    pub rows: Range<usize>,
    /// Where the first row stands.
    pub top: f64,
    /// Of the columns that scroll.
    pub columns: Range<usize>,
    /// The width of those before them.
    pub before: u32,
    /// The height of a page.
    pub pane: f64,
}

/// A cell that is being edited.
#[derive(Clone, Debug, PartialEq)]
pub struct Editing {
    pub at: Cell,
    pub key: RecordKey,
    pub field: Field,
    pub text: String,
    /// What was there when the person began.
    pub saw: Value,
    pub error: Option<String>,
}

/// See the module. Clones are the same grid.
#[derive(Clone, PartialEq)]
pub struct Table {
    pub state: Live<State>,
    pub source: Source,
    pub collection: CollectionId,
    pub columns: Rc<Vec<Column>>,
    pub may_edit: bool,
    pub cards: bool,
    /// The element that scrolls.
    pub node: NodeRef,
    pub selected: Live<BTreeSet<RecordKey>>,
    pub call: Callback<(sync_client::api::Command, Callback<crate::backend::Outcome>)>,
    pub toaster: Toaster,
    pub onopen: Callback<RecordKey>,
    pub ondelete: Callback<Vec<RecordKey>>,
}

impl Table {
    pub fn held(&self) -> Rc<Held> {
        self.source.held.get()
    }

    pub fn size(&self) -> Size {
        Size { rows: self.held().lines.len(), columns: self.columns.len() }
    }

    /// The row at a line.
    pub fn row(&self, line: usize) -> Option<Rc<Row>> {
        let held = self.held();
        match held.lines.at(line)? {
            Line::Row(row) => held.row(row).cloned(),
            Line::Group(_) => None,
        }
    }

    /// The rows among these lines.
    pub fn rows_in(&self, lines: RangeInclusive<usize>) -> Range<usize> {
        self.held().lines.rows_in(*lines.start()..lines.end() + 1)
    }

    /// Folds the group whose heading that line is, or shows its rows again; `folded`: only if it is so. False: it is no heading.
    pub fn fold(&self, line: usize, folded: Option<bool>) -> bool {
        let held = self.held();
        let Some(Line::Group(at)) = held.lines.at(line) else { return false };
        let group = held.groups.as_ref().and_then(|groups| groups.groups.get(at));
        let now = group.map_or(held.folded.all, |group| held.folded.folds(&group.value));
        if let (Some(group), true) = (group, folded.is_none_or(|folded| folded == now)) {
            self.source.let_go();
            self.source.fold(|folded| folded.turn(&group.value));
        }
        true
    }

    /// The rows as the scroll bar sees them.
    pub fn pane(&self) -> Pane {
        let height = self.node.cast::<Element>().map_or(0, |node| node.client_height());
        let (row, head) = match self.cards {
            true => (CARD, 0.0),
            false if dom::is_touched() => (TOUCH_ROW, HEAD),
            false => (ROW, HEAD),
        };
        Pane { rows: self.held().lines.len(), row, height: (f64::from(height) - head).max(row) }
    }

    /// The width of what stays in place at the left.
    fn pinned_width(&self) -> u32 {
        let pinned = self.columns.iter().filter(|column| column.pinned).map(|column| column.width);
        pinned.sum::<u32>() + if self.may_edit { TICKS } else { 0 }
    }

    /// Looks at where the scroll bars are: what is drawn and what is asked for follows.
    pub fn measure(&self) {
        let Some(node) = self.node.cast::<Element>() else { return };
        let pane = self.pane();
        let bar = f64::from(node.scroll_top());
        let (rows, top) = pane.drawn(bar);
        let widths: Vec<u32> =
            self.columns.iter().filter(|column| !column.pinned).map(|column| column.width).collect();
        let width = f64::from(node.client_width()) - f64::from(self.pinned_width());
        let (columns, before) = columns_in_view(&widths, f64::from(node.scroll_left()), width);
        let drawn = Drawn { rows, top, columns, before, pane: pane.height };
        self.state.change(|state| state.drawn = drawn);
        self.source.look(&self.held().lines.rows_in(pane.in_view(bar)));
    }

    /// Brings a cell into view.
    pub fn reveal(&self, cell: Cell) {
        let Some(node) = self.node.cast::<Element>() else { return };
        if let Some(bar) = self.pane().reach(cell.row, f64::from(node.scroll_top())) {
            node.set_scroll_top(bar.round() as i32);
        }
        let pinned = self.columns.iter().filter(|column| column.pinned).count();
        if let (Some(at), false) = (cell.column.checked_sub(pinned), self.cards) {
            let before: u32 = self.columns[pinned..].iter().take(at).map(|column| column.width).sum();
            let width = self.columns.get(cell.column).map_or(0, |column| column.width);
            let room = node.client_width() - self.pinned_width() as i32;
            let (start, end) = (before as i32, (before + width) as i32);
            if start < node.scroll_left() {
                node.set_scroll_left(start);
            } else if end > node.scroll_left() + room {
                node.set_scroll_left((end - room).min(start));
            }
        }
        self.measure();
    }

    /// Puts the cursor somewhere.
    pub fn put(&self, cursor: Cursor) {
        let cursor = cursor.within(self.size());
        let under = self.row(cursor.at.row).map(|row| row.key.clone());
        self.state.change(|state| (state.cursor, state.under) = (cursor, under));
        self.reveal(cursor.at);
    }

    /// Moves the cursor as a key says.
    pub fn step(&self, step: Step, extend: bool) {
        let cursor = self.state.get().cursor.after(step, extend, self.size());
        self.put(cursor);
    }

    /// Other rows are at hand: the cursor stays with its record, and what is in view stays where it is.
    pub fn follow(&self) {
        let (held, state) = (self.held(), self.state.get());
        let place = state.under.as_ref().and_then(|key| held.place(key)).map(|row| held.lines.line_of(row));
        if let Some(place) = place.filter(|place| *place != state.cursor.at.row) {
            let by = place as f64 - state.cursor.at.row as f64;
            let in_view = state.drawn.rows.contains(&state.cursor.at.row);
            self.state.change(|state| {
                state.cursor.anchor.row = (state.cursor.anchor.row as f64 + by).max(0.0) as usize;
                state.cursor.at.row = place;
            });
            if let (true, Some(node)) = (in_view, self.node.cast::<Element>()) {
                let pane = self.pane();
                let first = pane.first_pixel(f64::from(node.scroll_top())) + by * pane.row;
                node.set_scroll_top(pane.bar_at(first).round() as i32);
            }
        }
        let cursor = self.state.get().cursor.within(self.size());
        let under = self.row(cursor.at.row).map(|row| row.key.clone());
        self.state.change(|state| {
            state.cursor = cursor;
            // a row that is not at hand is still the one it was
            state.under = under.or(state.under.take());
        });
        self.measure();
    }

    /// Where another question begins.
    pub fn to_top(&self) {
        if let Some(node) = self.node.cast::<Element>() {
            node.set_scroll_top(0);
        }
        self.state.change(|state| {
            let column = state.cursor.at.column;
            (state.cursor, state.under) = (Cursor::on(Cell { row: 0, column }), None);
            state.ticked = None;
        });
    }

    /// The field and the row under the cursor, where it can be edited.
    fn editable(&self, at: Cell) -> Option<(Field, Rc<Row>)> {
        let field = self.columns.get(at.column)?.field.clone()?;
        let row = self.row(at.row).filter(|row| !row.gone)?;
        (self.may_edit && field.field_type != FieldType::Unknown).then_some((field, row))
    }

    /// Edits the cell under the cursor: what is there, or what is written in place of it.
    pub fn edit(&self, text: Option<String>) -> bool {
        let at = self.state.get().cursor.at;
        let Some((field, row)) = self.editable(at) else { return false };
        let saw = value_of(&row.fields, &field.name).clone();
        let text = text.unwrap_or_else(|| to_input(&field, &saw));
        let editing = Editing { at, key: row.key.clone(), field, text, saw, error: None };
        self.state.change(|state| {
            state.cursor = Cursor::on(at);
            state.editing = Some(editing);
        });
        self.reveal(at);
        true
    }

    /// Ends editing without saving.
    pub fn revert(&self) {
        self.state.change(|state| state.editing = None);
        self.focus();
    }

    /// Saves the cell that is edited, and leaves the focus where somebody has put it; what cannot be saved is left.
    pub fn save_here(&self) {
        if !self.store() {
            self.state.change(|state| state.editing = None);
        }
    }

    /// The keys work in the grid.
    pub fn focus(&self) {
        if let Some(node) = self.node.cast::<HtmlElement>() {
            // what is in view stays in view
            let options = web_sys::FocusOptions::new();
            options.set_prevent_scroll(true);
            let _ = node.focus_with_options(&options);
        }
    }

    /// Ticks a row, or all from the one that was ticked last.
    pub fn tick(&self, at: usize, range: bool) {
        let Some(row) = self.row(at) else { return };
        let on = !self.selected.get().contains(&row.key);
        let from = self.state.get().ticked.filter(|_| range).unwrap_or(at);
        let (table, places) = (self.clone(), self.rows_in(from.min(at)..=from.max(at)));
        self.state.change(|state| state.ticked = Some(at));
        wasm_bindgen_futures::spawn_local(async move {
            match table.source.rows(places).await {
                Ok(rows) => table.selected.change(|selected| {
                    for row in rows {
                        if on {
                            selected.insert(row.key.clone());
                        } else {
                            selected.remove(&row.key);
                        }
                    }
                }),
                Err(failure) => table.toaster.failure(&failure),
            }
        });
    }
}
