//! New collections and new fields.

mod field_row;

use super::frame::use_here;
use super::settings::use_shape;
use crate::components::button::{Button, Look};
use crate::components::dialog::Dialog;
use crate::components::form::TextField;
use crate::components::icon::Icon;
use crate::components::link::use_go;
use crate::components::states::{Notice, Tint};
use crate::hooks::{use_call, use_toaster};
use crate::platform::dom;
use crate::route::Route;
use crate::text::count;
use field_row::{FieldDraft, FieldRow, field};
use std::collections::{BTreeMap, BTreeSet};
use sync_client::api::{Answer, CollectionInfo, Command, Failure, collection_op};
use sync_client::text;
use sync_protocol::FieldName;
use sync_protocol::Ordered;
use sync_protocol::schema::{Collection, Field};
use yew::prelude::*;

/// A new collection: what it is called, and its fields.
#[component]
pub fn NewCollection() -> Html {
    let here = use_here();
    let go = use_go();
    let (call, toaster) = (use_call(), use_toaster());
    let label = use_state(String::new);
    let rows = use_state(|| vec![FieldDraft::default()]);
    let failure = use_state(|| None::<Failure>);
    let busy = use_state_eq(|| false);
    let checked = use_state_eq(|| false);

    let problems = problems(&rows, &[]);
    let onsubmit = {
        let (label, rows, failure, busy, checked) =
            (label.clone(), rows.clone(), failure.setter(), busy.setter(), checked.setter());
        let wrong = problems.iter().any(Option::is_some);
        let workspace = here.name.to_string();
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            checked.set(true);
            if wrong || label.trim().is_empty() {
                return dom::focus_wrong();
            }
            let mut made: BTreeMap<FieldName, Field> = BTreeMap::new();
            for (at, row) in filled(&rows).enumerate() {
                let field = field(row, at as i64, &made);
                made.insert(field.name.clone(), field);
            }
            let fields: Vec<Field> = made.into_values().collect();
            failure.set(None);
            busy.set(true);
            let (failure, busy, go, toaster) = (failure.clone(), busy.clone(), go.clone(), toaster.clone());
            let workspace = workspace.clone();
            let done = Callback::from(move |outcome| {
                busy.set(false);
                match outcome {
                    Ok(Answer::Made(id)) => {
                        toaster.done("Saved on this device");
                        go.emit(Route::Collection {
                            workspace: workspace.clone(),
                            collection: id.to_string(),
                        });
                    }
                    Ok(_) => {}
                    Err(why) => failure.set(Some(why)),
                }
            });
            call.emit((Command::NewCollection { label: label.trim().to_owned(), fields }, done));
        })
    };
    let set_label = {
        let label = label.setter();
        Callback::from(move |text| label.set(text))
    };
    let add = {
        let rows = rows.clone();
        Callback::from(move |_: MouseEvent| {
            rows.set(rows.iter().cloned().chain([FieldDraft::default()]).collect())
        })
    };
    let nameless = *checked && label.trim().is_empty();
    html! {
        <section class="mooring-narrow">
            <div class="mooring-heading"><h1 class="pf-v6-c-title pf-m-2xl">{ "New collection" }</h1></div>
            <p class="mooring-muted mooring-gap">{ "Records of one kind, such as customers or machines. Fields can be added later." }</p>
            <form class="pf-v6-c-form" {onsubmit} novalidate=true>
                if let Some(failure) = &*failure {
                    <Notice tint={Tint::Danger} title={failure.message.clone()} />
                }
                <TextField id="collection-label" label="Name" value={(*label).clone()} oninput={set_label} required=true
                    placeholder="Customers" test="collection-label"
                    error={nameless.then_some(AttrValue::Static("A collection needs a name."))} />
                <fieldset class="mooring-fields">
                    <legend class="pf-v6-c-form__label-text">{ "Fields" }</legend>
                    { for rows.iter().enumerate().map(|(at, row)| {
                        let onchange = change(&rows, at);
                        let onremove = remove(&rows, at);
                        let error = (*checked || !row.label.is_empty()).then(|| problems.get(at).cloned().flatten()).flatten();
                        html! { <FieldRow key={at} {at} draft={row.clone()} {onchange} onremove={(rows.len() > 1).then_some(onremove)} {error} /> }
                    }) }
                    <Button look={Look::Link} icon={Icon::Plus} text="Another field" onclick={add} test="another-field" />
                </fieldset>
                <div class="pf-v6-c-form__group pf-m-action">
                    <Button look={Look::Primary} submit=true text="Make collection" busy={*busy} test="collection-create" />
                </div>
            </form>
            <DeletedCollections />
        </section>
    }
}

