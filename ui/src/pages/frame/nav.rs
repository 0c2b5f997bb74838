//! The collections at the left.

use super::used::{self, Used};
use super::{Place, is_arriving, use_here};
use crate::components::icon::{Icon, icon};
use crate::components::link::Link;
use crate::hooks::use_status;
use crate::route::Route;
use crate::text::count;
use sync_client::api::Phase;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct NavProps {
    pub place: Place,
    /// Opens the palette.
    pub onsearch: Callback<()>,
}

/// Needs review, the collections, and how to get more of them.
#[component]
pub fn Nav(props: &NavProps) -> Html {
    let here = use_here();
    let status = use_status();
    let review = status.review();
    let workspace = here.name.to_string();
    let redraw = use_force_update();
    let used = Used::of(here.workspace.id);
    let reviewing = matches!(props.place, Place::Review | Place::Decide(_));
    let item = |to: Route, current: bool, drawn: Icon, text: &str, test: &'static str| {
        html! {
            <li class="pf-v6-c-nav__item">
                <Link {to} {current} class={link_class(current)} {test}>
                    <span class="pf-v6-c-nav__link-icon">{ icon(drawn) }</span>
                    <span class="pf-v6-c-nav__link-text">{ text.to_owned() }</span>
                </Link>
            </li>
        }
    };
    html! {
        <nav class="pf-v6-c-nav mooring-nav" aria-label="Collections">
            <ul class="pf-v6-c-nav__list" role="list">
                <li class="pf-v6-c-nav__item">
                    <button type="button" class="pf-v6-c-nav__link" onclick={props.onsearch.reform(|_: MouseEvent| ())} data-test="nav-search">
                        <span class="pf-v6-c-nav__link-icon">{ icon(Icon::Search) }</span>
                        <span class="pf-v6-c-nav__link-text">{ "Search" }</span>
                        <kbd>{ "Ctrl K" }</kbd>
                    </button>
                </li>
                <li class="pf-v6-c-nav__item">
                    <Link to={Route::Review { workspace: workspace.clone() }} current={reviewing}
                        class={link_class(reviewing)} test="nav-review">
                        <span class="pf-v6-c-nav__link-icon">{ icon(Icon::Split) }</span>
                        <span class="pf-v6-c-nav__link-text">{ "Needs review" }</span>
                        <span class={classes!("pf-v6-c-badge", if review > 0 { "mooring-badge-review" } else { "pf-m-read" })}
                            data-test="review-badge">{ count::number(review) }</span>
                    </Link>
                </li>
                { item(Route::Merges { workspace: workspace.clone() }, props.place == Place::Merges, Icon::Merge, "Merged automatically", "nav-merges") }
            </ul>
            <section class="pf-v6-c-nav__section mooring-nav-collections" aria-labelledby="nav-collections">
                <h2 class="pf-v6-c-nav__section-title" id="nav-collections">{ "Collections" }</h2>
                <ul class="pf-v6-c-nav__list" role="list">
                    { for used.sorted(&here).into_iter().map(|info| {
                        let current = props.place.collection() == Some(&info.id);
                        let liked = used.likes(&info.id);
                        let like = {
                            let (workspace, id, redraw) = (here.workspace.id, info.id.clone(), redraw.clone());
                            Callback::from(move |_: MouseEvent| {
                                used::turn(workspace, &id);
                                redraw.force_update();
                            })
                        };
                        html! {
                            <li class="pf-v6-c-nav__item mooring-nav-collection" key={info.id.to_string()}>
                                <button type="button" class={classes!("mooring-star", liked.then_some("mooring-on"))} onclick={like} aria-pressed={liked.to_string()}
                                    aria-label={format!("{} is a favourite", info.collection.label)} title={if liked { "No favourite any more" } else { "Make it a favourite" }} data-test="favourite">{ icon(Icon::Star) }</button>
                                <Link to={here.to_collection(&info.id)} {current} class={link_class(current)}
                                    test="collection-item" name={info.id.to_string()}>
                                    if let Some(drawn) = Icon::of(&info.collection) {
                                        <span class="pf-v6-c-nav__link-icon">{ icon(drawn) }</span>
                                    }
                                    <span class="pf-v6-c-nav__link-text mooring-nav-label" title={info.collection.label.clone()}>{ &info.collection.label }</span>
                                    if info.review > 0 {
                                        <span class="pf-v6-c-badge mooring-badge-review" title="Needs review">
                                            { count::number(info.review) }
                                            <span class="pf-v6-screen-reader">{ " need review" }</span>
                                        </span>
                                    }
                                    if !is_arriving(&status) {
                                        <span class="mooring-nav-count" title={count::records(info.records)}>{ count::number(info.records) }</span>
                                    }
                                </Link>
                            </li>
                        }
                    }) }
                </ul>
            </section>
            if here.may_shape() {
                <ul class="pf-v6-c-nav__list mooring-nav-more" role="list">
                    if here.may_manage() && status.phase != Phase::Local {
                        { item(Route::Mirrors { workspace: workspace.clone() }, matches!(props.place, Place::Mirrors | Place::NewMirror), Icon::Anchor, "Mirrored tables", "nav-mirrors") }
                    }
                    { item(Route::NewCollection { workspace: workspace.clone() }, props.place == Place::NewCollection, Icon::Plus, "New collection", "new-collection") }
                    { item(Route::Import { workspace }, props.place == Place::Import, Icon::Upload, "Import", "nav-import") }
                </ul>
            } else if here.may_edit() {
                <ul class="pf-v6-c-nav__list mooring-nav-more" role="list">
                    { item(Route::Import { workspace }, props.place == Place::Import, Icon::Upload, "Import", "nav-import") }
                </ul>
            }
        </nav>
    }
}

fn link_class(current: bool) -> Classes {
    classes!("pf-v6-c-nav__link", current.then_some("pf-m-current"))
}
