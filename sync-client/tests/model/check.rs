//! What must always hold, each under its name.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt;
use sync_client::api::ReviewQuery;
use sync_client::replica::Judged;
use sync_client::store::{Batch, LocalStore};
use sync_protocol::{
    Change, ChangeId, Conflict, Counter, Cursor, Edit, Entry, Partition, Record, RecordId, Timestamp,
    Verdict, reserved,
};

use super::device::{Device, load};
use super::server::Server;

/// Everything that can be compared with the server at any moment.
pub fn all(device: &Device, server: &Server) {
    base_is_prefix(device, server);
    conservation(device, server);
    outbox_order(device, server);
    once(server);
    choices_kept(device, server);
    counts_agree(device);
}

/// A decision with a value of one's own that was not accepted waits for its author, unless its author took it back, threw
/// it away, or decided anew.
pub fn choices_kept(device: &Device, server: &Server) {
    let replaced = |conflict: ChangeId, counter: Counter| {
        device.acked.values().any(|(_, later)| later.about() == Some(conflict) && later.id.counter > counter)
    };
    for (counter, (_, change)) in &device.acked {
        let Edit::Resolve(resolution) = &change.edit else { continue };
        let refused = matches!(server.judged.get(&change.id), Some(Verdict::Rejected { .. }));
        if refused && resolution.outcome.writes() {
            let kept = device.replica.pending(*counter).is_some()
                || device.replica.quarantined(*counter).is_some()
                || device.again.contains_key(counter)
                || device.discarded.contains(counter)
                || replaced(resolution.conflict, *counter);
            assert!(kept, "choices_kept: {change:?} is nowhere");
        }
    }
}

/// The list, its counts and the marks are one.
pub fn counts_agree(device: &Device) {
    let replica = &device.replica;
    let query = ReviewQuery { limit: usize::MAX, ..ReviewQuery::default() };
    let review = replica.review(device.now, &query);
    assert_eq!(review.items.len(), replica.conflicts().count(), "counts_agree: list");
    assert_eq!(
        (review.open, review.matching),
        (review.items.len(), review.items.len()),
        "counts_agree: open"
    );
    assert_eq!(review.rejected.len(), replica.rejected().count(), "counts_agree: rejected");
    let in_review: BTreeSet<&RecordId> = replica.in_review(&super::collection()).collect();
    let marked = |review: bool| {
        let marked = |id: &RecordId| {
            let marks = replica.marks_of(id);
            if review { marks.review } else { marks.rejected }
        };
        in_review.iter().filter(|id| marked(id)).map(|id| (*id).clone()).collect::<BTreeSet<_>>()
    };
    let of = |ids: Vec<&RecordId>| -> BTreeSet<RecordId> {
        ids.into_iter().filter(|id| id.collection == super::collection()).cloned().collect()
    };
    assert_eq!(marked(true), of(review.items.iter().map(|i| &i.record).collect()), "counts_agree: marks");
    assert_eq!(marked(false), of(review.rejected.iter().map(|r| &r.id).collect()), "counts_agree: marks");
    for item in &review.items {
        assert!(replica.marks_of(&item.record).review, "counts_agree: mark of {}", item.record);
    }
}

