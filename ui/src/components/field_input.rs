//! A typed input: what people write stays as they wrote it; the field's type reads it when it is saved.

use super::button::{Button, Look};
use super::field_value::{SHOWN_CHARS, beginning, show_all};
use super::form::{Group, control, input_text, message_id, select_arrow};
use super::icon::Icon;
use crate::platform::{clock, dom};
use crate::text::field::{misfit, point, sentence, type_hint};
use crate::text::{lines, locale};
use sync_protocol::schema::{Field, Format};
use sync_protocol::{FieldType, Value};
use yew::prelude::*;

/// A value as its input holds it.
pub fn to_input(field: &Field, value: &Value) -> String {
    match (field.field_type, value.as_text()) {
        (FieldType::DateTime, Some(utc)) => clock::to_input(utc),
        // an input of one line leaves them out
        (FieldType::Text, Some(text)) => text.replace(['\r', '\n'], ""),
        (FieldType::LongText, Some(text)) => lines::to_form(text),
        (FieldType::Json | FieldType::Unknown, _) if !value.is_absent() => {
            serde_json::to_string_pretty(&value.0).unwrap_or_else(|_| value.0.to_string())
        }
        (FieldType::Decimal | FieldType::Number, _) => locale::input(&field.field_type.show(value)),
        _ => field.show(value),
    }
}

/// What an input holds as a value, or what is wrong with it. `before`: the value that it began with, of which stays what
/// an input does not show (line ends, fractions of a second, which of two hours).
pub fn from_input(field: &Field, text: &str, before: &Value) -> Result<Value, String> {
    if text == to_input(field, before) {
        return Ok(before.clone());
    }
    let text = match field.field_type {
        FieldType::DateTime => match clock::from_input(text, before.as_text()) {
            Ok(utc) => utc,
            // for the type's own check to refuse
            Err(clock::NoTime::Unread) => text.to_owned(),
            Err(clock::NoTime::Skipped) => return Err(SKIPPED.to_owned()),
        },
        FieldType::LongText => lines::from_form(before.as_text().unwrap_or_default(), text),
        FieldType::Decimal | FieldType::Number => {
            let number = locale::typed(text);
            point(&number)?;
            number
        }
        FieldType::Integer | FieldType::Counter => locale::typed(text),
        _ => text.to_owned(),
    };
    let value = field.read(&text).map_err(|wrong| misfit(&wrong))?;
    match field.broken(&value) {
        Some(broken) => Err(sentence(&broken.to_string())),
        None => Ok(value),
    }
}

const SKIPPED: &str =
    "There is no such time on that day: the clocks are put forward over it. Choose another one.";

#[derive(PartialEq, Properties)]
pub struct FieldInputProps {
    pub field: Field,
    pub text: AttrValue,
    pub oninput: Callback<String>,
    /// The value that it began with.
    #[prop_or_default]
    pub before: Value,
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
        FieldType::DateTime => Some(AttrValue::from(zone_hint(props))),
        _ if props.field.details.format == Some(Format::Duration) => {
            Some(AttrValue::Static("Such as 1:30:00 or 1h 30m; a number alone is seconds"))
        }
        other => type_hint(other).map(AttrValue::Static),
    };
    let help = &props.field.details.help;
    let hint = match hint {
        _ if help.is_empty() => hint,
        Some(hint) => Some(AttrValue::from(format!("{} {hint}", sentence(help)))),
        None => Some(AttrValue::from(help.clone())),
    };
    html! {
        <Group id={id.clone()} label={props.field.label.clone()} required={props.field.details.required} error={props.error.clone()} {hint}>
            { input(props, id) }
            if let (Some(format), None) = (&props.field.details.format, &props.error) {
                { way(format, &props.text) }
            }
        </Group>
    }
}

/// Where a text leads that is an address or a number to call.
fn way(format: &Format, text: &str) -> Html {
    let text = text.trim();
    let (href, says) = match format {
        _ if format.misfit(text).is_some() => return Html::default(),
        Format::Email => (format!("mailto:{text}"), "Write an e-mail"),
        Format::Phone => (format!("tel:{}", text.replace(char::is_whitespace, "")), "Call"),
        Format::Link => (text.to_owned(), "Open the page"),
        _ => return Html::default(),
    };
    html! { <a class="mooring-way" {href} target="_blank" rel="noopener noreferrer" data-test="field-way">{ says }</a> }
}

/// The input alone, for a cell of the grid.
pub fn bare(field: &Field, text: &str, before: &Value, oninput: &Callback<String>, wrong: bool) -> Html {
    let props = FieldInputProps {
        field: field.clone(),
        text: text.to_owned().into(),
        oninput: oninput.clone(),
        before: before.clone(),
        error: wrong.then_some(AttrValue::Static("")),
        readonly: false,
        prefix: AttrValue::Static("cell"),
    };
    input(&props, AttrValue::Static("cell-input"))
}

