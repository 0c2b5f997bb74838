//! Small reaches into the document: focus, sizes, the key that was pressed.

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};
use yew::NodeRef;

/// Moves the focus to the first element that the selector finds, without scrolling people about when it is in view.
pub fn focus(selector: &str) {
    if let Ok(Some(element)) = super::document().query_selector(selector) {
        focus_element(&element);
    }
}

/// Moves the focus there.
pub fn focus_ref(node: &NodeRef) {
    if let Some(element) = node.cast::<Element>() {
        focus_element(&element);
    }
}

fn focus_element(element: &Element) {
    if let Some(element) = element.dyn_ref::<HtmlElement>() {
        // focus() only fails for elements without a document
        let _ = element.focus();
    }
}

/// Sets a property through the object model: `style` attributes are not allowed here.
pub fn set_style(node: &NodeRef, property: &str, value: &str) {
    if let Some(element) = node.cast::<HtmlElement>() {
        let _ = element.style().set_property(property, value);
    }
}

/// Whether the person is typing: single-letter keys are text then.
pub fn typing(event: &web_sys::Event) -> bool {
    let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else {
        return false;
    };
    matches!(target.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
        && !matches!(target.get_attribute("type").as_deref(), Some("checkbox" | "radio"))
}

/// Whether a node contains the target of an event.
pub fn contains(node: &NodeRef, event: &web_sys::Event) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Node>().ok());
    node.get().is_some_and(|node| node.contains(target.as_ref()))
}

/// Whether the event is at something that has an own use for Enter and Space.
pub fn on_control(event: &web_sys::Event) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some_and(|target| matches!(target.tag_name().as_str(), "A" | "BUTTON" | "SUMMARY"))
}

/// Whether the event is at an input of one line.
pub fn is_line(event: &web_sys::Event) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some_and(|target| target.tag_name() == "INPUT")
}
