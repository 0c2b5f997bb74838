//! Workspaces on this device only: made without a server, and connected with one later.

use super::later::{Wanted, later};
use super::start::use_session_command;
use super::workspaces::NewWorkspaceProps;
use crate::components::button::{Button, Look};
use crate::components::dialog::Dialog;
use crate::components::form::{control, input_text, select_arrow};
use crate::components::icon::{Icon, icon};
use crate::components::link::{Link, use_go};
use crate::components::states::{Notice, Tint};
use crate::components::status_details::use_export;
use crate::hooks::use_session;
use crate::pages::left::use_removal;
use crate::route::{Route, name_of, workspace_name};
use sync_client::api::{Command, ConnectHow, Session};
use sync_protocol::WorkspaceId;
use sync_protocol::message::Workspace;
use yew::prelude::*;

/// Those that are there, and a way to a new one.
#[component]
pub fn OnThisDevice() -> Html {
    let session = use_session().session;
    let making = use_state_eq(|| false);
    // here, and not with its card: that goes as soon as it is connected
    let connecting = use_state_eq(|| None::<Workspace>);
    let begin = {
        let connecting = connecting.setter();
        Callback::from(move |workspace| connecting.set(Some(workspace)))
    };
    let connected = {
        let connecting = connecting.setter();
        Callback::from(move |()| connecting.set(None))
    };
    let set = |on| {
        let making = making.setter();
        Callback::from(move |()| making.set(on))
    };
    let make = set(true).reform(|_: MouseEvent| ());
    html! {
        <section class="mooring-local" aria-labelledby="local-title">
            <h2 class="pf-v6-c-title pf-m-lg" id="local-title">{ "On this device only" }</h2>
            <p class="mooring-muted">{ "No server and no account: nothing leaves this device. You can connect it with a server later." }</p>
            <ul class="mooring-cards" role="list">
                { for session.local.iter().map(|workspace| html! {
                    <li key={workspace.id.to_string()}><WorkspaceCard workspace={workspace.clone()} hint="On this device only" kept=true onconnect={begin.clone()} /></li>
                }) }
            </ul>
            <Button look={Look::Link} icon={Icon::Plus} text="New workspace on this device" onclick={make} test="new-local" />
            if *making {
                { later(Wanted::NewWorkspace(NewWorkspaceProps { local: true, onclose: set(false) })) }
            }
            if let Some(workspace) = &*connecting {
                { later(Wanted::Connect(ConnectProps { workspace: workspace.clone(), onclose: connected })) }
            }
        </section>
    }
}

#[derive(PartialEq, Properties)]
pub struct WorkspaceCardProps {
    pub workspace: Workspace,
    /// Beside its name.
    pub hint: AttrValue,
    /// Whether this device keeps anything of it.
    pub kept: bool,
    /// Of one on this device only.
    #[prop_or_default]
    pub onconnect: Option<Callback<Workspace>>,
}

/// A workspace in a list: opened, connected where it is on this device only, removed from this device.
#[component]
pub fn WorkspaceCard(props: &WorkspaceCardProps) -> Html {
    let session = use_session().session;
    let workspace = &props.workspace;
    let removing = use_state_eq(|| false);
    let set = |on| {
        let removing = removing.setter();
        Callback::from(move |()| removing.set(on))
    };
    let local = props.onconnect.is_some();
    let connect = props.onconnect.clone().filter(|_| session.user.is_some()).map(|connect| {
        let workspace = workspace.clone();
        connect.reform(move |_: MouseEvent| workspace.clone())
    });
    html! {
        <>
            <Link to={Route::Workspace { workspace: workspace_name(&session, workspace) }} class="pf-v6-c-card pf-m-selectable mooring-card-link"
                test={if local { "local-item" } else { "workspace-item" }} name={workspace.name.clone()}>
                <span class="mooring-card-title">{ &workspace.name }</span>
                <span class="mooring-muted">{ &props.hint }</span>
                <span class="mooring-card-go">{ icon(Icon::ChevronRight) }</span>
            </Link>
            <div class="mooring-actions">
                if let Some(connect) = connect {
                    <Button look={Look::Link} text="Connect with the server" onclick={connect} test="local-connect" />
                }
                if props.kept {
                    <Button look={Look::Link} text="Remove from this device" onclick={set(true).reform(|_: MouseEvent| ())}
                        test={if local { "local-remove" } else { "remove-here" }} />
                }
            </div>
            if *removing {
                { later(Wanted::RemoveRecords(RemoveRecordsProps { workspace: workspace.clone(), local, onclose: set(false), onremoved: Callback::noop() })) }
            }
        </>
    }
}

#[derive(Clone, PartialEq, Properties)]
pub struct RemoveRecordsProps {
    pub workspace: Workspace,
    /// Whether it is on this device only.
    pub local: bool,
    pub onclose: Callback<()>,
    /// They are gone.
    #[prop_or_default]
    pub onremoved: Callback<()>,
}

