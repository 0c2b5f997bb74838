//! The configuration file: what the command line takes, as TOML, by the names of its options.
//!
//! The command line wins over the environment, and that over the file. One file serves all commands of a server: each takes
//! what it knows of it.

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Cli;

/// Why a command line, with the file that it names, says nothing that can be done.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// The command line itself, or a request for help.
    #[error(transparent)]
    Line(#[from] clap::Error),
    /// The file.
    #[error("{}: {why}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// Reads a command line, the environment, and the file that one of them names.
///
/// # Errors
/// What cannot be read or means nothing; where it stands in the file, the sentence names the file.
pub fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Cli, ParseError> {
    Ok(Cli::from_arg_matches(&read(line)?)?)
}

/// What `serve` or `check-config` is told by all of them together, as a file would say it; what nobody says is left out
/// where it has no usual value.
///
/// # Errors
/// As [`parse`].
pub fn settings(line: impl IntoIterator<Item = OsString>) -> Result<String, ParseError> {
    let matches = read(line)?;
    let cli = Cli::command();
    let (command, matches) = innermost(&cli, &matches);
    let mut table = toml::Table::new();
    for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
        let (Some(key), Some(values)) = (arg.get_long(), matches.get_raw(arg.get_id().as_str())) else {
            continue;
        };
        let mut texts: Vec<String> = values.map(|value| value.to_string_lossy().into_owned()).collect();
        let value = match arg.get_action() {
            ArgAction::SetTrue => toml::Value::Boolean(matches.get_flag(arg.get_id().as_str())),
            ArgAction::Append => toml::Value::Array(texts.into_iter().map(toml::Value::String).collect()),
            _ => match texts.pop() {
                Some(text) => text.parse().map_or(toml::Value::String(text), toml::Value::Integer),
                None => continue,
            },
        };
        table.insert(key.to_owned(), value);
    }
    table.remove("config");
    Ok(table.to_string())
}

fn read(line: impl IntoIterator<Item = OsString>) -> Result<ArgMatches, ParseError> {
    let line: Vec<OsString> = line.into_iter().collect();
    let matches = Cli::command().try_get_matches_from(&line)?;
    let Some(file) = matches.get_one::<PathBuf>("config").cloned() else { return Ok(matches) };
    let wrong = |why: String| ParseError::File { file: file.clone(), why };
    let more = options(&file, &matches).map_err(wrong)?;
    // behind `--` there are no options
    let end = line.iter().position(|word| word == "--").unwrap_or(line.len());
    let whole = line[..end].iter().cloned().chain(more).chain(line[end..].iter().cloned());
    // the line was right before: what is wrong now comes from the file
    Cli::command().try_get_matches_from(whole).map_err(|error| wrong(told(&error)))
}

/// What the file says and nobody else does, as options of the command that is to be done.
fn options(file: &Path, matches: &ArgMatches) -> Result<Vec<OsString>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let cli = Cli::command();
    let serve = cli.find_subcommand("serve").expect("there is one");
    let (command, matches) = innermost(&cli, matches);
    let mut options = Vec::new();
    for (key, value) in &table {
        let known = option(serve, key).filter(|arg| !arg.is_hide_set());
        let known = known.ok_or_else(|| format!("there is no setting {key}; there are: {}", names(serve)))?;
        let words = words(known, key, value)?;
        let given = |arg: &Arg| {
            let source = matches.value_source(arg.get_id().as_str());
            matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
        };
        if option(command, key).is_some_and(|arg| !given(arg)) {
            options.extend(words);
        }
    }
    Ok(options)
}

/// The command that is to be done, below those that group commands.
fn innermost<'a>(command: &'a Command, matches: &'a ArgMatches) -> (&'a Command, &'a ArgMatches) {
    match matches.subcommand() {
        Some((name, below)) => innermost(command.find_subcommand(name).expect("it was matched"), below),
        None => (command, matches),
    }
}

fn option<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|arg| arg.get_long() == Some(name))
}

fn names(serve: &Command) -> String {
    let names = serve.get_arguments().filter(|arg| !arg.is_hide_set()).filter_map(Arg::get_long);
    names.filter(|name| !["help", "version", "config"].contains(name)).collect::<Vec<_>>().join(", ")
}

