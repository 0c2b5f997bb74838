//! `GET /healthz`: whether this node can reach its store.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use sync_protocol::WorkspaceId;

use crate::answer::Failure;
use crate::app::App;
use crate::limits;

/// 200 where a read of the store comes back in time, else 503.
pub(super) async fn health(State(app): State<App>) -> Response {
    let read = app.store.workspace(WorkspaceId(uuid::Uuid::nil()));
    match tokio::time::timeout(limits::HEALTH_TIME, read).await {
        Ok(Ok(_)) if app.stopping.is_cancelled() => {
            Failure::unavailable("The server is stopping.").into_response()
        }
        Ok(Ok(_)) => (StatusCode::OK, axum::Json(serde_json::json!({ "status": "ok" }))).into_response(),
        Ok(Err(error)) => Failure::from(error).into_response(),
        Err(_) => Failure::unavailable("The server's database answers too slowly.").into_response(),
    }
}
