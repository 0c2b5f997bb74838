//! A spreadsheet's workbook as a table of texts, every cell in quotation marks: the form in which any other table is
//! imported. A module of its own, which the browser loads when a person chooses such a file.

use std::io::Cursor;

use calamine::{Data, Range, Reader, open_workbook_auto_from_rs};

/// Cells of a sheet that are read: a table of 250,000 rows with 40 columns.
const CELLS: usize = 10_000_000;

/// The first sheet that holds something.
///
/// # Errors
/// A sentence for the person who chose the file, where it cannot be read.
pub fn to_table(bytes: &[u8]) -> Result<String, String> {
    let unreadable = |_| {
        "This workbook cannot be read: it may be damaged or protected by a password. Open it in a spreadsheet, save it as CSV in UTF-8, then choose that file.".to_owned()
    };
    let mut workbook = open_workbook_auto_from_rs(Cursor::new(bytes)).map_err(unreadable)?;
    for sheet in workbook.sheet_names() {
        let range = workbook.worksheet_range(&sheet).map_err(unreadable)?;
        if !range.is_empty() {
            return written(&range);
        }
    }
    Err("The workbook holds no sheet with anything in it. Choose another file.".to_owned())
}

fn written(range: &Range<Data>) -> Result<String, String> {
    if range.get_size().0.saturating_mul(range.get_size().1) > CELLS {
        return Err(
            "The sheet has more cells than can be read at once. Save a part of it, then choose that file."
                .to_owned(),
        );
    }
    let mut writer =
        csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).flexible(true).from_writer(Vec::new());
    for row in range.rows() {
        writer.write_record(row.iter().map(text)).map_err(|error| error.to_string())?;
    }
    let bytes = writer.into_inner().map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

/// A cell as it means what it shows: dates as `2026-11-23`, numbers with a point and without an exponent.
fn text(cell: &Data) -> String {
    match cell {
        Data::Int(n) => n.to_string(),
        Data::Float(n) => n.to_string(),
        Data::String(text) => text.clone(),
        Data::Bool(yes) => yes.to_string(),
        Data::DateTime(at) if at.is_datetime() => {
            let (year, month, day, hour, minute, second, milli) = at.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            match (hour, minute, second, milli) {
                (0, 0, 0, 0) => date,
                (.., 0) => format!("{date} {hour:02}:{minute:02}:{second:02}"),
                _ => format!("{date} {hour:02}:{minute:02}:{second:02}.{milli:03}"),
            }
        }
        Data::DateTime(span) => span.as_f64().to_string(),
        Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        Data::Error(error) => error.to_string(),
        Data::Empty => String::new(),
    }
}

#[cfg(target_arch = "wasm32")]
mod module {
    use wasm_bindgen::prelude::*;

    /// [`super::to_table`] for the browser; throws its sentence.
    #[wasm_bindgen]
    pub fn read(bytes: &[u8]) -> Result<String, JsValue> {
        super::to_table(bytes).map_err(JsValue::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with a spreadsheet: text, numbers, a date, yes, a formula's value; an empty sheet before it.
    const PARTS: &[u8] = include_bytes!("../fixtures/parts.xlsx");

    #[test]
    fn a_sheet_becomes_a_table_of_texts() {
        assert_eq!(
            to_table(PARTS).as_deref(),
            Ok("\"code\",\"name\",\"price\",\"since\",\"ok\",\"ean\",\"twice\"\n\
                \"007\",\"Bolt; M5\",\"1.5\",\"2026-11-23\",\"true\",\"4006381333931\",\"3\"\n\
                \"008\",\"Müller \"\"Nut\"\"\",\"0.1\",\"2024-02-29\",\"false\",\"4006381333948\",\"0.2\"\n")
        );
    }

    #[test]
    fn what_is_no_workbook_is_answered_in_words() {
        for bytes in [&b"PK"[..], b"", &PARTS[..PARTS.len() / 2], b"name,n\nBolt,5\n"] {
            assert!(to_table(bytes).unwrap_err().starts_with("This workbook cannot be read"));
        }
    }
}
