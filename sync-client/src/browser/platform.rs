//! The few platform functions that have no stable binding.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// `navigator.locks`.
    #[derive(Clone)]
    pub(super) type Locks;

    #[wasm_bindgen(method)]
    pub(super) fn request(
        this: &Locks,
        name: &str,
        options: &JsValue,
        callback: &js_sys::Function,
    ) -> js_sys::Promise;

    /// `crypto`.
    pub(super) type Crypto;

    #[wasm_bindgen(method, js_name = getRandomValues)]
    pub(super) fn get_random_values(this: &Crypto, into: &mut [u8]);

    #[wasm_bindgen(thread_local_v2, js_name = crypto)]
    pub(super) static CRYPTO: Crypto;
}

/// A property of a property of the global object, if it is there.
pub(super) fn global(path: &[&str]) -> Option<JsValue> {
    let found = path.iter().try_fold(JsValue::from(js_sys::global()), |at, name| {
        js_sys::Reflect::get(&at, &JsValue::from_str(name)).ok()
    })?;
    (!found.is_undefined() && !found.is_null()).then_some(found)
}

/// The lock manager; there is none outside a secure context.
pub(super) fn locks() -> Option<Locks> {
    global(&["navigator", "locks"]).map(JsCast::unchecked_into)
}

/// Random bytes that nobody can foresee.
pub(super) fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    CRYPTO.with(|crypto| crypto.get_random_values(&mut bytes));
    bytes
}
