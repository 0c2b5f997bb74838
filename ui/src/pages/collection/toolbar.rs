//! Above the grid: what it is, how much there is, search and things to do.

use crate::components::button::{Button, Look};
use crate::components::collection_export::CollectionExport;
use crate::components::form::input_text;
use crate::components::icon::{Icon, icon};
use crate::text::count;
use gloo::timers::callback::Timeout;
use std::rc::Rc;
use sync_client::api::{CollectionInfo, MirrorNote, Only, Rows, RowsQuery};
use sync_protocol::mirror::Direction;
use yew::prelude::*;

/// A search starts when the person has paused for this long.
const PAUSE_MS: u32 = 180;

#[derive(PartialEq, Properties)]
pub struct ToolbarProps {
    pub info: CollectionInfo,
    pub query: RowsQuery,
    pub rows: Option<Rc<Rows>>,
    /// How many rows are selected.
    pub selected: usize,
    pub may_edit: bool,
    pub may_shape: bool,
    pub onquery: Callback<RowsQuery>,
    pub onsearch: Callback<String>,
    /// Nothing is selected any more.
    pub onclear: Callback<()>,
    pub onnew: Callback<()>,
    pub ondelete: Callback<()>,
    pub onfield: Callback<()>,
    pub onsettings: Callback<()>,
}

/// The toolbar.
#[component]
pub fn Toolbar(props: &ToolbarProps) -> Html {
    let text = use_state(|| props.query.search.clone());
    let timer = use_mut_ref(|| None::<Timeout>);
    let typing = use_mut_ref(|| false);
    {
        // a search that was ended elsewhere; what is being typed stays
        let (text, typing) = (text.setter(), typing.clone());
        use_effect_with(props.query.search.clone(), move |searched| {
            if !*typing.borrow() {
                text.set(searched.clone());
            }
        });
    }
    let search = {
        let (text, timer, onsearch) = (text.setter(), timer, props.onsearch.clone());
        Callback::from(move |wanted: String| {
            text.set(wanted.clone());
            *typing.borrow_mut() = true;
            let (onsearch, typing) = (onsearch.clone(), typing.clone());
            *timer.borrow_mut() = Some(Timeout::new(PAUSE_MS, move || {
                *typing.borrow_mut() = false;
                onsearch.emit(wanted);
            }));
        })
    };
    let clear = search.reform(|_: MouseEvent| String::new());
    let onkeydown = {
        let search = search.clone();
        Callback::from(move |event: KeyboardEvent| {
            if event.key() == "Escape" && !event.is_composing() {
                search.emit(String::new());
            }
        })
    };
    let oninput = search.reform(|event: InputEvent| input_text(&event));
    html! {
        <div class={classes!("mooring-toolbar", (props.may_edit && props.selected > 0).then_some("mooring-selecting"))}>
            <div class="mooring-heading">
                <h1 class="pf-v6-c-title pf-m-xl" tabindex="-1">{ &props.info.collection.label }</h1>
                <span class="mooring-muted" data-test="record-count">{ counts(props) }</span>
            </div>
            if let Some(mirror) = &props.info.mirror {
                { mirrored(mirror) }
            }
            <div class="mooring-toolbar-row">
                <div class="pf-v6-c-text-input-group mooring-search">
                    <div class="pf-v6-c-text-input-group__main pf-m-icon">
                        <span class="pf-v6-c-text-input-group__text">
                            <span class="pf-v6-c-text-input-group__icon">{ icon(Icon::Search) }</span>
                            <input class="pf-v6-c-text-input-group__text-input" type="text" value={(*text).clone()} {oninput} {onkeydown} dir="auto"
                                aria-label="Search these records" placeholder="Search" autocomplete="off" spellcheck="false"
                                data-test="search" title="Press / to search" />
                        </span>
                    </div>
                    if !text.is_empty() {
                        <div class="pf-v6-c-text-input-group__utilities">
                            <Button look={Look::Plain} icon={Icon::Close} text="Clear the search" onclick={clear} />
                        </div>
                    }
                </div>
                { review_filter(props) }
                <span class="mooring-space"></span>
                if props.may_edit && props.selected > 0 {
                    <span class="mooring-muted" data-test="selected-rows">{ format!("{} selected", count::number(props.selected as u64)) }</span>
                    <Button look={Look::Plain} icon={Icon::Close} text="Select nothing" onclick={props.onclear.reform(|_: MouseEvent| ())} test="select-none" />
                    <Button look={Look::Danger} icon={Icon::Trash} text="Delete" onclick={props.ondelete.reform(|_: MouseEvent| ())} test="delete-selected" />
                }
                if props.may_shape {
                    <Button look={Look::Link} class="mooring-when-idle" icon={Icon::Plus} text="Add field" onclick={props.onfield.reform(|_: MouseEvent| ())} test="add-field" />
                }
                <Button look={Look::Plain} icon={Icon::Settings} text="When two people change the same thing"
                    onclick={props.onsettings.reform(|_: MouseEvent| ())} test="collection-settings" />
                <CollectionExport info={props.info.clone()} />
                if props.may_edit {
                    <Button look={Look::Primary} class="mooring-when-idle" icon={Icon::Plus} text="New record" title="Press N"
                        onclick={props.onnew.reform(|_: MouseEvent| ())} test="new-record" />
                }
            </div>
        </div>
    }
}

/// Shows only what needs review, where there is something.
fn review_filter(props: &ToolbarProps) -> Html {
    let on = props.query.only.is_some();
    if props.info.review == 0 && !on {
        return Html::default();
    }
    let onclick = {
        let (query, onquery) = (props.query.clone(), props.onquery.clone());
        let only = if on { None } else { Some(Only::Review) };
        Callback::from(move |_: MouseEvent| onquery.emit(RowsQuery { only, offset: 0, ..query.clone() }))
    };
    html! {
        <button type="button" class={classes!("pf-v6-c-button", "pf-m-secondary", "mooring-filter", on.then_some("mooring-on"))}
            aria-pressed={on.to_string()} {onclick} data-test="filter-review">
            <span class="pf-v6-c-button__icon pf-m-start mooring-mark-review">{ icon(Icon::Split) }</span>
            <span class="pf-v6-c-button__text">{ "Needs review" }</span>
            <span class="pf-v6-c-badge mooring-badge-review" data-test="filter-count">{ count::number(props.info.review) }</span>
        </button>
    }
}

/// Which table it is kept in step with, and that it is not where that is so.
fn mirrored(mirror: &MirrorNote) -> Html {
    let stopped = mirror.paused.is_some();
    let words = match mirror.direction {
        _ if stopped => "Not kept in step at the moment with the table ",
        Some(Direction::In) => "Follows the table ",
        Some(Direction::Out) => "Also in the table ",
        Some(Direction::Once) => "Brought over once from the table ",
        Some(Direction::Both) | None => "Kept in step with the table ",
    };
    html! {
        <p class="mooring-muted" data-test="mirrored" title={mirror.paused.clone()}>
            if stopped {
                <span class="mooring-mark mooring-mark-review">{ icon(Icon::Warning) }</span>
            }
            { words }<span class="mooring-json">{ &mirror.table }</span>
        </p>
    }
}

fn counts(props: &ToolbarProps) -> String {
    match &props.rows {
        None => count::records(props.info.records),
        Some(rows) if rows.matching < rows.total => {
            format!("{} of {}", count::number(rows.matching as u64), count::records(rows.total as u64))
        }
        Some(rows) => count::records(rows.total as u64),
    }
}
