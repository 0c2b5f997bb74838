//! The rows of one page as a table: arrows move, Enter opens, Space selects, Delete asks.

use super::PAGE;
use crate::components::field_value::{cell, right_aligned};
use crate::components::icon::{Icon, icon};
use crate::live::use_live;
use crate::pages::frame::use_here;
use crate::platform::{self, clock, dom};
use crate::route::{KeyText, Route};
use crate::text::field::key_label;
use std::collections::BTreeSet;
use std::rc::Rc;
use sync_client::api::{CollectionInfo, Marks, Row, Rows, RowsQuery};
use sync_protocol::record::value_of;
use sync_protocol::schema::Field;
use sync_protocol::{CollectionId, FieldName, RecordKey};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlInputElement};
use yew::prelude::*;

/// Most columns: what a person can take in; the rest is in the record.
const COLUMNS: usize = 24;

/// A focus that left a row so many milliseconds ago left it because the rows were drawn anew.
const JUST_MS: i64 = 1_000;

#[derive(PartialEq, Properties)]
pub struct GridProps {
    pub info: CollectionInfo,
    pub rows: Rc<Rows>,
    pub query: RowsQuery,
    pub selected: Rc<BTreeSet<RecordKey>>,
    /// The record that is open beside the grid.
    pub open: Option<RecordKey>,
    pub busy: bool,
    pub may_edit: bool,
    pub onquery: Callback<RowsQuery>,
    pub onopen: Callback<RecordKey>,
    /// With whether it is selected now; `None`: the other way round.
    pub onselect: Callback<(RecordKey, Option<bool>)>,
    pub onselectall: Callback<bool>,
    pub ondelete: Callback<RecordKey>,
}

/// The table.
#[component]
pub fn Grid(props: &GridProps) -> Html {
    let active = use_live(|| 0usize);
    // when the focus left a row for nowhere, as it does where the row is taken away
    let left = use_mut_ref(|| None::<i64>);
    let columns = use_memo(props.info.collection.clone(), |collection| {
        collection.ordered().into_iter().take(COLUMNS).cloned().collect::<Vec<Field>>()
    });
    // a column of keys that nobody chose says nothing
    let keys = props.rows.rows.iter().any(|row| key_label(&row.key).is_some());
    let last = props.rows.rows.len().saturating_sub(1);
    let onkeydown = {
        let (active, rows, may_edit) = (active.clone(), props.rows.clone(), props.may_edit);
        let (onopen, ondelete, onselect) =
            (props.onopen.clone(), props.ondelete.clone(), props.onselect.clone());
        let (query, onquery) = (props.query.clone(), props.onquery.clone());
        Callback::from(move |event: KeyboardEvent| {
            if dom::typing(&event) {
                return;
            }
            let Some(at) = focused_row() else { return };
            let Some(row) = rows.rows.get(at) else { return };
            let to = match event.key().as_str() {
                "ArrowDown" => (at + 1).min(last),
                "ArrowUp" => at.saturating_sub(1),
                "Home" => 0,
                "End" => last,
                "PageDown" if query.offset + PAGE < rows.matching => {
                    event.prevent_default();
                    active.set(0);
                    return onquery.emit(RowsQuery { offset: query.offset + PAGE, ..query.clone() });
                }
                "PageUp" if query.offset > 0 => {
                    event.prevent_default();
                    return onquery
                        .emit(RowsQuery { offset: query.offset.saturating_sub(PAGE), ..query.clone() });
                }
                "Enter" => {
                    event.prevent_default();
                    return onopen.emit(row.key.clone());
                }
                " " if may_edit => {
                    event.prevent_default();
                    return onselect.emit((row.key.clone(), None));
                }
                "Delete" if may_edit => return ondelete.emit(row.key.clone()),
                _ => return,
            };
            event.prevent_default();
            active.set(to);
            dom::focus(&format!("tr[data-row='{to}']"));
        })
    };
    let onactive = {
        let (active, left) = (active.clone(), left.clone());
        use_callback((), move |at: usize, ()| {
            *left.borrow_mut() = None;
            active.set(at);
        })
    };
    let onfocusout = {
        let left = left.clone();
        Callback::from(move |event: FocusEvent| {
            *left.borrow_mut() = event.related_target().is_none().then(|| clock::now().0);
        })
    };
    {
        let active = active.clone();
        use_effect_with(props.rows.clone(), move |rows| {
            // the row that had the focus is not there any more: another one has it, and the keys go on working
            let just = left.borrow_mut().take().is_some_and(|at| clock::now().0 - at < JUST_MS);
            if just && dom::focus_is_nowhere() {
                let at = (*active.get()).min(rows.rows.len().saturating_sub(1));
                dom::focus(&format!("tr[data-row='{at}']"));
            }
        });
    }
    {
        let at = props.open.as_ref().and_then(|open| props.rows.rows.iter().position(|row| row.key == *open));
        use_effect_with((props.open.clone(), at), |(_, at)| {
            if let Some(at) = at {
                dom::show(&format!("tr[data-row='{at}']"));
            }
        });
    }
    let all =
        !props.rows.rows.is_empty() && props.rows.rows.iter().all(|row| props.selected.contains(&row.key));
    let onall = props.onselectall.reform(|event: Event| checked(&event));
    html! {
        <div class={classes!("mooring-table-wrap", props.busy.then_some("mooring-busy"))}>
            <table class="pf-v6-c-table pf-m-compact pf-m-sticky-header mooring-table" role="grid"
                aria-label={props.info.collection.label.clone()} aria-rowcount={props.rows.matching.to_string()}
                aria-busy={props.busy.to_string()} data-test="grid">
                <thead class="pf-v6-c-table__thead">
                    <tr class="pf-v6-c-table__tr">
                        if props.may_edit {
                            <th class="pf-v6-c-table__th pf-v6-c-table__check" scope="col">
                                <label>
                                    <input type="checkbox" checked={all} onchange={onall} aria-label="Select all rows of this page" data-test="select-all" />
                                </label>
                            </th>
                        }
                        if keys {
                            { heading(props, "Key", None, false) }
                        }
                        { for columns.iter().map(|field| heading(props, &field.label, Some(&field.name), right_aligned(field.field_type))) }
                    </tr>
                </thead>
                <tbody class="pf-v6-c-table__tbody" {onkeydown} {onfocusout}>
                    { for props.rows.rows.iter().enumerate().map(|(at, row)| html! {
                        <GridRow key={row.key.to_text()} collection={props.info.id.clone()} {at} row={row.clone()} columns={columns.clone()} {keys}
                            selected={props.selected.contains(&row.key)} open={props.open.as_ref() == Some(&row.key)}
                            active={at == (*active.get()).min(last)} may_edit={props.may_edit} number={props.query.offset + at + 1}
                            onopen={props.onopen.clone()} onselect={props.onselect.clone()} onactive={onactive.clone()} />
                    }) }
                </tbody>
            </table>
        </div>
    }
}

