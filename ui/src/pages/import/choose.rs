//! Choosing a file, or dropping it here.

use crate::components::icon::{Icon, icon};
use wasm_bindgen::JsCast;
use web_sys::{File, HtmlInputElement};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct ChooseProps {
    pub onfile: Callback<File>,
}

/// The place to drop it.
#[component]
pub fn Choose(props: &ChooseProps) -> Html {
    let over = use_state_eq(|| false);
    let onchange = {
        let onfile = props.onfile.clone();
        Callback::from(move |event: Event| {
            let input = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
            let Some(input) = input else { return };
            if let Some(file) = input.files().and_then(|files| files.get(0)) {
                // the same file, mended meanwhile, may be chosen again
                input.set_value("");
                onfile.emit(file);
            }
        })
    };
    let hover = |on: bool| {
        let over = over.setter();
        Callback::from(move |event: DragEvent| {
            event.prevent_default();
            over.set(on);
        })
    };
    let ondrop = {
        let (over, onfile) = (over.setter(), props.onfile.clone());
        Callback::from(move |event: DragEvent| {
            event.prevent_default();
            over.set(false);
            if let Some(file) = event.data_transfer().and_then(|data| data.files()?.get(0)) {
                onfile.emit(file);
            }
        })
    };
    html! {
        <label class={classes!("mooring-drop", over.then_some("mooring-drop-over"))} ondragenter={hover(true)}
            ondragover={hover(true)} ondragleave={hover(false)} {ondrop}>
            <span class="mooring-drop-icon">{ icon(Icon::File) }</span>
            <span class="mooring-drop-title">{ "Drop a table here: CSV, Excel or JSON" }</span>
            <span class="pf-v6-c-button pf-m-secondary">{ "Choose a file" }</span>
            <input type="file" class="mooring-file" accept=".csv,.tsv,.tab,.txt,.json,.xlsx,.xlsm,.xlsb,.xls,.ods" {onchange}
                data-test="import-file" aria-label="Choose a CSV, Excel or JSON file" />
            <span class="mooring-muted">{ "You see what it becomes before anything is saved. Works without a network." }</span>
        </label>
    }
}
