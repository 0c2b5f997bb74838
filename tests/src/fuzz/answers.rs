//! Answers that come to a device which has changes on their way. Whatever comes: it is taken whole or refused, the store
//! takes each batch, and what is loaded from the store is what the replica holds.
//!
//! Input: answers between lines of `===`, each a line `pull`, `push` or `snapshot` and the JSON. The device is replica
//! 00000000-0000-0000-0000-000000000001 with a collection `items` (`title`, `n`) and two records in it.

use sync_client::replica::Replica;
use sync_client::replica::session::{Outgoing, Session};
use sync_client::store::memory::MemoryStore;
use sync_client::store::{Batch, LocalStore, Meta};
use sync_protocol::message::{PullAnswer, PushAnswer, SnapshotAnswer};
use sync_protocol::schema::Field;
use sync_protocol::{
    CollectionId, Counter, FieldName, FieldType, RecordId, RecordKey, ReplicaId, Timestamp, UserId,
    WorkspaceId, reserved,
};
use uuid::Uuid;

use super::requests::pieces;
use super::{head, ready};

const NOW: Timestamp = Timestamp(1_000_000);
const PARTITIONS: u16 = 4;

pub(super) fn run(data: &[u8]) {
    let mut device = Device::new();
    for answer in pieces(data) {
        let Some((kind, json)) = head(answer) else { continue };
        let Ok(text) = std::str::from_utf8(json) else { continue };
        match kind {
            "pull" => device.pulled(text),
            "push" => device.pushed(text),
            "snapshot" => device.snapshotted(text),
            _ => {}
        }
    }
    device.is_as_stored();
}

struct Device {
    store: MemoryStore,
    replica: Replica,
    session: Session,
    sent: Vec<Counter>,
    pull: u64,
    now: Timestamp,
}

impl Device {
    fn new() -> Self {
        let meta = Meta {
            workspace: WorkspaceId(Uuid::from_u128(2)),
            partitions: PARTITIONS,
            replica: ReplicaId(Uuid::from_u128(1)),
            user: UserId(Uuid::from_u128(3)),
            copied: Counter(0),
        };
        let store = MemoryStore::new();
        let first = Batch { meta: Some(meta.clone()), ..Batch::default() };
        ready(store.commit(&first)).expect("memory takes a batch");
        let replica = Replica::new(meta, ready(store.load()).expect("memory is read"), Vec::new());
        let mut device =
            Self { store, replica, session: Session::default(), sent: Vec::new(), pull: 0, now: NOW };
        let items = CollectionId::from_label("items");
        let field = |label: &str, field_type, position| Field {
            position,
            ..Field::new(FieldName::from_label(label), label, field_type)
        };
        let fields = [field("title", FieldType::Text, 0), field("n", FieldType::Integer, 1)];
        let made = device.replica.new_collection(NOW, &items, "Items", &fields);
        device.commit(&made.expect("a collection can be made"));
        for key in [1, 2] {
            let values =
                [(FieldName::from_label("n"), 1.into()), (FieldName::from_label("title"), "Ada".into())];
            let id = RecordId::new(items.clone(), RecordKey::Int(key));
            let added = device.replica.insert(NOW, id, None, values.into());
            device.commit(&added.expect("a record can be added"));
        }
        device.asks();
        device
    }

    /// What is due is on its way.
    fn asks(&mut self) {
        self.now = Timestamp(self.now.0 + 3_600_000);
        while let Some(outgoing) = self.session.next(self.now, &self.replica) {
            match outgoing {
                Outgoing::Push(push) => {
                    self.sent = push.changes.iter().map(|change| change.id.counter).collect()
                }
                Outgoing::Pull(number, _) => self.pull = number,
                Outgoing::Snapshot(_) => {}
            }
        }
    }

    fn commit(&mut self, batch: &Batch) {
        ready(self.store.commit(batch)).expect("memory takes every batch of a replica");
        self.replica.absorb(batch);
    }

    fn pulled(&mut self, text: &str) {
        let Ok(answer) = serde_json::from_str::<PullAnswer>(text) else { return };
        let Ok(batch) = self.replica.pulled(self.pull, &answer) else { return };
        let before = self.replica.cursor().clone();
        let moved = batch.cursor.is_some() || !answer.expired.is_empty();
        self.commit(&batch);
        for partition in (0..PARTITIONS).map(sync_protocol::Partition) {
            let (then, now) = (before.get(partition), self.replica.cursor().get(partition));
            assert!(
                now >= then || answer.expired.contains(&partition),
                "a cursor went back from {then} to {now}"
            );
        }
        let _ = self.replica.differing(&answer.ends);
        let _ = self.session.pulled(self.now, &self.replica, answer.more, moved, &answer.ends);
        self.asks();
    }

    fn pushed(&mut self, text: &str) {
        let Ok(answer) = serde_json::from_str::<PushAnswer>(text) else { return };
        let sent = std::mem::take(&mut self.sent);
        if sent.is_empty() {
            return;
        }
        let Ok(batch) = self.replica.pushed(&sent, &answer) else {
            self.sent = sent;
            return;
        };
        self.commit(&batch);
        self.replica.note_verdicts(&sent, &answer, self.session.last_pull());
        self.session.pushed(None);
        self.asks();
    }

    fn snapshotted(&mut self, text: &str) {
        let Ok(answer) = serde_json::from_str::<SnapshotAnswer>(text) else { return };
        let (done, total) = (answer.done, answer.total);
        let Ok(batch) = self.replica.snapshotted(answer) else { return };
        // pages are looked into by the store: it may refuse them, whole
        if ready(self.store.commit(&batch)).is_err() {
            return;
        }
        self.replica.absorb(&batch);
        self.session.snapshotted(done, total);
        self.asks();
    }

    fn is_as_stored(&self) {
        let loaded = ready(self.store.load()).expect("memory is read");
        let mut kept = Vec::new();
        for name in reserved::ALL {
            let collection = reserved::collection(name);
            let step = ready(self.store.scan(&collection, None, 100_000)).expect("memory is read");
            assert!(step.next.is_none(), "an input is smaller than that");
            kept.extend(step.records.into_iter().map(|record| (collection.clone(), record)));
        }
        let again = Replica::new(self.replica.meta().clone(), loaded, kept);
        let outbox = |replica: &Replica| replica.outbox().map(|p| p.change.clone()).collect::<Vec<_>>();
        assert_eq!(outbox(&again), outbox(&self.replica), "the outbox");
        assert!(again.conflicts().eq(self.replica.conflicts()), "the conflicts");
        assert!(again.quarantine().eq(self.replica.quarantine()), "the rejected changes");
        assert!(again.decisions().eq(self.replica.decisions()), "the decisions");
        assert_eq!(again.cursor(), self.replica.cursor());
        assert_eq!(again.checksums(), self.replica.checksums());
        assert_eq!(again.snapshot(), self.replica.snapshot());
        assert_eq!(again.schema(), self.replica.schema());
    }
}
