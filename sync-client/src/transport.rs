//! HTTP to the server: reqwest, natively and in the browser alike.

use std::io::Write;
use std::time::Duration;

use reqwest::{Method, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sync_protocol::message::{Problem, ProblemCode, VERSION, VERSION_HEADER};

use crate::limits;
use crate::replica::session::SendError;

/// One server, and who speaks to it.
#[derive(Clone)]
pub struct Transport {
    client: reqwest::Client,
    server: String,
    token: Option<String>,
}

impl Transport {
    /// A transport to a server's address, without a session yet.
    pub fn new(server: &str) -> Self {
        Self { client: reqwest::Client::new(), server: server.trim_end_matches('/').to_owned(), token: None }
    }

    /// The same with a session's token.
    pub fn with_token(&self, token: Option<String>) -> Self {
        Self { token, ..self.clone() }
    }

    /// Asks for something.
    pub async fn get<A: DeserializeOwned>(&self, path: &str, wait_ms: u64) -> Result<A, SendError> {
        self.send(Method::GET, path, None, wait_ms).await
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
        self.send(Method::POST, path, Some(body), wait_ms).await
    }

    async fn send<A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        wait_ms: u64,
    ) -> Result<A, SendError> {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.server))
            .timeout(Duration::from_millis(wait_ms))
            .header(VERSION_HEADER, VERSION);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, "application/json");
            request = if body.len() < limits::COMPRESS_BYTES {
                request.body(body)
            } else {
                request.header(header::CONTENT_ENCODING, "gzip").body(gzip(&body))
            };
        }
        let response = request.send().await.map_err(|e| SendError::NoAnswer(reason(&e)))?;
        let status = response.status();
        let retry_after = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|v| v.to_str().ok())
            .and_then(|v| v.parse::<u64>().ok())
            .map(|seconds| seconds.saturating_mul(1_000));
        let text = response.bytes().await.map_err(|e| SendError::NoAnswer(reason(&e)))?;
        if status.is_success() {
            // a network's sign-in page answers 200 with HTML: that is no answer of the server
            return serde_json::from_slice(&text).map_err(|_| SendError::Strange(not_mooring()));
        }
        let problem = match (serde_json::from_slice(&text), status.as_u16()) {
            (Ok(problem), _) => problem,
            // a proxy in front of the server has words of its own, but means the same
            (Err(_), 429) => busy(ProblemCode::SlowDown),
            (Err(_), 503) if retry_after.is_some() => busy(ProblemCode::Unavailable),
            (Err(_), 502..=504) => {
                return Err(SendError::NoAnswer("The server does not answer at the moment.".into()));
            }
            (Err(_), _) => return Err(SendError::Strange(not_mooring())),
        };
        Err(SendError::Problem { problem, retry_after })
    }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder =
        flate2::write::GzEncoder::new(Vec::with_capacity(body.len() / 4), flate2::Compression::fast());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("a Vec takes every write")
}

fn busy(code: ProblemCode) -> Problem {
    let message = "The server is busy and asks to wait. Nothing is lost: this device sends again by itself.";
    Problem { code, message: message.into() }
}

fn not_mooring() -> String {
    "Something other than the Mooring server answered. Does this network want you to sign in first?".into()
}

fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        "The server did not answer in time.".into()
    } else {
        "The server cannot be reached.".into()
    }
}
