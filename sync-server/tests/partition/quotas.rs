//! How much a workspace may keep, and what people are told where it is full.

use std::collections::BTreeMap;
use sync_protocol::schema::collection_record;
use sync_protocol::{Choice, CollectionId, Delta, Edit, Outcome, Rejection, Resolution, Value, Verdict};
use sync_server::partition::Quotas;
use sync_server::store::Read;

use crate::kit::{Device, HORIZON, World, airport, airports, applied, field};

fn told(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Rejected { reason: reason @ Rejection::Impossible { .. }, .. } => reason.to_string(),
        other => panic!("{other:?}"),
    }
}

async fn kept(world: &World) -> sync_server::store::Kept {
    world.store.head(world.id(0), Read::Serial).await.expect("head").kept
}

#[tokio::test]
async fn a_workspace_holds_so_many_records_and_a_delete_makes_room() {
    let (world, _, mut ann) = airports(1).await;
    // three are the schema's
    let node = world.node_within(Quotas { records: 8, ..Quotas::default() });
    for key in 0..5 {
        let change = ann.insert(&airport(key), "x");
        assert!(applied(&ann.push(&world, &node, &[change]).await[0]), "{key}");
    }
    let sixth = ann.insert(&airport(5), "x");
    let sentence = told(&ann.push(&world, &node, &[sixth]).await[0]);
    assert!(sentence.contains("8 records") && sentence.contains("delete"), "{sentence}");
    let goes_on = [
        ann.patch(&airport(1), "x", "y"),
        ann.change(&airport(2), Edit::Delete { base: [(field("name"), Value::from("x"))].into() }),
        ann.insert(&airport(6), "in its place"),
    ];
    assert!(ann.push(&world, &node, &goes_on).await.iter().all(applied));
    world.audit().await;
}

#[tokio::test]
async fn bytes_count_records_reviews_and_the_history_up_to_the_horizon() {
    let (world, _, mut ann) = airports(1).await;
    let node = world.node_within(Quotas { bytes: 4 << 20, ..Quotas::default() });
    let text = |c: char| c.to_string().repeat(300_000);
    let made = ann.insert(&airport(1), &text('a'));
    assert!(applied(&ann.push(&world, &node, &[made]).await[0]));
    // each is small on the wire, and kept three times as large, twice
    let mut conflicts = 0;
    let sentence = loop {
        let mut device = Device::new();
        let change = device.patch(&airport(1), "never seen", &text('b'));
        match &device.push(&world, &node, &[change]).await[0] {
            Verdict::Conflicted { .. } => conflicts += 1,
            other => break told(other),
        }
        assert!(conflicts < 20, "nothing stops it");
    };
    assert!(sentence.contains("full") && sentence.contains("4 MiB"), "{sentence}");
    let all = kept(&world).await;
    assert_eq!(all.open, conflicts);
    assert!(all.bytes + all.fed < 7 << 20, "{all:?}");
    // what makes room is taken still
    let gone =
        ann.change(&airport(1), Edit::Delete { base: [(field("name"), Value::from(text('a')))].into() });
    assert!(applied(&ann.push(&world, &node, &[gone]).await[0]));
    let less = kept(&world).await;
    assert!(less.bytes < all.bytes, "{less:?}");
}

#[tokio::test]
async fn history_beyond_the_horizon_gives_its_room_back() {
    let (world, _, mut ann) = airports(1).await;
    let node = world.node_within(Quotas { bytes: 600_000, ..Quotas::default() });
    let made = ann.insert(&airport(1), "0");
    assert!(applied(&ann.push(&world, &node, &[made]).await[0]));
    let mut versions = 0;
    loop {
        let change = ann.patch(&airport(1), &versions.to_string(), &(versions + 1).to_string());
        match &ann.push(&world, &node, &[change]).await[0] {
            verdict if applied(verdict) => versions += 1,
            other => {
                told(other);
                break;
            }
        }
        assert!(versions < 10_000, "nothing stops it");
    }
    world.clock.advance(HORIZON * 2);
    let change = ann.patch(&airport(1), &versions.to_string(), "on");
    assert!(applied(&ann.push(&world, &node, &[change]).await[0]), "after {versions} versions");
    assert!(kept(&world).await.floor.seq.0 > 0);
}

