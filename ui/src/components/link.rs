//! Links within the app. While a form has unsaved input, they ask before they leave it. Within a collection the address
//! goes on saying what its grid shows.

use crate::platform;
use crate::route::{Route, same_collection};
use crate::unsaved::Unsaved;
use yew::prelude::*;
use yew_router::prelude::*;
use yew_router::query::Raw;

/// What the address says behind its path, where it is one of the same collection; empty for none.
pub fn query_for(to: &Route) -> String {
    let query = platform::window().location().search().unwrap_or_default();
    let keeps = same_collection(&platform::path(), &to.to_path());
    query.strip_prefix('?').filter(|_| keeps).unwrap_or_default().to_owned()
}

/// The address of a screen, as a link has it.
pub fn href(to: &Route) -> String {
    match query_for(to) {
        query if query.is_empty() => to.to_path(),
        query => format!("{}?{query}", to.to_path()),
    }
}

/// Goes to a screen.
pub fn push(navigator: &Navigator, to: &Route) {
    show(navigator, to, &query_for(to), false);
}

/// Goes to a screen in place of this one.
pub fn replace(navigator: &Navigator, to: &Route) {
    show(navigator, to, &query_for(to), true);
}

/// Goes to a screen with what its address says behind its path.
pub fn show(navigator: &Navigator, to: &Route, query: &str, replaces: bool) {
    match (query.is_empty(), replaces) {
        (true, true) => navigator.replace(to),
        (true, false) => navigator.push(to),
        // it is text by then: nothing of it can fail to be written
        (false, true) => drop(navigator.replace_with_query(to, Raw(query))),
        (false, false) => drop(navigator.push_with_query(to, Raw(query))),
    }
}

/// Goes to a screen, asking first where something would be lost.
#[hook]
pub fn use_go() -> Callback<Route> {
    let navigator = use_navigator().expect("the app is inside a router");
    let unsaved = use_context::<Unsaved>().expect("the app provides it");
    use_callback((navigator, unsaved), |route: Route, (navigator, unsaved)| match unsaved.asks() {
        Some(ask) => ask.emit(route),
        None => push(navigator, &route),
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
