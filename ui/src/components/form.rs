//! A labelled control with its message.

use super::button::{Button, Look};
use super::icon::{Icon, icon};
use wasm_bindgen::JsCast;
use web_sys::{HtmlInputElement, HtmlSelectElement, HtmlTextAreaElement};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct GroupProps {
    /// The control's id.
    pub id: AttrValue,
    pub label: AttrValue,
    #[prop_or_default]
    pub required: bool,
    /// What is wrong.
    #[prop_or_default]
    pub error: Option<AttrValue>,
    /// What to write, while nothing is wrong.
    #[prop_or_default]
    pub hint: Option<AttrValue>,
    #[prop_or_default]
    pub children: Html,
}

/// The id of the message of the control with that id.
pub fn message_id(id: &str) -> String {
    format!("{id}-message")
}

/// Label, control, message.
#[component]
pub fn Group(props: &GroupProps) -> Html {
    let (message, wrong) = match (&props.error, &props.hint) {
        (Some(error), _) => (Some(error), true),
        (None, hint) => (hint.as_ref(), false),
    };
    html! {
        <div class="pf-v6-c-form__group">
            <div class="pf-v6-c-form__group-label">
                <label class="pf-v6-c-form__label" for={props.id.clone()}>
                    <span class="pf-v6-c-form__label-text">{ &props.label }</span>
                    if props.required {
                        <span class="pf-v6-c-form__label-required" aria-hidden="true">{ "\u{a0}*" }</span>
                    }
                </label>
            </div>
            <div class="pf-v6-c-form__group-control">
                { props.children.clone() }
                if let Some(message) = message {
                    <div class="pf-v6-c-form__helper-text" id={message_id(&props.id)} role={wrong.then_some("alert")}>
                        <div class="pf-v6-c-helper-text">
                            <div class={classes!("pf-v6-c-helper-text__item", wrong.then_some("pf-m-error"))}
                                data-test={wrong.then_some("field-error")}>
                                if wrong {
                                    <span class="pf-v6-c-helper-text__item-icon">{ icon(Icon::Warning) }</span>
                                }
                                <span class="pf-v6-c-helper-text__item-text">{ message }</span>
                            </div>
                        </div>
                    </div>
                }
            </div>
        </div>
    }
}

/// PatternFly's frame around a control.
pub fn control(kind: Option<&'static str>, wrong: bool, inside: Html) -> Html {
    html! {
        <span class={classes!("pf-v6-c-form-control", kind, wrong.then_some("pf-m-error"))}>{ inside }</span>
    }
}

/// The little arrow of a list to choose from.
pub fn select_arrow() -> Html {
    html! {
        <span class="pf-v6-c-form-control__utilities">
            <span class="pf-v6-c-form-control__toggle-icon">{ icon(Icon::ChevronDown) }</span>
        </span>
    }
}

/// Whether the box of an event is ticked.
pub fn is_checked(event: &web_sys::Event) -> bool {
    let input = event.target_dyn_into::<web_sys::HtmlInputElement>();
    input.is_some_and(|input| input.checked())
}

/// What a control of any kind holds.
pub fn input_text(event: &web_sys::Event) -> String {
    let Some(target) = event.target() else { return String::new() };
    if let Some(input) = target.dyn_ref::<HtmlInputElement>() {
        input.value()
    } else if let Some(area) = target.dyn_ref::<HtmlTextAreaElement>() {
        area.value()
    } else if let Some(select) = target.dyn_ref::<HtmlSelectElement>() {
        select.value()
    } else {
        String::new()
    }
}

#[derive(PartialEq, Properties)]
pub struct TextFieldProps {
    pub id: AttrValue,
    pub label: AttrValue,
    pub value: AttrValue,
    pub oninput: Callback<String>,
    #[prop_or(AttrValue::Static("text"))]
    pub kind: AttrValue,
    #[prop_or_default]
    pub required: bool,
    #[prop_or_default]
    pub error: Option<AttrValue>,
    #[prop_or_default]
    pub hint: Option<AttrValue>,
    #[prop_or_default]
    pub placeholder: Option<AttrValue>,
    #[prop_or_default]
    pub autocomplete: Option<AttrValue>,
    /// Has the focus when it appears.
    #[prop_or_default]
    pub autofocus: bool,
    #[prop_or_default]
    pub test: Option<AttrValue>,
}

/// One line of text with label and message.
#[component]
pub fn TextField(props: &TextFieldProps) -> Html {
    let oninput = props.oninput.reform(|event: InputEvent| input_text(&event));
    let wrong = props.error.is_some();
    let shown = use_state_eq(|| false);
    let kind = if *shown { AttrValue::Static("text") } else { props.kind.clone() };
    let node = use_node_ref();
    {
        // the attribute works for the first page only
        let (node, autofocus) = (node.clone(), props.autofocus);
        use_effect_with((), move |()| {
            if autofocus {
                crate::platform::dom::focus_ref(&node);
            }
        });
    }
    let input = html! {
        <input ref={node} dir="auto" id={props.id.clone()} type={kind} value={props.value.clone()} {oninput}
            required={props.required} placeholder={props.placeholder.clone()} autocomplete={props.autocomplete.clone()}
            autocapitalize="off" spellcheck="false" aria-invalid={wrong.then_some("true")}
            aria-describedby={message_id(&props.id)} data-test={props.test.clone()} />
    };
    let secret = props.kind == "password";
    let show = {
        let shown = shown.clone();
        Callback::from(move |_: MouseEvent| shown.set(!*shown))
    };
    html! {
        <Group id={props.id.clone()} label={props.label.clone()} required={props.required}
            error={props.error.clone()} hint={props.hint.clone()}>
            if secret {
                <div class="mooring-secret">
                    { control(None, wrong, input) }
                    <Button look={Look::Link} text={if *shown { "Hide" } else { "Show" }} onclick={show} test="show-password" />
                </div>
            } else {
                { control(None, wrong, input) }
            }
        </Group>
    }
}
