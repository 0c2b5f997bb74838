//! The items, those of one record together, and moving among them by keys.

use super::looking::title;
use super::{collection_label, field_of};
use crate::components::button::{Button, Look};
use crate::components::field_value::quoted;
use crate::components::icon::{Icon, icon};
use crate::components::link::Link;
use crate::components::signature::initials;
use crate::pages::frame::Here;
use crate::platform::{self, clock};
use crate::route::{KeyText, Route};
use crate::text::{count, review, time};
use std::collections::BTreeSet;
use sync_client::api::{Review as List, ReviewItem};
use sync_protocol::schema::Field;
use sync_protocol::{ChangeId, ConflictKind, Value};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, HtmlInputElement};
use yew::prelude::*;

/// A page of the list.
pub struct Page<'a> {
    pub list: &'a List,
    pub selected: &'a BTreeSet<ChangeId>,
    /// A newer list is on its way.
    pub busy: bool,
    /// Items of a page.
    pub size: usize,
    pub onselect: &'a Callback<(Vec<ChangeId>, bool)>,
    /// The first item of the page to show.
    pub onpage: &'a Callback<usize>,
}

/// The list with its pager.
pub fn items(here: &Here, page: &Page<'_>) -> Html {
    let items = &page.list.items;
    html! {
        <>
            <ul class="mooring-inbox" role="list" aria-busy={page.busy.to_string()} data-test="review-list">
                { for items.chunk_by(|a, b| a.record == b.record).map(|group| html! {
                    <li key={group[0].id.to_string()} class="mooring-inbox-group">
                        if let [one] = group {
                            { row(page, here, one, true) }
                        } else {
                            { heading(here, group) }
                            <ul class="mooring-inbox-inner" role="list">
                                { for group.iter().map(|item| html! {
                                    <li key={item.id.to_string()}>{ row(page, here, item, false) }</li>
                                }) }
                            </ul>
                        }
                    </li>
                }) }
            </ul>
            { pager(page) }
        </>
    }
}

/// What several items have in common: their record.
fn heading(here: &Here, group: &[ReviewItem]) -> Html {
    let record = &group[0].record;
    let label = collection_label(here, &record.collection);
    let to = Route::Record {
        workspace: here.name.to_string(),
        collection: record.collection.to_string(),
        key: KeyText(record.key.clone()),
    };
    html! {
        <h2 class="mooring-inbox-record">
            if record.collection.is_reserved() {
                { title(&group[0], &label) }
            } else {
                <Link {to} test="review-record">{ title(&group[0], &label) }</Link>
            }
            <span class="mooring-muted">{ format!("{label} · {}", count::decisions(group.len())) }</span>
        </h2>
    }
}

/// One item. `alone`: it names its record.
fn row(page: &Page<'_>, here: &Here, item: &ReviewItem, alone: bool) -> Html {
    let label = collection_label(here, &item.record.collection);
    let name = title(item, &label);
    let selected = page.selected.contains(&item.id);
    let onchange = {
        let (onselect, id) = (page.onselect.clone(), item.id);
        Callback::from(move |event: Event| {
            let on = event
                .target()
                .and_then(|target| target.dyn_into::<HtmlInputElement>().ok())
                .is_some_and(|input| input.checked());
            onselect.emit((vec![id], on));
        })
    };
    let to = Route::Decide { workspace: here.name.to_string(), id: item.id.to_string() };
    let fields: Vec<Field> = item
        .clashing
        .iter()
        .map(|field| field_of(here, &item.record.collection, field, &Value::ABSENT))
        .collect();
    let drawn = match item.kind {
        ConflictKind::EditEdit => Icon::Split,
        ConflictKind::EditDelete | ConflictKind::DeleteEdit => Icon::Trash,
    };
    html! {
        <div class={classes!("mooring-item", selected.then_some("mooring-item-on"))} data-review-row="" data-test="review-item" data-key={item.record.key.to_string()}>
            if here.may_edit() {
                <label class="mooring-item-select">
                    <input type="checkbox" checked={selected} {onchange} data-test="review-select" aria-label={format!("Select {name}")} />
                </label>
            }
            <span class="mooring-item-kind" title={review::kind_label(item.kind)}>{ icon(drawn) }</span>
            <div class="mooring-item-main">
                <div class="mooring-item-title">
                    <Link {to} class="mooring-item-link" test="review-open">
                        if alone { { name } } else { { review::between(item) } }
                    </Link>
                    if alone {
                        <span class="mooring-muted">{ label }</span>
                    }
                </div>
                <div class="mooring-item-more">
                    if alone {
                        <span class="mooring-muted" data-test="review-between">{ review::between(item) }</span>
                    }
                    if let Some(settled) = &item.settled {
                        <span class="mooring-muted" data-test="review-how">{ review::told(item, settled) }</span>
                    }
                </div>
            </div>
            <div class="mooring-item-side">
                { fields_of(item, &fields) }
                { marks(item) }
                { age(item) }
            </div>
        </div>
    }
}

