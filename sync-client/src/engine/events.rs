//! What an engine tells: a queue that never grows beyond a few events, however slowly somebody listens. What would only
//! repeat "ask again" is said once.

use std::cell::{Ref, RefCell, RefMut};
use std::collections::VecDeque;
use std::collections::btree_map::Entry;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use futures::{Stream, StreamExt};

use super::desks::{Place, Seats};
use crate::api::{Event, ViewId};
use crate::limits;

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Notice>,
    seats: Seats,
    listener: Option<Waker>,
    ended: bool,
}

/// The events of an engine, in the order in which they began to wait, for whoever asks by the handle that came with them: what is
/// about other workspaces than theirs is left out. Ends with the engine.
pub struct Events(Notices);

/// The events of an engine for all tabs and programs that it works for.
pub struct Notices(Rc<RefCell<Queue>>);

/// An event, and whom it is for.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Tabs or programs by their names (see `Handle::named`); `None`: all.
    pub to: Option<Vec<Arc<str>>>,
    /// What happened.
    pub event: Event,
}

impl Notice {
    /// Whether it is for the tab or program of that name.
    pub fn is_for(&self, who: &str) -> bool {
        self.to.as_ref().is_none_or(|to| to.iter().any(|name| **name == *who))
    }
}

impl Events {
    /// The events for everybody else, too.
    pub fn for_all(self) -> Notices {
        self.0
    }
}

/// The engine's end of it.
pub(super) struct Telling(Rc<RefCell<Queue>>);

/// Both ends.
pub(super) fn events() -> (Telling, Events) {
    let queue = Rc::<RefCell<Queue>>::default();
    (Telling(queue.clone()), Events(Notices(queue)))
}

impl Telling {
    /// Says it with the next delivery, at the latest with what waits of the same kind, to those who look at that workspace now;
    /// `None`: to all.
    pub(super) fn tell(&self, place: Option<Place>, event: Event) {
        if let Event::Ended { ids } = &event {
            ids.iter().flatten().for_each(|id| self.leave_out(*id));
        }
        let mut queue = self.0.borrow_mut();
        let to: Option<Vec<Arc<str>>> = place.map(|place| queue.seats.at(place).cloned().collect());
        if to.as_ref().is_some_and(Vec::is_empty) {
            return;
        }
        let mut rest = Some(event);
        for waiting in queue.waiting.iter_mut().filter(|notice| notice.to == to) {
            let Some(event) = rest.take() else { break };
            rest = joined(&mut waiting.event, event);
        }
        queue.waiting.extend(rest.map(|event| Notice { to, event }));
    }

    /// Whether something about that view still waits to be heard.
    pub(super) fn waits(&self, id: ViewId) -> bool {
        let about = |event: &Event| matches!(event, Event::Seen(change) if change.id == id);
        self.0.borrow().waiting.iter().any(|notice| about(&notice.event))
    }

    /// Nobody hears any more of that view.
    pub(super) fn leave_out(&self, id: ViewId) {
        let others = |notice: &Notice| !matches!(&notice.event, Event::Seen(change) if change.id == id);
        self.0.borrow_mut().waiting.retain(others);
    }

    /// Who looks at what.
    pub(super) fn seats(&self) -> Ref<'_, Seats> {
        Ref::map(self.0.borrow(), |queue| &queue.seats)
    }

    pub(super) fn seats_mut(&self) -> RefMut<'_, Seats> {
        RefMut::map(self.0.borrow_mut(), |queue| &mut queue.seats)
    }

    /// Wakes whoever listens, if something waits. Once a turn, when the turn's command has its answer: whoever asked waits for
    /// that, and to pass events on takes longer than to pass an answer on.
    pub(super) fn deliver(&self) {
        let mut queue = self.0.borrow_mut();
        if !queue.waiting.is_empty()
            && let Some(listener) = queue.listener.take()
        {
            listener.wake();
        }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        let mut queue = self.0.borrow_mut();
        queue.ended = true;
        if let Some(listener) = queue.listener.take() {
            listener.wake();
        }
    }
}

