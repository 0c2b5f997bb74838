//! A person who is taken away: account and name go, and what they wrote stays.

use std::sync::Arc;
use sync_protocol::message::Role;
use sync_protocol::schema::{device_record, person_record};
use sync_protocol::{Edit, Record, RecordId, Timestamp, Value, WorkspaceId};
use sync_server::admin::erase_user;
use sync_server::store::memory::MemoryStore;
use sync_server::store::{
    Account, DirectoryStore, Kind, PartitionId, PartitionStore, SessionRow, WorkspaceRow,
};

use crate::kit::{Device, World, airport, applied, field};

/// Ann and Ben in one workspace, both with their names and devices, each with a record; both are owners of it.
async fn crew(world: &World, store: &MemoryStore, name: &str) -> [Device; 2] {
    let row = WorkspaceRow { id: world.workspace, name: name.into(), partitions: world.partitions };
    assert!(store.add_workspace(&row).await.expect("memory"));
    let mut both = [Device::new(), Device::new()];
    let schema = both[0].schema();
    both[0].push(world, &world.node(), &schema).await;
    for (n, (device, login)) in both.iter_mut().zip(["ann", "ben"]).enumerate() {
        let user = device.author.user;
        let account = Account { user, login: login.into(), name: login.into(), password_hash: "hash".into() };
        assert!(store.add_account(&account).await.expect("memory"));
        join(world, store, device, login).await;
        let insert = device.insert(&airport(n as i64), login);
        assert!(device.push(world, &world.node(), &[insert]).await.iter().all(applied));
        let session = SessionRow::new(user, Timestamp(i64::MAX));
        store.add_session(&[n as u8; 32], &session).await.expect("memory");
    }
    both
}

/// A member with a name and a device there.
async fn join(world: &World, store: &MemoryStore, device: &mut Device, login: &str) {
    let user = device.author.user;
    store.set_member(world.workspace, user, Some(Role::Owner)).await.expect("memory");
    let records =
        [person_record(user, login), device_record(device.author.replica, user, "Desk of", "browser")];
    let inserts = records.map(|(id, fields)| device.change(&id, Edit::Insert { fields }));
    assert!(device.push(world, &world.node(), &inserts).await.iter().all(applied));
}

fn world() -> (World, Arc<MemoryStore>) {
    let world = World::new(2);
    let store = Arc::new(MemoryStore::new(world.clock.clone()));
    (World { store: store.clone(), ..world }, store)
}

async fn name_of(store: &MemoryStore, workspace: WorkspaceId, id: &RecordId) -> Value {
    let at = PartitionId { workspace, partition: id.partition(2) };
    let body = store.get(at, Kind::Record, &[id.to_text()]).await.expect("memory").remove(0);
    let record: Record = serde_json::from_str(&body.expect("a record")).expect("as specified");
    record.value(&field("name")).clone()
}

#[tokio::test]
async fn a_person_goes_with_account_and_name_and_what_they_wrote_stays() {
    let (world, store) = world();
    let [ann, ben] = crew(&world, &store, "Harbour").await;
    let node = world.node();
    let said = erase_user(&*store, &node, "BEN", &[], false).await.expect("only said");
    assert!(said.contains("“Harbour”") && said.contains("Former member"), "{said}");
    assert!(store.account("ben").await.expect("memory").is_some(), "nothing was touched");

    let said = erase_user(&*store, &node, "BEN", &[], true).await.expect("erased");
    assert!(said.contains("“ben” is gone") && said.contains("“Harbour”"), "{said}");
    assert_eq!(store.account("ben").await.expect("memory"), None);
    assert_eq!(store.account_of(ben.author.user).await.expect("memory"), None);
    assert_eq!(store.session(&[1; 32]).await.expect("memory"), None);
    assert!(store.session(&[0; 32]).await.expect("memory").is_some(), "others stay signed in");
    assert_eq!(store.role(world.workspace, ben.author.user).await.expect("memory"), None);
    let id = |(id, _)| id;
    let names = [
        (id(person_record(ben.author.user, "")), "Former member"),
        (id(device_record(ben.author.replica, ben.author.user, "", "")), "A device"),
        (id(person_record(ann.author.user, "")), "ann"),
        (id(device_record(ann.author.replica, ann.author.user, "", "")), "Desk of"),
        (airport(1), "ben"),
    ];
    for (id, name) in names {
        assert_eq!(name_of(&store, world.workspace, &id).await, Value::from(name), "{id}");
    }
    // devices hear of it as of any change
    world.audit().await;
    let again = erase_user(&*store, &node, "ben", &[], true).await.expect_err("gone");
    assert!(again.to_string().contains("There is no account"), "{again}");
}

#[tokio::test]
async fn the_only_owner_is_not_taken_away() {
    let (world, store) = world();
    let [ann, ben] = crew(&world, &store, "Harbour").await;
    store.set_member(world.workspace, ben.author.user, Some(Role::Editor)).await.expect("memory");
    let node = world.node();
    let said = erase_user(&*store, &node, "ann", &[], false).await.expect("only said");
    assert!(said.contains("“Harbour” needs another owner"), "{said}");
    let refused = erase_user(&*store, &node, "ann", &[], true).await.expect_err("refused");
    assert!(refused.to_string().contains("Nobody else owns “Harbour”"), "{refused}");
    assert!(store.session(&[0; 32]).await.expect("memory").is_some(), "nothing was touched");
    assert_eq!(store.role(world.workspace, ann.author.user).await.expect("memory"), Some(Role::Owner));
}

#[tokio::test]
async fn a_workspace_that_they_left_is_named() {
    let (world, store) = world();
    let [_, ben] = crew(&world, &store, "Harbour").await;
    store.set_member(world.workspace, ben.author.user, None).await.expect("memory");
    let unknown = WorkspaceId(uuid::Uuid::now_v7());
    let node = world.node();
    let refused = erase_user(&*store, &node, "ben", &[unknown], true).await.expect_err("refused");
    assert!(refused.to_string().contains("There is no workspace"), "{refused}");
    let said = erase_user(&*store, &node, "ben", &[world.workspace], true).await.expect("erased");
    assert!(said.contains("“Harbour”"), "{said}");
    let (person, _) = person_record(ben.author.user, "");
    assert_eq!(name_of(&store, world.workspace, &person).await, Value::from("Former member"));
}
