//! What a device remembers beside its stores (who is signed in where, which workspace is open): small texts by key,
//! here as files that are replaced whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::StoreError;

/// Small texts by key. The same interface in the browser, on IndexedDB.
pub struct Profile {
    folder: PathBuf,
}

impl Profile {
    /// The texts in a folder; makes it where there is none.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        private_folder(folder).map_err(|e| disk_failed(&e))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The text of that key.
    pub async fn load_text(&self, key: &str) -> Result<Option<String>, StoreError> {
        match fs::read_to_string(self.path(key)?) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(disk_failed(&error)),
        }
    }

    /// Keeps a text durably; `None` forgets the key.
    pub async fn save_text(&self, key: &str, text: Option<&str>) -> Result<(), StoreError> {
        let path = self.path(key)?;
        let save = || match text {
            Some(text) => replace(&path, text.as_bytes()),
            None => match fs::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                removed => removed.and_then(|()| sync_folder(&path)),
            },
        };
        save().map_err(|e| disk_failed(&e))
    }

    fn path(&self, key: &str) -> Result<PathBuf, StoreError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if key.is_empty() || !key.chars().all(plain) {
            return Err(StoreError::Corrupt(format!("“{key}” cannot name a file")));
        }
        Ok(self.folder.join(format!("{key}.json")))
    }
}

/// Replaces a file wholly or not at all, durably.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    // one that an earlier version left may be open to others
    drop(fs::remove_file(&new));
    let mut file = private(File::options().write(true).create(true).truncate(true)).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync_folder(path)
}

/// Makes a folder that only its owner may look into, and closes one that others could look into so far.
///
/// # Errors
/// Where it cannot be made. One that is another person's is only warned of.
pub fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path)?.permissions().mode();
        if mode & 0o077 != 0
            && let Err(error) = fs::set_permissions(path, fs::Permissions::from_mode(0o700))
        {
            tracing::warn!(%error, "others on this machine can look into the folder of records");
        }
    }
    Ok(())
}

/// Options for a file that only its owner may read.
fn private(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Makes the names in a file's folder durable. Not every system can; where it cannot, renaming is durable by itself.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix)
        && let Some(folder) = path.parent()
    {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// What the disk's answer means to the caller.
pub(crate) fn disk_failed(error: &io::Error) -> StoreError {
    match error.kind() {
        // the last one is a quota on single files
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            StoreError::Full
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            StoreError::ReadOnly(error.to_string())
        }
        _ => StoreError::Gone(error.to_string()),
    }
}
