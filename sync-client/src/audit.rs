//! Everything that policies and people decided, as a file's text.

use serde::Serialize;
use sync_protocol::feed::EntryKind;
use sync_protocol::{Choice, Conflict, Entry, FieldName, Merge, Outcome, Policy, RecordId, Value};

use crate::api::{Author, FileFormat};
use crate::replica::Replica;
use crate::sheet::{self, Cell};

/// One field of one decision.
#[derive(Serialize)]
struct Row {
    /// `merged`, `needs review`, `settled` or `taken back`.
    what: &'static str,
    /// By the clock of whoever did it, never later than the server's.
    at: String,
    by: Who,
    collection: String,
    record: String,
    title: String,
    field: String,
    /// What the author of the incoming side saw.
    before: Value,
    current: Value,
    current_by: Option<Who>,
    incoming: Value,
    incoming_by: Who,
    /// What was decided, in words.
    decision: String,
    /// What the field became; absent where that is not decided.
    result: Option<Value>,
}

#[derive(Serialize)]
struct Who {
    person: String,
    device: String,
    channel: String,
}

impl From<Author> for Who {
    fn from(author: Author) -> Self {
        Self { person: author.person, device: author.device, channel: author.channel }
    }
}

/// The text of a file; people and devices are named as this replica knows them.
pub fn written(replica: &Replica, format: FileFormat, entries: &[Entry]) -> String {
    let mut rows: Vec<Row> = entries.iter().flat_map(|entry| rows(replica, entry)).collect();
    sync_protocol::sort_few(&mut rows, |a, b| a.at.cmp(&b.at));
    match format {
        FileFormat::Json => serde_json::to_string_pretty(&rows).expect("rows are plain data"),
        FileFormat::Csv => csv(&rows),
    }
}

fn rows(replica: &Replica, entry: &Entry) -> Vec<Row> {
    let merged = entry.merge.iter().flat_map(|merge| merged(replica, merge));
    merged.chain(entry.conflicts().flat_map(|conflict| reviewed(replica, entry, conflict))).collect()
}

fn merged(replica: &Replica, merge: &Merge) -> Vec<Row> {
    let by = || Who::from(replica.author(merge.incoming));
    let at = merge.incoming.at.to_text().unwrap_or_default();
    let row = |(name, met): (&FieldName, &sync_protocol::Met)| Row {
        what: "merged",
        at: at.clone(),
        by: by(),
        before: met.base.clone(),
        current: met.current.clone(),
        current_by: Some(replica.author(met.current_by).into()),
        incoming: met.incoming.clone(),
        incoming_by: by(),
        decision: policy_in_words(met.policy).into(),
        result: Some(met.result.clone()),
        ..place(replica, &merge.record, &merge.title, name)
    };
    merge.fields.iter().map(row).collect()
}

fn reviewed(replica: &Replica, entry: &Entry, conflict: &Conflict) -> Vec<Row> {
    let (what, stamp) = match (&conflict.resolved, entry.kind) {
        (Some(resolved), _) if resolved.saw.is_none() => ("ended by itself", resolved.stamp),
        (Some(resolved), _) => ("settled", resolved.stamp),
        (None, EntryKind::Reopened) => {
            ("taken back", conflict.reopened.map_or(conflict.incoming, |reopened| reopened.stamp))
        }
        (None, _) => ("needs review", conflict.incoming),
    };
    let outcome = conflict.resolved.as_ref().map(|resolved| &resolved.outcome);
    let row = |name: &FieldName| {
        let sides = &conflict.fields[name];
        Row {
            what,
            at: stamp.at.to_text().unwrap_or_default(),
            by: replica.author(stamp).into(),
            before: sides.base.clone(),
            current: sides.current.clone(),
            current_by: conflict.current_by(name).map(|stamp| replica.author(stamp).into()),
            incoming: sides.incoming.clone(),
            incoming_by: replica.author(conflict.incoming_by(name)).into(),
            decision: outcome.map(|outcome| in_words(outcome, name).to_owned()).unwrap_or_default(),
            result: outcome.and_then(|outcome| result(conflict, outcome, name)),
            ..place(replica, &conflict.record, &conflict.title, name)
        }
    };
    conflict.fields.keys().map(row).collect()
}

