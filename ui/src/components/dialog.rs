//! Dialogs: the browser's own, so that focus stays inside, Escape closes and the rest of the page is out of reach.

use super::button::{Button, Look};
use super::icon::Icon;
use wasm_bindgen::JsCast;
use web_sys::{HtmlDialogElement, HtmlElement};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct DialogProps {
    pub title: AttrValue,
    /// Closed by the person without a decision.
    pub onclose: Callback<()>,
    #[prop_or_default]
    pub children: Html,
    /// Buttons at the bottom.
    #[prop_or_default]
    pub actions: Html,
    #[prop_or_default]
    pub test: Option<AttrValue>,
}

/// A dialog that is open while it is rendered: the focus stays inside, and goes back where it came from.
#[hook]
pub fn use_modal() -> NodeRef {
    let node = use_node_ref();
    let dialog = node.clone();
    use_effect_with((), move |()| {
        let before =
            crate::platform::document().active_element().and_then(|e| e.dyn_into::<HtmlElement>().ok());
        let dialog = dialog.cast::<HtmlDialogElement>();
        if let Some(dialog) = &dialog {
            // fails only for a dialog that is open already
            let _ = dialog.show_modal();
        }
        move || {
            // while it is open, nothing behind it takes the focus
            if let Some(dialog) = dialog {
                dialog.close();
            }
            if let Some(before) = before {
                let _ = before.focus();
            }
        }
    });
    node
}

/// A dialog with its title and buttons.
#[component]
pub fn Dialog(props: &DialogProps) -> Html {
    let node = use_modal();
    let oncancel = props.onclose.reform(|event: Event| event.prevent_default());
    let onclick = props.onclose.reform(|_: MouseEvent| ());
    html! {
        <dialog ref={node} class="mooring-dialog" aria-labelledby="dialog-title" {oncancel} data-test={props.test.clone()}
            onkeydown={|event: KeyboardEvent| event.stop_propagation()}>
            <div class="pf-v6-c-modal-box pf-m-sm">
                <div class="pf-v6-c-modal-box__header">
                    <h1 class="pf-v6-c-modal-box__title" id="dialog-title">
                        <span class="pf-v6-c-modal-box__title-text">{ &props.title }</span>
                    </h1>
                </div>
                <div class="pf-v6-c-modal-box__body">{ props.children.clone() }</div>
                if props.actions != Html::default() {
                    <div class="pf-v6-c-modal-box__footer">{ props.actions.clone() }</div>
                }
                <div class="pf-v6-c-modal-box__close">
                    <Button look={Look::Plain} icon={Icon::Close} text="Close" {onclick} />
                </div>
            </div>
        </dialog>
    }
}

#[derive(Clone, PartialEq, Properties)]
pub struct ConfirmProps {
    pub title: AttrValue,
    /// What will happen.
    #[prop_or_default]
    pub children: Html,
    /// What the button does, in words.
    pub action: AttrValue,
    /// What the other button does.
    #[prop_or(AttrValue::Static("Cancel"))]
    pub cancel: AttrValue,
    /// Whether something is thrown away.
    #[prop_or(true)]
    pub danger: bool,
    #[prop_or_default]
    pub busy: bool,
    pub onconfirm: Callback<()>,
    pub oncancel: Callback<()>,
}

/// Asks before something that cannot be taken back.
#[component]
pub fn Confirm(props: &ConfirmProps) -> Html {
    let look = if props.danger { Look::Danger } else { Look::Primary };
    let onconfirm = props.onconfirm.reform(|_: MouseEvent| ());
    let oncancel = props.oncancel.reform(|_: MouseEvent| ());
    let actions = html! {
        <>
            <Button {look} text={props.action.clone()} busy={props.busy} onclick={onconfirm} test="confirm" />
            <Button look={Look::Link} text={props.cancel.clone()} onclick={oncancel} test="cancel" autofocus=true />
        </>
    };
    html! {
        <Dialog title={props.title.clone()} onclose={props.oncancel.clone()} {actions} test="confirm-dialog">
            { props.children.clone() }
        </Dialog>
    }
}
