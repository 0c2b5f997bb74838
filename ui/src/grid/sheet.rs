//! The grid on the screen: headings and rows, or cards. Sizes are set through the object model.

use super::columns::Column;
use super::cursor::{Cell, Cursor};
use super::figures;
use super::group::{GroupRow, GroupRowProps, group_card};
use super::heading::{Headings, heading};
use super::held::Held;
use super::lines::Line;
use super::row::{GridRow, card, cell_id};
use super::rows::Source;
use super::table::{Drawn, HEAD, State, TICKS, Table};
use crate::components::dialog::ConfirmProps;
use crate::components::link::{Link, href};
use crate::hooks::{use_call, use_toaster};
use crate::live::{Live, use_live};
use crate::pages::frame::use_here;
use crate::pages::later::{Wanted, later};
use crate::platform::dom;
use crate::route::{KeyText, Route};
use crate::text::count;
use std::collections::BTreeSet;
use std::rc::Rc;
use sync_client::api::{Aggregate, CollectionInfo, Row};
use sync_protocol::RecordKey;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct GridProps {
    pub info: CollectionInfo,
    pub source: Source,
    /// The rows as they were when this was drawn: others draw it anew.
    pub held: Rc<Held>,
    pub columns: Rc<Vec<Column>>,
    /// The figures that were asked for.
    pub asked: Rc<Vec<Aggregate>>,
    pub headings: Headings,
    pub selected: Live<BTreeSet<RecordKey>>,
    /// What is selected, as it was when this was drawn.
    pub ticked: Rc<BTreeSet<RecordKey>>,
    /// The record that is open beside the grid.
    pub open: Option<RecordKey>,
    pub may_edit: bool,
    /// As cards, one below the other.
    pub cards: bool,
    pub onopen: Callback<RecordKey>,
    pub ondelete: Callback<Vec<RecordKey>>,
    /// Ticks all that match, or none.
    pub onall: Callback<bool>,
}

