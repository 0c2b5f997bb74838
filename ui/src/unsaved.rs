//! Input that is not saved yet: links ask before they leave it, and the browser's Back keeps it for the return.

use crate::route::Route;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use sync_protocol::{FieldName, Value};
use yew::Callback;

/// What a person wrote into a form: only the fields that were touched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// The key of a new record.
    pub key: String,
    /// Per touched field.
    pub fields: BTreeMap<FieldName, Touched>,
}

/// A field that was touched.
#[derive(Clone, Debug, PartialEq)]
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
#[derive(Clone, Default)]
pub struct Unsaved(Rc<Inner>);

#[derive(Default)]
struct Inner {
    ask: RefCell<Option<Callback<Route>>>,
    drafts: RefCell<BTreeMap<String, Draft>>,
}

impl PartialEq for Unsaved {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Unsaved {
    /// From now on, `ask` decides whether to go elsewhere; `None`: nothing would be lost.
    pub fn guard(&self, ask: Option<Callback<Route>>) {
        *self.0.ask.borrow_mut() = ask;
    }

    /// Who decides whether to go elsewhere.
    pub fn asks(&self) -> Option<Callback<Route>> {
        self.0.ask.borrow().clone()
    }

    /// Keeps a draft while its form is away; an empty one is forgotten.
    pub fn keep(&self, form: &str, draft: Draft) {
        let mut drafts = self.0.drafts.borrow_mut();
        if draft.is_empty() {
            drafts.remove(form);
        } else {
            drafts.insert(form.to_owned(), draft);
        }
    }

    /// The draft that was kept for a form.
    pub fn kept(&self, form: &str) -> Draft {
        self.0.drafts.borrow().get(form).cloned().unwrap_or_default()
    }

    /// Forgets all of it: another person may come.
    pub fn clear(&self) {
        self.guard(None);
        self.0.drafts.borrow_mut().clear();
    }
}
