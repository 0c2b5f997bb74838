//! What the first load does not carry: screens, and what opens over them. They are in parts of the program, each a module of its
//! own that comes when something of it is asked for; the build takes the program apart (`xtask/src/wasm.rs`), the service
//! worker keeps all parts of a release together. Whatever only these need goes along with them by itself.

use super::activity::Activity;
use super::arrivals::InShell;
use super::collection::print::{Printed, PrintedProps};
use super::collection::views::{SaveView, SaveViewProps};
use super::collection::{DeleteRecords, DeleteRecordsProps};
use super::collection_form::{AddField, AddFieldProps, NewCollection};
use super::deleted::DeletedPage;
use super::frame::palette::{Palette, PaletteProps};
use super::frame::{Here, Place, overlay};
use super::import::Import;
use super::left::{LeftWorkspace, LeftWorkspaceProps};
use super::local::{Connect, ConnectProps, RemoveRecords, RemoveRecordsProps};
use super::merges::MergesPage;
use super::mirrors::{MirrorsPage, NewMirrorPage, only_owners};
use super::people::{AccountPage, JoinPage, WorkspaceSettings};
use super::record::{Around, NewRecord, ReadOnly, RecordPanel, may_only_read};
use super::review::{Decide, Review};
use super::settings::Settings;
use super::sign_out::{SignOut, SignOutProps};
use super::start::Server;
use super::twice::TwicePage;
use super::workspaces::{NewWorkspace, NewWorkspaceProps};
use crate::components::button::Button;
use crate::components::dialog::{Confirm, ConfirmProps, use_modal};
use crate::components::states::{failed, loading};
use crate::components::status_details::{StatusDetails, StatusDetailsProps};
use crate::grid::bulk::{EditMany, EditManyProps};
use crate::grid::conditions::{Conditions, conditions};
use crate::grid::menus::{Grouping, Showing, fields, groups, sorts};
use std::cell::Cell;
use sync_client::api::{Failure, FailureKind};
use wasm_bindgen_futures::spawn_local;
use wasm_split_helpers::{SplitLoaderError, wasm_split};
use yew::prelude::*;

const NOT_THERE: &str = "This screen could not be loaded. Check the network, then try again. If it still does not come, reload the page.";

/// What comes later.
#[derive(Clone, PartialEq)]
pub enum Wanted {
    /// A screen that has the page, or what the frame leaves of it.
    Screen(Place),
    /// The record beside the grid, and where it stands in the view.
    Record {
        place: Place,
        around: Around,
        onclose: Callback<()>,
    },
    /// Where the server is, on a desktop.
    Server,
    /// What a desktop's shell has to say.
    Shell,
    Left(LeftWorkspaceProps),
    /// Small forms behind the buttons of the grid's bar.
    Conditions(Conditions),
    Sorts(Showing),
    Groups(Grouping),
    Fields(Showing),
    // over the screen
    Palette(PaletteProps),
    Keys {
        place: Place,
        onclose: Callback<()>,
    },
    Status(StatusDetailsProps),
    Confirm(ConfirmProps),
    DeleteRecords(DeleteRecordsProps),
    EditMany(EditManyProps),
    AddField(AddFieldProps),
    SaveView(SaveViewProps),
    Print(PrintedProps),
    NewWorkspace(NewWorkspaceProps),
    RemoveRecords(RemoveRecordsProps),
    Connect(ConnectProps),
    SignOut(SignOutProps),
}

impl Wanted {
    fn part(&self) -> Part {
        match self {
            Self::Screen(place) => match place {
                Place::Review | Place::Merges | Place::Decide(_) => Part::Review,
                Place::WorkspaceSettings | Place::Account | Place::Join => Part::People,
                _ => Part::Setup,
            },
            Self::Record { .. } => Part::Record,
            Self::AddField(_) => Part::Setup,
            Self::Server
            | Self::Left(_)
            | Self::NewWorkspace(_)
            | Self::RemoveRecords(_)
            | Self::Connect(_) => Part::People,
            _ => Part::Over,
        }
    }

