//! Keeping both and taking back across two nodes, with commits that are lost, late or unknown.

use std::collections::BTreeMap;
use sync_protocol::{
    Change, ChangeId, Choice, Edit, Outcome, RecordId, RecordKey, Reopening, Resolution, Revision, Verdict,
    feed::EntryKind,
};
use sync_server::partition::PartitionEngine;

use crate::faults::{Fault, Faulty};
use crate::kit::{Device, World, airport, airports, applied, field};

/// Ada's and Bob's edits of one record met: the conflict, its revision and the record's.
async fn met(
    world: &World,
    node: &PartitionEngine,
    id: &RecordId,
) -> (Device, Device, ChangeId, Revision, Revision) {
    let (mut ada, mut bob) = (Device::new(), Device::new());
    let made = ada.insert(id, "old");
    assert!(applied(&ada.push(world, node, &[made]).await[0]));
    let first = bob.patch(id, "old", "bob's");
    let Verdict::Merged { seq: record } = bob.push(world, node, &[first]).await[0] else { panic!("merged") };
    let second = ada.patch(id, "old", "ada's");
    let opened = second.id;
    let Verdict::Conflicted { seq, .. } = ada.push(world, node, &[second]).await[0] else { panic!("met") };
    (ada, bob, opened, seq, record)
}

fn decide(opened: ChangeId, saw: Revision, record: Revision, outcome: Outcome) -> Edit {
    Edit::Resolve(Resolution { conflict: opened, saw_conflict: saw, saw_record: Some(record), outcome })
}

/// Sent until it is answered, to the one node and the other.
async fn push_until_answered(
    device: &Device,
    world: &World,
    nodes: &[PartitionEngine],
    changes: &[Change],
) -> Vec<Verdict> {
    for node in nodes.iter().cycle().take(50) {
        if let Ok(verdicts) = device.try_push(world, node, changes).await {
            return verdicts;
        }
    }
    panic!("nobody answers");
}

fn certain(verdict: &Verdict) -> bool {
    applied(verdict) || *verdict == Verdict::Duplicate { forgotten: false }
}

const SCRIPTS: [&[Fault]; 7] = [
    &[Fault::UnknownApplied],
    &[Fault::UnknownLost],
    &[Fault::UnknownLate],
    &[Fault::Beaten],
    &[Fault::Unavailable],
    &[Fault::UnknownLate, Fault::UnknownLost, Fault::Beaten],
    &[Fault::UnknownLost, Fault::Unavailable, Fault::UnknownApplied],
];

#[tokio::test(start_paused = true)]
async fn both_are_kept_and_taken_back_once_whatever_becomes_of_the_commits() {
    for script in SCRIPTS {
        let (world, plain, _) = airports(1).await;
        let id = airport(1);
        let (_, mut bob, opened, saw, record) = met(&world, &plain, &id).await;
        let nodes = [script, script].map(|script| world.node_on(Faulty::new(world.store.clone(), script)));
        let key = RecordKey::Text("twin".into());
        let both = Outcome::KeepBoth { key: key.clone() };
        let decision = bob.change(&id, decide(opened, saw, record, both));
        let resolution = decision.id;
        let verdicts = push_until_answered(&bob, &world, &nodes, &[decision]).await;
        assert!(certain(&verdicts[0]), "{script:?}: {verdicts:?}");
        let back = Reopening { conflict: opened, resolution, twin: Some(key.clone()) };
        let back = bob.change(&id, Edit::Reopen(back));
        let [other, first] = nodes;
        let verdicts = push_until_answered(&bob, &world, &[first, other], &[back]).await;
        assert!(certain(&verdicts[0]), "{script:?}: {verdicts:?}");

        let entries = world.audit().await;
        let of = |kind| entries.iter().filter(|e| e.kind == kind).collect::<Vec<_>>();
        let (kept, back) = (of(EntryKind::Resolved), of(EntryKind::Reopened));
        assert_eq!((kept.len(), back.len()), (1, 1), "{script:?}: each is judged once");
        let twin = kept[0].record.as_ref().expect("the twin");
        assert_eq!((&twin.key, twin.value(&field("name")).as_text()), (&key, Some("ada's")));
        let gone = back[0].record.as_ref().expect("the twin's end");
        assert!(gone.key == key && gone.deleted && back[0].replaces == Some(twin.rev), "{script:?}");
        assert!(back[0].conflict.as_ref().is_some_and(|c| c.is_open()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_decision_taken_back_and_another_are_judged_in_order_whatever_becomes_of_the_commits() {
    for script in SCRIPTS {
        let (world, plain, _) = airports(1).await;
        let id = airport(1);
        let (_, mut bob, opened, saw, record) = met(&world, &plain, &id).await;
        let nodes = [script, script].map(|script| world.node_on(Faulty::new(world.store.clone(), script)));
        let keep = |choice| Outcome::Keep { choices: BTreeMap::from([(field("name"), choice)]) };
        let first = bob.change(&id, decide(opened, saw, record, keep(Choice::Incoming)));
        let resolution = first.id;
        let back = Reopening { conflict: opened, resolution, twin: None };
        let back = bob.change(&id, Edit::Reopen(back));
        let again = bob.change(&id, decide(opened, saw, record, keep(Choice::Own("neither".into()))));
        let verdicts = push_until_answered(&bob, &world, &nodes, &[first, back, again]).await;
        assert!(verdicts.iter().all(certain), "{script:?}: {verdicts:?}");
        let entries = world.audit().await;
        let kinds: Vec<_> = entries.iter().rev().take(3).map(|e| e.kind).collect();
        assert_eq!(kinds, [EntryKind::Resolved, EntryKind::Reopened, EntryKind::Resolved], "{script:?}");
        let last = entries.last().and_then(|e| e.record.as_ref()).expect("the record");
        assert_eq!(last.value(&field("name")).as_text(), Some("neither"), "{script:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_nodes_take_back_the_same_decision_and_one_of_them_does() {
    for script in SCRIPTS {
        let (world, plain, _) = airports(1).await;
        let id = airport(1);
        let (mut ada, mut bob, opened, saw, record) = met(&world, &plain, &id).await;
        let both = Outcome::KeepBoth { key: RecordKey::Text("twin".into()) };
        let decision = bob.change(&id, decide(opened, saw, record, both));
        let resolution = decision.id;
        assert!(applied(&bob.push(&world, &plain, &[decision]).await[0]));
        let twin = Some(RecordKey::Text("twin".into()));
        let back = Reopening { conflict: opened, resolution, twin };
        let nodes = [script, &[]].map(|script| world.node_on(Faulty::new(world.store.clone(), script)));
        let by_ada = [ada.change(&id, Edit::Reopen(back.clone()))];
        let by_bob = [bob.change(&id, Edit::Reopen(back))];
        let (first, second) = futures::join!(
            push_until_answered(&ada, &world, &nodes[..1], &by_ada),
            push_until_answered(&bob, &world, &nodes[1..], &by_bob),
        );
        let done = [&first[0], &second[0]].into_iter().filter(|v| certain(v)).count();
        assert_eq!(done, 1, "{script:?}: {first:?} {second:?}");
        let entries = world.audit().await;
        assert_eq!(entries.iter().filter(|e| e.kind == EntryKind::Reopened).count(), 1, "{script:?}");
    }
}
