//! What owners do with mirrors: `/v1/workspaces/{workspace}/mirrors/...`.
//!
//! The server reads and writes tables with its own account on Cassandra. So owners reach the keyspaces that whoever runs the server
//! named (`--mirror-keyspaces`), and no other ones; what was added on the command line they see.

use axum::Json;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use sync_protocol::message::ProblemCode;
use sync_protocol::mirror::{
    LookedAt, Mirror, MirrorPlan, MirrorTables, NewMirror, ResumeMirror, Touched, Verified,
};
use sync_protocol::{RecordKey, limits as wire};
use uuid::Uuid;

use crate::answer::Failure;
use crate::app::App;
use crate::guard::Access;
use crate::mirror::cql::TableError;
use crate::mirror::definition::Definition;
use crate::mirror::desk::{Desk, DeskError};
use crate::mirror::proposal::Wish;
use crate::{body, limits};

/// Rows that a rehearsal or a comparison reads within one request; the command line has no such limit.
const ROWS: u64 = 20_000;

/// An owner, and what there is to do with mirrors.
pub(super) struct AtDesk {
    access: Access,
    desk: Desk,
    keyspaces: Vec<String>,
}

impl FromRequestParts<App> for AtDesk {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let access = Access::from_request_parts(parts, app).await?;
        access.owner()?;
        let desk = app.desk.clone().ok_or_else(|| {
            Failure::not_permitted(
                "This server keeps its data in a store of its own. MirrorTables can be mirrored where it keeps them in Cassandra.",
            )
        })?;
        Ok(Self { access, desk, keyspaces: app.options.mirror_keyspaces.clone() })
    }
}

impl AtDesk {
    fn allows(&self, keyspace: &str) -> Result<(), Failure> {
        if self.keyspaces.iter().any(|allowed| allowed == keyspace) {
            return Ok(());
        }
        Err(Failure::not_permitted(format!(
            "MirrorTables of the keyspace “{keyspace}” are not mirrored from the app. Whoever runs the server can allow it with --mirror-keyspaces, or do this on the command line."
        )))
    }

    async fn find(&self, id: Uuid) -> Result<Definition, Failure> {
        Ok(self.desk.find(Some(self.access.workspace.id), id).await?)
    }

    /// One that the owner may change.
    async fn take(&self, id: Uuid) -> Result<Definition, Failure> {
        let definition = self.find(id).await?;
        self.allows(&definition.chosen.keyspace)?;
        Ok(definition)
    }

    async fn show(&self, definition: &Definition) -> Result<Json<Mirror>, Failure> {
        Ok(Json(self.desk.show(definition).await?))
    }

    fn wish(&self, new: NewMirror) -> Result<Wish, Failure> {
        self.allows(&new.keyspace)?;
        Ok(Wish {
            workspace: self.access.workspace.id,
            keyspace: new.keyspace,
            table: new.table,
            collection: new.collection,
            direction: new.direction,
            map: new.map,
            key: Vec::new(),
            expiry: new.expiry,
            publish: new.publish,
            by: "An owner, in the app".into(),
        })
    }
}

/// `GET /v1/workspaces/{workspace}/mirrors`
pub(super) async fn list(at: AtDesk) -> Result<Json<Vec<Mirror>>, Failure> {
    Ok(Json(at.desk.show_all(Some(at.access.workspace.id)).await?))
}

/// `GET /v1/workspaces/{workspace}/mirror-tables`
pub(super) async fn tables(at: AtDesk) -> Result<Json<Vec<MirrorTables>>, Failure> {
    let all = at.desk.tables(Some(&at.keyspaces)).await?;
    Ok(Json(all.into_iter().map(|(keyspace, tables)| MirrorTables { keyspace, tables }).collect()))
}

/// `POST /v1/workspaces/{workspace}/mirror-plan`
pub(super) async fn plan(
    State(app): State<App>,
    at: AtDesk,
    request: Request,
) -> Result<Json<MirrorPlan>, Failure> {
    let _slot = app.work.take(at.access.session.user)?;
    let wish = at.wish(body::read(request, limits::CURSOR_BYTES).await?)?;
    let planned = at.desk.plan(&wish).await?;
    Ok(Json(at.desk.rehearse(&planned, ROWS).await?))
}

/// `POST /v1/workspaces/{workspace}/mirrors`
pub(super) async fn add(
    State(app): State<App>,
    at: AtDesk,
    request: Request,
) -> Result<(StatusCode, Json<Mirror>), Failure> {
    let _slot = app.work.take(at.access.session.user)?;
    let wish = at.wish(body::read(request, limits::CURSOR_BYTES).await?)?;
    let definition = at.desk.add(&wish).await?;
    Ok((StatusCode::CREATED, at.show(&definition).await?))
}