/// What the replica keeps counted and sorted is what one finds by looking at everything.
pub fn kept_counts_agree(device: &Device) {
    let replica = &device.replica;
    let (in_collection, held) =
        (|id: &RecordId| id.collection == super::collection(), |c: &Change| replica.is_held(c));
    let own = |c: &Change| ["_people", "_devices"].contains(&c.record.collection.as_str());
    let unjudged: Vec<&Change> =
        replica.outbox().filter(|p| p.judged == Judged::No).map(|p| &p.change).collect();
    let unsent: Vec<&Change> = unjudged.iter().copied().filter(|c| !own(c)).collect();
    assert!(replica.unsent().eq(unsent.iter().copied()), "kept_counts_agree: unsent");
    let in_doubt: Vec<&Change> = replica
        .outbox()
        .filter(|p| matches!(p.judged, Judged::Before { forgotten: true, .. }))
        .map(|p| &p.change)
        .filter(|c| c.about().is_none())
        .collect();
    let follows = |c: &Change| {
        in_doubt.iter().any(|before| before.record == c.record && before.id.counter < c.id.counter)
    };
    let anew: Vec<&Change> = replica
        .outbox()
        .filter(|p| matches!(p.judged, Judged::Taken | Judged::Another))
        .map(|p| &p.change)
        .collect();
    let asked =
        |c: &&Change| anew.iter().any(|before| before.record == c.record && before.id.counter < c.id.counter);
    let kept = unjudged.iter().all(|c| replica.is_asked(c.id.counter) == asked(c));
    assert!(kept, "kept_counts_agree: asked");
    let due = |c: &&Change| asked(c) || !held(c) && (c.about().is_some() || !follows(c));
    assert!(replica.due().eq(unjudged.iter().copied().filter(due)), "kept_counts_agree: due");
    let held = unsent.iter().filter(|c| held(c) && !asked(c)).count();
    let counts = (unsent.len(), held, replica.outbox().count());
    let kept = (replica.unsent_count(), replica.held_count(), replica.outbox_count());
    assert_eq!(kept, counts, "kept_counts_agree: unsent, held, outbox");
    assert_eq!(replica.has_judged(), unjudged.len() < replica.outbox().count(), "kept_counts_agree: judged");
    let before = replica.outbox().any(|p| matches!(p.judged, Judged::Before { .. }));
    assert_eq!(replica.has_judged_before(), before, "kept_counts_agree: judged before");
    let waits = |c: &Change| follows(c) || unjudged.iter().any(|u| asked(u) && u.record == c.record);
    assert!(replica.must_renew() || anew.iter().all(|c| waits(c)), "kept_counts_agree: taken");
    let counts = (replica.conflicts().count(), replica.rejected().count(), replica.quarantine().count());
    let kept = (replica.conflict_count(), replica.rejected_count(), replica.quarantine_count());
    assert_eq!(kept, counts, "kept_counts_agree: conflicts, rejected, quarantine");
    let reviewed = replica.conflicts().map(|c| &c.record).chain(replica.rejected().map(|q| &q.change.record));
    let reviewed: BTreeSet<&RecordId> = reviewed.filter(|id| in_collection(id)).collect();
    assert_eq!(replica.review_count(&super::collection()), reviewed.len(), "kept_counts_agree: records");
    let mut more = 0;
    let waiting: BTreeSet<&RecordId> =
        replica.outbox().map(|p| &p.change.record).filter(|id| in_collection(id)).collect();
    for id in waiting {
        let edits: Vec<&Edit> = replica.pending_of(id).map(|c| &c.edit).collect();
        let born = matches!(edits.first(), Some(Edit::Insert { .. }));
        let gone = matches!(edits.last(), Some(Edit::Delete { .. }));
        more += i64::from(born && !gone) - i64::from(gone && !born);
    }
    let base = replica.checksums().values().filter_map(|c| c.0.get(&super::collection()));
    let count = (base.map(|c| c.count as i64).sum::<i64>() + more).max(0) as u64;
    assert_eq!(replica.count(&super::collection()), count, "kept_counts_agree: count");
}

/// A decision took effect only where its author had seen everything: between what it names and the decision there is
/// nothing of the record or of the conflict but by the author's own device.
pub fn fresh_resolution(devices: &[Device], server: &Server) {
    for device in devices {
        for (_, change) in device.acked.values() {
            let Edit::Resolve(resolution) = &change.edit else { continue };
            let feed = &server.part(&change.record).feed;
            let Some(at) = feed.iter().position(|entry| entry.change == change.id) else { continue };
            let since = |saw: u64, what: &dyn Fn(&Entry) -> bool| {
                feed[..at]
                    .iter()
                    .filter(|e| e.seq.0 > saw && what(e))
                    .all(|e| e.change.replica == change.id.replica)
            };
            let of_conflict = |e: &Entry| e.conflict.as_ref().is_some_and(|c| c.id == resolution.conflict);
            assert!(
                since(resolution.saw_conflict.0, &of_conflict),
                "fresh_resolution: conflict of {change:?}"
            );
            let of_record = |e: &Entry| e.record.as_ref().is_some_and(|r| r.key == change.record.key);
            if let Some(saw) = resolution.saw_record {
                assert!(since(saw.0, &of_record), "fresh_resolution: record of {change:?}");
            }
        }
    }
}

