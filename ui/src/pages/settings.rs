//! A collection's settings: what it is called, its fields, what happens where edits meet, a copy, its end.

mod draft;
mod editor;
mod edits;
mod reshape;

use super::collection_form::AddField;
use super::frame::use_here;
use crate::components::button::{Button, Look};
use crate::components::collection_export::CollectionExport;
use crate::components::dialog::Confirm;
use crate::components::form::{Group, TextField, control, input_text, select_arrow};
use crate::components::icon::{Icon, icon};
use crate::components::link::{Link, use_go};
use crate::components::states::{Empty, Notice, Tint};
use crate::hooks::{use_call, use_title, use_toaster};
use crate::platform::dom;
use crate::route::Route;
use crate::text::count;
use crate::text::field::type_label;
use editor::Editor;
use edits::WhenEditsMeet;
use sync_client::api::{Answer, CollectionInfo, Command, Op, collection_op, field_op, place_ops};
use sync_protocol::schema::{Collection, Details, Field};
use sync_protocol::{CollectionId, FieldName, FieldType};
use yew::prelude::*;

/// Changes definitions in one step, says so with a way back, then goes on.
#[hook]
pub fn use_shape() -> Callback<(Vec<Op>, String, Callback<()>)> {
    let (call, toaster) = (use_call(), use_toaster());
    Callback::from(move |(ops, said, then): (Vec<Op>, String, Callback<()>)| {
        if ops.is_empty() {
            return then.emit(());
        }
        let toaster = toaster.clone();
        toaster.new_step();
        let label = Some("Collection settings".to_owned());
        let write = Command::Write { ops, label, types: Vec::new(), memos: Vec::new() };
        let done = Callback::from(move |outcome| match outcome {
            Ok(_) => {
                toaster.step(said.clone());
                then.emit(());
            }
            Err(failure) => toaster.failure(&failure),
        });
        call.emit((write, done));
    })
}

#[derive(PartialEq, Properties)]
pub struct SettingsProps {
    pub id: CollectionId,
    /// The field that is changed first.
    #[prop_or_default]
    pub field: Option<FieldName>,
}

