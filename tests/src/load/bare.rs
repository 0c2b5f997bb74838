//! What the database does by itself: what the server's figures on Cassandra are held against.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use futures::stream::{self, StreamExt, TryStreamExt};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::{Consistency, SerialConsistency, Statement};
use uuid::Uuid;

/// Inserts that are in flight at once.
const IN_FLIGHT: usize = 256;
/// Partitions that conditional batches go to at once, and records of each batch: what a server does at most.
const LANES: i32 = 32;
const BATCH: i64 = 100;
/// Rows of a page that is read.
const PAGE: i32 = 5_000;

/// A keyspace of its own on a node, gone with [`Bare::end`].
pub struct Bare {
    session: Arc<Session>,
    keyspace: String,
    body: String,
}

impl Bare {
    /// On that node, with a table like the server's.
    pub async fn on(node: &str) -> Result<Self> {
        let session = Arc::new(SessionBuilder::new().known_node(node).build().await?);
        let keyspace = format!("bare_{:x}", std::process::id());
        for cql in [
            format!(
                "CREATE KEYSPACE {keyspace} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}"
            ),
            format!(
                "CREATE TABLE {keyspace}.rows (workspace uuid, partition int, kind text, key text, step bigint static, body text, \
                 PRIMARY KEY ((workspace, partition), kind, key))"
            ),
        ] {
            session.query_unpaged(cql, ()).await?;
        }
        Ok(Self { session, keyspace, body: "x".repeat(300) })
    }

    /// Rows a second, each inserted by itself without a condition; then rows a second that pages of a partition bring.
    pub async fn plain(&self, rows: i64) -> Result<[f64; 2]> {
        let workspace = Uuid::now_v7();
        let insert = format!(
            "INSERT INTO {}.rows (workspace, partition, kind, key, body) VALUES (?, ?, 'record', ?, ?)",
            self.keyspace
        );
        let insert = self.session.prepare(insert).await?;
        let start = Instant::now();
        stream::iter(0..rows)
            .map(|n| {
                let (session, insert, body) = (Arc::clone(&self.session), insert.clone(), &self.body);
                async move {
                    let partition = i32::try_from(n % i64::from(LANES))?;
                    session
                        .execute_unpaged(&insert, (workspace, partition, format!("airports/{n}"), body))
                        .await?;
                    Ok::<_, anyhow::Error>(())
                }
            })
            .buffer_unordered(IN_FLIGHT)
            .try_collect::<()>()
            .await?;
        let inserts = rows as f64 / start.elapsed().as_secs_f64();
        let (mut read, start) = (0_i64, Instant::now());
        for partition in 0..LANES {
            let cql = format!(
                "SELECT key, body FROM {}.rows WHERE workspace = ? AND partition = ? AND kind = 'record'",
                self.keyspace
            );
            let all = Statement::new(cql).with_page_size(PAGE);
            let mut pages = self
                .session
                .query_iter(all, (workspace, partition))
                .await?
                .rows_stream::<(String, String)>()?;
            while pages.try_next().await?.is_some() {
                read += 1;
            }
        }
        ensure!(read == rows, "{read} of {rows} rows were read");
        Ok([inserts, rows as f64 / start.elapsed().as_secs_f64()])
    }

    /// Records a second in conditional batches, one after the other in each of some partitions.
    pub async fn conditional(&self, rows: i64) -> Result<f64> {
        let workspace = Uuid::now_v7();
        let place = "workspace = ? AND partition = ?";
        let step = format!("UPDATE {}.rows SET step = ? WHERE {place} IF step = ?", self.keyspace);
        let put = format!(
            "INSERT INTO {}.rows (workspace, partition, kind, key, body) VALUES (?, ?, ?, ?, ?)",
            self.keyspace
        );
        let (step, put) = (self.session.prepare(step).await?, self.session.prepare(put).await?);
        let batches = rows / i64::from(LANES) / BATCH;
        let start = Instant::now();
        let lane = async |partition: i32| {
            for n in 0..batches {
                let mut batch = Batch::new(BatchType::Unlogged);
                batch.set_consistency(Consistency::Quorum);
                batch.set_serial_consistency(Some(SerialConsistency::Serial));
                batch.append_statement(step.clone());
                (0..=BATCH).for_each(|_| batch.append_statement(put.clone()));
                let row =
                    |kind: &str, key: String| (workspace, partition, kind.to_owned(), key, self.body.clone());
                let mut values: Vec<Box<dyn scylla::serialize::row::SerializeRow>> =
                    vec![Box::new((n + 1, workspace, partition, (n > 0).then_some(n)))];
                values.extend((0..BATCH).map(|k| Box::new(row("record", format!("airports/{n}-{k}"))) as _));
                values.push(Box::new((
                    workspace,
                    partition,
                    "feed",
                    format!("{n:020}"),
                    self.body.repeat(100),
                )));
                self.session.batch(&batch, values.as_slice()).await?;
            }
            Ok::<_, anyhow::Error>(())
        };
        futures::future::try_join_all((0..LANES).map(lane)).await?;
        Ok((batches * i64::from(LANES) * BATCH) as f64 / start.elapsed().as_secs_f64())
    }

    /// Takes the keyspace away.
    pub async fn end(self) -> Result<()> {
        self.session.query_unpaged(format!("DROP KEYSPACE {}", self.keyspace), ()).await?;
        Ok(())
    }
}
