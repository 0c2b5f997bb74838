//! What a policy decided: both sides, the result, the rule in words, and how to have it otherwise.

use super::author::byline;
use super::button::{Button, Look};
use super::changes::known_or;
use super::field_value::{full, quoted};
use crate::hooks::{use_call, use_toaster};
use crate::text::author::values_of;
use crate::text::policy::decided;
use std::collections::BTreeMap;
use sync_client::api::{Author, Command, Seen};
use sync_protocol::Ordered;
use sync_protocol::record::value_of;
use sync_protocol::schema::{Collection, Field};
use sync_protocol::{FieldName, Fields, Merge, Met, Value};
use yew::prelude::*;

/// A merge and where it is shown.
pub struct Merged<'a> {
    pub collection: &'a Collection,
    pub merge: &'a Merge,
    /// Who made the incoming side.
    pub incoming: &'a Author,
    /// Per field, who had set the current value.
    pub current_by: &'a BTreeMap<FieldName, Author>,
    /// The record's values now; `None` where it is deleted.
    pub record: Option<&'a Fields>,
    pub may_edit: bool,
}

/// One block per field that met.
pub fn merge_box(merged: &Merged<'_>) -> Html {
    let merge = merged.merge;
    let stood = merge.fields.values().any(|met| !met.result.is_absent());
    html! {
        <div class="mooring-merge" data-test="merge">
            if merge.delete {
                <p>{ if stood { "It was deleted in one place and edited in another. The edit counted." } else { "It was edited in one place and deleted in another. The deletion counted." } }</p>
            }
            { for merge.fields.iter().map(|(name, met)| html! {
                <MetField key={name.to_string()} field={known_or(merged.collection, name, &met.result)} met={met.clone()}
                    current={merged.current_by.get(name).cloned()} incoming={merged.incoming.clone()} delete={merge.delete}
                    now={merged.record.map(|record| value_of(record, name).clone())}
                    id={merge.record.clone()} may_edit={merged.may_edit} />
            }) }
            if merged.record.is_none() {
                <p class="mooring-muted">{ "The record is deleted. Its history has the versions to restore." }</p>
            }
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct MetFieldProps {
    id: sync_protocol::RecordId,
    field: Field,
    met: Met,
    current: Option<Author>,
    incoming: Author,
    /// Whether the incoming side deleted the record.
    delete: bool,
    /// What the record has now; `None` where it is deleted.
    now: Option<Value>,
    may_edit: bool,
}

#[component]
fn MetField(props: &MetFieldProps) -> Html {
    let (call, toaster) = (use_call(), use_toaster());
    let busy = use_state_eq(|| false);
    let MetFieldProps { field, met, .. } = props;
    let current = props.current.as_ref();
    let (current_name, incoming_name) = match current {
        Some(author) => values_of(author, &props.incoming),
        None => ("the value before".to_owned(), values_of(&props.incoming, &props.incoming).0),
    };
    let take = |want: &Value, now: &Value| {
        let fields =
            [(field.name.clone(), Seen { saw: now.clone(), want: want.clone() })].into_iter().ordered_map();
        let command = Command::Edit { id: props.id.clone(), fields };
        let (call, toaster, busy) = (call.clone(), toaster.clone(), busy.setter());
        Callback::from(move |_: MouseEvent| {
            busy.set(true);
            let (toaster, busy) = (toaster.clone(), busy.clone());
            let done = Callback::from(move |outcome| {
                busy.set(false);
                match outcome {
                    Ok(_) => toaster.done("Saved on this device"),
                    Err(failure) => toaster.failure(&failure),
                }
            });
            call.emit((command.clone(), done));
        })
    };
    // each value once, and none that is there already
    let mut offers: Vec<(String, &Value, &'static str)> = Vec::new();
    if let (Some(now), true, false) = (&props.now, props.may_edit, props.delete) {
        let all = [
            (format!("Use {current_name} instead"), &met.current, "use-current"),
            (format!("Use {incoming_name} instead"), &met.incoming, "use-incoming"),
            ("Use the result again".to_owned(), &met.result, "use-result"),
        ];
        for (text, value, test) in all {
            if value != now && !offers.iter().any(|(_, other, _)| *other == value) {
                offers.push((text, value, test));
            }
        }
    }
    let side = |name: &str, by: Option<&Author>, value: Html, test: &'static str| {
        html! {
            <div class="mooring-met-side">
                <dt>{ name.to_owned() }</dt>
                <dd data-test={test}>{ value }</dd>
                if let Some(by) = by {
                    <dd>{ byline(by) }</dd>
                }
            </div>
        }
    };
    let gone = || html! { <span class="mooring-muted">{ "deleted" }</span> };
    let incoming = if props.delete { gone() } else { full(field, &met.incoming) };
    // in the order of the edits, by which some rules go; they may have arrived the other way round
    let turned = current.is_some_and(|current| current.at > props.incoming.at);
    let names = if turned { ["Then", "First"] } else { ["First", "Then"] };
    let mut sides = vec![
        side(names[0], current, full(field, &met.current), "met-current"),
        side(names[1], Some(&props.incoming), incoming, "met-incoming"),
    ];
    if turned {
        sides.reverse();
    }
    html! {
        <div class="mooring-met" data-test="met" data-field={field.name.to_string()}>
            <div class="mooring-met-head">
                <strong>{ &field.label }</strong>
                <span class="pf-v6-c-label pf-m-compact pf-m-blue"><span class="pf-v6-c-label__content">
                    <span class="pf-v6-c-label__text" data-test="met-rule">{ decided(met.policy) }</span>
                </span></span>
            </div>
            <dl class="mooring-met-sides">
                { side("Before both", None, full(field, &met.base), "met-base") }
                { for sides }
                { side("Result", None, full(field, &met.result), "met-result") }
            </dl>
            if let Some(now) = props.now.as_ref().filter(|now| **now != met.result) {
                <p class="mooring-muted" data-test="met-now">{ format!("The record has {} now.", quoted(field, now)) }</p>
            }
            if let (Some(now), false) = (&props.now, offers.is_empty()) {
                <div class="mooring-actions">
                    { for offers.iter().map(|(text, value, test)| html! {
                        <Button look={Look::Secondary} class="pf-m-small" text={text.clone()} busy={*busy} onclick={take(value, now)} test={*test} />
                    }) }
                </div>
            }
        </div>
    }
}
