//! Addresses of the screens. They carry names that people know; only a review, which has none, goes by its id.

use crate::platform;
use std::str::FromStr;
use sync_client::api::{Left, Session};
use sync_protocol::message::Workspace;
use sync_protocol::{CollectionId, RecordKey, WorkspaceId};
use yew_router::Routable;

/// A screen.
#[derive(Clone, Debug, PartialEq, Eq, Routable)]
pub enum Route {
    /// The workspaces.
    #[at("/")]
    Home,
    /// Where the link of an invitation leads.
    #[at("/join")]
    Join,
    /// One's own account.
    #[at("/account")]
    Account,
    /// Settings of a workspace, and its members.
    #[at("/w/:workspace/settings")]
    WorkspaceSettings {
        /// See [`workspace_name`].
        workspace: String,
    },
    /// A workspace's first screen.
    #[at("/w/:workspace")]
    Workspace {
        /// See [`workspace_name`].
        workspace: String,
    },
    /// What needs review.
    #[at("/w/:workspace/review")]
    Review {
        /// See [`workspace_name`].
        workspace: String,
    },
    /// What was merged automatically.
    #[at("/w/:workspace/merges")]
    Merges {
        /// See [`workspace_name`].
        workspace: String,
    },
    /// What was sent and received.
    #[at("/w/:workspace/activity")]
    Activity {
        /// See [`workspace_name`].
        workspace: String,
    },
    /// The tables that are mirrored.
    #[at("/w/:workspace/mirrors")]
    Mirrors {
        /// See [`workspace_name`].
        workspace: String,
    },
    /// A new mirror.
    #[at("/w/:workspace/mirrors/new")]
    NewMirror {
        /// See [`workspace_name`].
        workspace: String,
    },
    /// One thing that needs review.
    #[at("/w/:workspace/review/:id")]
    Decide {
        /// See [`workspace_name`].
        workspace: String,
        /// The conflict's id; nobody is meant to read it.
        id: String,
    },
    /// Import of a file.
    #[at("/w/:workspace/import")]
    Import {
        /// See [`workspace_name`].
        workspace: String,
    },
    /// A new collection.
    #[at("/w/:workspace/new-collection")]
    NewCollection {
        /// See [`workspace_name`].
        workspace: String,
    },
    /// A collection's records.
    #[at("/w/:workspace/c/:collection")]
    Collection {
        /// See [`workspace_name`].
        workspace: String,
        /// The collection's name.
        collection: String,
    },
    /// A collection's settings.
    #[at("/w/:workspace/c/:collection/settings")]
    Settings {
        /// See [`workspace_name`].
        workspace: String,
        /// The collection's name.
        collection: String,
    },
    /// The records of a collection that are deleted.
    #[at("/w/:workspace/c/:collection/deleted")]
    Deleted {
        /// See [`workspace_name`].
        workspace: String,
        /// The collection's name.
        collection: String,
    },
    /// Values of a field that are there twice.
    #[at("/w/:workspace/c/:collection/twice/:field")]
    Twice {
        /// See [`workspace_name`].
        workspace: String,
        /// The collection's name.
        collection: String,
        /// The field's name.
        field: String,
    },
    /// Its settings, where one of its fields is changed.
    #[at("/w/:workspace/c/:collection/settings/:field")]
    EditField {
        /// See [`workspace_name`].
        workspace: String,
        /// The collection's name.
        collection: String,
        /// The field's name.
        field: String,
    },
    /// A new record.
    #[at("/w/:workspace/c/:collection/new")]
    NewRecord {
        /// See [`workspace_name`].
        workspace: String,
        /// The collection's name.
        collection: String,
    },
    /// One record.
    #[at("/w/:workspace/c/:collection/r/:key")]
    Record {
        /// See [`workspace_name`].
        workspace: String,
        /// The collection's name.
        collection: String,
        /// The record's key.
        key: KeyText,
    },
    /// The versions of one record.
    #[at("/w/:workspace/c/:collection/r/:key/history")]
    History {
        /// See [`workspace_name`].
        workspace: String,
        /// The collection's name.
        collection: String,
        /// The record's key.
        key: KeyText,
    },
    /// No such screen.
    #[not_found]
    #[at("/not-found")]
    NotFound,
}

