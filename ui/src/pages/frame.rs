//! Around every screen of a workspace: masthead, collections at the left, the screen itself.

mod first_sync;
mod masthead;
mod nav;

pub use first_sync::{FirstSync, is_arriving};
pub use masthead::Masthead;

use super::collection::CollectionPage;
use super::collection_form::{DeletedCollections, NewCollection};
use super::import::Import;
use super::left::LeftWorkspace;
use super::merges::MergesPage;
use super::mirrors::{MirrorsPage, NewMirrorPage, only_owners};
use super::record::may_only_read;
use super::review::{Decide, Looking, Review};
use super::settings::Settings;
use crate::backend::on_review_wanted;
use crate::components::button::{Button, Look};
use crate::components::icon::Icon;
use crate::components::link::{Link, use_go};
use crate::components::states::{Empty, Notice, Tint, failed, loading};
use crate::components::status_details::{at_risk, storage_at_risk};
use crate::hooks::{Ask, use_ask, use_call, use_session, use_status, use_title_of};
use crate::platform::{dom, update};
use crate::route::{Route, left_of, workspace_of};
use nav::Nav;
use std::rc::Rc;
use sync_client::api::{
    Answer, CollectionInfo, Command, Event, Failure, Session, Status, may_edit, may_manage, may_shape,
};
use sync_client::text;
use sync_protocol::message::Workspace;
use sync_protocol::{ChangeId, CollectionId, FieldName, RecordKey, WorkspaceId};
use yew::prelude::*;

/// A screen within a workspace.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// Its first collection, or what to do while there is none.
    Start,
    Review,
    Merges,
    /// The tables that are mirrored.
    Mirrors,
    NewMirror,
    Decide(ChangeId),
    Import,
    NewCollection,
    Collection(CollectionId),
    NewRecord(CollectionId),
    Record(CollectionId, RecordKey),
    /// The versions of a record.
    History(CollectionId, RecordKey),
    /// A collection's settings; the field of it that is changed first.
    Settings(CollectionId, Option<FieldName>),
}

impl Place {
    /// The collection in view.
    pub fn collection(&self) -> Option<&CollectionId> {
        match self {
            Self::Collection(id)
            | Self::NewRecord(id)
            | Self::Record(id, _)
            | Self::History(id, _)
            | Self::Settings(id, _) => Some(id),
            Self::Start
            | Self::Review
            | Self::Decide(_)
            | Self::Merges
            | Self::Mirrors
            | Self::NewMirror
            | Self::Import
            | Self::NewCollection => None,
        }
    }
}

/// What all screens of a workspace know.
#[derive(Clone, PartialEq)]
pub struct Here {
    /// Its name in addresses.
    pub name: AttrValue,
    pub workspace: Workspace,
    /// Its collections, as last heard.
    pub collections: Rc<Vec<CollectionInfo>>,
    /// Those that were deleted.
    pub deleted: Rc<Vec<CollectionInfo>>,
}

impl Here {
    /// Whether the person may change records.
    pub fn may_edit(&self) -> bool {
        may_edit(self.workspace.role)
    }

    /// Whether the person may change collections and fields.
    pub fn may_shape(&self) -> bool {
        may_shape(self.workspace.role)
    }

    /// Whether the person may say who is a member and which tables are mirrored.
    pub fn may_manage(&self) -> bool {
        may_manage(self.workspace.role)
    }

    /// A collection of this workspace.
    pub fn collection(&self, id: &CollectionId) -> Option<&CollectionInfo> {
        self.collections.iter().find(|info| &info.id == id)
    }

    /// The screen of a collection.
    pub fn to_collection(&self, id: &CollectionId) -> Route {
        Route::Collection { workspace: self.name.to_string(), collection: id.to_string() }
    }
}

/// The workspace that screens are in.
#[hook]
pub fn use_here() -> Here {
    use_context().expect("a workspace's frame provides it")
}

#[derive(PartialEq, Properties)]
pub struct FrameProps {
    /// Its name in addresses.
    pub workspace: AttrValue,
    pub place: Place,
}

/// Opens the workspace, then shows the screen.
#[component]
pub fn Frame(props: &FrameProps) -> Html {
    let session = use_session().session;
    let Some(workspace) = workspace_of(&session, &props.workspace).cloned() else {
        if let Some(left) = left_of(&session, &props.workspace) {
            return html! {
                <div class="mooring-plain">
                    <Masthead />
                    <main id="main" class="mooring-narrow"><LeftWorkspace left={left.clone()} /></main>
                </div>
            };
        }
        let advice = "Ask an owner to add you, or choose another one.";
        return super::start::nowhere("This workspace is not yours, or not there", advice);
    };
    let key = workspace.id.to_string();
    html! { <Opened {key} {workspace} name={props.workspace.clone()} place={props.place.clone()} /> }
}

