//! The wire and what is stored: each type as it is written, so that a change of it is seen in review, and as it is read.

use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use sync_protocol::message::{
    Info, Member, NewWorkspace, Page, Problem, Pull, PullAnswer, Push, PushAnswer, ReplicaState, SignIn,
    SignedIn, Snapshot, SnapshotAnswer, SnapshotToken, Workspace,
};
use sync_protocol::schema::{Collection, Field};
use sync_protocol::{
    Change, Checksum, Conflict, Cursor, Entry, Record, RecordId, Rejection, Schema, Value, Verdict,
};

type Check = fn(&str, &Json) -> Result<(), String>;
type Decode = fn(&[u8]);

/// Reads and writes back: nothing may be lost or added.
fn same<T: Serialize + DeserializeOwned>(what: &str, json: &Json) -> Result<(), String> {
    let text = json.to_string();
    let read: T = serde_json::from_str(&text).map_err(|e| format!("{what}: {e} in {text}"))?;
    let written = serde_json::to_value(&read).map_err(|e| e.to_string())?;
    if written != *json {
        return Err(format!("{what}: {json} became {written}"));
    }
    // a newer version may say more: it is passed over
    let mut more = json.clone();
    if let Some(object) = more.as_object_mut().filter(|_| !MAPS.contains(&what)) {
        object.insert("later_version".into(), serde_json::json!({"x": [1]}));
        let read: T =
            serde_json::from_str(&more.to_string()).map_err(|e| format!("{what}: {e} in {more}"))?;
        if serde_json::to_value(&read).map_err(|e| e.to_string())? != *json {
            return Err(format!("{what}: an unknown member changed what was read"));
        }
    }
    Ok(())
}

/// Types whose members are names of people's data, not of the protocol.
const MAPS: [&str; 2] = ["checksums", "value"];

fn decode<T: DeserializeOwned>(bytes: &[u8]) {
    let _ = serde_json::from_slice::<T>(bytes);
}

macro_rules! types {
    ($($name:literal: $type:ty),+ $(,)?) => {
        const TYPES: &[(&str, Check, Decode)] = &[$(($name, same::<$type>, decode::<$type>)),+];
    };
}

types! {
    "change": Change, "conflict": Conflict, "entry": Entry, "record": Record, "record_id": RecordId,
    "verdict": Verdict, "rejection": Rejection, "cursor": Cursor, "checksum": Checksum,
    "checksums": sync_protocol::checksum::Checksums, "info": Info, "sign_in": SignIn, "signed_in": SignedIn,
    "workspace": Workspace, "new_workspace": NewWorkspace, "member": Member, "push": Push,
    "push_answer": PushAnswer, "pull": Pull, "pull_answer": PullAnswer, "snapshot": Snapshot,
    "snapshot_token": SnapshotToken, "snapshot_answer": SnapshotAnswer, "page": Page, "problem": Problem,
    "replica_state": ReplicaState, "field": Field, "collection": Collection, "schema": Schema, "value": Value,
}

/// `golden/TYPE.json`: a list of examples, each as it is written.
fn golden(name: &str) -> Vec<Json> {
    let path = format!("{}/tests/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn every_type_reads_and_writes_its_golden_examples() {
    let mut wrong = Vec::new();
    for (name, check, _) in TYPES {
        let examples = golden(name);
        assert!(!examples.is_empty(), "{name} has an example");
        wrong.extend(examples.iter().filter_map(|json| check(name, json).err()));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rejection_and_verdict_has_an_example() {
    let reasons: std::collections::BTreeSet<String> =
        golden("rejection").iter().map(|r| r["reason"].as_str().unwrap().to_owned()).collect();
    assert_eq!(reasons.len(), 13);
    let verdicts: Vec<Json> = golden("verdict").iter().map(|v| v["verdict"].clone()).collect();
    assert_eq!(verdicts, ["applied", "merged", "conflicted", "rejected", "duplicate"]);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever arrives, the answer is a value or an error: arbitrary bytes, and examples with some of them changed.
    #[test]
    fn decoding_never_panics(
        which in 0..TYPES.len(),
        noise in proptest::collection::vec(any::<u8>(), 0..40),
        cuts in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
    ) {
        thread_local! {
            static EXAMPLES: Vec<Vec<u8>> =
                TYPES.iter().map(|(name, ..)| golden(name)[0].to_string().into_bytes()).collect();
        }
        let (_, _, decode) = TYPES[which];
        decode(&noise);
        let mut bytes = EXAMPLES.with(|all| all[which].clone());
        for (at, byte) in cuts {
            let at = at.index(bytes.len());
            if byte % 3 == 0 { bytes.truncate(at.max(1)) } else { bytes[at] = byte }
        }
        decode(&bytes);
    }
}
