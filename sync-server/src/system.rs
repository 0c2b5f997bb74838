//! What the operating system grants this process: how many files, and who may read what it writes.

use std::path::Path;
use tracing::warn;

use crate::limits;

/// Whatever the process makes from here on is for its own user only.
pub fn keep_files_private() {
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

/// Asks for as many open files as [`limits::CONNECTIONS`] connections need, as far as the system lets it.
pub fn raise_descriptors() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        let wanted = (limits::CONNECTIONS + limits::DESCRIPTORS_ASIDE) as u64;
        if limit.current.is_some_and(|current| current < wanted) {
            limit.current = Some(limit.maximum.map_or(wanted, |most| most.min(wanted)));
            if let Err(error) = setrlimit(Resource::Nofile, limit) {
                warn!(%error, "the limit of open files stays as it is");
            }
        }
    }
}

/// How many connections the limit of open files leaves room for.
pub fn connections() -> usize {
    #[cfg(unix)]
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    let limit = None;
    connections_within(limit)
}

fn connections_within(limit: Option<u64>) -> usize {
    let Some(limit) = limit else { return limits::CONNECTIONS };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    limit.saturating_sub(limits::DESCRIPTORS_ASIDE).max(limit / 2).min(limits::CONNECTIONS)
}

/// Bytes of memory that the process has, where the system tells.
pub fn resident_bytes() -> Option<usize> {
    #[cfg(target_os = "linux")]
    {
        let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
        Some(pages.split(' ').nth(1)?.parse::<usize>().ok()? * rustix::param::page_size())
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// Files and connections that the process has open, where the system tells.
pub fn open_files() -> Option<usize> {
    #[cfg(target_os = "linux")]
    return Some(std::fs::read_dir("/proc/self/fd").ok()?.count());
    #[cfg(not(target_os = "linux"))]
    None
}

/// Warns where other users of the machine can read the folder.
pub fn warn_where_others_read(folder: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(folder).map_or(0, |metadata| metadata.permissions().mode());
        if mode & 0o077 != 0 {
            let folder = folder.display();
            warn!(
                "other users of this machine may open {folder}, which holds all records and the password hashes. Take that away: chmod -R go-rwx {folder}"
            );
        }
    }
    #[cfg(not(unix))]
    let _ = folder;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_left_for_the_store() {
        assert_eq!(connections_within(None), limits::CONNECTIONS);
        assert_eq!(connections_within(Some(1 << 20)), limits::CONNECTIONS);
        assert_eq!(connections_within(Some(1_024)), 768);
        assert_eq!(connections_within(Some(256)), 128);
        assert_eq!(connections_within(Some(64)), 32);
    }
}
