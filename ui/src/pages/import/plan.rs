//! What becomes of the columns: their fields, their types, the key, what is left out.

use crate::components::button::{Button, Look};
use crate::components::form::{Group, TextField, control, input_text, select_arrow};
use crate::components::type_select::type_select;
use crate::pages::frame::use_here;
use std::collections::BTreeMap;
use sync_client::api::{ImportMode, ImportPlan};
use sync_client::text;
use sync_protocol::schema::Collection;
use sync_protocol::{CollectionId, FieldType};
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct PlanFormProps {
    pub plan: ImportPlan,
    /// The name of a new collection, as it is typed.
    pub label: String,
    pub onlabel: Callback<String>,
    /// The plan changed: look at the file again.
    pub onplan: Callback<ImportPlan>,
}

const MODES: [(&str, ImportMode, &str); 3] = [
    ("both", ImportMode::Both, "new ones and changes"),
    ("add", ImportMode::Add, "only new ones"),
    ("update", ImportMode::Update, "only changes"),
];

/// The form.
#[component]
pub fn PlanForm(props: &PlanFormProps) -> Html {
    let here = use_here();
    let plan = &props.plan;
    let change = |make: fn(&mut ImportPlan, &Event)| {
        let (plan, onplan) = (plan.clone(), props.onplan.clone());
        Callback::from(move |event: Event| {
            let mut next = plan.clone();
            make(&mut next, &event);
            onplan.emit(next);
        })
    };
    let set_into = change(|plan, event| {
        plan.into = CollectionId::new(input_text(event)).ok();
        // its fields are others
        plan.columns.clear();
    });
    let set_key = change(|plan, event| {
        let key = input_text(event);
        // what was left out as the key of before is a column again, and what is the key now need not be there twice
        for column in plan.columns.iter_mut().filter(|column| !column.known) {
            if plan.key.as_ref() == Some(&column.heading) {
                column.take = true;
            }
        }
        plan.key = (!key.is_empty()).then_some(key);
    });
    let set_mode = change(|plan, event| {
        let mode = input_text(event);
        plan.mode = MODES.into_iter().find(|each| each.0 == mode).map_or(plan.mode, |each| each.1);
    });
    let set_clear = change(|plan, event| plan.clear = checked(event));
    let into = plan.into.as_ref().and_then(|id| here.collection(id));
    let (hint, keyed) = match (&plan.key, &plan.into) {
        (None, _) => ("Each row becomes a record of its own, also when the file is imported again.", false),
        (Some(_), None) => (
            "Each row must have another one. Importing such a file into the collection again updates them.",
            false,
        ),
        (Some(_), Some(_)) => ("A row with the key of a record that is there changes this record.", true),
    };
    html! {
        <form class="pf-v6-c-form mooring-plan" onsubmit={|event: SubmitEvent| event.prevent_default()} novalidate=true>
            <div class="mooring-plan-head">
                <Group id="import-into" label="Add the records to">
                    { control(None, false, html! {
                        <>
                            <select id="import-into" onchange={set_into} data-test="import-into">
                                if here.may_shape() {
                                    <option value="" selected={plan.into.is_none()}>{ "a new collection" }</option>
                                }
                                { for here.collections.iter().map(|info| html! {
                                    <option value={info.id.to_string()} selected={plan.into.as_ref() == Some(&info.id)}>{ &info.collection.label }</option>
                                }) }
                            </select>
                            { select_arrow() }
                        </>
                    }) }
                </Group>
                if plan.into.is_none() {
                    <TextField id="import-label" label="Name of the new collection" value={props.label.clone()} oninput={props.onlabel.clone()}
                        required=true test="import-label" />
                }
                <Group id="import-key" label="Records are known by" {hint}>
                    { control(None, false, html! {
                        <>
                            <select id="import-key" onchange={set_key} data-test="import-key">
                                <option value="" selected={plan.key.is_none()}>{ "nothing in the file" }</option>
                                { for plan.columns.iter().map(|column| html! {
                                    <option value={column.heading.clone()} selected={plan.key.as_ref() == Some(&column.heading)}>{ &column.heading }</option>
                                }) }
                            </select>
                            { select_arrow() }
                        </>
                    }) }
                </Group>
                if keyed {
                    <Group id="import-mode" label="Take">
                        { control(None, false, html! {
                            <>
                                <select id="import-mode" onchange={set_mode} data-test="import-mode">
                                    { for MODES.into_iter().map(|(value, mode, text)| html! {
                                        <option {value} selected={plan.mode == mode}>{ text }</option>
                                    }) }
                                </select>
                                { select_arrow() }
                            </>
                        }) }
                        <label class="mooring-muted">
                            <input type="checkbox" checked={plan.clear} onchange={set_clear} data-test="import-clear" />
                            { " Empty cells take values away" }
                        </label>
                    </Group>
                }
            </div>
            <div class="mooring-table-wrap mooring-plan-columns">
                <table class="pf-v6-c-table pf-m-compact" aria-label="Columns of the file">
                    <thead class="pf-v6-c-table__thead">
                        <tr class="pf-v6-c-table__tr">
                            <th class="pf-v6-c-table__th" scope="col">{ "Take" }</th>
                            <th class="pf-v6-c-table__th" scope="col">{ "Column" }</th>
                            <th class="pf-v6-c-table__th" scope="col">{ "Becomes" }</th>
                            <th class="pf-v6-c-table__th" scope="col">{ "Type" }</th>
                        </tr>
                    </thead>
                    <tbody class="pf-v6-c-table__tbody">
                        { for (0..plan.columns.len()).map(|at| column(props, at, into.map(|info| &info.collection))) }
                    </tbody>
                </table>
            </div>
        </form>
    }
}

