//! What the collection and each of its fields do where edits meet.

use super::use_shape;
use crate::components::form::{Group, control, input_text, select_arrow};
use crate::text::field::{policy_label, type_label};
use crate::text::policy;
use sync_client::api::{CollectionInfo, collection_op, field_op};
use sync_protocol::Policy;
use sync_protocol::schema::{Collection, Field};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct WhenEditsMeetProps {
    pub info: CollectionInfo,
    pub may: bool,
}

/// The rules, each with a list to choose from.
#[component]
pub fn WhenEditsMeet(props: &WhenEditsMeetProps) -> Html {
    let shape = use_shape();
    let (collection, id, may) = (&props.info.collection, &props.info.id, props.may);
    let said = || ("When edits meet changed on this device".to_owned(), Callback::noop());
    let set_collection = {
        let (shape, id, collection) = (shape.clone(), id.clone(), collection.clone());
        Callback::from(move |policy| {
            let want = Collection { policy, ..collection.clone() };
            let (said, then) = said();
            shape.emit((collection_op(&id, &collection, &want).into_iter().collect(), said, then));
        })
    };
    let set_field = |field: &Field| {
        let (shape, id, field) = (shape.clone(), id.clone(), field.clone());
        Callback::from(move |policy| {
            let want = Field { policy, ..field.clone() };
            let (said, then) = said();
            shape.emit((field_op(&id, &field, &want).into_iter().collect(), said, then));
        })
    };
    let for_all = std::iter::once(None)
        .chain(policy::for_collection(collection).into_iter().map(Some))
        .map(|choice| (choice, AttrValue::Static(policy::collection_label(choice))));
    html! {
        <section aria-labelledby="edits-title">
            <h2 class="pf-v6-c-title pf-m-lg" id="edits-title">{ "When edits meet" }</h2>
            <p class="mooring-muted mooring-gap">
                { "Edits of different fields never get in each other’s way. Here you say what happens when the same field of the same record is changed in two places. Whatever a rule decides is listed under “Merged automatically”, with both sides." }
            </p>
            <form class="pf-v6-c-form" onsubmit={|event: SubmitEvent| event.prevent_default()}>
                <Group id="policy-all" label="The whole collection"
                    hint={(collection.policy == Some(Policy::First) || collection.policy == Some(Policy::Last)).then_some(AttrValue::Static("This also holds where a record is deleted in one place and edited in another."))}>
                    { select("policy-all", "policy-collection", None, collection.policy, for_all.collect(), may, set_collection) }
                </Group>
                <ul class="mooring-policies" role="list" aria-labelledby="edits-title">
                    { for collection.ordered().into_iter().map(|field| {
                        let id = format!("policy-{}", field.name);
                        let own = policy::fitting(field.field_type).map(|each| (Some(each), AttrValue::Static(policy_label(each))));
                        let inherited = AttrValue::from(policy::inherited(collection, field.field_type));
                        let all = std::iter::once((None, inherited)).chain(own).collect();
                        html! {
                            <li key={field.name.to_string()} data-test="policy-row" data-field={field.name.to_string()}>
                                <label for={id.clone()}>{ &field.label }<span class="mooring-muted mooring-block">{ type_label(field.field_type) }</span></label>
                                { select(&id, "policy-field", Some(field.name.to_string()), field.policy, all, may, set_field(field)) }
                            </li>
                        }
                    }) }
                </ul>
            </form>
        </section>
    }
}

fn select(
    id: &str,
    test: &'static str,
    name: Option<String>,
    chosen: Option<Policy>,
    all: Vec<(Option<Policy>, AttrValue)>,
    may: bool,
    onchange: Callback<Option<Policy>>,
) -> Html {
    let onchange = onchange.reform(|event: Event| Policy::from_name(&input_text(&event)));
    control(
        None,
        false,
        html! {
            <>
                <select id={id.to_owned()} {onchange} disabled={!may} data-test={test} data-field={name}>
                    { for all.into_iter().map(|(policy, label)| html! {
                        <option value={policy.map_or("", Policy::name)} selected={policy == chosen}>{ label }</option>
                    }) }
                </select>
                { select_arrow() }
            </>
        },
    )
}
