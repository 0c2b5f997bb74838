//! A collection's records in a grid, and beside it the one record that is open.

pub mod print;
mod shown;
pub mod views;

use super::collection_form::AddFieldProps;
use super::frame::{FirstSync, Place, is_arriving, use_here, used};
use super::later::{Wanted, later};
use super::record::Around;
use crate::components::button::{Button, Look};
use crate::components::dialog::Confirm;
use crate::components::icon::Icon;
use crate::components::link::use_go;
use crate::components::states::{Empty, failed, loading};
use crate::grid::address::Shown;
use crate::grid::bar::ViewBar;
use crate::grid::bulk::EditManyProps;
use crate::grid::columns::{Sizes, columns};
use crate::grid::figures::asked;
use crate::grid::heading::Headings;
use crate::grid::held::Held;
use crate::grid::rows::{Question, Source, use_rows};
use crate::grid::sheet::Grid;
use crate::hooks::{use_call, use_status, use_title_of, use_toaster};
use crate::live::{use_keys, use_live};
use crate::platform::dom;
use crate::route::{KeyText, Route};
use crate::text::count;
use crate::text::field::key_label;
use print::use_print;
use shown::{use_narrow, use_shown, use_sizes};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use sync_client::api::{CollectionInfo, Command, Folded, Phase};
use sync_protocol::{FieldName, RecordId, RecordKey};
use views::ViewMenu;
use yew::prelude::*;

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
    let toaster = use_toaster();
    let (shown, show, search) = use_shown();
    let (sizes, onsizes) = use_sizes(&here.workspace.id.to_string(), id.as_str());
    let figures = use_memo(props.info.collection.clone(), |collection| {
        Rc::new(asked(&columns(collection, &Shown::default(), &Sizes::default(), false)))
    });
    let source =
        use_rows(&Question { view: shown.view(id, &props.info.collection), figures: (**figures).clone() });
    let held = source.held.get();
    let narrow = use_narrow();
    let selected = use_live(BTreeSet::<RecordKey>::new);
    let deleting = use_state(Vec::<RecordKey>::new);
    let editing = use_state_eq(|| false);
    let adding_field = use_state_eq(|| false);
    let filtering = use_state_eq(|| 0u32);

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

    {
        let workspace = here.workspace.id;
        use_effect_with(id.clone(), move |id| used::note(workspace, id));
    }

    let clear = {
        let selected = selected.clone();
        Callback::from(move |()| selected.set(BTreeSet::new()))
    };
    let select_all = {
        let (selected, source) = (selected.clone(), source.clone());
        use_callback((), move |on: bool, ()| {
            if !on {
                return selected.set(BTreeSet::new());
            }
            let (selected, source, toaster) = (selected.clone(), source.clone(), toaster.clone());
            wasm_bindgen_futures::spawn_local(async move {
                match source.keys().await {
                    Ok(keys) => selected.set(keys),
                    Err(failure) => toaster.failure(&failure),
                }
            });
        })
    };
    let delete_selected = {
        let (deleting, selected) = (deleting.setter(), selected.clone());
        Callback::from(move |()| deleting.set(selected.get().iter().cloned().collect()))
    };
    let delete_rows = {
        let deleting = deleting.setter();
        use_callback((), move |keys: Vec<RecordKey>, ()| deleting.set(keys))
    };
    let after_delete = {
        let (deleting, selected, source) = (deleting.setter(), selected.clone(), source.clone());
        Callback::from(move |done: bool| {
            deleting.set(Vec::new());
            if done {
                selected.set(BTreeSet::new());
                source.again();
            }
        })
    };
    let settings = {
        let (workspace, collection) = (here.name.to_string(), id.to_string());
        go.reform(move |()| Route::Settings { workspace: workspace.clone(), collection: collection.clone() })
    };
    let fold = {
        let source = source.clone();
        use_callback((), move |all: bool, ()| source.fold(|folded| *folded = Folded { all, but: Vec::new() }))
    };
    let set = |state: &UseStateHandle<bool>, on: bool| {
        let state = state.setter();
        Callback::from(move |()| state.set(on))
    };

    let open_key = match &props.place {
        Place::Record(_, key) | Place::History(_, key) => Some(key.clone()),
        _ => None,
    };
    let around = use_around(&source, &held, open_key.as_ref(), &open_record);
    use_shortcuts(here.may_edit(), new_record.clone(), around.clone());
    let panel = match &props.place {
        Place::NewRecord(_) | Place::Record(..) | Place::History(..) => {
            later(Wanted::Record { place: props.place.clone(), around, onclose: close })
        }
        _ => Html::default(),
    };
    let expanded = panel != Html::default();
    // a column of keys that nobody chose says nothing
    let keys = held.rows.iter().any(|row| key_label(&row.key).is_some());
    let columns = use_memo(
        (props.info.collection.clone(), shown.clone(), sizes.clone(), keys),
        |(collection, shown, sizes, keys)| columns(collection, shown, sizes, *keys),
    );
    let headings = Headings {
        collection: Rc::new(props.info.collection.clone()),
        shown: shown.clone(),
        onshown: show.clone(),
        sizes,
        onsizes,
        onfield: here.may_shape().then(|| {
            let (workspace, collection) = (here.name.to_string(), id.to_string());
            go.reform(move |field: FieldName| Route::EditField {
                workspace: workspace.clone(),
                collection: collection.clone(),
                field: field.to_string(),
            })
        }),
        onfilter: {
            let filtering = filtering.clone();
            Callback::from(move |()| filtering.set(*filtering + 1))
        },
        columns: columns.clone(),
    };
    let (printed, print) = use_print(&props.info, &source, &columns, expanded);
    let ticked = selected.get();
    let to_deleted = {
        let (workspace, collection) = (here.name.to_string(), id.to_string());
        go.reform(move |()| Route::Deleted { workspace: workspace.clone(), collection: collection.clone() })
    };
    let views = html! { <ViewMenu workspace={here.workspace.id.to_string()} collection={id.clone()} may_share={here.may_edit() && status.phase != Phase::Local} query={shown.write()} onshown={show.clone()} ondeleted={to_deleted} onprint={print} /> };
    html! {
        <>
        { printed }
        <div class={classes!("pf-v6-c-drawer", "pf-m-inline", expanded.then_some("pf-m-expanded"))}>
            <div class="pf-v6-c-drawer__main">
                <div class="pf-v6-c-drawer__content">
                    <section class="mooring-collection" aria-label={props.info.collection.label.clone()}>
                        <ViewBar info={props.info.clone()} shown={shown.clone()} onshown={show.clone()} onsearch={search} held={held.clone()}
                            selected={ticked.len()} may_edit={here.may_edit()} may_shape={here.may_shape()} filtering={*filtering} {views} onfold={fold} onclear={clear}
                            onnew={new_record.clone()} ondelete={delete_selected} onedit={set(&editing, true)} onfield={set(&adding_field, true)} onsettings={settings} />
                        if let Some(failure) = &*source.failure.get() {
                            { failed(failure, &source.reload()) }
                        }
                        { match &*held {
                            held if !held.known => if source.failure.get().is_some() { Html::default() } else { loading("Reading the records") },
                            held if held.total == 0 && is_arriving(&status) => html! { <FirstSync /> },
                            held if held.matching == 0 => nothing(held, &shown, here.may_edit(), &new_record, &show),
                            _ => html! {
                                    <Grid info={props.info.clone()} source={source.clone()} held={held.clone()} columns={columns.clone()} asked={(*figures).clone()} {headings} selected={selected.clone()} ticked={ticked.clone()}
                                        open={open_key} may_edit={here.may_edit()} cards={narrow} onopen={open_record} ondelete={delete_rows} onall={select_all} />
                            },
                        } }
                    </section>
                </div>
                if expanded {
                    { panel }
                }
            </div>
            if !deleting.is_empty() {
                { later(Wanted::DeleteRecords(DeleteRecordsProps { info: props.info.clone(), keys: (*deleting).clone(), ondone: after_delete })) }
            }
            if *editing && !ticked.is_empty() {
                { later(Wanted::EditMany(EditManyProps { info: props.info.clone(), columns, source, keys: ticked, onclose: set(&editing, false) })) }
            }
            if *adding_field {
                { later(Wanted::AddField(AddFieldProps { info: props.info.clone(), onclose: set(&adding_field, false) })) }
            }
        </div>
        </>
    }
}

