//! Everything that needs a person: changes that met, and changes that were refused.

mod actions;
mod card;
mod compare;
mod refused;

use super::frame::{Here, use_here};
use crate::components::button::{Button, Look};
use crate::components::icon::Icon;
use crate::components::states::{Empty, failed, loading};
use crate::hooks::{use_ask, use_backend, use_toaster};
use crate::text::count;
use card::ConflictCard;
use refused::RefusedCard;
use std::collections::BTreeSet;
use sync_client::api::{Answer, BulkRule, Command, Event, Review as List, ReviewItem, ReviewQuery, Which};
use sync_protocol::schema::Field;
use sync_protocol::{ChangeId, CollectionId, ConflictKind, FieldName, FieldType, Value};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// The screen.
#[component]
pub fn Review() -> Html {
    let here = use_here();
    let ask = use_ask(
        (),
        |()| Command::Review(ReviewQuery { limit: 500, ..ReviewQuery::default() }),
        pick_review,
        |(), event| matches!(event, Event::ReviewChanged | Event::Changed { .. }),
    );
    let selected = use_state(BTreeSet::<String>::new);
    let select = {
        let selected = selected.clone();
        Callback::from(move |(id, on): (String, bool)| {
            let mut now = (*selected).clone();
            if on {
                now.insert(id)
            } else {
                now.remove(&id)
            };
            selected.set(now);
        })
    };
    let clear = {
        let (selected, reload) = (selected.setter(), ask.reload.clone());
        Callback::from(move |()| {
            selected.set(BTreeSet::new());
            reload.emit(());
        })
    };
    let body = match &ask.data {
        None if ask.failure.is_some() => Html::default(),
        None => loading("Reading what needs review"),
        Some(list) if list.items.is_empty() && list.rejected.is_empty() => html! {
            <Empty title="Nothing needs review" icon={Icon::Check} test="review-empty">
                <div class="pf-v6-c-empty-state__body">
                    { "When the same thing is changed in two places, both versions are kept and you decide here." }
                </div>
            </Empty>
        },
        Some(list) => html! {
            <>
                <Bulk list={list.items.iter().filter(|item| bulk(item)).cloned().collect::<Vec<_>>()}
                    selected={(*selected).clone()} select={select.clone()} ondone={clear} may_edit={here.may_edit()} />
                <ul class="mooring-reviews" role="list">
                    { for list.items.iter().map(|item| html! {
                        <Loaded key={item.id.to_string()} id={item.id} selected={selected.contains(&item.id.to_string())}
                            onselect={(here.may_edit() && bulk(item)).then(|| select.clone())} />
                    }) }
                    { for list.rejected.iter().map(|info| html! {
                        <RefusedCard key={format!("refused {}", info.counter)} info={info.clone()} />
                    }) }
                </ul>
            </>
        },
    };
    html! {
        <section class="mooring-narrow mooring-wide" aria-labelledby="review-title">
            <div class="mooring-heading">
                <h1 class="pf-v6-c-title pf-m-2xl" id="review-title">{ "Needs review" }</h1>
                if let Some(list) = &ask.data {
                    <span class="mooring-muted" data-test="review-count">{ total(list) }</span>
                }
            </div>
            if let Some(failure) = &ask.failure {
                { failed(failure, &ask.reload) }
            }
            { body }
        </section>
    }
}

fn pick_review(answer: Answer) -> Option<List> {
    match answer {
        Answer::Review(list) => Some(list),
        _ => None,
    }
}

fn total(list: &List) -> String {
    match (list.items.len() as u64, list.rejected.len() as u64) {
        (0, 0) => String::new(),
        (n, 0) => count::of(n, "decision to make", "decisions to make"),
        (0, n) => count::of(n, "refused change", "refused changes"),
        (n, m) => format!(
            "{}, {}",
            count::of(n, "decision to make", "decisions to make"),
            count::of(m, "refused change", "refused changes")
        ),
    }
}

#[derive(PartialEq, Properties)]
struct LoadedProps {
    id: ChangeId,
    selected: bool,
    onselect: Option<Callback<(String, bool)>>,
}

/// One conflict, read when it is shown.
#[component]
fn Loaded(props: &LoadedProps) -> Html {
    let ask = use_ask(
        props.id,
        |id| Command::Conflict { id: *id },
        |answer| if let Answer::Conflict(info) = answer { Some(info) } else { None },
        |_, event| matches!(event, Event::ReviewChanged | Event::Changed { .. }),
    );
    match &ask.data {
        None => Html::default(),
        Some(info) => html! {
            <ConflictCard key={info.conflict.rev.to_string()} info={(***info).clone()} selected={props.selected}
                onselect={props.onselect.clone()} reload={ask.reload.clone()} />
        },
    }
}

/// Whether it can be settled together with others: two edits, not decided yet.
fn bulk(item: &ReviewItem) -> bool {
    item.kind == ConflictKind::EditEdit && item.pending.is_none()
}

#[derive(PartialEq, Properties)]
struct BulkProps {
    /// Those that can be settled together.
    list: Vec<ReviewItem>,
    selected: BTreeSet<String>,
    select: Callback<(String, bool)>,
    ondone: Callback<()>,
    may_edit: bool,
}

/// Settles several at once.
#[component]
fn Bulk(props: &BulkProps) -> Html {
    let (backend, toaster) = (use_backend(), use_toaster());
    let busy = use_state_eq(|| false);
    let chosen: Vec<ChangeId> =
        props.list.iter().map(|item| item.id).filter(|id| props.selected.contains(&id.to_string())).collect();
    if !props.may_edit || props.list.len() < 2 || chosen.is_empty() {
        return Html::default();
    }
    let decide = |rule: BulkRule| {
        let which = Which::Ids(chosen.clone());
        let command = Command::ResolveMany { which, rule, dry_run: false };
        let (backend, toaster, busy, ondone) =
            (backend.clone(), toaster.clone(), busy.setter(), props.ondone.clone());
        Callback::from(move |_: MouseEvent| {
            busy.set(true);
            let (backend, toaster, busy, ondone, command) =
                (backend.clone(), toaster.clone(), busy.clone(), ondone.clone(), command.clone());
            spawn_local(async move {
                match backend.call(command).await {
                    Ok(Answer::Bulk(report)) => {
                        let done = report.done.len() as u64;
                        toaster.done(format!(
                            "{} saved on this device",
                            count::of(done, "decision", "decisions")
                        ));
                    }
                    Ok(_) => {}
                    Err(failure) => toaster.failure(&failure),
                }
                busy.set(false);
                ondone.emit(());
            });
        })
    };
    let n = chosen.len();
    html! {
        <div class="mooring-bulk" role="group" aria-label="Selected decisions" data-test="review-bulk">
            <span>{ format!("{n} selected") }</span>
            <Button text="Keep what is in the records now" busy={*busy} onclick={decide(BulkRule::Current)} test="bulk-current" />
            <Button text="Take the other changes" busy={*busy} onclick={decide(BulkRule::Incoming)} test="bulk-incoming" />
            <Button look={Look::Link} text="Select none" onclick={props.ondone.reform(|_: MouseEvent| ())} />
        </div>
    }
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
    let known = here.collection(collection).and_then(|info| info.collection.fields.get(name));
    known.cloned().unwrap_or_else(|| Field {
        name: name.clone(),
        label: name.to_string(),
        field_type: if sample.as_text().is_some() { FieldType::LongText } else { FieldType::Json },
        options: Vec::new(),
        policy: None,
        position: 0,
    })
}
