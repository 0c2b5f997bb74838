//! The engine in the desktop shell's native process.

use super::{Carrier, Inbox};
use js_sys::JsString;
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::spawn_local;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = ["window", "__TAURI__", "core"])]
    async fn invoke(command: &str, arguments: JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch, js_namespace = ["window", "__TAURI__", "event"])]
    async fn listen(event: &str, handler: &js_sys::Function) -> Result<JsValue, JsValue>;
}

/// The native process.
pub struct Shell {
    inbox: Inbox,
}

/// Whether this page runs in the desktop shell.
pub fn present() -> bool {
    js_sys::Reflect::has(&js_sys::global(), &JsValue::from_str("__TAURI__")).unwrap_or(false)
}

impl Shell {
    /// Listens for events from now on.
    pub fn new(inbox: Inbox) -> Self {
        pass_on_review();
        let heard = inbox.clone();
        let handler = Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
            let payload = js_sys::Reflect::get(&event, &JsValue::from_str("payload")).ok();
            if let Some(text) = payload.and_then(|payload| payload.as_string()) {
                heard.receive(&text);
            }
        });
        spawn_local(async move {
            if listen("mooring", handler.as_ref().unchecked_ref()).await.is_err() {
                gloo::console::error!("no events from the native process");
            }
            handler.forget();
        });
        Self { inbox }
    }
}

/// The person clicked on a notification: the page is told with an event of its own.
fn pass_on_review() {
    let handler = Closure::<dyn Fn(JsValue)>::new(|_: JsValue| {
        if let Ok(event) = web_sys::Event::new(super::REVIEW_WANTED) {
            // nothing cancels it
            let _ = crate::platform::window().dispatch_event(&event);
        }
    });
    spawn_local(async move {
        if listen("mooring-review", handler.as_ref().unchecked_ref()).await.is_err() {
            gloo::console::error!("no clicks from notifications");
        }
        handler.forget();
    });
}

impl Carrier for Shell {
    fn send(&self, id: u64, text: &JsString) {
        let arguments = js_sys::Object::new();
        // setting a property of a fresh plain object cannot fail
        let _ = js_sys::Reflect::set(&arguments, &JsValue::from_str("request"), text);
        let inbox = self.inbox.clone();
        spawn_local(async move {
            match invoke("call", arguments.into()).await.map(|answer| answer.as_string()) {
                Ok(Some(text)) => inbox.receive(&text),
                Ok(None) | Err(_) => inbox.fail(id, "Mooring's engine did not answer. Restart Mooring."),
            }
        });
    }
}
