//! A record's history and what was decided about it, with embedded replicas against a real server process.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use mooring_tests::{Client, Server};
use sync_client::api::{Answer, Command, FailureKind, FileFormat, HistoryPage, ReviewQuery, Seen};
use sync_protocol::schema::Field;
use sync_protocol::{
    Choice, CollectionId, FieldName, FieldType, Fields, Outcome, Policy, RecordId, RecordKey, Value,
};

fn field(name: &str, policy: Option<Policy>, position: i64) -> Field {
    let name = FieldName::new(name).expect("a valid name");
    let field_type = FieldType::Text;
    Field { policy, position, ..Field::new(name.clone(), name.to_string(), field_type) }
}

fn values(pairs: &[(&str, &str)]) -> Fields {
    pairs.iter().map(|(n, v)| (FieldName::new(*n).expect("a valid name"), Value::from(*v))).collect()
}

fn john() -> RecordId {
    RecordId::new(CollectionId::new("crew").expect("a valid name"), RecordKey::Int(1))
}

async fn edit(client: &Client, name: &str, saw: &str, want: &str) -> Result<()> {
    let seen = Seen { saw: Value::from(saw), want: Value::from(want) };
    client.ask(Command::Edit { id: john(), fields: BTreeMap::from([(FieldName::new(name)?, seen)]) }).await?;
    Ok(())
}

async fn history(client: &Client) -> Result<HistoryPage> {
    match client.ask(Command::History { id: john(), resume: None }).await? {
        Answer::History(page) => Ok(*page),
        other => bail!("no history: {other:?}"),
    }
}

async fn export(client: &Client, format: FileFormat) -> Result<String> {
    match client.ask(Command::ExportAudit { format }).await? {
        Answer::Text(text) => Ok(text),
        other => bail!("no text: {other:?}"),
    }
}

fn run(test: impl Future<Output = Result<()>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = tokio::task::LocalSet::new();
    if let Err(error) = local.block_on(&runtime, test) {
        panic!("{error:?}");
    }
}

/// A tablet and an office desktop that know John; what they did while the server was away has met.
struct Met {
    _dir: tempfile::TempDir,
    server: Server,
    tablet: Client,
    office: Client,
}

/// `last` was changed by both and decided by its rule, `phone` by both and waits for a person.
async fn met() -> Result<Met> {
    let dir = tempfile::tempdir()?;
    let data = dir.path().join("server").display().to_string();
    let server = Server::start(&["--data", &data], 0)?;
    let tablet = Client::start(&dir.path().join("a"), "Deck tablet")?;
    let office = Client::start(&dir.path().join("b"), "Office desktop")?;
    tablet.join(&server.url).await?;
    let fields = vec![field("name", None, 0), field("phone", None, 1), field("last", Some(Policy::Last), 2)];
    tablet.ask(Command::NewCollection { label: "Crew".into(), fields }).await?;
    let id = john();
    let fields = values(&[("name", "John"), ("phone", "1"), ("last", "x")]);
    tablet.ask(Command::Insert { collection: id.collection, key: Some(id.key), fields }).await?;
    tablet.synced().await?;
    office.join(&server.url).await?;
    office.synced().await?;

    let port = server.port()?;
    server.kill()?;
    edit(&tablet, "last", "x", "of the tablet").await?;
    edit(&tablet, "phone", "1", "2").await?;
    edit(&office, "last", "x", "of the office").await?;
    edit(&office, "phone", "1", "3").await?;
    // the tablet is first, whoever would try first
    office.stop().await;
    let server = Server::start(&["--data", &data], port)?;
    tablet.ask(Command::Network { online: true }).await?;
    tablet.synced().await?;
    let office = Client::start(&dir.path().join("b"), "Office desktop")?;
    office.ask(Command::Network { online: true }).await?;
    for client in [&office, &tablet] {
        client.until("in need of review", |s| s.conflicts == 1 && s.pending == 0).await?;
    }
    Ok(Met { _dir: dir, server, tablet, office })
}

async fn settle(client: &Client, choice: Choice) -> Result<()> {
    let query = ReviewQuery { limit: 10, ..ReviewQuery::default() };
    let Answer::Review(review) = client.ask(Command::Review(query)).await? else { bail!("no review") };
    let id = review.items.first().context("one waits")?.id;
    let Answer::Conflict(info) = client.ask(Command::Conflict { id }).await? else { bail!("no conflict") };
    let choices = BTreeMap::from([(FieldName::new("phone")?, choice)]);
    client
        .ask(Command::Resolve {
            conflict: id,
            saw_conflict: info.conflict.rev,
            saw_record: info.record_rev,
            outcome: Outcome::Keep { choices },
        })
        .await?;
    client.until("settled", |s| s.review() == 0 && s.pending == 0).await?;
    Ok(())
}

