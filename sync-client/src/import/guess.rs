//! What the columns of a file probably hold, and which fields of a collection they are.

use std::collections::{BTreeMap, BTreeSet};
use sync_protocol::Ordered;

use sync_protocol::limits::LABEL_CHARS;
use sync_protocol::schema::{Collection, Field};
use sync_protocol::{FieldName, FieldType, RecordKey};

use super::file::{Cell, File};
use super::{OF_REFUSED, forms};
use crate::api::{ImportColumn, ImportPlan, Numbers, Reading};
use crate::text;

/// Different values of a column that could be a choice, at most.
const FEW: usize = 30;
/// So many rows per value there are then, at least.
const ROWS_PER_CHOICE: usize = 4;

/// A plan for a file: a type per column that every cell fits, and a key column where one is unique. Into a collection:
/// the columns are its fields where they are called like them, and its types count.
pub(super) fn plan(file: &File, wanted: Option<ImportPlan>, into: Option<&Collection>) -> ImportPlan {
    let wanted = wanted.unwrap_or_else(|| ImportPlan { label: title(&file.stem), ..ImportPlan::default() });
    let key = match &wanted.key {
        Some(key) if file.place(key).is_some() => Some(key.clone()),
        _ => key(file),
    };
    let nobody = BTreeMap::new();
    let mut taken = into.map_or(&nobody, |collection| &collection.fields).clone();
    let mut last = taken.values().map(|field| field.position).max().unwrap_or(-1);
    let mut left: Vec<Field> = taken.values().filter(|field| !field.details.deleted).cloned().collect();
    // columns called exactly like a field take it before those that only look like it
    let mut found: Vec<Option<Field>> = vec![None; file.headings.len()];
    for alike in [same_label as fn(&str, &Field) -> bool, looks_alike] {
        for (heading, found) in file.headings.iter().zip(&mut found).filter(|(_, found)| found.is_none()) {
            if let Some(at) = left.iter().position(|field| alike(heading, field)) {
                *found = Some(left.swap_remove(at));
            }
        }
    }
    let columns = file.headings.iter().zip(found).enumerate().map(|(place, (heading, known))| {
        let is_key = key.as_ref() == Some(heading);
        if let Some(field) = known {
            return ImportColumn { heading: heading.clone(), field, take: true, known: true, few: None };
        }
        let field_type = field_type(file, place);
        let label = label(heading);
        let name = text::field_name(&label, &taken);
        last += 1;
        let field = Field { position: last, ..Field::new(name, label, field_type) };
        taken.insert(field.name.clone(), field.clone());
        // what is nothing but the key is not there twice; a name is a field of its own
        let is_only_key = is_key && file.headings.len() > 1 && is_code(file, place);
        let take = !is_only_key && !OF_REFUSED.contains(&heading.as_str());
        ImportColumn {
            heading: heading.clone(),
            field,
            take,
            known: false,
            few: few(file, place, field_type),
        }
    });
    let columns = columns.collect();
    ImportPlan { file: file.number, key, columns, reading: file.reading, ..wanted }
}

