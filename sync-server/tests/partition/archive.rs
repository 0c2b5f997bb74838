//! A workspace in a file, and out of it in another store.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use sync_protocol::message::Role;
use sync_protocol::{Cursor, Edit, Fields, Value, Verdict};
use sync_server::admin::erase_workspace;
use sync_server::archive::{ArchiveError, Summary, export, import};
use sync_server::store::memory::MemoryStore;
use sync_server::store::{
    Account, Commit, Committed, DirectoryStore, Head, Kind, PartitionStore, Read, Row, Step, WorkspaceRow,
};

use crate::kit::{Device, HORIZON, World, airport, applied, field};

/// A store with everything, and one workspace on it.
fn world(partitions: u16) -> (World, Arc<MemoryStore>) {
    let world = World::new(partitions);
    let store = Arc::new(MemoryStore::new(world.clock.clone()));
    (World { store: store.clone(), ..world }, store)
}

/// The same workspace on another store, where nothing of it is.
fn elsewhere(world: &World) -> (World, Arc<MemoryStore>) {
    let store = Arc::new(MemoryStore::new(world.clock.clone()));
    (World { store: store.clone(), ..world.clone() }, store)
}

/// Records, a deleted one, an edit that waits for review, and two members.
async fn fill(world: &World, store: &MemoryStore) -> Device {
    let node = world.node();
    let mut device = Device::new();
    let schema = device.schema();
    device.push(world, &node, &schema).await;
    for key in 0..40 {
        let insert = device.insert(&airport(key), "Somewhere");
        assert!(device.push(world, &node, &[insert]).await.iter().all(applied));
    }
    let base = Fields::from([(field("name"), Value::from("Somewhere"))]);
    let delete = device.change(&airport(7), Edit::Delete { base });
    device.push(world, &node, &[delete]).await;
    let mut other = Device::new();
    let (one, two) =
        (device.patch(&airport(1), "Somewhere", "Here"), other.patch(&airport(1), "Somewhere", "There"));
    device.push(world, &node, &[one]).await;
    let verdicts = other.push(world, &node, &[two]).await;
    assert!(matches!(verdicts[..], [Verdict::Conflicted { .. }]), "{verdicts:?}");
    let row = WorkspaceRow { id: world.workspace, name: "Harbour".into(), partitions: world.partitions };
    assert!(store.add_workspace(&row).await.expect("memory"));
    for (device, login, role) in [(&device, "ann", Role::Owner), (&other, "ben", Role::Editor)] {
        let (user, login) = (device.author.user, login.to_owned());
        let account =
            Account { user, name: login.to_uppercase(), password_hash: format!("hash of {login}"), login };
        assert!(store.add_account(&account).await.expect("memory"));
        store.set_member(world.workspace, user, Some(role)).await.expect("memory");
    }
    device
}

async fn put_away(world: &World, store: &MemoryStore, file: &Path) -> Summary {
    export(store, world.workspace, file, |_, _| {}).await.expect("export")
}

async fn bring_in(store: &MemoryStore, file: &Path) -> Result<Summary, ArchiveError> {
    import(store, file, false, HORIZON, |_, _| {}).await
}

/// Whether nothing of the workspace is there.
async fn is_empty(world: &World, store: &MemoryStore) -> bool {
    let mut empty = store.workspace(world.workspace).await.expect("memory").is_none();
    for partition in 0..world.partitions {
        empty &= store.head(world.id(partition), Read::Serial).await.expect("memory") == Head::default();
    }
    empty
}

