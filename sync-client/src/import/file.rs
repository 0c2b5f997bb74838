//! Reading CSV and JSON into rows of cells.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use sync_protocol::value::canonical_decimal as decimal;

use crate::api::Failure;
use crate::limits;

/// A cell as the file has it.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// The row has no such column (JSON).
    Absent,
    /// CSV: always text.
    Text(String),
    /// JSON: typed by the file.
    Json(serde_json::Value),
}

/// A file as rows and columns.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// Tells it from every other file that is looked at; plans name it.
    pub number: u64,
    /// The file's name without its ending.
    pub stem: String,
    /// The columns.
    pub headings: Vec<String>,
    /// The rows; in CSV a row may have too many or too few cells.
    pub rows: Vec<Vec<Cell>>,
}

/// What tells how to read a file.
enum Format {
    Csv { delimiter: Option<u8> },
    Json,
}

impl File {
    /// Reads a file; its name tells the format.
    pub fn read(name: &str, text: &str) -> Result<Self, Failure> {
        check_file(name, text.len() as u64)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.contains('\0') {
            return Err(Failure::input(
                "The file is not text in UTF-8; it may be in UTF-16. Save it again as CSV or JSON in UTF-8, then choose it again.",
            ));
        }
        if text.trim().is_empty() {
            return Err(Failure::input(
                "The file is empty. Choose one with a heading row, or with a list of objects in JSON.",
            ));
        }
        let (stem, format) = parse_name(name)?;
        let file = match format {
            Format::Csv { delimiter } => csv(stem, text, delimiter.unwrap_or_else(|| guess_delimiter(text))),
            Format::Json => json(stem, text),
        }?;
        if file.rows.len() > limits::OUTBOX_CHANGES {
            return Err(Failure::input(format!(
                "The file has {} rows; this device keeps at most {} changes until they are sent. Split the file into smaller ones, then import them one by one.",
                grouped(file.rows.len()),
                grouped(limits::OUTBOX_CHANGES)
            )));
        }
        Ok(file)
    }
}

/// Refuses a file by its name and size alone, before anybody reads it.
pub fn check_file(name: &str, bytes: u64) -> Result<(), Failure> {
    parse_name(name)?;
    if bytes <= limits::IMPORT_BYTES as u64 {
        return Ok(());
    }
    Err(Failure::input(format!(
        "The file is larger than {} MB. Split it into smaller files, then import them one by one.",
        limits::IMPORT_BYTES >> 20
    )))
}

fn parse_name(name: &str) -> Result<(&str, Format), Failure> {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let (stem, ending) = base.rsplit_once('.').unwrap_or((base, ""));
    let format = match ending.to_ascii_lowercase().as_str() {
        "csv" | "txt" => Format::Csv { delimiter: None },
        "tsv" => Format::Csv { delimiter: Some(b'\t') },
        "json" => Format::Json,
        _ => {
            return Err(Failure::input(
                "Mooring imports .csv and .json files. Save the table in one of these formats, then choose it again.",
            ));
        }
    };
    Ok((stem, format))
}

/// `250,000`.
pub(crate) fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let parts: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|part| std::str::from_utf8(part).ok()).collect();
    parts.join(",")
}

/// Put behind the text: where it does not come out as a row of its own, the text ends within quotation marks.
const END: &str = "\n\u{1c}end of file\u{1c}\n";

