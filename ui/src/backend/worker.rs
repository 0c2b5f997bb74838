//! The engine in a worker of this page.

use super::{Carrier, Inbox};
use crate::platform::update;
use gloo::events::EventListener;
use js_sys::JsString;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{MessageEvent, WorkerOptions, WorkerType};

/// What a worker says when its program was ended; and when a tab of a newer version takes over.
const STOPPED: &str = "stopped";
const OUTDATED: &str = "outdated";
/// A program that is ended again within this time (in milliseconds) is not started again.
const AGAIN_AFTER_MS: f64 = 60_000.0;

/// A running worker, replaced when its program was ended; there is one as long as the page lives.
pub struct Worker(Rc<Inner>);

struct Inner {
    script: String,
    inbox: Inbox,
    worker: RefCell<web_sys::Worker>,
    /// When its program was last started again.
    again: Cell<f64>,
}

impl Worker {
    /// Starts the script that the page's start has named.
    pub fn new(inbox: Inbox) -> Result<Self, String> {
        let script = js_sys::Reflect::get(&js_sys::global(), &JsValue::from_str("__MOORING_WORKER__"))
            .ok()
            .and_then(|url| url.as_string())
            .ok_or("This page was not started the usual way. Reload it.")?;
        let worker = RefCell::new(begin(&script)?);
        let inner = Rc::new(Inner { script, inbox, worker, again: Cell::new(f64::NEG_INFINITY) });
        listen(&inner);
        follow_page(&inner);
        Ok(Self(inner))
    }
}

fn begin(script: &str) -> Result<web_sys::Worker, String> {
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    web_sys::Worker::new_with_options(script, &options)
        .map_err(|_| "This browser does not let Mooring start its engine.".into())
}

fn listen(inner: &Rc<Inner>) {
    let heard = inner.clone();
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        match event.data().as_string().as_deref() {
            Some(STOPPED) => heard.stopped(),
            Some(OUTDATED) => {
                heard.inbox.broken("A newer version of Mooring is open in another tab. Reload this page.");
                update::announce();
            }
            Some(text) => heard.inbox.receive(text),
            None => {}
        }
    });
    let gone = inner.clone();
    let on_error = Closure::<dyn Fn(web_sys::Event)>::new(move |_| gone.stopped());
    let worker = inner.worker.borrow();
    worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
    on_message.forget();
    on_error.forget();
}

/// A page that browsers keep, to come back to, is asleep with its worker, and the worker's lock would keep every other page
/// from starting: WebKit does not let go of it. So the worker goes when the page does, and another one comes back with it.
fn follow_page(inner: &Rc<Inner>) {
    for name in ["pagehide", "pageshow"] {
        let inner = inner.clone();
        EventListener::new(&crate::platform::window(), name, move |event| {
            let kept = js_sys::Reflect::get(event, &JsValue::from_str("persisted"));
            if kept.is_ok_and(|kept| kept.is_truthy()) {
                if event.type_() == "pagehide" { inner.end() } else { inner.begin_again() }
            }
        })
        .forget();
    }
}

impl Inner {
    /// The program was ended: its worker goes, and another one takes its place. What waits is told.
    fn stopped(self: &Rc<Self>) {
        self.end();
        let now = js_sys::Date::now();
        let soon = now - self.again.replace(now) < AGAIN_AFTER_MS;
        if soon { self.broken() } else { self.begin_again() }
    }

    /// The worker goes, with its lock.
    fn end(&self) {
        let worker = self.worker.borrow();
        worker.set_onmessage(None);
        worker.set_onerror(None);
        worker.terminate();
    }

    /// Another worker takes the place of one that has gone.
    fn begin_again(self: &Rc<Self>) {
        match begin(&self.script) {
            Ok(worker) => {
                self.worker.replace(worker);
                listen(self);
                self.inbox
                    .replaced("Mooring’s engine had to be started again. What was saved is safe. Try again.");
            }
            Err(_) => self.broken(),
        }
    }

    fn broken(&self) {
        self.inbox.broken("Mooring’s engine stopped. What was saved is safe. Reload the page.");
    }
}

impl Carrier for Worker {
    fn send(&self, id: u64, text: &JsString) {
        if self.0.worker.borrow().post_message(text).is_err() {
            self.0.inbox.fail(id, "The engine could not be reached. Reload the page.");
        }
    }
}