    /// What opens over the screen is closed by this.
    fn onclose(&self) -> Option<Callback<()>> {
        Some(match self {
            Self::Screen(_) | Self::Record { .. } | Self::Server | Self::Shell | Self::Left(_) => {
                return None;
            }
            Self::Conditions(_) | Self::Sorts(_) | Self::Groups(_) | Self::Fields(_) => return None,
            Self::Palette(PaletteProps { onclose, .. })
            | Self::Keys { onclose, .. }
            | Self::Status(StatusDetailsProps { close: onclose, .. })
            | Self::Confirm(ConfirmProps { oncancel: onclose, .. })
            | Self::EditMany(EditManyProps { onclose, .. })
            | Self::AddField(AddFieldProps { onclose, .. })
            | Self::SaveView(SaveViewProps { onclose, .. })
            | Self::Print(PrintedProps { onclose, .. })
            | Self::NewWorkspace(NewWorkspaceProps { onclose, .. })
            | Self::RemoveRecords(RemoveRecordsProps { onclose, .. })
            | Self::Connect(ConnectProps { onclose, .. })
            | Self::SignOut(SignOutProps { onclose, .. }) => onclose.clone(),
            Self::DeleteRecords(DeleteRecordsProps { ondone, .. }) => ondone.reform(|()| false),
        })
    }
}

/// Draws what is in a part, and nothing of what is in another one. Screens of workspaces are drawn within one.
type Draw = fn(&Wanted, Option<&Here>) -> Html;

/// A part of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The record beside the grid.
    Record,
    /// What needs review, and what was merged.
    Review,
    /// How a workspace is set up (imports, mirrors, new collections, settings), and looking back: deleted records, what was sent.
    Setup,
    /// Members, invitations, one's own account; workspaces that come and go.
    People,
    /// What opens over a screen.
    Over,
}

thread_local! {
    /// The parts that have come.
    static HAVE: [Cell<Option<Draw>>; 5] = const { [const { Cell::new(None) }; 5] };
}

impl Part {
    fn have(self) -> Option<Draw> {
        HAVE.with(|have| have[self as usize].get())
    }

    async fn load(self) -> Result<(), SplitLoaderError> {
        let draw = match self {
            Self::Record => record().await,
            Self::Review => review().await,
            Self::Setup => setup().await,
            Self::People => people().await,
            Self::Over => over().await,
        }?;
        HAVE.with(|have| have[self as usize].set(Some(draw)));
        Ok(())
    }
}

#[wasm_split(record, fallible)]
fn record() -> Result<Draw, SplitLoaderError> {
    Ok(|wanted, here| {
        let (Wanted::Record { place, around, onclose }, Some(here)) = (wanted, here) else {
            return Html::default();
        };
        let Some(info) = place.collection().and_then(|id| here.collection(id)) else {
            return Html::default();
        };
        match place {
            Place::NewRecord(_) if !here.may_edit() => html! { <ReadOnly {onclose} /> },
            Place::NewRecord(_) => html! { <NewRecord info={info.clone()} {onclose} /> },
            Place::Record(_, key) | Place::History(_, key) => html! {
                <RecordPanel key={key.to_text()} info={info.clone()} record={key.clone()}
                    history={matches!(place, Place::History(..))} around={around.clone()} {onclose} />
            },
            _ => Html::default(),
        }
    })
}

#[wasm_split(review, fallible)]
fn review() -> Result<Draw, SplitLoaderError> {
    Ok(|wanted, _| match wanted {
        Wanted::Screen(Place::Review) => html! { <Review /> },
        Wanted::Screen(Place::Merges) => html! { <MergesPage /> },
        Wanted::Screen(Place::Decide(id)) => html! { <Decide key={id.to_string()} id={*id} /> },
        _ => Html::default(),
    })
}

#[wasm_split(setup, fallible)]
fn setup() -> Result<Draw, SplitLoaderError> {
    Ok(|wanted, here| {
        let place = match wanted {
            Wanted::Screen(place) => place,
            Wanted::AddField(props) => return html! { <AddField ..props.clone() /> },
            _ => return Html::default(),
        };
        match place {
            Place::Mirrors | Place::NewMirror if !here.is_some_and(Here::may_manage) => {
                html! { <section class="mooring-narrow">{ only_owners() }</section> }
            }
            Place::Mirrors => html! { <MirrorsPage /> },
            Place::NewMirror => html! { <NewMirrorPage /> },
            Place::Import => html! { <Import /> },
            Place::NewCollection if !here.is_some_and(Here::may_shape) => {
                html! { <section class="mooring-narrow">{ may_only_read() }</section> }
            }
            Place::NewCollection => html! { <NewCollection /> },
            Place::Settings(id, field) => {
                html! { <Settings key={id.to_string()} id={id.clone()} field={field.clone()} /> }
            }
            Place::Activity => html! { <Activity /> },
            Place::Twice(id, field) => {
                html! { <TwicePage key={format!("{id} {field}")} id={id.clone()} field={field.clone()} /> }
            }
            Place::Deleted(id) => html! { <DeletedPage key={id.to_string()} id={id.clone()} /> },
            _ => Html::default(),
        }
    })
}

