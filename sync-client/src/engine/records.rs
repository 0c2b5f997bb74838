//! Commands about records: each becomes one batch, and is answered once that is durable.

use sync_protocol::message::SignIn;
use sync_protocol::{RecordId, Resolution};

use super::{Asked, Engine, failure};
use crate::api::{Answer, CollectionInfo, Command, Failure, FailureKind, RecordInfo, Review};
use crate::device::Device;
use crate::import::{self, File};
use crate::query::storage;
use crate::replica::uuid_key;
use crate::store::{Batch, LocalStore, Receipt, Written};

use super::workspace::Workspace;

impl<D: Device> Engine<D> {
    pub(super) async fn command(&mut self, Asked { command, request, reply }: Asked) {
        if let Some(answer) = request.as_deref().and_then(|request| self.done_before(request)) {
            return drop(reply.send(Ok(answer)));
        }
        let answer = match command {
            Command::Connect { server } => return self.connect_to(&server, reply),
            Command::SignIn { name, password } => {
                return self.sign_in(Some(SignIn { name, password }), reply);
            }
            Command::SignInDemo => return self.sign_in(None, reply),
            Command::Workspaces => return self.ask_workspaces(reply),
            Command::NewWorkspace { name } => return self.new_workspace(name, reply),
            Command::Import { plan } => return self.import(plan, reply).await,
            Command::Session => Ok(Answer::Session(self.session())),
            Command::SignOut { unsent } => self.sign_out(unsent).await,
            Command::Open { workspace } => self.open(workspace).await.map(|()| Answer::Done),
            Command::Status => Ok(Answer::Status(Box::new(self.status().await))),
            Command::CancelImport => {
                self.cancel_import();
                Ok(Answer::Done)
            }
            Command::Preview { name, text, plan } => self.preview(&name, &text, plan),
            Command::Network { online } => {
                self.network(online);
                Ok(Answer::Done)
            }
            Command::SyncNow => {
                self.network(true);
                Ok(Answer::Done)
            }
            other => {
                self.request = request;
                let answer = self.record_command(other).await;
                self.request = None;
                answer
            }
        };
        // a screen that went away does not need the answer
        drop(reply.send(answer));
    }

    async fn record_command(&mut self, command: Command) -> Result<Answer, Failure> {
        let now = self.device.now();
        let random = self.device.random();
        let open = self.workspace()?;
        match command {
            Command::Collections => Ok(Answer::Collections(collections(open))),
            Command::Rows(query) => {
                open.tables.rows(&open.store, &open.replica, &query).await.map(Answer::Rows)
            }
            Command::Record { id } => record(open, id).await,
            Command::Review => review(open).await,
            Command::ExportUnsent => {
                let changes: Vec<_> = open.replica.outbox().map(|p| &p.change).collect();
                let rejected: Vec<_> = open.replica.quarantine().collect();
                let all = serde_json::json!({ "unsent": changes, "rejected": rejected });
                Ok(Answer::Text(serde_json::to_string_pretty(&all).expect("changes are plain data")))
            }
            Command::Verify => {
                open.scan().await.map_err(storage)?;
                self.network(true);
                Ok(Answer::Done)
            }
            Command::NewCollection { label, fields } => {
                if label.trim().is_empty() {
                    return Err(Failure::input("The collection needs a name."));
                }
                let name = open.replica.free_name(label.trim());
                let batch = open.replica.new_collection(now, &name, label.trim(), &fields)?;
                self.finish(batch, Written::Made(name)).await
            }
            Command::SetField { collection, field } => {
                let batch = open.replica.set_field(now, &collection, &field)?;
                self.finish(batch, Written::Done).await
            }
            Command::Insert { collection, key, fields } => {
                let key =
                    key.unwrap_or_else(|| uuid_key(now, random[..10].try_into().expect("10 bytes of 16")));
                let id = RecordId::new(collection, key);
                let base = base(open, &id).await?;
                let batch = open.replica.insert(now, id.clone(), base.as_ref(), fields)?;
                self.finish(batch, Written::Saved(vec![id])).await
            }
            Command::Edit { id, fields } => {
                let base = base(open, &id).await?;
                let batch = open.replica.edit(now, id.clone(), base.as_ref(), fields)?;
                self.finish(batch, Written::Saved(vec![id])).await
            }
            Command::Delete { ids } => {
                let bases = open.store.get(&ids).await.map_err(storage)?;
                let batch = open.replica.delete(now, ids.iter().cloned().zip(bases).collect())?;
                self.finish(batch, Written::Saved(ids)).await
            }
            Command::Resolve { conflict, saw_conflict, saw_record, outcome } => {
                let resolution = Resolution { conflict, saw_conflict, saw_record, outcome };
                let batch = open.replica.resolve(now, resolution)?;
                let ids = batch.enqueue.iter().map(|c| c.record.clone()).collect();
                self.finish(batch, Written::Saved(ids)).await
            }
            Command::Retry { counter } => {
                let batch = open.replica.retry(now, counter)?;
                self.finish(batch, Written::Done).await
            }
            Command::Discard { counter } => {
                let batch = open.replica.discard(counter);
                self.finish(batch, Written::Done).await
            }
            // all others were answered by `command`
            _ => Err(failure(FailureKind::Internal, "This command cannot be done here.")),
        }
    }

