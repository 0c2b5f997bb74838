//! The status in one sentence, true in every state; a click tells all.

use super::icon::{Icon, icon};
use super::link::Link;
use super::menu::use_close;
use super::status_details::StatusDetailsProps;
use crate::hooks::use_status;
use crate::pages::later::{Wanted, later};
use crate::route::Route;
use crate::text::count;
use sync_client::api::{Pill, Status};
use sync_client::status::Tone;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct StatusPillProps {
    /// The open workspace's name in addresses.
    pub workspace: AttrValue,
    /// Whether what needs review waits for this person.
    pub may_decide: bool,
}

/// What needs review, as far as it waits for this person: what is put off or asked of somebody else does not.
pub fn review_for_me(status: &Status, may_decide: bool) -> u64 {
    if may_decide { status.review_for_me() } else { status.rejected }
}

/// How the sync is, with its details; and, apart from it, what waits for this person.
#[component]
pub fn StatusPill(props: &StatusPillProps) -> Html {
    let status = use_status();
    let open = use_state_eq(|| false);
    let node = use_node_ref();
    let close = {
        let open = open.setter();
        use_callback((), move |(), ()| open.set(false))
    };
    use_close(*open, node.clone(), close.clone());
    let Pill { tone, text } = status.pill();
    let review = review_for_me(&status, props.may_decide);
    let said =
        if review > 0 { format!("{text}. Needs review: {}", count::number(review)) } else { text.clone() };
    let (colour, name) = look(tone);
    let toggle = {
        let open = open.clone();
        Callback::from(move |_: MouseEvent| open.set(!*open))
    };
    html! {
        <div class="mooring-status" ref={node}>
            <button type="button" class={classes!("pf-v6-c-label", "pf-m-clickable", "mooring-pill", colour)}
                data-test="pill" data-tone={name} aria-expanded={open.to_string()} aria-haspopup="dialog" onclick={toggle}>
                <span class="pf-v6-c-label__content">
                    <span class={classes!("mooring-dot", (tone == Tone::Busy).then_some("mooring-pulse"))}></span>
                    <span class="pf-v6-c-label__text" data-test="pill-text">{ &text }</span>
                    if status.pending > 0 {
                        <span class="mooring-pill-short" aria-hidden="true">{ count::number(status.pending) }</span>
                    }
                </span>
            </button>
            if review > 0 {
                <Link to={Route::Review { workspace: props.workspace.to_string() }} class="mooring-waits" label={format!("{} for you to review", count::number(review))} test="pill-review-link">
                    { icon(Icon::Split) }<span data-test="pill-review">{ count::number(review) }</span>
                </Link>
            }
            <span class="pf-v6-screen-reader" role="status" aria-live="polite">{ said }</span>
            if *open {
                { later(Wanted::Status(StatusDetailsProps { close, workspace: props.workspace.clone() })) }
            }
        </div>
    }
}

fn look(tone: Tone) -> (&'static str, &'static str) {
    match tone {
        Tone::Good => ("pf-m-green", "good"),
        Tone::Busy => ("pf-m-blue", "busy"),
        Tone::Calm => ("pf-m-grey", "calm"),
        Tone::Attention => ("pf-m-orange", "attention"),
        Tone::Problem => ("pf-m-red", "problem"),
    }
}
