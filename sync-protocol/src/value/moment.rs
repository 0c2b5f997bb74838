//! Dates, times of day and points in time as texts, each in the one way of writing it.

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// `2026-11-23`, and nothing else: a time beside it would be lost.
pub(super) fn date(text: &str) -> Option<String> {
    let day = (text.len() == 10).then(|| moment(&format!("{text}T00:00:00Z")))??;
    Some(day.date().to_string())
}

/// In UTC, with as many digits of a second as there are. Seconds may be left out, and a space may stand for the T.
pub(super) fn date_time(text: &str) -> Option<String> {
    let (date, time) = (text.get(..10)?, text.get(10..)?.strip_prefix(['T', 't', ' '])?);
    let seconds = if time.get(5..)?.starts_with(['Z', 'z', '+', '-']) { ":00" } else { "" };
    let at = moment(&format!("{date}T{}{seconds}{}", &time[..5], &time[5..]))?;
    at.to_offset(UtcOffset::UTC).format(&Rfc3339).ok()
}

fn moment(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

/// `14:30:00`, with as many digits of a second as there are, at most nine. Seconds may be left out.
pub(super) fn time_of_day(text: &str) -> Option<String> {
    let (clock, fraction) = match text.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (text, None),
    };
    let digits = |text: &str, most: usize| {
        (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
    };
    let mut parts = clock.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next());
    let below = |text: &str, end: u8| {
        let number: u8 = digits(text, 2).then(|| text.parse().ok())??;
        (number < end).then_some(number)
    };
    let two = |text: &str| text.len() == 2;
    let is_clock = parts.next().is_none() && two(minute) && second.is_none_or(two);
    let is_fraction = fraction.is_none_or(|fraction| second.is_some() && digits(fraction, 9));
    if !is_clock || !is_fraction {
        return None;
    }
    let (hour, minute, second) = (below(hour, 24)?, below(minute, 60)?, below(second.unwrap_or("0"), 60)?);
    let fraction = fraction.unwrap_or_default().trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{hour:02}:{minute:02}:{second:02}{point}{fraction}"))
}
