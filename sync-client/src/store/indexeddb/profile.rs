//! What a device remembers beside its stores, in a tiny database of its own.

use wasm_bindgen::JsValue;

use super::database::{Database, Layout, Read, Write};
use crate::store::StoreError;

const TEXTS: &str = "texts";
const LAYOUT: Layout = Layout { version: 1, stores: &[TEXTS] };

/// Small texts by key: who is signed in where, which workspace is open. Opened when needed, by any number of tabs.
pub struct Profile {
    database: Database,
}

impl Profile {
    /// The texts of that name, of this origin.
    pub async fn open(name: &str) -> Result<Self, StoreError> {
        Ok(Self { database: Database::open(name, &LAYOUT).await? })
    }

    /// The text of that key.
    pub async fn load_text(&self, key: &str) -> Result<Option<String>, StoreError> {
        let found = self.database.read(&[Read::Get(TEXTS, JsValue::from_str(key))]).await?;
        Ok(found.first().and_then(JsValue::as_string))
    }

    /// Keeps a text durably; `None` forgets the key.
    pub async fn save_text(&self, key: &str, text: Option<&str>) -> Result<(), StoreError> {
        let key = JsValue::from_str(key);
        let write = match text {
            Some(text) => Write::Put(TEXTS, key, JsValue::from_str(text)),
            None => Write::Delete(TEXTS, key),
        };
        self.database.write(&[write], true).await
    }
}
