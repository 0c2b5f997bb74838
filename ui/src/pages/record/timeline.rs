//! One step of a history: a version, a review, a merge, an unsent edit.

use crate::components::author::byline;
use crate::components::button::{Button, Look as ButtonLook};
use crate::components::changes::{THEN, changes, known_or};
use crate::components::field_value::full;
use crate::components::merge_box::{Merged, merge_box};
use crate::platform::clock;
use crate::text::history::{Difference, Loaded, Step, differences};
use crate::text::time;
use sync_client::api::{Author, ConflictInfo, RecordInfo, UnsentInfo, UnsentWhat, VersionInfo};
use sync_protocol::record::value_of;
use sync_protocol::schema::Collection;
use sync_protocol::{Choice, ConflictKind, Fields, Outcome, Value};
use yew::prelude::*;

/// What all steps of a history need.
pub struct Look<'a> {
    pub collection: &'a Collection,
    pub info: &'a RecordInfo,
    pub may_edit: bool,
    /// Where versions can be restored.
    pub onrestore: Option<&'a Callback<VersionInfo>>,
}

/// One step.
pub fn step(look: &Look<'_>, loaded: &Loaded, step: Step<'_>) -> Html {
    match step {
        Step::Version(version, review) => one(look, loaded, version, review),
        Step::Review(review) => html! {
            <li key={format!("review {}", review.conflict.id)} class="mooring-version" data-test="history-review">
                { reviewed(look.collection, review) }
            </li>
        },
        Step::Merge(info) => html! {
            <li key={format!("merge {}", info.id)} class="mooring-version" data-test="history-merge">
                <div class="mooring-version-head">
                    { label("Merged automatically", "pf-m-blue") }
                    { byline(&info.incoming) }
                </div>
                { merge_box(&Merged { collection: look.collection, merge: &info.merge, incoming: &info.incoming, current_by: &info.current_by, record: look.info.fields.as_ref(), may_edit: look.may_edit }) }
            </li>
        },
    }
}

fn one(look: &Look<'_>, loaded: &Loaded, version: &VersionInfo, review: Option<&ConflictInfo>) -> Html {
    let at = loaded.versions.iter().position(|other| other.rev == version.rev).unwrap_or_default();
    let before = loaded.versions.get(at + 1);
    let first = before.is_none() && loaded.next.is_none() && !loaded.expired;
    let newest = at == 0;
    let what = match (version.deleted, first, before.is_some_and(|before| before.deleted)) {
        (true, ..) => "Deleted",
        (false, true, _) if look.info.twin_of.is_some() => "Made beside the other version",
        (false, true, _) => "Added",
        (false, false, true) => "Added again",
        (false, false, false) => "Changed",
    };
    let list = difference(version, before);
    let restores = !version.deleted && look.info.fields.as_ref() != Some(&version.fields);
    html! {
        <li key={version.rev.to_string()} class={classes!("mooring-version", newest.then_some("mooring-newest"))} data-test="version">
            <div class="mooring-version-head">
                <strong data-test="version-what">{ what }</strong>
                if newest {
                    { label("Newest", "pf-m-green") }
                }
                if version.merge.is_some() {
                    { label("Merged automatically", "pf-m-blue") }
                }
                { byline(&version.by) }
            </div>
            { match &list {
                Some(list) if !list.is_empty() => html! { { changes(look.collection, list, THEN) } },
                Some(_) if version.deleted || review.is_some() => Html::default(),
                Some(_) => html! { <p class="mooring-muted">{ if first { "Without values" } else { "No field differs from the version before" } }</p> },
                None => html! {
                    <>
                        <p class="mooring-muted">{ if loaded.expired { "The version before is no longer kept. The values were:" } else { "What changed is known when the version before is loaded. The values were:" } }</p>
                        { changes(look.collection, &differences(&Fields::new(), &version.fields), THEN) }
                    </>
                },
            } }
            if let Some(merge) = &version.merge {
                { merge_box(&Merged { collection: look.collection, merge, incoming: &version.by, current_by: &version.current_by, record: look.info.fields.as_ref(), may_edit: look.may_edit }) }
            }
            if let Some(review) = review {
                { reviewed(look.collection, review) }
            }
            if let Some(onrestore) = look.onrestore.filter(|_| restores) {
                <div class="mooring-actions">
                    <Button look={ButtonLook::Link} class="pf-m-inline" text="Restore this version" test="restore"
                        onclick={let version = version.clone(); onrestore.reform(move |_: MouseEvent| version.clone())} />
                </div>
            }
        </li>
    }
}

/// `None` where the version before is not known.
fn difference(version: &VersionInfo, before: Option<&VersionInfo>) -> Option<Vec<Difference>> {
    if version.deleted {
        return Some(Vec::new());
    }
    if let Some(before) = before {
        return Some(differences(&before.fields, &version.fields));
    }
    let changed = version.changed.as_ref()?;
    let pairs = changed
        .iter()
        .map(|(name, before)| (name.clone(), before.clone(), value_of(&version.fields, name).clone()));
    Some(pairs.filter(|(_, before, after)| before != after).collect())
}

