//! What the command line takes.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use sync_client::api::{FileFormat, ImportMode};

/// Records that stay in step, with or without a network: for scripts, and for machines without a screen.
///
/// It keeps the same copy of the records as the window does, and works while the window is open. What is written is saved on this
/// device first, and sent when there is a network.
#[derive(Debug, Parser)]
#[command(name = "mooring-cli", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// The folder of the records; the window's own unless said otherwise
    #[arg(long, global = true, env = "MOORING_DATA_DIR", value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// The workspace, by its name or id; the one that `use` has named, else the one that was open last
    #[arg(long, short, global = true, value_name = "WORKSPACE")]
    pub workspace: Option<String>,
    /// Answers as JSON on standard output, failures as JSON on standard error
    #[arg(long, global = true)]
    pub json: bool,
    /// Fetches the server's news before reading, and has it judge what was written before ending
    #[arg(long, global = true)]
    pub sync: bool,
    /// Seconds that may be waited for the server
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 60)]
    pub timeout: u64,
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  it failed on this device
  2  the command line is wrong
  3  there is no such workspace, collection, field, record or review
  4  the server cannot be reached, or did not answer in time
  5  sign in (again) first
  6  refused: by the server, or because of what is there already
  7  done, but something needs review";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sign in to a server; asks for the password, or reads it from standard input
    Login(Login),
    /// Sign out, and remove this device's records of everything
    Logout {
        /// What becomes of changes that were not sent
        #[arg(long, value_enum)]
        unsent: Option<Left>,
    },
    /// The workspaces, and which one is open
    Workspaces,
    /// Say which workspace commands mean from now on, when --workspace does not say another
    Use {
        /// By its name or id
        #[arg(value_name = "WORKSPACE", required_unless_present = "none")]
        workspace: Option<String>,
        /// None any more: again the one that the window shows
        #[arg(long, conflicts_with = "workspace")]
        none: bool,
    },
    /// Make a workspace: on the server, or on this device only
    NewWorkspace {
        name: String,
        /// On this device only: no server, no account
        #[arg(long)]
        local: bool,
    },
    /// The collections of the workspace with their fields
    Collections,
    /// Make a collection
    NewCollection {
        /// What people call it
        label: String,
        /// A field as NAME or NAME:TYPE (text, integer, decimal, number, yes_no, date, date_time, time, choice, tags, ...)
        #[arg(long = "field", value_name = "FIELD")]
        fields: Vec<String>,
    },
    /// Records by their keys
    Get {
        collection: String,
        #[arg(required = true)]
        keys: Vec<String>,
    },
    /// Records of a collection that match, in order
    List(List),
    /// Make a record exactly this: add it, or replace all of its values
    Put(Write),
    /// Change some fields of a record; FIELD= takes the value away
    Patch(Write),
    /// Delete records
    Delete {
        collection: String,
        #[arg(required = true)]
        keys: Vec<String>,
    },
    /// Import a CSV or JSON file
    Import(Import),
    /// Write a collection as a file, exactly as stored
    Export {
        collection: String,
        #[arg(long, value_enum, default_value_t = Format::Csv)]
        format: Format,
        /// The file; standard output unless said otherwise
        #[arg(long, short)]
        output: Option<PathBuf>,
    },
    /// Tell what changes, a line of JSON each, until stopped
    Watch(Watch),
    /// Exchange everything with the server
    Sync,
    /// How this device stands with the server
    Status,
    /// What needs review, and deciding it
    #[command(subcommand)]
    Reviews(Reviews),
    /// The versions of a record: who changed what, and when
    History { collection: String, key: String },
    /// Look at the folder, the store, the server and the clock, and say what is wrong
    Doctor,
    /// Keep in step until stopped, for other commands and programs: a service without a window
    Run,
    /// Write the manual page; with a folder, those of all commands into it
    #[command(hide = true)]
    Man {
        #[arg(value_name = "FOLDER")]
        pages: Option<PathBuf>,
    },
    /// Write completions for a shell
    Completions { shell: clap_complete::Shell },
}

