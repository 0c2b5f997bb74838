//! Workspaces on this device only: they work without a server and an account, and come to one later with all they have.

use crate::desk::{Desk, ask, command, define, id, refused, view};
use serde_json::{Value as Json, json};
use sync_client::api::{Answer, Command, ConnectHow, FailureKind, Session, Status, Unsent};
use sync_client::engine::{Engine, Handle};
use sync_client::limits;
use sync_client::native::NativeDevice;
use sync_client::status::Phase;
use sync_client::store::StoreError;
use sync_client::store::memory::Fault;
use sync_protocol::WorkspaceId;

/// Two steps' worth of records and some more.
const RECORDS: usize = 2 * limits::MOVE_STEP + 500;

async fn session(handle: &Handle) -> Session {
    let Answer::Session(session) = ask(handle, Command::Session).await else { panic!("a session") };
    session
}

async fn status(handle: &Handle) -> Status {
    let Answer::Status(status) = ask(handle, Command::Status).await else { panic!("a status") };
    *status
}

async fn make(handle: &Handle) -> WorkspaceId {
    let made = ask(handle, Command::NewLocal(" My  things ".into())).await;
    let Answer::Session(session) = made else { panic!("a session") };
    let local = session.local.last().unwrap();
    assert_eq!(local.name, "My things");
    ask(handle, Command::Open { workspace: local.id }).await;
    define(handle).await;
    local.id
}

fn team() -> WorkspaceId {
    WorkspaceId(uuid::Uuid::from_u128(7))
}

async fn insert(handle: &Handle, keys: std::ops::RangeInclusive<usize>) {
    let ops: Vec<Json> = keys
        .map(|key| json!({"insert": {"collection": "things", "key": key, "fields": {"n": key}}}))
        .collect();
    ask(handle, command(json!({"write": {"ops": ops}}))).await;
}

async fn work(handle: Handle) {
    let nobody = session(&handle).await;
    assert_eq!(nobody, Session { device: nobody.device.clone(), ..Session::default() });
    let workspace = make(&handle).await;
    insert(&handle, 1..=3).await;
    ask(&handle, command(json!({"edit": {"id": id(2), "fields": {"n": {"saw": 2, "want": 20}}}}))).await;
    ask(&handle, command(json!({"delete": {"ids": [id(3)]}}))).await;
    ask(&handle, Command::Undo).await;
    ask(&handle, Command::SyncNow).await;
    let status = status(&handle).await;
    assert_eq!((status.phase, status.pill().text.as_str()), (Phase::Local, "On this device only"));
    assert_eq!((status.pending, status.problem, status.verified), (0, None, false));
    let Answer::Record(record) = ask(&handle, Command::Record { id: id(2) }).await else {
        panic!("a record")
    };
    assert!(record.marks.is_clean(), "nothing of it waits to be sent");
    assert_eq!(session(&handle).await.open, Some(workspace));
    let failure = refused(&handle, Command::History { id: id(1), resume: None }).await;
    assert!(failure.message.contains("on this device only"), "{failure}");
}

async fn look(handle: Handle) {
    let session = session(&handle).await;
    assert_eq!((session.open, session.user), (Some(session.local[0].id), None));
    let seen = [view(&handle, 1).await, view(&handle, 2).await, view(&handle, 3).await];
    assert_eq!(seen, [json!({"n": 1}), json!({"n": 20}), json!({"n": 3})]);
}

#[test]
fn everything_works_without_a_server_and_is_there_again() {
    let desk = Desk::default();
    desk.at_work(work);
    desk.at_work(look);
    // it belongs to no account, so it is found without one
    desk.set_profile("damaged");
    desk.at_work(async |handle| {
        let found = session(&handle).await.local;
        assert_eq!(found.len(), 1);
        ask(&handle, Command::Open { workspace: found[0].id }).await;
        look(handle).await;
    });
}

#[test]
fn the_same_on_a_disk() {
    let folder = tempfile::tempdir().unwrap();
    for turn in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let device = NativeDevice::open(folder.path(), "desk", "embedded").unwrap();
        let (handle, _events, run) = Engine::start(device);
        runtime.block_on(async {
            let work = async { if turn == 0 { work(handle).await } else { look(handle).await } };
            // the engine ends when nobody can ask any more, and lets the disk go
            tokio::join!(work, run);
        });
    }
}

#[test]
fn a_record_that_is_edited_often_is_kept_once() {
    let desk = Desk::default();
    let edits = limits::MOVE_STEP as i64 + 100;
    desk.at_work(async |handle| {
        make(&handle).await;
        insert(&handle, 1..=1).await;
        let edit = |n: i64| json!({"edit": {"id": id(1), "fields": {"n": {"saw": n, "want": n + 1}}}});
        let ops: Vec<Json> = (1..=edits).map(edit).collect();
        ask(&handle, command(json!({"write": {"ops": ops}}))).await;
    });
    let mut left = 0;
    desk.at_work(async |handle| {
        assert_eq!(view(&handle, 1).await, json!({"n": edits + 1}));
        let Answer::Text(text) = ask(&handle, Command::ExportUnsent).await else { panic!("a text") };
        let all: Json = serde_json::from_str(&text).unwrap();
        left = all["workspaces"][0]["unsent"].as_array().unwrap().len();
    });
    assert_eq!(left, 5, "a collection of three fields and a record");
}