    pub(super) fn workspace(&mut self) -> Result<&mut Workspace<D::Store>, Failure> {
        self.open.as_mut().ok_or_else(|| Failure::input("No workspace is open. Choose one first."))
    }

    /// What a request of that name was answered when it was done.
    fn done_before(&self, request: &str) -> Option<Answer> {
        Some(answer(self.open.as_ref()?.replica.receipt(request)?.clone()))
    }

    /// Commits what ends a command, in one step with the receipt for whoever asked.
    async fn finish(&mut self, mut batch: Batch, written: Written) -> Result<Answer, Failure> {
        if let (Some(request), Some(open)) = (self.request.take(), &self.open) {
            let receipt = Receipt { request, answer: written.clone() };
            batch.receipts = Some(open.replica.receipts_with(receipt));
        }
        self.save(batch).await?;
        Ok(answer(written))
    }

    /// Commits what a person did; when this returns, it is durable.
    pub(super) async fn save(&mut self, batch: Batch) -> Result<(), Failure> {
        if batch.enqueue.is_empty() && batch.quarantine_gone.is_empty() {
            return Ok(());
        }
        self.commit(&batch).await.map_err(storage)
    }

    /// The network came or went, or the person asked to try now.
    fn network(&mut self, online: bool) {
        let (now, random) = (self.device.now(), self.random_number());
        let Some(open) = &mut self.open else { return };
        if online {
            open.session.nudge();
        } else {
            // what is under way would hang until its time is up
            self.requests.clear();
            open.session.dropped();
            open.session.offline(now, random);
        }
    }

    fn preview(
        &mut self,
        name: &str,
        text: &str,
        plan: Option<crate::api::ImportPlan>,
    ) -> Result<Answer, Failure> {
        if self.importing.is_some() {
            return Err(Failure::input("An import is under way. Wait for its end, or stop it."));
        }
        if !text.is_empty() || plan.is_none() {
            self.file = Some(File::read(name, text)?);
        }
        let file = self.file.as_ref().ok_or_else(|| Failure::input("Choose a file first."))?;
        Ok(Answer::Preview(import::preview(file, plan)))
    }
}

fn answer(written: Written) -> Answer {
    match written {
        Written::Done => Answer::Done,
        Written::Made(name) => Answer::Made(name),
        Written::Saved(ids) => Answer::Saved { ids },
    }
}

async fn base<S: LocalStore>(
    open: &Workspace<S>,
    id: &RecordId,
) -> Result<Option<sync_protocol::Record>, Failure> {
    let found = open.store.get(std::slice::from_ref(id)).await.map_err(storage)?;
    Ok(found.into_iter().next().flatten())
}

fn collections<S>(open: &Workspace<S>) -> Vec<CollectionInfo> {
    let mut review: std::collections::BTreeMap<_, std::collections::BTreeSet<_>> = Default::default();
    let conflicts = open.replica.conflicts().map(|c| &c.record);
    for id in conflicts.chain(open.replica.rejected().map(|q| &q.change.record)) {
        review.entry(&id.collection).or_default().insert(&id.key);
    }
    let info = |(id, collection): (&sync_protocol::CollectionId, &sync_protocol::schema::Collection)| {
        CollectionInfo {
            records: open.replica.count(id),
            review: review.get(id).map_or(0, |keys| keys.len() as u64),
            id: id.clone(),
            collection: collection.clone(),
        }
    };
    open.replica.schema().collections().map(info).collect()
}

async fn record<S: LocalStore>(open: &Workspace<S>, id: RecordId) -> Result<Answer, Failure> {
    let base = base(open, &id).await?;
    let conflicts = open.replica.conflicts_of(&id);
    let info = RecordInfo {
        fields: open.replica.view(&id, base.as_ref()),
        marks: open.replica.marks_of(&id),
        rev: base.as_ref().map(|r| r.rev),
        changed: base.as_ref().map(|r| open.replica.author(r.stamp)),
        conflicts: conflicts.into_iter().map(|c| open.replica.conflict_info(c, base.as_ref())).collect(),
        rejected: open
            .replica
            .rejected()
            .filter(|q| q.change.record == id)
            .map(|q| open.replica.rejected_info(q, base.as_ref()))
            .collect(),
        id,
    };
    Ok(Answer::Record(Box::new(info)))
}

async fn review<S: LocalStore>(open: &Workspace<S>) -> Result<Answer, Failure> {
    let mut conflicts: Vec<_> = open.replica.conflicts().collect();
    conflicts.sort_by_key(|c| (c.incoming.at, c.id));
    let rejected: Vec<_> = open.replica.rejected().collect();
    let records = conflicts.iter().map(|c| &c.record).chain(rejected.iter().map(|q| &q.change.record));
    let ids: Vec<RecordId> = records.cloned().collect();
    let bases = open.store.get(&ids).await.map_err(storage)?;
    let (of_conflicts, of_rejected) = bases.split_at(conflicts.len());
    let conflicts = conflicts
        .into_iter()
        .zip(of_conflicts)
        .map(|(c, base)| open.replica.conflict_info(c, base.as_ref()))
        .collect();
    let rejected = rejected
        .into_iter()
        .zip(of_rejected)
        .map(|(q, base)| open.replica.rejected_info(q, base.as_ref()))
        .collect();
    Ok(Answer::Review(Review { conflicts, rejected }))
}