impl Route {
    /// The screen that the address names: ahead of what is drawn while that is on its way.
    pub fn here() -> Option<Self> {
        Self::recognize(&platform::path())
    }

    /// The workspace that it is in, by its [`workspace_name`].
    pub fn workspace(&self) -> Option<&str> {
        match self {
            Self::Home | Self::Join | Self::Account | Self::NotFound => None,
            Self::Workspace { workspace }
            | Self::WorkspaceSettings { workspace }
            | Self::Review { workspace }
            | Self::Merges { workspace }
            | Self::Activity { workspace }
            | Self::Mirrors { workspace }
            | Self::NewMirror { workspace }
            | Self::Decide { workspace, .. }
            | Self::Import { workspace }
            | Self::NewCollection { workspace }
            | Self::Collection { workspace, .. }
            | Self::Settings { workspace, .. }
            | Self::Deleted { workspace, .. }
            | Self::Twice { workspace, .. }
            | Self::EditField { workspace, .. }
            | Self::NewRecord { workspace, .. }
            | Self::Record { workspace, .. }
            | Self::History { workspace, .. } => Some(workspace),
        }
    }
}

/// A record's key in an address: as people write it where that reads back as the same key, else in JSON's quotes. So
/// are `.` and `..`, which browsers take for folders, however they are encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyText(pub RecordKey);

impl std::fmt::Display for KeyText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plain = self.0.to_string();
        let folder = matches!(plain.as_str(), "." | "..");
        if !folder && !plain.starts_with('"') && RecordKey::from_input(&plain) == self.0 {
            f.write_str(&plain)
        } else {
            f.write_str(&self.0.to_text())
        }
    }
}

impl FromStr for KeyText {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let quoted = text.starts_with('"').then(|| RecordKey::from_text(text)).flatten();
        Ok(Self(quoted.unwrap_or_else(|| RecordKey::from_input(text))))
    }
}

/// Whether both addresses are of one collection: `/w/WORKSPACE/c/COLLECTION` and all below it.
pub fn same_collection(one: &str, other: &str) -> bool {
    fn of(path: &str) -> Option<&str> {
        let end = path.match_indices('/').nth(4).map_or(path.len(), |(at, _)| at);
        let mut parts = path[..end].split('/').skip(1);
        let is_one = parts.next() == Some("w") && parts.nth(1) == Some("c") && parts.next().is_some();
        is_one.then_some(&path[..end])
    }
    of(one).is_some_and(|one| of(other) == Some(one))
}

/// A workspace's name in addresses: made of its name; the second of the same name gets a number.
pub fn workspace_name(session: &Session, workspace: &Workspace) -> String {
    let plain = plain(&workspace.name);
    let twins = known(session).filter(|other| self::plain(&other.name) == plain);
    match twins.filter(|other| other.id < workspace.id).count() {
        0 => plain,
        n => format!("{plain}-{}", n + 1),
    }
}

/// The workspace of that [`workspace_name`].
pub fn workspace_of<'a>(session: &'a Session, name: &str) -> Option<&'a Workspace> {
    known(session).find(|workspace| workspace_name(session, workspace) == name)
}

/// What the workspace of that id is called in addresses.
pub fn name_of(session: &Session, id: WorkspaceId) -> Option<String> {
    let workspace = known(session).find(|workspace| workspace.id == id)?;
    Some(workspace_name(session, workspace))
}

/// The workspaces of the server, and those of this device only.
fn known(session: &Session) -> impl Iterator<Item = &Workspace> {
    session.workspaces.iter().chain(&session.local)
}

/// The workspace of that name that is the person's no longer.
pub fn left_of<'a>(session: &'a Session, name: &str) -> Option<&'a Left> {
    session.left.iter().find(|left| plain(&left.name) == name)
}

/// The collection in an address.
pub fn collection_of(name: &str) -> Option<CollectionId> {
    CollectionId::new(name).ok().filter(|id| !id.is_reserved())
}

fn plain(name: &str) -> String {
    let mut text = String::new();
    for c in name.to_lowercase().chars() {
        if c.is_alphanumeric() {
            text.push(c);
        } else if !text.is_empty() && !text.ends_with('-') {
            text.push('-');
        }
    }
    let text = text.trim_end_matches('-');
    if text.is_empty() { "workspace".to_owned() } else { text.to_owned() }
}
