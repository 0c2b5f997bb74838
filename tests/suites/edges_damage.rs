//! Records on a device that were damaged, or written by a newer program.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use mooring_tests::crew::{add, crew, edit, names, person, value};
use mooring_tests::disk::tree;
use mooring_tests::{Client, Server, on_a_local_set};
use sync_client::api::{Answer, Command, FailureKind, Unsent};

const NOTICE: &str = "The records kept on this device were damaged. They were set aside, and everything is fetched again from the server. What you had not sent yet is kept.";
const NEWER: &str = "The records on this device were saved by a newer version of Mooring (2; this one knows 1). Update Mooring; nothing was changed.";
/// Records that are on the server and on the device before the damage.
const BEFORE: i64 = 60;

/// A device with records that are sent and three changes that are not, the server stopped. What the server has taken
/// and the feed has not brought yet counts as unsent after a restart: it is asked again.
struct Scene {
    dir: tempfile::TempDir,
    data: String,
    port: u16,
}

impl Scene {
    async fn set() -> Result<(Self, Client)> {
        let dir = tempfile::tempdir()?;
        let data = dir.path().join("data").display().to_string();
        let server = Server::start(&["--data", &data], 0)?;
        let a = Client::start(&dir.path().join("a"), "Deck tablet")?;
        a.join(&server.url).await?;
        crew(&a).await?;
        for key in 1..=BEFORE {
            add(&a, key, &format!("Person {key} of the crew")).await?;
        }
        a.synced().await?;
        let port = server.port()?;
        server.kill()?;
        add(&a, BEFORE + 1, "unsent").await?;
        edit(&a, &person(1), "name", "Person 1 of the crew", "unsent, too").await?;
        edit(&a, &person(1), "phone", "1", "2").await?;
        Ok((Self { dir, data, port }, a))
    }

    /// The folder of the one workspace.
    fn store(&self) -> Result<PathBuf> {
        let mut all = std::fs::read_dir(self.dir.path().join("a/workspaces"))?;
        Ok(all.next().context("a workspace")??.path())
    }

    /// Everything is there again, here and on another device, and each change once.
    async fn heals(&self, a: &Client) -> Result<()> {
        let server = Server::start(&["--data", &self.data], self.port)?;
        a.ask(Command::Network { online: true }).await?;
        a.until_pill("Synced and verified").await?;
        let mut wanted: BTreeMap<String, String> =
            (1..=BEFORE).map(|key| (key.to_string(), format!("Person {key} of the crew"))).collect();
        wanted.insert("1".into(), "unsent, too".into());
        wanted.insert((BEFORE + 1).to_string(), "unsent".into());
        let b = Client::start(&self.dir.path().join("b"), "Office desktop")?;
        b.join(&server.url).await?;
        b.until_pill("Synced and verified").await?;
        for client in [a, &b] {
            assert_eq!((names(client).await?, client.status().await?.review()), (wanted.clone(), 0));
            assert_eq!(value(client, &person(1), "phone").await?.as_deref(), Some("2"));
        }
        Ok(())
    }
}

/// What becomes of the records.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    /// sled goes back to before the damage in its log by itself; the feed is read once more from there.
    GoBack,
    /// Nothing was left: begun anew, and told.
    BeginAnew,
    /// Set aside, begun anew, and told.
    SetAside,
}

