//! Which of them are shown: tabs, search, and what to narrow by.

use super::collection_label;
use crate::components::button::{Button, Look};
use crate::components::form::{control, input_text, select_arrow};
use crate::components::search_box::search_box;
use crate::hooks::{use_ask, use_session};
use crate::pages::frame::use_here;
use crate::platform::clock;
use crate::text::{count, review};
use gloo::timers::callback::Timeout;
use sync_client::api::{Answer, Command, Event as News, Facets, Review as List, ReviewFilter, ReviewTab};
use sync_protocol::{CollectionId, ConflictKind, Timestamp, UserId};
use yew::prelude::*;

/// A search starts when the person has paused for this long.
const PAUSE_MS: u32 = 180;
const HOUR: i64 = 60 * 60 * 1000;
/// Ages to choose from, in milliseconds.
const AGES: [(i64, &str); 3] =
    [(HOUR, "Over an hour old"), (24 * HOUR, "Over a day old"), (7 * 24 * HOUR, "Over a week old")];
const KINDS: [ConflictKind; 3] = [ConflictKind::EditEdit, ConflictKind::EditDelete, ConflictKind::DeleteEdit];

/// Whether anything but the tab narrows the list.
pub fn is_narrow(filter: &ReviewFilter) -> bool {
    *filter != ReviewFilter { tab: filter.tab, ..ReviewFilter::default() }
}

/// The id of a tab's button.
pub fn tab_id(tab: ReviewTab) -> &'static str {
    match tab {
        ReviewTab::Open => "review-tab-open",
        ReviewTab::Snoozed => "review-tab-snoozed",
        ReviewTab::Settled => "review-tab-settled",
    }
}

/// Open, put off, settled.
pub fn tabs(filter: &ReviewFilter, list: &List, onfilter: &Callback<ReviewFilter>) -> Html {
    let tabs = [
        (ReviewTab::Open, "Open", list.open),
        (ReviewTab::Snoozed, "Put off", list.snoozed),
        (ReviewTab::Settled, "Settled", list.settled),
    ];
    let choose = |tab: ReviewTab| {
        let (onfilter, filter) = (onfilter.clone(), filter.clone());
        move || onfilter.emit(ReviewFilter { tab, ..filter.clone() })
    };
    let onkeydown = {
        let at = tabs.iter().position(|(tab, ..)| *tab == filter.tab).unwrap_or_default();
        let [before, after] = [2, 1].map(|by| tabs[(at + by) % tabs.len()].0);
        let (before, after) = ((before, choose(before)), (after, choose(after)));
        Callback::from(move |event: KeyboardEvent| {
            let (tab, choose) = match event.key().as_str() {
                "ArrowLeft" => &before,
                "ArrowRight" => &after,
                _ => return,
            };
            event.prevent_default();
            choose();
            crate::platform::dom::focus(&format!("#{}", tab_id(*tab)));
        })
    };
    html! {
        <div class="mooring-tabs" role="tablist" aria-label="Reviews" {onkeydown}>
            { for tabs.into_iter().map(|(tab, text, n)| {
                let on = tab == filter.tab;
                let choose = choose(tab);
                html! {
                    <button type="button" role="tab" id={tab_id(tab)} class={classes!("mooring-tab", on.then_some("mooring-tab-on"))}
                        aria-selected={on.to_string()} aria-controls="review-panel" tabindex={if on { "0" } else { "-1" }}
                        onclick={Callback::from(move |_: MouseEvent| choose())} data-test={tab_id(tab)}>
                        { text }<span class="mooring-tab-count">{ count::number(n as u64) }</span>
                    </button>
                }
            }) }
        </div>
    }
}

#[derive(PartialEq, Properties)]
pub struct FiltersProps {
    pub filter: ReviewFilter,
    pub facets: Facets,
    pub onfilter: Callback<ReviewFilter>,
}

