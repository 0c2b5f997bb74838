//! What became of a record, and what was decided where edits met.

use std::collections::BTreeMap;
use sync_protocol::message::{Audit, AuditAnswer, Deleted, DeletedPlace, History, HistoryAnswer, Role};
use sync_protocol::{
    ChangeId, Choice, Edit, Fields, Outcome, Partition, RecordId, RecordKey, Rejection, Reopening,
    Resolution, Revision, UserId, Value, Verdict, feed::EntryKind, limits::HISTORY_VERSIONS, reserved,
};
use sync_server::partition::{EngineError, PartitionEngine};

use crate::kit::{Device, HORIZON, World, airport, airports, applied, field};

async fn history(world: &World, node: &PartitionEngine, id: &RecordId) -> HistoryAnswer {
    let request = History { record: id.clone(), resume: None };
    node.history(world.workspace, world.partitions, &request).await.expect("history")
}

async fn audit(world: &World, node: &PartitionEngine) -> AuditAnswer {
    let mut all = AuditAnswer::default();
    let mut resume = None;
    loop {
        let answer = node.audit(world.workspace, world.partitions, &Audit { resume }).await.expect("audit");
        all.entries.extend(answer.entries);
        assert!(answer.done >= all.done, "progress never goes back");
        (all.done, all.total) = (answer.done, answer.total);
        match answer.next {
            Some(next) => resume = Some(next),
            None => return all,
        }
    }
}

fn names(history: &HistoryAnswer) -> Vec<String> {
    let name = |v: &sync_protocol::message::Version| {
        if v.record.deleted {
            "deleted".to_owned()
        } else {
            v.record.value(&field("name")).as_text().unwrap_or("").to_owned()
        }
    };
    history.versions.iter().map(name).collect()
}

