//! Who may change what.

use sync_protocol::message::Role;
use sync_protocol::{Change, Choice, Edit, Outcome, RecordKey, Rejection, Value, reserved};

use super::Author;

/// Why this author may not make this change, if so.
///
/// Records: editors and owners. Schema: editors, too, because people in the field make collections without a network.
/// A person's name and a device: only that person, and only that device, whatever the role; so readers can be seen.
pub(super) fn refusal(author: Author, change: &Change) -> Option<Rejection> {
    let RecordKey::Text(key) = &change.record.key else { return writes(author) };
    let own = match change.record.collection.as_str() {
        reserved::PEOPLE => *key == author.user.to_string(),
        reserved::DEVICES => *key == author.replica.to_string() && names_user(author, &change.edit),
        // what a person says or puts off is that person's; readers see reviews and may do neither
        reserved::COMMENTS => {
            writes(author).is_none() && is_of(author, key) && names_user(author, &change.edit)
        }
        reserved::SNOOZES => writes(author).is_none() && is_of(author, key),
        _ => return writes(author),
    };
    (!own).then_some(Rejection::NotPermitted)
}

/// Whether a key begins with the author's user id.
fn is_of(author: Author, key: &str) -> bool {
    key.strip_prefix(&author.user.to_string()).is_some_and(|rest| rest.starts_with('/'))
}

fn writes(author: Author) -> Option<Rejection> {
    match author.role {
        Role::Editor | Role::Owner => None,
        Role::Reader => Some(Rejection::NotPermitted),
    }
}

/// Whether a device's or a comment's record says whose it is, or keeps what it says.
fn names_user(author: Author, edit: &Edit) -> bool {
    let field = reserved::field("user");
    let own = |value: &Value| value.as_text() == Some(author.user.to_string().as_str());
    match edit {
        Edit::Insert { fields } => fields.get(&field).is_some_and(own),
        Edit::Patch { fields } => fields.get(&field).is_none_or(|delta| own(&delta.incoming)),
        Edit::Delete { .. } | Edit::Reopen(_) => true,
        Edit::Resolve(resolution) => match &resolution.outcome {
            Outcome::Delete | Outcome::KeepBoth { .. } => true,
            Outcome::Keep { choices } => match choices.get(&field) {
                Some(Choice::Own(value)) => own(value),
                Some(Choice::Current | Choice::Incoming) | None => true,
            },
        },
    }
}
