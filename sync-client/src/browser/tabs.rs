//! One engine for all tabs: a leader by Web Lock, followers that pass commands on.
//!
//! A leader may go between doing a command and saying so. What a follower asked for is therefore asked under a name
//! of its own and noted together with what it did, so that the next leader does not do it twice.
//!
//! Tabs may run different versions. They say theirs; a leader of an older one than another tab's makes way and its page
//! asks to be loaded again, and what a leader cannot read it answers with words instead of silence. The lock's name never
//! changes: whatever their versions, one engine works on the stores at a time.
//!
//! A tab holds a lock of its own as long as it lives: when the leader gets it, the tab is gone, and the views that it watched are
//! ended.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use futures::StreamExt;
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{BroadcastChannel, DedicatedWorkerGlobalScope, MessageEvent};

use super::BrowserDevice;
use super::platform;
use crate::api::{Answer, Command, Event, Failure, FailureKind, Request, Response, ViewId};
use crate::engine::{Engine, Handle};
use crate::limits;

/// The lock's and the channel's name.
const NAME: &str = "mooring";

/// The version of what tabs say to each other: grows with every change that an older one would misunderstand.
const VERSION: u32 = 2;
/// Tells the page that another tab runs a newer version.
const OUTDATED: &str = "outdated";

/// What workers of different tabs say to each other.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Message {
    /// A follower's page asks.
    Ask { from: String, request: Box<Request> },
    /// The leader answers that follower.
    Tell { to: String, response: Response },
    /// The leader tells everyone.
    Event { event: Event },
    /// There is a new leader: ask again what was not answered.
    Leading,
    /// A tab's version.
    Version { version: u32 },
}

enum Role {
    /// Nothing is known yet.
    Waiting,
    Leader(Handle),
    Follower,
    /// This browser cannot keep tabs apart.
    Unable,
}

struct Worker {
    scope: DedicatedWorkerGlobalScope,
    channel: BroadcastChannel,
    id: String,
    role: RefCell<Role>,
    /// Another tab was heard. Every one says its version, or asks, as soon as it can hear a leader: until then there is none.
    others: Cell<bool>,
    /// This page's requests without an answer.
    open: RefCell<BTreeMap<u64, Open>>,
    /// The views that followers watch, by their tabs, newest last.
    watched: RefCell<BTreeMap<String, Vec<ViewId>>>,
}

/// A request without an answer.
struct Open {
    request: Request,
    /// Another tab may have done it.
    passed_on: bool,
}

/// Runs the engine in the worker that calls this: texts of [`Request`] in by `postMessage`, texts of [`Response`] out.
pub fn run_worker() -> Result<(), JsValue> {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().dyn_into().map_err(JsValue::from)?;
    let worker = Rc::new(Worker {
        channel: BroadcastChannel::new(NAME)?,
        id: uuid::Builder::from_random_bytes(platform::random()).into_uuid().to_string(),
        role: RefCell::new(Role::Waiting),
        others: Cell::new(false),
        open: RefCell::default(),
        watched: RefCell::default(),
        scope,
    });
    let of_page = worker.clone();
    let listen =
        Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| of_page.page_asks(&event));
    worker.scope.set_onmessage(Some(listen.as_ref().unchecked_ref()));
    listen.forget(); // lives as long as the worker
    let of_tabs = worker.clone();
    let listen = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| of_tabs.tab_says(&event));
    worker.channel.set_onmessage(Some(listen.as_ref().unchecked_ref()));
    listen.forget();
    worker.stand_for_leader();
    Ok(())
}

impl Worker {
    fn stand_for_leader(self: Rc<Self>) {
        let Some(locks) = platform::locks() else {
            *self.role.borrow_mut() = Role::Unable;
            return self.ask_again();
        };
        let alive = Closure::once_into_js(|_: JsValue| never());
        ignore(locks.request(&alive_name(&self.id), &js_sys::Object::new(), alive.unchecked_ref()));
        let at_once = js_sys::Object::new();
        drop(js_sys::Reflect::set(&at_once, &"ifAvailable".into(), &JsValue::TRUE));
        let worker = self.clone();
        let queue = locks.clone();
        let decided = Closure::once_into_js(move |lock: JsValue| {
            if !lock.is_null() {
                return worker.lead();
            }
            *worker.role.borrow_mut() = Role::Follower;
            worker.say(&Message::Version { version: VERSION });
            worker.clone().ask_again();
            // in line for the time when the leader's tab goes
            let later = Closure::once_into_js(move |_: JsValue| worker.lead());
            ignore(queue.request(NAME, &js_sys::Object::new(), later.unchecked_ref()));
            JsValue::UNDEFINED
        });
        ignore(locks.request(NAME, &at_once, decided.unchecked_ref()));
    }

