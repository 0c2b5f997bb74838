//! What a program may hand to an engine by mistake: each is answered with words, and nothing of it is kept.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use mooring_tests::crew::{add, crew, field, person};
use mooring_tests::{Client, Server, on_a_local_set};
use serde_json::{Value as Json, json};
use sync_client::api::{Answer, CollectionInfo, Command, Failure, FailureKind, RowsQuery, Seen};
use sync_protocol::{
    CollectionId, Counter, FieldName, FieldType, Fields, RecordId, RecordKey, Value, limits,
};

/// A device with a collection that has a field of every type, called like the type.
async fn device(dir: &std::path::Path) -> Result<(Server, Client)> {
    let data = dir.join("data").display().to_string();
    let server = Server::start(&["--data", &data], 0)?;
    let a = Client::start(&dir.join("a"), "Deck tablet")?;
    a.join(&server.url).await?;
    let mut fields: Vec<_> =
        FieldType::ALL.iter().zip(0..).map(|(t, position)| field(t.name(), *t, position)).collect();
    fields
        .iter_mut()
        .filter(|f| f.field_type == FieldType::Choice)
        .for_each(|f| f.options = vec!["red".into()]);
    a.ask(Command::NewCollection { label: "Things".into(), fields }).await?;
    Ok((server, a))
}

fn values(pairs: &[(&str, Json)]) -> Fields {
    pairs.iter().map(|(n, v)| (FieldName::new(*n).expect("a valid name"), Value(v.clone()))).collect()
}

async fn insert(client: &Client, key: Option<RecordKey>, fields: Fields) -> Result<Answer, Failure> {
    let collection = CollectionId::new("things").expect("a valid name");
    client.ask(Command::Insert { collection, key, fields }).await
}

fn deep(levels: usize) -> Json {
    (0..levels).fold(json!(1), |inner, _| json!([inner]))
}

#[test]
fn values_that_do_not_fit_are_refused_at_their_field_and_never_coerced() {
    on_a_local_set(async {
        let dir = tempfile::tempdir()?;
        let (_server, a) = device(dir.path()).await?;
        for (name, bad, word) in [
            ("text", json!("two\nlines"), "one line of text"),
            ("text", json!(1), "one line of text"),
            ("long_text", json!(["a"]), "holds text"),
            ("integer", json!(1.5), "whole number"),
            ("integer", json!("1"), "whole number"),
            ("integer", json!(1e30), "whole number"),
            ("integer", json!(u64::MAX), "whole number"),
            ("decimal", json!(12.5), "decimal number"),
            ("decimal", json!("12,5"), "decimal number"),
            ("decimal", json!("NaN"), "decimal number"),
            ("decimal", json!("9".repeat(1_001)), "decimal number"),
            ("yes_no", json!("yes"), "yes or no"),
            ("date", json!("2023-02-29"), "a date such as"),
            ("date_time", json!("2024-02-29 10:00"), "a date and time such as"),
            ("choice", json!("blue"), "not one of the choices"),
            ("tags", json!(["b", "a"]), "sorted list"),
            ("tags", json!("a, b"), "sorted list"),
            ("counter", json!(0.5), "whole number"),
            ("json", deep(limits::JSON_DEPTH + 1), "nested deeper"),
        ] {
            let failure = insert(&a, None, values(&[(name, bad.clone())])).await.err();
            let failure = failure.with_context(|| format!("{bad} was taken as {name}"))?;
            assert_eq!(failure.kind, FailureKind::Input);
            assert_eq!(failure.field.as_ref().map(FieldName::as_str), Some(name), "{bad}: {failure}");
            ensure!(failure.message.contains(word), "{name} {bad}: {failure}");
            ensure!(!failure.message.contains("lines"), "content is not repeated: {failure}");
        }
        let unknown =
            insert(&a, None, values(&[("colour", json!("red"))])).await.err().context("no such field")?;
        assert_eq!(unknown.field.as_ref().map(FieldName::as_str), Some("colour"));
        ensure!(unknown.message.contains("does not exist in this collection"), "{unknown}");
        let nowhere = Command::Insert {
            collection: CollectionId::new("nowhere")?,
            key: None,
            fields: values(&[("text", json!("x"))]),
        };
        let nowhere = a.ask(nowhere).await.err().context("no such collection")?;
        ensure!(nowhere.message.contains("“nowhere” does not exist"), "{nowhere}");
        // what fits is taken as it is
        let good = values(&[
            ("json", deep(limits::JSON_DEPTH)),
            ("integer", json!(i64::MIN)),
            ("decimal", json!("-0.5")),
        ]);
        insert(&a, Some(RecordKey::Int(1)), good.clone()).await?;
        a.synced().await?;
        let rows = a.rows("things").await?;
        assert_eq!((rows.len(), &rows[0].fields), (1, &good));
        assert_eq!(a.status().await?.review(), 0, "the server refused nothing");
        Ok(())
    });
}

