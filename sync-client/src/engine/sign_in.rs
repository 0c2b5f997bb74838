//! Where a device keeps the token of whoever is signed in: in the system's place for secrets where there is one that answers, else
//! in the profile's file, which is its owner's alone.
//!
//! The profile has the name of the entry, and the entry says whose token it is and for which server: one without the other, as
//! after a crash between the two, gives nobody's token to anybody else.

use std::sync::Arc;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{Either, LocalBoxFuture, select};
use serde::{Deserialize, Serialize};
use sync_protocol::UserId;

use super::account::AccountDone;
use super::profile::{Profile, Token};
use super::{Done, Engine};
use crate::api::SignInKept;
use crate::device::Device;
use crate::secrets::{Secrets, SecretsError};

/// How long everything waits for the place of secrets, in milliseconds: what it says later counts as well.
const PATIENCE_MS: u64 = 3_000;

/// What an entry says.
#[derive(Serialize, Deserialize)]
struct Entry {
    server: String,
    user: UserId,
    token: Token,
}

/// What the place of secrets is known to have.
#[derive(Default)]
pub(super) struct Kept {
    /// What it was told last, whether or not it has answered: the text of an entry, or that there is none. `None`: nobody knows.
    told: Option<Option<String>>,
    /// Whether it has the token.
    there: bool,
}

/// What the place of secrets has said.
pub(super) enum SecretDone {
    Read(Result<Option<String>, SecretsError>),
    Kept(String, Result<(), SecretsError>),
    Forgotten(Result<(), SecretsError>),
}

/// Asks it on a thread of its own.
fn ask<T: Send + 'static>(
    secrets: Arc<dyn Secrets>,
    ask: impl FnOnce(&dyn Secrets) -> Result<T, SecretsError> + Send + 'static,
) -> impl Future<Output = Result<T, SecretsError>> {
    let (tell, told) = oneshot::channel();
    // whoever no longer wants to know is not told
    let thread = move || drop(tell.send(ask(&*secrets)));
    let begun = std::thread::Builder::new().name("secrets".into()).spawn(thread);
    async move {
        begun.map_err(|error| SecretsError::Store(error.into()))?;
        told.await.unwrap_or(Err(SecretsError::Ended))
    }
}

impl Profile {
    /// The entry of whoever is signed in.
    fn sealed(&self) -> Option<String> {
        let (server, user, token) = (self.server.clone()?, self.user.as_ref()?.id, self.token.clone()?);
        Some(serde_json::to_string(&Entry { server, user, token }).expect("an entry is plain data"))
    }

    /// The token of an entry, where that is about the same person and the same server.
    fn unsealed(&self, text: &str) -> Option<Token> {
        let Entry { server, user, token } = sync_protocol::json::read(text).ok()?;
        let same = self.server.as_ref() == Some(&server) && self.user.as_ref()?.id == user;
        same.then_some(token)
    }
}

impl<D: Device> Engine<D> {
    /// The place of secrets, and the name of this device's entry there.
    fn secrets(&mut self) -> Option<(Arc<dyn Secrets>, String)> {
        let secrets = self.device.secrets()?;
        let new = self.device.random();
        let name = self
            .profile
            .secret
            .get_or_insert_with(|| uuid::Builder::from_random_bytes(new).into_uuid().to_string());
        Some((secrets, name.clone()))
    }

