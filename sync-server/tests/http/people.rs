//! Members, invitations, one's own account: what they are for, and what somebody tries who should not.

use crate::world::{Device, PASSWORD, Person, SOON, World, assert_problem, client, ok, problem};
use reqwest::{Response, StatusCode};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::time::Duration;
use sync_protocol::message::{ProblemCode, Role, SignedIn, User, Workspace};
use sync_protocol::people::{Invitation, Invited, MadeInvitation, SessionInfo, WorkspaceMember};
use sync_protocol::{Cursor, UserId, WorkspaceId};
use sync_server::app::Options;
use sync_server::limits;
use tokio::time::timeout;
use uuid::Uuid;

const NEW: &str = "tide and timetable";

fn at(workspace: WorkspaceId, what: &str) -> String {
    format!("/v1/workspaces/{workspace}/{what}")
}

async fn id(person: &Person<'_>) -> UserId {
    ok::<User>(person.get("/v1/me").await).await.id
}

async fn invite(owner: &Person<'_>, workspace: WorkspaceId, role: &str, uses: u32) -> MadeInvitation {
    let asked = json!({ "role": role, "hours": 24, "uses": uses });
    ok(owner.post(&at(workspace, "invitations"), &asked).await).await
}

async fn accept(person: &Person<'_>, token: &str) -> Response {
    person.post("/v1/invitation/accept", &json!({ "token": token })).await
}

/// Without a session.
async fn open(world: &World, path: &str, body: &Json) -> Response {
    client().post(world.url(path)).json(body).send().await.unwrap()
}

async fn look(world: &World, token: &str) -> Response {
    open(world, "/v1/invitation/look", &json!({ "token": token })).await
}

async fn make_account(world: &World, token: &str, login: &str) -> Response {
    let asked =
        json!({ "token": token, "login": login, "name": "Newcomer", "password": NEW, "device": "Phone" });
    open(world, "/v1/invitation/account", &asked).await
}

async fn roles(person: &Person<'_>, workspace: WorkspaceId) -> BTreeMap<UserId, Role> {
    let members: Vec<WorkspaceMember> = ok(person.get(&at(workspace, "members")).await).await;
    members.into_iter().map(|member| (member.user, member.role)).collect()
}

#[tokio::test]
async fn owners_see_and_change_who_may_do_what_and_others_only_see() {
    let world = World::start().await;
    let (ann, bob, eve) = (world.person("ann").await, world.person("bob").await, world.person("eve").await);
    let workspace = ann.workspace(1).await.id;
    let (anns, bobs, eves) = (id(&ann).await, id(&bob).await, id(&eve).await);
    ann.set_member(workspace, "bob", Some(Role::Editor)).await;
    let members: Vec<WorkspaceMember> = ok(ann.get(&at(workspace, "members")).await).await;
    let shown = |login: &str, user, role| WorkspaceMember {
        user,
        name: "A Person".into(),
        login: Some(login.into()),
        role,
    };
    assert_eq!(members, [shown("ann", anns, Role::Owner), shown("bob", bobs, Role::Editor)]);
    let members: Vec<WorkspaceMember> = ok(bob.get(&at(workspace, "members")).await).await;
    assert!(members.len() == 2 && members.iter().all(|member| member.login.is_none()), "{members:?}");
    assert_problem(eve.get(&at(workspace, "members")).await, ProblemCode::NotFound).await;

    let set = async |who: &Person<'_>, user, role: Option<Role>| {
        who.post(&at(workspace, "members"), &json!({ "user": user, "role": role })).await
    };
    // neither an editor nor a stranger raises anybody, least of all themselves
    for role in [Some(Role::Owner), None] {
        for user in [bobs, anns, eves] {
            assert_problem(set(&bob, user, role).await, ProblemCode::NotPermitted).await;
            assert_problem(set(&eve, user, role).await, ProblemCode::NotFound).await;
        }
    }
    // by id only members are changed: nobody is added without being asked, or by guessing
    assert_problem(set(&ann, eves, Some(Role::Reader)).await, ProblemCode::NotFound).await;
    let left: Vec<WorkspaceMember> = ok(set(&ann, bobs, Some(Role::Reader)).await).await;
    assert_eq!(left[1].role, Role::Reader);

    // the last owner cannot go, in any way
    for role in [None, Some(Role::Editor)] {
        assert_problem(set(&ann, anns, role).await, ProblemCode::NotPermitted).await;
    }
    assert_problem(ann.post(&at(workspace, "leave"), &()).await, ProblemCode::NotPermitted).await;
    ok::<Json>(set(&ann, bobs, Some(Role::Owner)).await).await;
    let left: Vec<WorkspaceMember> = ok(set(&ann, anns, Some(Role::Editor)).await).await;
    assert!(left.iter().all(|member| member.login.is_none()), "an editor is told no logins");
    assert_eq!(roles(&bob, workspace).await, [(anns, Role::Editor), (bobs, Role::Owner)].into());
    let waiting = async {
        let (answer, ()) = tokio::join!(ann.pull(workspace, Cursor::start(1), 25_000), async {
            world.pulls(1).await;
            ok::<Json>(set(&bob, anns, None).await).await;
        });
        answer
    };
    let answer = timeout(SOON, waiting).await.expect("who is removed is told at once");
    assert_problem(answer, ProblemCode::NotFound).await;
}

