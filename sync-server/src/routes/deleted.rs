//! `POST /v1/workspaces/{workspace}/deleted`: the records of a collection that are deleted.

use axum::Json;
use axum::extract::{Request, State};
use sync_protocol::message::{Deleted, DeletedAnswer};

use crate::answer::Failure;
use crate::app::App;
use crate::guard::Access;
use crate::{body, limits};

pub(super) async fn deleted(
    State(app): State<App>,
    access: Access,
    request: Request,
) -> Result<Json<DeletedAnswer>, Failure> {
    let _slot = app.work.take(access.session.user)?;
    let deleted: Deleted = body::read(request, limits::CURSOR_BYTES).await?;
    let partitions = access.workspace.partitions;
    Ok(Json(app.engine.deleted(access.workspace.id, partitions, &deleted).await?))
}
