//! `POST /v1/workspaces/{workspace}/push`: changes in, one verdict each out.

use axum::Json;
use axum::extract::{Request, State};
use sync_protocol::UserId;
use sync_protocol::gate::text::{PushText, Reading};
use sync_protocol::limits as wire;
use sync_protocol::message::PushAnswer;
use tokio::task::spawn_blocking;
use tracing::info;

use crate::answer::Failure;
use crate::app::App;
use crate::body;
use crate::guard::{Access, NotFull};
use crate::limits;
use crate::partition::Author;
use crate::slots::Slot;

/// What the role permits is judged change by change: a member whose role was lowered keeps every change, refused and
/// visible, on the device.
pub(super) async fn push(
    State(app): State<App>,
    _room: NotFull,
    access: Access,
    request: Request,
) -> Result<Json<PushAnswer>, Failure> {
    let user = access.session.user;
    // who cannot be served now is told before the body comes; a body that comes slowly takes nobody's place
    drop(app.work.take(user)?);
    let (text, memory) =
        body::read_counted::<PushText>(request, wire::REQUEST_BYTES, app.bodies.take(user)?).await?;
    let slot = app.work.take(user)?;
    if text.is_too_long() {
        return Err(Failure::too_large(format!(
            "A push holds at most {} changes. Send them in several pushes.",
            wire::PUSH_CHANGES
        )));
    }
    let role = access.still(&app).await?;
    let (Reading { push, unread }, cells) = read(&app, user, text).await?;
    let owner = app.store.claim_replica(push.replica, user).await?;
    if owner != user {
        return Err(Failure::not_permitted(
            "The changes on this device belong to another account. Sign in with that account to send them, or set up this device anew; nothing was sent.",
        ));
    }
    let author = Author { replica: push.replica, user: owner, standing: role.into() };
    let (workspace, partitions) = (access.workspace.id, access.workspace.partitions);
    // on a task of its own: when the connection is cut, what was begun is finished, and a stopping server waits for it;
    // until then the place and the memory are taken
    let engine = app.clone();
    let commit = app.commits.spawn(async move {
        let _taken = (slot, memory, cells);
        engine.engine.push_read(workspace, partitions, author, push, unread).await
    });
    let verdicts = commit.await.map_err(|_| Failure::internal())??;
    info!(replica = %author.replica, changes = verdicts.len(), "judged");
    Ok(Json(PushAnswer { verdicts }))
}

/// Reads the changes once there is room for what they take in memory.
async fn read(app: &App, user: UserId, text: PushText) -> Result<(Reading, Slot), Failure> {
    // looking and reading take a moment each where there is much; where there is little, the hand-over does
    let is_small = text.bytes() <= limits::INLINE_BYTES;
    let (cells, text) = if is_small {
        (text.cells(), text)
    } else {
        spawn_blocking(move || (text.cells(), text)).await.map_err(|_| Failure::internal())?
    };
    if cells > wire::PUSH_CELLS {
        return Err(Failure::too_large(
            "The values in this push take too much memory together. Send them in several pushes.",
        ));
    }
    let mut room = app.cells.take(user)?;
    room.more(cells)?;
    let reading = if is_small {
        text.read()
    } else {
        spawn_blocking(move || text.read()).await.map_err(|_| Failure::internal())?
    };
    Ok((reading, room))
}
