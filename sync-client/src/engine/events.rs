//! What an engine tells: a queue that never grows beyond a few events, however slowly somebody listens. What would only
//! repeat "ask again" is said once.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use futures::Stream;

use crate::api::{Event, ViewId};
use crate::limits;

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Event>,
    listener: Option<Waker>,
    ended: bool,
}

/// The events of an engine, in the order in which they began to wait. Ends with the engine.
pub struct Events(Rc<RefCell<Queue>>);

/// The engine's end of it.
pub(super) struct Telling(Rc<RefCell<Queue>>);

/// Both ends.
pub(super) fn events() -> (Telling, Events) {
    let queue = Rc::<RefCell<Queue>>::default();
    (Telling(queue.clone()), Events(queue))
}

impl Telling {
    /// Says it with the next delivery, at the latest with what waits of the same kind.
    pub(super) fn tell(&self, event: Event) {
        if let Event::Ended { ids } = &event {
            ids.iter().flatten().for_each(|id| self.leave_out(*id));
        }
        let mut queue = self.0.borrow_mut();
        let mut rest = Some(event);
        for waiting in &mut queue.waiting {
            let Some(event) = rest.take() else { break };
            rest = joined(waiting, event);
        }
        queue.waiting.extend(rest);
    }

    /// Whether something about that view still waits to be heard.
    pub(super) fn waits(&self, id: ViewId) -> bool {
        let about = |event: &Event| matches!(event, Event::Seen(change) if change.id == id);
        self.0.borrow().waiting.iter().any(about)
    }

    /// Nobody hears any more of that view.
    pub(super) fn leave_out(&self, id: ViewId) {
        self.0.borrow_mut().waiting.retain(|event| !matches!(event, Event::Seen(change) if change.id == id));
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

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut queue = self.0.borrow_mut();
        match queue.waiting.pop_front() {
            Some(event) => Poll::Ready(Some(event)),
            None if queue.ended => Poll::Ready(None),
            None => {
                queue.listener = Some(context.waker().clone());
                Poll::Pending
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
        // the newest counts
        (waiting @ Event::Status(_), event @ Event::Status(_))
        | (waiting @ Event::Importing { .. }, event @ Event::Importing { .. })
        | (waiting @ Event::Working { .. }, event @ Event::Working { .. })
        | (waiting @ Event::ReviewChanged, event @ Event::ReviewChanged)
        | (waiting @ Event::SessionChanged, event @ Event::SessionChanged) => *waiting = event,
        (_, event) => return Some(event),
    }
    None
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, StreamExt};
    use sync_protocol::CollectionId;

    use super::*;

    fn changed(name: &str) -> Event {
        Event::Changed { collections: vec![CollectionId::new(name).expect("a valid name")] }
    }

    #[test]
    fn nobody_who_listens_slowly_makes_it_grow_and_nothing_is_left_out() {
        let (telling, mut heard) = events();
        for n in 0..100_000 {
            telling.tell(changed(if n % 2 == 0 { "boats" } else { "crew" }));
            telling.tell(Event::Importing { done: n, total: 100_000 });
            telling.tell(Event::ReviewChanged);
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
    fn who_waits_is_woken() {
        let (telling, mut heard) = events();
        let mut next = Box::pin(heard.next());
        assert!(next.as_mut().now_or_never().is_none());
        telling.tell(Event::SessionChanged);
        telling.deliver();
        assert_eq!(next.now_or_never(), Some(Some(Event::SessionChanged)));
    }
}
