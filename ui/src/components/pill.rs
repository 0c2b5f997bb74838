//! The status in one sentence, true in every state; a click tells all.

use super::menu::use_close;
use super::status_details::StatusDetails;
use crate::hooks::use_status;
use crate::text::count;
use sync_client::api::Pill;
use sync_client::status::Tone;
use yew::prelude::*;

/// The pill with its details.
#[component]
pub fn StatusPill() -> Html {
    let status = use_status();
    let open = use_state_eq(|| false);
    let node = use_node_ref();
    let close = {
        let open = open.setter();
        use_callback((), move |(), ()| open.set(false))
    };
    use_close(*open, node.clone(), close.clone());
    let Pill { tone, text } = status.pill();
    let review = status.review();
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
                    if review > 0 {
                        <span class="pf-v6-c-badge mooring-badge-review" title="Needs review" data-test="pill-review">{ count::number(review) }</span>
                    }
                </span>
            </button>
            <span class="pf-v6-screen-reader" role="status" aria-live="polite">{ said }</span>
            if *open {
                <StatusDetails {close} />
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
