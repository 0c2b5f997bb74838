//! Who did something: a line to read, and a note at a form's field that opens on demand.

use super::button::{Button, Look};
use super::icon::Icon;
use crate::platform::clock;
use crate::text::{author as words, field::sentence, time};
use sync_client::api::Author;
use sync_protocol::Timestamp;
use yew::prelude::*;

/// `Ann · Deck tablet, in a browser · 3 minutes ago`, `Another program, through CQL · shop.orders · 3 minutes ago`.
pub fn byline(author: &Author) -> Html {
    let place = words::place(author);
    html! {
        <span class="mooring-by" data-test="by">
            <span class="mooring-by-person">{ sentence_case(words::person(author)) }</span>
            if !place.is_empty() {
                <span>{ place }</span>
            }
            <span title={clock::exact(author.at)}>{ time::ago(clock::now(), author.at) }</span>
        </span>
    }
}

fn sentence_case(text: &str) -> String {
    let sentence = sentence(text);
    sentence.trim_end_matches('.').to_owned()
}

#[derive(PartialEq, Properties)]
pub struct FieldNoteProps {
    /// The field's name and what people call it.
    pub name: AttrValue,
    pub label: AttrValue,
    /// Who set the value that the server has; `None`: nobody.
    pub author: Option<Author>,
    /// When this device changed it without having sent that.
    pub unsent: Option<Timestamp>,
    /// The rule in force where edits meet.
    pub rule: AttrValue,
    /// Shows the record's history.
    pub onhistory: Callback<()>,
}

/// Who set a field, when and from where: a word in the label's line while one is at the field, all of it on a click.
#[component]
pub fn FieldNote(props: &FieldNoteProps) -> Html {
    let open = use_state_eq(|| false);
    let onclick = {
        let open = open.clone();
        Callback::from(move |_: MouseEvent| open.set(!*open))
    };
    let now = clock::now();
    let short = match (&props.unsent, &props.author) {
        (Some(_), _) => "you, not sent yet".to_owned(),
        (None, Some(by)) => format!("{}, {}", words::person(by), time::ago(now, by.at)),
        (None, None) => "never set".to_owned(),
    };
    let id = format!("note-{}", props.name);
    html! {
        <div class="mooring-note-row">
            <button type="button" class={classes!("mooring-note", open.then_some("mooring-open"))} {onclick} aria-expanded={open.to_string()}
                aria-controls={open.then(|| id.clone())} data-test="field-note" data-field={props.name.clone()}>
                <span class="pf-v6-screen-reader">{ format!("{}: who changed it. ", props.label) }</span>
                { short }
            </button>
            if *open {
                <div {id} class="mooring-note-details" data-test="field-note-details">
                    if let Some(at) = props.unsent {
                        <p>{ format!("Changed by you on this device, {}. Not sent yet.", clock::moment(at)) }</p>
                    }
                    if let Some(by) = &props.author {
                        <p>{ told(by, props.unsent.is_some()) }</p>
                    } else if props.unsent.is_none() {
                        <p>{ "Nobody has set it so far." }</p>
                    }
                    <p>{ format!("{}, when two people change it at the same time.", props.rule) }</p>
                    <Button look={Look::Link} icon={Icon::History} class="pf-m-inline" text="All versions" test="field-history"
                        onclick={props.onhistory.reform(|_: MouseEvent| ())} />
                </div>
            }
        </div>
    }
}

fn told(by: &Author, before: bool) -> String {
    let verb = if before { "Before that set by" } else { "Set by" };
    match words::place(by).as_str() {
        "" => format!("{verb} {}, {}.", words::person(by), clock::moment(by.at)),
        table if words::is_program(by) => {
            format!("{verb} {}, in {table}, {}.", words::person(by), clock::moment(by.at))
        }
        place => format!("{verb} {} on {place}, {}.", words::person(by), clock::moment(by.at)),
    }
}
