//! The form of a record. What a person writes stays written: a refused value stays with its message, an unsaved one
//! asks before it is left. Each touched field remembers what was seen when the person began.

use super::Errors;
use crate::components::author::FieldNote;
use crate::components::button::{Button, Look};
use crate::components::dialog::Confirm;
use crate::components::field_input::{FieldInput, from_input, to_input};
use crate::components::field_value::quoted;
use crate::components::form::TextField;
use crate::components::states::{Notice, Tint};
use crate::hooks::use_call;
use crate::pages::frame::use_here;
use crate::platform;
use crate::route::{KeyText, Route};
use crate::text::{count, policy};
use crate::unsaved::{Draft, Touched, Unsaved};
use gloo::events::{EventListener, EventListenerOptions};
use std::collections::BTreeMap;
use std::rc::Rc;
use sync_client::api::{Answer, CollectionInfo, Command, Failure, RecordInfo, Seen};
use sync_protocol::record::value_of;
use sync_protocol::schema::Field;
use sync_protocol::{FieldName, Fields, RecordId, RecordKey, Value};
use wasm_bindgen::JsCast;
use web_sys::Element;
use yew::prelude::*;
use yew_router::hooks::use_navigator;

/// What is edited.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    New,
    Edit(RecordId),
}

#[derive(PartialEq, Properties)]
pub struct RecordFormProps {
    pub info: CollectionInfo,
    pub target: Target,
    /// The values now; they may change while the person writes.
    pub values: Fields,
    pub readonly: bool,
    /// What else is known of the record.
    #[prop_or_default]
    pub about: Option<Rc<RecordInfo>>,
    pub onsaved: Callback<Vec<RecordId>>,
    pub onclose: Callback<()>,
    #[prop_or_default]
    pub ondelete: Option<Callback<()>>,
}

