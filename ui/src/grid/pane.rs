//! Where rows and columns are: which of them are in view, which are asked for, and how a scroll bar of a browser's
//! bounded height stands for any number of rows. Pixels throughout.

use std::ops::Range;

/// Browsers draw nothing in elements that are higher than some ten million pixels; above this the bar is scaled.
pub const TALLEST: f64 = 8_000_000.0;

/// Rows that are drawn above and below those in view, so that a small scroll shows no gap.
const BESIDE: usize = 6;

/// How many rows a window of the engine holds.
pub const WINDOW: usize = 200;

/// The rows of a view as a scroll bar sees them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pane {
    /// How many rows there are.
    pub rows: usize,
    /// The height of one.
    pub row: f64,
    /// The height of what is in view below the headings.
    pub height: f64,
}

impl Pane {
    /// The height of all rows.
    fn whole(&self) -> f64 {
        self.rows as f64 * self.row
    }

    /// The height of the element that is scrolled.
    pub fn scrolled(&self) -> f64 {
        self.whole().min(TALLEST)
    }

    /// The first pixel of all rows that is in view, for a place of the scroll bar.
    pub fn first_pixel(&self, bar: f64) -> f64 {
        let (way, bars_way) = (self.whole() - self.height, self.scrolled() - self.height);
        if way <= 0.0 || bars_way <= 0.0 {
            return 0.0;
        }
        (bar.clamp(0.0, bars_way) * (way / bars_way)).min(way)
    }

    /// The place of the scroll bar at which that pixel of all rows is the first in view.
    pub fn bar_at(&self, pixel: f64) -> f64 {
        let (way, bars_way) = (self.whole() - self.height, self.scrolled() - self.height);
        if way <= 0.0 || bars_way <= 0.0 {
            return 0.0;
        }
        pixel.clamp(0.0, way) * (bars_way / way)
    }

    /// The rows in view, also in part.
    pub fn in_view(&self, bar: f64) -> Range<usize> {
        let first = self.first_pixel(bar);
        let from = (first / self.row).floor() as usize;
        let to = ((first + self.height) / self.row).ceil() as usize;
        from.min(self.rows)..to.min(self.rows)
    }

    /// The rows that are drawn, and where the first of them stands in the element that is scrolled.
    pub fn drawn(&self, bar: f64) -> (Range<usize>, f64) {
        let view = self.in_view(bar);
        // in steps, so that most small scrolls draw nothing anew
        let from = view.start.saturating_sub(BESIDE) / BESIDE * BESIDE;
        let to = ((view.end + BESIDE).div_ceil(BESIDE) * BESIDE).min(self.rows);
        let top = from as f64 * self.row
            + (bar.clamp(0.0, (self.scrolled() - self.height).max(0.0)) - self.first_pixel(bar));
        (from..to, top)
    }

    /// The place of the bar that brings a row wholly into view with the least way; `None` where it is.
    pub fn reach(&self, row: usize, bar: f64) -> Option<f64> {
        let (first, top) = (self.first_pixel(bar), row as f64 * self.row);
        if top < first {
            Some(self.bar_at(top))
        } else if top + self.row > first + self.height {
            Some(self.bar_at(top + self.row - self.height))
        } else {
            None
        }
    }

    /// How far Page Down goes.
    pub fn page(&self) -> usize {
        ((self.height / self.row) as usize).saturating_sub(1).max(1)
    }
}

/// The window to ask for where the rows of `view` are not well within those at hand; `None` where they are.
pub fn wanted(view: &Range<usize>, have: &Range<usize>, rows: usize) -> Option<Range<usize>> {
    let margin = (WINDOW.saturating_sub(view.len()) / 4).min(40);
    let enough = view.start.saturating_sub(margin) >= have.start || have.start == 0;
    let enough = enough && have.start <= view.start && ((view.end + margin).min(rows) <= have.end);
    if enough {
        return None;
    }
    let middle = usize::midpoint(view.start, view.end);
    let from = middle.saturating_sub(WINDOW / 2).min(rows.saturating_sub(WINDOW));
    let wanted = from..(from + WINDOW);
    (wanted != *have).then_some(wanted)
}

