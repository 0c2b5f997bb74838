//! Short messages that come and go at the corner, and are read out.

use super::button::{Button, Look};
use super::icon::{Icon, icon};
use super::states::Tint;
use gloo::timers::callback::Timeout;
use std::rc::Rc;
use sync_client::api::Failure;
use yew::prelude::*;

/// How long good news stay.
const SHOWN_MS: u32 = 6_000;

/// One message.
#[derive(Clone, Debug, PartialEq)]
struct Toast {
    id: u64,
    tint: Tint,
    text: String,
}

/// The messages that are shown.
#[derive(Default, PartialEq)]
pub struct Toasts {
    next: u64,
    list: Vec<Toast>,
}

/// What happens to them.
pub enum ToastAction {
    Show(Tint, String),
    Close(u64),
}

impl Reducible for Toasts {
    type Action = ToastAction;
    fn reduce(self: Rc<Self>, action: ToastAction) -> Rc<Self> {
        let mut list = self.list.clone();
        let mut next = self.next;
        match action {
            ToastAction::Show(tint, text) => {
                // the same message again replaces itself
                list.retain(|toast| toast.text != text);
                list.push(Toast { id: next, tint, text });
                next += 1;
            }
            ToastAction::Close(id) => list.retain(|toast| toast.id != id),
        }
        Rc::new(Self { next, list })
    }
}

/// Shows messages.
#[derive(Clone, PartialEq)]
pub struct Toaster(pub UseReducerDispatcher<Toasts>);

impl Toaster {
    /// Good news; goes away by itself.
    pub fn done(&self, text: impl Into<String>) {
        self.0.dispatch(ToastAction::Show(Tint::Success, text.into()));
    }

    /// Something to know; goes away by itself.
    pub fn note(&self, text: impl Into<String>) {
        self.0.dispatch(ToastAction::Show(Tint::Info, text.into()));
    }

    /// What was not done; stays until it is closed.
    pub fn failure(&self, failure: &Failure) {
        self.0.dispatch(ToastAction::Show(Tint::Danger, failure.message.clone()));
    }
}

#[derive(PartialEq, Properties)]
pub struct ToastListProps {
    pub toasts: UseReducerHandle<Toasts>,
}

/// Where they are shown.
#[component]
pub fn ToastList(props: &ToastListProps) -> Html {
    let close = {
        let dispatcher = props.toasts.dispatcher();
        Callback::from(move |id| dispatcher.dispatch(ToastAction::Close(id)))
    };
    html! {
        <ul class="pf-v6-c-alert-group pf-m-toast" role="list" aria-live="polite" aria-atomic="false">
            { for props.toasts.list.iter().map(|toast| html! {
                <ToastItem key={toast.id} toast={toast.clone()} close={close.clone()} />
            }) }
        </ul>
    }
}

#[derive(PartialEq, Properties)]
struct ToastItemProps {
    toast: Toast,
    close: Callback<u64>,
}

#[component]
fn ToastItem(props: &ToastItemProps) -> Html {
    let Toast { id, tint, text } = props.toast.clone();
    {
        let close = props.close.clone();
        use_effect_with((), move |()| {
            let stays = tint == Tint::Danger;
            let timer = (!stays).then(|| Timeout::new(SHOWN_MS, move || close.emit(id)));
            move || drop(timer)
        });
    }
    let onclick = props.close.reform(move |_: MouseEvent| id);
    html! {
        <li class="pf-v6-c-alert-group__item">
            <div class={classes!("pf-v6-c-alert", tint.class())} data-test="toast">
                <div class="pf-v6-c-alert__icon">{ icon(tint.icon()) }</div>
                <p class="pf-v6-c-alert__title">{ text }</p>
                <div class="pf-v6-c-alert__action">
                    <Button look={Look::Plain} icon={Icon::Close} text="Close this message" {onclick} />
                </div>
            </div>
        </li>
    }
}
