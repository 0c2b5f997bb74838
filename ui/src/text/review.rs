//! Sentences about changes that met.

use sync_client::api::Author;
use sync_protocol::ConflictKind;

/// `Chrome on Linux (Ann)`, `this device (Ann)`, `Ann`.
pub fn who(author: &Author) -> String {
    let device = if author.here { "this device" } else { author.device.as_str() };
    match (device, author.person.as_str()) {
        ("", "") => "somebody".to_owned(),
        ("", person) => person.to_owned(),
        (device, "") => device.to_owned(),
        (device, person) => format!("{device} ({person})"),
    }
}

/// `by Ann on Chrome on Linux`, `by Ann on this device`, `by somebody`.
pub fn by(author: &Author) -> String {
    let device = if author.here { "this device" } else { author.device.as_str() };
    match (author.person.as_str(), device) {
        ("", "") => "by somebody".to_owned(),
        ("", device) => format!("on {device}"),
        (person, "") => format!("by {person}"),
        (person, device) => format!("by {person} on {device}"),
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

/// The heading over the value that is there now.
pub fn current_heading(kind: ConflictKind) -> &'static str {
    match kind {
        ConflictKind::EditEdit | ConflictKind::DeleteEdit => "Now in the record",
        ConflictKind::EditDelete => "Now",
    }
}

/// The heading over the value that came later.
pub fn incoming_heading(kind: ConflictKind) -> &'static str {
    match kind {
        ConflictKind::EditEdit | ConflictKind::EditDelete => "The other change",
        ConflictKind::DeleteEdit => "After the deletion",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_protocol::Timestamp;

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
    }
}
