//! One record beside the grid: what it holds, what is going on with it, its form, and its history.

mod banner;
mod draft;
mod focus;
mod form;
mod gone;
mod history;
mod leave;
mod local;
mod met;
mod panel;
mod restore;
mod timeline;

use super::collection::DeleteRecords;
use super::frame::{Here, use_here, used};
use crate::components::link::{self, use_go};
use crate::components::states::{Notice, Tint, failed, loading};
use crate::hooks::{use_ask, use_title, use_toaster};
use crate::platform::{clock, storage};
use crate::route::{KeyText, Route};
use crate::text::field::key_label;
use crate::text::{review, time};
use banner::banners;
use form::{Next, RecordForm, Target};
use gone::Gone;
use history::History;
pub use panel::Around;
use panel::Panel;
use std::collections::BTreeMap;
use sync_client::api::{Answer, CollectionInfo, Command, Event, RecordInfo};
use sync_protocol::schema::Collection;
use sync_protocol::{FieldType, Fields, RecordId, RecordKey};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct NewRecordProps {
    pub info: CollectionInfo,
    pub onclose: Callback<()>,
}

/// A new record.
#[component]
pub fn NewRecord(props: &NewRecordProps) -> Html {
    let (toaster, here) = (use_toaster(), use_here());
    let navigator = yew_router::hooks::use_navigator();
    let onsaved = {
        let workspace = here.name.to_string();
        Callback::from(move |(id, next): (RecordId, Next)| {
            storage::ask_to_persist();
            toaster.done("Saved on this device");
            if let (Next::Record, Some(navigator)) = (next, &navigator) {
                link::replace(navigator, &to_record(&workspace, &id));
            }
        })
    };
    html! {
        <Panel title="New record" focus=false onclose={props.onclose.clone()}>
            <RecordForm info={props.info.clone()} target={Target::New} values={Fields::new()} readonly=false {onsaved}
                onclose={props.onclose.clone()} />
        </Panel>
    }
}

#[derive(PartialEq, Properties)]
pub struct ReadOnlyProps {
    pub onclose: Callback<()>,
}

/// In place of a form for somebody who may only read.
#[component]
pub fn ReadOnly(props: &ReadOnlyProps) -> Html {
    html! {
        <Panel title="New record" onclose={props.onclose.clone()}>
            { may_only_read() }
        </Panel>
    }
}

/// What is said to somebody who may not write here, before anything is written.
pub fn may_only_read() -> Html {
    html! {
        <Notice tint={Tint::Info} title="You can look, but not add anything" test="read-only">
            { "You may read this workspace. An owner can let you edit." }
        </Notice>
    }
}

fn to_record(workspace: &str, id: &RecordId) -> Route {
    let (collection, key) = (id.collection.to_string(), KeyText(id.key.clone()));
    Route::Record { workspace: workspace.to_owned(), collection, key }
}

#[derive(PartialEq, Properties)]
pub struct RecordPanelProps {
    pub info: CollectionInfo,
    pub record: RecordKey,
    /// Whether its versions are shown instead of its form.
    pub history: bool,
    pub around: Around,
    pub onclose: Callback<()>,
}

