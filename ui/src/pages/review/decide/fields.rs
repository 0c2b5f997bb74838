//! Field by field: what was there before, what each side made of it, and a value of one's own.

use super::draft::{Case, Draft, Picked};
use crate::components::difference::changed;
use crate::components::field_input::{FieldInput, to_input};
use crate::components::field_value::full;
use crate::components::icon::{Icon, icon};
use crate::components::signature::author_line;
use crate::platform::dom;
use std::collections::BTreeMap;
use sync_client::api::Author;
use sync_protocol::schema::Field;
use sync_protocol::{FieldName, Value};
use yew::prelude::*;

/// What is chosen among, and how.
pub struct Choices {
    pub case: Case,
    pub draft: Draft,
    pub errors: BTreeMap<FieldName, String>,
    /// Whether it can be decided here and now.
    pub open: bool,
    /// The field that keys are for.
    pub active: Option<FieldName>,
    pub onpick: Callback<(FieldName, Picked)>,
    pub onactive: Callback<FieldName>,
    /// An own value is written: keys are for the next field.
    pub ondone: Callback<FieldName>,
}

/// First what needs a choice, then what does not.
pub fn choices(props: &Choices) -> Html {
    let (asked, told): (Vec<&Field>, Vec<&Field>) =
        props.case.fields.iter().partition(|field| props.case.needs_choice(&field.name));
    html! {
        <>
            { for asked.into_iter().map(|field| card(props, field)) }
            if !told.is_empty() {
                <h2 class="mooring-part">{ "Changed on one side only" }</h2>
                <p class="mooring-muted">{ "Chosen for you; choose otherwise if you like." }</p>
                { for told.into_iter().map(|field| card(props, field)) }
            }
        </>
    }
}

/// Where the focus is while keys choose for a field.
pub fn section_of(name: &FieldName) -> String {
    format!("section[data-test=review-field][data-field='{name}']")
}

fn card(props: &Choices, field: &Field) -> Html {
    let (case, name) = (&props.case, &field.name);
    let sides = &case.info.conflict.fields[name];
    let (now, incoming) = (case.now(name), case.incoming_value(name));
    let picked = props.draft.picks.get(name);
    let result = case.info.without_choice.get(name).filter(|_| picked.is_none());
    let is = |wanted: &Picked, value: &Value| picked == Some(wanted) || result == Some(value);
    let on_current = is(&Picked::Current, now);
    let on_incoming = is(&Picked::Incoming, incoming) && !(on_current && picked.is_none());
    let merged = result.filter(|value| *value != now && *value != incoming);
    let own = match picked {
        Some(Picked::Own(text)) => Some(text.clone()),
        _ => None,
    };
    let pick = |wanted: Picked| {
        let (onpick, name) = (props.onpick.clone(), name.clone());
        Callback::from(move |_: Event| onpick.emit((name.clone(), wanted.clone())))
    };
    let write = {
        let (onpick, name) = (props.onpick.clone(), name.clone());
        let text = to_input(field, now);
        Callback::from(move |_: MouseEvent| {
            onpick.emit((name.clone(), Picked::Own(text.clone())));
            focus_own(&name);
        })
    };
    let onfocusin = {
        let (onactive, name) = (props.onactive.clone(), name.clone());
        Callback::from(move |_: FocusEvent| onactive.emit(name.clone()))
    };
    let active = props.open && props.active.as_ref() == Some(name);
    let moved = *now != sides.current && case.info.item.settled.is_none() && !case.is_gone();
    let shown = |value: &Value| {
        if sides.base.is_absent() { full(field, value) } else { changed(field, &sides.base, value) }
    };
    html! {
        <section key={name.to_string()} class={classes!("mooring-field", active.then_some("mooring-field-active"))} tabindex="-1" {onfocusin}
            aria-labelledby={format!("label-{name}")} data-test="review-field" data-field={name.to_string()}>
            <div class="mooring-field-head">
                <h2 class="mooring-field-name" id={format!("label-{name}")}>{ &field.label }</h2>
                if props.open && case.needs_choice(name) && picked.is_none() {
                    <span class="mooring-chip mooring-chip-ask">{ "Needs a decision" }</span>
                }
                if moved {
                    <span class="mooring-chip" data-test="field-moved">{ "Changed again since" }</span>
                }
                <span class="mooring-space"></span>
                if props.open && own.is_none() {
                    <button type="button" class="pf-v6-c-button pf-m-link pf-m-inline" onclick={write} data-test="write-own">{ "Write another value" }</button>
                    <kbd>{ "E" }</kbd>
                }
            </div>
            <div class="mooring-sides" role="radiogroup" aria-labelledby={format!("label-{name}")}>
                <div class="mooring-side mooring-side-before">
                    <span class="mooring-side-head">{ "Before" }</span>
                    <div class="mooring-side-value">{ full(field, &sides.base) }</div>
                </div>
                { side(props, field, on_current, &Picked::Current, shown(now), case.info.current_by.get(name), pick(Picked::Current)) }
                { side(props, field, on_incoming, &Picked::Incoming, shown(incoming), case.info.incoming_by.get(name), pick(Picked::Incoming)) }
            </div>
            if let Some(value) = merged {
                <p class="mooring-merged" data-test="field-merged">{ "Both count: " }{ full(field, value) }</p>
            }
            if let Some(text) = own.filter(|_| props.open) {
                <div class="mooring-own" onkeydown={leave(name, &props.ondone)}>
                    <FieldInput field={Field { label: format!("Another value for “{}”", field.label), ..field.clone() }} {text} prefix="own"
                        error={props.errors.get(name).map(|error| AttrValue::from(error.clone()))}
                        oninput={let (onpick, name) = (props.onpick.clone(), name.clone());
                            Callback::from(move |text| onpick.emit((name.clone(), Picked::Own(text))))} />
                </div>
            } else if let Some(Picked::Own(text)) = picked {
                <p class="mooring-own" data-test="own-value"><strong>{ "Written anew: " }</strong>{ text }</p>
            }
        </section>
    }
}

