//! The engine in the desktop shell's native process.

use super::{Carrier, Inbox};
use js_sys::JsString;
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::spawn_local;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = ["window", "__TAURI_INTERNALS__"], js_name = invoke)]
    async fn call(command: &str, arguments: JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_namespace = ["window", "__TAURI_INTERNALS__"], js_name = transformCallback)]
    fn named(handler: &js_sys::Function) -> JsValue;
}

/// The native process.
pub struct Shell {
    inbox: Inbox,
}

/// Whether this page runs in the desktop shell.
pub fn present() -> bool {
    js_sys::Reflect::has(&js_sys::global(), &JsValue::from_str("__TAURI_INTERNALS__")).unwrap_or(false)
}

/// Has the shell do one of its commands.
pub async fn invoke(command: &str, arguments: &[(&str, &JsValue)]) -> Result<JsValue, JsValue> {
    call(command, object(arguments)).await
}

/// The same for a command that has nothing to answer; that it was not heard, the log says in these words.
pub fn tell(command: &'static str, argument: (&'static str, JsValue), unheard: &'static str) {
    spawn_local(async move {
        if invoke(command, &[(argument.0, &argument.1)]).await.is_err() {
            gloo::console::error!(unheard);
        }
    });
}

/// Hears one of the shell's events for as long as the page is there.
pub fn listen(event: &'static str, heard: impl Fn(JsValue) + 'static) {
    let handler = Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
        heard(js_sys::Reflect::get(&event, &JsValue::from_str("payload")).unwrap_or_default());
    });
    let name = named(handler.as_ref().unchecked_ref());
    handler.forget();
    spawn_local(async move {
        let target = object(&[("kind", &JsValue::from_str("Any"))]);
        let asked = [("event", &JsValue::from_str(event)), ("target", &target), ("handler", &name)];
        if invoke("plugin:event|listen", &asked).await.is_err() {
            gloo::console::error!("nothing is heard of", event);
        }
    });
}

fn object(entries: &[(&str, &JsValue)]) -> JsValue {
    let object = js_sys::Object::new();
    for (name, value) in entries {
        // setting a property of a fresh plain object cannot fail
        let _ = js_sys::Reflect::set(&object, &JsValue::from_str(name), value);
    }
    object.into()
}

impl Shell {
    /// Listens for events from now on.
    pub(super) fn new(inbox: Inbox) -> Self {
        let heard = inbox.clone();
        listen("mooring", move |payload| {
            if let Some(text) = payload.as_string() {
                heard.receive(&text);
            }
        });
        Self { inbox }
    }
}

impl Carrier for Shell {
    fn send(&self, id: u64, text: &JsString) {
        let request = JsValue::from(text.clone());
        let inbox = self.inbox.clone();
        spawn_local(async move {
            match invoke("call", &[("request", &request)]).await.map(|answer| answer.as_string()) {
                Ok(Some(text)) => inbox.receive(&text),
                Ok(None) | Err(_) => inbox.fail(id, "Mooring's engine did not answer. Restart Mooring."),
            }
        });
    }
}
