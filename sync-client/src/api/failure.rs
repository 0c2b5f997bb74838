//! Why a command was not done.

use serde::{Deserialize, Serialize};
use sync_protocol::FieldName;

/// Why a command was not done: what happened, why, what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What the screen decides by.
    pub kind: FailureKind,
    /// What the person reads.
    pub message: String,
    /// The field at fault, where one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<FieldName>,
    /// Of several edits in one step the one at fault, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<usize>,
}

/// What a screen decides by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The input is wrong: show the message at the field.
    Input,
    /// There is a record with this key already.
    Exists,
    /// This needs the network: try again later.
    Offline,
    /// Sign in (again).
    NeedsSignIn,
    /// Changes are unsent: ask the person.
    Unsent,
    /// What is sent to this server can be read on the way: ask the person.
    Open,
    /// The device's storage did not do it: nothing was saved.
    Storage,
    /// The server refused it.
    Refused,
    /// The view has ended: watch it again.
    Ended,
    /// A defect.
    Internal,
}

impl Failure {
    /// A failure about the input as a whole.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Input, message)
    }

    /// A failure that is no single field's.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), field: None, op: None }
    }
}