/// Collections that were deleted, each with a way to have it back.
#[component]
pub fn DeletedCollections() -> Html {
    let (here, shape, go) = (use_here(), use_shape(), use_go());
    if here.deleted.is_empty() {
        return Html::default();
    }
    html! {
        <section aria-labelledby="deleted-title" data-test="deleted-collections">
            <h2 class="pf-v6-c-title pf-m-lg" id="deleted-title">{ "Deleted collections" }</h2>
            <ul class="mooring-shape" role="list">
                { for here.deleted.iter().map(|info| {
                    let restore = {
                        let (shape, go, info, to) = (shape.clone(), go.clone(), info.clone(), here.to_collection(&info.id));
                        Callback::from(move |_: MouseEvent| {
                            let want = Collection { deleted: false, ..info.collection.clone() };
                            let ops = collection_op(&info.id, &info.collection, &want).into_iter().collect();
                            let then = go.reform({ let to = to.clone(); move |()| to.clone() });
                            shape.emit((ops, format!("“{}” restored on this device", info.collection.label), then));
                        })
                    };
                    html! {
                        <li key={info.id.to_string()} data-test="deleted-collection" data-collection={info.id.to_string()}>
                            <div class="mooring-shape-head">
                                <span class="mooring-shape-name"><span dir="auto">{ &info.collection.label }</span>{ " " }<span class="mooring-muted">{ count::records(info.records) }</span></span>
                                <Button look={Look::Link} icon={Icon::Undo} text="Restore" title={format!("Restore “{}”", info.collection.label)} onclick={restore} test="collection-restore" />
                            </div>
                        </li>
                    }
                }) }
            </ul>
        </section>
    }
}

#[derive(Clone, PartialEq, Properties)]
pub struct AddFieldProps {
    pub info: CollectionInfo,
    pub onclose: Callback<()>,
}

/// One more field for a collection.
#[component]
pub fn AddField(props: &AddFieldProps) -> Html {
    let (call, toaster) = (use_call(), use_toaster());
    let row = use_state(FieldDraft::default);
    let failure = use_state(|| None::<Failure>);
    let busy = use_state_eq(|| false);
    let taken: Vec<&str> =
        props.info.collection.ordered().into_iter().map(|field| field.label.as_str()).collect();
    let problem = problems(std::slice::from_ref(&*row), &taken).pop().flatten();
    let onsubmit = {
        let (row, failure, busy) = (row.clone(), failure.setter(), busy.setter());
        let (info, onclose) = (props.info.clone(), props.onclose.clone());
        let wrong = problem.is_some();
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if wrong || row.label.trim().is_empty() {
                return;
            }
            let last = info.collection.fields.values().map(|field| field.position).max().unwrap_or(-1);
            let field = field(&row, last + 1, &info.collection.fields);
            failure.set(None);
            busy.set(true);
            let (failure, busy, onclose, toaster) =
                (failure.clone(), busy.clone(), onclose.clone(), toaster.clone());
            let done = Callback::from(move |outcome| {
                busy.set(false);
                match outcome {
                    Ok(_) => {
                        toaster.done("Saved on this device");
                        onclose.emit(());
                    }
                    Err(why) => failure.set(Some(why)),
                }
            });
            call.emit((Command::SetField { collection: info.id.clone(), field }, done));
        })
    };
    let onchange = {
        let row = row.setter();
        Callback::from(move |next| row.set(next))
    };
    html! {
        <Dialog title={format!("New field in {}", props.info.collection.label)} onclose={props.onclose.clone()} test="add-field-dialog">
            <form class="pf-v6-c-form" {onsubmit} novalidate=true>
                if let Some(failure) = &*failure {
                    <Notice tint={Tint::Danger} title={failure.message.clone()} />
                }
                <FieldRow at=0 draft={(*row).clone()} {onchange} error={if row.label.is_empty() { None } else { problem.clone() }} />
                <div class="pf-v6-c-form__group pf-m-action">
                    <Button look={Look::Primary} submit=true text="Add field" busy={*busy}
                        disabled={row.label.trim().is_empty() || problem.is_some()} test="add-field-save" />
                </div>
            </form>
        </Dialog>
    }
}

/// Rows that name a field; an empty last row is nothing.
fn filled(rows: &[FieldDraft]) -> impl Iterator<Item = &FieldDraft> {
    rows.iter().filter(|row| !row.label.trim().is_empty())
}

/// Per row, what is wrong with it.
fn problems(rows: &[FieldDraft], taken: &[&str]) -> Vec<Option<AttrValue>> {
    let mut seen: BTreeSet<String> = taken.iter().map(|label| text::label(label)).ordered_set();
    rows.iter()
        .map(|row| {
            if row.label.trim().is_empty() {
                return None;
            }
            if !seen.insert(text::label(&row.label)) {
                return Some(AttrValue::Static("There is another field of this name."));
            }
            row.lacks_options().then_some(AttrValue::Static("A choice needs at least one option."))
        })
        .collect()
}

fn change(rows: &UseStateHandle<Vec<FieldDraft>>, at: usize) -> Callback<FieldDraft> {
    let rows = rows.clone();
    Callback::from(move |next: FieldDraft| {
        let mut all = (*rows).clone();
        if let Some(row) = all.get_mut(at) {
            *row = next;
        }
        rows.set(all);
    })
}

fn remove(rows: &UseStateHandle<Vec<FieldDraft>>, at: usize) -> Callback<()> {
    let rows = rows.clone();
    Callback::from(move |()| {
        rows.set(rows.iter().enumerate().filter(|(n, _)| *n != at).map(|(_, row)| row.clone()).collect())
    })
}
