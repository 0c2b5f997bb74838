//! Snapshots: pages, resuming, and writes that go on meanwhile.

use std::collections::BTreeMap;
use sync_protocol::checksum::Checksums;
use sync_protocol::message::{Snapshot, SnapshotAnswer};
use sync_protocol::{
    Change, CollectionId, Edit, Entry, Fields, Partition, Record, RecordId, Revision, Value, limits,
};
use sync_server::partition::{EngineError, PartitionEngine};

use crate::kit::{Device, World, airport, airports, applied, field};

async fn ask(world: &World, node: &PartitionEngine, request: &Snapshot) -> SnapshotAnswer {
    node.snapshot(world.workspace, world.partitions, request).await.expect("snapshot")
}

/// A replica's base: what the snapshot gave, and the feed on top.
#[derive(Default)]
struct Base(BTreeMap<(Partition, RecordId), Record>);

impl Base {
    fn take(&mut self, answer: &SnapshotAnswer) {
        for page in &answer.pages {
            let records: Vec<Record> = serde_json::from_str(page.records.get()).expect("a list of records");
            assert_eq!(records.len(), page.count as usize);
            assert!((1..=limits::PAGE_RECORDS).contains(&records.len()));
            let keys: Vec<String> = records.iter().map(|r| r.key.to_text()).collect();
            assert!(keys.is_sorted());
            assert_eq!((&keys[0], &keys[keys.len() - 1]), (&page.first, &page.last));
            for record in records {
                assert!(!record.deleted);
                let id = RecordId::new(page.collection.clone(), record.key.clone());
                assert!(self.0.insert((page.partition, id), record).is_none(), "a record comes once");
            }
        }
    }

    fn follow(&mut self, partition: Partition, entry: &Entry) {
        let (Some(collection), Some(record)) = (&entry.collection, &entry.record) else { return };
        let id = (partition, RecordId::new(collection.clone(), record.key.clone()));
        if self.0.get(&id).is_some_and(|have| have.rev >= record.rev) {
            return;
        }
        if record.deleted {
            self.0.remove(&id)
        } else {
            self.0.insert(id, record.clone())
        };
    }

    fn checksums(&self, partition: Partition) -> Checksums {
        let mut sums = Checksums::default();
        self.0.iter().filter(|((p, _), _)| *p == partition).for_each(|((_, id), r)| sums.add(id, r.rev));
        sums
    }
}

async fn fill(world: &World, node: &PartitionEngine, count: i64, text: &str) -> Device {
    let mut device = Device::new();
    for chunk in (0..count).collect::<Vec<_>>().chunks(500) {
        let changes: Vec<Change> = chunk.iter().map(|k| device.insert(&airport(*k), text)).collect();
        assert!(device.push(world, node, &changes).await.iter().all(applied));
    }
    device
}

#[tokio::test]
async fn a_snapshot_is_resumed_while_writes_go_on() {
    let (world, node, _) = airports(4).await;
    let mut device = fill(&world, &node, 3_000, &"x".repeat(3_000)).await;
    let gone: Vec<Change> = (0..100)
        .map(|k| {
            let base = Fields::from([(field("name"), Value::from("x".repeat(3_000)))]);
            device.change(&airport(k), Edit::Delete { base })
        })
        .collect();
    assert!(device.push(&world, &node, &gone).await.iter().all(applied));

    let mut base = Base::default();
    let mut request = Snapshot::default();
    let (mut answers, mut finished) = (0, Vec::new());
    let mut cursor = world.start();
    let first = loop {
        // any node goes on, and the token comes back as JSON
        let answer = ask(&world, &world.node(), &request).await;
        let size: usize = answer.pages.iter().map(|p| p.records.get().len()).sum();
        assert!(size < limits::SNAPSHOT_BYTES + 10_000, "{size} bytes");
        base.take(&answer);
        assert_eq!(answer.done, base.0.len() as u64);
        for (partition, revision) in &answer.finished {
            cursor.advance(*partition, *revision);
        }
        finished.extend(answer.finished.iter().map(|(p, _)| p.0));
        answers += 1;
        // edits, deletes and inserts, before and behind the place that is being read
        let n = 100 + answers * 37;
        let delete = Edit::Delete { base: Fields::from([(field("name"), Value::from("x".repeat(3_000)))]) };
        let changes = [
            device.patch(&airport(n), &"x".repeat(3_000), "edited"),
            device.change(&airport(n + 1), delete),
            device.insert(&airport(10_000 + n), "new"),
        ];
        assert!(device.push(&world, &node, &changes).await.iter().all(applied));
        match answer.next {
            Some(next) => {
                let token = serde_json::to_string(&next).expect("JSON");
                request.resume = Some(serde_json::from_str(&token).expect("JSON"));
            }
            None => break answer.total,
        }
    };
    assert_eq!(first, 2_903, "the live records at the start");
    assert!(answers >= 4, "{answers} answers");
    assert_eq!(finished, [0, 1, 2, 3]);
    for (partition, entry) in world.pull_all(&node, &mut cursor).await {
        base.follow(partition, &entry);
    }
    for end in world.pull(&node, &cursor, 0).await.ends {
        assert_eq!(base.checksums(end.partition), end.checksums, "partition {}", end.partition);
    }
    world.audit().await;
}