/// The grid.
#[component]
pub fn Grid(props: &GridProps) -> Html {
    let here = use_here();
    let table = Table {
        state: use_live(State::default),
        source: props.source.clone(),
        collection: props.info.id.clone(),
        columns: props.columns.clone(),
        may_edit: props.may_edit,
        cards: props.cards,
        node: use_node_ref(),
        selected: props.selected.clone(),
        call: use_call(),
        toaster: use_toaster(),
        onopen: props.onopen.clone(),
        ondelete: props.ondelete.clone(),
    };
    let (size, body) = (use_node_ref(), use_node_ref());
    use_following(props, &table);
    use_sizes(props, &table, size.clone(), body.clone());
    let oninput = {
        let state = table.state.clone();
        use_callback((), move |text: String, ()| {
            state.change(|state| {
                if let Some(editing) = &mut state.editing {
                    (editing.text, editing.error) = (text, None);
                }
            });
        })
    };
    let state = table.state.get();
    let on = |act: fn(&Table, &MouseEvent)| {
        let table = table.clone();
        Callback::from(move |event: MouseEvent| act(&table, &event))
    };
    let onscroll = {
        let table = table.clone();
        Callback::from(move |_: Event| table.measure())
    };
    let (workspace, collection) = (here.name.to_string(), props.info.id.to_string());
    let address = |row: &Row| {
        let key = KeyText(row.key.clone());
        href(&Route::Record { workspace: workspace.clone(), collection: collection.clone(), key })
    };
    let asking = asking(&table);
    let search = AttrValue::from(props.headings.shown.search.clone());
    let places = use_memo((props.held.clone(), props.columns.clone()), |(held, columns)| {
        figures::places(columns, held)
    });
    let cursor = state.cursor;
    let group =
        |at: usize| group_row(props, &state.drawn, at, (cursor.at.row == at).then_some(cursor.at.column));
    let row = |at: usize| match props.held.lines.at(at) {
        Some(Line::Row(row)) => props.held.row(row),
        _ => None,
    };
    if props.cards {
        return html! {
            <div class="mooring-grid" ref={table.node.clone()} {onscroll} onclick={on(Table::click)} data-test="grid">
                <div class="mooring-grid-size" ref={size}>
                    <div class="mooring-grid-body" ref={body} role="list" aria-label={props.info.collection.label.clone()}>
                        { for state.drawn.rows.clone().map(|at| match (group(at), row(at)) {
                            (Some(group), _) => group_card(&group),
                            (None, Some(row)) => card(&props.info.collection, row, address(row), at, &props.columns, (&search, props.open.as_ref() == Some(&row.key))),
                            (None, None) => html! { <div class="mooring-card" role="listitem"></div> },
                        }) }
                    </div>
                </div>
            </div>
        };
    }
    let onkeydown = {
        let table = table.clone();
        Callback::from(move |event: KeyboardEvent| table.key(&event))
    };
    let clipboard = |act: fn(&Table, &Event)| {
        let table = table.clone();
        Callback::from(move |event: Event| act(&table, &event))
    };
    let onfocusout = {
        let table = table.clone();
        Callback::from(move |event: FocusEvent| {
            // somebody goes elsewhere with a cell half written: it is saved, where it can be
            let inside = event.related_target().is_some();
            if dom::typing(&event)
                && inside
                && table.state.get().editing.is_some()
                && !dom::holds(&table.node, event.related_target())
            {
                table.save_here();
            }
        })
    };
    let pinned = props.columns.iter().filter(|column| column.pinned).count();
    let scrolled =
        (pinned + state.drawn.columns.start)..(pinned + state.drawn.columns.end).min(props.columns.len());
    let all = !props.ticked.is_empty() && props.ticked.len() >= props.held.matching;
    let onall = props.onall.reform(move |event: MouseEvent| {
        event.prevent_default();
        !all
    });
    html! {
        <>
            <div class={classes!("mooring-grid", props.held.busy.then_some("mooring-busy"))} ref={table.node.clone()} role="grid" tabindex="0"
                aria-label={props.info.collection.label.clone()} aria-rowcount={(props.held.lines.len() + 1).to_string()} aria-multiselectable="true"
                aria-colcount={(props.columns.len() + usize::from(props.may_edit)).to_string()} aria-busy={props.held.busy.to_string()}
                aria-activedescendant={cell_id(cursor.at.row, cursor.at.column)} data-test="grid"
                {onscroll} {onkeydown} {onfocusout} onmousedown={on(Table::mouse_down)} onmouseover={on(Table::mouse_over)} onclick={on(Table::click)}
                onauxclick={on(Table::middle_click)} ondblclick={on(Table::double_click)}
                oncopy={clipboard(|table, event| table.copy(event, false))} oncut={clipboard(|table, event| table.copy(event, true))}
                onpaste={clipboard(Table::paste_event)}>
                <div class="mooring-grid-size" ref={size} role="none">
                    <div role="rowgroup" class="mooring-grid-head">
                        <div class="mooring-row" role="row" aria-rowindex="1">
                            if props.may_edit {
                                <div class="mooring-cell mooring-tick mooring-pinned mooring-pin-0" role="columnheader">
                                    <input type="checkbox" checked={all} ~indeterminate={!all && !props.ticked.is_empty()} onclick={onall} tabindex="-1" data-test="select-all"
                                        aria-label={format!("Select all {}", count::records(props.held.matching as u64))} />
                                </div>
                            }
                            { for (0..pinned).map(|at| heading(&props.headings, at, props.may_edit)) }
                            <div role="none"></div>
                            { for scrolled.map(|at| heading(&props.headings, at, props.may_edit)) }
                        </div>
                    </div>
                    <div class="mooring-grid-body" role="rowgroup" ref={body}>
                        { for state.drawn.rows.clone().map(|at| {
                            if let Some(group) = group(at) {
                                let key = format!("~group {}", group.group.as_ref().map(|group| group.value.0.to_string()).unwrap_or_default());
                                return html! { <GroupRow {key} ..group /> };
                            }
                            let row = row(at).cloned();
                            // an element is one record's: what somebody points at stays what it is
                            let key = row.as_ref().map_or_else(|| format!("~{at}"), |row| row.key.to_text());
                            let ranged = cursor.is_range() && cursor.rows().contains(&at);
                            html! {
                                <GridRow {key} {at} columns={props.columns.clone()} drawn={state.drawn.columns.clone()} cursor={(cursor.at.row == at).then_some(cursor.at.column)}
                                    range={ranged.then(|| cursor.columns())} editing={state.editing.clone().filter(|editing| editing.at.row == at)}
                                    search={search.clone()} selected={row.as_ref().is_some_and(|row| props.ticked.contains(&row.key))} open={row.is_some() && props.open.as_ref() == row.as_ref().map(|row| &row.key)}
                                    may_edit={props.may_edit} places={places.clone()} href={row.as_ref().map(|row| address(row)).unwrap_or_default()} {row} oninput={oninput.clone()} />
                            }
                        }) }
                    </div>
                </div>
            </div>
            { foot(props, &table, &here.name) }
            { asking }
        </>
    }
}

