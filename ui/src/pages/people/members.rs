//! The members of the open workspace, and the links by which others join.

use super::{choice, labelled_choice, role_label, role_of, roles, use_asked, use_telling};
use crate::components::button::{Button, Look};
use crate::components::dialog::Confirm;
use crate::components::form::TextField;
use crate::components::states::{Notice, Tint, failed, loading};
use crate::hooks::{use_session, use_toaster};
use crate::pages::frame::use_here;
use crate::platform::{self, clock};
use sync_client::api::{MembersAsk, MembersTold};
use sync_protocol::message::Role;
use sync_protocol::people::{
    INVITATION_PATH, INVITATION_USES_MAX, Invitation, NewInvitation, SetRole, WorkspaceMember,
};
use yew::prelude::*;

/// How long an invitation holds, in hours and in words.
const LIVES: [(u32, &str); 3] = [(24, "1 day"), (7 * 24, "7 days"), (30 * 24, "30 days")];

/// Who is in the workspace.
#[component]
pub fn Members() -> Html {
    let here = use_here();
    let me = use_session().session.user.as_ref().map(|user| user.id);
    let ask = use_asked(MembersAsk::List);
    let removing = use_state(|| None::<WorkspaceMember>);
    let done = {
        let (removing, reload) = (removing.setter(), ask.reload.clone());
        Callback::from(move |_| {
            removing.set(None);
            reload.emit(());
        })
    };
    let (tell, busy, failure) = use_telling(done);
    let may = here.may_manage();
    let row = |member: &WorkspaceMember| {
        let user = member.user;
        let own = Some(user) == me;
        let name = match (member.name.as_str(), own) {
            ("", _) => "An account that is gone".to_owned(),
            (name, true) => format!("{name} (you)"),
            (name, false) => name.to_owned(),
        };
        let set =
            tell.reform(move |value: String| MembersAsk::SetRole(SetRole { user, role: role_of(&value) }));
        let remove = {
            let (removing, member) = (removing.setter(), member.clone());
            Callback::from(move |_: MouseEvent| removing.set(Some(member.clone())))
        };
        html! {
            <li key={user.to_string()} data-test="member" data-name={member.name.clone()}>
                <span class="mooring-person">
                    <span dir="auto">{ &name }</span>
                    if let Some(login) = &member.login {
                        <span class="mooring-muted">{ login }</span>
                    }
                </span>
                if may && !own {
                    { choice(&format!("role-{user}"), Some(format!("What {name} may do")), roles(member.role), busy, set) }
                    <Button look={Look::Link} text="Remove" onclick={remove} test="member-remove" />
                } else {
                    <span class="mooring-muted">{ role_label(member.role) }</span>
                }
            </li>
        }
    };
    let body = match ask.data.as_deref() {
        Some(MembersTold::Members(all)) => html! {
            <ul class="mooring-people" role="list" data-test="members">{ for all.iter().map(row) }</ul>
        },
        _ if ask.failure.is_some() => Html::default(),
        _ => loading("Asking the server"),
    };
    let cancel = {
        let removing = removing.setter();
        Callback::from(move |()| removing.set(None))
    };
    html! {
        <section aria-labelledby="members-title">
            <h2 class="pf-v6-c-title pf-m-lg" id="members-title">{ "Members" }</h2>
            if let Some(failure) = failure.filter(|_| removing.is_none()) {
                <Notice tint={Tint::Danger} title={failure.message} test="people-failed" />
            }
            if let Some(failure) = &ask.failure {
                { failed(failure, &ask.reload) }
            }
            { body }
            if let Some(member) = &*removing {
                <Confirm title={format!("Remove {} from this workspace?", member.name)} action="Remove" {busy}
                    onconfirm={tell.reform({ let user = member.user; move |()| MembersAsk::SetRole(SetRole { user, role: None }) })}
                    oncancel={cancel}>
                    { "Their devices are told, and take nothing more from here. What they have not sent yet stays with them; they can save it as a file." }
                </Confirm>
            }
        </section>
    }
}

