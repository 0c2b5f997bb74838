//! An import under way: some rows at a time, so that other commands (such as "Stop") are heard in between.

use std::collections::BTreeSet;
use std::sync::Arc;

use sync_protocol::{CollectionId, FieldName, RecordKey, Timestamp};

use super::past::Step;
use super::{Engine, Reply, failure};
use crate::api::{Answer, Event, Failure, FailureKind, ImportCounts, ImportPlan, ImportReport, RefusedRow};
use crate::device::Device;
use crate::import::{self, Asking, Fate, File, Known, Rows};
use crate::limits;
use crate::query::storage;
use crate::replica::rules::{Held, Holders, Rules};
use crate::replica::uuid_key;
use crate::store::{Batch, LocalStore};
use crate::text;

/// What is left to do and what was done.
pub(super) struct Importing {
    plan: ImportPlan,
    collection: CollectionId,
    /// Names records whose rows have no key.
    mint: Mint,
    at: usize,
    keys: BTreeSet<RecordKey>,
    counts: ImportCounts,
    refused: Vec<RefusedRow>,
    all_refused: Vec<(usize, String)>,
    cancelled: bool,
    /// All that it saved, to take it back as one.
    step: Step,
    who: Arc<str>,
    reply: Option<Reply>,
}

/// Keys for rows without one: UUIDs in the order of the file that no other device and no other import makes.
#[derive(Clone, Copy)]
struct Mint {
    now: Timestamp,
    random: [u8; 16],
}

impl Mint {
    /// The key of a row. A UUIDv7 has 18 bits for what comes first within a millisecond: more than a file has rows.
    fn key(self, row: usize) -> RecordKey {
        const { assert!(limits::OUTBOX_CHANGES < 1 << 18) };
        let mut bytes: [u8; 10] = self.random[..10].try_into().expect("10 bytes of 16");
        bytes[0] = (row >> 14) as u8 & 0x0f;
        bytes[1] = (row >> 6) as u8;
        bytes[2] = row as u8 & 0x3f;
        uuid_key(self.now, bytes)
    }
}

impl<D: Device> Engine<D> {
    /// Looks at a file.
    pub(super) async fn preview(
        &mut self,
        name: &str,
        text: &str,
        plan: Option<ImportPlan>,
    ) -> Result<Answer, Failure> {
        if self.desk.importing.is_some() {
            return Err(Failure::input("An import is under way. Wait for its end, or stop it."));
        }
        let read = !text.is_empty() || plan.is_none();
        if read {
            let reading = plan.as_ref().and_then(|plan| plan.reading);
            let file = File::read_as(name, text, reading.as_ref())?;
            self.desk.file = Some(File { number: self.random_number(), ..file });
        }
        let file = self.desk.file.as_ref().ok_or_else(|| Failure::input("Choose a file first."))?;
        let plan = match plan {
            Some(plan) if read => Some(ImportPlan { file: file.number, ..plan }),
            Some(plan) => {
                import::check_file_of(file, &plan)?;
                Some(plan)
            }
            None => None,
        };
        let into = plan.as_ref().and_then(|plan| plan.into.clone());
        let preview = match (into, self.desk.open.as_mut()) {
            (Some(into), Some(open)) => {
                let Some(collection) = open.replica.schema().collection(&into) else {
                    return Err(gone());
                };
                let views = open.tables.views(&open.store, &open.replica, &into).await.map_err(storage)?;
                let view = |key: &RecordKey| views.view_of(key);
                let holders = |(_, name, text): &Held| views.holders(name, text);
                let asking = Asking { id: &into, collection, holders: &holders };
                import::look(file, plan, Some(Known { asking, view: &view }))
            }
            _ => import::look(file, plan, None),
        };
        Ok(Answer::Preview(Box::new(preview)))
    }

    pub(super) async fn import(&mut self, plan: ImportPlan, reply: Reply) {
        match self.begin(plan).await {
            Ok(importing) => self.desk.importing = Some(Importing { reply: Some(reply), ..importing }),
            Err(failure) => drop(reply.send(Err(failure))),
        }
    }

