//! The time, in the words and the zone of the person at the screen.

use crate::text::locale::{self, Signs};
use js_sys::{Array, Date, Function, Intl, Number, Object, Reflect};
use std::thread::LocalKey;
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
    let local = Date::new(&JsValue::from_f64(date.get_time() - offset(date.get_time())));
    let text = String::from(local.to_iso_string());
    text.trim_end_matches('Z').trim_end_matches(".000").to_owned()
}

/// Why a local time is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoTime {
    /// The clocks are put forward over it.
    Skipped,
    /// It reads as no date and time.
    Unread,
}

/// What a date-time input holds as UTC. An hour that comes twice, where clocks are put back, is the one nearest to
/// `near`, the time that was there before; without such a one the first.
pub fn from_input(local: &str, near: Option<&str>) -> Result<String, NoTime> {
    let read = readings(local).ok_or(NoTime::Unread)?;
    let before = near.map(|utc| Date::new(&JsValue::from_str(utc)).get_time()).filter(|at| !at.is_nan());
    let apart = |at: &f64| before.map_or(0.0, |before| (at - before).abs());
    let best = read.into_iter().reduce(|best, other| if apart(&other) < apart(&best) { other } else { best });
    let date = Date::new(&JsValue::from_f64(best.ok_or(NoTime::Skipped)?));
    Ok(String::from(date.to_iso_string()).replace(".000Z", "Z"))
}

/// The times, in ms since 1970, that a local date and time can mean: none where the clocks are put forward, two where
/// they are put back. `None` where it reads as no time.
fn readings(local: &str) -> Option<Vec<f64>> {
    const DAY: f64 = 86_400_000.0;
    let wall = Date::new(&JsValue::from_str(&format!("{}Z", local.trim()))).get_time();
    if wall.is_nan() {
        return None;
    }
    // what holds before a change of the clocks, and what holds after it
    let mut read: Vec<f64> = [-DAY, DAY]
        .into_iter()
        .map(|apart| wall + offset(wall + apart))
        .filter(|at| at - offset(*at) == wall)
        .collect();
    read.dedup();
    Some(read)
}

/// How far UTC is ahead of the clocks here at that time, in ms.
fn offset(at: f64) -> f64 {
    Date::new(&JsValue::from_f64(at)).get_timezone_offset() * 60_000.0
}

/// What tells a time from the other one that reads the same: `GMT+1`; `None` where there is no other one.
pub fn which_of_two(utc: &str) -> Option<String> {
    let at = Date::new(&JsValue::from_str(utc)).get_time();
    const HOURS: f64 = 3.0 * 3_600_000.0;
    if at.is_nan() || offset(at - HOURS) == offset(at + HOURS) || readings(&to_input(utc))?.len() < 2 {
        return None;
    }
    let minutes = -offset(at) / 60_000.0;
    let sign = if minutes < 0.0 { '\u{2212}' } else { '+' };
    let (hours, rest) = (minutes.abs() as u32 / 60, minutes.abs() as u32 % 60);
    Some(if rest == 0 { format!("GMT{sign}{hours}") } else { format!("GMT{sign}{hours}:{rest:02}") })
}

/// `2026-11-23T14:30:00Z` for reading: here, to the minute.
pub fn to_cell(utc: &str) -> String {
    let text = formatted(&MINUTE, utc);
    match which_of_two(utc) {
        Some(which) => format!("{text} {which}"),
        None => text,
    }
}

/// `2026-11-23` for reading: `23 Nov 2026`.
pub fn to_day(day: &str) -> String {
    formatted(&DAY, day)
}

thread_local! {
    // making one takes longer than a screen of dates
    static MINUTE: Function = format(&[("dateStyle", "medium"), ("timeStyle", "short")]);
    // a day is the same everywhere
    static DAY: Function = format(&[("dateStyle", "medium"), ("timeZone", "UTC")]);
}

fn format(entries: &[(&str, &str)]) -> Function {
    let languages = Array::of1(&language().into());
    Intl::DateTimeFormat::new(&languages, &Object::from(options(entries))).format()
}

/// What reads as no time stays as it is.
fn formatted(format: &'static LocalKey<Function>, time: &str) -> String {
    let date = Date::new(&JsValue::from_str(time));
    if date.get_time().is_nan() {
        return time.to_owned();
    }
    let written = format.with(|format| format.call1(&JsValue::UNDEFINED, &date));
    written.ok().and_then(|text| text.as_string()).unwrap_or_else(|| time.to_owned())
}

/// Tells how dates are written here.
pub fn set_dates() {
    let name = format(&[("month", "long"), ("timeZone", "UTC")]);
    let called = |format: &Function, day: &str| {
        let date = Date::new(&JsValue::from_str(day));
        format.call1(&JsValue::UNDEFINED, &date).ok().and_then(|text| text.as_string()).unwrap_or_default()
    };
    let months = (1..=12).map(|month| {
        let day = format!("2024-{month:02}-15");
        locale::month_names(&to_day(&day), &called(&name, &day))
    });
    let numbers =
        format(&[("year", "numeric"), ("month", "numeric"), ("day", "numeric"), ("timeZone", "UTC")]);
    locale::set_dates(months.collect(), locale::date_order(&called(&numbers, "2019-11-25")));
}

/// Tells how numbers are written here.
pub fn set_numbers() {
    let written = |n: f64| String::from(Number::from(n).to_locale_string(&language()));
    if let Some(signs) = Signs::read(&written(123_456_789.5), &written(1234.0)) {
        locale::set(signs);
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
