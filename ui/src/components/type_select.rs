//! The list of all types that a field can have.

use super::form::{control, select_arrow};
use crate::text::field::type_label;
use sync_protocol::FieldType;
use yew::prelude::*;

/// The list; the value of its event is the name of a type. `label` says what it is where no label of the page does.
pub fn type_select(
    id: Option<String>,
    label: Option<String>,
    chosen: FieldType,
    disabled: bool,
    onchange: Callback<Event>,
    test: &'static str,
) -> Html {
    control(
        None,
        false,
        html! {
            <>
                <select {id} aria-label={label} {disabled} {onchange} data-test={test}>
                    { for FieldType::ALL.into_iter().map(|each| html! {
                        <option value={each.name()} selected={each == chosen}>{ type_label(each) }</option>
                    }) }
                </select>
                { select_arrow() }
            </>
        },
    )
}
