//! A workspace that is the person's no longer, while this device still keeps records of it.

use crate::components::button::{Button, Look};
use crate::components::states::{Notice, Tint};
use crate::components::status_details::use_export;
use crate::hooks::{use_call, use_session};
use sync_client::api::{Answer, Command, Failure, FailureKind, Left, Unsent};
use sync_protocol::WorkspaceId;
use yew::prelude::*;

#[derive(Clone, PartialEq, Properties)]
pub struct LeftWorkspaceProps {
    pub left: Left,
}

/// Says so, offers what is unsent as a file, and removes the records once the person has seen to it.
#[component]
pub fn LeftWorkspace(props: &LeftWorkspaceProps) -> Html {
    let export = use_export();
    let Left { id, name } = props.left.clone();
    let (asked, unsent, remove) = use_removal(id, Callback::noop());
    let name = if name.is_empty() { "a workspace".into() } else { format!("“{name}”") };
    let text = match asked {
        Some(failure) => failure.message,
        None => "It was deleted, or you are in it no longer. Its records are still on this device. Ask an owner to add you again, or remove them.".into(),
    };
    let actions = html! {
        <>
            <Button look={Look::Link} text="Export unsent changes" onclick={export} test="left-export" />
            <Button look={Look::Link} text={if unsent { "Discard them and remove the records" } else { "Remove from this device" }}
                onclick={remove} test="left-remove" />
        </>
    };
    html! {
        <Notice tint={Tint::Warning} title={format!("You are no longer a member of {name}")} {actions} test="left">{ text }</Notice>
    }
}

/// Removes what this device keeps of a workspace: why that was not done, whether it is because something unsent would go with
/// it (then the next click means that, too), and the click. `removed` is called before anybody knows of it.
#[hook]
pub fn use_removal(
    workspace: WorkspaceId,
    removed: Callback<()>,
) -> (Option<Failure>, bool, Callback<MouseEvent>) {
    let (call, set) = (use_call(), use_session().set);
    let asked = use_state(|| None::<Failure>);
    let unsent = asked.as_ref().is_some_and(|failure| failure.kind == FailureKind::Unsent);
    let remove = {
        let asked = asked.setter();
        Callback::from(move |_: MouseEvent| {
            let (asked, set, removed) = (asked.clone(), set.clone(), removed.clone());
            let done = Callback::from(move |outcome| match outcome {
                Ok(Answer::Session(session)) => {
                    removed.emit(());
                    set.emit(session);
                }
                Ok(_) => {}
                Err(failure) => asked.set(Some(failure)),
            });
            let unsent = if unsent { Unsent::Discard } else { Unsent::Ask };
            call.emit((Command::RemoveRecords { workspace, unsent }, done));
        })
    };
    ((*asked).clone(), unsent, remove)
}