#[test]
fn the_history_says_who_changed_what_and_keeps_the_side_that_gave_way() {
    run(async {
        let Met { server, tablet, office, .. } = &met().await?;
        for client in [tablet, office] {
            let told: Vec<String> = client.news().iter().map(|n| n.incoming.device.clone()).collect();
            assert_eq!(told, ["Office desktop"], "told once, where it came");
        }
        settle(tablet, Choice::Current).await?;
        let page = history(office).await?;
        let whos: Vec<(&str, bool)> =
            page.versions.iter().map(|v| (v.by.device.as_str(), v.merge.is_some())).collect();
        assert_eq!(
            whos,
            [
                ("Office desktop", true),
                ("Deck tablet", false),
                ("Deck tablet", false),
                ("Deck tablet", false)
            ],
            "the first, two edits of the tablet, what the rule decided; keeping a value makes no version"
        );
        let newest = &page.versions[0];
        assert_eq!(newest.changed, Some(values(&[("last", "of the tablet")])));
        assert_eq!(newest.current_by["last"].device, "Deck tablet");
        let review = page.conflicts.first().context("the review")?;
        assert_eq!(review.conflict.fields["phone"].incoming, Value::from("3"), "what gave way is readable");
        assert_eq!(review.incoming_by["phone"].device, "Office desktop");
        let by = review.item.settled.as_ref().context("it is settled")?;
        assert_eq!(by.by.device, "Deck tablet");
        assert!(!page.expired && page.next.is_none());

        // who cleared a field is known like who set it
        let seen = Seen { saw: Value::from("2"), want: Value::ABSENT };
        let fields = BTreeMap::from([(FieldName::new("phone")?, seen)]);
        office.ask(Command::Edit { id: john(), fields }).await?;
        office.synced().await?;
        let Answer::Record(info) = office.ask(Command::Record { id: john() }).await? else { bail!("none") };
        let authors: Vec<(&str, &str)> =
            info.authors.iter().map(|(name, by)| (name.as_str(), by.device.as_str())).collect();
        assert_eq!(
            authors,
            [("last", "Office desktop"), ("name", "Deck tablet"), ("phone", "Office desktop")]
        );
        let _ = server;
        Ok(())
    });
}

#[test]
fn any_version_can_be_had_again_and_also_that_is_undone() {
    run(async {
        let Met { server, tablet, office, .. } = met().await?;
        settle(&tablet, Choice::Incoming).await?;
        let first = history(&tablet).await?.versions.pop().context("a first version")?.fields;
        assert_eq!(first, values(&[("name", "John"), ("phone", "1"), ("last", "x")]));
        tablet.ask(Command::Restore { id: john(), fields: first.clone() }).await?;
        tablet.synced().await?;
        office.until_record(&john(), |fields| fields == Some(&first)).await?;
        // a deleted one is added again
        office.ask(Command::Delete { ids: vec![john()] }).await?;
        office.synced().await?;
        tablet.until_record(&john(), |fields| fields.is_none()).await?;
        let page = history(&tablet).await?;
        assert!(page.versions[0].deleted && page.versions[1].fields == first);
        tablet.ask(Command::Restore { id: john(), fields: first.clone() }).await?;
        tablet.synced().await?;
        office.until_record(&john(), |fields| fields == Some(&first)).await?;

        let id = john();
        server.kill()?;
        let failure = tablet.ask(Command::History { id, resume: None }).await.expect_err("no server");
        assert_eq!(failure.kind, FailureKind::Offline);
        Ok(())
    });
}

#[test]
fn what_was_deleted_is_brought_back_at_once_sent_or_not() {
    run(async {
        let Met { tablet, office, server, _dir } = met().await?;
        settle(&tablet, Choice::Incoming).await?;
        office.synced().await?;
        let Answer::Record(info) = office.ask(Command::Record { id: john() }).await? else {
            bail!("no record")
        };
        let held = info.fields.context("it is there")?;
        let undelete = || Command::Undelete { ids: vec![john()] };
        // sent: from what this device remembers
        office.ask(Command::Delete { ids: vec![john()] }).await?;
        office.synced().await?;
        tablet.until_record(&john(), |fields| fields.is_none()).await?;
        tablet.ask(undelete()).await.expect_err("another device deleted it");
        office.ask(undelete()).await?;
        office.synced().await?;
        tablet.until_record(&john(), |fields| fields == Some(&held)).await?;
        // it is there: nothing is brought back twice
        office.ask(undelete()).await.expect_err("it is there");
        // not sent: also by a program that was started after it
        server.kill()?;
        office.ask(Command::Delete { ids: vec![john()] }).await?;
        let office = office.restart().await?;
        office.ask(undelete()).await?;
        office.until_record(&john(), |fields| fields == Some(&held)).await?;
        Ok(())
    });
}

#[test]
fn every_decision_can_be_exported_and_an_export_can_be_stopped() {
    run(async {
        let Met { server, tablet, .. } = &met().await?;
        settle(tablet, Choice::Incoming).await?;
        let stopped = tablet.ask(Command::ExportAudit { format: FileFormat::Csv });
        let (stopped, _) = futures::future::join(stopped, tablet.ask(Command::CancelBulk)).await;
        assert_eq!(stopped.expect_err("it was stopped").kind, FailureKind::Input);
        let json: serde_json::Value = serde_json::from_str(&export(tablet, FileFormat::Json).await?)?;
        let rows: Vec<(&str, &str, &str)> = json
            .as_array()
            .context("a list")?
            .iter()
            .filter_map(|row| {
                Some((row["what"].as_str()?, row["field"].as_str()?, row["by"]["device"].as_str()?))
            })
            .collect();
        assert!(rows.contains(&("merged", "last", "Office desktop")), "{rows:?}");
        assert!(rows.contains(&("needs review", "phone", "Office desktop")), "{rows:?}");
        assert!(rows.contains(&("settled", "phone", "Deck tablet")), "{rows:?}");
        let csv = export(tablet, FileFormat::Csv).await?;
        assert_eq!(csv.lines().count(), rows.len() + 1, "a heading, and a row for each");
        let _ = server;
        Ok(())
    });
}