/// The form.
#[component]
pub fn RecordForm(props: &RecordFormProps) -> Html {
    let call = use_call();
    let unsaved = use_context::<Unsaved>().expect("the app provides it");
    let name = form_name(props);
    let draft = use_state(|| unsaved.kept(&name));
    let errors = use_state(Errors::new);
    let failure = use_state(|| None::<Failure>);
    let busy = use_state_eq(|| false);
    let leave = use_leave(&unsaved, &name, &draft);

    let set_field = {
        let (draft, errors, values) = (draft.clone(), errors.clone(), props.values.clone());
        Callback::from(move |(field, text): (Field, String)| {
            draft.set(touched(&draft, &field, text, &values));
            if errors.contains_key(field.name.as_str()) {
                let mut left = (*errors).clone();
                left.remove(field.name.as_str());
                errors.set(left);
            }
        })
    };
    let set_key = {
        let draft = draft.clone();
        Callback::from(move |key| draft.set(Draft { key, ..(*draft).clone() }))
    };
    let onsubmit = {
        let (draft, errors, failure, busy) =
            (draft.clone(), errors.setter(), failure.setter(), busy.setter());
        let (info, target, onsaved, unsaved) =
            (props.info.clone(), props.target.clone(), props.onsaved.clone(), unsaved);
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let command = match command(&info, &target, &draft, unfinished(&event)) {
                Ok(Some(command)) => command,
                Ok(None) => return,
                Err(wrong) => {
                    let first = wrong.keys().next().cloned().unwrap_or_default();
                    errors.set(wrong);
                    return platform::dom::focus(&format!("[data-test=field-input][data-field='{first}']"));
                }
            };
            errors.set(Errors::new());
            failure.set(None);
            busy.set(true);
            let (draft, errors, failure, busy) =
                (draft.setter(), errors.clone(), failure.clone(), busy.clone());
            let (onsaved, unsaved, name) = (onsaved.clone(), unsaved.clone(), name.clone());
            let done = Callback::from(move |outcome| {
                busy.set(false);
                match outcome {
                    Ok(Answer::Saved { ids }) => {
                        unsaved.guard(None);
                        unsaved.keep(&name, Draft::default());
                        draft.set(Draft::default());
                        onsaved.emit(ids);
                    }
                    Ok(_) => {}
                    Err(Failure { field: Some(field), message, .. }) => {
                        errors.set(Errors::from([(field.to_string(), message)]));
                    }
                    Err(other) => failure.set(Some(other)),
                }
            });
            call.emit((command, done));
        })
    };

    let to_history = use_history(props);
    let fields = props.info.collection.ordered();
    let new = props.target == Target::New;
    let close = props.onclose.reform(|_: MouseEvent| ());
    html! {
        <form class="pf-v6-c-form mooring-record-form" {onsubmit} novalidate=true data-test="record-form">
            if let Some(failure) = &*failure {
                <Notice tint={Tint::Danger} title={failure.message.clone()} test="save-failed">
                    { "What you wrote is still here." }
                </Notice>
            }
            if new {
                <TextField id="record-key" label="Key" value={draft.key.clone()} oninput={set_key} test="record-key"
                    hint="What the record is known by, such as INV-7. Empty: Mooring takes care of it."
                    error={errors.get("").map(|error| AttrValue::from(error.clone()))} />
            }
            if fields.is_empty() {
                <p class="mooring-muted">{ "This collection has no fields yet. Add one above the grid." }</p>
            }
            { for fields.into_iter().map(|field| {
                let now = value_of(&props.values, &field.name);
                let touched = draft.fields.get(&field.name);
                let text = touched.map_or_else(|| to_input(field, now), |touched| touched.text.clone());
                let oninput = {
                    let (set, field) = (set_field.clone(), field.clone());
                    Callback::from(move |text| set.emit((field.clone(), text)))
                };
                let moved = touched.is_some_and(|touched| touched.saw != *now);
                html! {
                    <div key={field.name.to_string()} class="mooring-field">
                        <FieldInput field={field.clone()} {text} {oninput} readonly={props.readonly}
                            error={errors.get(field.name.as_str()).map(|error| AttrValue::from(error.clone()))} />
                        { note(props, field, &to_history) }
                        if moved {
                            <p class="mooring-moved" role="status" data-test="changed-meanwhile">
                                { format!("Changed to {} by somebody else while you write. If you save, you are asked which shall count.", quoted(field.field_type, now)) }
                            </p>
                        }
                    </div>
                }
            }) }
            if !props.readonly {
                <div class="mooring-form-foot">
                    <Button look={Look::Primary} submit=true text="Save" busy={*busy} disabled={!new && draft.is_empty()} test="save" />
                    <Button look={Look::Link} text={if draft.is_empty() && !new { "Close" } else { "Cancel" }} onclick={close} test="cancel-record" />
                    <span class="mooring-space"></span>
                    if let Some(ondelete) = &props.ondelete {
                        <Button look={Look::Link} class="pf-m-danger" text="Delete" onclick={ondelete.reform(|_: MouseEvent| ())} test="delete-record" />
                    }
                </div>
            }
            { leave }
        </form>
    }
}

/// Who set a field, on demand.
fn note(props: &RecordFormProps, field: &Field, to_history: &Callback<()>) -> Html {
    let Some(about) = &props.about else { return Html::default() };
    let unsent = about.unsent.iter().rev().find(|change| change.fields.contains_key(&field.name));
    html! {
        <FieldNote name={field.name.to_string()} label={field.label.clone()} author={about.authors.get(&field.name).cloned()}
            unsent={unsent.map(|change| change.at)} rule={policy::in_force(&props.info.collection, &field.name)}
            onhistory={to_history.clone()} />
    }
}

/// Goes to the record's history; the draft is kept for the return.
#[hook]
fn use_history(props: &RecordFormProps) -> Callback<()> {
    let workspace = use_here().name.to_string();
    let navigator = use_navigator();
    let target = props.target.clone();
    Callback::from(move |()| {
        if let (Target::Edit(id), Some(navigator)) = (&target, &navigator) {
            let (collection, key) = (id.collection.to_string(), KeyText(id.key.clone()));
            navigator.replace(&Route::History { workspace: workspace.clone(), collection, key });
        }
    })
}

/// A name for the form's draft.
fn form_name(props: &RecordFormProps) -> String {
    match &props.target {
        Target::New => format!("new {}", props.info.id),
        Target::Edit(id) => id.to_text(),
    }
}

/// The draft after an input: a field that is back at what was seen is not touched any more.
fn touched(draft: &Draft, field: &Field, text: String, values: &Fields) -> Draft {
    let mut next = draft.clone();
    let before = draft.fields.get(&field.name).map(|touched| touched.saw.clone());
    let saw = before.unwrap_or_else(|| value_of(values, &field.name).clone());
    if text == to_input(field, &saw) {
        next.fields.remove(&field.name);
    } else {
        next.fields.insert(field.name.clone(), Touched { saw, text });
    }
    next
}

