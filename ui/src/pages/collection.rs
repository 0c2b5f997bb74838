//! A collection's records in a grid, and beside it the one record that is open.

mod grid;
mod pager;
mod toolbar;

use super::collection_form::AddField;
use super::frame::{FirstSync, Place, is_arriving, use_here};
use super::record::{NewRecord, RecordPanel};
use crate::components::button::{Button, Look};
use crate::components::dialog::Confirm;
use crate::components::icon::Icon;
use crate::components::link::use_go;
use crate::components::states::{Empty, failed, loading};
use crate::hooks::{use_ask, use_call, use_status, use_toaster};
use crate::platform::dom;
use crate::route::{KeyText, Route};
use crate::text::count;
use gloo::events::EventListener;
use grid::Grid;
use pager::pager;
use std::collections::BTreeSet;
use std::rc::Rc;
use sync_client::api::{Answer, CollectionInfo, Command, Event, Rows, RowsQuery};
use sync_protocol::{RecordId, RecordKey};
use toolbar::Toolbar;
use wasm_bindgen::JsCast;
use yew::prelude::*;

/// Rows of one page: more than a screen shows, few enough to draw at once.
pub const PAGE: usize = 100;

#[derive(PartialEq, Properties)]
pub struct CollectionPageProps {
    pub info: CollectionInfo,
    pub place: Place,
}

