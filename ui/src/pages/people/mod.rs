//! People: who is in a workspace, how others are invited, one's own account.

mod account;
mod join;
mod members;
mod workspace;

pub use account::AccountPage;
pub use join::JoinPage;
pub use workspace::WorkspaceSettings;

use crate::components::form::{Group, control, input_text, select_arrow};
use crate::hooks::{Ask, use_ask, use_call, use_session};
use sync_client::api::{Answer, Command, Event, Failure, MembersAsk, MembersTold};
use sync_protocol::message::Role;
use yew::prelude::*;

/// All roles, the least first.
const ROLES: [Role; 3] = [Role::Reader, Role::Editor, Role::Owner];

/// What somebody may do, as it is chosen.
fn role_label(role: Role) -> &'static str {
    match role {
        Role::Reader => "Can read",
        Role::Editor => "Can edit",
        Role::Owner => "Owner",
    }
}

/// A question to the server, asked again when somebody signs in.
#[hook]
fn use_asked(ask: MembersAsk) -> Ask<MembersTold> {
    use_ask(
        ask,
        |ask| Command::Members(Box::new(ask.clone())),
        |answer| match answer {
            Answer::Members(told) => Some(*told),
            _ => None,
        },
        |_, event| matches!(event, Event::SessionChanged),
    )
}

/// How something is asked of the server that changes something: the asking, whether it is under way, why it was not done.
/// `done` gets what was told, if anything; a new session is everybody's by then.
#[hook]
fn use_telling(done: Callback<Option<MembersTold>>) -> (Callback<MembersAsk>, bool, Option<Failure>) {
    let (call, set) = (use_call(), use_session().set);
    let busy = use_state_eq(|| false);
    let failure = use_state(|| None::<Failure>);
    let tell = {
        let (busy, failure) = (busy.setter(), failure.setter());
        Callback::from(move |ask: MembersAsk| {
            busy.set(true);
            failure.set(None);
            let (busy, failure, set, done) = (busy.clone(), failure.clone(), set.clone(), done.clone());
            let ended = Callback::from(move |outcome| {
                busy.set(false);
                match outcome {
                    Ok(Answer::Session(session)) => {
                        set.emit(session);
                        done.emit(None);
                    }
                    Ok(Answer::Members(told)) => done.emit(Some(*told)),
                    Ok(_) => {}
                    Err(why) => failure.set(Some(why)),
                }
            });
            call.emit((Command::Members(Box::new(ask)), ended));
        })
    };
    (tell, *busy, (*failure).clone())
}

/// A text that a form holds, and what sets it.
fn held(state: &UseStateHandle<String>) -> (AttrValue, Callback<String>) {
    let set = state.setter();
    ((**state).clone().into(), Callback::from(move |text| set.set(text)))
}

/// A list to choose from, without a label of its own beside it.
fn choice(
    id: &str,
    label: Option<String>,
    all: impl Iterator<Item = (String, String, bool)>,
    disabled: bool,
    onchange: Callback<String>,
) -> Html {
    let onchange = onchange.reform(|event: web_sys::Event| input_text(&event));
    control(
        None,
        false,
        html! {
            <>
                <select id={id.to_owned()} aria-label={label} {onchange} {disabled} data-test={id.to_owned()}>
                    { for all.map(|(value, label, selected)| html! { <option {value} {selected}>{ label }</option> }) }
                </select>
                { select_arrow() }
            </>
        },
    )
}

/// The same with a label over it.
fn labelled_choice(
    id: &'static str,
    label: &'static str,
    all: impl Iterator<Item = (String, String, bool)>,
    onchange: Callback<String>,
) -> Html {
    html! { <Group {id} {label}>{ choice(id, None, all, false, onchange) }</Group> }
}

/// The roles to choose from.
fn roles(chosen: Role) -> impl Iterator<Item = (String, String, bool)> {
    ROLES
        .into_iter()
        .enumerate()
        .map(move |(at, role)| (at.to_string(), role_label(role).to_owned(), role == chosen))
}

/// The role that was chosen.
fn role_of(value: &str) -> Option<Role> {
    ROLES.get(value.parse::<usize>().ok()?).copied()
}
