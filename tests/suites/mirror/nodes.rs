//! What happens to the database itself while a table is mirrored: a node that asks who is there and takes rights away, is
//! killed and begun again, hangs, or forgets what was deleted.

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::{StreamExt, TryStreamExt, stream};
use xtask::cassandra::{CommitLog, Node, Place, free_port};

use crate::outside::Outside;
use crate::play::{Play, until};
use crate::stage::{Kind, Stage, keyspace_of};
use crate::table::{Scenario, fields};

/// An address of its own, so that no other node on this machine is in the way.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 42, 2);
const SETTINGS: &str = "authenticator: PasswordAuthenticator
authorizer: CassandraAuthorizer
permissions_validity: 0ms
roles_validity: 0ms";
/// The user that a database of its own rights begins with, and the server's.
const ROOT: (&str, &str) = ("cassandra", "cassandra");
const ACCOUNT: (&str, &str) = ("mooring", "seven-herons-7");
const STAGE: &str = "nodes";
/// Programs' rows at a time.
const AT_ONCE: usize = 20;
/// From here on rows are written for no other reason than to have files.
const MARKS: u32 = 1_000_000;

/// Plays the scenarios one after the other, on a node of their own.
pub async fn scenarios(folder: &Path, all: &[Scenario], options: &[&str]) -> Result<Vec<Option<String>>> {
    let (port, mut storage_port) = (free_port(ADDRESS)?, free_port(ADDRESS)?);
    while storage_port == port {
        storage_port = free_port(ADDRESS)?;
    }
    let place = Place {
        dir: folder.to_owned(),
        ip: ADDRESS,
        port,
        storage_port,
        known_as: None,
        seed: ADDRESS,
        // what was acknowledged is there after a kill
        commit_log: CommitLog::Batch,
        settings: SETTINGS.into(),
    };
    let node = Node::start_at(place)?;
    let address = node.address();
    let outside = Outside::connect_as(&address, ROOT).await?;
    let (user, password) = ACCOUNT;
    let own = keyspace_of(STAGE);
    outside.cql(&format!("CREATE ROLE {user} WITH PASSWORD = '{password}' AND LOGIN = true")).await?;
    let replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
    outside.cql(&format!("CREATE KEYSPACE {own} WITH replication = {replication}")).await?;
    // as docs/mirror.md says
    for right in ["CREATE", "ALTER", "SELECT", "MODIFY"] {
        outside.cql(&format!("GRANT {right} ON KEYSPACE {own} TO {user}")).await?;
    }
    let stage = Stage::set_as(&Kind::Cassandra(address), STAGE, options, Some(ACCOUNT)).await?;
    let node = RefCell::new(Some(node));
    let scene = crate::play::Scene { stage: &stage, outside: &outside, node: Some(&node) };
    let mut done = Vec::new();
    for (scenario, place) in all.iter().zip(20_000..) {
        done.push(crate::run(&scene, scenario, place).await);
    }
    Ok(done)
}

impl Play<'_> {
    /// `node restart`; `node hangs 15`, for so many seconds.
    pub async fn node(&self, words: &[&str]) -> Result<()> {
        let node = self.scene.node.context("the node of this scenario is everybody's")?;
        match words {
            ["restart"] => {
                let place = node.take().context("it runs")?.kill()?;
                node.replace(Some(Node::start_at(place)?));
                until(|| async { self.scene.outside.cql("SELECT key FROM system.local").await.map(drop) })
                    .await
            }
            ["hangs", seconds] => {
                let hangs = Duration::from_secs(seconds.parse()?);
                node.borrow().as_ref().context("it runs")?.pause()?;
                // nothing can be asked meanwhile: that it takes so long is what is played
                tokio::time::sleep(hangs).await;
                node.borrow().as_ref().context("it runs")?.resume()
            }
            _ => bail!("a node cannot {words:?}"),
        }
    }

    /// A program writes the rows 1 to `count`: `fill 500 name='a'`.
    pub async fn fill(&self, words: &[&str]) -> Result<()> {
        let (count, (column, value)) = (words[0].parse::<u32>()?, words[1].split_once('=').context("a=b")?);
        let inserts = (1..=count).map(|id| {
            let text = format!("INSERT INTO {} (id, {column}) VALUES ({id}, {value})", self.table);
            async move { self.scene.outside.cql(&text).await.map(drop) }
        });
        stream::iter(inserts).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// A person edits the records 1 to `count`: `A many 500 name="b"`.
    pub async fn many(&self, name: &str, words: &[&str]) -> Result<()> {
        fields(&words[1..])?;
        for id in 1..=words[0].parse::<u32>()? {
            Box::pin(self.act(name, &[&["set", &id.to_string()], &words[1..]].concat())).await?;
        }
        Ok(())
    }

    /// A row comes back that was deleted, since the delete itself is forgotten: `comes-back "INSERT ..." "SELECT ..."` writes
    /// with the old time, as a node that was away does, once no tombstone is in the way.
    pub async fn comes_back(&self, insert: &str, select: &str) -> Result<()> {
        let (keyspace, name) = self.table.split_once('.').context("keyspace.table")?;
        let merged = format!(
            "SELECT count(*) FROM system.compaction_history WHERE keyspace_name = '{keyspace}' AND columnfamily_name = '{name}' ALLOW FILTERING"
        );
        let outside = self.scene.outside;
        let mut mark = MARKS;
        let since = std::time::Instant::now();
        loop {
            let before: u32 = outside.cell(&merged).await?.parse()?;
            while outside.cell(&merged).await?.parse::<u32>()? < before + 2 {
                mark += 1;
                outside.cql(&format!("INSERT INTO {} (id) VALUES ({mark})", self.table)).await?;
                if since.elapsed() > crate::play::PATIENCE {
                    bail!("the node does not merge its files");
                }
            }
            outside.cql(insert).await?;
            if outside.cell(select).await? != "null" {
                return Ok(());
            }
        }
    }
}