#[tokio::test]
async fn conflicts_of_a_record_and_of_a_workspace_are_bounded_and_settling_makes_room() {
    let (world, node, mut ann) = airports(1).await;
    let made = [ann.insert(&airport(1), "a"), ann.insert(&airport(2), "a")];
    assert!(ann.push(&world, &node, &made).await.iter().all(applied));
    let clash = async |node, key| {
        let mut device = Device::new();
        let change = device.patch(&airport(key), "never seen", &device.author.replica.to_string());
        (device.push(&world, node, std::slice::from_ref(&change)).await.remove(0), change.id)
    };
    let mut opened = Vec::new();
    let sentence = loop {
        match clash(&node, 1).await {
            (Verdict::Conflicted { seq, .. }, id) => opened.push((id, seq)),
            (other, _) => break told(&other),
        }
        assert!(opened.len() < 1_000, "nothing stops it");
    };
    assert!(sentence.contains("of this record") && sentence.contains("settle"), "{sentence}");
    assert!(matches!(clash(&node, 2).await.0, Verdict::Conflicted { .. }), "another record is not concerned");

    let small = world.node_within(Quotas { reviews: opened.len() as u64 + 1, ..Quotas::default() });
    let sentence = told(&clash(&small, 2).await.0);
    assert!(sentence.contains("workspace") && sentence.contains("settle"), "{sentence}");
    for (id, saw) in opened.drain(..3) {
        let choices = BTreeMap::from([(field("name"), Choice::Current)]);
        let outcome = Outcome::Keep { choices };
        let head =
            world.store.get(world.id(0), sync_server::store::Kind::Record, &[airport(1).to_text()]).await;
        let body = head.expect("get").remove(0).expect("the record");
        let record: sync_protocol::Record = serde_json::from_str(&body).expect("a record");
        let resolution =
            Resolution { conflict: id, saw_conflict: saw, saw_record: Some(record.rev), outcome };
        let decision = ann.change(&airport(1), Edit::Resolve(resolution));
        let verdict = ann.push(&world, &small, &[decision]).await.remove(0);
        assert!(applied(&verdict), "{verdict:?}");
    }
    assert!(matches!(clash(&small, 1).await.0, Verdict::Conflicted { .. }));
    assert!(matches!(clash(&small, 2).await.0, Verdict::Conflicted { .. }));
}

#[tokio::test]
async fn a_workspace_has_so_many_collections_and_the_rest_goes_on() {
    let (world, node, mut ann) = airports(2).await;
    let mut refused = None;
    for n in 0..1_000 {
        let id = CollectionId::new(format!("c{n}")).expect("valid");
        let (record, fields) = collection_record(&id, "C", None);
        let change = ann.change(&record, Edit::Insert { fields });
        let verdict = ann.push(&world, &node, &[change]).await.remove(0);
        if !applied(&verdict) {
            refused = Some(told(&verdict));
            break;
        }
    }
    let sentence = refused.expect("nothing stops it");
    assert!(sentence.contains("500 collections"), "{sentence}");
    let change = ann.insert(&airport(1), "x");
    assert!(applied(&ann.push(&world, &node, &[change]).await[0]));
    let delta = Delta { base: Value::from("C"), incoming: Value::from("Renamed") };
    let (record, _) = collection_record(&CollectionId::new("c0").expect("valid"), "C", None);
    let rename = ann.change(&record, Edit::Patch { fields: BTreeMap::from([(field("label"), delta)]) });
    assert!(applied(&ann.push(&world, &node, &[rename]).await[0]));
}

/// A partition that an older release wrote has no count: it goes on, and counts from then on.
#[tokio::test]
async fn a_partition_without_a_count_goes_on() {
    let (world, node, mut ann) = airports(1).await;
    let made = ann.insert(&airport(1), "a");
    ann.push(&world, &node, &[made]).await;
    let head = world.store.head(world.id(0), Read::Serial).await.expect("head");
    let old = sync_server::store::Head { step: head.step.next(), kept: Default::default(), ..head.clone() };
    let commit = sync_server::store::Commit { expected: head.step, head: old, rows: vec![] };
    world.store.commit(world.id(0), commit).await.expect("commit");
    let node = world.node();
    let change = ann.change(&airport(1), Edit::Delete { base: [(field("name"), Value::from("a"))].into() });
    assert!(applied(&ann.push(&world, &node, &[change]).await[0]));
    let count = kept(&world).await;
    assert_eq!((count.bytes, count.open), (0, 0), "never below nothing");
    assert!(count.fed > 0);
}
