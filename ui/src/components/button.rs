//! Buttons.

use super::icon::{Icon, icon};
use super::states::spinner;
use yew::prelude::*;

/// How much a button asks for attention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// The one thing to do here.
    Primary,
    /// Another thing to do.
    #[default]
    Secondary,
    /// A thing to do in passing.
    Link,
    /// Only an icon.
    Plain,
    /// Throws something away.
    Danger,
}

#[derive(PartialEq, Properties)]
pub struct ButtonProps {
    /// What it says; for [`Look::Plain`] what a screen reader says.
    pub text: AttrValue,
    #[prop_or_default]
    pub look: Look,
    #[prop_or_default]
    pub icon: Option<Icon>,
    /// Does nothing, and says so.
    #[prop_or_default]
    pub disabled: bool,
    /// Works on it: takes no second click.
    #[prop_or_default]
    pub busy: bool,
    /// Sends the form that it is in.
    #[prop_or_default]
    pub submit: bool,
    #[prop_or_default]
    pub onclick: Callback<MouseEvent>,
    /// A hook for tests.
    #[prop_or_default]
    pub test: Option<AttrValue>,
    /// A longer explanation on hover.
    #[prop_or_default]
    pub title: Option<AttrValue>,
    /// Has the focus when its dialog opens.
    #[prop_or_default]
    pub autofocus: bool,
    #[prop_or_default]
    pub class: Classes,
}

/// A button.
#[component]
pub fn Button(props: &ButtonProps) -> Html {
    let look = match props.look {
        Look::Primary => "pf-m-primary",
        Look::Secondary => "pf-m-secondary",
        Look::Link => "pf-m-link",
        Look::Plain => "pf-m-plain",
        Look::Danger => "pf-m-danger",
    };
    let plain = props.look == Look::Plain;
    let busy = props.busy.then_some("pf-m-progress pf-m-in-progress");
    let label = plain.then(|| props.text.clone());
    html! {
        <button
            type={if props.submit { "submit" } else { "button" }}
            class={classes!("pf-v6-c-button", look, busy, props.class.clone())}
            disabled={props.disabled || props.busy}
            autofocus={props.autofocus}
            aria-busy={props.busy.then_some("true")}
            aria-label={label.clone()}
            title={props.title.clone().or(label)}
            data-test={props.test.clone()}
            onclick={props.onclick.clone()}
        >
            if props.busy {
                <span class="pf-v6-c-button__progress">{ spinner("pf-m-md") }</span>
            }
            if let Some(drawn) = props.icon {
                <span class={classes!("pf-v6-c-button__icon", (!plain).then_some("pf-m-start"))}>{ icon(drawn) }</span>
            }
            if !plain {
                <span class="pf-v6-c-button__text">{ &props.text }</span>
            }
        </button>
    }
}
