//! The whole path with embedded replicas on sled against a real server process: what a programmer who embeds the
//! crates relies on.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use mooring_tests::{Client, Server};
use sync_client::api::{Answer, Command, ConflictInfo, ReviewQuery, Seen};
use sync_protocol::schema::Field;
use sync_protocol::{
    Choice, CollectionId, FieldName, FieldType, Fields, Outcome, RecordId, RecordKey, Value,
};

fn field(name: &str, field_type: FieldType, position: i64) -> Field {
    let name = FieldName::new(name).expect("a valid name");
    Field { label: name.to_string(), name, field_type, options: Vec::new(), policy: None, position }
}

fn fields(pairs: &[(&str, &str)]) -> Fields {
    pairs.iter().map(|(n, v)| (FieldName::new(*n).expect("a valid name"), Value::from(*v))).collect()
}

fn person(key: i64) -> RecordId {
    RecordId::new(CollectionId::new("crew").expect("a valid name"), RecordKey::Int(key))
}

async fn edit(client: &Client, id: &RecordId, name: &str, saw: &str, want: &str) -> Result<()> {
    let seen = Seen { saw: Value::from(saw), want: Value::from(want) };
    let fields = BTreeMap::from([(FieldName::new(name)?, seen)]);
    client.ask(Command::Edit { id: id.clone(), fields }).await?;
    Ok(())
}

/// Everything that waits for a decision, as a screen gets it: the list, then each with its sides.
async fn review(client: &Client) -> Result<Vec<ConflictInfo>> {
    let query = ReviewQuery { limit: 500, ..ReviewQuery::default() };
    let list = match client.ask(Command::Review(query)).await? {
        Answer::Review(review) => review,
        other => bail!("no review: {other:?}"),
    };
    let mut found = Vec::new();
    for item in list.items {
        match client.ask(Command::Conflict { id: item.id }).await? {
            Answer::Conflict(info) => found.push(*info),
            other => bail!("no conflict: {other:?}"),
        }
    }
    Ok(found)
}

async fn value(client: &Client, id: &RecordId, name: &str) -> Result<Option<String>> {
    match client.ask(Command::Record { id: id.clone() }).await? {
        Answer::Record(info) => {
            Ok(info.fields.and_then(|f| f.get(name).and_then(|v| v.as_text().map(str::to_owned))))
        }
        other => bail!("no record: {other:?}"),
    }
}

async fn crew(client: &Client) -> Result<()> {
    let fields = vec![field("name", FieldType::Text, 0), field("phone", FieldType::Text, 1)];
    client.ask(Command::NewCollection { label: "Crew".into(), fields }).await?;
    Ok(())
}

fn on_a_local_set(test: impl Future<Output = Result<()>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = tokio::task::LocalSet::new();
    if let Err(error) = local.block_on(&runtime, test) {
        panic!("{error:?}");
    }
}

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
        a.until("phone merged", |_| true).await?;
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
            let review = review(client).await?;
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
        let conflict = review(&a).await?.remove(0);
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

async fn wait_value(client: &Client, id: &RecordId, name: &str, wanted: &str) -> Result<()> {
    for _ in 0..1_000 {
        if value(client, id, name).await?.as_deref() == Some(wanted) {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    bail!("{name} of {id} is {:?}, not {wanted}", value(client, id, name).await?)
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
