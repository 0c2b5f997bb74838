//! An engine with open views, without a network: what it tells while nobody listens, and what ends a view.

use std::cell::Cell;
use std::future::pending;

use futures::{FutureExt, StreamExt};
use serde_json::json;
use sync_client::api::{Answer, Command, Event, FailureKind, Looked, RowsChange, View, ViewId, Window};
use sync_client::device::Device;
use sync_client::engine::{Engine, Events, Handle};
use sync_client::store::StoreError;
use sync_client::store::memory::{MemoryDisk, MemoryStore};
use sync_protocol::{Fields, RecordKey, Timestamp, WorkspaceId};

/// A device on which somebody is signed in, two workspaces are known, and the first one was open last.
struct Offline(Cell<u8>);

fn workspace(n: u128) -> WorkspaceId {
    WorkspaceId(uuid::Uuid::from_u128(n))
}

impl Device for Offline {
    type Store = MemoryStore;

    async fn load_profile(&self) -> Result<Option<String>, StoreError> {
        let known = |n| json!({"id": workspace(n), "name": "Boats", "partitions": 1, "role": "owner"});
        let user = json!({"id": workspace(9), "name": "John Doe"});
        let profile = json!({"user": user, "workspaces": [known(1), known(2)], "last": workspace(1)});
        Ok(Some(profile.to_string()))
    }

    async fn save_profile(&self, _text: &str) -> Result<(), StoreError> {
        Ok(())
    }

    async fn open_store(&self, _name: &str) -> Result<MemoryStore, StoreError> {
        MemoryStore::open(&MemoryDisk::new())
    }

    async fn stores(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    async fn delete_store(&self, _name: &str) -> Result<(), StoreError> {
        Ok(())
    }

    fn now(&self) -> Timestamp {
        Timestamp(1_000_000)
    }

    fn random(&self) -> [u8; 16] {
        self.0.set(self.0.get().wrapping_add(1));
        [self.0.get(); 16]
    }

    async fn sleep(&self, _ms: u64) {
        pending().await
    }

    fn home_server(&self) -> Option<String> {
        None
    }

    fn name(&self) -> String {
        "Deck tablet".into()
    }

    fn channel(&self) -> &'static str {
        "embedded"
    }
}

/// What was told about views and not heard yet.
fn heard(events: &mut Events) -> Vec<Event> {
    let all = std::iter::from_fn(|| events.next().now_or_never().flatten());
    all.filter(|event| matches!(event, Event::Seen(_) | Event::Ended { .. })).collect()
}

async fn insert(handle: &Handle, view: &View, n: i64) {
    let insert = Command::Insert {
        collection: view.collection.clone(),
        key: Some(RecordKey::Int(n)),
        fields: Fields::new(),
    };
    handle.call(insert).await.unwrap();
    // its turn has ended when the next command is answered
    handle.call(Command::Status).await.unwrap();
}

fn keys(window: &Looked) -> Vec<String> {
    window.rows.iter().map(|row| row.key.to_string()).collect()
}

async fn watched() {
    let (handle, mut events, run) = Engine::start(Offline(Cell::new(0)));
    tokio::task::spawn_local(run);
    let made = Command::NewCollection { label: "Boats".into(), fields: Vec::new() };
    let Ok(Answer::Made(collection)) = handle.call(made).await else { panic!("a collection") };
    assert_eq!(heard(&mut events), [Event::Ended { ids: None }], "it knows no view of an engine before it");
    let view = View::of(collection);
    let window = Window::at(0, 3);
    let watch = Command::Watch { view: Box::new(view.clone()), window: window.clone(), figures: Vec::new() };
    let Ok(Answer::Watched(watched)) = handle.call(watch).await else { panic!("a view") };
    let (id, mut shown) = (watched.id, watched.shown);
    assert!(id.0 < 1 << 53, "JavaScript keeps it");

    insert(&handle, &view, 5).await;
    for n in [4, 3, 2] {
        insert(&handle, &view, n).await;
    }
    let Ok([Event::Seen(change)]) = <[Event; 1]>::try_from(heard(&mut events)) else {
        panic!("one change, whatever happened while nobody listened")
    };
    assert!(matches!(change.rows, RowsChange::Whole(_)), "steps would not fit what the screen has");
    change.apply(&mut shown);
    assert_eq!((keys(&shown).join(" "), shown.matching), ("2 3 4".into(), 4));

    insert(&handle, &view, 1).await;
    let Ok([Event::Seen(change)]) = <[Event; 1]>::try_from(heard(&mut events)) else { panic!("a change") };
    assert!(matches!(&change.rows, RowsChange::Steps(steps) if steps.len() == 2), "{change:?}");
    change.apply(&mut shown);
    assert_eq!(keys(&shown).join(" "), "1 2 3");

    // what nobody watches any more is not told
    insert(&handle, &view, 0).await;
    handle.call(Command::Unwatch { id }).await.unwrap();
    handle.call(Command::Status).await.unwrap();
    assert_eq!(heard(&mut events), []);
    let Ok(Answer::Watched(again)) = handle
        .call(Command::Watch { view: Box::new(view), window: window.clone(), figures: Vec::new() })
        .await
    else {
        panic!("a view")
    };
    assert_ne!(again.id, id);
    handle.call(Command::Open { workspace: workspace(2) }).await.unwrap();
    handle.call(Command::Status).await.unwrap();
    assert_eq!(heard(&mut events), [Event::Ended { ids: Some(vec![again.id]) }]);
    for id in [again.id, ViewId(7)] {
        let failure = handle.call(Command::Look { id, window: window.clone() }).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Ended);
    }
}

#[test]
fn a_view_lives_as_long_as_its_screen_and_its_workspace() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, watched());
}