/// A column's heading: a click sorts, the next turns around, the third sorts by key again.
fn heading(props: &GridProps, label: &str, field: Option<&FieldName>, right: bool) -> Html {
    let sorted = props.query.sort.as_ref() == field;
    let down = sorted && props.query.descending;
    let next = match (sorted, down) {
        (false, _) => (field.cloned(), false),
        (true, false) => (field.cloned(), true),
        (true, true) => (None, false),
    };
    let onclick = {
        let (query, onquery) = (props.query.clone(), props.onquery.clone());
        Callback::from(move |_: MouseEvent| {
            let (sort, descending) = next.clone();
            onquery.emit(RowsQuery { sort, descending, offset: 0, ..query.clone() });
        })
    };
    let (order, drawn) = match (sorted, down) {
        (false, _) => ("none", Icon::Sort),
        (true, false) => ("ascending", Icon::SortUp),
        (true, true) => ("descending", Icon::SortDown),
    };
    html! {
        <th class={classes!("pf-v6-c-table__th", "pf-v6-c-table__sort", sorted.then_some("pf-m-selected"), right.then_some("mooring-right"))}
            scope="col" aria-sort={order} data-test="sort" data-field={field.map(ToString::to_string)}>
            <button type="button" class="pf-v6-c-table__button" {onclick}>
                <span class="pf-v6-c-table__button-content">
                    <span class="pf-v6-c-table__text" dir="auto">{ label.to_owned() }</span>
                    <span class="pf-v6-c-table__sort-indicator">{ icon(drawn) }</span>
                </span>
            </button>
        </th>
    }
}

#[derive(PartialEq, Properties)]
struct GridRowProps {
    collection: CollectionId,
    at: usize,
    /// Its place among all that match, from 1.
    number: usize,
    row: Row,
    columns: Rc<Vec<Field>>,
    keys: bool,
    selected: bool,
    open: bool,
    /// Whether Tab comes here.
    active: bool,
    may_edit: bool,
    onopen: Callback<RecordKey>,
    onselect: Callback<(RecordKey, Option<bool>)>,
    onactive: Callback<usize>,
}

