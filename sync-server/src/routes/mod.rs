//! The HTTP side: one table of routes, thin handlers, and the layers around them.

mod account;
mod audit;
mod deleted;
mod health;
mod history;
mod info;
mod invitations;
mod members;
pub(crate) mod mirrors;
mod pull;
mod push;
mod session;
mod snapshot;
mod web;
pub(crate) mod workspaces;

use axum::Router;
use axum::body::HttpBody;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post, put};
use std::any::Any;
use std::time::{Duration, Instant};
use sync_protocol::message::{
    Audit, AuditAnswer, Deleted, DeletedAnswer, History, HistoryAnswer, Info, Member, NewPassword,
    NewWorkspace, ProblemCode, Pull, PullAnswer, Push, PushAnswer, SignIn, SignedIn, Snapshot,
    SnapshotAnswer, User, VERSION_HEADER, Workspace,
};
use sync_protocol::mirror::{
    LookedAt, Mirror, MirrorPlan, MirrorTables, NewMirror, ResumeMirror, Touched, Verified,
};
use sync_protocol::people::{
    Invitation, InvitationToken, Invited, MadeInvitation, Named, NewAccount, NewInvitation, SessionInfo,
    SetRole, WorkspaceMember,
};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{And, NotForContentType, Predicate, SizeAbove};
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::{Instrument, error, info, info_span};

use crate::answer::Failure;
use crate::app::App;
use crate::metrics::Metrics;
use crate::openapi::{About, about};
use crate::{guard, limits, openapi, pace};

/// Everything under a path that starts with this is the protocol.
const API: &str = "/v1/";

/// One route.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path as axum and OpenAPI write it.
    pub path: &'static str,
    /// What the document says of it.
    pub about: About,
    handler: MethodRouter<App>,
}

impl Route {
    /// Whether a client's version is looked at first: everywhere but where it learns which ones are spoken.
    pub(crate) fn is_versioned(&self) -> bool {
        self.path.starts_with(API) && self.path != "/v1/info"
    }
}

