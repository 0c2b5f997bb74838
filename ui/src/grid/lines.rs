//! The lines of a grid: rows and, where they are grouped, above those of each group its heading. A folded group is its heading
//! alone. What is drawn and where the cursor stands is counted in lines; what is asked of the engine is counted in rows.

use std::ops::Range;
use sync_client::api::{Folded, Groups};

/// Which lines there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// Empty where rows are not grouped.
    sections: Vec<Section>,
    /// Rows that are not folded.
    rows: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Section {
    /// Of its heading.
    line: usize,
    /// Its first row among those that are not folded.
    row: usize,
    /// Its first row among all that match.
    place: usize,
    /// How many rows it has.
    all: usize,
    folded: bool,
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// The heading of that group; behind the last group that is told, of all others.
    Group(usize),
    /// That row of those that are not folded.
    Row(usize),
}

impl Lines {
    /// Of so many rows that match, in these groups.
    pub fn new(matching: usize, groups: Option<&Groups>, folded: &Folded) -> Self {
        let Some(groups) = groups else { return Self { sections: Vec::new(), rows: matching } };
        let mut lines = Self::default();
        let (mut line, mut place) = (0, 0);
        let told = groups.groups.iter().map(|group| (group.rows, folded.folds(&group.value)));
        let rest = matching.saturating_sub(groups.groups.iter().map(|group| group.rows).sum());
        let others = (groups.more && rest > 0).then_some((rest, folded.all));
        for (all, folded) in told.chain(others) {
            lines.sections.push(Section { line, row: lines.rows, place, all, folded });
            let shown = if folded { 0 } else { all };
            (line, place, lines.rows) = (line + 1 + shown, place + all, lines.rows + shown);
        }
        lines
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sections.len() + self.rows
    }

    /// Rows that are not folded.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// What a line is.
    pub fn at(&self, line: usize) -> Option<Line> {
        if line >= self.len() {
            return None;
        }
        let group = self.sections.partition_point(|section| section.line <= line).checked_sub(1);
        Some(match group.map(|group| (group, &self.sections[group])) {
            None => Line::Row(line),
            Some((group, section)) if section.line == line => Line::Group(group),
            Some((_, section)) => Line::Row(section.row + line - section.line - 1),
        })
    }

    /// The line of a row.
    pub fn line_of(&self, row: usize) -> usize {
        // of sections that begin at one row all but the last are folded
        match self.sections.partition_point(|section| section.row <= row).checked_sub(1) {
            None => row,
            Some(at) => self.sections[at].line + 1 + row - self.sections[at].row,
        }
    }

    /// The rows among these lines.
    pub fn rows_in(&self, lines: Range<usize>) -> Range<usize> {
        let before = |line: usize| match self.sections.partition_point(|section| section.line < line) {
            0 => line.min(self.rows),
            at => {
                let section = &self.sections[at - 1];
                let shown = if section.folded { 0 } else { section.all };
                section.row + (line - section.line - 1).min(shown)
            }
        };
        before(lines.start)..before(lines.end)
    }

    /// The row at a place among all that match; `None` where it is folded.
    pub fn row_at(&self, place: usize) -> Option<usize> {
        match self.sections.partition_point(|section| section.place <= place).checked_sub(1) {
            None => Some(place),
            Some(at) => {
                let section = &self.sections[at];
                (!section.folded).then(|| section.row + place - section.place)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_client::api::Group;
    use sync_protocol::Value;

    fn groups(rows: &[usize], more: bool) -> Groups {
        let group =
            |(at, rows): (usize, &usize)| Group { value: Value::from(at), rows: *rows, figures: Vec::new() };
        Groups { groups: rows.iter().enumerate().map(group).collect(), more }
    }

    fn folded(all: bool, but: &[usize]) -> Folded {
        Folded { all, but: but.iter().map(|at| Value::from(*at)).collect() }
    }

    fn drawn(lines: &Lines) -> String {
        let word = |line| match lines.at(line) {
            Some(Line::Group(at)) => format!("g{at}"),
            Some(Line::Row(row)) => row.to_string(),
            None => "-".to_owned(),
        };
        (0..=lines.len()).map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn headings_stand_above_their_rows_and_folded_ones_alone() {
        for (lines, want) in [
            (Lines::new(3, None, &folded(true, &[])), "0 1 2 -"),
            (Lines::new(5, Some(&groups(&[2, 3], false)), &folded(false, &[])), "g0 0 1 g1 2 3 4 -"),
            (Lines::new(7, Some(&groups(&[2, 3, 2], false)), &folded(false, &[1])), "g0 0 1 g1 g2 2 3 -"),
            (Lines::new(7, Some(&groups(&[2, 3, 2], false)), &folded(false, &[0, 1])), "g0 g1 g2 0 1 -"),
            (Lines::new(7, Some(&groups(&[2, 3, 2], false)), &folded(true, &[1])), "g0 g1 0 1 2 g2 -"),
            (Lines::new(9, Some(&groups(&[2], true)), &folded(true, &[])), "g0 g1 -"),
            (Lines::new(4, Some(&groups(&[2], true)), &folded(false, &[])), "g0 0 1 g1 2 3 -"),
            (Lines::new(0, Some(&groups(&[], false)), &folded(false, &[])), "-"),
        ] {
            assert_eq!(drawn(&lines), want);
            // there and back
            for row in 0..lines.rows() {
                assert_eq!(lines.at(lines.line_of(row)), Some(Line::Row(row)), "{row} of {want}");
            }
            let rows = |from: usize, to: usize| {
                let rows = (from..to).filter_map(|line| match lines.at(line) {
                    Some(Line::Row(row)) => Some(row),
                    _ => None,
                });
                rows.collect::<Vec<_>>()
            };
            for (from, to) in
                (0..=lines.len()).flat_map(|from| (from..=lines.len()).map(move |to| (from, to)))
            {
                assert_eq!(
                    lines.rows_in(from..to).collect::<Vec<_>>(),
                    rows(from, to),
                    "{from}..{to} of {want}"
                );
            }
        }
    }

    #[test]
    fn a_place_among_all_that_match_is_a_row_where_it_is_not_folded() {
        let lines = Lines::new(7, Some(&groups(&[2, 3, 2], false)), &folded(false, &[1]));
        let rows: Vec<Option<usize>> = (0..7).map(|place| lines.row_at(place)).collect();
        assert_eq!(rows, [Some(0), Some(1), None, None, None, Some(2), Some(3)]);
    }
}
