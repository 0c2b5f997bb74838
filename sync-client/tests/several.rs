//! Several workspaces open at once in one engine: each has its own records, its own troubles, and those who look at it.

use futures::{FutureExt, StreamExt};
use serde_json::json;
use sync_client::api::{Answer, Command, Event, FailureKind, Session};
use sync_client::engine::{Handle, Notice, Notices};
use sync_client::store::StoreError;
use sync_client::store::memory::MemoryStore;
use sync_protocol::WorkspaceId;

use crate::desk::{Desk, ask, command, define, refused, view};

/// Workspaces that a person knows.
const KNOWN: u128 = 12;

fn workspace(n: u128) -> WorkspaceId {
    WorkspaceId(uuid::Uuid::from_u128(n))
}

/// Somebody is signed in, with several workspaces; the first was open last.
fn desk() -> Desk {
    let known =
        |n: u128| json!({"id": workspace(n), "name": format!("Team {n}"), "partitions": 4, "role": "owner"});
    let profile = json!({
        "user": {"id": workspace(99), "name": "Ada"},
        "workspaces": (1..=KNOWN).map(known).collect::<Vec<_>>(),
        "last": workspace(1),
    });
    let desk = Desk::default();
    desk.set_profile(&profile.to_string());
    desk
}

/// Whether nobody has the store of a workspace open.
fn is_closed(desk: &Desk, n: u128) -> bool {
    let store = MemoryStore::open(&desk.disk(&format!("{}.{}", workspace(99), workspace(n))));
    !matches!(store, Err(StoreError::InUse))
}

async fn open(handle: &Handle, n: u128) {
    ask(handle, Command::Open { workspace: workspace(n) }).await;
}

async fn insert(handle: &Handle, key: i64, n: i64) {
    ask(handle, command(json!({"insert": {"collection": "things", "key": key, "fields": {"n": n}}}))).await;
}

async fn looks_at(handle: &Handle) -> Option<WorkspaceId> {
    let Answer::Session(Session { open, .. }) = ask(handle, Command::Session).await else {
        panic!("a session")
    };
    open
}

async fn problem(handle: &Handle) -> Option<String> {
    let Answer::Status(status) = ask(handle, Command::Status).await else { panic!("a status") };
    status.problem
}

fn heard(notices: &mut Notices) -> Vec<Notice> {
    std::iter::from_fn(|| notices.next().now_or_never().flatten()).collect()
}

#[test]
fn two_programs_work_in_two_workspaces() {
    let desk = desk();
    desk.at_work(async |handle| {
        let (a, b) = (handle.named("a"), handle.named("b"));
        open(&a, 1).await;
        open(&b, 2).await;
        for (who, n) in [(&a, 10), (&b, 20)] {
            define(who).await;
            insert(who, 1, n).await;
        }
        insert(&a, 2, 11).await;
        assert_eq!([view(&a, 1).await["n"].clone(), view(&b, 1).await["n"].clone()], [10, 20]);
        assert!(view(&b, 2).await.is_null(), "it is in the other one");
        assert_eq!([looks_at(&a).await, looks_at(&b).await], [Some(workspace(1)), Some(workspace(2))]);
        // each takes back its own
        ask(&b, Command::Undo).await;
        assert!(view(&b, 1).await.is_null());
        assert_eq!(view(&a, 2).await["n"], 11);
        let Answer::Text(unsent) = ask(&a, Command::ExportUnsent).await else { panic!("a text") };
        let unsent: serde_json::Value = serde_json::from_str(&unsent).unwrap();
        let of = |at: usize| unsent["workspaces"][at]["unsent"].as_array().unwrap().len();
        assert!(of(0) > 0 && of(1) > 0, "what is unsent of both: {unsent}");
    });
}

#[test]
fn what_names_its_workspace_is_done_there_also_by_the_next_engine() {
    let desk = desk();
    desk.at_work(async |handle| {
        let (a, b) = (handle.named("a"), handle.named("b"));
        open(&a, 1).await;
        open(&b, 2).await;
        define(&a).await;
        define(&b).await;
    });
    desk.at_work(async |handle| {
        // it was not opened here, and another one was open last
        let b = handle.named("b");
        insert(&b.of(Some(workspace(1))), 1, 10).await;
        assert_eq!(looks_at(&b).await, Some(workspace(1)), "who had no seat yet has one now");
        insert(&b.of(Some(workspace(2))), 1, 20).await;
        let c = handle.named("c");
        assert_eq!(view(&c.of(Some(workspace(1))), 1).await["n"], 10);
        assert_eq!(view(&c.of(Some(workspace(2))), 1).await["n"], 20);
        assert_eq!(view(&c, 1).await["n"], 10, "where it looks");
        // what nobody had open is not opened by the way
        let failure = refused(&b.of(Some(workspace(3))), Command::Collections).await;
        assert_eq!(failure.kind, FailureKind::Input);
        assert_eq!(looks_at(&b).await, Some(workspace(1)), "it stays where it was");
    });
}

