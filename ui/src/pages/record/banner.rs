//! What is going on with a record, above its form: the other side of what needs review, what was refused, the record
//! beside it.

use super::met::is_in_form;
use crate::components::author::byline;
use crate::components::button::{Button, Look};
use crate::components::changes::known_or;
use crate::components::field_value::full;
use crate::components::link::Link;
use crate::components::states::{Notice, Tint};
use crate::pages::frame::Here;
use crate::route::{KeyText, Route};
use crate::text::count;
use sync_client::api::{ConflictInfo, RecordInfo};
use sync_protocol::schema::Collection;
use sync_protocol::{ConflictKind, FieldName, RecordKey, Sides};
use yew::prelude::*;

/// Fields shown of one conflict; the rest is in the review.
const SHOWN: usize = 4;

/// Everything that there is to say.
pub fn banners(
    here: &Here,
    collection: &Collection,
    info: &RecordInfo,
    to_review: &Callback<MouseEvent>,
) -> Html {
    let go = |text: &'static str| html! { <Button look={Look::Link} class="pf-m-inline" {text} onclick={to_review.clone()} test="to-review" /> };
    html! {
        <>
            { for info.conflicts.iter().map(|conflict| html! {
                <Notice tint={Tint::Warning} title={title(conflict)} test="record-needs-review" actions={go("Review now")}>
                    { other_side(collection, conflict, info.fields.is_some(), here.may_edit()) }
                </Notice>
            }) }
            { for info.rejected.iter().map(|rejected| html! {
                <Notice tint={Tint::Danger} title="A change of yours was refused" test="record-rejected" actions={go("Look at it")}>
                    { &rejected.message }
                </Notice>
            }) }
            { beside(here, info) }
        </>
    }
}

fn title(info: &ConflictInfo) -> &'static str {
    match (info.item.pending.is_some(), info.conflict.kind) {
        (true, _) => "You have decided; it is sent when this device is online",
        (false, ConflictKind::EditEdit) => "This record needs review",
        (false, ConflictKind::EditDelete) => "Deleted here, edited elsewhere: needs review",
        (false, ConflictKind::DeleteEdit) => "Edited here, deleted elsewhere: needs review",
    }
}

/// The side that the record does not show, with who made it.
fn other_side(collection: &Collection, info: &ConflictInfo, lives: bool, may_edit: bool) -> Html {
    if info.item.pending.is_some() {
        return html! { { "Until then everybody else sees both versions." } };
    }
    let by = &info.item.incoming;
    if info.conflict.kind == ConflictKind::DeleteEdit {
        return html! {
            <>
                <p>{ "Somebody deleted it without having seen the last edit." }</p>
                <p data-test="other-side">{ byline(by) }</p>
            </>
        };
    }
    if may_edit && is_in_form(info, lives) {
        return html! { <p>{ "Both versions are in the form, at the fields where they differ. Choose there, or go on editing meanwhile." }</p> };
    }
    let mut fields: Vec<(&FieldName, &Sides)> =
        info.conflict.fields.iter().filter(|(_, sides)| sides.clash).collect();
    if fields.is_empty() {
        fields = info.conflict.fields.iter().collect();
    }
    let more = fields.len().saturating_sub(SHOWN) as u64;
    let each = fields.len() > 1 && info.incoming_by.values().any(|other| other != by);
    html! {
        <>
            <p>{ if lives { "This is the other version." } else { "This is the edit that came after it." } }</p>
            if !each {
                <p>{ byline(by) }</p>
            }
            <dl class="mooring-other" data-test="other-side">
                { for fields.into_iter().take(SHOWN).map(|(name, sides)| {
                    let field = known_or(collection, name, &sides.incoming);
                    html! {
                        <div data-field={name.to_string()}>
                            <dt>{ field.label.clone() }</dt>
                            <dd>
                                { full(&field, &sides.incoming) }
                                if let Some(by) = info.incoming_by.get(name).filter(|_| each) {
                                    <span class="mooring-block">{ byline(by) }</span>
                                }
                            </dd>
                        </div>
                    }
                }) }
            </dl>
            if more > 0 {
                <p class="mooring-muted">{ format!("and {}", count::of(more, "more field", "more fields")) }</p>
            }
        </>
    }
}

/// The record beside which it was made, or those that were made beside it.
fn beside(here: &Here, info: &RecordInfo) -> Html {
    let link = |key: &RecordKey, text: String| {
        let to = Route::Record {
            workspace: here.name.to_string(),
            collection: info.id.collection.to_string(),
            key: KeyText(key.clone()),
        };
        html! { <Link {to} test="twin">{ text }</Link> }
    };
    let name =
        |key: &RecordKey, other: &str| crate::text::field::key_label(key).unwrap_or_else(|| other.to_owned());
    html! {
        <>
            if let Some(key) = &info.twin_of {
                <p class="mooring-beside" data-test="twin-of">
                    { "Both of two versions were kept. The other one: " }{ link(key, name(key, "the first record")) }
                </p>
            }
            { for info.twins.iter().map(|key| html! {
                <p class="mooring-beside" data-test="twins">
                    { "Both of two versions were kept. The other one: " }{ link(key, name(key, "the second record")) }
                </p>
            }) }
        </>
    }
}
