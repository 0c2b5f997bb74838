//! What a grid shows of its collection, as its address says it: `?f=status.in.lost&s=-amount,customer&q=fragile`. So
//! Back, a reload, a link and another tab show the same.

use super::filter::{Condition, Joined, Operator, Part};
use crate::text::locale;
use std::collections::BTreeSet;
use sync_client::api::{GroupBy, Notation, Only, SortBy, View};
use sync_protocol::schema::Collection;
use sync_protocol::{CollectionId, FieldName};

/// The key among field names, of which none begins so.
const KEY: &str = "_key";

/// What is shown, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    pub search: String,
    pub filter: Joined<Part>,
    pub sort: Vec<SortBy>,
    pub group: Option<GroupBy>,
    /// Only what needs review.
    pub review: bool,
    /// Fields without a column.
    pub hidden: BTreeSet<FieldName>,
    /// Fields whose columns come first, in this order; the others follow as the collection has them.
    pub order: Vec<FieldName>,
}

impl Shown {
    /// Out of an address, without the question mark. What cannot be read is left out.
    pub fn read(query: &str) -> Self {
        let mut shown = Self::default();
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = decode(value);
            match name {
                "q" => shown.search = value,
                "f" => shown.filter.parts.extend(read_part(&value)),
                "m" => shown.filter.any = value == "any",
                "s" => shown.sort = value.split(',').filter_map(read_sort).collect(),
                "g" => {
                    shown.group = read_sort(&value)
                        .and_then(|by| Some(GroupBy { field: by.field?, descending: by.descending }));
                }
                "only" => shown.review = value == "review",
                "hide" => shown.hidden = names(&value).collect(),
                "order" => shown.order = names(&value).collect(),
                _ => {}
            }
        }
        shown
    }

    /// As an address has it; empty where all is as usual.
    pub fn write(&self) -> String {
        let mut pairs: Vec<(&str, String)> = Vec::new();
        if self.filter.any {
            pairs.push(("m", "any".to_owned()));
        }
        pairs.extend(self.filter.parts.iter().map(|part| ("f", write_part(part))));
        let list = |names: &mut dyn Iterator<Item = String>| names.collect::<Vec<_>>().join(",");
        for (name, value) in [
            ("s", list(&mut self.sort.iter().map(|by| write_sort(by.field.as_ref(), by.descending)))),
            ("g", list(&mut self.group.iter().map(|by| write_sort(Some(&by.field), by.descending)))),
            ("hide", list(&mut self.hidden.iter().map(ToString::to_string))),
            ("order", list(&mut self.order.iter().map(ToString::to_string))),
            ("only", if self.review { "review".to_owned() } else { String::new() }),
            ("q", self.search.clone()),
        ] {
            if !value.is_empty() {
                pairs.push((name, value));
            }
        }
        pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
    }

    /// What the engine is asked for. Fields that are not there any more are left out.
    pub fn view(&self, id: &CollectionId, collection: &Collection) -> View {
        let there = |field: &FieldName| collection.fields.contains_key(field);
        View {
            filter: self.filter.filter(collection),
            search: self.search.clone(),
            sort: self.sort.iter().filter(|by| by.field.as_ref().is_none_or(there)).cloned().collect(),
            group: self.group.clone().filter(|by| there(&by.field)),
            only: self.review.then_some(Only::Review),
            // a view without a search is the same for everybody
            notation: if self.search.is_empty() { Notation::default() } else { locale::notation() },
            ..View::of(id.clone())
        }
    }

    /// Whether rows are left out.
    pub fn narrows(&self) -> bool {
        self.review || !self.search.is_empty() || !self.filter.parts.is_empty()
    }

    /// All rows, in the same order.
    #[must_use]
    pub fn all_rows(&self) -> Self {
        Self { search: String::new(), filter: Joined::default(), review: false, ..self.clone() }
    }

    /// Grouped by a field, or not at all.
    pub fn group_by(&mut self, field: Option<FieldName>) {
        self.group = field.map(|field| GroupBy { field, descending: false });
    }

    /// Sorted by a field; `then`: behind what it is sorted by already.
    pub fn sort_by(&mut self, field: Option<FieldName>, descending: bool, then: bool) {
        let by = SortBy { field, descending };
        if then {
            self.sort.retain(|other| other.field != by.field);
        } else {
            self.sort.clear();
        }
        self.sort.push(by);
    }
}

fn names(list: &str) -> impl Iterator<Item = FieldName> {
    list.split(',').filter_map(|name| FieldName::new(name).ok())
}

fn read_field(name: &str) -> Option<Option<FieldName>> {
    if name == KEY { Some(None) } else { FieldName::new(name).ok().map(Some) }
}

fn read_sort(text: &str) -> Option<SortBy> {
    let name = text.strip_prefix('-');
    let field = read_field(name.unwrap_or(text))?;
    Some(SortBy { field, descending: name.is_some() })
}

fn write_sort(field: Option<&FieldName>, descending: bool) -> String {
    format!("{}{}", if descending { "-" } else { "" }, field.map_or(KEY, FieldName::as_str))
}

