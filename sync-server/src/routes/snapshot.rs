//! `POST /v1/workspaces/{workspace}/snapshot`: the live records, page by page.

use axum::Json;
use axum::extract::{Request, State};
use sync_protocol::message::{Snapshot, SnapshotAnswer};

use crate::answer::Failure;
use crate::app::App;
use crate::guard::{Access, NotFull};
use crate::{body, limits};

pub(super) async fn snapshot(
    State(app): State<App>,
    _room: NotFull,
    access: Access,
    request: Request,
) -> Result<Json<SnapshotAnswer>, Failure> {
    let _slot = app.work.take(access.session.user)?;
    let snapshot: Snapshot = body::read(request, limits::CURSOR_BYTES).await?;
    let partitions = access.workspace.partitions;
    Ok(Json(app.engine.snapshot(access.workspace.id, partitions, &snapshot).await?))
}
