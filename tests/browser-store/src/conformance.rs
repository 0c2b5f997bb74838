//! The conformance suite on real IndexedDB.

use std::cell::RefCell;
use std::rc::Rc;
use sync_client::store::conformance::{CHECKS, Factory, run};
use sync_client::store::indexeddb::{IndexedDbStore, Profile};
use sync_client::store::{Batch, LocalStore, StoreError};
use wasm_bindgen::prelude::*;

use crate::bench;

struct InBrowser;

impl Factory for InBrowser {
    type Store = IndexedDbStore;

    async fn open(&self, name: &str) -> Result<IndexedDbStore, StoreError> {
        IndexedDbStore::open(name).await
    }

    fn fail_next_commit(&self, _name: &str, error: StoreError) -> bool {
        refuse_commits("once");
        error == StoreError::Full
    }

    fn fail_request(&self, _name: &str, request: Option<usize>) -> bool {
        fail_requests(request);
        true
    }
}

#[wasm_bindgen]
extern "C" {
    /// The worker's: makes the browser refuse what is committed.
    fn refuse_commits(way: &str);
    /// The worker's: makes a request of each transaction fail.
    fn fail_requests(at: Option<usize>);
}

/// The names of all checks.
#[wasm_bindgen]
pub fn checks() -> Vec<String> {
    CHECKS.iter().map(ToString::to_string).collect()
}

/// Runs one check; what went wrong, if something did.
#[wasm_bindgen]
pub async fn run_check(name: &str) -> Option<String> {
    run(&InBrowser, name).await.err()
}

/// Opens a store; the error as it shows itself to a programmer, if there is one.
#[wasm_bindgen]
pub async fn open_store(name: &str) -> Option<String> {
    IndexedDbStore::open(name).await.err().map(|error| format!("{error:?}"))
}

/// Deletes a store; the error, if there is one.
#[wasm_bindgen]
pub async fn delete_store(name: &str) -> Option<String> {
    IndexedDbStore::delete(name).await.err().map(|error| format!("{error:?}"))
}

/// Saves a text in the profile and reads it back.
#[wasm_bindgen]
pub async fn profile(key: &str, text: Option<String>) -> Result<Option<String>, String> {
    let kept = async {
        Profile::open("mooring").await?.save_text(key, text.as_deref()).await?;
        Profile::open("mooring").await?.load_text(key).await
    };
    kept.await.map_err(|error| format!("{error:?}"))
}

thread_local! {
    static KEPT: RefCell<Option<Rc<IndexedDbStore>>> = const { RefCell::new(None) };
}

/// Opens a store and keeps it open for [`write_to_kept`].
#[wasm_bindgen]
pub async fn keep_open(name: &str) -> Result<(), String> {
    let store = IndexedDbStore::open(name).await.map_err(|error| format!("{error:?}"))?;
    store.load().await.map_err(|error| format!("{error:?}"))?;
    KEPT.set(Some(Rc::new(store)));
    Ok(())
}

/// Commits some new changes (one, unless told otherwise) to the kept store; the error, if there is one.
#[wasm_bindgen]
pub async fn write_to_kept(count: Option<u32>) -> Result<Option<String>, String> {
    let store = KEPT.with_borrow(Clone::clone).ok_or("no store is kept open")?;
    let write = async {
        let first = store.load().await?.counter.0 + 1;
        let enqueue = (first..first + u64::from(count.unwrap_or(1))).map(bench::change).collect();
        store.commit(&Batch { enqueue, ..Batch::default() }).await
    };
    Ok(write.await.err().map(|error| format!("{error:?}")))
}

/// Opens a store: how many changes in it are unsent.
#[wasm_bindgen]
pub async fn unsent_in(name: &str) -> Result<usize, String> {
    let unsent = async { Ok(IndexedDbStore::open(name).await?.load().await?.outbox.len()) };
    unsent.await.map_err(|error: StoreError| format!("{error:?}"))
}