/// The heading of a group, where that line is one.
fn group_row(props: &GridProps, drawn: &Drawn, at: usize, cursor: Option<usize>) -> Option<GroupRowProps> {
    let Line::Group(place) = props.held.lines.at(at)? else { return None };
    let by = props.headings.shown.group.as_ref()?;
    let group = props.held.groups.as_ref().and_then(|groups| groups.groups.get(place)).cloned();
    Some(GroupRowProps {
        at,
        field: Rc::new(props.info.collection.fields.get(&by.field)?.clone()),
        folded: group.as_ref().map_or(props.held.folded.all, |group| props.held.folded.folds(&group.value)),
        group: group.map(Rc::new),
        columns: props.columns.clone(),
        asked: props.asked.clone(),
        drawn: drawn.columns.clone(),
        cursor,
        ticks: props.may_edit,
    })
}

/// Below the grid: how much there is, and the figures of the column under the cursor or of the range.
fn foot(props: &GridProps, table: &Table, workspace: &str) -> Html {
    let deleted = Route::Deleted { workspace: workspace.to_owned(), collection: props.info.id.to_string() };
    let (held, cursor) = (&props.held, table.state.get().cursor);
    let records = match held.matching == held.total {
        true => count::records(held.total as u64),
        false => format!("{} of {}", count::number(held.matching as u64), count::records(held.total as u64)),
    };
    let (of, told) = match cursor.is_range() {
        true => (
            "Selection",
            figures::of_range(&props.columns, (table.rows_in(cursor.rows()), cursor.columns()), held)
                .unwrap_or_default(),
        ),
        false => (
            props.columns.get(cursor.at.column).map_or("", Column::label),
            props
                .columns
                .get(cursor.at.column)
                .map_or_else(Vec::new, |column| figures::of_all(column, &props.asked, &held.figures)),
        ),
    };
    html! {
        <div class="mooring-foot" data-test="foot">
            <span>{ records }</span>
            <Link to={deleted} class="mooring-foot-link" test="to-deleted">{ "Deleted records" }</Link>
            <span class="mooring-space"></span>
            if !told.is_empty() {
                <span dir="auto">{ of.to_owned() }</span>
                { for told.into_iter().map(|(word, figure)| html! { <span data-test={format!("figure-{}", word.to_lowercase())}>{ word }{ " " }<b>{ figure }</b></span> }) }
            }
        </div>
    }
}

