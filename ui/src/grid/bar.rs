//! The bar above the grid, in one line: what is looked at, what of it is shown and how, what can be done.

use super::address::Shown;
use super::conditions::Conditions;
use super::filter::{Joined, Part};
use super::held::Held;
use super::menus::{Grouping, Popover, Showing, change};
use crate::components::button::{Button, Look};
use crate::components::collection_export::CollectionExport;
use crate::components::form::input_text;
use crate::components::icon::{Icon, icon};
use crate::components::search_box::search_box;
use crate::pages::later::{Wanted, later};
use crate::platform::clock;
use crate::text::count;
use gloo::timers::callback::Timeout;
use std::rc::Rc;
use sync_client::api::{CollectionInfo, MirrorNote};
use sync_protocol::FieldType;
use sync_protocol::mirror::Direction;
use sync_protocol::schema::{Collection, Field};
use yew::prelude::*;

/// A search starts when the person has paused for this long.
const PAUSE_MS: u32 = 180;

#[derive(PartialEq, Properties)]
pub struct ViewBarProps {
    pub info: CollectionInfo,
    pub shown: Rc<Shown>,
    pub onshown: Callback<Shown>,
    pub onsearch: Callback<String>,
    pub held: Rc<Held>,
    /// How many rows are selected.
    pub selected: usize,
    pub may_edit: bool,
    pub may_shape: bool,
    /// Counts requests to show the filter.
    pub filtering: u32,
    /// The menu of saved views.
    pub views: Html,
    /// Folds all groups, or shows their rows.
    pub onfold: Callback<bool>,
    /// Nothing is selected any more.
    pub onclear: Callback<()>,
    pub onnew: Callback<()>,
    pub ondelete: Callback<()>,
    pub onedit: Callback<()>,
    pub onfield: Callback<()>,
    pub onsettings: Callback<()>,
}