    /// Starts the engine. The promise given back never ends: the lock is held as long as this worker lives.
    fn lead(self: &Rc<Self>) -> JsValue {
        let (handle, mut events, run) = Engine::start(BrowserDevice);
        *self.role.borrow_mut() = Role::Leader(handle);
        spawn_local(run);
        let worker = self.clone();
        spawn_local(async move {
            while let Some(event) = events.next().await {
                if worker.others.get() {
                    worker.say(&Message::Event { event: event.clone() });
                }
                worker.to_page(&Response::Event { event });
            }
        });
        self.say(&Message::Leading);
        self.clone().ask_again();
        never()
    }

    fn page_asks(self: &Rc<Self>, event: &MessageEvent) {
        let Some(request) =
            event.data().as_string().and_then(|text| serde_json::from_str::<Request>(&text).ok())
        else {
            return; // not one of ours
        };
        if self.open.borrow().len() >= limits::UNDER_WAY {
            let message = "Too much was asked for at once. Wait a moment, then try again.";
            let result = Err(Failure::new(FailureKind::Internal, message));
            return self.to_page(&Response::Answer { id: request.id, result });
        }
        let open = Open { request: request.clone(), passed_on: false };
        self.open.borrow_mut().insert(request.id, open);
        self.clone().ask(request);
    }

    fn ask_again(self: Rc<Self>) {
        let open: Vec<Request> = self.open.borrow().values().map(|open| open.request.clone()).collect();
        open.into_iter().for_each(|request| self.clone().ask(request));
    }

    fn ask(self: Rc<Self>, request: Request) {
        let mut passed_on = false;
        if let Some(open) = self.open.borrow_mut().get_mut(&request.id) {
            passed_on = open.passed_on;
            open.passed_on |= matches!(&*self.role.borrow(), Role::Follower);
        }
        let handle = match &*self.role.borrow() {
            Role::Waiting => return,
            Role::Follower => {
                return self.say(&Message::Ask { from: self.id.clone(), request: Box::new(request) });
            }
            Role::Unable => None,
            Role::Leader(handle) => Some(handle.clone()),
        };
        spawn_local(async move {
            let result = match handle {
                Some(handle) if passed_on => {
                    let name = named(&self.id, &request);
                    handle.named(&self.id).call_once(name, request.command).await
                }
                Some(handle) => handle.named(&self.id).call(request.command).await,
                None => Err(Failure::new(
                    FailureKind::Storage,
                    "This browser lets Mooring work only over a secure connection. Open it with https:// instead.",
                )),
            };
            self.answered(Response::Answer { id: request.id, result });
        });
    }

    fn answered(&self, mut response: Response) {
        if let Response::Answer { id, result } = &mut response {
            if self.open.borrow_mut().remove(id).is_none() {
                return; // answered before a new leader was asked again
            }
            if let (Ok(Answer::Status(status)), Role::Follower) = (result, &*self.role.borrow()) {
                status.follower = true;
            }
        }
        self.to_page(&response);
    }