/// The fields that need a decision: the first few with what both sides have.
fn fields_of(item: &ReviewItem, fields: &[Field]) -> Html {
    const NAMED: usize = 2;
    if item.kind != ConflictKind::EditEdit {
        return html! { <span class="mooring-chip mooring-chip-kind">{ review::kind_label(item.kind) }</span> };
    }
    html! {
        <>
            { for fields.iter().take(NAMED).enumerate().map(|(at, field)| html! {
                <span class="mooring-chip mooring-chip-sides" dir="auto">
                    { &field.label }
                    if let Some((current, incoming)) = item.sides.get(at) {
                        <b>{ quoted(field, current) }</b>{ "|" }<b>{ quoted(field, incoming) }</b>
                    }
                </span>
            }) }
            if fields.len() > NAMED {
                <span class="mooring-chip" title={fields[NAMED..].iter().map(|field| &*field.label).collect::<Vec<_>>().join(", ")}>{ format!("+{}", fields.len() - NAMED) }</span>
            }
        </>
    }
}

/// What else is to know of an item, each with its words.
fn marks(item: &ReviewItem) -> Html {
    let mark = |class: &'static str, drawn: Icon, text: String, test: &'static str| {
        html! { <span class={classes!("mooring-state", class)} data-test={test}>{ icon(drawn) }<span>{ text }</span></span> }
    };
    let taking_back = item.settled.as_ref().is_some_and(|settled| settled.taking_back);
    html! {
        <>
            if item.returned && item.settled.is_none() {
                { mark("mooring-state-back", Icon::Warning, "Came back".to_owned(), "mark-returned") }
            }
            if item.pending.is_some() {
                { mark("mooring-state-sent", Icon::Check, "Decided, not sent yet".to_owned(), "mark-pending") }
            }
            if taking_back {
                { mark("mooring-state-sent", Icon::Undo, "Being taken back".to_owned(), "mark-taking-back") }
            }
            if let Some(until) = item.snoozed {
                { mark("", Icon::Clock, format!("Until {}", clock::moment(until)), "mark-snoozed") }
            }
            if item.comments > 0 {
                <span class="mooring-state" data-test="mark-comments">
                    { icon(Icon::Chat) }<span aria-hidden="true">{ item.comments }</span>
                    <span class="pf-v6-screen-reader">{ count::of(item.comments as u64, "comment", "comments") }</span>
                </span>
            }
            if let Some(person) = &item.assigned {
                <span class="mooring-state" title={format!("Asked of {}", person.name)} data-test="mark-assigned">
                    { initials(&person.name) }
                    <span class="pf-v6-screen-reader">{ format!("Asked of {}", person.name) }</span>
                </span>
            }
        </>
    }
}

fn age(item: &ReviewItem) -> Html {
    let at = item.settled.as_ref().map_or(item.incoming.at, |settled| settled.by.at);
    html! { <time class="mooring-item-age" title={clock::exact(at)}>{ time::ago(clock::now(), at) }</time> }
}

fn pager(page: &Page<'_>) -> Html {
    let (list, onpage, page) = (page.list, page.onpage, page.size);
    let (first, last) = (list.first, list.first + list.items.len());
    if list.matching <= page {
        return Html::default();
    }
    let to = |offset: usize| onpage.reform(move |_: MouseEvent| offset);
    html! {
        <nav class="mooring-pager" aria-label="Pages">
            <span data-test="review-range">{ format!("{} – {} of {}", count::number(first as u64 + 1), count::number(last as u64), count::number(list.matching as u64)) }</span>
            <Button look={Look::Plain} icon={Icon::ChevronLeft} text="Previous page" disabled={first == 0} onclick={to(first.saturating_sub(page))} test="review-previous" />
            <Button look={Look::Plain} icon={Icon::ChevronRight} text="Next page" disabled={last >= list.matching} onclick={to(first + page)} test="review-next" />
        </nav>
    }
}

/// Moves the focus among the items; 0 goes to the first. False where there are none.
pub fn step(by: i32) -> bool {
    let links = links();
    let here = row_in_focus().and_then(|row| links.iter().position(|link| row.contains(Some(link))));
    let next = match here {
        Some(at) => (at as i32 + by).clamp(0, links.len() as i32 - 1),
        None => 0,
    };
    links.get(next as usize).is_some_and(|link| link.focus().is_ok())
}

/// Selects the item in focus, or not any more.
pub fn toggle() -> bool {
    click_in_row("input[type=checkbox]")
}

/// Opens the item in focus.
pub fn open() -> bool {
    click_in_row("a.mooring-item-link")
}

/// Moves the focus to an item.
pub fn focus(id: ChangeId) {
    let ending = format!("/review/{id}");
    let link = links()
        .into_iter()
        .find(|link| link.get_attribute("href").is_some_and(|href| href.ends_with(&ending)));
    if let Some(link) = link {
        let _ = link.focus();
    }
}

fn links() -> Vec<HtmlElement> {
    let Ok(found) = platform::document().query_selector_all("a.mooring-item-link") else { return Vec::new() };
    (0..found.length()).filter_map(|at| found.get(at)?.dyn_into().ok()).collect()
}

fn row_in_focus() -> Option<Element> {
    platform::document().active_element()?.closest("[data-review-row]").ok().flatten()
}

fn click_in_row(selector: &str) -> bool {
    let found = row_in_focus().and_then(|row| row.query_selector(selector).ok().flatten());
    let element = found.and_then(|element| element.dyn_into::<HtmlElement>().ok());
    element.inspect(|element| element.click()).is_some()
}
