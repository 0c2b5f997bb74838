//! Settings of a workspace: its name, its members, and the ways out of it.

use super::members::{Invitations, Members};
use super::{held, use_telling};
use crate::components::button::{Button, Look};
use crate::components::dialog::{Confirm, Dialog};
use crate::components::form::TextField;
use crate::components::link::use_go;
use crate::components::states::{Notice, Tint};
use crate::hooks::{use_call, use_session, use_toaster};
use crate::pages::frame::use_here;
use crate::pages::local::RemoveRecords;
use crate::route::Route;
use sync_client::api::{Answer, Command, MembersAsk, Unsent};
use sync_protocol::message::Workspace;
use yew::prelude::*;

/// What is asked about before it is done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asking {
    Nothing,
    Leave,
    Delete,
    RemoveHere,
}

/// The screen.
#[component]
pub fn WorkspaceSettings() -> Html {
    let here = use_here();
    let session = use_session().session;
    let local = session.local.contains(&here.workspace);
    html! {
        <section class="mooring-narrow mooring-settings" aria-labelledby="workspace-title" data-test="workspace-settings">
            <h1 class="pf-v6-c-title pf-m-2xl" id="workspace-title">{ "Workspace settings" }</h1>
            <General {local} />
            if !local {
                <Members />
                if here.may_manage() {
                    <Invitations />
                }
            }
        </section>
    }
}

#[derive(PartialEq, Properties)]
struct GeneralProps {
    /// Whether it is on this device only.
    local: bool,
}

#[component]
fn General(props: &GeneralProps) -> Html {
    let here = use_here();
    let (call, toaster, go) = (use_call(), use_toaster(), use_go());
    let context = use_session();
    let name = use_state(|| here.workspace.name.clone());
    let typed = use_state(String::new);
    let asking = use_state_eq(|| Asking::Nothing);
    let done = {
        let (asking, set, go, id) = (asking.clone(), context.set.clone(), go.clone(), here.workspace.id);
        Callback::from(move |_| match *asking {
            Asking::Leave | Asking::Delete => {
                // what is unsent stays, and is asked about on the next screen
                let set = set.clone();
                let removed = Callback::from(move |outcome| {
                    if let Ok(Answer::Session(session)) = outcome {
                        set.emit(session);
                    }
                });
                call.emit((Command::RemoveRecords { workspace: id, unsent: Unsent::Ask }, removed));
                go.emit(Route::Home);
            }
            Asking::Nothing | Asking::RemoveHere => toaster.done("The workspace is called so for everybody."),
        })
    };
    let (tell, busy, failure) = use_telling(done);
    let set = |to: Asking| {
        let asking = asking.setter();
        Callback::from(move |()| asking.set(to))
    };
    let ask = |to: Asking| set(to).reform(|_: MouseEvent| ());
    let rename = {
        let (tell, name) = (tell.clone(), name.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            tell.emit(MembersAsk::Rename(name.trim().to_owned()));
        })
    };
    let may = here.may_manage() && !props.local;
    let Workspace { name: called, .. } = &here.workspace;
    let why = failure.map(|failure| AttrValue::from(failure.message));
    let (value, oninput) = held(&name);
    html! {
        <section aria-labelledby="general-title">
            <h2 class="pf-v6-c-title pf-m-lg" id="general-title">{ "General" }</h2>
            if may {
                <form class="pf-v6-c-form mooring-inline" onsubmit={rename} novalidate=true>
                    <TextField id="workspace-name" label="Name" {value} {oninput} test="workspace-name" required=true
                        error={why.clone().filter(|_| *asking == Asking::Nothing)} />
                    <Button submit=true text="Rename" busy={busy && *asking == Asking::Nothing}
                        disabled={name.trim().is_empty() || name.trim() == called} test="workspace-rename" />
                </form>
            } else {
                <p dir="auto">{ called }</p>
            }
            <div class="mooring-actions">
                <Button text="Remove from this device" onclick={ask(Asking::RemoveHere)} test="workspace-remove" />
                if !props.local {
                    <Button text="Leave" onclick={ask(Asking::Leave)} test="workspace-leave" />
                }
                if may {
                    <Button look={Look::Link} class="pf-m-danger" text="Delete for everybody" onclick={ask(Asking::Delete)} test="workspace-delete" />
                }
            </div>
            { match *asking {
                Asking::Nothing => Html::default(),
                Asking::RemoveHere => html! {
                    <RemoveRecords workspace={here.workspace.clone()} local={props.local} onclose={set(Asking::Nothing)}
                        onremoved={go.reform(|()| Route::Home)} />
                },
                Asking::Leave => html! {
                    <Confirm title={format!("Leave “{called}”?")} action="Leave" {busy} oncancel={set(Asking::Nothing)}
                        onconfirm={tell.reform(|()| MembersAsk::Leave)}>
                        { for why.map(|why| html! { <Notice tint={Tint::Danger} title={why} test="people-failed" /> }) }
                        { "Its records leave this device. What you have not sent yet is kept until you have saved it as a file or thrown it away. An owner can add you again." }
                    </Confirm>
                },
                Asking::Delete => delete(called, &typed, (busy, why), tell, set(Asking::Nothing)),
            } }
        </section>
    }
}

/// Asks for the name before everything goes.
fn delete(
    called: &str,
    typed: &UseStateHandle<String>,
    (busy, why): (bool, Option<AttrValue>),
    tell: Callback<MembersAsk>,
    onclose: Callback<()>,
) -> Html {
    let right = typed.trim() == called;
    let name = typed.trim().to_owned();
    let onclick = tell.reform(move |_: MouseEvent| MembersAsk::Delete(name.clone()));
    let (value, oninput) = held(typed);
    let actions = html! {
        <Button look={Look::Danger} text="Delete for everybody" {busy} disabled={!right} {onclick} test="workspace-delete-now" />
    };
    html! {
        <Dialog title={format!("Delete “{called}” for everybody?")} {onclose} {actions} test="workspace-delete-dialog">
            <p class="mooring-gap">{ "No member reaches it any more, and nobody can bring it back from here. Devices are told; what somebody has not sent yet stays on that device, where it can be saved as a file." }</p>
            <TextField id="delete-name" label={format!("Write “{called}” to delete it")} {value} {oninput} autofocus=true
                error={why} test="workspace-delete-name" />
        </Dialog>
    }
}
