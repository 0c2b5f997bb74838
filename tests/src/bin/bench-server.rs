//! `./x bench server`: what one server does with many records and many devices. The server is a process of its own; the devices
//! are bare connections in this one, on the same machine, and take their part of its cores.
//!
//! `RECORDS`, `EDITS`, `CLIENTS`, `SETTLE_S` and `CASSANDRA_RECORDS` make runs shorter; `CASSANDRA=0` leaves that out, and
//! `MOORING_TEST_CASSANDRA=HOST:PORT` takes a node that runs already.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use flate2::read::GzDecoder;
use mooring_tests::Server;
use mooring_tests::load::bare::Bare;
use mooring_tests::load::{Line, Person, Team, Writer, figure, memory, pull, spread};
use serde_json::{Value, json};
use sync_protocol::WorkspaceId;
use sync_server::store::cassandra::{CassandraOptions, CassandraStore};
use sync_server::store::sled::SledStore;
use tokio::task::JoinSet;
use tokio::time::sleep;
use xtask::cassandra::Node;

/// Replicas that push at once, and changes of each push.
const REPLICAS: i64 = 8;
const PUSH: i64 = 1_000;
/// Partitions of the workspace that they push to.
const PARTITIONS: u16 = 32;
/// Clients of one workspace, where all of them wait in many; and of one person, who may have 64.
const CLIENTS_PER_WORKSPACE: usize = 20;
const CLIENTS_PER_PERSON: usize = 60;
/// Edits of which the way to a waiting client is timed, and pulls that are timed.
const TIMED: i64 = 200;
/// Records that are edited all the time in the partition that has aged.
const AGED: i64 = 1_000;

type Figures = BTreeMap<String, Value>;

#[tokio::main]
async fn main() -> Result<()> {
    let mut figures = Figures::new();
    let cores = std::thread::available_parallelism()?.get();
    figures.insert("cores".into(), json!(cores));
    figures.insert(
        "ran".into(),
        json!("the embedded store: burst, snapshot, wake, aged partition, clients that wait"),
    );
    burst(&mut figures).await?;
    aged(&mut figures).await?;
    crowd(&mut figures).await?;
    if option("CASSANDRA", 1)? != 0 {
        cassandra(&mut figures).await?;
        figures.insert(
            "ran".into(),
            json!("all on the embedded store, then one node of Cassandra on this machine"),
        );
    }
    let text = serde_json::to_string_pretty(&figures)?;
    match std::env::var_os("MOORING_BENCH_JSON") {
        Some(out) => std::fs::write(out, text)?,
        None => println!("{text}"),
    }
    Ok(())
}

/// A number of the environment.
fn option(name: &str, usual: i64) -> Result<i64> {
    std::env::var(name).map_or(Ok(usual), |text| text.parse().with_context(|| format!("{name} is no number")))
}

fn note(figures: &mut Figures, name: &str, value: Value) {
    println!("{name}: {value}");
    figures.insert(name.into(), value);
}

/// A server on that store, with its figures at the address.
fn serve(store: &[&str]) -> Result<(Server, String)> {
    let watched = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let program = mooring_tests::server::program()?;
    let mut command = Command::new(program);
    command.args(Server::line(0)).args(["--behind-proxy", "--metrics", &watched]).args(store);
    Ok((Server::run(&mut command)?, watched))
}

/// In a folder that no server has open.
fn team(folder: &Path) -> Result<Team> {
    Ok(Team::of(Arc::new(SledStore::open(folder)?)))
}

/// Many records pushed at once, what the server has in memory afterwards, all of them as a snapshot, and one edit to one
/// client that waits.
async fn burst(figures: &mut Figures) -> Result<()> {
    let records = option("RECORDS", 1_000_000)?;
    let folder = tempfile::tempdir()?;
    let (person, large, small) = {
        let team = team(folder.path())?;
        let person = team.person().await?;
        let people = std::slice::from_ref(&person);
        (person.clone(), team.workspace(PARTITIONS, people).await?, team.workspace(16, people).await?)
    };
    let data = folder.path().display().to_string();
    let (server, _) = serve(&["--data", &data])?;
    let time = pushed(&server.url, &person, large, records).await?;
    note(figures, "records", json!(records));
    note(figures, "sled_push_changes_per_s", json!((records as f64 / time.as_secs_f64()).round()));
    sleep(Duration::from_secs(option("SETTLE_S", 30)?.unsigned_abs())).await;
    note(figures, "rss_after_burst_mb", json!(memory(server.pid())? >> 20));
    let (count, time) = snapshot(&server.url, &person, large).await?;
    ensure!(count >= records.unsigned_abs(), "{count} records in the snapshot");
    note(figures, "snapshot_records_per_s", json!((count as f64 / time.as_secs_f64()).round()));
    note(figures, "rss_after_snapshot_mb", json!(memory(server.pid())? >> 20));
    note(figures, "wake_same_node_ms", wakes([&server.url, &server.url], &person, small, 16).await?);
    Ok(())
}

