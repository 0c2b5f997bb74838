//! One conflict: what happened, both versions, and buttons that say what they do.

use super::actions::{decide_all, decide_each, resolve};
use super::compare::{Compare, Picked, now, picks_of, sides};
use super::{collection_label, field_of};
use crate::components::button::{Button, Look};
use crate::components::field_input::to_input;
use crate::components::field_value::quoted;
use crate::components::link::Link;
use crate::components::states::{Notice, Tint};
use crate::hooks::{use_call, use_toaster};
use crate::pages::frame::{Here, use_here};
use crate::route::{KeyText, Route};
use crate::text::review;
use std::collections::BTreeMap;
use sync_client::api::{Command, ConflictInfo};
use sync_protocol::schema::Field;
use sync_protocol::{Choice, ConflictKind, FieldName, Outcome};
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct ConflictCardProps {
    pub info: ConflictInfo,
    pub selected: bool,
    /// Where it can be settled together with others.
    pub onselect: Option<Callback<(String, bool)>>,
    pub reload: Callback<()>,
}

/// The card.
#[component]
pub fn ConflictCard(props: &ConflictCardProps) -> Html {
    let here = use_here();
    let (call, toaster) = (use_call(), use_toaster());
    let info = &props.info;
    let fields = fields(&here, info);
    let picks = use_state(|| {
        info.returned.as_ref().map(|(outcome, _)| picks_of(outcome, &fields)).unwrap_or_default()
    });
    let errors = use_state(BTreeMap::<FieldName, String>::new);
    let busy = use_state_eq(|| false);
    let again = use_state_eq(|| false);

    let clashing: Vec<&FieldName> =
        info.conflict.fields.iter().filter(|(_, sides)| sides.clash).map(|(name, _)| name).collect();
    let own = picks.values().any(|picked| matches!(picked, Picked::Own(_)));
    let each = info.conflict.kind == ConflictKind::EditEdit && (clashing.len() > 1 || own);
    let send = {
        let (busy, again, reload) = (busy.setter(), again.setter(), props.reload.clone());
        Callback::from(move |command: Command| {
            busy.set(true);
            let (busy, again, reload, toaster) =
                (busy.clone(), again.clone(), reload.clone(), toaster.clone());
            let done = Callback::from(move |outcome| {
                busy.set(false);
                match outcome {
                    Ok(_) => {
                        again.set(false);
                        toaster.done("Decision saved on this device");
                    }
                    Err(failure) => toaster.failure(&failure),
                }
                reload.emit(());
            });
            call.emit((command, done));
        })
    };
    let onpick = {
        let (picks, errors) = (picks.clone(), errors.setter());
        Callback::from(move |(name, picked): (FieldName, Picked)| {
            let mut now = (*picks).clone();
            now.insert(name, picked);
            picks.set(now);
            errors.set(BTreeMap::new());
        })
    };
    let save = {
        let (info, fields, picks, errors, send) =
            (info.clone(), fields.clone(), picks.clone(), errors.setter(), send.clone());
        Callback::from(move |_: MouseEvent| match decide_each(&info, &fields, &picks) {
            Ok(command) => send.emit(command),
            Err(wrong) => errors.set(wrong),
        })
    };
    let write = {
        let (picks, fields, info) = (picks.clone(), fields.clone(), info.clone());
        let clashing: Vec<FieldName> = clashing.iter().map(|name| (*name).clone()).collect();
        Callback::from(move |_: MouseEvent| {
            let mut all = (*picks).clone();
            for name in clashing.iter().filter(|name| !picks.contains_key(*name)) {
                let (Some(field), Some(sides)) = (fields.get(name), info.conflict.fields.get(name)) else {
                    continue;
                };
                all.insert(name.clone(), Picked::Own(to_input(field, now(&info, name, sides))));
            }
            picks.set(all);
        })
    };
    let decide_again = {
        let again = again.setter();
        Callback::from(move |_: MouseEvent| again.set(true))
    };

    let decided = clashing.iter().all(|name| picks.contains_key(*name));
    let open = info.item.pending.is_none() || *again;
    let label = collection_label(&here, &info.conflict.record.collection);
    html! {
        <li class="pf-v6-c-card mooring-review" data-test="review-item" data-key={info.conflict.record.key.to_string()}>
            <div class="mooring-review-head">
                if let Some(onselect) = &props.onselect {
                    { select(info, props.selected, onselect) }
                }
                <div>
                    <h2 class="pf-v6-c-title pf-m-md">{ heading(&here, info) }</h2>
                    <p class="mooring-muted">{ format!("{label} · {}", review::what_happened(info.conflict.kind, clashing.len())) }</p>
                </div>
            </div>
            if let Some((_, rejection)) = &info.returned {
                <Notice tint={Tint::Warning} title="Your decision came too late" test="review-returned">{ rejection.to_string() }</Notice>
            }
            <Compare info={info.clone()} fields={fields.clone()} picks={(*picks).clone()} errors={(*errors).clone()}
                each={each && open && here.may_edit()} {onpick} />
            if let Some(outcome) = &info.item.pending {
                <Notice tint={Tint::Info} title="Decided on this device, will apply when online" test="review-pending"
                    actions={if *again { Html::default() } else { html! { <Button look={Look::Link} text="Decide again" onclick={decide_again} test="decide-again" /> } }}>
                    { decision(info, &fields, outcome) }
                </Notice>
            }
            if open && here.may_edit() {
                <div class="mooring-actions" data-test="review-actions">
                    { buttons(info, each, *busy, &send) }
                    if each {
                        <Button look={Look::Primary} text="Save this decision" busy={*busy} disabled={!decided} onclick={save} test="resolve" />
                    }
                    if info.conflict.kind == ConflictKind::EditEdit && !decided {
                        <Button look={Look::Link} text={if clashing.len() > 1 { "Write other values" } else { "Write another value" }} onclick={write} test="write-own" />
                    }
                </div>
            }
        </li>
    }
}

