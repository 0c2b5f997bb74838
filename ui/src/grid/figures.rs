//! Figures about numbers, exact: below the grid for all rows that match (the engine's), or for what is selected.

use super::columns::Column;
use super::held::Held;
use crate::text::field::unit;
use crate::text::locale::{self, number};
use sync_client::api::{Aggregate, Figure};
use sync_protocol::record::value_of;
use sync_protocol::schema::{Field, duration};
use sync_protocol::value::decimal::Decimal;
use sync_protocol::{FieldType, Value};

/// The figures of one column, in the order in which they are asked for.
const ASKED: [Figure; 4] = [Figure::Sum, Figure::Average, Figure::Min, Figure::Max];
/// Columns with figures; more are too many to ask for.
const MOST: usize = 12;

fn is_number(column: &Column) -> bool {
    let number = [FieldType::Integer, FieldType::Decimal, FieldType::Counter, FieldType::Number];
    column.field_type().is_some_and(|field_type| number.contains(&field_type))
}

/// What is asked of the engine.
pub fn asked(columns: &[Column]) -> Vec<Aggregate> {
    let fields = columns
        .iter()
        .filter(|column| is_number(column))
        .filter_map(|column| column.field.as_ref())
        .take(MOST);
    fields.flat_map(|field| ASKED.map(|what| Aggregate { field: field.name.clone(), what })).collect()
}

/// A figure of a column among those that were asked for.
fn figure(column: &Column, what: Figure, asked: &[Aggregate], figures: &[Value]) -> Option<String> {
    let field = &column.field.as_ref()?.name;
    let at = asked.iter().position(|other| other.field == *field && other.what == what)?;
    let value = figures.get(at).filter(|value| !value.is_absent())?;
    let text = value.as_text().map_or_else(|| value.0.to_string(), str::to_owned);
    Some(told(&text, column.field.as_ref()))
}

/// A figure as the field's numbers are shown.
fn told(text: &str, field: Option<&Field>) -> String {
    let whole = || text.parse::<f64>().ok().map(|seconds| duration::written(seconds.round() as i64));
    match field {
        Some(field) if field.is_duration() => whole().unwrap_or_default(),
        field => format!("{}{}", number(text), field.map(unit).unwrap_or_default()),
    }
}

/// The figures of a column about all rows that match: what they are called, and what they are.
pub fn of_all(column: &Column, asked: &[Aggregate], figures: &[Value]) -> Vec<(&'static str, String)> {
    let all = ["Sum", "Average", "Min", "Max"].into_iter().zip(ASKED);
    all.filter_map(|(word, what)| Some((word, figure(column, what, asked, figures)?))).collect()
}

/// Of each column the sum of a group, where it has one.
pub fn sums(columns: &[Column], asked: &[Aggregate], figures: &[Value]) -> Vec<Option<String>> {
    columns.iter().map(|column| figure(column, Figure::Sum, asked, figures)).collect()
}

/// The figures of the cells of a range, where all of them are at hand.
pub fn of_range(
    columns: &[Column],
    cells: (std::ops::Range<usize>, std::ops::RangeInclusive<usize>),
    held: &Held,
) -> Option<Vec<(&'static str, String)>> {
    let mut numbers = Vec::new();
    for row in cells.0 {
        let row = held.row(row)?;
        for column in cells.1.clone().filter_map(|at| columns.get(at)).filter(|column| is_number(column)) {
            if let Some(field) = &column.field {
                let value = value_of(&row.fields, &field.name);
                if !value.is_absent() {
                    numbers.push(field.field_type.show(value));
                }
            }
        }
    }
    let total = Total::of(&numbers)?;
    // a sum over columns of several kinds is a number and nothing else
    let of = columns.get(cells.1).unwrap_or_default();
    let mut of = of.iter().filter(|column| is_number(column)).filter_map(|column| column.field.as_ref());
    let field = of.next().filter(|first| first.is_duration() && of.all(Field::is_duration));
    Some(vec![
        ("Sum", told(&total.sum, field)),
        ("Average", told(&total.average, field)),
        ("Min", told(&total.min, field)),
        ("Max", told(&total.max, field)),
    ])
}

struct Total {
    sum: String,
    average: String,
    min: String,
    max: String,
}