#[derive(PartialEq, Properties)]
struct OpenedProps {
    workspace: Workspace,
    name: AttrValue,
    place: Place,
}

#[component]
fn Opened(props: &OpenedProps) -> Html {
    let (open, again) = use_open(props.workspace.id);
    let session = use_session().session;
    let elsewhere = session.open.filter(|id| *id != props.workspace.id && matches!(&*open, Some(Ok(()))));
    {
        // another tab took over, and knows of no open workspace yet
        let lost = session.open.is_none() && matches!(&*open, Some(Ok(())));
        let again = again.clone();
        use_effect_with(lost, move |lost| {
            if *lost {
                again.emit(());
            }
        });
    }
    if let Some(other) = elsewhere {
        return moved(&session, other, &props.workspace, &props.name, &again);
    }
    match &*open {
        None => {
            html! { <div class="mooring-plain"><Masthead current={props.name.clone()} />{ loading("Opening the workspace") }</div> }
        }
        Some(Err(failure)) => html! {
            <div class="mooring-plain">
                <Masthead current={props.name.clone()} />
                <main id="main" class="mooring-narrow">{ failed(failure, &again) }</main>
            </div>
        },
        Some(Ok(())) => {
            html! { <Inside workspace={props.workspace.clone()} name={props.name.clone()} place={props.place.clone()} /> }
        }
    }
}

/// One workspace is open at a time on a device: another tab has opened another one.
fn moved(
    session: &Session,
    other: WorkspaceId,
    here: &Workspace,
    name: &AttrValue,
    again: &Callback<()>,
) -> Html {
    let other = session.workspaces.iter().chain(&session.local).find(|workspace| workspace.id == other);
    let other = other.map_or("another workspace", |workspace| workspace.name.as_str());
    let onclick = again.reform(|_: MouseEvent| ());
    html! {
        <div class="mooring-plain">
            <Masthead current={name.clone()} />
            <main id="main">
                <Empty title={format!("“{other}” is open in another tab")} icon={Icon::Table} page=true test="open-elsewhere">
                    <div class="pf-v6-c-empty-state__body">
                        { "One workspace is open at a time on this device. Everything is saved." }
                    </div>
                    <div class="pf-v6-c-empty-state__footer">
                        <Button look={Look::Primary} text={format!("Open “{}” instead", here.name)} {onclick} test="open-here" />
                    </div>
                </Empty>
            </main>
        </div>
    }
}

/// Whether the workspace is open; asks the engine to open it.
#[hook]
fn use_open(id: WorkspaceId) -> (UseStateHandle<Option<Result<(), Failure>>>, Callback<()>) {
    let call = use_call();
    let context = use_session();
    let open = use_state(|| None);
    let start = {
        let open = open.setter();
        use_callback((call, context.session, context.set), move |(), (call, session, set)| {
            let (open, set, session) = (open.clone(), set.clone(), session.clone());
            let done = Callback::from(move |outcome| match outcome {
                Ok(_) => {
                    open.set(Some(Ok(())));
                    if session.open != Some(id) {
                        set.emit(Session { open: Some(id), ..(*session).clone() });
                    }
                }
                Err(failure) => open.set(Some(Err(failure))),
            });
            call.emit((Command::Open { workspace: id }, done));
        })
    };
    {
        let start = start.clone();
        use_effect_with(id, move |_| start.emit(()));
    }
    (open, start)
}

