//! What whoever runs the server gives it and watches of it: a certificate, a file of settings, figures.

use crate::process::{bare, end_of, program, started, terminate};
use crate::world::SOON;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Writes a certificate for `localhost` with its key, and gives it as clients trust it.
fn certificate(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

/// One answer over TLS, head and all.
async fn get(address: &str, path: &str, trusted: CertificateDer<'static>) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn a_server_with_a_certificate_speaks_tls_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let trusted = certificate(folder.path());
    let settings = folder.path().join("mooring.toml");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let text = format!(
        "listen = '127.0.0.1:0'\ndata = '{}'\ntls-certificate = '{}'\ntls-key = '{}'\n",
        at("data"),
        at("cert.pem"),
        at("key.pem")
    );
    std::fs::write(&settings, text).unwrap();
    let (mut server, address) = started(bare(&["serve", "--config", settings.to_str().unwrap()])).await;
    let address = address.strip_prefix("https://").expect("it says so").to_owned();
    let answer = timeout(SOON, get(&address, "/healthz", trusted)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.to_lowercase().contains("strict-transport-security: max-age"), "{answer}");
    let stranger = tempfile::tempdir().unwrap();
    let untrusted = certificate(stranger.path());
    assert!(get(&address, "/healthz", untrusted).await.is_err(), "its certificate is another one");
    // somebody who says nothing, and somebody who speaks plainly, are in nobody's way
    let _silent = TcpStream::connect(&address).await.unwrap();
    let mut plain = TcpStream::connect(&address).await.unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // an end or a reset, after an alert
    let _ = timeout(SOON, plain.read_to_end(&mut answer)).await.expect("it is not left waiting");
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    terminate(&server);
    let end = timeout(SOON, server.wait()).await.expect("it stops").unwrap();
    assert!(end.success());
}

#[tokio::test]
async fn settings_are_checked_before_anything_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let checked = async |more: &[&str]| end_of(program(&[&["check-config"], more].concat(), &data), "").await;
    let good = checked(&["--horizon-days", "7"]).await;
    let said = String::from_utf8(good.stdout).unwrap();
    assert!(good.status.success() && said.contains("horizon-days = 7"), "{said}");
    assert!(said.trim_end().ends_with("# These settings can be used."), "{said}");
    assert!(!data.exists(), "nothing was made");
    for (line, sentence) in [
        (
            &["--tls-certificate", "/nonexistent", "--tls-key", "/nonexistent"][..],
            "/nonexistent cannot be read",
        ),
        (&["--web", "/nonexistent"], "no index.html"),
        (&["--demo", "--listen", "0.0.0.0:1"], "--demo lets anybody in"),
        (&["--config", "/nonexistent"], "/nonexistent: "),
    ] {
        let bad = checked(line).await;
        let said = String::from_utf8(bad.stderr).unwrap();
        assert!(bad.status.code() == Some(1) && said.contains(sentence), "{said}");
    }
}

#[tokio::test]
async fn figures_are_told_on_an_address_of_their_own_without_who_or_what() {
    let folder = tempfile::tempdir().unwrap();
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let metrics = free.local_addr().unwrap().to_string();
    drop(free);
    let line = ["serve", "--demo", "--listen", "127.0.0.1:0", "--metrics", &metrics];
    let (_server, address) = started(program(&line, folder.path())).await;
    let client = reqwest::Client::new();
    let none = client.get(format!("{address}/metrics")).send().await.unwrap();
    assert_eq!(none.status().as_u16(), 404, "clients are not told");
    let signed_in =
        client.post(format!("{address}/v1/sign-in/demo")).json(&serde_json::json!({})).send().await.unwrap();
    assert!(signed_in.status().is_success());
    let ready = client.get(format!("http://{metrics}/readyz")).send().await.unwrap();
    assert!(ready.status().is_success());
    let text = client.get(format!("http://{metrics}/metrics")).send().await.unwrap().text().await.unwrap();
    for figure in [
        "mooring_http_answers_total{route=\"/v1/sign-in/demo\",method=\"POST\",status=\"200\"} 1",
        "mooring_http_answer_seconds_bucket",
        "mooring_steps_total{end=\"committed\"}",
        "mooring_step_entries_count",
        "mooring_connections",
        "mooring_queued_bytes 0",
        "mooring_build_info{version=",
        "process_resident_memory_bytes",
        "# EOF",
    ] {
        assert!(text.contains(figure), "{figure} is not in\n{text}");
    }
    // what the documents, the alerts and the dashboard name is told
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for file in ["docs/operations.md", "operations/alerts.yml", "operations/grafana.json"] {
        let named = std::fs::read_to_string(root.join(file)).unwrap();
        let words = named.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let figures: Vec<&str> =
            words.filter(|word| word.starts_with("mooring_") || word.starts_with("process_")).collect();
        assert!(figures.len() > 5, "{file} names {figures:?}");
        for figure in figures {
            assert!(text.contains(&format!("\n{figure}")), "{file} names {figure}, which is not in\n{text}");
        }
    }
    assert!(!text.contains("Sample") && !text.contains("people"), "{text}");
}