    async fn begin(&mut self, mut plan: ImportPlan) -> Result<Importing, Failure> {
        if self.desk.importing.is_some() {
            return Err(Failure::input("An import is under way. Wait for its end, or stop it."));
        }
        let (now, random) = (self.device.now(), self.device.random());
        let file = self.desk.file.as_ref().ok_or_else(|| {
            Failure::input(
                "The tab that had read this file is gone. What it saved is kept; choose the file again.",
            )
        })?;
        import::check_plan(file, &plan)?;
        let rows = file.rows.len();
        self.desk.refused_rows = None;
        let open = self.workspace()?;
        let unsent = open.replica.outbox_count();
        if unsent + rows > limits::OUTBOX_CHANGES {
            return Err(Failure::input(format!(
                "The file has {} rows and {} changes wait to be sent; this device keeps at most {}. Connect to the network to send them, then import the file.",
                text::grouped(rows),
                text::grouped(unsent),
                text::grouped(limits::OUTBOX_CHANGES)
            )));
        }
        let collection = match &plan.into {
            None => {
                let label = text::label(&plan.label);
                let name = open.replica.free_name(&label, random);
                let batch = open.replica.new_collection(now, &name, &label, &import::fields(&plan))?;
                self.save(batch).await?;
                name
            }
            Some(name) => {
                let known = open.replica.schema().collection(name).filter(|_| !name.is_reserved());
                let known = known.ok_or_else(gone)?;
                let missing = import::missing_fields(&plan, known);
                let name = name.clone();
                import::adopt(&mut plan, known);
                for field in missing {
                    let batch = self.workspace()?.replica.set_field(now, &name, &field)?;
                    self.save(batch).await?;
                }
                name
            }
        };
        Ok(Importing {
            plan,
            collection,
            mint: Mint { now, random: self.device.random() },
            at: 0,
            keys: BTreeSet::new(),
            counts: ImportCounts::default(),
            refused: Vec::new(),
            all_refused: Vec::new(),
            cancelled: false,
            step: Step::default(),
            who: self.who.clone(),
            reply: None,
        })
    }

    pub(super) async fn import_step(&mut self) {
        let Some(mut importing) = self.desk.importing.take() else { return };
        match self.import_some(&mut importing).await {
            Err(failure) => {
                let message = format!(
                    "{} The import stopped: {} rows are saved on this device, the rest is not.",
                    failure.message,
                    text::grouped(importing.saved())
                );
                self.imported(&mut importing);
                importing.end(Err(Failure { message, ..failure }));
                self.desk.file = None;
            }
            Ok(true) => self.desk.importing = Some(importing),
            Ok(false) => self.finish_import(importing),
        }
    }

