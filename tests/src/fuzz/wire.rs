//! Every message and everything within, as JSON: what was read is written so that the same is read again.
//! Input: the name of the type, a line end, the JSON.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sync_protocol::checksum::Checksums;
use sync_protocol::cursor::Cursor;
use sync_protocol::feed::Entry;
use sync_protocol::message::{
    Audit, AuditAnswer, History, HistoryAnswer, Info, Member, NewWorkspace, Problem, Pull, PullAnswer, Push,
    PushAnswer, ReplicaState, Snapshot, SnapshotAnswer, SnapshotToken, Workspace,
};
use sync_protocol::{Change, Conflict, Record, RecordId, Verdict};

use super::head;

pub(super) fn run(data: &[u8]) {
    let Some((name, json)) = head(data) else { return };
    match name {
        "audit" => again::<Audit>(json),
        "audit_answer" => again::<AuditAnswer>(json),
        "change" => again::<Change>(json),
        "checksums" => again::<Checksums>(json),
        "conflict" => again::<Conflict>(json),
        "cursor" => again::<Cursor>(json),
        "entry" => again::<Entry>(json),
        "history" => again::<History>(json),
        "history_answer" => again::<HistoryAnswer>(json),
        "info" => again::<Info>(json),
        "member" => again::<Member>(json),
        "new_workspace" => again::<NewWorkspace>(json),
        "problem" => again::<Problem>(json),
        "pull" => again::<Pull>(json),
        "pull_answer" => pulled(json),
        "push" => again::<Push>(json),
        "push_answer" => again::<PushAnswer>(json),
        "record" => again::<Record>(json),
        "record_id" => again::<RecordId>(json),
        "replica_state" => again::<ReplicaState>(json),
        "snapshot" => again::<Snapshot>(json),
        "snapshot_answer" => twice::<SnapshotAnswer>(json),
        "snapshot_token" => again::<SnapshotToken>(json),
        "verdict" => again::<Verdict>(json),
        "workspace" => again::<Workspace>(json),
        _ => {}
    }
}

fn again<T: DeserializeOwned + Serialize + PartialEq + Debug>(json: &[u8]) {
    let Ok(read) = serde_json::from_slice::<T>(json) else { return };
    let text = serde_json::to_string(&read).expect("what was read is written");
    let read_again = serde_json::from_str::<T>(&text).expect("what was written is read");
    assert_eq!(read_again, read, "written and read again");
}

/// The same for a page of the feed: an entry that cannot be read ends its list, and is not written again.
fn pulled(json: &[u8]) {
    let Ok(mut read) = serde_json::from_slice::<PullAnswer>(json) else { return };
    read.feeds.iter_mut().for_each(|feed| feed.unread = false);
    let text = serde_json::to_string(&read).expect("what was read is written");
    let read_again = serde_json::from_str::<PullAnswer>(&text).expect("what was written is read");
    assert_eq!(read_again, read, "written and read again");
}

/// The same for what cannot be compared but as text.
fn twice<T: DeserializeOwned + Serialize>(json: &[u8]) {
    let Ok(read) = serde_json::from_slice::<T>(json) else { return };
    let text = serde_json::to_string(&read).expect("what was read is written");
    let read_again = serde_json::from_str::<T>(&text).expect("what was written is read");
    assert_eq!(serde_json::to_string(&read_again).expect("what was read is written"), text);
}