/// Parts of a text between `mark`s; behind a `!` a mark is a letter.
fn split(text: &str, mark: char) -> Vec<String> {
    let (mut parts, mut part, mut chars) = (Vec::new(), String::new(), text.chars());
    while let Some(c) = chars.next() {
        match c {
            '!' => {
                part.push(c);
                part.extend(chars.next());
            }
            c if c == mark => parts.push(std::mem::take(&mut part)),
            c => part.push(c),
        }
    }
    parts.push(part);
    parts
}

fn bare(text: &str) -> String {
    let (mut plain, mut chars) = (String::new(), text.chars());
    while let Some(c) = chars.next() {
        plain.extend(if c == '!' { chars.next() } else { Some(c) });
    }
    plain
}

fn marked(text: &str) -> String {
    text.chars().flat_map(|c| matches!(c, '!' | '.' | '~').then_some('!').into_iter().chain([c])).collect()
}

fn read_condition(text: &str) -> Option<Condition> {
    let mut parts = split(text, '.').into_iter();
    let field = read_field(&parts.next()?)?;
    let name = parts.next()?;
    let (operator, _) = Operator::ALL.into_iter().find(|(_, other)| *other == name)?;
    let values = parts.map(|value| bare(&value)).take(operator.values()).collect();
    Some(Condition { field, operator, values })
}

fn write_condition(condition: &Condition) -> String {
    let name = Operator::ALL.iter().find(|(one, _)| *one == condition.operator).map_or("", |(_, name)| name);
    let mut text = format!("{}.{name}", condition.field.as_ref().map_or(KEY, FieldName::as_str));
    for value in &condition.values {
        text.push('.');
        text.push_str(&marked(value));
    }
    text
}

fn read_part(text: &str) -> Option<Part> {
    let parts = split(text, '~');
    match parts.split_first() {
        Some((join, rest)) if join == "any" || join == "all" => Some(Part::Group(Joined {
            any: join == "any",
            parts: rest.iter().filter_map(|one| read_condition(one)).collect(),
        })),
        _ => read_condition(text).map(Part::One),
    }
}

fn write_part(part: &Part) -> String {
    match part {
        Part::One(one) => write_condition(one),
        Part::Group(group) => {
            let join = if group.any { "any" } else { "all" };
            let parts = group.parts.iter().map(write_condition);
            std::iter::once(join.to_owned()).chain(parts).collect::<Vec<_>>().join("~")
        }
    }
}

/// As an address may have it.
fn encode(text: &str) -> String {
    let mut safe = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'!' | b',' => {
                safe.push(char::from(byte))
            }
            byte => safe.push_str(&format!("%{byte:02X}")),
        }
    }
    safe
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut plain, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        let hex = || {
            bytes
                .get(at + 1..at + 3)
                .and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok())
        };
        match (byte, hex()) {
            (b'%', Some(code)) => {
                plain.push(code);
                at += 2;
            }
            (b'+', _) => plain.push(b' '),
            _ => plain.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::tests::{name, orders};

    fn condition(field: &str, operator: Operator, values: &[&str]) -> Condition {
        Condition {
            field: Some(name(field)),
            operator,
            values: values.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn an_address_is_short_and_readable() {
        let mut shown = Shown { search: "fragile glass".to_owned(), ..Shown::default() };
        shown.filter.parts.push(Part::One(condition("status", Operator::AnyOf, &["lost"])));
        shown.sort_by(Some(name("amount")), true, false);
        shown.sort_by(Some(name("customer")), false, true);
        assert_eq!(shown.write(), "f=status.in.lost&s=-amount,customer&q=fragile%20glass");
        assert_eq!(Shown::default().write(), "");
    }

    #[test]
    fn whatever_is_shown_comes_back_from_its_address() {
        let odd = ["a.b~c!d", "ü 😀", "x&y=z", "100%", "a+b", "", "!", "~", "#"];
        let shown = Shown {
            search: odd.concat(),
            filter: Joined {
                any: true,
                parts: vec![
                    Part::One(condition("tags", Operator::HasAny, &odd)),
                    Part::Group(Joined {
                        any: true,
                        parts: vec![
                            condition("status", Operator::Is, &["x~y"]),
                            Condition {
                                field: None,
                                operator: Operator::Begins,
                                values: vec!["A.".to_owned()],
                            },
                        ],
                    }),
                    Part::Group(Joined { any: false, parts: vec![condition("note", Operator::Empty, &[])] }),
                ],
            },
            sort: vec![SortBy { field: None, descending: true }, SortBy::rising(name("day"))],
            group: Some(GroupBy { field: name("status"), descending: true }),
            review: true,
            hidden: [name("note")].into(),
            order: vec![name("day"), name("amount")],
        };
        assert_eq!(Shown::read(&shown.write()), shown);
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        let shown = Shown::read("f=nothing&f=a.b&f=Bad.is.x&s=,-,UPPER,amount&q=%zz%&x&only=all&g=_key");
        let want = Shown {
            search: "%zz%".to_owned(),
            sort: vec![SortBy::rising(name("amount"))],
            ..Shown::default()
        };
        assert_eq!(shown, want);
    }

    #[test]
    fn fields_that_have_gone_are_not_asked_for() {
        let shown = Shown::read("f=gone.is.x&s=gone,-amount&g=gone");
        let view = shown.view(&CollectionId::from_label("orders"), &orders());
        assert_eq!((view.filter, view.group, view.sort.len()), (None, None, 1));
    }
}