/// Every change that was said to be saved is in the outbox, in a feed, in quarantine, or was thrown away by a person.
pub fn conservation(device: &Device, server: &Server) {
    let judged: BTreeSet<ChangeId> = server.entries().map(|e| e.change).collect();
    for (counter, (_, change)) in &device.acked {
        let kept = device.replica.pending(*counter).is_some()
            || judged.contains(&change.id)
            || device.replica.quarantined(*counter).is_some()
            || device.again.contains_key(counter)
            || device.discarded.contains(counter)
            // a decision about a conflict that has been closed since
            || Device::is_resolve(change) && server.judged.contains_key(&change.id);
        assert!(kept, "conservation: {change:?} is nowhere");
    }
}

/// An entry leaves the outbox only when its outcome is stored, and per record the server meets them as they were made.
pub fn outbox_order(device: &Device, server: &Server) {
    let mut last: BTreeMap<RecordId, (u64, Counter)> = BTreeMap::new();
    for entry in server.entries().filter(|e| e.change.replica == device.replica.id()) {
        // a change that was stored while the power was cut was never said to be saved
        let Some((order, change)) = device.acked.get(&entry.change.counter) else { continue };
        if entry.said != Some(change.digest()) {
            // one that another device of the same name made
            continue;
        }
        if Device::is_resolve(change) {
            continue;
        }
        if let Some((before, counter)) = last.insert(change.record.clone(), (*order, change.id.counter)) {
            assert!(
                before < *order,
                "outbox_order: {counter} was judged before {}, which was made earlier",
                change.id.counter
            );
        }
    }
    for change in device.replica.outbox().map(|p| &p.change) {
        let Some((order, _)) = device.acked.get(&change.id.counter) else { continue };
        let mut later = device.acked.values().filter(|(n, c)| n > order && c.record == change.record);
        let overtaken = later.find(|(_, c)| {
            let left = device.replica.pending(c.id.counter).is_none() && !Device::is_resolve(c);
            left && server.entries().any(|e| e.change == c.id)
        });
        assert!(overtaken.is_none(), "outbox_order: {overtaken:?} left before {change:?}");
    }
    for (counter, (_, change)) in &device.acked {
        let gone = device.replica.pending(*counter).is_none()
            && device.replica.quarantined(*counter).is_none()
            && !device.again.contains_key(counter)
            && !device.discarded.contains(counter)
            && !Device::is_resolve(change);
        let partition = change.record.partition(server.count());
        if gone && device.replica.snapshot().is_none() && at_floor(device, partition) {
            let entry = server.part(&change.record).feed.iter().find(|e| e.change == change.id);
            let entry = entry.unwrap_or_else(|| panic!("outbox_order: {counter} left without an outcome"));
            assert!(
                entry.seq <= device.replica.cursor().get(partition),
                "outbox_order: {counter} left early"
            );
        }
    }
}

/// A change is judged once.
pub fn once(server: &Server) {
    let mut met = BTreeSet::new();
    for entry in server.entries() {
        assert!(met.insert(entry.change), "once: {:?} is in the feed twice", entry.change);
    }
}

fn at_floor(device: &Device, partition: Partition) -> bool {
    let floor = device.floor.get(&partition).copied().unwrap_or_default();
    device.replica.cursor().get(partition) >= floor
}

fn fold(feed: &[Entry]) -> (BTreeMap<RecordId, &Record>, BTreeMap<ChangeId, &Conflict>) {
    let (mut records, mut conflicts) = (BTreeMap::new(), BTreeMap::new());
    for entry in feed {
        if let (Some(collection), Some(record)) = (&entry.collection, &entry.record) {
            let id = RecordId::new(collection.clone(), record.key.clone());
            if record.deleted {
                records.remove(&id)
            } else {
                records.insert(id, record)
            };
        }
        for conflict in entry.conflicts() {
            match conflict.is_open() {
                true => conflicts.insert(conflict.id, conflict),
                false => conflicts.remove(&conflict.id),
            };
        }
    }
    (records, conflicts)
}

