//! What a collection and each of its fields do where edits meet.

use super::frame::use_here;
use crate::components::form::{Group, control, input_text, select_arrow};
use crate::components::icon::Icon;
use crate::components::link::Link;
use crate::components::states::{Empty, Notice, Tint};
use crate::hooks::{use_call, use_toaster};
use crate::text::field::{policy_label, type_label};
use crate::text::policy;
use sync_client::api::Command;
use sync_protocol::schema::Field;
use sync_protocol::{CollectionId, Policy};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct SettingsProps {
    pub id: CollectionId,
}

/// The screen.
#[component]
pub fn Settings(props: &SettingsProps) -> Html {
    let here = use_here();
    let (call, toaster) = (use_call(), use_toaster());
    let Some(info) = here.collection(&props.id) else { return Html::default() };
    let collection = &info.collection;
    let send = Callback::from(move |command: Command| {
        let toaster = toaster.clone();
        let done = Callback::from(move |outcome| match outcome {
            Ok(_) => toaster.done("Saved on this device"),
            Err(failure) => toaster.failure(&failure),
        });
        call.emit((command, done));
    });
    let set_collection = {
        let (send, id) = (send.clone(), props.id.clone());
        Callback::from(move |policy| send.emit(Command::SetPolicy { collection: id.clone(), policy }))
    };
    let set_field = |field: &Field| {
        let (send, id, field) = (send.clone(), props.id.clone(), field.clone());
        Callback::from(move |policy| {
            let field = Field { policy, ..field.clone() };
            send.emit(Command::SetField { collection: id.clone(), field });
        })
    };
    let choices = policy::for_collection(collection);
    let for_all = std::iter::once(None)
        .chain(choices.into_iter().map(Some))
        .map(|choice| (choice, AttrValue::Static(policy::collection_label(choice))));
    let may = here.may_shape();
    html! {
        <section class="mooring-narrow" aria-labelledby="settings-title" data-test="settings">
            <p class="mooring-back"><Link to={here.to_collection(&props.id)} test="settings-back">{ format!("‹ {}", collection.label) }</Link></p>
            <div class="mooring-heading">
                <h1 class="pf-v6-c-title pf-m-2xl" id="settings-title">{ "When two people change the same thing" }</h1>
            </div>
            <p class="mooring-muted mooring-gap">
                { "Edits of different fields never get in each other’s way. Here you say what happens when the same field of the same record is changed in two places. Whatever a rule decides is listed under “Merged automatically”, with both sides." }
            </p>
            if !may {
                <div class="mooring-gap"><Notice tint={Tint::Info} title="Owners of the workspace can change this." /></div>
            }
            <form class="pf-v6-c-form" onsubmit={|event: SubmitEvent| event.prevent_default()}>
                <Group id="policy-all" label="The whole collection"
                    hint={(collection.policy == Some(Policy::First) || collection.policy == Some(Policy::Last)).then_some(AttrValue::Static("This also holds where a record is deleted in one place and edited in another."))}>
                    { select("policy-all", "policy-collection", None, collection.policy, for_all.collect(), may, set_collection) }
                </Group>
                <h2 class="pf-v6-c-title pf-m-lg" id="policy-fields">{ "Fields" }</h2>
                if collection.fields.is_empty() {
                    <Empty title="No fields yet" icon={Icon::Table}>
                        <div class="pf-v6-c-empty-state__body">{ "Fields that are added later follow the collection." }</div>
                    </Empty>
                }
                <ul class="mooring-policies" role="list" aria-labelledby="policy-fields">
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