#[test]
fn combining_loses_nothing_wherever_it_is_broken_off() {
    for stored in [false, true] {
        for commit in 1..=5 {
            let desk = Desk::offline();
            let mut local = None;
            desk.at_work(async |handle| {
                local = Some(make(&handle).await);
                insert(&handle, 1..=RECORDS).await;
                ask(&handle, Command::Open { workspace: team() }).await;
                assert_eq!(view(&handle, 1).await, Json::Null);
                ask(&handle, Command::Open { workspace: local.unwrap() }).await;
                desk.team().fail(Fault { commit, error: StoreError::Gone("power cut".into()), stored });
                let how = ConnectHow::Combine(team());
                let done = handle.call(Command::ConnectLocal { workspace: local.unwrap(), how }).await;
                assert_eq!(done.is_err(), commit <= 3, "three commits are made");
                if done.is_err() {
                    let failure = refused(&handle, Command::Open { workspace: local.unwrap() }).await;
                    assert!(failure.message.contains("its records are kept"), "{failure}");
                }
            });
            desk.team().fail(Fault { commit: u64::MAX, error: StoreError::Full, stored });
            desk.at_work(async |handle| {
                let session = session(&handle).await;
                assert_eq!((session.local.len(), session.open), (0, Some(team())));
                assert_eq!(view(&handle, 1).await, json!({"n": 1}));
                assert_eq!(view(&handle, RECORDS as i64).await, json!({"n": RECORDS}));
                let status = status(&handle).await;
                assert_eq!(
                    status.pending as usize,
                    RECORDS + 4,
                    "each once, and a collection of three fields"
                );
            });
        }
    }
}

#[test]
fn taking_the_servers_leaves_ones_own_beside_it() {
    let desk = Desk::offline();
    desk.at_work(async |handle| {
        let workspace = make(&handle).await;
        insert(&handle, 1..=1).await;
        let how = ConnectHow::TakeServers(team());
        ask(&handle, Command::ConnectLocal { workspace, how }).await;
        let now = session(&handle).await;
        assert_eq!((now.open, now.local.len()), (Some(team()), 1));
        assert_eq!(view(&handle, 1).await, Json::Null);

        let remove = |unsent| Command::RemoveRecords { workspace, unsent };
        let asked = refused(&handle, remove(Unsent::Ask)).await;
        assert_eq!(asked.kind, FailureKind::Unsent);
        assert!(asked.message.contains("5 of your changes in “My things”"), "{asked}");
        ask(&handle, Command::Open { workspace }).await;
        assert_eq!(view(&handle, 1).await, json!({"n": 1}));
        ask(&handle, Command::SignOut { unsent: Unsent::Ask }).await;
        ask(&handle, Command::Open { workspace }).await;
        assert_eq!(view(&handle, 1).await, json!({"n": 1}), "it is no account's");
        let failure =
            refused(&handle, Command::ConnectLocal { workspace, how: ConnectHow::KeepMineAsCopy }).await;
        assert_eq!(failure.kind, FailureKind::NeedsSignIn);
        ask(&handle, remove(Unsent::Discard)).await;
        assert_eq!(session(&handle).await.local, []);
    });
}

#[test]
fn a_copy_needs_the_server_and_nothing_happens_without() {
    let desk = Desk::offline();
    desk.at_work(async |handle| {
        let workspace = make(&handle).await;
        insert(&handle, 1..=1).await;
        let failure =
            refused(&handle, Command::ConnectLocal { workspace, how: ConnectHow::KeepMineAsCopy }).await;
        assert_eq!(failure.kind, FailureKind::Offline, "{failure}");
        assert_eq!((view(&handle, 1).await, status(&handle).await.phase), (json!({"n": 1}), Phase::Local));
    });
}

#[test]
fn on_the_server_equal_records_join_and_different_ones_need_review() {
    let mut server = crate::model::server::Server::new(4);
    let [mut local, mut here, mut other] = [1, 2, 3].map(|n| crate::model::device::Device::new(n, 4));
    here.sync(&mut server);
    other.sync(&mut server);
    for device in [&mut local, &mut other] {
        device.define();
        device.insert(&crate::model::item(1), json!({"n": 1})).unwrap();
    }
    local.insert(&crate::model::item(2), json!({"n": 1})).unwrap();
    local.edit(&crate::model::item(2), json!({"n": [1, 2]})).unwrap();
    local.insert(&crate::model::item(3), json!({"n": 3})).unwrap();
    local.insert(&crate::model::item(4), json!({"n": 4})).unwrap();
    local.delete(&crate::model::item(4)).unwrap();
    other.insert(&crate::model::item(2), json!({"n": 5})).unwrap();
    other.sync(&mut server);
    here.sync(&mut server);

    let mine = local.replica.as_inserts();
    assert_eq!(mine.len(), 1 + crate::model::definition().len() + 3);
    here.act(here.replica.adopt(mine)).unwrap();
    for _ in 0..2 {
        here.sync(&mut server);
        other.sync(&mut server);
    }
    let open: Vec<_> = other.replica.conflicts().map(|conflict| conflict.record.clone()).collect();
    assert_eq!(open, [crate::model::item(2)]);
    assert_eq!(
        [1, 2, 3, 4].map(|key| other.view(&crate::model::item(key))["n"].clone()),
        [json!(1), json!(5), json!(3), Json::Null]
    );
    assert_eq!((here.replica.quarantine_count(), here.replica.outbox_count()), (0, 0));
}
