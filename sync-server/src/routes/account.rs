//! What people do with their own account.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use sync_protocol::message::{NewPassword, SignedIn, User};
use sync_protocol::people::{Named, SessionInfo};
use uuid::Uuid;

use super::workspaces::check_label;
use crate::answer::Failure;
use crate::app::App;
use crate::auth::Session;
use crate::guard::Address;
use crate::{body, limits};

/// `POST /v1/me/name`: what people call whoever asks.
pub(super) async fn rename(
    State(app): State<App>,
    session: Session,
    request: Request,
) -> Result<Json<User>, Failure> {
    let asked: Named = body::read(request, limits::SMALL_BYTES).await?;
    let name = check_label(&asked.name)?.to_owned();
    let session = app.auth.session_of(session.token).await?;
    app.store.set_name(session.user, &name).await?;
    Ok(Json(User { id: session.user, name }))
}

/// `POST /v1/me/device`: what people call the device that asks.
pub(super) async fn name_device(
    State(app): State<App>,
    session: Session,
    request: Request,
) -> Result<StatusCode, Failure> {
    let asked: Named = body::read(request, limits::SMALL_BYTES).await?;
    let name = check_label(&asked.name)?;
    app.auth.name_device(session, name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/me/sessions`
pub(super) async fn sessions(
    State(app): State<App>,
    session: Session,
) -> Result<Json<Vec<SessionInfo>>, Failure> {
    let _slot = app.work.take(session.user)?;
    Ok(Json(app.auth.sessions(session).await?))
}

/// `POST /v1/me/sessions/{session}/end`
pub(super) async fn end_session(
    State(app): State<App>,
    session: Session,
    Path(id): Path<Uuid>,
) -> Result<Json<Vec<SessionInfo>>, Failure> {
    app.auth.end(session, id).await?;
    sessions(State(app), session).await
}

/// `POST /v1/me/password`: ends every session of the account (or this one only) and starts a new one for who asks.
pub(super) async fn change_password(
    State(app): State<App>,
    session: Session,
    address: Address,
    request: Request,
) -> Result<Json<SignedIn>, Failure> {
    let asked: NewPassword = body::read(request, limits::SMALL_BYTES).await?;
    // the body may have come slowly
    let session = app.auth.session_of(session.token).await?;
    Ok(Json(app.auth.change_password(session, asked, address.ip).await?))
}

/// `POST /v1/me/sign-out-everywhere`: this session, too.
pub(super) async fn sign_out_everywhere(
    State(app): State<App>,
    session: Session,
) -> Result<StatusCode, Failure> {
    app.auth.sign_out_everywhere(session).await?;
    Ok(StatusCode::NO_CONTENT)
}