#[component]
fn GridRow(props: &GridRowProps) -> Html {
    let row = &props.row;
    let to = Route::Record {
        workspace: use_here().name.to_string(),
        collection: props.collection.to_string(),
        key: KeyText(row.key.clone()),
    };
    let href = yew_router::Routable::to_path(&to);
    let onclick = {
        let (onopen, key, href) = (props.onopen.clone(), row.key.clone(), href.clone());
        Callback::from(move |event: MouseEvent| {
            if dom::is_selecting() {
                return; // somebody marks text to copy it
            }
            let link = dom::on_link(&event);
            match event.ctrl_key() || event.meta_key() || event.shift_key() {
                // a new tab or window is the browser's to open
                true if link => {}
                true => dom::open_tab(&href),
                false => {
                    event.prevent_default();
                    onopen.emit(key.clone());
                }
            }
        })
    };
    let onauxclick = {
        let href = href.clone();
        Callback::from(move |event: MouseEvent| {
            if event.button() == 1 && !dom::on_link(&event) {
                dom::open_tab(&href);
            }
        })
    };
    let onfocus = {
        let (onactive, at) = (props.onactive.clone(), props.at);
        Callback::from(move |_: FocusEvent| onactive.emit(at))
    };
    let onchange = {
        let (onselect, key) = (props.onselect.clone(), row.key.clone());
        Callback::from(move |event: Event| onselect.emit((key.clone(), Some(checked(&event)))))
    };
    let marked = html! {
        <>
            { marks(row.marks) }
            if row.gone {
                <span class="pf-v6-c-label pf-m-compact mooring-gone"><span class="pf-v6-c-label__content"><span class="pf-v6-c-label__text" data-test="mark-gone">{ if row.marks.review { "deleted" } else { "not added" } }</span></span></span>
            }
        </>
    };
    // for the browser's own menu and a new tab; the row is what is clicked, and what has the focus
    let link = |inside: Html, empty: bool| {
        html! { <a class="mooring-row-link" href={href.clone()} tabindex="-1" draggable="false" aria-label={empty.then_some("Open the record")}>{ inside }</a> }
    };
    // the marks stand in the first cell, whatever it holds
    let first_marks = |first: bool| if first { marked.clone() } else { Html::default() };
    html! {
        <tr class={classes!("pf-v6-c-table__tr", "pf-m-clickable", (props.selected || props.open).then_some("pf-m-selected"))}
            data-gone={row.gone.then_some("true")} data-test="record-row" data-key={row.key.to_string()} data-row={props.at.to_string()} aria-rowindex={props.number.to_string()}
            aria-selected={props.selected.to_string()} tabindex={if props.active { "0" } else { "-1" }} {onclick} {onauxclick} {onfocus}>
            if props.may_edit {
                <td class="pf-v6-c-table__td pf-v6-c-table__check" onclick={|event: MouseEvent| event.stop_propagation()}>
                    <label>
                        <input type="checkbox" checked={props.selected} {onchange} tabindex="-1" data-test="select-row"
                            aria-label={format!("Select {}", key_label(&row.key).unwrap_or_else(|| format!("row {}", props.number)))} />
                    </label>
                </td>
            }
            if props.keys {
                <td class="pf-v6-c-table__td mooring-key" data-field="_key" dir="auto">
                    { first_marks(true) }
                    { link(html! { { key_label(&row.key).unwrap_or_default() } }, key_label(&row.key).is_none()) }
                </td>
            }
            { for props.columns.iter().enumerate().map(|(at, field)| html! {
                <td class={classes!("pf-v6-c-table__td", right_aligned(field.field_type).then_some("mooring-right"))}
                    data-test="cell" data-field={field.name.to_string()} dir="auto">
                    { first_marks(at == 0 && !props.keys) }
                    if at == 0 && !props.keys {
                        { link(cell(field, value_of(&row.fields, &field.name)), value_of(&row.fields, &field.name).is_absent()) }
                    } else {
                        { cell(field, value_of(&row.fields, &field.name)) }
                    }
                </td>
            }) }
        </tr>
    }
}

/// What is going on with a record, as small signs with words behind them.
pub fn marks(marks: Marks) -> Html {
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

fn checked(event: &Event) -> bool {
    event
        .target()
        .and_then(|target| target.dyn_into::<HtmlInputElement>().ok())
        .is_some_and(|input| input.checked())
}

/// The place of the row that has the focus.
fn focused_row() -> Option<usize> {
    let focused: Element = platform::document().active_element()?;
    focused.closest("tr[data-row]").ok().flatten()?.get_attribute("data-row")?.parse().ok()
}