/// What is drawn follows the rows, the question, the sizes and the record that is open.
#[hook]
fn use_following(props: &GridProps, table: &Table) {
    let node = table.node.clone();
    let now = table.clone();
    use_effect_with((props.columns.clone(), props.cards), move |_| {
        let watching = dom::on_resize(&node, move || now.measure());
        move || drop(watching)
    });
    let now = table.clone();
    use_effect_with(props.held.clone(), move |_| now.follow());
    let now = table.clone();
    use_effect_with(props.headings.shown.view(&props.info.id, &props.info.collection), move |_| now.to_top());
    let line = |row| props.held.lines.line_of(row);
    let place = props.open.as_ref().and_then(|open| props.held.place(open)).map(line);
    let now = table.clone();
    let open = props.open.clone();
    use_effect_with((props.open.clone(), place.is_some(), props.held.known), move |_| {
        let column = now.state.get().cursor.at.column;
        match (place, open) {
            (Some(row), _) => now.put(Cursor::on(Cell { row, column })),
            // a new record, or one that a link led to: wherever it is, it is shown
            (None, Some(open)) => wasm_bindgen_futures::spawn_local(async move {
                if let Some(row) = now.source.find(&open).await {
                    let row = now.held().lines.line_of(row);
                    now.put(Cursor::on(Cell { row, column }));
                }
            }),
            (None, None) => {}
        }
    });
    let was_open = use_mut_ref(|| false);
    let now = table.clone();
    use_effect_with(props.open.is_some(), move |open| {
        // whoever closes a record goes on in the grid, unless they are somewhere else by now
        if was_open.replace(*open) && !open && dom::nothing_has_focus() {
            now.focus();
        }
    });
    let editing = table.state.get().editing.as_ref().map(|editing| editing.at);
    use_effect_with(editing, |editing| {
        if editing.is_some() {
            dom::focus_end(".mooring-editor :is(input, select, textarea)");
        }
    });
}

/// Sets the sizes.
#[hook]
fn use_sizes(props: &GridProps, table: &Table, size: NodeRef, body: NodeRef) {
    let (node, scrolled) = (table.node.clone(), table.pane().scrolled());
    let key = (
        table.state.get().drawn.clone(),
        props.columns.clone(),
        scrolled.to_bits(),
        props.may_edit,
        props.cards,
    );
    use_effect_with(key, move |(drawn, columns, _, ticks, cards)| {
        let head = if *cards { 0.0 } else { HEAD };
        dom::set_style(&size, "block-size", &format!("{}px", scrolled + head));
        dom::set_style(&body, "inset-block-start", &format!("{}px", drawn.top + head));
        if *cards {
            return dom::set_style(&size, "inline-size", "100%");
        }
        let ticks = if *ticks { TICKS } else { 0 };
        let whole = ticks + columns.iter().map(|column| column.width).sum::<u32>();
        dom::set_style(&size, "inline-size", &format!("max(100%, {whole}px)"));
        dom::set_style(&node, "--columns", &template(columns, drawn, ticks));
        let mut pin = ticks;
        for (at, column) in columns.iter().filter(|column| column.pinned).enumerate() {
            dom::set_style(&node, &format!("--pin-{}", at + 1), &format!("{pin}px"));
            pin += column.width;
        }
    });
}

/// The columns of each row: ticks, what stays in place, the room of those that are not drawn, and those that are.
fn template(columns: &[Column], drawn: &Drawn, ticks: u32) -> String {
    let (pinned, scrolled): (Vec<&Column>, Vec<&Column>) = columns.iter().partition(|column| column.pinned);
    let shown = scrolled.iter().take(drawn.columns.end).skip(drawn.columns.start);
    let widths = pinned
        .iter()
        .map(|column| column.width)
        .chain([drawn.before])
        .chain(shown.map(|column| column.width));
    let ticks = (ticks > 0).then_some(ticks);
    ticks.into_iter().chain(widths).map(|width| format!("{width}px ")).collect()
}

/// Asks whether a paste may add records.
fn asking(table: &Table) -> Html {
    let Some(asking) = table.state.get().asking.clone() else { return Html::default() };
    let close = {
        let table = table.clone();
        Callback::from(move |()| {
            table.state.change(|state| state.asking = None);
            table.focus();
        })
    };
    let new = count::records(asking.new as u64);
    let onconfirm = {
        let (table, close, asking) = (table.clone(), close.clone(), asking.clone());
        Callback::from(move |()| {
            close.emit(());
            table.put_cells(asking.cells.clone(), asking.at, "Paste");
        })
    };
    let rows = count::of(asking.cells.len() as u64, "row", "rows");
    later(Wanted::Confirm(yew::props! { ConfirmProps {
        title: format!("Add {new}?"),
        action: format!("Paste and add {new}"),
        danger: false,
        children: html! { <p>{ format!("You paste {rows}, more than there are below.") }</p> },
        onconfirm,
        oncancel: close,
    } }))
}
