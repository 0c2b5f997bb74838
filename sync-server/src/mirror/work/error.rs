//! Why work on a mirror does not go on.

use crate::mirror::cql::TableError;
use crate::mirror::cql::mapping::Difference;
use crate::mirror::definition::Definition;
use crate::mirror::desk::DeskError;
use crate::partition::EngineError;
use crate::store::StoreError;

/// Why work on a mirror does not go on. `Display` is for people.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// Not without a person: the sentence says why, and what to do.
    #[error("{0}")]
    Pause(String),
    /// Most rows are gone: a person says whether that was meant.
    #[error("{0}")]
    Loss(String),
    /// Not now.
    #[error("{0}")]
    Later(String),
    /// The table may be another one than it was: to be described again.
    #[error("{0}")]
    Changed(String),
}

impl WorkError {
    /// The table is another one than was chosen.
    pub fn differences(definition: &Definition, differences: &[Difference]) -> Self {
        let all: Vec<String> = differences.iter().map(ToString::to_string).collect();
        Self::Pause(format!(
            "{}: {}. Nothing was deleted. If the table is as it was again, resume the mirror; else remove it and add it anew",
            definition.table(),
            all.join("; ")
        ))
    }

    /// Rows are gone, and that says how.
    pub(super) fn loss(what: &str) -> Self {
        Self::Loss(format!(
            "{what}. Nothing was deleted here. If that is what was meant, say so as you resume the mirror (--accept-loss): their records are deleted, too. If not, put the rows back and resume it"
        ))
    }

    pub(super) fn from_desk(error: DeskError) -> Self {
        match error {
            DeskError::Table(error) => error.into(),
            DeskError::Engine(error) => error.into(),
            DeskError::Store(error) => EngineError::Store(error).into(),
            error => Self::Later(error.to_string()),
        }
    }
}

impl From<TableError> for WorkError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Rights(_) => {
                let grant = error.grant().map_or_else(String::new, |grant| format!(": {grant}"));
                Self::Pause(format!(
                    "{error}. An administrator of the database gives them to the server's account{grant}. It needs SELECT and MODIFY on the table, and SELECT on system_views.local_write_latency. Then resume the mirror"
                ))
            }
            TableError::Changed(_) => Self::Changed(error.to_string()),
            TableError::Later(_) | TableError::Smaller(_) => Self::Later(error.to_string()),
            TableError::Refused(_) | TableError::Key(_) | TableError::Unfit { .. } => {
                Self::Pause(format!("{error}. Look at the table, then resume the mirror"))
            }
        }
    }
}

impl From<EngineError> for WorkError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(StoreError::Full(_)) => {
                Self::Pause("The disk of the database is full. Make room, then resume the mirror".into())
            }
            EngineError::Store(StoreError::Corrupt(_) | StoreError::Newer(_)) => {
                Self::Pause(format!("{error}. Run mooring-server workspace check, then resume the mirror"))
            }
            error => Self::Later(error.to_string()),
        }
    }
}
