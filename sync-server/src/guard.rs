//! Who asks, and what they may: extractors that every handler starts with.

use axum::extract::{FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};
use sync_protocol::WorkspaceId;
use sync_protocol::message::{ProblemCode, Role, VERSION, VERSION_HEADER, VERSION_MIN};
use tracing::Span;

use crate::answer::Failure;
use crate::app::{App, Peer};
use crate::auth::Session;
use crate::store::WorkspaceRow;

/// Refuses clients that speak another version. A client that names none speaks version 1, the first.
pub async fn version(request: Request, next: Next) -> Result<Response, Failure> {
    let spoken = match request.headers().get(VERSION_HEADER) {
        None => Some(1),
        Some(value) => value.to_str().ok().and_then(|text| text.trim().parse::<u16>().ok()),
    };
    let upgrade = |message: String| Err(Failure::new(ProblemCode::Upgrade, message));
    match spoken {
        Some(version) if version < VERSION_MIN => upgrade(
            "This app is too old for the server. Update it; until then you can go on working offline, and nothing is lost.".into(),
        ),
        Some(version) if version > VERSION => upgrade(
            "This app is newer than the server. Ask whoever runs the server to update it; until then you can go on working offline, and nothing is lost.".into(),
        ),
        Some(_) => Ok(next.run(request).await),
        None => Err(Failure::bad_request(format!(
            "The header {VERSION_HEADER} is not a number. Send the protocol version, such as {VERSION}."
        ))),
    }
}

impl FromRequestParts<App> for Session {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let token = bearer(&parts.headers).ok_or_else(Failure::needs_sign_in)?;
        let session = app.auth.session(token).await?;
        Span::current().record("user", tracing::field::display(session.user));
        Ok(session)
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A member at the door of a workspace.
#[derive(Clone, Debug)]
pub struct Access {
    /// Who.
    pub session: Session,
    /// Where.
    pub workspace: WorkspaceRow,
    /// What they may do there.
    pub role: Role,
}

impl Access {
    /// Looks again: after a wait, and after a body that took its time, the session may have ended, the membership may
    /// be gone and the role another one. The role as it is now.
    ///
    /// # Errors
    /// As at the door.
    pub async fn again(&self, app: &App) -> Result<Role, Failure> {
        let session = app.auth.session_of(self.session.token).await?;
        app.store.role(self.workspace.id, session.user).await?.ok_or_else(Failure::no_workspace)
    }

    /// Refuses those who are not owners.
    pub fn owner(&self) -> Result<(), Failure> {
        match self.role {
            Role::Owner => Ok(()),
            Role::Editor | Role::Reader => {
                Err(Failure::not_permitted("Only an owner of the workspace may do this. Ask one of them."))
            }
        }
    }
}

impl FromRequestParts<App> for Access {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let session = Session::from_request_parts(parts, app).await?;
        let Path(names) = Path::<BTreeMap<String, String>>::from_request_parts(parts, app)
            .await
            .map_err(|_| Failure::no_workspace())?;
        let id: WorkspaceId =
            names.get("workspace").and_then(|text| text.parse().ok()).ok_or_else(Failure::no_workspace)?;
        // membership first: whoever is no member learns nothing, not even from the time it takes
        let role = app.store.role(id, session.user).await?.ok_or_else(Failure::no_workspace)?;
        let workspace = app.store.workspace(id).await?.ok_or_else(Failure::no_workspace)?;
        Span::current().record("workspace", tracing::field::display(id));
        Ok(Self { session, workspace, role })
    }
}

/// Where the client is.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    /// Its address, as told by the proxy where the server stands behind one.
    pub ip: IpAddr,
    /// Whether it is on this machine: connected from a loopback address, to a loopback name, through no proxy.
    pub local: bool,
}

impl FromRequestParts<App> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.ip().to_canonical());
        let forwarded = parts.headers.get_all("x-forwarded-for").iter().next_back();
        let told = forwarded
            .and_then(|value| value.to_str().ok())
            .and_then(|list| list.rsplit(',').next())
            .and_then(|last| last.trim().parse::<IpAddr>().ok())
            .filter(|_| app.options.behind_proxy);
        let proxied = forwarded.is_some() || parts.headers.contains_key(header::FORWARDED);
        let local = peer.is_some_and(|ip| ip.is_loopback()) && !proxied && is_loopback_name(&parts.headers);
        Ok(Self { ip: told.or(peer).unwrap_or(Ipv6Addr::UNSPECIFIED.into()), local })
    }
}

/// A page of another site can make its own name point at this machine; the name in `Host` then still is its own.
fn is_loopback_name(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
