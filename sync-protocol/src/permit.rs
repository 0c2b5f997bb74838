//! Who may do what: one table. The server enforces it, devices ask it before they save or offer something.

use crate::change::{Change, Choice, Edit, Outcome};
use crate::id::{CollectionId, RecordId, RecordKey, ReplicaId, UserId};
use crate::message::Role;
use crate::schema::reserved;
use crate::value::Value;
use crate::verdict::Rejection;

/// Who makes a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Author {
    /// The local copy.
    pub replica: ReplicaId,
    /// The person.
    pub user: UserId,
    /// What it may do in this workspace.
    pub standing: Standing,
}

/// As what somebody makes a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// As a member of that role: all that comes over the network.
    Member(Role),
    /// As the server itself, within its own process: a mirror's changes, and what there is to know of it.
    Server,
}

impl From<Role> for Standing {
    fn from(role: Role) -> Self {
        Self::Member(role)
    }
}

/// Whose records of a collection somebody may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Nobodys,
    /// Those whose key says that they are the author's.
    Own,
    /// The same, and only made or changed: neither deleted nor decided about.
    OwnKept,
    Everybodys,
}

/// The key by which a record is its author's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OwnKey {
    /// The user's id.
    User,
    /// The replica's id, and the field `user` says the user's.
    Replica,
    /// The user's id, a slash and more; and the field `user`, where there is one, says the user's.
    UserAnd,
    None,
}

/// The table: collection, what readers and what editors may write there, and by which key a record is one's own.
/// Owners may write what editors may, and manage members. The first line stands for all collections of people's own.
/// The server may write what editors may, and [`reserved::MIRRORS`], where nobody else writes.
///
/// Editors shape collections: in the field they are made without a network, where no owner can be asked.
const TABLE: [(&str, Whose, Whose, OwnKey); 10] = [
    ("", Whose::Nobodys, Whose::Everybodys, OwnKey::None),
    (reserved::COLLECTIONS, Whose::Nobodys, Whose::Everybodys, OwnKey::None),
    (reserved::FIELDS, Whose::Nobodys, Whose::Everybodys, OwnKey::None),
    (reserved::PEOPLE, Whose::OwnKept, Whose::Own, OwnKey::User),
    (reserved::DEVICES, Whose::OwnKept, Whose::Own, OwnKey::Replica),
    (reserved::ASSIGNMENTS, Whose::Nobodys, Whose::Everybodys, OwnKey::None),
    (reserved::COMMENTS, Whose::Nobodys, Whose::Own, OwnKey::UserAnd),
    (reserved::SNOOZES, Whose::Nobodys, Whose::Own, OwnKey::UserAnd),
    (reserved::MIRRORS, Whose::Nobodys, Whose::Nobodys, OwnKey::None),
    (reserved::VIEWS, Whose::Nobodys, Whose::Everybodys, OwnKey::None),
];

/// Whether a role may change records and settle conflicts.
pub fn may_edit(role: Role) -> bool {
    match role {
        Role::Editor | Role::Owner => true,
        Role::Reader => false,
    }
}

/// Whether a role may make, change and delete collections and their fields.
pub fn may_shape(role: Role) -> bool {
    may_edit(role)
}

/// Whether a role may say who is a member, and what each may do.
pub fn may_manage(role: Role) -> bool {
    role == Role::Owner
}

/// Why this author may not make this change, if so.
pub fn refusal(author: &Author, change: &Change) -> Option<Rejection> {
    let records = [Some(change.record.clone()), change.twin()];
    let permitted = records.iter().flatten().all(|record| may_write(author, record, &change.edit));
    (!permitted).then_some(Rejection::NotPermitted)
}

fn may_write(author: &Author, record: &RecordId, edit: &Edit) -> bool {
    let (_, readers, editors, key) = line(&record.collection);
    let whose = match author.standing {
        Standing::Server if record.collection.as_str() == reserved::MIRRORS => Whose::Everybodys,
        Standing::Member(role) if !may_edit(role) => readers,
        Standing::Member(_) | Standing::Server => editors,
    };
    match whose {
        Whose::Nobodys => false,
        Whose::Everybodys => true,
        Whose::Own => is_own(author, record, edit, key),
        Whose::OwnKept => {
            matches!(edit, Edit::Insert { .. } | Edit::Patch { .. }) && is_own(author, record, edit, key)
        }
    }
}

/// A collection of Mooring's own that this version does not know has no line of its own: nobody writes there.
fn line(collection: &CollectionId) -> (&'static str, Whose, Whose, OwnKey) {
    if !collection.is_reserved() {
        return TABLE[0];
    }
    let named = TABLE.into_iter().find(|(name, ..)| *name == collection.as_str());
    named.unwrap_or(("", Whose::Nobodys, Whose::Nobodys, OwnKey::None))
}

fn is_own(author: &Author, record: &RecordId, edit: &Edit, key: OwnKey) -> bool {
    let RecordKey::Text(text) = &record.key else { return false };
    let user = author.user.to_string();
    match key {
        OwnKey::None => true,
        OwnKey::User => *text == user,
        OwnKey::Replica => *text == author.replica.to_string() && names(&user, record, edit),
        OwnKey::UserAnd => {
            text.strip_prefix(&user).is_some_and(|rest| rest.starts_with('/')) && names(&user, record, edit)
        }
    }
}

/// Whether the record says whose it is, or keeps what it says. What a person put off has no such field.
fn names(user: &str, record: &RecordId, edit: &Edit) -> bool {
    if record.collection.as_str() == reserved::SNOOZES {
        return true;
    }
    let own = |value: &Value| value.as_text() == Some(user);
    match edit {
        Edit::Insert { fields } => fields.get("user").is_some_and(own),
        Edit::Patch { fields } => fields.get("user").is_none_or(|delta| own(&delta.incoming)),
        Edit::Delete { .. } | Edit::Reopen(_) => true,
        Edit::Resolve(resolution) => match &resolution.outcome {
            Outcome::Delete | Outcome::KeepBoth { .. } => true,
            Outcome::Keep { choices } => match choices.get("user") {
                Some(Choice::Own(value)) => own(value),
                Some(Choice::Current | Choice::Incoming) | None => true,
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_collection_of_moorings_own_has_its_line() {
        for name in reserved::ALL {
            assert_eq!(line(&reserved::collection(name)).0, name);
        }
        let unknown = CollectionId::new("_unheard_of").expect("a name");
        assert_eq!(line(&unknown).2, Whose::Nobodys);
    }
}
