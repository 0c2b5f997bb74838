//! Versions of a record as a screen shows them.

use std::collections::{BTreeMap, BTreeSet};
use sync_protocol::Ordered;
use sync_protocol::message::{DeletedAnswer, DeletedPlace, HistoryAnswer, Version};
use sync_protocol::record::{Stamp, value_of};
use sync_protocol::{CollectionId, FieldName, Fields, RecordId, Timestamp, Value};

use super::Replica;
use super::review::Authors;
use crate::api::{DeletedInfo, DeletedPage, HistoryPage, VersionInfo};
use crate::limits;

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

impl Replica {
    /// The records of a collection that were deleted on this device, as long as the server has not judged that. Newest first.
    pub fn deleted_here(&self, collection: &CollectionId) -> DeletedPage {
        let mut seen = BTreeSet::new();
        let mut records: Vec<DeletedInfo> = Vec::new();
        for change in self.unsent().filter(|change| change.record.collection == *collection) {
            if let (Some(fields), true) =
                (self.deleted(&change.record), seen.insert(change.record.key.clone()))
            {
                records.push(self.deleted_info(
                    &change.record,
                    fields,
                    Stamp { by: self.id(), at: change.at },
                    true,
                ));
            }
        }
        records.reverse();
        records.truncate(limits::ROWS);
        DeletedPage { records, next: (!self.is_local()).then(DeletedPlace::default) }
    }

    /// One answer of the server about deleted records, without those that are brought back on this device meanwhile.
    pub fn deleted_there(&self, collection: &CollectionId, answer: DeletedAnswer) -> DeletedPage {
        let records = answer.records.into_iter().filter_map(|record| {
            let id = RecordId::new(collection.clone(), record.key.clone());
            // what waits here says more than the server knows
            let moved = self.pending_of(&id).next().is_some();
            (!moved && record.deleted).then(|| self.deleted_info(&id, record.fields, record.stamp, false))
        });
        DeletedPage { records: records.collect(), next: answer.next }
    }

    fn deleted_info(&self, id: &RecordId, fields: Fields, stamp: Stamp, unsent: bool) -> DeletedInfo {
        DeletedInfo {
            key: id.key.clone(),
            title: self.called(id, &fields),
            fields,
            by: self.author(stamp),
            unsent,
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
