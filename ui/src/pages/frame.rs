//! Around every screen of a workspace: masthead, collections at the left, the screen itself.

mod banners;
mod first_sync;
mod inside;
mod masthead;
mod nav;
mod open;
pub mod overlay;
pub mod palette;
mod renamed;
mod start;
pub mod used;

pub use first_sync::{FirstSync, is_arriving};
pub use masthead::Masthead;

use super::later::{Wanted, later};
use super::left::LeftWorkspaceProps;
use crate::hooks::use_session;
use crate::route::{Route, left_of, workspace_of};
use open::Opened;
use renamed::use_renamed;
use std::rc::Rc;
use sync_client::api::{CollectionInfo, may_edit, may_manage, may_shape};
use sync_protocol::message::Workspace;
use sync_protocol::{ChangeId, CollectionId, FieldName, RecordKey};
use yew::prelude::*;

/// A screen within a workspace.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// Its first collection, or what to do while there is none.
    Start,
    Review,
    Merges,
    /// What was sent and received.
    Activity,
    /// The tables that are mirrored.
    Mirrors,
    NewMirror,
    Decide(ChangeId),
    Import,
    NewCollection,
    Collection(CollectionId),
    /// Its deleted records.
    Deleted(CollectionId),
    /// Values of a field that are there twice.
    Twice(CollectionId, FieldName),
    NewRecord(CollectionId),
    Record(CollectionId, RecordKey),
    /// The versions of a record.
    History(CollectionId, RecordKey),
    /// A collection's settings; the field of it that is changed first.
    Settings(CollectionId, Option<FieldName>),
    /// Its name, its members, the ways out of it.
    WorkspaceSettings,
    /// One's own account: outside of workspaces.
    Account,
    /// Where the link of an invitation leads: outside of workspaces.
    Join,
}

impl Place {
    /// The collection in view.
    pub fn collection(&self) -> Option<&CollectionId> {
        match self {
            Self::Collection(id)
            | Self::Deleted(id)
            | Self::Twice(id, _)
            | Self::NewRecord(id)
            | Self::Record(id, _)
            | Self::History(id, _)
            | Self::Settings(id, _) => Some(id),
            Self::Start
            | Self::Review
            | Self::Decide(_)
            | Self::Merges
            | Self::Activity
            | Self::Mirrors
            | Self::NewMirror
            | Self::Import
            | Self::WorkspaceSettings
            | Self::Account
            | Self::Join
            | Self::NewCollection => None,
        }
    }
}

/// What all screens of a workspace know.
#[derive(Clone, PartialEq)]
pub struct Here {
    /// Its name in addresses.
    pub name: AttrValue,
    pub workspace: Workspace,
    /// Its collections, as last heard.
    pub collections: Rc<Vec<CollectionInfo>>,
    /// Those that were deleted.
    pub deleted: Rc<Vec<CollectionInfo>>,
}

impl Here {
    /// Whether the person may change records.
    pub fn may_edit(&self) -> bool {
        may_edit(self.workspace.role)
    }

    /// Whether the person may change collections and fields.
    pub fn may_shape(&self) -> bool {
        may_shape(self.workspace.role)
    }

    /// Whether the person may say who is a member and which tables are mirrored.
    pub fn may_manage(&self) -> bool {
        may_manage(self.workspace.role)
    }

    /// A collection of this workspace.
    pub fn collection(&self, id: &CollectionId) -> Option<&CollectionInfo> {
        self.collections.iter().find(|info| &info.id == id)
    }

    /// The screen of a collection.
    pub fn to_collection(&self, id: &CollectionId) -> Route {
        Route::Collection { workspace: self.name.to_string(), collection: id.to_string() }
    }
}

/// The workspace that screens are in.
#[hook]
pub fn use_here() -> Here {
    use_context().expect("a workspace's frame provides it")
}

#[derive(PartialEq, Properties)]
pub struct FrameProps {
    /// Its name in addresses.
    pub workspace: AttrValue,
    pub place: Place,
}

/// Opens the workspace, then shows the screen.
#[component]
pub fn Frame(props: &FrameProps) -> Html {
    let session = use_session().session;
    let found = workspace_of(&session, &props.workspace).cloned();
    let renamed = use_renamed(&session, &props.workspace, found.as_ref());
    let Some(workspace) = found else {
        if renamed {
            return Html::default();
        }
        if let Some(left) = left_of(&session, &props.workspace) {
            return html! {
                <div class="mooring-plain">
                    <Masthead />
                    <main id="main" class="mooring-narrow">{ later(Wanted::Left(LeftWorkspaceProps { left: left.clone() })) }</main>
                </div>
            };
        }
        let advice = "Ask an owner to add you, or choose another one.";
        return super::start::nowhere("This workspace is not yours, or not there", advice);
    };
    let key = workspace.id.to_string();
    html! { <Opened {key} {workspace} name={props.workspace.clone()} place={props.place.clone()} /> }
}
