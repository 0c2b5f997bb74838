//! What a platform gives to an engine: stores, a clock, randomness, a timer. One implementation per platform.

use sync_protocol::Timestamp;

use crate::store::{LocalStore, StoreError};

/// A browser profile, a desktop install, a program that embeds Mooring.
#[allow(async_fn_in_trait, reason = "an engine lives on one thread; no Send bound is wanted")]
pub trait Device: 'static {
    /// The kind of store.
    type Store: LocalStore + 'static;

    /// The profile text that was saved last: who is signed in where.
    async fn load_profile(&self) -> Result<Option<String>, StoreError>;

    /// Saves the profile text, durably.
    async fn save_profile(&self, text: &str) -> Result<(), StoreError>;

    /// Opens the store of that name, a new one where there is none.
    async fn open_store(&self, name: &str) -> Result<Self::Store, StoreError>;

    /// The names of the stores that are there, as far as the platform tells.
    async fn stores(&self) -> Result<Vec<String>, StoreError>;

    /// Deletes the store of that name with all that is in it.
    async fn delete_store(&self, name: &str) -> Result<(), StoreError>;

    /// Where the system keeps what is secret, if it has such a place and the device may use it. Without it the token is in the
    /// profile.
    #[cfg(not(target_arch = "wasm32"))]
    fn secrets(&self) -> Option<std::sync::Arc<dyn crate::secrets::Secrets>> {
        None
    }

    /// The device's clock.
    fn now(&self) -> Timestamp;

    /// Random bytes that nobody can foresee.
    fn random(&self) -> [u8; 16];

    /// Waits.
    async fn sleep(&self, ms: u64);

    /// The server that the program came from, where it came from one.
    fn home_server(&self) -> Option<String>;

    /// What people would call this device, such as `Chrome on Linux`.
    fn name(&self) -> String;

    /// `browser`, `desktop`, `embedded` or `mirror`.
    fn channel(&self) -> &'static str;
}
