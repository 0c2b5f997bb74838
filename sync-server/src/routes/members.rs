//! Who may do what in a workspace.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use sync_protocol::UserId;
use sync_protocol::message::{Member, ProblemCode, Role};
use sync_protocol::people::{SetRole, WorkspaceMember};

use crate::answer::Failure;
use crate::app::App;
use crate::auth::login_of;
use crate::events::Event;
use crate::guard::Access;
use crate::{body, limits};

/// `GET /v1/workspaces/{workspace}/members`: for every member; logins are told to owners.
pub(super) async fn list(
    State(app): State<App>,
    access: Access,
) -> Result<Json<Vec<WorkspaceMember>>, Failure> {
    let _slot = app.work.take(access.session.user)?;
    let roles = app.store.members_of(access.workspace.id, limits::MEMBERS).await?;
    let mut members = Vec::with_capacity(roles.len());
    for (user, role) in roles {
        let account = app.store.account_of(user).await?;
        let (name, login) = account.map(|account| (account.name, account.login)).unzip();
        let login = login.filter(|_| access.role == Role::Owner);
        members.push(WorkspaceMember { user, name: name.unwrap_or_default(), login, role });
    }
    Ok(Json(members))
}

/// `POST /v1/workspaces/{workspace}/members`: sets what a member may do.
pub(super) async fn set_role(
    State(app): State<App>,
    access: Access,
    request: Request,
) -> Result<Json<Vec<WorkspaceMember>>, Failure> {
    access.owner()?;
    let SetRole { user, role } = body::read(request, limits::SMALL_BYTES).await?;
    let own = access.session.user == user;
    change(&app, &access, user, role, false).await?;
    if own && role.is_none() {
        return Ok(Json(Vec::new()));
    }
    let role = access.again(&app).await?;
    list(State(app), Access { role, ..access }).await
}

/// `PUT /v1/workspaces/{workspace}/members/{login}`: the same by login, also for somebody who is no member yet.
pub(super) async fn set_member(
    State(app): State<App>,
    access: Access,
    Path((_, login)): Path<(String, String)>,
    request: Request,
) -> Result<StatusCode, Failure> {
    access.owner()?;
    let member: Member = body::read(request, limits::SMALL_BYTES).await?;
    let Some(account) = app.store.account(&login_of(&login)).await? else {
        app.asking.take(access.session.user, app.clock.instant()).map_err(|wait| {
            Failure::slow_down(
                "You have asked for many accounts that there are none of. Wait a minute, and ask those people how they sign in.",
                wait,
            )
        })?;
        return Err(Failure::new(
            ProblemCode::NotFound,
            "There is no account of that name on this server. Invite that person by a link, or ask whoever runs the server.",
        ));
    };
    let there = app.store.workspaces_of(account.user).await?;
    if member.role.is_some()
        && !there.contains_key(&access.workspace.id)
        && there.len() >= limits::ADDED_PER_USER
    {
        return Err(Failure::not_permitted(format!(
            "That person is in {} workspaces, which is the most that others may add somebody to. Ask them to leave one first.",
            there.len()
        )));
    }
    change(&app, &access, account.user, member.role, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/workspaces/{workspace}/leave`: whoever was added, asked or not, can go.
pub(super) async fn leave(State(app): State<App>, access: Access) -> Result<StatusCode, Failure> {
    let user = access.session.user;
    let changing = app.changing_members.lock().await;
    let role = app.store.role(access.workspace.id, user).await?.ok_or_else(Failure::no_workspace)?;
    write(&app, &access, user, Some(role), None).await?;
    drop(changing);
    Ok(StatusCode::NO_CONTENT)
}

/// Lets an owner set a role. `adds`: also that of somebody who is no member yet.
async fn change(
    app: &App,
    access: &Access,
    user: UserId,
    role: Option<Role>,
    adds: bool,
) -> Result<(), Failure> {
    let workspace = access.workspace.id;
    let changing = app.changing_members.lock().await;
    // two owners who remove each other: the second one is none any more
    if access.again(app).await? != Role::Owner {
        return Err(Failure::no_workspace());
    }
    let before = app.store.role(workspace, user).await?;
    match (before, role) {
        (None, Some(_)) if !adds => {
            return Err(Failure::new(
                ProblemCode::NotFound,
                "That person is no member (any more). Look at the list again.",
            ));
        }
        (None, Some(_)) => has_room(app, access).await?,
        _ => {}
    }
    if before != role {
        write(app, access, user, before, role).await?;
    }
    drop(changing);
    Ok(())
}

/// Writes a role and tells who waits. A workspace always keeps an owner: where nodes took the last ones away at the same
/// moment, each of them gives back what it took.
async fn write(
    app: &App,
    access: &Access,
    user: UserId,
    before: Option<Role>,
    role: Option<Role>,
) -> Result<(), Failure> {
    let workspace = access.workspace.id;
    let lowers = before == Some(Role::Owner) && role != Some(Role::Owner);
    let owners = async || {
        let members = app.store.members_of(workspace, limits::MEMBERS_READ).await?;
        Ok::<_, Failure>(members.values().filter(|role| **role == Role::Owner).count())
    };
    let last = || {
        Failure::not_permitted(
            "A workspace always keeps an owner, and this is the last one. Make somebody else an owner first.",
        )
    };
    if lowers && owners().await? < 2 {
        return Err(last());
    }
    app.store.set_member(workspace, user, role).await?;
    if lowers && owners().await? == 0 {
        app.store.set_member(workspace, user, before).await?;
        return Err(last());
    }
    Event::Member { workspace, by: Some(access.session.user), user, role }.log();
    app.members.changed(workspace, user);
    Ok(())
}

/// Refuses where a workspace has as many members as it can.
async fn has_room(app: &App, access: &Access) -> Result<(), Failure> {
    let there = app.store.members_of(access.workspace.id, limits::MEMBERS).await?;
    if there.len() < limits::MEMBERS {
        return Ok(());
    }
    Err(full())
}

/// That a workspace has as many members as it can.
pub(super) fn full() -> Failure {
    Failure::not_permitted(format!(
        "A workspace has at most {} members, and this one has them. Whoever runs the server can add more.",
        limits::MEMBERS
    ))
}