/// No rows: because nothing matches, or because there is nothing yet.
fn nothing(
    held: &Held,
    shown: &Rc<Shown>,
    may_edit: bool,
    new_record: &Callback<()>,
    show: &Callback<Shown>,
) -> Html {
    let all = {
        let shown = shown.clone();
        show.reform(move |_: MouseEvent| shown.all_rows())
    };
    let reviewed = shown.review && shown.search.is_empty() && shown.filter.parts.is_empty();
    if reviewed || held.total > 0 {
        let (title, drawn, test) = match reviewed {
            true => ("Nothing here needs review", Icon::Check, "nothing-to-review"),
            false => ("Nothing found", Icon::Search, "nothing-found"),
        };
        let among = match shown.review {
            true => "the records that need review".to_owned(),
            false => format!("the {}", count::records(held.total as u64)),
        };
        let why = match (shown.search.is_empty(), shown.filter.parts.is_empty()) {
            (false, true) => format!("None of {among} contains “{}”.", shown.search),
            (true, _) => format!("None of {among} passes the filter."),
            (false, false) => format!("None of {among} passes the filter and contains “{}”.", shown.search),
        };
        return html! {
            <Empty {title} icon={drawn} {test}>
                if !reviewed {
                    <div class="pf-v6-c-empty-state__body">{ why }</div>
                }
                <div class="pf-v6-c-empty-state__footer"><Button text="Show all records" onclick={all} test="show-all" /></div>
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

/// Where the open record stands in the view, and the ways to those around it. One that has left the view meanwhile keeps its place.
#[hook]
fn use_around(
    source: &Source,
    held: &Held,
    open: Option<&RecordKey>,
    onopen: &Callback<RecordKey>,
) -> Around {
    let stood = use_mut_ref(|| None::<(RecordKey, usize)>);
    let place = open.and_then(|key| held.place(key));
    if let (Some(key), Some(place)) = (open, place) {
        *stood.borrow_mut() = Some((key.clone(), place));
    }
    // by how many the keys of now lead on; none: nobody walks
    let owed = use_mut_ref(|| None::<isize>);
    let onstep = use_callback((source.clone(), onopen.clone()), move |by: isize, (source, onopen)| {
        let walks = owed.borrow().is_some();
        *owed.borrow_mut().get_or_insert(0) += by;
        if walks {
            return;
        }
        let (owed, stood, source, onopen) = (owed.clone(), stood.clone(), source.clone(), onopen.clone());
        wasm_bindgen_futures::spawn_local(async move {
            loop {
                let by = owed.replace(Some(0)).unwrap_or_default();
                if by == 0 {
                    break;
                }
                if let Some(key) = walk(&source, &stood, by).await {
                    onopen.emit(key);
                }
            }
            owed.replace(None);
        });
    });
    Around { place, of: held.lines.rows(), onstep }
}

/// The record so many behind the open one: the one that the address names, for a key may come before its page is drawn.
async fn walk(source: &Source, stood: &RefCell<Option<(RecordKey, usize)>>, by: isize) -> Option<RecordKey> {
    let (Route::Record { key: KeyText(key), .. } | Route::History { key: KeyText(key), .. }) = Route::here()?
    else {
        return None;
    };
    let stood = stood.borrow().clone().filter(|(at, _)| *at == key).map(|(_, place)| place);
    let held = source.held.get();
    let here = match held.place(&key) {
        Some(place) => Some(place),
        None => source.find(&key).await,
    };
    // what stood behind one that has left has moved up to its place
    let from = here.or(stood.and_then(|place| if by > 0 { place.checked_sub(1) } else { Some(place) }));
    let to = match from {
        Some(from) => from.saturating_add_signed(by).min(held.lines.rows().checked_sub(1)?),
        None => stood.map(|_| 0)?,
    };
    let rows = source.rows(to..to + 1).await.ok()?;
    rows.first().map(|row| row.key.clone()).filter(|to| *to != key)
}

/// N makes a record, / goes to the search, J and K to the records after and before the open one.
#[hook]
fn use_shortcuts(may_edit: bool, new_record: Callback<()>, around: Around) {
    use_keys(Callback::from(move |key: KeyboardEvent| {
        match key.key().as_str() {
            "n" | "N" if may_edit => new_record.emit(()),
            "/" => dom::focus("[data-test=search]"),
            "j" | "J" => around.onstep.emit(1),
            "k" | "K" => around.onstep.emit(-1),
            _ => return,
        }
        key.prevent_default();
    }));
}

#[derive(Clone, PartialEq, Properties)]
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
