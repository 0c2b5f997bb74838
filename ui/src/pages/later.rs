//! Screens that the first load does not carry. They are in parts of the program, each a module of its own that comes when one of
//! its screens is asked for; the build takes the program apart (`xtask/src/wasm.rs`), the service worker keeps all parts
//! of a release together. Whatever only these screens need goes along with them by itself.

use super::activity::Activity;
use super::collection_form::NewCollection;
use super::deleted::DeletedPage;
use super::frame::{Here, Place};
use super::import::Import;
use super::merges::MergesPage;
use super::mirrors::{MirrorsPage, NewMirrorPage, only_owners};
use super::people::{AccountPage, JoinPage, WorkspaceSettings};
use super::record::{Around, NewRecord, ReadOnly, RecordPanel, may_only_read};
use super::review::{Decide, Review};
use super::settings::Settings;
use crate::components::states::{failed, loading};
use std::cell::Cell;
use sync_client::api::{Failure, FailureKind};
use wasm_bindgen_futures::spawn_local;
use wasm_split_helpers::{SplitLoaderError, wasm_split};
use yew::prelude::*;

const NOT_THERE: &str = "This screen could not be loaded. Check the network, then try again. If it still does not come, reload the page.";

/// Draws the screens of a part, and nothing for places that are another's. Those of workspaces are drawn within one.
type Draw = fn(&LaterProps, Option<&Here>) -> Html;

/// A part of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The record beside the grid.
    Record,
    /// What needs review, and what was merged.
    Review,
    /// How a workspace is set up (imports, mirrors, new collections, settings), and looking back: deleted records, what was sent.
    Setup,
    /// Members, invitations, one's own account.
    People,
}

thread_local! {
    /// The parts that have come.
    static HAVE: [Cell<Option<Draw>>; 4] = const { [const { Cell::new(None) }; 4] };
}

impl Part {
    fn have(self) -> Option<Draw> {
        HAVE.with(|have| have[self as usize].get())
    }

    async fn load(self) -> Result<(), SplitLoaderError> {
        let draw = match self {
            Self::Record => record().await,
            Self::Review => review().await,
            Self::Setup => setup().await,
            Self::People => people().await,
        }?;
        HAVE.with(|have| have[self as usize].set(Some(draw)));
        Ok(())
    }
}

#[wasm_split(record, fallible)]
fn record() -> Result<Draw, SplitLoaderError> {
    Ok(|props, here| {
        let Some(here) = here else { return Html::default() };
        let Some(info) = props.place.collection().and_then(|id| here.collection(id)) else {
            return Html::default();
        };
        let onclose = &props.onclose;
        match &props.place {
            Place::NewRecord(_) if !here.may_edit() => html! { <ReadOnly {onclose} /> },
            Place::NewRecord(_) => html! { <NewRecord info={info.clone()} {onclose} /> },
            Place::Record(_, key) | Place::History(_, key) => html! {
                <RecordPanel key={key.to_text()} info={info.clone()} record={key.clone()}
                    history={matches!(props.place, Place::History(..))} around={props.around.clone()} {onclose} />
            },
            _ => Html::default(),
        }
    })
}

#[wasm_split(review, fallible)]
fn review() -> Result<Draw, SplitLoaderError> {
    Ok(|props, _| match &props.place {
        Place::Review => html! { <Review /> },
        Place::Merges => html! { <MergesPage /> },
        Place::Decide(id) => html! { <Decide key={id.to_string()} id={*id} /> },
        _ => Html::default(),
    })
}

#[wasm_split(setup, fallible)]
fn setup() -> Result<Draw, SplitLoaderError> {
    Ok(|props, here| match &props.place {
        Place::Mirrors | Place::NewMirror if !here.is_some_and(Here::may_manage) => {
            html! { <section class="mooring-narrow">{ only_owners() }</section> }
        }
        Place::Mirrors => html! { <MirrorsPage /> },
        Place::NewMirror => html! { <NewMirrorPage /> },
        Place::Import => html! { <Import /> },
        Place::NewCollection if !here.is_some_and(Here::may_shape) => {
            html! { <section class="mooring-narrow">{ may_only_read() }</section> }
        }
        Place::NewCollection => html! { <NewCollection /> },
        Place::Settings(id) => html! { <Settings id={id.clone()} /> },
        Place::Activity => html! { <Activity /> },
        Place::Deleted(id) => html! { <DeletedPage key={id.to_string()} id={id.clone()} /> },
        _ => Html::default(),
    })
}

#[wasm_split(people, fallible)]
fn people() -> Result<Draw, SplitLoaderError> {
    Ok(|props, _| match &props.place {
        Place::WorkspaceSettings => html! { <WorkspaceSettings /> },
        Place::Account => html! { <AccountPage /> },
        Place::Join => html! { <JoinPage /> },
        _ => Html::default(),
    })
}

#[derive(PartialEq, Properties)]
pub struct LaterProps {
    pub part: Part,
    pub place: Place,
    /// What is shown beside something else is closed by this.
    #[prop_or_default]
    pub onclose: Callback<()>,
    /// Where a record stands in the view beside it.
    #[prop_or_default]
    pub around: Around,
}

/// A screen of a part, as soon as the part is there.
#[component]
pub fn Later(props: &LaterProps) -> Html {
    let here = use_context::<Here>();
    // drawn again when the part has come, and when it has not
    let failure = use_state(|| None::<Failure>);
    let load = {
        let failure = failure.setter();
        use_callback(props.part, move |(), part| {
            let (failure, part) = (failure.clone(), *part);
            failure.set(None);
            spawn_local(async move {
                let outcome = part.load().await;
                failure.set(outcome.err().map(|_| Failure::new(FailureKind::Offline, NOT_THERE)));
            });
        })
    };
    {
        let load = load.clone();
        use_effect_with(props.part, move |part| {
            if part.have().is_none() {
                load.emit(());
            }
        });
    }
    match (props.part.have(), &*failure) {
        (Some(draw), _) => draw(props, here.as_ref()),
        (None, Some(failure)) => failed(failure, &load),
        (None, None) => loading("Loading this screen"),
    }
}