/// All of them, by several replicas at once.
async fn pushed(url: &str, person: &Person, workspace: WorkspaceId, records: i64) -> Result<Duration> {
    Line::to(url).await?.push(person, workspace, &Writer::default().schema()).await?;
    let start = Instant::now();
    let mut replicas = JoinSet::new();
    for replica in 0..REPLICAS {
        let (url, person, share) = (url.to_owned(), person.clone(), records / REPLICAS);
        replicas.spawn(async move {
            let (mut line, mut writer) = (Line::to(&url).await?, Writer::default());
            let (mut at, end) = (replica * share, (replica + 1) * share);
            while at < end {
                let upto = end.min(at + PUSH);
                line.push(&person, workspace, &writer.inserts(at..upto)).await?;
                at = upto;
            }
            Ok::<_, anyhow::Error>(())
        });
    }
    while let Some(ended) = replicas.join_next().await {
        ended??;
    }
    Ok(start.elapsed())
}

/// How many records a snapshot has, and how long it takes.
async fn snapshot(url: &str, person: &Person, workspace: WorkspaceId) -> Result<(u64, Duration)> {
    let (mut line, start) = (Line::to(url).await?, Instant::now());
    let mut request = json!({});
    loop {
        let (body, _) = line.post(person, workspace, "snapshot", request.to_string().as_bytes()).await?;
        let answer: Value = serde_json::from_reader(GzDecoder::new(&*body))?;
        if answer["next"].is_null() {
            return Ok((answer["done"].as_u64().context("a count")?, start.elapsed()));
        }
        request = json!({ "resume": answer["next"] });
    }
}

/// From the push of one edit through the one server until a client that waits at the other has it.
async fn wakes(urls: [&str; 2], person: &Person, workspace: WorkspaceId, partitions: u16) -> Result<Value> {
    let (mut line, mut writer) = (Line::to(urls[0]).await?, Writer::default());
    line.push(person, workspace, &writer.schema()).await?;
    line.push(person, workspace, &writer.inserts(0..1)).await?;
    let mut waiting = Line::to(urls[1]).await?;
    let mut cursor = end(&mut waiting, person, workspace, vec![0; usize::from(partitions)]).await?;
    let mut times = Vec::new();
    for round in 0..TIMED {
        let request = pull(&cursor, 25_000);
        let push = writer.edits(0..1, round);
        let told = async {
            let (body, at) = waiting.post(person, workspace, "pull", &request).await?;
            Ok::<_, anyhow::Error>((read(&body)?, at))
        };
        let pushing = async {
            // the wait has begun
            sleep(Duration::from_millis(20)).await;
            let start = Instant::now();
            line.push(person, workspace, &push).await?;
            Ok::<_, anyhow::Error>(start)
        };
        let ((answer, at), start) = tokio::try_join!(told, pushing)?;
        times.push(at - start);
        cursor = cursor_of(&answer)?;
    }
    Ok(spread(times))
}

/// An answer to a pull, compressed or not.
fn read(body: &[u8]) -> Result<Value> {
    Ok(serde_json::from_slice(body).or_else(|_| serde_json::from_reader(GzDecoder::new(body)))?)
}

fn cursor_of(answer: &Value) -> Result<Vec<u64>> {
    Ok(serde_json::from_value(answer["cursor"].clone())?)
}

/// Where the feed ends.
async fn end(line: &mut Line, who: &Person, workspace: WorkspaceId, mut at: Vec<u64>) -> Result<Vec<u64>> {
    loop {
        let (body, _) = line.post(who, workspace, "pull", &pull(&at, 0)).await?;
        let answer = read(&body)?;
        at = cursor_of(&answer)?;
        if answer["more"] == json!(false) {
            return Ok(at);
        }
    }
}

