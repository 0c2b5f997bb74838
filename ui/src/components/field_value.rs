//! A value for reading.

use super::button::{Button, Look};
use super::icon::{Icon, icon};
use crate::platform::clock;
use crate::text::field::unit;
use crate::text::{count, locale};
use sync_client::text::hits;
use sync_protocol::schema::{Colour, Field, Format};
use sync_protocol::{FieldType, Value, value};
use yew::prelude::*;

/// Most characters of a text in a grid's cell; the rest is in the record.
const CELL_CHARS: usize = 80;

/// In a grid's cell: one line, with what a search found in it marked.
pub fn cell(field: &Field, value: &Value, search: &str) -> Html {
    if value.is_absent() {
        return Html::default();
    }
    match field.field_type {
        FieldType::YesNo => match value.0.as_bool() {
            Some(true) => {
                html! { <span class="mooring-yes">{ icon(Icon::Check) }<span>{ marked("yes", search) }</span></span> }
            }
            _ => marked("no", search),
        },
        FieldType::Tags => tags(value, search),
        FieldType::Bytes => html! { { size(value) } },
        FieldType::Choice => {
            let colour = value.as_text().and_then(|option| field.details.colours.get(option));
            let look = colour.map_or("pf-m-outline", |colour| colour_class(*colour));
            label(look, marked(&field.field_type.show(value), search))
        }
        _ if field.details.format == Some(Format::Rating) => stars(value),
        _ => marked(&cut(&shown(field, value)), search),
    }
}

/// Stars for reading; a number that is no number of stars stays one.
fn stars(value: &Value) -> Html {
    match value.as_integer().filter(|n| (0..=Format::STARS).contains(n)) {
        None => html! { { value.0.to_string() } },
        Some(n) => {
            let signs: String = (0..Format::STARS).map(|at| if at < n { '★' } else { '☆' }).collect();
            html! { <span role="img" aria-label={format!("{n} of {}", Format::STARS)}>{ signs }</span> }
        }
    }
}

/// A number in a column whose numbers have up to so many places.
pub fn number_cell(field: &Field, value: &Value, places: usize, search: &str) -> Html {
    let text = field.show(value);
    if text.is_empty() {
        return Html::default();
    }
    match field.details.format {
        Some(Format::Rating) => return stars(value),
        Some(Format::Duration) => return marked(&text, search),
        _ => {}
    }
    let number = locale::aligned(locale::number(&text), locale::places(&text), places);
    marked(&format!("{number}{}", unit(field)), search)
}

/// As people here write it, as a text of one line.
fn shown(field: &Field, value: &Value) -> String {
    format!("{}{}", plain(field, value), unit(field))
}

/// The same without what stands behind numbers of the field.
fn plain(field: &Field, value: &Value) -> String {
    let (field_type, text) = (field.field_type, field.show(value));
    match field_type {
        FieldType::DateTime => clock::to_cell(&text),
        FieldType::Date => clock::to_day(&text),
        _ if text.contains(':') => text,
        _ if right_aligned(field_type) => locale::number(&text),
        _ => text,
    }
}

/// A text with what a search found in it marked.
pub fn marked(text: &str, search: &str) -> Html {
    let mut parts = Vec::new();
    let mut from = 0;
    for hit in hits(search, text) {
        parts.push(html! { { &text[from..hit.start] } });
        parts.push(html! { <mark>{ &text[hit.clone()] }</mark> });
        from = hit.end;
    }
    parts.push(html! { { &text[from..] } });
    parts.into_iter().collect()
}

fn label(look: &'static str, inside: Html) -> Html {
    html! { <span class={classes!("pf-v6-c-label", look, "pf-m-compact")}><span class="pf-v6-c-label__content"><span class="pf-v6-c-label__text">{ inside }</span></span></span> }
}