/// Asks before a workspace's records leave this device; what is unsent is kept, exported or thrown away.
#[component]
pub fn RemoveRecords(props: &RemoveRecordsProps) -> Html {
    let export = use_export();
    let RemoveRecordsProps { workspace, local, onclose, onremoved } = props;
    let removed = {
        let (onclose, onremoved) = (onclose.clone(), onremoved.clone());
        Callback::from(move |()| {
            onclose.emit(());
            onremoved.emit(());
        })
    };
    let (asked, unsent, remove) = use_removal(workspace.id, removed);
    let text = match (unsent, local) {
        (true, true) => "Remove them for good",
        (true, false) => "Discard them and remove the records",
        (false, _) => "Remove",
    };
    let actions = html! {
        <>
            <Button look={Look::Danger} {text} onclick={remove} test="remove-now" />
            if unsent && !local {
                <Button text="Export to a file" onclick={export} test="remove-export" />
            }
        </>
    };
    let words = asked.map(|failure| failure.message).unwrap_or_else(|| {
        if *local {
            "Its records are nowhere else. Export what you want to keep first; what is removed does not come back.".into()
        } else {
            "Its records leave this device and nothing changes for others. They come again from the server when you open it here.".into()
        }
    });
    html! {
        <Dialog title={format!("Remove “{}” from this device?", workspace.name)} onclose={onclose.clone()} {actions} test="remove-dialog">
            <p>{ words }</p>
        </Dialog>
    }
}

#[derive(Clone, PartialEq, Properties)]
pub struct ConnectProps {
    pub workspace: Workspace,
    pub onclose: Callback<()>,
}

/// The three ways, told by what becomes of the records.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Copy,
    Combine,
    Servers,
}

impl How {
    const ALL: [Self; 3] = [Self::Copy, Self::Combine, Self::Servers];

    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Copy => (
                "copy",
                "Make a new workspace of it",
                "A workspace of this name is made on the server, with these records. Needs the network.",
            ),
            Self::Combine => (
                "combine",
                "Add its records to a workspace on the server",
                "Records that are the same join. Where a record differs, both sides are kept and need review.",
            ),
            Self::Servers => (
                "servers",
                "Open a workspace of the server instead",
                "It is opened as it is on the server. This one stays beside it until you remove it.",
            ),
        }
    }
}

/// Asks how, then connects it.
#[component]
pub fn Connect(props: &ConnectProps) -> Html {
    let session = use_session().session;
    let (send, busy, failure) = use_session_command();
    let go = use_go();
    let how = use_state_eq(|| How::Copy);
    let asked = use_mut_ref(|| false);
    let chosen = use_state_eq(|| session.workspaces.first().map(|workspace| workspace.id));
    let to = (*how != How::Copy).then_some(*chosen).flatten();
    {
        // where its records are, or the workspace that was wanted instead: it is open by then
        let (go, how, onclose, workspace, asked) =
            (go, how.clone(), props.onclose.clone(), props.workspace.id, asked.clone());
        use_effect_with(session.clone(), move |session: &std::rc::Rc<Session>| {
            let is_local = session.local.iter().any(|local| local.id == workspace);
            let there = !is_local || (*how == How::Servers && session.open == to);
            if let Some(name) =
                session.open.filter(|_| *asked.borrow() && there).and_then(|open| name_of(session, open))
            {
                onclose.emit(());
                go.emit(Route::Workspace { workspace: name });
            }
        });
    }
    let connect = {
        let (workspace, how) = (props.workspace.id, *how);
        send.reform(move |_: MouseEvent| {
            asked.replace(true);
            let how = match (how, to) {
                (How::Combine, Some(to)) => ConnectHow::Combine(to),
                (How::Servers, Some(to)) => ConnectHow::TakeServers(to),
                _ => ConnectHow::KeepMineAsCopy,
            };
            Command::ConnectLocal { workspace, how }
        })
    };
    let onchange = {
        let chosen = chosen.setter();
        Callback::from(move |event: Event| chosen.set(input_text(&event).parse::<WorkspaceId>().ok()))
    };
    let actions = html! {
        <Button look={Look::Primary} text="Connect" {busy} onclick={connect} disabled={*how != How::Copy && to.is_none()} test="local-connect-now" />
    };
    html! {
        <Dialog title={format!("Connect “{}” with the server", props.workspace.name)} onclose={props.onclose.clone()} {actions} test="local-connect-dialog">
            if let Some(failure) = failure {
                <Notice tint={Tint::Danger} title={failure.message} test="local-connect-failed" />
            }
            <fieldset class="mooring-ways">
                <legend class="pf-v6-screen-reader">{ "What becomes of its records" }</legend>
                { for How::ALL.into_iter().map(|each| {
                    let (name, title, hint) = each.words();
                    let set = how.setter();
                    let onchange = Callback::from(move |_: Event| set.set(each));
                    html! {
                        <label class="pf-v6-c-radio" key={name}>
                            <input class="pf-v6-c-radio__input" type="radio" name="how" checked={*how == each} {onchange} data-test={format!("local-{name}")}
                                disabled={each != How::Copy && session.workspaces.is_empty()} />
                            <span class="pf-v6-c-radio__label">{ title }</span>
                            <span class="pf-v6-c-radio__description">{ hint }</span>
                        </label>
                    }
                }) }
            </fieldset>
            if *how != How::Copy {
                { control(None, false, html! {
                    <>
                        <select aria-label="Workspace on the server" {onchange} data-test="local-to">
                            { for session.workspaces.iter().map(|workspace| html! {
                                <option value={workspace.id.to_string()} selected={Some(workspace.id) == *chosen}>{ &workspace.name }</option>
                            }) }
                        </select>
                        { select_arrow() }
                    </>
                }) }
            }
        </Dialog>
    }
}