#[wasm_split(people, fallible)]
fn people() -> Result<Draw, SplitLoaderError> {
    Ok(|wanted, _| match wanted {
        Wanted::Screen(Place::WorkspaceSettings) => html! { <WorkspaceSettings /> },
        Wanted::Screen(Place::Account) => html! { <AccountPage /> },
        Wanted::Screen(Place::Join) => html! { <JoinPage /> },
        Wanted::Server => html! { <Server /> },
        Wanted::Left(props) => html! { <LeftWorkspace ..props.clone() /> },
        Wanted::NewWorkspace(props) => html! { <NewWorkspace ..props.clone() /> },
        Wanted::RemoveRecords(props) => html! { <RemoveRecords ..props.clone() /> },
        Wanted::Connect(props) => html! { <Connect ..props.clone() /> },
        _ => Html::default(),
    })
}

#[wasm_split(over, fallible)]
fn over() -> Result<Draw, SplitLoaderError> {
    Ok(|wanted, _| match wanted {
        Wanted::Conditions(form) => conditions(form),
        Wanted::Sorts(showing) => sorts(showing),
        Wanted::Groups(grouping) => groups(grouping),
        Wanted::Fields(showing) => fields(showing),
        Wanted::Palette(props) => html! { <Palette ..props.clone() /> },
        Wanted::Keys { place, onclose } => overlay::list(place, onclose),
        Wanted::Status(props) => html! { <StatusDetails ..props.clone() /> },
        Wanted::Confirm(props) => html! { <Confirm ..props.clone() /> },
        Wanted::DeleteRecords(props) => html! { <DeleteRecords ..props.clone() /> },
        Wanted::EditMany(props) => html! { <EditMany ..props.clone() /> },
        Wanted::SaveView(props) => html! { <SaveView ..props.clone() /> },
        Wanted::Print(props) => html! { <Printed ..props.clone() /> },
        Wanted::SignOut(props) => html! { <SignOut ..props.clone() /> },
        Wanted::Shell => html! { <InShell /> },
        _ => Html::default(),
    })
}

#[derive(PartialEq, Properties)]
pub struct LaterProps {
    wanted: Wanted,
}

/// What is wanted, as soon as its part is there.
pub fn later(wanted: Wanted) -> Html {
    html! { <Later {wanted} /> }
}

/// One of several in a list.
pub fn later_of(key: String, wanted: Wanted) -> Html {
    html! { <Later {key} {wanted} /> }
}

#[component]
fn Later(LaterProps { wanted }: &LaterProps) -> Html {
    let here = use_context::<Here>();
    // drawn again when the part has come, and when it has not
    let failure = use_state(|| None::<Failure>);
    let part = wanted.part();
    let load = {
        let failure = failure.setter();
        use_callback(part, move |(), part| {
            let (failure, part) = (failure.clone(), *part);
            failure.set(None);
            spawn_local(async move {
                let outcome = part.load().await;
                failure.set(outcome.err().map(|_| Failure::new(FailureKind::Offline, NOT_THERE)));
            });
        })
    };
    {
        let load = load.clone();
        use_effect_with(part, move |part| {
            if part.have().is_none() {
                load.emit(());
            }
        });
    }
    let coming = match (part.have(), &*failure) {
        (Some(draw), _) => return draw(wanted, here.as_ref()),
        (None, Some(failure)) => failed(failure, &load),
        // it draws nothing either, as long as nobody closes the window
        (None, None) if *wanted == Wanted::Shell => return Html::default(),
        (None, None) => loading("Loading this screen"),
    };
    let coming = html! { <div class="mooring-coming">{ coming }</div> };
    match wanted.onclose() {
        Some(onclose) => html! { <Waiting {onclose}>{ coming }</Waiting> },
        None => coming,
    }
}

#[derive(PartialEq, Properties)]
struct WaitingProps {
    onclose: Callback<()>,
    children: Html,
}

/// While what opens over the screen is coming: a key that is meant for it does nothing to what lies behind.
#[component]
fn Waiting(props: &WaitingProps) -> Html {
    let node = use_modal();
    let oncancel = props.onclose.reform(|event: Event| event.prevent_default());
    html! {
        <dialog ref={node} class="mooring-waiting" aria-label="Loading" {oncancel} onkeydown={|event: KeyboardEvent| event.stop_propagation()}>
            { props.children.clone() }
            <Button text="Close" onclick={props.onclose.reform(|_: MouseEvent| ())} />
        </dialog>
    }
}
