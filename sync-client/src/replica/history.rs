//! Versions of a record as a screen shows them.

use std::collections::BTreeMap;
use sync_protocol::Ordered;
use sync_protocol::message::{HistoryAnswer, Version};
use sync_protocol::record::value_of;
use sync_protocol::{FieldName, Fields, Timestamp, Value};

use super::Replica;
use super::review::Authors;
use crate::api::{HistoryPage, VersionInfo};

impl Replica {
    /// One answer of the server about a record's history.
    pub fn history_page(&self, now: Timestamp, answer: HistoryAnswer) -> HistoryPage {
        let mut authors = Authors::default();
        let older = answer.versions.iter().skip(1).map(Some).chain([None]);
        let is_first = answer.next.is_none() && !answer.expired;
        let versions = answer
            .versions
            .iter()
            .zip(older)
            .map(|(version, older)| VersionInfo {
                rev: version.record.rev,
                by: authors.of(self, version.record.stamp),
                deleted: version.record.deleted,
                fields: version.record.fields.clone(),
                changed: match older {
                    Some(older) => Some(changed(version, &older.record.fields)),
                    None => is_first.then(|| changed(version, &Fields::new())),
                },
                current_by: version.merge.iter().flat_map(|m| authors.of_current(self, m)).ordered_map(),
                merge: version.merge.as_deref().cloned(),
            })
            .collect();
        HistoryPage {
            versions,
            next: answer.next,
            expired: answer.expired,
            conflicts: answer.conflicts.iter().map(|c| self.conflict_info(now, c, None)).collect(),
        }
    }
}

/// The fields in which a version differs from the one before, with the value there.
fn changed(version: &Version, before: &Fields) -> BTreeMap<FieldName, Value> {
    if version.record.deleted {
        return BTreeMap::new();
    }
    let names = before.keys().chain(version.record.fields.keys());
    names
        .filter(|name| value_of(before, name) != version.record.value(name))
        .map(|name| (name.clone(), value_of(before, name).clone()))
        .ordered_map()
}
