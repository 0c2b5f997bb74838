//! The whole path with embedded replicas on sled against a real server process: what a programmer who embeds the
//! crates relies on.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use mooring_tests::crew::{add, conflicts, crew, edit, fields, person, value, wait_value};
use mooring_tests::{Client, Server, on_a_local_set};
use sync_client::api::{Answer, Command};
use sync_protocol::{Choice, FieldName, Outcome, RecordId, RecordKey, Value};

#[test]
fn edits_merge_or_wait_for_a_person_and_nothing_is_lost() {
    on_a_local_set(async {
        let dir = tempfile::tempdir()?;
        let data = dir.path().join("server").display().to_string();
        let server = Server::start(&["--data", &data], 0)?;
        let a = Client::start(&dir.path().join("a"), "Deck tablet")?;
        let b = Client::start(&dir.path().join("b"), "Office desktop")?;
        a.join(&server.url).await?;
        crew(&a).await?;
        let john = person(1);
        a.ask(Command::Insert {
            collection: john.collection.clone(),
            key: Some(john.key.clone()),
            fields: fields(&[("name", "John Doe"), ("phone", "1")]),
        })
        .await?;
        a.synced().await?;
        b.join(&server.url).await?;
        b.synced().await?;
        assert_eq!(value(&b, &john, "name").await?.as_deref(), Some("John Doe"));

        // offline on both: different fields, then the same field
        let port = server.port()?;
        server.kill()?;
        edit(&a, &john, "name", "John Doe", "Jane Doe").await?;
        edit(&b, &john, "phone", "1", "2").await?;
        let a = a.restart().await?;
        let status = a.status().await?;
        assert_eq!(status.pending, 1, "the change outlives a crash of the program");
        let server = Server::start(&["--data", &data], port)?;
        for client in [&a, &b] {
            client.ask(Command::Network { online: true }).await?;
        }
        for client in [&a, &b] {
            client.synced().await?;
        }
        // both are synced with their own; now each has the other's
        for client in [&a, &b] {
            wait_value(client, &john, "name", "Jane Doe").await?;
            wait_value(client, &john, "phone", "2").await?;
            assert_eq!(client.status().await?.review(), 0, "different fields never need review");
        }

        server.kill()?;
        edit(&a, &john, "phone", "2", "from A").await?;
        edit(&a, &john, "phone", "from A", "from A again").await?;
        edit(&b, &john, "phone", "2", "from B").await?;
        // A is first, whoever would try first
        b.stop().await;
        let server = Server::start(&["--data", &data], port)?;
        a.ask(Command::Network { online: true }).await?;
        a.synced().await?;
        let b = Client::start(&dir.path().join("b"), "Office desktop")?;
        b.ask(Command::Network { online: true }).await?;
        b.until("in need of review", |s| s.conflicts == 1 && s.pending == 0).await?;
        a.until("in need of review", |s| s.conflicts == 1).await?;
        for client in [&a, &b] {
            let review = conflicts(client).await?;
            let conflict = review.first().context("one conflict")?;
            let sides = &conflict.conflict.fields["phone"];
            assert_eq!(sides.base, Value::from("2"));
            assert_eq!(sides.current, Value::from("from A again"));
            assert_eq!(sides.incoming, Value::from("from B"));
            assert_eq!(conflict.item.incoming.device, "Office desktop");
            assert_eq!(conflict.item.current.as_ref().map(|c| c.device.as_str()), Some("Deck tablet"));
        }

        // decided on A while the server is away, closed everywhere
        server.kill()?;
        let conflict = conflicts(&a).await?.remove(0);
        let choices = BTreeMap::from([(FieldName::new("phone")?, Choice::Incoming)]);
        a.ask(Command::Resolve {
            conflict: conflict.conflict.id,
            saw_conflict: conflict.conflict.rev,
            saw_record: conflict.record_rev,
            outcome: Outcome::Keep { choices },
        })
        .await?;
        assert_eq!(
            value(&a, &john, "phone").await?.as_deref(),
            Some("from B"),
            "the decision is seen at once"
        );
        let server = Server::start(&["--data", &data], port)?;
        for client in [&a, &b] {
            client.ask(Command::Network { online: true }).await?;
            client.until("settled", |s| s.review() == 0 && s.pending == 0).await?;
            client.synced().await?;
            wait_value(client, &john, "phone", "from B").await?;
        }
        server.kill()
    });
}