fn label(text: &'static str, colour: &'static str) -> Html {
    html! {
        <span class={classes!("pf-v6-c-label", "pf-m-compact", colour)}>
            <span class="pf-v6-c-label__content"><span class="pf-v6-c-label__text">{ text }</span></span>
        </span>
    }
}

/// A review with both sides, and what was decided.
pub fn reviewed(collection: &Collection, info: &ConflictInfo) -> Html {
    let conflict = &info.conflict;
    let settled = info.item.settled.as_ref();
    let mut names: Vec<_> = conflict.fields.iter().filter(|(_, sides)| sides.clash).collect();
    if names.is_empty() {
        names = conflict.fields.iter().collect();
    }
    let side = |title: &'static str, by: Option<&Author>, value: Html, gave_way: bool, test: &'static str| {
        html! {
            <div class={classes!("mooring-met-side", gave_way.then_some("mooring-gave-way"))}>
                <dt>{ title }{ if gave_way { " (gave way)" } else { "" } }</dt>
                <dd class="mooring-met-value" data-test={test}>{ value }</dd>
                if let Some(by) = by {
                    <dd>{ byline(by) }</dd>
                }
            </div>
        }
    };
    let gone = || html! { <span class="mooring-muted">{ "deleted" }</span> };
    html! {
        <div class="mooring-merge" data-test="reviewed">
            <div class="mooring-met-head">
                if let Some(settled) = settled {
                    { label("Reviewed", "pf-m-green") }
                    <span data-test="review-outcome">{ outcome(&settled.outcome) }</span>
                    { byline(&settled.by) }
                } else {
                    { label("Needs review", "pf-m-orange") }
                    <span>{ "Both versions are kept until somebody decides." }</span>
                }
            </div>
            { for names.into_iter().map(|(name, sides)| {
                let field = known_or(collection, name, &sides.incoming);
                let decided = settled.map(|settled| ended(&settled.outcome, name, &sides.current, &sides.incoming));
                let (current_gave_way, incoming_gave_way, result) = decided.unwrap_or((false, false, None));
                let current = if conflict.kind == ConflictKind::EditDelete { gone() } else { full(&field, &sides.current) };
                let incoming = if conflict.kind == ConflictKind::DeleteEdit { gone() } else { full(&field, &sides.incoming) };
                html! {
                    <div class="mooring-met" data-field={name.to_string()}>
                        <div class="mooring-met-head"><strong>{ field.label.clone() }</strong></div>
                        <dl class="mooring-met-sides">
                            { side("Before both", None, full(&field, &sides.base), false, "side-base") }
                            { side("In the record", info.current_by.get(name), current, current_gave_way, "side-current") }
                            { side("The other change", info.incoming_by.get(name), incoming, incoming_gave_way, "side-incoming") }
                            if let Some(result) = result {
                                { side("Decided", None, full(&field, &result), false, "side-result") }
                            }
                        </dl>
                    </div>
                }
            }) }
        </div>
    }
}

fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Keep { .. } => "A person decided",
        Outcome::Delete => "The record ended deleted",
        Outcome::KeepBoth { .. } => "Both were kept, as two records",
    }
}

/// For one field: whether the current side gave way, whether the incoming one did, and what was written instead.
fn ended(
    outcome: &Outcome,
    name: &sync_protocol::FieldName,
    current: &Value,
    incoming: &Value,
) -> (bool, bool, Option<Value>) {
    match outcome {
        Outcome::KeepBoth { .. } => (false, false, None),
        Outcome::Delete => (true, !incoming.is_absent(), None),
        Outcome::Keep { choices } => match choices.get(name) {
            Some(Choice::Incoming) => (true, false, None),
            Some(Choice::Own(value)) => (value != current, value != incoming, Some(value.clone())),
            Some(Choice::Current) | None => (false, true, None),
        },
    }
}

/// What is saved on this device and not sent, newest first; `local`: and is not to be sent.
pub fn unsent(collection: &Collection, list: &[UnsentInfo], local: bool) -> Html {
    if list.is_empty() {
        return Html::default();
    }
    let (title, says) = match local {
        true => ("On this device", "On this device"),
        false => ("Not sent yet", "On this device, not sent yet"),
    };
    html! {
        <ol class="mooring-versions mooring-unsent" role="list" aria-label={title}>
            { for list.iter().rev().map(|change| {
                let what = match change.what {
                    UnsentWhat::Add => "Added",
                    UnsentWhat::Edit => "Changed",
                    UnsentWhat::Delete => "Deleted",
                    UnsentWhat::Decide => "Decided",
                    UnsentWhat::TakeBack => "Decision taken back",
                };
                let list: Vec<Difference> =
                    change.fields.iter().map(|(name, seen)| (name.clone(), seen.saw.clone(), seen.want.clone())).collect();
                html! {
                    <li class="mooring-version" data-test="unsent-change">
                        <div class="mooring-version-head">
                            <strong>{ what }</strong>
                            { label(says, if local { "pf-m-grey" } else { "pf-m-orange" }) }
                            <span class="mooring-muted" title={clock::exact(change.at)}>{ time::ago(clock::now(), change.at) }</span>
                        </div>
                        if !list.is_empty() {
                            { changes(collection, &list, THEN) }
                        }
                    </li>
                }
            }) }
        </ol>
    }
}