#[tokio::test]
async fn two_owners_who_go_at_the_same_moment_leave_one() {
    let world = World::start().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let workspace = ann.workspace(1).await.id;
    ann.set_member(workspace, "bob", Some(Role::Owner)).await;
    let path = at(workspace, "leave");
    let (one, other) = tokio::join!(ann.post(&path, &()), bob.post(&path, &()));
    let gone = [&one, &other].iter().filter(|answer| answer.status() == StatusCode::NO_CONTENT).count();
    assert_eq!(gone, 1, "{one:?} {other:?}");
    let stays = if one.status() == StatusCode::NO_CONTENT { &bob } else { &ann };
    assert_eq!(roles(stays, workspace).await, [(id(stays).await, Role::Owner)].into());
}

#[tokio::test]
async fn an_invitation_tells_what_it_is_for_and_lets_in_who_agrees() {
    let world = World::start().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let workspace = ann.workspace(1).await.id;
    let MadeInvitation { token, invitation } = invite(&ann, workspace, "editor", 1).await;
    assert_eq!(
        (invitation.role, invitation.uses, invitation.by_name.as_str()),
        (Role::Editor, 1, "A Person")
    );
    let listed: Vec<Invitation> = ok(ann.get(&at(workspace, "invitations")).await).await;
    assert_eq!(listed, std::slice::from_ref(&invitation));
    let invited: Invited = ok(look(&world, &token).await).await;
    assert_eq!(
        (invited.workspace.as_str(), invited.by.as_str(), invited.role, invited.accounts),
        ("Harbour", "A Person", Role::Editor, true)
    );
    assert_eq!(ok::<Vec<Workspace>>(bob.get("/v1/workspaces").await).await, [], "looking is not joining");
    let joined: Workspace = ok(accept(&bob, &token).await).await;
    assert_eq!((joined.id, joined.role), (workspace, Role::Editor));
    let mut device = Device::new();
    let changes = device.schema();
    assert!(
        !bob.verdicts(workspace, &device.push(changes))
            .await
            .iter()
            .any(|v| format!("{v:?}").contains("Rejected"))
    );
    // it is used up, for everybody
    for answer in [look(&world, &token).await, make_account(&world, &token, "dan").await] {
        assert_problem(answer, ProblemCode::NotFound).await;
    }
    assert_eq!(ok::<Vec<Invitation>>(ann.get(&at(workspace, "invitations")).await).await, []);
}

