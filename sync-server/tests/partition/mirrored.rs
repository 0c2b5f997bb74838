//! What a mirror reads of the partitions, and what the server writes itself.

use sync_protocol::{Choice, Fields, Partition, Rejection, Revision, Value, Verdict, reserved};
use sync_server::mirror::look::{Answer, introduction, replica_of, shadow_key, user_of};
use sync_server::partition::Changed;

use crate::kit::{HORIZON, applied, field};
use crate::mirror_kit::{MIRROR, Scene, collection, keep, name_of, order, text};

async fn rows(partitions: u16, count: i64) -> Scene {
    let scene = Scene::of(partitions).await;
    for key in 0..count {
        scene.program_inserts(key, &[("a", text(&format!("row {key}")))], 0);
    }
    let looks = (0..count).map(|key| scene.look_of(key, 0, scene.seen(key))).collect();
    let looked = scene.node.look(scene.world.workspace, partitions, &scene.mapped, looks).await;
    assert!(looked.expect("look").iter().all(|looked| looked.answer == Answer::Agreed));
    scene
}

#[tokio::test]
async fn the_shadows_of_a_token_range_come_in_order_from_all_partitions() {
    let scene = rows(3, 2_500).await;
    let (node, workspace) = (&scene.node, scene.world.workspace);
    let mut names: Vec<String> = (0..2_500).map(name_of).collect();
    names.sort_unstable();
    for (range, prefix) in [((i64::MIN, i64::MAX), ""), ((i64::MIN, -1), "0"), ((0, i64::MAX), "8")] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = node.shadows(workspace, 3, MIRROR, range, after.as_deref()).await.expect("a page");
            assert!(page.rows.len() <= 1_000);
            assert!(page.rows.iter().all(|(_, shadow)| shadow.there && shadow.version == 1));
            found.extend(page.rows.into_iter().map(|(key, _)| key));
            let Some(next) = page.next else { break };
            assert!(after.as_ref() < Some(&next));
            after = Some(next);
        }
        let bit = |key: &str| {
            let digit = key.as_bytes()[37];
            if prefix.is_empty() { true } else { (digit < b'8') == (prefix == "0") }
        };
        let want: Vec<&String> = names.iter().filter(|key| bit(key)).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), want, "{range:?}");
    }
    let one = 7_i64.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed());
    let page = node.shadows(workspace, 3, MIRROR, (one, one), None).await.expect("a page");
    assert_eq!(page.rows.into_iter().map(|(key, _)| key).collect::<Vec<_>>(), [name_of(7)]);
    let other = uuid::Uuid::from_u128(0x12);
    let page = node.shadows(workspace, 3, other, (i64::MIN, i64::MAX), None).await.expect("a page");
    assert!(page.rows.is_empty() && page.next.is_none());
    let shadows = node.shadows_of(workspace, scene.place(7), &[name_of(7), "none".into()]).await;
    let versions: Vec<u64> = shadows.expect("two").iter().map(|shadow| shadow.version).collect();
    assert_eq!(versions, [1, 0]);
    assert_eq!(shadow_key(MIRROR, one, &order(7).key), name_of(7));
}

#[tokio::test]
async fn a_removed_mirror_leaves_nothing() {
    let scene = rows(2, 2_500).await;
    let (node, workspace) = (&scene.node, scene.world.workspace);
    node.carry(workspace, Partition(1), MIRROR, Revision(7)).await.expect("carried");
    let mut rounds = 0;
    while !node.forget_mirror(workspace, 2, MIRROR).await.expect("forgotten") {
        scene.pass(std::time::Duration::from_secs(2));
        rounds += 1;
        assert!(rounds < 10);
    }
    scene.pass(std::time::Duration::from_secs(2));
    let page = node.shadows(workspace, 2, MIRROR, (i64::MIN, i64::MAX), None).await.expect("a page");
    assert!(page.rows.is_empty());
    assert_eq!(node.carried(workspace, Partition(1), MIRROR).await, Ok(None));
    assert!(scene.record(3).await.is_some(), "the records stay");
    scene.world.audit().await;
}

#[tokio::test]
async fn the_cursor_of_the_way_out_never_goes_back() {
    let scene = rows(2, 3).await;
    let (node, workspace) = (&scene.node, scene.world.workspace);
    let at = async |partition| node.carried(workspace, Partition(partition), MIRROR).await.expect("read");
    assert_eq!(at(1).await, None);
    for (seq, want) in [(5, 5), (3, 5), (5, 5), (9, 9)] {
        node.carry(workspace, Partition(1), MIRROR, Revision(seq)).await.expect("carried");
        assert_eq!(at(1).await, Some(Revision(want)));
    }
    assert_eq!(at(0).await, None);
    let steps = scene.steps().await;
    node.carry(workspace, Partition(1), MIRROR, Revision(9)).await.expect("carried");
    assert_eq!(scene.steps().await, steps, "nothing to store");
}

