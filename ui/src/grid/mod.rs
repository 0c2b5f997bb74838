//! The grid: rows of a view in a virtual table that is edited in place, and all around it. What needs no browser (where
//! things are, how keys move, addresses, copied cells) is tested without one.

pub mod address;
pub mod columns;
pub mod cursor;
pub mod figures;
pub mod filter;
pub mod held;
pub mod lines;
pub mod pane;
pub mod tsv;
pub mod words;

#[cfg(target_arch = "wasm32")]
pub mod bar;
#[cfg(target_arch = "wasm32")]
pub mod bulk;
#[cfg(target_arch = "wasm32")]
pub mod conditions;
#[cfg(target_arch = "wasm32")]
mod group;
#[cfg(target_arch = "wasm32")]
pub mod heading;
#[cfg(target_arch = "wasm32")]
mod keys;
#[cfg(target_arch = "wasm32")]
pub mod menus;
#[cfg(target_arch = "wasm32")]
mod row;
#[cfg(target_arch = "wasm32")]
pub mod rows;
#[cfg(target_arch = "wasm32")]
pub mod sheet;
#[cfg(target_arch = "wasm32")]
mod table;
#[cfg(target_arch = "wasm32")]
mod writing;

#[cfg(test)]
mod tests {
    use sync_protocol::schema::{Collection, Field};
    use sync_protocol::{FieldName, FieldType};

    pub fn name(label: &str) -> FieldName {
        FieldName::from_label(label)
    }

    /// A collection with a field of most types.
    pub fn orders() -> Collection {
        let field = |(position, (label, field_type)): (usize, (&str, FieldType))| {
            let options = match field_type {
                FieldType::Choice => vec!["lost".to_owned(), "paid".to_owned()],
                _ => Vec::new(),
            };
            let field = Field {
                options,
                position: position as i64,
                ..Field::new(name(label), label.to_owned(), field_type)
            };
            (field.name.clone(), field)
        };
        let fields = [
            ("Customer", FieldType::Text),
            ("Amount", FieldType::Decimal),
            ("Status", FieldType::Choice),
            ("Day", FieldType::Date),
            ("Tags", FieldType::Tags),
            ("Note", FieldType::LongText),
            ("Paid", FieldType::YesNo),
        ];
        Collection {
            label: "Orders".to_owned(),
            fields: fields.into_iter().enumerate().map(field).collect(),
            ..Collection::default()
        }
    }
}
