//! Views that are kept: each a name for what the address says. One's own are on this device only; shared ones are records, so
//! that everybody in the workspace has them, with and without a network.

use crate::components::button::{Button, Look};
use crate::components::dialog::Dialog;
use crate::components::form::{TextField, is_checked};
use crate::components::menu::{Entry, Menu};
use crate::grid::address::Shown;
use crate::hooks::{use_ask, use_call, use_session, use_toaster};
use crate::live::use_live;
use crate::pages::later::{Wanted, later};
use gloo::storage::{LocalStorage, Storage};
use serde::{Deserialize, Serialize};
use sync_client::api::{Answer, Command, Event, Op, RowsQuery};
use sync_protocol::{CollectionId, FieldName, Fields, RecordId, RecordKey, Value, reserved};
use yew::prelude::*;

/// Views of one collection that a device keeps.
const MOST: usize = 50;
/// Shared ones that are listed.
const MOST_SHARED: usize = 200;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SavedView {
    name: String,
    /// As addresses have it.
    query: String,
}

#[derive(PartialEq, Properties)]
pub struct ViewMenuProps {
    pub workspace: AttrValue,
    pub collection: CollectionId,
    /// What is shown now.
    pub query: AttrValue,
    /// Whether views can be shared here, by this person.
    pub may_share: bool,
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
    let shared = use_shared(&props.collection);
    let share = use_share(&props.collection);
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
    let entry = |view: &SavedView, test: &'static str| {
        let shown = Shown::read(&view.query);
        let show = props.onshown.reform(move |()| shown.clone());
        Entry::new(view.name.clone(), show).current(*view.query == *props.query).test(test)
    };
    let none = SavedView { name: "All records".to_owned(), query: String::new() };
    let mut entries = vec![entry(&none, "view-all")];
    entries.extend(all.iter().map(|view| entry(view, "view-saved")));
    let of_all: Vec<Entry> = shared.iter().map(|(_, view)| entry(view, "view-shared")).collect();
    let own = all.iter().find(|view| *view.query == *props.query);
    let others = shared.iter().find(|(_, view)| *view.query == *props.query);
    let mut more = Vec::new();
    if !props.query.is_empty() && own.is_none() && others.is_none() {
        let naming = naming.setter();
        more.push(
            Entry::new("Save this view…", Callback::from(move |()| naming.set(true))).test("view-save"),
        );
    }
    if let Some(own) = own {
        if props.may_share {
            let (share, own) = (share.clone(), own.clone());
            more.push(
                Entry::new(
                    format!("Share “{}” with everybody", own.name),
                    Callback::from(move |()| share.emit(Sharing::With(own.clone()))),
                )
                .test("view-share"),
            );
        }
        let rest: Vec<SavedView> = all.iter().filter(|view| *view != own).cloned().collect();
        let text = format!("Remove “{}”", own.name);
        more.push(Entry::new(text, keep.reform(move |()| rest.clone())).test("view-remove"));
    }
    if let Some((key, view)) = others.filter(|_| props.may_share) {
        let (key, name) = (key.clone(), view.name.clone());
        let text = format!("Remove “{name}” for everybody");
        more.push(
            Entry::new(text, share.reform(move |()| Sharing::End(key.clone(), name.clone())))
                .test("view-unshare"),
        );
    }
    more.push(Entry::new("Deleted records", props.ondeleted.clone()).test("view-deleted"));
    more.push(Entry::new("Print…", props.onprint.clone()).test("view-print"));
    let mut groups = vec![(AttrValue::Static(""), entries)];
    if !of_all.is_empty() {
        groups.push((AttrValue::Static("Shared"), of_all));
    }
    groups.push((AttrValue::Static(""), more));
    let name = own
        .or(others.map(|(_, view)| view))
        .map_or(if props.query.is_empty() { "All records" } else { "Not saved" }, |view| &view.name);
    let dialog = naming.then(|| {
        let onclose = {
            let naming = naming.setter();
            Callback::from(move |()| naming.set(false))
        };
        let (all, query) = (all.clone(), props.query.to_string());
        let onsave = Callback::from(move |(name, shared): (String, bool)| {
            let view = SavedView { name, query: query.clone() };
            if shared {
                return share.emit(Sharing::With(view));
            }
            let mut next: Vec<SavedView> =
                all.iter().filter(|other| other.name != view.name).cloned().collect();
            next.push(view);
            let many = next.len().saturating_sub(MOST);
            keep.emit(next.split_off(many));
        });
        later(Wanted::SaveView(SaveViewProps { may_share: props.may_share, onsave, onclose }))
    });
    html! {
        <>
            <Menu toggle={html! { { name.to_owned() } }} label="Views" {groups} test="views" />
            { dialog }
        </>
    }
}

