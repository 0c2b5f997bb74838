//! Invitations: a link lets people join a workspace, once they have agreed. The link carries 256 random bits behind its `#`, so
//! that they are in no log of any server; what is stored is their SHA-256, by which an invitation is looked up.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use std::hash::Hash;
use std::time::Duration;
use sync_protocol::message::{ProblemCode, Role, SignedIn, Workspace};
use sync_protocol::people::{
    INVITATION_HOURS_MAX, INVITATION_USES_MAX, Invitation, InvitationToken, Invited, MadeInvitation,
    NewAccount, NewInvitation,
};
use sync_protocol::{Timestamp, UserId};
use tracing::error;
use uuid::Uuid;

use super::members::full;
use super::workspaces::check_label;
use crate::admin::check_login;
use crate::answer::Failure;
use crate::app::App;
use crate::auth::{Session, Token, TokenHash, network_of};
use crate::events::Event;
use crate::guard::{Access, Address};
use crate::store::{Account, InvitationRow, Joined, WorkspaceRow};
use crate::{body, limits};

/// `GET /v1/workspaces/{workspace}/invitations`
pub(super) async fn list(State(app): State<App>, access: Access) -> Result<Json<Vec<Invitation>>, Failure> {
    access.owner()?;
    let mut all = Vec::new();
    for (_, row) in app.store.invitations_of(access.workspace.id).await? {
        all.push(shown(&app, row).await?);
    }
    all.sort_by_key(|invitation| (invitation.expires, invitation.id));
    Ok(Json(all))
}

/// `POST /v1/workspaces/{workspace}/invitations`
pub(super) async fn make(
    State(app): State<App>,
    access: Access,
    request: Request,
) -> Result<(StatusCode, Json<MadeInvitation>), Failure> {
    access.owner()?;
    let NewInvitation { role, hours, uses } = body::read(request, limits::SMALL_BYTES).await?;
    if !(1..=INVITATION_HOURS_MAX).contains(&hours) || !(1..=INVITATION_USES_MAX).contains(&uses) {
        return Err(Failure::bad_request(format!(
            "An invitation holds for 1 to {INVITATION_HOURS_MAX} hours and lets in 1 to {INVITATION_USES_MAX} people."
        )));
    }
    let standing = access.again(&app).await?;
    // nobody gives more than they have
    if standing != Role::Owner || role > standing {
        return Err(Failure::no_workspace());
    }
    let workspace = access.workspace.id;
    if app.store.invitations_of(workspace).await?.len() >= limits::INVITATIONS {
        return Err(Failure::not_permitted(format!(
            "A workspace has at most {} invitations that still hold. Take one back, or make one that lets in several people.",
            limits::INVITATIONS
        )));
    }
    let token = Token::mint().map_err(|error| {
        error!(%error, "the system gives no random numbers");
        Failure::internal()
    })?;
    let expires = Timestamp(app.clock.now().0.saturating_add(i64::from(hours) * 3_600_000));
    let (id, by) = (Uuid::now_v7(), access.session.user);
    let row = InvitationRow { id, workspace, role, by, expires, uses };
    app.store.add_invitation(&token.hash().0, &row).await?;
    Event::InvitationMade { invitation: id, workspace, by, role }.log();
    let invitation = shown(&app, row).await?;
    Ok((StatusCode::CREATED, Json(MadeInvitation { token: token.into_text(), invitation })))
}

/// `POST /v1/workspaces/{workspace}/invitations/{invitation}/revoke`
pub(super) async fn revoke(
    State(app): State<App>,
    access: Access,
    Path((_, invitation)): Path<(String, Uuid)>,
) -> Result<Json<Vec<Invitation>>, Failure> {
    access.owner()?;
    let workspace = access.workspace.id;
    let all = app.store.invitations_of(workspace).await?;
    // one that is used up meanwhile is no fault
    if let Some((hash, row)) = all.into_iter().find(|(_, row)| row.id == invitation) {
        app.store.end_invitation(&hash, workspace).await?;
        Event::InvitationEnded { invitation: row.id, by: access.session.user }.log();
    }
    list(State(app), access).await
}

/// `POST /v1/invitation/look`
pub(super) async fn look(
    State(app): State<App>,
    address: Address,
    request: Request,
) -> Result<Json<Invited>, Failure> {
    let InvitationToken { token } = body::read(request, limits::SMALL_BYTES).await?;
    let Held { row, workspace, by, .. } = held(&app, &token, network_of(address.ip)).await?;
    let accounts = !app.options.no_new_accounts;
    let InvitationRow { role, expires, .. } = row;
    Ok(Json(Invited { workspace: workspace.name, by, role, expires, accounts }))
}

/// `POST /v1/invitation/accept`
pub(super) async fn accept(
    State(app): State<App>,
    session: Session,
    request: Request,
) -> Result<Json<Workspace>, Failure> {
    let InvitationToken { token } = body::read(request, limits::SMALL_BYTES).await?;
    let held = held(&app, &token, session.user).await?;
    // the body may have come slowly
    let session = app.auth.session_of(session.token).await?;
    if app.store.workspaces_of(session.user).await?.len() >= limits::WORKSPACES_PER_USER {
        return Err(Failure::not_permitted(format!(
            "You are in {} workspaces, which is the most. Leave one first.",
            limits::WORKSPACES_PER_USER
        )));
    }
    let role = join(&app, &held, session.user).await?.ok_or_else(holds_no_more)?;
    let WorkspaceRow { id, name, partitions } = held.workspace;
    Ok(Json(Workspace { id, name, partitions, role }))
}

