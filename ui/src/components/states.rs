//! What is shown where there is nothing to show: loading, empty, failed. And messages in place.

use super::button::{Button, Look};
use super::icon::{Icon, icon};
use crate::platform::dom;
use sync_client::api::Failure;
use yew::prelude::*;

/// A turning circle; what is loading is said by its surroundings.
pub fn spinner(size: &'static str) -> Html {
    html! {
        <svg class={classes!("pf-v6-c-spinner", size)} viewBox="0 0 100 100" aria-hidden="true">
            <circle class="pf-v6-c-spinner__path" cx="50" cy="50" r="45" fill="none" />
        </svg>
    }
}

/// A whole page that loads.
pub fn loading(what: &'static str) -> Html {
    html! {
        <div class="mooring-loading" role="status">
            { spinner("pf-m-lg") }
            <span>{ what }</span>
        </div>
    }
}

#[derive(PartialEq, Properties)]
pub struct EmptyProps {
    pub title: AttrValue,
    pub icon: Icon,
    /// Whether it is all that the page holds: its title is the page's heading then.
    #[prop_or_default]
    pub page: bool,
    /// What to do now: text and buttons.
    #[prop_or_default]
    pub children: Html,
    #[prop_or_default]
    pub test: Option<AttrValue>,
}

/// Nothing here, and what to do about it.
#[component]
pub fn Empty(props: &EmptyProps) -> Html {
    html! {
        <div class="pf-v6-c-empty-state" data-test={props.test.clone()}>
            <div class="pf-v6-c-empty-state__content">
                <div class="pf-v6-c-empty-state__header">
                    <div class="pf-v6-c-empty-state__icon">{ icon(props.icon) }</div>
                    <div class="pf-v6-c-empty-state__title">
                        if props.page {
                            <h1 class="pf-v6-c-empty-state__title-text">{ &props.title }</h1>
                        } else {
                            <h2 class="pf-v6-c-empty-state__title-text">{ &props.title }</h2>
                        }
                    </div>
                </div>
                { props.children.clone() }
            </div>
        </div>
    }
}

/// How a message in place looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tint {
    Info,
    Success,
    Warning,
    Danger,
}

impl Tint {
    /// PatternFly's modifier.
    pub fn class(self) -> &'static str {
        match self {
            Self::Info => "pf-m-info",
            Self::Success => "pf-m-success",
            Self::Warning => "pf-m-warning",
            Self::Danger => "pf-m-danger",
        }
    }

    /// Its drawing.
    pub fn icon(self) -> Icon {
        match self {
            Self::Info => Icon::Info,
            Self::Success => Icon::Check,
            Self::Warning | Self::Danger => Icon::Warning,
        }
    }
}

#[derive(PartialEq, Properties)]
pub struct NoticeProps {
    pub tint: Tint,
    pub title: AttrValue,
    #[prop_or_default]
    pub children: Html,
    /// Buttons below.
    #[prop_or_default]
    pub actions: Html,
    #[prop_or_default]
    pub test: Option<AttrValue>,
}

/// A message in place.
#[component]
pub fn Notice(props: &NoticeProps) -> Html {
    let urgent = props.tint == Tint::Danger;
    let node = use_node_ref();
    {
        // what failed is seen, wherever one has scrolled
        let node = node.clone();
        use_effect_with((urgent, props.title.clone()), move |(urgent, _)| {
            if *urgent {
                dom::show_ref(&node);
            }
        });
    }
    html! {
        <div ref={node} class={classes!("pf-v6-c-alert", "pf-m-inline", props.tint.class())}
            role={if urgent { "alert" } else { "note" }} data-test={props.test.clone()}>
            <div class="pf-v6-c-alert__icon">{ icon(props.tint.icon()) }</div>
            <p class="pf-v6-c-alert__title">{ &props.title }</p>
            if props.children != Html::default() {
                <div class="pf-v6-c-alert__description">{ props.children.clone() }</div>
            }
            if props.actions != Html::default() {
                <div class="pf-v6-c-alert__action-group">{ props.actions.clone() }</div>
            }
        </div>
    }
}

/// A question that could not be answered, and how to ask again.
pub fn failed(failure: &Failure, again: &Callback<()>) -> Html {
    let again = again.reform(|_: MouseEvent| ());
    html! {
        <Notice tint={Tint::Danger} title={failure.message.clone()} test="load-failed"
            actions={html! { <Button look={Look::Link} text="Try again" onclick={again} /> }} />
    }
}
