//! Who is there: accounts with passwords, sessions with opaque tokens, and how fast they may be tried.

mod common;
pub mod password;
pub mod throttle;
mod token;
mod tries;

use std::net::IpAddr;
use std::sync::Arc;
use sync_protocol::message::{NewPassword, ProblemCode, SignIn, SignedIn, User};
use sync_protocol::people::SessionInfo;
use sync_protocol::{Timestamp, UserId, limits as wire};
use tracing::{debug, error};
use uuid::Uuid;

use crate::answer::Failure;
use crate::events::{Event, SignInEnd};
use crate::limits;
use crate::store::clock::Clock;
use crate::store::front::Front;
use crate::store::{Account, DirectoryStore, SessionRow};
use password::Passwords;
use throttle::Throttle;
pub use token::{Token, TokenHash};
use tries::Tries;
pub use tries::network_of;

/// A session that was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Who.
    pub user: UserId,
    /// The hash of its token.
    pub token: TokenHash,
}

/// Signs people in and out and knows them again.
pub struct Auth {
    store: Arc<Front>,
    clock: Arc<dyn Clock>,
    passwords: Passwords,
    tries: Tries,
    /// When sessions were noted to be alive.
    noting: Throttle,
}

impl Auth {
    /// On a store; remembers failed tries in memory.
    pub fn new(store: Arc<Front>, clock: Arc<dyn Clock>) -> Self {
        let noting = Throttle::new(1, limits::SEEN_EVERY, limits::THROTTLED);
        Self { store, clock, passwords: Passwords::new(), tries: Tries::new(), noting }
    }

    /// Checks name and password and starts a session. One answer for an unknown name and a wrong password, and the
    /// same work for both.
    pub async fn sign_in(&self, request: SignIn, from: IpAddr) -> Result<SignedIn, Failure> {
        let login = login_of(&request.name);
        let ended = |user, end| Event::SignIn { login: &login, user, from, end }.log();
        if login.len() > limits::LOGIN_BYTES || request.password.len() > limits::PASSWORD_BYTES {
            ended(None, SignInEnd::Failed);
            return Err(wrong());
        }
        let now = self.clock.instant();
        let try_ = self.tries.take(&login, from, now).map_err(|wait| {
            ended(None, SignInEnd::Throttled);
            too_often(wait)
        })?;
        let account = self.store.account(&login).await?;
        let (user, stored) = account.as_ref().map(|a| (a.user, a.password_hash.clone())).unzip();
        let right = self.passwords.check(request.password, stored).await;
        let right = right.inspect_err(|_| ended(user, SignInEnd::Throttled))?;
        let Some(account) = account.filter(|_| right) else {
            ended(user, SignInEnd::Failed);
            return Err(wrong());
        };
        self.tries.succeeded(try_, now);
        let signed_in = self.start(&account, &request.device).await?;
        // a password that was changed while this one was checked has ended all sessions but this one
        let now = self.store.account_of(account.user).await?;
        if now.is_none_or(|now| now.password_hash != account.password_hash) {
            if let Some(token) = TokenHash::of_text(&signed_in.token) {
                self.store.end_session(&token.0).await?;
            }
            ended(user, SignInEnd::Failed);
            return Err(wrong());
        }
        ended(user, SignInEnd::Succeeded);
        Ok(signed_in)
    }