/// `POST /v1/invitation/account`: an account is made for somebody who joins with it, and for nobody else.
pub(super) async fn make_account(
    State(app): State<App>,
    address: Address,
    request: Request,
) -> Result<Json<SignedIn>, Failure> {
    let asked: NewAccount = body::read(request, limits::SMALL_BYTES).await?;
    let network = network_of(address.ip);
    let held = held(&app, &asked.token, network).await?;
    if app.options.no_new_accounts {
        return Err(Failure::not_permitted(
            "On this server only whoever runs it makes accounts. Ask them for one, then open the link again.",
        ));
    }
    app.joining.take(network, app.clock.instant()).map_err(too_often)?;
    let login = check_login(&asked.login).map_err(|why| Failure::bad_request(why.to_string()))?;
    let name = check_label(&asked.name)?.to_owned();
    if app.store.account(&login).await?.is_some() {
        return Err(taken());
    }
    let password_hash = app.auth.new_hash(asked.password, &[&login, &name]).await?;
    let account = Account { user: UserId(Uuid::now_v7()), login, name, password_hash };
    if !app.store.add_account(&account).await? {
        return Err(taken());
    }
    // where it is not known whether the place is taken, the account stays: whoever made it can sign in and join
    if join(&app, &held, account.user).await?.is_none() {
        app.store.remove_account(&account).await?;
        return Err(holds_no_more());
    }
    Event::AccountMade { user: account.user, invitation: held.row.id, from: address.ip }.log();
    app.joining.give_back(network);
    Ok(Json(app.auth.start(&account, &asked.device).await?))
}

/// An invitation that holds.
struct Held {
    hash: [u8; 32],
    row: InvitationRow,
    workspace: WorkspaceRow,
    /// What people call who made it.
    by: String,
}

/// The invitation of a link, where it holds: whoever made it must still be an owner. Tries that fail are counted by `who`.
async fn held(app: &App, token: &str, who: impl Hash + Copy) -> Result<Held, Failure> {
    app.joining.take(who, app.clock.instant()).map_err(too_often)?;
    let found = async {
        let Some(hash) = TokenHash::of_text(token) else { return Ok(None) };
        let Some(row) = app.store.invitation(&hash.0).await? else { return Ok(None) };
        if row.expires <= app.clock.now() || !still_an_owner(app, &row).await? {
            return Ok(None);
        }
        let Some(workspace) = app.store.workspace(row.workspace).await? else { return Ok(None) };
        let by = app.store.account_of(row.by).await?.map(|account| account.name).unwrap_or_default();
        Ok::<_, Failure>(Some(Held { hash: hash.0, row, workspace, by }))
    };
    let held = found.await?.ok_or_else(holds_no_more)?;
    app.joining.give_back(who);
    Ok(held)
}

async fn still_an_owner(app: &App, row: &InvitationRow) -> Result<bool, Failure> {
    Ok(app.store.role(row.workspace, row.by).await? == Some(Role::Owner))
}

/// Makes somebody a member; what they may do then, `None` where the invitation holds no more.
async fn join(app: &App, held: &Held, user: UserId) -> Result<Option<Role>, Failure> {
    let workspace = held.workspace.id;
    // with the lock that deleting a workspace and taking an owner's role hold
    let changing = app.changing_members.lock().await;
    let members = app.store.members_of(workspace, limits::MEMBERS).await?;
    if members.len() >= limits::MEMBERS && !members.contains_key(&user) {
        return Err(full());
    }
    if !still_an_owner(app, &held.row).await? || app.store.workspace(workspace).await?.is_none() {
        return Ok(None);
    }
    let joined = app.store.join(&held.hash, user, app.clock.now()).await?;
    drop(changing);
    Ok(match joined {
        Joined::No => None,
        Joined::Before(role) => Some(role),
        Joined::Yes(row) => {
            Event::Joined { workspace, user, invitation: row.id, role: row.role }.log();
            app.members.changed(workspace, user);
            Some(row.role)
        }
    })
}

async fn shown(app: &App, row: InvitationRow) -> Result<Invitation, Failure> {
    let by_name = app.store.account_of(row.by).await?.map(|account| account.name).unwrap_or_default();
    let InvitationRow { id, role, by, expires, uses, .. } = row;
    Ok(Invitation { id, role, by, by_name, expires, uses })
}

/// One answer for a link that never was one and for all that is over.
fn holds_no_more() -> Failure {
    Failure::new(
        ProblemCode::NotFound,
        "This invitation does not hold (any more): it was used, taken back, or its time is over. Ask for a new one.",
    )
}

fn taken() -> Failure {
    Failure::new(
        ProblemCode::Exists,
        "There is an account with this name already. If it is yours, sign in with it; else choose another name.",
    )
}

fn too_often(wait: Duration) -> Failure {
    let seconds = wait.as_millis().div_ceil(1_000);
    Failure::slow_down(format!("Too many tries with invitations. Wait {seconds} s, then try again."), wait)
}