    /// Begins, at the start, to fetch the token or to move it to where it belongs; for [`settle_secret`](Self::settle_secret).
    pub(super) async fn begin_secret(&mut self) -> Option<LocalBoxFuture<'static, SecretDone>> {
        let named = self.profile.secret.is_some();
        let Some((secrets, name)) = self.secrets() else {
            // a program without such a place touches none
            self.kept.told = Some(None);
            return None;
        };
        match self.profile.sealed() {
            Some(text) => {
                self.kept.told = Some(Some(text.clone()));
                if !named && self.save_profile().await.is_err() {
                    // an entry that nobody can name is never removed
                    return None;
                }
                let kept = text.clone();
                let asked = ask(secrets, move |place| place.keep(&name, &kept));
                Some(async move { SecretDone::Kept(text, asked.await) }.boxed_local())
            }
            None if named && self.profile.user.is_some() => {
                self.transport = None;
                let asked = ask(secrets, move |place| place.read(&name));
                Some(async move { SecretDone::Read(asked.await) }.boxed_local())
            }
            None => {
                self.kept.told = Some(None);
                None
            }
        }
    }

    /// Waits for the place of secrets, not for long: what it says later is heard as the end of a request.
    pub(super) async fn settle_secret(&mut self, asked: LocalBoxFuture<'static, SecretDone>) {
        let device = self.device.clone();
        let patience = async move { device.sleep(PATIENCE_MS).await }.boxed_local();
        match select(asked, patience).await {
            Either::Left((done, _)) => self.secret_done(done),
            Either::Right(((), asked)) => {
                tracing::warn!("the key store of this system takes its time");
                self.later(async move { Done::Account(AccountDone::Secret(asked.await)) });
            }
        }
    }

    /// Takes note of what the place of secrets has said.
    pub(super) fn secret_done(&mut self, done: SecretDone) {
        match done {
            SecretDone::Read(read) => {
                let text = read.unwrap_or_else(|error| {
                    tracing::warn!(%error, "the token is not there: sign in again");
                    None
                });
                if self.profile.token.is_none()
                    && let Some(token) = text.as_deref().and_then(|text| self.profile.unsealed(text))
                {
                    self.profile.token = Some(token);
                    self.kept = Kept { told: Some(text), there: true };
                }
                // without one the server says what is to be done
                self.connect();
            }
            // unless it was told something else meanwhile
            SecretDone::Kept(text, Ok(())) => self.kept.there |= self.kept.told == Some(Some(text)),
            SecretDone::Forgotten(Ok(())) => {}
            SecretDone::Kept(_, Err(error)) => {
                tracing::info!(%error, "the token stays in its owner's file");
            }
            SecretDone::Forgotten(Err(error)) => {
                tracing::warn!(%error, "a token that is of no use any more stays in the key store");
            }
        }
    }

    /// Brings the token to the place of secrets, or removes it from there, where that was not told so before.
    pub(super) async fn keep_secret(&mut self) {
        let wanted = self.profile.sealed();
        let is_unknown = wanted.is_none() && self.profile.user.is_some();
        if is_unknown || self.kept.told.as_ref() == Some(&wanted) {
            return;
        }
        let Some((secrets, name)) = self.secrets() else { return };
        self.kept = Kept { told: Some(wanted.clone()), there: false };
        let asked = match wanted {
            Some(text) => {
                let kept = text.clone();
                let asked = ask(secrets, move |place| place.keep(&name, &kept));
                async move { SecretDone::Kept(text, asked.await) }.boxed_local()
            }
            None => {
                let asked = ask(secrets, move |place| place.forget(&name));
                async move { SecretDone::Forgotten(asked.await) }.boxed_local()
            }
        };
        self.settle_secret(asked).await;
    }

    /// The profile as its file has it.
    pub(super) fn profile_text(&self) -> String {
        let text = |profile: &Profile| serde_json::to_string(profile).expect("a profile is plain data");
        if self.kept.there {
            text(&Profile { token: None, ..self.profile.clone() })
        } else {
            text(&self.profile)
        }
    }

    /// Where the token of whoever is signed in is.
    pub(super) fn sign_in_kept(&self) -> Option<SignInKept> {
        self.profile.user.as_ref()?;
        Some(match (&self.profile.token, self.kept.there) {
            (Some(_), true) => SignInKept::KeyStore,
            (Some(_), false) => SignInKept::File,
            (None, _) => SignInKept::Unreached,
        })
    }
}
