//! TLS to the nodes of a cluster.

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::tls::{Files, TlsError, certificates, provider};

/// How the nodes prove who they are, and the server to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterTls {
    /// Certificates of the authorities that sign those of the nodes, in PEM.
    pub authorities: PathBuf,
    /// The server's own certificate, where the nodes ask for one.
    pub own: Option<Files>,
    /// Names that a node's certificate may be made out to instead of the node's address: nodes tell each other, and the
    /// driver, their addresses alone.
    pub names: Vec<String>,
}

/// Why there is no TLS to the cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClusterTlsError {
    /// A file.
    #[error(transparent)]
    File(#[from] TlsError),
    /// What the files hold.
    #[error("{} cannot be used: {cause}", file.display())]
    Unusable {
        /// Which.
        file: PathBuf,
        /// Why.
        cause: Error,
    },
    /// Not a name.
    #[error("“{0}” cannot be the name in a certificate")]
    Name(String),
}

impl ClusterTls {
    /// What connections begin with.
    ///
    /// # Errors
    /// [`ClusterTlsError`], where the files do not make it.
    pub fn config(&self) -> Result<Arc<ClientConfig>, ClusterTlsError> {
        let unusable = |cause: Error| ClusterTlsError::Unusable { file: self.authorities.clone(), cause };
        let mut roots = RootCertStore::empty();
        for authority in certificates(&self.authorities)? {
            roots.add(authority).map_err(unusable)?;
        }
        let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map_err(|cause| unusable(Error::General(cause.to_string())))?;
        let name = |name: &String| {
            ServerName::try_from(name.clone()).map_err(|_| ClusterTlsError::Name(name.clone()))
        };
        let names = self.names.iter().map(name).collect::<Result<_, _>>()?;
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Node { chain, names }));
        Ok(Arc::new(match &self.own {
            Some(files) => config.with_client_cert_resolver(Arc::new(Own::open(files.clone())?)),
            None => config.with_no_client_auth(),
        }))
    }
}

/// Looks at a node's certificate: as the library does, for one name more.
#[derive(Debug)]
struct Node {
    chain: Arc<WebPkiServerVerifier>,
    names: Vec<ServerName<'static>>,
}

