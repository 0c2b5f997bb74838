//! What comes from outside of the screens: files dropped anywhere on them, and in the desktop app the links, files and
//! notifications that it was opened with, and that its window is about to close.

use super::later::{Wanted, later};
use crate::backend::shell;
use crate::components::dialog::ConfirmProps;
use crate::components::link::use_go;
use crate::components::toast::Toaster;
use crate::hooks::{use_session, use_toaster};
use crate::platform::{self, handed};
use crate::route::{Route, name_of};
use gloo::events::{EventListener, EventListenerOptions};
use serde::Deserialize;
use std::cell::RefCell;
use std::rc::Rc;
use sync_client::api::{Failure, Session};
use sync_protocol::{ChangeId, json};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{DragEvent, File};
use yew::prelude::*;
use yew_router::Routable;

/// What the desktop app was opened with.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Arrival {
    /// The address of a screen.
    Link(String),
    /// A notification: what needs review, one thing or the list.
    Review(Option<ChangeId>),
    /// A file of this name.
    File(String),
}

/// How screens are reached, as it is now.
struct Ways {
    session: Rc<Session>,
    go: Callback<Route>,
    toaster: Toaster,
}

impl Ways {
    /// The workspace that is open, or the only one.
    fn workspace(&self) -> Option<String> {
        let session = &self.session;
        let mut all = session.workspaces.iter().chain(&session.local);
        let only = all.next().filter(|_| all.next().is_none()).map(|workspace| workspace.id);
        name_of(session, session.open.or(only)?)
    }

    fn arrive(&self, arrival: Arrival) {
        let route = match arrival {
            Arrival::Link(path) => Route::recognize(&path).unwrap_or(Route::NotFound),
            Arrival::Review(item) => match (self.workspace(), item) {
                (Some(workspace), Some(id)) => Route::Decide { workspace, id: id.to_string() },
                (Some(workspace), None) => Route::Review { workspace },
                (None, _) => Route::Home,
            },
            Arrival::File(name) => return self.fetch(name),
        };
        self.go.emit(route);
    }

    /// Gets a file from the shell, which may read what the page may not.
    fn fetch(&self, name: String) {
        let (toaster, go, workspace) = (self.toaster.clone(), self.go.clone(), self.workspace());
        spawn_local(async move {
            let read = shell::invoke("arrived_file", &[]).await;
            let file = read
                .and_then(|bytes| File::new_with_buffer_source_sequence(&js_sys::Array::of1(&bytes), &name));
            match file {
                Ok(file) => hand_over(file, workspace, &go, &toaster),
                Err(why) => {
                    let why = why.as_string().unwrap_or_else(|| format!("“{name}” could not be read."));
                    toaster.failure(&Failure::input(why));
                }
            }
        });
    }
}

/// To the import of a workspace; where none is open, of the one that is opened next.
fn hand_over(file: File, workspace: Option<String>, go: &Callback<Route>, toaster: &Toaster) {
    let name = file.name();
    handed::give(file);
    match workspace {
        Some(workspace) => go.emit(Route::Import { workspace }),
        None => {
            toaster.note(format!("Open the workspace that “{name}” goes into."));
            go.emit(Route::Home);
        }
    }
}

/// The ways as they are whenever something arrives.
#[hook]
fn use_ways() -> Rc<RefCell<Option<Ways>>> {
    let (session, go, toaster) = (use_session().session, use_go(), use_toaster());
    let ways = use_mut_ref(|| None);
    *ways.borrow_mut() = Some(Ways { session, go, toaster });
    ways
}

/// Files that are dropped anywhere, and one that waited until a workspace was open.
#[component]
pub fn Drops() -> Html {
    let (session, go, ways) = (use_session().session, use_go(), use_ways());
    let open = session.open.and_then(|id| name_of(&session, id));
    use_effect_with(open, move |open| {
        if let Some(workspace) = open.clone().filter(|_| handed::waits()) {
            go.emit(Route::Import { workspace });
        }
    });
    use_effect_with((), move |()| {
        let dropped = listen_for_drops(ways);
        move || drop(dropped)
    });
    Html::default()
}

/// What only the desktop app has: listens to the shell, and draws the question before the window closes.
#[component]
pub fn InShell() -> Html {
    let (ways, closing) = (use_ways(), use_state_eq(|| false));
    {
        let closing = closing.setter();
        use_effect_with((), move |()| {
            take_all(ways.clone());
            shell::listen("mooring-arrived", move |_| take_all(ways.clone()));
            shell::listen("mooring-closing", move |_| closing.set(true));
            listen_for_keys();
        });
    }
    if !*closing {
        return Html::default();
    }
    let answer = |leave: bool| {
        let closing = closing.setter();
        Callback::from(move |()| {
            closing.set(false);
            shell::tell("leave", ("leave", leave.into()), "the window does not close");
        })
    };
    later(Wanted::Confirm(ConfirmProps {
        title: "Close the window?".into(),
        children: html! { <p>{ "What you wrote is not saved yet. It is kept on this device as a draft, and is in its form again when you come back to it." }</p> },
        action: "Close the window".into(),
        cancel: "Keep editing".into(),
        danger: false,
        busy: false,
        onconfirm: answer(true),
        oncancel: answer(false),
    }))
}

/// Takes from the shell what has arrived there, one after the other.
fn take_all(ways: Rc<RefCell<Option<Ways>>>) {
    spawn_local(async move {
        while let Ok(Some(text)) = shell::invoke("arrived", &[]).await.map(|arrival| arrival.as_string()) {
            if let (Ok(arrival), Some(ways)) = (json::read(&text), &*ways.borrow()) {
                ways.arrive(arrival);
            }
        }
    });
}

/// A browser would leave the page for a file that is dropped beside the place for it.
fn listen_for_drops(ways: Rc<RefCell<Option<Ways>>>) -> [EventListener; 2] {
    let options = EventListenerOptions::enable_prevent_default();
    let window = platform::window();
    let over = EventListener::new_with_options(&window, "dragover", options, |event| {
        let files = event.dyn_ref::<DragEvent>().and_then(DragEvent::data_transfer);
        if files.is_some_and(|files| files.types().includes(&JsValue::from_str("Files"), 0)) {
            event.prevent_default();
        }
    });
    let drop = EventListener::new_with_options(&window, "drop", options, move |event| {
        // the place for it has taken it
        if event.default_prevented() {
            return;
        }
        let files = event.dyn_ref::<DragEvent>().and_then(DragEvent::data_transfer);
        if let Some(file) = files.and_then(|files| files.files()?.get(0))
            && let Some(ways) = &*ways.borrow()
        {
            event.prevent_default();
            hand_over(file, ways.workspace(), &ways.go, &ways.toaster);
        }
    });
    [over, drop]
}

/// The keys of the platform for the window; macOS has them in its own menu.
fn listen_for_keys() {
    let options = EventListenerOptions::enable_prevent_default();
    EventListener::new_with_options(&platform::window(), "keydown", options, |event| {
        let Some(key) = event.dyn_ref::<KeyboardEvent>() else { return };
        let what = match key.key().as_str() {
            "q" => "quit",
            "w" => "close",
            _ => return,
        };
        if key.ctrl_key() && !key.alt_key() && !key.shift_key() && !key.meta_key() {
            event.prevent_default();
            shell::tell("choose", ("what", what.into()), "the window does not close");
        }
    })
    .forget();
}
