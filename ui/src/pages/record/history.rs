//! The versions of a record: what is unsent on top, then the newest, older ones on demand; any of them can be had again.

use super::local::Local;
use super::restore::{Restore, Restored, Undo};
use super::timeline::{Look, step, unsent};
use crate::components::button::Button;
use crate::components::icon::Icon;
use crate::components::states::{Empty, Notice, Tint, failed, loading};
use crate::hooks::{use_ask, use_call, use_status};
use crate::pages::merges::pick_merges;
use crate::text::history::Loaded;
use std::rc::Rc;
use sync_client::api::{
    Answer, Command, Event, Failure, FailureKind, HistoryPage, Phase, RecordInfo, Transport, VersionInfo,
};
use sync_protocol::schema::Collection;
use sync_protocol::{RecordId, Revision};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct HistoryProps {
    pub collection: Collection,
    pub info: Rc<RecordInfo>,
    pub may_edit: bool,
}

/// The list.
#[component]
pub fn History(props: &HistoryProps) -> Html {
    let info = &props.info;
    let local = use_status().phase == Phase::Local;
    let (versions, older, again) = use_versions(info);
    let merges = use_ask(
        info.id.clone(),
        |id| Command::Merges { record: Some(id.clone()), offset: 0, limit: 500 },
        pick_merges,
        |id, event| matches!(event, Event::Changed { collections } if collections.contains(&id.collection)),
    );
    let merges = merges.data.map(|found| found.merges.clone()).unwrap_or_default();
    let restoring = use_state(|| None::<VersionInfo>);
    let undo = use_state(|| None::<Undo>);
    let onrestore = {
        let restoring = restoring.setter();
        Callback::from(move |version: VersionInfo| restoring.set(Some(version)))
    };
    let ondone = {
        let (restoring, undo) = (restoring.setter(), undo.setter());
        Callback::from(move |done: Option<Undo>| {
            restoring.set(None);
            if done.is_some() {
                undo.set(done);
            }
        })
    };
    let onundone = {
        let undo = undo.setter();
        Callback::from(move |()| undo.set(None))
    };
    let Versions { loaded, failure, busy } = &*versions;
    let offline = failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::Offline);
    let look = Look {
        collection: &props.collection,
        info,
        may_edit: props.may_edit,
        onrestore: props.may_edit.then_some(&onrestore),
    };
    html! {
        <div class="mooring-history" data-test="history">
            if let Some(undo) = &*undo {
                <Restored undo={undo.clone()} {onundone} />
            }
            { unsent(&props.collection, &info.unsent, local) }
            if let Some(failure) = failure {
                if offline && loaded.versions.is_empty() {
                    <Notice tint={Tint::Info} title="Older versions need the network" test="history-offline">
                        { "They are shown as soon as this device is online. What is on this device:" }
                    </Notice>
                } else if offline {
                    <Notice tint={Tint::Info} title="Offline: this is the history as it was loaded before" test="history-offline" />
                } else {
                    { failed(failure, &again) }
                }
            }
            if loaded.versions.is_empty() {
                if offline {
                    <Local collection={props.collection.clone()} info={info.clone()} {merges} may_edit={props.may_edit} />
                } else if *busy {
                    { loading("Reading the history") }
                } else if failure.is_none() {
                    <Empty title="No versions on the server yet" icon={Icon::History} test="history-empty">
                        <div class="pf-v6-c-empty-state__body">{ "The first one appears when this device has sent what is saved here." }</div>
                    </Empty>
                }
            } else {
                <ol class="mooring-versions" role="list" aria-label="Versions, newest first" aria-busy={busy.to_string()}>
                    { for loaded.steps(&merges).into_iter().map(|each| step(&look, loaded, each)) }
                </ol>
                if let Some(next) = loaded.next {
                    <Button text="Load older versions" busy={*busy} onclick={older.reform(move |_: MouseEvent| next)} test="history-older" />
                } else if loaded.expired {
                    <p class="mooring-muted" data-test="history-expired">{ "Older versions are no longer kept." }</p>
                }
            }
            if let Some(version) = &*restoring {
                <Restore collection={props.collection.clone()} id={info.id.clone()} now={info.fields.clone()}
                    version={version.clone()} {ondone} />
            }
        </div>
    }
}

/// What was loaded, and how the last request ended.
#[derive(Clone, PartialEq)]
pub struct Versions {
    pub loaded: Loaded,
    pub failure: Option<Failure>,
    pub busy: bool,
}

pub enum Heard {
    Asked,
    First(HistoryPage),
    /// With the revision where it goes on.
    Older(Revision, HistoryPage),
    Failed(Failure),
}

impl Default for Versions {
    fn default() -> Self {
        Self { loaded: Loaded::default(), failure: None, busy: true }
    }
}

impl Reducible for Versions {
    type Action = Heard;
    fn reduce(self: Rc<Self>, heard: Heard) -> Rc<Self> {
        let now = (*self).clone();
        Rc::new(match heard {
            Heard::Asked => Self { busy: true, ..now },
            Heard::First(page) => Self { loaded: now.loaded.refreshed(page), failure: None, busy: false },
            Heard::Older(from, page) if now.loaded.next == Some(from) => {
                Self { loaded: now.loaded.older(page), failure: None, busy: false }
            }
            // a newer first page came meanwhile
            Heard::Older(..) => Self { busy: false, ..now },
            Heard::Failed(failure) => Self { failure: Some(failure), busy: false, ..now },
        })
    }
}

/// The versions; asked for again when the record has moved or the network is back. And how to get older ones, and the
/// newest again.
#[hook]
pub fn use_versions(info: &RecordInfo) -> (UseReducerHandle<Versions>, Callback<Revision>, Callback<()>) {
    let call = use_call();
    let versions = use_reducer(Versions::default);
    let online = use_status().transport == Transport::Online;
    let ask = {
        let heard = versions.dispatcher();
        use_callback((call, info.id.clone()), move |resume: Option<Revision>, (call, id): &(_, RecordId)| {
            let heard = heard.clone();
            heard.dispatch(Heard::Asked);
            let done = Callback::from(move |outcome| match (outcome, resume) {
                (Ok(Answer::History(page)), None) => heard.dispatch(Heard::First(*page)),
                (Ok(Answer::History(page)), Some(from)) => heard.dispatch(Heard::Older(from, *page)),
                (Ok(_), _) => {}
                (Err(failure), _) => heard.dispatch(Heard::Failed(failure)),
            });
            Callback::emit(call, (Command::History { id: id.clone(), resume }, done));
        })
    };
    {
        let ask = ask.clone();
        let conflicts: Vec<_> = info.conflicts.iter().map(|c| c.conflict.rev).collect();
        let have = !versions.loaded.versions.is_empty();
        use_effect_with((info.id.clone(), info.rev, conflicts, online), move |(.., online)| {
            // what is there stays when the network goes
            if *online || !have {
                ask.emit(None);
            }
        });
    }
    let (older, again) = (ask.reform(Some), ask.reform(|()| None));
    (versions, older, again)
}