/// What the last ten entries cost where a million edits lie before them, against a new partition.
async fn aged(figures: &mut Figures) -> Result<()> {
    let edits = option("EDITS", 1_000_000)?;
    let folder = tempfile::tempdir()?;
    let (person, old, new) = {
        let team = team(folder.path())?;
        let person = team.person().await?;
        let people = std::slice::from_ref(&person);
        (person.clone(), team.workspace(1, people).await?, team.workspace(1, people).await?)
    };
    let (server, _) = serve(&["--data", &folder.path().display().to_string()])?;
    let mut line = Line::to(&server.url).await?;
    let mut writers = [Writer::default(), Writer::default()];
    for (writer, workspace) in writers.iter_mut().zip([old, new]) {
        line.push(&person, workspace, &writer.schema()).await?;
        line.push(&person, workspace, &writer.inserts(0..AGED)).await?;
    }
    for round in 0..edits / AGED {
        line.push(&person, old, &writers[0].edits(0..AGED, round)).await?;
    }
    let mut times = [Vec::new(), Vec::new()];
    let head = |rounds: i64| (AGED * (rounds + 1) + 6).unsigned_abs();
    for _ in 0..TIMED {
        for ((workspace, head), times) in
            [(old, head(edits / AGED)), (new, head(0))].into_iter().zip(&mut times)
        {
            let start = Instant::now();
            line.post(&person, workspace, "pull", &pull(&[head - 10], 0)).await?;
            times.push(start.elapsed());
        }
    }
    let [old, new] = times.map(|times| spread(times)["p50"].as_f64().unwrap_or_default());
    note(figures, "edits", json!(edits));
    note(figures, "aged_pull_ratio", json!(old / new));
    Ok(())
}

/// Thousands who wait: in many workspaces with nothing to say, then in one with one piece of news for all.
async fn crowd(figures: &mut Figures) -> Result<()> {
    let clients = usize::try_from(option("CLIENTS", 10_000)?)?;
    let folder = tempfile::tempdir()?;
    let mut people = Vec::new();
    let mut places = Vec::new();
    let one = {
        let team = team(folder.path())?;
        for _ in 0..clients.div_ceil(CLIENTS_PER_PERSON) {
            people.push(team.person().await?);
        }
        for first in (0..clients).step_by(CLIENTS_PER_WORKSPACE) {
            let all = first / CLIENTS_PER_PERSON..=(first + CLIENTS_PER_WORKSPACE - 1) / CLIENTS_PER_PERSON;
            let members = &people[*all.start()..(*all.end() + 1).min(people.len())];
            places.push(team.workspace(16, members).await?);
        }
        team.workspace(16, &people).await?
    };
    let who = |n: usize| people[n / CLIENTS_PER_PERSON].clone();
    let (server, watched) = serve(&["--data", &folder.path().display().to_string()])?;
    let mut writer = Writer::default();
    let mut line = Line::to(&server.url).await?;
    line.push(&people[0], one, &writer.schema()).await?;
    let before = memory(server.pid())?;
    let waits = (0..clients).map(|n| (who(n), places[n / CLIENTS_PER_WORKSPACE], vec![0; 16])).collect();
    let mut waiting = wait(&server.url, waits);
    arrived(&watched, &mut waiting, clients).await?;
    let bytes = memory(server.pid())?.saturating_sub(before) / clients as u64;
    note(figures, "clients", json!(clients));
    note(figures, "bytes_per_waiting_client", json!(bytes));
    note(figures, "rss_with_clients_mb", json!(memory(server.pid())? >> 20));
    // more than one wait of each
    const IDLE: Duration = Duration::from_secs(30);
    if let Some(reads) = figure(&watched, READS).await? {
        sleep(IDLE).await;
        let reads = figure(&watched, READS).await?.context("the count is still there")? - reads;
        note(figures, "idle_reads_per_s", json!(reads as f64 / IDLE.as_secs_f64()));
    }
    waiting.shutdown().await;
    let at = end(&mut line, &people[0], one, vec![0; 16]).await?;
    let mut waiting = wait(&server.url, (0..clients).map(|n| (who(n), one, at.clone())).collect());
    arrived(&watched, &mut waiting, clients).await?;
    let reads = figure(&watched, READS).await?;
    let start = Instant::now();
    line.push(&people[0], one, &writer.inserts(0..1)).await?;
    let pushed = start.elapsed();
    let mut times = Vec::new();
    while times.len() < clients {
        times.push(waiting.join_next().await.context("all of them are told")??? - start);
    }
    note(figures, "news_push_ms", json!(pushed.as_millis()));
    note(figures, "news_client_ms", spread(times.clone()));
    note(figures, "news_last_client_ms", json!(times.iter().max().map(Duration::as_millis)));
    if let (Some(before), Some(after)) = (reads, figure(&watched, READS).await?) {
        note(figures, "news_reads", json!(after - before));
    }
    note(figures, "rss_after_news_mb", json!(memory(server.pid())? >> 20));
    Ok(())
}

