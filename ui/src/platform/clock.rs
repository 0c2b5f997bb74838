//! The time, in the words and the zone of the person at the screen.

use js_sys::{Date, Intl, Object, Reflect};
use sync_protocol::Timestamp;
use wasm_bindgen::JsValue;

/// Now.
pub fn now() -> Timestamp {
    Timestamp(Date::now() as i64)
}

/// A point in time as people here write it: `23 Nov 2026, 14:30`.
pub fn moment(at: Timestamp) -> String {
    written(at, "medium", "short")
}

/// The same with seconds: `23 Nov 2026, 14:30:05`.
pub fn to_second(at: Timestamp) -> String {
    written(at, "medium", "medium")
}

/// A point in time in full, as a title on hover: `Monday, 23 November 2026 at 14:30:05 CET`.
pub fn exact(at: Timestamp) -> String {
    written(at, "full", "long")
}

/// `2026-11-23T14:30:00Z` as a date-time input wants it: local, without a zone. Empty where it is not a time.
pub fn to_input(utc: &str) -> String {
    let date = Date::new(&JsValue::from_str(utc));
    if date.get_time().is_nan() {
        return String::new();
    }
    let local = Date::new(&JsValue::from_f64(date.get_time() - date.get_timezone_offset() * 60_000.0));
    let text = String::from(local.to_iso_string());
    text.trim_end_matches('Z').trim_end_matches(".000").to_owned()
}

/// What a date-time input holds as UTC; other text as it is, for the field's own check to refuse.
pub fn from_input(local: &str) -> String {
    let date = Date::new(&JsValue::from_str(local));
    if local.trim().is_empty() || date.get_time().is_nan() {
        return local.to_owned();
    }
    String::from(date.to_iso_string()).replace(".000Z", "Z")
}

/// `2026-11-23T14:30:00Z` for reading: local, to the minute.
pub fn to_cell(utc: &str) -> String {
    let local = to_input(utc);
    if local.is_empty() {
        utc.to_owned()
    } else {
        local.chars().take(16).collect::<String>().replace('T', " ")
    }
}

/// So many days from today at that hour, here.
pub fn at_hour(days: u32, hour: u32) -> Timestamp {
    let date = Date::new_0();
    date.set_date(date.get_date() + days);
    date.set_hours(hour);
    date.set_minutes(0);
    date.set_seconds(0);
    date.set_milliseconds(0);
    Timestamp(date.get_time() as i64)
}

/// Days until the next Monday, 1 to 7.
pub fn to_monday() -> u32 {
    (7 - (Date::new_0().get_day() + 6) % 7).clamp(1, 7)
}

/// The name of the time zone here.
pub fn zone() -> String {
    let options = Intl::DateTimeFormat::default().resolved_options();
    Reflect::get(&options, &"timeZone".into()).ok().and_then(|zone| zone.as_string()).unwrap_or_default()
}

/// In the person's language, with the date and the time in these styles of `Intl.DateTimeFormat`.
fn written(at: Timestamp, date_style: &str, time_style: &str) -> String {
    let options = options(&[("dateStyle", date_style), ("timeStyle", time_style)]);
    date(at).to_locale_string(&language(), &options).into()
}

fn date(at: Timestamp) -> Date {
    Date::new(&JsValue::from_f64(at.0 as f64))
}

/// The person's language. WebKit passes on what the system says, also the `C` of a system without a language, and
/// formatting throws on what is no language tag.
fn language() -> String {
    super::window().navigator().language().filter(|tag| is_tag(tag)).unwrap_or_else(|| "en".to_owned())
}

fn is_tag(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let primary = parts
        .next()
        .is_some_and(|p| (2..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphabetic()));
    primary && parts.all(|p| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()))
}

fn options(entries: &[(&str, &str)]) -> JsValue {
    let object = Object::new();
    for (name, value) in entries {
        // setting a property of a fresh plain object cannot fail
        let _ = Reflect::set(&object, &JsValue::from_str(name), &JsValue::from_str(value));
    }
    object.into()
}
