//! The cell cursor: where it is, how keys move it, and the range between it and where the range began.

use std::ops::RangeInclusive;

/// A cell: its line among all of them, its column among those that are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    pub row: usize,
    pub column: usize,
}

/// The cursor with its range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Where keys work.
    pub at: Cell,
    /// The other corner of the range.
    pub anchor: Cell,
}

/// The way of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Up(usize),
    Down(usize),
    Left,
    Right,
    /// To the first cell of the row.
    RowStart,
    RowEnd,
    /// To the very first cell.
    First,
    Last,
    /// To the first row, in the same column.
    Top,
    Bottom,
    /// To the next cell, over the end of the row into the next.
    Next,
    Previous,
}

/// How much there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub rows: usize,
    pub columns: usize,
}

impl Cursor {
    /// On one cell.
    pub fn on(at: Cell) -> Self {
        Self { at, anchor: at }
    }

    /// After one key; with Shift (`extend`) the range grows or shrinks. A range ends without it.
    #[must_use]
    pub fn after(self, step: Step, extend: bool, size: Size) -> Self {
        let (last_row, last_column) = (size.rows.saturating_sub(1), size.columns.saturating_sub(1));
        let Cell { row, column } = self.at;
        let (row, column) = match step {
            Step::Up(by) => (row.saturating_sub(by), column),
            Step::Down(by) => (row.saturating_add(by), column),
            Step::Left => (row, column.saturating_sub(1)),
            Step::Right => (row, column + 1),
            Step::RowStart => (row, 0),
            Step::RowEnd => (row, last_column),
            Step::First => (0, 0),
            Step::Last => (last_row, last_column),
            Step::Top => (0, column),
            Step::Bottom => (last_row, column),
            Step::Next if column < last_column => (row, column + 1),
            Step::Next if row < last_row => (row + 1, 0),
            Step::Previous if column > 0 => (row, column - 1),
            Step::Previous if row > 0 => (row - 1, last_column),
            Step::Next | Step::Previous => (row, column),
        };
        let at = Cell { row: row.min(last_row), column: column.min(last_column) };
        Self { at, anchor: if extend { self.anchor } else { at } }
    }

    /// Everything, with the cursor where it is.
    #[must_use]
    pub fn all(size: Size) -> Self {
        Self {
            at: Cell::default(),
            anchor: Cell { row: size.rows.saturating_sub(1), column: size.columns.saturating_sub(1) },
        }
    }

    /// Within what there is by now.
    #[must_use]
    pub fn within(self, size: Size) -> Self {
        let fit = |cell: Cell| Cell {
            row: cell.row.min(size.rows.saturating_sub(1)),
            column: cell.column.min(size.columns.saturating_sub(1)),
        };
        Self { at: fit(self.at), anchor: fit(self.anchor) }
    }

    /// The rows of the range.
    pub fn rows(self) -> RangeInclusive<usize> {
        self.at.row.min(self.anchor.row)..=self.at.row.max(self.anchor.row)
    }

    /// The columns of the range.
    pub fn columns(self) -> RangeInclusive<usize> {
        self.at.column.min(self.anchor.column)..=self.at.column.max(self.anchor.column)
    }

    /// Whether the range is more than one cell.
    pub fn is_range(self) -> bool {
        self.at != self.anchor
    }
}

/// The way of a key that moves the cursor; `None` for all others. `page`: rows of a screen.
pub fn step_of(key: &str, ctrl: bool, shift: bool, page: usize) -> Option<Step> {
    Some(match (key, ctrl) {
        ("ArrowUp", false) => Step::Up(1),
        ("ArrowDown", false) => Step::Down(1),
        ("ArrowUp", true) => Step::Top,
        ("ArrowDown", true) => Step::Bottom,
        ("ArrowLeft", false) => Step::Left,
        ("ArrowRight", false) => Step::Right,
        ("ArrowLeft", true) | ("Home", false) => Step::RowStart,
        ("ArrowRight", true) | ("End", false) => Step::RowEnd,
        ("Home", true) => Step::First,
        ("End", true) => Step::Last,
        ("PageUp", _) => Step::Up(page),
        ("PageDown", _) => Step::Down(page),
        ("Tab", false) if shift => Step::Previous,
        ("Tab", false) => Step::Next,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { rows: 100_000, columns: 10 };

    fn at(row: usize, column: usize) -> Cell {
        Cell { row, column }
    }

    #[test]
    fn keys_move_and_stay_within() {
        let start = Cursor::on(at(5, 3));
        for (key, ctrl, shift, want) in [
            ("ArrowUp", false, false, at(4, 3)),
            ("ArrowDown", false, false, at(6, 3)),
            ("ArrowLeft", false, false, at(5, 2)),
            ("ArrowRight", false, false, at(5, 4)),
            ("Home", false, false, at(5, 0)),
            ("End", false, false, at(5, 9)),
            ("Home", true, false, at(0, 0)),
            ("End", true, false, at(99_999, 9)),
            ("PageUp", false, false, at(0, 3)),
            ("PageDown", false, false, at(24, 3)),
            ("ArrowDown", true, false, at(99_999, 3)),
            ("Tab", false, false, at(5, 4)),
            ("Tab", false, true, at(5, 2)),
        ] {
            let step = step_of(key, ctrl, shift, 19).unwrap();
            assert_eq!(start.after(step, false, SIZE), Cursor::on(want), "{key}");
        }
        assert_eq!(step_of("a", false, false, 19), None);
        assert_eq!(Cursor::on(at(0, 9)).after(Step::Next, false, SIZE).at, at(1, 0));
        assert_eq!(Cursor::on(at(1, 0)).after(Step::Previous, false, SIZE).at, at(0, 9));
        assert_eq!(Cursor::on(at(99_999, 9)).after(Step::Next, false, SIZE).at, at(99_999, 9));
        assert_eq!(
            Cursor::on(at(0, 0)).after(Step::Down(1), false, Size { rows: 0, columns: 0 }).at,
            at(0, 0)
        );
    }

    #[test]
    fn shift_makes_a_range_and_without_it_the_range_ends() {
        let range = Cursor::on(at(5, 3)).after(Step::Up(2), true, SIZE).after(Step::Right, true, SIZE);
        assert_eq!((range.rows(), range.columns(), range.is_range()), (3..=5, 3..=4, true));
        assert!(!range.after(Step::Down(1), false, SIZE).is_range());
        let all = Cursor::all(SIZE);
        assert_eq!((all.rows(), all.columns()), (0..=99_999, 0..=9));
        assert_eq!(all.within(Size { rows: 3, columns: 2 }).rows(), 0..=2);
    }
}
