//! Signing in again where the session has expired; nothing on this device is touched by it.

use super::start::{SignInChoices, use_session_command};
use crate::components::dialog::Dialog;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct SignInAgainProps {
    pub onclose: Callback<()>,
}

/// The dialog.
#[component]
pub fn SignInAgain(props: &SignInAgainProps) -> Html {
    let (send, busy, failure) = use_session_command();
    let sent = use_state_eq(|| false);
    {
        let onclose = props.onclose.clone();
        let over = *sent && !busy && failure.is_none();
        use_effect_with(over, move |over| {
            if *over {
                onclose.emit(());
            }
        });
    }
    let send = {
        let sent = sent.setter();
        Callback::from(move |command| {
            sent.set(true);
            send.emit(command);
        })
    };
    html! {
        <Dialog title="Sign in again" onclose={props.onclose.clone()} test="sign-in-again-dialog">
            <p class="mooring-gap">{ "Your session has ended. Changes that are not sent yet are safe on this device and are sent once you are signed in." }</p>
            <SignInChoices {send} {busy} {failure} />
        </Dialog>
    }
}