type Damage = (&'static str, Fate, fn(&Path) -> Result<()>);

#[test]
fn damaged_records_are_set_aside_and_nothing_unsent_is_lost() {
    let kinds: [Damage; 5] = [
        ("cut short", Fate::GoBack, |records| change(records, |bytes| bytes.truncate(bytes.len() / 3))),
        ("flipped bits of what is unsent", Fate::GoBack, |records| {
            change(records, |bytes| {
                while let Some(at) = bytes.windows(6).position(|w| w == b"unsent") {
                    bytes[at] ^= 1;
                }
            })
        }),
        ("cut to nothing", Fate::BeginAnew, |records| change(records, Vec::clear)),
        ("flipped bytes everywhere", Fate::SetAside, |records| {
            change(records, |bytes| bytes.iter_mut().skip(40).step_by(97).for_each(|b| *b ^= 0x55))
        }),
        ("gone", Fate::BeginAnew, |records| Ok(std::fs::remove_dir_all(records)?)),
    ];
    on_a_local_set(async {
        for (what, fate, damage) in kinds {
            let (scene, a) = Scene::set().await?;
            a.stop().await;
            let store = scene.store()?;
            damage(&store.join("records")).context(what)?;
            let a = Client::start(&scene.dir.path().join("a"), "Deck tablet")?;
            let status = a.status().await?;
            assert_eq!(status.notice.as_deref(), (fate != Fate::GoBack).then_some(NOTICE), "{what}");
            ensure!(status.pending >= 3, "{what}: the journal has what is unsent: {status:?}");
            assert_eq!(value(&a, &person(BEFORE + 1), "name").await?.as_deref(), Some("unsent"), "{what}");
            // as sled left it: it writes to what it gives up on
            let kept = std::fs::metadata(store.join("records.damaged-1/db"));
            assert_eq!(kept.is_ok_and(|db| db.len() > 0), fate == Fate::SetAside, "{what}: kept for a look");
            scene.heals(&a).await.context(what)?;
            let a = a.restart().await?;
            assert_eq!(a.status().await?.notice, None, "{what}: told once");
        }
        Ok(())
    });
}

/// A row whose checksum does not fit shows only when it is read: the program goes on by itself.
#[test]
fn damage_that_shows_while_the_program_runs_is_mended_by_the_program() {
    on_a_local_set(async {
        let (scene, a) = Scene::set().await?;
        a.stop().await;
        let db = sled::open(scene.store()?.join("records"))?;
        // one of the first: the feed has surely brought it, so that it is among the records
        let name = b"Person 2 of the crew";
        let (key, row) = db
            .scan_prefix("r")
            .filter_map(Result::ok)
            .find(|(_, row)| row.windows(name.len()).any(|w| w == name))
            .context("the row of a record")?;
        let mut torn = row.to_vec();
        torn[20] ^= 1;
        db.insert(key, torn)?;
        db.flush()?;
        drop(db);
        let a = Client::start(&scene.dir.path().join("a"), "Deck tablet")?;
        assert_eq!(a.status().await?.notice, None, "nobody has looked at it yet");
        let failure = a.rows("crew").await.err().context("a damaged record is not shown")?;
        ensure!(failure.to_string().contains("cannot be read"), "{failure}");
        let status = a.until("told", |status| status.notice.is_some()).await?;
        assert_eq!(status.notice.as_deref(), Some(NOTICE));
        ensure!(status.pending >= 3, "{status:?}");
        ensure!(scene.store()?.join("records.damaged-1").is_dir(), "kept for a look");
        scene.heals(&a).await
    });
}

/// Where both copies of what is unsent are damaged, what can be read is kept, and nobody is told that nothing was lost.
#[test]
fn a_damaged_line_within_the_journal_is_told_where_it_is_all_that_is_left() {
    on_a_local_set(async {
        for all_that_is_left in [false, true] {
            let (scene, a) = Scene::set().await?;
            a.stop().await;
            let store = scene.store()?;
            let journal = store.join("unsent.journal");
            let mut bytes = std::fs::read(&journal)?;
            let at = bytes
                .windows(8)
                .position(|w| w == b"\"unsent\"")
                .context("the first of the unsent changes")?;
            bytes[at + 1] ^= 1;
            std::fs::write(&journal, &bytes)?;
            if all_that_is_left {
                std::fs::remove_dir_all(store.join("records"))?;
            }
            let a = Client::start(&scene.dir.path().join("a"), "Deck tablet")?;
            let status = a.status().await?;
            let told = status.notice.as_deref().is_some_and(|n| n.contains("could not be read any more"));
            assert_eq!(told, all_that_is_left, "{status:?}");
            let Answer::Text(kept) = a.ask(Command::ExportUnsent).await? else { bail!("no text") };
            ensure!(kept.contains("unsent, too"), "what came after it is kept: {kept}");
            let name = value(&a, &person(BEFORE + 1), "name").await?;
            assert_eq!(name.as_deref(), (!all_that_is_left).then_some("unsent"));
            assert_eq!(store.join("unsent.journal.damaged").is_file(), all_that_is_left, "kept for a look");
        }
        Ok(())
    });
}

/// Nobody else on the machine looks into a device's folder, also where an earlier version let them.
#[cfg(unix)]
#[test]
fn the_folder_of_a_device_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    on_a_local_set(async {
        let (scene, a) = Scene::set().await?;
        let folder = scene.dir.path().join("a");
        let mode =
            |path: &Path| Ok::<_, std::io::Error>(std::fs::metadata(path)?.permissions().mode() & 0o777);
        assert_eq!(mode(&folder)?, 0o700);
        assert_eq!(mode(&folder.join("session.json"))?, 0o600);
        assert_eq!(mode(&scene.store()?)?, 0o700);
        a.stop().await;
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755))?;
        let _a = Client::start(&folder, "Deck tablet")?;
        assert_eq!(mode(&folder)?, 0o700, "closed by the next start");
        Ok(())
    });
}

