//! Before a workspace: the server's address, signing in, and what to do when neither works.

use crate::backend::in_shell;
use crate::components::button::{Button, Look};
use crate::components::form::TextField;
use crate::components::icon::{Icon, icon};
use crate::components::link::Link;
use crate::components::states::{Empty, Notice, Tint, failed};
use crate::hooks::{use_call, use_session};
use crate::pages::frame::Masthead;
use crate::pages::local::OnThisDevice;
use crate::platform::storage;
use crate::route::Route;
use sync_client::api::{Answer, Command, Failure, FailureKind};
use yew::prelude::*;

/// The quiet page around a small form.
pub fn card(title: &'static str, children: Html) -> Html {
    html! {
        <main class="mooring-start" id="main">
            <div class="mooring-start-brand"><span>{ icon(Icon::Anchor) }</span>{ "Mooring" }</div>
            <div class="pf-v6-c-card mooring-start-card">
                <div class="pf-v6-c-card__title">
                    <h1 class="pf-v6-c-title pf-m-xl">{ title }</h1>
                </div>
                <div class="pf-v6-c-card__body">{ children }</div>
            </div>
            <p class="mooring-muted">{ "Records that stay in step, with or without a network." }</p>
        </main>
    }
}

/// Where the server is: asked once, on a desktop.
#[component]
pub fn Server() -> Html {
    let address = use_state(String::new);
    let (send, busy, failure) = use_session_command();
    let openly = failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::Open).then(|| {
        let (address, send) = (address.trim().to_owned(), send.clone());
        let onclick = Callback::from(move |_: MouseEvent| {
            send.emit(Command::ConnectOpenly { server: address.clone() });
        });
        html! { <Button text="Connect without encryption" {busy} {onclick} test="connect-openly" /> }
    });
    let oninput = {
        let address = address.setter();
        Callback::from(move |text| address.set(text))
    };
    let onsubmit = {
        let address = address.clone();
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            send.emit(Command::Connect { server: address.trim().to_owned() });
        })
    };
    let body = html! {
        <form class="pf-v6-c-form" {onsubmit} novalidate=true>
            <TextField id="server" label="Server address" value={(*address).clone()} {oninput} kind="url"
                placeholder="https://mooring.example.org" required=true autocomplete="url" test="server-address"
                error={failure.map(|failure| AttrValue::from(failure.message))}
                hint="Ask the person who set Mooring up for you." />
            <div class="pf-v6-c-form__group pf-m-action">
                <Button look={Look::Primary} submit=true text="Connect" {busy} disabled={address.trim().is_empty()}
                    test="connect" />
                { for openly }
            </div>
        </form>
    };
    card("Where is your server?", html! { <>{ body }<OnThisDevice /></> })
}

/// Signing in.
#[component]
pub fn SignIn() -> Html {
    let session = use_session().session;
    let (send, busy, failure) = use_session_command();
    let body = html! {
        <>
            <SignInChoices {send} {busy} {failure} />
            if let Some(server) = session.server.as_ref().filter(|_| in_shell()) {
                <p class="mooring-muted mooring-server">{ format!("Server: {server}") }</p>
            }
            <OnThisDevice />
        </>
    };
    card("Sign in", body)
}

#[derive(PartialEq, Properties)]
pub struct SignInChoicesProps {
    pub send: Callback<Command>,
    pub busy: bool,
    pub failure: Option<Failure>,
}

/// One click for the sample user where there is one, name and password for everybody else. Whoever was signed in
/// with a name begins with that.
#[component]
pub fn SignInChoices(props: &SignInChoicesProps) -> Html {
    let session = use_session().session;
    let SignInChoicesProps { send, busy, failure } = props;
    let sample = session.demo && session.login.is_none();
    let demo = send.reform(|_: MouseEvent| Command::SignInDemo);
    html! {
        <>
            if sample {
                <div class="mooring-stack">
                    <Button look={Look::Primary} class="pf-m-block" text="Continue as demo user" onclick={demo} busy={*busy}
                        test="sign-in-demo" />
                    <p class="mooring-muted mooring-centre">{ "Sample data on this machine; nothing to set up." }</p>
                    <div class="mooring-or"><span>{ "or with your own account" }</span></div>
                </div>
            }
            <SignInForm send={send.clone()} busy={*busy} failure={failure.clone()} primary={!sample}
                name={session.login.clone().unwrap_or_default()} />
        </>
    }
}

