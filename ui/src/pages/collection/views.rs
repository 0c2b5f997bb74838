//! Views that a person keeps: each a name for what the address says. They are kept on this device only.

use crate::components::button::{Button, Look};
use crate::components::dialog::Dialog;
use crate::components::form::TextField;
use crate::components::menu::{Entry, Menu};
use crate::grid::address::Shown;
use crate::live::use_live;
use crate::pages::later::{Wanted, later};
use gloo::storage::{LocalStorage, Storage};
use serde::{Deserialize, Serialize};
use yew::prelude::*;

/// Views of one collection that are kept.
const MOST: usize = 50;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SavedView {
    name: String,
    /// As addresses have it.
    query: String,
}

#[derive(PartialEq, Properties)]
pub struct ViewMenuProps {
    pub workspace: AttrValue,
    pub collection: AttrValue,
    /// What is shown now.
    pub query: AttrValue,
    pub onshown: Callback<Shown>,
    /// Shows the deleted records.
    pub ondeleted: Callback<()>,
    /// Prints the rows.
    pub onprint: Callback<()>,
}

/// The menu of views.
#[component]
pub fn ViewMenu(props: &ViewMenuProps) -> Html {
    let key = format!("mooring-views.{}.{}", props.workspace, props.collection);
    let views = {
        let key = key.clone();
        use_live(move || LocalStorage::get::<Vec<SavedView>>(&key).unwrap_or_default())
    };
    let naming = use_state_eq(|| false);
    let keep = {
        let views = views.clone();
        Callback::from(move |next: Vec<SavedView>| {
            // a full or forbidden storage: the views are there until the page is left
            let _ = LocalStorage::set(&key, &next);
            views.set(next);
        })
    };
    let all = views.get();
    let current = all.iter().find(|view| *view.query == *props.query);
    let show = |query: &str| {
        let shown = Shown::read(query);
        props.onshown.reform(move |()| shown.clone())
    };
    let mut entries =
        vec![Entry::new("All records", show("")).current(props.query.is_empty()).test("view-all")];
    entries.extend(all.iter().map(|view| {
        Entry::new(view.name.clone(), show(&view.query))
            .current(*view.query == *props.query)
            .test("view-saved")
    }));
    let mut more = Vec::new();
    if !props.query.is_empty() && current.is_none() && all.len() < MOST {
        let naming = naming.setter();
        more.push(Entry {
            description: Some(AttrValue::Static("Kept on this device only")),
            ..Entry::new("Save this view…", Callback::from(move |()| naming.set(true))).test("view-save")
        });
    }
    if let Some(current) = current {
        let rest: Vec<SavedView> = all.iter().filter(|view| *view != current).cloned().collect();
        more.push(
            Entry::new(format!("Remove “{}”", current.name), keep.reform(move |()| rest.clone()))
                .test("view-remove"),
        );
    }
    more.push(Entry::new("Deleted records", props.ondeleted.clone()).test("view-deleted"));
    more.push(Entry::new("Print…", props.onprint.clone()).test("view-print"));
    let groups = vec![(AttrValue::Static(""), entries), (AttrValue::Static(""), more)];
    let name =
        current.map_or(if props.query.is_empty() { "All records" } else { "Not saved" }, |view| &view.name);
    let dialog = naming.then(|| {
        let onclose = {
            let naming = naming.setter();
            Callback::from(move |()| naming.set(false))
        };
        let (all, query) = (all.clone(), props.query.to_string());
        let onsave = keep.reform(move |name: String| {
            let mut next: Vec<SavedView> = all.iter().filter(|view| view.name != name).cloned().collect();
            next.push(SavedView { name, query: query.clone() });
            next
        });
        later(Wanted::SaveView(SaveViewProps { onsave, onclose }))
    });
    html! {
        <>
            <Menu toggle={html! { { name.to_owned() } }} label="Views" {groups} test="views" />
            { dialog }
        </>
    }
}

#[derive(Clone, PartialEq, Properties)]
pub struct SaveViewProps {
    /// Keeps it under this name.
    pub onsave: Callback<String>,
    pub onclose: Callback<()>,
}

/// Asks for the view's name.
#[component]
pub fn SaveView(props: &SaveViewProps) -> Html {
    let text = use_state_eq(String::new);
    let name = text.trim().to_owned();
    let empty = name.is_empty();
    let oninput = {
        let text = text.setter();
        Callback::from(move |now| text.set(now))
    };
    let save = {
        let (onsave, onclose) = (props.onsave.clone(), props.onclose.clone());
        Callback::from(move |()| {
            onsave.emit(name.clone());
            onclose.emit(());
        })
    };
    let actions = html! {
        <Button look={Look::Primary} text="Save" disabled={empty} onclick={save.reform(|_: MouseEvent| ())} test="view-save-confirm" />
    };
    let onsubmit = Callback::from(move |event: SubmitEvent| {
        event.prevent_default();
        if !empty {
            save.emit(());
        }
    });
    html! {
        <Dialog title="Save this view" onclose={props.onclose.clone()} {actions} test="view-dialog">
            <form {onsubmit}><TextField id="view-name" label="Name" value={(*text).clone()} {oninput} autofocus=true hint="Kept on this device only" test="view-name" /></form>
        </Dialog>
    }
}
