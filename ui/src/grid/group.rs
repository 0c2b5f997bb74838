//! The heading of a group: its value, how many rows it has, and of each column of numbers the sum.

use super::columns::Column;
use super::figures;
use super::row::cell_id;
use crate::components::field_value::{cell, right_aligned};
use crate::components::icon::{Icon, icon};
use crate::text::count;
use std::ops::Range;
use std::rc::Rc;
use sync_client::api::{Aggregate, Group};
use sync_protocol::schema::Field;
use yew::prelude::*;

#[derive(Clone, PartialEq, Properties)]
pub struct GroupRowProps {
    /// Its line.
    pub at: usize,
    /// What rows are grouped by.
    pub field: Rc<Field>,
    /// `None`: all groups that are not told one by one.
    pub group: Option<Rc<Group>>,
    pub folded: bool,
    pub columns: Rc<Vec<Column>>,
    /// The figures that it comes with.
    pub asked: Rc<Vec<Aggregate>>,
    /// Those of the columns that scroll that are drawn.
    pub drawn: Range<usize>,
    /// The column under the cursor, where it is in this line.
    pub cursor: Option<usize>,
    pub ticks: bool,
}

/// The heading in a grid.
#[component]
pub fn GroupRow(props: &GroupRowProps) -> Html {
    let sums = props.group.as_ref().map(|group| figures::sums(&props.columns, &props.asked, &group.figures));
    let sum = |at: usize| sums.as_ref().and_then(|sums| sums.get(at)?.as_ref());
    let pinned = props.columns.iter().filter(|column| column.pinned).count();
    let scrolled = (pinned + props.drawn.start)..(pinned + props.drawn.end).min(props.columns.len());
    // the value has the room up to the first sum, as far as columns have not scrolled away
    let before = usize::from(props.ticks);
    let free =
        scrolled.clone().take_while(|at| props.drawn.start == 0 && *at < pinned + 2 && sum(*at).is_none());
    let free = free.count();
    let wide = before + pinned + free;
    // with the room of the columns that are not drawn, which is none here
    let span = format!("mooring-span-{}", wide + usize::from(free > 0));
    html! {
        <div class="mooring-row mooring-group" role="row" data-test="group-row" data-line={props.at.to_string()} aria-rowindex={(props.at + 2).to_string()}>
            <div class={classes!("mooring-cell", "mooring-pinned", "mooring-pin-0", "mooring-group-head", span, props.cursor.is_some().then_some("mooring-at"))} role="gridcell"
                id={cell_id(props.at, props.cursor.unwrap_or_default())} aria-colindex="1" aria-colspan={wide.to_string()} aria-expanded={(!props.folded).to_string()}>
                { head(props) }
            </div>
            if free == 0 {
                <div role="none"></div>
            }
            { for scrolled.filter(|at| *at >= pinned + free).map(|at| html! {
                <div class={classes!("mooring-cell", props.columns[at].field_type().is_some_and(right_aligned).then_some("mooring-right"))} role="gridcell" data-field={props.columns[at].name().to_owned()}
                    aria-colindex={(at + 1 + before).to_string()}>
                    if let Some(sum) = sum(at) {
                        <span title={format!("Sum of {}", props.columns[at].label())} data-test="group-sum">{ sum.clone() }</span>
                    }
                </div>
            }) }
        </div>
    }
}

/// The heading among cards.
pub fn group_card(props: &GroupRowProps) -> Html {
    html! {
        <div class="mooring-card mooring-group" role="listitem" data-test="group-row" data-line={props.at.to_string()}>
            <button type="button" class="mooring-group-head" aria-expanded={(!props.folded).to_string()}>{ head(props) }</button>
        </div>
    }
}

fn head(props: &GroupRowProps) -> Html {
    let value = match &props.group {
        None => html! { <span class="mooring-muted">{ "More groups" }</span> },
        Some(group) if group.value.is_absent() => {
            html! { <span class="mooring-muted">{ format!("No {}", props.field.label) }</span> }
        }
        Some(group) => cell(&props.field, &group.value, ""),
    };
    html! {
        <>
            <span class="mooring-group-sign">{ icon(if props.folded { Icon::ChevronRight } else { Icon::ChevronDown }) }</span>
            <span class="mooring-group-value" dir="auto" data-test="group-value">{ value }</span>
            if let Some(group) = &props.group {
                <span class="mooring-muted mooring-group-count" data-test="group-count">{ count::number(group.rows as u64) }<span class="pf-v6-screen-reader">{ if group.rows == 1 { " record" } else { " records" } }</span></span>
            }
        </>
    }
}
