//! What people do with their own account.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use sync_protocol::message::{NewPassword, SignedIn};

use crate::answer::Failure;
use crate::app::App;
use crate::auth::Session;
use crate::guard::Address;
use crate::{body, limits};

/// `POST /v1/me/password`: ends every session of the account and starts a new one for who asks.
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
