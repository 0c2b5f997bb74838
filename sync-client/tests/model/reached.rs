//! What random histories have met, so that they are known to test what they are for.

use sync_protocol::feed::EntryKind;
use sync_protocol::{Edit, Entry, Rejection, Verdict, reserved};

use super::device::Device;
use super::server::Server;

/// How often the histories met what they are for.
#[derive(Debug, Default)]
pub struct Reached {
    pub conflicts: usize,
    pub decided: usize,
    pub taken_back: usize,
    pub kept_both: usize,
    pub bulk: usize,
    pub comments: usize,
    pub moved: usize,
    pub own_edit_before: usize,
}

impl Reached {
    pub fn add(&mut self, server: &Server, devices: &[Device], bulk: usize) {
        let kind = |kind: EntryKind| server.entries().filter(move |e| e.kind == kind);
        self.conflicts += kind(EntryKind::Conflicted).count();
        self.decided += kind(EntryKind::Resolved).count();
        self.taken_back += kind(EntryKind::Reopened).count();
        self.kept_both += kind(EntryKind::Resolved)
            .filter(|e| e.record.as_ref().is_some_and(|r| r.twin_of.is_some() && !r.deleted))
            .count();
        self.bulk += bulk;
        self.comments += kind(EntryKind::Applied)
            .filter(|e| e.collection.as_ref().is_some_and(|c| c.as_str() == reserved::COMMENTS))
            .count();
        let moved = |v: &&Verdict| matches!(v, Verdict::Rejected { reason: Rejection::Moved, .. });
        self.moved += server.judged.values().filter(moved).count();
        for (_, change) in devices.iter().flat_map(|d| d.acked.values()) {
            let Edit::Resolve(resolution) = &change.edit else { continue };
            let feed = &server.part(&change.record).feed;
            let Some(at) = feed.iter().position(|e| e.change == change.id) else { continue };
            let saw = resolution.saw_record.map_or(u64::MAX, |rev| rev.0);
            let own =
                |e: &Entry| e.seq.0 > saw && e.record.as_ref().is_some_and(|r| r.key == change.record.key);
            self.own_edit_before += usize::from(feed[..at].iter().any(own));
        }
    }
}
