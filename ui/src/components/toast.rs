//! Short messages that come and go at the corner, and are read out; some offer to take back what they tell of.

use super::button::{Button, Look};
use super::icon::{Icon, icon};
use super::progress::Progress;
use super::states::Tint;
use crate::hooks::{use_backend, use_event, use_toaster};
use crate::text::{count, step};
use gloo::timers::callback::Timeout;
use std::rc::Rc;
use sync_client::api::{Answer, Command, Event, Failure};
use sync_protocol::{ChangeId, RecordId};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// How long good news stay.
const SHOWN_MS: u32 = 6_000;
/// How long a single decision can be undone from its message; many at once stay until the next.
const UNDO_MS: u32 = 20_000;

/// One message.
#[derive(Clone, Debug, PartialEq)]
struct Toast {
    id: u64,
    tint: Tint,
    text: String,
    /// What can be taken back from here.
    undo: Undo,
}

/// What a message offers to take back.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Undo {
    /// Nothing: it only tells.
    #[default]
    Nothing,
    Decisions(Rc<Vec<ChangeId>>),
    /// Records that were deleted.
    Deleted(Rc<Vec<RecordId>>),
    /// The last step of this tab: edits of many records.
    Step,
}

impl Undo {
    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Decisions(ids) => ids.len(),
            Self::Deleted(ids) => ids.len(),
            Self::Step => 1,
        }
    }

    fn command(&self) -> Option<Command> {
        match self {
            Self::Nothing => None,
            Self::Decisions(ids) => Some(Command::TakeBack { conflicts: ids.to_vec() }),
            Self::Deleted(ids) => Some(Command::Undelete { ids: ids.to_vec() }),
            Self::Step => Some(Command::Undo),
        }
    }
}

/// The messages that are shown.
#[derive(Default, PartialEq)]
pub struct Toasts {
    next: u64,
    list: Vec<Toast>,
}

/// What happens to them.
pub enum ToastAction {
    Show(Tint, String, Undo),
    Close(u64),
    /// There is a newer step: what offers to take back the last one would mean another.
    NewStep,
}

