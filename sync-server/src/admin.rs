//! What whoever runs the server does from the command line: accounts, workspaces, members.

use anyhow::{Context, bail, ensure};
use std::io::{IsTerminal, Read};
use sync_protocol::limits::PARTITIONS_MAX;
use sync_protocol::message::Role;
use sync_protocol::{Partition, UserId, WorkspaceId};
use uuid::Uuid;

use crate::auth::{login_of, password};
use crate::erase::person;
use crate::events::Event;
use crate::limits;
use crate::partition::{PartitionEngine, Settings};
use crate::routes::workspaces::{add, check_label};
use crate::store::{self, Account, Kind, PartitionId, Store, WorkspaceRow};

/// Adds an account; the sentence to print.
pub async fn add_user(store: &dyn Store, login: &str, name: &str, password: &str) -> anyhow::Result<String> {
    let login = check_login(login)?;
    let name = check_label(name).map_err(|failure| failure.problem)?.to_owned();
    password::check_new(password, &[&login, &name]).map_err(anyhow::Error::msg)?;
    let password_hash = password::hash(password);
    let account = Account { user: UserId(Uuid::now_v7()), login: login.clone(), name, password_hash };
    ensure!(
        store.add_account(&account).await?,
        "There is an account “{login}” already. Choose another login."
    );
    Ok(format!("Account “{login}” added."))
}

/// Sets a new password and ends all sessions that the old one opened; the sentence to print.
pub async fn set_password(store: &dyn Store, login: &str, password: &str) -> anyhow::Result<String> {
    let account = account(store, login).await?;
    password::check_new(password, &[&account.login, &account.name]).map_err(anyhow::Error::msg)?;
    ensure!(
        account.password_hash != password::UNUSABLE,
        "“{}” is the sample account, which has no password.",
        account.login
    );
    // the password first: whoever signs in with the old one meanwhile is found by `Auth::sign_in`
    store.set_password(account.user, &password::hash(password)).await?;
    let ended = store.end_sessions(account.user).await.context(
        "the password is set, but devices that are signed in may still be. Run the same command again",
    )?;
    Event::PasswordChanged { user: account.user, by: None, sessions: ended }.log();
    let sessions = if ended == 1 { "1 session".to_owned() } else { format!("{ended} sessions") };
    Ok(format!(
        "Password of “{}” set, {sessions} ended. What those devices have not sent stays on them until the new password is entered there.",
        account.login
    ))
}

/// Adds a workspace; its id.
pub async fn add_workspace(
    store: &dyn Store,
    name: &str,
    owner: &str,
    partitions: u16,
) -> anyhow::Result<WorkspaceId> {
    let owner = account(store, owner).await?.user;
    let name = check_label(name).map_err(|failure| failure.problem)?.to_owned();
    let row = WorkspaceRow { id: WorkspaceId(Uuid::now_v7()), name, partitions };
    ensure!(add(store, &row, owner).await?, "The new workspace's id is taken. Try again.");
    Ok(row.id)
}

/// Looks at every row of a workspace, and mends what can be mended; the sentences to print.
pub async fn check_workspace(
    store: &dyn Store,
    workspace: WorkspaceId,
    mend: bool,
) -> anyhow::Result<String> {
    let row = known(store, workspace).await?;
    let report = crate::mend::workspace(store, &row, Settings::default().horizon, mend).await?;
    let mut said = format!("{} rows of “{}” looked at.", report.rows, row.name);
    match (report.deep, mend) {
        (0, _) => {}
        (deep, true) => said.push_str(&format!(" {deep} held values nested too deep: they were cut.")),
        (deep, false) => said.push_str(&format!(
            " {deep} hold values nested too deep: the server cuts them when it sends them; --mend cuts them for good."
        )),
    }
    for (partition, kind, key) in &report.unreadable {
        said.push_str(&format!("\nCannot be read: {kind} {key} of partition {partition}."));
    }
    if !report.unreadable.is_empty() {
        said.push_str(if mend {
            "\nGroups of the feed among them are gone: devices fetch the records as they are. Restore the others from a backup."
        } else {
            "\nRestore a backup; or drop the groups of the feed among them with --mend: devices then fetch the records as they are."
        });
    } else if report.deep == 0 {
        said.push_str(" All of them can be read by every device.");
    }
    Ok(said)
}

/// Takes a workspace away with everything that is stored of it; the sentence to print. Without `yes` it only says what that is.
pub async fn erase_workspace(
    store: &dyn Store,
    workspace: WorkspaceId,
    yes: bool,
    progress: impl Fn(u16, u16),
) -> anyhow::Result<String> {
    let row = match store.workspace(workspace).await? {
        Some(row) => row,
        None => nameless(store, workspace).await?,
    };
    for partition in (0..row.partitions).map(Partition) {
        let id = PartitionId { workspace, partition };
        let carried = store.range(id, Kind::Mirror, None, 1, 1, store::Read::Quorum).await?;
        ensure!(
            carried.is_empty(),
            "Tables are mirrored into “{}”. End those mirrors first (mirror remove); the tables stay as they are.",
            row.name
        );
    }
    let mut records = 0;
    for partition in (0..row.partitions).map(Partition) {
        let head = store.head(PartitionId { workspace, partition }, store::Read::Quorum).await?;
        let of_people = head.checksums.0.iter().filter(|(collection, _)| !collection.is_reserved());
        records += of_people.map(|(_, sum)| sum.count).sum::<u64>();
    }
    if !yes {
        let members = store.members_of(workspace, limits::MEMBERS_ALL).await?.len();
        return Ok(format!(
            "“{}” has {records} record(s) and {members} member(s). With --yes all of it goes for good, with its history and its reviews; devices take it away when they next connect. `mooring-server workspace export` puts it away before.",
            row.name
        ));
    }
    crate::erase::workspace(store, workspace, row.partitions, progress).await?;
    Event::WorkspaceErased { workspace, records }.log();
    Ok(format!("“{}” is gone, with {records} record(s), their history and their reviews.", row.name))
}