#[derive(Debug, Args)]
pub(crate) struct Login {
    /// The server's address
    pub server: String,
    /// The account's name
    #[arg(long, short)]
    pub name: Option<String>,
    /// Read the password from standard input
    #[arg(long, conflicts_with = "token_stdin")]
    pub password_stdin: bool,
    /// Read the token of a session from standard input instead of a name and a password
    #[arg(long, conflicts_with = "name")]
    pub token_stdin: bool,
    /// Send password and records unencrypted to a server on another machine
    #[arg(long)]
    pub unencrypted: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Left {
    /// Keep all records for the next sign-in
    Keep,
    /// Throw the changes away
    Discard,
}

/// Which records.
#[derive(Debug, Args)]
pub(crate) struct Select {
    pub collection: String,
    /// Only records that match: FIELD=VALUE, also != < <= > >= ~ (contains) !~ ^= (begins with); FIELD= is empty, FIELD!= is not;
    /// @key is the key (= != ~ !~ ^=). Several must all match
    #[arg(long = "where", value_name = "TEST")]
    pub tests: Vec<String>,
    /// One match is enough
    #[arg(long)]
    pub any: bool,
    /// Only records in which all of these words are read somewhere
    #[arg(long, default_value = "")]
    pub search: String,
    /// Fields to sort by, separated by commas; -FIELD for the largest first
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true)]
    pub sort: Vec<String>,
    /// Only what needs review
    #[arg(long)]
    pub review: bool,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub select: Select,
    /// Fields to show, separated by commas; all unless said otherwise
    #[arg(long, value_delimiter = ',')]
    pub fields: Vec<String>,
    /// Records to leave out at the start
    #[arg(long, default_value_t = 0)]
    pub offset: usize,
    /// At most so many; all unless said otherwise
    #[arg(long)]
    pub limit: Option<usize>,
    /// Only say how many there are
    #[arg(long)]
    pub count: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Write {
    pub collection: String,
    /// The record's key
    #[arg(required_unless_present = "stdin")]
    pub key: Option<String>,
    /// Values as FIELD=VALUE
    pub values: Vec<String>,
    /// Read lines of JSON such as {"key": 7, "fields": {"name": "Crane"}} from standard input, and save all of them in one step or
    /// none
    #[arg(long, conflicts_with_all = ["key", "values"])]
    pub stdin: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file; its name tells CSV from JSON
    pub file: PathBuf,
    /// The collection to add to
    #[arg(long, value_name = "COLLECTION", required_unless_present = "new")]
    pub into: Option<String>,
    /// Make a new collection of this name
    #[arg(long, value_name = "LABEL", conflicts_with = "into")]
    pub new: Option<String>,
    /// The column that holds the key
    #[arg(long)]
    pub key: Option<String>,
    /// Which rows are taken
    #[arg(long, value_enum, default_value_t = Mode::Both)]
    pub mode: Mode,
    /// Only count what it would do
    #[arg(long)]
    pub dry_run: bool,
    /// Where to write the rows that were refused, with their reasons
    #[arg(long, value_name = "FILE")]
    pub refused: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Mode {
    /// Only rows whose key is new
    Add,
    /// Only rows whose key is there
    Update,
    /// All
    Both,
}

impl From<Mode> for ImportMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Add => Self::Add,
            Mode::Update => Self::Update,
            Mode::Both => Self::Both,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    Csv,
    Json,
}

impl From<Format> for FileFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Csv => Self::Csv,
            Format::Json => Self::Json,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// Only of these collections; all unless said otherwise
    pub collections: Vec<String>,
    /// End after so many changes
    #[arg(long)]
    pub limit: Option<usize>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Reviews {
    /// What waits for a decision
    List {
        /// Only of this collection
        #[arg(long)]
        collection: Option<String>,
        /// What was settled lately instead
        #[arg(long)]
        settled: bool,
    },
    /// Both sides of one, field by field
    Show { id: String },
    /// Decide one
    Resolve(Resolve),
    /// Take a decision back
    TakeBack { id: String },
}

#[derive(Debug, Args)]
pub(crate) struct Resolve {
    pub id: String,
    #[command(flatten)]
    pub how: Decision,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Decision {
    /// Every field keeps what the record has now
    #[arg(long, conflicts_with_all = ["take", "both", "deleted"])]
    pub keep: bool,
    /// Every field takes what the other change wanted
    #[arg(long, conflicts_with_all = ["both", "deleted"])]
    pub take: bool,
    /// Keep both, as two records
    #[arg(long, conflicts_with = "deleted")]
    pub both: bool,
    /// The record ends deleted
    #[arg(long)]
    pub deleted: bool,
    /// Another value for a field, as FIELD=VALUE; beside --keep or --take for the other fields
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    pub set: Vec<String>,
}
