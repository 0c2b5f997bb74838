//! A typed input: what people write stays as they wrote it; the field's type reads it when it is saved.

use super::button::{Button, Look};
use super::form::{Group, control, input_text, message_id, select_arrow};
use super::icon::Icon;
use crate::platform::clock;
use crate::text::field::{misfit, type_hint};
use sync_protocol::schema::Field;
use sync_protocol::{FieldType, Value};
use yew::prelude::*;

/// A value as its input holds it.
pub fn to_input(field: &Field, value: &Value) -> String {
    match (field.field_type, value.as_text()) {
        (FieldType::DateTime, Some(utc)) => clock::to_input(utc),
        (FieldType::Json, _) if !value.is_absent() => {
            serde_json::to_string_pretty(&value.0).unwrap_or_else(|_| value.0.to_string())
        }
        _ => field.field_type.show(value),
    }
}

/// What an input holds as a value, or what is wrong with it.
pub fn from_input(field: &Field, text: &str) -> Result<Value, String> {
    let text =
        if field.field_type == FieldType::DateTime { clock::from_input(text) } else { text.to_owned() };
    field.field_type.parse(&text, &field.options).map_err(|wrong| misfit(&wrong))
}

#[derive(PartialEq, Properties)]
pub struct FieldInputProps {
    pub field: Field,
    pub text: AttrValue,
    pub oninput: Callback<String>,
    #[prop_or_default]
    pub error: Option<AttrValue>,
    /// For reading and copying only.
    #[prop_or_default]
    pub readonly: bool,
    /// Tells inputs of the same field apart on one page.
    #[prop_or(AttrValue::Static("field"))]
    pub prefix: AttrValue,
}

/// The input with label and message.
#[component]
pub fn FieldInput(props: &FieldInputProps) -> Html {
    let id = AttrValue::from(format!("{}-{}", props.prefix, props.field.name));
    let hint = match props.field.field_type {
        FieldType::DateTime => Some(AttrValue::from(format!("In your time zone, {}", clock::zone()))),
        other => type_hint(other).map(AttrValue::Static),
    };
    html! {
        <Group id={id.clone()} label={props.field.label.clone()} error={props.error.clone()} {hint}>
            { input(props, id) }
        </Group>
    }
}

fn input(props: &FieldInputProps, id: AttrValue) -> Html {
    let wrong = props.error.is_some();
    let oninput = props.oninput.reform(|event: InputEvent| input_text(&event));
    let onchange = props.oninput.reform(|event: Event| input_text(&event));
    let name = props.field.name.to_string();
    let text = props.text.clone();
    let described = message_id(&id);
    let invalid = wrong.then_some("true");
    let line = |kind: &'static str, mode: Option<&'static str>, step: Option<&'static str>| {
        let (id, text, name, oninput) = (id.clone(), text.clone(), name.clone(), oninput.clone());
        control(
            None,
            wrong,
            html! {
                <input {id} type={kind} value={text} {oninput} inputmode={mode} {step} readonly={props.readonly}
                    aria-invalid={invalid} aria-describedby={described.clone()} autocomplete="off"
                    data-test="field-input" data-field={name} />
            },
        )
    };
    let area = |kind: &'static str, rows: &'static str| {
        let (id, text, name, oninput) = (id.clone(), text.clone(), name.clone(), oninput.clone());
        control(
            Some(kind),
            wrong,
            html! {
                <textarea {id} value={text} {oninput} {rows} readonly={props.readonly} aria-invalid={invalid}
                    aria-describedby={described.clone()} data-test="field-input" data-field={name} />
            },
        )
    };
    match props.field.field_type {
        FieldType::Text => line("text", None, None),
        FieldType::LongText => area("pf-m-textarea pf-m-resize-vertical", "4"),
        FieldType::Integer => line("text", Some("numeric"), None),
        FieldType::Decimal => line("text", Some("decimal"), None),
        FieldType::Date => line("date", None, None),
        FieldType::DateTime => line("datetime-local", None, Some("1")),
        FieldType::Tags => line("text", None, None),
        FieldType::Json => area("pf-m-textarea pf-m-resize-vertical mooring-code", "5"),
        FieldType::Counter => counter(props, line("text", Some("numeric"), None)),
        FieldType::YesNo => select(props, id, &["yes".to_owned(), "no".to_owned()], onchange),
        FieldType::Choice => select(props, id, &props.field.options, onchange),
    }
}

fn select(props: &FieldInputProps, id: AttrValue, options: &[String], onchange: Callback<Event>) -> Html {
    let wrong = props.error.is_some();
    let chosen = &props.text;
    // a value that is no option any more stays visible, and stays unless it is changed
    let other = !chosen.is_empty() && !options.iter().any(|option| option == chosen.as_str());
    let option = |value: &str, text: &str| {
        html! { <option value={value.to_owned()} selected={chosen.as_str() == value}>{ text.to_owned() }</option> }
    };
    control(
        None,
        wrong,
        html! {
            <>
                <select id={id.clone()} {onchange} disabled={props.readonly} aria-invalid={wrong.then_some("true")}
                    aria-describedby={message_id(&id)} data-test="field-input" data-field={props.field.name.to_string()}>
                    { option("", "—") }
                    { for options.iter().map(|value| option(value, value)) }
                    if other {
                        { option(chosen, &format!("{chosen} (not a choice any more)")) }
                    }
                </select>
                { select_arrow() }
            </>
        },
    )
}

fn counter(props: &FieldInputProps, input: Html) -> Html {
    let by = |step: i64| {
        let (oninput, now) = (props.oninput.clone(), props.text.trim().parse::<i64>().ok());
        let blank = props.text.trim().is_empty();
        Callback::from(move |_: MouseEvent| {
            if let Some(next) = now.or(blank.then_some(0)).and_then(|now| now.checked_add(step)) {
                oninput.emit(next.to_string());
            }
        })
    };
    html! {
        <div class="pf-v6-c-input-group">
            <div class="pf-v6-c-input-group__item">
                <Button look={Look::Plain} icon={Icon::Minus} text="One less" disabled={props.readonly} onclick={by(-1)} />
            </div>
            <div class="pf-v6-c-input-group__item pf-m-fill">{ input }</div>
            <div class="pf-v6-c-input-group__item">
                <Button look={Look::Plain} icon={Icon::Plus} text="One more" disabled={props.readonly} onclick={by(1)} />
            </div>
        </div>
    }
}