impl ServerCertVerifier for Node {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        address: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let named =
            |name: &ServerName<'_>| self.chain.verify_server_cert(end_entity, intermediates, name, ocsp, now);
        match named(address) {
            Err(
                other @ Error::InvalidCertificate(
                    CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
                ),
            ) => self.names.iter().find_map(|name| named(name).ok()).ok_or(other),
            told => told,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// The server's own certificate. Connections are few: the files are read for each of them, so that a new one is shown from
/// then on.
#[derive(Debug)]
struct Own {
    files: Files,
    last: Mutex<Arc<CertifiedKey>>,
}

impl Own {
    fn open(files: Files) -> Result<Self, ClusterTlsError> {
        let last = Mutex::new(certified(&files)?);
        Ok(Self { files, last })
    }
}

fn certified(files: &Files) -> Result<Arc<CertifiedKey>, ClusterTlsError> {
    let (chain, key) = files.read()?;
    let pair = CertifiedKey::from_der(chain, key, &provider());
    Ok(Arc::new(pair.map_err(|cause| TlsError::Pair { key: files.key.clone(), cause })?))
}

impl rustls::client::ResolvesClientCert for Own {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match certified(&self.files) {
            Ok(now) => *last = now,
            Err(error) => {
                tracing::warn!(%error, "the new certificate for the cluster cannot be used, and the old one goes on");
            }
        }
        Some(last.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
    use rustls::server::WebPkiClientVerifier;
    use rustls::{ClientConnection, ServerConfig, ServerConnection};
    use std::path::Path;

    fn authority(file: &Path) -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, file.display().to_string());
        let made = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key"));
        let made = made.expect("a certificate");
        std::fs::write(file, made.pem()).expect("a file");
        made
    }

    /// A certificate and its key, for these names and addresses.
    fn signed(by: &CertifiedIssuer<'static, KeyPair>, names: &[&str], files: &Files) {
        let names: Vec<String> = names.iter().map(|&name| name.into()).collect();
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(names).expect("names");
        let certificate = params.signed_by(&key, by).expect("a certificate");
        std::fs::write(&files.certificate, certificate.pem()).expect("a file");
        std::fs::write(&files.key, key.serialize_pem()).expect("a file");
    }

    fn files(folder: &Path, name: &str) -> Files {
        let file = |end: &str| folder.join(format!("{name}.{end}"));
        Files { certificate: file("pem"), key: file("key") }
    }

    /// Shakes hands as the driver does, which knows the node's address alone: what the client says of the node, and the
    /// certificate that it showed.
    fn shake(
        client: &Arc<ClientConfig>,
        node: &Files,
        authorities: &Path,
    ) -> Result<Vec<CertificateDer<'static>>, Error> {
        let mut roots = RootCertStore::empty();
        certificates(authorities)
            .expect("a file")
            .into_iter()
            .for_each(|one| roots.add(one).expect("a root"));
        let asks = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
        let (chain, key) = node.read().expect("files");
        let server = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(asks.allow_unauthenticated().build().expect("a verifier"))
            .with_single_cert(chain, key)?;
        let mut server = ServerConnection::new(Arc::new(server))?;
        let address = ServerName::IpAddress(std::net::Ipv4Addr::LOCALHOST.into());
        let mut client = ClientConnection::new(client.clone(), address)?;
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).expect("memory");
            server.read_tls(&mut wire.as_slice()).expect("memory");
            server.process_new_packets()?;
            let mut wire = Vec::new();
            server.write_tls(&mut wire).expect("memory");
            client.read_tls(&mut wire.as_slice()).expect("memory");
            client.process_new_packets()?;
        }
        let shown = server.peer_certificates().unwrap_or_default();
        Ok(shown.iter().map(|one| one.clone().into_owned()).collect())
    }

    #[test]
    fn a_node_is_known_by_its_address_or_by_a_name_that_was_given() {
        let folder = tempfile::tempdir().expect("a folder");
        let [ours, others] = ["ours.pem", "others.pem"].map(|file| folder.path().join(file));
        let (by_us, by_others) = (authority(&ours), authority(&others));
        let node = files(folder.path(), "node");
        let with = |authorities: &Path, names: &[&str]| {
            let names = names.iter().map(|&name| name.into()).collect();
            ClusterTls { authorities: authorities.into(), own: None, names }.config().expect("files")
        };
        let wrong_name = |told: &Result<_, Error>| {
            matches!(
                told,
                Err(Error::InvalidCertificate(
                    CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
                ))
            )
        };

        signed(&by_us, &["127.0.0.1"], &node);
        shake(&with(&ours, &[]), &node, &ours).expect("its address");
        signed(&by_us, &["db1.example.org"], &node);
        assert!(wrong_name(&shake(&with(&ours, &[]), &node, &ours)));
        assert!(wrong_name(&shake(&with(&ours, &["db2.example.org"]), &node, &ours)));
        shake(&with(&ours, &["db2.example.org", "db1.example.org"]), &node, &ours).expect("its name");
        // a name helps nobody whom another authority calls so
        signed(&by_others, &["db1.example.org", "127.0.0.1"], &node);
        let told = shake(&with(&ours, &["db1.example.org"]), &node, &ours);
        let foreign = matches!(told, Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)));
        assert!(foreign, "{told:?}");
    }

    #[test]
    fn the_servers_own_certificate_is_read_for_each_connection() {
        let folder = tempfile::tempdir().expect("a folder");
        let ours = folder.path().join("ours.pem");
        let by_us = authority(&ours);
        let (node, own) = (files(folder.path(), "node"), files(folder.path(), "own"));
        signed(&by_us, &["127.0.0.1"], &node);
        signed(&by_us, &["mooring"], &own);
        let tls = ClusterTls { authorities: ours.clone(), own: Some(own.clone()), names: Vec::new() };
        let config = tls.config().expect("files");
        let now = || certificates(&own.certificate).expect("a file");
        let first = now();
        assert_eq!(shake(&config, &node, &ours).expect("both known"), first);
        signed(&by_us, &["mooring"], &own);
        assert_ne!(now(), first);
        assert_eq!(shake(&config, &node, &ours).expect("both known"), now());
        // half a new one: what was shown last goes on
        let last = now();
        std::fs::write(&own.key, "").expect("a file");
        assert_eq!(shake(&config, &node, &ours).expect("both known"), last);
        assert!(matches!(tls.config(), Err(ClusterTlsError::File(TlsError::File { .. }))));
    }
}
