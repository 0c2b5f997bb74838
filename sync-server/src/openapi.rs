//! The wire as an OpenAPI document, made from the table of routes and the protocol's types.

use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use std::sync::OnceLock;
use sync_protocol::message::{Problem, ProblemCode, VERSION, VERSION_HEADER, VERSION_MIN};
use utoipa::ToSchema;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{
    Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::{Response as Answer, ResponseBuilder};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, Content, HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, PathsBuilder, Ref, RefOr,
    Required, Tag,
};

use crate::routes::{self, Route};

/// A named schema, and those that it refers to.
type Schemas = Vec<(String, RefOr<Schema>)>;

const JSON: &str = "application/json";

const ABOUT: &str = "Offline-first sync: push changes, get a verdict for each; pull the feed; take a snapshot. \
    See docs/protocol.md. Every request may be sent with Content-Encoding: gzip; answers are compressed with zstd, br or gzip \
    where the client accepts it. Unknown fields are ignored.";

/// What the document says of a route, beyond what follows from its address.
pub struct About {
    summary: &'static str,
    tag: &'static str,
    /// Whether it needs no session.
    open: bool,
    takes: Option<fn(&mut Schemas) -> RefOr<Schema>>,
    status: u16,
    answer: &'static str,
    gives: Option<fn(&mut Schemas) -> RefOr<Schema>>,
    fails: Vec<ProblemCode>,
}

/// A route of that group, in words. It answers 204 unless it [`About::gives`] something.
pub(crate) fn about(tag: &'static str, summary: &'static str) -> About {
    About {
        summary,
        tag,
        open: false,
        takes: None,
        status: 204,
        answer: "Done.",
        gives: None,
        fails: Vec::new(),
    }
}

impl About {
    /// It needs no session.
    pub(crate) fn open(self) -> Self {
        Self { open: true, ..self }
    }

    /// Its body is a `T`.
    pub(crate) fn takes<T: ToSchema>(self) -> Self {
        Self { takes: Some(named::<T>), ..self }
    }

    /// It answers with that status and a `T`.
    pub(crate) fn gives<T: ToSchema>(self, status: u16, answer: &'static str) -> Self {
        Self { status, answer, gives: Some(named::<T>), ..self }
    }

    /// It answers with something that the document does not describe further.
    pub(crate) fn gives_any(self, status: u16, answer: &'static str) -> Self {
        Self { status, answer, gives: Some(|_| ObjectBuilder::new().build().into()), ..self }
    }

    /// It answers with a list of `T`.
    pub(crate) fn gives_list<T: ToSchema>(self, answer: &'static str) -> Self {
        Self { status: 200, answer, gives: Some(list::<T>), ..self }
    }

    /// It can also fail in these ways.
    pub(crate) fn fails(self, codes: &[ProblemCode]) -> Self {
        Self { fails: codes.to_vec(), ..self }
    }
}

/// A reference to the schema of `T`, which goes to the components with all that it refers to.
fn named<T: ToSchema>(schemas: &mut Schemas) -> RefOr<Schema> {
    schemas.push((T::name().into(), T::schema()));
    T::schemas(schemas);
    Ref::from_schema_name(T::name()).into()
}

fn list<T: ToSchema>(schemas: &mut Schemas) -> RefOr<Schema> {
    let items = named::<T>(schemas);
    ArrayBuilder::new().items(items).build().into()
}

/// The document: served at `/openapi.json`, and kept in the repository for whoever has no server at hand.
pub fn document() -> &'static str {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let mut document =
            serde_json::to_value(made()).expect("a document made of texts and numbers is JSON");
        reworded(&mut document);
        format!("{document:#}")
    })
}

/// The types' own descriptions speak to readers of Rust; in the document `None` is what is left out.
fn reworded(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(members) => {
            if let Some(serde_json::Value::String(text)) = members.get_mut("description") {
                for (from, to) in [("[`crate::", "`"), ("[`", "`"), ("`]", "`"), ("`None`", "left out")] {
                    *text = text.replace(from, to);
                }
            }
            members.values_mut().for_each(reworded);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(reworded),
        _ => {}
    }
}

/// `GET /openapi.json`
pub(crate) async fn serve() -> Response {
    ([(header::CONTENT_TYPE, JSON)], document()).into_response()
}