/// The same pushes on a node of Cassandra beside what that does by itself, and one edit to a client of another server.
async fn cassandra(figures: &mut Figures) -> Result<()> {
    let records = option("CASSANDRA_RECORDS", 200_000)?;
    let folder = tempfile::tempdir()?;
    let (node, _running) = Node::for_suite(folder.path(), Ipv4Addr::new(127, 0, 57, 1))?;
    note(figures, "cassandra_records", json!(records));
    let bare = Bare::on(&node).await?;
    let [inserts, reads] = bare.plain(records).await?;
    note(figures, "plain_inserts_per_s", json!(inserts.round()));
    note(figures, "bare_paged_read_records_per_s", json!(reads.round()));
    note(figures, "bare_lwt_changes_per_s", json!(bare.conditional(records).await?.round()));
    bare.end().await?;
    let keyspace = format!("bench_{:x}", std::process::id());
    let options =
        CassandraOptions { keyspace: keyspace.clone(), ..CassandraOptions::new(vec![node.clone()]) };
    let team = Team::of(Arc::new(CassandraStore::connect(options).await?));
    let person = team.person().await?;
    let people = std::slice::from_ref(&person);
    let (large, small) = (team.workspace(PARTITIONS, people).await?, team.workspace(16, people).await?);
    let store = ["--cassandra", &node, "--keyspace", &keyspace];
    let ((one, _), (other, _)) = (serve(&store)?, serve(&store)?);
    let time = pushed(&one.url, &person, large, records).await?;
    note(figures, "push_changes_per_s", json!((records as f64 / time.as_secs_f64()).round()));
    let (count, time) = snapshot(&one.url, &person, large).await?;
    note(figures, "cassandra_snapshot_records_per_s", json!((count as f64 / time.as_secs_f64()).round()));
    note(figures, "wake_other_node_ms", wakes([&one.url, &other.url], &person, small, 16).await?);
    Ok(())
}

/// The server's own count of what it reads.
const READS: &str = "mooring_store_reads_total";

/// Until all of them wait, but for those that come again just now; nobody may have been told of anything.
async fn arrived(watched: &str, waiting: &mut JoinSet<Result<Instant>>, clients: usize) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(180);
    loop {
        if let Some(ended) = waiting.try_join_next() {
            bail!("a client waits no more: {:?}", ended?);
        }
        let there = figure(watched, "mooring_pulls").await?.context("a server that tells of its pulls")?;
        if there >= (clients - clients / 50) as u64 {
            return Ok(());
        }
        ensure!(Instant::now() < until, "{there} of {clients} clients wait");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Clients that wait from there on, again and again while nothing happens; each gives when it was told of something.
fn wait(url: &str, who: Vec<(Person, WorkspaceId, Vec<u64>)>) -> JoinSet<Result<Instant>> {
    let mut waiting = JoinSet::new();
    for (person, workspace, at) in who {
        let url = url.to_owned();
        waiting.spawn(async move {
            let mut line = Line::to(&url).await?;
            let request = pull(&at, 25_000);
            loop {
                let asked = Instant::now();
                let (_, told) = line.post(&person, workspace, "pull", &request).await?;
                // nobody looks inside: an answer before the wait's end is news
                if told - asked < Duration::from_secs(24) {
                    return Ok(told);
                }
            }
        });
    }
    waiting
}