impl Reducible for Toasts {
    type Action = ToastAction;
    fn reduce(self: Rc<Self>, action: ToastAction) -> Rc<Self> {
        let mut list = self.list.clone();
        let mut next = self.next;
        match action {
            ToastAction::Show(tint, text, undo) => {
                // the same message again replaces itself; only what was done last is taken back from here
                let tells = |undo: &Undo| *undo == Undo::Nothing;
                list.retain(|toast| toast.text != text && (tells(&undo) || tells(&toast.undo)));
                list.push(Toast { id: next, tint, text, undo });
                next += 1;
            }
            ToastAction::NewStep => list.retain(|toast| toast.undo != Undo::Step),
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
        self.show(Tint::Success, text.into(), Undo::Nothing);
    }

    /// Something to know; goes away by itself.
    pub fn note(&self, text: impl Into<String>) {
        self.show(Tint::Info, text.into(), Undo::Nothing);
    }

    /// What was not done; stays until it is closed.
    pub fn failure(&self, failure: &Failure) {
        self.show(Tint::Danger, failure.message.clone(), Undo::Nothing);
    }

    /// Decisions that were saved, with a way to take them all back; those of many stay until something else is decided.
    pub fn decided(&self, text: impl Into<String>, decisions: Vec<ChangeId>) {
        self.show(Tint::Success, text.into(), Undo::Decisions(Rc::new(decisions)));
    }

    /// Records that were deleted, with a way to have them back.
    pub fn deleted(&self, text: impl Into<String>, records: Vec<RecordId>) {
        self.show(Tint::Success, text.into(), Undo::Deleted(Rc::new(records)));
    }

    /// Edits of many records in one step, with a way to take it back.
    pub fn step(&self, text: impl Into<String>) {
        self.show(Tint::Success, text.into(), Undo::Step);
    }

    /// Something else was saved: the last step is another one.
    pub fn new_step(&self) {
        self.0.dispatch(ToastAction::NewStep);
    }

    fn show(&self, tint: Tint, text: String, undo: Undo) {
        self.0.dispatch(ToastAction::Show(tint, text, undo));
    }
}

/// Where they are shown.
pub fn toast_list(toasts: &UseReducerHandle<Toasts>) -> Html {
    let close = {
        let dispatcher = toasts.dispatcher();
        Callback::from(move |id| dispatcher.dispatch(ToastAction::Close(id)))
    };
    html! {
        <ul class="pf-v6-c-alert-group pf-m-toast" role="list" aria-live="polite" aria-atomic="false">
            { for toasts.list.iter().map(|toast| html! {
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
    let Toast { id, tint, text, undo } = props.toast.clone();
    let (backend, toaster) = (use_backend(), use_toaster());
    let undoing = use_state_eq(|| None::<(u64, u64)>);
    {
        let close = props.close.clone();
        let shown = match undo.len() {
            0 if tint != Tint::Danger => Some(SHOWN_MS),
            1 => Some(UNDO_MS),
            _ => None,
        };
        use_effect_with(undoing.is_some(), move |undoing| {
            let timer = shown.filter(|_| !*undoing).map(|shown| Timeout::new(shown, move || close.emit(id)));
            move || drop(timer)
        });
    }
    let progress = undoing.setter();
    let listener = use_callback(undoing.is_some(), move |event: Event, busy| {
        if let (true, Event::Working { done, total }) = (*busy, event) {
            progress.set(Some((done as u64, total as u64)));
        }
    });
    use_event(listener);
    let take_back = {
        let (undoing, close, undo) = (undoing.setter(), props.close.clone(), undo.clone());
        Callback::from(move |_: MouseEvent| {
            let Some(command) = undo.command() else { return };
            undoing.set(Some((0, undo.len() as u64)));
            let (backend, toaster, close, undoing) =
                (backend.clone(), toaster.clone(), close.clone(), undoing.clone());
            spawn_local(async move {
                match backend.call(command).await {
                    Ok(Answer::Saved { ids }) => {
                        close.emit(id);
                        let n = ids.len() as u64;
                        toaster.done(format!(
                            "{} {} back",
                            count::records(n),
                            if n == 1 { "is" } else { "are" }
                        ));
                    }
                    Ok(Answer::Undone(undone)) => {
                        close.emit(id);
                        toaster.done(step::undone(&undone));
                    }
                    Ok(Answer::Bulk(report)) => {
                        close.emit(id);
                        toaster.done(format!("{} taken back", count::decisions(report.done.len())));
                    }
                    Ok(_) => {}
                    Err(failure) => {
                        undoing.set(None);
                        toaster.failure(&failure);
                    }
                }
            });
        })
    };
    let onclick = props.close.reform(move |_: MouseEvent| id);
    html! {
        <li class="pf-v6-c-alert-group__item">
            <div class={classes!("pf-v6-c-alert", tint.class())} data-test="toast">
                <div class="pf-v6-c-alert__icon">{ icon(tint.icon()) }</div>
                <p class="pf-v6-c-alert__title">{ text }</p>
                <div class="pf-v6-c-alert__action">
                    <Button look={Look::Plain} icon={Icon::Close} text="Close this message" {onclick} />
                </div>
                if let Some((done, total)) = *undoing {
                    <div class="pf-v6-c-alert__description"><Progress label="Taking back" {done} {total} /></div>
                } else if undo.len() > 0 {
                    <div class="pf-v6-c-alert__action-group">
                        <Button look={Look::Link} icon={Icon::Undo} text={if undo.len() > 1 { "Undo all of them" } else { "Undo" }}
                            onclick={take_back} test="undo" />
                    </div>
                }
            </div>
        </li>
    }
}