impl Stream for Notices {
    type Item = Notice;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Notice>> {
        let mut queue = self.0.borrow_mut();
        match queue.waiting.pop_front() {
            Some(notice) => Poll::Ready(Some(notice)),
            None if queue.ended => Poll::Ready(None),
            None => {
                queue.listener = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        loop {
            match ready!(self.0.poll_next_unpin(context)) {
                None => return Poll::Ready(None),
                Some(notice) if notice.is_for("") => return Poll::Ready(Some(notice.event)),
                Some(_) => {}
            }
        }
    }
}

/// Joins an event with one that waits; what is of another kind comes back.
fn joined(waiting: &mut Event, event: Event) -> Option<Event> {
    match (waiting, event) {
        (Event::Changed { collections }, Event::Changed { collections: more }) => {
            for collection in more {
                if !collections.contains(&collection) {
                    collections.push(collection);
                }
            }
        }
        (Event::NewReview { items }, Event::NewReview { items: more }) => {
            let room = limits::NEWS.saturating_sub(items.len());
            items.extend(more.into_iter().take(room));
        }
        // it is whole, for the other one waits: see `Tables::news`
        (Event::Seen(waiting), Event::Seen(change)) if waiting.id == change.id => *waiting = change,
        (Event::Ended { ids }, Event::Ended { ids: more }) => match (ids.as_mut(), more) {
            // whoever shows another one watches it again for nothing
            (Some(ids), Some(more)) if ids.len() + more.len() <= 2 * limits::VIEWS => ids.extend(more),
            _ => *ids = None,
        },
        (Event::Touched { by, records }, Event::Touched { by: other, records: more }) if *by == other => {
            for (collection, keys) in more {
                match records.entry(collection) {
                    Entry::Vacant(entry) => drop(entry.insert(keys)),
                    // any of them, as soon as one of the two says so or they are too many
                    Entry::Occupied(mut entry) => {
                        let known = entry.get_mut();
                        let any = known.is_empty() || keys.is_empty();
                        known.extend(keys);
                        if any || known.len() > limits::TOUCHED {
                            known.clear();
                        }
                    }
                }
            }
        }
        // the newest counts
        (waiting @ Event::Status(_), event @ Event::Status(_))
        | (waiting @ Event::Working { .. }, event @ Event::Working { .. })
        | (waiting @ Event::ReviewChanged, event @ Event::ReviewChanged)
        | (waiting @ Event::SessionChanged, event @ Event::SessionChanged) => *waiting = event,
        #[cfg(feature = "screens")]
        (waiting @ Event::Importing { .. }, event @ Event::Importing { .. }) => *waiting = event,
        (_, event) => return Some(event),
    }
    None
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use sync_protocol::CollectionId;

    use super::*;

    fn changed(name: &str) -> Event {
        Event::Changed { collections: vec![CollectionId::new(name).expect("a valid name")] }
    }

    #[test]
    fn nobody_who_listens_slowly_makes_it_grow_and_nothing_is_left_out() {
        let (telling, mut heard) = events();
        for n in 0..100_000 {
            telling.tell(None, changed(if n % 2 == 0 { "boats" } else { "crew" }));
            telling.tell(None, Event::Importing { done: n, total: 100_000 });
            telling.tell(None, Event::ReviewChanged);
        }
        drop(telling);
        let mut all = Vec::new();
        while let Some(event) = heard.next().now_or_never().expect("it has ended") {
            all.push(event);
        }
        let both = ["boats", "crew"].map(|name| CollectionId::new(name).expect("a valid name")).to_vec();
        assert_eq!(
            all,
            [
                Event::Changed { collections: both },
                Event::Importing { done: 99_999, total: 100_000 },
                Event::ReviewChanged
            ]
        );
    }

    #[test]
    fn records_that_changed_are_named_until_they_are_too_many() {
        let touched = |by: &str, keys: std::ops::Range<i64>| {
            let keys = keys.map(sync_protocol::RecordKey::Int).collect();
            let boats = CollectionId::new("boats").expect("a valid name");
            Event::Touched { by: by.into(), records: [(boats, keys)].into() }
        };
        let (telling, mut heard) = events();
        telling.tell(None, touched("a tab", 0..2));
        telling.tell(None, touched("", 0..1));
        telling.tell(None, touched("a tab", 1..3));
        let mut next = || heard.next().now_or_never().flatten();
        assert_eq!(next(), Some(touched("a tab", 0..3)));
        assert_eq!(next(), Some(touched("", 0..1)));
        telling.tell(None, touched("a tab", 0..1));
        telling.tell(None, touched("a tab", 0..limits::TOUCHED as i64 + 1));
        telling.tell(None, touched("a tab", 0..1));
        let mut next = || heard.next().now_or_never().flatten();
        assert_eq!(next(), Some(touched("a tab", 0..0)));
    }

    #[test]
    fn who_waits_is_woken() {
        let (telling, mut heard) = events();
        let mut next = Box::pin(heard.next());
        assert!(next.as_mut().now_or_never().is_none());
        telling.tell(None, Event::SessionChanged);
        telling.deliver();
        assert_eq!(next.now_or_never(), Some(Some(Event::SessionChanged)));
    }
}