#[tokio::test]
async fn devices_go_on_where_their_workspace_was_brought_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    let (world, store) = world(3);
    let mut device = fill(&world, &store).await;
    let half = world.pull(&world.node(), &world.start(), 0).await.cursor;
    let last = device.insert(&airport(100), "New");
    assert!(device.push(&world, &world.node(), std::slice::from_ref(&last)).await.iter().all(applied));

    let summary = put_away(&world, &store, &here).await;
    assert_eq!((summary.name.as_str(), summary.partitions, summary.members), ("Harbour", 3, 2));
    assert_eq!(summary.rows["conflict"], 1);
    assert_eq!(summary.rows["record"], 3 + 41, "the schema, and the deleted one as well");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&here).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it has the hashes of passwords");
    }
    let (moved, new) = elsewhere(&world);
    let looked = import(&*new, &here, true, HORIZON, |_, _| {}).await.expect("a dry run");
    assert_eq!(looked, summary);
    assert!(is_empty(&moved, &new).await, "it was only looked at");
    assert_eq!(bring_in(&new, &here).await.expect("import"), summary);

    assert_eq!(moved.audit().await, world.audit().await);
    let ann = new.account("ann").await.expect("memory").expect("an account");
    assert_eq!((ann.user, ann.password_hash.as_str()), (device.author.user, "hash of ann"));
    assert_eq!(new.role(world.workspace, ann.user).await.expect("memory"), Some(Role::Owner));
    // a device that was in the middle, one whose answer was lost, and the next edit
    let node = moved.node();
    let rest = |world: World, mut cursor: Cursor| async move {
        let node = world.node();
        world.pull_all(&node, &mut cursor).await
    };
    assert_eq!(rest(moved.clone(), half.clone()).await, rest(world.clone(), half).await);
    let again = device.push(&moved, &node, &[last]).await;
    assert!(!matches!(again[..], [Verdict::Rejected { .. }]), "{again:?}");
    let next = device.patch(&airport(100), "New", "Newer");
    assert!(device.push(&moved, &node, &[next]).await.iter().all(applied));
    moved.audit().await;

    // what comes out again is what went in
    let (moved, new) = elsewhere(&world);
    bring_in(&new, &here).await.expect("import");
    put_away(&moved, &new, &there).await;
    assert_eq!(fs::read(&here).expect("a file"), fs::read(&there).expect("a file"));
    let twice = export(&*new, world.workspace, &there, |_, _| {}).await;
    assert!(matches!(twice, Err(ArchiveError::Refused(_))), "a file is never written over: {twice:?}");
}

#[tokio::test]
async fn what_was_changed_or_cut_is_refused_as_a_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    let (world, store) = world(2);
    fill(&world, &store).await;
    put_away(&world, &store, &file).await;
    let whole = fs::read_to_string(&file).expect("a file");
    let lines: Vec<&str> = whole.lines().collect();
    let (last, rest) = lines.split_last().expect("lines");
    let at = |what: &str| lines.iter().position(|line| line.starts_with(what)).expect("such a line");
    let (first_row, partition) = (at("{\"row\""), at("{\"partition\""));
    let deep = format!("{}1{}", "[".repeat(120), "]".repeat(120));
    let without = |gone: usize| {
        let left = lines.iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, line)| *line);
        left.collect::<Vec<_>>().join("\n") + "\n"
    };
    let cases = [
        ("changed", whole.replacen("Somewhere", "Sometimes", 1), "changed since"),
        ("cut", rest.join("\n") + "\n", "ends in the middle"),
        ("cut within", whole[..whole.len() - last.len() / 2].to_owned(), "cannot be read"),
        ("a row is missing", without(first_row), "changed since"),
        ("a partition is missing", without(partition), "belongs to another partition"),
        ("too deep", whole.replacen("\"Somewhere\"", &deep, 1), "every device"),
        ("no rows", lines[0].to_owned() + "\n", "ends in the middle"),
        ("newer", whole.replacen("\"format\":1", "\"format\":2", 1), "a newer version"),
        ("something else", "{\"a\":1}\n".to_owned(), "cannot be read"),
        ("empty", String::new(), "no workspace"),
        ("slices", whole.replacen("\"partitions\":2", "\"partitions\":0", 1), "sliced"),
    ];
    for (case, text, why) in cases {
        fs::write(&file, text).expect("a file");
        let (moved, new) = elsewhere(&world);
        let error = bring_in(&new, &file).await.expect_err(case);
        assert!(matches!(error, ArchiveError::Line { .. }), "{case}: {error}");
        assert!(error.to_string().contains(why), "{case}: {error}");
        assert!(is_empty(&moved, &new).await, "{case}");
    }
}

#[tokio::test]
async fn what_was_broken_off_goes_on_and_what_moved_on_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    let (world, store) = world(3);
    fill(&world, &store).await;
    put_away(&world, &store, &file).await;

    let (moved, new) = elsewhere(&world);
    // it ends once one of three partitions is there; and of another try something was left in the last one
    let (begun, from) = (new.clone(), file.clone());
    let broken = tokio::spawn(async move {
        import(&*begun, &from, false, HORIZON, |done, _| assert!(done < 1, "it ends here")).await.map(drop)
    });
    assert!(broken.await.is_err());
    let stray = Row { kind: Kind::Record, key: airport(9_999).to_text(), body: "{}".into(), ttl: None };
    let head = Head { step: Step(1), ..Head::default() };
    let commit = Commit { expected: Step(0), head, rows: vec![stray] };
    assert_eq!(new.commit(world.id(2), commit).await.expect("memory"), Committed::Yes);
    assert!(new.workspace(world.workspace).await.expect("memory").is_none(), "nobody sees it yet");

    bring_in(&new, &file).await.expect("the same again");
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(moved.audit().await, world.audit().await);
    bring_in(&new, &file).await.expect("nothing is left to do");

    let mut device = Device::new();
    let insert = device.insert(&airport(500), "Since");
    assert!(device.push(&moved, &moved.node(), &[insert]).await.iter().all(applied));
    let error = bring_in(&new, &file).await.expect_err("it has moved on");
    assert!(error.to_string().contains("may have moved on"), "{error}");
    moved.audit().await;
}

