//! Signing out: where changes are unsent, the person decides what becomes of them.

use crate::components::button::{Button, Look};
use crate::components::dialog::Dialog;
use crate::components::link::use_go;
use crate::components::states::{Notice, Tint};
use crate::components::status_details::use_export;
use crate::hooks::{use_call, use_session};
use crate::route::Route;
use sync_client::api::{Answer, Command, Failure, FailureKind, Session, Unsent};
use yew::prelude::*;

#[derive(Clone, PartialEq, Properties)]
pub struct SignOutProps {
    /// What the person has chosen for the records: to go, unless something unsent would go with them, or to stay.
    pub begin: Unsent,
    pub onclose: Callback<()>,
}

/// Signs out at once where it loses nothing, else asks.
#[component]
pub fn SignOut(props: &SignOutProps) -> Html {
    let (call, set) = (use_call(), use_session().set);
    let asked = use_state(|| None::<Failure>);
    let busy = use_state_eq(|| false);
    let export = use_export();

    let sign_out = {
        let (asked, busy, go) = (asked.setter(), busy.setter(), use_go());
        // whoever signs in next begins at the beginning, not where this person was
        let onclose = props.onclose.reform(move |()| go.emit(Route::Home));
        let session = use_session().session;
        use_callback((call, set, onclose, session), move |unsent: Unsent, (call, set, onclose, session)| {
            busy.set(true);
            let (asked, busy, set, onclose) = (asked.clone(), busy.clone(), set.clone(), onclose.clone());
            let (server, demo) = (session.server.clone(), session.demo);
            let done = Callback::from(move |outcome| {
                busy.set(false);
                match outcome {
                    Ok(Answer::Session(session)) => {
                        onclose.emit(());
                        set.emit(session);
                    }
                    Ok(_) => {
                        onclose.emit(());
                        set.emit(Session { server: server.clone(), demo, ..Session::default() });
                    }
                    Err(failure) => asked.set(Some(failure)),
                }
            });
            call.emit((Command::SignOut { unsent }, done));
        })
    };
    {
        let sign_out = sign_out.clone();
        use_effect_with(props.begin, move |begin| sign_out.emit(*begin));
    }

    let Some(failure) = &*asked else { return Html::default() };
    let keep = sign_out.reform(|_: MouseEvent| Unsent::Keep);
    let discard = sign_out.reform(|_: MouseEvent| Unsent::Discard);
    if failure.kind != FailureKind::Unsent {
        return html! {
            <Dialog title="You are still signed in" onclose={props.onclose.clone()}>
                <Notice tint={Tint::Danger} title={failure.message.clone()} />
            </Dialog>
        };
    }
    let actions = html! {
        <>
            <Button look={Look::Primary} text="Keep them and sign out" busy={*busy} onclick={keep} test="sign-out-keep" />
            <Button text="Export to a file" onclick={export} test="sign-out-export" />
            <Button look={Look::Danger} text="Discard them and sign out" busy={*busy} onclick={discard} test="sign-out-discard" />
        </>
    };
    html! {
        <Dialog title="Sign out with unsent changes?" onclose={props.onclose.clone()} {actions} test="sign-out-dialog">
            <p>{ failure.message.clone() }</p>
            <p class="mooring-gap">{ "Kept on this device, with all records, they are sent when you sign in here again. Discarded, they are gone for good." }</p>
        </Dialog>
    }
}
