//! What happens where a disk has no room, may not be written, or belongs to another program already.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use mooring_tests::crew::{add, crew, names};
use mooring_tests::disk::{Room, Small, bound_by_permissions, tree};
use mooring_tests::{Client, Server, client, on_a_local_set, server};
use sync_client::api::{Command as Ask, FailureKind, Status};

const FULL: &str = "This device's storage is full. Nothing was saved. Free some space, then try again.";

/// The other side of [`Client::process`].
#[test]
fn engine_process() {
    client::serve_engine();
}

#[test]
fn a_device_whose_files_may_not_grow_keeps_what_it_has_and_goes_on_when_they_may() {
    on_a_local_set(async {
        let dir = tempfile::tempdir()?;
        device_without_room(dir.path(), &Room::Limit(dir.path().join("a"))).await
    });
}

#[test]
fn a_device_on_a_full_disk_keeps_what_it_has_and_goes_on_when_there_is_room() {
    on_a_local_set(async {
        let dir = tempfile::tempdir()?;
        match small(dir.path(), "a")? {
            Some(room) => device_without_room(dir.path(), &room).await,
            None => Ok(()),
        }
    });
}

#[test]
fn a_server_whose_files_may_not_grow_loses_nothing_and_goes_on_when_they_may() {
    on_a_local_set(async {
        let dir = tempfile::tempdir()?;
        server_without_room(dir.path(), &Room::Limit(dir.path().join("server"))).await
    });
}

#[test]
fn a_server_on_a_full_disk_loses_nothing_and_goes_on_when_there_is_room() {
    on_a_local_set(async {
        let dir = tempfile::tempdir()?;
        match small(dir.path(), "server")? {
            Some(room) => server_without_room(dir.path(), &room).await,
            None => Ok(()),
        }
    });
}

fn small(dir: &Path, name: &str) -> Result<Option<Room>> {
    let folder = dir.join(name);
    std::fs::create_dir(&folder)?;
    Ok(Small::make(&folder, 24)?.map(Room::Small))
}

async fn device_without_room(dir: &Path, room: &Room) -> Result<()> {
    let data = dir.join("data").display().to_string();
    let server = Server::start(&["--data", &data], 0)?;
    let a = Client::process(&room.enter(), room.folder())?;
    a.join(&server.url).await?;
    crew(&a).await?;
    let mut saved = BTreeMap::new();
    let mut key = 0;
    for _ in 0..20 {
        key += 1;
        save(&a, key, &mut saved).await?;
    }
    a.synced().await?;
    let port = server.port()?;
    server.kill()?;
    for _ in 0..5 {
        key += 1;
        save(&a, key, &mut saved).await?;
    }

    room.fill(a.pid())?;
    let mut refused = 0;
    for _ in 0..20_000 {
        key += 1;
        refused += usize::from(!save(&a, key, &mut saved).await?);
        if refused == 3 {
            break;
        }
    }
    ensure!(refused == 3, "the disk is never full");
    let status = a.status().await?;
    assert_eq!(status.pill().text, "Problem: see details");
    assert_eq!(status.problem.as_deref(), Some(FULL));
    assert_eq!(first(&a).await?, first_of(&saved), "all that was saved can be seen, and nothing else");

    // room again: it goes on by itself
    room.free(a.pid())?;
    let status = a.until("free of problems", |status| status.problem.is_none()).await?;
    assert_eq!(status.pending, saved.len() as u64 - 20, "what is unsent is what was saved");
    assert_eq!(first(&a).await?, first_of(&saved));
    key += 1;
    ensure!(save(&a, key, &mut saved).await?, "there is room");

    // full again, and the program ends there
    room.fill(a.pid())?;
    for _ in 0..20_000 {
        key += 1;
        if !save(&a, key, &mut saved).await? {
            break;
        }
    }
    a.stop().await;
    if let Room::Small(_) = room {
        let full = Client::process(&room.enter(), room.folder())?;
        let failure = full.ask(Ask::Collections).await.err().context("it cannot be opened without room")?;
        assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Storage, FULL));
        full.stop().await;
        room.free(0)?;
    }
    let a = Client::process(&room.enter(), room.folder())?;
    let server = Server::start(&["--data", &data], port)?;
    a.ask(Ask::Network { online: true }).await?;
    a.synced().await?;
    assert_eq!(a.status().await?.notice, None, "a full disk is no damage");
    let b = Client::start(&dir.join("b"), "Office desktop")?;
    b.join(&server.url).await?;
    b.synced().await?;
    let (have, there) = (count(&a).await?, count(&b).await?);
    assert_eq!(have, there);
    // of a change that was refused in the very moment of a crash nobody knows; it may be there, and is then everywhere
    ensure!((saved.len()..=saved.len() + 1).contains(&there), "{there} of {}", saved.len());
    assert_eq!(first(&b).await?, first_of(&saved));
    Ok(())
}