/// A setting as the command line writes it.
fn words(arg: &Arg, key: &str, value: &toml::Value) -> Result<Vec<OsString>, String> {
    let switch = matches!(arg.get_action(), ArgAction::SetTrue);
    let text = |value: &toml::Value| match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        _ => Err(format!("{key} takes a text or a number")),
    };
    let word = |text: String| OsString::from(format!("--{key}={text}"));
    match value {
        toml::Value::Boolean(true) if switch => Ok(vec![format!("--{key}").into()]),
        toml::Value::Boolean(false) if switch => Ok(Vec::new()),
        _ if switch => Err(format!("{key} is true or false")),
        toml::Value::Array(all) if arg.get_value_delimiter().is_some() => {
            all.iter().map(|one| text(one).map(word)).collect()
        }
        toml::Value::Array(_) => Err(format!("{key} takes one value")),
        one => Ok(vec![word(text(one)?)]),
    }
}

/// What clap says, without the lines about the usage of a command line.
fn told(error: &clap::Error) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    match error.kind() {
        ErrorKind::ArgumentConflict => format!("{first} (one of the two stands in this file)"),
        _ => first.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Command as Do;

    fn both(text: &str, line: &str) -> Result<Cli, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("mooring.toml");
        std::fs::write(&file, text).expect("a file");
        let line = format!("mooring-server --config {} {line}", file.display());
        parse(line.split(' ').map(OsString::from)).map_err(|error| error.to_string())
    }

    fn served(text: &str, line: &str) -> crate::config::ServeArgs {
        match both(text, line).expect("it can be read").command {
            Do::Serve(args) => *args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_file_says_what_a_command_line_says_and_that_one_wins() {
        let file = "listen = '127.0.0.1:1'\ncassandra = ['a:9042', 'b:9042']\nhorizon-days = 30\nbehind-proxy = true\nno-new-accounts = false";
        let args = served(file, "serve");
        assert_eq!((args.listen.port(), args.horizon_days, args.behind_proxy), (1, 30, true));
        assert!(!args.no_new_accounts);
        assert_eq!(args.store.cassandra, ["a:9042", "b:9042"]);
        let args = served(file, "serve --listen 127.0.0.1:2 --cassandra c:9042");
        assert_eq!((args.listen.port(), args.store.cassandra), (2, vec!["c:9042".to_owned()]));
    }

    #[test]
    fn one_file_serves_all_commands() {
        let file = "listen = '127.0.0.1:1'\ndata = 'there'";
        match both(file, "user passwd ann").expect("it can be read").command {
            Do::User(crate::config::UserCommand::Passwd { store, login }) => {
                assert_eq!((store.folder(), login), ("there".into(), "ann".into()));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_all_of_them_say_can_be_kept_as_a_file() {
        let line = "mooring-server check-config --cassandra a:9042,b:9042 --demo --horizon-days 3";
        let text = settings(line.split(' ').map(OsString::from)).expect("settings");
        let table: toml::Table = text.parse().expect("TOML");
        assert_eq!(table["horizon-days"].as_integer(), Some(3));
        let args = served(&text, "serve");
        assert_eq!((args.horizon_days, args.demo), (3, true));
        assert_eq!(args.store.cassandra, ["a:9042", "b:9042"]);
    }

    #[test]
    fn what_is_wrong_is_told_with_the_files_name() {
        for (file, sentence) in [
            ("horizon_days = 3", "there is no setting horizon_days; there are: listen"),
            ("horizon-days = 0", "0 is not in 1..=3650"),
            ("horizon-days = [1]", "horizon-days takes one value"),
            ("demo = 'yes'", "demo is true or false"),
            ("listen = 1.5", "listen takes a text or a number"),
            ("listen = ", "listen"),
            ("data = 'a'\ncassandra = 'b:1'", "one of the two stands in this file"),
            ("sample-table = true", "there is no setting sample-table"),
        ] {
            let error = both(file, "serve").expect_err(file);
            assert!(error.contains("mooring.toml: ") && error.contains(sentence), "{file}: {error}");
        }
        let none = parse(["mooring-server", "--config", "/nonexistent", "serve"].map(OsString::from));
        assert!(none.expect_err("no file").to_string().starts_with("/nonexistent: "));
    }
}
