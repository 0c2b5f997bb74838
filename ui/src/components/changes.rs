//! What changed, field by field: before and after.

use super::field_value::full;
use super::icon::{Icon, icon};
use crate::text::history::Difference;
use sync_protocol::schema::{Collection, Field};
use sync_protocol::{FieldName, FieldType, Value};
use yew::prelude::*;

/// What a screen reader calls the two values.
pub const THEN: (&str, &str) = ("before", "after");

/// The fields in the order in which people know them, each `before → after`.
pub fn changes(collection: &Collection, list: &[Difference], called: (&'static str, &'static str)) -> Html {
    let known = collection
        .ordered()
        .into_iter()
        .filter_map(|field| Some((field.clone(), list.iter().find(|(name, ..)| *name == field.name)?)));
    let unknown = list.iter().filter(|(name, ..)| !collection.fields.contains_key(name));
    let unknown = unknown.map(|each| (field_or(collection, each), each));
    let said = |what: &str| html! { <span class="pf-v6-screen-reader">{ format!("{what}: ") }</span> };
    html! {
        <dl class="mooring-changes">
            { for known.chain(unknown).map(|(field, (name, before, after))| html! {
                <div class="mooring-change" data-test="change" data-field={name.to_string()}>
                    <dt>{ field.label.clone() }</dt>
                    <dd>
                        if !before.is_absent() {
                            <del data-test="change-before">{ said(called.0) }{ full(&field, before) }</del>
                            <span class="mooring-arrow">{ icon(Icon::ChevronRight) }</span>
                        }
                        if after.is_absent() {
                            <span class="mooring-muted" data-test="change-after">{ said(called.1) }{ "no value" }</span>
                        } else {
                            <ins data-test="change-after">{ said(called.1) }{ full(&field, after) }</ins>
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
        position: i64::MAX,
        ..Field::new(
            name.clone(),
            name.to_string(),
            if sample.as_text().is_some() { FieldType::LongText } else { FieldType::Json },
        )
    })
}
