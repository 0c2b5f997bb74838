//! `mooring-server mirror ...`: what is printed, and the exit codes.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;
use sync_protocol::mirror::{Direction, Expiry, Mirror, MirrorPlan, MirrorSample, Verified};
use sync_protocol::{RecordKey, WorkspaceId};
use uuid::Uuid;

use super::definition::{Definition, State};
use super::desk::{Desk, DeskError};
use super::proposal::Wish;
use super::status::span;
use crate::config::StoreArgs;

/// What was asked for is refused, or what was asked about is not as it should be: a mirror that is paused, sums that differ.
pub const NOT_AS_IT_SHOULD_BE: u8 = 3;

/// `mirror ...`
#[derive(Debug, Subcommand)]
pub enum MirrorCommand {
    /// Mirror a table as a collection. As of all these commands the exit code is 0 where it is done, 1 where it failed and may be
    /// tried again, 2 where the command is wrong, 3 where it is refused: then the sentence says what to do.
    Add(Box<AddArgs>),
    /// List the mirrors of a workspace, or all.
    List {
        /// Id of the workspace.
        #[arg(required_unless_present = "all")]
        workspace: Option<WorkspaceId>,
        /// Those of all workspaces.
        #[arg(long, conflicts_with = "workspace")]
        all: bool,
        /// How to print, and where the data is.
        #[command(flatten)]
        how: How,
    },
    /// Show how a mirror stands. The exit code is 3 where it is paused.
    Show(One),
    /// Stop a mirror until it is resumed.
    Pause(One),
    /// Let a paused mirror go on where it stopped.
    Resume {
        /// Most rows of the table are gone, and that is what was meant: delete their records, too.
        #[arg(long)]
        accept_loss: bool,
        /// Which, and how to print.
        #[command(flatten)]
        one: One,
    },
    /// Compare all rows by value, soon.
    Resync(One),
    /// Look at these rows now, instead of waiting for the mirror to notice them.
    Touched {
        /// Id of the mirror.
        id: Uuid,
        /// Keys of the rows, as their records show them.
        #[arg(required = true)]
        keys: Vec<String>,
        /// How to print, and where the data is.
        #[command(flatten)]
        how: How,
    },
    /// Compare three sums, of the table, of what was agreed on and of the records. The exit code is 3 where they differ.
    Verify(One),
    /// End a mirror. Table and records stay as they are.
    Remove(One),
}

/// `mirror add ...`
#[derive(Debug, Args)]
pub struct AddArgs {
    /// Id of the workspace.
    pub workspace: WorkspaceId,
    /// The table.
    #[arg(long, value_name = "KEYSPACE.TABLE", value_parser = place)]
    pub table: (String, String),
    /// The collection, new or there already; called like the table unless given.
    #[arg(long, value_name = "NAME")]
    pub collection: Option<String>,
    /// Which way changes go: both, from the table in, to the table out, or one time in.
    #[arg(long, default_value = "both", value_parser = directions())]
    pub direction: Direction,
    /// The field of a column, where it is not to be called like the column. COLUMN= leaves it out. May be given several times.
    #[arg(long, value_name = "COLUMN=FIELD", value_parser = pair)]
    pub map: Vec<(String, String)>,
    /// The columns of the table's key, to be sure of them. May be given several times.
    #[arg(long, value_name = "COLUMN")]
    pub key: Vec<String>,
    /// What becomes of a record's value whose cell has expired.
    #[arg(long, default_value = "delete", value_parser = expiries())]
    pub expiry: Expiry,
    /// Make the table for the collection.
    #[arg(long)]
    pub publish: bool,
    /// Only say what would happen.
    #[arg(long)]
    pub dry_run: bool,
    /// How to print, and where the data is.
    #[command(flatten)]
    pub how: How,
}

/// One mirror.
#[derive(Debug, Args)]
pub struct One {
    /// Id of the mirror.
    pub id: Uuid,
    /// How to print, and where the data is.
    #[command(flatten)]
    pub how: How,
}

/// How to print, and where the data is.
#[derive(Debug, Args)]
pub struct How {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Days for which the feed and deleted records are kept: as the servers of this keyspace say.
    #[arg(long, env = "MOORING_HORIZON_DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    pub horizon_days: u32,
    /// Where the data is.
    #[command(flatten)]
    pub store: StoreArgs,
}