/// The base of the store is the fold of the feed up to the cursor, and so are the open conflicts (conflict_kept).
pub fn base_is_prefix(device: &Device, server: &Server) {
    let mut stored: BTreeMap<RecordId, Record> = BTreeMap::new();
    let sent = server.entries().filter_map(|entry| entry.collection.clone());
    let names: BTreeSet<_> = reserved::ALL.map(reserved::collection).into_iter().chain(sent).collect();
    for name in names {
        let scanned = device.store().scan(&name, None, usize::MAX).now_or_never().unwrap().unwrap();
        stored.extend(scanned.records.into_iter().map(|r| (RecordId::new(name.clone(), r.key.clone()), r)));
    }
    for (n, part) in server.parts.iter().enumerate() {
        let partition = Partition(n as u16);
        let refetching = device.replica.snapshot().is_some_and(|s| s.partitions.contains(&partition));
        if refetching || !at_floor(device, partition) {
            continue;
        }
        let cursor = device.replica.cursor().get(partition);
        let (records, conflicts) = fold(&part.feed[..cursor.0 as usize]);
        let here = |id: &RecordId| id.partition(server.count()) == partition;
        let mine: BTreeMap<RecordId, &Record> =
            stored.iter().filter(|(id, _)| here(id)).map(|(id, r)| (id.clone(), r)).collect();
        assert!(mine == records, "base_is_prefix: partition {n} at {cursor}: {mine:?} is not {records:?}");
        let open: BTreeMap<ChangeId, &Conflict> =
            device.replica.conflicts().filter(|c| here(&c.record)).map(|c| (c.id, c)).collect();
        assert!(open == conflicts, "conflict_kept: partition {n} at {cursor}: {open:?} is not {conflicts:?}");
    }
}

/// What the server says changes no pending change: it stays as it was made, or leaves.
pub fn feed_never_clobbers(device: &Device, before: &[Change], batch: &Batch) {
    for change in before {
        match device.replica.pending(change.id.counter) {
            Some(now) => assert_eq!(now, change, "feed_never_clobbers"),
            None => {
                assert!(batch.settle.contains(&change.id.counter), "feed_never_clobbers: {change:?} is gone")
            }
        }
    }
}

/// The cursor goes back only where a snapshot replaces the data that it had passed.
pub fn cursor_follows_data(device: &Device, before: &Cursor, batch: &Batch) {
    for (partition, now) in device.replica.cursor().iter() {
        let back = now < before.get(partition);
        assert!(!back || batch.snapshot.is_some(), "cursor_follows_data: partition {partition} went back");
    }
}

/// The replica in memory is what it would be if it were opened again now.
pub fn memory_equals_disk(device: &Device) {
    let (memory, disk) = (&device.replica, load(device.store()));
    assert!(
        memory.outbox().map(|p| &p.change).eq(disk.outbox().map(|p| &p.change)),
        "memory_equals_disk: outbox"
    );
    assert!(memory.conflicts().eq(disk.conflicts()), "memory_equals_disk: conflicts");
    assert!(memory.quarantine().eq(disk.quarantine()), "memory_equals_disk: quarantine");
    assert_eq!(memory.schema(), disk.schema(), "memory_equals_disk: schema");
    assert_eq!(memory.cursor(), disk.cursor(), "memory_equals_disk: cursor");
    assert_eq!(memory.snapshot(), disk.snapshot(), "memory_equals_disk: snapshot");
    assert!(memory.pending_records().eq(disk.pending_records()), "memory_equals_disk: records of the outbox");
    for (partition, sums) in memory.checksums() {
        assert_eq!(Some(sums), disk.checksums().get(partition), "memory_equals_disk: checksums");
    }
    let (person, fresh) = ("Ada", Timestamp(0));
    let minted = |r: &sync_client::replica::Replica| {
        r.introduce(fresh, person, "device", "embedded").unwrap().enqueue.first().map(|c| c.id)
    };
    assert_eq!(minted(memory), minted(&disk), "memory_equals_disk: counter");
}

/// After healing and quiet all hold what the server holds, proven by the checksums.
pub fn convergence(devices: &[Device], server: &Server) {
    for device in devices {
        for (n, part) in server.parts.iter().enumerate() {
            let partition = Partition(n as u16);
            assert_eq!(device.replica.cursor().get(partition), part.head(), "liveness: cursor at the head");
            assert_eq!(
                device.replica.checksums().get(&partition),
                Some(&part.sums),
                "convergence: checksums"
            );
        }
        assert!(device.session.is_verified(&device.replica), "convergence: verified");
        let stored = device.store().checksums().now_or_never().unwrap().unwrap();
        let server: BTreeMap<_, _> =
            (0..).map(Partition).zip(&server.parts).filter(|(_, p)| !p.sums.0.is_empty()).collect();
        assert!(stored.iter().eq(server.iter().map(|(p, part)| (p, &part.sums))), "convergence: stored");
        for pending in device.replica.outbox() {
            assert!(device.replica.is_held(&pending.change), "liveness: {pending:?} was not sent");
        }
    }
}