fn field(name: &'static str) -> FieldName {
    reserved::field(name)
}

/// The shared views of a collection, by name.
#[hook]
fn use_shared(collection: &CollectionId) -> Vec<(RecordKey, SavedView)> {
    let ask = use_ask(
        collection.clone(),
        |collection| {
            Command::Rows(RowsQuery {
                collection: reserved::collection(reserved::VIEWS),
                search: collection.to_string(),
                sort: Some(field("name")),
                descending: false,
                only: None,
                offset: 0,
                limit: MOST_SHARED,
            })
        },
        |answer| match answer {
            Answer::Rows(found) => Some(found.rows),
            _ => None,
        },
        |_, event| matches!(event, Event::Changed { collections } if collections.iter().any(|id| id.as_str() == reserved::VIEWS)),
    );
    let text = |fields: &Fields, name| fields.get(&field(name)).and_then(Value::as_text).map(str::to_owned);
    let rows = ask.data.as_deref().map(Vec::as_slice).unwrap_or_default();
    rows.iter()
        .filter(|row| text(&row.fields, "collection").as_deref() == Some(collection.as_str()))
        .filter_map(|row| {
            let view = SavedView { name: text(&row.fields, "name")?, query: text(&row.fields, "query")? };
            Some((row.key.clone(), view))
        })
        .collect()
}

/// What is done about a shared view.
#[derive(Clone)]
enum Sharing {
    With(SavedView),
    End(RecordKey, String),
}

/// Shares views, and ends that, in steps that can be taken back.
#[hook]
fn use_share(collection: &CollectionId) -> Callback<Sharing> {
    let (call, toaster, session) = (use_call(), use_toaster(), use_session().session);
    let collection = collection.clone();
    Callback::from(move |sharing: Sharing| {
        let views = reserved::collection(reserved::VIEWS);
        let (op, said) = match sharing {
            Sharing::With(view) => {
                let user = session.user.as_ref().map(|user| user.id.to_string()).unwrap_or_default();
                let said = format!("“{}” is shared, saved on this device", view.name);
                let parts = [
                    ("collection", collection.to_string()),
                    ("name", view.name),
                    ("query", view.query),
                    ("user", user),
                ];
                let fields = parts.into_iter().map(|(name, text)| (field(name), Value::from(text))).collect();
                (Op::Insert { collection: views, key: None, fields }, said)
            }
            Sharing::End(key, name) => {
                (Op::Delete { id: RecordId::new(views, key) }, format!("“{name}” removed on this device"))
            }
        };
        let label = Some("Shared view".to_owned());
        let write = Command::Write { ops: vec![op], label, types: Vec::new(), memos: Vec::new() };
        let toaster = toaster.clone();
        toaster.new_step();
        let done = Callback::from(move |outcome| match outcome {
            Ok(_) => toaster.step(said.clone()),
            Err(failure) => toaster.failure(&failure),
        });
        call.emit((write, done));
    })
}

#[derive(Clone, PartialEq, Properties)]
pub struct SaveViewProps {
    pub may_share: bool,
    /// Keeps it under this name; true: for everybody.
    pub onsave: Callback<(String, bool)>,
    pub onclose: Callback<()>,
}

/// Asks for the view's name, and for whom it is.
#[component]
pub fn SaveView(props: &SaveViewProps) -> Html {
    let text = use_state_eq(String::new);
    let shared = use_state_eq(|| false);
    let name = text.trim().to_owned();
    let empty = name.is_empty();
    let oninput = {
        let text = text.setter();
        Callback::from(move |now| text.set(now))
    };
    let onshared = {
        let shared = shared.setter();
        Callback::from(move |event: web_sys::Event| shared.set(is_checked(&event)))
    };
    let save = {
        let (onsave, onclose, shared) = (props.onsave.clone(), props.onclose.clone(), *shared);
        Callback::from(move |()| {
            onsave.emit((name.clone(), shared));
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
    let hint = if *shared { "Everybody in this workspace sees it" } else { "Kept on this device only" };
    html! {
        <Dialog title="Save this view" onclose={props.onclose.clone()} {actions} test="view-dialog">
            <form {onsubmit}>
                <TextField id="view-name" label="Name" value={(*text).clone()} {oninput} autofocus=true {hint} test="view-name" />
                if props.may_share {
                    <p class="mooring-gap"><label><input type="checkbox" checked={*shared} onchange={onshared} data-test="view-for-all" />{ " Share it with everybody in this workspace" }</label></p>
                }
            </form>
        </Dialog>
    }
}