/// Adds a person; false where there was no room, which must be said so.
async fn save(client: &Client, key: i64, saved: &mut BTreeMap<i64, String>) -> Result<bool> {
    let name = format!("Person {key} {}", "x".repeat(1_000));
    match add(client, key, &name).await {
        Ok(_) => {
            saved.insert(key, name);
            Ok(true)
        }
        Err(failure) => {
            assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Storage, FULL));
            Ok(false)
        }
    }
}

/// The first people; a question has at most 500 rows.
async fn first(client: &Client) -> Result<Vec<(i64, String)>> {
    let names = names(client).await?;
    let mut all: Vec<(i64, String)> =
        names.into_iter().map(|(key, name)| Ok((key.parse()?, name))).collect::<Result<_>>()?;
    all.sort();
    Ok(all)
}

fn first_of(saved: &BTreeMap<i64, String>) -> Vec<(i64, String)> {
    saved.iter().take(500).map(|(key, name)| (*key, name.clone())).collect()
}

async fn count(client: &Client) -> Result<usize> {
    let query = sync_client::api::RowsQuery {
        collection: sync_protocol::CollectionId::new("crew")?,
        search: String::new(),
        sort: None,
        descending: false,
        only: None,
        offset: 0,
        limit: 1,
    };
    match client.ask(Ask::Rows(query)).await? {
        sync_client::api::Answer::Rows(rows) => Ok(rows.total),
        other => bail!("no rows: {other:?}"),
    }
}

async fn server_without_room(dir: &Path, room: &Room) -> Result<()> {
    let data = room.folder().display().to_string();
    let launch = |port| {
        let mut line = room.enter();
        line.push(server::program()?.display().to_string());
        line.extend(Server::line(port));
        line.extend(["--demo".into(), "--data".into(), data.clone()]);
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]);
        anyhow::Ok(command)
    };
    let server = Server::run(&mut launch(0)?)?;
    let port = server.port()?;
    let a = Client::start(&dir.join("tablet"), "Deck tablet")?;
    a.join(&server.url).await?;
    crew(&a).await?;
    let mut saved = BTreeMap::new();
    save(&a, 1, &mut saved).await?;
    a.synced().await?;

    let says_full = |status: &Status| {
        status.problem.as_deref().is_some_and(|problem| problem.contains("The server's disk is full."))
    };
    room.fill(server.pid())?;
    let mut key = 1;
    let mut status = a.status().await?;
    while !says_full(&status) {
        key += 1;
        ensure!(key < 20_000, "the server's disk is never full: {status:?}");
        save(&a, key, &mut saved).await?;
        status = a.status().await?;
    }
    ensure!(status.pending > 0, "what the server did not take is still to be sent");
    let status = a.until("in trouble", says_full).await?;
    assert_eq!(status.pill().text, "Problem: see details");
    assert_eq!(first(&a).await?, first_of(&saved));
    let health = reqwest_status(&server.url, "/healthz").await?;
    ensure!(health == 200 || health == 503, "{health}");

    room.free(server.pid())?;
    a.synced().await?;
    let errors = server.errors();
    ensure!(!errors.is_empty() && errors.iter().all(|line| line.contains("free some space")), "{errors:?}");

    // full again, killed there, started with room
    room.fill(server.pid())?;
    let mut status = a.status().await?;
    while !says_full(&status) {
        key += 1;
        save(&a, key, &mut saved).await?;
        status = a.status().await?;
    }
    server.errors();
    server.kill()?;
    if let Room::Small(_) = room {
        let output = launch(port)?.output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        ensure!(said.contains("the disk is full"), "{said}");
        room.free(0)?;
    }
    let server = Server::run(&mut launch(port)?)?;
    a.ask(Ask::Network { online: true }).await?;
    a.synced().await?;
    let b = Client::start(&dir.join("desktop"), "Office desktop")?;
    b.join(&server.url).await?;
    b.synced().await?;
    assert_eq!((count(&a).await?, count(&b).await?), (saved.len(), saved.len()), "each exactly once");
    assert_eq!(first(&b).await?, first_of(&saved));
    assert_eq!((a.status().await?.review(), b.status().await?.review()), (0, 0));
    Ok(())
}

