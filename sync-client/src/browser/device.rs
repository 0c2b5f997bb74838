//! A browser profile as a device, or a program in JavaScript that keeps its records in memory.

use std::cell::RefCell;

use sync_protocol::Timestamp;

use super::platform;
use super::store::BrowserStore;
use crate::device::Device;
use crate::few::Few;
use crate::store::StoreError;
use crate::store::indexeddb::{IndexedDbStore, Profile};
use crate::store::memory::{MemoryDisk, MemoryStore};

/// The name of all that the app shares between tabs, and what all names of ours begin with.
pub(super) const APP: &str = "mooring";
/// The profile's key.
const SESSION: &str = "session";

/// Where stores are kept: one account, and its workspaces.
pub struct BrowserDevice {
    kept: Kept,
    name: Option<String>,
}

enum Kept {
    /// The app's, for the origin that it came from.
    App,
    /// A program's, in databases whose names begin with this.
    Disk(String),
    /// A program's, for as long as it runs.
    Memory(Memory),
}

#[derive(Default)]
struct Memory {
    profile: RefCell<Option<String>>,
    disks: RefCell<Few<String, MemoryDisk>>,
}

impl BrowserDevice {
    /// What the app keeps in this browser profile, with the server that it came from.
    pub fn app() -> Self {
        Self { kept: Kept::App, name: None }
    }

    /// What a program keeps in this browser profile under a name without `/`. `device`: what people call it; `None`:
    /// after the browser.
    pub fn named(store: &str, device: Option<String>) -> Self {
        Self { kept: Kept::Disk(format!("{APP}/{store}")), name: device }
    }

    /// Nothing is kept when the program ends.
    pub fn in_memory(device: Option<String>) -> Self {
        Self { kept: Kept::Memory(Memory::default()), name: device }
    }

    /// What other programs of this profile must not share: the name of its lock, its channel and its profile. `None`:
    /// nobody else can come to it.
    pub(super) fn shared(&self) -> Option<&str> {
        match &self.kept {
            Kept::App => Some(APP),
            Kept::Disk(name) => Some(name),
            Kept::Memory(_) => None,
        }
    }

    /// What the names of the stores' databases begin with.
    fn prefix(&self) -> String {
        match &self.kept {
            Kept::Disk(name) => format!("{name}/"),
            Kept::App | Kept::Memory(_) => format!("{APP}."),
        }
    }
}

impl Device for BrowserDevice {
    type Store = BrowserStore;

    async fn load_profile(&self) -> Result<Option<String>, StoreError> {
        match (&self.kept, self.shared()) {
            (Kept::Memory(memory), _) => Ok(memory.profile.borrow().clone()),
            (_, name) => Profile::open(name.unwrap_or(APP)).await?.load_text(SESSION).await,
        }
    }

    async fn save_profile(&self, text: &str) -> Result<(), StoreError> {
        match (&self.kept, self.shared()) {
            (Kept::Memory(memory), _) => {
                *memory.profile.borrow_mut() = Some(text.to_owned());
                Ok(())
            }
            (_, name) => Profile::open(name.unwrap_or(APP)).await?.save_text(SESSION, Some(text)).await,
        }
    }

    async fn open_store(&self, name: &str) -> Result<BrowserStore, StoreError> {
        match &self.kept {
            Kept::Memory(memory) => {
                let mut disks = memory.disks.borrow_mut();
                if disks.get_mut(name).is_none() {
                    disks.insert(name.to_owned(), MemoryDisk::default());
                }
                let disk = disks.get_mut(name).expect("it was just made").clone();
                MemoryStore::open(&disk).map(BrowserStore::Memory)
            }
            _ => {
                let store = IndexedDbStore::open(&format!("{}{name}", self.prefix())).await?;
                Ok(BrowserStore::Disk(Box::new(store)))
            }
        }
    }

    async fn stores(&self) -> Result<Vec<String>, StoreError> {
        if let Kept::Memory(memory) = &self.kept {
            return Ok(memory.disks.borrow().iter().map(|(name, _)| name.clone()).collect());
        }
        let (all, prefix) = (IndexedDbStore::names().await, self.prefix());
        Ok(all.iter().filter_map(|name| name.strip_prefix(&prefix)).map(str::to_owned).collect())
    }

    async fn delete_store(&self, name: &str) -> Result<(), StoreError> {
        match &self.kept {
            Kept::Memory(memory) => {
                memory.disks.borrow_mut().remove(name);
                Ok(())
            }
            _ => IndexedDbStore::delete(&format!("{}{name}", self.prefix())).await,
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp(js_sys::Date::now() as i64)
    }

    fn random(&self) -> [u8; 16] {
        platform::random()
    }

    async fn sleep(&self, ms: u64) {
        gloo::timers::future::TimeoutFuture::new(u32::try_from(ms).unwrap_or(u32::MAX)).await;
    }

    fn home_server(&self) -> Option<String> {
        match &self.kept {
            Kept::App => platform::global(&["location", "origin"])?.as_string(),
            // it may come from anywhere, and says where its server is
            Kept::Disk(_) | Kept::Memory(_) => None,
        }
    }

    fn name(&self) -> String {
        let agent = || platform::global(&["navigator", "userAgent"]).and_then(|v| v.as_string());
        self.name.clone().unwrap_or_else(|| device_name(&agent().unwrap_or_default()))
    }

    fn channel(&self) -> &'static str {
        match platform::global(&["process", "versions", "node"]) {
            Some(_) => "embedded",
            None => "browser",
        }
    }
}

/// `Chrome on Linux` and the like.
fn device_name(agent: &str) -> String {
    let find = |names: &[(&str, &'static str)], other| {
        names.iter().find(|(mark, _)| agent.contains(mark)).map_or(other, |(_, name)| *name)
    };
    if agent.is_empty() || agent.starts_with("Node.js") {
        return "A program".into();
    }
    let browser = find(
        &[
            ("Edg/", "Edge"),
            ("OPR/", "Opera"),
            ("Firefox/", "Firefox"),
            ("Chrome/", "Chrome"),
            ("Safari/", "Safari"),
        ],
        "Browser",
    );
    let system = find(
        &[
            ("Android", "Android"),
            ("iPhone", "iPhone"),
            ("iPad", "iPad"),
            ("Windows", "Windows"),
            ("Mac OS", "Mac"),
            ("CrOS", "ChromeOS"),
            ("Linux", "Linux"),
        ],
        "this computer",
    );
    format!("{browser} on {system}")
}
