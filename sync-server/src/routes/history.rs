//! `POST /v1/workspaces/{workspace}/history`: the versions of one record.

use axum::Json;
use axum::extract::{Request, State};
use sync_protocol::message::{History, HistoryAnswer};

use crate::answer::Failure;
use crate::app::App;
use crate::guard::Access;
use crate::{body, limits};

pub(super) async fn history(
    State(app): State<App>,
    access: Access,
    request: Request,
) -> Result<Json<HistoryAnswer>, Failure> {
    let _slot = app.work.take(access.session.user)?;
    let history: History = body::read(request, limits::CURSOR_BYTES).await?;
    let partitions = access.workspace.partitions;
    Ok(Json(app.engine.history(access.workspace.id, partitions, &history).await?))
}