/// The colour of an option's label.
pub fn colour_class(colour: Colour) -> &'static str {
    match colour {
        Colour::Grey => "pf-m-grey",
        Colour::Blue => "pf-m-blue",
        Colour::Teal => "pf-m-teal",
        Colour::Green => "pf-m-green",
        Colour::Yellow => "pf-m-yellow",
        Colour::Orange => "pf-m-orange",
        Colour::Red => "pf-m-red",
        Colour::Purple => "pf-m-purple",
    }
}

/// In full, for a decision between two.
pub fn full(field: &Field, value: &Value) -> Html {
    if value.is_absent() {
        return html! { <span class="mooring-muted">{ "no value" }</span> };
    }
    match field.field_type {
        FieldType::Tags => tags(value, ""),
        FieldType::Json | FieldType::Unknown => long(value.0.to_string(), "mooring-json"),
        _ => long(shown(field, value), "mooring-text"),
    }
}

/// Most characters of a text that is shown without being asked for: a few pages. A browser takes minutes to lay out
/// hundreds of thousands without a blank.
pub const SHOWN_CHARS: usize = 4_000;

/// A text, cut where it is long.
fn long(text: String, class: &'static str) -> Html {
    if text.len() <= SHOWN_CHARS {
        return html! { <span {class} dir="auto">{ text }</span> };
    }
    html! { <LongText {text} {class} /> }
}

#[derive(PartialEq, Properties)]
struct LongTextProps {
    text: AttrValue,
    class: &'static str,
}

/// The beginning, and all of it on demand: then in lines as they are, for breaking them is what takes so long.
#[component]
fn LongText(props: &LongTextProps) -> Html {
    let all = use_state_eq(|| false);
    let onclick = {
        let all = all.setter();
        Callback::from(move |_: MouseEvent| all.set(true))
    };
    if *all {
        return html! { <pre class="mooring-all" tabindex="0" dir="auto">{ &props.text }</pre> };
    }
    html! {
        <span class={props.class} dir="auto">
            { beginning(&props.text, SHOWN_CHARS) }
            { "… " }
            <Button look={Look::Link} class="pf-m-inline" text={show_all(&props.text)} {onclick} test="show-all-text" />
        </span>
    }
}

/// `Show all (400 KB)`.
pub fn show_all(text: &str) -> String {
    format!("Show all ({})", count::bytes(text.len() as u64))
}

/// The first so many characters.
pub fn beginning(text: &str, chars: usize) -> &str {
    text.char_indices().nth(chars).map_or(text, |(at, _)| &text[..at])
}

/// As part of a sentence or a button: `“Paris”`, `12`, `no value`.
pub fn quoted(field: &Field, value: &Value) -> String {
    if value.is_absent() {
        return "no value".to_owned();
    }
    let field_type = field.field_type;
    let all = match field_type {
        FieldType::Bytes => size(value),
        _ => plain(field, value),
    };
    let mut text: String = all.chars().take(40).collect();
    if text.len() < all.len() {
        text.push('…');
    }
    match field_type {
        FieldType::Integer
        | FieldType::Decimal
        | FieldType::Counter
        | FieldType::YesNo
        | FieldType::Number
        | FieldType::Date
        | FieldType::DateTime
        | FieldType::Time
        | FieldType::Uuid
        | FieldType::Bytes => text,
        _ => format!("“{text}”"),
    }
}

/// Whether values of that type stand at the right of their column.
pub fn right_aligned(field_type: FieldType) -> bool {
    matches!(field_type, FieldType::Integer | FieldType::Decimal | FieldType::Counter | FieldType::Number)
}

/// `12 bytes`.
fn size(value: &Value) -> String {
    count::bytes(value::bytes::count(value.as_text().unwrap_or_default()) as u64)
}

fn tags(value: &Value, search: &str) -> Html {
    let tags = value.as_tags().unwrap_or_default();
    html! { <span class="mooring-tags">{ for tags.into_iter().map(|tag| label("", marked(tag, search))) }</span> }
}

pub fn cut(text: &str) -> String {
    match beginning(text, CELL_CHARS) {
        all if all.len() == text.len() => text.to_owned(),
        some => format!("{some}…"),
    }
}
