//! HTTP by the browser's `fetch`. It reads addresses itself: no tables of names and their spellings need to come along.

use std::cell::Cell;
use std::rc::Rc;

use gloo::timers::callback::Timeout;
use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, Headers, ReadableStreamDefaultReader, Request, RequestInit, Response, Url,
    WorkerGlobalScope,
};

use super::{Address, Exchange, NoReply, Reply};
use crate::limits;

#[wasm_bindgen]
extern "C" {
    /// A stream that compresses.
    type CompressionStream;

    #[wasm_bindgen(constructor, catch)]
    fn new(format: &str) -> Result<CompressionStream, JsValue>;
}

/// There is nothing to share: connections are the browser's.
#[derive(Clone)]
pub struct Http;

/// Takes the request back when it is dropped.
struct Guard(AbortController);

impl Drop for Guard {
    fn drop(&mut self) {
        // without effect once the answer is there
        self.0.abort();
    }
}

impl Http {
    pub(super) fn new() -> Self {
        Self
    }

    /// The same, compressed by the browser.
    pub(super) async fn gzip(&self, body: &[u8]) -> Result<Vec<u8>, JsValue> {
        let plain = Response::new_with_opt_buffer_source(Some(&Uint8Array::from(body)))?;
        let plain = plain.body().ok_or(JsValue::UNDEFINED)?;
        let gzip = CompressionStream::new("gzip")?;
        let gzip = plain.pipe_through(gzip.unchecked_ref());
        let gzip = Response::new_with_opt_readable_stream(Some(&gzip))?;
        Ok(Uint8Array::new(&JsFuture::from(gzip.array_buffer()?).await?).to_vec())
    }

    /// Milliseconds until a date as HTTP writes it.
    pub(super) fn ms_until(date: &str) -> Option<u64> {
        let ms = js_sys::Date::parse(date) - js_sys::Date::now();
        // no number where it is no date
        (ms >= 0.0).then_some(ms as u64)
    }

    pub(super) async fn exchange(&self, exchange: Exchange) -> Result<Reply, NoReply> {
        let guard = Guard(AbortController::new().map_err(|_| NoReply::Unreachable)?);
        let late = Rc::new(Cell::new(false));
        let alarm = |ms: u64| {
            let (controller, flag) = (guard.0.clone(), late.clone());
            Timeout::new(u32::try_from(ms).unwrap_or(u32::MAX), move || {
                flag.set(true);
                controller.abort();
            })
        };
        let reply = fetch(exchange, &guard, alarm).await;
        match reply {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) => Err(NoReply::TooLarge),
            Err(_) if late.get() => Err(NoReply::Late),
            Err(_) => Err(NoReply::Unreachable),
        }
    }
}

/// `None`: the answer is too large. `alarm` takes the request back after so many milliseconds, unless it is dropped before.
async fn fetch(
    exchange: Exchange,
    guard: &Guard,
    alarm: impl Fn(u64) -> Timeout,
) -> Result<Option<Reply>, JsValue> {
    let headers = Headers::new()?;
    for (name, value) in &exchange.headers {
        headers.set(name, value)?;
    }
    let init = RequestInit::new();
    init.set_method(if exchange.body.is_some() { "POST" } else { "GET" });
    init.set_headers(&headers);
    init.set_signal(Some(&guard.0.signal()));
    if let Some(body) = &exchange.body {
        init.set_body(&Uint8Array::from(body.as_slice()));
    }
    let request = Request::new_with_str_and_init(&exchange.url, &init)?;
    // a window has the same function
    let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
    let begins = alarm(exchange.wait_ms);
    let response: Response = JsFuture::from(scope.fetch_with_request(&request)).await?.dyn_into()?;
    drop(begins);
    let retry_after = response.headers().get("retry-after")?;
    let (url, status) = (response.url(), response.status());
    let mut body = Vec::new();
    let Some(stream) = response.body() else {
        return Ok(Some(Reply { url, status, retry_after, body }));
    };
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    loop {
        let silence = alarm(limits::SILENCE_MS);
        let chunk = JsFuture::from(reader.read()).await?;
        drop(silence);
        let Ok(chunk) = Reflect::get(&chunk, &"value".into())?.dyn_into::<Uint8Array>() else { break };
        let end = body.len() + chunk.length() as usize;
        if end > limits::ANSWER_BYTES {
            return Ok(None);
        }
        let start = body.len();
        body.resize(end, 0);
        chunk.copy_to(&mut body[start..]);
    }
    Ok(Some(Reply { url, status, retry_after, body }))
}

impl Address {
    /// `None`: this is no address.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let url = Url::new(text).ok()?;
        let scheme = url.protocol().trim_end_matches(':').to_owned();
        Some(Self { scheme, origin: url.origin(), path: url.pathname() })
    }
}