impl Total {
    /// `None` where there is none, and of numbers that are too large to be added here.
    fn of(numbers: &[String]) -> Option<Self> {
        const MOST_PLACES: i32 = 12;
        let read: Vec<Decimal> = numbers.iter().map(|text| Decimal::read(text)).collect::<Option<_>>()?;
        let places = read.iter().map(Decimal::scale).max()?.max(0);
        let units = read.iter().map(|number| {
            let more = u32::try_from(places - number.scale()).ok().filter(|_| places <= MOST_PLACES)?;
            number.unscaled().parse::<i128>().ok()?.checked_mul(10i128.checked_pow(more)?)
        });
        let units: Vec<i128> = units.collect::<Option<_>>()?;
        let sum = units.iter().try_fold(0i128, |sum, unit| sum.checked_add(*unit))?;
        // two places more than the values have, half away from zero
        let (all, n) = (sum.checked_mul(100)?, i128::try_from(units.len()).ok()?);
        let average = (all + all.signum() * (n / 2)) / n;
        Some(Self {
            sum: decimal(sum, places),
            average: decimal(average, places + 2),
            min: decimal(*units.iter().min()?, places),
            max: decimal(*units.iter().max()?, places),
        })
    }
}

/// A number of so many places.
fn decimal(units: i128, places: i32) -> String {
    let places = usize::try_from(places).unwrap_or(0);
    let digits = format!("{:0>width$}", units.unsigned_abs(), width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    let sign = if units < 0 { "-" } else { "" };
    let part = part.trim_end_matches('0');
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

/// Of each column the most places that a number at hand has: their points stand below each other.
pub fn places(columns: &[Column], held: &Held) -> Vec<usize> {
    let of = |column: &Column| {
        let field = column.field.as_ref().filter(|_| is_number(column))?;
        let all = held.rows.iter().map(|row| field.field_type.show(value_of(&row.fields, &field.name)));
        all.map(|number| locale::places(&number)).max()
    };
    columns.iter().map(|column| of(column).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::address::Shown;
    use crate::grid::columns::{Sizes, columns};
    use crate::grid::tests::{name, orders};
    use std::rc::Rc;
    use sync_client::api::Looked;
    use sync_client::api::{Marks, Row};
    use sync_protocol::record::set_value;
    use sync_protocol::schema::Field;
    use sync_protocol::{Fields, RecordKey};

    #[test]
    fn sums_are_exact() {
        let of = |numbers: &[&str]| Total::of(&numbers.iter().map(ToString::to_string).collect::<Vec<_>>());
        let total = of(&["0.1", "0.2", "-1", "1E+3"]).unwrap();
        assert_eq!((&*total.sum, &*total.min, &*total.max), ("999.3", "-1", "1000"));
        assert_eq!(total.average, "249.825");
        assert_eq!(of(&["1", "1", "2"]).unwrap().average, "1.33");
        assert_eq!(of(&["-1", "-1", "-3"]).unwrap().average, "-1.67");
        assert!(of(&[]).is_none() && of(&["1E+90"]).is_none());
        assert_eq!(number("-1234567.891"), "-1,234,567.891");
        assert_eq!(number("999"), "999");
    }

    #[test]
    fn a_range_has_figures_where_its_rows_are_at_hand() {
        let columns = columns(&orders(), &Shown::default(), &Sizes::default(), true);
        let row = |key: i64| {
            let mut fields = Fields::new();
            set_value(&mut fields, &name("amount"), Value(format!("{key}.5").into()));
            Row { key: RecordKey::Int(key), fields, marks: Marks::default(), gone: false }
        };
        let mut held = Held::default();
        let rows = (1..=3).map(row).collect();
        held.arrive(1, 0, Looked { version: 1, total: 3, matching: 3, rows }, false);
        let told = of_range(&columns, (0..2, 0..=3), &held).unwrap();
        assert_eq!(told[0], ("Sum", "4".to_owned()));
        assert!(of_range(&columns, (0..10, 0..=3), &held).is_none(), "not all of them are at hand");
        assert!(Rc::strong_count(&held.rows[0]) == 1);
        assert_eq!(asked(&columns).len(), 4);
        let figures = ["7.5", "2.5", "1.5", "3.5"].map(|text| Value(text.into()));
        assert_eq!(of_all(&columns[2], &asked(&columns), &figures)[1], ("Average", "2.5".to_owned()));
        assert!(of_all(&columns[1], &asked(&columns), &figures).is_empty());
    }
    #[test]
    fn figures_belong_to_their_column_wherever_it_stands() {
        let mut collection = orders();
        let pieces = Field { position: 50, ..Field::new(name("Pieces"), "Pieces", FieldType::Integer) };
        collection.fields.insert(pieces.name.clone(), pieces);
        let all = columns(&collection, &Shown::default(), &Sizes::default(), true);
        let (asked, figures) = (asked(&all), (1..=8).map(Value::from).collect::<Vec<_>>());
        // the amount is hidden, and the pieces stand first
        let shown =
            Shown { hidden: [name("amount")].into(), order: vec![name("pieces")], ..Shown::default() };
        let columns = columns(&collection, &shown, &Sizes::default(), true);
        assert_eq!(of_all(&columns[1], &asked, &figures)[0], ("Sum", "5".to_owned()));
        assert_eq!(sums(&columns, &asked, &figures)[..3], [None, Some("5".to_owned()), None]);
    }
}
