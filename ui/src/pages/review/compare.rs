//! Both versions side by side, field by field, with what was there before.

use crate::components::field_input::{FieldInput, to_input};
use crate::components::field_value::full;
use crate::platform::clock;
use crate::text::{review, time};
use std::collections::BTreeMap;
use sync_client::api::{Author, ConflictInfo};
use sync_protocol::record::value_of;
use sync_protocol::schema::Field;
use sync_protocol::{Choice, ConflictKind, FieldName, Outcome, Sides, Value};
use yew::prelude::*;

/// What a person picked for a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Picked {
    Current,
    Incoming,
    /// What the person wrote instead.
    Own(String),
}

/// The picks that an outcome stands for.
pub fn picks_of(outcome: &Outcome, fields: &BTreeMap<FieldName, Field>) -> BTreeMap<FieldName, Picked> {
    let Outcome::Keep { choices } = outcome else { return BTreeMap::new() };
    choices
        .iter()
        .filter_map(|(name, choice)| {
            let picked = match choice {
                Choice::Current => Picked::Current,
                Choice::Incoming => Picked::Incoming,
                Choice::Own(value) => Picked::Own(to_input(fields.get(name)?, value)),
            };
            Some((name.clone(), picked))
        })
        .collect()
}

/// The value that a field has now: the record may have moved since the changes met.
pub fn now<'a>(info: &'a ConflictInfo, name: &FieldName, sides: &'a Sides) -> &'a Value {
    info.record.as_ref().map_or(&sides.current, |record| value_of(record, name))
}

/// Who made either side, told apart where both have the same names.
pub fn sides(info: &ConflictInfo) -> (String, String) {
    let incoming = review::who(&info.item.incoming);
    let current = info.item.current.as_ref().map_or_else(|| "the record".to_owned(), review::who);
    if current != incoming {
        return (current, incoming);
    }
    let timed = |who: &str, at| format!("{who}, {}", clock::moment(at));
    let current_at = info.item.current.as_ref().map_or(info.item.incoming.at, |author| author.at);
    (timed(&current, current_at), timed(&incoming, info.item.incoming.at))
}

#[derive(PartialEq, Properties)]
pub struct CompareProps {
    pub info: ConflictInfo,
    pub fields: BTreeMap<FieldName, Field>,
    pub picks: BTreeMap<FieldName, Picked>,
    pub errors: BTreeMap<FieldName, String>,
    /// Whether each field is picked by itself.
    pub each: bool,
    pub onpick: Callback<(FieldName, Picked)>,
}

/// The table.
#[component]
pub fn Compare(props: &CompareProps) -> Html {
    let info = &props.info;
    let (current, incoming) = sides(info);
    let kind = info.conflict.kind;
    html! {
        <table class="pf-v6-c-table pf-m-compact pf-m-grid-md mooring-compare" aria-label={format!("Versions of {}", info.item.title)}>
            <thead class="pf-v6-c-table__thead">
                <tr class="pf-v6-c-table__tr">
                    <th class="pf-v6-c-table__th" scope="col">{ "Field" }</th>
                    <th class="pf-v6-c-table__th" scope="col">{ "Before" }</th>
                    { side(review::current_heading(kind), &current, info.item.current.as_ref(), kind == ConflictKind::EditDelete) }
                    { side(review::incoming_heading(kind), &incoming, Some(&info.item.incoming), kind == ConflictKind::DeleteEdit) }
                </tr>
            </thead>
            <tbody class="pf-v6-c-table__tbody">
                { for info.conflict.fields.iter().filter_map(|(name, sides)| {
                    Some(row(props, props.fields.get(name)?, sides, &current, &incoming))
                }) }
            </tbody>
        </table>
    }
}

fn side(heading: &str, who: &str, author: Option<&Author>, deleted: bool) -> Html {
    html! {
        <th class="pf-v6-c-table__th" scope="col">
            <span class="mooring-side-heading">{ heading.to_owned() }</span>
            <span class="mooring-side-who">{ who.to_owned() }</span>
            if let Some(author) = author {
                <span class="mooring-muted" title={clock::exact(author.at)}>
                    { format!("{} {}", if deleted { "deleted" } else { "edited" }, time::ago(clock::now(), author.at)) }
                </span>
            }
        </th>
    }
}

fn row(props: &CompareProps, field: &Field, sides: &Sides, current: &str, incoming: &str) -> Html {
    let kind = props.info.conflict.kind;
    let each = props.each && sides.clash;
    let picked = props.picks.get(&field.name);
    let pick = |wanted: Picked| {
        let (onpick, name) = (props.onpick.clone(), field.name.clone());
        Callback::from(move |_: Event| onpick.emit((name.clone(), wanted.clone())))
    };
    let group = format!("pick-{}-{}", props.info.conflict.id, field.name);
    let choice = |wanted: Picked, shown: Html, label: String, test: &'static str| {
        if !each {
            return shown;
        }
        let on = picked == Some(&wanted);
        html! {
            <label class={classes!("mooring-pick", on.then_some("mooring-picked"))}>
                <input type="radio" name={group.clone()} checked={on} onchange={pick(wanted)} aria-label={label} data-test={test} data-field={field.name.to_string()} />
                <span>{ shown }</span>
            </label>
        }
    };
    let now = now(&props.info, &field.name, sides);
    let gone = || html! { <span class="mooring-muted">{ "deleted" }</span> };
    let shown_incoming = if kind == ConflictKind::DeleteEdit { gone() } else { full(field, &sides.incoming) };
    let own = match picked {
        Some(Picked::Own(text)) => Some(text.clone()),
        _ => None,
    };
    html! {
        <>
            <tr class="pf-v6-c-table__tr" data-test="review-field" data-field={field.name.to_string()}>
                <th class="pf-v6-c-table__th" scope="row" data-label="Field">
                    { &field.label }
                    if !sides.clash {
                        <span class="mooring-muted mooring-block">{ "only one side changed it" }</span>
                    }
                </th>
                <td class="pf-v6-c-table__td mooring-before" data-label="Before">{ full(field, &sides.base) }</td>
                <td class="pf-v6-c-table__td" data-label={current.to_owned()} data-test="review-current">
                    { choice(Picked::Current, full(field, now), format!("{}: keep the value from {current}", field.label), "pick-current") }
                </td>
                <td class="pf-v6-c-table__td" data-label={incoming.to_owned()} data-test="review-incoming">
                    { choice(Picked::Incoming, shown_incoming, format!("{}: keep the value from {incoming}", field.label), "pick-incoming") }
                </td>
            </tr>
            if let Some(text) = own {
                <tr class="pf-v6-c-table__tr mooring-own">
                    <td class="pf-v6-c-table__td" colspan="4">
                        <FieldInput field={field.clone()} {text} prefix={format!("own-{}", props.info.conflict.id)}
                            error={props.errors.get(&field.name).map(|error| AttrValue::from(error.clone()))}
                            oninput={let (onpick, name) = (props.onpick.clone(), field.name.clone());
                                Callback::from(move |text| onpick.emit((name.clone(), Picked::Own(text))))} />
                    </td>
                </tr>
            }
        </>
    }
}
