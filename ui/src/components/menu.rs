//! A button that opens a short list of things to do or places to go.

use super::icon::{Icon, icon};
use crate::platform::{self, dom};
use gloo::events::EventListener;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;
use yew::prelude::*;

/// One entry.
#[derive(Clone, PartialEq)]
pub struct Entry {
    pub text: AttrValue,
    /// A second line.
    pub description: Option<AttrValue>,
    /// Whether it is the one in use.
    pub current: bool,
    pub onclick: Callback<()>,
    pub test: Option<&'static str>,
}

impl Entry {
    /// An entry that only does something.
    pub fn new(text: impl Into<AttrValue>, onclick: Callback<()>) -> Self {
        Self { text: text.into(), description: None, current: false, onclick, test: None }
    }

    /// With a hook for tests.
    pub fn test(self, test: &'static str) -> Self {
        Self { test: Some(test), ..self }
    }

    /// As the one in use, or not.
    pub fn current(self, current: bool) -> Self {
        Self { current, ..self }
    }
}

#[derive(PartialEq, Properties)]
pub struct MenuProps {
    /// What the button shows.
    pub toggle: Html,
    /// What a screen reader says.
    pub label: AttrValue,
    /// Groups of entries, each with a heading (empty for none).
    pub groups: Vec<(AttrValue, Vec<Entry>)>,
    #[prop_or_default]
    pub test: Option<AttrValue>,
    /// Hangs from the button's right end.
    #[prop_or_default]
    pub end: bool,
    /// Whether the button is only an icon.
    #[prop_or_default]
    pub plain: bool,
}

/// The button with its list.
#[component]
pub fn Menu(props: &MenuProps) -> Html {
    let open = use_state_eq(|| false);
    let node = use_node_ref();
    use_close(*open, node.clone(), {
        let open = open.setter();
        Callback::from(move |()| open.set(false))
    });
    {
        let node = node.clone();
        use_effect_with(*open, move |open| {
            if *open {
                step(&node, 0);
            }
        });
    }
    let toggle = {
        let open = open.clone();
        Callback::from(move |_: MouseEvent| open.set(!*open))
    };
    let onkeydown = {
        let node = node.clone();
        Callback::from(move |event: KeyboardEvent| {
            let by = match event.key().as_str() {
                "ArrowDown" => 1,
                "ArrowUp" => -1,
                _ => return,
            };
            event.prevent_default();
            step(&node, by);
        })
    };
    let close = open.setter();
    let entry = |entry: &Entry| {
        let (close, act) = (close.clone(), entry.onclick.clone());
        let onclick = Callback::from(move |_: MouseEvent| {
            close.set(false);
            act.emit(());
        });
        html! {
            <li class="pf-v6-c-menu__list-item" role="none">
                <button type="button" class={classes!("pf-v6-c-menu__item", entry.current.then_some("pf-m-selected"))} role="menuitem" {onclick} data-test={entry.test}
                    aria-current={entry.current.then_some("true")}>
                    <span class="pf-v6-c-menu__item-main">
                        <span class="pf-v6-c-menu__item-text">{ &entry.text }</span>
                        if entry.current {
                            <span class="pf-v6-c-menu__item-select-icon">{ icon(Icon::Check) }</span>
                        }
                    </span>
                    if let Some(description) = &entry.description {
                        <span class="pf-v6-c-menu__item-description">{ description }</span>
                    }
                </button>
            </li>
        }
    };
    html! {
        <div class="mooring-menu" ref={node} {onkeydown}>
            <button type="button"
                class={classes!("pf-v6-c-menu-toggle", props.plain.then_some("pf-m-plain"), open.then_some("pf-m-expanded"))}
                aria-haspopup="menu" aria-expanded={open.to_string()} aria-label={props.label.clone()}
                data-test={props.test.clone()} onclick={toggle}>
                if props.plain {
                    <span class="pf-v6-c-menu-toggle__icon">{ props.toggle.clone() }</span>
                } else {
                    <span class="pf-v6-c-menu-toggle__text">{ props.toggle.clone() }</span>
                    <span class="pf-v6-c-menu-toggle__controls">
                        <span class="pf-v6-c-menu-toggle__toggle-icon">{ icon(Icon::ChevronDown) }</span>
                    </span>
                }
            </button>
            if *open {
                <div class={classes!("pf-v6-c-menu", "mooring-menu-list", props.end.then_some("mooring-end"))}>
                    <div class="pf-v6-c-menu__content" role="menu" aria-label={props.label.clone()}>
                        { for props.groups.iter().map(|(heading, entries)| html! {
                            <section class="pf-v6-c-menu__group" role="none">
                                if !heading.is_empty() {
                                    <h2 class="pf-v6-c-menu__group-title" role="none">{ heading }</h2>
                                }
                                <ul class="pf-v6-c-menu__list" role="group" aria-label={heading.clone()}>
                                    { for entries.iter().map(entry) }
                                </ul>
                            </section>
                        }) }
                    </div>
                </div>
            }
        </div>
    }
}

/// Closes on Escape (the focus goes back to the button) and on a click or focus elsewhere.
#[hook]
pub fn use_close(open: bool, node: NodeRef, close: Callback<()>) {
    use_effect_with((open, node, close), |(open, node, close)| {
        let mut listeners = Vec::new();
        if *open {
            let document = platform::document();
            for name in ["mousedown", "focusin"] {
                let (node, close) = (node.clone(), close.clone());
                listeners.push(EventListener::new(&document, name, move |event| {
                    if !dom::contains(&node, event) {
                        close.emit(());
                    }
                }));
            }
            let (node, close) = (node.clone(), close.clone());
            listeners.push(EventListener::new(&document, "keydown", move |event| {
                let escape = event.dyn_ref::<KeyboardEvent>().is_some_and(|event| event.key() == "Escape");
                if escape {
                    close.emit(());
                    let button = node
                        .cast::<web_sys::Element>()
                        .and_then(|e| e.query_selector("button").ok().flatten());
                    if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
                        let _ = button.focus();
                    }
                }
            }));
        }
        move || drop(listeners)
    });
}

/// Moves the focus among the entries; 0 goes to the first.
fn step(node: &NodeRef, by: i32) {
    let Some(root) = node.cast::<web_sys::Element>() else { return };
    let Ok(found) = root.query_selector_all("[role=menuitem]") else { return };
    let items: Vec<HtmlElement> =
        (0..found.length()).filter_map(|at| found.get(at)?.dyn_into::<HtmlElement>().ok()).collect();
    let active = platform::document().active_element();
    let at =
        items.iter().position(|item| active.as_ref().is_some_and(|active| active.is_same_node(Some(item))));
    let count = items.len() as i32;
    let next = match at {
        Some(at) if count > 0 && by != 0 => (at as i32 + by).rem_euclid(count),
        _ => 0,
    };
    if let Some(item) = items.get(next as usize) {
        let _ = item.focus();
    }
}
