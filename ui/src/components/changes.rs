//! What changed, field by field: before and after.

use super::field_value::full;
use super::icon::{Icon, icon};
use crate::text::history::Difference;
use sync_protocol::schema::{Collection, Field};
use sync_protocol::{FieldName, FieldType, Value};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct ChangesProps {
    pub collection: Collection,
    pub list: Vec<Difference>,
    /// What a screen reader calls the value before and the one after.
    #[prop_or(AttrValue::Static("before"))]
    pub before: AttrValue,
    #[prop_or(AttrValue::Static("after"))]
    pub after: AttrValue,
}

/// The fields in the order in which people know them, each `before → after`.
#[component]
pub fn Changes(props: &ChangesProps) -> Html {
    let mut list: Vec<(Field, &Difference)> =
        props.list.iter().map(|each| (field_or(&props.collection, each), each)).collect();
    list.sort_by(|(a, _), (b, _)| (a.position, &a.name).cmp(&(b.position, &b.name)));
    let said = |what: &AttrValue| html! { <span class="pf-v6-screen-reader">{ format!("{what}: ") }</span> };
    html! {
        <dl class="mooring-changes">
            { for list.into_iter().map(|(field, (name, before, after))| html! {
                <div class="mooring-change" data-test="change" data-field={name.to_string()}>
                    <dt>{ &field.label }</dt>
                    <dd>
                        if !before.is_absent() {
                            <del data-test="change-before">{ said(&props.before) }{ full(&field, before) }</del>
                            <span class="mooring-arrow">{ icon(Icon::ChevronRight) }</span>
                        }
                        if after.is_absent() {
                            <span class="mooring-muted" data-test="change-after">{ said(&props.after) }{ "no value" }</span>
                        } else {
                            <ins data-test="change-after">{ said(&props.after) }{ full(&field, after) }</ins>
                        }
                    </dd>
                </div>
            }) }
        </dl>
    }
}

fn field_or(collection: &Collection, (name, before, after): &Difference) -> Field {
    known_or(collection, name, if after.is_absent() { before } else { after })
}

/// A field to show a value by, also where its collection does not define it (any more).
pub fn known_or(collection: &Collection, name: &FieldName, sample: &Value) -> Field {
    collection.fields.get(name).cloned().unwrap_or_else(|| Field {
        name: name.clone(),
        label: name.to_string(),
        field_type: if sample.as_text().is_some() { FieldType::LongText } else { FieldType::Json },
        options: Vec::new(),
        policy: None,
        position: i64::MAX,
    })
}
