//! An import under way: some rows at a time, so that other commands (such as "Stop") are heard in between.

use std::collections::BTreeSet;

use sync_protocol::{CollectionId, RecordKey};

use super::{Engine, Reply, failure};
use crate::api::{Answer, Event, Failure, FailureKind, ImportPlan, ImportReport, RefusedRow};
use crate::device::Device;
use crate::import::{self, Rows};
use crate::limits;
use crate::query::storage;
use crate::store::{Batch, LocalStore};

/// What is left to do and what was done.
pub(super) struct Importing {
    plan: ImportPlan,
    collection: CollectionId,
    /// Rows may be there already: the collection was not made by this import.
    existing: bool,
    at: usize,
    keys: BTreeSet<RecordKey>,
    saved: usize,
    refused: Vec<RefusedRow>,
    refused_total: usize,
    cancelled: bool,
    reply: Option<Reply>,
}

impl<D: Device> Engine<D> {
    pub(super) async fn import(&mut self, plan: ImportPlan, reply: Reply) {
        match self.begin(plan).await {
            Ok(importing) => self.importing = Some(Importing { reply: Some(reply), ..importing }),
            Err(failure) => drop(reply.send(Err(failure))),
        }
    }

    async fn begin(&mut self, plan: ImportPlan) -> Result<Importing, Failure> {
        if self.importing.is_some() {
            return Err(Failure::input("An import is under way. Wait for its end, or stop it."));
        }
        let now = self.device.now();
        let file = self.file.as_ref().ok_or_else(|| {
            Failure::input(
                "The tab that had read this file is gone. What it saved is kept; choose the file again.",
            )
        })?;
        import::check_plan(file, &plan)?;
        let rows = file.rows.len();
        let open = self.workspace()?;
        let unsent = open.replica.outbox().count();
        if unsent + rows > limits::OUTBOX_CHANGES {
            return Err(Failure::input(format!(
                "The file has {} rows and {} changes wait to be sent; this device keeps at most {}. Connect to the network to send them, then import the file.",
                import::grouped(rows),
                import::grouped(unsent),
                import::grouped(limits::OUTBOX_CHANGES)
            )));
        }
        let collection = match &plan.into {
            None => {
                let name = open.replica.free_name(plan.label.trim());
                let batch =
                    open.replica.new_collection(now, &name, plan.label.trim(), &import::fields(&plan))?;
                self.save(batch).await?;
                name
            }
            Some(name) => {
                let known = open.replica.schema().collection(name).filter(|_| !name.is_reserved());
                let known = known.ok_or_else(|| {
                    Failure::input("This collection does not exist (any more). Choose another one.")
                })?;
                for field in import::missing_fields(&plan, known)? {
                    let batch = self.workspace()?.replica.set_field(now, name, &field)?;
                    self.save(batch).await?;
                }
                name.clone()
            }
        };
        Ok(Importing {
            existing: plan.into.is_some(),
            plan,
            collection,
            at: 0,
            keys: BTreeSet::new(),
            saved: 0,
            refused: Vec::new(),
            refused_total: 0,
            cancelled: false,
            reply: None,
        })
    }

    pub(super) async fn import_step(&mut self) {
        let Some(mut importing) = self.importing.take() else { return };
        match self.import_some(&mut importing).await {
            Err(failure) => {
                let message = format!(
                    "{} The import stopped: {} rows are saved on this device, the rest is not.",
                    failure.message,
                    import::grouped(importing.saved)
                );
                importing.end(Err(Failure { message, ..failure }));
                self.file = None;
            }
            Ok(true) => self.importing = Some(importing),
            Ok(false) => self.finish_import(importing),
        }
    }

    /// Saves some rows; false at the end.
    async fn import_some(&mut self, importing: &mut Importing) -> Result<bool, Failure> {
        let now = self.device.now();
        let Some(file) = &self.file else { return Ok(false) };
        let total = file.rows.len();
        let open =
            self.open.as_mut().ok_or_else(|| failure(FailureKind::Input, "The workspace was closed."))?;
        let mut rows = Rows::from(file, &importing.plan, importing.at, std::mem::take(&mut importing.keys));
        let mut step = Vec::new();
        while step.len() < limits::IMPORT_STEP && rows.position() < importing.at + 2 * limits::IMPORT_STEP {
            match rows.next() {
                None => break,
                Some(Err(())) => {}
                Some(Ok((key, fields))) => {
                    step.push((rows.position(), import::record_id(&importing.collection, key), fields))
                }
            }
        }
        if importing.existing {
            let ids: Vec<_> = step.iter().map(|(_, id, _)| id.clone()).collect();
            let bases = open.store.get(&ids).await.map_err(storage)?;
            let mut free = Vec::new();
            for ((row, id, fields), base) in step.into_iter().zip(bases) {
                if open.replica.view(&id, base.as_ref()).is_some() {
                    rows.refuse(
                        row,
                        importing.plan.key.as_deref().unwrap_or_default(),
                        format!("a record with the key “{}” is there already", id.key),
                    );
                } else {
                    free.push((row, id, fields));
                }
            }
            step = free;
        }
        importing.at = rows.position();
        importing.refused_total += rows.refused_total;
        let room = limits::REFUSED_LISTED.saturating_sub(importing.refused.len());
        importing.refused.extend(rows.refused.drain(..).take(room));
        importing.keys = rows.into_keys();
        let records: Vec<_> = step.into_iter().map(|(_, id, fields)| (id, fields)).collect();
        let n = records.len();
        let batch: Batch = open.replica.insert_many(now, records)?;
        self.save(batch).await?;
        importing.saved += n;
        self.tell(Event::Importing { done: importing.at, total });
        Ok(importing.at < total)
    }

    fn finish_import(&mut self, mut importing: Importing) {
        self.file = None;
        let report = ImportReport {
            collection: importing.collection.clone(),
            saved: importing.saved,
            refused: std::mem::take(&mut importing.refused),
            refused_total: importing.refused_total,
            cancelled: importing.cancelled,
        };
        importing.end(Ok(Answer::Imported(report)));
    }

    pub(super) fn cancel_import(&mut self) {
        if let Some(importing) = self.importing.take() {
            self.finish_import(Importing { cancelled: true, ..importing });
        }
    }

    pub(super) fn stop_import(&mut self, why: &str) {
        if let Some(importing) = self.importing.take() {
            let message = format!(
                "{why} {} rows are saved on this device, the rest is not.",
                import::grouped(importing.saved)
            );
            importing.end(Err(failure(FailureKind::Input, message)));
        }
    }
}

impl Importing {
    fn end(mut self, result: Result<Answer, Failure>) {
        if let Some(reply) = self.reply.take() {
            drop(reply.send(result));
        }
    }
}
