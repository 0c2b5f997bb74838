//! Who did something, from which device, when.

use super::icon::{Icon, icon};
use crate::platform::clock;
use crate::text::{author as words, field::capital, time};
use sync_client::api::Author;
use yew::prelude::*;

/// A round mark with a person's initials; says nothing to a screen reader.
pub fn initials(person: &str) -> Html {
    let first = |word: &str| word.chars().find(|c| c.is_alphanumeric());
    let letters: String = person.split_whitespace().filter_map(first).take(2).collect();
    mark(if letters.is_empty() {
        icon(Icon::User)
    } else {
        html! { { letters.to_uppercase() } }
    })
}

fn mark(inside: Html) -> Html {
    html! { <span class="mooring-initials" aria-hidden="true">{ inside }</span> }
}

/// Name, device, channel and time; `did` is what was done then, such as `edited`.
pub fn author_line(author: &Author, did: &str) -> Html {
    let person = match words::name(author) {
        "" => "Somebody".to_owned(),
        name if words::is_program(author) => capital(name),
        name => name.to_owned(),
    };
    let device = if author.here { "this device" } else { author.device.as_str() };
    let when = format!("{did} {}", time::ago(clock::now(), author.at));
    let parts: Vec<&str> =
        [device, channel(&author.channel)].into_iter().filter(|part| !part.is_empty()).collect();
    html! {
        <span class="mooring-author">
            { if words::is_program(author) { mark(icon(Icon::Table)) } else { initials(&author.person) } }
            <span>
                <strong>{ person }</strong>
                <span class="mooring-muted">
                    if !parts.is_empty() {
                        { format!(" · {}", parts.join(", ")) }
                    }
                    <time class="mooring-block" title={clock::exact(author.at)}>{ when }</time>
                </span>
            </span>
        </span>
    }
}

/// Where somebody worked, as people call it.
fn channel(name: &str) -> &'static str {
    match name {
        "browser" => "in the browser",
        "desktop" => "desktop app",
        "embedded" => "another program",
        // the name of its author says it
        "mirror" => "",
        _ => "",
    }
}
