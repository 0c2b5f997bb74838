//! `POST /v1/workspaces/{workspace}/pull`: what happened after a cursor, now or as soon as it does.

use axum::Json;
use axum::extract::{Request, State};
use sync_protocol::limits as wire;
use sync_protocol::message::{Pull, PullAnswer};

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
    let mut member = app.members.wait(access.workspace.id, access.session.user);
    let mut pull: Pull = body::read(request, limits::CURSOR_BYTES).await?;
    pull.wait_ms = pull.wait_ms.min(wire::PULL_WAIT_MS);
    let waits = pull.wait_ms > 0;
    let answer = {
        // one wait from beginning to end: what wakes it for another reason makes it read nothing again
        let mut answer =
            std::pin::pin!(app.engine.pull(access.workspace.id, access.workspace.partitions, &pull));
        loop {
            tokio::select! {
                answer = &mut answer => break Some(answer?),
                () = app.stopping.cancelled(), if waits => break None,
                () = member.changed() => {
                    access.again(&app).await?;
                }
            }
        }
    };
    let answer = match answer {
        Some(answer) => answer,
        // the server stops: what there is
        None => {
            pull.wait_ms = 0;
            app.engine.pull(access.workspace.id, access.workspace.partitions, &pull).await?
        }
    };
    if waits {
        access.again(&app).await?;
    }
    Ok(Json(answer))
}
