//! Values of a field that more than one record holds: what a field that asks for no value twice finds where records are older
//! than that, or where two devices gave the same one at the same time.

use super::frame::use_here;
use crate::components::field_value::full;
use crate::components::icon::Icon;
use crate::components::link::Link;
use crate::components::states::{Empty, failed, loading};
use crate::hooks::{use_ask, use_title};
use crate::route::{KeyText, Route};
use crate::text::count;
use crate::text::field::key_label;
use sync_client::api::{Answer, Command, Duplicates, Event};
use sync_protocol::{CollectionId, FieldName};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct TwicePageProps {
    pub id: CollectionId,
    pub field: FieldName,
}

/// The screen.
#[component]
pub fn TwicePage(props: &TwicePageProps) -> Html {
    let here = use_here();
    let ask = use_ask(
        (props.id.clone(), props.field.clone()),
        |(collection, field)| Command::Duplicates { collection: collection.clone(), field: field.clone() },
        |answer| match answer {
            Answer::Duplicates(found) => Some(found),
            _ => None,
        },
        |(id, _), event| matches!(event, Event::Changed { collections } if collections.contains(id)),
    );
    let collection = here.collection(&props.id).map(|info| info.collection.clone()).unwrap_or_default();
    let field = collection.fields.get(&props.field);
    let label = field.map_or("", |field| &field.label);
    use_title(&format!("{label} twice · {} · {}", collection.label, here.workspace.name));
    let (workspace, id) = (here.name.to_string(), props.id.to_string());
    let to = |key: KeyText| Route::Record { workspace: workspace.clone(), collection: id.clone(), key };
    let list = |found: &Duplicates| {
        html! {
            <ul class="mooring-inbox" role="list">
                { for found.values.iter().map(|one| html! {
                    <li class="mooring-item mooring-deleted" data-test="twice-value">
                        <div class="mooring-item-main">
                            <strong dir="auto">{ field.map(|field| full(field, &one.value)) }</strong>
                            <ul class="mooring-twice" role="list">
                                { for one.records.iter().map(|record| html! {
                                    <li><Link to={to(KeyText(record.key.clone()))} test="twice-record"><span dir="auto">{ &record.title }</span></Link>{ key_label(&record.key).filter(|key| *key != record.title).map(|key| html! { <span class="mooring-muted">{ format!(" {key}") }</span> }) }</li>
                                }) }
                                if one.more > 0 {
                                    <li class="mooring-muted">{ format!("and {} more", count::number(one.more as u64)) }</li>
                                }
                            </ul>
                        </div>
                    </li>
                }) }
            </ul>
        }
    };
    html! {
        <section class="mooring-narrow" aria-labelledby="twice-title" data-test="twice">
            <p class="mooring-back"><Link to={Route::Settings { workspace: workspace.clone(), collection: id.clone() }} test="twice-back">{ "‹ Collection settings" }</Link></p>
            <div class="mooring-heading">
                <h1 class="pf-v6-c-title pf-m-2xl" id="twice-title" dir="auto">{ format!("{label}: values there twice") }</h1>
            </div>
            if let Some(failure) = &ask.failure {
                { failed(failure, &ask.reload) }
            }
            { match ask.data.as_deref() {
                None if ask.failure.is_none() => loading("Looking through the records"),
                None => Html::default(),
                Some(found) if found.values.is_empty() => html! {
                    <Empty title="No value is there twice" icon={Icon::Check} test="twice-none">
                        <div class="pf-v6-c-empty-state__body">{ "Records of this device, those that are not sent yet among them." }</div>
                    </Empty>
                },
                Some(found) => html! {
                    <>
                        <p class="mooring-muted">{ "Open a record and give it another value, or delete what is there twice. The list follows." }</p>
                        { list(found) }
                        if found.more {
                            <p class="mooring-muted">{ format!("There are more than these {}.", count::number(found.values.len() as u64)) }</p>
                        }
                    </>
                },
            } }
        </section>
    }
}