/// A row that says only what it is about.
fn place(replica: &Replica, record: &RecordId, title: &str, field: &FieldName) -> Row {
    let collection = replica.schema().collection(&record.collection);
    let label = collection.map_or(record.collection.as_str(), |c| c.label.as_str());
    let field_label =
        collection.and_then(|c| c.fields.get(field)).map_or(field.as_str(), |f| f.label.as_str());
    let nobody = || Who { person: String::new(), device: String::new(), channel: String::new() };
    Row {
        what: "",
        at: String::new(),
        by: nobody(),
        collection: label.to_owned(),
        record: record.key.to_string(),
        title: title.to_owned(),
        field: field_label.to_owned(),
        before: Value::ABSENT,
        current: Value::ABSENT,
        current_by: None,
        incoming: Value::ABSENT,
        incoming_by: nobody(),
        decision: String::new(),
        result: None,
    }
}

fn policy_in_words(policy: Policy) -> &'static str {
    match policy {
        Policy::Ask => "asked",
        Policy::Last => "the last edit stays",
        Policy::First => "the first edit stays",
        Policy::Counter => "both were added",
        Policy::Set => "both were united",
        Policy::Text => "both texts were merged",
    }
}

fn in_words(outcome: &Outcome, field: &FieldName) -> &'static str {
    match outcome {
        Outcome::Delete => "the record was deleted",
        Outcome::KeepBoth { .. } => "both were kept as two records",
        Outcome::Keep { choices } => match choices.get(field) {
            Some(Choice::Current) => "the current value stays",
            Some(Choice::Incoming) => "the incoming value was taken",
            Some(Choice::Own(_)) => "another value was written",
            None => "merged",
        },
    }
}

fn result(conflict: &Conflict, outcome: &Outcome, field: &FieldName) -> Option<Value> {
    let Outcome::Keep { choices } = outcome else { return None };
    let changed = conflict.resolved.as_ref().and_then(|r| r.effect.fields.get(field));
    match choices.get(field) {
        Some(Choice::Own(value)) => Some(value.clone()),
        Some(Choice::Incoming) => Some(conflict.fields[field].incoming.clone()),
        Some(Choice::Current) | None => {
            Some(changed.map_or_else(|| conflict.fields[field].current.clone(), |c| c.after.clone()))
        }
    }
}

const HEADINGS: [&str; 20] = [
    "what",
    "at",
    "by_person",
    "by_device",
    "by_channel",
    "collection",
    "record",
    "title",
    "field",
    "before",
    "current",
    "current_person",
    "current_device",
    "current_channel",
    "incoming",
    "incoming_person",
    "incoming_device",
    "incoming_channel",
    "decision",
    "result",
];

fn csv(rows: &[Row]) -> String {
    let cells = |row: &Row| {
        let who = |who: Option<&Who>| match who {
            Some(who) => [who.person.clone(), who.device.clone(), who.channel.clone()],
            None => Default::default(),
        };
        let mut cells: Vec<Cell> = vec![row.what.into(), row.at.clone().into()];
        cells.extend(who(Some(&row.by)).map(Cell::from));
        let place = [&row.collection, &row.record, &row.title, &row.field];
        cells.extend(place.map(|text| Cell::Text(text.clone())));
        cells.extend([shown(&row.before), shown(&row.current)]);
        cells.extend(who(row.current_by.as_ref()).map(Cell::from));
        cells.push(shown(&row.incoming));
        cells.extend(who(Some(&row.incoming_by)).map(Cell::from));
        cells.push(row.decision.clone().into());
        cells.push(row.result.as_ref().map_or_else(|| "".into(), shown));
        cells
    };
    sheet::write(&HEADINGS.map(str::to_owned), rows.iter().map(cells))
}

fn shown(value: &Value) -> Cell {
    match value.as_text() {
        Some(text) => text.into(),
        None if value.is_absent() => "".into(),
        None if value.0.is_number() => Cell::Number(value.0.to_string()),
        None => value.0.to_string().into(),
    }
}
