//! A collection's records in a grid, and beside it the one record that is open.

mod grid;
mod pager;
mod toolbar;

use super::collection_form::AddField;
use super::frame::{FirstSync, Place, is_arriving, use_here};
use super::record::{NewRecord, ReadOnly, RecordPanel};
use crate::components::button::{Button, Look};
use crate::components::dialog::Confirm;
use crate::components::icon::Icon;
use crate::components::link::use_go;
use crate::components::states::{Empty, failed, loading};
use crate::hooks::{use_ask, use_call, use_status, use_title_of, use_toaster};
use crate::live::{use_keys, use_live};
use crate::platform::dom;
use crate::route::{KeyText, Route};
use crate::text::count;
use grid::Grid;
use pager::pager;
use std::collections::BTreeSet;
use sync_client::api::{Answer, CollectionInfo, Command, Event, Rows, RowsQuery};
use sync_protocol::{RecordId, RecordKey};
use toolbar::Toolbar;
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
    let query = use_live(|| first_page(&props.info));
    let selected = use_live(BTreeSet::<RecordKey>::new);
    let deleting = use_state(Vec::<RecordKey>::new);
    let adding_field = use_state_eq(|| false);

    let rows = use_ask(
        (*query.get()).clone(),
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
    {
        // the last rows of the last page may have gone meanwhile
        let query = query.clone();
        use_effect_with(rows.data.clone(), move |rows| {
            let matching = rows.as_ref().map_or(usize::MAX, |rows| rows.matching);
            let last = matching.saturating_sub(1) / PAGE * PAGE;
            if query.get().offset > last {
                query.change(|query| query.offset = last);
            }
        });
    }
    {
        let label = &props.info.collection.label;
        let title = match &props.place {
            // its panel names it
            Place::Record(..) | Place::History(..) => None,
            Place::NewRecord(_) => Some(format!("New record · {label} · {}", here.workspace.name)),
            _ => Some(format!("{label} · {}", here.workspace.name)),
        };
        use_title_of(title);
    }

    let select = {
        let selected = selected.clone();
        use_callback((), move |(key, on): (RecordKey, Option<bool>), ()| {
            selected.change(|now| {
                let on = on.unwrap_or(!now.contains(&key));
                if on {
                    now.insert(key)
                } else {
                    now.remove(&key)
                };
            });
        })
    };
    let clear = {
        let selected = selected.clone();
        Callback::from(move |()| selected.set(BTreeSet::new()))
    };
    let select_all = {
        // those of other pages stay
        let (selected, rows) = (selected.clone(), rows.data.clone());
        Callback::from(move |on: bool| {
            let keys = rows.iter().flat_map(|rows| rows.rows.iter().map(|row| row.key.clone()));
            selected.change(|now| {
                for key in keys {
                    if on {
                        now.insert(key)
                    } else {
                        now.remove(&key)
                    };
                }
            });
        })
    };
    let delete_selected = {
        let (deleting, selected) = (deleting.setter(), selected.clone());
        Callback::from(move |()| deleting.set(selected.get().iter().cloned().collect()))
    };
    let delete_one = {
        let (deleting, selected) = (deleting.setter(), selected.clone());
        use_callback((), move |key: RecordKey, ()| {
            let now = selected.get();
            deleting.set(if now.is_empty() { vec![key] } else { now.iter().cloned().collect() });
        })
    };
    let ask_again = {
        let query = query.clone();
        Callback::from(move |next: RowsQuery| query.set(next))
    };
    let search = {
        let query = query.clone();
        Callback::from(move |search: String| {
            query.change(|query| (query.search, query.offset) = (search, 0));
        })
    };
    let after_delete = {
        let (deleting, selected, rows) = (deleting.setter(), selected.clone(), rows.reload.clone());
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
        Place::NewRecord(_) if !here.may_edit() => html! { <ReadOnly onclose={close} /> },
        Place::NewRecord(_) => html! { <NewRecord info={props.info.clone()} onclose={close} /> },
        Place::Record(_, key) | Place::History(_, key) => html! {
            <RecordPanel key={key.to_text()} info={props.info.clone()} record={key.clone()}
                history={matches!(props.place, Place::History(..))} onclose={close} />
        },
        _ => Html::default(),
    };
    let expanded = panel != Html::default();
    let (query, selected) = (query.get(), selected.get());
    html! {
        <div class={classes!("pf-v6-c-drawer", "pf-m-inline", expanded.then_some("pf-m-expanded"))}>
            <div class="pf-v6-c-drawer__main">
                <div class="pf-v6-c-drawer__content">
                    <section class="mooring-collection" aria-label={props.info.collection.label.clone()}>
                        <Toolbar info={props.info.clone()} query={(*query).clone()} rows={rows.data.clone()}
                            selected={selected.len()} may_edit={here.may_edit()} may_shape={here.may_shape()}
                            onquery={ask_again.clone()} onsearch={search} onclear={clear} onnew={new_record.clone()} ondelete={delete_selected} onfield={add_field} onsettings={settings} />
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
                                        {selected} open={open_key} busy={rows.busy} may_edit={here.may_edit()}
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
    use_keys(Callback::from(move |key: KeyboardEvent| {
        match key.key().as_str() {
            "n" | "N" if may_edit => new_record.emit(()),
            "/" => dom::focus("[data-test=search]"),
            _ => return,
        }
        key.prevent_default();
    }));
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
            let (busy, ondone, toaster, command) =
                (busy.clone(), ondone.clone(), toaster.clone(), Command::Delete { ids: ids.clone() });
            let ids = ids.clone();
            let done = Callback::from(move |outcome| {
                busy.set(false);
                match outcome {
                    Ok(_) => {
                        toaster.deleted(format!("{} deleted on this device", count::records(n)), ids.clone());
                        ondone.emit(true);
                    }
                    Err(failure) => {
                        toaster.failure(&failure);
                        ondone.emit(false);
                    }
                }
            });
            call.emit((command, done));
        })
    };
    let title =
        if n == 1 { "Delete this record?".to_owned() } else { format!("Delete {}?", count::records(n)) };
    html! {
        <Confirm {title} action={format!("Delete {}", if n == 1 { "the record".into() } else { count::records(n) })}
            busy={*busy} {onconfirm} oncancel={props.ondone.reform(|()| false)}>
            <p>{ "It is deleted for everybody in this workspace as soon as this device reaches the server. You can undo it right afterwards, and later restore it from its history." }</p>
            <p class="mooring-gap">{ "If somebody edits it before that, both of you are asked which shall count." }</p>
        </Confirm>
    }
}
