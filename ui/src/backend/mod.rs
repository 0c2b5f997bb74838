//! How the screens reach their engine: one handle, two carriers. In the browser the engine is in a worker, in the
//! desktop shell in the native process; both take the text of a `Request` and give the text of a `Response`.

pub mod shell;
mod worker;

use futures::channel::oneshot;
use js_sys::JsString;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::{Rc, Weak};
use sync_client::api::{Answer, Command, Event, Failure, FailureKind, ImportPlan, Request, Response};
use sync_client::few::Few;
use sync_protocol::{WorkspaceId, json};
use yew::Callback;

/// What an engine's answer comes as.
pub type Outcome = Result<Answer, Failure>;

/// The way to the engine. Clones are the same way.
#[derive(Clone)]
pub struct Backend(Rc<Inner>);

struct Inner {
    carrier: OnceCell<Box<dyn Carrier>>,
    next: Cell<u64>,
    /// What is asked is about this workspace, whatever other tabs look at.
    workspace: Cell<Option<WorkspaceId>>,
    waiting: RefCell<Few<u64, oneshot::Sender<Outcome>>>,
    listeners: RefCell<Few<u64, Callback<Event>>>,
    /// Why the engine can no longer be reached.
    broken: RefCell<Option<String>>,
}

/// Takes the text of a request away; the answer comes through the [`Inbox`].
trait Carrier {
    fn send(&self, id: u64, text: &JsString);
}

/// Where a carrier puts what comes back.
#[derive(Clone)]
struct Inbox(Weak<Inner>);

/// Ends a subscription when dropped.
pub struct Subscription {
    inner: Weak<Inner>,
    id: u64,
}

impl PartialEq for Backend {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Backend {
    /// Finds the engine: the desktop shell's where there is one, else a worker of this page.
    pub fn connect() -> Self {
        let inner = Rc::new(Inner {
            carrier: OnceCell::new(),
            next: Cell::new(1),
            workspace: Cell::default(),
            waiting: RefCell::default(),
            listeners: RefCell::default(),
            broken: RefCell::default(),
        });
        let inbox = Inbox(Rc::downgrade(&inner));
        let carrier: Result<Box<dyn Carrier>, String> = if shell::present() {
            Ok(Box::new(shell::Shell::new(inbox)))
        } else {
            worker::Worker::new(inbox).map(|worker| Box::new(worker) as Box<dyn Carrier>)
        };
        match carrier {
            Ok(carrier) => drop(inner.carrier.set(carrier)),
            Err(why) => *inner.broken.borrow_mut() = Some(why),
        }
        Self(inner)
    }

    /// Sends a command and waits for its end.
    pub async fn call(&self, command: Command) -> Outcome {
        self.send(command, JsString::from).await
    }

    /// Asks what would become of a file. Its text never passes through this module's memory: the browser writes it
    /// into the request, so that a large file does not make the page stall.
    pub async fn preview(&self, name: String, text: &JsString, plan: Option<ImportPlan>) -> Outcome {
        const PLACE: &str = r#""text":""#;
        let quoted =
            js_sys::JSON::stringify(text).map_err(|_| internal("The file's text cannot be sent."))?;
        self.send(Command::Preview { name, text: String::new(), plan }, |request| {
            // quotes within a JSON text are escaped: the first such place is the field
            let (before, after) = request.split_once(&format!("{PLACE}\"")).unwrap_or((&request, ""));
            let start = JsString::from(format!("{before}{}", PLACE.trim_end_matches('"')));
            start.concat(&quoted).concat(&JsString::from(after))
        })
        .await
    }

    async fn send(&self, command: Command, write: impl FnOnce(String) -> JsString) -> Outcome {
        let id = self.0.next.replace(self.0.next.get() + 1);
        if let Command::Open { workspace } = command {
            self.0.workspace.set(Some(workspace));
        }
        let workspace = self.0.workspace.get();
        let text = serde_json::to_string(&Request { id, workspace, command })
            .map_err(|e| internal(&e.to_string()))?;
        let text = write(text);
        if let Some(why) = self.0.broken.borrow().as_deref() {
            return Err(internal(why));
        }
        let (sender, receiver) = oneshot::channel();
        self.0.waiting.borrow_mut().insert(id, sender);
        if let Some(carrier) = self.0.carrier.get() {
            carrier.send(id, &text);
        }
        receiver.await.unwrap_or_else(|_| Err(internal("The request was dropped.")))
    }

    /// Hears every event until the subscription is dropped.
    pub fn subscribe(&self, listener: Callback<Event>) -> Subscription {
        let id = self.0.next.replace(self.0.next.get() + 1);
        self.0.listeners.borrow_mut().insert(id, listener);
        Subscription { inner: Rc::downgrade(&self.0), id }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.upgrade() {
            inner.listeners.borrow_mut().remove(&self.id);
        }
    }
}

impl Inner {
    /// All who listen hear it; what they do then may change who listens.
    fn tell(&self, event: &Event) {
        let listeners: Vec<Callback<Event>> =
            self.listeners.borrow().iter().map(|(_, listener)| listener.clone()).collect();
        for listener in listeners {
            listener.emit(event.clone());
        }
    }
}

impl Inbox {
    /// The text of a response arrived.
    fn receive(&self, text: &str) {
        let Some(inner) = self.0.upgrade() else { return };
        match json::read(text) {
            Ok(Response::Answer { id, result }) => {
                let waiting = inner.waiting.borrow_mut().remove(&id);
                if let Some(waiting) = waiting {
                    // nobody listens any more where the screen has gone
                    let _ = waiting.send(result);
                }
            }
            Ok(Response::Event { event }) => inner.tell(&event),
            Err(error) => gloo::console::error!("unreadable message from the engine:", error.to_string()),
        }
    }

    /// One request could not be carried.
    fn fail(&self, id: u64, why: &str) {
        let Some(inner) = self.0.upgrade() else { return };
        let waiting = inner.waiting.borrow_mut().remove(&id);
        if let Some(waiting) = waiting {
            let _ = waiting.send(Err(internal(why)));
        }
    }

    /// The engine is gone: everything that waits, and all that comes later, fails.
    fn broken(&self, why: &str) {
        let Some(inner) = self.0.upgrade() else { return };
        *inner.broken.borrow_mut() = Some(why.to_owned());
        self.failed_all(why);
    }

    /// Another engine took the place of the one that was asked: what waits fails, and screens look again. It may have begun
    /// long ago, in another tab, and does not say so again: nobody but this page knows that its views are gone. (Its status
    /// it tells to whoever comes.)
    fn replaced(&self, why: &str) {
        self.failed_all(why);
        let Some(inner) = self.0.upgrade() else { return };
        inner.tell(&Event::Ended { ids: None });
        inner.tell(&Event::SessionChanged);
    }

    fn failed_all(&self, why: &str) {
        let Some(inner) = self.0.upgrade() else { return };
        let waiting = std::mem::take(&mut *inner.waiting.borrow_mut());
        for (_, sender) in waiting {
            let _ = sender.send(Err(internal(why)));
        }
    }
}

fn internal(message: &str) -> Failure {
    Failure::new(FailureKind::Internal, message)
}

/// Whether this page runs in the desktop shell.
pub fn in_shell() -> bool {
    shell::present()
}
