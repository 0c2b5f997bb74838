//! What became of every write of a race: an account that knows nothing of how mirrors work.
//!
//! A program's write that the database kept (it was there when it was read right after it) is in the record, in its history or in a
//! review; unless another *program* wrote the same cell with a later time, for then the mirror may never have seen it. A person's
//! edit is there in any case, unless the same device has edited the same field again. Nothing is there twice, and nothing that a
//! person wrote is taken for a program's.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use sync_client::api::HistoryPage;
use sync_protocol::{FieldName, Value, record::value_of};

use crate::race::{COLUMNS, ROWS, record};
use crate::stage::Actor;

/// A cell of the table, and the field that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    pub row: i32,
    pub column: &'static str,
}

/// A write of a program.
#[derive(Clone, Debug)]
pub struct Foreign {
    pub value: String,
    /// The time it was written with; `None` where the database gave it and nobody knows it.
    pub at: Option<i64>,
    /// Whether it was there when it was read right after it.
    pub kept: bool,
}

/// All that was written.
#[derive(Debug, Default)]
pub struct Log {
    pub foreign: BTreeMap<Cell, Vec<Foreign>>,
    pub people: BTreeMap<Cell, Vec<String>>,
    pub kills: usize,
}

/// Where a cell's values are found.
#[derive(Default)]
struct Found {
    /// In the record, its history, or a side of a review.
    anywhere: BTreeSet<String>,
    /// How often a program is the author of a version with that value that differs from the one before.
    by_programs: BTreeMap<String, usize>,
}

impl Log {
    /// Holds everything against what a device sees.
    pub async fn check(&self, actor: &Actor) -> Result<()> {
        let (mut kept, mut accounted, mut outrun, mut edits) = (0, 0, 0, 0);
        let mut wrong = Vec::new();
        for row in 0..ROWS {
            let history = history(actor, row).await?;
            for column in COLUMNS {
                let cell = Cell { row, column };
                let found = found(&history, &FieldName::new(column)?);
                let foreign = self.foreign.get(&cell).map_or(&[][..], Vec::as_slice);
                let people = self.people.get(&cell).map_or(&[][..], Vec::as_slice);
                for write in foreign.iter().filter(|write| write.kept) {
                    kept += 1;
                    let later = foreign.iter().any(|other| other.at > write.at || other.at.is_none());
                    match found.anywhere.contains(&write.value) {
                        true => accounted += 1,
                        false if later => outrun += 1,
                        false => {
                            let story = story(&history);
                            wrong.push(format!("{cell:?}: {write:?} of a program is nowhere: {story}"));
                        }
                    }
                }
                for (n, edit) in people.iter().enumerate() {
                    edits += 1;
                    let device = &edit[..2];
                    let again = people[n + 1..].iter().any(|other| other.starts_with(device));
                    if !found.anywhere.contains(edit) && !again {
                        let story = story(&history);
                        wrong.push(format!(
                            "{cell:?}: {edit} of a person is nowhere: {people:?} {foreign:?} {story}"
                        ));
                    }
                    if found.by_programs.contains_key(edit) {
                        wrong.push(format!("{cell:?}: {edit} of a person was taken for a program's"));
                    }
                }
                let twice = found.by_programs.iter().filter(|(_, times)| **times > 1);
                wrong.extend(twice.map(|(value, times)| format!("{cell:?}: {value} came in {times} times")));
            }
        }
        println!(
            "race: {kept} writes of programs kept, {accounted} accounted for, {outrun} outrun by programs; {edits} edits of people; {} kills; {} wrong",
            self.kills,
            wrong.len()
        );
        ensure!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
        // on a busy machine most writes are overwritten by the next one before anybody could see them
        ensure!(accounted * 10 > kept, "too many were outrun for this to say anything");
        Ok(())
    }
}

/// All that a device can tell of a row, for whoever looks for a cause.
pub fn story(history: &HistoryPage) -> String {
    let versions = history.versions.iter().map(|version| {
        let what =
            format!("{} {}", version.deleted, serde_json::to_string(&version.fields).unwrap_or_default());
        format!("{} by {}: {what}", version.rev.0, version.by.device)
    });
    let conflicts =
        history.conflicts.iter().map(|info| serde_json::to_string(&info.conflict).unwrap_or_default());
    versions.chain(conflicts).collect::<Vec<_>>().join("\n  ")
}

fn found(history: &HistoryPage, field: &FieldName) -> Found {
    let mut found = Found::default();
    let text = |value: &Value| value.as_text().map(str::to_owned);
    for (n, version) in history.versions.iter().enumerate() {
        let Some(value) = text(value_of(&version.fields, field)) else { continue };
        let before = history.versions.get(n + 1).and_then(|before| text(value_of(&before.fields, field)));
        if version.by.channel == "mirror" && before.as_ref() != Some(&value) {
            *found.by_programs.entry(value.clone()).or_default() += 1;
        }
        found.anywhere.insert(value);
    }
    let sides = history.conflicts.iter().filter_map(|info| info.conflict.fields.get(field));
    found.anywhere.extend(sides.flat_map(|sides| [&sides.current, &sides.incoming]).filter_map(text));
    found
}

/// All that a device can tell of a row.
pub async fn history(actor: &Actor, row: i32) -> Result<HistoryPage> {
    let all = actor.history(&record(row)).await?;
    ensure!(!all.expired, "the history of row {row} ends too early");
    Ok(all)
}
