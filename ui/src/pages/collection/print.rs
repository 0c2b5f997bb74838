//! A list on paper: the rows of the view with their headings, in the order of the screen. The grid itself draws only what is in
//! view, so they are put into a table that is there for the printer alone.

use crate::components::field_value::cell;
use crate::grid::columns::Column;
use crate::grid::rows::Source;
use crate::hooks::use_toaster;
use crate::live::{use_chords, use_live};
use crate::platform;
use crate::text::count;
use crate::text::field::key_label;
use std::rc::Rc;
use sync_client::api::{CollectionInfo, Row};
use sync_protocol::record::value_of;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// Rows that are printed at most: some forty sheets of paper.
const MOST: usize = 2_000;

/// What is printed, and how to print. Ctrl+P prints the list, unless a record is open: that is printed as it stands.
#[hook]
pub fn use_print(
    info: &CollectionInfo,
    source: &Source,
    columns: &Rc<Vec<Column>>,
    open: bool,
) -> (Html, Callback<()>) {
    let toaster = use_toaster();
    let rows = use_live(|| None::<Rc<Vec<Rc<Row>>>>);
    let print = {
        let (rows, source) = (rows.clone(), source.clone());
        Callback::from(move |()| {
            let (rows, source, toaster) = (rows.clone(), source.clone(), toaster.clone());
            spawn_local(async move {
                match source.rows(0..source.held.get().matching.min(MOST)).await {
                    Ok(all) => rows.set(Some(Rc::new(all))),
                    Err(failure) => toaster.failure(&failure),
                }
            });
        })
    };
    {
        let print = print.clone();
        use_chords(Callback::from(move |key: KeyboardEvent| {
            if matches!(key.key().as_str(), "p" | "P") && !open && !key.shift_key() && !key.alt_key() {
                key.prevent_default();
                print.emit(());
            }
        }));
    }
    let now = rows.get();
    {
        // once they are drawn
        let rows = rows.clone();
        use_effect_with(now.is_some(), move |drawn| {
            if *drawn {
                // a browser that prints nothing has said so itself
                let _ = platform::window().print();
                rows.set(None);
            }
        });
    }
    let drawn = now.as_ref().as_ref().map(|all| table(info, columns, all, source.held.get().matching));
    (drawn.unwrap_or_default(), print)
}

fn table(info: &CollectionInfo, columns: &[Column], rows: &[Rc<Row>], matching: usize) -> Html {
    let more = matching.saturating_sub(rows.len()) as u64;
    html! {
        <table class="mooring-print" data-test="print">
            <caption>{ format!("{} · {}", info.collection.label, count::records(matching as u64)) }{ if more > 0 { format!(", the first {}", count::number(rows.len() as u64)) } else { String::new() } }</caption>
            <thead><tr>{ for columns.iter().map(|column| html! { <th scope="col">{ column.label().to_owned() }</th> }) }</tr></thead>
            <tbody>
                { for rows.iter().map(|row| html! {
                    <tr>{ for columns.iter().map(|column| html! {
                        <td dir="auto">{ match &column.field {
                            Some(field) => cell(field, value_of(&row.fields, &field.name), ""),
                            None => html! { { key_label(&row.key).unwrap_or_default() } },
                        } }</td>
                    }) }</tr>
                }) }
            </tbody>
        </table>
    }
}