#[test]
fn a_server_killed_in_the_middle_of_pushes_loses_and_repeats_nothing() {
    on_a_local_set(async {
        let dir = tempfile::tempdir()?;
        let data = dir.path().join("server").display().to_string();
        let server = Server::start(&["--data", &data], 0)?;
        let port = server.port()?;
        let a = Client::start(&dir.path().join("a"), "Deck tablet")?;
        a.join(&server.url).await?;
        a.synced().await?;
        let rows: Vec<_> =
            (1..=6_000).map(|n| serde_json::json!({ "id": n, "name": format!("Person {n}") })).collect();
        let text = serde_json::to_string(&rows)?;
        let Answer::Preview(preview) =
            a.ask(Command::Preview { name: "Crew.json".into(), text, plan: None }).await?
        else {
            bail!("no preview")
        };
        assert_eq!((preview.rows, preview.refused_total), (6_000, 0));
        let Answer::Imported(report) = a.ask(Command::Import { plan: preview.plan }).await? else {
            bail!("no report")
        };
        assert_eq!(report.saved, 6_000);
        let mut server = server;
        for left in [4_500, 2_500, 800] {
            a.until("further on", |s| s.pending <= left).await?;
            server.kill()?;
            server = Server::start(&["--data", &data], port)?;
            a.ask(Command::Network { online: true }).await?;
        }
        a.synced().await?;
        let b = Client::start(&dir.path().join("b"), "Office desktop")?;
        b.join(&server.url).await?;
        b.synced().await?;
        let Answer::Collections(collections) = b.ask(Command::Collections).await? else {
            bail!("no collections")
        };
        let crew =
            collections.iter().find(|c| c.collection.label == "Crew").context("the collection came over")?;
        assert_eq!(crew.records, 6_000);
        let last = RecordId::new(crew.id.clone(), RecordKey::Int(6_000));
        assert_eq!(value(&b, &last, "name").await?.as_deref(), Some("Person 6000"));
        assert_eq!((a.status().await?.review(), b.status().await?.review()), (0, 0));
        server.kill()
    });
}

