//! `POST /v1/workspaces/{workspace}/audit`: what policies and people decided where edits met.

use axum::Json;
use axum::extract::{Request, State};
use sync_protocol::message::{Audit, AuditAnswer};

use crate::answer::Failure;
use crate::app::App;
use crate::guard::Access;
use crate::{body, limits};

pub(super) async fn audit(
    State(app): State<App>,
    access: Access,
    request: Request,
) -> Result<Json<AuditAnswer>, Failure> {
    let _slot = app.work.take(access.session.user)?;
    let audit: Audit = body::read(request, limits::CURSOR_BYTES).await?;
    let partitions = access.workspace.partitions;
    Ok(Json(app.engine.audit(access.workspace.id, partitions, &audit).await?))
}