/// Ada's and bob's edits of one record met; the conflict's id and the sequence numbers that a decision names.
async fn met(
    world: &World,
    node: &PartitionEngine,
    id: &RecordId,
) -> (Device, Device, ChangeId, Revision, Revision) {
    let (mut ada, mut bob) = (Device::new(), Device::new());
    let made = ada.insert(id, "old");
    let Verdict::Applied { .. } = ada.push(world, node, &[made]).await[0] else { panic!("made") };
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

#[tokio::test]
async fn every_version_of_a_record_and_the_side_that_gave_way() {
    let (world, node, _) = airports(3).await;
    let id = airport(1);
    let (mut ada, mut bob, opened, saw, record) = met(&world, &node, &id).await;
    let choices = BTreeMap::from([(field("name"), Choice::Current)]);
    let decision = bob.change(&id, decide(opened, saw, record, Outcome::Keep { choices }));
    assert!(applied(&bob.push(&world, &node, &[decision]).await[0]));
    let more = [
        bob.patch(&id, "bob's", "newer"),
        bob.change(&id, Edit::Delete { base: [(field("name"), Value::from("newer"))].into() }),
    ];
    assert!(bob.push(&world, &node, &more).await.iter().all(applied));
    // another server, that knows nothing yet
    let found = history(&world, &world.node(), &id).await;
    assert_eq!(names(&found), ["deleted", "newer", "bob's", "old"]);
    assert_eq!((found.next, found.expired), (None, false));
    let gave_way = &found.conflicts[0].fields["name"].incoming;
    assert_eq!(gave_way.as_text(), Some("ada's"), "the side that gave way can be read");
    assert!(!found.conflicts[0].is_open());
    let back = ada.insert(&id, "again");
    assert!(applied(&ada.push(&world, &node, &[back]).await[0]));
    assert_eq!(names(&history(&world, &node, &id).await)[..2], ["again", "deleted"]);
    assert!(
        history(&world, &node, &airport(99)).await.versions.is_empty(),
        "a record that never was has none"
    );
    world.audit().await;
}

#[tokio::test]
async fn a_long_history_comes_in_pieces_and_ends_at_the_horizon() {
    let (world, node, _) = airports(1).await;
    let id = airport(1);
    let mut ada = Device::new();
    let mut changes = vec![ada.insert(&id, "0")];
    changes.extend((0..2 * HISTORY_VERSIONS).map(|n| ada.patch(&id, &n.to_string(), &(n + 1).to_string())));
    assert!(ada.push(&world, &node, &changes).await.iter().all(applied));
    let mut seen = Vec::new();
    let mut request = History { record: id.clone(), resume: None };
    loop {
        let answer = node.history(world.workspace, 1, &request).await.expect("history");
        assert!(answer.versions.len() <= HISTORY_VERSIONS);
        seen.extend(names(&answer));
        match answer.next {
            Some(next) => request.resume = Some(next),
            None => break,
        }
    }
    let wanted: Vec<String> = (0..=2 * HISTORY_VERSIONS).rev().map(|n| n.to_string()).collect();
    assert_eq!(seen, wanted);

    world.clock.advance(HORIZON * 2);
    let last = ada.patch(&id, &(2 * HISTORY_VERSIONS).to_string(), "after");
    assert!(applied(&ada.push(&world, &node, &[last]).await[0]));
    let found = history(&world, &node, &id).await;
    assert_eq!(
        (names(&found), found.expired),
        (vec!["after".to_owned()], true),
        "older ones are no longer kept"
    );
}

#[tokio::test]
async fn a_history_does_not_go_on_in_another_record() {
    let (world, node, _) = airports(1).await;
    let mut ada = Device::new();
    let changes = [ada.insert(&airport(1), "a"), ada.insert(&airport(2), "b")];
    ada.push(&world, &node, &changes).await;
    let of_two = history(&world, &node, &airport(2)).await.versions[0].record.rev;
    let request = History { record: airport(1), resume: Some(of_two) };
    let answer = node.history(world.workspace, 1, &request).await;
    assert!(matches!(answer, Err(EngineError::BadRequest(_))), "{answer:?}");
}

#[tokio::test]
async fn both_are_kept_in_one_step_and_taken_back_in_one() {
    let (world, node, _) = airports(4).await;
    let id = airport(1);
    let (mut ada, mut bob, opened, saw, record) = met(&world, &node, &id).await;
    let in_partition = |same: bool| {
        (2..).map(airport).find(|twin| (twin.partition(4) == id.partition(4)) == same).expect("some key fits")
    };
    let elsewhere = in_partition(false);
    let both = |twin: &RecordId| decide(opened, saw, record, Outcome::KeepBoth { key: twin.key.clone() });
    let wrong = bob.change(&id, both(&elsewhere));
    let verdicts = bob.push(&world, &node, &[wrong]).await;
    assert!(
        matches!(&verdicts[0], Verdict::Rejected { reason: Rejection::Impossible { .. }, .. }),
        "{verdicts:?}"
    );
    let twin = in_partition(true);
    let taken = ada.insert(&twin, "taken");
    assert!(applied(&ada.push(&world, &node, &[taken]).await[0]));
    let wrong = bob.change(&id, both(&twin));
    let verdicts = bob.push(&world, &world.node(), &[wrong]).await;
    assert!(
        matches!(&verdicts[0], Verdict::Rejected { reason: Rejection::Impossible { .. }, .. }),
        "{verdicts:?}"
    );
    let free = (1_000..).map(airport).find(|t| t.partition(4) == id.partition(4)).expect("some key fits");
    let right = bob.change(&id, both(&free));
    let resolution = right.id;
    assert!(applied(&bob.push(&world, &node, &[right]).await[0]));
    assert_eq!(names(&history(&world, &node, &free).await), ["ada's"]);
    assert_eq!(names(&history(&world, &node, &id).await), ["bob's", "old"]);
    world.audit().await;

    let back = Reopening { conflict: opened, resolution, twin: Some(free.key.clone()) };
    let back = ada.change(&id, Edit::Reopen(back));
    // through another server: nothing of it is in memory there
    let verdicts = ada.push(&world, &world.node(), &[back]).await;
    assert!(applied(&verdicts[0]), "{verdicts:?}");
    assert_eq!(names(&history(&world, &node, &free).await), ["deleted", "ada's"]);
    assert!(history(&world, &node, &id).await.conflicts[0].is_open());
    let again = bob.patch(&id, "bob's", "on");
    assert!(applied(&bob.push(&world, &node, &[again]).await[0]), "the record goes on as before");
    world.audit().await;
}

#[tokio::test]
async fn an_audit_tells_what_people_and_policies_decided_and_nothing_else() {
    let (world, node, _) = airports(5).await;
    let id = airport(1);
    let (mut ada, mut bob, opened, saw, record) = met(&world, &node, &id).await;
    let decision = bob.change(&id, decide(opened, saw, record, Outcome::Delete));
    let resolution = decision.id;
    assert!(applied(&bob.push(&world, &node, &[decision]).await[0]));
    let back = ada.change(&id, Edit::Reopen(Reopening { conflict: opened, resolution, twin: None }));
    assert!(applied(&ada.push(&world, &node, &[back]).await[0]));
    let fillers: Vec<_> = (100..160).map(|n| ada.insert(&airport(n), "x")).collect();
    ada.push(&world, &node, &fillers).await;
    let zero = Edit::Patch {
        fields: [(field("visits"), sync_protocol::Delta { base: Value::ABSENT, incoming: Value::from(0) })]
            .into(),
    };
    let zero = ada.change(&airport(100), zero);
    ada.push(&world, &node, &[zero]).await;
    let counted = [bob.add(&airport(100), 0, 1), ada.add(&airport(100), 0, 1)];
    bob.push(&world, &node, &counted[..1]).await;
    ada.push(&world, &node, &counted[1..]).await;

    let found = audit(&world, &world.node()).await;
    let mut kinds: Vec<&str> = found
        .entries
        .iter()
        .map(|entry| match entry.kind {
            EntryKind::Conflicted => "conflicted",
            EntryKind::Resolved => "resolved",
            EntryKind::Reopened => "reopened",
            EntryKind::Merged if entry.merge.is_some() => "merged",
            EntryKind::Merged | EntryKind::Applied => "other",
        })
        .collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["conflicted", "merged", "reopened", "resolved"]);
    assert!(found.entries.iter().all(|entry| entry.record.is_none()), "records stay where they are");
    assert_eq!(found.done, found.total);
    let merge = found.entries.iter().find_map(|e| e.merge.as_ref()).expect("a merge");
    assert_eq!(merge.record.key, RecordKey::Int(100));
    assert_eq!(merge.fields["visits"].result, Value::from(2));
}

