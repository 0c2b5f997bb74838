//! What a device remembers beside its stores.

use std::path::{Path, PathBuf};

use sync_client::store::StoreError;
use sync_client::store::profile::Profile;

/// What is kept in one go.
pub const KINDS: [&str; 3] = ["signed in", "signed in again", "signed out"];

/// What is there before.
pub async fn prepare(folder: &Path, kind: &str) -> Result<(), StoreError> {
    match kind {
        "signed in" => Ok(()),
        _ => Profile::open(folder)?.save_text("session", Some("{\"token\":\"old\"}")).await,
    }
}

/// Keeps it.
pub async fn attempt(folder: &Path, kind: &str) -> Result<(), StoreError> {
    let text = (kind != "signed out").then_some("{\"token\":\"new\"}");
    Profile::open(folder)?.save_text("session", text).await
}

/// What is kept.
pub async fn all_of(folder: &Path) -> Result<String, StoreError> {
    Ok(format!("{:?}", Profile::open(folder)?.load_text("session").await?))
}

/// The files that it writes.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    vec![folder.join("session.json"), folder.join("session.new"), folder.to_owned()]
}
