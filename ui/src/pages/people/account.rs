//! One's own account: the name, this device, the password, the devices that are signed in.

use super::{held, use_asked, use_telling};
use crate::components::button::{Button, Look};
use crate::components::form::TextField;
use crate::components::states::{Notice, Tint, failed, loading};
use crate::hooks::{use_session, use_title, use_toaster};
use crate::pages::frame::Masthead;
use crate::platform::clock;
use crate::text::time::ago;
use sync_client::api::{MembersAsk, MembersTold, SignInKept};
use sync_protocol::message::NewPassword;
use sync_protocol::people::SessionInfo;
use yew::prelude::*;

/// What a form is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Name,
    Device,
    Password,
    Sessions,
}

/// The screen.
#[component]
pub fn AccountPage() -> Html {
    use_title("Account");
    let session = use_session().session;
    let toaster = use_toaster();
    let ask = use_asked(MembersAsk::Sessions);
    let about = use_mut_ref(|| About::Name);
    let name = use_state(|| session.user.as_ref().map(|user| user.name.clone()).unwrap_or_default());
    let device = use_state(|| session.device.clone());
    let (current, new) = (use_state(String::new), use_state(String::new));
    let end_others = use_state_eq(|| true);
    let done = {
        let (about, reload) = (about.clone(), ask.reload.clone());
        let (current, new) = (current.setter(), new.setter());
        Callback::from(move |_| {
            match *about.borrow() {
                About::Name => toaster.done("Others read your new name."),
                About::Device => toaster.done("This device is called so from now on."),
                About::Password => {
                    current.set(String::new());
                    new.set(String::new());
                    toaster.done("Your password is changed.");
                }
                About::Sessions => toaster.done("That device has to sign in again."),
            }
            reload.emit(());
        })
    };
    let (tell, busy, failure) = use_telling(done);
    let tell = {
        let about = about.clone();
        Callback::from(move |(what, ask)| {
            about.replace(what);
            tell.emit(ask);
        })
    };
    let on = |what: About, ask: MembersAsk| {
        let tell = tell.clone();
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            tell.emit((what, ask.clone()));
        })
    };
    let why = |what: About| {
        failure.as_ref().filter(|_| *about.borrow() == what).map(|why| AttrValue::from(why.message.clone()))
    };
    let working = |what: About| busy && *about.borrow() == what;
    let one_field = |what: About,
                     id: &'static str,
                     label: &'static str,
                     hint: &'static str,
                     state: &UseStateHandle<String>,
                     was: &str,
                     ask: fn(String) -> MembersAsk| {
        let text = state.trim().to_owned();
        let same = text.is_empty() || text == was;
        let (value, oninput) = held(state);
        html! {
            <form class="pf-v6-c-form mooring-inline" onsubmit={on(what, ask(text))} novalidate=true>
                <TextField {id} {label} hint={hint} {value} {oninput} test={id} error={why(what)} required=true />
                <Button submit=true text="Save" busy={working(what)} disabled={same} test={format!("{id}-save")} />
            </form>
        }
    };
    let was = session.user.as_ref().map(|user| user.name.as_str()).unwrap_or_default();
    let password =
        NewPassword { current: (*current).clone(), new: (*new).clone(), keep_others: !*end_others };
    let toggle = {
        let end_others = end_others.clone();
        Callback::from(move |_: Event| end_others.set(!*end_others))
    };
    let end = |one: &SessionInfo| {
        let (tell, id) = (tell.clone(), one.id);
        Callback::from(move |_: MouseEvent| tell.emit((About::Sessions, MembersAsk::EndSession(id))))
    };
    let now = clock::now();
    let row = |one: &SessionInfo| {
        let device = if one.device.is_empty() { "A device without a name" } else { &one.device };
        let seen = match (one.current, one.seen) {
            (true, _) => "This device".to_owned(),
            (false, Some(at)) => format!("Last heard of {}", ago(now, at)),
            (false, None) => "Not heard of lately".to_owned(),
        };
        html! {
            <li key={one.id.to_string()} data-test="session" data-name={one.device.clone()}>
                <span class="mooring-person">
                    <span dir="auto">{ device }</span>
                    <span class="mooring-muted">
                        { seen }
                        { for one.since.map(|since| format!(" · signed in {}", clock::moment(since))) }
                    </span>
                </span>
                if !one.current {
                    <Button look={Look::Link} text="End" busy={working(About::Sessions)} onclick={end(one)} test="session-end" />
                }
            </li>
        }
    };
    let (current_value, set_current) = held(&current);
    let (new_value, set_new) = held(&new);
    html! {
        <div class="mooring-plain">
            <Masthead />
            <main class="mooring-narrow mooring-settings" id="main" tabindex="-1" data-test="account">
                <div>
                    <h1 class="pf-v6-c-title pf-m-2xl">{ "Account" }</h1>
                    if let Some(login) = &session.login {
                        <p class="mooring-muted">{ format!("You sign in as {login}.") }</p>
                    }
                </div>
                <section aria-labelledby="you-title">
                    <h2 class="pf-v6-c-title pf-m-lg" id="you-title">{ "You and this device" }</h2>
                    { one_field(About::Name, "account-name", "Your name", "What others read beside your changes. Needs the network.", &name, was, MembersAsk::Name) }
                    { one_field(About::Device, "device-name", "This device", "Such as “Front desk tablet”. Works offline.", &device, &session.device, MembersAsk::NameDevice) }
                    if let Some(kept) = session.sign_in_kept {
                        <p class="mooring-muted" data-test="sign-in-kept">{ kept_where(kept) }</p>
                    }
                </section>
                if session.login.is_some() {
                    <section aria-labelledby="password-title">
                        <h2 class="pf-v6-c-title pf-m-lg" id="password-title">{ "Password" }</h2>
                        <form class="pf-v6-c-form" onsubmit={on(About::Password, MembersAsk::Password(password))} novalidate=true>
                            <TextField id="password-current" label="Your password now" kind="password" value={current_value} oninput={set_current}
                                autocomplete="current-password" test="password-current" required=true />
                            <TextField id="password-new" label="The new one" kind="password" value={new_value} oninput={set_new}
                                autocomplete="new-password" test="password-new" required=true
                                hint="At least 8 characters, none of the common ones and not made of your name. Needs the network." error={why(About::Password)} />
                            <label class="mooring-actions">
                                <input type="checkbox" checked={*end_others} onchange={toggle} data-test="password-end-others" />
                                { "Sign out my other devices" }
                            </label>
                            <div class="pf-v6-c-form__group pf-m-action">
                                <Button submit=true text="Change the password" busy={working(About::Password)}
                                    disabled={current.is_empty() || new.is_empty()} test="password-change" />
                            </div>
                        </form>
                    </section>
                }
                <section aria-labelledby="sessions-title">
                    <h2 class="pf-v6-c-title pf-m-lg" id="sessions-title">{ "Devices that are signed in" }</h2>
                    <p class="mooring-muted">{ "Ended, a device asks for the password again. What it has not sent stays on it." }</p>
                    if let Some(why) = why(About::Sessions) {
                        <Notice tint={Tint::Danger} title={why} test="people-failed" />
                    }
                    if let Some(failure) = &ask.failure {
                        { failed(failure, &ask.reload) }
                    }
                    if let Some(MembersTold::Sessions(all)) = ask.data.as_deref() {
                        <ul class="mooring-people" role="list" data-test="sessions">{ for all.iter().map(row) }</ul>
                    } else if ask.failure.is_none() {
                        { loading("Asking the server") }
                    }
                </section>
            </main>
        </div>
    }
}

/// Where a device keeps what a person is signed in by.
fn kept_where(kept: SignInKept) -> &'static str {
    match kept {
        SignInKept::KeyStore => "Your sign-in is kept in this system’s key store.",
        SignInKept::File => {
            "Your sign-in is kept in a file that only you can read: no key store of this system answers."
        }
        SignInKept::Unreached => {
            "Your sign-in is in this system’s key store, which does not give it. Unlock it and start Mooring again, or sign in again."
        }
    }
}
