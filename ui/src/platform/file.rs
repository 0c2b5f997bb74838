//! Files out and in.

use js_sys::{JsString, Uint8Array};
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

/// Letters in which a file may be written, by their names in the Encoding Standard, and what people call them.
pub const ENCODINGS: [(&str, &str); 13] = [
    ("utf-8", "UTF-8"),
    ("windows-1252", "Western European"),
    ("windows-1250", "Central European"),
    ("windows-1251", "Cyrillic"),
    ("windows-1253", "Greek"),
    ("windows-1254", "Turkish"),
    ("windows-1255", "Hebrew"),
    ("windows-1256", "Arabic"),
    ("utf-16le", "UTF-16"),
    ("shift_jis", "Japanese"),
    ("gb18030", "Chinese"),
    ("big5", "Chinese, traditional"),
    ("euc-kr", "Korean"),
];

/// Looks that far into a file for the zeros of UTF-16.
const LOOK_BYTES: u32 = 1_024;

/// Endings of workbooks.
const WORKBOOKS: [&str; 5] = [".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"];

/// What the file is called once it is text: a workbook becomes a table.
pub fn text_name(name: &str) -> String {
    let lower = name.to_lowercase();
    match WORKBOOKS.into_iter().find(|ending| lower.ends_with(ending)) {
        Some(ending) => format!("{}.csv", &name[..name.len() - ending.len()]),
        None => name.to_owned(),
    }
}

/// A file's text, and the name of the encoding in which it was read: the one given, or the one it is likely in; empty for a
/// workbook. Decoded by the browser, and left in the browser's memory.
pub async fn read(file: &File, encoding: Option<&str>) -> Result<(JsString, String), String> {
    let unreadable = || "The file could not be read. Choose it again.".to_owned();
    let buffer = JsFuture::from(file.array_buffer()).await.map_err(|_| unreadable())?;
    if text_name(&file.name()) != file.name() {
        return Ok((workbook(&buffer).await?, String::new()));
    }
    let bytes = Uint8Array::new(&buffer);
    let given = encoding.map(str::to_owned).or_else(|| marked(&bytes));
    let tried = match given {
        Some(given) => Some(given),
        None => decode(&bytes, "utf-8", true).map(|_| "utf-8".to_owned()),
    };
    let name = tried.unwrap_or_else(|| usual_here().to_owned());
    let text = decode(&bytes, &name, false).ok_or_else(unreadable)?;
    Ok((text, name))
}

/// The table in a workbook, read by a module that is loaded for it.
async fn workbook(buffer: &JsValue) -> Result<JsString, String> {
    let unloaded = || {
        "What reads workbooks could not be loaded. Connect to the network and try again, or save the table as CSV and choose that file.".to_owned()
    };
    let read = js_sys::Reflect::get(&js_sys::global(), &"__MOORING_WORKBOOK__".into()).ok();
    let read = read.and_then(|read| read.dyn_into::<js_sys::Function>().ok()).ok_or_else(unloaded)?;
    let promise = read
        .call1(&JsValue::NULL, buffer)
        .ok()
        .and_then(|promise| promise.dyn_into::<js_sys::Promise>().ok());
    match JsFuture::from(promise.ok_or_else(unloaded)?).await {
        Ok(text) => text.dyn_into().map_err(|_| unloaded()),
        Err(why) => Err(why.as_string().filter(|why| !why.is_empty()).unwrap_or_else(unloaded)),
    }
}

/// UTF-16 by its mark, or by the zeros between letters of this part of the world.
fn marked(bytes: &Uint8Array) -> Option<String> {
    let start = bytes.subarray(0, LOOK_BYTES.min(bytes.length())).to_vec();
    let zeros = |odd: usize| start.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count() * 5;
    let name = match start.as_slice() {
        [0xff, 0xfe, ..] => "utf-16le",
        [0xfe, 0xff, ..] => "utf-16be",
        _ if zeros(1) > start.len() && zeros(0) == 0 => "utf-16le",
        _ if zeros(0) > start.len() && zeros(1) == 0 => "utf-16be",
        _ => return None,
    };
    Some(name.to_owned())
}

/// What spreadsheets write that do not write UTF-8, by the person's language.
fn usual_here() -> &'static str {
    let language = super::window().navigator().language().unwrap_or_default();
    match language.get(..2).unwrap_or_default() {
        "cs" | "hr" | "hu" | "pl" | "ro" | "sk" | "sl" => "windows-1250",
        "be" | "bg" | "mk" | "ru" | "sr" | "uk" => "windows-1251",
        "el" => "windows-1253",
        "tr" => "windows-1254",
        "he" => "windows-1255",
        "ar" | "fa" => "windows-1256",
        "ja" => "shift_jis",
        "ko" => "euc-kr",
        "zh" if language.ends_with("TW") || language.ends_with("HK") => "big5",
        "zh" => "gb18030",
        _ => "windows-1252",
    }
}

/// The text; with `fatal`, `None` where some bytes are none in this encoding.
fn decode(bytes: &Uint8Array, encoding: &str, fatal: bool) -> Option<JsString> {
    let options = TextDecoderOptions::new();
    options.set_fatal(fatal);
    // the mark at the start says who wrote a table
    js_sys::Reflect::set(&options, &"ignoreBOM".into(), &JsValue::TRUE).ok()?;
    let decoder = TextDecoder::new_with_label_and_options(encoding, &options).ok()?;
    // called by its name: the bound method would copy the text through this module's memory
    let decode =
        js_sys::Reflect::get(&decoder, &"decode".into()).ok()?.dyn_into::<js_sys::Function>().ok()?;
    decode.call1(&decoder, bytes).ok()?.dyn_into().ok()
}
