//! Leaving a form whose input is not saved: links ask, closing the tab asks.

use crate::components::dialog::Confirm;
use crate::components::link;
use crate::live::Live;
use crate::platform;
use crate::route::Route;
use crate::text::count;
use crate::unsaved::{Draft, Unsaved};
use gloo::events::{EventListener, EventListenerOptions};
use yew::prelude::*;
use yew_router::hooks::use_navigator;

/// While `changed` fields are unsaved, asks before they are left. What is drawn is the question.
#[hook]
pub fn use_leave(unsaved: &Unsaved, form: &str, draft: &Live<Draft>, changed: usize) -> Html {
    let wants = use_state(|| None::<Route>);
    {
        let (wants, unsaved) = (wants.setter(), unsaved.clone());
        use_effect_with(changed > 0, move |dirty| {
            // where it was being saved meanwhile, there is nothing to ask any more
            wants.set(None);
            let listener = dirty.then(|| {
                unsaved.guard(Some(Callback::from(move |route| wants.set(Some(route)))));
                let options = EventListenerOptions::enable_prevent_default();
                EventListener::new_with_options(&platform::window(), "beforeunload", options, |event| {
                    event.prevent_default()
                })
            });
            move || {
                drop(listener);
                unsaved.guard(None);
            }
        });
    }
    let navigator = use_navigator();
    let Some(route) = (*wants).clone() else { return Html::default() };
    let onconfirm = {
        let (unsaved, form, wants, draft) = (unsaved.clone(), form.to_owned(), wants.setter(), draft.clone());
        Callback::from(move |()| {
            unsaved.guard(None);
            unsaved.keep(&form, &Draft::default());
            draft.set(Draft::default());
            wants.set(None);
            if let Some(navigator) = &navigator {
                link::push(navigator, &route);
            }
        })
    };
    let oncancel = {
        let wants = wants.setter();
        Callback::from(move |()| wants.set(None))
    };
    let fields = count::of(changed as u64, "field", "fields");
    html! {
        <Confirm title="Leave without saving?" action="Discard my input" cancel="Keep editing" {onconfirm} {oncancel}>
            <p>{ format!("What you wrote in {fields} is not saved yet.") }</p>
        </Confirm>
    }
}