#[test]
fn one_that_cannot_be_opened_keeps_nobody_from_the_others() {
    let desk = desk();
    let in_use = MemoryStore::open(&desk.disk(&format!("{}.{}", workspace(99), workspace(2)))).unwrap();
    desk.at_work(async |handle| {
        let (a, b) = (handle.named("a"), handle.named("b"));
        open(&a, 1).await;
        define(&a).await;
        refused(&b, Command::Open { workspace: workspace(2) }).await;
        assert!(problem(&b).await.is_some(), "it says why");
        refused(&b, Command::Collections).await;
        insert(&a, 1, 10).await;
        assert_eq!((view(&a, 1).await["n"].as_i64(), problem(&a).await), (Some(10), None));
        drop(in_use);
        define(&b).await;
        insert(&b, 1, 20).await;
        assert_eq!((view(&b, 1).await["n"].as_i64(), problem(&b).await), (Some(20), None));
    });
}

#[test]
fn each_hears_of_its_own_workspace_and_all_of_the_account() {
    let desk = desk();
    desk.heard_at_work(async |handle, events| {
        let mut notices = events.for_all();
        let (a, b) = (handle.named("a"), handle.named("b"));
        open(&a, 1).await;
        open(&b, 2).await;
        define(&a).await;
        define(&b).await;
        ask(&b, Command::Status).await;
        heard(&mut notices);
        insert(&b, 1, 20).await;
        ask(&b, Command::Status).await;
        let changed: Vec<Notice> = heard(&mut notices)
            .into_iter()
            .filter(|told| matches!(told.event, Event::Changed { .. }))
            .collect();
        let [told] = changed.as_slice() else { panic!("one change: {changed:?}") };
        assert!(told.is_for("b") && !told.is_for("a") && !told.is_for(""), "{told:?}");
        ask(&a, Command::NewLocal("Here".into())).await;
        ask(&a, Command::Status).await;
        let session =
            heard(&mut notices).into_iter().find(|told| told.event == Event::SessionChanged).unwrap();
        assert_eq!(session.to, None);
    });
}

#[test]
fn what_somebody_leaves_is_closed_and_what_nobody_looks_at_after_a_while() {
    let desk = desk();
    let again = desk.clone();
    desk.at_work(async |handle| {
        let (a, b) = (handle.named("a"), handle.named("b"));
        open(&a, 2).await;
        open(&a, 3).await;
        assert!(is_closed(&again, 2), "whoever had it open opened another one");
        open(&b, 3).await;
        open(&a, 4).await;
        assert!(!is_closed(&again, 3), "somebody looks at it");
        b.leave().await;
        ask(&a, Command::Status).await;
        assert!(!is_closed(&again, 3), "a page may be loaded again");
        again.pass(61_000);
        ask(&a, Command::Status).await;
        ask(&a, Command::Status).await;
        assert!(is_closed(&again, 3), "nobody came back");
        assert!(!is_closed(&again, 4), "it is looked at");
    });
}

#[test]
fn as_many_are_open_as_are_looked_at_up_to_a_limit() {
    let desk = desk();
    desk.at_work(async |handle| {
        handle.leave().await;
        let who: Vec<Handle> = (1..=KNOWN).map(|n| handle.named(&n.to_string())).collect();
        for n in 1..=8 {
            open(&who[n - 1], n as u128).await;
            define(&who[n - 1]).await;
        }
        let failure = refused(&who[8], Command::Open { workspace: workspace(9) }).await;
        assert!(failure.message.contains("Close one"), "{failure}");
        who[2].leave().await;
        open(&who[8], 9).await;
        define(&who[8]).await;
        for n in [1, 2, 4, 5, 6, 7, 8, 9] {
            ask(&who[n - 1], Command::Collections).await;
            assert_eq!(looks_at(&who[n - 1]).await, Some(workspace(n as u128)));
        }
    });
}

#[test]
fn signing_out_closes_all() {
    let desk = desk();
    let again = desk.clone();
    desk.at_work(async |handle| {
        let (a, b) = (handle.named("a"), handle.named("b"));
        open(&a, 1).await;
        open(&b, 2).await;
        define(&b).await;
        let failure = refused(&a, command(json!({"sign_out": {"unsent": "ask"}}))).await;
        assert_eq!(failure.kind, FailureKind::Unsent, "what is unsent in the other one counts");
        ask(&a, command(json!({"sign_out": {"unsent": "keep"}}))).await;
        assert_eq!([looks_at(&a).await, looks_at(&b).await], [None, None]);
        assert!(is_closed(&again, 1) && is_closed(&again, 2));
        refused(&b.of(Some(workspace(2))), Command::Collections).await;
    });
}