/// A heading as a label: cells may have several lines.
fn one_line(heading: &str) -> String {
    text::label(&heading.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn same_label(heading: &str, field: &Field) -> bool {
    one_line(heading) == text::label(&field.label)
}

fn looks_alike(heading: &str, field: &Field) -> bool {
    let heading = one_line(heading);
    text::folded(&heading) == text::folded(&field.label) || heading == field.name.as_str()
}

/// `harbour_visits-2024` as people would write it: `Harbour visits 2024`.
fn title(stem: &str) -> String {
    let words = stem.replace(['_', '-'], " ");
    let mut letters = words.trim().chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What people call the field: the heading as one line, and no longer than a label may be.
fn label(heading: &str) -> String {
    let line: String = one_line(heading).chars().filter(|c| !c.is_control()).take(LABEL_CHARS).collect();
    let line = text::label(&line);
    if line.is_empty() { FieldName::from_label(heading).to_string() } else { line }
}

fn filled(file: &File, place: usize) -> impl Iterator<Item = &Cell> + Clone {
    file.column(place).filter(|cell| !cell.is_empty())
}

fn field_type(file: &File, place: usize) -> FieldType {
    if filled(file, place).next().is_none() {
        return FieldType::Text;
    }
    use FieldType::{Date, DateTime, Decimal, Integer, Json, LongText, Text, YesNo};
    let reading = file.reading.as_ref();
    let fits = |t: &FieldType| {
        filled(file, place).all(|cell| fits(*t, cell, reading))
            && (*t != Decimal || zeros_say_nothing(file, place))
    };
    [YesNo, Integer, Decimal, Date, DateTime, Text, LongText].into_iter().find(fits).unwrap_or(Json)
}

/// Whether a cell surely holds that: what a round trip would change (leading zeros, exponents, a text of digits in JSON)
/// does not fit.
fn fits(t: FieldType, cell: &Cell, reading: Option<&Reading>) -> bool {
    use serde_json::Value as J;
    let canonical = |text: &str| {
        t.parse(text, &[]).is_ok_and(|value| !value.is_absent() && t.show(&value) == text.trim())
    };
    let number = |text: &str| forms::plain(text.trim(), reading.and_then(|reading| reading.numbers));
    match (t, cell) {
        (_, Cell::Absent) => true,
        (FieldType::YesNo, Cell::Text(text)) => {
            matches!(text.trim().to_ascii_lowercase().as_str(), "true" | "false" | "yes" | "no")
        }
        (FieldType::YesNo, Cell::Json(json)) => json.is_boolean(),
        (FieldType::Integer, Cell::Text(text)) => {
            !spaced(text)
                && !text.trim().starts_with('+')
                && number(text).is_some_and(|text| canonical(&text))
        }
        (FieldType::Integer, Cell::Json(json)) => json.is_i64(),
        (FieldType::Decimal, Cell::Text(text)) => {
            let Some(plain) = number(text).filter(|_| !spaced(text)) else { return false };
            let digits = plain.strip_prefix('-').unwrap_or(&plain);
            let padded = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
            let exact = !padded && !text.trim().starts_with('+') && !plain.contains(['e', 'E']);
            exact && t.parse(&plain, &[]).is_ok()
        }
        (FieldType::Decimal, Cell::Json(J::Number(n))) => t.parse(&n.to_string(), &[]).is_ok(),
        (FieldType::Date, Cell::Text(text)) => {
            let dates = reading.and_then(|reading| reading.dates);
            canonical(text) || forms::date(text.trim(), dates).is_some_and(|date| t.parse(&date, &[]).is_ok())
        }
        (FieldType::Date | FieldType::DateTime, Cell::Text(text) | Cell::Json(J::String(text))) => {
            canonical(text)
        }
        (FieldType::Text, Cell::Text(text) | Cell::Json(J::String(text))) => {
            text.len() <= 250 && !text.contains(['\n', '\r'])
        }
        (FieldType::LongText, Cell::Text(_) | Cell::Json(J::String(_))) => true,
        (FieldType::Text | FieldType::LongText, Cell::Json(J::Number(_))) => true,
        _ => false,
    }
}

/// Blanks within a text of digits: as often a telephone number as a number.
fn spaced(text: &str) -> bool {
    text.trim().contains(' ')
}

/// `1.9, 1.10` are versions, `1.50, 2.00` are prices: zeros at the end say something where not all have as many digits.
/// Nobody writes versions with a comma.
fn zeros_say_nothing(file: &File, place: usize) -> bool {
    let numbers = file.reading.as_ref().and_then(|reading| reading.numbers);
    let (mut lengths, mut zeros) = (BTreeSet::new(), false);
    for cell in filled(file, place) {
        let Cell::Text(text) = cell else { continue };
        let plain = forms::plain(text.trim(), numbers).unwrap_or_default();
        let fraction = plain.split_once('.').map_or("", |(_, fraction)| fraction);
        zeros |= fraction.ends_with('0');
        lengths.insert(fraction.len());
    }
    !zeros || lengths.len() == 1 || numbers == Some(Numbers::Comma)
}

/// What a person should know of a column that was guessed.
pub(super) fn notes(file: &File, plan: &ImportPlan) -> Vec<String> {
    plan.columns
        .iter()
        .filter(|column| column.take && !column.known)
        .filter_map(|column| note(file, file.place(&column.heading)?, column))
        .collect()
}

fn note(file: &File, place: usize, column: &ImportColumn) -> Option<String> {
    let numbers = file.reading.as_ref()?.numbers;
    let heading = &column.heading;
    let texts = || {
        filled(file, place)
            .filter_map(|cell| if let Cell::Text(text) = cell { Some(text.trim()) } else { None })
    };
    match column.field.field_type {
        FieldType::Decimal | FieldType::Integer => {
            let shown = |text: &&str| {
                let plain = forms::plain(text, numbers).unwrap_or_default();
                column
                    .field
                    .field_type
                    .parse(&plain, &[])
                    .is_ok_and(|value| column.field.field_type.show(&value) != plain)
            };
            let text = texts().find(shown)?;
            Some(format!(
                "Numbers in “{heading}” are kept by their value, not as they are written (“{text}”). Choose Text to keep every sign."
            ))
        }
        FieldType::Text => {
            let number = |text: &str| {
                forms::is_number_or_date(text) && !text.starts_with(['0', '+'])
                    || forms::is_number_of_two_forms(text)
            };
            let (mut all, mut numbers, mut dates) = (0, 0, 0);
            for text in texts() {
                all += 1;
                numbers += usize::from(number(text));
                dates += usize::from(forms::is_date_of_some_order(text));
            }
            if all > 0 && dates == all {
                let text = texts().next()?;
                return Some(format!(
                    "“{heading}” stays text: it is not sure what “{text}” means. Say below how dates are written to make it dates."
                ));
            }
            if all > 0 && numbers == all {
                let text = texts().find(|text| {
                    forms::is_number_of_two_forms(text) || text.ends_with('0') || text.contains(['e', 'E'])
                });
                let text = text.or_else(|| texts().next())?;
                return Some(format!(
                    "“{heading}” stays text, because a number would change what is written (“{text}”). Choose another type, or say below how numbers are written, if it holds numbers."
                ));
            }
            None
        }
        _ => None,
    }
}

/// How many different texts a column holds, where they are few for many rows.
fn few(file: &File, place: usize, field_type: FieldType) -> Option<usize> {
    if field_type != FieldType::Text {
        return None;
    }
    let mut seen = BTreeSet::new();
    let mut rows = 0;
    for cell in filled(file, place) {
        let (Cell::Text(text) | Cell::Json(serde_json::Value::String(text))) = cell else { return None };
        rows += 1;
        if seen.insert(text.trim()) && seen.len() > FEW {
            return None;
        }
    }
    (seen.len() > 1 && rows >= seen.len() * ROWS_PER_CHOICE).then_some(seen.len())
}

/// The different texts of a column in the order in which they come, for a choice.
pub(super) fn options(file: &File, place: usize) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut options = Vec::new();
    for cell in filled(file, place) {
        let text = cell.to_text().trim().to_owned();
        if options.len() < super::OPTIONS && seen.insert(text.clone()) {
            options.push(text);
        }
    }
    options
}

/// The first column called like a key, else the first column, if it is filled and unique.
fn key(file: &File) -> Option<String> {
    let candidates = file.headings.iter().filter(|h| is_key_name(h)).chain(file.headings.first());
    candidates.into_iter().find(|heading| is_key(file, heading)).cloned()
}

fn is_key_name(heading: &str) -> bool {
    matches!(heading.to_ascii_lowercase().as_str(), "id" | "key" | "code" | "uuid" | "number" | "no")
}

/// Whether a column holds nothing but what things are numbered by: it is called so, or has a digit in every cell.
fn is_code(file: &File, place: usize) -> bool {
    let digits =
        |text: String| text.bytes().any(|b| b.is_ascii_digit()) && !text.trim().contains(char::is_whitespace);
    is_key_name(&file.headings[place]) || file.column(place).all(|cell| digits(cell.to_text()))
}

fn is_key(file: &File, heading: &str) -> bool {
    let Some(place) = file.place(heading) else { return false };
    let mut seen = BTreeSet::new();
    // texts and numbers in one column are names, not keys: 300 would sort and look up apart from the others
    let kinds: BTreeSet<bool> = file
        .column(place)
        .filter_map(|cell| match cell {
            Cell::Json(json) => Some(json.is_number()),
            Cell::Text(_) | Cell::Absent => None,
        })
        .ordered_set();
    if kinds.len() > 1 {
        return false;
    }
    file.column(place).all(|cell| match cell {
        Cell::Text(text) => {
            RecordKey::from_input(text.trim()).check().is_ok() && seen.insert(text.trim().to_owned())
        }
        Cell::Json(serde_json::Value::String(text)) => {
            RecordKey::Text(text.clone()).check().is_ok() && seen.insert(format!("t{text}"))
        }
        Cell::Json(serde_json::Value::Number(n)) => n.is_i64() && seen.insert(format!("n{n}")),
        _ => false,
    })
}