fn checked(event: &Event) -> bool {
    let input = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
    input.is_some_and(|input| input.checked())
}

/// What an input does to the plan.
type Change = Box<dyn Fn(&mut ImportPlan, &Event)>;

fn column(props: &PlanFormProps, at: usize, into: Option<&Collection>) -> Html {
    let column = &props.plan.columns[at];
    let change = |make: Change| {
        let (plan, onplan) = (props.plan.clone(), props.onplan.clone());
        Callback::from(move |event: Event| {
            let mut next = plan.clone();
            make(&mut next, &event);
            onplan.emit(next);
        })
    };
    let take = change(Box::new(move |plan, event| plan.columns[at].take = checked(event)));
    let retype = change(Box::new(move |plan, event| {
        let field = &mut plan.columns[at].field;
        field.field_type = FieldType::from_name(&input_text(event)).unwrap_or(field.field_type);
    }));
    let rename = change(Box::new(move |plan, event| {
        let label = text::label(&input_text(event));
        if !label.is_empty() {
            name(plan, at, &label, &BTreeMap::new());
        }
    }));
    let fields = into.map(|collection| collection.fields.clone()).unwrap_or_default();
    let becomes = {
        let fields = fields.clone();
        change(Box::new(move |plan, event| {
            let wanted = input_text(event);
            match fields.get(wanted.as_str()) {
                Some(field) => plan.columns[at].field = field.clone(),
                None => {
                    let label = text::label(&plan.columns[at].heading);
                    name(plan, at, &label, &fields);
                }
            }
            plan.columns[at].known = fields.contains_key(wanted.as_str());
            plan.columns[at].take = true;
        }))
    };
    let heading = &column.heading;
    let offer =
        column.few.filter(|_| column.take && !column.known && column.field.field_type == FieldType::Text);
    let choice = {
        let (plan, onplan) = (props.plan.clone(), props.onplan.clone());
        Callback::from(move |_: MouseEvent| {
            let mut next = plan.clone();
            next.columns[at].field.field_type = FieldType::Choice;
            onplan.emit(next);
        })
    };
    html! {
        <tr class="pf-v6-c-table__tr" data-test="import-column" data-field={column.field.name.to_string()}>
            <td class="pf-v6-c-table__td">
                <input type="checkbox" checked={column.take} onchange={take} aria-label={format!("Take {heading}")} data-test="import-take" />
            </td>
            <td class="pf-v6-c-table__td">{ heading }</td>
            <td class="pf-v6-c-table__td">
                if !column.take {
                    <span class="mooring-muted">{ if props.plan.key.as_ref() == Some(heading) { "the key" } else { "left out" } }</span>
                } else if into.is_some() {
                    { control(None, false, html! {
                        <>
                            <select onchange={becomes} aria-label={format!("{heading} becomes")} data-test="import-becomes">
                                <option value="" selected={!column.known}>{ "a new field" }</option>
                                { for fields.values().map(|field| html! {
                                    <option value={field.name.to_string()} selected={column.known && field.name == column.field.name}>{ &field.label }</option>
                                }) }
                            </select>
                            { select_arrow() }
                        </>
                    }) }
                } else {
                    { control(None, false, html! {
                        <input value={column.field.label.clone()} onchange={rename} aria-label={format!("{heading} becomes")} data-test="import-becomes" />
                    }) }
                }
            </td>
            <td class="pf-v6-c-table__td mooring-plan-type">
                { type_select(None, Some(format!("Type of {heading}")), column.field.field_type, column.known || !column.take, retype, "import-type") }
                if let Some(few) = offer {
                    <Button look={Look::Link} text={format!("Make it a choice of {few}")} onclick={choice} test="import-choice" />
                }
            </td>
        </tr>
    }
}

/// Gives a column a field of its own, called like that.
fn name(
    plan: &mut ImportPlan,
    at: usize,
    label: &str,
    there: &BTreeMap<sync_protocol::FieldName, sync_protocol::schema::Field>,
) {
    let mut taken = there.clone();
    for (_, other) in plan.columns.iter().enumerate().filter(|(place, _)| *place != at) {
        taken.insert(other.field.name.clone(), other.field.clone());
    }
    let last = there.values().map(|field| field.position).max().unwrap_or(-1);
    let field = &mut plan.columns[at].field;
    field.name = text::field_name(label, &taken);
    field.label = label.to_owned();
    field.policy = None;
    field.position = last + 1 + at as i64;
}
