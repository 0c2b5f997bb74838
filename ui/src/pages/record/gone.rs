//! A record that is not there: whether it was deleted, by whom, and the ways on.

use super::history::use_versions;
use super::restore::Restore;
use crate::components::author::byline;
use crate::components::button::{Button, Look};
use crate::components::icon::Icon;
use crate::components::link::Link;
use crate::components::states::{Empty, loading};
use crate::hooks::{use_call, use_toaster};
use crate::pages::frame::use_here;
use crate::platform::clock;
use crate::route::{KeyText, Route};
use crate::text::time;
use std::rc::Rc;
use sync_client::api::{CollectionInfo, Command, RecordInfo, UnsentWhat};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct GoneProps {
    pub info: CollectionInfo,
    pub about: Rc<RecordInfo>,
}

/// What is said in place of its form.
#[component]
pub fn Gone(props: &GoneProps) -> Html {
    let here = use_here();
    let (call, toaster) = (use_call(), use_toaster());
    let (versions, _, _) = use_versions(&props.about);
    let restoring = use_state_eq(|| false);
    let id = &props.about.id;
    let (workspace, collection) = (here.name.to_string(), id.collection.to_string());
    let history = Route::History { workspace: workspace.clone(), collection, key: KeyText(id.key.clone()) };
    let to_history = || html! { <Link to={history.clone()} class="pf-v6-c-button pf-m-secondary" test="gone-history">{ "History" }</Link> };
    let to_collection = || html! { <Link to={here.to_collection(&id.collection)} class="pf-v6-c-button pf-m-link" test="gone-back">{ "To the collection" }</Link> };

    if !props.about.conflicts.is_empty() {
        return empty(
            "This record is deleted",
            html! { { "Somebody edited it elsewhere. Decide under “Needs review” whether it comes back." } },
            html! { { to_history() } },
        );
    }
    let mine = props.about.unsent.iter().rev().find(|change| change.what == UnsentWhat::Delete);
    if let Some(deleted) = mine {
        let back = {
            let id = id.clone();
            Callback::from(move |_: MouseEvent| {
                let toaster = toaster.clone();
                let done = Callback::from(move |outcome| match outcome {
                    Ok(_) => toaster.done("The record is back, saved on this device"),
                    Err(failure) => toaster.failure(&failure),
                });
                call.emit((Command::Undelete { ids: vec![id.clone()] }, done));
            })
        };
        return empty(
            "You deleted this record",
            html! { { format!("On this device, {}. That is not sent yet.", time::ago(clock::now(), deleted.at)) } },
            html! {
                <>
                    if here.may_edit() {
                        <Button look={Look::Primary} icon={Icon::Undo} text="Restore" onclick={back} test="gone-restore" />
                    }
                    { to_history() }
                </>
            },
        );
    }
    let loaded = &versions.loaded;
    let before = loaded.versions.iter().find(|version| !version.deleted);
    match (loaded.versions.first(), &versions.failure) {
        (Some(last), _) if last.deleted => {
            let restore = restoring.setter();
            let onclick = Callback::from(move |_: MouseEvent| restore.set(true));
            let restore = restoring.setter();
            let ondone = Callback::from(move |_| restore.set(false));
            html! {
                <>
                    { empty(
                        "This record is deleted",
                        html! { <span data-test="gone-by">{ "Deleted by " }{ byline(&last.by) }</span> },
                        html! {
                            <>
                                if here.may_edit() && before.is_some() {
                                    <Button look={Look::Primary} icon={Icon::Undo} text="Restore" {onclick} test="gone-restore" />
                                }
                                { to_history() }
                            </>
                        },
                    ) }
                    if let (true, Some(version)) = (*restoring, before) {
                        <Restore collection={props.info.collection.clone()} id={id.clone()} now={None} version={version.clone()} {ondone} />
                    }
                </>
            }
        }
        (None, None) if versions.busy => loading("Asking what became of it"),
        (None, Some(_)) => empty(
            "This record is not here",
            html! { { "It was deleted, or has not arrived on this device yet. Which of the two is told as soon as this device is online." } },
            to_collection(),
        ),
        _ => empty(
            "There is no record with this key",
            html! { { "The address may be mistyped, or the record has not been sent yet by the device that made it." } },
            to_collection(),
        ),
    }
}

fn empty(title: &'static str, body: Html, actions: Html) -> Html {
    html! {
        <Empty {title} icon={Icon::Trash} test="record-gone">
            <div class="pf-v6-c-empty-state__body">{ body }</div>
            <div class="pf-v6-c-empty-state__footer"><div class="mooring-actions mooring-middle">{ actions }</div></div>
        </Empty>
    }
}