#[tokio::test]
async fn a_newcomer_makes_an_account_by_a_link_and_is_in() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let workspace = ann.workspace(1).await.id;
    let MadeInvitation { token, .. } = invite(&ann, workspace, "reader", 2).await;
    // by the rules for passwords and names, which cost no place
    for (login, name, password) in [
        ("new@example.org", "Newcomer", "short"),
        ("new@example.org", "Newcomer", "password1"),
        ("new@example.org", "Newcomer", "new@example.org"),
        ("new@example.org", "", NEW),
        ("new@example.org", "New\ncomer", NEW),
        ("new@example.org", &"n".repeat(201), NEW),
        ("", "Newcomer", NEW),
        ("new comer", "Newcomer", NEW),
        ("new/comer", "Newcomer", NEW),
        ("new\u{0}comer", "Newcomer", NEW),
        (&"n".repeat(255), "Newcomer", NEW),
    ] {
        let asked = json!({ "token": token, "login": login, "name": name, "password": password });
        let answer = open(&world, "/v1/invitation/account", &asked).await;
        assert_problem(answer, ProblemCode::BadRequest).await;
    }
    let taken = problem(make_account(&world, &token, " ANN ").await).await;
    assert_eq!(taken.code, ProblemCode::Exists);
    assert_eq!(ok::<Vec<Invitation>>(ann.get(&at(workspace, "invitations")).await).await[0].uses, 2);
    let signed_in: SignedIn = ok(make_account(&world, &token, "New@Example.org").await).await;
    let newcomer = Person { token: signed_in.token, ..ann.clone() };
    let listed: Vec<Workspace> = ok(newcomer.get("/v1/workspaces").await).await;
    assert_eq!(listed.iter().map(|one| (one.id, one.role)).collect::<Vec<_>>(), [(workspace, Role::Reader)]);
    assert_eq!(world.sign_in("new@example.org", NEW).await.status(), StatusCode::OK);
    // whoever is a member already joins nothing twice, and rises by no link
    let MadeInvitation { token: owners, .. } = invite(&ann, workspace, "owner", 1).await;
    assert_eq!(ok::<Workspace>(accept(&newcomer, &owners).await).await.role, Role::Reader);
    assert_eq!(ok::<Vec<Invitation>>(ann.get(&at(workspace, "invitations")).await).await.len(), 2);
}

#[tokio::test]
async fn nobody_joins_with_what_does_not_hold() {
    let world = World::start().await;
    let (ann, bob, eve) = (world.person("ann").await, world.person("bob").await, world.person("eve").await);
    let (here, elsewhere) = (ann.workspace(1).await.id, bob.workspace(1).await.id);
    let refused = async |token: &str| {
        for answer in [
            look(&world, token).await,
            accept(&eve, token).await,
            make_account(&world, token, "mallory").await,
        ] {
            assert_problem(answer, ProblemCode::NotFound).await;
        }
        assert_problem(world.sign_in("mallory", NEW).await, ProblemCode::NeedsSignIn).await;
    };
    // garbage, a guess, and a session's own token
    for token in ["", "x", "../..", "päß", &"A".repeat(43), &"A".repeat(5_000), ann.token.as_str()] {
        refused(token).await;
    }
    // taken back
    let made = invite(&ann, here, "editor", 5).await;
    let revoke = format!("invitations/{}/revoke", made.invitation.id);
    // by nobody else: an owner of another workspace, or through it, a stranger, an editor
    ann.set_member(here, "eve", Some(Role::Editor)).await;
    assert_problem(bob.post(&at(here, &revoke), &()).await, ProblemCode::NotFound).await;
    assert_eq!(ok::<Vec<Invitation>>(bob.post(&at(elsewhere, &revoke), &()).await).await, []);
    assert_problem(eve.post(&at(here, &revoke), &()).await, ProblemCode::NotPermitted).await;
    assert_eq!(look(&world, &made.token).await.status(), StatusCode::OK, "it still holds");
    ann.set_member(here, "eve", None).await;
    assert_eq!(ok::<Vec<Invitation>>(ann.post(&at(here, &revoke), &()).await).await, []);
    refused(&made.token).await;
    // its time is over
    let made = invite(&ann, here, "editor", 5).await;
    world.clock.advance(Duration::from_hours(24));
    refused(&made.token).await;
    // whoever made it is no owner any more
    let made = invite(&ann, here, "owner", 5).await;
    ann.set_member(here, "bob", Some(Role::Owner)).await;
    bob.set_member(here, "ann", Some(Role::Editor)).await;
    refused(&made.token).await;
    bob.set_member(here, "ann", Some(Role::Owner)).await;
    assert_eq!(look(&world, &made.token).await.status(), StatusCode::OK);
    // whoever was removed does not come back by a link that is used up
    let once = invite(&ann, here, "editor", 1).await;
    assert_eq!(accept(&eve, &once.token).await.status(), StatusCode::OK);
    ann.set_member(here, "eve", None).await;
    refused(&once.token).await;
    // the workspace is deleted
    let name = json!({ "name": "Harbour" });
    assert_eq!(ann.post(&at(here, "delete"), &name).await.status(), StatusCode::NO_CONTENT);
    refused(&made.token).await;
}

