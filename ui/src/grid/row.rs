//! One row of the grid, or one card of it on a phone. It is drawn anew only where something of it changed.

use super::columns::Column;
use super::table::Editing;
use crate::components::field_input;
use crate::components::field_value::{cell, marked, number_cell, right_aligned};
use crate::components::icon::{Icon, icon};
use crate::text::field::key_label;
use std::ops::{Range, RangeInclusive};
use std::rc::Rc;
use sync_client::api::{Marks, Row};
use sync_protocol::record::value_of;
use sync_protocol::schema::Collection;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct GridRowProps {
    /// Its place among all that match, from 0.
    pub at: usize,
    /// `None`: it is on its way.
    pub row: Option<Rc<Row>>,
    pub columns: Rc<Vec<Column>>,
    /// Those of the columns that scroll that are drawn.
    pub drawn: Range<usize>,
    /// The column under the cursor, where it is in this row.
    pub cursor: Option<usize>,
    /// The columns of the range, where this row is in it.
    pub range: Option<RangeInclusive<usize>>,
    pub editing: Option<Editing>,
    /// What was searched for.
    pub search: AttrValue,
    pub selected: bool,
    /// Whether its record is open beside the grid.
    pub open: bool,
    pub may_edit: bool,
    /// Of each column the most places that a number has.
    pub places: Rc<Vec<usize>>,
    /// The address of its record.
    pub href: AttrValue,
    pub oninput: Callback<String>,
}

/// The id of a cell, by which the grid names the one under the cursor.
pub fn cell_id(row: usize, column: usize) -> String {
    format!("cell-{row}-{column}")
}

/// The row.
#[component]
pub fn GridRow(props: &GridRowProps) -> Html {
    let Some(row) = &props.row else {
        return html! { <div class="mooring-row mooring-row-coming" role="row" aria-rowindex={(props.at + 2).to_string()}><div role="gridcell"></div></div> };
    };
    let pinned = props.columns.iter().filter(|column| column.pinned).count();
    let scrolled = (pinned + props.drawn.start)..(pinned + props.drawn.end).min(props.columns.len());
    html! {
        <div class={classes!("mooring-row", (props.selected || props.open).then_some("mooring-row-on"))} role="row" data-test="record-row"
            data-key={row.key.to_string()} data-row={props.at.to_string()} data-gone={row.gone.then_some("true")}
            aria-rowindex={(props.at + 2).to_string()} aria-selected={props.selected.to_string()}>
            if props.may_edit {
                <div class="mooring-cell mooring-tick mooring-pinned mooring-pin-0" role="gridcell">
                    <input type="checkbox" checked={props.selected} tabindex="-1" data-test="select-row"
                        aria-label={format!("Select {}", key_label(&row.key).unwrap_or_else(|| format!("row {}", props.at + 1)))} />
                </div>
            }
            { for (0..pinned).map(|at| grid_cell(props, row, at)) }
            <div role="none"></div>
            { for scrolled.map(|at| grid_cell(props, row, at)) }
        </div>
    }
}

fn grid_cell(props: &GridRowProps, row: &Row, at: usize) -> Html {
    let column = &props.columns[at];
    let here = props.cursor == Some(at);
    let editing = props.editing.as_ref().filter(|editing| editing.at.column == at);
    let class = classes!(
        "mooring-cell",
        column.pinned.then(|| format!("mooring-pinned mooring-pin-{}", at + 1)),
        column.field_type().is_some_and(right_aligned).then_some("mooring-right"),
        column.field.is_none().then_some("mooring-key"),
        here.then_some("mooring-at"),
        props.range.as_ref().is_some_and(|range| range.contains(&at)).then_some("mooring-in-range"),
        editing.is_some().then_some("mooring-is-edited"),
    );
    let value = column.field.as_ref().map(|field| value_of(&row.fields, &field.name));
    let inside = match (editing, &column.field) {
        (Some(editing), _) => return edited(props, editing, class),
        (None, Some(field)) if right_aligned(field.field_type) => {
            let places = props.places.get(at).copied().unwrap_or_default();
            number_cell(field, value_of(&row.fields, &field.name), places, &props.search)
        }
        (None, Some(field)) => cell(field, value_of(&row.fields, &field.name), &props.search),
        // nobody reads a minted key
        (None, None) => {
            key_label(&row.key).map_or_else(|| icon(Icon::Open), |key| marked(&key, &props.search))
        }
    };
    // the first says which record it is, and leads to it
    let inside = match (at, &column.field) {
        (0, None) => {
            html! { <>{ marks(row) }<a class="mooring-row-link" href={props.href.clone()} tabindex="-1" draggable="false" aria-label={key_label(&row.key).is_none().then_some("Open the record")}>{ inside }</a></> }
        }
        (0, Some(_)) => html! {
            <>
                { marks(row) }<span class="mooring-cell-text">{ inside }</span>
                <a class="mooring-row-open" href={props.href.clone()} tabindex="-1" draggable="false" aria-label="Open the record" title="Open (Space)">{ icon(Icon::Open) }</a>
            </>
        },
        _ => inside,
    };
    html! {
        <div {class} role="gridcell" id={cell_id(props.at, at)} data-test={column.field.is_some().then_some("cell")} data-field={column.name().to_owned()}
            data-column={at.to_string()} aria-colindex={(at + 1 + usize::from(props.may_edit)).to_string()} dir="auto"
            data-empty={value.is_some_and(|value| value.is_absent()).then_some("true")}>{ inside }</div>
    }
}

