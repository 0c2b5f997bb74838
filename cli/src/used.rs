//! Which workspace commands mean from now on, as a person has said with `use`: kept in the folder, for this program only.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sync_client::store::StoreError;
use sync_client::store::profile::Profile;
use sync_protocol::WorkspaceId;
use sync_protocol::message::Workspace;

use crate::args::Cli;
use crate::failure::Failure;
use crate::link::Link;
use crate::{find, print};

/// The key of what is kept.
const KEY: &str = "cli";

/// What is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Used {
    pub(crate) workspace: WorkspaceId,
    /// What it was called, for when it is here no longer.
    pub(crate) name: String,
}

fn failed(error: StoreError) -> Failure {
    Failure::Device(error.to_string())
}

/// What was said last. What cannot be read is no workspace that anybody has named.
pub(crate) async fn read(folder: &Path) -> Result<Option<Used>, Failure> {
    let text = Profile::open(folder).map_err(failed)?.load_text(KEY).await.map_err(failed)?;
    let read =
        |text: String| sync_protocol::json::read(&text).map_err(|error| Failure::Device(error.to_string()));
    text.map(read).transpose()
}

/// From now on this one, or none.
pub(crate) async fn command(
    link: &mut Link,
    folder: &Path,
    wanted: Option<&str>,
    cli: &Cli,
) -> Result<(), Failure> {
    let used = match wanted {
        Some(wanted) => {
            let Workspace { id, name, .. } = find::named(&find::session(link).await?, Some(wanted))?;
            Some(Used { workspace: id, name })
        }
        None => None,
    };
    let text = used.as_ref().map(|used| serde_json::to_string(used).expect("plain data"));
    let profile = Profile::open(folder).map_err(failed)?;
    profile.save_text(KEY, text.as_deref()).await.map_err(failed)?;
    match (used, cli.json) {
        (used, true) => print::json(&serde_json::json!({ "used": used })),
        (Some(used), false) => {
            print::note(&format!("Commands are about “{}” from now on.", used.name));
            Ok(())
        }
        (None, false) => {
            print::note("Commands are about the workspace that the window shows.");
            Ok(())
        }
    }
}
