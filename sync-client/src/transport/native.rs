//! HTTP by reqwest.

use std::time::Duration;

use super::{Address, Exchange, NoReply, Reply};
use crate::limits;

/// Clones share their connections.
#[derive(Clone)]
pub struct Http(reqwest::Client);

impl Http {
    pub(super) fn new() -> Self {
        Self(reqwest::Client::new())
    }

    pub(super) async fn exchange(&self, exchange: Exchange) -> Result<Reply, NoReply> {
        let Exchange { url, headers, body, wait_ms } = exchange;
        let request = if body.is_some() { self.0.post(url) } else { self.0.get(url) };
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let request = body.into_iter().fold(request, |request, body| request.body(body));
        let mut response = in_time(wait_ms, request.send()).await?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get("retry-after");
        let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut body = Vec::new();
        while let Some(chunk) = in_time(limits::SILENCE_MS, response.chunk()).await? {
            if body.len() + chunk.len() > limits::ANSWER_BYTES {
                return Err(NoReply::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, retry_after, body })
    }
}

async fn in_time<T>(ms: u64, part: impl Future<Output = reqwest::Result<T>>) -> Result<T, NoReply> {
    let part = tokio::time::timeout(Duration::from_millis(ms), part).await.map_err(|_| NoReply::Late)?;
    part.map_err(|_| NoReply::Unreachable)
}

impl Address {
    /// `None`: this is no address.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let url = reqwest::Url::parse(text).ok()?;
        let origin = url.origin().ascii_serialization();
        Some(Self { scheme: url.scheme().to_owned(), origin, path: url.path().to_owned() })
    }
}
