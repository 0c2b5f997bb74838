//! The door for whoever runs the server: a socket in the data folder of the embedded store, open to the user that the
//! server runs as and to nobody else. While the server has the store, the commands for accounts, workspaces and members
//! are carried out by it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tracing::{debug, warn};

use crate::app::App;
use crate::auth::login_of;
use crate::limits;
use crate::order::Order;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Done(String),
    Failed(String),
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("admin.sock")
}

/// Takes orders until the server stops. The caller holds the folder, so that what is there of a socket is an old one.
///
/// # Errors
/// What the system says where there can be no socket.
pub fn serve(app: App, folder: &Path) -> io::Result<()> {
    let path = socket(folder);
    if path.exists() {
        std::fs::remove_file(&path)?;
    }
    let listener = UnixListener::bind(&path)?;
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                () = app.stopping.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let app = app.clone();
                    tokio::spawn(async move {
                        let taken = tokio::time::timeout(limits::ORDER_TIME, take(&app, stream)).await;
                        debug!(?taken, "an order of whoever runs the server");
                    });
                }
                Err(error) => {
                    warn!(%error, "cannot take orders of whoever runs the server");
                    tokio::time::sleep(limits::ACCEPT_PAUSE_LONGEST).await;
                }
            }
        }
    });
    Ok(())
}

async fn take(app: &App, mut stream: UnixStream) -> io::Result<()> {
    let mut text = Vec::new();
    (&mut stream).take(limits::SMALL_BYTES as u64).read_to_end(&mut text).await?;
    let answer = match serde_json::from_slice::<Order>(&text) {
        Ok(order) => {
            let member = match &order {
                Order::SetMember { workspace, login, .. } => Some((*workspace, login_of(login))),
                _ => None,
            };
            let rewritten = match &order {
                Order::CheckWorkspace { workspace, mend: true }
                | Order::EraseWorkspace { workspace, yes: true } => Some(*workspace),
                _ => None,
            };
            let left = match &order {
                Order::EraseWorkspace { workspace, yes: true } => {
                    app.store.members_of(*workspace, limits::MEMBERS_READ).await.unwrap_or_default()
                }
                _ => BTreeMap::new(),
            };
            let gone = match &order {
                Order::EraseUser { login, yes: true, .. } => {
                    app.store.account(&login_of(login)).await.ok().flatten()
                }
                _ => None,
            };
            let known_in = match &gone {
                Some(account) => app.store.workspaces_of(account.user).await.unwrap_or_default(),
                None => BTreeMap::new(),
            };
            let done = order.carry_out(&*app.store, &app.engine, |_, _| {}).await;
            if let Some(account) = gone {
                known_in.into_keys().for_each(|workspace| app.members.changed(workspace, account.user));
            }
            if let Some((workspace, login)) = member
                && let Ok(Some(account)) = app.store.account(&login).await
            {
                app.members.changed(workspace, account.user);
            }
            if let Some(workspace) = rewritten {
                app.engine.forget(workspace);
                left.into_keys().for_each(|user| app.members.changed(workspace, user));
            }
            done.map_or_else(|error| Answer::Failed(format!("{error:#}")), Answer::Done)
        }
        Err(_) => Answer::Failed(
            "The server that runs is of another version than this command. Restart it, or stop it first."
                .into(),
        ),
    };
    stream.write_all(&serde_json::to_vec(&answer).map_err(io::Error::other)?).await?;
    stream.shutdown().await
}

/// Has the server that holds the folder carry out an order; `None` where none takes orders there.
///
/// # Errors
/// What that server says, or why it said nothing.
pub async fn send(folder: &Path, order: &Order) -> Option<anyhow::Result<String>> {
    let stream = UnixStream::connect(socket(folder)).await.ok()?;
    Some(exchange(stream, order).await)
}

async fn exchange(mut stream: UnixStream, order: &Order) -> anyhow::Result<String> {
    stream.write_all(&serde_json::to_vec(order)?).await?;
    stream.shutdown().await?;
    let mut text = Vec::new();
    (&mut stream).take(limits::SMALL_BYTES as u64).read_to_end(&mut text).await?;
    match serde_json::from_slice(&text) {
        Ok(Answer::Done(sentence)) => Ok(sentence),
        Ok(Answer::Failed(why)) => Err(anyhow::Error::msg(why)),
        Err(_) => {
            anyhow::bail!("the server that runs broke off; look at its log, then run the same command again")
        }
    }
}
