//! Where a device keeps the token of whoever is signed in: a place for secrets that works, that fails, that does not answer.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use crate::desk::ask;
use serde_json::{Value as Json, json};
use sync_client::api::{Answer, Command, Session, SignInKept, Unsent};
use sync_client::engine::{Engine, Handle};
use sync_client::native::NativeDevice;
use sync_client::secrets::{Secrets, SecretsError};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Does {
    Work,
    Fail,
    /// Until it works.
    Hang,
}

/// A place for secrets in memory.
struct Place {
    does: Mutex<Does>,
    changed: Condvar,
    entries: Mutex<BTreeMap<String, String>>,
}

impl Place {
    fn new(does: Does) -> Arc<Self> {
        Arc::new(Self { does: Mutex::new(does), changed: Condvar::new(), entries: Mutex::default() })
    }

    fn set(&self, does: Does) {
        *self.does.lock().unwrap() = does;
        self.changed.notify_all();
    }

    fn reached(&self) -> Result<std::sync::MutexGuard<'_, BTreeMap<String, String>>, SecretsError> {
        let does = self.does.lock().unwrap();
        match *self.changed.wait_while(does, |does| *does == Does::Hang).unwrap() {
            Does::Fail => Err(SecretsError::Store("it is locked".into())),
            _ => Ok(self.entries.lock().unwrap()),
        }
    }

    fn tokens(&self) -> Vec<Json> {
        let entries = self.entries.lock().unwrap();
        entries.values().map(|text| serde_json::from_str::<Json>(text).unwrap()["token"].clone()).collect()
    }
}

impl Secrets for Place {
    fn read(&self, name: &str) -> Result<Option<String>, SecretsError> {
        Ok(self.reached()?.get(name).cloned())
    }

    fn keep(&self, name: &str, text: &str) -> Result<(), SecretsError> {
        self.reached()?.insert(name.to_owned(), text.to_owned());
        Ok(())
    }

    fn forget(&self, name: &str) -> Result<(), SecretsError> {
        self.reached()?.remove(name);
        Ok(())
    }
}

/// A folder as an earlier version left it: Ada is signed in, the token is in the file.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let id = uuid::Uuid::from_u128(7);
    let profile = json!({
        "server": "http://127.0.0.1:9", "token": "secret", "user": {"id": id, "name": "Ada"},
        "workspaces": [{"id": id, "name": "Team", "partitions": 4, "role": "editor"}], "last": id,
    });
    std::fs::write(folder.path().join("session.json"), profile.to_string()).unwrap();
    folder
}

fn file(folder: &Path) -> Json {
    serde_json::from_slice(&std::fs::read(folder.join("session.json")).unwrap()).unwrap()
}

/// Starts a program on the folder, and ends it when `work` has ended.
async fn run<T, F: Future<Output = T>>(
    folder: &Path,
    place: &Arc<Place>,
    work: impl FnOnce(Handle) -> F,
) -> T {
    let device = NativeDevice::open(folder, "desk", "desktop").unwrap().with_secrets(Some(place.clone()));
    let (handle, _events, run) = Engine::start(device);
    tokio::select! {
        done = work(handle) => done,
        () = run => panic!("the engine has stopped"),
    }
}

async fn session(handle: &Handle) -> Session {
    let Answer::Session(session) = ask(handle, Command::Session).await else { panic!("a session") };
    session
}

async fn kept(handle: Handle) -> Option<SignInKept> {
    session(&handle).await.sign_in_kept
}

#[tokio::test]
async fn a_token_in_the_file_moves_over_is_found_again_and_is_removed_from_both() {
    let (folder, place) = (folder(), Place::new(Does::Work));
    let folder = folder.path();
    assert_eq!(run(folder, &place, kept).await, Some(SignInKept::KeyStore));
    assert_eq!((file(folder)["token"].clone(), place.tokens()), (Json::Null, vec![json!("secret")]));
    assert_eq!(run(folder, &place, kept).await, Some(SignInKept::KeyStore), "at the next start");
    run(folder, &place, async |handle| {
        ask(&handle, Command::SignOut { unsent: Unsent::Discard }).await;
        assert_eq!(session(&handle).await.sign_in_kept, None);
    })
    .await;
    assert_eq!((file(folder)["token"].clone(), place.tokens()), (Json::Null, vec![]));
    assert_eq!(run(folder, &place, kept).await, None);
}

#[tokio::test]
async fn a_place_that_fails_leaves_the_token_in_the_file() {
    let (folder, place) = (folder(), Place::new(Does::Fail));
    let folder = folder.path();
    assert_eq!(run(folder, &place, kept).await, Some(SignInKept::File));
    assert_eq!(file(folder)["token"], "secret");
    place.set(Does::Work);
    assert_eq!(run(folder, &place, kept).await, Some(SignInKept::KeyStore), "once it works");
    place.set(Does::Fail);
    assert_eq!(
        run(folder, &place, kept).await,
        Some(SignInKept::Unreached),
        "it has it, and does not give it"
    );
    assert_eq!(place.tokens(), [json!("secret")], "which is no reason to lose it");
    place.set(Does::Work);
    assert_eq!(run(folder, &place, kept).await, Some(SignInKept::KeyStore));
}

/// The clock of the test goes on while everything waits.
#[tokio::test(start_paused = true)]
async fn a_place_that_does_not_answer_is_not_waited_for_and_heard_late() {
    let (folder, place) = (folder(), Place::new(Does::Hang));
    let folder = folder.path();
    let later = async |place: &Arc<Place>, wanted: SignInKept| {
        let set = place.clone();
        run(folder, place, async move |handle| {
            let first = kept(handle.clone()).await;
            set.set(Does::Work);
            while session(&handle).await.sign_in_kept != Some(wanted) {
                tokio::task::yield_now().await;
            }
            first
        })
        .await
    };
    assert_eq!(later(&place, SignInKept::KeyStore).await, Some(SignInKept::File));
    assert_eq!(file(folder)["token"], Json::Null);
    place.set(Does::Hang);
    assert_eq!(later(&place, SignInKept::KeyStore).await, Some(SignInKept::Unreached));
    assert_eq!(file(folder)["token"], Json::Null);
}

#[tokio::test]
async fn an_entry_of_somebody_else_signs_nobody_in() {
    let (folder, place) = (folder(), Place::new(Does::Work));
    let folder = folder.path();
    run(folder, &place, kept).await;
    for (what, other) in
        [("user", json!(uuid::Uuid::from_u128(8))), ("server", json!("http://other.example"))]
    {
        let before = place.entries.lock().unwrap().clone();
        for text in place.entries.lock().unwrap().values_mut() {
            let mut entry: Json = serde_json::from_str(text).unwrap();
            entry[what] = other.clone();
            *text = entry.to_string();
        }
        assert_eq!(run(folder, &place, kept).await, Some(SignInKept::Unreached), "another {what}");
        *place.entries.lock().unwrap() = before;
    }
}
