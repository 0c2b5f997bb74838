//! A small table as CSV text (RFC 4180), for people's spreadsheets.

/// Heading and rows.
pub fn write<const N: usize>(heading: &[&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut text = line(heading.iter().copied());
    for row in rows {
        text.push_str(&line(row.iter().map(String::as_str)));
    }
    text
}

fn line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let cells: Vec<String> = cells.map(cell).collect();
    format!("{}\r\n", cells.join(","))
}

fn cell(text: &str) -> String {
    // spreadsheets run what starts with these
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_harmless() {
        let text = write(&["a", "b"], [["1".into(), "x, \"y\"".into()], ["=1+1".into(), String::new()]]);
        assert_eq!(text, "a,b\r\n1,\"x, \"\"y\"\"\"\r\n'=1+1,\r\n");
    }
}
