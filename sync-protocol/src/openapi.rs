//! What the types with a text form of their own look like in an OpenAPI document; all others derive it.

use std::borrow::Cow;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::{PartialSchema, ToSchema};

use crate::checksum::Checksum;
use crate::id::{ChangeId, CollectionId, FieldName, RecordKey};
use crate::limits;
use crate::value::Value;

/// A text of that form.
fn text(pattern: &str, longest: Option<usize>, about: &str) -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
    text.max_length(longest).description(Some(about)).build().into()
}

macro_rules! schema {
    ($($name:ident: $schema:expr;)+) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> { $schema }
        }
        impl ToSchema for $name {
            fn name() -> Cow<'static, str> { stringify!($name).into() }
        }
    )+};
}

schema! {
    CollectionId: text(
        "^_?[a-z][a-z0-9_]*$",
        Some(limits::NAME_BYTES),
        "Names a collection for good (its label may change). Names that start with _ are Mooring's own.",
    );
    FieldName: text(
        "^[a-z][a-z0-9_]*$",
        Some(limits::NAME_BYTES),
        "Names a field of a collection for good (its label may change).",
    );
    ChangeId: text(
        "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\\.[0-9]{1,20}$",
        None,
        "Names a change for good: the replica's id, a dot, its counter.",
    );
    Checksum: text(
        "^[0-9]+:[0-9a-f]{32}$",
        None,
        "The number of live records, a colon, and the wrapping sum of XXH3-128 over collection/key@revision of each.",
    );
    RecordKey: key();
    Value: any(
        "A field's value as plain JSON; its field's type gives it meaning. null (or leaving it out) is \"no value\".",
    );
}

fn any(about: &str) -> RefOr<Schema> {
    let any = ObjectBuilder::new().schema_type(SchemaType::AnyValue);
    any.description(Some(about)).build().into()
}

fn key() -> RefOr<Schema> {
    let number = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(i64::MIN))
        .maximum(Some(i64::MAX));
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[^\\x00-\\x1f\\x7f-\\x9f]+$"))
        .min_length(Some(1))
        .max_length(Some(limits::KEY_BYTES));
    let about = "What a record is called within its collection: a whole number, or a text of 1 to 512 bytes of UTF-8.";
    Schema::OneOf(OneOfBuilder::new().item(number).item(text).description(Some(about)).build()).into()
}
