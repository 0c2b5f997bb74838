//! What needs review, from a script or a terminal.

use std::collections::BTreeMap;

use serde_json::json;
use sync_client::api::{Answer, Command, ConflictInfo, ReviewFilter, ReviewItem, ReviewQuery, ReviewTab};
use sync_protocol::schema::Collection;
use sync_protocol::{ChangeId, Choice, FieldName, Outcome, RecordId, Value, record};

use crate::args::{Decision, Reviews};
use crate::failure::Failure;
use crate::find;
use crate::link::Link;
use crate::print::{self, Table};

const PAGE: usize = 500;

pub(crate) async fn command(link: &mut Link, asked: &Reviews, as_json: bool) -> Result<(), Failure> {
    match asked {
        Reviews::List { collection, settled } => list(link, collection.as_deref(), *settled, as_json).await,
        Reviews::Show { id } => {
            let found = conflict(link, id).await?;
            show(link, &found, as_json).await
        }
        Reviews::Resolve(asked) => resolve(link, &asked.id, &asked.how).await,
        Reviews::TakeBack { id } => take_back(link, id).await,
    }
}

async fn list(
    link: &mut Link,
    collection: Option<&str>,
    settled: bool,
    as_json: bool,
) -> Result<(), Failure> {
    let collection = match collection {
        Some(name) => Some(find::collection(link, name).await?.id),
        None => None,
    };
    let tab = if settled { ReviewTab::Settled } else { ReviewTab::Open };
    let filter = ReviewFilter { tab, collection, ..ReviewFilter::default() };
    let heading = ["Id", "Record", "Collection", "Fields", "By", "State"].map(str::to_owned).to_vec();
    let mut table = (!as_json).then(|| Table::new(heading));
    let mut offset = 0;
    loop {
        let query = ReviewQuery { filter: filter.clone(), offset, around: None, limit: PAGE };
        let Answer::Review(review) = link.ask(Command::Review(query)).await? else {
            return Err(Failure::Device("Mooring did not list the reviews.".into()));
        };
        match &mut table {
            None => review.items.iter().try_for_each(print::json)?,
            Some(table) => table.rows(&review.items.iter().map(cells).collect::<Vec<_>>())?,
        }
        if offset == 0 {
            for refused in &review.rejected {
                match as_json {
                    true => print::json(&json!({ "refused": refused }))?,
                    false => print::note(&format!(
                        "Refused by the server: {} {}: {}",
                        refused.id.collection, refused.title, refused.message
                    )),
                }
            }
        }
        offset += review.items.len();
        if review.items.is_empty() || offset >= review.matching {
            return Ok(());
        }
    }
}

fn cells(item: &ReviewItem) -> Vec<String> {
    let fields: Vec<&str> = item.clashing.iter().map(FieldName::as_str).collect();
    let state = match (&item.settled, &item.pending) {
        (Some(_), _) => "settled",
        (None, Some(_)) => "decided here, not sent yet",
        (None, None) => "open",
    };
    vec![
        item.id.to_string(),
        item.title.clone(),
        item.record.collection.to_string(),
        fields.join(", "),
        item.incoming.person.clone(),
        state.into(),
    ]
}

async fn conflict(link: &mut Link, id: &str) -> Result<ConflictInfo, Failure> {
    let id = ChangeId::try_from(id.to_owned()).map_err(|_| {
        Failure::Usage(format!("“{id}” names no review: take an id from: mooring-cli reviews list"))
    })?;
    match link.call(Command::Conflict { id }).await? {
        Ok(Answer::Conflict(found)) => Ok(*found),
        Ok(other) => Err(find::unexpected(&other)),
        Err(failure) if failure.kind == sync_client::api::FailureKind::Input => {
            Err(Failure::Nothing(failure.message))
        }
        Err(failure) => Err(failure.into()),
    }
}

