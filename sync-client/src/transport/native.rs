//! HTTP by reqwest.

use std::error::Error;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use native_tls::TlsConnector;
use reqwest::{Url, redirect};

use super::{Address, Exchange, NoReply, Reply};
use crate::limits;

/// How long the authorities that the system trusts are known, before they are read anew.
const TRUSTED: Duration = Duration::from_mins(1);

/// Clones share their connections.
#[derive(Clone)]
pub struct Http(reqwest::Client);

impl Http {
    pub(super) fn new() -> Self {
        let client = |tls| {
            let client = reqwest::Client::builder().redirect(redirect::Policy::none());
            client.tls_backend_preconfigured(tls).build().ok()
        };
        // as `Client::new` does: without TLS there is nothing to go on with
        Self(tls().ok().and_then(client).expect("the system's TLS can be set up"))
    }

    /// The same, compressed.
    pub(super) async fn gzip(&self, body: &[u8]) -> io::Result<Vec<u8>> {
        let room = Vec::with_capacity(body.len() / 4);
        let mut encoder = flate2::write::GzEncoder::new(room, flate2::Compression::fast());
        encoder.write_all(body)?;
        encoder.finish()
    }

    /// Milliseconds until a date as HTTP writes it.
    pub(super) fn ms_until(date: &str) -> Option<u64> {
        let until = httpdate::parse_http_date(date).ok()?.duration_since(SystemTime::now()).ok()?;
        u64::try_from(until.as_millis()).ok()
    }

    /// Redirects keep the method and the body, so that a sign-in works where plain addresses lead to encrypted ones; what
    /// is sent goes to the same host only, and never from encrypted to plain.
    pub(super) async fn exchange(&self, exchange: Exchange) -> Result<Reply, NoReply> {
        let Exchange { url, headers, body, wait_ms } = exchange;
        let mut url = Url::parse(&url).map_err(|_| NoReply::Unreachable)?;
        for hop in 0.. {
            let request = match &body {
                Some(body) => self.0.post(url.clone()).body(body.clone()),
                None => self.0.get(url.clone()),
            };
            let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
            let response = in_time(wait_ms, request.send()).await?;
            match redirected(&response, body.is_some()) {
                Some(next) if hop < limits::REDIRECTS => url = next,
                _ => return reply(response).await,
            }
        }
        Err(NoReply::Unreachable)
    }
}

/// The system's TLS. It reads every authority that the system trusts, which takes longer than most requests: clients that are made within
/// a minute share what was read.
fn tls() -> native_tls::Result<TlsConnector> {
    static KNOWN: Mutex<Option<(Instant, TlsConnector)>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, tls)) = known.as_ref().filter(|(read, _)| read.elapsed() < TRUSTED) {
        return Ok(tls.clone());
    }
    let tls = TlsConnector::builder().request_alpns(&["http/1.1"]).build()?;
    *known = Some((Instant::now(), tls.clone()));
    Ok(tls)
}

/// Where to ask instead; `None` where this is the answer.
fn redirected(response: &reqwest::Response, sends: bool) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301 | 302 | 307 | 308) {
        return None;
    }
    let next = response.url().join(response.headers().get("location")?.to_str().ok()?).ok()?;
    let at = response.url();
    let same = next.host() == at.host() && (next.scheme() == at.scheme() || next.scheme() == "https");
    (same || !sends).then_some(next)
}

async fn reply(mut response: reqwest::Response) -> Result<Reply, NoReply> {
    let (url, status) = (response.url().to_string(), response.status().as_u16());
    let retry_after = response.headers().get("retry-after");
    let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    while let Some(chunk) = in_time(limits::SILENCE_MS, response.chunk()).await? {
        if body.len() + chunk.len() > limits::ANSWER_BYTES {
            return Err(NoReply::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { url, status, retry_after, body })
}

async fn in_time<T>(ms: u64, part: impl Future<Output = reqwest::Result<T>>) -> Result<T, NoReply> {
    let part = tokio::time::timeout(Duration::from_millis(ms), part).await.map_err(|_| NoReply::Late)?;
    part.map_err(|error| cause(&error))
}

/// What a person can do something about. Libraries below tell it by their words alone, but for the system's own errors.
fn cause(error: &reqwest::Error) -> NoReply {
    let mut below = error.source();
    while let Some(error) = below {
        let text = error.to_string();
        if text.starts_with("dns error") {
            return NoReply::NoName;
        }
        if text.contains("certificate") || text.contains("SSL") || text.contains("TLS") {
            return NoReply::Untrusted;
        }
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if kind == Some(io::ErrorKind::ConnectionRefused) {
            return NoReply::Refused;
        }
        below = error.source();
    }
    NoReply::Unreachable
}

impl Address {
    /// `None`: this is no address.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let origin = url.origin().ascii_serialization();
        Some(Self { scheme: url.scheme().to_owned(), origin, path: url.path().to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_to_wait_for_is_read() {
        let soon = SystemTime::now() + Duration::from_secs(90);
        let wait = Http::ms_until(&httpdate::fmt_http_date(soon));
        assert!(wait.is_some_and(|ms| (88_000..=90_000).contains(&ms)), "{wait:?}");
        for none in ["Sun, 06 Nov 1994 08:49:37 GMT", "soon", "", "-5"] {
            assert_eq!(Http::ms_until(none), None, "{none}");
        }
    }
}