    /// Saves some rows; false at the end.
    async fn import_some(&mut self, importing: &mut Importing) -> Result<bool, Failure> {
        let now = self.device.now();
        let Some(file) = &self.desk.file else { return Ok(false) };
        let total = file.rows.len();
        let open = self
            .desk
            .open
            .as_mut()
            .ok_or_else(|| failure(FailureKind::Input, "The workspace was closed."))?;
        let mut rows = Rows::from(file, &importing.plan, importing.at, std::mem::take(&mut importing.keys));
        let taken: Vec<FieldName> = rows.taken();
        let mut step = Vec::new();
        while step.len() < limits::IMPORT_STEP && rows.position() < importing.at + 2 * limits::IMPORT_STEP {
            match rows.next() {
                None => break,
                Some(Err(())) => {}
                Some(Ok((key, fields))) => {
                    let minted = importing.plan.key.is_none();
                    let key = if minted { importing.mint.key(rows.position()) } else { key };
                    step.push((rows.position(), import::record_id(&importing.collection, key), fields));
                }
            }
        }
        importing.at = rows.position();
        let ids: Vec<_> = step.iter().map(|(_, id, _)| id.clone()).collect();
        let bases = open.store.get(&ids).await.map_err(storage)?;
        let mut counts = importing.counts;
        let mut records = Vec::new();
        let name = &importing.collection;
        let collection = open.replica.schema().collection(name).ok_or_else(gone)?;
        let views = match collection.fields.values().any(|field| field.details.unique) {
            true => Some(open.tables.views(&open.store, &open.replica, name).await.map_err(storage)?),
            false => None,
        };
        let holders = |(_, name, text): &Held| {
            views.as_ref().map(|views| views.holders(name, text)).unwrap_or_default()
        };
        let asking = Asking { id: name, collection, holders: &holders };
        let mut rules = Rules::new(Holders::new());
        for ((row, id, fields), base) in step.into_iter().zip(bases) {
            let there = open.replica.view(&id, base.as_ref());
            let fate = import::fate(&importing.plan, there.as_ref(), &fields, &taken);
            let wanted = match (fate, &there) {
                (Fate::Change, Some(there)) => import::changes(&importing.plan, there, &fields, &taken),
                _ => fields,
            };
            match import::hold(&mut rules, asking, (&id.key, there.as_ref()), fate, wanted) {
                Err(reason) => {
                    rows.refuse(row, "", reason);
                    continue;
                }
                Ok(fields) if fate == Fate::New => records.push((id, None, fields)),
                Ok(wanted) if fate == Fate::Change => records.push((id, base, wanted)),
                Ok(_) => {}
            }
            counts.add(fate);
        }
        let room = limits::REFUSED_LISTED.saturating_sub(importing.refused.len());
        importing.refused.extend(rows.refused.drain(..).take(room));
        importing.all_refused.append(&mut rows.all_refused);
        importing.keys = rows.into_keys();
        let batch: Batch = open.replica.import(now, records)?;
        importing.step.add(&batch, &[]);
        self.save(batch).await?;
        importing.counts = counts;
        self.tell(Event::Importing { done: importing.at, total });
        Ok(importing.at < total)
    }

    /// What an import saved can be taken back by whoever asked for it.
    fn imported(&mut self, importing: &mut Importing) {
        if let Some(open) = &mut self.desk.open {
            open.past.did(&importing.who, std::mem::take(&mut importing.step));
        }
    }

    fn finish_import(&mut self, mut importing: Importing) {
        self.imported(&mut importing);
        if let Some(file) = self.desk.file.take()
            && !importing.all_refused.is_empty()
        {
            self.desk.refused_rows = Some(import::refused_file(&file, &importing.all_refused));
        }
        let report = ImportReport {
            collection: importing.collection.clone(),
            saved: importing.saved(),
            counts: importing.counts,
            refused: std::mem::take(&mut importing.refused),
            refused_total: importing.all_refused.len(),
            cancelled: importing.cancelled,
        };
        importing.end(Ok(Answer::Imported(report)));
    }

    pub(super) fn cancel_import(&mut self) {
        if let Some(importing) = self.desk.importing.take() {
            self.finish_import(Importing { cancelled: true, ..importing });
        }
    }

    pub(super) fn stop_import(&mut self, why: &str) {
        if let Some(importing) = self.desk.importing.take() {
            let message = format!(
                "{why} {} rows are saved on this device, the rest is not.",
                text::grouped(importing.saved())
            );
            importing.end(Err(failure(FailureKind::Input, message)));
        }
    }

    /// The rows that the last import refused, as a file's text.
    pub(super) fn refused_rows(&self) -> Result<Answer, Failure> {
        let text = self.desk.refused_rows.clone();
        text.map(Answer::Text)
            .ok_or_else(|| Failure::input("The refused rows are no longer kept. Import the file again."))
    }
}

fn gone() -> Failure {
    Failure::input("This collection does not exist (any more). Choose another one.")
}

impl Importing {
    fn saved(&self) -> usize {
        self.counts.new + self.counts.change
    }

    fn end(mut self, result: Result<Answer, Failure>) {
        if let Some(reply) = self.reply.take() {
            drop(reply.send(result));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_rows_come_in_the_order_of_the_file_and_differ_between_imports() {
        let mint = |seed| Mint { now: Timestamp(1_700_000_000_000), random: [seed; 16] };
        let keys: Vec<_> = [1, 2, 63, 64, 16_383, 16_384, 249_999].map(|row| mint(7).key(row)).into();
        assert!(keys.is_sorted() && keys.windows(2).all(|pair| pair[0] != pair[1]), "{keys:?}");
        assert_ne!(mint(7).key(1), mint(8).key(1));
    }
}
