//! Links within the app. While a form has unsaved input, they ask before they leave it.

use crate::route::Route;
use crate::unsaved::Unsaved;
use yew::prelude::*;
use yew_router::prelude::*;

/// Goes to a screen, asking first where something would be lost.
#[hook]
pub fn use_go() -> Callback<Route> {
    let navigator = use_navigator().expect("the app is inside a router");
    let unsaved = use_context::<Unsaved>().expect("the app provides it");
    use_callback((navigator, unsaved), |route: Route, (navigator, unsaved)| match unsaved.asks() {
        Some(ask) => ask.emit(route),
        None => navigator.push(&route),
    })
}

#[derive(PartialEq, Properties)]
pub struct LinkProps {
    pub to: Route,
    #[prop_or_default]
    pub class: Classes,
    #[prop_or_default]
    pub children: Html,
    /// Whether it is the screen in view.
    #[prop_or_default]
    pub current: bool,
    /// What a screen reader says, where the content does not say it.
    #[prop_or_default]
    pub label: Option<AttrValue>,
    #[prop_or_default]
    pub test: Option<AttrValue>,
    /// A second hook for tests: which one of many.
    #[prop_or_default]
    pub name: Option<AttrValue>,
}

/// A link to a screen.
#[component]
pub fn Link(props: &LinkProps) -> Html {
    let go = use_go();
    let to = props.to.clone();
    let onclick = Callback::from(move |event: MouseEvent| {
        // a new tab or window is the browser's to open
        if event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key() {
            return;
        }
        event.prevent_default();
        go.emit(to.clone());
    });
    html! {
        <a href={props.to.to_path()} class={props.class.clone()} {onclick} data-test={props.test.clone()}
            data-name={props.name.clone()} aria-label={props.label.clone()} aria-current={props.current.then_some("page")}>
            { props.children.clone() }
        </a>
    }
}
