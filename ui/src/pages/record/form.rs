//! The form of a record. What a person writes stays written: while it is saved, where it is refused, and until it is
//! left on purpose. Each touched field remembers what was seen when the person began.

use super::Errors;
use super::draft::{self, Ready, Saved, first_wrong};
use super::focus::{focus_first, focus_soon, input_of, unfinished};
use super::leave::use_leave;
use super::met::use_met;
use crate::components::author::FieldNote;
use crate::components::button::{Button, Look};
use crate::components::field_input::{FieldInput, from_input, to_input};
use crate::components::field_value::quoted;
use crate::components::form::TextField;
use crate::components::link;
use crate::components::states::{Notice, Tint};
use crate::hooks::{use_call, use_toaster};
use crate::live::{Live, use_chords, use_live};
use crate::pages::frame::{Here, use_here};
use crate::platform::dom;
use crate::route::{KeyText, Route};
use crate::text::{author, policy};
use crate::unsaved::{Draft, Touched, Unsaved};
use gloo::timers::callback::Timeout;
use std::rc::Rc;
use sync_client::api::{Answer, CollectionInfo, Failure, RecordInfo};
use sync_protocol::Ordered;
use sync_protocol::record::value_of;
use sync_protocol::schema::Field;
use sync_protocol::{Fields, RecordId, Value};
use yew::prelude::*;
use yew_router::hooks::use_navigator;

/// What is edited.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    New,
    Edit(RecordId),
}

/// What comes after saving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The record that was saved.
    Record,
    /// Another new one.
    Another,
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
    pub onsaved: Callback<(RecordId, Next)>,
    pub onclose: Callback<()>,
    #[prop_or_default]
    pub ondelete: Option<Callback<()>>,
}

/// All that is going on in a form. Clones are the same form.
#[derive(Clone)]
struct Doing {
    name: String,
    unsaved: Unsaved,
    draft: Live<Draft>,
    errors: Live<Errors>,
    failure: Live<Option<Failure>>,
    busy: Live<bool>,
    /// Somebody asked to save while it was being saved.
    wanted: Live<Option<Next>>,
    saved: Live<Saved>,
    form: NodeRef,
}

impl Doing {
    /// Changes what is written; it is kept at once.
    fn write(&self, change: impl FnOnce(&mut Draft)) {
        self.draft.change(change);
        self.unsaved.keep(&self.name, &self.draft.get());
    }

    /// Shows what was saved until it is read again, and no longer than that takes.
    fn show_saved(&self, saved: Saved) {
        let (number, cell) = (saved.number, self.saved.clone());
        self.saved.set(saved);
        Timeout::new(SHOWN_MS, move || {
            let now = cell.get();
            if now.number == number {
                cell.set(now.none());
            }
        })
        .forget();
    }

    /// Tells what is wrong, and goes to the first of it.
    fn refuse(&self, errors: Errors, info: &CollectionInfo) {
        let first = first_wrong(&errors, &info.collection);
        self.errors.set(errors);
        match first.as_deref() {
            Some("") => dom::focus("[data-test=record-key]"),
            Some(name) => dom::focus(&input_of(name)),
            None => {}
        }
    }
}

/// A record is read again well within this time, in milliseconds.
const SHOWN_MS: u32 = 2_000;

