//! The record as it will be once the decision is saved.

use super::draft::{Case, Draft, Picked, Whole};
use crate::components::field_value::full;
use crate::pages::frame::Here;
use crate::pages::review::field_of;
use sync_protocol::record::value_of;
use sync_protocol::schema::Field;
use sync_protocol::{FieldName, Fields, Value};
use yew::prelude::*;

/// The card.
pub fn preview(here: &Here, case: &Case, draft: &Draft) -> Html {
    let undecided = draft.whole.is_none() && !case.by_field();
    html! {
        <section class="mooring-beside" aria-labelledby="preview-title" aria-live="polite" data-test="review-preview">
            <h2 class="mooring-part" id="preview-title">{ "As it will be saved" }</h2>
            if case.deletes(draft) {
                <p data-test="preview-deleted">{ "The record is deleted. Both versions stay in its history." }</p>
            } else if undecided {
                <p class="mooring-muted">{ "Choose one of the two to see the record." }</p>
            } else {
                { values(here, case, &case.preview(draft), |name| source(case, draft, name)) }
                if case.is_gone() {
                    <p class="mooring-muted">{ "All other fields come back as they were." }</p>
                }
            }
        </section>
    }
}

/// Both records, where both are kept.
pub fn two_records(here: &Here, case: &Case, draft: &Draft) -> Html {
    let now = case.info.record.clone().unwrap_or_default();
    let differs = |name: &FieldName| (case.now(name) != case.incoming_value(name)).then(String::new);
    html! {
        <div class="mooring-sides mooring-life" data-test="review-both">
            <section class="mooring-beside" aria-labelledby="first-title">
                <h2 class="mooring-part" id="first-title">{ "The record stays as it is" }</h2>
                { values(here, case, &now, |name| case.field(name).and_then(|_| differs(name))) }
            </section>
            <section class="mooring-beside" aria-labelledby="second-title">
                <h2 class="mooring-part" id="second-title">{ format!("A new record, as {} has it", case.incoming) }</h2>
                { values(here, case, &case.preview(draft), |name| case.field(name).and_then(|_| differs(name))) }
            </section>
        </div>
    }
}

/// Where a value comes from, for those that the decision is about.
fn source(case: &Case, draft: &Draft, name: &FieldName) -> Option<String> {
    case.field(name)?;
    // a deletion is about all fields: those that nobody edited are from nobody
    if !case.by_field() && !case.is_gone() && *case.now(name) == case.info.conflict.fields[name].base {
        return None;
    }
    let from = |who: &String| format!("from {who}");
    Some(match (draft.whole, draft.picks.get(name)) {
        (Some(Whole::Incoming), _) | (None, Some(Picked::Incoming)) => from(&case.incoming),
        (Some(_), _) | (None, Some(Picked::Current)) => from(&case.current),
        (None, Some(Picked::Own(_))) => "written by you".to_owned(),
        (None, None) => {
            let value = case.info.without_choice.get(name)?;
            if value == case.incoming_value(name) {
                from(&case.incoming)
            } else if value == case.now(name) {
                from(&case.current)
            } else {
                "from both".to_owned()
            }
        }
    })
}

fn values(here: &Here, case: &Case, record: &Fields, source: impl Fn(&FieldName) -> Option<String>) -> Html {
    let collection = &case.info.conflict.record.collection;
    let known = here.collection(collection).map(|info| info.collection.ordered()).unwrap_or_default();
    let mut fields: Vec<Field> = known.into_iter().cloned().collect();
    for name in record.keys().chain(case.names()) {
        if !fields.iter().any(|field| field.name == *name) {
            fields.push(field_of(here, collection, name, record.get(name).unwrap_or(&Value::ABSENT)));
        }
    }
    let about = |field: &&Field| record.contains_key(&field.name) || case.field(&field.name).is_some();
    html! {
        <dl class="mooring-values">
            { for fields.iter().filter(about).map(|field| {
                let name = &field.name;
                let source = source(name);
                let open = source.is_none() && case.field(name).is_some() && case.needs_choice(name) && case.by_field();
                html! {
                    <div class={classes!(source.is_some().then_some("mooring-value-new"))} data-test="preview-value" data-field={name.to_string()}>
                        <dt>{ &field.label }</dt>
                        <dd>
                            if open {
                                <span class="mooring-muted">{ "not chosen yet" }</span>
                            } else {
                                { full(field, value_of(record, name)) }
                            }
                            if let Some(source) = source.filter(|source| !source.is_empty()) {
                                <span class="mooring-muted mooring-block">{ source }</span>
                            }
                        </dd>
                    </div>
                }
            }) }
        </dl>
    }
}
