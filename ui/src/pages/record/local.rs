//! What this device knows of a record's history without a network: who set each field last, and what was decided lately.

use super::timeline::reviewed;
use crate::components::author::byline;
use crate::components::changes::known_or;
use crate::components::field_value::full;
use crate::components::merge_box::{Merged, merge_box};
use crate::hooks::use_ask;
use std::rc::Rc;
use sync_client::api::{
    Answer, Command, Event, MergeInfo, RecordInfo, Review, ReviewFilter, ReviewItem, ReviewQuery, ReviewTab,
};
use sync_protocol::ChangeId;
use sync_protocol::record::value_of;
use sync_protocol::schema::Collection;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct LocalProps {
    pub collection: Collection,
    pub info: Rc<RecordInfo>,
    pub merges: Vec<MergeInfo>,
    pub may_edit: bool,
}

/// The list.
#[component]
pub fn Local(props: &LocalProps) -> Html {
    let info = &props.info;
    let settled = use_ask(
        info.id.clone(),
        |id| {
            let filter =
                ReviewFilter { tab: ReviewTab::Settled, record: Some(id.clone()), ..ReviewFilter::default() };
            Command::Review(ReviewQuery { filter, limit: 50, ..ReviewQuery::default() })
        },
        pick_review,
        |_, event| matches!(event, Event::ReviewChanged),
    );
    let settled: Vec<ReviewItem> = settled.data.map(|list| list.items.clone()).unwrap_or_default();
    let fields = info.fields.clone().unwrap_or_default();
    let authors: Vec<_> = props
        .collection
        .ordered()
        .into_iter()
        .filter_map(|field| info.authors.get_key_value(&field.name))
        // what is unsent stands above, with its author
        .filter(|(name, _)| !info.unsent.iter().any(|change| change.fields.contains_key(*name)))
        .map(|(name, by)| (known_or(&props.collection, name, value_of(&fields, name)), by))
        .collect();
    html! {
        <ol class="mooring-versions" role="list" data-test="history-local">
            if !authors.is_empty() {
                <li class="mooring-version">
                    <div class="mooring-version-head"><strong>{ "The last change of each field" }</strong></div>
                    <dl class="mooring-changes">
                        { for authors.into_iter().map(|(field, by)| html! {
                            <div class="mooring-change" data-field={field.name.to_string()}>
                                <dt>{ &field.label }</dt>
                                <dd>{ full(&field, value_of(&fields, &field.name)) }<span class="mooring-block">{ byline(by) }</span></dd>
                            </div>
                        }) }
                    </dl>
                </li>
            }
            { for props.merges.iter().map(|merge| html! {
                <li class="mooring-version" key={merge.id.to_string()}>
                    <div class="mooring-version-head"><strong>{ "Merged automatically" }</strong>{ byline(&merge.incoming) }</div>
                    { merge_box(&Merged { collection: &props.collection, merge: &merge.merge, incoming: &merge.incoming, current_by: &merge.current_by, record: info.fields.as_ref(), may_edit: props.may_edit }) }
                </li>
            }) }
            { for settled.into_iter().map(|item| html! {
                <Settled key={item.id.to_string()} id={item.id} collection={props.collection.clone()} />
            }) }
        </ol>
    }
}

fn pick_review(answer: Answer) -> Option<Review> {
    match answer {
        Answer::Review(list) => Some(list),
        _ => None,
    }
}

#[derive(PartialEq, Properties)]
struct SettledProps {
    id: ChangeId,
    collection: Collection,
}

/// One settled review, read when it is shown.
#[component]
fn Settled(props: &SettledProps) -> Html {
    let ask = use_ask(
        props.id,
        |id| Command::Conflict { id: *id },
        |answer| if let Answer::Conflict(info) = answer { Some(info) } else { None },
        |_, event| matches!(event, Event::ReviewChanged),
    );
    match &ask.data {
        None => Html::default(),
        Some(info) => html! { <li class="mooring-version">{ reviewed(&props.collection, info) }</li> },
    }
}
