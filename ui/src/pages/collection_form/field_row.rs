//! One field as it is being defined.

use crate::components::button::{Button, Look};
use crate::components::form::{Group, TextField, control, input_text, select_arrow};
use crate::components::icon::Icon;
use crate::components::type_select::type_select;
use crate::text::field::policy_label;
use std::collections::BTreeMap;
use sync_client::text;
use sync_protocol::schema::Field;
use sync_protocol::{FieldName, FieldType, Policy};
use yew::prelude::*;

/// What a person has said of a field so far.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldDraft {
    pub label: String,
    pub field_type: FieldType,
    /// The options of a choice, one per line or comma.
    pub options: String,
    /// `None`: what is usual for the type.
    pub policy: Option<Policy>,
}

impl Default for FieldDraft {
    fn default() -> Self {
        Self { label: String::new(), field_type: FieldType::Text, options: String::new(), policy: None }
    }
}

impl FieldDraft {
    fn options(&self) -> Vec<String> {
        if self.field_type != FieldType::Choice {
            return Vec::new();
        }
        let mut options: Vec<String> = Vec::new();
        for option in self.options.split([',', '\n']).map(str::trim).filter(|option| !option.is_empty()) {
            if !options.iter().any(|have| have == option) {
                options.push(option.to_owned());
            }
        }
        options
    }

    /// Whether it is a choice of nothing.
    pub fn lacks_options(&self) -> bool {
        self.field_type == FieldType::Choice && self.options().is_empty()
    }
}

/// The field that a draft defines beside others.
pub fn field(draft: &FieldDraft, position: i64, taken: &BTreeMap<FieldName, Field>) -> Field {
    let label = text::label(&draft.label);
    Field {
        options: draft.options(),
        policy: draft.policy.filter(|policy| policy.fits(draft.field_type)),
        position,
        ..Field::new(text::field_name(&label, taken), label, draft.field_type)
    }
}

#[derive(PartialEq, Properties)]
pub struct FieldRowProps {
    pub at: usize,
    pub draft: FieldDraft,
    pub onchange: Callback<FieldDraft>,
    #[prop_or_default]
    pub onremove: Option<Callback<()>>,
    #[prop_or_default]
    pub error: Option<AttrValue>,
}

/// Name, type, and what happens where edits meet.
#[component]
pub fn FieldRow(props: &FieldRowProps) -> Html {
    let FieldRowProps { at, draft, onchange, .. } = props;
    let set = |make: fn(&mut FieldDraft, String)| {
        let (draft, onchange) = (draft.clone(), onchange.clone());
        Callback::from(move |text: String| {
            let mut next = draft.clone();
            make(&mut next, text);
            onchange.emit(next);
        })
    };
    let set_label = set(|draft, text| draft.label = text);
    let set_options = set(|draft, text| draft.options = text);
    let set_type =
        set(|draft, text| draft.field_type = FieldType::from_name(&text).unwrap_or(draft.field_type));
    let set_policy = set(|draft, text| draft.policy = Policy::from_name(&text));
    let type_id = format!("field-type-{at}");
    let policy_id = format!("field-policy-{at}");
    let usual = Policy::default_for(draft.field_type);
    html! {
        <div class="mooring-field-row" data-test="field-row">
            <div class="mooring-field-main">
                <TextField id={format!("field-label-{at}")} label="Field name" value={draft.label.clone()} oninput={set_label}
                    error={props.error.clone()} test="field-label" />
                <Group id={type_id.clone()} label="Type">
                    { type_select(Some(type_id), None, draft.field_type, false, set_type.reform(|event: Event| input_text(&event)), "field-type") }
                </Group>
                if let Some(onremove) = &props.onremove {
                    <div class="mooring-field-remove">
                        <Button look={Look::Plain} icon={Icon::Trash} text="Remove this field" onclick={onremove.reform(|_: MouseEvent| ())} />
                    </div>
                }
            </div>
            if draft.field_type == FieldType::Choice {
                <TextField id={format!("field-options-{at}")} label="Options" value={draft.options.clone()} oninput={set_options}
                    hint="Separate with commas: open, waiting, done" test="field-options" />
            }
            <details class="mooring-more">
                <summary>{ "When two people change it at the same time" }</summary>
                <Group id={policy_id.clone()} label="What happens">
                    { control(None, false, html! {
                        <>
                            <select id={policy_id} onchange={set_policy.reform(|event: Event| input_text(&event))} data-test="field-policy">
                                <option value="" selected={draft.policy.is_none()}>{ format!("As usual ({})", policy_label(usual)) }</option>
                                { for Policy::ALL.into_iter().filter(|each| each.fits(draft.field_type) && *each != usual).map(|each| html! {
                                    <option value={each.name()} selected={draft.policy == Some(each)}>{ policy_label(each) }</option>
                                }) }
                            </select>
                            { select_arrow() }
                        </>
                    }) }
                </Group>
            </details>
        </div>
    }
}