/// All routes but the web application's files.
pub fn table() -> Vec<Route> {
    use ProblemCode::{Exists, NeedsSignIn, NotFound, NotPermitted, SlowDown};
    let route = |method, path, handler, about| Route { method, path, about, handler };
    let get_ = |path, handler, about| route(Method::GET, path, handler, about);
    let post_ = |path, handler, about| route(Method::POST, path, handler, about);
    let put_ = |path, handler, about| route(Method::PUT, path, handler, about);
    vec![
        get_(
            "/healthz",
            get(health::health),
            about("operations", "Whether this node can reach its store")
                .open()
                .gives::<health::Health>(200, "It can."),
        ),
        get_(
            "/readyz",
            get(health::health),
            about("operations", "The same: whether requests should be sent to this node")
                .open()
                .gives::<health::Health>(200, "They should."),
        ),
        get_(
            "/openapi.json",
            get(openapi::serve),
            about("operations", "This document").open().gives_any(200, "OpenAPI 3.1."),
        ),
        get_(
            "/v1/info",
            get(info::info),
            about("account", "What a client needs before it signs in; answered to every version")
                .open()
                .gives::<Info>(200, "What this server speaks."),
        ),
        post_(
            "/v1/sign-in",
            post(session::sign_in),
            about("account", "Start a session with a password")
                .open()
                .takes::<SignIn>()
                .gives::<SignedIn>(200, "A session of 30 days.")
                .fails(&[NeedsSignIn, SlowDown]),
        ),
        post_(
            "/v1/sign-in/demo",
            post(session::sign_in_demo),
            about("account", "Start a session as the sample user (only with --demo, from the same machine)")
                .open()
                .takes::<session::Nothing>()
                .gives::<SignedIn>(200, "A session of 30 days.")
                .fails(&[NotPermitted]),
        ),
        post_("/v1/sign-out", post(session::sign_out), about("account", "End this session")),
        get_(
            "/v1/me",
            get(session::me),
            about("account", "Who is signed in").gives::<User>(200, "The person."),
        ),
        post_(
            "/v1/me/password",
            post(account::change_password),
            about("account", "Set a new password: all sessions of the account end (or this one only), the answer is a new one")
                .takes::<NewPassword>()
                .gives::<SignedIn>(200, "A session of 30 days.")
                .fails(&[NotPermitted, SlowDown]),
        ),
        post_(
            "/v1/me/sign-out-everywhere",
            post(account::sign_out_everywhere),
            about("account", "End all sessions of the account, this one too"),
        ),
        post_(
            "/v1/me/name",
            post(account::rename),
            about("account", "Be called something else").takes::<Named>().gives::<User>(200, "The person."),
        ),
        post_(
            "/v1/me/device",
            post(account::name_device),
            about("account", "Call the device that asks something else").takes::<Named>(),
        ),
        get_(
            "/v1/me/sessions",
            get(account::sessions),
            about("account", "The devices that are signed in, at most 100")
                .gives_list::<SessionInfo>("The one that asks first, then the one that was heard of last.")
                .fails(&[SlowDown]),
        ),
        post_(
            "/v1/me/sessions/{session}/end",
            post(account::end_session),
            about("account", "End the session of one of them")
                .gives_list::<SessionInfo>("Those that are left.")
                .fails(&[SlowDown]),
        ),
        post_(
            "/v1/invitation/look",
            post(invitations::look),
            about("account", "What an invitation is for")
                .open()
                .takes::<InvitationToken>()
                .gives::<Invited>(200, "It holds.")
                .fails(&[NotFound, SlowDown]),
        ),
        post_(
            "/v1/invitation/accept",
            post(invitations::accept),
            about("account", "Join a workspace by an invitation")
                .takes::<InvitationToken>()
                .gives::<Workspace>(200, "The user is a member.")
                .fails(&[NotFound, NotPermitted, SlowDown]),
        ),
        post_(
            "/v1/invitation/account",
            post(invitations::make_account),
            about("account", "Make an account by an invitation, and join with it")
                .open()
                .takes::<NewAccount>()
                .gives::<SignedIn>(200, "A session of 30 days.")
                .fails(&[NotFound, NotPermitted, Exists, SlowDown]),
        ),
        get_(
            "/v1/workspaces",
            get(workspaces::list),
            about("workspaces", "The user's workspaces").gives_list::<Workspace>("All of them."),
        ),
        post_(
            "/v1/workspaces",
            post(workspaces::create),
            about("workspaces", "Make a workspace; the user becomes its owner")
                .takes::<NewWorkspace>()
                .gives::<Workspace>(201, "Made.")
                .fails(&[NotPermitted, SlowDown]),
        ),
        post_(
            "/v1/workspaces/{workspace}/rename",
            post(workspaces::rename),
            about("workspaces", "Call a workspace something else; for owners")
                .takes::<Named>()
                .gives::<Workspace>(200, "It is called so.")
                .fails(&[NotPermitted]),
        ),
        post_(
            "/v1/workspaces/{workspace}/delete",
            post(workspaces::remove),
            about("workspaces", "Take a workspace away, from everybody; asks for its name; for owners")
                .takes::<Named>()
                .fails(&[NotPermitted]),
        ),
        get_(
            "/v1/workspaces/{workspace}/members",
            get(members::list),
            about("workspaces", "The members, at most 1,000; logins are told to owners")
                .gives_list::<WorkspaceMember>("All of them.")
                .fails(&[SlowDown]),
        ),
        post_(
            "/v1/workspaces/{workspace}/members",
            post(members::set_role),
            about("workspaces", "Set what a member may do in the workspace; for owners")
                .takes::<SetRole>()
                .gives_list::<WorkspaceMember>("The members; none for whoever has gone.")
                .fails(&[NotPermitted, SlowDown]),
        ),
        get_(
            "/v1/workspaces/{workspace}/invitations",
            get(invitations::list),
            about("workspaces", "The invitations that still let somebody in; for owners")
                .gives_list::<Invitation>("All of them.")
                .fails(&[NotPermitted]),
        ),
        post_(
            "/v1/workspaces/{workspace}/invitations",
            post(invitations::make),
            about("workspaces", "Make an invitation; for owners")
                .takes::<NewInvitation>()
                .gives::<MadeInvitation>(201, "What its link carries, which is told this once.")
                .fails(&[NotPermitted]),
        ),
        post_(
            "/v1/workspaces/{workspace}/invitations/{invitation}/revoke",
            post(invitations::revoke),
            about("workspaces", "Take an invitation back; for owners")
                .gives_list::<Invitation>("Those that are left.")
                .fails(&[NotPermitted]),
        ),
        put_(
            "/v1/workspaces/{workspace}/members/{login}",
            put(members::set_member),
            about("workspaces", "Set what an account may do in the workspace; for owners")
                .takes::<Member>()
                .fails(&[NotPermitted, SlowDown]),
        ),
        post_(
            "/v1/workspaces/{workspace}/leave",
            post(members::leave),
            about("workspaces", "Be no member any more; not for the last owner").fails(&[NotPermitted]),
        ),
        post_(
            "/v1/workspaces/{workspace}/push",
            post(push::push),
            about("sync", "Changes of one replica: a verdict for each")
                .takes::<Push>()
                .gives::<PushAnswer>(200, "One verdict per change, in the same order.")
                .fails(&[NotPermitted, SlowDown]),
        ),
        post_(
            "/v1/workspaces/{workspace}/pull",
            post(pull::pull),
            about("sync", "What happened after a cursor; waits where there is nothing")
                .takes::<Pull>()
                .gives::<PullAnswer>(200, "New entries, without gaps.")
                .fails(&[SlowDown]),
        ),
        post_(
            "/v1/workspaces/{workspace}/snapshot",
            post(snapshot::snapshot),
            about("sync", "The live records and open conflicts, page by page")
                .takes::<Snapshot>()
                .gives::<SnapshotAnswer>(200, "The next pages.")
                .fails(&[SlowDown]),
        ),
        post_(
            "/v1/workspaces/{workspace}/history",
            post(history::history),
            about("sync", "The versions of one record, newest first, and its conflicts")
                .takes::<History>()
                .gives::<HistoryAnswer>(200, "Some versions.")
                .fails(&[SlowDown]),
        ),
        post_(
            "/v1/workspaces/{workspace}/deleted",
            post(deleted::deleted),
            about("sync", "The deleted records of a collection, as long as they are kept")
                .takes::<Deleted>()
                .gives::<DeletedAnswer>(200, "The next piece.")
                .fails(&[SlowDown]),
        ),
        post_(
            "/v1/workspaces/{workspace}/audit",
            post(audit::audit),
            about("sync", "Everything that policies and people decided where edits met")
                .takes::<Audit>()
                .gives::<AuditAnswer>(200, "The next piece.")
                .fails(&[SlowDown]),
        ),
        get_(
            "/v1/workspaces/{workspace}/mirrors",
            get(mirrors::list),
            about("mirrors", "The tables that are mirrored; all of these are for owners")
                .gives_list::<Mirror>("All of them.")
                .fails(&[NotPermitted]),
        ),
        post_(
            "/v1/workspaces/{workspace}/mirrors",
            post(mirrors::add),
            about("mirrors", "Mirror a table; a server begins with it within seconds")
                .takes::<NewMirror>()
                .gives::<Mirror>(201, "It begins.")
                .fails(&[NotPermitted, SlowDown]),
        ),
        get_(
            "/v1/workspaces/{workspace}/mirror-tables",
            get(mirrors::tables),
            about("mirrors", "The tables that may be mirrored")
                .gives_list::<MirrorTables>("By keyspace.")
                .fails(&[NotPermitted]),
        ),
        post_(
            "/v1/workspaces/{workspace}/mirror-plan",
            post(mirrors::plan),
            about("mirrors", "What a mirror would do, over the first 20,000 rows; nothing is changed")
                .takes::<NewMirror>()
                .gives::<MirrorPlan>(200, "What would happen.")
                .fails(&[NotPermitted, SlowDown]),
        ),
        get_(
            "/v1/workspaces/{workspace}/mirrors/{mirror}",
            get(mirrors::show),
            about("mirrors", "How a mirror stands")
                .gives::<Mirror>(200, "As told last.")
                .fails(&[NotPermitted]),
        ),
        post_(
            "/v1/workspaces/{workspace}/mirrors/{mirror}/pause",
            post(mirrors::pause),
            about("mirrors", "Stop a mirror until it is resumed")
                .gives::<Mirror>(200, "It is paused.")
                .fails(&[NotPermitted]),
        ),
        post_(
            "/v1/workspaces/{workspace}/mirrors/{mirror}/resume",
            post(mirrors::resume),
            about("mirrors", "Let a mirror go on where it stopped")
                .takes::<ResumeMirror>()
                .gives::<Mirror>(200, "It goes on.")
                .fails(&[NotPermitted]),
        ),
        post_(
            "/v1/workspaces/{workspace}/mirrors/{mirror}/resync",
            post(mirrors::resync),
            about("mirrors", "Compare all rows by value, soon")
                .gives::<Mirror>(200, "It is asked for.")
                .fails(&[NotPermitted]),
        ),
        post_(
            "/v1/workspaces/{workspace}/mirrors/{mirror}/touched",
            post(mirrors::touched),
            about("mirrors", "Look at these rows now, instead of waiting for the mirror to notice them")
                .takes::<Touched>()
                .gives::<LookedAt>(200, "They were looked at.")
                .fails(&[NotPermitted, SlowDown]),
        ),
        post_(
            "/v1/workspaces/{workspace}/mirrors/{mirror}/verify",
            post(mirrors::verify),
            about("mirrors", "Compare table, what was agreed on and records; up to 20,000 rows")
                .gives::<Verified>(200, "Three sums, and what differs.")
                .fails(&[NotPermitted, SlowDown]),
        ),
        post_(
            "/v1/workspaces/{workspace}/mirrors/{mirror}/remove",
            post(mirrors::remove),
            about("mirrors", "End a mirror; table and records stay as they are")
                .gives_list::<Mirror>("Those that are left.")
                .fails(&[NotPermitted]),
        ),
    ]
}

