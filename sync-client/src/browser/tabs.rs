//! One engine for all tabs: a leader by Web Lock, followers that pass commands on.
//!
//! A leader may go between doing a command and saying so. What a follower asked for is therefore asked under a name
//! of its own and noted together with what it did, so that the next leader does not do it twice.
//!
//! Tabs may run different versions. They say theirs; a leader of an older one than another tab's makes way and its page
//! asks to be loaded again, and what a leader cannot read it answers with words instead of silence. The lock's name never
//! changes: whatever their versions, one engine works on the stores at a time.
//!
//! Each tab looks at a workspace of its own, and is told what happens there.
//!
//! A tab holds a lock of its own as long as it lives: when the leader gets it, the tab is gone, the views that it watched are
//! ended, and the workspace that it looked at is closed after a while if nobody else does.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sync_protocol::json;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{BroadcastChannel, DedicatedWorkerGlobalScope, MessageEvent};

use super::BrowserDevice;
use super::platform;
use crate::api::{Answer, Command, Event, Failure, FailureKind, Request, Response, ViewId};
use crate::engine::{Engine, Handle, Notice};
use crate::few::Few;
use crate::limits;

/// The version of what tabs say to each other: grows with every change that an older one would misunderstand.
const VERSION: u32 = 3;
/// Tells the page that another tab runs a newer version.
const OUTDATED: &str = "outdated";

/// What workers of different tabs say to each other. A follower passes on what its page and the leader say without reading
/// it: what only a leader reads and only a page reads needs no code to be read here.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Message<'a> {
    /// A follower's page asks: a [`Request`].
    Ask {
        from: String,
        #[serde(borrow)]
        request: &'a RawValue,
    },
    /// The leader answers that follower: a [`Response`].
    Tell {
        to: String,
        #[serde(borrow)]
        response: &'a RawValue,
    },
    /// The leader tells an [`Event`].
    Event {
        #[serde(borrow)]
        event: &'a RawValue,
        /// Those tabs; `None`: everyone.
        to: Option<Vec<String>>,
    },
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
    /// Give the locks back.
    release: RefCell<Vec<js_sys::Function>>,
    /// The name of the lock and of the channel; `None` where nobody else comes to the stores.
    shared: Option<(String, BroadcastChannel)>,
    /// What the engine works on, until it does.
    device: Cell<Option<BrowserDevice>>,
    id: String,
    role: RefCell<Role>,
    /// Another tab was heard. Every one says its version, or asks, as soon as it can hear a leader: until then there is none.
    others: Cell<bool>,
    /// This page's requests without an answer.
    open: RefCell<Few<u64, Open>>,
    /// The followers, by their tabs, and the views that they watch, newest last.
    followers: RefCell<Few<String, Vec<ViewId>>>,
}

/// Hears messages while it is there.
type Listener = Closure<dyn FnMut(MessageEvent)>;

/// What a request, or the end of one, is known by.
#[derive(Deserialize)]
struct Number {
    id: u64,
}

/// An answer's number.
#[derive(Deserialize)]
struct Told {
    answer: Number,
}

