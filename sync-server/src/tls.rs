//! Certificates and keys in files; and TLS for clients, where no proxy does it: a certificate and its key from files, read again once they change.

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;
use tracing::{error, info};

/// How often the files are looked at: whoever renews a certificate does it days before the old one ends.
const LOOK: Duration = Duration::from_secs(30);

/// Why the files make no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One of them cannot be read as PEM.
    #[error("{} cannot be read: {cause}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        cause: rustls::pki_types::pem::Error,
    },
    /// There is none in the first.
    #[error("{} has no certificate", .0.display())]
    NoCertificate(PathBuf),
    /// They do not belong together, or are of a kind that is not known.
    #[error("the key in {} is not that of the certificate: {cause}", key.display())]
    Pair {
        /// The key's file.
        key: PathBuf,
        /// Why.
        cause: rustls::Error,
    },
}

/// The files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The certificate, and behind it those that lead to an authority, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
}

/// What connections begin with.
pub struct Tls {
    files: Files,
    now: Mutex<Now>,
}

struct Now {
    acceptor: TlsAcceptor,
    /// The certificates that it shows.
    shown: Vec<CertificateDer<'static>>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`], where they make no certificate.
    pub fn open(files: Files) -> Result<Self, TlsError> {
        let now = Mutex::new(read(&files)?);
        Ok(Self { files, now })
    }

    /// What the next connection begins with.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).acceptor.clone()
    }

    /// Looks at the files now and then, for as long as it is polled. What cannot be read leaves what there was.
    pub async fn follow(&self) {
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // what is wrong is said once
        let mut wrong = None;
        loop {
            ticks.tick().await;
            match self.look() {
                Ok(true) => info!("clients are shown the new certificate from now on"),
                Ok(false) => {}
                Err(error) => {
                    let text = error.to_string();
                    if wrong.as_ref() != Some(&text) {
                        error!(%error, "the new certificate cannot be used, and the old one goes on: mend the files");
                    }
                    wrong = Some(text);
                    continue;
                }
            }
            wrong = None;
        }
    }

    /// Whether the files make another certificate than the one in use; it is in use then.
    ///
    /// # Errors
    /// As [`Tls::open`]; the old one goes on.
    pub fn look(&self) -> Result<bool, TlsError> {
        let read = read(&self.files)?;
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let new = read.shown != now.shown;
        if new {
            *now = read;
        }
        Ok(new)
    }
}

/// The certificates in a file, in their order: one at least.
///
/// # Errors
/// [`TlsError::File`] and [`TlsError::NoCertificate`].
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|cause| TlsError::File { file: file.to_owned(), cause })?;
    if all.is_empty() { Err(TlsError::NoCertificate(file.to_owned())) } else { Ok(all) }
}

impl Files {
    /// What they hold.
    ///
    /// # Errors
    /// As [`certificates`]; whether the two belong together is not looked at.
    pub fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|cause| TlsError::File { file: self.key.clone(), cause });
        Ok((certificates(&self.certificate)?, key?))
    }
}

/// What both ends of all connections of this process are made with.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn read(files: &Files) -> Result<Now, TlsError> {
    let (shown, key) = files.read()?;
    let pair = |cause| TlsError::Pair { key: files.key.clone(), cause };
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(pair)?
        .with_no_client_auth()
        .with_single_cert(shown.clone(), key)
        .map_err(pair)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Now { acceptor: TlsAcceptor::from(Arc::new(config)), shown })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> Files {
        Files { certificate: folder.join("cert.pem"), key: folder.join("key.pem") }
    }

    fn write(files: &Files) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        std::fs::write(&files.certificate, made.cert.pem()).expect("a file");
        std::fs::write(&files.key, made.signing_key.serialize_pem()).expect("a file");
    }

    #[test]
    fn a_new_certificate_is_taken_and_half_a_one_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = files(folder.path());
        let none = Tls::open(files.clone()).expect_err("there are no files");
        assert!(none.to_string().contains("cert.pem cannot be read"), "{none}");
        write(&files);
        let tls = Tls::open(files.clone()).expect("a certificate");
        assert!(!tls.look().expect("nothing changed"));
        // the certificate is new, its key not yet
        let key = std::fs::read(&files.key).expect("a key");
        write(&files);
        let new = std::fs::read(&files.key).expect("a key");
        std::fs::write(&files.key, key).expect("a file");
        let half = tls.look().expect_err("they do not belong together");
        assert!(half.to_string().contains("is not that of the certificate"), "{half}");
        std::fs::write(&files.key, new).expect("a file");
        assert!(tls.look().expect("both are new"));
        std::fs::write(&files.certificate, "").expect("a file");
        assert!(matches!(tls.look(), Err(TlsError::NoCertificate(_))));
    }
}
