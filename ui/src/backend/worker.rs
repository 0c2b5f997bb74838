//! The engine in a worker of this page.

use super::{Carrier, Inbox};
use js_sys::JsString;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{MessageEvent, WorkerOptions, WorkerType};

/// A running worker; it lives as long as the page.
pub struct Worker {
    worker: web_sys::Worker,
    inbox: Inbox,
}

impl Worker {
    /// Starts the script that the page's start has named.
    pub fn new(inbox: Inbox) -> Result<Self, String> {
        let script = js_sys::Reflect::get(&js_sys::global(), &JsValue::from_str("__MOORING_WORKER__"))
            .ok()
            .and_then(|url| url.as_string())
            .ok_or("This page was not started the usual way. Reload it.")?;
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = web_sys::Worker::new_with_options(&script, &options)
            .map_err(|_| "This browser does not let Mooring start its engine.")?;

        let heard = inbox.clone();
        let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(text) = event.data().as_string() {
                heard.receive(&text);
            }
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        on_message.forget();

        let gone = inbox.clone();
        let on_error = Closure::<dyn Fn(web_sys::Event)>::new(move |_| {
            gone.broken("Mooring's engine stopped. What was saved is safe. Reload the page.");
        });
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        on_error.forget();

        Ok(Self { worker, inbox })
    }
}

impl Carrier for Worker {
    fn send(&self, id: u64, text: &JsString) {
        if self.worker.post_message(text).is_err() {
            self.inbox.fail(id, "The engine could not be reached. Reload the page.");
        }
    }
}