/// A request without an answer.
struct Open {
    /// As the page wrote it.
    text: String,
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
            followers: RefCell::default(),
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
        let held = self.clone();
        let alive = Closure::once_into_js(move |_: JsValue| held.hold());
        ignore(locks.request(&alive_name(&self.id), &js_sys::Object::new(), alive.unchecked_ref()));
        let at_once = js_sys::Object::new();
        drop(js_sys::Reflect::set(&at_once, &"ifAvailable".into(), &JsValue::TRUE));
        let (tab, queue, again) = (self.clone(), locks.clone(), name.clone());
        let decided = Closure::once_into_js(move |lock: JsValue| {
            if !lock.is_null() {
                return tab.lead();
            }
            *tab.role.borrow_mut() = Role::Follower;
            tab.say(&Message::Version { version: VERSION });
            tab.ask_again();
            // in line for the time when the leader's tab goes
            let later = Closure::once_into_js(move |_: JsValue| tab.lead());
            ignore(queue.request(&again, &js_sys::Object::new(), later.unchecked_ref()));
            JsValue::UNDEFINED
        });
        ignore(locks.request(&name, &at_once, decided.unchecked_ref()));
    }

    /// The name of this tab, as [`Event::Touched`] has it.
    pub fn id(&self) -> &str {
        &self.id
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
        for release in self.release.take() {
            drop(release.call0(&JsValue::NULL));
        }
        drop(self.hears.take());
    }

    /// A promise that ends when this tab leaves: that long the lock is held that waits for it.
    fn hold(&self) -> JsValue {
        js_sys::Promise::new(&mut |done, _| self.release.borrow_mut().push(done)).into()
    }

    /// Starts the engine. The promise given back is the lock's.
    fn lead(self: &Rc<Self>) -> JsValue {
        let Some(device) = self.device.take() else { return JsValue::UNDEFINED };
        let (handle, events, run) = Engine::start(device);
        *self.role.borrow_mut() = Role::Leader(handle.clone());
        spawn_local(run);
        let tab = self.clone();
        spawn_local(async move {
            // all who ask have names
            handle.leave().await;
            let mut notices = events.for_all();
            while let Some(notice) = notices.next().await {
                let is_own = notice.is_for(&tab.id);
                let Notice { to, mut event } = notice;
                let text = raw(&event);
                if is_own {
                    tab.to_page(&event_text(&text));
                }
                let is_of_others = to.as_ref().is_none_or(|to| to.len() > usize::from(is_own));
                if tab.others.get() && is_of_others {
                    let of_others = as_follower(&mut event).then(|| raw(&event));
                    let to = to.map(|to| to.iter().map(|name| name.to_string()).collect());
                    tab.say(&Message::Event { event: of_others.as_deref().unwrap_or(&text), to });
                }
            }
        });
        self.say(&Message::Leading);
        self.ask_again();
        self.hold()
    }

    /// The page asks: a text of [`Request`]. Each gets its answer through `page`; what has no number is left alone.
    pub fn page_asks(self: &Rc<Self>, text: &str) {
        let Ok(Number { id }) = json::read(text) else { return };
        if self.open.borrow().len() >= limits::UNDER_WAY {
            return self.to_page(&no(id, "Too much was asked for at once. Wait a moment, then try again."));
        }
        self.open.borrow_mut().insert(id, Open { text: text.to_owned(), passed_on: false });
        self.ask(id);
    }

    fn ask_again(self: &Rc<Self>) {
        let open: Vec<u64> = self.open.borrow().iter().map(|(id, _)| *id).collect();
        open.into_iter().for_each(|id| self.ask(id));
    }

    /// Asks what was not answered yet.
    fn ask(self: &Rc<Self>, id: u64) {
        let mut all = self.open.borrow_mut();
        let Some(open) = all.get_mut(&id) else { return };
        let handle = match &*self.role.borrow() {
            Role::Waiting => return,
            Role::Follower => {
                open.passed_on = true;
                if let Ok(request) = json::read(&open.text) {
                    self.say(&Message::Ask { from: self.id.clone(), request });
                }
                return;
            }
            Role::Unable => {
                let why = "This browser lets Mooring work only over a secure connection. Open it with https:// instead.";
                all.remove(&id);
                return self.to_page(&refusal(id, FailureKind::Storage, why));
            }
            Role::Leader(handle) => handle.clone(),
        };
        let Ok(request) = json::read::<Request>(&open.text) else {
            all.remove(&id);
            return self.to_page(&no(id, "This version of Mooring cannot do this."));
        };
        let name = open.passed_on.then(|| named(&self.id, id));
        drop(all);
        let tab = self.clone();
        spawn_local(async move {
            let handle = handle.named(&tab.id).of(request.workspace);
            let result = match name {
                Some(name) => handle.call_once(name, request.command).await,
                None => handle.call(request.command).await,
            };
            tab.answered(id, &text_of(&Response::Answer { id, result }));
        });
    }

    fn answered(&self, id: u64, text: &str) {
        // it may have been answered before a new leader was asked again
        if self.open.borrow_mut().remove(&id).is_some() {
            self.to_page(text);
        }
    }

    fn tab_says(self: &Rc<Self>, event: &MessageEvent) {
        let Some(text) = event.data().as_string() else { return };
        self.others.set(true);
        let Ok(message) = json::read::<Message<'_>>(&text) else { return };
        let is_follower = matches!(&*self.role.borrow(), Role::Follower);
        match message {
            Message::Ask { from, request } => self.lead_for(from, request.get()),
            Message::Tell { to, response } if to == self.id => {
                if let Ok(Told { answer }) = json::read(response.get()) {
                    self.answered(answer.id, response.get());
                }
            }
            Message::Event { event, to }
                if is_follower && to.as_ref().is_none_or(|to| to.contains(&self.id)) =>
            {
                self.to_page(&event_text(event));
            }
            Message::Leading if is_follower => {
                self.say(&Message::Version { version: VERSION });
                self.ask_again();
            }
            Message::Tell { .. } | Message::Event { .. } | Message::Leading => {}
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

    /// Does what another tab's page asks for, where the engine runs here.
    fn lead_for(self: &Rc<Self>, from: String, text: &str) {
        let (Role::Leader(handle), Ok(Number { id })) = (&*self.role.borrow(), json::read(text)) else {
            return;
        };
        let Ok(request) = json::read::<Request>(text) else {
            // another version's tab waits all the same
            let why = "Another tab of Mooring runs another version, which cannot do this. Reload all tabs.";
            return self.tell(from, &no(id, why));
        };
        let (handle, tab) = (handle.named(&from).of(request.workspace), self.clone());
        self.follows(&from, &handle);
        spawn_local(async move {
            if let Command::Unwatch { id } = &request.command
                && let Some(views) = tab.followers.borrow_mut().get_mut(&from)
            {
                views.retain(|view| view != id);
            }
            let mut result = handle.call_once(named(&from, id), request.command).await;
            match &mut result {
                Ok(Answer::Status(status)) => status.follower = true,
                Ok(Answer::Watched(watched)) => tab.watches(&from, watched.id),
                _ => {}
            }
            tab.tell(from, &text_of(&Response::Answer { id, result }));
        });
    }

    /// A follower watches a view: it is ended when the follower's tab goes.
    fn watches(&self, tab: &str, id: ViewId) {
        let mut followers = self.followers.borrow_mut();
        let Some(views) = followers.get_mut(tab) else { return };
        // more are not open: older ones have ended by themselves
        if views.len() == limits::VIEWS {
            views.remove(0);
        }
        views.push(id);
    }

    /// Waits for the end of a follower that is new here.
    fn follows(self: &Rc<Self>, tab: &str, handle: &Handle) {
        if self.followers.borrow_mut().get_mut(tab).is_some() {
            return;
        }
        self.followers.borrow_mut().insert(tab.to_owned(), Vec::new());
        let Some(locks) = platform::locks() else { return };
        let (of_tab, handle, gone) = (self.clone(), handle.of(None), tab.to_owned());
        let ended = Closure::once_into_js(move |_: JsValue| {
            let views = of_tab.followers.borrow_mut().remove(&gone).unwrap_or_default();
            spawn_local(async move {
                for id in views {
                    // an engine that has stopped watches nothing
                    drop(handle.call(Command::Unwatch { id }).await);
                }
                handle.leave().await;
            });
        });
        ignore(locks.request(&alive_name(tab), &js_sys::Object::new(), ended.unchecked_ref()));
    }

    fn tell(&self, to: String, response: &str) {
        if let Ok(response) = json::read(response) {
            self.say(&Message::Tell { to, response });
        }
    }

    fn say(&self, message: &Message<'_>) {
        let Some((_, channel)) = &self.shared else { return };
        // a closed channel means that this tab is going away
        drop(channel.post_message(&text_of(message).into()));
    }

    fn to_page(&self, text: &str) {
        drop(self.page.call1(&JsValue::NULL, &text.into()));
    }
}

fn text_of(what: &impl Serialize) -> String {
    serde_json::to_string(what).expect("messages are plain data")
}

fn raw(event: &Event) -> Box<RawValue> {
    serde_json::value::to_raw_value(event).expect("events are plain data")
}

/// What a page is told of an event: a text of [`Response`].
fn event_text(event: &RawValue) -> String {
    format!(r#"{{"event":{{"event":{event}}}}}"#)
}

/// Makes it what other tabs are told, where that is something else.
fn as_follower(event: &mut Event) -> bool {
    let Event::Status(status) = event else { return false };
    status.follower = true;
    true
}

/// The answer where nothing can be done.
fn no(id: u64, why: &str) -> String {
    refusal(id, FailureKind::Internal, why)
}

fn refusal(id: u64, kind: FailureKind, why: &str) -> String {
    text_of(&Response::Answer { id, result: Err(Failure::new(kind, why)) })
}

/// The lock that a tab holds as long as it lives.
fn alive_name(tab: &str) -> String {
    format!("mooring tab {tab}")
}

/// The name of a request among all that tabs pass on.
fn named(tab: &str, id: u64) -> String {
    format!("{tab} {id}")
}

/// A lock's promise ends with the tab; a refusal (an opaque origin) leaves the tab waiting, and the page says so.
fn ignore(promise: js_sys::Promise) {
    spawn_local(async move { drop(wasm_bindgen_futures::JsFuture::from(promise).await) });
}
