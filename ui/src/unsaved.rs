//! Input that is not saved yet: links ask before they leave it, Back keeps it for the return, and so does the browser,
//! where the page is loaded again.

use crate::backend::{in_shell, shell};
use crate::platform::drafts;
use crate::route::Route;
use gloo::events::EventListener;
use gloo::timers::callback::Timeout;
use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use sync_client::few::Few;
use sync_protocol::{FieldName, UserId, Value, json};
use yew::Callback;

/// What a person wrote into a form: only the fields that were touched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// The key of a new record.
    pub key: String,
    /// Per touched field.
    pub fields: BTreeMap<FieldName, Touched>,
}

/// A field that was touched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Touched {
    /// What was there when the person began.
    pub saw: Value,
    /// What the person wrote.
    pub text: String,
}

impl Draft {
    /// Whether there is nothing to lose.
    pub fn is_empty(&self) -> bool {
        self.key.is_empty() && self.fields.is_empty()
    }
}

/// What is not saved yet, anywhere on the page.
#[derive(Clone)]
pub struct Unsaved(Rc<Inner>);

#[derive(Default)]
struct Inner {
    ask: RefCell<Option<Callback<Route>>>,
    kept: RefCell<Kept>,
    /// Writes what has changed, soon.
    timer: Cell<Option<Timeout>>,
}

/// What the browser keeps of it.
#[derive(Default, Serialize, Deserialize)]
struct Kept {
    /// Whose it is; nobody else sees it.
    owner: Option<UserId>,
    drafts: Few<String, Draft>,
}

/// Letters within this many milliseconds are kept together.
const GATHER_MS: u32 = 300;

impl PartialEq for Unsaved {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Unsaved {
    /// What was kept when the page was left.
    pub fn new() -> Self {
        let kept = drafts::read().and_then(|text| json::read(&text).ok()).unwrap_or_default();
        let unsaved = Self(Rc::new(Inner { kept: RefCell::new(kept), ..Inner::default() }));
        let leaving = unsaved.clone();
        EventListener::new(&crate::platform::window(), "pagehide", move |_| leaving.0.write()).forget();
        tell_shell(false);
        unsaved
    }

    /// From now on, `ask` decides whether to go elsewhere; `None`: nothing would be lost.
    pub fn guard(&self, ask: Option<Callback<Route>>) {
        let asks = ask.is_some();
        let asked = self.0.ask.replace(ask).is_some();
        if asks != asked {
            tell_shell(asks);
        }
    }

    /// Who decides whether to go elsewhere.
    pub fn asks(&self) -> Option<Callback<Route>> {
        self.0.ask.borrow().clone()
    }

    /// Keeps a draft while its form is away; an empty one is forgotten.
    pub fn keep(&self, form: &str, draft: &Draft) {
        let gone = {
            let drafts = &mut self.0.kept.borrow_mut().drafts;
            if draft.is_empty() {
                drafts.remove(form).is_some()
            } else {
                drafts.insert(form.to_owned(), draft.clone()) != Some(draft.clone())
            }
        };
        if gone {
            let inner = self.0.clone();
            self.0.timer.set(Some(Timeout::new(GATHER_MS, move || inner.write())));
        }
    }

    /// The draft that was kept for a form.
    pub fn kept(&self, form: &str) -> Draft {
        self.0.kept.borrow().drafts.get(form).cloned().unwrap_or_default()
    }

    /// Who is at the screen: what somebody else wrote is forgotten.
    pub fn belongs_to(&self, user: Option<UserId>) {
        if self.0.kept.borrow().owner != user {
            self.guard(None);
            *self.0.kept.borrow_mut() = Kept { owner: user, drafts: Few::default() };
            self.0.write();
        }
    }
}

/// The desktop's window is closed only after a question while something is not saved.
fn tell_shell(unsaved: bool) {
    if in_shell() {
        shell::tell("unsaved", ("unsaved", unsaved.into()), "the window does not know what is unsaved");
    }
}

impl Inner {
    fn write(&self) {
        self.timer.set(None);
        let kept = self.kept.borrow();
        let text = (!kept.drafts.is_empty()).then(|| serde_json::to_string(&*kept).ok()).flatten();
        drafts::write(text.as_deref());
    }
}
