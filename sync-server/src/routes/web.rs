//! The web application's files: one page, hashed assets, strict headers.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use std::convert::Infallible;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower::{Service, ServiceExt};
use tower_http::services::ServeDir;

use super::{API, nothing_here};
use crate::answer::Failure;

/// Scripts, styles and connections from this server only; the wasm module may be compiled; nobody frames the page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; \
     base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

/// Where the screens of workspaces are.
const SCREENS: &str = "/w/";

const PERMISSIONS: &str = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()";

/// The answer at every unknown address of a server without web application.
pub(super) async fn none(uri: Uri) -> Response {
    if uri.path() == "/" {
        let text =
            "This is a Mooring server. Its web application is not served here: start it with --web FOLDER.\n";
        return text.into_response();
    }
    nothing_here().into_response()
}

/// Serves a folder.
pub(super) fn files(folder: &Path) -> Files {
    Files(ServeDir::new(folder).precompressed_br().precompressed_gzip())
}

/// See [`files`].
#[derive(Clone)]
pub(super) struct Files(ServeDir);

impl Service<Request> for Files {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let folder = self.0.clone();
        Box::pin(async move { Ok(serve(folder, request).await) })
    }
}

async fn serve(folder: ServeDir, mut request: Request) -> Response {
    let path = request.uri().path().to_owned();
    // nothing of a workspace is a file: the last part is a record's key, which may look like one
    let screen = path.starts_with(SCREENS);
    let hidden = !screen
        && path
            .split('/')
            .any(|part| part.starts_with('.') || part.starts_with("%2e") || part.starts_with("%2E"));
    if path.starts_with(API) || hidden {
        return nothing_here().into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let failure = Failure::bad_request("Files are only read. Use GET.");
        return (StatusCode::METHOD_NOT_ALLOWED, failure).into_response();
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let page = screen || !name.contains('.');
    if page {
        // a screen of the application: its own code reads the address
        *request.uri_mut() = Uri::from_static("/index.html");
    }
    let immutable = !page && is_hashed(name);
    if !immutable {
        // installers and image builders set one date on all files of all releases: a date proves nothing
        request.headers_mut().remove(header::IF_MODIFIED_SINCE);
        request.headers_mut().remove(header::IF_UNMODIFIED_SINCE);
    }
    let Ok(response) = folder.oneshot(request).await;
    if response.status() == StatusCode::NOT_FOUND {
        return nothing_here().into_response();
    }
    dressed(response.map(Body::new), immutable)
}

fn dressed(mut response: Response, immutable: bool) -> Response {
    let caching = if immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = response.headers_mut();
    if !immutable {
        headers.remove(header::LAST_MODIFIED);
    }
    if let Some(kind) = headers.get_mut(header::CONTENT_TYPE)
        && let Some(named) = with_charset(kind)
    {
        *kind = named;
    }
    for (name, value) in [
        (header::CACHE_CONTROL, caching),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Texts are UTF-8; without saying so, old browsers guess.
fn with_charset(kind: &HeaderValue) -> Option<HeaderValue> {
    let text = kind.to_str().ok().filter(|kind| kind.starts_with("text/") && !kind.contains(';'))?;
    HeaderValue::from_str(&format!("{text}; charset=utf-8")).ok()
}

/// Whether the name carries a hash of the content, as in `app-1a2b3c4d.js` or `app-1a2b3c4d_bg.wasm`: it never changes.
fn is_hashed(name: &str) -> bool {
    name.split('-').skip(1).any(|part| {
        let hash = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        hash >= 8 && matches!(part.as_bytes().get(hash), Some(b'.' | b'_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashed_names_are_told_from_plain_ones() {
        for name in ["app-1a2b3c4d5e6f7a8b.js", "app-1a2b3c4d_bg.wasm", "my-app-00ff00ff.css"] {
            assert!(is_hashed(name), "{name}");
        }
        for name in
            ["index.html", "sw.js", "app-1a2b.js", "deadbeef.js", "icon-512.png", "app-1a2b3c4dz.js", ""]
        {
            assert!(!is_hashed(name), "{name}");
        }
    }
}
