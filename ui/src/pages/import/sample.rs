//! The first rows as they would be saved, and the rows that would be refused.

use crate::components::field_value::{cell, right_aligned};
use crate::components::states::{Notice, Tint};
use crate::text::count;
use crate::text::field::{key_label, sentence};
use std::collections::BTreeMap;
use sync_client::api::{ImportCounts, Preview, RefusedRow};
use sync_protocol::record::value_of;
use sync_protocol::schema::Field;
use yew::prelude::*;

/// The first rows; `busy` while they are looked at again.
pub fn sample(preview: &Preview, busy: bool) -> Html {
    let fields: Vec<&Field> =
        preview.plan.columns.iter().filter(|column| column.take).map(|column| &column.field).collect();
    html! {
        <section aria-labelledby="sample-title" class={classes!(busy.then_some("mooring-busy"))}>
            <h2 class="pf-v6-c-title pf-m-md" id="sample-title">
                { "What the first rows become" }
            </h2>
            <div class="mooring-table-wrap mooring-sample" tabindex="0" role="group" aria-labelledby="sample-title">
                <table class="pf-v6-c-table pf-m-compact mooring-table" aria-labelledby="sample-title" data-test="import-sample">
                    <thead class="pf-v6-c-table__thead">
                        <tr class="pf-v6-c-table__tr">
                            if preview.plan.key.is_some() {
                                <th class="pf-v6-c-table__th" scope="col">{ "Key" }</th>
                            }
                            { for fields.iter().map(|field| html! {
                                <th class={classes!("pf-v6-c-table__th", right_aligned(field.field_type).then_some("mooring-right"))} scope="col">{ &field.label }</th>
                            }) }
                        </tr>
                    </thead>
                    <tbody class="pf-v6-c-table__tbody">
                        { for preview.sample.iter().map(|row| html! {
                            <tr class="pf-v6-c-table__tr">
                                if preview.plan.key.is_some() {
                                    <td class="pf-v6-c-table__td mooring-key">{ key_label(&row.key).unwrap_or_default() }</td>
                                }
                                { for fields.iter().map(|field| html! {
                                    <td class={classes!("pf-v6-c-table__td", right_aligned(field.field_type).then_some("mooring-right"))}>
                                        { cell(field, value_of(&row.fields, &field.name), "") }
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

/// The rows that cannot be imported, with reasons; `future` before the import.
pub fn refused(rows: &[RefusedRow], total: usize, future: bool) -> Html {
    if total == 0 {
        return Html::default();
    }
    let title = match (total as u64, future) {
        (1, true) => "1 row cannot be imported as it is".to_owned(),
        (1, false) => "1 row was refused".to_owned(),
        (n, true) => format!("{} rows cannot be imported as they are", count::number(n)),
        (n, false) => format!("{} rows were refused", count::number(n)),
    };
    html! {
        <Notice tint={Tint::Warning} {title} test="import-refused">
            <details class="mooring-more">
                <summary>{ if total > rows.len() { format!("The first {} of them", rows.len()) } else { "Which, and why".to_owned() } }</summary>
                <ul class="pf-v6-c-list">
                    { for reasons(rows).into_iter().map(|reason| html! { <li>{ reason }</li> }) }
                </ul>
            </details>
        </Notice>
    }
}

/// Each reason once, with the rows that it is true of: `Line 3, 7 and 12 others, State: Not one of the choices.`
fn reasons(rows: &[RefusedRow]) -> Vec<String> {
    const NAMED: usize = 5;
    let mut order: Vec<(&str, &str)> = Vec::new();
    let mut places: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for row in rows {
        let reason = (row.column.as_str(), row.reason.as_str());
        let place = row.line.map_or_else(|| row.row.to_string(), |line| line.to_string());
        let rows = places.entry(reason).or_default();
        if rows.is_empty() {
            order.push(reason);
        }
        rows.push(place);
    }
    let word = if rows.iter().any(|row| row.line.is_some()) { "Line" } else { "Record" };
    let told = |(column, reason): (&str, &str)| {
        let rows = &places[&(column, reason)];
        let named = rows[..rows.len().min(NAMED)].join(", ");
        let more = rows.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let column = if column.is_empty() { String::new() } else { format!(", {column}") };
        format!("{word} {named}{more}{column}: {}", sentence(reason))
    };
    order.into_iter().map(told).collect()
}

/// What becomes of the rows, as numbers.
pub fn fates(counts: &ImportCounts, refused: usize) -> Html {
    let all = [
        ("new", counts.new),
        ("change", counts.change),
        ("same", counts.same),
        ("left out", counts.passed),
        ("cannot", refused),
    ];
    let text: Vec<String> = all
        .into_iter()
        .filter(|(word, n)| *n > 0 || *word == "new")
        .map(|(word, n)| format!("{word} {}", count::number(n as u64)))
        .collect();
    html! { <p class="mooring-muted" role="status" data-test="import-counts">{ text.join(" · ") }</p> }
}