/// `GET /v1/workspaces/{workspace}/mirrors/{mirror}`
pub(super) async fn show(
    at: AtDesk,
    Path((_, mirror)): Path<(String, Uuid)>,
) -> Result<Json<Mirror>, Failure> {
    at.show(&at.find(mirror).await?).await
}

/// `POST /v1/workspaces/{workspace}/mirrors/{mirror}/pause`
pub(super) async fn pause(
    at: AtDesk,
    Path((_, mirror)): Path<(String, Uuid)>,
) -> Result<Json<Mirror>, Failure> {
    let definition = at.take(mirror).await?;
    at.show(&at.desk.pause(definition.id, "Paused by an owner.").await?).await
}

/// `POST /v1/workspaces/{workspace}/mirrors/{mirror}/resume`
pub(super) async fn resume(
    at: AtDesk,
    Path((_, mirror)): Path<(String, Uuid)>,
    request: Request,
) -> Result<Json<Mirror>, Failure> {
    let definition = at.take(mirror).await?;
    let how: ResumeMirror = body::read(request, limits::SMALL_BYTES).await?;
    at.show(&at.desk.resume(definition.id, how.accept_loss).await?).await
}

/// `POST /v1/workspaces/{workspace}/mirrors/{mirror}/resync`
pub(super) async fn resync(
    at: AtDesk,
    Path((_, mirror)): Path<(String, Uuid)>,
) -> Result<Json<Mirror>, Failure> {
    let definition = at.take(mirror).await?;
    at.show(&at.desk.resync(definition.id).await?).await
}

/// `POST /v1/workspaces/{workspace}/mirrors/{mirror}/touched`
pub(super) async fn touched(
    State(app): State<App>,
    at: AtDesk,
    Path((_, mirror)): Path<(String, Uuid)>,
    request: Request,
) -> Result<Json<LookedAt>, Failure> {
    let definition = at.take(mirror).await?;
    let _slot = app.work.take(at.access.session.user)?;
    let touched: Touched = body::read(request, limits::TOUCHED_BYTES).await?;
    if touched.keys.len() > limits::TOUCHED_KEYS || touched.keys.iter().any(|key| key.len() > wire::KEY_BYTES)
    {
        return Err(Failure::bad_request(format!(
            "At most {} keys are looked at in one request, each of at most {} bytes. Send them in parts.",
            limits::TOUCHED_KEYS,
            wire::KEY_BYTES
        )));
    }
    let keys: Vec<RecordKey> = touched.keys.iter().map(|key| RecordKey::from_input(key)).collect();
    let looked_at = keys.len();
    Ok(Json(LookedAt { looked_at, left: at.desk.touched(&definition, keys).await? }))
}

/// `POST /v1/workspaces/{workspace}/mirrors/{mirror}/verify`
pub(super) async fn verify(
    State(app): State<App>,
    at: AtDesk,
    Path((_, mirror)): Path<(String, Uuid)>,
) -> Result<Json<Verified>, Failure> {
    let definition = at.find(mirror).await?;
    let _slot = app.work.take(at.access.session.user)?;
    let rows = at.desk.show(&definition).await?.status.map_or(0, |status| status.rows);
    if rows > ROWS {
        return Err(Failure::bad_request(format!(
            "{rows} rows are too many to compare while you wait. Whoever runs the server does it with: mooring-server mirror verify {mirror}"
        )));
    }
    Ok(Json(at.desk.verify(&definition).await?))
}

/// `POST /v1/workspaces/{workspace}/mirrors/{mirror}/remove`
pub(super) async fn remove(
    at: AtDesk,
    Path((_, mirror)): Path<(String, Uuid)>,
) -> Result<Json<Vec<Mirror>>, Failure> {
    let definition = at.take(mirror).await?;
    at.desk.remove(definition.id).await?;
    list(at).await
}

impl From<DeskError> for Failure {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::NoWorkspace(_) => Self::no_workspace(),
            DeskError::NoMirror => Self::new(ProblemCode::NotFound, error.to_string()),
            DeskError::Refused(why) => Self::bad_request(why),
            DeskError::Later(_) | DeskError::Busy => Self::unavailable(error.to_string()),
            DeskError::Table(TableError::Later(cause)) => {
                tracing::warn!(%cause, "a mirrored table cannot be reached");
                Self::unavailable("The database does not answer now. Nothing is lost; try again.")
            }
            DeskError::Table(error) => Self::bad_request(format!("The table: {error}.")),
            DeskError::Engine(error) => error.into(),
            DeskError::Store(error) => error.into(),
        }
    }
}