    /// Sets a new password, ends all sessions of the account (or this one only) and starts a new one.
    ///
    /// # Errors
    /// A wrong current password, which counts as a failed sign-in; a new one that is not good enough; an account without
    /// one.
    pub async fn change_password(
        &self,
        session: Session,
        request: NewPassword,
        from: IpAddr,
    ) -> Result<SignedIn, Failure> {
        let account = self.store.account_of(session.user).await?.ok_or_else(Failure::needs_sign_in)?;
        if account.password_hash == password::UNUSABLE {
            return Err(Failure::not_permitted(
                "The sample account has no password. Ask for an account of your own.",
            ));
        }
        if request.current.len() > limits::PASSWORD_BYTES {
            return Err(wrong_current());
        }
        password::check_new(&request.new, &[&account.login, &account.name]).map_err(Failure::bad_request)?;
        let now = self.clock.instant();
        let try_ = self.tries.take(&account.login, from, now).map_err(too_often)?;
        let stored = Some(account.password_hash.clone());
        if !self.passwords.check(request.current, stored).await? {
            let (login, user) = (account.login.as_str(), Some(account.user));
            Event::SignIn { login, user, from, end: SignInEnd::Failed }.log();
            return Err(wrong_current());
        }
        self.tries.succeeded(try_, now);
        let password_hash = self.passwords.hash(request.new).await?;
        // the password first: whoever signs in with the old one meanwhile is found by `sign_in`
        self.store.set_password(account.user, &password_hash).await?;
        let device = self.store.session(&session.token.0).await?.map(|row| row.device).unwrap_or_default();
        let sessions = if request.keep_others {
            self.store.end_session(&session.token.0).await?;
            1
        } else {
            self.store.end_sessions(account.user).await?
        };
        Event::PasswordChanged { user: account.user, by: Some(account.user), sessions }.log();
        self.start(&account, &device).await
    }

    /// A new password as it is stored.
    ///
    /// # Errors
    /// One that is not good enough for that person; too many at work.
    pub async fn new_hash(&self, password: String, about: &[&str]) -> Result<String, Failure> {
        password::check_new(&password, about).map_err(Failure::bad_request)?;
        self.passwords.hash(password).await
    }

    /// The sessions of whoever asks, the one that was heard of last first.
    ///
    /// # Errors
    /// The store's.
    pub async fn sessions(&self, session: Session) -> Result<Vec<SessionInfo>, Failure> {
        let rows = self.store.sessions_of(session.user, limits::SESSIONS_LISTED).await?;
        let info = |(hash, row): ([u8; 32], SessionRow)| SessionInfo {
            id: TokenHash(hash).id(),
            device: row.device,
            since: row.since,
            seen: row.seen,
            current: hash == session.token.0,
        };
        let mut sessions: Vec<SessionInfo> = rows.into_iter().map(info).collect();
        sessions.sort_by_key(|one| (!one.current, std::cmp::Reverse(one.seen), one.id));
        Ok(sessions)
    }

    /// Ends one of them.
    ///
    /// # Errors
    /// [`ProblemCode::NotFound`] where whoever asks has none of that id.
    pub async fn end(&self, session: Session, id: Uuid) -> Result<(), Failure> {
        let rows = self.store.sessions_of(session.user, limits::SESSIONS_LISTED).await?;
        let (hash, _) = rows.into_iter().find(|(hash, _)| TokenHash(*hash).id() == id).ok_or_else(|| {
            Failure::new(
                ProblemCode::NotFound,
                "That device is not signed in (any more). Look at the list again.",
            )
        })?;
        self.store.end_session(&hash).await?;
        Event::SessionsEnded { user: session.user, sessions: 1 }.log();
        Ok(())
    }

    /// Calls the device of a session by another name.
    ///
    /// # Errors
    /// The store's.
    pub async fn name_device(&self, session: Session, name: &str) -> Result<(), Failure> {
        let now = self.clock.now();
        Ok(self.store.note_session(&session.token.0, Some(&device_label(name)), now).await?)
    }

    /// Ends all sessions of an account.
    ///
    /// # Errors
    /// The store's.
    pub async fn sign_out_everywhere(&self, session: Session) -> Result<(), Failure> {
        let sessions = self.store.end_sessions(session.user).await?;
        Event::SessionsEnded { user: session.user, sessions }.log();
        Ok(())
    }

