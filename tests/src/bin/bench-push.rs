//! `./x bench push`: how long a device that was offline needs until the server has acknowledged all that it made, and how that
//! grows with what waits. Two embedded engines on sled, a real server on sled, all on this machine. Then single edits: how many
//! awaited inserts a second, and how long until another device has one.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::StreamExt;
use mooring_tests::crew::{add, crew, edit, person};
use mooring_tests::{Client, Server, on_a_local_set};
use serde_json::json;
use sync_client::api::{Answer, Command, Event};
use sync_client::engine::Engine;
use sync_client::native::NativeDevice;
use sync_client::status::Phase;

/// Edits of which the time to the other device is taken.
const EDITS: usize = 200;
/// Awaited inserts.
const INSERTS: i64 = 300;

fn main() {
    let wanted: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let sizes = if wanted.is_empty() { vec![10_000, 100_000] } else { wanted };
    on_a_local_set(async move {
        let mut figures = BTreeMap::new();
        for size in &sizes {
            let seconds = pushed(*size).await?.as_secs_f64();
            println!("push of {size}: {seconds:.2} s");
            figures.insert(format!("push_{size}_s"), json!(seconds));
        }
        let (a_second, mut ms) = singles().await?;
        ms.sort_by(f64::total_cmp);
        let at = |part: usize| ms[ms.len() * part / 100];
        println!(
            "awaited inserts: {a_second:.0}/s; edit to the other device: p50 {:.1} ms, p95 {:.1} ms",
            at(50),
            at(95)
        );
        figures.insert("inserts_per_s".into(), json!(a_second));
        figures.insert("edit_to_other_p50_ms".into(), json!(at(50)));
        figures.insert("edit_to_other_p95_ms".into(), json!(at(95)));
        if let Some(out) = std::env::var_os("MOORING_BENCH_JSON") {
            std::fs::write(out, serde_json::to_string_pretty(&figures)?)?;
        }
        Ok(())
    });
}

fn server(dir: &Path) -> Result<Server> {
    Server::start(&["--data", &dir.join("server").display().to_string()], 0)
}

/// From the moment when the network is there until nothing is unsent.
async fn pushed(size: usize) -> Result<Duration> {
    let dir = tempfile::tempdir()?;
    let server = server(dir.path())?;
    let a = Client::start(&dir.path().join("a"), "Deck tablet")?;
    a.join(&server.url).await?;
    a.synced().await?;
    let port = server.port()?;
    server.kill()?;
    a.ask(Command::Network { online: false }).await?;
    let mut text = String::from("key,name,phone,town,note\n");
    for n in 0..size {
        writeln!(
            text,
            "P{n},Person {n},+44 20 {n:07},Town {},{}",
            n % 97,
            "a note of usual length ".repeat(8)
        )?;
    }
    let preview = a.ask(Command::Preview { name: "People.csv".into(), text, plan: None }).await?;
    let Answer::Preview(preview) = preview else { bail!("no preview: {preview:?}") };
    a.ask(Command::Import { plan: preview.plan }).await?;
    let server = Server::start(&["--data", &dir.path().join("server").display().to_string()], port)?;
    let start = Instant::now();
    a.ask(Command::Network { online: true }).await?;
    loop {
        let status = a.status().await?;
        if status.pending == 0 && status.phase == Phase::Idle {
            break;
        }
        if start.elapsed() > Duration::from_secs(1_800) {
            bail!("not pushed within half an hour: {status:?}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let took = start.elapsed();
    a.stop().await;
    drop(server);
    Ok(took)
}

/// Awaited inserts a second, and the times until the other device says that something changed, in milliseconds.
async fn singles() -> Result<(f64, Vec<f64>)> {
    let dir = tempfile::tempdir()?;
    let server = server(dir.path())?;
    let a = Client::start(&dir.path().join("a"), "Deck tablet")?;
    a.join(&server.url).await?;
    crew(&a).await?;
    let start = Instant::now();
    for n in 0..INSERTS {
        add(&a, n, "Jane Doe").await?;
    }
    let a_second = INSERTS as f64 / start.elapsed().as_secs_f64();
    a.synced().await?;
    let (handle, mut events, run) =
        Engine::start(NativeDevice::open(&dir.path().join("b"), "Office desktop", "embedded")?);
    let engine = tokio::task::spawn_local(run);
    handle.call(Command::Connect { server: server.url.clone() }).await?;
    let Answer::Session(session) = handle.call(Command::SignInDemo).await? else { bail!("no session") };
    let workspace = session.workspaces.first().context("the sample user has no workspace")?.id;
    handle.call(Command::Open { workspace }).await?;
    loop {
        let Answer::Status(status) = handle.call(Command::Status).await? else { bail!("no status") };
        if status.verified && status.phase == Phase::Idle {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    a.synced().await?;
    let id = person(1);
    let mut saw = "Jane Doe".to_owned();
    let mut times = Vec::new();
    for n in 0..EDITS {
        while futures::FutureExt::now_or_never(events.next()).is_some() {}
        let want = format!("Jane Doe {n}");
        let start = Instant::now();
        edit(&a, &id, "name", &saw, &want).await?;
        loop {
            match events.next().await.context("the other device has stopped")? {
                Event::Changed { collections } if collections.contains(&id.collection) => break,
                _ => {}
            }
        }
        times.push(start.elapsed().as_secs_f64() * 1_000.0);
        saw = want;
        // both are quiet again before the next one
        a.synced().await?;
    }
    engine.abort();
    a.stop().await;
    Ok((a_second, times))
}