/// The whole HTTP side.
pub fn router(app: App) -> Router {
    let mut router = Router::new();
    for route in table() {
        let handler = match route.is_versioned() {
            true => route.handler.layer(middleware::from_fn(guard::version)),
            false => route.handler,
        };
        router = router.route(route.path, handler);
    }
    let router = match &app.options.web {
        Some(folder) => router.fallback_service(web::files(folder)),
        None => router.fallback(web::none),
    };
    let cors = cors(&app);
    let around =
        Around { behind_proxy: app.options.behind_proxy, tls: app.options.tls, metrics: app.metrics.clone() };
    let router = layers(router.method_not_allowed_fallback(wrong_method).with_state(app), around);
    match cors {
        Some(cors) => router.layer(cors),
        None => router,
    }
}

/// Only whether this node is well.
pub fn health(app: App) -> Router {
    let router = Router::new().route("/healthz", get(health::health)).route("/readyz", get(health::health));
    router.with_state(app)
}

/// What the layers around all routes know.
#[derive(Clone, Debug, Default)]
struct Around {
    behind_proxy: bool,
    tls: bool,
    metrics: Metrics,
}

/// How answers are compressed.
fn compression() -> CompressionLayer<And<SizeAbove, NotForContentType>> {
    let predicate = SizeAbove::new(limits::COMPRESS_FROM).and(NotForContentType::IMAGES);
    CompressionLayer::new().quality(limits::COMPRESSION).compress_when(predicate)
}