/// The grid with what is open beside it.
#[component]
pub fn CollectionPage(props: &CollectionPageProps) -> Html {
    let id = &props.info.id;
    let here = use_here();
    let go = use_go();
    let status = use_status();
    let query = use_state(|| first_page(&props.info));
    let selected = use_state(BTreeSet::<RecordKey>::new);
    let deleting = use_state(Vec::<RecordKey>::new);
    let adding_field = use_state_eq(|| false);

    let rows = use_ask(
        (*query).clone(),
        |query| Command::Rows(query.clone()),
        pick_rows,
        |query, event| match event {
            Event::Changed { collections } => collections.contains(&query.collection),
            Event::ReviewChanged => query.only.is_some(),
            _ => false,
        },
    );

    let open_record = {
        let (workspace, collection) = (here.name.to_string(), id.to_string());
        use_callback(go.clone(), move |key: RecordKey, go| {
            let (workspace, collection) = (workspace.clone(), collection.clone());
            go.emit(Route::Record { workspace, collection, key: KeyText(key) });
        })
    };
    let new_record = {
        let (workspace, collection) = (here.name.to_string(), id.to_string());
        use_callback(go.clone(), move |(), go| {
            go.emit(Route::NewRecord { workspace: workspace.clone(), collection: collection.clone() });
        })
    };
    let close = {
        let to = here.to_collection(id);
        use_callback(go.clone(), move |(), go| go.emit(to.clone()))
    };
    use_shortcuts(here.may_edit(), new_record.clone());

    let select = {
        let selected = selected.clone();
        use_callback((*selected).clone(), move |(key, on): (RecordKey, bool), now| {
            let mut now = now.clone();
            if on {
                now.insert(key)
            } else {
                now.remove(&key)
            };
            selected.set(now);
        })
    };
    let select_all = {
        let (selected, rows) = (selected.setter(), rows.data.clone());
        Callback::from(move |on: bool| {
            let keys = rows.iter().flat_map(|rows| rows.rows.iter().map(|row| row.key.clone()));
            selected.set(if on { keys.collect() } else { BTreeSet::new() });
        })
    };
    let delete_selected = {
        let (deleting, selected) = (deleting.setter(), selected.clone());
        Callback::from(move |()| deleting.set(selected.iter().cloned().collect()))
    };
    let delete_one = {
        let deleting = deleting.setter();
        use_callback(selected.clone(), move |key: RecordKey, selected| {
            deleting.set(if selected.is_empty() { vec![key] } else { selected.iter().cloned().collect() });
        })
    };
    let ask_again = {
        let (query, selected) = (query.setter(), selected.setter());
        Callback::from(move |next: RowsQuery| {
            selected.set(BTreeSet::new());
            query.set(next);
        })
    };
    let after_delete = {
        let (deleting, selected, rows) = (deleting.setter(), selected.setter(), rows.reload.clone());
        Callback::from(move |done: bool| {
            deleting.set(Vec::new());
            if done {
                selected.set(BTreeSet::new());
                rows.emit(());
            }
        })
    };
    let settings = {
        let (workspace, collection) = (here.name.to_string(), id.to_string());
        go.reform(move |()| Route::Settings { workspace: workspace.clone(), collection: collection.clone() })
    };
    let add_field = {
        let adding_field = adding_field.setter();
        Callback::from(move |()| adding_field.set(true))
    };
    let added_field = {
        let adding_field = adding_field.setter();
        Callback::from(move |()| adding_field.set(false))
    };

    let open_key = match &props.place {
        Place::Record(_, key) | Place::History(_, key) => Some(key.clone()),
        _ => None,
    };
    let panel = match &props.place {
        Place::NewRecord(_) if here.may_edit() => {
            html! { <NewRecord info={props.info.clone()} onclose={close} /> }
        }
        Place::Record(_, key) | Place::History(_, key) => html! {
            <RecordPanel key={key.to_text()} info={props.info.clone()} record={key.clone()}
                history={matches!(props.place, Place::History(..))} onclose={close} />
        },
        _ => Html::default(),
    };
    let expanded = panel != Html::default();
    html! {
        <div class={classes!("pf-v6-c-drawer", "pf-m-inline", expanded.then_some("pf-m-expanded"))}>
            <div class="pf-v6-c-drawer__main">
                <div class="pf-v6-c-drawer__content">
                    <section class="mooring-collection" aria-label={props.info.collection.label.clone()}>
                        <Toolbar info={props.info.clone()} query={(*query).clone()} rows={rows.data.clone()}
                            selected={selected.len()} may_edit={here.may_edit()} may_shape={here.may_shape()}
                            onquery={ask_again.clone()} onnew={new_record.clone()} ondelete={delete_selected} onfield={add_field} onsettings={settings} />
                        if let Some(failure) = &rows.failure {
                            { failed(failure, &rows.reload) }
                        }
                        { match &rows.data {
                            None if rows.failure.is_some() => Html::default(),
                            None => loading("Reading the records"),
                            Some(rows) if rows.total == 0 && is_arriving(&status) => html! { <FirstSync /> },
                            Some(rows) if rows.matching == 0 => nothing(rows, &query, here.may_edit(), &new_record, &ask_again),
                            Some(data) => html! {
                                <>
                                    <Grid info={props.info.clone()} rows={data.clone()} query={(*query).clone()}
                                        selected={Rc::new((*selected).clone())} open={open_key} busy={rows.busy} may_edit={here.may_edit()}
                                        onquery={ask_again.clone()} onopen={open_record} onselect={select}
                                        onselectall={select_all} ondelete={delete_one} />
                                    { pager(&query, data.matching, &ask_again) }
                                </>
                            },
                        } }
                    </section>
                </div>
                if expanded {
                    { panel }
                }
            </div>
            if !deleting.is_empty() {
                <DeleteRecords info={props.info.clone()} keys={(*deleting).clone()} ondone={after_delete} />
            }
            if *adding_field {
                <AddField info={props.info.clone()} onclose={added_field} />
            }
        </div>
    }
}

fn first_page(info: &CollectionInfo) -> RowsQuery {
    RowsQuery {
        collection: info.id.clone(),
        search: String::new(),
        sort: None,
        descending: false,
        only: None,
        offset: 0,
        limit: PAGE,
    }
}

fn pick_rows(answer: Answer) -> Option<Rows> {
    match answer {
        Answer::Rows(rows) => Some(rows),
        _ => None,
    }
}

