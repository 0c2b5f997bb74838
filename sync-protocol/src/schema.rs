//! The schema is data: collections and fields are records of reserved collections, judged and synced like all others.

use crate::Ordered;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::id::{CollectionId, FieldName, RecordId, RecordKey, ReplicaId, UserId};
use crate::limits;
use crate::policy::Policy;
use crate::record::{Fields, value_of};
use crate::value::{FieldType, Misfit, Value};

mod details;
pub mod duration;
mod format;
mod own;
mod rules;

pub use details::{Colour, Details};
pub use format::Format;
pub use rules::Broken;

use own::built_in;

/// Names of the reserved collections and of their fields.
pub mod reserved {
    use crate::id::{CollectionId, FieldName};

    /// One record per collection; key: its name.
    pub const COLLECTIONS: &str = "_collections";
    /// One record per field; key: `collection.field`.
    pub const FIELDS: &str = "_fields";
    /// One record per person who opened the workspace; key: the user's UUID.
    pub const PEOPLE: &str = "_people";
    /// One record per replica; key: the replica's UUID.
    pub const DEVICES: &str = "_devices";

    /// One record per conflict that somebody was asked to look at; key: the conflict's id.
    pub const ASSIGNMENTS: &str = "_assignments";
    /// One record per comment on a conflict; key: the user's UUID, a slash, a UUIDv7.
    pub const COMMENTS: &str = "_comments";
    /// One record per conflict that a person put off; key: the user's UUID, a slash, the conflict's id.
    pub const SNOOZES: &str = "_snoozes";
    /// One record per table that is kept in step with a collection, written by the server; key: the mirror's UUID.
    pub const MIRRORS: &str = "_mirrors";

    /// One record per view of a collection that is shared with everybody; key: a UUIDv7.
    pub const VIEWS: &str = "_views";

    /// All of them.
    pub const ALL: [&str; 9] =
        [COLLECTIONS, FIELDS, PEOPLE, DEVICES, ASSIGNMENTS, COMMENTS, SNOOZES, MIRRORS, VIEWS];

    /// A reserved (or any constant) collection name.
    pub fn collection(name: &'static str) -> CollectionId {
        CollectionId::new(name).expect("constant names are valid, a test sees to it")
    }

    /// A constant field name.
    pub fn field(name: &'static str) -> FieldName {
        FieldName::new(name).expect("constant names are valid, a test sees to it")
    }
}

/// One field of a collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name for good.
    pub name: FieldName,
    /// What people call it.
    pub label: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// The options of a choice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// What it does where edits meet; `None`: as its collection says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// Its place among the fields.
    pub position: i64,
    /// All else that is said of it.
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    pub details: Details,
}

impl Field {
    /// A field of which nothing more is said.
    pub fn new(name: FieldName, label: impl Into<String>, field_type: FieldType) -> Self {
        Self {
            name,
            label: label.into(),
            field_type,
            options: Vec::new(),
            policy: None,
            position: 0,
            details: Details::default(),
        }
    }
}

/// One collection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// What people call it.
    pub label: String,
    /// What its fields do where edits meet, unless they say otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// Whether its fields appear as they are written: a program need not declare them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open: bool,
    /// What people read of it; in one line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub help: String,
    /// Whether it was deleted: people see it no more, its records stay, and it can be restored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// The field that names its records; `None`: the first text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<FieldName>,
    /// What is drawn beside its name, where a screen knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// Its fields by name, those that were deleted too.
    pub fields: BTreeMap<FieldName, Field>,
}