#[test]
fn what_is_too_large_or_has_no_usable_key_is_refused_before_it_is_saved() {
    on_a_local_set(async {
        let dir = tempfile::tempdir()?;
        let (_server, a) = device(dir.path()).await?;
        let huge = "x".repeat(limits::RECORD_BYTES);
        let failure =
            insert(&a, None, values(&[("long_text", json!(huge))])).await.err().context("too large")?;
        assert_eq!(failure.kind, FailureKind::Input);
        ensure!(
            failure.message.starts_with("The record would be too large: at most 1048576 bytes"),
            "{failure}"
        );
        insert(&a, Some(RecordKey::Int(1)), values(&[("text", json!("small"))])).await?;
        let seen = Seen { saw: Value::ABSENT, want: huge.into() };
        let id = RecordId::new(CollectionId::new("things")?, RecordKey::Int(1));
        let edit = Command::Edit { id, fields: BTreeMap::from([(FieldName::new("long_text")?, seen)]) };
        let failure = a.ask(edit).await.err().context("too large by an edit")?;
        ensure!(failure.message.starts_with("The record would be too large"), "{failure}");
        for (key, word) in [
            (String::new(), "must not be empty"),
            ("k".repeat(limits::KEY_BYTES + 1), "at most 512 bytes"),
            ("a\u{7}b".to_owned(), "control characters"),
        ] {
            let failure =
                insert(&a, Some(RecordKey::Text(key)), Fields::new()).await.err().context("a bad key")?;
            ensure!(failure.message.starts_with("This key cannot be used: "), "{failure}");
            ensure!(failure.message.contains(word), "{failure}");
        }
        let twice =
            insert(&a, Some(RecordKey::Int(1)), Fields::new()).await.err().context("there already")?;
        assert_eq!(twice.message, "A record with the key “1” is there already. Choose another key.");
        a.synced().await?;
        assert_eq!((a.rows("things").await?.len(), a.status().await?.review()), (1, 0));
        Ok(())
    });
}

#[test]
fn definitions_that_cannot_be_are_refused_before_they_are_saved() {
    on_a_local_set(async {
        let dir = tempfile::tempdir()?;
        let (_server, a) = device(dir.path()).await?;
        a.synced().await?;
        let before = collections(&a).await?;
        let text = |name: &str| field(name, FieldType::Text, 0);
        let many: Vec<_> = (0..=limits::FIELDS).map(|n| text(&format!("f{n}"))).collect();
        let mut long = text("long");
        long.label = "x".repeat(limits::LABEL_CHARS + 1);
        let mut policy = text("policy");
        policy.policy = Some(sync_protocol::Policy::Counter);
        for (label, fields, word) in [
            ("", vec![], "needs a name"),
            ("  ", vec![], "needs a name"),
            (&*"x".repeat(limits::LABEL_CHARS + 1), vec![], "at most 200 characters"),
            ("two\nlines", vec![], "in one line"),
            ("Many", many, "at most 512 fields"),
            ("Twice", vec![text("a"), text("b"), text("a")], "Two fields have the name “a”"),
            ("Long", vec![long.clone()], "at most 200 characters"),
            ("Policy", vec![policy], "no meaning for this type"),
        ] {
            let failure = a.ask(Command::NewCollection { label: label.into(), fields }).await.err();
            let failure = failure.with_context(|| format!("{word}: it was taken"))?;
            assert_eq!(failure.kind, FailureKind::Input);
            ensure!(failure.message.contains(word), "{failure}");
        }
        for (collection, field, word) in [
            ("nowhere", text("a"), "does not exist"),
            ("_people", text("a"), "does not exist"),
            ("things", long, "at most 200 characters"),
        ] {
            let collection = CollectionId::new(collection)?;
            let failure = a.ask(Command::SetField { collection, field }).await.err().context(word)?;
            ensure!(failure.message.contains(word), "{failure}");
        }
        assert_eq!(collections(&a).await?, before, "nothing was made");
        a.synced().await?;
        assert_eq!(a.status().await?.review(), 0, "and nothing was left for the server to refuse");
        Ok(())
    });
}

