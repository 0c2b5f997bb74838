//! The OpenAPI document and a real server, held against each other by a tool that knows neither: schemathesis makes up
//! requests from the document, valid ones and others, and looks whether each answer is one that the document names.
//!
//! `EXAMPLES=200 ./x test long-schemathesis`, not part of a whole run: it is fetched from PyPI at its first start.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use mooring_tests::Server;
use mooring_tests::server::administer;
use serde_json::{Value as Json, json};
use xtask::python;

const PASSWORD: &str = "seven-herons-7";
const VERSION: &str = "4.32.5";

/// Requests of the right form can still be refused: a cursor of another workspace's length, a name of blanks alone. So
/// that one check is left out; 426 belongs to the answers to what is wrong.
const CONFIGURATION: &str = r#"
[checks]
positive_data_acceptance.enabled = false
negative_data_rejection.expected-statuses = ["400", "401", "403", "404", "413", "426", "429"]
"#;

#[test]
fn every_answer_is_one_that_the_document_names() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    administer(&data, &["user", "add", "ann", "--name", "Ann"], PASSWORD)?;
    administer(&data, &["workspace", "add", "Quay", "--owner", "ann"], "")?;
    let server = Server::of_team(&data, 0)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let token = runtime.block_on(sign_in(&server.url))?;
    std::fs::write(folder.path().join("schemathesis.toml"), CONFIGURATION)?;
    let examples = std::env::var("EXAMPLES").unwrap_or_else(|_| "100".to_owned());
    let program = python::with("schemathesis", VERSION)?.join("bin/schemathesis");
    let status = Command::new(program)
        .current_dir(folder.path())
        .arg("run")
        .arg(format!("{}/openapi.json", server.url))
        .args(["--header", &format!("Authorization: Bearer {token}")])
        // these two would end the session, or use up the tries that an address has
        .args(["--exclude-path", "/v1/sign-out", "--exclude-path", "/v1/sign-in"])
        .args(["--max-examples", &examples, "--suppress-health-check", "all", "--request-timeout", "40"])
        .stdin(Stdio::null())
        .status()?;
    ensure!(status.success(), "schemathesis found what stands above");
    Ok(())
}

async fn sign_in(url: &str) -> Result<String> {
    let asked = json!({ "name": "ann", "password": PASSWORD });
    let answer = reqwest::Client::new().post(format!("{url}/v1/sign-in")).json(&asked).send().await?;
    let signed_in: Json = answer.error_for_status()?.json().await?;
    Ok(signed_in["token"].as_str().context("no token")?.to_owned())
}
