//! What people and scripts read.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::failure::Failure;

/// A cell on a terminal; to a file or a pipe goes all of it.
const CELL: usize = 40;

/// A line on standard output. Whoever reads no more (`head`) ends the command, and that is no failure.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failure::Device(format!("The answer could not be written: {error}"))),
        Ok(()) => Ok(()),
    }
}

pub(crate) fn json(what: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(what).map_err(|error| Failure::Device(error.to_string()))?;
    line(&text)
}

/// Something beside the answer: not what a script reads.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// A table: in columns on a terminal, with tabs between cells elsewhere.
pub(crate) struct Table {
    widths: Option<Vec<usize>>,
    heading: Vec<String>,
    is_first: bool,
}

impl Table {
    pub(crate) fn new(heading: Vec<String>) -> Self {
        Self { widths: io::stdout().is_terminal().then(Vec::new), heading, is_first: true }
    }

    /// More rows. The first ones say how wide the columns are.
    pub(crate) fn rows(&mut self, rows: &[Vec<String>]) -> Result<(), Failure> {
        let shown = |cells: &[String]| cells.iter().map(|cell| plain(cell)).collect::<Vec<_>>();
        let heading = std::mem::take(&mut self.is_first).then(|| shown(&self.heading));
        let lines: Vec<Vec<String>> = heading.into_iter().chain(rows.iter().map(|row| shown(row))).collect();
        if let Some(widths) = &mut self.widths
            && widths.is_empty()
        {
            *widths = vec![0; self.heading.len()];
            for cells in &lines {
                for (width, cell) in widths.iter_mut().zip(cells) {
                    *width = (*width).max(cell.width().min(CELL));
                }
            }
        }
        for cells in lines {
            match &self.widths {
                None => line(&cells.join("\t"))?,
                Some(widths) => {
                    let cells = cells.iter().zip(widths).map(|(cell, width)| fitted(cell, *width));
                    line(cells.collect::<Vec<_>>().join("  ").trim_end())?;
                }
            }
        }
        Ok(())
    }
}

/// Without what would break a line, a cell or a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn fitted(text: &str, width: usize) -> String {
    let mut cell = String::new();
    let mut room = width;
    let is_whole = text.width() <= width;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if wide > room || (!is_whole && wide + 1 > room) {
            cell.push('…');
            room = room.saturating_sub(1);
            break;
        }
        cell.push(c);
        room -= wide;
    }
    cell.extend(std::iter::repeat_n(' ', room));
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_as_wide_as_they_look() {
        assert_eq!(fitted("ab", 4), "ab  ");
        assert_eq!(fitted("abcdef", 4), "abc…");
        assert_eq!(fitted("日本語", 6), "日本語");
        assert_eq!(fitted("日本語", 5), "日本…");
        assert_eq!(plain("a\tb\u{1b}[1m"), "a b [1m");
    }
}