/// The search, and the filters that are worth choosing from.
#[component]
pub fn Filters(props: &FiltersProps) -> Html {
    let here = use_here();
    let me = use_session().session.user.as_ref().map(|user| user.id);
    let open = use_state_eq(|| false);
    let people = use_ask(
        (),
        |()| Command::People,
        |answer| if let Answer::People(people) = answer { Some(people) } else { None },
        |(), event| matches!(event, News::Changed { collections } if collections.iter().any(CollectionId::is_reserved)),
    );
    let (filter, facets) = (&props.filter, &props.facets);
    let set = |change: fn(&mut ReviewFilter, Option<String>)| {
        let (onfilter, filter) = (props.onfilter.clone(), filter.clone());
        Callback::from(move |value: String| {
            let mut next = filter.clone();
            change(&mut next, Some(value).filter(|value| !value.is_empty()));
            onfilter.emit(next);
        })
    };
    let counted = |name: &str, n: usize| (name.to_owned(), format!("{name} ({})", count::number(n as u64)));
    let collections = facets.collections.iter().map(|(id, n)| {
        (id.to_string(), format!("{} ({})", collection_label(&here, id), count::number(*n as u64)))
    });
    let kinds =
        KINDS.iter().enumerate().map(|(at, kind)| (at.to_string(), review::kind_label(*kind).to_owned()));
    let kind_at = filter.kind.and_then(|kind| KINDS.iter().position(|k| *k == kind)).map(|at| at.to_string());
    let ages = AGES.iter().map(|(age, text)| (age.to_string(), (*text).to_owned()));
    let age = filter.older_than.map(|at| clock::now().0 - at.0).and_then(|age| {
        AGES.iter().rev().find(|(least, _)| age >= *least).map(|(least, _)| least.to_string())
    });
    let members = people.data.iter().flat_map(|people| people.iter()).map(|person| {
        let name = if Some(person.user) == me { "For me".to_owned() } else { format!("For {}", person.name) };
        (person.user.to_string(), name)
    });
    let chosen = |text: Option<String>| text.unwrap_or_default();
    let narrow = [
        filter.collection.is_some(),
        filter.person.is_some(),
        filter.device.is_some(),
        filter.kind.is_some(),
        filter.older_than.is_some(),
        filter.assigned.is_some(),
    ];
    let active = narrow.into_iter().filter(|on| *on).count();
    let toggle = {
        let open = open.clone();
        Callback::from(move |_: MouseEvent| open.set(!*open))
    };
    let clear = {
        let tab = filter.tab;
        props.onfilter.reform(move |_: MouseEvent| ReviewFilter { tab, ..ReviewFilter::default() })
    };
    html! {
        <div class="mooring-filters" role="search" aria-label="Filter the reviews">
            <Search filter={filter.clone()} onfilter={props.onfilter.clone()} />
            <button type="button" class="pf-v6-c-button pf-m-secondary mooring-filters-toggle" aria-expanded={open.to_string()} onclick={toggle} data-test="review-filters">
                { if active > 0 { format!("Filters ({active})") } else { "Filters".to_owned() } }
            </button>
            <div class={classes!("mooring-filters-more", open.then_some("mooring-open"))}>
                { choose("Collection", "All collections", "filter-collection", collections.collect(), chosen(filter.collection.as_ref().map(|c| c.to_string())),
                    set(|filter, value| filter.collection = value.and_then(|name| CollectionId::new(name).ok()))) }
                { choose("Person", "Everybody", "filter-person", facets.people.iter().map(|(name, n)| counted(name, *n)).collect(), chosen(filter.person.clone()),
                    set(|filter, value| filter.person = value)) }
                { choose("Device", "All devices", "filter-device", facets.devices.iter().map(|(name, n)| counted(name, *n)).collect(), chosen(filter.device.clone()),
                    set(|filter, value| filter.device = value)) }
                { choose("Kind", "All kinds", "filter-kind", kinds.collect(), chosen(kind_at),
                    set(|filter, value| filter.kind = value.and_then(|at| KINDS.get(at.parse::<usize>().ok()?).copied()))) }
                { choose("Age", "Any age", "filter-age", ages.collect(), chosen(age),
                    set(|filter, value| filter.older_than = value.and_then(|age| Some(Timestamp(clock::now().0 - age.parse::<i64>().ok()?))))) }
                { choose("Asked of", "For anybody", "filter-assigned", members.collect(), chosen(filter.assigned.map(|user| user.to_string())),
                    set(|filter, value| filter.assigned = value.and_then(|user| user.parse::<UserId>().ok()))) }
                if active > 0 {
                    <Button look={Look::Link} text="Clear" onclick={clear} test="clear-filters" />
                }
            </div>
        </div>
    }
}

/// A list to choose one from; the first entry leaves all in.
fn choose(
    label: &'static str,
    all: &'static str,
    test: &'static str,
    mut options: Vec<(String, String)>,
    chosen: String,
    onchoose: Callback<String>,
) -> Html {
    // what was chosen may have gone from the list meanwhile
    if !chosen.is_empty() && !options.iter().any(|(value, _)| *value == chosen) {
        options.push((chosen.clone(), format!("{chosen} (0)")));
    }
    let onchange = onchoose.reform(|event: Event| input_text(&event));
    control(
        Some("mooring-filter"),
        false,
        html! {
            <>
                <select aria-label={label} {onchange} data-test={test}>
                    <option value="" selected={chosen.is_empty()}>{ all }</option>
                    { for options.into_iter().map(|(value, text)| html! {
                        <option selected={value == chosen} value={value.clone()}>{ text }</option>
                    }) }
                </select>
                { select_arrow() }
            </>
        },
    )
}

#[derive(PartialEq, Properties)]
struct SearchProps {
    filter: ReviewFilter,
    onfilter: Callback<ReviewFilter>,
}

#[component]
fn Search(props: &SearchProps) -> Html {
    let text = use_state(|| props.filter.search.clone());
    let timer = use_mut_ref(|| None::<Timeout>);
    {
        let text = text.setter();
        use_effect_with(props.filter.search.clone(), move |search| text.set(search.clone()));
    }
    let search = {
        let (text, filter, onfilter) = (text.setter(), props.filter.clone(), props.onfilter.clone());
        Callback::from(move |search: String| {
            text.set(search.clone());
            let (filter, onfilter) = (filter.clone(), onfilter.clone());
            *timer.borrow_mut() =
                Some(Timeout::new(PAUSE_MS, move || onfilter.emit(ReviewFilter { search, ..filter })));
        })
    };
    let clear = search.reform(|_: MouseEvent| String::new());
    let oninput = search.reform(|event: InputEvent| input_text(&event));
    let onkeydown = Callback::from(|event: KeyboardEvent| {
        if event.key() == "Escape" || event.key() == "Enter" {
            super::list::step(0);
        }
    });
    search_box(&text, "Search the reviews", "review-search", oninput, onkeydown, clear)
}