async fn reqwest_status(url: &str, path: &str) -> Result<u16> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let host = url.strip_prefix("http://").context("an address")?;
    let mut stream = tokio::net::TcpStream::connect(host).await?;
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").as_bytes())
        .await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text.split(' ').nth(1).context("a status")?.parse()?)
}

#[test]
fn a_second_program_on_the_same_folder_is_told_and_the_first_goes_on() {
    on_a_local_set(async {
        let dir = tempfile::tempdir()?;
        let data = dir.path().join("data").display().to_string();
        let server = Server::start(&["--data", &data], 0)?;
        let folder = dir.path().join("a");
        let first = Client::start(&folder, "Deck tablet")?;
        first.join(&server.url).await?;
        crew(&first).await?;
        let told = "These records are open in another tab or program on this device. Close it there, then try again.";
        let in_process = Client::start(&folder, "the same program once more").err().context("one owner")?;
        assert_eq!(in_process.to_string(), told);
        let other = Client::process(&[], &folder).err().context("one owner, also among processes")?;
        assert_eq!(other.to_string(), told);
        add(&first, 1, "Ann").await?;
        first.synced().await?;
        first.stop().await;
        let other = Client::process(&[], &folder)?;
        assert_eq!(names(&other).await?, [("1".to_owned(), "Ann".to_owned())].into());
        Ok(())
    });
}

#[test]
fn a_folder_that_may_not_be_written_is_named_and_left_alone() {
    on_a_local_set(async {
        let dir = tempfile::tempdir()?;
        let data = dir.path().join("data");
        let server = Server::start(&["--data", &data.display().to_string()], 0)?;
        let folder = dir.path().join("a");
        let a = Client::start(&folder, "Deck tablet")?;
        a.join(&server.url).await?;
        crew(&a).await?;
        add(&a, 1, "Ann").await?;
        a.synced().await?;
        let port = server.port()?;
        a.stop().await;
        server.kill()?;

        let before = (tree(&folder)?, tree(&data)?);
        permit(&folder, false)?;
        permit(&data, false)?;
        let told = Client::process(&bound_by_permissions()?, &folder).err().context("it may not write")?;
        ensure!(
            told.to_string().starts_with("Mooring may not write where it keeps its records on this device ("),
            "{told}"
        );
        let mut line = bound_by_permissions()?;
        line.push(server::program()?.display().to_string());
        line.extend(Server::line(0));
        line.extend(["--data".into(), data.display().to_string()]);
        let output = Command::new(&line[0]).args(&line[1..]).output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        ensure!(said.contains("cannot be opened: the disk may not be written"), "{said}");
        permit(&folder, true)?;
        permit(&data, true)?;
        assert_eq!((tree(&folder)?, tree(&data)?), before, "nothing was touched");

        let server = Server::start(&["--data", &data.display().to_string()], port)?;
        let a = Client::start(&folder, "Deck tablet")?;
        assert_eq!(names(&a).await?, [("1".to_owned(), "Ann".to_owned())].into());
        add(&a, 2, "Bob").await?;
        a.synced().await?;
        drop(server);
        Ok(())
    });
}

/// Whether the owner may write in a folder and below.
fn permit(folder: &Path, write: bool) -> Result<()> {
    let change = if write { "u+w" } else { "a-w" };
    ensure!(Command::new("chmod").args(["-R", change]).arg(folder).status()?.success(), "chmod");
    Ok(())
}