/// A record that is there (or was).
#[component]
pub fn RecordPanel(props: &RecordPanelProps) -> Html {
    let here = use_here();
    let go = use_go();
    let toaster = use_toaster();
    let id = RecordId::new(props.info.id.clone(), props.record.clone());
    let deleting = use_state_eq(|| false);
    let ask = use_ask(
        id.clone(),
        |id| Command::Record { id: id.clone() },
        pick_record,
        |id, event| match event {
            Event::Changed { collections } => collections.contains(&id.collection),
            Event::ReviewChanged => true,
            Event::Status(_)
            | Event::Touched { .. }
            | Event::Seen(_)
            | Event::Ended { .. }
            | Event::NewReview { .. }
            | Event::SessionChanged
            | Event::Importing { .. }
            | Event::Working { .. } => false,
        },
    );
    let onsaved = {
        let (go, workspace) = (go.clone(), here.name.to_string());
        Callback::from(move |(id, next): (RecordId, Next)| {
            storage::ask_to_persist();
            toaster.done("Saved on this device");
            if next == Next::Another {
                let collection = id.collection.to_string();
                go.emit(Route::NewRecord { workspace: workspace.clone(), collection });
            }
        })
    };
    let to_review = {
        let workspace = here.name.to_string();
        Callback::from(move |_: MouseEvent| go.emit(Route::Review { workspace: workspace.clone() }))
    };
    let delete = {
        let deleting = deleting.setter();
        Callback::from(move |()| deleting.set(true))
    };
    let deleted = {
        let (deleting, onclose) = (deleting.setter(), props.onclose.clone());
        Callback::from(move |done: bool| {
            deleting.set(false);
            if done {
                onclose.emit(());
            }
        })
    };
    let name = match &ask.data {
        Some(info) => match (&info.fields, info.conflicts.first()) {
            (None, Some(known)) => known.item.title.clone(),
            (fields, _) => title(&props.info.collection, &props.record, fields.as_ref()),
        },
        None => key_label(&props.record).unwrap_or_else(|| "Record".into()),
    };
    let what = if props.history { "History · " } else { "" };
    use_title(&format!("{what}{name} · {} · {}", props.info.collection.label, here.workspace.name));
    {
        let workspace = here.workspace.id;
        let known = ask.data.as_ref().is_some_and(|info| info.fields.is_some());
        use_effect_with((id.clone(), name.clone(), known), move |(id, name, known)| {
            if *known {
                used::note_record(workspace, id, name);
            }
        });
    }
    let Some(info) = ask.data else {
        return html! {
            <Panel title={name} around={props.around.clone()} onclose={props.onclose.clone()}>
                if let Some(failure) = &ask.failure { { failed(failure, &ask.reload) } } else { { loading("Reading the record") } }
            </Panel>
        };
    };
    let title = name;
    let tabs = html! { <Tabs here={here.clone()} id={id.clone()} history={props.history} /> };
    if props.history {
        return html! {
            <Panel {title} subtitle={subtitle(&info)} {tabs} around={props.around.clone()} reading=true onclose={props.onclose.clone()}>
                <History collection={props.info.collection.clone()} info={info.clone()} may_edit={here.may_edit()} />
            </Panel>
        };
    }
    html! {
        <Panel {title} subtitle={subtitle(&info)} {tabs} around={props.around.clone()} onclose={props.onclose.clone()}>
            { banners(&here, &props.info.collection, &info, &to_review) }
            if let Some(values) = &info.fields {
                <RecordForm info={props.info.clone()} target={Target::Edit(id)} values={values.clone()} readonly={!here.may_edit()}
                    about={info.clone()} {onsaved} onclose={props.onclose.clone()} ondelete={delete} />
            } else {
                <Gone info={props.info.clone()} about={info.clone()} />
            }
            if *deleting {
                <DeleteRecords info={props.info.clone()} keys={vec![props.record.clone()]} ondone={deleted} />
            }
        </Panel>
    }
}

fn pick_record(answer: Answer) -> Option<RecordInfo> {
    match answer {
        Answer::Record(info) => Some(*info),
        _ => None,
    }
}

/// What a record is called: its key where somebody chose one, else its first text.
pub fn title(collection: &Collection, key: &RecordKey, fields: Option<&Fields>) -> String {
    let text = || {
        let fields = fields?;
        let first = collection.ordered().into_iter().filter(|field| field.field_type == FieldType::Text);
        first
            .filter_map(|field| fields.get(&field.name)?.as_text())
            .find(|text| !text.trim().is_empty())
            .map(str::to_owned)
    };
    match (text(), key_label(key)) {
        (Some(text), _) => text,
        (None, Some(key)) => key,
        (None, None) => "Record".to_owned(),
    }
}

fn subtitle(info: &RecordInfo) -> String {
    let key = key_label(&info.id.key).map(|key| format!("Key {key}"));
    let state = match (&info.changed, info.marks.unsent) {
        (_, true) => Some("saved on this device, not sent yet".to_owned()),
        (Some(author), false) => {
            Some(format!("changed {} {}", time::ago(clock::now(), author.at), review::by(author)))
        }
        (None, false) => None,
    };
    let parts: Vec<String> = [key, state].into_iter().flatten().collect();
    parts.join(" · ")
}

#[derive(PartialEq, Properties)]
struct TabsProps {
    here: Here,
    id: RecordId,
    history: bool,
}

/// The record, or its history. What is written into the form stays written meanwhile, so nothing asks.
#[component]
fn Tabs(props: &TabsProps) -> Html {
    let navigator = yew_router::hooks::use_navigator();
    let workspace = props.here.name.to_string();
    let (collection, key) = (props.id.collection.to_string(), KeyText(props.id.key.clone()));
    let tab = |to: Route, current: bool, text: &'static str, test: &'static str| {
        let (navigator, route) = (navigator.clone(), to.clone());
        let onclick = Callback::from(move |event: MouseEvent| {
            // a new tab or window is the browser's to open
            if event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key() {
                return;
            }
            event.prevent_default();
            if let Some(navigator) = &navigator {
                link::replace(navigator, &route);
            }
        });
        html! {
            <a href={link::href(&to)} class={classes!("mooring-tab", current.then_some("mooring-current"))} {onclick}
                aria-current={current.then_some("page")} data-test={test}>{ text }</a>
        }
    };
    html! {
        <nav class="mooring-tabs" aria-label="This record">
            { tab(Route::Record { workspace: workspace.clone(), collection: collection.clone(), key: key.clone() }, !props.history, "Record", "tab-record") }
            { tab(Route::History { workspace, collection, key }, props.history, "History", "tab-history") }
        </nav>
    }
}

/// Errors by field; the empty name is the record's key.
type Errors = BTreeMap<String, String>;
