//! Files out and in.

use js_sys::JsString;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, File, HtmlAnchorElement, TextDecoder, TextDecoderOptions, Url};

/// Hands a text to the person as a file.
pub fn download(name: &str, kind: &str, text: &str) -> Result<(), JsValue> {
    let bag = BlobPropertyBag::new();
    bag.set_type(kind);
    let blob = Blob::new_with_str_sequence_and_options(&js_sys::Array::of1(&text.into()), &bag)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let document = super::document();
    let link: HtmlAnchorElement = document.create_element("a")?.unchecked_into();
    link.set_href(&url);
    link.set_download(name);
    link.click();
    // the click has started the download; the address is needed a moment longer
    gloo::timers::callback::Timeout::new(10_000, move || drop(Url::revoke_object_url(&url))).forget();
    Ok(())
}

/// A file's text; read and decoded by the browser, off the main thread, and left in the browser's memory.
pub async fn read(file: &File) -> Result<JsString, String> {
    let Ok(Ok(text)) = JsFuture::from(file.text()).await.map(|text| text.dyn_into::<JsString>()) else {
        return Err("The file could not be read. Choose it again.".to_owned());
    };
    // browsers put this sign in the place of what they could not read
    if text.includes("\u{fffd}", 0) && !is_utf8(file).await {
        return Err("The file is not in UTF-8: some of its letters would be lost. Save it as UTF-8 (spreadsheets call it “CSV UTF-8”), then choose it again.".to_owned());
    }
    Ok(text)
}

async fn is_utf8(file: &File) -> bool {
    let options = TextDecoderOptions::new();
    options.set_fatal(true);
    let decoder = TextDecoder::new_with_label_and_options("utf-8", &options);
    match (decoder, JsFuture::from(file.array_buffer()).await) {
        (Ok(decoder), Ok(bytes)) => decoder.decode_with_buffer_source(&bytes.unchecked_into()).is_ok(),
        _ => false,
    }
}
