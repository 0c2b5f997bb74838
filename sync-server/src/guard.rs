//! Who asks, and what they may: extractors that every handler starts with.

use axum::extract::{FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Version, header};
use axum::middleware::Next;
use axum::response::Response;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Once;
use sync_protocol::WorkspaceId;
use sync_protocol::message::{ProblemCode, Role, VERSION, VERSION_HEADER, VERSION_MIN};
use tracing::{Span, warn};

use crate::answer::Failure;
use crate::app::{App, Peer};
use crate::auth::Session;
use crate::slots::Entered;
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

/// A place for a pull, taken before anything is read: who comes when all are taken costs nothing.
#[derive(Debug)]
pub struct Admitted(pub Entered);

impl FromRequestParts<App> for Admitted {
    type Rejection = Failure;

    async fn from_request_parts(_parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        Ok(Self(app.pulls.enter()?))
    }
}

/// That there is a place for a push or a snapshot just now, looked at before anything is read.
#[derive(Debug)]
pub struct NotFull;

impl FromRequestParts<App> for NotFull {
    type Rejection = Failure;

    async fn from_request_parts(_parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        app.work.enter().map(|_place| Self)
    }
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
    /// be gone and the role another one. As the door knows it: what this process has changed counts at once.
    ///
    /// # Errors
    /// As at the door.
    pub async fn still(&self, app: &App) -> Result<Role, Failure> {
        let session = app.auth.session_lately(self.session.token).await?;
        app.door.role_lately(self.workspace.id, session.user).await?.ok_or_else(Failure::no_workspace)
    }

    /// The same by what is stored now, whoever wrote it: for whatever decides about other people.
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
        let role = app.door.role_lately(id, session.user).await?.ok_or_else(Failure::no_workspace)?;
        let workspace = app.door.workspace_lately(id).await?.ok_or_else(Failure::no_workspace)?;
        Span::current().record("workspace", tracing::field::display(id));
        Ok(Self { session, workspace, role })
    }
}

/// Where the client is.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    /// Its address, as told by the proxy where the server stands behind one.
    pub ip: IpAddr,
    /// Whether it is on this machine: connected from a loopback address, to a loopback name, from a page of such a name
    /// if from any, through nothing that looks like a proxy.
    pub local: bool,
}

impl FromRequestParts<App> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.ip().to_canonical());
        let told = told(&parts.headers).filter(|_| app.options.behind_proxy);
        if app.options.behind_proxy && told.is_none() {
            static TOLD: Once = Once::new();
            TOLD.call_once(|| {
                warn!(
                    "a request came without an address in X-Forwarded-For: either not through the proxy, or the proxy does not set it. Sign-in limits count it as the proxy's own"
                );
            });
        }
        let local = peer.is_some_and(|ip| ip.is_loopback())
            && !is_proxied(parts)
            && is_loopback_name(text(&parts.headers, header::HOST))
            && is_local_page(&parts.headers);
        Ok(Self { ip: told.or(peer).unwrap_or(Ipv6Addr::UNSPECIFIED.into()), local })
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The address that the proxy saw: the last one in `X-Forwarded-For`, with or without a port.
fn told(headers: &HeaderMap) -> Option<IpAddr> {
    let list = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    let last = list.rsplit(',').next()?.trim().trim_matches('"');
    let address = last.parse().ok().or_else(|| last.parse().ok().map(|with_port: SocketAddr| with_port.ip()));
    let address = address.or_else(|| last.strip_prefix('[')?.strip_suffix(']')?.parse().ok());
    address.map(|address: IpAddr| address.to_canonical())
}

/// Whether anything looks as if the request came through a proxy: a header that one adds (browsers and Mooring's own
/// devices send none that starts with `x-`), or the version that proxies speak where nobody told them otherwise.
fn is_proxied(parts: &Parts) -> bool {
    const ADDED: [&str; 10] = [
        "forwarded",
        "via",
        "max-forwards",
        "true-client-ip",
        "client-ip",
        "cdn-loop",
        "proxy-authorization",
        "proxy-connection",
        "wl-proxy-client-ip",
        "surrogate-capability",
    ];
    const FAMILIES: [&str; 6] = ["x-", "cf-", "fly-", "fastly-", "akamai-", "incap-"];
    let added = |name: &str| ADDED.contains(&name) || FAMILIES.iter().any(|family| name.starts_with(family));
    parts.version < Version::HTTP_11 || parts.headers.keys().any(|name| added(name.as_str()))
}

/// A page of another site can make its own name point at this machine; the name in `Host` then still is its own.
fn is_loopback_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether no page asks, or one that was loaded from this machine: a browser tells where its page is from, also through
/// a proxy that adds nothing.
fn is_local_page(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    let page = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let local = |page: &str| {
        page.split_once("://")
            .is_some_and(|(_, rest)| is_loopback_name(rest.split('/').next().unwrap_or_default()))
    };
    site.is_none_or(|site| matches!(site, "same-origin" | "none"))
        && page(header::ORIGIN).is_none_or(local)
        && page(header::REFERER).is_none_or(local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_that_the_proxy_saw_is_the_last_one() {
        for (list, address) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("10.0.0.1, 192.0.2.1", Some("192.0.2.1")),
            ("192.0.2.1:51234", Some("192.0.2.1")),
            ("[2001:db8::1]:51234", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("\"[2001:db8::1]:443\"", Some("2001:db8::1")),
            ("::ffff:192.0.2.1", Some("192.0.2.1")),
            ("192.0.2.1, unknown", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.append("x-forwarded-for", "198.51.100.1".parse().unwrap());
            headers.append("x-forwarded-for", list.parse().unwrap());
            assert_eq!(told(&headers), address.map(|text| text.parse().unwrap()), "{list}");
        }
    }
}
