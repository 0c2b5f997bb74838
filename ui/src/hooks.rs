//! What pages and components use to know things: the engine, the session, the status, answers that stay fresh.

use crate::backend::{Backend, Outcome};
use crate::components::toast::Toaster;
use gloo::timers::callback::Timeout;
use std::cell::RefCell;
use std::rc::Rc;
use sync_client::api::{Answer, Command, Event, Failure, Session, Status};
use yew::platform::spawn_local;
use yew::prelude::*;

/// The session as last heard, and how to tell everyone of a newer one.
#[derive(Clone, PartialEq)]
pub struct SessionContext {
    /// Who is signed in where.
    pub session: Rc<Session>,
    /// Tells everyone.
    pub set: Callback<Session>,
}

/// The engine.
#[hook]
pub fn use_backend() -> Backend {
    use_context().expect("the app provides its backend")
}

/// Who is signed in where.
#[hook]
pub fn use_session() -> SessionContext {
    use_context().expect("the app provides its session")
}

/// The status as last heard.
#[hook]
pub fn use_status() -> Rc<Status> {
    use_context().expect("the app provides its status")
}

/// Where short messages go.
#[hook]
pub fn use_toaster() -> Toaster {
    use_context().expect("the app provides its toaster")
}

/// Names the screen in tabs, bookmarks and the browser's history.
#[hook]
pub fn use_title(title: &str) {
    use_title_of(Some(title.to_owned()));
}

/// The same; `None`: what is within names it.
#[hook]
pub fn use_title_of(title: Option<String>) {
    use_effect_with(title, |title| {
        if let Some(title) = title {
            crate::platform::document().set_title(&format!("{title} · Mooring"));
        }
    });
}

/// Sends a command and hands its end to a callback; a reply that comes after the component has gone is dropped.
#[hook]
pub fn use_call() -> Callback<(Command, Callback<Outcome>)> {
    let backend = use_backend();
    let here = use_mut_ref(|| true);
    {
        let here = here.clone();
        use_effect_with((), move |()| move || *here.borrow_mut() = false);
    }
    use_callback(backend, move |(command, done): (Command, Callback<Outcome>), backend| {
        let (backend, here) = (backend.clone(), here.clone());
        spawn_local(async move {
            let outcome = backend.call(command).await;
            if *here.borrow() {
                done.emit(outcome);
            }
        });
    })
}

/// Hears events while the component is there.
#[hook]
pub fn use_event(listener: Callback<Event>) {
    let backend = use_backend();
    use_effect_with((backend, listener), |(backend, listener)| {
        let subscription = backend.subscribe(listener.clone());
        move || drop(subscription)
    });
}

/// An answer that is asked for again when its question changes or an event says so.
pub struct Ask<T> {
    /// The last answer; it stays while a newer one is on its way.
    pub data: Option<Rc<T>>,
    /// Why there is no newer answer.
    pub failure: Option<Failure>,
    /// Whether a newer answer is on its way.
    pub busy: bool,
    /// Asks again.
    pub reload: Callback<()>,
}

struct AskState<T> {
    data: Option<Rc<T>>,
    failure: Option<Failure>,
    busy: bool,
}

/// A number that grows: a reason to ask again.
#[derive(Default)]
struct Round(u64);

impl Reducible for Round {
    type Action = ();
    fn reduce(self: Rc<Self>, (): ()) -> Rc<Self> {
        Rc::new(Self(self.0 + 1))
    }
}

/// What keeps answers in order: the newest question, and whether something happened meanwhile.
#[derive(Default)]
struct Flight {
    newest: u64,
    flying: bool,
    stale: bool,
    timer: Option<Timeout>,
}

/// Events within this many milliseconds count as one: an import changes a collection many times a second.
const GATHER_MS: u32 = 120;

/// Asks, keeps the answer fresh.
#[hook]
pub fn use_ask<K, T>(
    key: K,
    make: fn(&K) -> Command,
    pick: fn(Answer) -> Option<T>,
    again_on: fn(&K, &Event) -> bool,
) -> Ask<T>
where
    K: Clone + PartialEq + 'static,
    T: 'static,
{
    let backend = use_backend();
    let state = use_state(|| AskState::<T> { data: None, failure: None, busy: true });
    let last = use_mut_ref(|| None::<Rc<T>>);
    let round = use_reducer(Round::default);
    let flight: Rc<RefCell<Flight>> = use_mut_ref(Flight::default);

    {
        let (state, last, flight, again) = (state.setter(), last, flight.clone(), round.dispatcher());
        use_effect_with((backend.clone(), key.clone(), round.0), move |(backend, key, _)| {
            let number = {
                let mut flight = flight.borrow_mut();
                flight.newest += 1;
                flight.flying = true;
                flight.stale = false;
                flight.newest
            };
            state.set(AskState { data: last.borrow().clone(), failure: None, busy: true });
            let (backend, command, cleanup) = (backend.clone(), make(key), flight.clone());
            spawn_local(async move {
                let outcome = backend.call(command).await;
                if flight.borrow().newest != number {
                    return;
                }
                match outcome.map(pick) {
                    Ok(Some(data)) => {
                        *last.borrow_mut() = Some(Rc::new(data));
                        state.set(AskState { data: last.borrow().clone(), failure: None, busy: false });
                    }
                    Ok(None) => gloo::console::error!("an answer of another kind"),
                    Err(failure) => {
                        let data = last.borrow().clone();
                        state.set(AskState { data, failure: Some(failure), busy: false });
                    }
                }
                let stale = {
                    let mut flight = flight.borrow_mut();
                    flight.flying = false;
                    std::mem::take(&mut flight.stale)
                };
                if stale {
                    again.dispatch(());
                }
            });
            // an answer to an older question, or to a component that has gone, is dropped
            move || cleanup.borrow_mut().newest += 1
        });
    }

    let again = round.dispatcher();
    let listener = use_callback(key, move |event: Event, key| {
        // what was heard of an engine that has gone may have had an end that was not heard
        if !matches!(event, Event::Ended { ids: None }) && !again_on(key, &event) {
            return;
        }
        let mut now = flight.borrow_mut();
        if now.flying {
            now.stale = true;
        } else if now.timer.is_none() {
            let (again, flight) = (again.clone(), flight.clone());
            now.timer = Some(Timeout::new(GATHER_MS, move || {
                flight.borrow_mut().timer = None;
                again.dispatch(());
            }));
        }
    });
    use_event(listener);

    let again = round.dispatcher();
    let reload = use_callback((), move |(), ()| again.dispatch(()));
    Ask { data: state.data.clone(), failure: state.failure.clone(), busy: state.busy, reload }
}
