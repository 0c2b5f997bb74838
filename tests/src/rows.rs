//! What a workspace holds in Cassandra, read by plain CQL as another program would, and whether that can be true.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use scylla::client::session::Session;
use sync_protocol::feed::EntryKind;
use sync_protocol::{Entry, Record, RecordId, Value, WorkspaceId};

use crate::crew::person;
use crate::writer::Writer;

/// All rows of a workspace, put together.
#[derive(Default)]
pub struct Stored {
    /// Everything that was ever judged, partition by partition, in order.
    pub entries: Vec<Entry>,
    /// The records as their rows have them.
    pub records: BTreeMap<RecordId, Record>,
    /// Conflicts, open or closed.
    pub conflicts: usize,
    /// Steps that all partitions took.
    pub steps: u64,
}

type Row = (Option<String>, Option<String>, Option<String>, Option<i64>, Option<i64>, Option<String>);

impl Stored {
    /// Reads a workspace, and checks what holds whatever was written: the feed has no gaps, no change is in it twice,
    /// the records are its fold, and the checksums are theirs.
    pub async fn read(session: &Session, workspace: WorkspaceId, partitions: i32) -> Result<Self> {
        let query = "SELECT kind, key, body, step, head, checksums FROM mooring.partition_rows
                     WHERE workspace = ? AND partition = ?";
        let mut stored = Self::default();
        for partition in 0..partitions {
            let answer = session.query_unpaged(query, (workspace.0, partition)).await?.into_rows_result()?;
            let rows: Vec<Row> = answer.rows::<Row>()?.collect::<Result<_, _>>()?;
            stored.partition(rows).with_context(|| format!("partition {partition}"))?;
        }
        let changes: BTreeSet<_> = stored.entries.iter().map(|entry| entry.change).collect();
        ensure!(changes.len() == stored.entries.len(), "a change was judged twice");
        Ok(stored)
    }

    fn partition(&mut self, rows: Vec<Row>) -> Result<()> {
        let Some((.., Some(step), Some(head), Some(checksums))) = rows.first().cloned() else {
            return Ok(());
        };
        let (mut entries, mut records) = (Vec::<Entry>::new(), BTreeMap::new());
        for (kind, key, body, ..) in rows {
            let (key, body) = (key.context("a row without a key")?, body.context("a row without a body")?);
            match kind.as_deref() {
                Some("feed") => entries.extend(serde_json::from_str::<Vec<Entry>>(&body)?),
                Some("record") => drop(records.insert(key, serde_json::from_str::<Record>(&body)?)),
                Some("conflict") => self.conflicts += 1,
                _ => {}
            }
        }
        ensure!(
            entries.iter().map(|entry| entry.seq.0 as i64).eq(1..=head),
            "the feed is not 1 to {head}, without a gap"
        );
        let (mut fold, mut sums) = (BTreeMap::new(), BTreeMap::<String, (u64, u128)>::new());
        for entry in &entries {
            if let (Some(collection), Some(record)) = (&entry.collection, &entry.record) {
                fold.insert(RecordId::new(collection.clone(), record.key.clone()), record.clone());
            }
        }
        for (id, record) in &fold {
            let stored = records.remove(&id.to_text());
            ensure!(stored.as_ref() == Some(record), "{id} is {stored:?}, by the feed it is {record:?}");
            if !record.deleted {
                let live = format!("{}@{}", id.to_text(), record.rev.0);
                let (count, sum) = sums.entry(id.collection.to_string()).or_default();
                (*count, *sum) = (*count + 1, sum.wrapping_add(xxhash_rust::xxh3::xxh3_128(live.as_bytes())));
            }
        }
        ensure!(records.is_empty(), "records that the feed does not know: {:?}", records.keys());
        let sums: BTreeMap<String, String> =
            sums.into_iter().map(|(name, (count, sum))| (name, format!("{count}:{sum:032x}"))).collect();
        let stored: BTreeMap<String, String> = serde_json::from_str(&checksums)?;
        ensure!(stored == sums, "the checksums are {stored:?}, the records sum to {sums:?}");
        self.entries.extend(entries);
        self.records.extend(fold);
        self.steps += step as u64;
        Ok(())
    }

    /// Whether it holds what these people saved: each change applied, and applied once.
    pub fn has_once(&self, writers: &[&Writer]) -> Result<()> {
        ensure!(self.conflicts == 0, "{} conflicts, where no two edits met", self.conflicts);
        let counted = writers.iter().map(|writer| writer.counted).sum::<i64>();
        let added = writers.iter().map(|writer| writer.added.len()).sum::<usize>();
        let mut times = BTreeMap::<RecordId, usize>::new();
        for entry in &self.entries {
            let (Some(collection), Some(record)) = (&entry.collection, &entry.record) else { continue };
            ensure!(
                matches!(entry.kind, EntryKind::Applied | EntryKind::Merged),
                "{} was {:?}",
                entry.change,
                entry.kind
            );
            *times.entry(RecordId::new(collection.clone(), record.key.clone())).or_default() += 1;
        }
        let number = |name: &str, id: &RecordId| self.records.get(id)?.fields.get(name).cloned();
        for (key, name) in writers.iter().flat_map(|writer| &writer.added) {
            let id = person(*key);
            let found = (number("name", &id), times.get(&id).copied());
            ensure!(
                found == (Some(Value::from(&**name)), Some(1)),
                "{id} was saved as {name}, it is {found:?}"
            );
        }
        let (counter, judged) = (number("n", &person(1)), times.get(&person(1)).copied());
        ensure!(
            (counter.as_ref(), judged) == (Some(&Value::from(counted)), Some(1 + counted as usize)),
            "counted {counted} times, the counter is at {counter:?} after {judged:?} changes"
        );
        let crew = self.records.keys().filter(|id| id.collection == person(1).collection).count();
        ensure!(crew == added + 1, "{added} records were added, there are {}", crew - 1);
        Ok(())
    }
}
