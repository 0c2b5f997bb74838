//! The columns of a grid: which, in which order, how wide, and which of them stay in place.

use super::address::Shown;
use serde::{Deserialize, Serialize};
use sync_client::few::Few;
use sync_protocol::schema::{Collection, Field};
use sync_protocol::{FieldName, FieldType};

/// The key among names of columns, of which none begins so.
pub const KEY: &str = "_key";
/// The narrowest and the widest that a column gets, in pixels.
pub const NARROWEST: u32 = 60;
pub const WIDEST: u32 = 800;
/// Columns that stay in place at most: the rest must have room.
pub const MOST_PINNED: usize = 4;

/// What is set for a collection's columns on this device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sizes {
    /// Widths that were set, in pixels, by the name of the field.
    pub widths: Few<String, u32>,
    /// Columns that stay in place, besides the first.
    pub pinned: Vec<String>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its field; `None`: the key.
    pub field: Option<Field>,
    /// In pixels.
    pub width: u32,
    /// Whether it stays in place.
    pub pinned: bool,
}

impl Column {
    /// The name of its field, or of the key.
    pub fn name(&self) -> &str {
        self.field.as_ref().map_or(KEY, |field| field.name.as_str())
    }

    /// What people call it.
    pub fn label(&self) -> &str {
        self.field.as_ref().map_or("Key", |field| &field.label)
    }

    /// What it holds; `None`: keys.
    pub fn field_type(&self) -> Option<FieldType> {
        self.field.as_ref().map(|field| field.field_type)
    }
}

/// Whether rows can be grouped by such a field: its values are short, and often the same.
pub fn can_group(field_type: FieldType) -> bool {
    use FieldType::{Bytes, Json, LongText, Unknown};
    !matches!(field_type, Bytes | Json | LongText | Unknown)
}

/// The fields in the order in which they are shown, hidden ones among them.
pub fn ordered<'a>(collection: &'a Collection, shown: &Shown) -> Vec<&'a Field> {
    let first = shown.order.iter().filter_map(|name| collection.fields.get(name));
    let first = first.filter(|field| !field.details.deleted);
    let rest = collection.ordered().into_iter().filter(|field| !shown.order.contains(&field.name));
    first.chain(rest).collect()
}

/// The columns that are shown, those that stay in place first. `keys`: whether keys have one.
pub fn columns(collection: &Collection, shown: &Shown, sizes: &Sizes, keys: bool) -> Vec<Column> {
    let fields = ordered(collection, shown).into_iter().filter(|field| !shown.hidden.contains(&field.name));
    let all = keys.then_some(None).into_iter().chain(fields.map(Some));
    let mut columns: Vec<Column> = all
        .enumerate()
        .map(|(at, field)| {
            let mut column = Column { field: field.cloned(), width: 0, pinned: false };
            column.width =
                sizes.widths.get(column.name()).copied().unwrap_or_else(|| usual(column.field_type()));
            // what says which record a row is
            column.pinned = at == 0 || sizes.pinned.iter().any(|name| name == column.name());
            column
        })
        .collect();
    columns.sort_by_key(|column| !column.pinned);
    for column in columns.iter_mut().skip(MOST_PINNED) {
        column.pinned = false;
    }
    columns
}

/// The fields in another order: `name` before `before`, or last.
pub fn moved(
    collection: &Collection,
    shown: &Shown,
    name: &FieldName,
    before: Option<&FieldName>,
) -> Vec<FieldName> {
    let mut order: Vec<FieldName> =
        ordered(collection, shown).into_iter().map(|field| field.name.clone()).collect();
    order.retain(|other| other != name);
    let at = before.and_then(|before| order.iter().position(|other| other == before)).unwrap_or(order.len());
    order.insert(at, name.clone());
    order
}

/// As wide as most values of that type need.
fn usual(field_type: Option<FieldType>) -> u32 {
    match field_type {
        None => 120,
        Some(FieldType::Text | FieldType::LongText | FieldType::Json | FieldType::Tags) => 200,
        Some(FieldType::Uuid) => 290,
        Some(FieldType::DateTime) => 170,
        Some(FieldType::YesNo) => 90,
        Some(_) => 130,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::tests::{name, orders};

    fn names(columns: &[Column]) -> Vec<&str> {
        columns.iter().map(Column::name).collect()
    }

    #[test]
    fn all_fields_have_columns_and_the_first_stays_in_place() {
        let mut many = orders();
        for at in 0..100 {
            let label = format!("Extra {at}");
            let field =
                Field { name: name(&label), label, position: 100 + at, ..many.fields[&name("note")].clone() };
            many.fields.insert(field.name.clone(), field);
        }
        let all = columns(&many, &Shown::default(), &Sizes::default(), true);
        assert_eq!(all.len(), 108);
        assert_eq!(all.iter().filter(|column| column.pinned).map(Column::name).collect::<Vec<_>>(), [KEY]);
        let without_keys = columns(&many, &Shown::default(), &Sizes::default(), false);
        assert!(without_keys[0].pinned && without_keys[0].name() == "customer");
    }

    #[test]
    fn columns_are_hidden_moved_pinned_and_sized() {
        let shown = Shown {
            hidden: [name("note")].into(),
            order: vec![name("paid"), name("day")],
            ..Shown::default()
        };
        let sizes = Sizes {
            widths: [("day".to_owned(), 321)].into_iter().collect(),
            pinned: vec!["status".to_owned()],
        };
        let columns = columns(&orders(), &shown, &sizes, true);
        assert_eq!(names(&columns), [KEY, "status", "paid", "day", "customer", "amount", "tags"]);
        assert_eq!((columns[3].width, columns[1].pinned, columns[2].pinned), (321, true, false));
    }

    #[test]
    fn a_column_moves_before_another_or_to_the_end() {
        let order = |before: Option<&str>| {
            moved(&orders(), &Shown::default(), &name("day"), before.map(name).as_ref())
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(order(Some("customer")), "day customer amount status tags note paid");
        assert_eq!(order(None), "customer amount status tags note paid day");
    }
}
