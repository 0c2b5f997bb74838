//! A bar that fills.

use crate::platform::dom;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct ProgressProps {
    pub label: AttrValue,
    pub done: u64,
    pub total: u64,
}

/// The bar, with its percentage.
#[component]
pub fn Progress(props: &ProgressProps) -> Html {
    let percent = (props.done * 100).checked_div(props.total).unwrap_or(0).min(100);
    let node = use_node_ref();
    {
        let node = node.clone();
        use_effect_with(percent, move |percent| dom::set_style(&node, "width", &format!("{percent}%")));
    }
    html! {
        <div class="pf-v6-c-progress" data-test="progress">
            <div class="pf-v6-c-progress__description">{ &props.label }</div>
            <div class="pf-v6-c-progress__status" aria-hidden="true">
                <span class="pf-v6-c-progress__measure">{ format!("{percent} %") }</span>
            </div>
            <div class="pf-v6-c-progress__bar" role="progressbar" aria-label={props.label.clone()}
                aria-valuemin="0" aria-valuemax="100" aria-valuenow={percent.to_string()}>
                <div class="pf-v6-c-progress__indicator" ref={node}></div>
            </div>
        </div>
    }
}