/// The form.
#[component]
pub fn RecordForm(props: &RecordFormProps) -> Html {
    let unsaved = use_context::<Unsaved>().expect("the app provides it");
    let here = use_here();
    let name = form_name(&here, &props.info, &props.target);
    let doing = Doing {
        draft: use_live(|| unsaved.kept(&name)),
        errors: use_live(Errors::new),
        failure: use_live(|| None),
        busy: use_live(|| false),
        wanted: use_live(|| None),
        saved: use_live(Saved::default),
        form: use_node_ref(),
        unsaved,
        name,
    };
    doing.saved.put(doing.saved.get().after(&props.values, props.about.as_ref()));
    let values = doing.saved.get().over(&props.values);
    let draft = doing.draft.get();
    let leave =
        use_leave(&doing.unsaved, &doing.name, &doing.draft, draft::changed(&draft, &props.info.collection));
    let save = use_save(props, &doing);
    let met = use_met(props.about.as_ref(), props.readonly);
    {
        let new = props.target == Target::New;
        let touched = draft.fields.keys().next().map(|name| input_of(name.as_str()));
        use_effect_with((), move |()| match touched {
            _ if new => focus_first(),
            // one comes back to what one was writing
            Some(input) => dom::focus(&input),
            None => {}
        });
    }

    let set_field = {
        let (doing, values) = (doing.clone(), props.values.clone());
        Callback::from(move |(field, text): (Field, String)| {
            let now = doing.saved.get().over(&values);
            doing.write(|draft| draft::write(draft, &field, text, value_of(&now, &field.name)));
            doing.errors.change(|errors| drop(errors.remove(field.name.as_str())));
        })
    };
    let set_key = {
        let doing = doing.clone();
        Callback::from(move |key| {
            doing.write(|draft| draft.key = key);
            doing.errors.change(|errors| drop(errors.remove("")));
        })
    };
    let onkeydown = {
        let (save, readonly) = (save.clone(), props.readonly);
        Callback::from(move |event: KeyboardEvent| {
            // Enter ends the composing of a letter; with Shift it is for the panel
            let plain = !(event.alt_key() || event.shift_key() || event.ctrl_key() || event.meta_key());
            if event.key() == "Enter" && plain && !readonly && !event.is_composing() && dom::is_line(&event) {
                event.prevent_default();
                save.emit(Next::Record);
            }
        })
    };
    {
        // wherever the focus is: the browser would save the page
        let (save, readonly) = (save.clone(), props.readonly);
        use_chords(Callback::from(move |event: KeyboardEvent| {
            let next = match event.key().as_str() {
                "Enter" => Next::Another,
                "s" | "S" => Next::Record,
                _ => return,
            };
            event.prevent_default();
            if !readonly && !event.is_composing() {
                save.emit(next);
            }
        }));
    }
    let onsubmit = save.reform(|event: SubmitEvent| {
        event.prevent_default();
        Next::Record
    });

    let to_history = use_history(props);
    let fields = props.info.collection.ordered();
    let new = props.target == Target::New;
    let close = props.onclose.reform(|_: MouseEvent| ());
    let errors = doing.errors.get();
    html! {
        <form class="pf-v6-c-form mooring-record-form" ref={doing.form.clone()} {onsubmit} {onkeydown} novalidate=true data-test="record-form">
            if let Some(failure) = &*doing.failure.get() {
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
                let now = value_of(&values, &field.name);
                let touched = draft.fields.get(&field.name);
                let text = touched.map_or_else(|| to_input(field, now), |touched| touched.text.clone());
                let oninput = {
                    let (set, field) = (set_field.clone(), field.clone());
                    Callback::from(move |text| set.emit((field.clone(), text)))
                };
                html! {
                    <div key={field.name.to_string()} class="mooring-field">
                        <FieldInput field={field.clone()} {text} {oninput} readonly={props.readonly}
                            before={touched.map_or(now, |touched| &touched.saw).clone()}
                            error={errors.get(field.name.as_str()).map(|error| AttrValue::from(error.clone()))} />
                        { note(props, field, &to_history) }
                        { met.in_field(&field.name) }
                        if let Some(touched) = touched {
                            { moved(props, &doing, field, touched, now) }
                        }
                    </div>
                }
            }) }
            if !props.readonly {
                <div class="mooring-form-foot">
                    <Button look={Look::Primary} submit=true text="Save" busy={*doing.busy.get()} disabled={!new && draft.is_empty()} test="save"
                        title="Ctrl+S; Ctrl+Enter saves and adds another" />
                    if new {
                        <Button text="Save and add another" onclick={save.reform(|_: MouseEvent| Next::Another)} test="save-another" />
                    }
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

/// Saves what is written, and says what that did. What is written while it is being saved stays, and is saved next where
/// somebody asks for it meanwhile.
#[hook]
fn use_save(props: &RecordFormProps, doing: &Doing) -> Callback<Next> {
    let (call, toaster) = (use_call(), use_toaster());
    let here = use_here();
    let (info, target, about, onsaved) =
        (props.info.clone(), props.target.clone(), props.about.clone(), props.onsaved.clone());
    let (doing, values) = (doing.clone(), props.values.clone());
    // what was asked for meanwhile is saved by the newest drawing of the form
    let newest = use_mut_ref(Callback::<Next>::noop);
    let again = newest.clone();
    let save = Callback::from(move |next: Next| {
        if *doing.busy.get() {
            return doing.wanted.set(Some(next));
        }
        let sent = doing.draft.get();
        let (command, wanted) = match draft::ready(&info, &target, &sent, unfinished(&doing.form)) {
            Ready::Wrong(errors) => return doing.refuse(errors, &info),
            Ready::Nothing => {
                let had = !sent.is_empty();
                doing.errors.set(Errors::new());
                doing.write(|draft| *draft = Draft::default());
                if had {
                    toaster.note("Nothing changed: what you wrote means the same");
                }
                if let (Next::Another, Target::Edit(id)) = (next, &target) {
                    onsaved.emit((id.clone(), next));
                }
                return;
            }
            Ready::Save(command, wanted) => (command, wanted),
        };
        doing.errors.set(Errors::new());
        doing.failure.set(None);
        doing.busy.set(true);
        let there = values.clone();
        let (doing, again) = (doing.clone(), again.clone());
        let (info, target, about, onsaved, here) =
            (info.clone(), target.clone(), about.clone(), onsaved.clone(), here.clone());
        let done = Callback::from(move |outcome| {
            doing.busy.set(false);
            let wanted_next = *doing.wanted.get();
            doing.wanted.set(None);
            match outcome {
                Ok(Answer::Saved { ids }) => {
                    let left = draft::left(&doing.draft.get(), &sent, &wanted);
                    let Some(id) = ids.into_iter().next() else { return };
                    if target == Target::New {
                        // what was written meanwhile belongs to the record that there is now
                        doing.write(|draft| *draft = Draft::default());
                        doing.unsaved.keep(&form_name(&here, &info, &Target::Edit(id.clone())), &left);
                        doing.unsaved.guard(None);
                        let next = if left.is_empty() { next } else { Next::Record };
                        onsaved.emit((id, next));
                        return focus_soon(next, &left);
                    }
                    doing.show_saved(doing.saved.get().then(&wanted, &there, about.clone()));
                    doing.write(|draft| *draft = left.clone());
                    if left.is_empty() {
                        doing.unsaved.guard(None);
                        onsaved.emit((id, next));
                    } else {
                        onsaved.emit((id, Next::Record));
                        if let Some(next) = wanted_next {
                            let save = again.borrow().clone();
                            save.emit(next);
                        }
                    }
                }
                Ok(_) => {}
                Err(Failure { field: Some(field), message, .. }) => {
                    doing.refuse([(field.to_string(), message)].into_iter().ordered_map(), &info);
                }
                Err(other) => doing.failure.set(Some(other)),
            }
        });
        call.emit((command, done));
    });
    *newest.borrow_mut() = save.clone();
    save
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
            link::replace(navigator, &Route::History { workspace: workspace.clone(), collection, key });
        }
    })
}

