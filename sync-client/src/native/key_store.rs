//! The system's own key store: the Secret Service of a desktop (GNOME Keyring, KWallet, KeePassXC), the Keychain, the Credential
//! Manager.

use std::sync::Arc;

use keyring_core::{CredentialStore, Entry, Error};

use crate::secrets::{Secrets, SecretsError};

/// What all entries of Mooring have in common, as a person reads it in a list of their keys.
const SERVICE: &str = "Mooring";

/// The environment variable by which a person does without it.
pub const SETTING: &str = "MOORING_KEY_STORE";

/// The key store of the person that the program runs for.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyStore;

impl KeyStore {
    /// The key store, unless [`SETTING`] is `off`: then the token of a session is in a file of the folder.
    pub fn chosen() -> Option<Arc<dyn Secrets>> {
        let is_off = std::env::var_os(SETTING).is_some_and(|set| set == "off");
        (!is_off).then(|| Arc::new(Self) as Arc<dyn Secrets>)
    }

    /// The entry of a name. The store is reached anew each time: one that was not there when a person logged in may be by now.
    fn entry(name: &str) -> Result<Entry, Error> {
        store()?.build(SERVICE, name, None)
    }
}

#[cfg(target_os = "macos")]
fn store() -> Result<Arc<CredentialStore>, Error> {
    Ok(apple_native_keyring_store::keychain::Store::new()?)
}

#[cfg(windows)]
fn store() -> Result<Arc<CredentialStore>, Error> {
    Ok(windows_native_keyring_store::Store::new()?)
}

#[cfg(not(any(target_os = "macos", windows)))]
fn store() -> Result<Arc<CredentialStore>, Error> {
    Ok(zbus_secret_service_keyring_store::Store::new()?)
}

fn failed(error: Error) -> SecretsError {
    SecretsError::Store(Box::new(error))
}

impl Secrets for KeyStore {
    fn read(&self, name: &str) -> Result<Option<String>, SecretsError> {
        match Self::entry(name).and_then(|entry| entry.get_password()) {
            Ok(text) => Ok(Some(text)),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    fn keep(&self, name: &str, text: &str) -> Result<(), SecretsError> {
        Self::entry(name).and_then(|entry| entry.set_password(text)).map_err(failed)
    }

    fn forget(&self, name: &str) -> Result<(), SecretsError> {
        match Self::entry(name).and_then(|entry| entry.delete_credential()) {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }
}