impl How {
    /// How long the feed is kept.
    pub fn horizon(&self) -> Duration {
        Duration::from_hours(24 * u64::from(self.horizon_days))
    }
}

impl MirrorCommand {
    /// How to print, and where the data is.
    pub fn how(&self) -> &How {
        match self {
            Self::Add(args) => &args.how,
            Self::List { how, .. } | Self::Touched { how, .. } => how,
            Self::Show(one)
            | Self::Pause(one)
            | Self::Resume { one, .. }
            | Self::Resync(one)
            | Self::Verify(one)
            | Self::Remove(one) => &one.how,
        }
    }

    /// Carries it out and prints what came of it.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub async fn carry_out(self, desk: &Desk) -> Result<ExitCode, DeskError> {
        let json = self.how().json;
        match self {
            Self::Add(args) => add(desk, *args).await,
            Self::List { workspace, .. } => {
                let all = desk.show_all(workspace).await?;
                match json {
                    true => print(&all),
                    false if all.is_empty() => println!("No table is mirrored."),
                    false => all.iter().for_each(|shown| println!("{}", line(shown))),
                }
                Ok(ExitCode::SUCCESS)
            }
            Self::Show(one) => {
                let definition = desk.find(None, one.id).await?;
                told(desk, &definition, json).await?;
                Ok(match definition.state {
                    State::Paused { .. } => ExitCode::from(NOT_AS_IT_SHOULD_BE),
                    State::Running | State::Done | State::Removing => ExitCode::SUCCESS,
                })
            }
            Self::Pause(one) => {
                told(desk, &desk.pause(one.id, "Paused from the command line.").await?, json).await
            }
            Self::Resume { accept_loss, one } => {
                told(desk, &desk.resume(one.id, accept_loss).await?, json).await
            }
            Self::Resync(one) => told(desk, &desk.resync(one.id).await?, json).await,
            Self::Touched { id, keys, .. } => {
                let definition = desk.find(None, id).await?;
                let count = keys.len();
                let keys = keys.iter().map(|key| RecordKey::from_input(key)).collect();
                let left = desk.touched(&definition, keys).await?;
                match json {
                    true => print(&serde_json::json!({ "looked_at": count, "left": left })),
                    false => println!("{count} rows looked at, {left} are still under way."),
                }
                Ok(ExitCode::SUCCESS)
            }
            Self::Verify(one) => {
                let verified = desk.verify(&desk.find(None, one.id).await?).await?;
                match json {
                    true => print(&verified),
                    false => println!("{}", verified_text(&verified)),
                }
                Ok(if verified.equal { ExitCode::SUCCESS } else { ExitCode::from(NOT_AS_IT_SHOULD_BE) })
            }
            Self::Remove(one) => {
                desk.remove(one.id).await?;
                match json {
                    true => print(&serde_json::json!({ "id": one.id, "removed": true })),
                    false => println!("The mirror is removed. The table and the records stay as they are."),
                }
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

async fn add(desk: &Desk, args: AddArgs) -> Result<ExitCode, DeskError> {
    let (keyspace, table) = args.table;
    let wish = Wish {
        workspace: args.workspace,
        keyspace,
        table,
        collection: args.collection,
        direction: args.direction,
        map: args.map.into_iter().collect::<BTreeMap<_, _>>(),
        key: args.key,
        expiry: args.expiry,
        publish: args.publish,
        by: "The command line".into(),
    };
    if args.dry_run {
        let planned = desk.plan(&wish).await?;
        let rehearsed = desk.rehearse(&planned, u64::MAX).await?;
        match args.how.json {
            true => print(&rehearsed),
            false => println!("{}", rehearsed_text(&rehearsed)),
        }
        return Ok(ExitCode::SUCCESS);
    }
    let definition = desk.add(&wish).await?;
    match args.how.json {
        true => print(&desk.show(&definition).await?),
        false => println!("{}", definition.id),
    }
    Ok(ExitCode::SUCCESS)
}

async fn told(desk: &Desk, definition: &Definition, json: bool) -> Result<ExitCode, DeskError> {
    let shown = desk.show(definition).await?;
    match json {
        true => print(&shown),
        false => println!("{}", shown_text(&shown)),
    }
    Ok(ExitCode::SUCCESS)
}

fn print<T: serde::Serialize>(value: &T) {
    println!("{}", serde_json::to_string_pretty(value).expect("plain data is always JSON"));
}

fn line(shown: &Mirror) -> String {
    format!(
        "{}  {}  {} -> {}  {}  {}",
        shown.id,
        shown.workspace,
        shown.table,
        shown.collection,
        shown.direction.name(),
        shown.state
    )
}

fn shown_text(shown: &Mirror) -> String {
    let mut lines = vec![line(shown)];
    if let Some(reason) = &shown.reason {
        lines.push(reason.clone());
    }
    let Some(status) = &shown.status else {
        lines.push("No server has worked on it yet.".into());
        return lines.join("\n");
    };
    if shown.server.is_none() && shown.state == "running" {
        lines.push("No server works on it at the moment.".into());
    }
    if let Some(progress) = status.progress {
        lines.push(format!("{} of {} rows compared", progress.done, progress.of));
    }
    lines.push(format!(
        "{} rows; {} writes of other programs found, {} rows written, {} waiting for a person, {} changes on their way",
        status.rows, status.found, status.written, status.parked, status.behind
    ));
    if let Some(trouble) = &status.trouble {
        lines.push(format!("In the way: {trouble}"));
    }
    if let Some(ahead) = &status.ahead {
        lines.push(format!(
            "A program wrote row {} with a clock that is {} ahead. Set that machine's clock.",
            ahead.key,
            span(Duration::from_millis(ahead.by_ms))
        ));
    }
    if status.refused > 0 {
        lines.push(format!("{} rows cannot be taken:", status.refused));
        lines.extend(status.refused_rows.iter().map(|row| format!("  {}: {}", row.key, row.reason)));
    }
    lines.join("\n")
}

fn rehearsed_text(told: &MirrorPlan) -> String {
    let mut lines = Vec::new();
    if let Some(create) = &told.create {
        lines.push(format!("The table would be made:\n{create};"));
    }
    lines.extend(told.columns.iter().map(|(field, column)| format!("column {column} is field {field}")));
    lines.extend(told.notes.iter().map(|note| {
        let what = if note.left_out { "left out" } else { "only read" };
        format!("column {} is {what}: {}", note.column, note.why)
    }));
    lines.push(format!(
        "{} rows: {} new here, {} equal, {} differing, {} refused; {} records are new there",
        told.rows, told.new_here, told.equal, told.differing, told.refused, told.new_there
    ));
    lines.extend(told.reasons.iter().map(|(why, count)| format!("  {count} refused: {why}")));
    let row = |sample: &MirrorSample| {
        format!("  {}: {}", sample.key, serde_json::to_string(&sample.row).unwrap_or_default())
    };
    lines.extend(told.samples.iter().chain(&told.differing_samples).map(row));
    lines.push("Nothing was changed.".into());
    lines.join("\n")
}

fn verified_text(told: &Verified) -> String {
    let mut lines = vec![format!(
        "{} rows. Table {}, agreed on {}, records {}: {}",
        told.rows,
        told.table_sum,
        told.agreed_sum,
        told.records_sum,
        if told.equal { "equal" } else { "they differ" }
    )];
    if told.waiting > 0 {
        lines.push(format!("{} rows wait for a person and are in no sum.", told.waiting));
    }
    if told.refused > 0 {
        lines.push(format!("{} rows cannot be taken; mirror show says why.", told.refused));
    }
    lines.extend(told.differing.iter().map(|key| format!("  differs: {key}")));
    lines.join("\n")
}

fn directions() -> impl TypedValueParser<Value = Direction> {
    PossibleValuesParser::new(Direction::ALL.map(Direction::name))
        .try_map(|name| Direction::from_name(&name).ok_or("both, in, out or once"))
}

fn expiries() -> impl TypedValueParser<Value = Expiry> {
    PossibleValuesParser::new(Expiry::ALL.map(Expiry::name))
        .try_map(|name| Expiry::from_name(&name).ok_or("delete or keep"))
}

fn place(text: &str) -> Result<(String, String), String> {
    match text.split_once('.') {
        Some((keyspace, table)) if !keyspace.is_empty() && !table.is_empty() => {
            Ok((keyspace.to_owned(), table.to_owned()))
        }
        _ => Err("a table is named with its keyspace, such as shop.orders".into()),
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((column, field)) if !column.is_empty() => Ok((column.to_owned(), field.to_owned())),
        _ => Err("a column and its field with = between them, such as full_name=name".into()),
    }
}