fn edited(props: &GridRowProps, editing: &Editing, class: Classes) -> Html {
    let column = editing.at.column;
    html! {
        <div {class} role="gridcell" id={cell_id(props.at, column)} data-column={column.to_string()} data-field={editing.field.name.to_string()}
            aria-colindex={(column + 1 + usize::from(props.may_edit)).to_string()}>
            <div class="mooring-editor" data-test="cell-editor">
                { field_input::bare(&editing.field, &editing.text, &editing.saw, &props.oninput, editing.error.is_some()) }
                if let Some(error) = &editing.error {
                    <p class="mooring-editor-error" role="alert" data-test="cell-error">{ error }</p>
                }
            </div>
        </div>
    }
}

/// A record as a card: what it is called, what is going on with it, two of its fields.
pub fn card(
    collection: &Collection,
    row: &Row,
    href: String,
    at: usize,
    columns: &[Column],
    (search, open): (&str, bool),
) -> Html {
    let title = collection.title(&row.key, &row.fields);
    let named =
        collection.ordered().into_iter().find(|field| field.field_type == sync_protocol::FieldType::Text);
    let title = if title == row.key.to_string() {
        key_label(&row.key).unwrap_or_else(|| "No name".to_owned())
    } else {
        title
    };
    let fields = columns
        .iter()
        .filter_map(|column| column.field.as_ref())
        .filter(|field| Some(&field.name) != named.map(|named| &named.name));
    let filled = fields.filter(|field| !value_of(&row.fields, &field.name).is_absent()).take(2);
    html! {
        <div class={classes!("mooring-card", open.then_some("mooring-row-on"))} role="listitem" data-test="record-row" data-key={row.key.to_string()}
            data-row={at.to_string()} data-gone={row.gone.then_some("true")} aria-setsize="-1" aria-posinset={(at + 1).to_string()}>
            <a href={href} class="mooring-card-inside" data-field="_key">
                <span class="mooring-card-name" dir="auto">{ marks(row) }{ marked(&title, search) }</span>
                <span class="mooring-card-fields">
                    { for filled.map(|field| html! {
                        <span data-test="cell" data-field={field.name.to_string()} dir="auto"><span class="mooring-muted">{ &field.label }{ " " }</span>{ cell(field, value_of(&row.fields, &field.name), search) }</span>
                    }) }
                </span>
            </a>
        </div>
    }
}

/// What is going on with a record, and whether it is there at all.
fn marks(row: &Row) -> Html {
    html! {
        <>
            { marks_of(row.marks) }
            if row.gone {
                <span class="pf-v6-c-label pf-m-compact mooring-gone"><span class="pf-v6-c-label__content"><span class="pf-v6-c-label__text" data-test="mark-gone">{ if row.marks.review { "deleted" } else { "not added" } }</span></span></span>
            }
        </>
    }
}

/// What is going on with a record, as small signs with words behind them.
fn marks_of(marks: Marks) -> Html {
    html! {
        <>
            if marks.review {
                <span class="mooring-mark mooring-mark-review" title="Needs review" data-test="mark-review">
                    { icon(Icon::Split) }<span class="pf-v6-screen-reader">{ "Needs review." }</span>
                </span>
            }
            if marks.rejected {
                <span class="mooring-mark mooring-mark-rejected" title="A change was refused" data-test="mark-rejected">
                    { icon(Icon::Warning) }<span class="pf-v6-screen-reader">{ "A change was refused." }</span>
                </span>
            }
            if marks.unsent {
                <span class="mooring-mark mooring-mark-unsent" title="Saved on this device, not sent yet" data-test="mark-unsent">
                    <span class="mooring-dot"></span><span class="pf-v6-screen-reader">{ "Not sent yet." }</span>
                </span>
            }
        </>
    }
}
