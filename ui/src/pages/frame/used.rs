//! What a person uses most, per workspace, as this device knows it: collections used last and favourites are kept here, records
//! that were open as long as the page is.

use super::Here;
use crate::platform::kept;
use crate::text::palette::first;
use std::cell::RefCell;
use sync_client::api::CollectionInfo;
use sync_protocol::{CollectionId, RecordId, WorkspaceId};

/// Most of either that is kept.
const MOST: usize = 30;
/// Most records that are remembered.
const RECORDS: usize = 8;

thread_local! {
    static OPEN: RefCell<Vec<(WorkspaceId, RecordId, String)>> = const { RefCell::new(Vec::new()) };
}

/// The collections used last, and the favourites, by their names.
pub struct Used {
    last: String,
    favourites: String,
}

impl Used {
    /// Of a workspace.
    pub fn of(workspace: WorkspaceId) -> Self {
        let read = |what| kept::read(&place(what, workspace)).unwrap_or_default();
        Self { last: read("used"), favourites: read("favourites") }
    }

    /// Whether nothing was looked at here before.
    pub fn is_new(&self) -> bool {
        self.last.is_empty()
    }

    /// Whether a collection is a favourite.
    pub fn likes(&self, id: &CollectionId) -> bool {
        self.favourites.lines().any(|name| name == id.as_str())
    }

    /// The collections of a workspace: favourites first, else as they were.
    pub fn sorted<'a>(&self, here: &'a Here) -> Vec<&'a CollectionInfo> {
        let (mut liked, others): (Vec<_>, Vec<_>) =
            here.collections.iter().partition(|info| self.likes(&info.id));
        liked.extend(others);
        liked
    }

    /// The collections of a workspace, those used last first.
    pub fn recent<'a>(&self, here: &'a Here) -> Vec<&'a CollectionInfo> {
        let last = self
            .last
            .lines()
            .filter_map(|name| here.collections.iter().find(|info| info.id.as_str() == name));
        let mut all: Vec<_> = last.collect();
        let rest =
            here.collections.iter().filter(|info| self.last.lines().all(|name| name != info.id.as_str()));
        all.extend(rest);
        all
    }
}

/// A collection is looked at.
pub fn note(workspace: WorkspaceId, id: &CollectionId) {
    let place = place("used", workspace);
    kept::write(&place, &first(id.as_str(), &kept::read(&place).unwrap_or_default(), MOST));
}

/// A collection becomes a favourite, or is one no longer.
pub fn turn(workspace: WorkspaceId, id: &CollectionId) {
    let (place, now) = (place("favourites", workspace), Used::of(workspace));
    let names = match now.likes(id) {
        true => now.favourites.lines().filter(|name| *name != id.as_str()).collect::<Vec<_>>().join("\n"),
        false => first(id.as_str(), &now.favourites, MOST),
    };
    kept::write(&place, &names);
}

/// A record is looked at, under that name.
pub fn note_record(workspace: WorkspaceId, id: &RecordId, name: &str) {
    OPEN.with_borrow_mut(|open| {
        open.retain(|(_, other, _)| other != id);
        open.insert(0, (workspace, id.clone(), name.to_owned()));
        open.truncate(RECORDS);
    });
}

/// The records that were looked at last in a workspace, with their names.
pub fn records(workspace: WorkspaceId) -> Vec<(RecordId, String)> {
    OPEN.with_borrow(|open| {
        let here = open.iter().filter(|(of, ..)| *of == workspace);
        here.map(|(_, id, name)| (id.clone(), name.clone())).collect()
    })
}

fn place(what: &str, workspace: WorkspaceId) -> String {
    format!("mooring-{what}.{workspace}")
}
