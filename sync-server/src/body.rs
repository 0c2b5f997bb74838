//! Reads a request's body: JSON, plain or gzip, bounded in size (also after decompression) and in time.

use axum::extract::Request;
use axum::http::{HeaderMap, header};
use flate2::read::MultiGzDecoder;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use std::io::Read;

use crate::answer::Failure;
use crate::limits;

/// Reads and parses a body of at most `max` bytes, counted after decompression.
pub async fn read<T: DeserializeOwned + Send + 'static>(request: Request, max: usize) -> Result<T, Failure> {
    let (parts, body) = request.into_parts();
    check_content_type(&parts.headers)?;
    let encoding = Encoding::of(&parts.headers)?;
    let collected = tokio::time::timeout(limits::BODY_TIME, Limited::new(body, max).collect());
    let bytes = match collected.await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.downcast_ref::<LengthLimitError>().is_some() => return Err(too_large(max)),
        Ok(Err(_)) => {
            return Err(Failure::bad_request("The request was cut off before its end. Send it again."));
        }
        Err(_) => {
            return Err(Failure::unavailable(format!(
                "The request did not arrive within {} s. Send it again, on a better connection if you can.",
                limits::BODY_TIME.as_secs()
            )));
        }
    };
    if bytes.len() <= limits::INLINE_BYTES && encoding == Encoding::Plain {
        return parse(&bytes);
    }
    let work = move || match encoding {
        Encoding::Plain => parse(&bytes),
        Encoding::Gzip => parse(&gunzip(&bytes, max)?),
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(Failure::internal()))
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Failure> {
    let json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    if json {
        Ok(())
    } else {
        Err(Failure::bad_request(
            "The request has another content type than application/json. Set the header Content-Type: application/json.",
        ))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Plain,
    Gzip,
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Result<Self, Failure> {
        match headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes()) {
            None | Some(b"identity") => Ok(Self::Plain),
            Some(b"gzip") => Ok(Self::Gzip),
            Some(_) => Err(Failure::bad_request(
                "The request is compressed in a way that this server does not read. Send it plain or with Content-Encoding: gzip.",
            )),
        }
    }
}

fn gunzip(bytes: &[u8], max: usize) -> Result<Vec<u8>, Failure> {
    let mut plain = Vec::new();
    let bound = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(bytes).take(bound).read_to_end(&mut plain).map_err(|_| {
        Failure::bad_request("The request says that it is gzip but is not. Compress it again.")
    })?;
    if plain.len() > max { Err(too_large(max)) } else { Ok(plain) }
}

fn too_large(max: usize) -> Failure {
    Failure::too_large(format!(
        "The request is larger than {max} bytes, which is the most that is accepted here. Send it in smaller parts."
    ))
}

/// The position is told, never the content: an error message ends in logs and on screens.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    use serde_json::error::Category;
    serde_json::from_slice(bytes).map_err(|error| {
        let at = format!("line {}, column {}", error.line(), error.column());
        Failure::bad_request(match error.classify() {
            Category::Eof => format!("The JSON ends too early, at {at}. Send the whole request."),
            Category::Data => format!(
                "Up to {at}, something is missing or of another type than the protocol says. Compare with /openapi.json."
            ),
            Category::Syntax | Category::Io => {
                format!("This is not JSON at {at}, or nested too deep. Compare with /openapi.json.")
            }
        })
    })
}