#[test]
fn records_of_a_newer_program_are_left_alone() {
    on_a_local_set(async {
        let (scene, a) = Scene::set().await?;
        a.stop().await;
        let journal = scene.store()?.join("unsent.journal");
        let whole = std::fs::read(&journal)?;
        let json = br#"{"version":2,"counter":0,"what":"only a newer program knows"}"#;
        let line = format!("{} {:016x} ", json.len(), xxhash_rust::xxh3::xxh3_64(json));
        let mut file = std::fs::File::options().append(true).open(&journal)?;
        file.write_all(&[line.as_bytes(), json, b"\n"].concat())?;
        drop(file);
        let before = tree(&scene.store()?)?;
        for _ in 0..2 {
            let a = Client::start(&scene.dir.path().join("a"), "Deck tablet")?;
            let failure =
                a.ask(Command::Collections).await.err().context("nothing is answered from such records")?;
            assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Storage, NEWER));
            // it is that workspace's trouble: the device says who is signed in, and what is the matter
            let Answer::Session(session) = a.ask(Command::Session).await? else { bail!("no session") };
            assert_eq!((session.workspaces.len(), session.open), (1, None));
            let status = a.status().await?;
            assert_eq!(
                (status.problem.as_deref(), status.pill().text.as_str()),
                (Some(NEWER), "Problem: see details")
            );
            // nobody throws away by signing out what cannot be counted
            let asked = a.ask(Command::SignOut { unsent: Unsent::Ask }).await.err().context("asked")?;
            assert_eq!(asked.kind, FailureKind::Unsent);
            ensure!(asked.message.contains(NEWER), "{asked}");
            a.stop().await;
        }
        assert_eq!(tree(&scene.store()?)?, before, "nothing was touched");
        // what the newer program can read, it reads
        std::fs::write(&journal, whole)?;
        let a = Client::start(&scene.dir.path().join("a"), "Deck tablet")?;
        let status = a.status().await?;
        ensure!(status.pending >= 3 && status.notice.is_none(), "{status:?}");
        scene.heals(&a).await
    });
}

/// Changes the file that holds the records.
fn change(records: &Path, damage: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
    let file = records.join("db");
    let mut bytes = std::fs::read(&file)?;
    let before = bytes.clone();
    damage(&mut bytes);
    if bytes == before {
        bail!("there is no damage");
    }
    Ok(std::fs::write(&file, bytes)?)
}
