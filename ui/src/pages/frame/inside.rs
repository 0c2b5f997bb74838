//! What is around every screen of an open workspace.

use super::banners::Banners;
use super::nav::Nav;
use super::open::OpenedProps;
use super::overlay::{Overlay, use_overlay};
use super::start::Start;
use super::{FirstSync, Here, Masthead, Place, is_arriving};
use crate::components::icon::{Icon, icon};
use crate::components::link::Link;
use crate::components::pill::review_for_me;
use crate::components::states::{Empty, failed, loading};
use crate::hooks::{Ask, use_ask, use_status, use_title_of};
use crate::live::{Live, use_keys};
use crate::pages::collection::CollectionPage;
use crate::pages::later::{Wanted, later};
use crate::pages::review::Looking;
use crate::platform::dom;
use crate::route::Route;
use crate::text::count;
use std::rc::Rc;
use sync_client::api::{Answer, CollectionInfo, Command, Event, Phase, Status, Transport};
use sync_client::text;
use yew::prelude::*;

/// An open workspace.
#[component]
pub fn Inside(props: &OpenedProps) -> Html {
    let ask = use_ask(
        (),
        |()| Command::Collections,
        pick_collections,
        |(), event| matches!(event, Event::Changed { .. } | Event::ReviewChanged),
    );
    let looking = use_memo((), |()| Looking::default());
    let status = use_status();
    let nav_open = use_state_eq(|| false);
    {
        let nav_open = nav_open.setter();
        use_effect_with(props.place.clone(), move |_| nav_open.set(false));
    }
    let title = match &props.place {
        Place::Start => Some(""),
        Place::Review | Place::Decide(_) => Some("Needs review"),
        Place::Merges => Some("Merged automatically"),
        Place::Activity => Some("Activity"),
        Place::Mirrors => Some("Mirrored tables"),
        Place::NewMirror => Some("Mirror a table"),
        Place::Import => Some("Import"),
        Place::NewCollection => Some("New collection"),
        Place::Settings(..) => None,
        Place::WorkspaceSettings | Place::Account | Place::Join => Some("Workspace settings"),
        // the collection's own page names them
        Place::Deleted(_)
        | Place::Twice(..)
        | Place::Collection(_)
        | Place::NewRecord(_)
        | Place::Record(..)
        | Place::History(..) => None,
    };
    use_title_of(title.map(|title| match title {
        "" => props.workspace.name.clone(),
        title => format!("{title} · {}", props.workspace.name),
    }));
    let close_nav = {
        let nav_open = nav_open.setter();
        Callback::from(move |_: MouseEvent| nav_open.set(false))
    };
    {
        let nav_open = nav_open.clone();
        use_keys(Callback::from(move |event: KeyboardEvent| {
            if event.key() == "Escape" && *nav_open {
                nav_open.set(false);
                dom::focus("[data-test=nav-toggle]");
            }
        }));
    }
    let toggle = {
        let nav_open = nav_open.clone();
        Callback::from(move |()| nav_open.set(!*nav_open))
    };
    let (overlay, over) = use_overlay(&props.place);
    let onsearch = open(&overlay, Overlay::Palette);
    let onhelp = open(&overlay, Overlay::Keys);
    let skip = Callback::from(|event: MouseEvent| {
        event.prevent_default();
        dom::focus("#main");
    });
    let Ask { data, failure, reload, .. } = ask;
    let Some(collections) = data else {
        return html! {
            <div class="mooring-plain">
                <Masthead current={props.name.clone()} />
                <main id="main" class="mooring-narrow">
                    if let Some(failure) = &failure { { failed(failure, &reload) } } else { { loading("Reading the collections") } }
                </main>
            </div>
        };
    };
    let (deleted, collections) = (*collections).clone();
    let here = Here { name: props.name.clone(), workspace: props.workspace.clone(), collections, deleted };
    html! {
        <ContextProvider<Here> context={here.clone()}>
            <div class="pf-v6-c-page">
                <a class="pf-v6-c-skip-to-content pf-v6-c-button pf-m-primary" href="#main" onclick={skip}>{ "Skip to the content" }</a>
                <Masthead current={props.name.clone()} toggle={toggle.clone()} nav_open={*nav_open} onhelp={onhelp} may_decide={here.may_edit()} />
                if *nav_open {
                    // what is beside it is for closing it, not for what lies there
                    <div class="mooring-scrim" onclick={close_nav} data-test="nav-scrim"></div>
                }
                <div class={classes!("pf-v6-c-page__sidebar", if *nav_open { "pf-m-expanded" } else { "mooring-sidebar" })}>
                    <div class="pf-v6-c-page__sidebar-body">
                        <Nav place={props.place.clone()} onsearch={onsearch.clone()} />
                    </div>
                </div>
                <div class="pf-v6-c-page__main-container">
                    <main class="pf-v6-c-page__main" id="main" tabindex="-1">
                        { thin_bar(&status) }
                        <Banners />
                        <ContextProvider<Looking> context={(*looking).clone()}>
                            { screen(&props.place, &here, &status) }
                        </ContextProvider<Looking>>
                    </main>
                </div>
                { bottom_bar(&here, &props.place, &status, &toggle, &onsearch) }
            </div>
            { over }
        </ContextProvider<Here>>
    }
}

