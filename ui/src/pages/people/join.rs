//! Where the link of an invitation leads: what it is for, signing in or making an account, and only then joining.

use super::{held, use_asked, use_telling};
use crate::components::button::{Button, Look};
use crate::components::form::TextField;
use crate::components::link::Link;
use crate::components::states::{Notice, Tint};
use crate::components::states::{failed, loading};
use crate::hooks::{use_session, use_title};
use crate::pages::start::{SignInChoices, card, use_session_command};
use crate::platform::{self, clock, storage};
use crate::route::{Route, workspace_name};
use std::collections::BTreeSet;
use sync_client::api::{MembersAsk, MembersTold, Session};
use sync_protocol::WorkspaceId;
use sync_protocol::message::Role;
use sync_protocol::people::Invited;
use yew::prelude::*;

/// What the address carries behind its `#`.
fn token() -> String {
    let hash = platform::window().location().hash().unwrap_or_default();
    hash.trim_start_matches('#').to_owned()
}

/// The screen.
#[component]
pub fn JoinPage() -> Html {
    use_title("Invitation");
    let token = token();
    let ask = use_asked(MembersAsk::Look(token.clone()));
    let body = match (ask.data.as_deref(), &ask.failure) {
        (Some(MembersTold::Invited(invited)), _) => {
            html! { <Joining {token} invited={invited.clone()} /> }
        }
        (_, Some(failure)) => html! {
            <div class="mooring-stack" data-test="join-failed">
                { failed(failure, &ask.reload) }
                <Link to={Route::Home}>{ "To Mooring" }</Link>
            </div>
        },
        _ => loading("Asking what it is for"),
    };
    card("Invitation", body)
}

#[derive(PartialEq, Properties)]
struct JoiningProps {
    token: AttrValue,
    invited: Invited,
}

#[component]
fn Joining(props: &JoiningProps) -> Html {
    let JoiningProps { token, invited } = props;
    let session = use_session().session;
    let navigator = yew_router::hooks::use_navigator();
    let has_account = use_state_eq(|| !invited.accounts);
    let joined = use_state_eq(|| false);
    // the workspaces that there were when the person agreed
    let before = use_mut_ref(BTreeSet::new);
    let (login, name, password) = (use_state(String::new), use_state(String::new), use_state(String::new));
    let (send, signing_in, refused) = use_session_command();
    let done = {
        let joined = joined.setter();
        Callback::from(move |_| joined.set(true))
    };
    let (tell, busy, failure) = use_telling(done);
    {
        let (name, before) = (invited.workspace.clone(), before.clone());
        use_effect_with((*joined, session.clone()), move |(joined, session)| {
            let known = session.workspaces.iter();
            let new = known.clone().find(|workspace| !before.borrow().contains(&workspace.id));
            // whoever was a member before goes there all the same
            let there = new.or_else(|| known.clone().find(|workspace| workspace.name == name));
            if let (true, Some(there), Some(navigator)) = (*joined, there, navigator) {
                storage::ask_to_persist();
                // the link is in no history: it has done what it is for
                navigator.replace(&Route::Workspace { workspace: workspace_name(session, there) });
            }
        });
    }
    let make = {
        let (tell, token, before) = (tell.clone(), token.clone(), before.clone());
        let (login, name, password) = (login.clone(), name.clone(), password.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            before.replace(BTreeSet::new());
            tell.emit(MembersAsk::MakeAccount {
                token: token.to_string(),
                login: login.trim().to_owned(),
                name: name.trim().to_owned(),
                password: (*password).clone(),
            });
        })
    };
    let accept = {
        let (token, before, session) = (token.to_string(), before.clone(), session.clone());
        tell.reform(move |_: MouseEvent| {
            before.replace(ids(&session));
            MembersAsk::Accept(token.clone())
        })
    };
    let switch = {
        let has_account = has_account.clone();
        Callback::from(move |_: MouseEvent| has_account.set(!*has_account))
    };
    let may = match invited.role {
        Role::Reader => "You can read its records.",
        Role::Editor => "You can read and edit its records.",
        Role::Owner => "You become an owner: you can edit its records and manage its members.",
    };
    let by = if invited.by.is_empty() { "An owner" } else { &invited.by };
    let (login_value, set_login) = held(&login);
    let (name_value, set_name) = held(&name);
    let (password_value, set_password) = held(&password);
    let complete = !(login.trim().is_empty() || name.trim().is_empty() || password.is_empty());
    html! {
        <div class="mooring-stack" data-test="join">
            <p dir="auto"><strong>{ by }</strong>{ " invites you to the workspace " }<strong>{ format!("“{}”", invited.workspace) }</strong>{ "." }</p>
            <p>{ format!("{may} They are kept on this device as well, and its members read your name.") }</p>
            <p class="mooring-muted">{ format!("The invitation holds until {}.", clock::moment(invited.expires)) }</p>
            if let Some(failure) = failure {
                <Notice tint={Tint::Danger} title={failure.message} test="join-refused" />
            }
            if let Some(user) = &session.user {
                <p>{ format!("You are signed in as {}.", user.name) }</p>
                <Button look={Look::Primary} class="pf-m-block" text={format!("Join “{}”", invited.workspace)} {busy} onclick={accept} test="join-accept" />
                <Link to={Route::Home}>{ "Not now" }</Link>
            } else if *has_account {
                <SignInChoices {send} busy={signing_in} failure={refused} />
            } else {
                <form class="pf-v6-c-form" onsubmit={make} novalidate=true>
                    <TextField id="login" label="E-mail or account name" value={login_value} oninput={set_login} autofocus=true required=true
                        autocomplete="username" hint="You sign in with it." test="join-login" />
                    <TextField id="join-name" label="Your name" value={name_value} oninput={set_name} required=true autocomplete="name" test="join-name" />
                    <TextField id="password" label="Password" kind="password" value={password_value} oninput={set_password} required=true
                        autocomplete="new-password" hint="At least 8 characters, none of the common ones." test="join-password" />
                    <div class="pf-v6-c-form__group pf-m-action">
                        <Button look={Look::Primary} submit=true class="pf-m-block" text={format!("Make an account and join “{}”", invited.workspace)} {busy}
                            disabled={!complete} test="join-make" />
                    </div>
                </form>
            }
            if session.user.is_none() && invited.accounts {
                <Button look={Look::Link} text={if *has_account { "I have no account yet" } else { "I have an account" }} onclick={switch} test="join-switch" />
            }
        </div>
    }
}

fn ids(session: &Session) -> BTreeSet<WorkspaceId> {
    session.workspaces.iter().map(|workspace| workspace.id).collect()
}
