//! A browser profile as a device.

use sync_protocol::Timestamp;

use super::platform;
use crate::device::Device;
use crate::store::StoreError;
use crate::store::indexeddb::{IndexedDbStore, Profile};

/// What the names of the stores' databases begin with.
const PREFIX: &str = "mooring.";
/// The profile's key.
const SESSION: &str = "session";

/// This browser profile, for the origin that the app came from.
#[derive(Debug, Default)]
pub struct BrowserDevice;

impl Device for BrowserDevice {
    type Store = IndexedDbStore;

    async fn load_profile(&self) -> Result<Option<String>, StoreError> {
        Profile::open().await?.load_text(SESSION).await
    }

    async fn save_profile(&self, text: &str) -> Result<(), StoreError> {
        Profile::open().await?.save_text(SESSION, Some(text)).await
    }

    async fn open_store(&self, name: &str) -> Result<IndexedDbStore, StoreError> {
        IndexedDbStore::open(&database(name)).await
    }

    async fn stores(&self) -> Result<Vec<String>, StoreError> {
        let all = IndexedDbStore::names().await;
        Ok(all.iter().filter_map(|name| name.strip_prefix(PREFIX)).map(str::to_owned).collect())
    }

    async fn delete_store(&self, name: &str) -> Result<(), StoreError> {
        IndexedDbStore::delete(&database(name)).await
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
        platform::global(&["location", "origin"])?.as_string()
    }

    fn name(&self) -> String {
        let agent =
            platform::global(&["navigator", "userAgent"]).and_then(|v| v.as_string()).unwrap_or_default();
        device_name(&agent)
    }

    fn channel(&self) -> &'static str {
        "browser"
    }
}

fn database(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// `Chrome on Linux` and the like.
fn device_name(agent: &str) -> String {
    let find = |names: &[(&str, &'static str)], other| {
        names.iter().find(|(mark, _)| agent.contains(mark)).map_or(other, |(_, name)| *name)
    };
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
