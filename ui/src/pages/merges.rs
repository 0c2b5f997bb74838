//! What rules decided lately without asking anybody: to look at, and to have otherwise.

use super::frame::{Here, use_here};
use crate::components::audit_export::AuditExport;
use crate::components::button::Button;
use crate::components::icon::Icon;
use crate::components::link::Link;
use crate::components::merge_box::{Merged, merge_box};
use crate::components::states::{Empty, failed, loading};
use crate::hooks::use_ask;
use crate::platform::clock;
use crate::route::{KeyText, Route};
use crate::text::{count, time};
use sync_client::api::{Answer, Command, Event, MergeInfo, Merges};
use sync_protocol::RecordId;
use sync_protocol::schema::Collection;
use yew::prelude::*;

/// Merges that are shown at first, and that each "Show more" adds.
const STEP: usize = 30;

/// The screen.
#[component]
pub fn MergesPage() -> Html {
    let here = use_here();
    let shown = use_state_eq(|| STEP);
    let ask = use_ask(
        *shown,
        |shown| Command::Merges { record: None, offset: 0, limit: *shown },
        pick_merges,
        |_, event| matches!(event, Event::Changed { .. }),
    );
    let more = {
        let shown = shown.clone();
        Callback::from(move |_: MouseEvent| shown.set(*shown + STEP))
    };
    let body = match &ask.data {
        None if ask.failure.is_some() => Html::default(),
        None => loading("Reading what was merged"),
        Some(found) if found.merges.is_empty() => html! {
            <Empty title="Nothing was merged automatically" icon={Icon::Merge} test="merges-empty">
                <div class="pf-v6-c-empty-state__body">
                    { "Where a collection or a field has a rule for edits that meet, such as “the last edit counts”, what the rule decided is listed here. You can look at both sides and use the other one." }
                </div>
            </Empty>
        },
        Some(found) => html! {
            <>
                <ul class="mooring-reviews" role="list">
                    { for found.merges.iter().map(|info| card(&here, info)) }
                </ul>
                if found.merges.len() < found.total {
                    <p class="mooring-more-row">
                        <Button text="Show more" busy={ask.busy} onclick={more} test="merges-more" />
                        <span class="mooring-muted">{ format!("{} of {}", count::number(found.merges.len() as u64), count::number(found.total as u64)) }</span>
                    </p>
                }
            </>
        },
    };
    html! {
        <section class="mooring-narrow mooring-wide" aria-labelledby="merges-title">
            <div class="mooring-heading">
                <h1 class="pf-v6-c-title pf-m-2xl" id="merges-title">{ "Merged automatically" }</h1>
                if let Some(found) = ask.data.as_ref().filter(|found| found.total > 0) {
                    <span class="mooring-muted" data-test="merges-count">{ count::of(found.total as u64, "merge on this device", "merges on this device") }</span>
                }
                <span class="mooring-space"></span>
                <AuditExport />
            </div>
            if let Some(failure) = &ask.failure {
                { failed(failure, &ask.reload) }
            }
            { body }
        </section>
    }
}

/// The merges in an answer.
pub fn pick_merges(answer: Answer) -> Option<Merges> {
    match answer {
        Answer::Merges(found) => Some(found),
        _ => None,
    }
}

fn card(here: &Here, info: &MergeInfo) -> Html {
    let MergeInfo { merge, incoming, current_by, record, .. } = info;
    let title = if merge.title.is_empty() { merge.record.key.to_string() } else { merge.title.clone() };
    html! {
        <li key={info.id.to_string()} class="pf-v6-c-card mooring-review" data-test="merge-item" data-key={merge.record.key.to_string()}>
            <div class="mooring-review-head">
                <div>
                    <h2 class="pf-v6-c-title pf-m-md">
                        if merge.record.collection.is_reserved() {
                            { title }
                        } else {
                            <Link to={to_history(here, &merge.record)} test="merge-record">{ title }</Link>
                        }
                    </h2>
                    <p class="mooring-muted" title={clock::exact(merge.incoming.at)}>
                        { format!("{} · {}", label(here, &merge.record), time::ago(clock::now(), merge.incoming.at)) }
                    </p>
                </div>
            </div>
            { merge_box(&Merged {
                collection: &collection(here, &merge.record),
                merge,
                incoming,
                current_by,
                record: record.as_ref(),
                may_edit: here.may_edit(),
            }) }
        </li>
    }
}

fn to_history(here: &Here, id: &RecordId) -> Route {
    Route::History {
        workspace: here.name.to_string(),
        collection: id.collection.to_string(),
        key: KeyText(id.key.clone()),
    }
}

fn collection(here: &Here, id: &RecordId) -> Collection {
    here.collection(&id.collection).map(|info| info.collection.clone()).unwrap_or_default()
}

fn label(here: &Here, id: &RecordId) -> String {
    match id.collection.as_str() {
        "_collections" => "Definition of a collection".to_owned(),
        "_fields" => "Definition of a field".to_owned(),
        name => here
            .collection(&id.collection)
            .map_or_else(|| name.to_owned(), |info| info.collection.label.clone()),
    }
}