/// What became of a field meanwhile, and what one can do about it.
fn moved(props: &RecordFormProps, doing: &Doing, field: &Field, touched: &Touched, now: &Value) -> Html {
    if touched.saw == *now || from_input(field, &touched.text, &touched.saw).as_ref() == Ok(now) {
        return Html::default();
    }
    let about = props.about.as_ref();
    let unsent =
        about.is_some_and(|about| about.unsent.iter().any(|change| change.fields.contains_key(&field.name)));
    let by = match about.and_then(|about| about.authors.get(&field.name)) {
        _ if unsent => "in another tab of yours".to_owned(),
        Some(by) if by.here => "in another tab of yours".to_owned(),
        Some(by) => format!("by {}", author::person(by)),
        None => "by somebody else".to_owned(),
    };
    let name = field.name.clone();
    let take = {
        let (doing, name) = (doing.clone(), name.clone());
        Callback::from(move |_: MouseEvent| doing.write(|draft| drop(draft.fields.remove(&name))))
    };
    let keep = {
        let (doing, now) = (doing.clone(), now.clone());
        Callback::from(move |_: MouseEvent| {
            doing.write(|draft| {
                if let Some(touched) = draft.fields.get_mut(&name) {
                    touched.saw = now.clone();
                }
            })
        })
    };
    html! {
        <div class="mooring-moved" role="status" data-test="changed-meanwhile">
            <p>{ format!("Changed to {} {by} while you write. If you save, you are asked which shall count, unless you choose now:", quoted(field, now)) }</p>
            <div class="mooring-actions">
                <Button look={Look::Link} class="pf-m-inline" text={format!("Use {}", quoted(field, now))} onclick={take} test="moved-take" />
                <Button look={Look::Link} class="pf-m-inline" text="Keep what I write" onclick={keep} test="moved-keep" />
            </div>
        </div>
    }
}

/// A name for a form's draft.
fn form_name(here: &Here, info: &CollectionInfo, target: &Target) -> String {
    let workspace = here.workspace.id;
    match target {
        Target::New => format!("{workspace} new {}", info.id),
        Target::Edit(id) => format!("{workspace} {}", id.to_text()),
    }
}