#[component]
fn Inside(props: &OpenedProps) -> Html {
    let ask = use_ask(
        (),
        |()| Command::Collections,
        pick_collections,
        |(), event| matches!(event, Event::Changed { .. } | Event::ReviewChanged),
    );
    let looking = use_memo((), |()| Looking::default());
    let status = use_status();
    let nav_open = use_state_eq(|| false);
    {
        let nav_open = nav_open.setter();
        use_effect_with(props.place.clone(), move |_| nav_open.set(false));
    }
    {
        let (go, workspace) = (use_go(), props.name.to_string());
        use_effect_with((go, workspace), |(go, workspace)| {
            let (go, workspace) = (go.clone(), workspace.clone());
            let listener = on_review_wanted(move || go.emit(Route::Review { workspace: workspace.clone() }));
            move || drop(listener)
        });
    }
    let title = match &props.place {
        Place::Start => Some(""),
        Place::Review | Place::Decide(_) => Some("Needs review"),
        Place::Merges => Some("Merged automatically"),
        Place::Mirrors => Some("Mirrored tables"),
        Place::NewMirror => Some("Mirror a table"),
        Place::Import => Some("Import"),
        Place::NewCollection => Some("New collection"),
        // the collection's own page names them
        Place::Settings(..)
        | Place::Collection(_)
        | Place::NewRecord(_)
        | Place::Record(..)
        | Place::History(..) => None,
    };
    use_title_of(title.map(|title| match title {
        "" => props.workspace.name.clone(),
        title => format!("{title} · {}", props.workspace.name),
    }));
    let close_nav = {
        let nav_open = nav_open.setter();
        Callback::from(move |_: MouseEvent| nav_open.set(false))
    };
    let nav_keys = {
        let nav_open = nav_open.setter();
        Callback::from(move |event: KeyboardEvent| {
            if event.key() == "Escape" {
                nav_open.set(false);
                dom::focus("[data-test=nav-toggle]");
            }
        })
    };
    let toggle = {
        let nav_open = nav_open.clone();
        Callback::from(move |()| nav_open.set(!*nav_open))
    };
    let skip = Callback::from(|event: MouseEvent| {
        event.prevent_default();
        dom::focus("#main");
    });
    let Ask { data, failure, reload, .. } = ask;
    let Some(collections) = data else {
        return html! {
            <div class="mooring-plain">
                <Masthead current={props.name.clone()} />
                <main id="main" class="mooring-narrow">
                    if let Some(failure) = &failure { { failed(failure, &reload) } } else { { loading("Reading the collections") } }
                </main>
            </div>
        };
    };
    let (deleted, collections) = (*collections).clone();
    let here = Here { name: props.name.clone(), workspace: props.workspace.clone(), collections, deleted };
    html! {
        <ContextProvider<Here> context={here.clone()}>
            <div class="pf-v6-c-page">
                <a class="pf-v6-c-skip-to-content pf-v6-c-button pf-m-primary" href="#main" onclick={skip}>{ "Skip to the content" }</a>
                <Masthead current={props.name.clone()} {toggle} nav_open={*nav_open} />
                if *nav_open {
                    // what is beside it is for closing it, not for what lies there
                    <div class="mooring-scrim" onclick={close_nav} data-test="nav-scrim"></div>
                }
                <div onkeydown={nav_keys} class={classes!("pf-v6-c-page__sidebar", if *nav_open { "pf-m-expanded" } else { "mooring-sidebar" })}>
                    <div class="pf-v6-c-page__sidebar-body">
                        <Nav place={props.place.clone()} />
                    </div>
                </div>
                <div class="pf-v6-c-page__main-container">
                    <main class="pf-v6-c-page__main" id="main" tabindex="-1">
                        <Banners />
                        <ContextProvider<Looking> context={(*looking).clone()}>
                            { screen(&props.place, &here, &status) }
                        </ContextProvider<Looking>>
                    </main>
                </div>
            </div>
        </ContextProvider<Here>>
    }
}

/// Those that were deleted, and the others.
type Collections = (Rc<Vec<CollectionInfo>>, Rc<Vec<CollectionInfo>>);

fn pick_collections(answer: Answer) -> Option<Collections> {
    match answer {
        Answer::Collections(mut list) => {
            let places =
                text::Collation::default().places(list.iter().map(|info| info.collection.label.as_str()));
            list.sort_by_key(|info| places.get(&info.collection.label).copied());
            let (deleted, there) = list.into_iter().partition(|info| info.collection.deleted);
            Some((Rc::new(deleted), Rc::new(there)))
        }
        _ => None,
    }
}