fn fields(here: &Here, info: &ConflictInfo) -> BTreeMap<FieldName, Field> {
    let collection = &info.conflict.record.collection;
    let field = |name: &FieldName| {
        let sides = &info.conflict.fields[name];
        let sample =
            [&sides.current, &sides.incoming, &sides.base].into_iter().find(|value| !value.is_absent());
        field_of(here, collection, name, sample.unwrap_or(&sides.base))
    };
    info.conflict.fields.keys().map(|name| (name.clone(), field(name))).collect()
}

/// The record's title, as a link where there is a record to see.
fn heading(here: &Here, info: &ConflictInfo) -> Html {
    let record = &info.conflict.record;
    if info.record.is_none() || record.collection.is_reserved() {
        return html! { { &info.item.title } };
    }
    let to = Route::Record {
        workspace: here.name.to_string(),
        collection: record.collection.to_string(),
        key: KeyText(record.key.clone()),
    };
    html! { <Link {to} test="review-record">{ &info.item.title }</Link> }
}

fn select(info: &ConflictInfo, selected: bool, onselect: &Callback<(String, bool)>) -> Html {
    let id = info.conflict.id.to_string();
    let onchange = onselect.reform(move |event: Event| {
        let on = event
            .target()
            .and_then(|target| target.dyn_into::<HtmlInputElement>().ok())
            .is_some_and(|input| input.checked());
        (id.clone(), on)
    });
    html! {
        <input type="checkbox" class="mooring-select" checked={selected} {onchange} data-test="review-select"
            aria-label={format!("Select {}", info.item.title)} />
    }
}

/// One button per side.
fn buttons(info: &ConflictInfo, each: bool, busy: bool, send: &Callback<Command>) -> Html {
    let (current, incoming) = sides(info);
    let button = |text: String, command: Command, test: &'static str| {
        let send = send.clone();
        let onclick = Callback::from(move |_: MouseEvent| send.emit(command.clone()));
        html! { <Button {text} {busy} {onclick} {test} /> }
    };
    let keep_current = decide_all(info, &Picked::Current);
    let keep_incoming = decide_all(info, &Picked::Incoming);
    match info.conflict.kind {
        ConflictKind::EditEdit => {
            let what = if each { "Keep everything from" } else { "Keep the value from" };
            html! {
                <>
                    { button(format!("{what} {current}"), keep_current, "take-current") }
                    { button(format!("{what} {incoming}"), keep_incoming, "take-incoming") }
                </>
            }
        }
        ConflictKind::EditDelete => html! {
            <>
                { button("Keep it deleted".to_owned(), resolve(info, Outcome::Delete), "take-current") }
                { button(format!("Restore it with the edit from {incoming}"), keep_incoming, "take-incoming") }
            </>
        },
        ConflictKind::DeleteEdit => html! {
            <>
                { button(format!("Keep it with the edit from {current}"), keep_current, "take-current") }
                { button("Delete the record".to_owned(), resolve(info, Outcome::Delete), "take-incoming") }
            </>
        },
    }
}

/// What was decided, in words.
fn decision(info: &ConflictInfo, fields: &BTreeMap<FieldName, Field>, outcome: &Outcome) -> String {
    let Outcome::Keep { choices } = outcome else { return "The record is to be deleted.".to_owned() };
    let parts = choices.iter().filter_map(|(name, choice)| {
        let (field, sides) = (fields.get(name)?, info.conflict.fields.get(name)?);
        let value = match choice {
            Choice::Current => now(info, name, sides),
            Choice::Incoming => &sides.incoming,
            Choice::Own(value) => value,
        };
        Some(format!("{}: {}", field.label, quoted(field.field_type, value)))
    });
    format!("{}.", parts.collect::<Vec<_>>().join(", "))
}
