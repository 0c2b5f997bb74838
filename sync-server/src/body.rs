//! Reads a request's body: JSON, plain or gzip, bounded in size (also after decompression). How fast it must come is
//! `pace`'s.

use axum::extract::Request;
use axum::http::{HeaderMap, header};
use flate2::read::MultiGzDecoder;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use std::io::Read;

use crate::answer::Failure;
use crate::limits;
use crate::pace::TooSlow;
use crate::slots::Slot;

/// Reads and parses a small body of at most `max` bytes, counted after decompression.
///
/// # Errors
/// Another content type or encoding, no JSON, JSON that is no `T`, too large, too slow, cut off.
pub async fn read<T: DeserializeOwned + Send + 'static>(request: Request, max: usize) -> Result<T, Failure> {
    Ok(read_any(request, max, None).await?.0)
}

/// The same for a body that may be large: as it grows it takes places, in KiB. They come back with what was read and
/// shall live as long as that.
///
/// # Errors
/// As [`read`], and where there are no places left.
pub async fn read_counted<T: DeserializeOwned + Send + 'static>(
    request: Request,
    max: usize,
    memory: Slot,
) -> Result<(T, Slot), Failure> {
    let (read, memory) = read_any(request, max, Some(memory)).await?;
    // it went in and comes out
    Ok((read, memory.ok_or_else(Failure::internal)?))
}

async fn read_any<T: DeserializeOwned + Send + 'static>(
    request: Request,
    max: usize,
    mut memory: Option<Slot>,
) -> Result<(T, Option<Slot>), Failure> {
    let (parts, body) = request.into_parts();
    check_content_type(&parts.headers)?;
    let encoding = Encoding::of(&parts.headers)?;
    let mut body = Limited::new(body, max);
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| not_arrived(&*error, max))?;
        let Some(data) = frame.data_ref() else { continue };
        count(&mut memory, bytes.len() + data.len())?;
        bytes.extend_from_slice(data);
    }
    if bytes.len() <= limits::INLINE_BYTES && encoding == Encoding::Plain {
        return Ok((parse(&bytes)?, memory));
    }
    let work = move || {
        if encoding == Encoding::Gzip {
            bytes = gunzip(&bytes, max, &mut memory)?;
        }
        Ok((parse(&bytes)?, memory))
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(Failure::internal()))
}

/// So many bytes are held now.
fn count(memory: &mut Option<Slot>, bytes: usize) -> Result<(), Failure> {
    let Some(memory) = memory else { return Ok(()) };
    match bytes.div_ceil(1_024).saturating_sub(memory.size()) {
        0 => Ok(()),
        missing => memory.more(missing),
    }
}

fn not_arrived(error: &(dyn std::error::Error + Send + Sync + 'static), max: usize) -> Failure {
    let is = |what: fn(&(dyn std::error::Error + 'static)) -> bool| {
        std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |e| e.source()).any(what)
    };
    if is(|e| e.is::<LengthLimitError>()) {
        return too_large(max);
    }
    if is(|e| e.is::<TooSlow>()) {
        return Failure::unavailable(
            "The request stopped coming. Send it again, in smaller parts or on a better connection if you can.",
        );
    }
    Failure::bad_request("The request was cut off before its end. Send it again.")
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

/// Bytes decompressed between two looks at how much that makes.
const GUNZIP_BYTES: u64 = 64 << 10;

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

fn gunzip(bytes: &[u8], max: usize, memory: &mut Option<Slot>) -> Result<Vec<u8>, Failure> {
    let mut plain = Vec::new();
    let mut decoder = MultiGzDecoder::new(bytes);
    loop {
        let before = plain.len();
        (&mut decoder).take(GUNZIP_BYTES).read_to_end(&mut plain).map_err(|_| {
            Failure::bad_request("The request says that it is gzip but is not. Compress it again.")
        })?;
        if plain.len() > max {
            return Err(too_large(max));
        }
        if plain.len() == before {
            return Ok(plain);
        }
        count(memory, bytes.len() + plain.len())?;
    }
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
