//! Small reaches into the document: focus, sizes, the key that was pressed.

use gloo::events::EventListener;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, HtmlElement};
use yew::NodeRef;

/// Moves the focus to the first element that the selector finds, without scrolling people about when it is in view.
pub fn focus(selector: &str) {
    if let Ok(Some(element)) = super::document().query_selector(selector) {
        focus_element(&element);
    }
}

/// The same, once what is being drawn is there.
pub fn focus_soon(selector: &str) {
    let selector = selector.to_owned();
    gloo::timers::callback::Timeout::new(0, move || focus(&selector)).forget();
}

/// Whether there is such an element.
pub fn is_there(selector: &str) -> bool {
    super::document().query_selector(selector).is_ok_and(|found| found.is_some())
}

/// Whether keys go to no part of the page: what had the focus is gone.
pub fn nothing_has_focus() -> bool {
    super::document().active_element().is_none_or(|element| element.tag_name() == "BODY")
}

/// Moves the focus there.
pub fn focus_ref(node: &NodeRef) {
    if let Some(element) = node.cast::<Element>() {
        focus_element(&element);
    }
}

/// Moves the focus to what has just come, unless the person has opened a menu meanwhile: that would close.
pub fn focus_arrived(node: &NodeRef) {
    if !is_there("[role=menu]") {
        focus_ref(node);
    }
}

fn focus_element(element: &Element) {
    if let Some(element) = element.dyn_ref::<HtmlElement>() {
        // focus() only fails for elements without a document
        let _ = element.focus();
    }
}

/// Moves the focus to an input, behind what stands in it.
pub fn focus_end(selector: &str) {
    focus(selector);
    let Ok(Some(element)) = super::document().query_selector(selector) else { return };
    if let Some(input) = element.dyn_ref::<web_sys::HtmlInputElement>() {
        let end = input.value().encode_utf16().count() as u32;
        // inputs of other kinds than text have no such place
        let _ = input.set_selection_range(end, end);
    } else if let Some(area) = element.dyn_ref::<web_sys::HtmlTextAreaElement>() {
        let end = area.value().encode_utf16().count() as u32;
        let _ = area.set_selection_range(end, end);
    }
}

/// Clicks on the first element that the selector finds.
pub fn click(selector: &str) {
    let found = super::document().query_selector(selector).ok().flatten();
    if let Some(element) = found.and_then(|found| found.dyn_into::<HtmlElement>().ok()) {
        element.click();
    }
}

/// Whether people work with their fingers here.
pub fn is_touched() -> bool {
    matches("(pointer: coarse)")
}

/// Whether there is as little room as on a phone.
pub fn is_narrow() -> bool {
    matches("(max-width: 47.99rem)")
}

fn matches(query: &str) -> bool {
    super::window().match_media(query).ok().flatten().is_some_and(|list| list.matches())
}

/// Calls when the size of an element changes, and at once, until what is given back is dropped.
pub fn on_resize(node: &NodeRef, call: impl Fn() + 'static) -> Option<Watching> {
    let closure = Closure::<dyn Fn()>::new(call);
    let observer = web_sys::ResizeObserver::new(closure.as_ref().unchecked_ref()).ok()?;
    observer.observe(&node.cast::<Element>()?);
    Some(Watching { observer, _closure: closure })
}

/// Ends with its drop.
pub struct Watching {
    observer: web_sys::ResizeObserver,
    _closure: Closure<dyn Fn()>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

/// Follows a pointer that went down, until it goes up: calls with how far it has gone to the right, in pixels.
pub fn drag(event: &web_sys::PointerEvent, call: impl Fn(f64) + 'static) {
    let start = f64::from(event.client_x());
    let listeners = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let moves = EventListener::new(&super::window(), "pointermove", move |event| {
        if let Some(event) = event.dyn_ref::<web_sys::PointerEvent>() {
            call(f64::from(event.client_x()) - start);
        }
    });
    let end = |name: &'static str| {
        let listeners = listeners.clone();
        EventListener::once(&super::window(), name, move |_| {
            // not those that are being called
            let ended: Vec<EventListener> = std::mem::take(&mut *listeners.borrow_mut());
            gloo::timers::callback::Timeout::new(0, move || drop(ended)).forget();
        })
    };
    let (up, cancel) = (end("pointerup"), end("pointercancel"));
    *listeners.borrow_mut() = vec![moves, up, cancel];
}

/// Whether a node contains the target of a move of the focus.
pub fn holds(node: &NodeRef, target: Option<web_sys::EventTarget>) -> bool {
    let target = target.and_then(|target| target.dyn_into::<web_sys::Node>().ok());
    node.get().is_some_and(|node| node.contains(target.as_ref()))
}

/// Scrolls to where the element is in view, if it is not.
pub fn show_ref(node: &NodeRef) {
    if let Some(element) = node.cast::<Element>() {
        show_element(&element);
    }
}

/// Moves the focus to the first input that is wrong, once that is drawn.
pub fn focus_wrong() {
    focus_soon("form [aria-invalid=true]");
}

fn show_element(element: &Element) {
    let how = web_sys::ScrollIntoViewOptions::new();
    how.set_block(web_sys::ScrollLogicalPosition::Nearest);
    element.scroll_into_view_with_scroll_into_view_options(&how);
}

/// Whether an event is at a link.
pub fn on_link(event: &web_sys::Event) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    target.and_then(|target| target.closest("a").ok().flatten()).is_some()
}

/// Opens an address of this app in a tab of its own.
pub fn open_tab(href: &str) {
    // a browser that opens none has said so itself
    let _ = super::window().open_with_url_and_target_and_features(href, "_blank", "noopener");
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

/// Whether the event is in a text of several lines, where Enter begins another one.
pub fn in_text(event: &web_sys::Event) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some_and(|target| target.tag_name() == "TEXTAREA")
}

/// Scrolls to where the element is in view, once it is drawn as it is to be.
pub fn show_soon(selector: &str) {
    let selector = selector.to_owned();
    gloo::timers::callback::Timeout::new(0, move || {
        if let Ok(Some(element)) = super::document().query_selector(&selector) {
            show_element(&element);
        }
    })
    .forget();
}

/// Whether an event is at the node itself, and at nothing within it.
pub fn is_at(node: &NodeRef, event: &web_sys::Event) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Node>().ok());
    node.get().is_some_and(|node| node.is_same_node(target.as_ref()))
}
