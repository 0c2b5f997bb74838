//! The whole: what everyone shares (engine, session, status, messages), and which screen is shown.

use crate::backend::{Backend, in_shell};
use crate::components::states::loading;
use crate::components::toast::{Toaster, Toasts, toast_list};
use crate::hooks::SessionContext;
use crate::pages::arrivals::Drops;
use crate::pages::frame::{Frame, Place};
use crate::pages::later::{Wanted, later};
use crate::pages::{start, workspaces::Workspaces};
use crate::platform::{clock, network, theme};
use crate::route::{Route, collection_of, workspace_of};
use crate::unsaved::Unsaved;
use std::rc::Rc;
use sync_client::api::{Answer, Command, Event, Failure, Session, Status};
use sync_protocol::{ChangeId, FieldName};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;
use yew_router::prelude::*;

/// Shows the app.
pub fn start() {
    theme::start();
    clock::set_numbers();
    clock::set_dates();
    yew::Renderer::<App>::new().render();
}

#[component]
fn App() -> Html {
    let backend = use_memo((), |()| Backend::connect());
    let backend = (*backend).clone();
    let toasts = use_reducer(Toasts::default);
    let toaster = Toaster(toasts.dispatcher());
    let unsaved = use_memo((), |()| Unsaved::new());
    html! {
        <ContextProvider<Backend> context={backend}>
            <ContextProvider<Toaster> context={toaster}>
                <ContextProvider<Unsaved> context={(*unsaved).clone()}>
                    <BrowserRouter>
                        <Shared />
                    </BrowserRouter>
                    { toast_list(&toasts) }
                </ContextProvider<Unsaved>>
            </ContextProvider<Toaster>>
        </ContextProvider<Backend>>
    }
}

/// Keeps session and status fresh for all screens.
#[component]
fn Shared() -> Html {
    let backend = crate::hooks::use_backend();
    let session = use_state(|| None::<Result<Rc<Session>, Failure>>);
    let status = use_state(|| Rc::new(Status::default()));

    let load = {
        let session = session.setter();
        use_callback(backend.clone(), move |(), backend| {
            let (session, backend) = (session.clone(), backend.clone());
            spawn_local(async move {
                match backend.call(Command::Session).await {
                    Ok(Answer::Session(now)) => session.set(Some(Ok(Rc::new(now)))),
                    Ok(_) => {}
                    Err(failure) => session.set(Some(Err(failure))),
                }
            });
        })
    };
    {
        let (status, load) = (status.setter(), load.clone());
        use_effect_with(backend, move |backend| {
            let (heard, reload) = (status.clone(), load.clone());
            let subscription = backend.subscribe(Callback::from(move |event| match event {
                Event::Status(now) => heard.set(Rc::new(*now)),
                Event::SessionChanged => reload.emit(()),
                Event::Changed { .. }
                | Event::Touched { .. }
                | Event::Seen(_)
                | Event::Ended { .. }
                | Event::ReviewChanged
                | Event::NewReview { .. }
                | Event::Importing { .. }
                | Event::Working { .. } => {}
            }));
            load.emit(());
            let first = backend.clone();
            spawn_local(async move {
                if let Ok(Answer::Status(now)) = first.call(Command::Status).await {
                    status.set(Rc::new(*now));
                }
            });
            let watching = network::watch(backend);
            move || drop((subscription, watching))
        });
    }

    let set = {
        let session = session.setter();
        use_callback((), move |now: Session, ()| session.set(Some(Ok(Rc::new(now)))))
    };
    let unsaved = use_context::<Unsaved>().expect("the app provides it");
    let route = use_route::<Route>();
    let session = match &*session {
        None => return loading("Opening Mooring"),
        Some(Err(failure)) => return start::broken(failure, &load),
        Some(Ok(session)) => session.clone(),
    };
    // before any form is drawn
    unsaved.belongs_to(session.user.as_ref().map(|user| user.id));
    // what is on this device only needs nobody who is signed in
    let is_local = route.as_ref().and_then(Route::workspace).and_then(|name| workspace_of(&session, name));
    let is_local = is_local.is_some_and(|workspace| session.local.contains(workspace));
    html! {
        <ContextProvider<SessionContext> context={SessionContext { session: session.clone(), set }}>
            <ContextProvider<Rc<Status>> context={(*status).clone()}>
                <Drops />
                if in_shell() {
                    { later(Wanted::Shell) }
                }
                if route == Some(Route::Join) && session.server.is_some() {
                    // with or without somebody who is signed in: it stays the same page while one signs in
                    { later(Wanted::Screen(Place::Join)) }
                } else if session.user.is_some() || is_local {
                    <Switch<Route> render={screen} />
                } else if session.server.is_none() {
                    { later(Wanted::Server) }
                } else {
                    <start::SignIn />
                }
            </ContextProvider<Rc<Status>>>
        </ContextProvider<SessionContext>>
    }
}

fn screen(route: Route) -> Html {
    let (workspace, place) = match route {
        Route::Home => return html! { <Workspaces /> },
        Route::Join => return later(Wanted::Screen(Place::Join)),
        Route::Account => return later(Wanted::Screen(Place::Account)),
        Route::WorkspaceSettings { workspace } => (workspace, Place::WorkspaceSettings),
        Route::NotFound => return start::not_found(),
        Route::Workspace { workspace } => (workspace, Place::Start),
        Route::Review { workspace } => (workspace, Place::Review),
        Route::Merges { workspace } => (workspace, Place::Merges),
        Route::Activity { workspace } => (workspace, Place::Activity),
        Route::Mirrors { workspace } => (workspace, Place::Mirrors),
        Route::NewMirror { workspace } => (workspace, Place::NewMirror),
        Route::Decide { workspace, id } => match ChangeId::try_from(id) {
            Ok(id) => (workspace, Place::Decide(id)),
            Err(_) => return start::not_found(),
        },
        Route::Import { workspace } => (workspace, Place::Import),
        Route::NewCollection { workspace } => (workspace, Place::NewCollection),
        Route::Collection { workspace, collection } => match collection_of(&collection) {
            Some(id) => (workspace, Place::Collection(id)),
            None => return start::not_found(),
        },
        Route::Settings { workspace, collection } => match collection_of(&collection) {
            Some(id) => (workspace, Place::Settings(id, None)),
            None => return start::not_found(),
        },
        Route::EditField { workspace, collection, field } => match collection_of(&collection) {
            Some(id) => (workspace, Place::Settings(id, FieldName::new(field).ok())),
            None => return start::not_found(),
        },
        Route::Twice { workspace, collection, field } => {
            match (collection_of(&collection), FieldName::new(field)) {
                (Some(id), Ok(field)) => (workspace, Place::Twice(id, field)),
                _ => return start::not_found(),
            }
        }
        Route::Deleted { workspace, collection } => match collection_of(&collection) {
            Some(id) => (workspace, Place::Deleted(id)),
            None => return start::not_found(),
        },
        Route::NewRecord { workspace, collection } => match collection_of(&collection) {
            Some(id) => (workspace, Place::NewRecord(id)),
            None => return start::not_found(),
        },
        Route::Record { workspace, collection, key } => match collection_of(&collection) {
            Some(id) => (workspace, Place::Record(id, key.0)),
            None => return start::not_found(),
        },
        Route::History { workspace, collection, key } => match collection_of(&collection) {
            Some(id) => (workspace, Place::History(id, key.0)),
            None => return start::not_found(),
        },
    };
    html! { <Frame {workspace} {place} /> }
}