fn side(
    props: &Choices,
    field: &Field,
    on: bool,
    picked: &Picked,
    value: Html,
    author: Option<&Author>,
    onchange: Callback<Event>,
) -> Html {
    let current = *picked == Picked::Current;
    let (key, pick, hook) = if current {
        ("1", "pick-current", "review-current")
    } else {
        ("2", "pick-incoming", "review-incoming")
    };
    let says = props.case.says_field(&field.name, picked);
    let inside = html! {
        <>
            <div class="mooring-side-value" data-test={hook} data-field={field.name.to_string()}>{ value }</div>
            if let Some(author) = author {
                { author_line(author, "edited") }
            }
        </>
    };
    if !props.open {
        return html! {
            <div class={classes!("mooring-side", on.then_some("mooring-side-on"))}>
                <span class="mooring-side-head">
                    <span class="mooring-side-says">{ if current { "In the record" } else { "The other change" } }</span>
                    if on {
                        <span class="mooring-state">{ icon(Icon::Check) }{ "Chosen" }</span>
                    }
                </span>
                { inside }
            </div>
        };
    }
    html! {
        <label class={classes!("mooring-side", "mooring-side-pick", on.then_some("mooring-side-on"))}>
            <span class="mooring-side-head">
                <input type="radio" name={format!("pick-{}", field.name)} checked={on} {onchange} data-test={pick} data-field={field.name.to_string()} aria-label={says.clone()} />
                <span class="mooring-side-says">{ says }</span>
                <kbd>{ key }</kbd>
            </span>
            { inside }
        </label>
    }
}

/// Enter in a line, and Escape anywhere, go on to the next field.
fn leave(name: &FieldName, ondone: &Callback<FieldName>) -> Callback<KeyboardEvent> {
    let (name, ondone) = (name.clone(), ondone.clone());
    Callback::from(move |event: KeyboardEvent| {
        let line = dom::is_line(&event);
        if event.key() == "Escape" || (event.key() == "Enter" && (line || event.ctrl_key())) {
            event.prevent_default();
            event.stop_propagation();
            ondone.emit(name.clone());
        }
    })
}

/// Puts the cursor into a field's own input, once it is drawn.
pub fn focus_own(name: &FieldName) {
    let selector = format!(".mooring-own [data-test=field-input][data-field='{name}']");
    gloo::timers::callback::Timeout::new(0, move || dom::focus(&selector)).forget();
}
