//! What is outside of Mooring: another program with a session of its own, and an operator at the command line.

use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::value::{CqlValue, Row};
use serde_json::Value as Json;
use tokio::process::Command;

use crate::stage::Stage;

/// How long a node may take for what it does in its own time: its first user, or what becomes of a table that is dropped.
const BEGINS: Duration = Duration::from_secs(90);

/// The keyspace of the other program.
pub const KEYSPACE: &str = "shop";

/// Another program.
pub struct Outside {
    session: Session,
}

impl Outside {
    pub async fn connect(address: &str) -> Result<Self> {
        Self::begin(SessionBuilder::new().known_node(address)).await
    }

    /// As somebody with a password, who may take a moment to come to be on a new node.
    pub async fn connect_as(address: &str, (user, password): (&str, &str)) -> Result<Self> {
        let since = Instant::now();
        loop {
            match Self::begin(SessionBuilder::new().known_node(address).user(user, password)).await {
                Err(error) if since.elapsed() > BEGINS => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
                connected => return connected,
            }
        }
    }

    async fn begin(builder: SessionBuilder) -> Result<Self> {
        let session = builder.build().await?;
        let replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
        let make = format!("CREATE KEYSPACE IF NOT EXISTS {KEYSPACE} WITH replication = {replication}");
        session.query_unpaged(make, ()).await?;
        Ok(Self { session })
    }

    pub async fn cql(&self, text: &str) -> Result<Vec<Row>> {
        let result = self.session.query_unpaged(text, ()).await.with_context(|| text.to_owned())?;
        if !result.is_rows() {
            return Ok(Vec::new());
        }
        Ok(result.into_rows_result()?.rows::<Row>()?.collect::<Result<_, _>>()?)
    }

    /// Drops a table or a keyspace. On a busy machine that may take longer than a request: asked again until there is none.
    pub async fn forget(&self, what: &str) -> Result<()> {
        let since = Instant::now();
        loop {
            match self.cql(&format!("DROP {}", what.replacen(' ', " IF EXISTS ", 1))).await {
                Err(error) if since.elapsed() > BEGINS => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
                Ok(_) => return Ok(()),
            }
        }
    }

    /// The first cell of the first row, as text.
    pub async fn cell(&self, text: &str) -> Result<String> {
        let rows = self.cql(text).await?;
        let cell = rows.into_iter().next().and_then(|row| row.columns.into_iter().next().flatten());
        Ok(match cell {
            None => "null".into(),
            Some(CqlValue::Text(text) | CqlValue::Ascii(text)) => text,
            Some(CqlValue::Int(number)) => number.to_string(),
            Some(CqlValue::BigInt(number)) => number.to_string(),
            Some(CqlValue::Boolean(value)) => value.to_string(),
            Some(other) => format!("{other:?}"),
        })
    }
}

/// Microseconds since 1970.
pub fn micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_micros()).expect("before the year 200000")
}

/// What a command of `mooring-server mirror` said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub error: String,
}

impl Said {
    pub fn json(&self) -> Result<Json> {
        ensure!(self.code == 0 || self.code == 3, "exit code {}: {}{}", self.code, self.out, self.error);
        serde_json::from_str(&self.out).with_context(|| format!("{}{}", self.out, self.error))
    }
}

/// What stands behind an option of the stage's server.
pub fn option<'s>(stage: &'s Stage, name: &str) -> Result<&'s str> {
    let value = stage.store.iter().skip_while(|word| *word != name).nth(1);
    value.map(String::as_str).with_context(|| format!("the server has no {name}"))
}

/// `mooring-server mirror ...` on the store of a stage.
pub async fn mirror(stage: &Stage, words: &[String]) -> Result<Said> {
    let place = stage.store.iter().take_while(|word| *word != "--workspaces-in-a-row");
    let mut command = Command::new(mooring_tests::server::program()?);
    command.envs(stage.environment.iter().cloned());
    command.arg("mirror").args(words).args(place).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await?;
    Ok(Said {
        code: output.status.code().context("it was killed")?,
        out: String::from_utf8(output.stdout)?,
        error: String::from_utf8(output.stderr)?,
    })
}