/// Takes a person away; the sentence to print. `also`: workspaces that they have left. Without `yes` it only says what would go.
pub async fn erase_user(
    store: &dyn Store,
    engine: &PartitionEngine,
    login: &str,
    also: &[WorkspaceId],
    yes: bool,
) -> anyhow::Result<String> {
    let account = account(store, login).await?;
    let mut before = Vec::new();
    for id in also {
        before.push(known(store, *id).await?);
    }
    if !yes {
        let (all, alone) = person::places(store, account.user).await?;
        let places = if all.is_empty() { "no workspace".into() } else { person::names(&all) };
        let hint = match alone.as_slice() {
            [] => String::new(),
            alone => {
                format!(" Before that, {} needs another owner, or is erased itself.", person::names(alone))
            }
        };
        return Ok(format!(
            "“{}” is a member of {places}. With --yes the account goes for good with its sessions, and there they are read as “{}”. What they wrote stays, and so does their name in the history, as long as that is kept.{hint}",
            account.login,
            person::NAMELESS
        ));
    }
    let all = person::person(store, engine, &account, &before).await?;
    Event::AccountErased { user: account.user, workspaces: all.len() }.log();
    let places = if all.is_empty() {
        "no workspace knew them".into()
    } else {
        format!("their name is out of {}", person::names(&all))
    };
    Ok(format!("“{}” is gone; {places}.", account.login))
}

/// What is left of a workspace that was deleted for everybody: all but its name and its members.
async fn nameless(store: &dyn Store, id: WorkspaceId) -> anyhow::Result<WorkspaceRow> {
    let mut partitions = 0;
    for partition in (0..PARTITIONS_MAX).map(Partition) {
        let head = store.head(PartitionId { workspace: id, partition }, store::Read::Quorum).await?;
        if head.revision.0 > 0 {
            partitions = partition.0 + 1;
        }
    }
    ensure!(
        partitions > 0,
        "There is no workspace {id}, and nothing is left of one. Its id is printed when it is added."
    );
    Ok(WorkspaceRow { id, name: format!("{id} (deleted for everybody)"), partitions })
}

/// The workspace of an id.
async fn known(store: &dyn Store, workspace: WorkspaceId) -> anyhow::Result<WorkspaceRow> {
    let row = store.workspace(workspace).await?;
    row.with_context(|| format!("There is no workspace {workspace}. Its id is printed when it is added."))
}

/// Sets a role; the sentence to print.
pub async fn set_member(
    store: &dyn Store,
    workspace: WorkspaceId,
    login: &str,
    role: Option<Role>,
) -> anyhow::Result<String> {
    let row = known(store, workspace).await?;
    let account = account(store, login).await?;
    store.set_member(workspace, account.user, role).await?;
    Event::Member { workspace, by: None, user: account.user, role }.log();
    let what = match role {
        Some(Role::Reader) => "may read",
        Some(Role::Editor) => "may read and edit",
        Some(Role::Owner) => "is an owner of",
        None => "is no member of",
    };
    Ok(format!("“{}” {what} “{}” now.", account.login, row.name))
}

/// Asks for a password where a person sits at the terminal, else reads it from standard input up to the line's end.
pub fn read_password() -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        let password = rpassword::prompt_password("Password: ").context("cannot read the password")?;
        let again = rpassword::prompt_password("The same again: ").context("cannot read the password")?;
        if password != again {
            bail!("The two passwords differ. Nothing was changed; try again.");
        }
        return Ok(password);
    }
    let mut input = String::new();
    let most = limits::PASSWORD_BYTES as u64 + 2;
    std::io::stdin().take(most).read_to_string(&mut input).context("cannot read the password")?;
    Ok(input.lines().next().unwrap_or_default().to_owned())
}

async fn account(store: &dyn Store, login: &str) -> anyhow::Result<Account> {
    let login = login_of(login);
    let account = store.account(&login).await?;
    account.with_context(|| {
        format!("There is no account “{login}”. Add it with: mooring-server user add {login} --name NAME")
    })
}

/// A login that can be made, as it is stored.
///
/// # Errors
/// A sentence that says what a login is.
pub(crate) fn check_login(login: &str) -> anyhow::Result<String> {
    let login = login_of(login);
    let fits = (1..=limits::LOGIN_BYTES).contains(&login.len())
        && !login.contains('/')
        && !login.chars().any(|c| c.is_control() || c.is_whitespace());
    ensure!(
        fits,
        "A login has 1 to {} bytes, without blanks and slashes. An e-mail address is a good one.",
        limits::LOGIN_BYTES
    );
    Ok(login)
}
