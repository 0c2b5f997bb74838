//! The first rows as they would be saved, and the rows that would be refused.

use crate::components::field_value::{cell, right_aligned};
use crate::components::states::{Notice, Tint};
use crate::text::count;
use crate::text::field::{key_label, sentence};
use std::rc::Rc;
use sync_client::api::{Preview, RefusedRow};
use sync_protocol::record::value_of;
use sync_protocol::schema::Field;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct SampleProps {
    pub preview: Rc<Preview>,
    /// Being looked at again.
    pub busy: bool,
}

/// The first rows.
#[component]
pub fn Sample(props: &SampleProps) -> Html {
    let preview = &props.preview;
    let fields: Vec<&Field> =
        preview.plan.columns.iter().filter(|column| column.take).map(|column| &column.field).collect();
    html! {
        <section aria-labelledby="sample-title" class={classes!(props.busy.then_some("mooring-busy"))}>
            <h2 class="pf-v6-c-title pf-m-md" id="sample-title">
                { format!("The first rows of {}", count::number(preview.rows as u64)) }
            </h2>
            <div class="mooring-table-wrap mooring-sample" tabindex="0" role="group" aria-labelledby="sample-title">
                <table class="pf-v6-c-table pf-m-compact mooring-table" aria-labelledby="sample-title" data-test="import-sample">
                    <thead class="pf-v6-c-table__thead">
                        <tr class="pf-v6-c-table__tr">
                            <th class="pf-v6-c-table__th" scope="col">{ "Key" }</th>
                            { for fields.iter().map(|field| html! {
                                <th class={classes!("pf-v6-c-table__th", right_aligned(field.field_type).then_some("mooring-right"))} scope="col">{ &field.label }</th>
                            }) }
                        </tr>
                    </thead>
                    <tbody class="pf-v6-c-table__tbody">
                        { for preview.sample.iter().map(|row| html! {
                            <tr class="pf-v6-c-table__tr">
                                <td class="pf-v6-c-table__td mooring-key">{ key_label(&row.key).unwrap_or_default() }</td>
                                { for fields.iter().map(|field| html! {
                                    <td class={classes!("pf-v6-c-table__td", right_aligned(field.field_type).then_some("mooring-right"))}>
                                        { cell(field, value_of(&row.fields, &field.name)) }
                                    </td>
                                }) }
                            </tr>
                        }) }
                    </tbody>
                </table>
            </div>
        </section>
    }
}

#[derive(PartialEq, Properties)]
pub struct RefusedProps {
    pub refused: Vec<RefusedRow>,
    pub total: usize,
    /// Before the import, or after it.
    pub future: bool,
}

/// The rows that cannot be imported, with reasons.
#[component]
pub fn Refused(props: &RefusedProps) -> Html {
    if props.total == 0 {
        return Html::default();
    }
    let rows = count::of(props.total as u64, "row", "rows");
    let title = if props.future {
        format!("{rows} cannot be imported as they are")
    } else {
        format!("{rows} were refused")
    };
    html! {
        <Notice tint={Tint::Warning} {title} test="import-refused">
            <details class="mooring-more">
                <summary>{ if props.total > props.refused.len() { format!("The first {} of them", props.refused.len()) } else { "Which, and why".to_owned() } }</summary>
                <ul class="pf-v6-c-list">
                    { for props.refused.iter().map(|row| html! {
                        <li>
                            { if row.column.is_empty() { format!("Row {}: ", row.row) } else { format!("Row {}, {}: ", row.row, row.column) } }
                            { sentence(&row.reason) }
                        </li>
                    }) }
                </ul>
            </details>
        </Notice>
    }
}