/// From the outside in: the log line, panics, headers, compression, the time limit.
fn layers(router: Router, around: Around) -> Router {
    router
        .layer(middleware::from_fn(bounded))
        .layer(compression())
        .layer(middleware::from_fn_with_state(around.clone(), headers))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(around, logged))
}

/// The time of an answer counts from the last byte of the request: that one may come as slowly as [`pace`] lets it.
async fn bounded(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let (body, arrival) = pace::paced(body);
    let too_long = async {
        loop {
            let deadline = arrival.last() + limits::REQUEST_TIME;
            if deadline <= tokio::time::Instant::now() {
                return;
            }
            tokio::time::sleep_until(deadline).await;
        }
    };
    tokio::select! {
        response = next.run(Request::from_parts(parts, body)) => response,
        () = too_long => {
            Failure::unavailable("The server took too long to answer. Your device sends again by itself.")
                .into_response()
        }
    }
}

async fn headers(State(around): State<Around>, request: Request, next: Next) -> Response {
    let told = request.headers().get("x-forwarded-proto").is_some_and(|scheme| scheme.as_bytes() == b"https");
    let by_tls = around.tls || around.behind_proxy && told;
    let api = request.uri().path().starts_with(API);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    if by_tls {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    if api {
        set(header::CACHE_CONTROL, "no-store");
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        // data and messages: nothing of them is ever a page
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        );
    }
    response
}

