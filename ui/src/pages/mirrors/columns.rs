//! Which column becomes which field, and what is said of columns that cannot.

use crate::components::field_value::cut;
use crate::components::form::{control, input_text};
use crate::text::field::type_label;
use std::collections::BTreeMap;
use sync_protocol::mirror::{MirrorPlan, MirrorSample};
use sync_protocol::schema::Collection;
use sync_protocol::{Fields, Ordered, Value};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct ColumnsProps {
    pub plan: MirrorPlan,
    /// What was chosen otherwise, by column; an empty text leaves the column out.
    pub map: BTreeMap<String, String>,
    pub onmap: Callback<BTreeMap<String, String>>,
    /// The collection, if it is there already.
    #[prop_or_default]
    pub collection: Option<Collection>,
}

/// The table of columns.
#[component]
pub fn Columns(props: &ColumnsProps) -> Html {
    let taken = props.plan.columns.iter().map(|(field, column)| (column.clone(), Some(field.clone())));
    let left =
        props.map.iter().filter(|(_, field)| field.is_empty()).map(|(column, _)| (column.clone(), None));
    let all = taken.chain(left).ordered_map();
    html! {
        <div class="mooring-table-wrap mooring-sample" tabindex="0" role="group" aria-label="Columns of the table">
            <table class="pf-v6-c-table pf-m-compact" aria-label="Columns of the table">
                <thead class="pf-v6-c-table__thead">
                    <tr class="pf-v6-c-table__tr">
                        <th class="pf-v6-c-table__th" scope="col">{ "Take" }</th>
                        <th class="pf-v6-c-table__th" scope="col">{ "Column" }</th>
                        <th class="pf-v6-c-table__th" scope="col">{ "Becomes the field" }</th>
                        <th class="pf-v6-c-table__th" scope="col">{ "Note" }</th>
                    </tr>
                </thead>
                <tbody class="pf-v6-c-table__tbody">
                    { for all.iter().map(|(column, field)| row(props, column, field.as_deref())) }
                    { for props.plan.notes.iter().filter(|note| note.left_out).map(|note| html! {
                        <tr class="pf-v6-c-table__tr" data-test="column-refused" data-column={note.column.clone()}>
                            <td class="pf-v6-c-table__td">{ "no" }</td>
                            <td class="pf-v6-c-table__td mooring-json">{ &note.column }</td>
                            <td class="pf-v6-c-table__td"></td>
                            <td class="pf-v6-c-table__td">{ &note.why }</td>
                        </tr>
                    }) }
                </tbody>
            </table>
        </div>
    }
}

fn row(props: &ColumnsProps, column: &str, field: Option<&str>) -> Html {
    let set = |make: fn(String) -> Option<String>| {
        let (map, onmap, column) = (props.map.clone(), props.onmap.clone(), column.to_owned());
        Callback::from(move |event: Event| {
            let mut map = map.clone();
            match make(input_text(&event)) {
                Some(field) => map.insert(column.clone(), field),
                None => map.remove(&column),
            };
            onmap.emit(map);
        })
    };
    let rename = set(|text| (!text.trim().is_empty()).then(|| text.trim().to_owned()));
    let take = match field {
        Some(_) => set(|_| Some(String::new())),
        None => set(|_| None),
    };
    let note = props.plan.notes.iter().find(|note| !note.left_out && note.column == column);
    let known = field.and_then(|field| props.collection.as_ref()?.fields.get(field));
    html! {
        <tr class="pf-v6-c-table__tr" data-test="column" data-column={column.to_owned()}>
            <td class="pf-v6-c-table__td">
                <input type="checkbox" checked={field.is_some()} onchange={take} aria-label={format!("Take {column}")} data-test="column-take" />
            </td>
            <td class="pf-v6-c-table__td mooring-json">{ column }</td>
            <td class="pf-v6-c-table__td mooring-plan-type">
                if let Some(field) = field {
                    { control(None, false, html! {
                        <input type="text" value={field.to_owned()} onchange={rename} aria-label={format!("Field of {column}")}
                            autocapitalize="off" spellcheck="false" data-test="column-field" />
                    }) }
                } else {
                    <span class="mooring-muted">{ "left out" }</span>
                }
            </td>
            <td class="pf-v6-c-table__td">
                if let Some(note) = note {
                    { format!("Only read: {}", note.why) }
                } else if let Some(known) = known {
                    <span class="mooring-muted">{ format!("is there: {}, {}", known.label, type_label(known.field_type)) }</span>
                }
            </td>
        </tr>
    }
}

/// Rows as they are, and beside them their records where those differ.
pub fn samples(plan: &MirrorPlan, differing: bool) -> Html {
    let samples = if differing { &plan.differing_samples } else { &plan.samples };
    if samples.is_empty() {
        return Html::default();
    }
    let title = if differing { "Rows that differ from their records" } else { "Some of the rows" };
    html! {
        <>
            <h2 class="pf-v6-c-title pf-m-lg mooring-refused-title">{ title }</h2>
            <div class="mooring-table-wrap mooring-sample" tabindex="0" role="group" aria-label={title}>
                <table class="pf-v6-c-table pf-m-compact mooring-table" aria-label={title}>
                    <thead class="pf-v6-c-table__thead">
                        <tr class="pf-v6-c-table__tr">
                            <th class="pf-v6-c-table__th" scope="col">{ "Key" }</th>
                            { for plan.columns.keys().map(|field| html! { <th class="pf-v6-c-table__th" scope="col">{ field }</th> }) }
                        </tr>
                    </thead>
                    <tbody class="pf-v6-c-table__tbody">
                        { for samples.iter().flat_map(|sample| sample_rows(plan, sample)) }
                    </tbody>
                </table>
            </div>
        </>
    }
}

fn sample_rows(plan: &MirrorPlan, sample: &MirrorSample) -> Vec<Html> {
    let line = |key: String, fields: &Fields| {
        html! {
            <tr class="pf-v6-c-table__tr">
                <td class="pf-v6-c-table__td">{ key }</td>
                { for plan.columns.keys().map(|field| html! {
                    <td class="pf-v6-c-table__td">{ fields.get(field.as_str()).map(shown).unwrap_or_default() }</td>
                }) }
            </tr>
        }
    };
    match &sample.record {
        None => vec![line(sample.key.clone(), &sample.row)],
        Some(record) => vec![
            line(format!("{}, in the table", sample.key), &sample.row),
            line(format!("{}, here", sample.key), record),
        ],
    }
}

/// A value of any type, in a line.
fn shown(value: &Value) -> String {
    let text = value.as_text().map_or_else(|| value.0.to_string(), str::to_owned);
    cut(&text)
}