fn made() -> OpenApi {
    let mut schemas = Schemas::new();
    let problem = named::<Problem>(&mut schemas);
    let mut paths = PathsBuilder::new();
    for route in routes::table() {
        let item = PathItem::new(verb(&route.method), operation(&route, &mut schemas));
        // a second method of the same address joins the first
        paths = paths.path(route.path, item);
    }
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let mut components = ComponentsBuilder::new().security_scheme("session", bearer);
    for code in ProblemCode::ALL {
        components = components.response(name(code), failure(code, &problem));
    }
    components = components.schemas_from_iter(schemas);
    let info = InfoBuilder::new().title("Mooring").version(VERSION.to_string()).description(Some(ABOUT));
    let tags = ["account", "workspaces", "sync", "mirrors", "operations"].map(Tag::new);
    OpenApiBuilder::new()
        .info(info)
        .paths(paths)
        .components(Some(components.build()))
        .security(Some([session()]))
        .tags(Some(tags))
        .build()
}

fn session() -> SecurityRequirement {
    SecurityRequirement::new("session", [""; 0])
}

fn verb(method: &Method) -> HttpMethod {
    match *method {
        Method::POST => HttpMethod::Post,
        Method::PUT => HttpMethod::Put,
        Method::DELETE => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

/// What a route says of itself, with what its address says: who looks at the version, the session, the membership.
fn operation(route: &Route, schemas: &mut Schemas) -> Operation {
    let about = &route.about;
    let mut operation = OperationBuilder::new().summary(Some(about.summary)).tag(about.tag);
    let mut fails = about.fails.clone();
    fails.extend([ProblemCode::Internal, ProblemCode::Unavailable]);
    if route.is_versioned() {
        fails.extend([ProblemCode::BadRequest, ProblemCode::Upgrade]);
        operation = operation.parameter(version());
    }
    for name in route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        fails.push(ProblemCode::NotFound);
        operation = operation.parameter(in_path(name));
    }
    if let Some(takes) = about.takes {
        fails.push(ProblemCode::TooLarge);
        let body = RequestBodyBuilder::new().content(JSON, Content::new(Some(takes(schemas))));
        operation = operation.request_body(Some(body.required(Some(Required::True)).build()));
    }
    if about.open {
        operation = operation.securities(Some([]));
    } else {
        fails.push(ProblemCode::NeedsSignIn);
    }
    let mut answer = ResponseBuilder::new().description(about.answer);
    if let Some(gives) = about.gives {
        answer = answer.content(JSON, Content::new(Some(gives(schemas))));
    }
    operation = operation.response(about.status.to_string(), answer);
    fails.sort_unstable();
    fails.dedup();
    for code in fails {
        operation = operation.response(code.status().to_string(), Ref::from_response_name(name(code)));
    }
    operation.build()
}

fn version() -> Parameter {
    let versions = ObjectBuilder::new().schema_type(Type::Integer);
    let versions = versions.minimum(Some(VERSION_MIN)).maximum(Some(VERSION));
    ParameterBuilder::new()
        .name(VERSION_HEADER)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("The protocol version that the client speaks; left out, it counts as 1."))
        .schema(Some(versions))
        .build()
}

fn in_path(name: &str) -> Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String);
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(text))
        .build()
}

/// The name of a problem's answer among the components: its code.
fn name(code: ProblemCode) -> String {
    format!("{code:?}")
}

fn failure(code: ProblemCode, problem: &RefOr<Schema>) -> Answer {
    let answer = ResponseBuilder::new()
        .description(format!("{} {}.", code.status(), words(code)))
        .content(JSON, Content::new(Some(problem.clone())));
    match code {
        ProblemCode::SlowDown | ProblemCode::Unavailable => {
            let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
            let mut retry = Header::new(seconds);
            retry.description = Some("Seconds to wait.".to_owned());
            answer.header("Retry-After", retry).build()
        }
        _ => answer.build(),
    }
}

fn words(code: ProblemCode) -> &'static str {
    match code {
        ProblemCode::BadRequest => "bad_request: the request is not what the protocol says",
        ProblemCode::NeedsSignIn => "needs_sign_in: sign in (again). What was not sent stays on the device",
        ProblemCode::NotPermitted => "not_permitted",
        ProblemCode::NotFound => "not_found: no such thing, or none that the user may know of",
        ProblemCode::Exists => "exists: it is there already",
        ProblemCode::TooLarge => "too_large",
        ProblemCode::Upgrade => "upgrade: the client or the server is too old",
        ProblemCode::SlowDown => "slow_down: too many requests",
        ProblemCode::Unavailable => "unavailable: nothing is known to have changed; send again",
        ProblemCode::Internal => "internal: a defect of the server",
    }
}
