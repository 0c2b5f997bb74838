//! Files out and in.

use js_sys::JsString;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, File, HtmlAnchorElement, Url};

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
    match JsFuture::from(file.text()).await.map(|text| text.dyn_into::<JsString>()) {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(_)) | Err(_) => Err("The file could not be read. Choose it again.".to_owned()),
    }
}