/// A folder is copied while its device is off, and both go on: the device, and the copy (a restored backup, a second
/// computer). Each has made changes that the other does not know, of the same records and of new ones. All of it arrives once, and
/// the person is told.
#[test]
fn a_copied_folder_goes_on_under_a_new_name_and_loses_nothing() {
    on_a_local_set(async {
        let dir = tempfile::tempdir()?;
        let data = dir.path().join("server").display().to_string();
        let server = Server::start(&["--data", &data], 0)?;
        let device = Client::start(&dir.path().join("device"), "Deck tablet")?;
        device.join(&server.url).await?;
        crew(&device).await?;
        for key in 1..=4 {
            add(&device, key, "John").await?;
        }
        device.synced().await?;
        device.stop().await;
        copy(&dir.path().join("device"), &dir.path().join("backup"))?;

        let device = Client::start(&dir.path().join("device"), "Deck tablet")?;
        device.ask(Command::Network { online: true }).await?;
        edit(&device, &person(1), "name", "John", "Jane").await?;
        add(&device, 11, "made since").await?;
        device.synced().await?;

        let restored = Client::start(&dir.path().join("backup"), "Deck tablet")?;
        restored.ask(Command::Network { online: false }).await?;
        for key in [1, 2, 3] {
            edit(&restored, &person(key), "phone", "1", "7").await?;
        }
        add(&restored, 12, "on the copy").await?;
        restored.ask(Command::Network { online: true }).await?;
        restored.synced().await?;
        edit(&device, &person(1), "name", "Jane", "Janet").await?;
        add(&device, 13, "on the device").await?;
        for client in [&device, &restored, &device] {
            client.synced().await?;
        }

        let names =
            [(1, "Janet"), (2, "John"), (11, "made since"), (12, "on the copy"), (13, "on the device")];
        let other = Client::start(&dir.path().join("other"), "Office desktop")?;
        other.join(&server.url).await?;
        for client in [&device, &restored, &other] {
            for (key, name) in names {
                wait_value(client, &person(key), "name", name).await?;
            }
            for key in [1, 2, 3] {
                wait_value(client, &person(key), "phone", "7").await?;
            }
            client.synced().await?;
            let status = client.status().await?;
            assert_eq!((status.review(), status.rejected, status.pending), (0, 0, 0));
        }
        // whoever had the lower numbers was overtaken by the other
        let notices = [device.status().await?.notice, restored.status().await?.notice];
        let told: Vec<String> = notices.into_iter().flatten().collect();
        assert!(!told.is_empty(), "nobody is told");
        for notice in told {
            assert!(notice.contains("copied or restored") && notice.contains("under a new name"), "{notice}");
            assert!(notice.contains("kept and sent") || notice.contains("Nothing was waiting"), "{notice}");
        }
        server.kill()
    });
}

/// A folder with all that is in it.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let there = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &there)?;
        } else {
            std::fs::copy(entry.path(), there)?;
        }
    }
    Ok(())
}

/// A leader may go between doing a command and saying so: whoever asked asks the next one.
#[test]
fn a_command_that_is_asked_again_under_its_name_is_done_once() {
    on_a_local_set(async {
        let dir = tempfile::tempdir()?;
        let data = dir.path().join("server").display().to_string();
        let server = Server::start(&["--data", &data], 0)?;
        let a = Client::start(&dir.path().join("a"), "Deck tablet")?;
        let b = Client::start(&dir.path().join("b"), "Office desktop")?;
        a.join(&server.url).await?;
        crew(&a).await?;
        for key in [1, 2] {
            add(&a, key, "John").await?;
        }
        a.synced().await?;
        b.join(&server.url).await?;
        b.synced().await?;
        b.ask(Command::Network { online: false }).await?;
        for key in [1, 2] {
            edit(&b, &person(key), "name", "John", "from B").await?;
            edit(&a, &person(key), "name", "John", "from A").await?;
        }
        a.synced().await?;
        b.ask(Command::Network { online: true }).await?;
        b.until("two to decide", |status| status.conflicts == 2 && status.pending == 0).await?;
        b.synced().await?;
        server.kill()?;
        let found = conflicts(&b).await?;
        let (first, second) = (found[0].clone(), found[1].clone());
        let commands = [
            Command::Comment { conflict: first.item.id, text: "Which?".into() },
            Command::Snooze {
                conflict: first.item.id,
                until: Some(sync_protocol::Timestamp(4_000_000_000_000)),
            },
            Command::SetPolicy {
                collection: person(1).collection,
                policy: Some(sync_protocol::Policy::Last),
            },
            Command::Restore { id: person(1), fields: fields(&[("name", "as it was"), ("phone", "1")]) },
            Command::KeepBoth {
                conflict: second.item.id,
                saw_conflict: second.conflict.rev,
                saw_record: second.record_rev,
            },
        ];
        let mut b = b;
        for (n, command) in commands.into_iter().enumerate() {
            let name = format!("tab {n}");
            let answer = b.ask_once(&name, command.clone()).await?;
            let before = b.status().await?.pending;
            b = b.restart().await?;
            assert_eq!(b.ask_once(&name, command).await?, answer, "{n}");
            assert_eq!(b.status().await?.pending, before, "{n}: nothing was done a second time");
        }
        Ok(())
    });
}
