//! A value with what is different in it: words of a text, tags that came and went, how far a number or a date moved.

use super::field_value::{SHOWN_CHARS, beginning, full, quoted};
use crate::text::difference::difference;
use crate::text::words::{Piece, pieces};
use sync_protocol::schema::Field;
use sync_protocol::{FieldType, Value};
use yew::prelude::*;

/// The value as it became, with what differs from before.
pub fn changed(field: &Field, before: &Value, after: &Value) -> Html {
    if before == after {
        return full(field, after);
    }
    if after.is_absent() {
        return html! {
            <span class="mooring-muted">{ "no value " }<del>{ quoted(field, before) }</del></span>
        };
    }
    match field.field_type {
        FieldType::Text | FieldType::LongText => match (before.as_text(), after.as_text()) {
            // what is alike around the difference is no news where it is long
            (Some(before), Some(after)) if before.len().max(after.len()) > SHOWN_CHARS => {
                around(before, after)
            }
            (Some(before), Some(after)) => words(before, after),
            _ => full(field, after),
        },
        FieldType::Tags => tags(before, after),
        field_type => html! {
            <>
                { full(field, after) }
                if let Some(apart) = longer(field, before, after).or_else(|| difference(field_type, before, after)) {
                    <span class="mooring-apart">{ apart }</span>
                }
            </>
        },
    }
}

/// By how much a duration became longer or shorter.
fn longer(field: &Field, before: &Value, after: &Value) -> Option<String> {
    let by = after.as_integer()?.checked_sub(before.as_integer()?).filter(|_| field.is_duration())?;
    Some(format!("{}{}", if by > 0 { "+" } else { "" }, field.show(&Value::from(by))))
}

/// The difference of two long texts, with a little of what is around it.
fn around(before: &str, after: &str) -> Html {
    const AROUND: usize = 200;
    let pair = || before.chars().zip(after.chars());
    let start = pair().take_while(|(a, b)| a == b).count();
    let rest = before.chars().count().min(after.chars().count()) - start;
    let ends = before.chars().rev().zip(after.chars().rev());
    let end = ends.take(rest).take_while(|(a, b)| a == b).count();
    let part = |text: &str| -> String {
        let length = text.chars().count() - end.saturating_sub(AROUND);
        text.chars().take(length).skip(start.saturating_sub(AROUND)).collect()
    };
    let (before, after) = (part(before), part(after));
    let dots = |more: bool| if more { "…" } else { "" };
    html! {
        <>
            { dots(start > AROUND) }
            if before.len().max(after.len()) > SHOWN_CHARS {
                <del>{ beginning(&before, SHOWN_CHARS / 4) }{ "…" }</del>
                <ins>{ beginning(&after, SHOWN_CHARS / 4) }{ "…" }</ins>
            } else {
                { words(&before, &after) }
            }
            { dots(end > AROUND) }
        </>
    }
}

fn words(before: &str, after: &str) -> Html {
    html! {
        <span class="mooring-text" dir="auto">
            { for pieces(before, after).into_iter().map(|(piece, text)| match piece {
                Piece::Same => html! { { text } },
                Piece::Gone => html! { <del>{ text }</del> },
                Piece::New => html! { <ins>{ text }</ins> },
            }) }
        </span>
    }
}

fn tags(before: &Value, after: &Value) -> Html {
    let (before, after) = (before.as_tags().unwrap_or_default(), after.as_tags().unwrap_or_default());
    let chip = |tag: &str| {
        let inside = match (before.contains(tag), after.contains(tag)) {
            (true, false) => html! { <del>{ tag.to_owned() }</del> },
            (false, true) => html! { <ins>{ tag.to_owned() }</ins> },
            _ => html! { { tag.to_owned() } },
        };
        html! {
            <span class="pf-v6-c-label pf-m-compact"><span class="pf-v6-c-label__content"><span class="pf-v6-c-label__text">{ inside }</span></span></span>
        }
    };
    html! { <span class="mooring-tags">{ for before.union(&after).map(|tag| chip(tag)) }</span> }
}
