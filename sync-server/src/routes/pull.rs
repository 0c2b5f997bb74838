//! `POST /v1/workspaces/{workspace}/pull`: what happened after a cursor, now or as soon as it does.

use axum::Json;
use axum::extract::{Request, State};
use std::time::Duration;
use sync_protocol::limits as wire;
use sync_protocol::message::{Pull, PullAnswer};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use crate::answer::Failure;
use crate::app::App;
use crate::guard::Access;
use crate::{body, limits};

pub(super) async fn pull(
    State(app): State<App>,
    access: Access,
    request: Request,
) -> Result<Json<PullAnswer>, Failure> {
    let _slot = app.pulls.take(access.session.user)?;
    // from here on no change of the membership is missed
    let mut members = app.members.subscribe();
    let mut pull: Pull = body::read(request, limits::CURSOR_BYTES).await?;
    let deadline = Instant::now() + Duration::from_millis(pull.wait_ms.min(wire::PULL_WAIT_MS));
    let mut waited = false;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = if app.stopping.is_cancelled() { Duration::ZERO } else { left };
        pull.wait_ms = u64::try_from(left.as_millis()).unwrap_or(wire::PULL_WAIT_MS);
        let waiting = pull.wait_ms > 0;
        waited |= waiting;
        tokio::select! {
            answer = app.engine.pull(access.workspace.id, access.workspace.partitions, &pull) => {
                let answer = answer?;
                if waited {
                    access.again(&app).await?;
                }
                return Ok(Json(answer));
            }
            () = app.stopping.cancelled(), if waiting => {}
            changed = members.recv() => match changed {
                Ok((workspace, user)) if workspace != access.workspace.id || user != access.session.user => {}
                Ok(_) | Err(RecvError::Lagged(_) | RecvError::Closed) => {
                    access.again(&app).await?;
                }
            },
        }
    }
}
