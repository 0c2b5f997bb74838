//! Rows of an answer, whatever their columns are.

use scylla::cluster::metadata::{CollectionType, ColumnType, NativeType};
use scylla::deserialize::row::{ColumnIterator, DeserializeRow};
use scylla::deserialize::value::DeserializeValue;
use scylla::deserialize::{DeserializationError, TypeCheckError};
use scylla::frame::response::result::ColumnSpec;
use scylla::value::CqlValue;

/// The values of a row. The driver's own row takes no list with a null in it: no column holds one, but the lives of a
/// collection's elements are such a list.
#[derive(Debug)]
pub(super) struct Answer(pub(super) Vec<Option<CqlValue>>);

impl<'frame, 'metadata> DeserializeRow<'frame, 'metadata> for Answer {
    fn type_check(_: &[ColumnSpec<'_>]) -> Result<(), TypeCheckError> {
        Ok(())
    }

    fn deserialize(columns: ColumnIterator<'frame, 'metadata>) -> Result<Self, DeserializationError> {
        let values = columns.map(|column| {
            let column = column?;
            let of = column.spec.typ();
            if !is_numbers(of) {
                return <Option<CqlValue>>::deserialize(of, column.slice);
            }
            let numbers = <Option<Vec<Option<i32>>>>::deserialize(of, column.slice)?;
            Ok(numbers.map(|all| CqlValue::List(all.into_iter().flatten().map(CqlValue::Int).collect())))
        });
        values.collect::<Result<_, _>>().map(Self)
    }
}

fn is_numbers(of: &ColumnType<'_>) -> bool {
    matches!(
        of,
        ColumnType::Collection { typ: CollectionType::List(of), .. } if **of == ColumnType::Native(NativeType::Int)
    )
}
