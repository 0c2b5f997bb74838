//! What became of a review meanwhile: decided here and waiting, settled by somebody, come back, moved.

use super::draft::Case;
use crate::components::button::{Button, Look};
use crate::components::link::Link;
use crate::components::signature::author_line;
use crate::components::states::{Notice, Tint};
use crate::pages::frame::Here;
use crate::route::{KeyText, Route};
use crate::text::review;
use sync_protocol::{Outcome, Rejection};
use yew::prelude::*;

/// The messages above the choices. `moved`: the record changed while somebody looked; `raced`: somebody settled it while
/// somebody else looked.
pub fn notices(here: &Here, case: &Case, moved: bool, raced: bool, take_back: &Callback<MouseEvent>) -> Html {
    let info = &case.info;
    let item = &info.item;
    let button = |text: &'static str, test: &'static str| {
        html! {
            if here.may_edit() {
                <Button look={Look::Link} class="pf-m-inline" {text} onclick={take_back.clone()} {test} />
            }
        }
    };
    if let Some(settled) = &item.settled {
        let late = matches!(info.returned, Some((_, Rejection::AlreadyResolved { .. })));
        let title = match (raced || late) && settled.decided && !settled.by.here {
            true => format!("{} decided before you", review::who(&settled.by)),
            false => review::told(item, settled),
        };
        let twin = match &settled.outcome {
            Outcome::KeepBoth { key } => Some(Route::Record {
                workspace: here.name.to_string(),
                collection: info.conflict.record.collection.to_string(),
                key: KeyText(key.clone()),
            }),
            Outcome::Keep { .. } | Outcome::Delete => None,
        };
        return html! {
            <div class="mooring-gap">
                <Notice tint={if late { Tint::Warning } else { Tint::Success }} title={title} test="review-settled"
                    actions={if settled.taking_back || !settled.decided { Html::default() } else { button("Take this decision back", "take-back") }}>
                    { author_line(&settled.by, review::done(settled)) }
                    if settled.decided && matches!(settled.outcome, Outcome::Keep { .. }) {
                        <p>{ case.tells(&settled.outcome) }</p>
                    }
                    if let (true, Some((mine, _))) = (late, &info.returned) {
                        <p data-test="review-late">{ format!("Your own decision was not applied. It was: {}", case.tells(mine)) }</p>
                    }
                    if settled.taking_back {
                        <p data-test="review-taking-back">{ "It is being taken back; that applies when you are online." }</p>
                    }
                    if let Some(to) = twin.filter(|_| !settled.taking_back) {
                        <Link {to}>{ "Open the second record" }</Link>
                    }
                </Notice>
            </div>
        };
    }
    if let Some(outcome) = &item.pending {
        return html! {
            <div class="mooring-gap">
                <Notice tint={Tint::Info} title="Decided on this device, will apply when online" test="review-pending"
                    actions={button("Change my mind", "decide-again")}>
                    <p>{ case.tells(outcome) }</p>
                </Notice>
            </div>
        };
    }
    html! {
        <>
            if let Some((_, rejection)) = &info.returned {
                <div class="mooring-gap">
                    <Notice tint={Tint::Warning} title="Your decision came back" test="review-returned">
                        <p>{ rejection.to_string() }</p>
                    </Notice>
                </div>
            } else if moved {
                <div class="mooring-gap">
                    <Notice tint={Tint::Info} title="This changed while you looked at it" test="review-moved">
                        <p>{ "What you see is new. Your choices are kept where they still fit." }</p>
                    </Notice>
                </div>
            }
        </>
    }
}
