//! The few interfaces of the browser that the store calls, bound by hand: a durability for each transaction, results
//! without a closure per request, and not a byte for what is not used.

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::store::Usage;

#[wasm_bindgen]
extern "C" {
    /// `IDBFactory`.
    pub(super) type Factory;
    #[wasm_bindgen(method, catch)]
    pub(super) fn open(this: &Factory, name: &str, version: u32) -> Result<Request, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(super) fn databases(this: &Factory) -> Result<Promise, JsValue>;

    /// `IDBRequest` and `IDBOpenDBRequest`.
    pub(super) type Request;
    #[wasm_bindgen(method, getter, catch)]
    pub(super) fn result(this: &Request) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, getter, catch)]
    pub(super) fn error(this: &Request) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, setter, js_name = onsuccess)]
    pub(super) fn on_success(this: &Request, handler: &Function);
    #[wasm_bindgen(method, setter, js_name = onerror)]
    pub(super) fn on_error(this: &Request, handler: &Function);
    #[wasm_bindgen(method, setter, js_name = onblocked)]
    pub(super) fn on_blocked(this: &Request, handler: &Function);
    #[wasm_bindgen(method, setter, js_name = onupgradeneeded)]
    pub(super) fn on_upgrade(this: &Request, handler: &Function);

    /// `IDBDatabase`.
    #[derive(Clone)]
    pub(super) type Connection;
    #[wasm_bindgen(method)]
    pub(super) fn close(this: &Connection);
    #[wasm_bindgen(method, catch, js_name = createObjectStore)]
    pub(super) fn create_object_store(this: &Connection, name: &str) -> Result<ObjectStore, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(super) fn transaction(
        this: &Connection,
        stores: &Array,
        mode: &str,
        options: &JsValue,
    ) -> Result<Transaction, JsValue>;
    #[wasm_bindgen(method, setter, js_name = onversionchange)]
    pub(super) fn on_version_change(this: &Connection, handler: Option<&Function>);

    /// `IDBTransaction`.
    #[derive(Clone)]
    pub(super) type Transaction;
    #[wasm_bindgen(method, catch, js_name = objectStore)]
    pub(super) fn object_store(this: &Transaction, name: &str) -> Result<ObjectStore, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(super) fn commit(this: &Transaction) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(super) fn abort(this: &Transaction) -> Result<(), JsValue>;
    #[wasm_bindgen(method, getter, js_name = error)]
    pub(super) fn failure(this: &Transaction) -> JsValue;
    #[wasm_bindgen(method, setter, js_name = oncomplete)]
    pub(super) fn on_complete(this: &Transaction, handler: &Function);
    #[wasm_bindgen(method, setter, js_name = onabort)]
    pub(super) fn on_abort(this: &Transaction, handler: &Function);

    /// `IDBObjectStore`.
    pub(super) type ObjectStore;
    #[wasm_bindgen(method, catch)]
    pub(super) fn put(this: &ObjectStore, value: &JsValue, key: &JsValue) -> Result<Request, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(super) fn delete(this: &ObjectStore, key: &JsValue) -> Result<Request, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(super) fn clear(this: &ObjectStore) -> Result<Request, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(super) fn get(this: &ObjectStore, key: &JsValue) -> Result<Request, JsValue>;
    #[wasm_bindgen(method, catch, js_name = getAll)]
    pub(super) fn get_all(this: &ObjectStore) -> Result<Request, JsValue>;
    #[wasm_bindgen(method, catch, js_name = getAll)]
    pub(super) fn get_all_in(this: &ObjectStore, range: &JsValue) -> Result<Request, JsValue>;
    #[wasm_bindgen(method, catch, js_name = getAllKeys)]
    pub(super) fn get_all_keys(this: &ObjectStore) -> Result<Request, JsValue>;
}

/// The keys from one to another, both included. For keys that IndexedDB takes.
pub(super) fn key_range(from: &JsValue, to: &JsValue) -> JsValue {
    // only keys that are no keys are refused; then the request with it fails the same way
    let bound = |class: &JsValue| {
        let bound: Function = property(class, "bound")?.dyn_into().ok()?;
        bound.call2(class, from, to).ok()
    };
    platforms("IDBKeyRange").and_then(|class| bound(&class)).unwrap_or(JsValue::UNDEFINED)
}

/// What the platform has under a name. A program that puts something of its own there has kept the platform's for the engine.
fn platforms(name: &str) -> Option<JsValue> {
    global(&["mooringPlatform", name]).or_else(|| global(&[name]))
}

/// A property of a property of the global object, if it is there.
fn global(path: &[&str]) -> Option<JsValue> {
    path.iter()
        .try_fold(JsValue::from(js_sys::global()), |at, name| property(&at, name))
        .filter(|found| !found.is_null())
}

/// A property, if it is there.
pub(super) fn property(of: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(of, &JsValue::from_str(name)).ok().filter(|found| !found.is_undefined())
}

/// The browser's IndexedDB; some forbid it.
pub(super) fn factory() -> Option<Factory> {
    platforms("indexedDB").map(JsCast::unchecked_into)
}

/// What the browser tells about the storage of this origin.
pub(super) async fn usage() -> Usage {
    let Some(storage) = global(&["navigator", "storage"]) else { return Usage::default() };
    let estimate = answer(&storage, "estimate").await;
    let number = |name: &str| Some(property(estimate.as_ref()?, name)?.as_f64()? as u64);
    Usage {
        used: number("usage"),
        quota: number("quota"),
        persisted: answer(&storage, "persisted").await.and_then(|answer| answer.as_bool()),
    }
}

async fn answer(of: &JsValue, method: &str) -> Option<JsValue> {
    let method: Function = property(of, method)?.dyn_into().ok()?;
    let promise: Promise = method.call0(of).ok()?.dyn_into().ok()?;
    JsFuture::from(promise).await.ok()
}
