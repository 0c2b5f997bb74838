//! Where a system keeps what is secret of a person: the token by which they are signed in.

/// A place for secrets, by name. Its methods may take as long as a person takes to unlock it: an engine calls them on threads of
/// their own, and waits for a bounded time.
pub trait Secrets: Send + Sync {
    /// What is kept under a name; `None` where nothing is.
    ///
    /// # Errors
    /// Where the place cannot be reached, or stays locked.
    fn read(&self, name: &str) -> Result<Option<String>, SecretsError>;

    /// Keeps a text under a name, in place of the one before.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    fn keep(&self, name: &str, text: &str) -> Result<(), SecretsError>;

    /// Forgets what is kept under a name, if anything is.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    fn forget(&self, name: &str) -> Result<(), SecretsError>;
}

/// Why a system does not keep or give a secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// There is none, it is locked, or it has failed.
    #[error("the key store of this system does not answer: {0}")]
    Store(Box<dyn std::error::Error + Send + Sync>),
    /// The thread that asked it has ended.
    #[error("the key store of this system was not asked")]
    Ended,
}
