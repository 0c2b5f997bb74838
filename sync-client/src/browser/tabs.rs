//! One engine for all tabs: a leader by Web Lock, followers that pass commands on.
//!
//! A leader may go between doing a command and saying so. What a follower asked for is therefore asked under a name
//! of its own and noted together with what it did, so that the next leader does not do it twice.
//!
//! Tabs may run different versions. They say theirs; a leader of an older one than another tab's makes way and its page
//! asks to be loaded again, and what a leader cannot read it answers with words instead of silence. The lock's name never
//! changes: whatever their versions, one engine works on the stores at a time.

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
use crate::api::{Answer, Event, Failure, FailureKind, Request, Response};
use crate::engine::{Engine, Handle};
use crate::limits;

/// The version of what tabs say to each other: grows with every change that an older one would misunderstand.
const VERSION: u32 = 1;
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

/// One place where an engine may run, with the page (or program) that it works for: a tab's worker, or the page itself.
pub struct Tab {
    /// Takes texts for the page.
    page: js_sys::Function,
    /// Hears the other tabs, as long as this one takes part.
    hears: RefCell<Option<Listener>>,
    /// Gives the lock back.
    release: RefCell<Option<js_sys::Function>>,
    /// The name of the lock and of the channel; `None` where nobody else comes to the stores.
    shared: Option<(String, BroadcastChannel)>,
    /// What the engine works on, until it does.
    device: Cell<Option<BrowserDevice>>,
    id: String,
    role: RefCell<Role>,
    /// Another tab was heard. Every one says its version, or asks, as soon as it can hear a leader: until then there is none.
    others: Cell<bool>,
    /// This page's requests without an answer.
    open: RefCell<BTreeMap<u64, Open>>,
}

/// Hears messages while it is there.
type Listener = Closure<dyn FnMut(MessageEvent)>;

/// A request without an answer.
struct Open {
    request: Request,
    /// Another tab may have done it.
    passed_on: bool,
}

/// Runs the app's engine in the worker that calls this: texts of [`Request`] in by `postMessage`, texts of [`Response`]
/// out.
pub fn run_worker() -> Result<(), JsValue> {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().dyn_into().map_err(JsValue::from)?;
    let to = scope.clone();
    let page = Closure::<dyn Fn(JsValue)>::new(move |text: JsValue| {
        drop(to.post_message(&text));
        if text.as_string().as_deref() == Some(OUTDATED) {
            to.close();
        }
    });
    let tab = Tab::join(BrowserDevice::app(), page.as_ref().unchecked_ref())?;
    page.forget(); // lives as long as the worker
    let listen = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        if let Some(text) = event.data().as_string() {
            tab.page_asks(&text);
        }
    });
    scope.set_onmessage(Some(listen.as_ref().unchecked_ref()));
    listen.forget();
    Ok(())
}

