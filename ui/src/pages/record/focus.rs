//! Where the focus goes in a record's form.

use super::form::Next;
use crate::platform::dom;
use crate::unsaved::Draft;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlInputElement};
use yew::NodeRef;

/// The input of a field.
pub fn input_of(name: &str) -> String {
    format!("[data-test=record-form] [data-test=field-input][data-field='{name}']")
}

/// After a new record was saved: the next one begins at its first field, what was being written goes on in its own.
pub fn focus_soon(next: Next, left: &Draft) {
    match (next, left.fields.keys().next()) {
        (Next::Another, _) => focus_first(),
        (Next::Record, Some(name)) => dom::focus_soon(&input_of(name.as_str())),
        (Next::Record, None) => {}
    }
}

/// The first field of a new record; its key, where there is none.
pub fn focus_first() {
    let fields = "[data-test=record-form] [data-test=field-input]";
    dom::focus(if dom::is_there(fields) { fields } else { "[data-test=record-key]" });
}

/// Fields with half a date: the browser tells nothing of what is in them.
pub fn unfinished(form: &NodeRef) -> Vec<String> {
    let Some(found) = form.cast::<Element>().and_then(|form| form.query_selector_all("input").ok()) else {
        return Vec::new();
    };
    (0..found.length())
        .filter_map(|at| found.get(at)?.dyn_into::<HtmlInputElement>().ok())
        .filter(|input| input.validity().bad_input())
        .filter_map(|input| input.get_attribute("data-field"))
        .collect()
}
