//! One open database: transactions that are issued in one go, and what to do when the browser takes the handle away.

use js_sys::{Array, Object, Promise, Reflect};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::platform::{self, Connection, Request, Transaction};
use crate::store::{StoreError, Usage};

/// What a database is made of.
pub(super) struct Layout {
    /// The version; a database with a higher one is refused.
    pub(super) version: u32,
    /// Its object stores.
    pub(super) stores: &'static [&'static str],
}

/// An open database. Closed when dropped.
pub(super) struct Database {
    name: String,
    layout: &'static Layout,
    handle: RefCell<Handle>,
}

/// One request of a writing transaction.
pub(super) enum Write {
    /// Puts a value at a key.
    Put(&'static str, JsValue, JsValue),
    /// Deletes a key, or the keys of a range.
    Delete(&'static str, JsValue),
    /// Deletes all keys.
    Clear(&'static str),
}

/// One request of a reading transaction.
pub(super) enum Read {
    /// The value at a key.
    Get(&'static str, JsValue),
    /// All values, in the order of their keys.
    All(&'static str),
    /// Those of a range of keys.
    In(&'static str, JsValue),
    /// All keys.
    Keys(&'static str),
}

/// A reading transaction under way.
pub(super) struct Reading {
    requests: Vec<Request>,
    finished: JsFuture,
    transaction: Transaction,
}

impl Database {
    /// Opens a database; makes it where there is none. Nothing of a newer one is touched.
    pub(super) async fn open(name: &str, layout: &'static Layout) -> Result<Self, StoreError> {
        let handle = RefCell::new(connect(name, layout, true).await?);
        Ok(Self { name: name.to_owned(), layout, handle })
    }

    /// Deletes all that is in a database. The empty database stays: its deletion would wait for every tab that has it
    /// open, a frozen one perhaps, and whoever opens it again would wait behind that.
    pub(super) async fn empty(name: &str, layout: &'static Layout) -> Result<(), StoreError> {
        if is_there(name).await == Some(false) {
            return Ok(());
        }
        let all: Vec<Write> = layout.stores.iter().map(|store| Write::Clear(store)).collect();
        Self::open(name, layout).await?.write(&all, true).await
    }

    /// All of it in one transaction, or nothing. `strict`: durable when it returns.
    pub(super) async fn write(&self, writes: &[Write], strict: bool) -> Result<(), StoreError> {
        if writes.is_empty() {
            return Ok(());
        }
        // putting the same values at the same keys again is harmless should the first try have gone through
        match self.try_write(writes, strict).await {
            Err(error) if is_lost(&error) => {
                // near the quota browsers abort for no stated reason too
                if is_nearly_full(&platform::usage().await) {
                    return Err(StoreError::Full);
                }
                self.reopen().await?;
                self.try_write(writes, strict).await
            }
            other => other,
        }
        .map_err(|e| told(&e))
    }

    /// Reads in one short transaction.
    pub(super) async fn read(&self, reads: &[Read]) -> Result<Vec<JsValue>, StoreError> {
        let results = async || self.try_read(reads)?.results().await;
        match results().await {
            Err(error) if is_lost(&error) => {
                self.reopen().await?;
                results().await
            }
            other => other,
        }
        .map_err(|e| told(&e))
    }

    /// Starts reading ahead, in one transaction: each of these is there as soon as it is read. `None` when the handle is lost:
    /// whoever needs the results will read again.
    pub(super) fn read_ahead(&self, all: &[Vec<Read>]) -> Option<Vec<Reading>> {
        let transaction = self.begin_reading(all.iter().flatten()).ok()?;
        let ask = |reads: &Vec<Read>| {
            let requests = ask(&transaction, reads)?;
            let finished = by_itself(requests.last());
            Ok::<_, JsValue>(Reading { requests, finished, transaction: transaction.clone() })
        };
        all.iter().map(ask).collect::<Result<_, _>>().ok()
    }

    async fn try_write(&self, writes: &[Write], strict: bool) -> Result<(), JsValue> {
        let stores = writes.iter().map(|write| match write {
            Write::Put(store, ..) | Write::Delete(store, _) | Write::Clear(store) => *store,
        });
        let transaction = self.begin(stores, "readwrite", if strict { "strict" } else { "relaxed" })?;
        let finished = finished(&transaction);
        if let Err(error) = issue(&transaction, writes) {
            // what was issued before must not be stored by itself
            let _ = transaction.abort();
            let _ = finished.await;
            return Err(error);
        }
        finished.await.map(|_| ()).map_err(|_| transaction.failure())
    }

    fn try_read(&self, reads: &[Read]) -> Result<Reading, JsValue> {
        let transaction = self.begin_reading(reads.iter())?;
        let requests = ask(&transaction, reads)?;
        let finished = answered(&transaction, requests.last());
        Ok(Reading { requests, finished, transaction })
    }

    fn begin_reading<'r>(&self, reads: impl Iterator<Item = &'r Read>) -> Result<Transaction, JsValue> {
        let stores = reads.map(|read| match read {
            Read::Get(store, _) | Read::All(store) | Read::In(store, _) | Read::Keys(store) => *store,
        });
        self.begin(stores, "readonly", "default")
    }

    fn begin(
        &self,
        stores: impl Iterator<Item = &'static str>,
        mode: &str,
        durability: &str,
    ) -> Result<Transaction, JsValue> {
        let handle = self.handle.borrow();
        if handle.given_up.get() {
            return Err(JsValue::from_str(GIVEN_UP));
        }
        let mut names: Vec<&str> = stores.collect();
        names.sort_unstable();
        names.dedup();
        let names: Array = names.into_iter().map(JsValue::from_str).collect();
        let options = Object::new();
        Reflect::set(&options, &"durability".into(), &durability.into())?;
        handle.connection.transaction(&names, mode, &options)
    }

    /// After the handle was lost. If the database is lost too, nobody shall go on as if it were not.
    async fn reopen(&self) -> Result<(), StoreError> {
        let handle = connect(&self.name, self.layout, false).await?;
        self.handle.replace(handle);
        Ok(())
    }
}

impl Reading {
    /// What was read.
    pub(super) async fn results(self) -> Result<Vec<JsValue>, JsValue> {
        self.finished.await.map_err(|_| self.transaction.failure())?;
        self.requests.iter().map(Request::result).collect()
    }
}

/// With less than this left of the quota, a transaction that was aborted is taken for one that did not fit.
const SPARE_BYTES: u64 = 8 << 20;
const GIVEN_UP: &str = "another tab has updated or deleted it: reload this page";
const DELETED: &str = "the browser has deleted it";
const BLOCKED: &str = "another tab holds it open: close Mooring's other tabs, then try again";

/// A connection with what listens to it.
struct Handle {
    connection: Connection,
    /// Closed because another tab asked for it. Never opened again by itself.
    given_up: Rc<Cell<bool>>,
    _on_version_change: Closure<dyn FnMut()>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.connection.on_version_change(None);
        self.connection.close();
    }
}

async fn connect(name: &str, layout: &'static Layout, make: bool) -> Result<Handle, StoreError> {
    let request = factory()?.open(name, layout.version).map_err(|e| told(&e))?;
    let upgrade = Closure::once(move |event: JsValue| {
        let Some(request) = platform::property(&event, "target") else { return };
        if !make {
            give_up_upgrade(&request);
        } else if let Some(connection) = platform::property(&request, "result") {
            let connection: Connection = connection.unchecked_into();
            for store in layout.stores {
                // one that cannot be made fails the opening, and nothing is changed
                let _ = connection.create_object_store(store);
            }
        }
    });
    request.on_upgrade(upgrade.as_ref().unchecked_ref());
    let opened = match settled(&request).await {
        Ok(opened) => opened,
        Err(error) if error_name(&error) == "VersionError" => {
            let found = version_of(name).await.unwrap_or(layout.version + 1);
            return Err(StoreError::TooNew { found, known: layout.version });
        }
        Err(error) if !make && error_name(&error) == "AbortError" => {
            return Err(StoreError::Gone(DELETED.into()));
        }
        Err(error) => return Err(told(&error)),
    };
    let connection: Connection = opened.unchecked_into();
    let given_up = Rc::new(Cell::new(false));
    let listener = Closure::new({
        let (connection, given_up) = (connection.clone(), given_up.clone());
        move || {
            given_up.set(true);
            connection.close();
        }
    });
    connection.on_version_change(Some(listener.as_ref().unchecked_ref()));
    Ok(Handle { connection, given_up, _on_version_change: listener })
}

fn factory() -> Result<platform::Factory, StoreError> {
    platform::factory().ok_or_else(|| StoreError::Gone("this browser gives no IndexedDB here".into()))
}

/// The result of a request to open or delete, or its error; being blocked is one.
async fn settled(request: &Request) -> Result<JsValue, JsValue> {
    let promise = Promise::new(&mut |resolve, reject| {
        request.on_success(&resolve);
        request.on_error(&reject);
        request.on_blocked(&reject);
    });
    match JsFuture::from(promise).await {
        Ok(_) => request.result(),
        Err(event) if platform::property(&event, "type").is_some_and(|t| t == "blocked") => {
            // should it come through after all, nobody waits for it any more
            let close = Closure::once_into_js(|event: JsValue| {
                let late =
                    platform::property(&event, "target").and_then(|t| platform::property(&t, "result"));
                if let Some(late) = late.filter(|late| late.is_object()) {
                    late.unchecked_into::<Connection>().close();
                }
            });
            request.on_success(close.unchecked_ref());
            let upgrade = Closure::once_into_js(|event: JsValue| {
                if let Some(request) = platform::property(&event, "target") {
                    give_up_upgrade(&request);
                }
            });
            request.on_upgrade(upgrade.unchecked_ref());
            Err(JsValue::from_str(BLOCKED))
        }
        Err(_) => Err(request.error().unwrap_or_else(|e| e)),
    }
}

/// The database stays at the version that it had.
fn give_up_upgrade(request: &JsValue) {
    if let Some(transaction) = platform::property(request, "transaction") {
        let _ = transaction.unchecked_into::<Transaction>().abort();
    }
}

/// All requests at once, and word that there will be no more.
fn issue(transaction: &Transaction, writes: &[Write]) -> Result<(), JsValue> {
    let mut at = None;
    for write in writes {
        let name = match write {
            Write::Put(name, ..) | Write::Delete(name, _) | Write::Clear(name) => *name,
        };
        let store = match at.take() {
            Some((before, store)) if before == name => store,
            _ => transaction.object_store(name)?,
        };
        match write {
            Write::Put(_, key, value) => store.put(value, key)?,
            Write::Delete(_, key) => store.delete(key)?,
            Write::Clear(_) => store.clear()?,
        };
        at = Some((name, store));
    }
    transaction.commit()
}

fn ask(transaction: &Transaction, reads: &[Read]) -> Result<Vec<Request>, JsValue> {
    let ask = |read: &Read| match read {
        Read::Get(store, key) => transaction.object_store(store)?.get(key),
        Read::All(store) => transaction.object_store(store)?.get_all(),
        Read::In(store, range) => transaction.object_store(store)?.get_all_in(range),
        Read::Keys(store) => transaction.object_store(store)?.get_all_keys(),
    };
    reads.iter().map(ask).collect()
}

fn finished(transaction: &Transaction) -> JsFuture {
    JsFuture::from(Promise::new(&mut |resolve, reject| {
        transaction.on_complete(&resolve);
        transaction.on_abort(&reject);
    }))
}

/// Requests are answered in their order: the last answer is the time to look at all of them. Completion is not: in
/// Chromium a transaction that was told to commit has completed before its large answers were there.
fn answered(transaction: &Transaction, last: Option<&Request>) -> JsFuture {
    JsFuture::from(Promise::new(&mut |resolve, reject| {
        transaction.on_abort(&reject);
        match last {
            Some(last) => last.on_success(&resolve),
            None => transaction.on_complete(&resolve),
        }
    }))
}

/// The same of requests beside others of their transaction, which they do not wait for: where it is aborted, each of them fails.
fn by_itself(last: Option<&Request>) -> JsFuture {
    JsFuture::from(Promise::new(&mut |resolve, reject| match last {
        Some(last) => {
            last.on_success(&resolve);
            last.on_error(&reject);
        }
        None => drop(resolve.call0(&JsValue::UNDEFINED)),
    }))
}

/// The names of all databases of this origin; empty where the browser does not tell.
pub(super) async fn names() -> Vec<String> {
    let Some(list) = all().await else { return Vec::new() };
    list.iter().filter_map(|info| platform::property(&info, "name")?.as_string()).collect()
}

async fn all() -> Option<Array> {
    let list = JsFuture::from(platform::factory()?.databases().ok()?).await.ok()?;
    Some(Array::from(&list))
}

async fn version_of(name: &str) -> Option<u32> {
    let found = listed(name).await??;
    Some(platform::property(&found, "version")?.as_f64()? as u32)
}

/// Whether there is such a database; `None` where the browser does not tell.
async fn is_there(name: &str) -> Option<bool> {
    Some(listed(name).await?.is_some())
}

/// What the browser's list of databases says of one; the outer `None` where there is no such list.
async fn listed(name: &str) -> Option<Option<JsValue>> {
    let named = |info: &JsValue| {
        platform::property(info, "name").and_then(|n| n.as_string()).as_deref() == Some(name)
    };
    Some(all().await?.iter().find(named))
}

fn error_name(error: &JsValue) -> String {
    platform::property(error, "name").and_then(|name| name.as_string()).unwrap_or_default()
}

/// Whether the handle died, not the request: opening again helps. A transaction that was aborted without an error
/// lost its connection too.
fn is_lost(error: &JsValue) -> bool {
    error.is_null()
        || matches!(error_name(error).as_str(), "InvalidStateError" | "UnknownError" | "AbortError")
}

fn is_nearly_full(usage: &Usage) -> bool {
    matches!((usage.used, usage.quota), (Some(used), Some(quota)) if quota.saturating_sub(used) < SPARE_BYTES)
}

fn told(error: &JsValue) -> StoreError {
    if let Some(text) = error.as_string() {
        return StoreError::Gone(text);
    }
    let name = error_name(error);
    let message =
        platform::property(error, "message").and_then(|message| message.as_string()).unwrap_or_default();
    match name.as_str() {
        "QuotaExceededError" => StoreError::Full,
        "" => StoreError::Gone("the browser gave a transaction up".into()),
        _ => StoreError::Gone(format!("{name}: {message}")),
    }
}
