//! Sentences about changes that met.

use super::author::{is_program, name};
use sync_client::api::{Author, ReviewItem, SettledInfo};
use sync_protocol::{Choice, ConflictKind, Outcome};

/// `Chrome on Linux (Ann)`, `this device (Ann)`, `Ann`.
pub fn who(author: &Author) -> String {
    let device = if author.here { "this device" } else { author.device.as_str() };
    match (device, name(author)) {
        ("", "") => "somebody".to_owned(),
        ("", person) => person.to_owned(),
        (device, "") => device.to_owned(),
        (device, person) => format!("{device} ({person})"),
    }
}

/// `by Ann on Chrome on Linux`, `by Ann on this device`, `by somebody`.
pub fn by(author: &Author) -> String {
    let device = if author.here { "this device" } else { author.device.as_str() };
    match (name(author), device) {
        ("", "") => "by somebody".to_owned(),
        ("", device) => format!("on {device}"),
        (person, "") => format!("by {person}"),
        (program, table) if is_program(author) => format!("by {program}, in {table}"),
        (person, device) => format!("by {person} on {device}"),
    }
}

/// Who did it on either side, in one line of a list.
pub fn between(item: &ReviewItem) -> String {
    let incoming = who(&item.incoming);
    let current = item.current.as_ref().map_or_else(|| "somebody".to_owned(), who);
    match item.kind {
        ConflictKind::EditEdit => format!("Changed on {current} and on {incoming}"),
        ConflictKind::EditDelete => format!("Deleted on {current}, edited on {incoming}"),
        ConflictKind::DeleteEdit => format!("Edited on {current}, deleted on {incoming}"),
    }
}

/// What happened, before it is told who and when.
pub fn what_happened(kind: ConflictKind, fields: usize) -> &'static str {
    match (kind, fields) {
        (ConflictKind::EditEdit, 1) => "The same field was changed in two places.",
        (ConflictKind::EditEdit, _) => "The same fields were changed in two places.",
        (ConflictKind::EditDelete, _) => "The record was deleted in one place and edited in another.",
        (ConflictKind::DeleteEdit, _) => "The record was edited in one place and deleted in another.",
    }
}

/// What kind of meeting it was, as a filter offers it.
pub fn kind_label(kind: ConflictKind) -> &'static str {
    match kind {
        ConflictKind::EditEdit => "Changed twice",
        ConflictKind::EditDelete => "Edited after it was deleted",
        ConflictKind::DeleteEdit => "Deleted after it was edited",
    }
}

/// Who decided, and how; or that nobody had to.
pub fn told(item: &ReviewItem, settled: &SettledInfo) -> String {
    match (settled.decided, settled.by.here) {
        (true, true) => format!("You decided: {}", how(item, &settled.outcome)),
        (true, false) => format!("{} decided: {}", who(&settled.by), how(item, &settled.outcome)),
        (false, true) => "Nothing is left to decide: after your edit both sides are the same".to_owned(),
        (false, false) => {
            format!("Nothing is left to decide: after an edit {} both sides are the same", by(&settled.by))
        }
    }
}

/// What the person did by whose change it ended, before the time.
pub fn done(settled: &SettledInfo) -> &'static str {
    if settled.decided { "decided" } else { "edited" }
}