async fn schema(link: &mut Link, record: &RecordId) -> Result<Collection, Failure> {
    Ok(find::collection(link, record.collection.as_str()).await?.collection)
}

async fn show(link: &mut Link, found: &ConflictInfo, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return print::json(found);
    }
    let item = &found.item;
    let collection = schema(link, &item.record).await?;
    let state = if item.settled.is_some() { "settled" } else { "needs review" };
    print::line(&format!("{} ({}): {state}", item.title, item.record))?;
    let who = |author: Option<&sync_client::api::Author>| match author {
        Some(author) if !author.person.is_empty() => format!("{}, {}", author.person, author.device),
        _ => "nobody known".into(),
    };
    for (name, sides) in &found.conflict.fields {
        let label =
            find::field(&collection, name.as_str()).map_or(name.as_str(), |field| field.label.as_str());
        let text = |value: &Value| match collection.fields.get(name) {
            Some(field) => field.field_type.show(value),
            None => value.0.to_string(),
        };
        let now = found.record.as_ref().map(|fields| record::value_of(fields, name));
        print::line(&format!("  {label}"))?;
        print::line(&format!("    before:  {}", text(&sides.base)))?;
        print::line(&format!(
            "    keep:    {} ({})",
            now.map_or("deleted".into(), text),
            who(found.current_by.get(name).or(item.current.as_ref()))
        ))?;
        print::line(&format!(
            "    take:    {} ({})",
            text(&sides.incoming),
            who(found.incoming_by.get(name).or(Some(&item.incoming)))
        ))?;
    }
    found.comments.iter().try_for_each(|said| print::line(&format!("  {}: {}", said.person, said.text)))
}

async fn resolve(link: &mut Link, id: &str, how: &Decision) -> Result<(), Failure> {
    let found = conflict(link, id).await?;
    if !found.conflict.is_open() {
        return Err(Failure::Refused(
            "It is settled already. A decision can be taken back: mooring-cli reviews take-back ID".into(),
        ));
    }
    let (conflict, saw_conflict, saw_record) = (found.item.id, found.conflict.rev, found.record_rev);
    let command = if how.both {
        Command::KeepBoth { conflict, saw_conflict, saw_record }
    } else {
        let outcome = if how.deleted {
            Outcome::Delete
        } else {
            Outcome::Keep { choices: choices(link, &found, how).await? }
        };
        Command::Resolve { conflict, saw_conflict, saw_record, outcome }
    };
    link.ask(command).await?;
    print::note("Decided, and saved on this device.");
    Ok(())
}

async fn choices(
    link: &mut Link,
    found: &ConflictInfo,
    how: &Decision,
) -> Result<BTreeMap<FieldName, Choice>, Failure> {
    let collection = schema(link, &found.item.record).await?;
    let own = find::values(&collection, &how.set)?;
    let mut choices = BTreeMap::new();
    for name in &found.item.clashing {
        let choice = match own.get(name) {
            Some(value) => Choice::Own(value.clone()),
            None if how.keep => Choice::Current,
            None if how.take => Choice::Incoming,
            None => {
                return Err(Failure::Usage(format!(
                    "“{name}” needs a decision, too: add --keep or --take, or --set {name}=VALUE."
                )));
            }
        };
        choices.insert(name.clone(), choice);
    }
    if let Some(other) = own.keys().find(|name| !choices.contains_key(*name)) {
        return Err(Failure::Usage(format!("“{other}” needs no decision here. Change it with patch.")));
    }
    Ok(choices)
}

async fn take_back(link: &mut Link, id: &str) -> Result<(), Failure> {
    let found = conflict(link, id).await?;
    match link.ask(Command::TakeBack { conflicts: vec![found.item.id] }).await? {
        Answer::Bulk(report) => match report.left.first() {
            Some((_, why)) => Err(Failure::Refused(why.clone())),
            None => {
                print::note("The decision is taken back.");
                Ok(())
            }
        },
        other => Err(find::unexpected(&other)),
    }
}