fn panicked(cause: Box<dyn Any + Send>) -> Response {
    let what = cause.downcast_ref::<&str>().copied().or(cause.downcast_ref::<String>().map(String::as_str));
    error!(what = what.unwrap_or("unknown"), "a request panicked");
    Failure::internal().into_response()
}

/// One line per request: ids, sizes and durations. The route, not the path: a path can carry a login.
async fn logged(State(around): State<Around>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = matched.unwrap_or_else(|| "file".to_owned());
    let received = request.body().size_hint().exact();
    let span = info_span!("request", %method, route, user = tracing::field::Empty, workspace = tracing::field::Empty);
    let started = Instant::now();
    async move {
        let response = next.run(request).await;
        let (status, sent) = (response.status().as_u16(), response.body().size_hint().exact());
        let took = started.elapsed();
        around.metrics.answered(counted(&method), &route, status, took);
        let millis = took.as_millis();
        info!(status, ms = %millis, received, sent, "answered");
        response
    }
    .instrument(span)
    .await
}

/// A method by its name; what clients make up is one.
fn counted(method: &Method) -> &str {
    if [Method::GET, Method::POST, Method::PUT, Method::HEAD, Method::OPTIONS].contains(method) {
        method.as_str()
    } else {
        "other"
    }
}

async fn wrong_method() -> Response {
    let failure = Failure::bad_request("This address takes another method. Compare with /openapi.json.");
    (StatusCode::METHOD_NOT_ALLOWED, failure).into_response()
}

/// The answer where there is nothing: a problem like all others.
fn nothing_here() -> Failure {
    Failure::new(ProblemCode::NotFound, "There is nothing at this address. Compare with /openapi.json.")
}

/// No other origin, but those that were asked for by name.
fn cors(app: &App) -> Option<CorsLayer> {
    if app.options.allow_origin.is_empty() {
        return None;
    }
    let origins = app.options.allow_origin.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::CONTENT_ENCODING,
            HeaderName::from_static(VERSION_HEADER),
        ])
        .expose_headers([header::RETRY_AFTER])
        .max_age(Duration::from_secs(600));
    Some(layer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use sync_protocol::message::Problem;
    use tower::ServiceExt;

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_takes_nothing_from_the_time_of_the_answer() {
        let read = async |request: Request| {
            let body = axum::body::to_bytes(request.into_body(), 1 << 20).await;
            tokio::time::sleep(limits::REQUEST_TIME - Duration::from_secs(1)).await;
            format!("{}", body.map_or(0, |body| body.len()))
        };
        let never = async || tokio::time::sleep(2 * limits::REQUEST_TIME).await;
        let router =
            layers(Router::new().route("/read", post(read)).route("/never", get(never)), Around::default());
        // 300 kB at 32 kbit/s
        let drops = futures::stream::unfold(0, |done| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            (done < 75).then(|| (Ok::<_, std::io::Error>(vec![b' '; 4_000]), done + 1))
        });
        let request = Request::post("/read").body(Body::from_stream(drops)).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(axum::body::to_bytes(answer.into_body(), 100).await.unwrap(), "300000");
        let request = Request::get("/never").body(Body::empty()).unwrap();
        assert_eq!(router.oneshot(request).await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    }

    #[tokio::test]
    async fn a_panic_is_answered_and_the_next_request_too() {
        async fn boom() {
            panic!("planted")
        }
        let router = layers(
            Router::new().route("/v1/boom", get(boom)).route("/fine", get(async || "fine")),
            Around::default(),
        );
        let ask = |path| Request::get(path).body(Body::empty()).expect("a constant path is valid");
        let response = router.clone().oneshot(ask("/v1/boom")).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let problem: Problem = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem.code, ProblemCode::Internal);
        assert!(!problem.message.contains("planted"));
        assert_eq!(router.oneshot(ask("/fine")).await.unwrap().status(), StatusCode::OK);
    }
}
