//! The device of a desktop install or of a program that embeds Mooring: sled stores in a folder, tokio's timer.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sync_protocol::Timestamp;

use crate::device::Device;
use crate::store::StoreError;
use crate::store::profile::Profile;
use crate::store::sled::SledStore;

/// The profile's key.
const SESSION: &str = "session";

/// A folder with everything that one install keeps.
pub struct NativeDevice {
    folder: PathBuf,
    profile: Profile,
    name: String,
    channel: &'static str,
    /// Held as long as the device is: one program per folder.
    _lock: std::fs::File,
}

impl NativeDevice {
    /// Uses a folder (made where there is none). `name` is what people call the device; `channel` is `desktop` or
    /// `embedded`. Needs a tokio runtime when it runs. [`StoreError::InUse`] while another program uses the folder.
    pub fn open(folder: &Path, name: impl Into<String>, channel: &'static str) -> Result<Self, StoreError> {
        let profile = Profile::open(folder)?;
        let gone = |e: std::io::Error| StoreError::Gone(e.to_string());
        let lock =
            std::fs::File::options().create(true).append(true).open(folder.join("in-use")).map_err(gone)?;
        lock.try_lock().map_err(|e| match e {
            std::fs::TryLockError::WouldBlock => StoreError::InUse,
            std::fs::TryLockError::Error(e) => gone(e),
        })?;
        Ok(Self { folder: folder.to_owned(), profile, name: name.into(), channel, _lock: lock })
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
        let opened = SledStore::open(&self.store_folder(name))?;
        if opened.recovered {
            tracing::warn!(
                "the records on this device were damaged: set aside, unsent changes kept, the rest is fetched again"
            );
        }
        Ok(opened.store)
    }

    async fn delete_store(&self, name: &str) -> Result<(), StoreError> {
        match std::fs::remove_dir_all(self.store_folder(name)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(StoreError::Gone(e.to_string())),
            _ => Ok(()),
        }
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
