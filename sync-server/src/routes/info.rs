//! `GET /v1/info`: what a client needs before it signs in.

use axum::Json;
use axum::extract::State;
use sync_protocol::message::{Info, VERSION, VERSION_MIN};

use crate::app::App;
use crate::guard::Address;

/// Answered to every version of client: it tells which versions are spoken.
pub(super) async fn info(State(app): State<App>, address: Address) -> Json<Info> {
    Json(Info {
        service: "mooring".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        min: VERSION_MIN,
        max: VERSION,
        demo: app.options.demo && address.local,
        now: app.clock.now(),
    })
}