impl Tab {
    /// Stands for leader of all tabs that share the device's stores. `page` takes texts of [`Response`], and the word
    /// `outdated` when another tab runs a newer version: then this one is to be left alone.
    ///
    /// # Errors
    /// Where the browser has no channel between tabs.
    pub fn join(device: BrowserDevice, page: &js_sys::Function) -> Result<Rc<Self>, JsValue> {
        let shared =
            device.shared().map(|name| Ok::<_, JsValue>((name.to_owned(), BroadcastChannel::new(name)?)));
        let tab = Rc::new(Self {
            page: page.clone(),
            hears: RefCell::default(),
            release: RefCell::default(),
            shared: shared.transpose()?,
            device: Cell::new(Some(device)),
            id: uuid::Builder::from_random_bytes(platform::random()).into_uuid().to_string(),
            role: RefCell::new(Role::Waiting),
            others: Cell::new(false),
            open: RefCell::default(),
        });
        let Some((name, channel)) = &tab.shared else {
            tab.lead();
            return Ok(tab);
        };
        let of_tabs = tab.clone();
        let listen =
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| of_tabs.tab_says(&event));
        channel.set_onmessage(Some(listen.as_ref().unchecked_ref()));
        *tab.hears.borrow_mut() = Some(listen);
        tab.clone().stand_for_leader(name.clone());
        Ok(tab)
    }

    fn stand_for_leader(self: Rc<Self>, name: String) {
        let Some(locks) = platform::locks() else {
            *self.role.borrow_mut() = Role::Unable;
            return self.ask_again();
        };
        let at_once = js_sys::Object::new();
        drop(js_sys::Reflect::set(&at_once, &"ifAvailable".into(), &JsValue::TRUE));
        let (tab, queue, again) = (self.clone(), locks.clone(), name.clone());
        let decided = Closure::once_into_js(move |lock: JsValue| {
            if !lock.is_null() {
                return tab.lead();
            }
            *tab.role.borrow_mut() = Role::Follower;
            tab.say(&Message::Version { version: VERSION });
            tab.clone().ask_again();
            // in line for the time when the leader's tab goes
            let later = Closure::once_into_js(move |_: JsValue| tab.lead());
            ignore(queue.request(&again, &js_sys::Object::new(), later.unchecked_ref()));
            JsValue::UNDEFINED
        });
        ignore(locks.request(&name, &at_once, decided.unchecked_ref()));
    }

    /// Ends the engine here, if it runs here, and gives the stores to the next tab in line. What was not answered never will
    /// be. A worker that is ended needs none of this.
    pub fn leave(&self) {
        *self.role.borrow_mut() = Role::Waiting;
        drop(self.device.take());
        self.open.borrow_mut().clear();
        if let Some((_, channel)) = &self.shared {
            channel.set_onmessage(None);
            channel.close();
        }
        if let Some(release) = self.release.take() {
            drop(release.call0(&JsValue::NULL));
        }
        drop(self.hears.take());
    }

    /// Starts the engine. The promise given back ends when the tab leaves: that long the lock is held.
    fn lead(self: &Rc<Self>) -> JsValue {
        let Some(device) = self.device.take() else { return JsValue::UNDEFINED };
        let (handle, mut events, run) = Engine::start(device);
        *self.role.borrow_mut() = Role::Leader(handle);
        spawn_local(run);
        let tab = self.clone();
        spawn_local(async move {
            while let Some(event) = events.next().await {
                if tab.others.get() {
                    tab.say(&Message::Event { event: event.clone() });
                }
                tab.to_page(&Response::Event { event });
            }
        });
        self.say(&Message::Leading);
        self.clone().ask_again();
        js_sys::Promise::new(&mut |done, _| *self.release.borrow_mut() = Some(done)).into()
    }

    /// The page asks: a text of [`Request`]. Each gets its answer through `page`; what is no request is left alone.
    pub fn page_asks(self: &Rc<Self>, text: &str) {
        let Ok(request) = serde_json::from_str::<Request>(text) else { return };
        if self.open.borrow().len() >= limits::UNDER_WAY {
            let message = "Too much was asked for at once. Wait a moment, then try again.";
            let result = Err(Failure { kind: FailureKind::Internal, message: message.into(), field: None });
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
                Some(handle) if passed_on => handle.call_once(named(&self.id, &request), request.command).await,
                Some(handle) => handle.call(request.command).await,
                None => Err(Failure {
                    kind: FailureKind::Storage,
                    message: "This browser lets Mooring work only over a secure connection. Open it with https:// instead.".into(),
                    field: None,
                }),
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
                let (handle, tab) = (handle.clone(), self.clone());
                spawn_local(async move {
                    let result = handle.call_once(named(&from, &request), request.command).await;
                    tab.say(&Message::Tell {
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
                drop(self.page.call1(&JsValue::NULL, &OUTDATED.into()));
            }
            Message::Version { version } if version < VERSION && !is_follower => {
                self.say(&Message::Version { version: VERSION });
            }
            Message::Version { .. } => {}
        }
    }

    /// Another version's tab asks for what this one does not know: it is told, for it waits.
    fn unread(&self, text: &str) {
        let text: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        // as much of it as every version understands
        let from = text.pointer("/ask/from").and_then(|from| from.as_str());
        let id = text.pointer("/ask/request/id").and_then(|id| id.as_u64());
        let (Role::Leader(_), Some(from), Some(id)) = (&*self.role.borrow(), from, id) else { return };
        let message = "Another tab of Mooring runs another version, which cannot do this. Reload all tabs.";
        let result = Err(Failure { kind: FailureKind::Internal, message: message.into(), field: None });
        let response = Response::Answer { id, result };
        self.say(&Message::Tell { to: from.to_owned(), response });
    }

    fn say(&self, message: &Message) {
        let Some((_, channel)) = &self.shared else { return };
        let text = serde_json::to_string(message).expect("messages are plain data");
        // a closed channel means that this tab is going away
        drop(channel.post_message(&text.into()));
    }

    fn to_page(&self, response: &Response) {
        let text = serde_json::to_string(response).expect("responses are plain data");
        drop(self.page.call1(&JsValue::NULL, &text.into()));
    }
}

/// The name of a request among all that tabs pass on.
fn named(tab: &str, request: &Request) -> String {
    format!("{tab} {}", request.id)
}

/// A lock's promise ends with the tab; a refusal (an opaque origin) leaves the tab waiting, and the page says so.
fn ignore(promise: js_sys::Promise) {
    spawn_local(async move { drop(wasm_bindgen_futures::JsFuture::from(promise).await) });
}