/// No rows: because nothing matches, or because there is nothing yet.
fn nothing(
    rows: &Rows,
    query: &RowsQuery,
    may_edit: bool,
    new_record: &Callback<()>,
    onquery: &Callback<RowsQuery>,
) -> Html {
    if query.only.is_some() && query.search.is_empty() {
        let all = RowsQuery { only: None, offset: 0, ..query.clone() };
        return html! {
            <Empty title="Nothing here needs review" icon={Icon::Check} test="nothing-to-review">
                <div class="pf-v6-c-empty-state__footer">
                    <Button text="Show all records" onclick={onquery.reform(move |_: MouseEvent| all.clone())} test="show-all" />
                </div>
            </Empty>
        };
    }
    if rows.total > 0 {
        let all = RowsQuery { search: String::new(), offset: 0, ..query.clone() };
        return html! {
            <Empty title="Nothing found" icon={Icon::Search} test="nothing-found">
                <div class="pf-v6-c-empty-state__body">
                    if query.only.is_some() {
                        { format!("None of the records that need review contains “{}”.", query.search) }
                    } else {
                        { format!("None of the {} contains “{}”.", count::records(rows.total as u64), query.search) }
                    }
                </div>
                <div class="pf-v6-c-empty-state__footer">
                    <Button text="Show all records" onclick={onquery.reform(move |_: MouseEvent| all.clone())} test="show-all" />
                </div>
            </Empty>
        };
    }
    html! {
        <Empty title="No records yet" icon={Icon::Table} test="no-records">
            <div class="pf-v6-c-empty-state__body">{ "Records appear here as soon as somebody adds one, with or without a network." }</div>
            if may_edit {
                <div class="pf-v6-c-empty-state__footer">
                    <Button look={Look::Primary} icon={Icon::Plus} text="New record" onclick={new_record.reform(|_: MouseEvent| ())} />
                </div>
            }
        </Empty>
    }
}

/// N makes a record, / goes to the search.
#[hook]
fn use_shortcuts(may_edit: bool, new_record: Callback<()>) {
    use_effect_with((may_edit, new_record), |(may_edit, new_record)| {
        let (may_edit, new_record) = (*may_edit, new_record.clone());
        let options = gloo::events::EventListenerOptions::enable_prevent_default();
        let listener =
            EventListener::new_with_options(&crate::platform::document(), "keydown", options, move |event| {
                let Some(key) = event.dyn_ref::<KeyboardEvent>() else { return };
                if dom::typing(event) || key.ctrl_key() || key.meta_key() || key.alt_key() {
                    return;
                }
                match key.key().as_str() {
                    "n" | "N" if may_edit => {
                        event.prevent_default();
                        new_record.emit(());
                    }
                    "/" => {
                        event.prevent_default();
                        dom::focus("[data-test=search]");
                    }
                    _ => {}
                }
            });
        move || drop(listener)
    });
}

#[derive(PartialEq, Properties)]
pub struct DeleteRecordsProps {
    pub info: CollectionInfo,
    pub keys: Vec<RecordKey>,
    /// True: they are deleted.
    pub ondone: Callback<bool>,
}

/// Asks, then deletes.
#[component]
pub fn DeleteRecords(props: &DeleteRecordsProps) -> Html {
    let (call, toaster) = (use_call(), use_toaster());
    let busy = use_state_eq(|| false);
    let n = props.keys.len() as u64;
    let onconfirm = {
        let (busy, ondone) = (busy.setter(), props.ondone.clone());
        let ids: Vec<RecordId> =
            props.keys.iter().map(|key| RecordId::new(props.info.id.clone(), key.clone())).collect();
        Callback::from(move |()| {
            busy.set(true);
            let (busy, ondone, toaster) = (busy.clone(), ondone.clone(), toaster.clone());
            let done = Callback::from(move |outcome| {
                busy.set(false);
                match outcome {
                    Ok(_) => {
                        toaster.done(format!("{} deleted on this device", count::records(n)));
                        ondone.emit(true);
                    }
                    Err(failure) => {
                        toaster.failure(&failure);
                        ondone.emit(false);
                    }
                }
            });
            call.emit((Command::Delete { ids: ids.clone() }, done));
        })
    };
    let title =
        if n == 1 { "Delete this record?".to_owned() } else { format!("Delete {}?", count::records(n)) };
    html! {
        <Confirm {title} action={format!("Delete {}", if n == 1 { "the record".into() } else { count::records(n) })}
            busy={*busy} {onconfirm} oncancel={props.ondone.reform(|()| false)}>
            <p>{ "It is deleted for everybody in this workspace as soon as this device reaches the server. This cannot be undone." }</p>
            <p class="mooring-gap">{ "If somebody edits it before that, both of you are asked which shall count." }</p>
        </Confirm>
    }
}
