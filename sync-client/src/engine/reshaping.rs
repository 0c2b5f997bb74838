//! A field made another: its definition and what records hold in it, as one step that can be taken back. Counted first.

use std::collections::BTreeMap;

use sync_protocol::schema::{Field, check_value};
use sync_protocol::{Change, Edit, FieldType, Fields, RecordId, RecordKey, Value};

use super::Engine;
use super::past::Step;
use crate::api::{Answer, Event, Failure, Op, Reshape, Reshaped, Seen, Types, Unfit, field_op};
use crate::device::Device;
use crate::limits;
use crate::query::storage;
use crate::replica::rules::written;
use crate::replica::write::{Bases, Want};
use crate::store::LocalStore;

/// What becomes of the records, and what there is to tell of it.
type Planned = (Reshaped, Vec<(RecordKey, Seen)>);

impl<D: Device> Engine<D> {
    pub(super) async fn reshape(&mut self, reshape: Reshape) -> Result<Answer, Failure> {
        let open = self.workspace()?;
        let Some(collection) = open.replica.schema().collection(&reshape.collection) else {
            return Err(Failure::input("This collection does not exist (any more)."));
        };
        if reshape.saw.field_type != reshape.want.field_type
            && open.replica.mirrors().contains_key(&reshape.collection)
        {
            return Err(Failure::input(
                "This collection is kept in step with a table, whose column has a type of its own. End the mirror first.",
            ));
        }
        let collection = collection.clone();
        let name = &reshape.want.name;
        let views =
            open.tables.views(&open.store, &open.replica, &reshape.collection).await.map_err(storage)?;
        let title = |key: &RecordKey, fields: &Fields| collection.title(key, fields);
        let (mut told, edits) = plan(&reshape, views.behind(None), title);
        let touches = |change: &Change| match &change.edit {
            Edit::Insert { fields } => fields.contains_key(name),
            Edit::Patch { fields } => fields.contains_key(name),
            Edit::Delete { .. } | Edit::Resolve(_) | Edit::Reopen(_) => false,
        };
        let touched = |id: &&RecordId| open.replica.pending_of(id).any(touches);
        told.unsent = open.replica.pending_records_of(&reshape.collection).filter(touched).count();
        if !reshape.dry_run {
            self.reshaped(&reshape, edits).await?;
        }
        Ok(Answer::Reshaped(Box::new(told)))
    }

    /// Saves it: the definition with the first records, the others behind them.
    async fn reshaped(&mut self, reshape: &Reshape, edits: Vec<(RecordKey, Seen)>) -> Result<(), Failure> {
        let definition = field_op(&reshape.collection, &reshape.saw, &reshape.want);
        let definition = definition.and_then(|op| match op {
            Op::Edit { id, fields } => Some((id, Want::Change(fields))),
            Op::Insert { .. } | Op::Put { .. } | Op::Delete { .. } => None,
        });
        let asked: Vec<RecordId> = definition.iter().map(|(id, _)| id.clone()).collect();
        let total = edits.len();
        self.workspace()?.replica.room_for(total + 1)?;
        let label = format!("Change “{}”", reshape.want.label);
        let mut step = Step::of(Some(label), &Default::default(), &asked);
        let (mut wants, mut done) = (Vec::from_iter(definition), 0);
        let mut left = edits.into_iter().peekable();
        loop {
            let some = left.by_ref().take(limits::IMPORT_STEP);
            let ids: Vec<RecordId> = some
                .map(|(key, seen)| {
                    let id = RecordId::new(reshape.collection.clone(), key);
                    wants.push((id.clone(), Want::Change([(reshape.want.name.clone(), seen)].into())));
                    id
                })
                .collect();
            done += ids.len();
            let (now, open) = (self.device.now(), self.workspace()?);
            let stored = open.store.get(&ids).await.map_err(storage)?;
            let mut bases: Bases =
                ids.into_iter().zip(stored).filter_map(|(id, base)| Some((id, base?))).collect();
            bases
                .extend(asked.iter().filter_map(|id| Some((id.clone(), open.replica.reserved(id)?.clone()))));
            let batch = open.replica.write(now, std::mem::take(&mut wants), &Types::new(), &bases)?;
            step.add(&batch, &asked);
            self.save(batch).await?;
            self.tell(Event::Working { done, total });
            if left.peek().is_none() {
                break;
            }
        }
        let who = self.who.clone();
        self.workspace()?.past.did(&who, step);
        Ok(())
    }
}

/// Looks at every record.
fn plan<'r>(
    reshape: &Reshape,
    records: impl Iterator<Item = (&'r RecordKey, &'r Fields)>,
    title: impl Fn(&RecordKey, &Fields) -> String,
) -> Planned {
    let Reshape { saw, want, .. } = reshape;
    let (mut told, mut edits, mut many) = (Reshaped::default(), Vec::new(), false);
    let mut held_by = BTreeMap::new();
    for (key, fields) in records {
        let held = fields.get(&want.name).map(|value| saw.field_type.plain(value));
        let Some(held) = held.filter(|held| !held.is_absent()) else {
            told.empty += 1;
            continue;
        };
        told.filled += 1;
        let shown = saw.field_type.show(held);
        let unfit = |why: String| Unfit {
            key: key.clone(),
            title: title(key, fields),
            shown: shown.chars().take(limits::SAMPLE_CHARS).collect(),
            why,
        };
        match converted(reshape, held) {
            Ok(value) => {
                if let Some(broken) = want.broken(&value) {
                    told.broken += 1;
                    if told.broken_sample.len() < limits::UNFIT_LISTED {
                        told.broken_sample.push(unfit(broken.to_string()));
                    }
                }
                if value != *held {
                    told.converted += 1;
                    edits.push((key.clone(), Seen { saw: held.clone(), want: value.clone() }));
                }
                if let Some(text) = written(&value).filter(|_| want.details.unique) {
                    *held_by.entry(text).or_insert(0usize) += 1;
                }
            }
            Err(why) => {
                told.unfit += 1;
                if told.unfit_sample.len() < limits::UNFIT_LISTED {
                    told.unfit_sample.push(unfit(why));
                }
                edits.push((key.clone(), Seen { saw: held.clone(), want: Value::ABSENT }));
            }
        }
        if !many {
            *told.values.entry(shown).or_default() += 1;
            many = told.values.len() > limits::DISTINCT_VALUES;
        }
    }
    told.twice = held_by.values().filter(|records| **records > 1).count();
    if many {
        told.values.clear();
    }
    (told, edits)
}

/// A value as the field holds it afterwards, or why it cannot.
fn converted(Reshape { saw, want, renamed, .. }: &Reshape, held: &Value) -> Result<Value, String> {
    if let Some(other) = held.as_text().and_then(|text| renamed.get(text)).filter(|_| is_choice(want)) {
        return Ok(Value::from(other.as_str()));
    }
    if check_value(want, held).is_ok() {
        return Ok(held.clone());
    }
    let wrong = |misfit: sync_protocol::Misfit| misfit.to_string();
    want.field_type.parse(&saw.field_type.show(held), &want.options).map_err(wrong)
}

fn is_choice(field: &Field) -> bool {
    field.field_type == FieldType::Choice
}
