//! The fixed shape of the reserved collections.

use std::collections::BTreeMap;

use super::{Collection, Field, reserved};
use crate::Ordered;
use crate::id::{CollectionId, FieldName};
use crate::policy::Policy;
use crate::value::FieldType;

/// What people call a part of a definition, where two of them meet: a review shows it.
fn label(name: &FieldName) -> &str {
    match name.as_str() {
        "label" => "Name",
        "type" => "Type",
        "options" => "Options",
        "policy" => "When edits meet",
        "position" => "Place",
        "help" => "Help text",
        "deleted" => "Deleted",
        "required" => "Required",
        "unique" => "No value twice",
        "default" => "Value of new records",
        "smallest" => "Smallest value",
        "largest" => "Largest value",
        "longest" => "Longest text",
        "colours" => "Colours",
        "former" => "Former options",
        "format" => "Shown as",
        "title" => "Title field",
        "icon" => "Icon",
        "open" => "Fields appear as they are written",
        other => other,
    }
}

/// The fixed shape of the reserved collections.
pub(super) fn built_in(id: &CollectionId) -> Option<&'static Collection> {
    static BUILT_IN: std::sync::OnceLock<BTreeMap<CollectionId, Collection>> = std::sync::OnceLock::new();
    BUILT_IN
        .get_or_init(|| {
            use FieldType::{DateTime, Integer, Json, LongText, Text, YesNo};
            [
                // two who name or shape the same are asked; where it stands among others is not worth it
                (
                    reserved::COLLECTIONS,
                    Some(Policy::Ask),
                    &[
                        ("label", Text),
                        ("policy", Text),
                        ("open", YesNo),
                        ("help", Text),
                        ("deleted", YesNo),
                        ("title", Text),
                        ("icon", Text),
                    ][..],
                ),
                (
                    reserved::FIELDS,
                    Some(Policy::Ask),
                    &[
                        ("label", Text),
                        ("type", Text),
                        ("options", Json),
                        ("policy", Text),
                        ("position", Integer),
                        ("help", Text),
                        ("deleted", YesNo),
                        ("required", YesNo),
                        ("unique", YesNo),
                        ("default", Json),
                        ("smallest", Json),
                        ("largest", Json),
                        ("longest", Integer),
                        ("colours", Json),
                        ("former", Json),
                        ("format", Text),
                    ],
                ),
                // nor are the names of people and devices
                (reserved::PEOPLE, Some(Policy::Last), &[("name", Text)]),
                (reserved::DEVICES, Some(Policy::Last), &[("user", Text), ("name", Text), ("channel", Text)]),
                // who looks at what, and when, is settled by the last who said so
                (reserved::ASSIGNMENTS, Some(Policy::Last), &[("user", Text)]),
                (
                    reserved::COMMENTS,
                    Some(Policy::Last),
                    &[("conflict", Text), ("user", Text), ("text", LongText), ("at", DateTime)],
                ),
                (reserved::SNOOZES, Some(Policy::Last), &[("until", DateTime)]),
                // what a view shows is settled by the last who saved it
                (
                    reserved::VIEWS,
                    Some(Policy::Last),
                    &[("collection", Text), ("name", Text), ("query", Text), ("user", Text)],
                ),
                // the server alone says what it mirrors
                (
                    reserved::MIRRORS,
                    Some(Policy::Last),
                    &[
                        ("collection", Text),
                        ("keyspace", Text),
                        ("table", Text),
                        ("direction", Text),
                        ("state", Text),
                        ("reason", Text),
                        ("columns", Json),
                        ("by", Text),
                    ],
                ),
            ]
            .into_iter()
            .map(|(name, policy, fields)| {
                let fields = fields.iter().enumerate().map(|(position, (name, field_type))| {
                    let name = reserved::field(name);
                    let field = Field {
                        policy: (name.as_str() == "position").then_some(Policy::Last),
                        position: position as i64,
                        ..Field::new(name.clone(), label(&name), *field_type)
                    };
                    (name, field)
                });
                let label = match name {
                    reserved::COLLECTIONS => "Collections",
                    reserved::FIELDS => "Fields",
                    other => other,
                };
                let fields = fields.ordered_map();
                let collection = Collection { label: label.into(), policy, fields, ..Collection::default() };
                (reserved::collection(name), collection)
            })
            .ordered_map()
        })
        .get(id)
}
