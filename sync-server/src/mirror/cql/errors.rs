//! What can go wrong with a table, sorted by what the caller does next.

use scylla::errors::{DbError, ExecutionError, PrepareError, RequestAttemptError};
use sync_protocol::FieldName;

use super::key::BadKey;
use super::publish::name;
use super::value::Unfit;

/// Why something could not be done to a table. `Display` shows no content.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Nothing is known to be wrong with the table: again later. A write may have been made; made twice it is the same.
    #[error("the database does not answer: {0}")]
    Later(#[source] Cause),
    /// One read met more than a node reads at once: again in smaller parts.
    #[error("too much at once: {0}")]
    Smaller(#[source] Cause),
    /// The table is gone, was made anew, or has other columns: describe it again, and ask.
    #[error("the table has changed: {0}")]
    Changed(#[source] Cause),
    /// The database's user may not do this: the operator grants it.
    #[error("rights are missing: {0}")]
    Rights(#[source] Cause),
    /// The database does not take this, however often it is sent.
    #[error("the database refuses it: {0}")]
    Refused(#[source] Cause),
    /// A row and a record key that do not name each other.
    #[error(transparent)]
    Key(#[from] BadKey),
    /// A value that cannot go out of the table or into it.
    #[error("field {field}: {why}")]
    Unfit {
        /// Its field.
        field: FieldName,
        /// Why not.
        #[source]
        why: Unfit,
    },
}

/// What the database or its driver said.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// About a request.
    #[error(transparent)]
    Request(#[from] Box<ExecutionError>),
    /// About a statement.
    #[error(transparent)]
    Statement(#[from] Box<PrepareError>),
    /// Something that cannot be read, or is not what was asked for.
    #[error("{0}")]
    Answer(String),
}

impl From<ExecutionError> for TableError {
    fn from(error: ExecutionError) -> Self {
        let sort = match &error {
            ExecutionError::LastAttemptError(attempt) => of_attempt(attempt),
            ExecutionError::PrepareError(error) => of_prepare(error),
            // a value that does not serialise, a key that is too long
            ExecutionError::BadQuery(_) => Self::Refused,
            _ => Self::Later,
        };
        sort(Box::new(error).into())
    }
}

impl From<PrepareError> for TableError {
    fn from(error: PrepareError) -> Self {
        of_prepare(&error)(Box::new(error).into())
    }
}

impl TableError {
    /// Another server may work on the mirror.
    pub(in crate::mirror) fn not_ours() -> Self {
        Self::answer("this server has had no word of its lease for too long")
    }

    /// A row of which each read misses something else.
    pub(in crate::mirror) fn unsettled() -> Self {
        Self::answer("its nodes do not agree about a row")
    }

    /// What an administrator of the database types to give the right that is missing, where the database tells which one.
    pub fn grant(&self) -> Option<String> {
        let Self::Rights(cause) = self else { return None };
        grant(&cause.to_string())
    }

    /// An answer that is not what was asked for.
    pub(super) fn answer(what: impl ToString) -> Self {
        Self::Later(Cause::Answer(what.to_string()))
    }
}

/// Of “User a has no SELECT permission on <table b.c> or any of its parents”.
fn grant(said: &str) -> Option<String> {
    let (user, rest) = said.split_once("User ")?.1.split_once(" has no ")?;
    let (right, rest) = rest.split_once(" permission on <table ")?;
    let (keyspace, table) = rest.split_once('>')?.0.split_once('.')?;
    Some(format!("GRANT {right} ON {}.{} TO {}", name(keyspace), name(table), name(user)))
}

type Sort = fn(Cause) -> TableError;

fn of_prepare(error: &PrepareError) -> Sort {
    match error {
        PrepareError::AllAttemptsFailed { first_attempt } => of_attempt(first_attempt),
        _ => TableError::Later,
    }
}

fn of_attempt(error: &RequestAttemptError) -> Sort {
    match error {
        RequestAttemptError::DbError(error, text) => of_database(error, text),
        // prepared again after the table had changed
        RequestAttemptError::RepreparedIdChanged { .. } | RequestAttemptError::RepreparedIdMissingInBatch => {
            TableError::Changed
        }
        RequestAttemptError::SerializationError(_) | RequestAttemptError::CqlRequestSerialization(_) => {
            TableError::Refused
        }
        _ => TableError::Later,
    }
}

fn of_database(error: &DbError, text: &str) -> Sort {
    let says = |words: &[&str]| words.iter().any(|words| text.contains(words));
    match error {
        DbError::Unauthorized | DbError::AuthenticationError => TableError::Rights,
        // Version 4 of the protocol has one code for all that is invalid: what it is stands in the text alone. Where these
        // words come to be others, a change is still found by the description that each round begins with.
        DbError::Invalid
            if says(&[
                "does not exist",
                "doesn't exist",
                "unconfigured table",
                "Undefined column",
                "Unknown type",
            ]) =>
        {
            TableError::Changed
        }
        DbError::ReadFailure { .. } if says(&["READ_TOO_MANY_TOMBSTONES", "READ_SIZE"]) => {
            TableError::Smaller
        }
        DbError::Invalid
        | DbError::SyntaxError
        | DbError::AlreadyExists { .. }
        | DbError::FunctionFailure { .. }
        | DbError::ConfigError => TableError::Refused,
        _ => TableError::Later,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scylla::statement::Consistency::Quorum;
    use std::time::Duration;

    fn said(error: DbError, text: &str) -> TableError {
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, text.into())).into()
    }

    #[test]
    fn what_is_missing_is_told_as_it_is_granted() {
        let told = "User mooring has no MODIFY permission on <table shop.Orders> or any of its parents";
        let granted = said(DbError::Unauthorized, told).grant();
        assert_eq!(granted.as_deref(), Some("GRANT MODIFY ON shop.\"Orders\" TO mooring"));
        assert_eq!(said(DbError::Unauthorized, "You are not logged in").grant(), None);
        assert_eq!(said(DbError::Invalid, told).grant(), None);
    }

    #[test]
    fn errors_are_sorted_by_what_comes_next() {
        let failed = || DbError::ReadFailure {
            consistency: Quorum,
            received: 0,
            required: 1,
            numfailures: 1,
            data_present: false,
        };
        assert!(matches!(said(failed(), "READ_TOO_MANY_TOMBSTONES from /127.0.0.1"), TableError::Smaller(_)));
        assert!(matches!(said(failed(), "UNKNOWN"), TableError::Later(_)));
        assert!(matches!(said(DbError::Invalid, "table t does not exist"), TableError::Changed(_)));
        assert!(matches!(said(DbError::Invalid, "Key length of 70000 is too long"), TableError::Refused(_)));
        assert!(matches!(said(DbError::Unauthorized, ""), TableError::Rights(_)));
        let down = DbError::Unavailable { consistency: Quorum, required: 2, alive: 1 };
        assert!(matches!(said(down, ""), TableError::Later(_)));
        let late = ExecutionError::RequestTimeout(Duration::from_secs(1));
        assert!(matches!(late.into(), TableError::Later(_)));
        let attempt = RequestAttemptError::DbError(DbError::Invalid, "Undefined column name x".into());
        let gone = PrepareError::AllAttemptsFailed { first_attempt: attempt };
        assert!(matches!(gone.into(), TableError::Changed(_)));
    }
}
