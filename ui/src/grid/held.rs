//! The rows of a view that are at hand: one window, which moves with the scroll bar.

use super::lines::Lines;
use std::ops::Range;
use std::rc::Rc;
use sync_client::api::{Folded, Groups, Looked, Row};
use sync_protocol::record::set_value;
use sync_protocol::{FieldName, RecordKey, Value};

/// A window of rows, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Which question the rows answer.
    pub question: u64,
    /// The place of the first among those that match and are not folded.
    pub first: usize,
    pub rows: Vec<Rc<Row>>,
    /// How many match.
    pub matching: usize,
    /// How many records the collection has.
    pub total: usize,
    /// The figures that were asked for, about all rows that match.
    pub figures: Vec<Value>,
    /// The groups, where the view has some.
    pub groups: Option<Rc<Groups>>,
    /// Which of them are headings only.
    pub folded: Folded,
    /// Where headings and rows stand.
    pub lines: Lines,
    /// Whether an answer has come.
    pub known: bool,
    /// Whether a newer one is on its way to another question.
    pub busy: bool,
}

impl Held {
    /// The row at a place among those that are not folded, where it is at hand.
    pub fn row(&self, at: usize) -> Option<&Rc<Row>> {
        self.rows.get(at.checked_sub(self.first)?)
    }

    /// The place of a record among those that are not folded, where it is at hand.
    pub fn place(&self, key: &RecordKey) -> Option<usize> {
        self.rows.iter().position(|row| row.key == *key).map(|at| self.first + at)
    }

    /// The places at hand.
    pub fn range(&self) -> Range<usize> {
        self.first..self.first + self.rows.len()
    }

    /// Newer rows. Those that are as they were stay the same, so that they are not drawn anew. `hold`: rows stay where
    /// they are, whatever became of their order; only their values follow. Rows that answer another question take their
    /// place all the same. Whether they went where they belong.
    pub fn arrive(&mut self, question: u64, first: usize, looked: Looked, hold: bool) -> bool {
        let Looked { rows, matching, total, .. } = looked;
        let rows: Vec<Rc<Row>> = rows
            .into_iter()
            .enumerate()
            .map(|(at, row)| match find(&self.rows, (first + at).wrapping_sub(self.first), &row.key) {
                Some(same) if **same == row => same.clone(),
                _ => Rc::new(row),
            })
            .collect();
        let stay = hold && (question, first) == (self.question, self.first);
        if stay {
            for (at, row) in self.rows.iter_mut().enumerate() {
                if let Some(newer) = find(&rows, at, &row.key) {
                    *row = newer.clone();
                }
            }
        } else {
            (self.question, self.first, self.rows) = (question, first, rows);
        }
        (self.matching, self.total, self.known, self.busy) = (matching, total, true, false);
        !stay
    }

    /// Puts headings above the rows, as those that are there belong.
    pub fn lay(&mut self, groups: Option<Rc<Groups>>, folded: Folded) {
        self.lines = Lines::new(self.matching, groups.as_deref(), &folded);
        (self.groups, self.folded) = (groups, folded);
    }

    /// A value as a person has just written it, before it is read again.
    pub fn write(&mut self, key: &RecordKey, field: &FieldName, value: Value) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.key == *key) {
            set_value(&mut Rc::make_mut(row).fields, field, value);
        }
    }
}

/// The row of that key. Most are where they were; the others are looked for among the few hundred that are at hand.
fn find<'r>(rows: &'r [Rc<Row>], near: usize, key: &RecordKey) -> Option<&'r Rc<Row>> {
    rows.get(near).filter(|row| row.key == *key).or_else(|| rows.iter().find(|row| row.key == *key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::tests::name;
    use sync_client::api::Marks;
    use sync_protocol::Fields;

    fn row(key: i64, amount: i64) -> Row {
        let mut fields = Fields::new();
        set_value(&mut fields, &name("amount"), Value(amount.into()));
        Row { key: RecordKey::Int(key), fields, marks: Marks::default(), gone: false }
    }

    fn looked(rows: Vec<Row>, matching: usize) -> Looked {
        Looked { version: 1, total: 200, matching, rows }
    }

    fn keys(held: &Held) -> Vec<i64> {
        held.rows
            .iter()
            .map(|row| match row.key {
                RecordKey::Int(key) => key,
                RecordKey::Text(_) => 0,
            })
            .collect()
    }

    #[test]
    fn a_row_that_was_saved_keeps_its_place_until_it_is_let_go() {
        let mut held = Held::default();
        held.arrive(1, 10, looked(vec![row(1, 1), row(2, 2), row(3, 3)], 100), false);
        held.write(&RecordKey::Int(1), &name("amount"), Value(9.into()));
        // it has left the window for a later place, and another came in
        held.arrive(1, 10, looked(vec![row(2, 2), row(3, 4), row(5, 5)], 100), true);
        assert_eq!(keys(&held), [1, 2, 3]);
        assert_eq!(*held.rows[0], row(1, 9));
        assert_eq!(*held.rows[2], row(3, 4), "values follow all the same");
        held.arrive(1, 10, looked(vec![row(2, 2), row(3, 4), row(5, 5)], 100), false);
        assert_eq!(keys(&held), [2, 3, 5]);
        // other rows are asked for
        held.arrive(1, 50, looked(vec![row(7, 7)], 100), true);
        assert_eq!((keys(&held), held.range()), (vec![7], 50..51));
    }

    #[test]
    fn rows_that_keep_their_place_make_room_for_the_answer_to_another_question() {
        let mut held = Held::default();
        held.arrive(1, 0, looked(vec![row(1, 1), row(2, 2)], 2), false);
        held.arrive(2, 0, looked(vec![row(2, 5)], 1), true);
        assert_eq!((keys(&held), held.matching), (vec![2], 1));
        held.arrive(2, 0, looked(vec![row(3, 3)], 1), true);
        assert_eq!(keys(&held), [2], "and keep it again");
    }

    #[test]
    fn rows_that_are_as_they_were_are_not_drawn_anew() {
        let mut held = Held::default();
        held.arrive(1, 0, looked(vec![row(1, 1), row(2, 2)], 2), false);
        let before = held.rows.clone();
        held.arrive(1, 0, looked(vec![row(1, 1), row(2, 3)], 2), false);
        assert!(Rc::ptr_eq(&before[0], &held.rows[0]) && !Rc::ptr_eq(&before[1], &held.rows[1]));
        assert_eq!((held.place(&RecordKey::Int(2)), held.place(&RecordKey::Int(9))), (Some(1), None));
        assert!(held.row(1).is_some() && held.row(2).is_none());
    }
}
