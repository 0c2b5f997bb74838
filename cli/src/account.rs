//! Who is signed in, and what is there: workspaces and collections.

use std::io::{BufRead, IsTerminal};

use serde_json::json;
use sync_client::api::{Answer, Command, FailureKind, Session, Unsent};
use sync_protocol::schema::Field;
use sync_protocol::{FieldName, FieldType};

use crate::args::{Left, Login};
use crate::failure::Failure;
use crate::find;
use crate::link::Link;
use crate::print::{self, Table};

fn input() -> Result<String, Failure> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(|error| Failure::Device(error.to_string()))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

pub(crate) async fn login(link: &mut Link, login: &Login, as_json: bool) -> Result<(), Failure> {
    let connect = |server: String| match login.unencrypted {
        true => Command::ConnectOpenly { server },
        false => Command::Connect { server },
    };
    match link.call(connect(login.server.clone())).await? {
        Err(failure) if failure.kind == FailureKind::Open => {
            return Err(Failure::Refused(format!("{} Say --unencrypted if you mean it.", failure.message)));
        }
        answered => drop(answered?),
    }
    let command = if login.token_stdin {
        Command::SignInWith { token: input()? }
    } else {
        let name = match &login.name {
            Some(name) => name.clone(),
            None => {
                eprint!("Name: ");
                input()?
            }
        };
        let password = if login.password_stdin || !std::io::stdin().is_terminal() {
            input()?
        } else {
            rpassword::prompt_password("Password: ").map_err(|error| Failure::Device(error.to_string()))?
        };
        Command::SignIn { name, password }
    };
    match link.call(command).await? {
        Ok(Answer::Session(session)) => told(&session, as_json),
        Ok(other) => Err(find::unexpected(&other)),
        Err(failure) if matches!(failure.kind, FailureKind::Input | FailureKind::Refused) => {
            Err(Failure::SignIn(failure.message))
        }
        Err(failure) => Err(failure.into()),
    }
}

pub(crate) async fn logout(link: &mut Link, unsent: Option<Left>) -> Result<(), Failure> {
    let unsent = match unsent {
        None => Unsent::Ask,
        Some(Left::Keep) => Unsent::Keep,
        Some(Left::Discard) => Unsent::Discard,
    };
    match link.call(Command::SignOut { unsent }).await? {
        Ok(_) => Ok(()),
        Err(failure) if failure.kind == FailureKind::Unsent => Err(Failure::Refused(format!(
            "{} Send them with: mooring-cli sync; or say --unsent keep or --unsent discard.",
            failure.message
        ))),
        Err(failure) => Err(failure.into()),
    }
}

fn told(session: &Session, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return print::json(session);
    }
    let who = session
        .user
        .as_ref()
        .map_or("Nobody is signed in".into(), |user| format!("Signed in as {}", user.name));
    print::note(&format!(
        "{who}{}",
        session.server.as_ref().map_or(String::new(), |server| format!(", {server}"))
    ));
    let mut table = Table::new(["Workspace", "Role", "Id", "Open"].map(str::to_owned).to_vec());
    let of_server =
        session.workspaces.iter().map(|one| (one, json!(one.role).as_str().unwrap_or_default().to_owned()));
    let local = session.local.iter().map(|one| (one, "on this device only".to_owned()));
    let rows = of_server.chain(local).map(|(one, role)| {
        let open = if session.open == Some(one.id) { "open" } else { "" };
        vec![one.name.clone(), role, one.id.to_string(), open.into()]
    });
    table.rows(&rows.collect::<Vec<_>>())
}

pub(crate) async fn workspaces(link: &mut Link, as_json: bool) -> Result<(), Failure> {
    // the known ones where there is no network
    let session = match link.call(Command::Workspaces).await? {
        Ok(Answer::Session(session)) => session,
        _ => find::session(link).await?,
    };
    told(&session, as_json)
}

pub(crate) async fn new_workspace(
    link: &mut Link,
    name: &str,
    local: bool,
    as_json: bool,
) -> Result<(), Failure> {
    let name = name.to_owned();
    let command = if local { Command::NewLocal(name) } else { Command::NewWorkspace { name } };
    match link.ask(command).await? {
        Answer::Session(session) => told(&session, as_json),
        other => Err(find::unexpected(&other)),
    }
}

pub(crate) async fn collections(link: &mut Link, as_json: bool) -> Result<(), Failure> {
    let all = find::collections(link).await?;
    if as_json {
        return all.iter().try_for_each(print::json);
    }
    let mut table =
        Table::new(["Collection", "Name", "Records", "Need review", "Fields"].map(str::to_owned).to_vec());
    let rows = all.iter().map(|one| {
        let fields = one
            .collection
            .ordered()
            .into_iter()
            .map(|field| format!("{} ({})", field.label, field.field_type.name()));
        vec![
            one.collection.label.clone(),
            one.id.to_string(),
            one.records.to_string(),
            one.review.to_string(),
            fields.collect::<Vec<_>>().join(", "),
        ]
    });
    table.rows(&rows.collect::<Vec<_>>())
}

pub(crate) async fn new_collection(
    link: &mut Link,
    label: &str,
    given: &[String],
    as_json: bool,
) -> Result<(), Failure> {
    let mut fields = Vec::new();
    for (position, one) in (0..).zip(given) {
        let (label, field_type) = match one.rsplit_once(':') {
            Some((label, name)) => {
                let known = || FieldType::ALL.map(FieldType::name).join(", ");
                let found = FieldType::from_name(name);
                (
                    label,
                    found.ok_or_else(|| {
                        Failure::Usage(format!("There is no type “{name}”. There are: {}.", known()))
                    })?,
                )
            }
            None => (one.as_str(), FieldType::Text),
        };
        fields.push(Field { position, ..Field::new(FieldName::from_label(label), label, field_type) });
    }
    match link.ask(Command::NewCollection { label: label.into(), fields }).await? {
        Answer::Made(id) if as_json => print::json(&json!({ "collection": id })),
        Answer::Made(id) => print::line(id.as_str()),
        other => Err(find::unexpected(&other)),
    }
}
