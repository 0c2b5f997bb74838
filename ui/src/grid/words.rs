//! What tests are called, and which of them a type takes.

use super::filter::Operator;
use sync_protocol::FieldType;

/// What can be asked of a field of that type, the most usual first; `None`: of a key.
pub fn operators(field_type: Option<FieldType>) -> &'static [Operator] {
    use Operator::*;
    let Some(field_type) = field_type else { return &[Is, IsNot, Contains, Begins] };
    match field_type {
        FieldType::Text | FieldType::LongText => &[Contains, ContainsNot, Is, IsNot, Begins, Empty, Filled],
        FieldType::Uuid => &[Is, IsNot, Contains, Begins, Empty, Filled],
        FieldType::Integer
        | FieldType::Decimal
        | FieldType::Number
        | FieldType::Counter
        | FieldType::Date
        | FieldType::DateTime
        | FieldType::Time => &[Is, IsNot, Less, AtMost, Greater, AtLeast, Between, Empty, Filled],
        FieldType::YesNo => &[Is, IsNot, Empty, Filled],
        FieldType::Choice => &[AnyOf, IsNot, Contains, Empty, Filled],
        FieldType::Tags => &[HasAny, HasAll, HasNone, Empty, Filled],
        FieldType::Json | FieldType::Bytes | FieldType::Unknown => &[Empty, Filled],
    }
}

/// What a test is called behind the field's label.
pub fn operator_label(operator: Operator, field_type: Option<FieldType>) -> &'static str {
    let time = matches!(field_type, Some(FieldType::Date | FieldType::DateTime | FieldType::Time));
    match operator {
        Operator::Is | Operator::AnyOf => "is",
        Operator::IsNot => "is not",
        Operator::Contains => "contains",
        Operator::ContainsNot => "does not contain",
        Operator::Begins => "begins with",
        Operator::Less if time => "is before",
        Operator::AtMost if time => "is not after",
        Operator::Greater if time => "is after",
        Operator::AtLeast if time => "is not before",
        Operator::Less => "is less than",
        Operator::AtMost => "is at most",
        Operator::Greater => "is more than",
        Operator::AtLeast => "is at least",
        Operator::Between => "is between",
        Operator::Empty => "is empty",
        Operator::Filled => "is not empty",
        Operator::HasAny => "has any of",
        Operator::HasAll => "has all of",
        Operator::HasNone => "has none of",
    }
}
