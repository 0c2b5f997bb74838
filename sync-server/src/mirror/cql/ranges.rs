//! Many rows: read by ranges of the ring, and summed up there by the database itself.

use scylla::response::PagingState;
use scylla::value::CqlValue;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use sync_protocol::{FieldName, RecordKey};

use super::answer::Answer;
use super::mapping::{MappedColumn, Mapping};
use super::table::{Table, cells, names, now, place, seen, written};
use super::{TableError, quoted, rows};
use crate::mirror::row::{Cell, SeenRow};

/// Bytes of a page, about: the next one is made as long as the last one was heavy.
const PAGE_BYTES: usize = 4 << 20;
/// Rows of the first page, of which nothing is known; of one whose table was read before; how many times as many the next one may
/// have; rows of a page at most.
const FIRST_ROWS: usize = 32;
const KNOWN_ROWS: usize = 600;
const GROWTH: usize = 8;
const MOST_ROWS: usize = 5_000;

/// A part of the ring: tokens above `after` up to `upto`, in the order in which the table is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenRange {
    /// The last token before it.
    pub after: i64,
    /// Its last token.
    pub upto: i64,
}

impl TokenRange {
    /// All of it: no row has the least token.
    pub const RING: Self = Self { after: i64::MIN, upto: i64::MAX };

    /// In so many parts of about the same length; in fewer where it is too short for that.
    pub fn split(self, parts: usize) -> Vec<Self> {
        let length = i128::from(self.upto) - i128::from(self.after);
        let parts = i128::try_from(parts.max(1)).unwrap_or(i128::MAX).min(length.max(1));
        let end = |part: i128| {
            let end = i128::from(self.after) + length * part / parts;
            i64::try_from(end).unwrap_or(self.upto)
        };
        (0..parts).map(|part| Self { after: end(part), upto: end(part + 1) }).collect()
    }

    /// Whether a token lies in it.
    pub fn contains(self, token: i64) -> bool {
        self.after < token && token <= self.upto
    }
}

/// A row that was found in a range.
#[derive(Debug)]
pub struct Found {
    /// Where its partition is.
    pub token: i64,
    /// What its key looks like to a person.
    pub shown: String,
    /// The row; or why it cannot be mirrored as it is: its key, or one of its values.
    pub row: Result<(RecordKey, SeenRow), TableError>,
}

/// The rows of a range, page by page.
#[derive(Debug)]
pub struct Pages<'t> {
    table: &'t Table,
    range: TokenRange,
    /// Where the next page begins; `None` after the last one.
    state: Option<PagingState>,
    rows: usize,
}

/// What the database adds up over a range. Two of one table that are equal are of equal rows, but for what a sum cannot see: a write with
/// the time of the one before it, and an element that left a set while another came with an older time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeDigest {
    /// Rows.
    pub rows: i64,
    /// By field.
    pub fields: BTreeMap<FieldName, FieldDigest>,
}

/// The part of one field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldDigest {
    /// Cells that hold a value.
    pub cells: i64,
    /// The times of their writing, added up; it may wrap.
    pub written: i64,
    /// The elements of collections.
    pub elements: i64,
}

impl RangeDigest {
    /// Of no row.
    pub fn none(mapping: &Mapping) -> Self {
        let fields = mapping.columns.keys().map(|field| (field.clone(), FieldDigest::default()));
        Self { rows: 0, fields: fields.collect() }
    }

    /// Adds the sums of another range.
    pub fn join(&mut self, more: &Self) {
        self.rows += more.rows;
        for (field, more) in &more.fields {
            let sum = self.fields.entry(field.clone()).or_default();
            sum.cells += more.cells;
            sum.written = sum.written.wrapping_add(more.written);
            sum.elements += more.elements;
        }
    }

    /// Adds a row as it was seen: so that what was last agreed on can be held against the table. A partition of which only its own
    /// values are left has no row, and is in the table's sums: its range never comes out equal, and is read.
    pub fn add(&mut self, mapping: &Mapping, cells: &BTreeMap<FieldName, Cell>) {
        self.rows += 1;
        for (field, column) in &mapping.columns {
            let Some(cell) = cells.get(field) else { continue };
            let sum = self.fields.entry(field.clone()).or_default();
            sum.cells += 1;
            sum.written = sum.written.wrapping_add(cell.written);
            if column.of.many_cells {
                let json = &cell.value.0;
                let elements = json.as_array().map(Vec::len).or(json.as_object().map(serde_json::Map::len));
                sum.elements += elements.unwrap_or(0) as i64;
            }
        }
    }
}