#[derive(PartialEq, Properties)]
struct SignInFormProps {
    send: Callback<Command>,
    busy: bool,
    failure: Option<Failure>,
    primary: bool,
    /// The name to begin with.
    name: AttrValue,
}

/// Name and password.
#[component]
fn SignInForm(props: &SignInFormProps) -> Html {
    let name = use_state(|| props.name.to_string());
    let password = use_state(String::new);
    let onsubmit = {
        let (name, password, send) = (name.clone(), password.clone(), props.send.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            send.emit(Command::SignIn { name: name.trim().to_owned(), password: (*password).clone() });
        })
    };
    let set_name = {
        let name = name.setter();
        Callback::from(move |text| name.set(text))
    };
    let set_password = {
        let password = password.setter();
        Callback::from(move |text| password.set(text))
    };
    let incomplete = name.trim().is_empty() || password.is_empty();
    html! {
        <form class="pf-v6-c-form" {onsubmit} novalidate=true>
            if let Some(failure) = &props.failure {
                <Notice tint={Tint::Danger} title={failure.message.clone()} test="sign-in-failed" />
            }
            <TextField id="name" label="E-mail or account name" autofocus={props.primary && props.name.is_empty()} value={(*name).clone()} oninput={set_name} required=true
                autocomplete="username" test="sign-in-name" />
            <TextField id="password" label="Password" kind="password" autofocus={!props.name.is_empty()} value={(*password).clone()} oninput={set_password}
                required=true autocomplete="current-password" test="sign-in-password" />
            <div class="pf-v6-c-form__group pf-m-action">
                <Button look={if props.primary { Look::Primary } else { Look::Secondary }} submit=true text="Sign in"
                    class="pf-m-block" busy={props.busy} disabled={incomplete} test="sign-in" />
            </div>
        </form>
    }
}

/// A command whose answer is the session: how to send it, whether it runs, why it failed.
#[hook]
pub fn use_session_command() -> (Callback<Command>, bool, Option<Failure>) {
    let call = use_call();
    let set = use_session().set;
    let busy = use_state_eq(|| false);
    let failure = use_state(|| None::<Failure>);
    let send = {
        let (busy, failure) = (busy.setter(), failure.setter());
        Callback::from(move |command: Command| {
            busy.set(true);
            failure.set(None);
            let (busy, failure, set) = (busy.clone(), failure.clone(), set.clone());
            let done = Callback::from(move |outcome| {
                busy.set(false);
                match outcome {
                    Ok(Answer::Session(session)) => {
                        if session.user.is_some() {
                            storage::ask_to_persist();
                        }
                        set.emit(session);
                    }
                    Ok(_) => {}
                    Err(why) => failure.set(Some(why)),
                }
            });
            call.emit((command, done));
        })
    };
    (send, *busy, (*failure).clone())
}

/// The engine does not even say who is signed in.
pub fn broken(failure: &Failure, again: &Callback<()>) -> Html {
    let body = html! {
        <div class="mooring-stack">
            <p>{ "What was saved on this device is untouched." }</p>
            { failed(failure, again) }
        </div>
    };
    card("Mooring could not open its storage", body)
}

/// No such screen.
pub fn not_found() -> Html {
    nowhere("There is no such page", "The address may be mistyped, or what it named is gone.")
}

/// An address that leads nowhere, and the way out.
pub fn nowhere(title: &'static str, advice: &str) -> Html {
    html! {
        <div class="mooring-plain">
            <Masthead />
            <main id="main">
                <Empty {title} icon={Icon::Search} page=true>
                    <div class="pf-v6-c-empty-state__body">{ advice }</div>
                    <div class="pf-v6-c-empty-state__footer">
                        <Link to={Route::Home} class="pf-v6-c-button pf-m-primary">{ "To the workspaces" }</Link>
                    </div>
                </Empty>
            </main>
        </div>
    }
}
