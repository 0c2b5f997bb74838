//! The wire as an OpenAPI document, kept by hand; a test compares it with the routes and the protocol's types.

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// The document.
pub const DOCUMENT: &str = include_str!("../openapi.json");

/// `GET /openapi.json`
pub(crate) async fn serve() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}
