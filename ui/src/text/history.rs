//! A record's history as it is shown: pages put together, newest first, with what was settled between versions.

use std::collections::BTreeMap;
use sync_client::api::{ConflictInfo, HistoryPage, MergeInfo, VersionInfo};
use sync_protocol::Ordered;
use sync_protocol::record::value_of;
use sync_protocol::{FieldName, Fields, Revision, Value};

/// What was loaded so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    /// Newest first.
    pub versions: Vec<VersionInfo>,
    /// Where older ones go on.
    pub next: Option<Revision>,
    /// Whether older ones are no longer kept.
    pub expired: bool,
    /// The record's conflicts, oldest first.
    pub conflicts: Vec<ConflictInfo>,
}

/// One step of the history.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<'a> {
    /// A version, with the review that made it.
    Version(&'a VersionInfo, Option<&'a ConflictInfo>),
    /// A review that waits, or that left the record as it was.
    Review(&'a ConflictInfo),
    /// What a policy decided without changing the record.
    Merge(&'a MergeInfo),
}

/// A field with its value before and after.
pub type Difference = (FieldName, Value, Value);

impl Loaded {
    /// The newest page, again or for the first time. What was loaded of older ones stays where it goes on from there.
    pub fn refreshed(self, first: HistoryPage) -> Self {
        let mut fresh = Self {
            versions: first.versions,
            next: first.next,
            expired: first.expired,
            conflicts: first.conflicts,
        };
        let meets = |next: Revision| self.versions.iter().position(|version| version.rev == next);
        if let Some(at) = fresh.next.and_then(meets) {
            let older = self.versions.into_iter().skip(at).collect();
            fresh.append(older, self.next, self.expired);
        }
        fresh
    }

    /// With a page of older ones.
    pub fn older(mut self, page: HistoryPage) -> Self {
        self.append(page.versions, page.next, page.expired);
        self
    }

    fn append(&mut self, older: Vec<VersionInfo>, next: Option<Revision>, expired: bool) {
        if let (Some(last), Some(before)) = (self.versions.last_mut(), older.first())
            && last.changed.is_none()
        {
            last.changed = Some(changed(&last.fields, &before.fields, last.deleted));
        }
        self.versions.extend(older);
        (self.next, self.expired) = (next, expired);
    }

    /// Everything in order, newest first. `merges`: what this device knows of what policies decided.
    pub fn steps<'a>(&'a self, merges: &'a [MergeInfo]) -> Vec<Step<'a>> {
        let oldest = self.versions.last().map_or(Revision(0), |version| version.rev);
        let all = self.next.is_none() && !self.expired;
        let reviews = self.conflicts.iter().rev().filter(|info| all || info.conflict.rev >= oldest);
        let told = |info: &&MergeInfo| self.versions.iter().any(|v| v.merge.as_ref() == Some(&info.merge));
        let mut merges = merges.iter().filter(|info| !told(info)).peekable();
        let mut reviews = reviews.peekable();
        let mut steps = Vec::new();
        for version in &self.versions {
            while let Some(merge) = merges.next_if(|info| info.merge.incoming.at > version.by.at) {
                steps.push(Step::Merge(merge));
            }
            while let Some(review) = reviews.next_if(|info| info.conflict.rev > version.rev) {
                steps.push(Step::Review(review));
            }
            steps.push(Step::Version(version, reviews.next_if(|info| info.conflict.rev == version.rev)));
        }
        if all {
            steps.extend(merges.map(Step::Merge));
        }
        steps.extend(reviews.map(Step::Review));
        steps
    }
}

fn changed(fields: &Fields, before: &Fields, deleted: bool) -> BTreeMap<FieldName, Value> {
    if deleted {
        return BTreeMap::new();
    }
    differences(before, fields).into_iter().map(|(name, before, _)| (name, before)).ordered_map()
}

/// The fields in which two versions differ.
pub fn differences(before: &Fields, after: &Fields) -> Vec<Difference> {
    let names: std::collections::BTreeSet<&FieldName> = before.keys().chain(after.keys()).ordered_set();
    let pairs = names.into_iter().map(|name| (name, value_of(before, name), value_of(after, name)));
    pairs
        .filter(|(_, before, after)| before != after)
        .map(|(name, before, after)| (name.clone(), before.clone(), after.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_client::api::Author;
    use sync_protocol::Timestamp;

    fn fields(n: i64) -> Fields {
        Fields::from([(FieldName::new("n").expect("a valid name"), Value::from(n))])
    }

    fn version(rev: u64, n: i64, before: Option<i64>) -> VersionInfo {
        let by = Author {
            person: "Ann".into(),
            device: String::new(),
            channel: String::new(),
            here: false,
            at: Timestamp(rev as i64),
        };
        let changed = before.map(fields);
        VersionInfo {
            rev: Revision(rev),
            by,
            deleted: false,
            fields: fields(n),
            changed,
            merge: None,
            current_by: BTreeMap::new(),
        }
    }

    fn page(versions: Vec<VersionInfo>, next: Option<u64>) -> HistoryPage {
        HistoryPage { versions, next: next.map(Revision), expired: false, conflicts: Vec::new() }
    }

    #[test]
    fn pages_fit_together_and_what_changed_between_them_is_known() {
        let loaded =
            Loaded::default().refreshed(page(vec![version(9, 3, Some(2)), version(7, 2, None)], Some(4)));
        assert_eq!(loaded.versions[1].changed, None);
        let loaded = loaded.older(page(vec![version(4, 1, Some(0)), version(2, 0, Some(0))], None));
        assert_eq!(loaded.versions[1].changed, Some(fields(1)));
        assert_eq!(loaded.next, None);
    }

    #[test]
    fn a_newer_first_page_keeps_the_older_ones() {
        let loaded = Loaded::default()
            .refreshed(page(vec![version(9, 3, Some(2)), version(7, 2, None)], Some(4)))
            .older(page(vec![version(4, 1, None)], Some(2)));
        let again =
            loaded.clone().refreshed(page(vec![version(11, 4, Some(3)), version(9, 3, None)], Some(7)));
        let revs: Vec<u64> = again.versions.iter().map(|v| v.rev.0).collect();
        assert_eq!(revs, [11, 9, 7, 4]);
        assert_eq!((again.next, &again.versions[1].changed), (Some(Revision(2)), &Some(fields(2))));
        // where the gap is too wide, the newest page stands alone
        let far = loaded.refreshed(page(vec![version(30, 9, None)], Some(28)));
        assert_eq!((far.versions.len(), far.next), (1, Some(Revision(28))));
    }
}
