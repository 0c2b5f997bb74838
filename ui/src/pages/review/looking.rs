//! Where somebody is among the reviews: kept while other screens are shown, so that coming back finds it all as it was.

use super::decide::Draft;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use sync_client::api::{ReviewFilter, ReviewItem};
use sync_protocol::ChangeId;

/// Clones are the same place.
#[derive(Clone, Default)]
pub struct Looking(Rc<RefCell<Inner>>);

#[derive(Default)]
struct Inner {
    filter: ReviewFilter,
    offset: usize,
    last: Option<ChangeId>,
    drafts: BTreeMap<ChangeId, Draft>,
}

impl PartialEq for Looking {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Looking {
    /// The filter, and the first item of the page.
    pub fn list(&self) -> (ReviewFilter, usize) {
        let inner = self.0.borrow();
        (inner.filter.clone(), inner.offset)
    }

    /// Keeps both.
    pub fn keep_list(&self, filter: &ReviewFilter, offset: usize) {
        let mut inner = self.0.borrow_mut();
        (inner.filter, inner.offset) = (filter.clone(), offset);
    }

    /// The one looked at last; told once.
    pub fn take_last(&self) -> Option<ChangeId> {
        self.0.borrow_mut().last.take()
    }

    /// The choices made so far about one that is not saved; it is the one looked at last.
    pub fn draft(&self, id: ChangeId) -> Option<Draft> {
        let mut inner = self.0.borrow_mut();
        inner.last = Some(id);
        inner.drafts.get(&id).cloned()
    }

    /// Keeps them; `None` forgets them.
    pub fn keep_draft(&self, id: ChangeId, draft: Option<&Draft>) {
        let mut inner = self.0.borrow_mut();
        match draft {
            Some(draft) => drop(inner.drafts.insert(id, draft.clone())),
            None => drop(inner.drafts.remove(&id)),
        }
    }
}

/// What a conflict is called; never a key that nobody chose.
pub fn title(item: &ReviewItem, collection: &str) -> String {
    let key = sync_protocol::RecordKey::Text(item.title.clone());
    crate::text::field::key_label(&key).unwrap_or_else(|| format!("A record in {collection}"))
}