/// How it was decided, after "It was decided: " or a name.
pub fn how(item: &ReviewItem, outcome: &Outcome) -> String {
    let choices = match outcome {
        Outcome::KeepBoth { .. } => return "keep both as two records".to_owned(),
        Outcome::Delete if item.kind == ConflictKind::EditDelete => return "keep it deleted".to_owned(),
        Outcome::Delete => return "delete the record".to_owned(),
        Outcome::Keep { choices } => choices,
    };
    let any = |wanted: fn(&Choice) -> bool| choices.values().any(wanted);
    let own = any(|choice| matches!(choice, Choice::Own(_)));
    let (current, incoming) =
        (any(|choice| *choice == Choice::Current), any(|choice| *choice == Choice::Incoming));
    let of_current = item.current.as_ref().map_or_else(|| "the record".to_owned(), who);
    match (item.kind, own, current, incoming) {
        (_, true, false, false) => "write other values".to_owned(),
        (_, true, _, _) => "some of the values, and others written anew".to_owned(),
        (ConflictKind::EditDelete, ..) => format!("restore it with the edit from {}", who(&item.incoming)),
        (ConflictKind::DeleteEdit, ..) => format!("keep it with the edit from {of_current}"),
        (ConflictKind::EditEdit, _, true, true) => "some fields from each".to_owned(),
        (ConflictKind::EditEdit, _, false, true) => format!("take the change from {}", who(&item.incoming)),
        (ConflictKind::EditEdit, ..) => format!("keep what came from {of_current}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_protocol::{ChangeId, CollectionId, FieldName, RecordId, RecordKey, Timestamp};

    #[test]
    fn people_and_devices_are_named() {
        let mut author = Author {
            person: "Ann".into(),
            device: "Chrome on Linux".into(),
            channel: "browser".into(),
            here: false,
            at: Timestamp(0),
        };
        assert_eq!(who(&author), "Chrome on Linux (Ann)");
        assert_eq!(by(&author), "by Ann on Chrome on Linux");
        author.here = true;
        assert_eq!(who(&author), "this device (Ann)");
        author.here = false;
        author.device.clear();
        assert_eq!(who(&author), "Ann");
        assert_eq!(by(&author), "by Ann");
        author.person.clear();
        assert_eq!((who(&author), by(&author)), ("somebody".into(), "by somebody".into()));
        author.channel = "mirror".into();
        assert_eq!(by(&author), "by another program, through CQL");
        author.device = "shop.orders".into();
        assert_eq!(by(&author), "by another program, through CQL, in shop.orders");
        assert_eq!(who(&author), "shop.orders (another program, through CQL)");
    }

    #[test]
    fn decisions_are_told_with_names() {
        let author = |person: &str, device: &str| Author {
            person: person.into(),
            device: device.into(),
            channel: String::new(),
            here: false,
            at: Timestamp(0),
        };
        let id = "00000000-0000-0000-0000-000000000001.1".to_owned();
        let mut item = ReviewItem {
            id: ChangeId::try_from(id).unwrap(),
            record: RecordId::new(CollectionId::new("crew").unwrap(), RecordKey::Int(1)),
            title: "John".into(),
            kind: ConflictKind::EditEdit,
            clashing: Vec::new(),
            sides: Vec::new(),
            incoming: author("Ben", "Deck tablet"),
            current: Some(author("Ann", "Office PC")),
            pending: None,
            returned: false,
            assigned: None,
            snoozed: None,
            comments: 0,
            settled: None,
        };
        let keep = |choices: &[Choice]| Outcome::Keep {
            choices: choices
                .iter()
                .zip('a'..)
                .map(|(choice, name)| (FieldName::new(name.to_string()).unwrap(), choice.clone()))
                .collect(),
        };
        assert_eq!(between(&item), "Changed on Office PC (Ann) and on Deck tablet (Ben)");
        assert_eq!(how(&item, &keep(&[Choice::Current])), "keep what came from Office PC (Ann)");
        assert_eq!(how(&item, &keep(&[Choice::Incoming])), "take the change from Deck tablet (Ben)");
        assert_eq!(how(&item, &keep(&[Choice::Incoming, Choice::Current])), "some fields from each");
        assert_eq!(how(&item, &keep(&[Choice::Own(1.into())])), "write other values");
        item.kind = ConflictKind::EditDelete;
        assert_eq!(between(&item), "Deleted on Office PC (Ann), edited on Deck tablet (Ben)");
        assert_eq!(how(&item, &keep(&[Choice::Incoming])), "restore it with the edit from Deck tablet (Ben)");
        assert_eq!(how(&item, &Outcome::Delete), "keep it deleted");
        let ended = |decided| SettledInfo {
            by: author("Ann", "Office PC"),
            decided,
            outcome: Outcome::Delete,
            taking_back: false,
        };
        assert_eq!(told(&item, &ended(true)), "Office PC (Ann) decided: keep it deleted");
        let by_itself =
            "Nothing is left to decide: after an edit by Ann on Office PC both sides are the same";
        assert_eq!(told(&item, &ended(false)), by_itself);
    }
}