#[test]
fn questions_about_what_is_not_there_are_answered_in_words() {
    on_a_local_set(async {
        let dir = tempfile::tempdir()?;
        let a = Client::start(&dir.path().join("a"), "Deck tablet")?;
        let failure = a.ask(Command::ExportUnsent).await.err().context("whose?")?;
        assert_eq!(failure.message, "Sign in first.");
        for command in [Command::Collections, Command::Review(Default::default())] {
            let failure = a.ask(command).await.err().context("no workspace is open")?;
            assert_eq!(failure.message, "No workspace is open. Choose one first.");
        }
        for server in ["ftp://example.org", "javascript://x"] {
            let failure =
                a.ask(Command::Connect { server: server.into() }).await.err().context("no address")?;
            ensure!(failure.message.contains("starts with https:// or http://"), "{failure}");
        }
        let failure = a.ask(Command::SignInDemo).await.err().context("no server yet")?;
        assert_eq!(failure.message, "Enter the server's address first.");
        a.stop().await;

        let (_server, a) = device(dir.path()).await?;
        crew(&a).await?;
        add(&a, 1, "Ann").await?;
        let rows = |collection: &str, limit| RowsQuery {
            collection: CollectionId::new(collection).expect("a valid name"),
            search: "x".repeat(4_000),
            sort: Some(FieldName::new("nowhere").expect("a valid name")),
            descending: true,
            only: None,
            offset: usize::MAX,
            limit,
        };
        let failure = a.ask(Command::Rows(rows("crew", 501))).await.err().context("too many at once")?;
        ensure!(failure.message.contains("At most 500 rows"), "{failure}");
        let failure = a.ask(Command::Rows(rows("nowhere", 1))).await.err().context("no such collection")?;
        ensure!(failure.message.contains("does not exist"), "{failure}");
        let long = RowsQuery { search: "x".repeat(100_000), ..rows("crew", 500) };
        let failure = a.ask(Command::Rows(long)).await.err().context("too much to search for")?;
        ensure!(failure.message.contains("can be searched for"), "{failure}");
        let Answer::Rows(found) = a.ask(Command::Rows(rows("crew", 500))).await? else { bail!("no rows") };
        assert_eq!((found.rows.len(), found.matching, found.total), (0, 0, 1));
        let unknown = Command::Edit { id: person(9), fields: BTreeMap::new() };
        let failure = a.ask(unknown).await.err().context("no such record")?;
        ensure!(failure.message.starts_with("This record has been deleted meanwhile."), "{failure}");
        a.ask(Command::Delete { ids: vec![person(9)] }).await?;
        a.ask(Command::Discard { counter: Counter(99) }).await?;
        a.ask(Command::Retry { counter: Counter(99) }).await?;
        let failure = a.ask(Command::Import { plan: plan() }).await.err().context("no file was looked at")?;
        assert_eq!(
            failure.message,
            "The tab that had read this file is gone. What it saved is kept; choose the file again."
        );
        a.synced().await?;
        assert_eq!(a.status().await?.review(), 0);
        Ok(())
    });
}

#[test]
fn a_plan_is_never_used_for_a_file_that_another_tab_looked_at() {
    on_a_local_set(async {
        let dir = tempfile::tempdir()?;
        let a = Client::start(&dir.path().join("a"), "Deck tablet")?;
        let look = |name: &str, text: &str| {
            a.ask(Command::Preview { name: name.into(), text: text.into(), plan: None })
        };
        let Answer::Preview(boats) = look("Boats.csv", "name\nAlma\n").await? else { bail!("no preview") };
        let Answer::Preview(crew) = look("Crew.csv", "name\nJohn\n").await? else { bail!("no preview") };
        let again =
            Command::Preview { name: String::new(), text: String::new(), plan: Some(boats.plan.clone()) };
        for command in [Command::Import { plan: boats.plan.clone() }, again] {
            let failure = a.ask(command).await.err().context("of another file")?;
            assert_eq!(
                failure.message,
                "Another tab has looked at another file meanwhile. Choose this file again."
            );
        }
        let again =
            Command::Preview { name: String::new(), text: String::new(), plan: Some(crew.plan.clone()) };
        let Answer::Preview(same) = a.ask(again).await? else { bail!("no preview") };
        assert_eq!(same, crew);
        // looked at again with its text, as the screens do it, it is the one to import
        let again = Command::Preview {
            name: "Boats.csv".into(),
            text: "name\nAlma\n".into(),
            plan: Some(boats.plan.clone()),
        };
        let Answer::Preview(again) = a.ask(again).await? else { bail!("no preview") };
        assert_eq!((&again.sample, &again.plan.columns), (&boats.sample, &boats.plan.columns));
        let failure =
            a.ask(Command::Import { plan: again.plan }).await.err().context("no workspace is open")?;
        assert!(!failure.message.contains("another file"), "{failure}");
        Ok(())
    });
}

async fn collections(client: &Client) -> Result<Vec<CollectionInfo>> {
    match client.ask(Command::Collections).await? {
        Answer::Collections(all) => Ok(all),
        other => bail!("no collections: {other:?}"),
    }
}

fn plan() -> sync_client::api::ImportPlan {
    sync_client::api::ImportPlan { label: "x".into(), ..Default::default() }
}
