//! Opens a workspace before anything of it is shown.

use super::inside::Inside;
use super::{Masthead, Place};
use crate::components::states::{failed, loading};
use crate::hooks::{use_call, use_session};
use sync_client::api::{Command, Failure, Session};
use sync_protocol::WorkspaceId;
use sync_protocol::message::Workspace;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct OpenedProps {
    pub workspace: Workspace,
    /// Its name in addresses.
    pub name: AttrValue,
    pub place: Place,
}

/// The workspace, once it is open.
#[component]
pub fn Opened(props: &OpenedProps) -> Html {
    let (open, again) = use_open(props.workspace.id);
    let session = use_session().session;
    {
        // another tab took over, and does not know yet that it is open here; or it was closed, and there is more to say
        let lost = session.open != Some(props.workspace.id) && matches!(&*open, Some(Ok(())));
        let again = again.clone();
        use_effect_with(lost, move |lost| {
            if *lost {
                again.emit(());
            }
        });
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