/// The zone; where the hour comes twice, which of the two is meant.
fn zone_hint(props: &FieldInputProps) -> String {
    let utc = match *props.text == *to_input(&props.field, &props.before) {
        true => props.before.as_text().map(str::to_owned),
        false => clock::from_input(&props.text, props.before.as_text()).ok(),
    };
    match utc.and_then(|utc| clock::which_of_two(&utc)) {
        Some(which) => {
            format!(
                "In your time zone, {}. This hour comes twice on that day: it is the one at {which}.",
                clock::zone()
            )
        }
        None => format!("In your time zone, {}", clock::zone()),
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
                    aria-invalid={invalid} aria-describedby={described.clone()} autocomplete="off" dir="auto"
                    data-test="field-input" data-field={name} />
            },
        )
    };
    let long = props.text.len() > SHOWN_CHARS;
    let readonly = props.readonly || props.field.field_type == FieldType::Unknown;
    let area = |kind: &'static str, rows: &'static str| {
        let (id, text, name, oninput) = (id.clone(), text.clone(), name.clone(), oninput.clone());
        control(
            Some(kind),
            wrong,
            html! {
                <textarea {id} value={text} {oninput} {rows} {readonly} aria-invalid={invalid} dir="auto"
                    aria-describedby={described.clone()} data-test="field-input" data-field={name} />
            },
        )
    };
    match props.field.field_type {
        FieldType::Text => match &props.field.details.format {
            Some(Format::Email) => line("email", Some("email"), None),
            Some(Format::Phone) => line("tel", Some("tel"), None),
            Some(Format::Link) => line("url", Some("url"), None),
            _ => line("text", None, None),
        },
        FieldType::LongText | FieldType::Json | FieldType::Bytes | FieldType::Unknown if long => {
            html! { <LongInput {id} text={text.clone()} {oninput} {name} {readonly} {wrong} /> }
        }
        FieldType::LongText => area("pf-m-textarea pf-m-resize-vertical", "4"),
        FieldType::Integer => line("text", Some("numeric"), None),
        FieldType::Decimal | FieldType::Number => line("text", Some("decimal"), None),
        // an input of times would show nothing of one that is finer than a millisecond
        FieldType::Time if [&*text, &to_input(&props.field, &props.before)].into_iter().any(is_fine) => {
            line("text", None, None)
        }
        FieldType::Time => line("time", None, Some(if text_has_fraction(&text) { "any" } else { "1" })),
        FieldType::Date => line("date", None, None),
        FieldType::DateTime => {
            line("datetime-local", None, Some(if text_has_fraction(&props.text) { "any" } else { "1" }))
        }
        FieldType::Tags | FieldType::Uuid | FieldType::Bytes => line("text", None, None),
        FieldType::Json | FieldType::Unknown => area("pf-m-textarea pf-m-resize-vertical mooring-code", "5"),
        FieldType::Counter => counter(props, line("text", Some("numeric"), None)),
        FieldType::YesNo => select(props, id, &["yes".to_owned(), "no".to_owned()], onchange),
        FieldType::Choice => select(props, id, &props.field.options, onchange),
    }
}

#[derive(PartialEq, Properties)]
struct LongInputProps {
    id: AttrValue,
    text: AttrValue,
    oninput: Callback<InputEvent>,
    name: String,
    readonly: bool,
    wrong: bool,
}

/// The input of a long text: its beginning first, for laying out all of it can take minutes. Then all of it, in lines as
/// they are.
#[component]
fn LongInput(props: &LongInputProps) -> Html {
    // one that became long while it was written stays as it is
    let all = use_state_eq(|| props.text.len() <= 2 * SHOWN_CHARS);
    let onclick = {
        let (all, name) = (all.setter(), props.name.clone());
        Callback::from(move |_: MouseEvent| {
            all.set(true);
            dom::focus_soon(&format!("[data-test=field-input][data-field='{name}']"));
        })
    };
    if !*all {
        return html! {
            <div class="mooring-text mooring-long" id={props.id.clone()} dir="auto">
                { beginning(&props.text, SHOWN_CHARS / 4) }{ "… " }
                <Button look={Look::Link} class="pf-m-inline" text={show_all(&props.text)} {onclick} test="show-all-text" />
            </div>
        };
    }
    control(
        Some("pf-m-textarea pf-m-resize-vertical"),
        props.wrong,
        html! {
            <textarea id={props.id.clone()} value={props.text.clone()} oninput={props.oninput.clone()} rows="12" wrap="off"
                readonly={props.readonly} aria-invalid={props.wrong.then_some("true")} spellcheck="false" dir="auto"
                aria-describedby={message_id(&props.id)} data-test="field-input" data-field={props.name.clone()} />
        },
    )
}

/// Whether a time has parts of a second, which steps of whole ones would refuse.
fn text_has_fraction(text: &str) -> bool {
    text.contains('.')
}

/// Whether a time has more digits of a second than its input shows.
fn is_fine(text: &str) -> bool {
    text.split_once('.').is_some_and(|(_, fraction)| fraction.len() > 3)
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
        let now = props.field.read(&props.text).ok().and_then(|now| now.as_integer());
        let (oninput, field) = (props.oninput.clone(), props.field.clone());
        let blank = props.text.trim().is_empty();
        Callback::from(move |_: MouseEvent| {
            if let Some(next) = now.or(blank.then_some(0)).and_then(|now| now.checked_add(step)) {
                oninput.emit(field.show(&Value::from(next)));
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
