//! Everything that needs a person: changes that met, and changes that were refused.

mod bulk;
mod decide;
mod filters;
mod list;
mod looking;
mod refused;

pub use decide::{Case, Decide, Draft, Picked};
pub use looking::Looking;

use super::frame::{Here, use_here};
use crate::components::button::{Button, Look};
use crate::components::icon::Icon;
use crate::components::states::{Empty, Notice, Tint, failed, loading};
use crate::hooks::{use_ask, use_status};
use crate::live::{self, use_live};
use crate::platform::dom;
use crate::text::count;
use bulk::Selection;
use filters::{Filters, is_narrow, tabs};
use list::{Page, items};
use refused::RefusedCard;
use std::collections::BTreeSet;
use sync_client::api::{
    Answer, Command, Event, Review as List, ReviewFilter, ReviewQuery, ReviewTab, Transport,
};
use sync_protocol::schema::{Field, Schema};
use sync_protocol::{ChangeId, CollectionId, FieldName, FieldType, Value};
use yew::prelude::*;

/// Items of one page: a few screens of them, few enough to draw at once.
const PAGE: usize = 50;

/// The list.
#[component]
pub fn Review() -> Html {
    let here = use_here();
    let status = use_status();
    let looking: Looking = use_context().expect("a workspace's frame provides it");
    let shown = use_state(|| looking.list());
    let (filter, offset) = (*shown).clone();
    let ask = use_ask(
        (filter.clone(), offset),
        |(filter, offset)| {
            Command::Review(ReviewQuery {
                filter: filter.clone(),
                offset: *offset,
                limit: PAGE,
                ..ReviewQuery::default()
            })
        },
        pick_review,
        |_, event| on_news(event),
    );
    let selected = use_live(BTreeSet::<ChangeId>::new);
    let show = {
        let (shown, selected, looking) = (shown.setter(), selected.clone(), looking.clone());
        Callback::from(move |(filter, offset, turned): (ReviewFilter, usize, bool)| {
            looking.keep_list(&filter, offset);
            if !turned {
                selected.set(BTreeSet::new());
            }
            shown.set((filter, offset));
        })
    };
    let onfilter = show.reform(|filter| (filter, 0, false));
    let onpage = {
        let filter = filter.clone();
        show.reform(move |offset| (filter.clone(), offset, true))
    };
    let onselect = {
        let selected = selected.clone();
        Callback::from(move |(ids, on): (Vec<ChangeId>, bool)| {
            selected.change(|now| {
                for id in ids {
                    if on {
                        now.insert(id);
                    } else {
                        now.remove(&id);
                    }
                }
            });
        })
    };
    let clear = {
        let selected = selected.clone();
        Callback::from(move |()| selected.set(BTreeSet::new()))
    };
    use_list_keys();
    use_return(&looking, ask.data.is_some());

    let chosen = selected.get();
    let body = match &ask.data {
        None if ask.failure.is_some() => Html::default(),
        None => loading("Reading what needs review"),
        // the last page may have emptied meanwhile
        Some(list) if list.items.is_empty() && list.matching > 0 && offset > 0 => {
            html! { <Button text="To the first page" onclick={onpage.reform(|_: MouseEvent| 0)} /> }
        }
        Some(list) if list.items.is_empty() => nothing(list, &filter, &onfilter),
        Some(list) => html! {
            <>
                <Selection list={list.clone()} selected={(*chosen).clone()} filter={filter.clone()}
                    may_edit={here.may_edit()} onselect={onselect.clone()} onclear={clear} />
                { items(&here, &Page { list, selected: &chosen, busy: ask.busy, size: PAGE, onselect: &onselect, onpage: &onpage }) }
            </>
        },
    };
    let rejected = ask.data.as_ref().filter(|_| filter.tab == ReviewTab::Open).map(|list| &list.rejected);
    let list_is_empty = ask.data.as_ref().is_none_or(|list| list.items.is_empty());
    html! {
        <section class="mooring-narrow mooring-inbox-page" aria-labelledby="review-title">
            <div class="mooring-heading">
                <h1 class="pf-v6-c-title pf-m-2xl" id="review-title">{ "Needs review" }</h1>
                if let Some(list) = &ask.data {
                    <span class="mooring-muted" data-test="review-count">{ total(list) }</span>
                }
            </div>
            if !here.may_edit() {
                { reader() }
            }
            if status.transport == Transport::Offline {
                <p class="mooring-offline" role="note" data-test="review-offline">{ "You are offline. Decide as usual: it is saved on this device, and applies when you are online." }</p>
            }
            if let Some(failure) = &ask.failure {
                { failed(failure, &ask.reload) }
            }
            if let Some(list) = &ask.data {
                { tabs(&filter, list, &onfilter) }
                if is_narrow(&filter) || list.matching > 1 {
                    <Filters filter={filter.clone()} facets={list.facets.clone()} onfilter={onfilter} />
                }
            }
            <div role="tabpanel" id="review-panel" aria-labelledby={filters::tab_id(filter.tab)}>
                // a few, and nobody else sees them: before what may be many
                if let Some(rejected) = rejected.filter(|rejected| !rejected.is_empty()) {
                    <h2 class="pf-v6-c-title pf-m-lg mooring-refused-title">{ count::of(rejected.len() as u64, "refused change", "refused changes") }</h2>
                    <ul class="mooring-reviews" role="list">
                        { for rejected.iter().map(|info| html! {
                            <RefusedCard key={format!("refused {}", info.counter)} info={info.clone()} />
                        }) }
                    </ul>
                }
                if rejected.is_some_and(|rejected| !rejected.is_empty()) && !list_is_empty {
                    <h2 class="pf-v6-c-title pf-m-lg mooring-refused-title">{ "To decide" }</h2>
                }
                { body }
            </div>
        </section>
    }
}

