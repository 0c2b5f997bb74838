//! A workspace's first screen: the collection that was used last; for somebody who is new here, what to try first.

use super::used::Used;
use super::{FirstSync, is_arriving, use_here};
use crate::components::icon::{Icon, icon};
use crate::components::link::Link;
use crate::hooks::use_status;
use crate::route::Route;
use sync_client::api::Phase;
use yew::prelude::*;

/// The screen.
#[component]
pub fn Start() -> Html {
    let here = use_here();
    let status = use_status();
    let used = use_memo(here.workspace.id, |id| Used::of(*id));
    let last = used.recent(&here).first().map(|info| here.to_collection(&info.id)).filter(|_| !used.is_new());
    {
        let navigator = yew_router::hooks::use_navigator();
        use_effect_with(last.clone(), move |last| {
            if let (Some(last), Some(navigator)) = (last, navigator) {
                navigator.replace(last);
            }
        });
    }
    if last.is_some() {
        return Html::default();
    }
    if here.collections.is_empty() && is_arriving(&status) {
        return html! { <FirstSync page=true /> };
    }
    let workspace = here.name.to_string();
    let try_ = |to: Route, drawn: Icon, title: String, what: &'static str, test: &'static str| {
        html! {
            <li>
                <Link {to} class="pf-v6-c-card pf-m-selectable mooring-card-link" {test}>
                    <span class="mooring-card-title">{ icon(drawn) }{ " " }{ title }</span>
                    <span class="mooring-muted">{ what }</span>
                    <span class="mooring-card-go">{ icon(Icon::ChevronRight) }</span>
                </Link>
            </li>
        }
    };
    let first = here.collections.first();
    let shape = here.may_shape();
    html! {
        <section class="mooring-narrow" data-test={if first.is_some() { "start" } else { "no-collections" }}>
            <div class="mooring-heading"><h1 class="pf-v6-c-title pf-m-2xl" dir="auto">{ &here.workspace.name }</h1></div>
            <p class="mooring-gap mooring-muted">
                { match (first.is_some(), shape) {
                    (true, _) => "New here? Three things to try.",
                    (false, true) => "No collections yet. A collection holds records of one kind, such as customers or machines.",
                    (false, false) => "No collections yet. They appear here as soon as somebody makes one.",
                } }
            </p>
            <ul class="mooring-cards" role="list">
                if let Some(info) = first {
                    { try_(here.to_collection(&info.id), Icon::Table, format!("Change something in {}", info.collection.label),
                        "Enter edits a cell, Enter saves it, Ctrl+Z takes it back. It works the same without a network.", "try-edit") }
                    if status.phase != Phase::Local {
                        { try_(Route::Review { workspace: workspace.clone() }, Icon::Split, "Let two edits meet".to_owned(),
                            "Change the same field here and on another device while one of them is offline: both are kept, and you are asked here.", "try-review") }
                    }
                }
                if shape {
                    { try_(Route::Import { workspace: workspace.clone() }, Icon::Upload, "Bring your own records".to_owned(),
                        "A spreadsheet, a CSV or a JSON file; you see what becomes of it before anything is saved.", "try-import") }
                    if first.is_none() {
                        { try_(Route::NewCollection { workspace }, Icon::Plus, "Make a collection".to_owned(), "Name its fields, and begin to write.", "try-collection") }
                    }
                }
            </ul>
        </section>
    }
}
