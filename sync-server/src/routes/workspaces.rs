//! Workspaces: list, make, rename, take away.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use sync_protocol::message::{NewWorkspace, Role, Workspace};
use sync_protocol::people::Named;
use sync_protocol::{WorkspaceId, limits as wire};
use uuid::Uuid;

use crate::answer::Failure;
use crate::app::App;
use crate::auth::Session;
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

/// `POST /v1/workspaces/{workspace}/rename`
pub(super) async fn rename(
    State(app): State<App>,
    access: Access,
    request: Request,
) -> Result<Json<Workspace>, Failure> {
    access.owner()?;
    let asked: Named = body::read(request, limits::SMALL_BYTES).await?;
    let name = check_label(&asked.name)?.to_owned();
    if access.again(&app).await? != Role::Owner {
        return Err(Failure::no_workspace());
    }
    app.store.rename_workspace(access.workspace.id, &name).await?;
    let WorkspaceRow { id, partitions, .. } = access.workspace;
    Ok(Json(Workspace { id, name, partitions, role: Role::Owner }))
}

/// `POST /v1/workspaces/{workspace}/delete`: asks for the name, so that it is the one that is meant.
pub(super) async fn remove(
    State(app): State<App>,
    access: Access,
    request: Request,
) -> Result<StatusCode, Failure> {
    access.owner()?;
    let asked: Named = body::read(request, limits::SMALL_BYTES).await?;
    let workspace = access.workspace.id;
    if asked.name.trim() != access.workspace.name {
        return Err(Failure::bad_request(
            "The name is another one. Nothing was deleted; write the workspace's name as it is shown.",
        ));
    }
    if let Some(desk) = &app.desk
        && !desk.all(Some(workspace)).await?.is_empty()
    {
        return Err(Failure::not_permitted(
            "Tables are mirrored into this workspace. End those mirrors first; the tables stay as they are.",
        ));
    }
    let changing = app.changing_members.lock().await;
    if access.again(&app).await? != Role::Owner {
        return Err(Failure::no_workspace());
    }
    let members = app.store.members_of(workspace, limits::MEMBERS_READ).await?;
    // from here on it is in nobody's reach; what is broken off after this leaves rows that lead nowhere
    app.store.remove_workspace(workspace).await?;
    Event::WorkspaceRemoved { workspace, by: access.session.user }.log();
    for (hash, _) in app.store.invitations_of(workspace).await? {
        app.store.end_invitation(&hash, workspace).await?;
    }
    for user in members.into_keys() {
        app.store.set_member(workspace, user, None).await?;
        app.members.changed(workspace, user);
    }
    drop(changing);
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
