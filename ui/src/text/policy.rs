//! What policies do, in words: where one chooses, where one meets the result.

use sync_protocol::schema::{Collection, Field};
use sync_protocol::{FieldName, FieldType, Policy};

/// What happens where edits meet, as the end of a sentence.
pub fn rule(policy: Policy) -> &'static str {
    match policy {
        Policy::Ask => "a person decides",
        Policy::Last => "the last edit counts",
        Policy::First => "the first edit counts",
        Policy::Counter => "everything is added up",
        Policy::Set => "what everybody added and removed is united",
        Policy::Text => "texts are merged; where they overlap, a person decides",
    }
}

/// What happened where edits met.
pub fn decided(policy: Policy) -> &'static str {
    match policy {
        Policy::Ask => "A person decided",
        Policy::Last => "The last edit counted",
        Policy::First => "The first edit counted",
        Policy::Counter => "Both were added up",
        Policy::Set => "Both were united",
        Policy::Text => "Both texts were merged",
    }
}

/// The rule in force for a field, and who says so: `As the collection says: the last edit counts`.
pub fn in_force(collection: &Collection, name: &FieldName) -> String {
    let rule = rule(collection.policy(name));
    match collection.fields.get(name) {
        Some(Field { policy: Some(_), .. }) => format!("As this field says: {rule}"),
        Some(field) => format!("{}: {rule}", source(collection, field.field_type)),
        None => format!("As usual: {rule}"),
    }
}

/// What a field does that says nothing of its own.
pub fn inherited(collection: &Collection, field_type: FieldType) -> String {
    let policy = said(collection, field_type).unwrap_or(Policy::default_for(field_type));
    format!("{}: {}", source(collection, field_type), rule(policy))
}

fn source(collection: &Collection, field_type: FieldType) -> &'static str {
    if said(collection, field_type).is_some() { "As the collection says" } else { "As usual" }
}

fn said(collection: &Collection, field_type: FieldType) -> Option<Policy> {
    collection.policy.filter(|policy| policy.fits(field_type))
}

/// The policies that have a meaning for a field of that type.
pub fn fitting(field_type: FieldType) -> impl Iterator<Item = Policy> {
    Policy::ALL.into_iter().filter(move |policy| policy.fits(field_type))
}

/// What a collection can say for all its fields: what has a meaning for one of them.
pub fn for_collection(collection: &Collection) -> Vec<Policy> {
    let fits_one = |policy: &Policy| collection.fields.values().any(|field| policy.fits(field.field_type));
    let always = |policy: &Policy| matches!(policy, Policy::Ask | Policy::Last | Policy::First);
    Policy::ALL.into_iter().filter(|policy| always(policy) || fits_one(policy)).collect()
}

/// A policy as a choice for a whole collection: some are only for some types.
pub fn collection_label(policy: Option<Policy>) -> &'static str {
    match policy {
        None => "As usual: a person decides, counters add up",
        Some(Policy::Ask) => "A person decides, also about counters",
        Some(Policy::Last) => "The last edit counts",
        Some(Policy::First) => "The first edit counts",
        Some(Policy::Counter) => "Whole numbers are added up; for all else a person decides",
        Some(Policy::Set) => "Tags are united; for all else a person decides",
        Some(Policy::Text) => "Texts are merged; for all else a person decides",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collection(policy: Option<Policy>, own: Option<Policy>) -> (Collection, FieldName) {
        let name = FieldName::new("tags").expect("a valid name");
        let field = Field { policy: own, ..Field::new(name.clone(), "Tags", FieldType::Tags) };
        (
            Collection {
                label: "Things".into(),
                policy,
                fields: [(name.clone(), field)].into(),
                ..Collection::default()
            },
            name,
        )
    }

    #[test]
    fn the_rule_in_force_says_who_says_so() {
        let in_force = |policy, own| {
            let (collection, name) = collection(policy, own);
            super::in_force(&collection, &name)
        };
        assert_eq!(in_force(None, None), "As usual: a person decides");
        assert_eq!(in_force(Some(Policy::Last), None), "As the collection says: the last edit counts");
        assert_eq!(in_force(Some(Policy::Text), None), "As usual: a person decides", "tags are no text");
        assert_eq!(
            in_force(Some(Policy::Last), Some(Policy::Set)),
            "As this field says: what everybody added and removed is united"
        );
    }

    #[test]
    fn only_what_fits_is_offered() {
        assert_eq!(
            fitting(FieldType::Tags).collect::<Vec<_>>(),
            [Policy::Ask, Policy::Last, Policy::First, Policy::Set]
        );
        let (collection, _) = collection(None, None);
        assert_eq!(
            for_collection(&collection),
            [Policy::Ask, Policy::Last, Policy::First, Policy::Set],
            "no number to add up and no text to merge"
        );
    }
}
