//! Workspaces and their members.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use sync_protocol::message::{Member, NewWorkspace, ProblemCode, Role, Workspace};
use sync_protocol::{WorkspaceId, limits as wire};
use uuid::Uuid;

use crate::answer::Failure;
use crate::app::App;
use crate::auth::{Session, login_of};
use crate::events::Event;
use crate::guard::Access;
use crate::store::{Store, StoreError, WorkspaceRow};
use crate::{body, limits};

/// `GET /v1/workspaces`
pub(super) async fn list(State(app): State<App>, session: Session) -> Result<Json<Vec<Workspace>>, Failure> {
    let mut workspaces = Vec::new();
    for (id, role) in app.store.workspaces_of(session.user).await? {
        if let Some(row) = app.store.workspace(id).await? {
            workspaces.push(Workspace { id, name: row.name, partitions: row.partitions, role });
        }
    }
    Ok(Json(workspaces))
}

/// `POST /v1/workspaces`
pub(super) async fn create(
    State(app): State<App>,
    session: Session,
    request: Request,
) -> Result<(StatusCode, Json<Workspace>), Failure> {
    let asked: NewWorkspace = body::read(request, limits::SMALL_BYTES).await?;
    let name = check_label(&asked.name)?;
    let partitions = asked.partitions.unwrap_or(wire::PARTITIONS);
    if !(1..=wire::PARTITIONS_MAX).contains(&partitions) {
        return Err(Failure::bad_request(format!(
            "A workspace has 1 to {} partitions. Leave the number out if in doubt.",
            wire::PARTITIONS_MAX
        )));
    }
    if app.store.workspaces_of(session.user).await?.len() >= limits::WORKSPACES_PER_USER {
        return Err(Failure::not_permitted(format!(
            "You are in {} workspaces, which is the most. Leave one first.",
            limits::WORKSPACES_PER_USER
        )));
    }
    app.making.take(session.user, app.clock.instant()).map_err(|wait| {
        Failure::slow_down("You have made many workspaces just now. Wait a minute before the next one.", wait)
    })?;
    let row = WorkspaceRow { id: WorkspaceId(Uuid::now_v7()), name: name.to_owned(), partitions };
    let role = Role::Owner;
    if !add(&*app.store, &row, session.user).await? {
        return Err(Failure::internal());
    }
    Event::WorkspaceMade { workspace: row.id, by: session.user }.log();
    let made = Workspace { id: row.id, name: row.name, partitions, role };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Stores a workspace and its owner; false if the id is taken.
pub(crate) async fn add(
    store: &dyn Store,
    row: &WorkspaceRow,
    owner: sync_protocol::UserId,
) -> Result<bool, StoreError> {
    // the owner last: a workspace that nobody owns is in nobody's list, a member of nothing would be
    let added = store.add_workspace(row).await?;
    if added {
        store.set_member(row.id, owner, Some(Role::Owner)).await?;
    }
    Ok(added)
}

/// `PUT /v1/workspaces/{workspace}/members/{login}`
///
/// Nobody changes their own role: whoever takes the others' away is still an owner, so one is always left.
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
            "There is no account of that name on this server. Whoever runs the server can add it.",
        ));
    };
    let workspace = access.workspace.id;
    if account.user == access.session.user {
        return if member.role == Some(Role::Owner) {
            Ok(StatusCode::NO_CONTENT)
        } else {
            Err(Failure::not_permitted(
                "You cannot take your own ownership away: a workspace always keeps an owner. Make somebody else an owner and ask them to do it.",
            ))
        };
    }
    let there = app.store.workspaces_of(account.user).await?;
    if member.role.is_some() && !there.contains_key(&workspace) && there.len() >= limits::ADDED_PER_USER {
        return Err(Failure::not_permitted(format!(
            "That person is in {} workspaces, which is the most that others may add somebody to. Ask them to leave one first.",
            there.len()
        )));
    }
    let changing = app.changing_members.lock().await;
    // two owners who remove each other: the second one is none any more
    if app.store.role(workspace, access.session.user).await? != Some(Role::Owner) {
        return Err(Failure::no_workspace());
    }
    app.store.set_member(workspace, account.user, member.role).await?;
    drop(changing);
    let by = Some(access.session.user);
    Event::Member { workspace, by, user: account.user, role: member.role }.log();
    app.members.changed(workspace, account.user);
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/workspaces/{workspace}/leave`: whoever was added, asked or not, can go. An owner asks another one.
pub(super) async fn leave(State(app): State<App>, access: Access) -> Result<StatusCode, Failure> {
    let (workspace, user) = (access.workspace.id, access.session.user);
    let changing = app.changing_members.lock().await;
    match app.store.role(workspace, user).await? {
        None => return Err(Failure::no_workspace()),
        Some(Role::Owner) => {
            return Err(Failure::not_permitted(
                "An owner cannot leave: a workspace always keeps an owner. Make somebody else an owner and ask them to change your role first.",
            ));
        }
        Some(Role::Editor | Role::Reader) => app.store.set_member(workspace, user, None).await?,
    }
    drop(changing);
    Event::Member { workspace, by: Some(user), user, role: None }.log();
    app.members.changed(workspace, user);
    Ok(StatusCode::NO_CONTENT)
}

/// A name that people give, without blanks around it.
pub(crate) fn check_label(name: &str) -> Result<&str, Failure> {
    let name = name.trim();
    let fits = (1..=wire::LABEL_CHARS).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if fits {
        Ok(name)
    } else {
        Err(Failure::bad_request(format!(
            "A name has 1 to {} characters, all of them printable. Choose another one.",
            wire::LABEL_CHARS
        )))
    }
}