/// The command that saves a draft; `None` where there is nothing to save. `unfinished`: fields with half a date.
fn command(
    info: &CollectionInfo,
    target: &Target,
    draft: &Draft,
    unfinished: Vec<String>,
) -> Result<Option<Command>, Errors> {
    let mut errors: Errors =
        unfinished.into_iter().map(|name| (name, "This date is not complete.".to_owned())).collect();
    let mut wanted: BTreeMap<FieldName, Seen> = BTreeMap::new();
    for (name, Touched { saw, text }) in &draft.fields {
        let Some(field) = info.collection.fields.get(name) else { continue };
        match from_input(field, text) {
            Ok(want) if want == *saw => {}
            Ok(want) => drop(wanted.insert(name.clone(), Seen { saw: saw.clone(), want })),
            Err(error) => drop(errors.insert(name.to_string(), error)),
        }
    }
    let key = draft.key.trim();
    let key = (!key.is_empty()).then(|| RecordKey::from_input(key));
    if let Some(Err(wrong)) = key.as_ref().map(RecordKey::check) {
        errors.insert(String::new(), crate::text::field::sentence(&wrong.to_string()));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(match target {
        Target::New => {
            let fields = wanted.into_iter().map(|(name, seen)| (name, seen.want));
            let fields = fields.filter(|(_, want): &(FieldName, Value)| !want.is_absent()).collect();
            Some(Command::Insert { collection: info.id.clone(), key, fields })
        }
        Target::Edit(_) if wanted.is_empty() => None,
        Target::Edit(id) => Some(Command::Edit { id: id.clone(), fields: wanted }),
    })
}

/// Fields whose input the browser calls incomplete (half a date): their text would read as empty.
fn unfinished(event: &SubmitEvent) -> Vec<String> {
    let form = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let Some(found) = form.and_then(|form| form.query_selector_all("input:invalid").ok()) else {
        return Vec::new();
    };
    (0..found.length())
        .filter_map(|at| found.get(at)?.dyn_into::<Element>().ok()?.get_attribute("data-field"))
        .collect()
}

/// While a draft is unsaved: links ask, closing the tab asks, and Back keeps the draft for the return.
#[hook]
fn use_leave(unsaved: &Unsaved, form: &str, draft: &UseStateHandle<Draft>) -> Html {
    let wants = use_state(|| None::<Route>);
    let dirty = !draft.is_empty();
    {
        let (wants, unsaved) = (wants.setter(), unsaved.clone());
        use_effect_with(dirty, move |dirty| {
            // where it was being saved meanwhile, there is nothing to ask any more
            wants.set(None);
            let listener = dirty.then(|| {
                unsaved.guard(Some(Callback::from(move |route| wants.set(Some(route)))));
                let options = EventListenerOptions::enable_prevent_default();
                EventListener::new_with_options(&platform::window(), "beforeunload", options, |event| {
                    event.prevent_default()
                })
            });
            move || {
                drop(listener);
                unsaved.guard(None);
            }
        });
    }
    {
        let (unsaved, form) = (unsaved.clone(), form.to_owned());
        use_effect_with((**draft).clone(), move |draft| unsaved.keep(&form, draft.clone()));
    }
    let navigator = use_navigator();
    let Some(route) = (*wants).clone() else { return Html::default() };
    let onconfirm = {
        let (unsaved, form, wants, draft) =
            (unsaved.clone(), form.to_owned(), wants.setter(), draft.setter());
        Callback::from(move |()| {
            unsaved.guard(None);
            unsaved.keep(&form, Draft::default());
            draft.set(Draft::default());
            wants.set(None);
            if let Some(navigator) = &navigator {
                navigator.push(&route);
            }
        })
    };
    let oncancel = {
        let wants = wants.setter();
        Callback::from(move |()| wants.set(None))
    };
    let fields = count::of(draft.fields.len().max(1) as u64, "field", "fields");
    html! {
        <Confirm title="Leave without saving?" action="Discard my input" cancel="Keep editing" {onconfirm} {oncancel}>
            <p>{ format!("What you wrote in {fields} is not saved yet.") }</p>
        </Confirm>
    }
}