/// What is said to somebody who may look but not decide.
fn reader() -> Html {
    html! {
        <div class="mooring-gap">
            <Notice tint={Tint::Info} title="You can look, but not decide" test="review-reader">
                { "You may read this workspace. An owner can let you edit; until then others decide." }
            </Notice>
        </div>
    }
}

/// Whether the lists may have changed.
fn on_news(event: &Event) -> bool {
    matches!(event, Event::ReviewChanged | Event::Changed { .. })
}

fn pick_review(answer: Answer) -> Option<List> {
    match answer {
        Answer::Review(list) => Some(list),
        _ => None,
    }
}

fn total(list: &List) -> String {
    let decisions = |n| count::of(n, "decision to make", "decisions to make");
    let refused = |n| count::of(n, "refused change", "refused changes");
    match (list.open as u64, list.rejected.len() as u64) {
        (0, 0) => String::new(),
        (n, 0) => decisions(n),
        (0, n) => refused(n),
        (n, m) => format!("{}, {}", decisions(n), refused(m)),
    }
}

/// No items: because the filter lets none in, or because there are none.
fn nothing(list: &List, filter: &ReviewFilter, onfilter: &Callback<ReviewFilter>) -> Html {
    let tab = filter.tab;
    if is_narrow(filter) {
        let onclick = onfilter.reform(move |_: MouseEvent| ReviewFilter { tab, ..ReviewFilter::default() });
        return html! {
            <Empty title="Nothing matches" icon={Icon::Search} test="review-nothing">
                <div class="pf-v6-c-empty-state__body">{ "No decision fits all of these filters." }</div>
                <div class="pf-v6-c-empty-state__footer">
                    <Button look={Look::Primary} text="Clear the filters" {onclick} />
                </div>
            </Empty>
        };
    }
    let (title, text, icon) = match tab {
        ReviewTab::Open if !list.rejected.is_empty() => return Html::default(),
        ReviewTab::Open => (
            "Nothing needs review",
            "When the same thing is changed in two places, both versions are kept and you decide here.",
            Icon::Check,
        ),
        ReviewTab::Snoozed => {
            ("Nothing is put off", "What you put off waits here, and comes back by itself.", Icon::Clock)
        }
        ReviewTab::Settled => (
            "Nothing was settled lately",
            "Decisions of everybody appear here, and can be taken back.",
            Icon::Check,
        ),
    };
    html! {
        <Empty {title} {icon} test="review-empty">
            <div class="pf-v6-c-empty-state__body">{ text }</div>
        </Empty>
    }
}

/// J and K or the arrows move, Enter opens, X selects, / searches.
#[hook]
fn use_list_keys() {
    let onkey = use_callback((), |key: KeyboardEvent, ()| {
        let done = match key.key().as_str() {
            "j" | "J" | "ArrowDown" => list::step(1),
            "k" | "K" | "ArrowUp" => list::step(-1),
            "x" | "X" => list::toggle(),
            "Enter" => !dom::on_control(&key) && list::open(),
            "/" => {
                dom::focus("[data-test=review-search]");
                true
            }
            _ => false,
        };
        if done {
            key.prevent_default();
        }
    });
    live::use_keys(onkey);
}

/// Coming back from a review, the focus is on its row.
#[hook]
fn use_return(looking: &Looking, there: bool) {
    let looking = looking.clone();
    use_effect_with(there, move |there| {
        if let (true, Some(last)) = (*there, looking.take_last()) {
            list::focus(last);
        }
    });
}

/// What a collection is called; Mooring's own ones by what they hold.
fn collection_label(here: &Here, id: &CollectionId) -> String {
    match id.as_str() {
        "_collections" => "Definition of a collection".to_owned(),
        "_fields" => "Definition of a field".to_owned(),
        name => here.collection(id).map_or_else(|| name.to_owned(), |info| info.collection.label.clone()),
    }
}

/// A field to show a value by, also where its collection does not define it (any more).
fn field_of(here: &Here, collection: &CollectionId, name: &FieldName, sample: &Value) -> Field {
    // parts of definitions have names for people, too
    let own = Schema::default();
    let known =
        here.collection(collection).map(|info| &info.collection).or_else(|| own.collection(collection));
    let known = known.and_then(|collection| collection.fields.get(name));
    known.cloned().unwrap_or_else(|| {
        Field::new(
            name.clone(),
            name.to_string(),
            if sample.as_text().is_some() { FieldType::LongText } else { FieldType::Json },
        )
    })
}