/// The screen.
#[component]
pub fn Settings(props: &SettingsProps) -> Html {
    let here = use_here();
    let (go, shape) = (use_go(), use_shape());
    let (call, toaster) = (use_call(), use_toaster());
    let open = use_state_eq(|| props.field.clone());
    let adding = use_state_eq(|| false);
    let deleting = use_state_eq(|| false);
    let dragged = use_state_eq(|| None::<FieldName>);
    let info = here.collection(&props.id);
    use_title(&format!("Settings · {}", info.map_or("", |info| &info.collection.label)));
    let Some(info) = info else { return Html::default() };
    let collection = &info.collection;
    let may = here.may_shape();
    let place = {
        let (shape, info) = (shape.clone(), info.clone());
        Callback::from(move |(name, at): (FieldName, usize)| {
            let ops = place_ops(&info.id, &info.collection, &name, at);
            shape.emit((ops, "Moved on this device".to_owned(), Callback::noop()));
        })
    };
    let set = |state: &UseStateHandle<bool>, on: bool| {
        let state = state.setter();
        Callback::from(move |()| state.set(on))
    };
    let delete = {
        let (shape, info, go) = (shape.clone(), info.clone(), go.clone());
        let to = Route::Workspace { workspace: here.name.to_string() };
        Callback::from(move |()| {
            let want = Collection { deleted: true, ..info.collection.clone() };
            let ops = collection_op(&info.id, &info.collection, &want).into_iter().collect();
            let (go, to) = (go.clone(), to.clone());
            let then = Callback::from(move |()| go.emit(to.clone()));
            shape.emit((ops, format!("“{}” deleted on this device", info.collection.label), then));
        })
    };
    let duplicate = {
        let (info, workspace) = (info.clone(), here.name.to_string());
        Callback::from(move |_: MouseEvent| {
            let label = format!("Copy of {}", info.collection.label);
            let fields = info.collection.ordered().into_iter().cloned().collect();
            let (toaster, go, workspace) = (toaster.clone(), go.clone(), workspace.clone());
            let done = Callback::from(move |outcome| match outcome {
                Ok(Answer::Made(id)) => {
                    toaster.done("Saved on this device");
                    go.emit(Route::Settings { workspace: workspace.clone(), collection: id.to_string() });
                }
                Ok(_) => {}
                Err(failure) => toaster.failure(&failure),
            });
            call.emit((Command::NewCollection { label, fields }, done));
        })
    };
    let deleted: Vec<&Field> = collection.fields.values().filter(|field| field.details.deleted).collect();
    let fields = collection.ordered();
    let last = fields.len().saturating_sub(1);
    html! {
        <section class="mooring-narrow mooring-settings" aria-labelledby="settings-title" data-test="settings">
            <p class="mooring-back"><Link to={here.to_collection(&props.id)} test="settings-back">{ format!("‹ {}", collection.label) }</Link></p>
            <div class="mooring-heading">
                <h1 class="pf-v6-c-title pf-m-2xl" id="settings-title">{ "Collection settings" }</h1>
            </div>
            if may {
                <About key={about_key(collection)} info={info.clone()} />
            } else {
                <div class="mooring-gap"><Notice tint={Tint::Info} title="Editors and owners of the workspace can change this." /></div>
            }
            <section aria-labelledby="fields-title">
                <div class="mooring-heading">
                    <h2 class="pf-v6-c-title pf-m-lg" id="fields-title">{ "Fields" }</h2>
                    <span class="mooring-space"></span>
                    if may {
                        <Button icon={Icon::Plus} text="Add field" onclick={set(&adding, true).reform(|_: MouseEvent| ())} test="settings-add-field" />
                    }
                </div>
                if fields.is_empty() {
                    <Empty title="No fields yet" icon={Icon::Table} />
                }
                <ol class="mooring-shape" role="list" aria-labelledby="fields-title">
                    { for fields.into_iter().enumerate().map(|(at, field)| {
                        let is_open = may && open.as_ref() == Some(&field.name);
                        let to = |at: usize| {
                            let (place, name) = (place.clone(), field.name.clone());
                            Callback::from(move |_: MouseEvent| place.emit((name.clone(), at)))
                        };
                        let show = {
                            let (open, name) = (open.setter(), field.name.clone());
                            Callback::from(move |on: bool| {
                                open.set(on.then(|| name.clone()));
                                if !on {
                                    dom::focus_soon(&format!("[data-test=shape-field][data-field='{name}'] [data-test=field-edit]"));
                                }
                            })
                        };
                        let ondragstart = {
                            let (dragged, name) = (dragged.setter(), field.name.clone());
                            Callback::from(move |_: DragEvent| dragged.set(Some(name.clone())))
                        };
                        let ondrop = {
                            let (dragged, place) = (dragged.clone(), place.clone());
                            Callback::from(move |event: DragEvent| {
                                event.prevent_default();
                                if let Some(name) = (*dragged).clone() {
                                    place.emit((name, at));
                                    dragged.set(None);
                                }
                            })
                        };
                        let is_dragged = dragged.is_some();
                        let ondragover = Callback::from(move |event: DragEvent| if is_dragged { event.prevent_default() });
                        html! {
                            <li key={field.name.to_string()} data-test="shape-field" data-field={field.name.to_string()} {ondrop} {ondragover}>
                                <div class="mooring-shape-head" draggable={if may && !is_open { "true" } else { "false" }} {ondragstart}>
                                    <span class="mooring-shape-name"><strong dir="auto" data-test="shape-label">{ &field.label }</strong>{ " " }<span class="mooring-muted">{ said(field) }</span></span>
                                    if field.details.unique {
                                        <Link to={Route::Twice { workspace: here.name.to_string(), collection: info.id.to_string(), field: field.name.to_string() }} test="to-twice">{ "Values there twice" }</Link>
                                    }
                                    if may {
                                        <Button look={Look::Plain} icon={Icon::SortUp} text={format!("Move “{}” up", field.label)} disabled={at == 0} onclick={to(at.saturating_sub(1))} test="field-up" />
                                        <Button look={Look::Plain} icon={Icon::SortDown} text={format!("Move “{}” down", field.label)} disabled={at == last} onclick={to(at + 1)} test="field-down" />
                                        if !is_open {
                                            <Button look={Look::Link} text="Edit" title={format!("Edit “{}”", field.label)} onclick={show.reform(|_: MouseEvent| true)} test="field-edit" />
                                        }
                                    }
                                </div>
                                if is_open {
                                    <Editor info={info.clone()} field={field.clone()} onclose={show.reform(|()| false)} />
                                }
                            </li>
                        }
                    }) }
                </ol>
                if may && !deleted.is_empty() {
                    <h3 class="pf-v6-c-title pf-m-md">{ "Deleted fields" }</h3>
                    <p class="mooring-muted">{ "Records keep what was in them." }</p>
                    <ul class="mooring-shape" role="list">
                        { for deleted.into_iter().map(|field| {
                            let restore = {
                                let (shape, id, field) = (shape.clone(), info.id.clone(), field.clone());
                                Callback::from(move |_: MouseEvent| {
                                    let details = Details { deleted: false, ..field.details.clone() };
                                    let want = Field { details, ..field.clone() };
                                    let ops = field_op(&id, &field, &want).into_iter().collect();
                                    shape.emit((ops, format!("“{}” restored on this device", field.label), Callback::noop()));
                                })
                            };
                            html! {
                                <li key={field.name.to_string()} data-test="deleted-field" data-field={field.name.to_string()}>
                                    <div class="mooring-shape-head">
                                        <span class="mooring-shape-name"><span dir="auto">{ &field.label }</span>{ " " }<span class="mooring-muted">{ type_label(field.field_type) }</span></span>
                                        <Button look={Look::Link} icon={Icon::Undo} text="Restore field" title={format!("Restore “{}”", field.label)} onclick={restore} test="field-restore" />
                                    </div>
                                </li>
                            }
                        }) }
                    </ul>
                }
            </section>
            <WhenEditsMeet info={info.clone()} {may} />
            <section aria-labelledby="whole-title">
                <h2 class="pf-v6-c-title pf-m-lg" id="whole-title">{ "Export, copy, delete" }</h2>
                <div class="mooring-actions mooring-gap">
                    <CollectionExport info={info.clone()} />
                    if may {
                        <Button text="Duplicate without records" onclick={duplicate} test="collection-duplicate" />
                        <Button look={Look::Danger} text="Delete collection" onclick={set(&deleting, true).reform(|_: MouseEvent| ())} test="collection-delete" />
                    }
                </div>
            </section>
            if *adding {
                <AddField info={info.clone()} onclose={set(&adding, false)} />
            }
            if *deleting {
                <Confirm title={format!("Delete “{}”?", collection.label)} action="Delete collection" onconfirm={delete} oncancel={set(&deleting, false)}>
                    <p>{ format!("{} and the fields are out of sight for everybody. Nothing of them is lost: the collection can be restored under “New collection”.", capital_records(info)) }</p>
                </Confirm>
            }
        </section>
    }
}