fn csv(stem: &str, text: &str, delimiter: u8) -> Result<File, Failure> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes().chain(END.as_bytes()));
    let unreadable = |e: csv::Error| {
        let line = e.position().map(|p| format!(" near line {}", p.line())).unwrap_or_default();
        Failure::input(format!(
            "This is not a readable CSV file{line}. Check that it was saved as CSV in UTF-8."
        ))
    };
    let headings: Vec<String> =
        reader.headers().map_err(unreadable)?.iter().map(|h| h.trim().to_owned()).collect();
    if headings.iter().all(String::is_empty) || headings == [END.trim_ascii()] {
        return Err(Failure::input("The file has no heading row. The first row must name the columns."));
    }
    check_headings(&headings)?;
    let mut rows = Vec::new();
    let mut open = Some(1);
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        if record.len() == 1 && END.trim_ascii() == &record[0] {
            open = None;
            break;
        }
        open = record.position().map(csv::Position::line);
        rows.push(record.iter().map(|cell| Cell::Text(cell.to_owned())).collect());
    }
    match open {
        None => Ok(File { number: 0, stem: stem.to_owned(), headings, rows }),
        Some(line) => Err(Failure::input(format!(
            "A quotation mark that is opened near line {line} is never closed, so the rest of the file would be one cell. Close it, then choose the file again."
        ))),
    }
}

/// `;` where the heading row has more of them than of commas: what spreadsheets write in half of Europe.
fn guess_delimiter(text: &str) -> u8 {
    let heading = text.lines().next().unwrap_or_default();
    [b';', b'\t'].into_iter().find(|d| count(heading, *d) > count(heading, b',')).unwrap_or(b',')
}

fn count(text: &str, byte: u8) -> usize {
    text.bytes().filter(|b| *b == byte).count()
}

fn json(stem: &str, text: &str) -> Result<File, Failure> {
    let objects: Vec<Object> = serde_json::from_str(text).map_err(|e| {
        Failure::input(format!(
            "This is not a list of objects in JSON (line {}, column {}). Mooring imports files such as [{{\"name\": \"John\"}}, …].",
            e.line(),
            e.column()
        ))
    })?;
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut headings = Vec::new();
    for (name, _) in objects.iter().flat_map(|o| &o.0) {
        if !places.contains_key(name) {
            places.insert(name.clone(), headings.len());
            headings.push(name.clone());
        }
    }
    if headings.is_empty() {
        return Err(Failure::input(
            "The file holds no records. Choose a file with at least one object that has a name and a value.",
        ));
    }
    check_headings(&headings)?;
    let rows = objects
        .into_iter()
        .map(|object| {
            let mut cells = vec![Cell::Absent; headings.len()];
            for (name, value) in object.0 {
                cells[places[&name]] = if value.is_null() { Cell::Absent } else { Cell::Json(value) };
            }
            cells
        })
        .collect();
    Ok(File { number: 0, stem: stem.to_owned(), headings, rows })
}

fn check_headings(headings: &[String]) -> Result<(), Failure> {
    let most = limits::HEADING_CHARS;
    if headings.iter().any(|h| h.chars().nth(most).is_some()) {
        let most = grouped(most);
        return Err(Failure::input(format!(
            "The first row is no heading: the name of a column has at most {most} characters. Give the file a heading row, then choose it again."
        )));
    }
    let mut seen = BTreeSet::new();
    match headings.iter().find(|h| !seen.insert(h.as_str())) {
        Some(twice) => Err(Failure::input(format!(
            "Two columns are called “{twice}”. Rename one of them in the file, then choose it again."
        ))),
        None => Ok(()),
    }
}

/// A value of a JSON file. A number with more digits than a JSON number keeps stays as it is written, as text.
fn whole(raw: &str) -> serde_json::Result<serde_json::Value> {
    let value: serde_json::Value = serde_json::from_str(raw)?;
    let kept = match &value {
        serde_json::Value::Number(n) => {
            let read = n.to_string();
            raw == read || decimal(raw).is_some_and(|d| Some(d) == decimal(&read))
        }
        _ => true,
    };
    Ok(if kept { value } else { serde_json::Value::String(raw.to_owned()) })
}

/// A JSON object with its names in the order of the file.
struct Object(Vec<(String, serde_json::Value)>);

impl<'de> serde::Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Object;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut pairs = Vec::with_capacity(map.size_hint().unwrap_or(8));
                while let Some((name, raw)) = map.next_entry::<String, Box<RawValue>>()? {
                    pairs.push((name, whole(raw.get()).map_err(serde::de::Error::custom)?));
                }
                Ok(Object(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}
