//! Signing in and out, and who is signed in.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde::Deserialize;
use sync_protocol::message::{SignedIn, User};

use utoipa::ToSchema;

use crate::answer::Failure;
use crate::app::App;
use crate::auth::Session;
use crate::guard::Address;
use crate::{body, demo, limits};

/// `POST /v1/sign-in`
pub(super) async fn sign_in(
    State(app): State<App>,
    address: Address,
    request: Request,
) -> Result<Json<SignedIn>, Failure> {
    let request = body::read(request, limits::SMALL_BYTES).await?;
    Ok(Json(app.auth.sign_in(request, address.ip).await?))
}

/// An object that may say which device asks, and nothing else.
#[derive(Deserialize, ToSchema)]
pub(super) struct Nothing {
    /// What people call the device that asks.
    #[serde(default)]
    device: String,
}

/// `POST /v1/sign-in/demo`: without a password, where the server was started for a first look on this machine. The body
/// is an object without members: a page of another site may not send one without asking first.
pub(super) async fn sign_in_demo(
    State(app): State<App>,
    address: Address,
    request: Request,
) -> Result<Json<SignedIn>, Failure> {
    if !app.options.demo || !address.local {
        return Err(Failure::not_permitted(
            "The sample account works only where the server was started with --demo, and only from the same machine. Sign in with your own account.",
        ));
    }
    let Nothing { device } = body::read(request, limits::SMALL_BYTES).await?;
    let account = app.store.account(demo::LOGIN).await?.ok_or_else(Failure::internal)?;
    Ok(Json(app.auth.start(&account, &device).await?))
}

/// `POST /v1/sign-out`
pub(super) async fn sign_out(State(app): State<App>, session: Session) -> Result<StatusCode, Failure> {
    app.auth.sign_out(session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/me`
pub(super) async fn me(State(app): State<App>, session: Session) -> Result<Json<User>, Failure> {
    let account = app.store.account_of(session.user).await?.ok_or_else(Failure::needs_sign_in)?;
    Ok(Json(User { id: account.user, name: account.name }))
}
