//! The device of a desktop install or of a program that embeds Mooring: sled stores in a folder, tokio's timer. And an engine
//! on such a device that works beside the program which started it, for other programs of the same person too.

#[cfg(feature = "key-store")]
mod key_store;
mod news;
#[cfg(unix)]
pub mod socket;
mod thread;

#[cfg(feature = "key-store")]
pub use key_store::{KeyStore, SETTING as KEY_STORE_SETTING};
pub use news::News;
pub use thread::{Told, run};

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sync_protocol::Timestamp;

use crate::device::Device;
use crate::secrets::Secrets;
use crate::store::StoreError;
use crate::store::profile::{Profile, disk_failed};
use crate::store::sled::SledStore;

/// The profile's key.
const SESSION: &str = "session";

/// A folder with everything that one install keeps.
pub struct NativeDevice {
    folder: PathBuf,
    profile: Profile,
    name: String,
    channel: &'static str,
    secrets: Option<Arc<dyn Secrets>>,
    /// Held as long as the device is: one program per folder.
    _lock: std::fs::File,
}

impl NativeDevice {
    /// Uses a folder (made where there is none). `name` is what people call the device; `channel` is `desktop` or
    /// `embedded`. Needs a tokio runtime when it runs. [`StoreError::InUse`] while another program uses the folder.
    pub fn open(folder: &Path, name: impl Into<String>, channel: &'static str) -> Result<Self, StoreError> {
        let profile = Profile::open(folder)?;
        let path = folder.join("in-use");
        let lock = std::fs::File::options().create(true).append(true).open(path);
        let lock = lock.map_err(|e| disk_failed(&e))?;
        lock.try_lock().map_err(|e| match e {
            std::fs::TryLockError::WouldBlock => StoreError::InUse,
            std::fs::TryLockError::Error(e) => disk_failed(&e),
        })?;
        Ok(Self {
            folder: folder.to_owned(),
            profile,
            name: name.into(),
            channel,
            secrets: None,
            _lock: lock,
        })
    }

    /// The same with a place for what is secret; without one the token of a session is in a file of the folder.
    pub fn with_secrets(self, secrets: Option<Arc<dyn Secrets>>) -> Self {
        Self { secrets, ..self }
    }

    fn store_folder(&self, name: &str) -> PathBuf {
        self.folder.join("workspaces").join(name)
    }
}

impl Device for NativeDevice {
    type Store = SledStore;

    async fn load_profile(&self) -> Result<Option<String>, StoreError> {
        self.profile.load_text(SESSION).await
    }

    async fn save_profile(&self, text: &str) -> Result<(), StoreError> {
        self.profile.save_text(SESSION, Some(text)).await
    }

    async fn open_store(&self, name: &str) -> Result<SledStore, StoreError> {
        Ok(SledStore::open(&self.store_folder(name))?.store)
    }

    async fn stores(&self) -> Result<Vec<String>, StoreError> {
        let folder = self.folder.join("workspaces");
        let entries = match std::fs::read_dir(folder) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|e| disk_failed(&e))?,
        };
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
        Ok(entries.filter_map(name).collect())
    }

    async fn delete_store(&self, name: &str) -> Result<(), StoreError> {
        match std::fs::remove_dir_all(self.store_folder(name)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(disk_failed(&e)),
            _ => Ok(()),
        }
    }

    fn secrets(&self) -> Option<Arc<dyn Secrets>> {
        self.secrets.clone()
    }

    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(since.as_millis() as i64)
    }

    fn random(&self) -> [u8; 16] {
        uuid::Uuid::new_v4().into_bytes()
    }

    async fn sleep(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await
    }

    fn home_server(&self) -> Option<String> {
        None
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn channel(&self) -> &'static str {
        self.channel
    }
}