#[tokio::test]
async fn pages_are_of_one_collection_and_open_conflicts_come_along() {
    let (world, node, mut maker) = airports(1).await;
    let boats = CollectionId::new("boats").expect("valid");
    let (id, fields) = sync_protocol::schema::collection_record(&boats, "Boats", None);
    let mut changes = vec![maker.change(&id, Edit::Insert { fields })];
    changes.extend((0..5).map(|k| {
        let id = RecordId::new(boats.clone(), sync_protocol::RecordKey::Int(k));
        maker.change(&id, Edit::Insert { fields: Fields::new() })
    }));
    assert!(maker.push(&world, &node, &changes).await.iter().all(applied));
    let mut device = fill(&world, &node, 300, "x").await;
    let parked = device.patch(&airport(7), "never was", "parked");
    device.push(&world, &node, std::slice::from_ref(&parked)).await;
    let answer = ask(&world, &node, &Snapshot::default()).await;
    let pages: Vec<(&str, u32)> = answer.pages.iter().map(|p| (p.collection.as_str(), p.count)).collect();
    assert_eq!(
        pages,
        [("_collections", 2), ("_fields", 2), ("airports", 256), ("airports", 44), ("boats", 5)]
    );
    assert_eq!(answer.conflicts.iter().map(|c| c.id).collect::<Vec<_>>(), [parked.id]);
    assert_eq!((answer.done, answer.total, answer.next), (309, 309, None));
    assert_eq!(answer.finished, [(Partition(0), Revision(310))]);
}

#[tokio::test]
async fn many_open_conflicts_come_in_several_answers() {
    let (world, node, _) = airports(2).await;
    let long = "x".repeat(200_000);
    let mut device = fill(&world, &node, 30, "x").await;
    let mut parked: Vec<Change> = (0..30).map(|k| device.patch(&airport(k), "never was", &long)).collect();
    for change in &parked {
        device.push(&world, &node, std::slice::from_ref(change)).await;
    }
    let mut request = Snapshot::default();
    let (mut answers, mut came, mut finished) = (0, Vec::new(), Vec::new());
    loop {
        let answer = ask(&world, &world.node(), &request).await;
        let size = serde_json::to_vec(&answer).expect("JSON").len();
        assert!(size < limits::SNAPSHOT_BYTES + 500_000, "{size} bytes");
        answers += 1;
        came.extend(answer.conflicts.iter().map(|c| c.id));
        for (partition, _) in &answer.finished {
            finished.push(*partition);
            let all = parked.iter().filter(|c| c.record.partition(2) == *partition);
            assert!(
                all.clone().count() > 0 && all.clone().all(|c| came.contains(&c.id)),
                "before it is finished"
            );
        }
        let Some(next) = answer.next else { break };
        request.resume = Some(next);
    }
    assert!(answers >= 3, "{answers} answers");
    assert_eq!(finished, [Partition(0), Partition(1)]);
    parked.sort_by_key(|c| c.id);
    came.sort_unstable();
    assert_eq!(came, parked.iter().map(|c| c.id).collect::<Vec<_>>(), "each once");
}

#[tokio::test]
async fn some_partitions_only_and_requests_that_cannot_be() {
    let (world, node, _) = airports(4).await;
    fill(&world, &node, 100, "x").await;
    let request = Snapshot { resume: None, partitions: vec![Partition(3), Partition(1), Partition(3)] };
    let answer = ask(&world, &node, &request).await;
    assert_eq!(answer.finished.iter().map(|(p, _)| p.0).collect::<Vec<_>>(), [1, 3]);
    assert!(answer.pages.iter().all(|p| [1, 3].contains(&p.partition.0)));
    assert_eq!(answer.total, answer.done);

    let empty = World::new(2);
    let answer = ask(&empty, &empty.node(), &Snapshot::default()).await;
    assert_eq!((answer.pages.len(), answer.total, answer.finished.len()), (0, 0, 2));

    let token = sync_protocol::message::SnapshotToken {
        cursor: world.start(),
        partition: Partition(9),
        after: None,
        conflicts_after: None,
        done: 0,
        total: 0,
    };
    for request in [
        Snapshot { resume: None, partitions: vec![Partition(4)] },
        Snapshot { resume: Some(token.clone()), partitions: vec![] },
        Snapshot {
            resume: Some(sync_protocol::message::SnapshotToken { cursor: empty.start(), ..token }),
            partitions: vec![],
        },
    ] {
        let answer = node.snapshot(world.workspace, world.partitions, &request).await;
        assert!(matches!(answer, Err(EngineError::BadRequest(_))));
    }
}