impl Collection {
    /// What stands for a collection that was deleted: one without fields.
    pub(crate) fn gone() -> &'static Self {
        static GONE: std::sync::OnceLock<Collection> = std::sync::OnceLock::new();
        GONE.get_or_init(Self::default)
    }

    /// The fields in the order in which people see them, without those that were deleted.
    pub fn ordered(&self) -> Vec<&Field> {
        let mut fields: Vec<&Field> = self.fields.values().filter(|field| !field.details.deleted).collect();
        crate::sort_few(&mut fields, |a, b| (a.position, &a.name).cmp(&(b.position, &b.name)));
        fields
    }

    /// The field that names a record: the one that the collection says, else the first text.
    pub fn title_field(&self) -> Option<&Field> {
        let said = self.title.as_ref().and_then(|name| self.fields.get(name));
        said.filter(|field| !field.details.deleted)
            .or_else(|| self.ordered().into_iter().find(|field| field.field_type == FieldType::Text))
    }

    /// What a record is called, for people: its title field, else its key; at most [`limits::TITLE_CHARS`] characters.
    pub fn title(&self, key: &RecordKey, fields: &Fields) -> String {
        let named =
            self.title_field().and_then(|field| Some(field.field_type.show(fields.get(&field.name)?)));
        let named = named.as_deref().map(str::trim);
        let title = named.filter(|text| !text.is_empty()).map_or_else(|| key.to_string(), str::to_owned);
        match title.char_indices().nth(limits::TITLE_CHARS) {
            Some((end, _)) => format!("{}…", &title[..end]),
            None => title,
        }
    }

    /// The policy in force for a field: its own, else the collection's where it has a meaning for the type,
    /// else the type's default.
    pub fn policy(&self, field: &FieldName) -> Policy {
        let Some(field) = self.fields.get(field) else { return Policy::Ask };
        field
            .policy
            .or(self.policy.filter(|p| p.fits(field.field_type)))
            .unwrap_or(Policy::default_for(field.field_type))
    }

    /// A field's value, where it says something: see [`crate::value::FieldType::plain`].
    pub fn plain<'v>(&self, field: &FieldName, value: &'v Value) -> &'v Value {
        self.fields.get(field).map_or(value, |field| field.field_type.plain(value))
    }

    /// Whether two values of a field say the same.
    pub fn same(&self, field: &FieldName, one: &Value, other: &Value) -> bool {
        self.plain(field, one).same(self.plain(field, other))
    }
}

/// All collections of a workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    collections: BTreeMap<CollectionId, Collection>,
    /// Fields whose collection has not been seen (or was deleted): kept, so that the order of records never matters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    orphans: BTreeMap<CollectionId, BTreeMap<FieldName, Field>>,
}

impl Schema {
    /// The collection of that name; reserved ones are always there.
    pub fn collection(&self, id: &CollectionId) -> Option<&Collection> {
        if id.is_reserved() { built_in(id) } else { self.collections.get(id) }
    }

    /// The collections that people made, by name.
    pub fn collections(&self) -> impl Iterator<Item = (&CollectionId, &Collection)> {
        self.collections.iter()
    }

    /// Whether there is room for a field that is added: [`limits::FIELDS`] in one collection. Other records are no concern.
    pub fn has_room(&self, id: &RecordId) -> bool {
        let RecordKey::Text(key) = &id.key else { return true };
        let Some((collection, name)) = parse_field_key(key) else { return true };
        let known = self.collections.get(&collection).map(|c| &c.fields);
        let fields = known.or(self.orphans.get(&collection));
        id.collection.as_str() != reserved::FIELDS
            || fields.is_none_or(|all| all.len() < limits::FIELDS || all.contains_key(&name))
    }

    /// Follows one record of a reserved collection: its values, or `None` where it is deleted. Others are no concern.
    pub fn apply(&mut self, id: &RecordId, fields: Option<&Fields>) {
        match id.collection.as_str() {
            reserved::COLLECTIONS => self.apply_collection(id, fields),
            reserved::FIELDS => self.apply_field(id, fields),
            _ => {}
        }
    }

