//! The workspaces: choose one, make one.

use super::frame::Masthead;
use super::later::{Wanted, later, later_of};
use super::left::LeftWorkspaceProps;
use super::local::{OnThisDevice, WorkspaceCard};
use super::start::use_session_command;
use crate::components::button::{Button, Look};
use crate::components::dialog::Dialog;
use crate::components::form::TextField;
use crate::components::icon::Icon;
use crate::components::link::use_go;
use crate::components::states::Empty;
use crate::hooks::{use_call, use_session, use_title};
use crate::platform::storage;
use crate::route::{Route, workspace_name};
use sync_client::api::{Answer, Command};
use sync_protocol::message::Role;
use yew::prelude::*;

/// The list.
#[component]
pub fn Workspaces() -> Html {
    let context = use_session();
    let session = context.session.clone();
    let call = use_call();
    let making = use_state_eq(|| false);
    use_title("Workspaces");
    {
        // what is known is shown at once; the server's list follows when there is a network
        let set = context.set.clone();
        use_effect_with((), move |()| {
            let done = Callback::from(move |outcome| {
                if let Ok(Answer::Session(session)) = outcome {
                    set.emit(session);
                }
            });
            call.emit((Command::Workspaces, done));
        });
    }
    let make = {
        let making = making.setter();
        Callback::from(move |_: MouseEvent| making.set(true))
    };
    let close = {
        let making = making.setter();
        Callback::from(move |()| making.set(false))
    };
    let new = |look| html! { <Button {look} icon={Icon::Plus} text="New workspace" onclick={make.clone()} test="new-workspace" /> };
    html! {
        <div class="mooring-plain">
            <Masthead />
            <main class="mooring-narrow" id="main" tabindex="-1">
                <div class="mooring-heading">
                    <h1 class="pf-v6-c-title pf-m-2xl">{ "Workspaces" }</h1>
                    if !session.workspaces.is_empty() {
                        { new(Look::Secondary) }
                    }
                </div>
                if session.workspaces.is_empty() {
                    <Empty title="No workspaces yet" icon={Icon::Table}>
                        <div class="pf-v6-c-empty-state__body">
                            { "A workspace holds the records that a team shares. Make one, or ask to be added to one." }
                        </div>
                        <div class="pf-v6-c-empty-state__footer">{ new(Look::Primary) }</div>
                    </Empty>
                }
                <ul class="mooring-cards" role="list">
                    { for session.workspaces.iter().map(|workspace| html! {
                        <li key={workspace.id.to_string()}>
                            <WorkspaceCard workspace={workspace.clone()} hint={role(workspace.role)} kept={session.kept.contains(&workspace.id)} />
                        </li>
                    }) }
                </ul>
                <OnThisDevice />
                { for session.left.iter().map(|left| later_of(left.id.to_string(), Wanted::Left(LeftWorkspaceProps { left: left.clone() }))) }
            </main>
            if *making {
                { later(Wanted::NewWorkspace(NewWorkspaceProps { local: false, onclose: close })) }
            }
        </div>
    }
}

#[derive(Clone, PartialEq, Properties)]
pub struct NewWorkspaceProps {
    /// On this device only, and opened at once.
    #[prop_or_default]
    pub local: bool,
    pub onclose: Callback<()>,
}

/// Asks for the name of a new workspace.
#[component]
pub fn NewWorkspace(props: &NewWorkspaceProps) -> Html {
    let name = use_state(String::new);
    let (send, busy, failure) = use_session_command();
    let local = props.local;
    let session = use_session().session;
    let all = if local { &session.local } else { &session.workspaces };
    let before = use_mut_ref(|| all.len());
    {
        let (onclose, go) = (props.onclose.clone(), use_go());
        let newest = all.last().map(|workspace| workspace_name(&session, workspace));
        use_effect_with(all.len(), move |now| {
            if *now > *before.borrow() {
                onclose.emit(());
                if let Some(workspace) = newest.filter(|_| local) {
                    storage::ask_to_persist();
                    go.emit(Route::Workspace { workspace });
                }
            }
        });
    }
    let oninput = {
        let name = name.setter();
        Callback::from(move |text| name.set(text))
    };
    let onsubmit = {
        let name = name.clone();
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let name = name.trim().to_owned();
            send.emit(if local { Command::NewLocal(name) } else { Command::NewWorkspace { name } });
        })
    };
    html! {
        <Dialog title={if local { "New workspace on this device" } else { "New workspace" }} onclose={props.onclose.clone()} test="new-workspace-dialog">
            <form class="pf-v6-c-form" {onsubmit} novalidate=true>
                <TextField id="workspace-name" label="Name" value={(*name).clone()} {oninput} required=true
                    hint={if local { "It is on this device and nowhere else, until you connect it." } else { "What your team calls it. Needs the network." }} test="workspace-name"
                    error={failure.map(|failure| AttrValue::from(failure.message))} />
                <div class="pf-v6-c-form__group pf-m-action">
                    <Button look={Look::Primary} submit=true text="Make workspace" {busy}
                        disabled={name.trim().is_empty()} test="workspace-create" />
                </div>
            </form>
        </Dialog>
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Reader => "You can read",
        Role::Editor => "You can edit",
        Role::Owner => "You are an owner",
    }
}