fn open(overlay: &Live<Option<Overlay>>, what: Overlay) -> Callback<()> {
    let overlay = overlay.clone();
    Callback::from(move |()| overlay.set(Some(what)))
}

/// On a phone the pill has no room for words: what keeps the sync from going on stands below it in full.
fn thin_bar(status: &Status) -> Html {
    let stands =
        matches!(status.phase, Phase::NeedsSignIn | Phase::NeedsUpdate | Phase::Removed | Phase::Paused);
    let away =
        status.transport == Transport::Offline && !matches!(status.phase, Phase::Closed | Phase::Local);
    if !stands && !away && status.problem.is_none() {
        return Html::default();
    }
    html! { <div class="mooring-thin" data-test="status-bar">{ status.pill().text }</div> }
}

/// On a phone, at the bottom: where the thumb is.
fn bottom_bar(
    here: &Here,
    place: &Place,
    status: &Status,
    toggle: &Callback<()>,
    search: &Callback<()>,
) -> Html {
    let workspace = here.name.to_string();
    let review = review_for_me(status, here.may_edit());
    let button = |drawn: Icon, text: &'static str, onclick: &Callback<()>, test: &'static str| {
        html! {
            <button type="button" class="mooring-bottom-item" onclick={onclick.reform(|_: MouseEvent| ())} data-test={test}>{ icon(drawn) }<span>{ text }</span></button>
        }
    };
    let collection = place.collection().or(here.collections.first().map(|info| &info.id));
    html! {
        <nav class="mooring-bottom" aria-label="Shortcuts">
            { button(Icon::Table, "Collections", toggle, "bottom-collections") }
            <Link to={Route::Review { workspace: workspace.clone() }} class="mooring-bottom-item" current={*place == Place::Review} test="bottom-review">
                { icon(Icon::Split) }<span>{ "Review" }</span>
                if review > 0 {
                    <span class="pf-v6-c-badge mooring-badge-review">{ count::number(review) }</span>
                }
            </Link>
            { button(Icon::Search, "Search", search, "bottom-search") }
            if let Some(id) = collection.filter(|_| here.may_edit()) {
                <Link to={Route::NewRecord { workspace, collection: id.to_string() }} class="mooring-bottom-item" test="bottom-add">{ icon(Icon::Plus) }<span>{ "Add" }</span></Link>
            }
        </nav>
    }
}

/// Those that were deleted, and the others.
type Collections = (Rc<Vec<CollectionInfo>>, Rc<Vec<CollectionInfo>>);

fn pick_collections(answer: Answer) -> Option<Collections> {
    match answer {
        Answer::Collections(mut list) => {
            let places =
                text::Collation::default().places(list.iter().map(|info| info.collection.label.as_str()));
            list.sort_by_key(|info| places.get(&info.collection.label).copied());
            let (deleted, there) = list.into_iter().partition(|info| info.collection.deleted);
            Some((Rc::new(deleted), Rc::new(there)))
        }
        _ => None,
    }
}

fn screen(place: &Place, here: &Here, status: &Status) -> Html {
    match place {
        Place::Start => html! { <Start /> },
        Place::WorkspaceSettings
        | Place::Account
        | Place::Join
        | Place::Review
        | Place::Merges
        | Place::Decide(_)
        | Place::Mirrors
        | Place::NewMirror
        | Place::Import
        | Place::NewCollection
        | Place::Activity => later(Wanted::Screen(place.clone())),
        Place::Settings(id, _) | Place::Deleted(id) | Place::Twice(id, _)
            if here.collection(id).is_some() =>
        {
            later(Wanted::Screen(place.clone()))
        }
        Place::Collection(id)
        | Place::NewRecord(id)
        | Place::Record(id, _)
        | Place::History(id, _)
        | Place::Deleted(id)
        | Place::Twice(id, _)
        | Place::Settings(id, _) => match here.collection(id) {
            Some(info) => {
                html! { <CollectionPage key={id.to_string()} info={info.clone()} place={place.clone()} /> }
            }
            None if here.deleted.iter().any(|info| info.id == *id) => html! {
                <Empty title="This collection was deleted" icon={Icon::Trash} page=true test="collection-deleted">
                    <div class="pf-v6-c-empty-state__body">{ "Its records and fields are kept." }</div>
                    if here.may_shape() {
                        <div class="pf-v6-c-empty-state__footer">
                            <Link to={Route::NewCollection { workspace: here.name.to_string() }} class="pf-v6-c-button pf-m-primary" test="to-deleted">{ "To the deleted collections" }</Link>
                        </div>
                    }
                </Empty>
            },
            None if is_arriving(status) => html! { <FirstSync page=true /> },
            None => html! {
                <Empty title="This collection is not here" icon={Icon::Search} page=true test="collection-gone">
                    <div class="pf-v6-c-empty-state__body">
                        { "It may have been removed, or has not arrived on this device yet." }
                    </div>
                    <div class="pf-v6-c-empty-state__footer">
                        <Link to={Route::Workspace { workspace: here.name.to_string() }} class="pf-v6-c-button pf-m-primary">{ format!("To {}", here.workspace.name) }</Link>
                    </div>
                </Empty>
            },
        },
    }
}