#[tokio::test]
async fn nobody_speaks_or_puts_off_for_another() {
    let (world, node, _) = airports(1).await;
    let (_, bob, opened, ..) = met(&world, &node, &airport(1)).await;
    let note = |collection: &'static str, key: String, fields: &[(&'static str, String)]| {
        let id = RecordId::new(reserved::collection(collection), RecordKey::Text(key));
        let fields = fields.iter().map(|(name, text)| (reserved::field(name), Value::from(text.as_str())));
        (id, fields.collect::<Fields>())
    };
    let comment = |user: UserId, said: UserId| {
        let fields = [("conflict", opened.to_string()), ("user", said.to_string()), ("text", "hi".into())];
        note(reserved::COMMENTS, format!("{user}/1"), &fields)
    };
    let snooze = |user: UserId| {
        note(reserved::SNOOZES, format!("{user}/{opened}"), &[("until", "2030-01-01T00:00:00Z".into())])
    };
    let (own, other) = (bob.author.user, UserId(uuid::Uuid::now_v7()));
    let assigned = note(reserved::ASSIGNMENTS, opened.to_string(), &[("user", other.to_string())]);
    let mut device = Device { author: bob.author, next: 100, ..Device::new() };
    for (role, record, may) in [
        (Role::Reader, comment(own, own), false),
        (Role::Reader, assigned.clone(), false),
        (Role::Reader, snooze(own), false),
        (Role::Editor, comment(other, own), false),
        (Role::Editor, comment(own, other), false),
        (Role::Editor, snooze(other), false),
        (Role::Editor, comment(own, own), true),
        (Role::Editor, snooze(own), true),
        (Role::Editor, assigned, true),
    ] {
        device.author.standing = role.into();
        let change = device.change(&record.0, Edit::Insert { fields: record.1 });
        let verdicts = device.push(&world, &node, &[change]).await;
        assert_eq!(applied(&verdicts[0]), may, "{} {verdicts:?}", record.0);
    }
}

#[tokio::test]
async fn the_deleted_records_of_a_collection_with_their_last_values() {
    let (world, node, _) = airports(3).await;
    let mut ada = Device::new();
    let all: Vec<RecordId> = (1..=30).map(airport).collect();
    let made: Vec<_> = all.iter().map(|id| ada.insert(id, &id.key.to_string())).collect();
    assert!(ada.push(&world, &node, &made).await.iter().all(applied));
    let gone =
        |id: &RecordId| Edit::Delete { base: [(field("name"), Value::from(id.key.to_string()))].into() };
    let deleted: Vec<_> = all[..12].iter().map(|id| ada.change(id, gone(id))).collect();
    assert!(ada.push(&world, &node, &deleted).await.iter().all(applied));
    // one is brought back
    let back = ada.insert(&all[0], "back");
    assert!(applied(&ada.push(&world, &node, &[back]).await[0]));

    let found = deleted_of(&world, &world.node(), &all[0]).await;
    let wanted: BTreeMap<RecordKey, Value> =
        all[1..12].iter().map(|id| (id.key.clone(), Value::from(id.key.to_string()))).collect();
    assert_eq!(found, wanted);
    // a collection of which nothing was deleted, and a place that is not there
    let other = Deleted { collection: reserved::collection(reserved::FIELDS), resume: None };
    assert!(node.deleted(world.workspace, world.partitions, &other).await.expect("none").records.is_empty());
    let nowhere = DeletedPlace { partition: Partition(world.partitions), after: String::new() };
    let request = Deleted { collection: all[0].collection.clone(), resume: Some(nowhere) };
    let refused = node.deleted(world.workspace, world.partitions, &request).await;
    assert!(matches!(refused, Err(EngineError::BadRequest(_))), "{refused:?}");
}

/// The names of the deleted records of a collection, by key.
async fn deleted_of(world: &World, node: &PartitionEngine, id: &RecordId) -> BTreeMap<RecordKey, Value> {
    let mut all = BTreeMap::new();
    let mut resume = None;
    loop {
        let request = Deleted { collection: id.collection.clone(), resume };
        let answer = node.deleted(world.workspace, world.partitions, &request).await.expect("deleted");
        for record in answer.records {
            assert!(record.deleted, "{:?} is there", record.key);
            let name = record.value(&field("name")).clone();
            assert_eq!(all.insert(record.key, name), None, "listed once");
        }
        match answer.next {
            Some(next) => resume = Some(next),
            None => return all,
        }
    }
}
