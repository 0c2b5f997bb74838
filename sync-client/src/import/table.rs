//! Tables of texts (CSV and its kin): what stands between the cells, which row names the columns, and where each row is.

use crate::api::{Failure, Reading};
use crate::sheet;

use super::file::{Cell, File, FileRow, check_headings};
use super::forms;

/// What may stand between cells, the likeliest first.
pub(super) const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];
/// Bytes of a file from which its form is guessed.
const LOOK_BYTES: usize = 64 << 10;
/// Rows from which its form is guessed.
const LOOK_ROWS: usize = 100;
/// Rows among which the one is that names the columns.
const HEADING_ROWS: usize = 20;
/// Rows shown as they stand.
const START_ROWS: usize = 8;
/// Characters of a row shown as it stands.
const START_CHARS: usize = 120;

/// Put behind the text: where it does not come out as a row of its own, the text ends within quotation marks.
const END: &str = "\n\u{1c}end of file\u{1c}\n";

/// A row with the line on which it begins.
struct Raw {
    line: u64,
    cells: Vec<String>,
}

impl Raw {
    fn filled(&self) -> usize {
        self.cells.iter().filter(|cell| !cell.trim().is_empty()).count()
    }
}

/// Reads a table; `wanted` is what a person has chosen, `ending` what the file's name says of the delimiter. `exported`:
/// Mooring wrote it.
pub(super) fn read(
    stem: &str,
    text: &str,
    wanted: Option<&Reading>,
    ending: Option<char>,
    exported: bool,
) -> Result<File, Failure> {
    let (said, body) = said(text);
    let before = if said.is_some() { 1 } else { 0 };
    let delimiter = wanted.map(|reading| reading.delimiter).filter(|d| d.is_ascii());
    let delimiter = delimiter.or(said).or(ending).unwrap_or_else(|| guess_delimiter(body));
    let mut raw = records(body, delimiter, usize::MAX)?;
    raw.iter_mut().for_each(|row| row.line += before);
    raw.retain(|row| row.filled() > 0);
    if raw.is_empty() {
        return Err(Failure::input(
            "The file holds no rows. Choose one with a heading row and rows below it.",
        ));
    }
    let start = raw.iter().take(START_ROWS).map(shown).collect();
    let heading = wanted.map(|reading| reading.heading.min(raw.len())).unwrap_or_else(|| guess_heading(&raw));
    let mut notes = Vec::new();
    if wanted.is_none() && heading == 0 {
        notes.push(
            "No row names the columns, so they are numbered. Choose the row that does, if there is one."
                .to_owned(),
        );
    }
    if wanted.is_none() && heading > 1 {
        let (n, what) = (heading - 1, raw[0].cells.iter().find(|cell| !cell.trim().is_empty()));
        let what: String = what.map(|text| text.trim().chars().take(40).collect()).unwrap_or_default();
        notes.push(match n {
            1 => format!("The row “{what}” stands above the heading and is left out."),
            n => format!("{n} rows that begin with “{what}” stand above the heading and are left out."),
        });
    }
    let rows = raw.split_off(heading);
    let width = match raw.pop() {
        Some(named) if heading > 0 => Width::Named(named.cells),
        _ => Width::Numbered(usual_width(&rows)),
    };
    let mut file = columns(stem, width, rows)?;
    if exported {
        file.rows.iter_mut().flat_map(|row| &mut row.cells).for_each(|cell| {
            if let Cell::Text(text) = cell {
                *text = sheet::unguarded(text);
            }
        });
        file.headings.iter_mut().for_each(|heading| *heading = sheet::unguarded(heading));
    }
    let (numbers, dates) = match wanted {
        Some(reading) => (reading.numbers, reading.dates),
        None => forms::found(&file, delimiter),
    };
    file.reading = Some(Reading { delimiter, heading, numbers, dates });
    file.start = start;
    file.notes = notes;
    Ok(file)
}

enum Width {
    Named(Vec<String>),
    Numbered(usize),
}

/// Names the columns, and drops those that have neither a name nor a value.
fn columns(stem: &str, width: Width, rows: Vec<Raw>) -> Result<File, Failure> {
    let headings = match width {
        Width::Named(cells) => cells.iter().map(|cell| cell.trim().to_owned()).collect(),
        Width::Numbered(n) => vec![String::new(); n],
    };
    // a row may be longer than the heading where values stand in columns that nobody has named
    let widest = headings.len();
    let empty =
        |at: usize| rows.iter().all(|row| row.cells.get(at).is_none_or(|cell| cell.trim().is_empty()));
    let kept: Vec<usize> = (0..widest).filter(|at| !headings[*at].is_empty() || !empty(*at)).collect();
    let named: Vec<String> = kept
        .iter()
        .map(|at| match headings[*at].as_str() {
            "" => format!("Column {}", at + 1),
            name => name.to_owned(),
        })
        .collect();
    check_headings(&named)?;
    let rows = rows
        .into_iter()
        .map(|mut row| {
            while row.cells.len() > widest && row.cells.last().is_some_and(|cell| cell.trim().is_empty()) {
                row.cells.pop();
            }
            let short = kept.last().is_some_and(|last| *last >= row.cells.len());
            let odd = short || row.cells.len() > widest;
            let cells = row.cells.into_iter().enumerate();
            let cells = cells.filter(|(at, _)| odd || kept.contains(at)).map(|(_, cell)| Cell::Text(cell));
            FileRow { line: Some(row.line), cells: cells.collect(), odd }
        })
        .collect();
    Ok(File { stem: stem.to_owned(), headings: named, rows, ..File::default() })
}

