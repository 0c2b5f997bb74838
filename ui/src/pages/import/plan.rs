//! What becomes of the columns: their types, the key, what is left out.

use crate::components::form::{Group, TextField, control, input_text, select_arrow};
use crate::pages::frame::use_here;
use crate::text::field::type_label;
use sync_client::api::ImportPlan;
use sync_protocol::{CollectionId, FieldType};
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct PlanFormProps {
    pub plan: ImportPlan,
    /// The plan changed: look at the file again.
    pub onplan: Callback<ImportPlan>,
}

/// The form.
#[component]
pub fn PlanForm(props: &PlanFormProps) -> Html {
    let here = use_here();
    let plan = &props.plan;
    let change = |make: fn(&mut ImportPlan, String)| {
        let (plan, onplan) = (plan.clone(), props.onplan.clone());
        Callback::from(move |text: String| {
            let mut next = plan.clone();
            make(&mut next, text);
            onplan.emit(next);
        })
    };
    let label = use_state(|| plan.label.clone());
    let set_label = {
        let label = label.setter();
        Callback::from(move |text| label.set(text))
    };
    // the name goes into the plan when it is finished, not with every letter
    let keep_label = change(|plan, text| plan.label = text).reform(|event: Event| input_text(&event));
    let set_into = change(|plan, text| plan.into = CollectionId::new(text).ok())
        .reform(|event: Event| input_text(&event));
    let set_key = change(|plan, text| plan.key = (!text.is_empty()).then_some(text))
        .reform(|event: Event| input_text(&event));
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
                    <div onchange={keep_label}>
                        <TextField id="import-label" label="Name of the new collection" value={(*label).clone()} oninput={set_label}
                            required=true test="import-label" />
                    </div>
                }
                <Group id="import-key" label="Records are known by" hint="Each must have another one. Importing again updates them.">
                    { control(None, false, html! {
                        <>
                            <select id="import-key" onchange={set_key} data-test="import-key">
                                <option value="" selected={plan.key.is_none()}>{ "their place in the file (1, 2, 3, …)" }</option>
                                { for plan.columns.iter().map(|column| html! {
                                    <option value={column.heading.clone()} selected={plan.key.as_ref() == Some(&column.heading)}>{ &column.heading }</option>
                                }) }
                            </select>
                            { select_arrow() }
                        </>
                    }) }
                </Group>
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
                        { for (0..plan.columns.len()).map(|at| column(props, at)) }
                    </tbody>
                </table>
            </div>
        </form>
    }
}

fn column(props: &PlanFormProps, at: usize) -> Html {
    let column = &props.plan.columns[at];
    let onplan = props.onplan.clone();
    let plan = props.plan.clone();
    let take = {
        let (plan, onplan) = (plan.clone(), onplan.clone());
        Callback::from(move |event: Event| {
            let mut next = plan.clone();
            let input = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
            next.columns[at].take = input.is_some_and(|input| input.checked());
            onplan.emit(next);
        })
    };
    let retype = Callback::from(move |event: Event| {
        let mut next = plan.clone();
        let field = &mut next.columns[at].field;
        field.field_type = FieldType::from_name(&input_text(&event)).unwrap_or(field.field_type);
        onplan.emit(next);
    });
    let heading = &column.heading;
    let fixed = props.plan.into.is_some() || !column.take;
    html! {
        <tr class="pf-v6-c-table__tr" data-test="import-column" data-field={column.field.name.to_string()}>
            <td class="pf-v6-c-table__td">
                <input type="checkbox" checked={column.take} onchange={take} aria-label={format!("Take {heading}")} data-test="import-take" />
            </td>
            <td class="pf-v6-c-table__td">{ heading }</td>
            <td class="pf-v6-c-table__td">
                if column.take { { &column.field.label } } else { <span class="mooring-muted">{ "left out" }</span> }
            </td>
            <td class="pf-v6-c-table__td mooring-plan-type">
                { control(None, false, html! {
                    <>
                        <select onchange={retype} disabled={fixed} aria-label={format!("Type of {heading}")} data-test="import-type">
                            { for FieldType::ALL.into_iter().map(|each| html! {
                                <option value={each.name()} selected={each == column.field.field_type}>{ type_label(each) }</option>
                            }) }
                        </select>
                        { select_arrow() }
                    </>
                }) }
            </td>
        </tr>
    }
}
