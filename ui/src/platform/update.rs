//! A newer release is ready: the page's start says so with an event and leaves a function that reloads into it.

use gloo::events::EventListener;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};

const HANDLE: &str = "__MOORING_UPDATE__";

/// Whether a newer release waits.
pub fn ready() -> bool {
    handle().is_some()
}

/// Calls when one is ready, until the listener is dropped.
pub fn on_ready(call: impl Fn() + 'static) -> EventListener {
    EventListener::new(&super::window(), "mooring-update", move |_| call())
}

/// Reloads into it.
pub fn reload() {
    if let Some(handle) = handle() {
        // a failure leaves this release running, and the offer standing
        let _ = handle.call0(&JsValue::NULL);
    }
}

/// Another tab runs a newer release than this page: it is offered to load again.
pub fn announce() {
    if handle().is_none() {
        let reload = Closure::<dyn Fn()>::new(|| {
            // where it cannot, the person still can
            let _ = super::window().location().reload();
        });
        // setting a property of the global object cannot fail
        let _ = js_sys::Reflect::set(&js_sys::global(), &JsValue::from_str(HANDLE), reload.as_ref());
        reload.forget();
    }
    if let Ok(event) = web_sys::Event::new("mooring-update") {
        let _ = super::window().dispatch_event(&event);
    }
}

fn handle() -> Option<js_sys::Function> {
    js_sys::Reflect::get(&js_sys::global(), &JsValue::from_str(HANDLE)).ok()?.dyn_into().ok()
}