/// The bar.
#[component]
pub fn ViewBar(props: &ViewBarProps) -> Html {
    let shown = &props.shown;
    let collection = Rc::new(props.info.collection.clone());
    let form = Conditions {
        collection: collection.clone(),
        shown: shown.clone(),
        onchange: {
            let (shown, onshown) = (shown.clone(), props.onshown.clone());
            Callback::from(move |filter| onshown.emit(Shown { filter, ..(*shown).clone() }))
        },
    };
    let showing =
        Showing { collection: collection.clone(), shown: shown.clone(), onshown: props.onshown.clone() };
    let conditions_of = |parts: &Joined<Part>| parts.parts.len();
    let hidden = shown.hidden.len();
    html! {
        <div class="mooring-bar">
            <div class="mooring-bar-line">
                <h1 class="mooring-bar-title" tabindex="-1" dir="auto">{ &props.info.collection.label }</h1>
                <span class="mooring-muted mooring-count" data-test="record-count">{ counts(props) }</span>
                <div class="mooring-views">{ props.views.clone() }</div>
                <Popover drawn={Icon::Filter} text="Filter" count={conditions_of(&shown.filter)} request={props.filtering} test="filter">
                    { later(Wanted::Conditions(form)) }
                </Popover>
                <Popover drawn={Icon::Sort} text="Sort" count={shown.sort.len()} test="sort">{ later(Wanted::Sorts(showing.clone())) }</Popover>
                <Popover drawn={Icon::Group} text="Group" count={usize::from(shown.group.is_some())} test="group">
                    { later(Wanted::Groups(Grouping { showing: showing.clone(), onfold: props.onfold.clone() })) }
                </Popover>
                <Popover drawn={Icon::Fields} text="Fields" count={hidden} test="fields">{ later(Wanted::Fields(showing)) }</Popover>
                { review_filter(props) }
                <span class="mooring-space"></span>
                <Search search={shown.search.clone()} onsearch={props.onsearch.clone()} />
                if props.may_shape {
                    <Button look={Look::Plain} icon={Icon::Plus} text="Add field" title="Add a field" onclick={props.onfield.reform(|_: MouseEvent| ())} test="add-field" />
                }
                <Button look={Look::Plain} icon={Icon::Settings} text="Collection settings"
                    onclick={props.onsettings.reform(|_: MouseEvent| ())} test="collection-settings" />
                <CollectionExport info={props.info.clone()} />
                if props.may_edit {
                    <Button look={Look::Primary} icon={Icon::Plus} text="New" title="New record (N)" onclick={props.onnew.reform(|_: MouseEvent| ())} test="new-record" />
                }
            </div>
            if let Some(mirror) = &props.info.mirror {
                { mirrored(mirror) }
            }
            { chips(props, &collection) }
            if props.may_edit && props.selected > 0 {
                <div class="mooring-selection" role="toolbar" aria-label="Selected records">
                    <span data-test="selected-rows">{ format!("{} selected", count::number(props.selected as u64)) }</span>
                    <Button look={Look::Link} text="Edit a field…" onclick={props.onedit.reform(|_: MouseEvent| ())} test="edit-selected" />
                    <Button look={Look::Link} icon={Icon::Trash} text="Delete" onclick={props.ondelete.reform(|_: MouseEvent| ())} test="delete-selected" />
                    <span class="mooring-space"></span>
                    <Button look={Look::Plain} icon={Icon::Close} text="Select nothing" onclick={props.onclear.reform(|_: MouseEvent| ())} test="select-none" />
                </div>
            }
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct SearchProps {
    search: String,
    onsearch: Callback<String>,
}

/// The search, which starts when a person pauses.
#[component]
fn Search(props: &SearchProps) -> Html {
    let text = use_state(|| props.search.clone());
    let timer = use_mut_ref(|| None::<Timeout>);
    let typing = use_mut_ref(|| false);
    {
        // a search that was ended elsewhere; what is being typed stays
        let (text, typing) = (text.setter(), typing.clone());
        use_effect_with(props.search.clone(), move |searched| {
            if !*typing.borrow() {
                text.set(searched.clone());
            }
        });
    }
    let search = {
        let (text, onsearch) = (text.setter(), props.onsearch.clone());
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
    search_box(&text, "Search these records", "search", oninput, onkeydown, clear)
}

/// What narrows the rows, in view all the time.
fn chips(props: &ViewBarProps, collection: &Rc<Collection>) -> Html {
    let (shown, onshown) = (&props.shown, &props.onshown);
    if shown.filter.parts.is_empty() && shown.sort.is_empty() && shown.group.is_none() {
        return Html::default();
    }
    let chip = |text: String, remove: Callback<MouseEvent>, wrong: bool| {
        html! {
            <li class={classes!("mooring-chip", wrong.then_some("mooring-chip-wrong"))} data-test="chip">
                <span dir="auto">{ text.clone() }</span>
                <button type="button" onclick={remove} aria-label={format!("Remove: {text}")} data-test="chip-remove">{ icon(Icon::Close) }</button>
            </li>
        }
    };
    let join = if shown.filter.any { " or " } else { " and " };
    let parts = shown.filter.parts.iter().enumerate().map(|(at, part)| {
        let (text, fits) = match part {
            Part::One(one) => (one.sentence(collection, as_shown), one.fits(collection)),
            Part::Group(group) => {
                let all: Vec<String> =
                    group.parts.iter().map(|one| one.sentence(collection, as_shown)).collect();
                (
                    all.join(if group.any { " or " } else { " and " }),
                    group.parts.iter().all(|one| one.fits(collection)),
                )
            }
        };
        let text = if at > 0 { format!("{}{text}", join.trim_start()) } else { text };
        chip(text, change(shown, onshown, move |shown| drop(shown.filter.parts.remove(at))), !fits)
    });
    let label = |field: Option<&sync_protocol::FieldName>| {
        field.and_then(|name| collection.fields.get(name)).map_or("Key", |field| &field.label).to_owned()
    };
    let sorts = shown.sort.iter().enumerate().map(|(at, by)| {
        let text = format!(
            "{} {} {}",
            if at == 0 { "Sorted by" } else { "then by" },
            label(by.field.as_ref()),
            if by.descending { "↓" } else { "↑" }
        );
        chip(text, change(shown, onshown, move |shown| drop(shown.sort.remove(at))), false)
    });
    let group = shown.group.iter().map(|by| {
        chip(
            format!("Grouped by {}{}", label(Some(&by.field)), if by.descending { " ↓" } else { "" }),
            change(shown, onshown, |shown| shown.group = None),
            false,
        )
    });
    html! { <ul class="mooring-chips" role="list" data-test="chips">{ for parts.chain(sorts).chain(group) }</ul> }
}

/// A value of a test as it stands in the grid.
fn as_shown(field: Option<&Field>, text: &str) -> String {
    match field.map(|field| field.field_type) {
        Some(FieldType::DateTime) => clock::to_cell(text),
        _ if text.is_empty() => "…".to_owned(),
        _ => text.to_owned(),
    }
}

/// Shows only what needs review, where there is something.
fn review_filter(props: &ViewBarProps) -> Html {
    let on = props.shown.review;
    if props.info.review == 0 && !on {
        return Html::default();
    }
    let onclick = change(&props.shown, &props.onshown, move |shown| shown.review = !on);
    html! {
        <button type="button" class={classes!("pf-v6-c-button", "pf-m-plain", "mooring-bar-button", "mooring-filter", on.then_some("mooring-on"))}
            aria-pressed={on.to_string()} {onclick} data-test="filter-review">
            <span class="pf-v6-c-button__icon mooring-mark-review">{ icon(Icon::Split) }</span>
            <span class="mooring-bar-text">{ "Needs review" }</span>
            <span class="pf-v6-c-badge mooring-badge-review" data-test="filter-count">{ count::number(props.info.review) }</span>
        </button>
    }
}

fn counts(props: &ViewBarProps) -> String {
    match &*props.held {
        held if !held.known => count::records(props.info.records),
        held if held.matching < held.total => {
            format!("{} of {}", count::number(held.matching as u64), count::records(held.total as u64))
        }
        held => count::records(held.total as u64),
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
        <p class="mooring-muted mooring-mirrored" data-test="mirrored" title={mirror.paused.clone()}>
            if stopped {
                <span class="mooring-mark mooring-mark-review">{ icon(Icon::Warning) }</span>
            }
            { words }<span class="mooring-json">{ &mirror.table }</span>
        </p>
    }
}
