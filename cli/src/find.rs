//! Names on the command line, and what they name: workspaces, collections, fields, keys, values.

use std::path::Path;

use sync_client::api::{Answer, CollectionInfo, Command, Session};
use sync_protocol::message::Workspace;
use sync_protocol::schema::{Collection, Field};
use sync_protocol::{CollectionId, FieldName, Fields, RecordId, RecordKey, Value};

use crate::failure::Failure;
use crate::link::Link;
use crate::used;

/// What stands for the key where a field is named.
pub(crate) const KEY: &str = "@key";

fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

pub(crate) async fn session(link: &mut Link) -> Result<Session, Failure> {
    match link.ask(Command::Session).await? {
        Answer::Session(session) => Ok(session),
        other => Err(unexpected(&other)),
    }
}

/// An answer of another kind than the command has.
pub(crate) fn unexpected(answer: &Answer) -> Failure {
    let text = serde_json::to_string(answer).unwrap_or_default();
    let kind: String = text.chars().filter(|c| c.is_alphanumeric() || *c == '_').take(20).collect();
    Failure::Device(format!("Mooring answered with something else than was asked for ({kind})."))
}

/// The workspace that is meant, open: the named one, else the one that `use` has named, else the one that is open.
pub(crate) async fn workspace(
    link: &mut Link,
    folder: &Path,
    wanted: Option<&str>,
) -> Result<Workspace, Failure> {
    let session = session(link).await?;
    let used = if wanted.is_none() { used::read(folder).await? } else { None };
    let id = used.as_ref().map(|used| used.workspace.to_string());
    let found = named(&session, wanted.or(id.as_deref())).map_err(|failure| match (failure, used) {
        (Failure::Nothing(_), Some(used)) => Failure::Nothing(format!(
            "“{}”, which commands were to be about, is not here any more. Say another: mooring-cli use WORKSPACE",
            used.name
        )),
        (failure, _) => failure,
    })?;
    if session.open != Some(found.id) {
        link.ask(Command::Open { workspace: found.id }).await?;
    }
    Ok(found)
}

/// The workspace of that name or id; without one the one that is open, or the only one.
pub(crate) fn named(session: &Session, wanted: Option<&str>) -> Result<Workspace, Failure> {
    let all: Vec<&Workspace> = session.workspaces.iter().chain(&session.local).collect();
    let found: Vec<&&Workspace> = match wanted {
        Some(name) => all.iter().filter(|one| one.name == name || one.id.to_string() == name).collect(),
        None if session.open.is_some() => all.iter().filter(|one| Some(one.id) == session.open).collect(),
        None => all.iter().collect(),
    };
    let names = || list(all.iter().map(|one| one.name.as_str()));
    match (found.as_slice(), wanted) {
        ([one], _) => Ok((**one).clone()),
        ([], _) if all.is_empty() && session.user.is_none() => {
            Err(Failure::SignIn(
                "Nobody is signed in here, and there is no workspace of this device only. Sign in with: mooring-cli login SERVER; or make one: mooring-cli new-workspace NAME --local".into(),
            ))
        }
        ([], Some(name)) => {
            Err(Failure::Nothing(format!(
                "There is no workspace “{name}” here. There are: {}.",
                names()
            )))
        }
        ([], None) => {
            Err(Failure::Nothing(
                "There is no workspace yet. Make one with: mooring-cli new-workspace NAME".into(),
            ))
        }
        (_, Some(name)) => {
            Err(Failure::Usage(format!(
                "Several workspaces are called “{name}”: say its id, from: mooring-cli workspaces --json"
            )))
        }
        (_, None) => {
            Err(Failure::Usage(format!(
                "There are several workspaces: say which with --workspace. There are: {}.",
                names()
            )))
        }
    }
}

pub(crate) async fn collections(link: &mut Link) -> Result<Vec<CollectionInfo>, Failure> {
    match link.ask(Command::Collections).await? {
        Answer::Collections(all) => Ok(all.into_iter().filter(|one| !one.collection.deleted).collect()),
        other => Err(unexpected(&other)),
    }
}

/// A collection by its name or by what people call it.
pub(crate) async fn collection(link: &mut Link, name: &str) -> Result<CollectionInfo, Failure> {
    let all = collections(link).await?;
    let labels = list(all.iter().map(|one| one.collection.label.as_str()));
    let mut called: Vec<CollectionInfo> = match all.iter().find(|one| one.id.as_str() == name) {
        Some(one) => vec![one.clone()],
        None => all.into_iter().filter(|one| one.collection.label.eq_ignore_ascii_case(name)).collect(),
    };
    match (called.pop(), called.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(_), false) => Err(Failure::Usage(format!(
            "Several collections are called “{name}”: say its id, from: mooring-cli collections --json"
        ))),
        (None, _) => Err(Failure::Nothing(format!("There is no collection “{name}”. There are: {labels}."))),
    }
}

/// A field by its name or by what people call it.
pub(crate) fn field<'c>(collection: &'c Collection, name: &str) -> Result<&'c Field, Failure> {
    let fields = || collection.fields.values().filter(|one| !one.details.deleted);
    let found = fields().find(|one| one.name.as_str() == name);
    found.or_else(|| fields().find(|one| one.label.eq_ignore_ascii_case(name))).ok_or_else(|| {
        let labels = list(collection.ordered().into_iter().map(|one| one.label.as_str()));
        Failure::Nothing(format!("“{}” has no field “{name}”. There are: {labels}.", collection.label))
    })
}

/// A record by the key that was typed.
pub(crate) fn record(collection: &CollectionId, key: &str) -> RecordId {
    RecordId::new(collection.clone(), RecordKey::from_input(key))
}

/// A value of a field as it was typed.
pub(crate) fn value(field: &Field, text: &str) -> Result<Value, Failure> {
    field
        .field_type
        .parse(text, &field.options)
        .map_err(|wrong| Failure::Usage(format!("{}: “{text}” is {wrong}.", field.label)))
}

/// Values given as `FIELD=VALUE`. An open collection takes fields that it has not seen yet, as JSON or text.
pub(crate) fn values(collection: &Collection, given: &[String]) -> Result<Fields, Failure> {
    let mut fields = Fields::new();
    for one in given {
        let (name, text) = one
            .split_once('=')
            .ok_or_else(|| Failure::Usage(format!("“{one}” is no value: write FIELD=VALUE.")))?;
        let (name, value) = match field(collection, name) {
            Ok(field) => (field.name.clone(), value(field, text)?),
            Err(_) if collection.open => {
                let name = FieldName::new(name).map_err(|wrong| Failure::Usage(wrong.to_string()))?;
                (name, serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)))
            }
            Err(failure) => return Err(failure),
        };
        // no value stays in: it takes the one away that is there
        fields.insert(name, value);
    }
    Ok(fields)
}
