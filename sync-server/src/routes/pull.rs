//! `POST /v1/workspaces/{workspace}/pull`: what happened after a cursor, now or as soon as it does.

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use std::convert::Infallible;
use sync_protocol::limits as wire;
use sync_protocol::message::Pull;
use tower::{Layer, ServiceExt, service_fn};

use crate::answer::Failure;
use crate::app::App;
use crate::guard::{Access, Admitted};
use crate::partition::{Answer, Packed};
use crate::{body, limits};

pub(super) async fn pull(
    State(app): State<App>,
    Admitted(place): Admitted,
    access: Access,
    request: Request,
) -> Result<Response, Failure> {
    let _slot = place.of(access.session.user)?;
    // from here on no change of the membership is missed
    let mut member = app.members.wait(access.workspace.id, access.session.user);
    let accepts = request.headers().get(header::ACCEPT_ENCODING).cloned();
    let mut pull: Pull = body::read(request, limits::CURSOR_BYTES).await?;
    pull.wait_ms = pull.wait_ms.min(wire::PULL_WAIT_MS);
    let waits = pull.wait_ms > 0;
    let (workspace, partitions) = (access.workspace.id, access.workspace.partitions);
    let answer = {
        // one wait from beginning to end: what wakes it for another reason makes it read nothing again
        let mut answer = std::pin::pin!(app.engine.pull_shared(workspace, partitions, &pull));
        loop {
            tokio::select! {
                answer = &mut answer => break Some(answer?),
                () = app.stopping.cancelled(), if waits => break None,
                () = member.changed() => {
                    access.still(&app).await?;
                }
            }
        }
    };
    let answer = match answer {
        Some(answer) => answer,
        // the server stops: what there is
        None => {
            pull.wait_ms = 0;
            Box::pin(app.engine.pull_shared(workspace, partitions, &pull)).await?
        }
    };
    if waits {
        access.still(&app).await?;
    }
    Ok(sent(&answer, accepts).await)
}

/// What is sent to one of those who are given this answer: packed once for all who accept the same encodings.
async fn sent(answer: &Answer, accepts: Option<HeaderValue>) -> Response {
    let list = accepts.as_ref().and_then(|accepts| accepts.to_str().ok()).unwrap_or_default();
    let Packed { encoding, body } = answer.packed(list, |text| packed(text, accepts.clone())).await;
    let mut response = ([(header::CONTENT_TYPE, "application/json")], body).into_response();
    if let Some(encoding) = encoding.and_then(|encoding| HeaderValue::from_str(&encoding).ok()) {
        response.headers_mut().insert(header::CONTENT_ENCODING, encoding);
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    response
}

/// As every other answer is compressed: by the same layer.
async fn packed(text: Bytes, accepts: Option<HeaderValue>) -> Packed {
    let mut request = Request::new(Body::empty());
    request.headers_mut().extend(accepts.map(|accepts| (header::ACCEPT_ENCODING, accepts)));
    let plain = text.clone();
    let answer = service_fn(move |_: Request| {
        let body = plain.clone();
        async move { Ok::<_, Infallible>(([(header::CONTENT_TYPE, "application/json")], body).into_response()) }
    });
    let Ok(response) = super::compression().layer(answer).oneshot(request).await;
    let encoding = response.headers().get(header::CONTENT_ENCODING);
    let encoding = encoding.and_then(|encoding| encoding.to_str().ok()).map(str::to_owned);
    match response.into_body().collect().await {
        Ok(body) => Packed { encoding, body: body.to_bytes() },
        Err(error) => {
            tracing::error!(%error, "an answer cannot be compressed; report this defect");
            Packed { encoding: None, body: text }
        }
    }
}
