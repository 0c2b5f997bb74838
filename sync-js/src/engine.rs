//! What JavaScript sees.

use std::rc::Rc;

use sync_client::browser::{BrowserDevice, Tab};
use wasm_bindgen::prelude::*;

/// One engine, or a place in line for it where another tab's runs on the same stores.
#[wasm_bindgen]
pub struct Engine(Rc<Tab>);

#[wasm_bindgen]
impl Engine {
    /// Starts. `store` names what it keeps in this browser profile, without `/`; without one nothing is kept when the
    /// program ends. `device` is what people call this device; without one it is called after the browser. `say` takes
    /// every text that the engine has for the page.
    ///
    /// # Errors
    /// Where the browser has no channel between tabs.
    #[wasm_bindgen(constructor)]
    pub fn new(
        store: Option<String>,
        device: Option<String>,
        say: &js_sys::Function,
    ) -> Result<Self, JsValue> {
        let device = match store {
            Some(store) => BrowserDevice::named(&store, device),
            None => BrowserDevice::in_memory(device),
        };
        Ok(Self(Tab::join(device, say)?))
    }

    /// What the engine calls whoever asks from here.
    #[wasm_bindgen(getter)]
    pub fn id(&self) -> String {
        self.0.id().to_owned()
    }

    /// Asks for something; the answer comes by `say`.
    pub fn ask(&self, text: &str) {
        self.0.page_asks(text);
    }

    /// Ends the engine here. What is saved stays; what was not answered never will be.
    pub fn leave(&self) {
        self.0.leave();
    }
}

/// Does ahead what takes an engine a while once: the platform's collation is made and tried out.
#[wasm_bindgen]
pub fn warm() {
    sync_client::text::warm();
}
