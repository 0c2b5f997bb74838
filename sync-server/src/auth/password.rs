//! Argon2id with the parameters that OWASP's password storage cheat sheet gives: 19 MiB, 2 passes, 1 lane.

use argon2::password_hash::phc::{Output, ParamsString, Salt};
use argon2::{Algorithm, Argon2, Block, Params, PasswordHash, Version};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use tokio::sync::Semaphore;

use super::common::is_common;
use crate::answer::Failure;
use crate::limits;

/// Stored instead of a hash where no password shall ever work.
pub const UNUSABLE: &str = "!";

/// KiB of memory that one check works in.
const MEMORY_KIB: u32 = 19 * 1_024;

/// Checks passwords, a few at a time, on threads that may block.
pub struct Passwords {
    slots: Arc<Semaphore>,
    /// The memory of checks, used again and again: what is taken and freed on ever other threads stays with the
    /// allocator of each of them, which adds up to gigabytes.
    benches: Arc<Mutex<Vec<Vec<Block>>>>,
    /// Checked where there is no account, so that an unknown login takes as long as a known one.
    decoy: Arc<str>,
}

impl Passwords {
    /// Makes the decoy: takes as long as one check.
    pub fn new() -> Self {
        let at_once = available_parallelism().map_or(1, usize::from).min(limits::PASSWORD_CHECKS);
        let decoy = hash("no account has this password").into();
        Self { slots: Arc::new(Semaphore::new(at_once)), benches: Arc::default(), decoy }
    }

    /// Whether the password belongs to the hash; `None` stands for an account that is not there.
    ///
    /// # Errors
    /// Where too many are checked already.
    pub async fn check(&self, password: String, stored: Option<String>) -> Result<bool, Failure> {
        let decoy = Arc::clone(&self.decoy);
        self.on_a_bench(move |memory| {
            let usable = stored.as_deref().filter(|hash| *hash != UNUSABLE);
            matches(&password, usable.unwrap_or(&decoy), memory) && usable.is_some()
        })
        .await
    }

    /// The same as [`hash`], a few at a time and in the same memory as the checks.
    ///
    /// # Errors
    /// Where too many are checked already.
    pub async fn hash(&self, password: String) -> Result<String, Failure> {
        self.on_a_bench(move |memory| hash_in(&password, memory)).await
    }

    async fn on_a_bench<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut [Block]) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let slots = Arc::clone(&self.slots);
        let Ok(Ok(slot)) = tokio::time::timeout(limits::PASSWORD_QUEUE, slots.acquire_owned()).await else {
            return Err(Failure::slow_down(
                "Too many people are signing in at this moment. Try again in a few seconds.",
                limits::PASSWORD_QUEUE,
            ));
        };
        let benches = Arc::clone(&self.benches);
        let work = move || {
            let _slot = slot;
            let free = benches.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut bench = free.unwrap_or_else(bench);
            let done = work(&mut bench);
            benches.lock().unwrap_or_else(PoisonError::into_inner).push(bench);
            done
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
    hash_in(password, &mut bench())
}

fn bench() -> Vec<Block> {
    vec![Block::new(); MEMORY_KIB as usize]
}

fn hash_in(password: &str, memory: &mut [Block]) -> String {
    let mut salt = [0; 16];
    // fails only where the system gives no random numbers: nothing secret can be made on such a machine
    getrandom::fill(&mut salt).expect("the system has random numbers");
    let hasher = hasher();
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    hasher
        .hash_password_into_with_memory(password.as_bytes(), &salt, &mut output, memory)
        .expect("a bench has the memory that the parameters ask for");
    let fits = "constant parameters and lengths are valid, a test sees to it";
    PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(hasher.params()).expect(fits),
        salt: Some(Salt::new(&salt).expect(fits)),
        hash: Some(Output::new(&output).expect(fits)),
    }
    .to_string()
}

/// Whether a new password is good enough for the account of which `about` tells login and name.
///
/// # Errors
/// The sentence that says why not, and what to do.
pub fn check_new(password: &str, about: &[&str]) -> Result<(), String> {
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
    if is_common(password, about) {
        return Err("This password is among the first that somebody would try: it is a common one, or made of the login or the name. Choose another one, such as some words that do not belong together.".into());
    }
    Ok(())
}

/// What `PasswordVerifier` does, in the memory given.
fn matches(password: &str, stored: &str, memory: &mut [Block]) -> bool {
    let Ok(stored) = PasswordHash::new(stored) else { return false };
    let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else { return false };
    let Some(hasher) = hasher_of(&stored) else { return false };
    let mut output = vec![0; expected.as_bytes().len()];
    let mut own = Vec::new();
    let memory = match hasher.params().block_count() {
        count if count <= memory.len() => memory,
        // a hash with other parameters, brought in by hand
        count => {
            own.resize(count, Block::new());
            &mut own
        }
    };
    hasher.hash_password_into_with_memory(password.as_bytes(), salt, &mut output, memory).is_ok()
        // outputs are compared in the same time wherever they differ
        && Output::new(&output).is_ok_and(|output| output == *expected)
}

fn hasher_of(stored: &PasswordHash) -> Option<Argon2<'static>> {
    let algorithm = Algorithm::try_from(stored.algorithm.as_str()).ok()?;
    let version = stored.version.map_or(Some(Version::default()), |number| Version::try_from(number).ok())?;
    Some(Argon2::new(algorithm, version, Params::try_from(stored).ok()?))
}

fn hasher() -> Argon2<'static> {
    let params =
        Params::new(MEMORY_KIB, 2, 1, None).expect("constant parameters are valid, a test sees to it");
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
