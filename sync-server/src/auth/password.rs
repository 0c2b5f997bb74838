//! Argon2id with the parameters that OWASP's password storage cheat sheet gives: 19 MiB, 2 passes, 1 lane.

use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use std::sync::Arc;
use std::thread::available_parallelism;
use tokio::sync::Semaphore;

use crate::answer::Failure;
use crate::limits;

/// Stored instead of a hash where no password shall ever work.
pub const UNUSABLE: &str = "!";

/// Checks passwords, a few at a time, on threads that may block.
pub struct Passwords {
    slots: Arc<Semaphore>,
    /// Checked where there is no account, so that an unknown login takes as long as a known one.
    decoy: Arc<str>,
}

impl Passwords {
    /// Makes the decoy: takes as long as one check.
    pub fn new() -> Self {
        let at_once = available_parallelism().map_or(1, usize::from).min(limits::PASSWORD_CHECKS);
        Self { slots: Arc::new(Semaphore::new(at_once)), decoy: hash("no account has this password").into() }
    }

    /// Whether the password belongs to the hash; `None` stands for an account that is not there.
    pub async fn check(&self, password: String, stored: Option<String>) -> Result<bool, Failure> {
        let slots = Arc::clone(&self.slots);
        let Ok(Ok(slot)) = tokio::time::timeout(limits::PASSWORD_QUEUE, slots.acquire_owned()).await else {
            return Err(Failure::slow_down(
                "Too many people are signing in at this moment. Try again in a few seconds.",
                limits::PASSWORD_QUEUE,
            ));
        };
        let decoy = Arc::clone(&self.decoy);
        let work = move || {
            let _slot = slot;
            let usable = stored.as_deref().filter(|hash| *hash != UNUSABLE);
            matches(&password, usable.unwrap_or(&decoy)) && usable.is_some()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| Failure::internal())
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

/// A new hash with a new salt from the system, in PHC form. Takes a core for some 20 ms.
pub fn hash(password: &str) -> String {
    let hashed: Result<PasswordHash, _> = hasher().hash_password(password.as_bytes());
    // fails only where the system gives no random numbers: nothing secret can be made on such a machine
    hashed.expect("the system has random numbers").to_string()
}

/// Why a new password is not good enough, if so.
pub fn check_new(password: &str) -> Result<(), String> {
    if password.chars().count() < limits::PASSWORD_CHARS {
        return Err(format!(
            "A password has at least {} characters. Choose a longer one.",
            limits::PASSWORD_CHARS
        ));
    }
    if password.len() > limits::PASSWORD_BYTES {
        return Err(format!(
            "A password has at most {} bytes. Choose a shorter one.",
            limits::PASSWORD_BYTES
        ));
    }
    Ok(())
}

fn matches(password: &str, stored: &str) -> bool {
    PasswordHash::new(stored).is_ok_and(|hash| hasher().verify_password(password.as_bytes(), &hash).is_ok())
}

fn hasher() -> Argon2<'static> {
    let params =
        Params::new(19 * 1_024, 2, 1, None).expect("constant parameters are valid, a test sees to it");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_usable_account_matches() {
        let passwords = Passwords::new();
        let stored = hash("correct horse");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        for (password, hash, ok) in [
            ("correct horse", Some(stored.clone()), true),
            ("wrong", Some(stored), false),
            ("no account has this password", None, false),
            ("no account has this password", Some(UNUSABLE.to_owned()), false),
            ("!", Some(UNUSABLE.to_owned()), false),
        ] {
            assert_eq!(passwords.check(password.to_owned(), hash).await, Ok(ok), "{password}");
        }
    }
}
