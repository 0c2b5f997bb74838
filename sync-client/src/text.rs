//! Texts as people compare them: equal labels are one label, and a search finds what looks alike.

use std::collections::BTreeMap;

use sync_protocol::FieldName;
use sync_protocol::schema::Field;

mod collation;
mod find;

pub use collation::{Collation, Keyed, warm};
pub use find::{Folded, hits};

/// A label in its one form: composed (NFC), without blanks around it, and with one blank where there are several. Ends of
/// lines stay, for the rule about labels to refuse.
pub fn label(text: &str) -> String {
    let blank = |c: char| c.is_whitespace() && !c.is_control();
    let line = text.split(blank).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if line.is_ascii() { line } else { normal(&line, "NFC") }
}

/// `250,000`.
pub fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let parts: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|part| std::str::from_utf8(part).ok()).collect();
    parts.join(",")
}

/// A text for a search: without letter case, accents and width, so that `cafe` finds `Café` and `strasse` `Straße`.
pub fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    for c in normal(text, "NFKD").chars().flat_map(char::to_lowercase) {
        match c {
            // accents, and what a capital I with a dot leaves behind
            '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{20d0}'..='\u{20ff}' => {}
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' => folded.push('d'),
            'ı' => folded.push('i'),
            'ς' => folded.push('σ'),
            c if c.is_whitespace() => folded.push(' '),
            c => folded.push(c),
        }
    }
    folded
}

/// A moment such as `2026-11-23T14:30:00Z` as screens show it: in the zone of the device, to the second.
pub fn local_time(utc: &str) -> Option<String> {
    local(utc)
}

#[cfg(target_arch = "wasm32")]
fn local(utc: &str) -> Option<String> {
    let date = js_sys::Date::new(&utc.into());
    let ms = date.get_time();
    if ms.is_nan() {
        return None;
    }
    let shifted = js_sys::Date::new(&(ms - date.get_timezone_offset() * 60_000.0).into());
    String::from(shifted.to_iso_string()).get(..19).map(|text| text.replace('T', " "))
}

#[cfg(not(target_arch = "wasm32"))]
fn local(utc: &str) -> Option<String> {
    let at: jiff::Timestamp = utc.parse().ok()?;
    Some(at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string())
}

#[cfg(target_arch = "wasm32")]
fn normal(text: &str, form: &str) -> String {
    js_sys::JsString::from(text).normalize(form).into()
}

#[cfg(not(target_arch = "wasm32"))]
fn normal(text: &str, form: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    if form == "NFC" { text.nfc().collect() } else { text.nfkd().collect() }
}

/// The name of a new field beside others: that of its label, or one told from it where another label has that already, or a
/// field that was deleted.
pub fn field_name(label: &str, taken: &BTreeMap<FieldName, Field>) -> FieldName {
    let free = |name: &FieldName| {
        let is_this = |field: &Field| self::label(&field.label) == label && !field.details.deleted;
        taken.get(name).is_none_or(is_this)
    };
    let marked = |again: usize| FieldName::marked(label, format!("{label}{}", "+".repeat(again)).as_bytes());
    let mut names = std::iter::once(FieldName::from_label(label)).chain((0..).map(marked));
    names.find(free).expect("there is a name for each number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_finds_what_looks_alike() {
        for (written, found) in [
            ("Café", "cafe"),
            ("Cafe\u{301}", "café"),
            ("İstanbul", "istanbul"),
            ("ISTANBUL", "ıstanbul"),
            ("Straße", "STRASSE"),
            ("ＡＢＣ１", "abc1"),
            ("Müller", "muller"),
            ("ΟΔΟΣ", "οδος"),
            ("Ærø", "aero"),
            ("a\u{a0}b", "a b"),
        ] {
            assert_eq!(folded(written), folded(found));
        }
        assert_ne!(folded("имя"), folded("имена"));
    }

    #[test]
    fn equal_labels_are_one() {
        assert_eq!(label(" Cafe\u{301} \u{a0} bar "), "Café bar");
        assert_eq!(label("two\nlines"), "two\nlines");
        let taken = BTreeMap::new();
        assert_eq!(field_name("C", &taken).as_str(), "c");
        let field = |name: &str, label: &str| {
            let name = FieldName::new(name).unwrap();
            let made = Field::new(name.clone(), label, sync_protocol::FieldType::Text);
            (name, made)
        };
        // as made by a release that wrote names by the letters it knew
        let old = BTreeMap::from([field("c", "C++")]);
        assert!(field_name("C", &old).as_str().starts_with("c__"));
        assert_ne!(field_name("C", &old), FieldName::from_label("C++"));
        assert_eq!(field_name("C", &BTreeMap::from([field("c", "C")])).as_str(), "c");
        // one that was deleted keeps its name, and its values
        let mut deleted = BTreeMap::from([field("c", "C")]);
        deleted.values_mut().for_each(|field| field.details.deleted = true);
        let second = field_name("C", &deleted);
        assert!(second.as_str().starts_with("c__"));
        deleted.insert(second.clone(), deleted.values().next().unwrap().clone());
        assert_ne!(field_name("C", &deleted), second);
    }
}