#[tokio::test]
async fn of_many_who_want_the_last_place_one_gets_it_and_no_account_is_left_over() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let workspace = ann.workspace(1).await.id;
    let MadeInvitation { token, .. } = invite(&ann, workspace, "editor", 1).await;
    let logins: Vec<String> = (0..6).map(|n| format!("guest{n}")).collect();
    let answers =
        futures::future::join_all(logins.iter().map(|login| make_account(&world, &token, login))).await;
    let inside = answers.iter().filter(|answer| answer.status() == StatusCode::OK).count();
    assert_eq!(inside, 1);
    assert_eq!(roles(&ann, workspace).await.len(), 2);
    let mut accounts = 0;
    for login in &logins {
        accounts += usize::from(world.store.account(login).await.unwrap().is_some());
    }
    assert_eq!(accounts, 1, "those who came late have no account");
}

#[tokio::test]
async fn only_owners_invite_and_only_within_bounds() {
    let world = World::start().await;
    let (ann, bob, eve) = (world.person("ann").await, world.person("bob").await, world.person("eve").await);
    let workspace = ann.workspace(1).await.id;
    let path = at(workspace, "invitations");
    for role in [Role::Reader, Role::Editor] {
        ann.set_member(workspace, "bob", Some(role)).await;
        // neither to a role above their own nor to any other
        for asked in ["reader", "editor", "owner"] {
            let asked = json!({ "role": asked, "hours": 1 });
            assert_problem(bob.post(&path, &asked).await, ProblemCode::NotPermitted).await;
        }
        assert_problem(bob.get(&path).await, ProblemCode::NotPermitted).await;
    }
    assert_problem(eve.get(&path).await, ProblemCode::NotFound).await;
    assert_problem(eve.post(&path, &json!({ "role": "reader", "hours": 1 })).await, ProblemCode::NotFound)
        .await;
    for asked in [
        json!({ "role": "reader", "hours": 0 }),
        json!({ "role": "reader", "hours": 721 }),
        json!({ "role": "reader", "hours": -1 }),
        json!({ "role": "reader", "hours": 1, "uses": 0 }),
        json!({ "role": "reader", "hours": 1, "uses": 101 }),
        json!({ "role": "server", "hours": 1 }),
        json!({ "hours": 1 }),
    ] {
        assert_problem(ann.post(&path, &asked).await, ProblemCode::BadRequest).await;
    }
    for _ in 0..limits::INVITATIONS {
        invite(&ann, workspace, "reader", 1).await;
    }
    let asked = json!({ "role": "reader", "hours": 1 });
    assert_problem(ann.post(&path, &asked).await, ProblemCode::NotPermitted).await;
    let listed: Vec<Invitation> = ok(ann.get(&path).await).await;
    assert_eq!(listed.len(), limits::INVITATIONS);
}