/// The columns in view of those that scroll: the first and the one behind the last, and the width before the first.
pub fn columns_in_view(widths: &[u32], left: f64, width: f64) -> (Range<usize>, u32) {
    // some beside those in view, so that a small scroll shows no gap
    const BESIDE: f64 = 240.0;
    let (mut from, mut before, mut x) = (None, 0, 0);
    for (at, column) in widths.iter().enumerate() {
        let end = x + column;
        if from.is_none() && f64::from(end) > left - BESIDE {
            (from, before) = (Some(at), x);
        }
        if f64::from(x) > left + width + BESIDE {
            return (from.unwrap_or(at)..at, before);
        }
        x = end;
    }
    (from.unwrap_or(widths.len())..widths.len(), before)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: Pane = Pane { rows: 1_000_000, row: 32.0, height: 640.0 };
    const FEW: Pane = Pane { rows: 100, row: 32.0, height: 640.0 };

    #[test]
    fn the_bar_reaches_from_the_first_row_to_the_last() {
        for pane in [MANY, FEW, Pane { rows: 3, ..FEW }, Pane { rows: 0, ..FEW }] {
            assert!(pane.scrolled() <= TALLEST);
            assert_eq!(pane.in_view(0.0).start, 0);
            assert_eq!(pane.in_view(pane.scrolled() - pane.height).end, pane.rows);
            // what browsers report while they bounce
            assert_eq!(pane.in_view(-50.0).start, 0);
            assert_eq!(pane.in_view(1e12).end, pane.rows);
        }
    }

    #[test]
    fn every_row_of_a_million_can_be_reached_and_is_wholly_in_view_then() {
        let mut bar = 0.0;
        for row in [0, 1, 19, 20, 21, 500, 499_999, 999_999, 3, 999_980] {
            bar = MANY.reach(row, bar).unwrap_or(bar);
            let (first, top) = (MANY.first_pixel(bar), row as f64 * MANY.row);
            assert!(top >= first - 0.01 && top + MANY.row <= first + MANY.height + 0.01, "{row}");
            assert_eq!(MANY.reach(row, bar + 0.0), None.or(MANY.reach(row, bar)));
        }
    }

    #[test]
    fn drawn_rows_stand_where_they_are_seen() {
        for (pane, bar) in [(FEW, 333.0), (MANY, 4_000_000.5), (MANY, 7_999_360.0)] {
            let (rows, top) = pane.drawn(bar);
            let view = pane.in_view(bar);
            assert!(rows.start <= view.start && rows.end >= view.end && rows.len() <= 45);
            // the first row in view is at the upper edge, or partly above it
            let at = top + (view.start - rows.start) as f64 * pane.row - bar;
            assert!(at <= 0.001 && at > -pane.row, "{at}");
        }
    }

    #[test]
    fn windows_are_asked_for_before_their_edge_is_seen() {
        assert_eq!(wanted(&(0..20), &(0..0), 1_000), Some(0..200));
        assert_eq!(wanted(&(0..20), &(0..200), 1_000), None);
        assert_eq!(wanted(&(100..120), &(0..200), 1_000), None);
        assert_eq!(wanted(&(165..185), &(0..200), 1_000), Some(75..275));
        assert_eq!(wanted(&(500..520), &(0..200), 1_000), Some(410..610));
        assert_eq!(wanted(&(980..1_000), &(0..200), 1_000), Some(800..1_000));
        assert_eq!(wanted(&(980..1_000), &(800..1_000), 1_000), None);
        assert_eq!(wanted(&(90..110), &(80..280), 1_000), Some(0..200));
        // fewer rows than a window
        assert_eq!(wanted(&(0..12), &(0..12), 12), None);
        assert_eq!(wanted(&(0..12), &(0..200), 12), None);
    }

    #[test]
    fn only_columns_in_view_are_drawn() {
        let widths = vec![100; 60];
        assert_eq!(columns_in_view(&widths, 0.0, 500.0), (0..8, 0));
        let (columns, before) = columns_in_view(&widths, 3_000.0, 500.0);
        assert_eq!((columns.clone(), before), (27..38, 2_700));
        assert_eq!(columns_in_view(&widths, 5_500.0, 500.0).0.end, 60);
        assert_eq!(columns_in_view(&[], 0.0, 500.0), (0..0, 0));
    }
}
