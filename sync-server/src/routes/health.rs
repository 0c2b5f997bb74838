//! `GET /healthz`: whether this node can reach its store.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sync_protocol::WorkspaceId;
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::answer::Failure;
use crate::app::App;
use crate::limits;

/// That the store answers.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    #[schema(value_type = String)]
    status: &'static str,
}

/// 200 where a read of the store comes back in time, else 503.
pub(super) async fn health(State(app): State<App>) -> Response {
    if app.stopping.is_cancelled() {
        return Failure::unavailable("The server is stopping.").into_response();
    }
    match found(&app).await {
        Ok(()) => axum::Json(Health { status: "ok" }).into_response(),
        Err(failure) => failure.into_response(),
    }
}

/// One read for all who ask at the same time and shortly after: asking needs no session and shall cost nothing.
async fn found(app: &App) -> Result<(), Failure> {
    let mut last = app.health.lock().await;
    if let Some((at, found)) = &*last
        && at.elapsed() < limits::HEALTH_PAUSE
    {
        return found.clone();
    }
    let read = app.store.workspace(WorkspaceId(uuid::Uuid::nil()));
    let found = match tokio::time::timeout(limits::HEALTH_TIME, read).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(Failure::from(error)),
        Err(_) => Err(Failure::unavailable("The server's database answers too slowly.")),
    };
    *last = Some((Instant::now(), found.clone()));
    found
}