fn capital_records(info: &CollectionInfo) -> String {
    format!("Its {}", count::records(info.records))
}

/// What there is to know of a field at a glance.
fn said(field: &Field) -> String {
    let details = &field.details;
    let asks =
        [details.required.then_some("has to be filled in"), details.unique.then_some("no value twice")];
    let said: Vec<&str> =
        std::iter::once(type_label(field.field_type)).chain(asks.into_iter().flatten()).collect();
    said.join(" · ")
}

/// What others change of it meanwhile is shown at once.
fn about_key(collection: &Collection) -> String {
    format!("{} {} {:?} {:?}", collection.label, collection.help, collection.title, collection.icon)
}

#[derive(PartialEq, Properties)]
struct AboutProps {
    info: CollectionInfo,
}

/// Name, description, and which field names a record.
#[component]
fn About(props: &AboutProps) -> Html {
    let shape = use_shape();
    let want = use_state(|| props.info.collection.clone());
    let label = sync_client::text::label(&want.label);
    let onsubmit = {
        let (shape, want, info, label) = (shape, want.clone(), props.info.clone(), label.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let saw = &info.collection;
            let Collection { help, title, icon, .. } = (*want).clone();
            let help = help.trim().to_owned();
            let want = Collection { label: label.clone(), help, title, icon, ..saw.clone() };
            let ops = collection_op(&info.id, saw, &want).into_iter().collect();
            if !label.is_empty() {
                shape.emit((ops, format!("“{label}” changed on this device"), Callback::noop()));
            }
        })
    };
    let text = |set: fn(&mut Collection, String)| {
        let want = want.clone();
        Callback::from(move |text: String| {
            let mut next = (*want).clone();
            set(&mut next, text);
            want.set(next);
        })
    };
    let set_title = text(|next, name| next.title = FieldName::new(name).ok());
    let fields = props.info.collection.ordered();
    let can_name = fields.iter().filter(|field| field.field_type.can_be_unique());
    let first = fields.iter().find(|field| field.field_type == FieldType::Text);
    let usual = first.map_or("As usual: the key".to_owned(), |field| format!("As usual: {}", field.label));
    let is = &props.info.collection;
    let parts = |of: &Collection| (of.label.clone(), of.help.clone(), of.title.clone(), of.icon.clone());
    let same = parts(&want) == parts(is);
    let set_icon = text(|next, name| next.icon = (!name.is_empty()).then_some(name));
    let error = label.is_empty().then_some(AttrValue::Static("A collection needs a name."));
    html! {
        <form class="pf-v6-c-form" {onsubmit} novalidate=true data-test="about-collection">
            <div class="mooring-pair">
                <TextField id="about-label" label="Name" value={want.label.clone()} oninput={text(|next, text| next.label = text)} required=true {error} test="about-label" />
                <Group id="about-title" label="A record is called by">
                    { control(None, false, html! {
                        <>
                            <select id="about-title" onchange={set_title.reform(|event: Event| input_text(&event))} data-test="about-title">
                                <option value="" selected={want.title.is_none()}>{ usual }</option>
                                { for can_name.map(|field| html! { <option value={field.name.to_string()} selected={want.title.as_ref() == Some(&field.name)}>{ &field.label }</option> }) }
                            </select>
                            { select_arrow() }
                        </>
                    }) }
                </Group>
            </div>
            <Group id="about-icon" label="Icon">
                <div class="mooring-icons" id="about-icon" role="radiogroup" aria-label="Icon">
                    { for std::iter::once(("", None)).chain(Icon::OF_COLLECTIONS.map(|(name, drawn)| (name, Some(drawn)))).map(|(name, drawn)| {
                        let on = want.icon.as_deref().unwrap_or_default() == name;
                        let onclick = set_icon.reform(move |_: MouseEvent| name.to_owned());
                        let says = if name.is_empty() { "none" } else { name };
                        html! {
                            <button type="button" role="radio" aria-checked={on.to_string()} class={classes!("mooring-icon-choice", on.then_some("mooring-on"))} {onclick}
                                aria-label={says} title={says} data-test="about-icon" data-name={name}>{ drawn.map_or_else(|| html! { "—" }, icon) }</button>
                        }
                    }) }
                </div>
            </Group>
            <TextField id="about-help" label="Description" value={want.help.clone()} oninput={text(|next, text| next.help = text)} test="about-help" />
            <div><Button submit=true text="Save" disabled={same} test="about-save" /></div>
        </form>
    }
}