    /// Starts a session for an account that was checked in some other way.
    pub async fn start(&self, account: &Account, device: &str) -> Result<SignedIn, Failure> {
        let token = Token::mint().map_err(|error| {
            error!(%error, "the system gives no random numbers");
            Failure::internal()
        })?;
        let life = i64::try_from(limits::SESSION_TIME.as_millis()).unwrap_or(i64::MAX);
        let now = self.clock.now();
        let session = SessionRow {
            user: account.user,
            expires: Timestamp(now.0.saturating_add(life)),
            device: device_label(device),
            since: Some(now),
            seen: Some(now),
        };
        self.store.add_session(&token.hash().0, &session).await?;
        Ok(SignedIn { token: token.into_text(), user: User { id: account.user, name: account.name.clone() } })
    }

    /// The session of a token as the client sent it; a problem where there is none (any more).
    pub async fn session(&self, token: &str) -> Result<Session, Failure> {
        let token = TokenHash::of_text(token).ok_or_else(Failure::needs_sign_in)?;
        let row = self.lately(token).await?;
        self.note(token, row.seen);
        Ok(Session { user: row.user, token })
    }

    /// Asks again whether a session goes on, by what the door remembers.
    pub async fn session_lately(&self, token: TokenHash) -> Result<Session, Failure> {
        Ok(Session { user: self.lately(token).await?.user, token })
    }

    /// Asks again whether a session goes on, by what is stored.
    pub async fn session_of(&self, token: TokenHash) -> Result<Session, Failure> {
        Ok(Session { user: self.alive(token).await?.user, token })
    }

    async fn lately(&self, token: TokenHash) -> Result<SessionRow, Failure> {
        self.going_on(self.store.session_lately(&token.0).await?)
    }

    async fn alive(&self, token: TokenHash) -> Result<SessionRow, Failure> {
        self.going_on(self.store.session(&token.0).await?)
    }

    fn going_on(&self, row: Option<SessionRow>) -> Result<SessionRow, Failure> {
        row.filter(|row| row.expires > self.clock.now()).ok_or_else(Failure::needs_sign_in)
    }

    /// Notes that a session is alive, now and then; nobody waits for it.
    fn note(&self, token: TokenHash, seen: Option<Timestamp>) {
        let now = self.clock.now();
        let every = i64::try_from(limits::SEEN_EVERY.as_millis()).unwrap_or(i64::MAX);
        if seen.is_some_and(|seen| now.0 < seen.0.saturating_add(every))
            || self.noting.take(token.0, self.clock.instant()).is_err()
        {
            return;
        }
        let store = Arc::clone(&self.store);
        tokio::spawn(async move {
            if let Err(error) = store.note_session(&token.0, None, now).await {
                debug!(%error, "when a device was last heard of is not noted");
            }
        });
    }

    /// Ends a session.
    pub async fn sign_out(&self, session: Session) -> Result<(), Failure> {
        self.store.end_session(&session.token.0).await?;
        Event::SignedOut { user: session.user }.log();
        Ok(())
    }
}

/// A login as it is stored and looked up: without blanks around it, in lower case.
pub fn login_of(name: &str) -> String {
    name.trim().to_lowercase()
}

/// What a device calls itself, as far as it fits: nobody is kept out for it.
fn device_label(name: &str) -> String {
    name.trim().chars().filter(|c| !c.is_control()).take(wire::LABEL_CHARS).collect()
}

fn too_often(wait: std::time::Duration) -> Failure {
    let seconds = wait.as_millis().div_ceil(1_000);
    Failure::slow_down(format!("Too many failed sign-ins. Wait {seconds} s, then try again."), wait)
}

/// Not "needs sign-in": the session is a good one.
fn wrong_current() -> Failure {
    Failure::not_permitted(
        "The current password is another one. Nothing was changed; check it and try again.",
    )
}

fn wrong() -> Failure {
    Failure::new(ProblemCode::NeedsSignIn, "The name or the password is wrong. Check both and try again.")
}
