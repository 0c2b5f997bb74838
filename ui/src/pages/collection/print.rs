//! A list on paper: the rows of the view with their headings, in the order of the screen. The grid itself draws only what is in
//! view, so they are put into a table that is there for the printer alone.

use crate::components::field_value::cell;
use crate::grid::columns::Column;
use crate::grid::rows::Source;
use crate::hooks::use_toaster;
use crate::live::use_chords;
use crate::pages::later::{Wanted, later};
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
    let printing = use_state_eq(|| false);
    let set = |on| {
        let printing = printing.setter();
        Callback::from(move |()| printing.set(on))
    };
    let print = set(true);
    {
        let print = print.clone();
        use_chords(Callback::from(move |key: KeyboardEvent| {
            if matches!(key.key().as_str(), "p" | "P") && !open && !key.shift_key() && !key.alt_key() {
                key.prevent_default();
                print.emit(());
            }
        }));
    }
    let drawn = printing.then(|| {
        let (info, source, columns) = (info.clone(), source.clone(), columns.clone());
        later(Wanted::Print(PrintedProps { info, source, columns, onclose: set(false) }))
    });
    (drawn.unwrap_or_default(), print)
}

#[derive(Clone, PartialEq, Properties)]
pub struct PrintedProps {
    pub info: CollectionInfo,
    pub source: Source,
    pub columns: Rc<Vec<Column>>,
    /// Printed, or not to be had.
    pub onclose: Callback<()>,
}

/// Reads the rows, draws them, prints them.
#[component]
pub fn Printed(props: &PrintedProps) -> Html {
    let toaster = use_toaster();
    let rows = use_state(|| None::<Vec<Rc<Row>>>);
    {
        let (rows, source, onclose) = (rows.setter(), props.source.clone(), props.onclose.clone());
        use_effect_with((), move |()| {
            spawn_local(async move {
                match source.all(MOST).await {
                    Ok(all) => rows.set(Some(all)),
                    Err(failure) => {
                        toaster.failure(&failure);
                        onclose.emit(());
                    }
                }
            });
        });
    }
    {
        // once they are drawn
        let onclose = props.onclose.clone();
        use_effect_with(rows.is_some(), move |drawn| {
            if *drawn {
                // a browser that prints nothing has said so itself
                let _ = platform::window().print();
                onclose.emit(());
            }
        });
    }
    let drawn =
        rows.as_ref().map(|all| table(&props.info, &props.columns, all, props.source.held.get().matching));
    drawn.unwrap_or_default()
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