#[tokio::test]
async fn what_has_changed_is_told_once_also_where_only_a_review_was_settled() {
    let mut scene = Scene::new().await;
    let (node, workspace) = (scene.node.clone(), scene.world.workspace);
    let start = node.reached(workspace, Partition(0)).await.expect("a head");
    let changed =
        async |after| node.changed(workspace, Partition(0), &collection(), after).await.expect("a read");
    let none = Changed::Records { records: vec![], conflicts: vec![], upto: start, more: false };
    assert_eq!(changed(start).await, none);
    for _ in 0..2 {
        scene.ann_sets(1, &[("a", text("x"))]).await;
        scene.ann_sets(2, &[("a", text("x"))]).await;
    }
    scene.agree(1).await;
    let Changed::Records { records, upto, more, .. } = changed(start).await else { panic!("expired") };
    assert_eq!((records, more), (vec![order(1), order(2)], false));
    assert_eq!(node.reached(workspace, Partition(0)).await, Ok(upto));
    let others = node.changed(workspace, Partition(0), &reserved::collection(reserved::PEOPLE), start).await;
    assert_eq!(others, Ok(Changed::Records { records: vec![], conflicts: vec![], upto, more: false }));

    scene.ann_sets(1, &[("a", text("ann"))]).await;
    scene.program(1, &[("a", text("program"))], 0);
    scene.reconcile(1).await;
    let open = scene.open(1).await.remove(0);
    let before = node.reached(workspace, Partition(0)).await.expect("a head");
    assert!(applied(&scene.settle(&open, keep(&open, Choice::Current)).await));
    let Changed::Records { records, .. } = changed(before).await else { panic!("expired") };
    assert_eq!(records, [order(1)], "the record stayed as it was, and the table has to follow");

    for key in 0..600 {
        scene.ann_sets(key + 10, &[("a", text("x"))]).await;
    }
    scene.pass(HORIZON + std::time::Duration::from_secs(60));
    scene.ann_sets(1, &[("b", text("later"))]).await;
    assert_eq!(changed(start).await, Changed::Expired);
}

#[tokio::test]
async fn the_records_of_a_collection_come_page_by_page() {
    let mut scene = rows(2, 2_500).await;
    scene.ann_deletes(5).await;
    let (node, workspace) = (&scene.node, scene.world.workspace);
    let mut found = Vec::new();
    for partition in [0, 1].map(Partition) {
        let mut after = None;
        loop {
            let page = node.records_of(workspace, partition, &collection(), after.as_deref()).await;
            let page = page.expect("a page");
            found.extend(page.rows);
            let Some(next) = page.next else { break };
            after = Some(next);
        }
    }
    found.sort_unstable();
    let want: Vec<_> = (0..2_500).filter(|key| *key != 5).map(order).collect();
    assert_eq!(found, want);
}

#[tokio::test]
async fn the_server_introduces_a_mirror_and_takes_it_back() {
    let scene = Scene::of(4).await;
    let (node, workspace) = (&scene.node, scene.world.workspace);
    let writer = replica_of(MIRROR, Partition(0));
    let told = |table: &str| -> Vec<_> {
        introduction(MIRROR, 4, table).into_iter().map(|(id, fields)| (id, Some(fields))).collect()
    };
    let write = async |wanted| node.write_own(workspace, 4, writer, wanted).await.expect("written");
    let verdicts = write(told("shop.orders")).await;
    assert!(verdicts.len() == 5 && verdicts.iter().all(applied), "{verdicts:?}");
    let steps = scene.steps().await;
    assert_eq!(
        write(told("shop.orders")).await,
        vec![Verdict::Duplicate { forgotten: false }; 5],
        "it is so already"
    );
    assert_eq!(scene.steps().await, steps);
    let verdicts = write(told("shop.orders2")).await;
    assert_eq!(verdicts.iter().filter(|verdict| applied(verdict)).count(), 4, "the devices, not the person");
    let feed = scene.feed().await;
    let shown = |id: &sync_protocol::RecordId| {
        let entry = feed.iter().rfind(|e| e.record.as_ref().is_some_and(|r| r.key == id.key))?;
        entry.record.clone().filter(|record| !record.deleted)
    };
    let [person, device, ..] = &told("shop.orders2")[..] else { panic!("five") };
    let named = |id| shown(id).map(|record| record.value(&field("name")).clone());
    assert_eq!(named(&person.0), Some(text("Another program, through CQL")));
    assert_eq!(named(&device.0), Some(text("shop.orders2")));
    let device = shown(&device.0).expect("a device");
    assert_eq!(device.value(&field("user")), &text(&user_of(MIRROR).to_string()));
    assert_eq!(device.value(&field("channel")), &text("mirror"));

    // beside the mirror's own changes in the same partition, counters go on
    scene.program_inserts(1, &[("a", text("x"))], 0);
    scene.agree(1).await;
    let gone = told("").into_iter().map(|(id, _)| (id, None)).collect();
    assert!(write(gone).await.iter().all(applied));
    let wrong = vec![(person.0.clone(), Some(Fields::from([(field("what"), Value::from(1))])))];
    let refused = write(wrong).await;
    assert!(matches!(refused[0], Verdict::Rejected { reason: Rejection::UnknownField { .. }, .. }));
    let own: Vec<u64> = scene
        .feed()
        .await
        .into_iter()
        .filter(|entry| entry.change.replica == writer)
        .map(|entry| entry.change.counter.0)
        .collect();
    assert!(own.is_sorted_by(|a, b| a < b), "{own:?}");
    scene.world.audit().await;
}
