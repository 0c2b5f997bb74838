//! A workspace that is the person's no longer, while this device still keeps records of it.

use crate::components::button::{Button, Look};
use crate::components::states::{Notice, Tint};
use crate::components::status_details::use_export;
use crate::hooks::{use_call, use_session};
use sync_client::api::{Answer, Command, Failure, FailureKind, Left, Unsent};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct LeftWorkspaceProps {
    pub left: Left,
}

/// Says so, offers what is unsent as a file, and removes the records once the person has seen to it.
#[component]
pub fn LeftWorkspace(props: &LeftWorkspaceProps) -> Html {
    let (call, set) = (use_call(), use_session().set);
    let asked = use_state(|| None::<Failure>);
    let export = use_export();
    let Left { id, name } = props.left.clone();
    let unsent = asked.as_ref().is_some_and(|failure| failure.kind == FailureKind::Unsent);
    let remove = {
        let asked = asked.setter();
        Callback::from(move |_: MouseEvent| {
            let (asked, set) = (asked.clone(), set.clone());
            let done = Callback::from(move |outcome| match outcome {
                Ok(Answer::Session(session)) => set.emit(session),
                Ok(_) => {}
                Err(failure) => asked.set(Some(failure)),
            });
            let unsent = if unsent { Unsent::Discard } else { Unsent::Ask };
            call.emit((Command::RemoveRecords { workspace: id, unsent }, done));
        })
    };
    let name = if name.is_empty() { "a workspace".into() } else { format!("“{name}”") };
    let text = match &*asked {
        Some(failure) => failure.message.clone(),
        None => "Its records are still on this device. Ask an owner to add you again, or remove them.".into(),
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