    fn apply_collection(&mut self, id: &RecordId, fields: Option<&Fields>) {
        let RecordKey::Text(name) = &id.key else { return };
        let Ok(name) = CollectionId::new(name.clone()) else { return };
        match fields {
            Some(fields) => {
                let label = text(fields, "label").unwrap_or(name.as_str()).to_owned();
                let policy = text(fields, "policy").and_then(Policy::from_name);
                let yes = |name: &str| fields.get(name).is_some_and(|value| value.0 == true);
                let orphans = self.orphans.remove(&name);
                let collection = self.collections.entry(name).or_default();
                collection.label = label;
                collection.policy = policy;
                collection.open = yes("open");
                collection.help = text(fields, "help").unwrap_or_default().to_owned();
                collection.deleted = yes("deleted");
                collection.title = text(fields, "title").and_then(|name| FieldName::new(name).ok());
                collection.icon = text(fields, "icon").map(str::to_owned);
                collection.fields.extend(orphans.into_iter().flatten());
            }
            None => {
                if let Some(gone) = self.collections.remove(&name) {
                    self.orphans.insert(name, gone.fields);
                }
            }
        }
    }

    fn apply_field(&mut self, id: &RecordId, fields: Option<&Fields>) {
        let RecordKey::Text(key) = &id.key else { return };
        let Some((collection, name)) = parse_field_key(key) else { return };
        let place = match self.collections.get_mut(&collection) {
            Some(c) => &mut c.fields,
            None => self.orphans.entry(collection).or_default(),
        };
        match fields.and_then(|f| field_from(&name, f)) {
            Some(field) => drop(place.insert(name, field)),
            None => drop(place.remove(&name)),
        }
    }
}

/// The record that defines a collection.
pub fn collection_record(name: &CollectionId, label: &str, policy: Option<Policy>) -> (RecordId, Fields) {
    let id =
        RecordId::new(reserved::collection(reserved::COLLECTIONS), RecordKey::Text(name.as_str().into()));
    let mut fields = [(reserved::field("label"), Value::from(label))].into_iter().ordered_map();
    if let Some(policy) = policy {
        fields.insert(reserved::field("policy"), Value::from(policy.name()));
    }
    (id, fields)
}

/// The record that defines a collection whose fields appear as they are written.
pub fn open_collection_record(name: &CollectionId, label: &str) -> (RecordId, Fields) {
    let (id, mut fields) = collection_record(name, label, None);
    fields.insert(reserved::field("open"), Value::from(true));
    (id, fields)
}

/// The record of a collection with all that it says of itself: its fields have records of their own.
pub fn full_collection_record(name: &CollectionId, collection: &Collection) -> (RecordId, Fields) {
    let (id, mut fields) = collection_record(name, &collection.label, collection.policy);
    let said = [
        ("open", collection.open.then(|| Value::from(true))),
        ("help", Some(Value::from(collection.help.as_str())).filter(|_| !collection.help.is_empty())),
        ("deleted", collection.deleted.then(|| Value::from(true))),
        ("title", collection.title.as_ref().map(|name| Value::from(name.as_str()))),
        ("icon", collection.icon.as_deref().map(Value::from)),
    ];
    for (name, value) in said {
        fields.extend(value.map(|value| (reserved::field(name), value)));
    }
    (id, fields)
}

/// The collection whose field a record of [`reserved::FIELDS`] defines.
pub(crate) fn field_of(id: &RecordId) -> Option<CollectionId> {
    let RecordKey::Text(key) = &id.key else { return None };
    (id.collection.as_str() == reserved::FIELDS).then(|| parse_field_key(key)).flatten().map(|(of, _)| of)
}

/// The record that defines a field. It says no type where this version does not know it: whoever writes it over what is
/// there leaves that one.
pub fn field_record(collection: &CollectionId, field: &Field) -> (RecordId, Fields) {
    let key = RecordKey::Text(format!("{collection}.{}", field.name));
    let id = RecordId::new(reserved::collection(reserved::FIELDS), key);
    let mut fields = [
        (reserved::field("label"), Value::from(field.label.as_str())),
        (reserved::field("position"), Value::from(field.position)),
    ]
    .into_iter()
    .ordered_map();
    if field.field_type != FieldType::Unknown {
        fields.insert(reserved::field("type"), Value::from(field.field_type.name()));
    }
    if !field.options.is_empty() {
        fields.insert(reserved::field("options"), Value::from(field.options.clone()));
    }
    if let Some(policy) = field.policy {
        fields.insert(reserved::field("policy"), Value::from(policy.name()));
    }
    fields.extend(field.details.parts());
    (id, fields)
}

