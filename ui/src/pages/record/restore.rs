//! An older version made the newest: what would change, doing it, and taking that back.

use crate::components::button::{Button, Look};
use crate::components::changes::changes;
use crate::components::dialog::Confirm;
use crate::components::states::{Notice, Tint};
use crate::hooks::{use_call, use_toaster};
use crate::platform::clock;
use crate::text::history::{Difference, differences};
use sync_client::api::{Command, Failure, Seen, VersionInfo};
use sync_protocol::Ordered;
use sync_protocol::schema::Collection;
use sync_protocol::{Fields, RecordId};
use yew::prelude::*;

/// How a restoring is taken back.
#[derive(Clone, PartialEq)]
pub struct Undo {
    id: RecordId,
    /// When the version was made.
    of: String,
    /// What it changed; `None`: it added a record that was deleted.
    changed: Option<Vec<Difference>>,
}

impl Undo {
    /// Only what was restored is taken back: where others have been there since, both are kept for review.
    fn command(&self) -> Command {
        let Some(changed) = &self.changed else { return Command::Delete { ids: vec![self.id.clone()] } };
        let back = changed
            .iter()
            .map(|(name, before, after)| (name.clone(), Seen { saw: after.clone(), want: before.clone() }));
        Command::Edit { id: self.id.clone(), fields: back.ordered_map() }
    }
}

#[derive(PartialEq, Properties)]
pub struct RestoreProps {
    pub collection: Collection,
    pub id: RecordId,
    /// The record's values now; `None` where it is deleted.
    pub now: Option<Fields>,
    pub version: VersionInfo,
    /// Closed; with how to take it back where it was done.
    pub ondone: Callback<Option<Undo>>,
}

/// Shows what would change, and does it.
#[component]
pub fn Restore(props: &RestoreProps) -> Html {
    let call = use_call();
    let busy = use_state_eq(|| false);
    let failure = use_state(|| None::<Failure>);
    let list = differences(props.now.as_ref().unwrap_or(&Fields::new()), &props.version.fields);
    let of = clock::moment(props.version.by.at);
    let onconfirm = {
        let (busy, failure, ondone) = (busy.setter(), failure.setter(), props.ondone.clone());
        let undo =
            Undo { id: props.id.clone(), of: of.clone(), changed: props.now.is_some().then(|| list.clone()) };
        let command = Command::Restore { id: props.id.clone(), fields: props.version.fields.clone() };
        Callback::from(move |()| {
            busy.set(true);
            let (busy, failure, ondone, undo) = (busy.clone(), failure.clone(), ondone.clone(), undo.clone());
            let done = Callback::from(move |outcome| {
                busy.set(false);
                match outcome {
                    Ok(_) => ondone.emit(Some(undo.clone())),
                    Err(why) => failure.set(Some(why)),
                }
            });
            call.emit((command.clone(), done));
        })
    };
    html! {
        <Confirm title={format!("Restore the version of {of}?")} action="Restore this version" danger=false busy={*busy}
            {onconfirm} oncancel={props.ondone.reform(|()| None)}>
            if let Some(failure) = &*failure {
                <div class="mooring-gap"><Notice tint={Tint::Danger} title={failure.message.clone()} test="restore-failed" /></div>
            }
            <p>{ if props.now.is_some() { "These fields change. The versions in between stay in the history." } else { "The record is deleted. It is added again with these values." } }</p>
            <div class="mooring-preview" data-test="restore-preview">
                { changes(&props.collection, &list, ("now", "then")) }
            </div>
        </Confirm>
    }
}

#[derive(PartialEq, Properties)]
pub struct RestoredProps {
    pub undo: Undo,
    pub onundone: Callback<()>,
}

/// Says that it was done, and takes it back.
#[component]
pub fn Restored(props: &RestoredProps) -> Html {
    let (call, toaster) = (use_call(), use_toaster());
    let busy = use_state_eq(|| false);
    let onclick = {
        let (busy, onundone, command) = (busy.setter(), props.onundone.clone(), props.undo.command());
        Callback::from(move |_: MouseEvent| {
            busy.set(true);
            let (busy, onundone, toaster) = (busy.clone(), onundone.clone(), toaster.clone());
            let done = Callback::from(move |outcome| {
                busy.set(false);
                match outcome {
                    Ok(_) => {
                        toaster.done("The record is as it was before");
                        onundone.emit(());
                    }
                    Err(failure) => toaster.failure(&failure),
                }
            });
            call.emit((command.clone(), done));
        })
    };
    let actions = html! {
        <>
            <Button look={Look::Link} class="pf-m-inline" text="Undo" busy={*busy} {onclick} test="restore-undo" />
            <Button look={Look::Link} class="pf-m-inline" text="Close" onclick={props.onundone.reform(|_: MouseEvent| ())} test="restore-close" />
        </>
    };
    html! {
        <div role="status">
            <Notice tint={Tint::Success} title={format!("The version of {} is restored, saved on this device", props.undo.of)} {actions} test="restored" />
        </div>
    }
}