/// `sep=;` on the first line: spreadsheets write it to say what stands between the cells.
fn said(text: &str) -> (Option<char>, &str) {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    let line = line.trim_end_matches('\r').trim_matches('"');
    let said = line.get(..4).filter(|start| start.eq_ignore_ascii_case("sep=")).and_then(|_| {
        let mut behind = line[4..].chars();
        behind.next().filter(|c| c.is_ascii() && behind.next().is_none())
    });
    if said.is_some() { (said, rest) } else { (None, text) }
}

fn records(text: &str, delimiter: char, most: usize) -> Result<Vec<Raw>, Failure> {
    use std::io::Read;
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .has_headers(false)
        .delimiter(u8::try_from(delimiter).unwrap_or(b','))
        .from_reader(text.as_bytes().chain(END.as_bytes()));
    let bytes = text.as_bytes();
    let (mut counted, mut line) = (0, 1);
    let mut all = Vec::new();
    let mut record = csv::StringRecord::new();
    loop {
        let more = reader.read_record(&mut record).map_err(|e| {
            let line = e.position().map(|p| format!(" near line {}", p.line())).unwrap_or_default();
            Failure::input(format!(
                "This is not a readable table of texts{line}. Check that it was saved as CSV in UTF-8."
            ))
        })?;
        if !more {
            break;
        }
        if record.len() == 1 && &record[0] == END.trim_ascii() {
            return Ok(all);
        }
        // the reader's own lines are off by those that it passes over before a row
        let mut start = record.position().map_or(counted, |p| p.byte() as usize).min(bytes.len());
        while bytes.get(start).is_some_and(|b| matches!(b, b'\r' | b'\n')) {
            start += 1;
        }
        line += breaks(&bytes[counted..start]);
        counted = start;
        if all.len() == most {
            return Ok(all);
        }
        all.push(Raw { line, cells: record.iter().map(str::to_owned).collect() });
    }
    let line = all.last().map_or(1, |row| row.line);
    Err(Failure::input(format!(
        "A quotation mark that is opened near line {line} is never closed, so the rest of the file would be one cell. Close it, then choose the file again."
    )))
}

fn breaks(bytes: &[u8]) -> u64 {
    let ends = bytes.iter().enumerate().filter(|(at, b)| match b {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    ends.count() as u64
}

/// What gives the most even table of more than one column.
fn guess_delimiter(text: &str) -> char {
    let mut end = text.len().min(LOOK_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let start = &text[..end];
    let score = |delimiter: char| {
        let mut rows = look(start, delimiter);
        rows.retain(|row| row.filled() > 0);
        if end < text.len() {
            rows.pop();
        }
        let width = usual_width(&rows);
        let even = rows.iter().filter(|row| row.cells.len() == width).count();
        if width < 2 { 0 } else { 1_000 * even / rows.len().max(1) * 100 + width.min(99) }
    };
    DELIMITERS.into_iter().rev().max_by_key(|delimiter| score(*delimiter)).unwrap_or(',')
}

/// The first rows of a text that may end anywhere.
fn look(text: &str, delimiter: char) -> Vec<Raw> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .has_headers(false)
        .delimiter(u8::try_from(delimiter).unwrap_or(b','))
        .from_reader(text.as_bytes());
    let rows = reader.records().take(LOOK_ROWS).map_while(Result::ok);
    rows.map(|row| Raw { line: 0, cells: row.iter().map(str::to_owned).collect() }).collect()
}

/// As many cells as most rows have.
fn usual_width(rows: &[Raw]) -> usize {
    let mut widths = std::collections::BTreeMap::<usize, usize>::new();
    for row in rows.iter().take(LOOK_ROWS) {
        *widths.entry(row.cells.len()).or_default() += 1;
    }
    widths.into_iter().max_by_key(|(width, rows)| (*rows, *width)).map_or(0, |(width, _)| width)
}

/// Which row names the columns, from 1: the first that is as wide as most are and has a text in most of its cells. 0 where
/// that row holds nothing but numbers and dates.
fn guess_heading(rows: &[Raw]) -> usize {
    let width = usual_width(rows);
    let names = |row: &Raw| {
        let filled = row.filled();
        // the column of row names has no heading in tables of statistics
        let nameless = filled + 1 == width && row.cells[0].trim().is_empty();
        row.cells.len() >= width && (nameless || filled >= width.div_ceil(2).max(width.min(2)))
    };
    let at = rows.iter().take(HEADING_ROWS).position(names);
    // all rows but the heading may be shorter or longer than it
    let at = at.unwrap_or(0);
    let data = |cell: &String| cell.trim().is_empty() || forms::is_number_or_date(cell.trim());
    if rows[at].cells.iter().all(data) { 0 } else { at + 1 }
}

fn shown(row: &Raw) -> String {
    let cells: Vec<String> =
        row.cells.iter().map(|cell| cell.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    cells.join(" · ").chars().take(START_CHARS).collect()
}
