//! A node that speaks TLS and asks for certificates: who is let in, and what those are told who are not.

use anyhow::{Result, ensure};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use sync_server::store::cassandra::{CassandraOptions, CassandraStore, ClusterTls};
use sync_server::store::{DirectoryStore, StoreError};
use sync_server::tls::Files;

/// The name in the node's certificate, which does not tell its address.
const NAME: &str = "db1.example.org";

/// What a node is set up with: `ours` signs its certificate and those that it takes, `others` is somebody else.
pub struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// Makes them.
    pub fn make(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let made = Self { folder: folder.into() };
        let ours = made.authority("ours")?;
        made.signed(&ours, "node", NAME)?;
        made.signed(&ours, "own", "mooring")?;
        made.signed(&made.authority("others")?, "foreign", "mooring")?;
        // a node reads both from one file
        let both = fs::read_to_string(made.file("node.key"))? + &fs::read_to_string(made.file("node.pem"))?;
        fs::write(made.file("node.both"), both)?;
        Ok(made)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn authority(&self, name: &str) -> Result<CertifiedIssuer<'static, KeyPair>> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let made = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        fs::write(self.file(&format!("{name}.pem")), made.pem())?;
        Ok(made)
    }

    fn signed(&self, by: &CertifiedIssuer<'static, KeyPair>, file: &str, name: &str) -> Result<()> {
        let key = KeyPair::generate()?;
        let made = CertificateParams::new([name.to_owned()])?.signed_by(&key, by)?;
        fs::write(self.file(&format!("{file}.pem")), made.pem())?;
        fs::write(self.file(&format!("{file}.key")), key.serialize_pem())?;
        Ok(())
    }

    fn pair(&self, name: &str) -> Files {
        Files { certificate: self.file(&format!("{name}.pem")), key: self.file(&format!("{name}.key")) }
    }

    /// Lines of a node's configuration: TLS on a port of its own, beside the plain one.
    pub fn settings(&self, port: u16) -> String {
        format!(
            "native_transport_port_ssl: {port}
client_encryption_options:
  enabled: true
  optional: false
  require_client_auth: true
  ssl_context_factory:
    class_name: org.apache.cassandra.security.PEMBasedSslContextFactory
  keystore: {}
  truststore: {}",
            self.file("node.both").display(),
            self.file("ours.pem").display()
        )
    }
}

/// Whoever knows the node and is known to it keeps data there; everybody else is told why not.
pub async fn only_those_who_are_known(
    made: &Certificates,
    (ip, port): (Ipv4Addr, u16),
    keyspace: &str,
) -> Result<()> {
    let options = |tls| CassandraOptions {
        keyspace: format!("{keyspace}_tls"),
        tls,
        ..CassandraOptions::new(vec![format!("{ip}:{port}")])
    };
    let tls = |authorities: &str, own: Option<&str>, names: &[&str]| {
        let names = names.iter().map(|&name| name.into()).collect();
        let own = own.map(|own| made.pair(own));
        Some(ClusterTls { authorities: made.file(authorities), own, names })
    };
    let refused = [
        (None, "OPTIONS"),
        (tls("others.pem", Some("own"), &[NAME]), "UnknownIssuer"),
        (tls("ours.pem", Some("own"), &[]), NAME),
        (tls("ours.pem", None, &[NAME]), "alert: CertificateRequired"),
        (tls("ours.pem", Some("foreign"), &[NAME]), "alert: "),
        (tls("nobody.pem", Some("own"), &[NAME]), "nobody.pem cannot be read"),
    ];
    for (tls, why) in refused {
        let said = match CassandraStore::connect(options(tls.clone())).await {
            Err(StoreError::Unavailable(said)) => said,
            other => anyhow::bail!("{tls:?}: {:?}", other.map(drop)),
        };
        ensure!(said.contains(why), "{tls:?}: {said}");
    }
    let store = CassandraStore::connect(options(tls("ours.pem", Some("own"), &[NAME]))).await?;
    ensure!(store.account("ann").await?.is_none());
    Ok(())
}
