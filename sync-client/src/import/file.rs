//! A file as rows of cells: which format it is in, and what is wrong with it.

use std::collections::BTreeSet;

use crate::api::{Failure, Reading};
use crate::limits;
use crate::text::grouped;

use super::{json, table};
use crate::sheet;

/// A cell as the file has it.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// The row has no such column (JSON).
    Absent,
    /// In a table of texts, always text.
    Text(String),
    /// Typed by the file.
    Json(serde_json::Value),
}

impl Cell {
    /// The cell as a text for a table.
    pub fn to_text(&self) -> String {
        match self {
            Self::Absent => String::new(),
            Self::Text(text) | Self::Json(serde_json::Value::String(text)) => text.clone(),
            Self::Json(json) => json.to_string(),
        }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Absent => true,
            Self::Text(text) => text.trim().is_empty(),
            Self::Json(_) => false,
        }
    }
}

/// A row of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileRow {
    /// The line on which it begins, from 1; `None` where the file has no lines of its own.
    pub line: Option<u64>,
    /// One per column, unless the row is odd.
    pub cells: Vec<Cell>,
    /// It has too many or too few cells.
    pub odd: bool,
}

/// A file as rows and columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// Tells it from every other file that is looked at; plans name it.
    pub number: u64,
    /// The file's name without its ending.
    pub stem: String,
    /// The columns.
    pub headings: Vec<String>,
    /// The rows that hold something.
    pub rows: Vec<FileRow>,
    /// How the table of texts was read; `None` for JSON.
    pub reading: Option<Reading>,
    /// The first rows as they stand, the heading among them.
    pub start: Vec<String>,
    /// What a person should know of how it was read.
    pub notes: Vec<String>,
}

/// What tells how to read a file.
enum Format {
    Table { delimiter: Option<char> },
    Json,
}

impl File {
    /// Reads a file; its name tells the format.
    pub fn read(name: &str, text: &str) -> Result<Self, Failure> {
        Self::read_as(name, text, None)
    }

    /// Reads a file as a person has said it is written.
    pub fn read_as(name: &str, text: &str, reading: Option<&Reading>) -> Result<Self, Failure> {
        check_file(name, text.len() as u64)?;
        if text.contains('\0') {
            return Err(Failure::input(
                "The file is not text in UTF-8; it may be in UTF-16. Save it again as CSV or JSON in UTF-8, then choose it again.",
            ));
        }
        let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
        if bare.trim().is_empty() {
            return Err(Failure::input(
                "The file is empty. Choose one with a heading row, or with a list of objects in JSON.",
            ));
        }
        let (stem, format) = parse_name(name)?;
        let file = match format {
            Format::Table { delimiter } => {
                table::read(stem, bare, reading, delimiter, sheet::is_export(text))
            }
            Format::Json => json::read(stem, bare),
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

    /// The place of a column.
    pub fn place(&self, heading: &str) -> Option<usize> {
        self.headings.iter().position(|h| h == heading)
    }

    /// The cells of a column in the rows that are not odd.
    pub(super) fn column(&self, place: usize) -> impl Iterator<Item = &Cell> + Clone {
        self.rows.iter().filter(|row| !row.odd).filter_map(move |row| row.cells.get(place))
    }
}

/// Refuses a file by its name and size alone, before anybody reads it.
pub fn check_file(name: &str, bytes: u64) -> Result<(), Failure> {
    parse_name(name)?;
    check_size(bytes)
}

/// The same by its size alone.
///
/// # Errors
/// With words for people, where it is too large.
pub fn check_size(bytes: u64) -> Result<(), Failure> {
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
        "csv" | "txt" => Format::Table { delimiter: None },
        "tsv" | "tab" => Format::Table { delimiter: Some('\t') },
        "json" => Format::Json,
        _ => {
            return Err(Failure::input(
                "Mooring imports tables (.csv, .tsv, .txt), workbooks (.xlsx, .ods) and lists in JSON (.json). Save the table as one of these, then choose it again.",
            ));
        }
    };
    Ok((stem, format))
}

pub(super) fn check_headings(headings: &[String]) -> Result<(), Failure> {
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