    fn tab_says(self: &Rc<Self>, event: &MessageEvent) {
        let Some(text) = event.data().as_string() else { return };
        self.others.set(true);
        let Ok(message) = serde_json::from_str::<Message>(&text) else { return self.unread(&text) };
        let is_follower = matches!(&*self.role.borrow(), Role::Follower);
        match message {
            Message::Ask { from, request } => {
                let Role::Leader(handle) = &*self.role.borrow() else { return };
                let (handle, worker) = (handle.clone(), self.clone());
                spawn_local(async move {
                    if let Command::Unwatch { id } = &request.command
                        && let Some(views) = worker.watched.borrow_mut().get_mut(&from)
                    {
                        views.retain(|view| view != id);
                    }
                    let result = handle.named(&from).call_once(named(&from, &request), request.command).await;
                    if let Ok(Answer::Watched(watched)) = &result {
                        worker.watches(&from, watched.id, &handle);
                    }
                    worker.say(&Message::Tell {
                        to: from,
                        response: Response::Answer { id: request.id, result },
                    });
                });
            }
            Message::Tell { to, response } if to == self.id => self.answered(response),
            Message::Tell { .. } => {}
            Message::Event { mut event } if is_follower => {
                if let Event::Status(status) = &mut event {
                    status.follower = true;
                }
                self.to_page(&Response::Event { event });
            }
            Message::Leading if is_follower => {
                self.say(&Message::Version { version: VERSION });
                self.clone().ask_again();
            }
            Message::Event { .. } | Message::Leading => {}
            Message::Version { version } if version > VERSION => {
                // a step of the engine that is under way is stored wholly or not at all
                drop(self.scope.post_message(&OUTDATED.into()));
                self.scope.close();
            }
            Message::Version { version } if version < VERSION && !is_follower => {
                self.say(&Message::Version { version: VERSION });
            }
            Message::Version { .. } => {}
        }
    }

    /// A follower watches a view: it is ended when the follower's tab goes.
    fn watches(self: &Rc<Self>, tab: &str, id: ViewId, handle: &Handle) {
        let is_new = {
            let mut watched = self.watched.borrow_mut();
            let is_new = !watched.contains_key(tab);
            let views = watched.entry(tab.to_owned()).or_default();
            // more are not open: older ones have ended by themselves
            if views.len() == limits::VIEWS {
                views.remove(0);
            }
            views.push(id);
            is_new
        };
        let Some(locks) = platform::locks().filter(|_| is_new) else { return };
        let (worker, handle, gone) = (self.clone(), handle.clone(), tab.to_owned());
        let ended = Closure::once_into_js(move |_: JsValue| {
            let views = worker.watched.borrow_mut().remove(&gone).unwrap_or_default();
            spawn_local(async move {
                for id in views {
                    // an engine that has stopped watches nothing
                    drop(handle.call(Command::Unwatch { id }).await);
                }
            });
        });
        ignore(locks.request(&alive_name(tab), &js_sys::Object::new(), ended.unchecked_ref()));
    }

    /// Another version's tab asks for what this one does not know: it is told, for it waits.
    fn unread(&self, text: &str) {
        let text: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        // as much of it as every version understands
        let from = text.pointer("/ask/from").and_then(|from| from.as_str());
        let id = text.pointer("/ask/request/id").and_then(|id| id.as_u64());
        let (Role::Leader(_), Some(from), Some(id)) = (&*self.role.borrow(), from, id) else { return };
        let message = "Another tab of Mooring runs another version, which cannot do this. Reload all tabs.";
        let result = Err(Failure::new(FailureKind::Internal, message));
        let response = Response::Answer { id, result };
        self.say(&Message::Tell { to: from.to_owned(), response });
    }

    fn say(&self, message: &Message) {
        let text = serde_json::to_string(message).expect("messages are plain data");
        // a closed channel means that this worker is going away
        drop(self.channel.post_message(&text.into()));
    }

    fn to_page(&self, response: &Response) {
        let text = serde_json::to_string(response).expect("responses are plain data");
        drop(self.scope.post_message(&text.into()));
    }
}

/// The lock that a tab holds as long as it lives.
fn alive_name(tab: &str) -> String {
    format!("{NAME} tab {tab}")
}

/// A promise that never ends: what waits for it is held as long as this worker lives.
fn never() -> JsValue {
    js_sys::Promise::new(&mut |_, _| {}).into()
}

/// The name of a request among all that tabs pass on.
fn named(tab: &str, request: &Request) -> String {
    format!("{tab} {}", request.id)
}

/// A lock's promise ends with the tab; a refusal (an opaque origin) leaves the worker waiting, and the page says so.
fn ignore(promise: js_sys::Promise) {
    spawn_local(async move { drop(wasm_bindgen_futures::JsFuture::from(promise).await) });
}
