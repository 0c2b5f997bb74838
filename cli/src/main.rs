//! `mooring-cli`: the engine that the window runs, on the command line. It talks to the window or the service that has the folder
//! open, and opens the folder itself where none has. No sync rule lives here.

mod account;
mod args;
mod doctor;
mod failure;
mod files;
mod filter;
mod find;
mod keep;
mod link;
mod print;
mod records;
mod reviews;
mod used;

use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use serde_json::json;
use sync_client::api::{Answer, Command as Ask};

use args::{Cli, Command};
use failure::Failure;
use link::Link;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "off".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::Device(error.to_string()).tell(cli.json),
    };
    match runtime.block_on(command(&cli)) {
        Ok(code) => code,
        Err(failure) => failure.tell(cli.json),
    }
}

/// What says nothing of records, and what says all of it.
async fn command(cli: &Cli) -> Result<ExitCode, Failure> {
    let done = |()| ExitCode::SUCCESS;
    let folder = link::folder(cli.folder.as_deref())?;
    match &cli.command {
        Command::Man { pages: Some(pages) } => clap_mangen::generate_to(Cli::command(), pages)
            .map_err(|error| Failure::Device(format!("{}: {error}", pages.display())))
            .map(done),
        Command::Man { pages: None } => {
            let mut page = Vec::new();
            let written = clap_mangen::Man::new(Cli::command()).render(&mut page);
            written.map_err(|error| Failure::Device(error.to_string()))?;
            print::line(String::from_utf8_lossy(&page).trim_end()).map(done)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "mooring-cli", &mut script);
            print::line(String::from_utf8_lossy(&script).trim_end()).map(done)
        }
        Command::Run => keep::run(&folder, cli.workspace.as_deref()).await.map(done),
        Command::Doctor => doctor::command(&folder, cli).await,
        _ => {
            let mut link = Link::open(&folder).await?;
            asked(&mut link, &folder, cli).await
        }
    }
}

async fn asked(link: &mut Link, folder: &Path, cli: &Cli) -> Result<ExitCode, Failure> {
    let done = |()| ExitCode::SUCCESS;
    match &cli.command {
        Command::Login(login) => return account::login(link, login, cli.json).await.map(done),
        Command::Logout { unsent } => return account::logout(link, *unsent).await.map(done),
        Command::Workspaces => return account::workspaces(link, cli.json).await.map(done),
        Command::NewWorkspace { name, local } => {
            return account::new_workspace(link, name, *local, cli.json).await.map(done);
        }
        Command::Use { workspace, .. } => {
            return used::command(link, folder, workspace.as_deref(), cli).await.map(done);
        }
        _ => {}
    }
    find::workspace(link, folder, cli.workspace.as_deref()).await?;
    if !cli.sync && !matches!(cli.command, Command::Sync) {
        return opened(link, folder, cli).await.map(done);
    }
    let before = keep::status(link).await?;
    keep::exchange(link, cli.timeout).await?;
    opened(link, folder, cli).await?;
    if !writes(&cli.command) {
        return Ok(ExitCode::SUCCESS);
    }
    let after = keep::settle(link, cli.timeout, None).await?;
    if after.rejected > before.rejected {
        return Err(Failure::Refused("The server refused it. See: mooring-cli reviews list".into()));
    }
    if after.conflicts > before.conflicts {
        print::note("Somebody changed the same meanwhile: it needs review. See: mooring-cli reviews list");
        return Ok(ExitCode::from(7));
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether it sends something.
fn writes(command: &Command) -> bool {
    use args::Reviews;
    matches!(
        command,
        Command::Sync
            | Command::NewCollection { .. }
            | Command::Put(_)
            | Command::Patch(_)
            | Command::Delete { .. }
            | Command::Import(_)
            | Command::Reviews(Reviews::Resolve(_) | Reviews::TakeBack { .. })
    )
}

/// What is asked of an open workspace.
async fn opened(link: &mut Link, folder: &Path, cli: &Cli) -> Result<(), Failure> {
    match &cli.command {
        Command::Collections => account::collections(link, cli.json).await,
        Command::NewCollection { label, fields } => {
            account::new_collection(link, label, fields, cli.json).await
        }
        Command::Get { collection, keys } => records::get(link, collection, keys, cli.json).await,
        Command::List(list) => records::list(link, list, cli.json).await,
        Command::Put(write) => records::put(link, write, cli.json).await,
        Command::Patch(write) => records::patch(link, write, cli.json).await,
        Command::Delete { collection, keys } => records::delete(link, collection, keys, cli.json).await,
        Command::Import(import) => files::import(link, import, cli.json).await,
        Command::Export { collection, format, output } => {
            files::export(link, collection, *format, output.as_deref()).await
        }
        Command::Watch(watch) => keep::watch(link, watch).await,
        Command::Sync | Command::Status => {
            let status = keep::status(link).await?;
            keep::tell(link, folder, &status, cli.json).await
        }
        Command::Reviews(asked) => reviews::command(link, asked, cli.json).await,
        Command::History { collection, key } => history(link, collection, key, cli.json).await,
        // these need no open workspace
        Command::Login(_)
        | Command::Logout { .. }
        | Command::Workspaces
        | Command::Use { .. }
        | Command::NewWorkspace { .. }
        | Command::Doctor
        | Command::Run
        | Command::Man { .. }
        | Command::Completions { .. } => Ok(()),
    }
}

async fn history(link: &mut Link, name: &str, key: &str, as_json: bool) -> Result<(), Failure> {
    let collection = find::collection(link, name).await?;
    let id = find::record(&collection.id, key);
    let mut resume = None;
    loop {
        let page = match link.ask(Ask::History { id: id.clone(), resume }).await? {
            Answer::History(page) => page,
            other => return Err(find::unexpected(&other)),
        };
        for version in &page.versions {
            if as_json {
                print::json(
                    &json!({ "rev": version.rev, "by": version.by, "deleted": version.deleted, "fields": version.fields }),
                )?;
                continue;
            }
            let changed: Vec<&str> =
                version.changed.iter().flatten().map(|(name, _)| name.as_str()).collect();
            let what = match (version.deleted, changed.is_empty()) {
                (true, _) => "deleted".into(),
                (false, true) => "as it was added".into(),
                (false, false) => format!("changed {}", changed.join(", ")),
            };
            let at = version.by.at.to_text().unwrap_or_default();
            print::line(&format!("{at}  {} ({}): {what}", version.by.person, version.by.device))?;
        }
        resume = page.next;
        if resume.is_none() {
            if page.expired {
                print::note("Older versions are no longer kept.");
            }
            return Ok(());
        }
    }
}