#[tokio::test]
async fn what_is_put_away_is_one_moment_while_people_write() {
    let folder = tempfile::tempdir().expect("a folder");
    let (world, store) = world(2);
    let mut device = fill(&world, &store).await;
    let node = world.node();
    for round in 0..5_i64 {
        let file = folder.path().join(format!("file {round}"));
        let write = async {
            for key in 0..3 {
                let insert = device.insert(&airport(1_000 + round * 10 + key), "Meanwhile");
                assert!(device.push(&world, &node, &[insert]).await.iter().all(applied));
            }
        };
        tokio::join!(put_away(&world, &store, &file), write);
        let (moved, new) = elsewhere(&world);
        bring_in(&new, &file).await.expect("import");
        moved.audit().await;
    }
}

#[tokio::test]
async fn who_has_the_name_of_a_member_there_is_the_member() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    let (world, store) = world(1);
    let device = fill(&world, &store).await;
    put_away(&world, &store, &file).await;
    let (_, new) = elsewhere(&world);
    let there = Account {
        user: Device::new().author.user,
        login: "ann".into(),
        name: "Ann".into(),
        password_hash: "another".into(),
    };
    assert!(new.add_account(&there).await.expect("memory"));
    bring_in(&new, &file).await.expect("import");
    assert_eq!(new.role(world.workspace, there.user).await.expect("memory"), Some(Role::Owner));
    assert_eq!(new.role(world.workspace, device.author.user).await.expect("memory"), None);
    assert_eq!(new.account("ann").await.expect("memory"), Some(there));
}

/// What an owner deleted in the app has no name any more, and can still be erased by its id.
#[tokio::test]
async fn what_was_deleted_for_everybody_can_be_erased() {
    let (world, store) = world(3);
    fill(&world, &store).await;
    store.remove_workspace(world.workspace).await.expect("memory");
    let said = erase_workspace(&*store, world.workspace, false, |_, _| {}).await.expect("only said");
    assert!(said.contains("deleted for everybody") && said.contains("39 record(s)"), "{said}");
    erase_workspace(&*store, world.workspace, true, |_, _| {}).await.expect("erased");
    for partition in 0..3 {
        let rows = store.range(world.id(partition), Kind::Record, None, 10, 1 << 20, Read::Serial).await;
        assert_eq!(rows.expect("memory"), []);
    }
    let again = erase_workspace(&*store, world.workspace, true, |_, _| {}).await.expect_err("gone");
    assert!(again.to_string().contains("nothing is left of one"), "{again}");
}

#[tokio::test]
async fn nothing_is_left_of_a_workspace_that_was_erased() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    let (world, store) = world(3);
    let mut device = fill(&world, &store).await;
    put_away(&world, &store, &file).await;
    let said = erase_workspace(&*store, world.workspace, false, |_, _| {}).await.expect("only said");
    assert!(said.contains("39 record(s) and 2 member(s)"), "{said}");
    assert_eq!(world.audit().await.len(), 46, "nothing was touched");

    erase_workspace(&*store, world.workspace, true, |_, _| {}).await.expect("erased");
    world.clock.advance(Duration::from_secs(2));
    assert!(store.workspace(world.workspace).await.expect("memory").is_none());
    let ann = store.account("ann").await.expect("memory").expect("people stay");
    assert_eq!(store.role(world.workspace, ann.user).await.expect("memory"), None);
    for partition in 0..3 {
        for kind in Kind::ALL {
            let rows = store.range(world.id(partition), kind, None, 10, 1 << 20, Read::Serial).await;
            assert_eq!(rows.expect("memory"), [], "{} of {partition}", kind.name());
        }
        let head = store.head(world.id(partition), Read::Serial).await.expect("memory");
        assert_eq!(head, Head { step: head.step, ..Head::default() });
    }
    let again = erase_workspace(&*store, world.workspace, true, |_, _| {}).await.expect_err("gone");
    assert!(again.to_string().contains("There is no workspace"), "{again}");

    // and it comes back from its file
    bring_in(&store, &file).await.expect("import");
    let insert = device.insert(&airport(500), "Since");
    assert!(device.push(&world, &world.node(), &[insert]).await.iter().all(applied));
    world.audit().await;
}
