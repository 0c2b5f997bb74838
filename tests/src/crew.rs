//! A small collection that most suites use: people with a name and a phone.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sync_client::api::{Answer, Command, ConflictInfo, Failure, Review, ReviewQuery, Seen};
use sync_protocol::schema::Field;
use sync_protocol::{CollectionId, FieldName, FieldType, Fields, RecordId, RecordKey, Value};

use crate::Client;

/// A field of that type, called like its name.
pub fn field(name: &str, field_type: FieldType, position: i64) -> Field {
    let name = FieldName::new(name).expect("a valid name");
    Field { position, ..Field::new(name.clone(), name.to_string(), field_type) }
}

/// Values.
pub fn fields(pairs: &[(&str, &str)]) -> Fields {
    pairs.iter().map(|(n, v)| (FieldName::new(*n).expect("a valid name"), Value::from(*v))).collect()
}

/// A record of the collection.
pub fn person(key: i64) -> RecordId {
    RecordId::new(CollectionId::new("crew").expect("a valid name"), RecordKey::Int(key))
}

/// Makes the collection.
pub async fn crew(client: &Client) -> Result<()> {
    let fields = vec![field("name", FieldType::Text, 0), field("phone", FieldType::Text, 1)];
    client.ask(Command::NewCollection { label: "Crew".into(), fields }).await?;
    Ok(())
}

/// Adds a person.
pub async fn add(client: &Client, key: i64, name: &str) -> Result<Answer, Failure> {
    let id = person(key);
    let fields = fields(&[("name", name), ("phone", "1")]);
    client.ask(Command::Insert { collection: id.collection, key: Some(id.key), fields }).await
}

/// Changes one field.
pub async fn edit(
    client: &Client,
    id: &RecordId,
    name: &str,
    saw: &str,
    want: &str,
) -> Result<Answer, Failure> {
    let seen = Seen { saw: Value::from(saw), want: Value::from(want) };
    let name = FieldName::new(name).expect("a valid name");
    client.ask(Command::Edit { id: id.clone(), fields: BTreeMap::from([(name, seen)]) }).await
}

/// What needs review, as a screen lists it.
pub async fn review(client: &Client) -> Result<Review> {
    let query = ReviewQuery { limit: 500, ..ReviewQuery::default() };
    match client.ask(Command::Review(query)).await? {
        Answer::Review(review) => Ok(review),
        other => bail!("no review: {other:?}"),
    }
}

/// Everything that waits for a decision, with its sides.
pub async fn conflicts(client: &Client) -> Result<Vec<ConflictInfo>> {
    let mut found = Vec::new();
    for item in review(client).await?.items {
        match client.ask(Command::Conflict { id: item.id }).await? {
            Answer::Conflict(info) => found.push(*info),
            other => bail!("no conflict: {other:?}"),
        }
    }
    Ok(found)
}

/// A text as the person sees it; `None` where there is no such record or value.
pub async fn value(client: &Client, id: &RecordId, name: &str) -> Result<Option<String>> {
    match client.ask(Command::Record { id: id.clone() }).await? {
        Answer::Record(info) => {
            Ok(info.fields.and_then(|f| f.get(name).and_then(|v| v.as_text().map(str::to_owned))))
        }
        other => bail!("no record: {other:?}"),
    }
}

/// A whole number as the person sees it.
pub async fn number(client: &Client, id: &RecordId, name: &str) -> Result<i64> {
    let Answer::Record(info) = client.ask(Command::Record { id: id.clone() }).await? else {
        bail!("no record")
    };
    let number = info.fields.as_ref().and_then(|fields| fields.get(name)).and_then(Value::as_integer);
    number.with_context(|| format!("{name} of {id} is not there"))
}

/// Counts a counter up by one.
pub async fn count_up(client: &Client, id: &RecordId, name: &str) -> Result<()> {
    let saw = number(client, id, name).await?;
    let seen = Seen { saw: saw.into(), want: (saw + 1).into() };
    let fields = BTreeMap::from([(FieldName::new(name).expect("a valid name"), seen)]);
    client.ask(Command::Edit { id: id.clone(), fields }).await?;
    Ok(())
}

/// Waits until a text is as wanted.
pub async fn wait_value(client: &Client, id: &RecordId, name: &str, wanted: &str) -> Result<()> {
    for _ in 0..1_000 {
        if value(client, id, name).await?.as_deref() == Some(wanted) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("{name} of {id} is {:?}, not {wanted}", value(client, id, name).await?)
}

/// The names of all people by key, as a device that has everything sees them.
pub async fn names(client: &Client) -> Result<BTreeMap<String, String>> {
    let rows = client.rows("crew").await?;
    let name =
        |row: &sync_client::api::Row| row.fields.get("name").and_then(Value::as_text).map(str::to_owned);
    Ok(rows.iter().map(|row| (row.key.to_string(), name(row).unwrap_or_default())).collect())
}
