//! What Mooring is started with: a link to a record or a review, a file to import. Read from arguments, also of a second start.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sync_protocol::ChangeId;

/// What the links of Mooring begin with; what follows is the address of a screen, as `w/harbour/c/boats/r/7`.
const SCHEME: &str = "mooring:";
/// Letters of a link: the longest name of a collection with the longest key, each letter encoded.
const LINK: usize = 8 * 1024;

/// One thing that a person wants to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Arrival {
    /// The address of a screen, from its first slash.
    Link(String),
    /// What needs review: one thing, or the list.
    Review(Option<ChangeId>),
    /// A file to import.
    File(PathBuf),
}

/// How it is started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Start {
    /// What to show.
    pub(crate) arrivals: Vec<Arrival>,
    /// Without a window, as when a person has logged in.
    pub(crate) hidden: bool,
}

impl Start {
    /// Reads arguments. Files are named as seen from `folder`. The first one that is not understood comes back.
    pub(crate) fn read(arguments: impl IntoIterator<Item = String>, folder: &Path) -> Result<Self, String> {
        let mut start = Self::default();
        for argument in arguments {
            match argument.as_str() {
                "--hidden" => start.hidden = true,
                option if option.starts_with('-') => return Err(argument),
                _ => start.arrivals.extend(arrival(&argument, folder)),
            }
        }
        Ok(start)
    }
}

/// What one argument, or an address from the system, stands for; `None` for no words at all.
pub(crate) fn arrival(text: &str, folder: &Path) -> Option<Arrival> {
    if let Some(rest) = text.get(..SCHEME.len()).filter(|scheme| scheme.eq_ignore_ascii_case(SCHEME)) {
        return Some(Arrival::Link(screen(&text[rest.len()..])));
    }
    if text.is_empty() {
        return None;
    }
    let named = tauri::Url::parse(text).ok().filter(|url| url.scheme() == "file");
    let path = named.and_then(|url| url.to_file_path().ok());
    Some(Arrival::File(path.unwrap_or_else(|| folder.join(text))))
}

/// The address of a screen in a workspace. A link only shows: whatever else it says leads nowhere.
fn screen(rest: &str) -> String {
    let path = rest.trim_start_matches('/').split(['?', '#']).next().unwrap_or_default();
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '\\' | '"' | '<' | '>');
    let steps = path.split('/').any(|part| matches!(part, "." | ".." | ""));
    match path.starts_with("w/") && !steps && path.len() <= LINK && path.chars().all(plain) {
        true => format!("/{path}"),
        false => "/not-found".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Start, String> {
        Start::read(arguments.iter().map(ToString::to_string), Path::new("/home/ann"))
    }

    #[test]
    fn links_lead_to_screens_of_workspaces_and_nowhere_else() {
        for (link, path) in [
            ("mooring://w/harbour/c/boats/r/7", "/w/harbour/c/boats/r/7"),
            ("mooring:///w/harbour/review/abc?x=1#y", "/w/harbour/review/abc"),
            ("MOORING:w/harbour", "/w/harbour"),
            ("mooring://w/a%20b/c/d", "/w/a%20b/c/d"),
            ("mooring://account", "/not-found"),
            ("mooring://", "/not-found"),
            ("mooring://w/../account", "/not-found"),
            ("mooring://w//account", "/not-found"),
            ("mooring://w/a\"><script>", "/not-found"),
            ("mooring://w/a\\b", "/not-found"),
            ("mooring://w/a\nb", "/not-found"),
        ] {
            assert_eq!(read(&[link]).unwrap().arrivals, [Arrival::Link(path.into())], "{link}");
        }
        let long = format!("mooring://w/{}", "a".repeat(LINK));
        assert_eq!(read(&[&long]).unwrap().arrivals, [Arrival::Link("/not-found".into())]);
    }

    #[cfg(unix)]
    #[test]
    fn files_are_named_from_where_it_is_started_or_wholly() {
        for (named, path) in [
            ("boats.csv", "/home/ann/boats.csv"),
            ("/srv/boats.csv", "/srv/boats.csv"),
            ("file:///srv/my%20boats.csv", "/srv/my boats.csv"),
            ("a:b.csv", "/home/ann/a:b.csv"),
        ] {
            assert_eq!(read(&[named]).unwrap().arrivals, [Arrival::File(path.into())], "{named}");
        }
    }

    #[test]
    fn options_are_known_ones() {
        assert_eq!(read(&["--hidden"]), Ok(Start { hidden: true, arrivals: Vec::new() }));
        assert_eq!(read(&["--nosuch"]), Err("--nosuch".into()));
        assert_eq!(read(&[]), Ok(Start::default()));
    }
}