#[tokio::test]
async fn trying_links_is_slowed_down_and_keeps_nobody_else_out() {
    let world = World::with(Options { behind_proxy: true, ..Options::default() }).await;
    let (ann, eve) = (world.person("ann").await, world.person("eve").await);
    let workspace = ann.workspace(1).await.id;
    let MadeInvitation { token, .. } = invite(&ann, workspace, "reader", 5).await;
    let from = async |address: &str, token: &str| {
        let request = client().post(world.url("/v1/invitation/look")).header("x-forwarded-for", address);
        request.json(&json!({ "token": token })).send().await.unwrap()
    };
    let guess = "A".repeat(43);
    for _ in 0..limits::JOINS_PER_ADDRESS {
        assert_problem(from("198.51.100.1", &guess).await, ProblemCode::NotFound).await;
    }
    let slowed = from("198.51.100.1", &token).await;
    assert!(slowed.headers().contains_key("retry-after"));
    assert_problem(slowed, ProblemCode::SlowDown).await;
    for _ in 0..2 * limits::JOINS_PER_ADDRESS {
        assert_eq!(from("192.0.2.7", &token).await.status(), StatusCode::OK, "links that hold cost no try");
    }
    // signed in, by account
    for _ in 0..limits::JOINS_PER_ADDRESS {
        assert_problem(accept(&eve, &guess).await, ProblemCode::NotFound).await;
    }
    assert_problem(accept(&eve, &token).await, ProblemCode::SlowDown).await;
    let bob = world.person("bob").await;
    assert_eq!(accept(&bob, &token).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_server_can_keep_accounts_to_whoever_runs_it() {
    let world = World::with(Options { no_new_accounts: true, ..Options::default() }).await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let workspace = ann.workspace(1).await.id;
    let MadeInvitation { token, .. } = invite(&ann, workspace, "reader", 1).await;
    assert!(!ok::<Invited>(look(&world, &token).await).await.accounts);
    assert_problem(make_account(&world, &token, "cyd").await, ProblemCode::NotPermitted).await;
    assert_eq!(accept(&bob, &token).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn owners_rename_and_delete_and_nobody_else_does() {
    let world = World::start().await;
    let (ann, bob, eve) = (world.person("ann").await, world.person("bob").await, world.person("eve").await);
    let workspace = ann.workspace(1).await.id;
    let others = bob.workspace(1).await.id;
    ann.set_member(workspace, "bob", Some(Role::Editor)).await;
    for (what, name) in [("rename", "Bob's"), ("delete", "Harbour")] {
        let name = json!({ "name": name });
        assert_problem(bob.post(&at(workspace, what), &name).await, ProblemCode::NotPermitted).await;
        assert_problem(eve.post(&at(workspace, what), &name).await, ProblemCode::NotFound).await;
    }
    for name in ["", " ", "a\nb", "a\u{7f}b", &"x".repeat(201)] {
        let name = json!({ "name": name });
        assert_problem(ann.post(&at(workspace, "rename"), &name).await, ProblemCode::BadRequest).await;
    }
    let renamed: Workspace = ok(ann.post(&at(workspace, "rename"), &json!({ "name": " Quay " })).await).await;
    assert_eq!((renamed.name.as_str(), renamed.role), ("Quay", Role::Owner));
    let listed: Vec<Workspace> = ok(bob.get("/v1/workspaces").await).await;
    assert!(listed.iter().any(|one| one.id == workspace && one.name == "Quay"), "{listed:?}");
    for name in ["Harbour", "quay", ""] {
        let name = json!({ "name": name });
        assert_problem(ann.post(&at(workspace, "delete"), &name).await, ProblemCode::BadRequest).await;
    }
    let waiting = async {
        let (answer, ()) = tokio::join!(bob.pull(workspace, Cursor::start(1), 25_000), async {
            world.pulls(1).await;
            let answer = ann.post(&at(workspace, "delete"), &json!({ "name": "Quay" })).await;
            assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        });
        answer
    };
    let answer = timeout(SOON, waiting).await.expect("who waits there is told at once");
    assert_problem(answer, ProblemCode::NotFound).await;
    for person in [&ann, &bob] {
        assert_problem(person.get(&at(workspace, "members")).await, ProblemCode::NotFound).await;
        assert_problem(person.push(workspace, &Device::new().push(Vec::new())).await, ProblemCode::NotFound)
            .await;
    }
    assert_eq!(ok::<Vec<Workspace>>(ann.get("/v1/workspaces").await).await, []);
    let left: Vec<Workspace> = ok(bob.get("/v1/workspaces").await).await;
    assert_eq!(left.iter().map(|one| one.id).collect::<Vec<_>>(), [others], "others stay as they are");
}

#[tokio::test]
async fn people_see_their_devices_name_them_and_end_them() {
    let world = World::start().await;
    let (ann, eve) = (world.person("ann").await, world.person("eve").await);
    let asked = json!({ "name": "ann", "password": PASSWORD, "device": "Till\u{7} 2" });
    let second: SignedIn = ok(open(&world, "/v1/sign-in", &asked).await).await;
    let second = Person { token: second.token, ..ann.clone() };
    let sessions =
        async |who: &Person<'_>| -> Vec<SessionInfo> { ok(who.get("/v1/me/sessions").await).await };
    let listed = sessions(&ann).await;
    assert_eq!(
        listed.iter().map(|one| (one.current, one.device.as_str())).collect::<Vec<_>>(),
        [(true, ""), (false, "Till 2")]
    );
    assert_eq!(
        ann.post("/v1/me/device", &json!({ "name": "Front desk" })).await.status(),
        StatusCode::NO_CONTENT
    );
    for name in ["", "a\nb", &"x".repeat(201)] {
        let name = json!({ "name": name });
        assert_problem(ann.post("/v1/me/device", &name).await, ProblemCode::BadRequest).await;
    }
    assert_eq!(sessions(&second).await[1].device, "Front desk");
    // when it was last heard of moves with the hours, not with the requests
    let first = sessions(&second).await[0].seen;
    world.clock.advance(limits::SEEN_EVERY - Duration::from_secs(1));
    assert_eq!(sessions(&second).await[0].seen, first);
    world.clock.advance(Duration::from_secs(2));
    let moved = async { while sessions(&second).await[0].seen == first {} };
    timeout(SOON, moved).await.expect("it is noted");

    let end = format!("/v1/me/sessions/{}/end", listed[1].id);
    // others neither see nor end it
    assert_eq!(sessions(&eve).await.len(), 1);
    assert_problem(eve.post(&end, &()).await, ProblemCode::NotFound).await;
    let nobodys = format!("/v1/me/sessions/{}/end", Uuid::nil());
    assert_problem(ann.post(&nobodys, &()).await, ProblemCode::NotFound).await;
    assert_eq!(second.get("/v1/me").await.status(), StatusCode::OK);
    assert_eq!(ok::<Vec<SessionInfo>>(ann.post(&end, &()).await).await.len(), 1);
    assert_problem(second.get("/v1/me").await, ProblemCode::NeedsSignIn).await;
    // what is told of a session is no way in
    let forged = Person { token: listed[0].id.to_string(), ..ann.clone() };
    assert_problem(forged.get("/v1/me").await, ProblemCode::NeedsSignIn).await;
}

#[tokio::test]
async fn people_change_their_name_and_password_and_choose_what_ends() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let called: User = ok(ann.post("/v1/me/name", &json!({ "name": " Ann Smith " })).await).await;
    assert_eq!(called.name, "Ann Smith");
    assert_eq!(ok::<User>(ann.get("/v1/me").await).await, called);
    for name in ["", "a\u{0}b", &"x".repeat(201)] {
        assert_problem(ann.post("/v1/me/name", &json!({ "name": name })).await, ProblemCode::BadRequest)
            .await;
    }
    let other: SignedIn = ok(world.sign_in("ann", PASSWORD).await).await;
    let other = Person { token: other.token, ..ann.clone() };
    let asked = |current: &str, new: &str, keep_others: bool| json!({ "current": current, "new": new, "keep_others": keep_others });
    let wrong = ann.post("/v1/me/password", &asked("a guess", NEW, true)).await;
    assert_problem(wrong, ProblemCode::NotPermitted).await;
    let signed_in: SignedIn = ok(ann.post("/v1/me/password", &asked(PASSWORD, NEW, true)).await).await;
    let ann = Person { token: signed_in.token, ..ann };
    assert_eq!(other.get("/v1/me").await.status(), StatusCode::OK, "the other device stays signed in");
    let signed_in: SignedIn = ok(ann.post("/v1/me/password", &asked(NEW, PASSWORD, false)).await).await;
    for ended in [&ann, &other] {
        assert_problem(ended.get("/v1/me").await, ProblemCode::NeedsSignIn).await;
    }
    assert_eq!(Person { token: signed_in.token, ..ann }.get("/v1/me").await.status(), StatusCode::OK);
}