fn screen(place: &Place, here: &Here, status: &Status) -> Html {
    match place {
        Place::Start => html! { <Start /> },
        Place::Review => html! { <Review /> },
        Place::Merges => html! { <MergesPage /> },
        Place::Mirrors | Place::NewMirror if !here.may_manage() => {
            html! { <section class="mooring-narrow">{ only_owners() }</section> }
        }
        Place::Mirrors => html! { <MirrorsPage /> },
        Place::NewMirror => html! { <NewMirrorPage /> },
        Place::Decide(id) => html! { <Decide key={id.to_string()} id={*id} /> },
        Place::Import => html! { <Import /> },
        Place::NewCollection if !here.may_shape() => {
            html! { <section class="mooring-narrow">{ may_only_read() }</section> }
        }
        Place::NewCollection => html! { <NewCollection /> },
        Place::Settings(id, field) if here.collection(id).is_some() => {
            html! { <Settings key={id.to_string()} id={id.clone()} field={field.clone()} /> }
        }
        Place::Collection(id)
        | Place::NewRecord(id)
        | Place::Record(id, _)
        | Place::History(id, _)
        | Place::Settings(id, _) => match here.collection(id) {
            Some(info) => {
                html! { <CollectionPage key={id.to_string()} info={info.clone()} place={place.clone()} /> }
            }
            None if here.deleted.iter().any(|info| info.id == *id) && here.may_shape() => {
                html! { <section class="mooring-narrow"><DeletedCollections /></section> }
            }
            None if is_arriving(status) => html! { <FirstSync page=true /> },
            None => html! {
                <Empty title="This collection is not here" icon={Icon::Search} page=true test="collection-gone">
                    <div class="pf-v6-c-empty-state__body">
                        { "It may have been removed, or has not arrived on this device yet." }
                    </div>
                    <div class="pf-v6-c-empty-state__footer">
                        <Link to={Route::Workspace { workspace: here.name.to_string() }} class="pf-v6-c-button pf-m-primary">{ format!("To {}", here.workspace.name) }</Link>
                    </div>
                </Empty>
            },
        },
    }
}

/// Things to know on every screen: a new release, unsent changes at risk, what happened to this device's records.
#[component]
fn Banners() -> Html {
    let status = use_status();
    let update_ready = use_state_eq(update::ready);
    {
        let update_ready = update_ready.setter();
        use_effect_with((), move |()| {
            let listener = update::on_ready(move || update_ready.set(true));
            move || drop(listener)
        });
    }
    let reload = Callback::from(|_: MouseEvent| update::reload());
    let read = use_state_eq(|| None::<String>);
    let notice = status.notice.clone().filter(|notice| read.as_ref() != Some(notice));
    let close = {
        let (read, notice) = (read.setter(), notice.clone());
        Callback::from(move |_: MouseEvent| read.set(notice.clone()))
    };
    html! {
        <>
            if *update_ready {
                <div class="mooring-banner">
                    <Notice tint={Tint::Info} title="A new version of Mooring is ready" test="update-ready"
                        actions={html! { <Button look={Look::Link} text="Reload to update" onclick={reload} test="update" /> }} />
                </div>
            }
            if let Some(notice) = notice {
                <div class="mooring-banner">
                    <Notice tint={Tint::Warning} title={notice} test="notice"
                        actions={html! { <Button look={Look::Link} text="Close" onclick={close} test="notice-close" /> }} />
                </div>
            }
            if storage_at_risk(&status) && status.oldest_pending.is_some_and(|at| crate::platform::clock::now().0 - at.0 > AT_RISK_MS) {
                <div class="mooring-banner">
                    <Notice tint={Tint::Warning} title="Unsent changes are waiting on this device" test="storage-warning-banner">
                        { at_risk(&status) }
                    </Notice>
                </div>
            }
        </>
    }
}

/// A change that waits longer than this (in milliseconds) is worth a warning on every screen.
const AT_RISK_MS: i64 = 60 * 60 * 1000;

/// The first collection, or how to get one.
#[component]
fn Start() -> Html {
    let here = use_here();
    let go = use_go();
    let status = use_status();
    let first = here.collections.first().map(|info| here.to_collection(&info.id));
    {
        let navigator = yew_router::hooks::use_navigator();
        use_effect_with(first.clone(), move |first| {
            if let (Some(first), Some(navigator)) = (first, navigator) {
                navigator.replace(first);
            }
        });
    }
    if first.is_some() {
        return Html::default();
    }
    if is_arriving(&status) {
        return html! { <FirstSync page=true /> };
    }
    let workspace = here.name.to_string();
    let import = {
        let (go, workspace) = (go.clone(), workspace.clone());
        Callback::from(move |_: MouseEvent| go.emit(Route::Import { workspace: workspace.clone() }))
    };
    let make =
        Callback::from(move |_: MouseEvent| go.emit(Route::NewCollection { workspace: workspace.clone() }));
    html! {
        <Empty title="No collections yet" icon={Icon::Table} page=true test="no-collections">
            <div class="pf-v6-c-empty-state__body">
                { "A collection holds records of one kind, such as customers or machines. Bring a CSV or JSON file, or start with an empty one." }
            </div>
            if here.may_shape() {
                <div class="pf-v6-c-empty-state__footer">
                    <div class="pf-v6-c-empty-state__actions">
                        <Button look={Look::Primary} icon={Icon::Upload} text="Import a file" onclick={import} />
                        <Button icon={Icon::Plus} text="New collection" onclick={make} />
                    </div>
                </div>
            }
        </Empty>
    }
}