/// What the author of a mirror's changes is called, where people are named: whoever wrote to its table.
pub const MIRROR_PERSON: &str = "Another program, through CQL";

/// The record that names a person; written by each of the person's replicas.
pub fn person_record(user: UserId, name: &str) -> (RecordId, Fields) {
    let id = RecordId::new(reserved::collection(reserved::PEOPLE), RecordKey::Text(user.to_string()));
    (id, [(reserved::field("name"), Value::from(name))].into_iter().ordered_map())
}

/// The record that names a device; written by its own replica. `channel`: `browser`, `desktop`, `embedded` or `mirror`. The
/// name of a mirror's is that of its table: `keyspace.table`.
pub fn device_record(replica: ReplicaId, user: UserId, name: &str, channel: &str) -> (RecordId, Fields) {
    let id = RecordId::new(reserved::collection(reserved::DEVICES), RecordKey::Text(replica.to_string()));
    let fields = [
        (reserved::field("user"), Value::from(user.to_string())),
        (reserved::field("name"), Value::from(name)),
        (reserved::field("channel"), Value::from(channel)),
    ]
    .into_iter()
    .ordered_map();
    (id, fields)
}

/// What is wrong with the key and the values of a schema record beyond its field types, if anything.
pub fn check_schema_record(id: &RecordId, fields: &Fields) -> Result<(), &'static str> {
    let RecordKey::Text(key) = &id.key else { return Err("the key of a schema record is text") };
    match id.collection.as_str() {
        reserved::COLLECTIONS => {
            let name = CollectionId::new(key.clone()).map_err(|_| "this is not a valid collection name")?;
            if name.is_reserved() {
                return Err("collection names that start with _ are reserved");
            }
            match (text(fields, "policy"), text(fields, "title")) {
                (Some(p), _) if Policy::from_name(p).is_none() => Err("there is no such policy"),
                (_, Some(title)) if FieldName::new(title).is_err() => Err("this is not a valid field name"),
                _ => Ok(()),
            }
        }
        reserved::FIELDS => {
            let (collection, name) = parse_field_key(key).ok_or("the key of a field is collection.field")?;
            if collection.is_reserved() {
                return Err("fields of reserved collections cannot be changed");
            }
            field_from(&name, fields).ok_or("a field needs a known type")?;
            let field_type =
                text(fields, "type").and_then(FieldType::from_name).ok_or("a field needs a known type")?;
            if fields.contains_key("former") && texts(fields, "former").is_none()
                || fields.get("colours").is_some_and(|colours| !colours.0.is_object())
            {
                return Err("former options are a list of texts, and colours are told by option");
            }
            match text(fields, "policy").map(Policy::from_name) {
                Some(None) => Err("there is no such policy"),
                Some(Some(p)) if !p.fits(field_type) => {
                    Err("this policy has no meaning for this type of field")
                }
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

fn parse_field_key(key: &str) -> Option<(CollectionId, FieldName)> {
    let (collection, name) = key.split_once('.')?;
    Some((CollectionId::new(collection).ok()?, FieldName::new(name).ok()?))
}

fn field_from(name: &FieldName, fields: &Fields) -> Option<Field> {
    // a field of a type that a later version knows is there, with its values, all the same
    let field_type = FieldType::from_name(text(fields, "type")?).unwrap_or(FieldType::Unknown);
    Some(Field {
        name: name.clone(),
        label: text(fields, "label").unwrap_or(name.as_str()).to_owned(),
        field_type,
        details: Details::of(fields, field_type),
        options: match fields.get("options") {
            Some(_) => texts(fields, "options")?,
            None => Vec::new(),
        },
        policy: text(fields, "policy").and_then(Policy::from_name),
        position: value_of(fields, &reserved::field("position")).as_integer().unwrap_or(0),
    })
}

/// A list of texts.
fn texts(fields: &Fields, name: &str) -> Option<Vec<String>> {
    fields.get(name)?.0.as_array()?.iter().map(|each| each.as_str().map(str::to_owned)).collect()
}

fn text<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::as_text)
}

/// Why a value cannot be in that field. An option that is offered no more can: somebody may have chosen it before.
pub fn check_value(field: &Field, value: &Value) -> Result<(), Misfit> {
    match field.field_type.check(value, &field.options) {
        Err(Misfit::NotAnOption) => field.field_type.check(value, &field.details.former),
        checked => checked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_names_are_valid() {
        for name in reserved::ALL {
            let id = reserved::collection(name);
            assert!(built_in(&id).is_some_and(|c| !c.fields.is_empty()));
        }
    }

    /// As a server of a later version sends it.
    #[test]
    fn a_field_of_an_unknown_type_is_carried() {
        let wire = r#"{"label":"Shape","type":"hologram","position":2,"policy":"last","unit":"mm"}"#;
        let fields: Fields = serde_json::from_str(wire).unwrap();
        let things = CollectionId::new("things").unwrap();
        let id =
            RecordId::new(reserved::collection(reserved::FIELDS), RecordKey::Text("things.shape".into()));
        let mut schema = Schema::default();
        schema.apply(&collection_record(&things, "Things", None).0, Some(&Fields::new()));
        schema.apply(&id, Some(&fields));

        let field = schema.collection(&things).unwrap().fields["shape"].clone();
        assert_eq!((field.field_type, field.label.as_str()), (FieldType::Unknown, "Shape"));
        assert_eq!((field.policy, field.position), (Some(Policy::Last), 2));
        for value in [r#""a\nb""#, "7", "-0.0", r#"{"x":[1,null]}"#, "[]", "true"] {
            let value: Value = serde_json::from_str(value).unwrap();
            assert_eq!(check_value(&field, &value), Ok(()));
            assert_eq!(field.field_type.plain(&value), &value);
            let shown = field.field_type.show(&value);
            assert_eq!(field.field_type.parse(&shown, &[]), Ok(value), "{shown}");
        }
        assert!(
            !field_record(&things, &field).1.contains_key("type"),
            "what is not known is not written over"
        );
        assert!(
            check_schema_record(&id, &fields).is_err(),
            "a server that could not check its values takes no such field"
        );
        // kept with a device's other settings, and read by every version
        let kept = serde_json::to_string(&schema).unwrap();
        assert_eq!(serde_json::from_str::<Schema>(&kept).unwrap(), schema);
        let later = kept.replace(r#""unknown""#, r#""hologram""#);
        assert_eq!(serde_json::from_str::<Schema>(&later).unwrap(), schema);
    }

    #[test]
    fn order_of_schema_records_does_not_matter() {
        let name = CollectionId::new("airports").unwrap();
        let field = Field {
            options: vec!["A".into()],
            policy: Some(Policy::Last),
            position: 3,
            ..Field::new(FieldName::new("iata").unwrap(), "IATA", FieldType::Choice)
        };
        let records = [collection_record(&name, "Airports", None), field_record(&name, &field)];
        let fold = |order: [usize; 2]| {
            let mut schema = Schema::default();
            for at in order {
                schema.apply(&records[at].0, Some(&records[at].1));
            }
            schema
        };
        let schema = fold([0, 1]);
        assert_eq!(schema, fold([1, 0]));
        assert_eq!(schema.collection(&name).unwrap().fields[&field.name], field);
        assert_eq!(schema.collection(&name).unwrap().policy(&field.name), Policy::Last);

        let mut gone = schema.clone();
        gone.apply(&records[0].0, None);
        assert!(gone.collection(&name).is_none());
        gone.apply(&records[0].0, Some(&records[0].1));
        assert_eq!(gone, schema, "a restored collection has its fields again");
    }
}
