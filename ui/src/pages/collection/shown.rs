//! What a collection's page shows, and where that is kept: rows, order and fields in the address, sizes of columns on this
//! device.

use crate::components::link;
use crate::grid::address::Shown;
use crate::grid::columns::Sizes;
use crate::live::use_live;
use crate::platform::{self, dom};
use crate::route::{Route, same_collection};
use gloo::events::EventListener;
use gloo::storage::{LocalStorage, Storage};
use gloo::timers::callback::Timeout;
use std::rc::Rc;
use yew::prelude::*;
use yew_router::hooks::{use_location, use_navigator};

/// Letters within this many milliseconds are one change of the address: browsers refuse many of them.
const GATHER_MS: u32 = 250;

/// What is shown, as the address has it, how to show something else, and how to search in it. Each change can be taken back by the browser's
/// Back, but for letters of one search and one filter.
#[hook]
pub fn use_shown() -> (Rc<Shown>, Callback<Shown>, Callback<String>) {
    let query = use_location()
        .map(|location| location.query_str().trim_start_matches('?').to_owned())
        .unwrap_or_default();
    let navigator = use_navigator();
    let shown = use_live(|| Shown::read(&query));
    let seen = use_mut_ref(|| query.clone());
    let timer = use_mut_ref(|| None::<Timeout>);
    if *seen.borrow() != query {
        // Back, a link, or what was written just now
        seen.borrow_mut().clone_from(&query);
        if timer.borrow().is_none() {
            shown.put(Shown::read(&query));
        }
    }
    let now = shown.get();
    let search = shown.clone();
    let show = use_callback((), move |next: Shown, ()| {
        let before = shown.get();
        let refined = Shown { search: next.search.clone(), filter: next.filter.clone(), ..(*before).clone() };
        let replaces = refined == next && before.narrows() && next.narrows();
        shown.set(next);
        let (navigator, shown, later) = (navigator.clone(), shown.clone(), timer.clone());
        let here = platform::path();
        let write = move || {
            *later.borrow_mut() = None;
            // a record may have been opened since, or another collection
            let path = platform::path();
            let same = same_collection(&here, &path);
            if let (Some(navigator), Some(route), true) = (&navigator, Route::here(), same) {
                link::show(navigator, &route, &shown.get().write(), replaces);
            }
        };
        if replaces {
            *timer.borrow_mut() = Some(Timeout::new(GATHER_MS, write));
        } else {
            write();
        }
    });
    // a search starts later than its letters: all else is as it is by then
    let find = use_callback(show.clone(), move |text: String, show| {
        show.emit(Shown { search: text, ..(*search.get()).clone() });
    });
    (now, show, find)
}

/// Sizes of columns, and which of them stay in place, as this device keeps them.
#[hook]
pub fn use_sizes(workspace: &str, collection: &str) -> (Rc<Sizes>, Callback<Sizes>) {
    let key = format!("mooring-columns.{workspace}.{collection}");
    let sizes = {
        let key = key.clone();
        use_live(move || LocalStorage::get::<Sizes>(&key).unwrap_or_default())
    };
    let now = sizes.get();
    let set = use_callback(key, move |next: Sizes, key| {
        // a full or forbidden storage: the columns are so until the page is left
        let _ = LocalStorage::set(key, &next);
        sizes.set(next);
    });
    (now, set)
}

/// Whether there is as little room as on a phone.
#[hook]
pub fn use_narrow() -> bool {
    let narrow = use_state_eq(dom::is_narrow);
    {
        let narrow = narrow.setter();
        use_effect_with((), move |()| {
            let listener =
                EventListener::new(&platform::window(), "resize", move |_| narrow.set(dom::is_narrow()));
            move || drop(listener)
        });
    }
    *narrow
}
