//! HTTP to the server: the browser's own `fetch` there, reqwest natively.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sync_protocol::json;
use sync_protocol::message::{Problem, ProblemCode, VERSION, VERSION_HEADER};

use crate::limits;
use crate::replica::session::SendError;

#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(not(target_arch = "wasm32"))]
mod native;

#[cfg(target_arch = "wasm32")]
use browser::Http;
#[cfg(not(target_arch = "wasm32"))]
use native::Http;

/// One server, and who speaks to it.
#[derive(Clone)]
pub struct Transport {
    http: Http,
    server: String,
    token: Option<String>,
}

/// What is sent. Dropped before its end, it is taken back.
struct Exchange {
    url: String,
    headers: Vec<(&'static str, String)>,
    /// `None`: it only asks.
    body: Option<Vec<u8>>,
    /// How long to wait for the answer to begin, in milliseconds.
    wait_ms: u64,
}

/// What came back.
struct Reply {
    /// Where it came from, after redirects.
    url: String,
    status: u16,
    retry_after: Option<String>,
    body: Vec<u8>,
}

/// Why nothing did.
enum NoReply {
    Late,
    /// The name of the server is not known.
    #[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "browsers do not tell"))]
    NoName,
    /// Nobody listens there.
    #[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "browsers do not tell"))]
    Refused,
    /// The server's certificate is not one that this device trusts.
    #[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "browsers do not tell"))]
    Untrusted,
    Unreachable,
    TooLarge,
}

/// The parts of an address.
pub(crate) struct Address {
    /// `https`, without a colon.
    pub scheme: String,
    /// Scheme, host and port, as they are written for machines.
    pub origin: String,
    /// From the first slash on, without a query.
    pub path: String,
}

impl Transport {
    /// A transport to a server's address, without a session yet.
    pub fn new(server: &str) -> Self {
        Self { http: Http::new(), server: server.trim_end_matches('/').to_owned(), token: None }
    }

    /// The same with a session's token.
    pub fn with_token(&self, token: Option<String>) -> Self {
        Self { token, ..self.clone() }
    }

    /// Asks for something.
    pub async fn get<A: DeserializeOwned>(&self, path: &str, wait_ms: u64) -> Result<A, SendError> {
        read(self.send(path, None, wait_ms).await?.body)
    }

    /// Asks for something, and where the server is that answered: a redirect may lead to another address.
    pub async fn get_from<A: DeserializeOwned>(
        &self,
        path: &str,
        wait_ms: u64,
    ) -> Result<(A, String), SendError> {
        let reply = self.send(path, None, wait_ms).await?;
        let place = reply.url.strip_suffix(path).unwrap_or(&self.server).to_owned();
        Ok((read(reply.body)?, place))
    }

    /// Sends something.
    pub async fn post<A: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        wait_ms: u64,
    ) -> Result<A, SendError> {
        let body = serde_json::to_vec(body)
            .map_err(|e| SendError::Strange(format!("This request cannot be written: {e}")))?;
        read(self.send(path, Some(body), wait_ms).await?.body)
    }

    /// A good answer.
    async fn send(&self, path: &str, body: Option<Vec<u8>>, wait_ms: u64) -> Result<Reply, SendError> {
        let mut headers = vec![(VERSION_HEADER, VERSION.to_string())];
        if let Some(token) = &self.token {
            headers.push(("authorization", format!("Bearer {token}")));
        }
        if body.is_some() {
            headers.push(("content-type", "application/json".into()));
        }
        let body = match body {
            Some(body) if body.len() >= limits::COMPRESS_BYTES => {
                headers.push(("content-encoding", "gzip".into()));
                let gzip = self.http.gzip(&body).await;
                Some(gzip.map_err(|_| SendError::Strange("This request cannot be compressed.".into()))?)
            }
            plain => plain,
        };
        let on_its_way = body.as_ref().map_or(0, Vec::len) as u64 / limits::SLOWEST_BYTES_PER_MS;
        let wait_ms = wait_ms + on_its_way;
        let exchange = Exchange { url: format!("{}{path}", self.server), headers, body, wait_ms };
        let reply = self.http.exchange(exchange).await.map_err(|why| match why {
            NoReply::Late => SendError::NoAnswer("The server did not answer in time.".into()),
            NoReply::NoName => SendError::NoAnswer("The server’s name is not known on this network.".into()),
            NoReply::Refused => SendError::NoAnswer("No server answers there: it may be stopped.".into()),
            // no wait mends it
            NoReply::Untrusted => SendError::Untrusted(UNTRUSTED.into()),
            NoReply::Unreachable => SendError::NoAnswer("The server cannot be reached.".into()),
            // no answer of Mooring is as large
            NoReply::TooLarge => SendError::Strange(not_mooring()),
        })?;
        if (200..300).contains(&reply.status) {
            return Ok(reply);
        }
        let retry_after = reply.retry_after.and_then(|text| match text.trim().parse::<u64>() {
            Ok(seconds) => Some(seconds.saturating_mul(1_000)),
            Err(_) => Http::ms_until(&text),
        });
        let problem = match (read(reply.body), reply.status) {
            (Ok(problem), _) => problem,
            // a proxy in front of the server has words of its own, but means the same
            (Err(_), 429) => busy(ProblemCode::SlowDown),
            (Err(_), 413) => Problem { code: ProblemCode::TooLarge, message: TOO_LARGE.into() },
            (Err(_), 503) if retry_after.is_some() => busy(ProblemCode::Unavailable),
            (Err(_), 502..=504) => {
                return Err(SendError::NoAnswer("The server does not answer at the moment.".into()));
            }
            (Err(strange), _) => return Err(strange),
        };
        Err(SendError::Problem { problem, retry_after })
    }
}

fn read<A: DeserializeOwned>(body: Vec<u8>) -> Result<A, SendError> {
    // stores read texts as well: with one reader for both there is 70 KB less of code in the browser
    let text = String::from_utf8(body).ok();
    // what is done without anything to say has no body
    let text = text.map(|text| if text.is_empty() { "null".to_owned() } else { text });
    // a network's sign-in page answers 200 with HTML: that is no answer of the server
    text.and_then(|text| json::read(&text).ok()).ok_or_else(|| SendError::Strange(not_mooring()))
}

fn busy(code: ProblemCode) -> Problem {
    let message = "The server is busy and asks to wait. Nothing is lost: this device sends again by itself.";
    Problem { code, message: message.into() }
}

const UNTRUSTED: &str = "The server cannot prove who it is: this device does not trust its certificate, or the encryption does not work. Nothing was sent. Tell the person who runs the server.";

const TOO_LARGE: &str = "Something between this device and the server takes no request of this size. This device tries with less.";

fn not_mooring() -> String {
    "Something other than the Mooring server answered. Does this network want you to sign in first?".into()
}