/// The links that still let somebody in, and how to make one. For owners.
#[component]
pub fn Invitations() -> Html {
    let (session, toaster) = (use_session().session, use_toaster());
    let ask = use_asked(MembersAsk::Invitations);
    let (role, hours, uses) =
        (use_state_eq(|| Role::Editor), use_state_eq(|| LIVES[1].0), use_state_eq(|| "1".to_owned()));
    let link = use_state_eq(String::new);
    let done = {
        let (link, reload) = (link.setter(), ask.reload.clone());
        let server = session.server.clone().unwrap_or_default();
        Callback::from(move |told| {
            if let Some(MembersTold::Made(made)) = told {
                link.set(format!("{server}{INVITATION_PATH}#{}", made.token));
            }
            reload.emit(());
        })
    };
    let (tell, busy, failure) = use_telling(done);
    let count = uses.trim().parse::<u32>().ok().filter(|count| (1..=INVITATION_USES_MAX).contains(count));
    let onsubmit = {
        let (tell, role, hours) = (tell.clone(), *role, *hours);
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if let Some(uses) = count {
                tell.emit(MembersAsk::Invite(NewInvitation { role, hours, uses }));
            }
        })
    };
    let set_role = {
        let role = role.setter();
        Callback::from(move |value: String| role_of(&value).into_iter().for_each(|chosen| role.set(chosen)))
    };
    let set_hours = {
        let hours = hours.setter();
        Callback::from(move |value: String| value.parse().into_iter().for_each(|chosen| hours.set(chosen)))
    };
    let set_uses = {
        let uses = uses.setter();
        Callback::from(move |text| uses.set(text))
    };
    let copy = {
        let link = link.clone();
        Callback::from(move |_: MouseEvent| {
            // where the browser does not let it, the link stands there to be selected
            let _ = platform::window().navigator().clipboard().write_text(&link);
            toaster.done("The link is in your clipboard.");
        })
    };
    let revoke = |invitation: &Invitation| {
        let id = invitation.id;
        tell.reform(move |_: MouseEvent| MembersAsk::Revoke(id))
    };
    let row = |invitation: &Invitation| {
        let people = match invitation.uses {
            1 => "1 person".to_owned(),
            n => format!("{n} people"),
        };
        html! {
            <li key={invitation.id.to_string()} data-test="invitation">
                <span class="mooring-person">
                    <span>{ format!("{}, lets in {people}", role_label(invitation.role)) }</span>
                    <span class="mooring-muted">{ format!("By {}, until {}", invitation.by_name, clock::moment(invitation.expires)) }</span>
                </span>
                <Button look={Look::Link} text="Take back" {busy} onclick={revoke(invitation)} test="invitation-revoke" />
            </li>
        }
    };
    let lives = LIVES.into_iter().map(|(life, words)| (life.to_string(), words.to_owned(), life == *hours));
    html! {
        <section aria-labelledby="invitations-title">
            <h2 class="pf-v6-c-title pf-m-lg" id="invitations-title">{ "Invitations" }</h2>
            <p class="mooring-muted">{ "Whoever opens the link reads where it leads and as what, signs in or makes an account, and joins only then. Give it only to those you mean." }</p>
            <form class="pf-v6-c-form mooring-inline" {onsubmit} novalidate=true>
                { labelled_choice("invite-role", "Role", roles(*role), set_role) }
                { labelled_choice("invite-life", "It holds for", lives, set_hours) }
                <TextField id="invite-uses" label="People" kind="number" value={(*uses).clone()} oninput={set_uses} test="invite-uses"
                    error={count.is_none().then_some(AttrValue::Static("1 to 100"))} />
                <Button look={Look::Primary} submit=true text="Make a link" {busy} disabled={count.is_none()} test="invite" />
            </form>
            if let Some(failure) = failure {
                <Notice tint={Tint::Danger} title={failure.message} test="invite-failed" />
            }
            if !link.is_empty() {
                <Notice tint={Tint::Success} title="The link is told this once. Send it to them." test="invite-made"
                    actions={html! { <Button look={Look::Link} text="Copy the link" onclick={copy} test="invite-copy" /> }}>
                    <code class="mooring-link" data-test="invite-link">{ &*link }</code>
                </Notice>
            }
            if let Some(failure) = &ask.failure {
                { failed(failure, &ask.reload) }
            }
            if let Some(MembersTold::Invitations(all)) = ask.data.as_deref() {
                <ul class="mooring-people" role="list" data-test="invitations">{ for all.iter().map(row) }</ul>
            }
        </section>
    }
}