impl Table {
    /// Reads the rows of a range, in the order of the ring, some at a time.
    pub fn read_range(&self, range: TokenRange) -> Pages<'_> {
        // rows of this range may be as much heavier as those of a next page
        let rows = match self.row_bytes.load(Ordering::Relaxed) {
            0 => FIRST_ROWS,
            average => (PAGE_BYTES / average / GROWTH).clamp(FIRST_ROWS, KNOWN_ROWS),
        };
        Pages { table: self, range, state: Some(PagingState::start()), rows }
    }

    /// Adds up a range: the database reads its rows and sends one.
    ///
    /// # Errors
    ///
    /// [`TableError::Smaller`] where the range holds more than a node reads at once; [`TableError::Later`] may mean the same.
    pub async fn digest(&self, range: TokenRange) -> Result<RangeDigest, TableError> {
        let mapping = self.mapping();
        // a partition of which only its own values are left answers as a row without a key
        let last = mapping.key.0.last().filter(|column| column.clustering && mapping.has_static);
        let rows_of =
            last.map_or_else(|| "count(*)".to_owned(), |column| format!("count({})", quoted(&column.name)));
        let sums = |column: &MappedColumn| {
            let name = quoted(&column.column);
            let elements =
                if column.of.many_cells { format!(", sum(collection_count({name}))") } else { String::new() };
            format!(", count({name}), sum({}){elements}", written(column))
        };
        let sums: String = mapping.columns.values().map(sums).collect();
        let text = format!("SELECT {rows_of}{sums} FROM {} WHERE {}", place(mapping), within(mapping));
        let place = self.place_of_range(range).await;
        let asked = self.ask(text, (range.after, range.upto)).await;
        drop(place);
        let row: Option<Answer> = rows(asked?)?.into_iter().next();
        let row = row.ok_or_else(|| TableError::answer("a sum without a row"))?;
        let mut numbers = row.0.into_iter().map(|sum| match sum {
            None => Ok(0),
            Some(CqlValue::BigInt(sum)) => Ok(sum),
            Some(CqlValue::Int(sum)) => Ok(i64::from(sum)),
            Some(_) => Err(TableError::answer("a sum that is no number")),
        });
        let mut number = || numbers.next().unwrap_or_else(|| Err(TableError::answer("a sum is missing")));
        let mut digest = RangeDigest { rows: number()?, fields: BTreeMap::new() };
        for (field, column) in &mapping.columns {
            let mut sum = FieldDigest { cells: number()?, written: number()?, elements: 0 };
            if column.of.many_cells {
                sum.elements = number()?;
            }
            digest.fields.insert(field.clone(), sum);
        }
        Ok(digest)
    }
}

impl Pages<'_> {
    /// The next rows; `None` after the last ones. A page may be empty.
    ///
    /// # Errors
    ///
    /// As [`Table::digest`]. The page can be asked for again.
    pub async fn next(&mut self) -> Result<Option<Vec<Found>>, TableError> {
        let Some(state) = self.state.clone() else { return Ok(None) };
        let mapping = self.table.mapping();
        let text = format!(
            "SELECT {}, {}, {} FROM {} WHERE {}",
            token(mapping),
            names(mapping).join(", "),
            cells(mapping).join(", "),
            place(mapping),
            within(mapping)
        );
        let mut statement = self.table.prepared(text).await?;
        statement.set_page_size(i32::try_from(self.rows).unwrap_or(i32::MAX));
        let values = (self.range.after, self.range.upto);
        let place = self.table.place_of_range(self.range).await;
        let page = self.table.cluster.session.execute_single_page(&statement, values, state).await;
        drop(place);
        let (result, paging) = page?;
        let result = result.into_rows_result().map_err(TableError::answer)?;
        let (count, bytes) = (result.rows_num(), result.rows_bytes_size());
        let page = result.rows::<Answer>().map_err(TableError::answer)?;
        let page: Vec<Answer> = page.collect::<Result<_, _>>().map_err(TableError::answer)?;
        let at = now();
        let found = page.iter().map(|row| found(mapping, row, at));
        let found = found.filter_map(Result::transpose).collect::<Result<_, _>>()?;
        let average = (bytes / count.max(1)).max(1);
        if count > 0 {
            self.table.row_bytes.store(average, Ordering::Relaxed);
        }
        self.rows = (PAGE_BYTES / average).clamp(1, MOST_ROWS).min(GROWTH * self.rows);
        self.state = match paging.into_paging_control_flow() {
            ControlFlow::Continue(state) => Some(state),
            ControlFlow::Break(()) => None,
        };
        Ok(Some(found))
    }
}

fn found(mapping: &Mapping, row: &Answer, at: sync_protocol::Timestamp) -> Result<Option<Found>, TableError> {
    let parts = mapping.key.0.len();
    let (Some(Some(CqlValue::BigInt(token))), Some(key), Some(cells)) =
        (row.0.first(), row.0.get(1..=parts), row.0.get(parts + 1..))
    else {
        return Err(TableError::answer("a row without its key"));
    };
    let values: Option<Vec<CqlValue>> = key.iter().cloned().collect();
    // no row: a partition of which only its own values are left
    let Some(values) = values else { return Ok(None) };
    let record = mapping.key.of_row(&values).map_err(TableError::from);
    let row = record.and_then(|record| Ok((record, seen(mapping, cells, at)?)));
    match row {
        Err(error) if !matches!(error, TableError::Key(_) | TableError::Unfit { .. }) => Err(error),
        row => Ok(Some(Found { token: *token, shown: mapping.key.shown(key), row })),
    }
}

fn token(mapping: &Mapping) -> String {
    let partition = mapping.key.0.iter().filter(|column| !column.clustering);
    format!("token({})", partition.map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", "))
}

fn within(mapping: &Mapping) -> String {
    format!("{0} > ? AND {0} <= ?", token(mapping))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_ring_hold_each_token_once() {
        for parts in [1, 2, 3, 7, 1000] {
            let ranges = TokenRange::RING.split(parts);
            assert_eq!(ranges.len(), parts);
            assert_eq!((ranges[0].after, ranges[parts - 1].upto), (i64::MIN, i64::MAX));
            assert!(ranges.windows(2).all(|two| two[0].upto == two[1].after && two[0].after < two[0].upto));
        }
        let short = TokenRange { after: 5, upto: 7 };
        assert_eq!(short.split(9), [TokenRange { after: 5, upto: 6 }, TokenRange { after: 6, upto: 7 }]);
        assert!(short.contains(7) && !short.contains(5));
    }
}
