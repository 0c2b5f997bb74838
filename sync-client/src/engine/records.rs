//! Commands about records: each becomes one batch, and is answered once that is durable.

use sync_protocol::message::SignIn;
use sync_protocol::record::per_field;
use sync_protocol::{ChangeId, FieldName, Outcome, Record, RecordId, RecordKey, Resolution, Timestamp};

use super::account::Credentials;
#[cfg(feature = "screens")]
use super::exporting;
use super::past::Way;
use super::{Asked, Engine, failure, reading, watching};
use crate::api::{Answer, CollectionInfo, Command, Failure, FailureKind, Op, RecordInfo, ReviewQuery, Types};
use crate::device::Device;
use crate::limits;
use crate::query::storage;
use crate::replica::uuid_key;
use crate::store::{Batch, LocalStore, Memos, Receipt, Written};
use crate::text;

use super::workspace::Workspace;
use super::writing::Held;

impl<D: Device> Engine<D> {
    pub(super) async fn command(&mut self, Asked { command, request, workspace, who, reply }: Asked) {
        self.who = who;
        self.sit(workspace).await;
        if let Some(answer) = request.as_deref().and_then(|request| self.done_before(request)) {
            return drop(reply.send(Ok(answer)));
        }
        let answer = match command {
            Command::Connect { server } => return self.connect_to(&server, false, reply),
            Command::ConnectOpenly { server } => return self.connect_to(&server, true, reply),
            Command::SignIn { name, password } => {
                return self
                    .sign_in(Credentials::Password(SignIn { name, password, device: String::new() }), reply);
            }
            Command::SignInDemo => return self.sign_in(Credentials::Demo, reply),
            Command::SignInWith { token } => return self.sign_in(Credentials::Token(token), reply),
            Command::Workspaces => return self.ask_workspaces(Some(reply)),
            Command::NewWorkspace { name } => return self.new_workspace(name, None, reply),
            Command::ConnectLocal { workspace, how } => {
                return self.connect_local(workspace, how, reply).await;
            }
            #[cfg(feature = "screens")]
            Command::Import { plan } => return self.import(plan, reply).await,
            Command::ResolveMany { which, rule, dry_run } => {
                return self.resolve_many(which, rule, dry_run, reply);
            }
            Command::TakeBack { conflicts } => return self.take_back(conflicts, reply),
            Command::Deleted { collection, resume } => return self.deleted(collection, resume, reply),
            Command::History { id, resume } => return self.history(id, resume, reply),
            #[cfg(feature = "screens")]
            Command::ExportAudit { format } => return self.export_audit(format, reply),
            #[cfg(feature = "screens")]
            Command::Mirror(ask) => return self.mirror(*ask, reply),
            #[cfg(feature = "screens")]
            Command::Members(ask) => return self.members(*ask, reply).await,
            Command::CancelBulk => {
                self.cancel_work();
                Ok(Answer::Done)
            }
            Command::Unwatch { id } => {
                // its page may look at another workspace by now
                for open in self.desks_mut().filter_map(|desk| desk.open.as_mut()) {
                    open.tables.unwatch(id);
                }
                self.events.leave_out(id);
                Ok(Answer::Done)
            }
            Command::NewLocal(name) => self.new_local(&name).await,
            Command::Session => Ok(Answer::Session(self.session())),
            Command::SignOut { unsent } => self.sign_out(unsent).await,
            Command::RemoveRecords { workspace, unsent } => self.remove_records(workspace, unsent).await,
            Command::ExportUnsent => self.export_unsent().await,
            Command::Open { workspace } => {
                let opened = self.open(workspace).await.map(|()| Answer::Done);
                if self.profile.token.is_some() {
                    // what the person may do here may have changed
                    self.ask_workspaces(None);
                }
                opened
            }
            Command::Status => Ok(Answer::Status(Box::new(self.status()))),
            #[cfg(feature = "screens")]
            Command::CancelImport => {
                self.cancel_import();
                Ok(Answer::Done)
            }
            #[cfg(feature = "screens")]
            Command::Preview { name, text, plan } => self.preview(&name, &text, plan).await,
            #[cfg(feature = "screens")]
            Command::RefusedRows => self.refused_rows(),
            Command::Pause => {
                self.pause(true);
                Ok(Answer::Done)
            }
            Command::Resume => {
                self.pause(false);
                Ok(Answer::Done)
            }
            Command::Network { online } => {
                self.network(online);
                for place in self.places() {
                    self.turn_to(place);
                    self.note_contact(!online).await;
                }
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

    fn pause(&mut self, paused: bool) {
        self.paused = paused;
        for desk in self.desks_mut() {
            if paused {
                // what is under way is not waited for
                desk.requests.clear();
            }
            if let Some(open) = &mut desk.open {
                if paused { open.session.pause() } else { open.session.resume() }
            }
        }
    }

    async fn record_command(&mut self, command: Command) -> Result<Answer, Failure> {
        let now = self.device.now();
        let random = self.device.random();
        if let (Some(shut), true) = (self.place, self.desk.shut.is_some()) {
            // another program may have closed it, or there is room by now
            self.open_here(shut).await?;
        }
        let open = self.workspace()?;
        match command {
            Command::Activity => Ok(Answer::Activity(open.replica.activity())),
            Command::Collections => Ok(Answer::Collections(collections(open))),
            Command::Rows(query) => {
                open.tables.rows(&open.store, &open.replica, &query).await.map(Answer::Rows)
            }
            Command::Follow => {
                self.follow = true;
                Ok(Answer::Done)
            }
            Command::Get { ids } => reading::got(open, &ids).await,
            Command::Page { collection, after, limit } => {
                reading::page(open, &collection, after, limit).await
            }
            Command::Watch { view, window, figures } => {
                watching::watch(open, random, (*view, window, figures)).await
            }
            Command::Look { id, window } => open.tables.look(&open.replica, id, window).map(Answer::Looked),
            Command::Keys { id, offset } => open.tables.keys(&open.replica, id, offset).map(Answer::Keys),
            Command::Place { id, key } => open.tables.place(&open.replica, id, &key).map(Answer::Place),
            Command::Duplicates { collection, field } => {
                let tables = &mut open.tables;
                tables
                    .duplicates(&open.store, &open.replica, &collection, &field)
                    .await
                    .map(Answer::Duplicates)
            }
            Command::Record { id } => record(open, now, id).await,
            Command::Review(query) => {
                if query.limit > limits::ROWS {
                    return Err(Failure::input(format!(
                        "At most {} can be asked for at once.",
                        limits::ROWS
                    )));
                }
                review(open, now, &query).await
            }
            Command::Conflict { id } => conflict(open, now, id).await,
            Command::People => Ok(Answer::People(open.replica.people())),
            Command::Merges { record, offset, limit } => {
                merges(open, record.as_ref(), offset, limit.min(limits::ROWS)).await
            }
            Command::Assign { conflict, to } => {
                let batch = open.replica.assign(now, conflict, to)?;
                self.finish(batch, Written::Done).await
            }
            Command::Snooze { conflict, until } => {
                let batch = open.replica.snooze(now, conflict, until)?;
                self.finish(batch, Written::Done).await
            }
            Command::Comment { conflict, text } => {
                let batch = open.replica.comment(now, ten(random), conflict, &text)?;
                self.finish(batch, Written::Done).await
            }
            Command::SetPolicy { collection, policy } => {
                let batch = open.replica.set_policy(now, &collection, policy)?;
                self.finish(batch, Written::Done).await
            }
            #[cfg(feature = "screens")]
            Command::Export { collection, format } => {
                exporting::written(open, &collection, format).await.map(Answer::Text)
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
                let label = text::label(&label);
                let name = open.replica.free_name(&label, random);
                let batch = open.replica.new_collection(now, &name, &label, &fields)?;
                self.finish(batch, Written::Made(name)).await
            }
            Command::SetField { collection, field } => {
                let batch = open.replica.set_field(now, &collection, &field)?;
                self.finish(batch, Written::Done).await
            }
            #[cfg(feature = "screens")]
            Command::Reshape(reshape) => self.reshape(*reshape).await,
            Command::OpenCollection(collection) => {
                let batch = open.replica.open_collection(now, &collection)?;
                self.finish(batch, Written::Made(collection)).await
            }
            Command::DropCollection(collection) => {
                let batch = open.replica.drop_collection(now, &collection)?;
                self.finish(batch, Written::Done).await
            }
            Command::Insert { collection, key, fields } => {
                self.save_one(Op::Insert { collection, key, fields }, Held::ToRules).await
            }
            Command::Edit { id, fields } => self.save_one(Op::Edit { id, fields }, Held::ToRules).await,
            Command::Delete { ids } => {
                let ops = ids.into_iter().map(|id| Op::Delete { id });
                self.save_ops(ops.collect(), None, Types::new(), Memos::new(), Held::ToNone).await
            }
            Command::Restore { id, fields } => self.save_one(Op::Put { id, fields }, Held::ToNone).await,
            Command::Undelete { ids } => self.undelete(ids).await,
            Command::Write { ops, label, types, memos } => self.write(ops, label, types, memos).await,
            Command::Memos(prefix) => Ok(Answer::Memos(self.memos(&prefix)?)),
            Command::Undo => self.undo(Way::Undo).await,
            Command::Redo => self.undo(Way::Redo).await,
            Command::Undoable => {
                let who = self.who.clone();
                Ok(Answer::Undoable(self.workspace()?.past.next(&who)))
            }
            Command::Resolve { conflict, saw_conflict, saw_record, outcome } => {
                let resolution = Resolution { conflict, saw_conflict, saw_record, outcome };
                let base = base_of(open, conflict).await?;
                let batch = open.replica.resolve(now, resolution, base.as_ref())?;
                let ids = batch.enqueue.iter().map(|c| c.record.clone()).collect();
                self.finish(batch, Written::Saved(ids)).await
            }
            Command::KeepBoth { conflict, saw_conflict, saw_record } => {
                let key = open.replica.twin_key(now, ten(random), conflict)?;
                let outcome = Outcome::KeepBoth { key };
                let resolution = Resolution { conflict, saw_conflict, saw_record, outcome };
                let base = base_of(open, conflict).await?;
                let batch = open.replica.resolve(now, resolution, base.as_ref())?;
                let ids =
                    batch.enqueue.iter().flat_map(|c| [Some(c.record.clone()), c.twin()]).flatten().collect();
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
        let shut = self.desk.shut.clone();
        let none = || Failure::input("No workspace is open. Choose one first.");
        self.desk.open.as_mut().ok_or_else(|| shut.unwrap_or_else(none))
    }

    /// What a request of that name was answered when it was done.
    fn done_before(&self, request: &str) -> Option<Answer> {
        Some(answer(self.desk.open.as_ref()?.replica.receipt(request)?.clone()))
    }

    /// Commits what ends a command, in one step with the receipt for whoever asked.
    pub(super) async fn finish(&mut self, mut batch: Batch, written: Written) -> Result<Answer, Failure> {
        if let (Some(request), Some(open)) = (self.request.take(), &self.desk.open) {
            let receipt = Receipt { request, answer: written.clone() };
            batch.receipts = Some(open.replica.receipts_with(receipt));
        }
        self.save(batch).await?;
        Ok(answer(written))
    }

    /// Commits what a person did; when this returns, it is durable.
    pub(super) async fn save(&mut self, batch: Batch) -> Result<(), Failure> {
        if batch.enqueue.is_empty() && batch.quarantine_gone.is_empty() && batch.memos.is_empty() {
            return Ok(());
        }
        self.commit(&batch).await.map_err(storage)
    }

    /// The network came or went, or the person asked to try now.
    fn network(&mut self, online: bool) {
        let (now, random) = (self.device.now(), self.random_number());
        for desk in self.desks_mut() {
            let Some(open) = &mut desk.open else { continue };
            if online {
                open.session.nudge();
            } else {
                // what is under way would hang until its time is up
                desk.requests.clear();
                open.session.dropped();
                open.session.offline(now, random);
            }
        }
    }
}

fn answer(written: Written) -> Answer {
    match written {
        Written::Done => Answer::Done,
        Written::Made(name) => Answer::Made(name),
        Written::Saved(ids) => Answer::Saved { ids },
        Written::Undone(undone) => Answer::Undone(undone),
    }
}

async fn base<S: LocalStore>(
    open: &Workspace<S>,
    id: &RecordId,
) -> Result<Option<sync_protocol::Record>, Failure> {
    let found = open.store.get(std::slice::from_ref(id)).await.map_err(storage)?;
    Ok(found.into_iter().next().flatten())
}

/// The record of an open conflict in the store.
async fn base_of<S: LocalStore>(
    open: &Workspace<S>,
    conflict: ChangeId,
) -> Result<Option<sync_protocol::Record>, Failure> {
    match open.replica.conflict(conflict) {
        Some(conflict) => base(open, &conflict.record).await,
        None => Ok(None),
    }
}

fn collections<S>(open: &Workspace<S>) -> Vec<CollectionInfo> {
    let mut mirrors = open.replica.mirrors();
    let info = |(id, collection): (&sync_protocol::CollectionId, &sync_protocol::schema::Collection)| {
        CollectionInfo {
            mirror: mirrors.remove(id),
            records: open.replica.count(id),
            review: open.replica.review_count(id) as u64,
            id: id.clone(),
            collection: collection.clone(),
        }
    };
    open.replica.schema().collections().map(info).collect()
}

async fn record<S: LocalStore>(open: &Workspace<S>, now: Timestamp, id: RecordId) -> Result<Answer, Failure> {
    let base = base(open, &id).await?;
    let replica = &open.replica;
    let twins = twins(open, &id).await?;
    let conflicts = replica.conflicts_of(&id);
    let of_field = |record: &Record, name: &FieldName| replica.author(record.field_stamp(name));
    let info = RecordInfo {
        fields: replica.view(&id, base.as_ref()),
        marks: replica.marks_of(&id),
        rev: base.as_ref().map(|r| r.rev),
        changed: base.as_ref().map(|r| replica.author(r.stamp)),
        twin_of: base.as_ref().and_then(|r| r.twin_of.clone()),
        twins,
        unsent: replica.unsent_of(&id),
        authors: per_field(
            base.iter().flat_map(|r| replica.authored(r).into_iter().map(|n| (n.clone(), of_field(r, n)))),
        ),
        conflicts: conflicts.into_iter().map(|c| replica.conflict_info(now, c, base.as_ref())).collect(),
        rejected: replica.rejected_of(&id).map(|q| replica.rejected_info(now, q, base.as_ref())).collect(),
        id,
    };
    Ok(Answer::Record(Box::new(info)))
}

/// A part of what needs review; of the records only those of rejected changes are read, for what they are called.
async fn review<S: LocalStore>(
    open: &Workspace<S>,
    now: Timestamp,
    query: &ReviewQuery,
) -> Result<Answer, Failure> {
    let mut found = open.replica.review(now, query);
    let ids: Vec<RecordId> = found.rejected.iter().map(|info| info.id.clone()).collect();
    let bases = open.store.get(&ids).await.map_err(storage)?;
    for (info, base) in found.rejected.iter_mut().zip(&bases) {
        if let Some(base) = base {
            info.title = open.replica.called(&info.id, &base.fields);
        }
    }
    Ok(Answer::Review(found))
}

/// The records made beside one that are (still) there.
async fn twins<S: LocalStore>(open: &Workspace<S>, id: &RecordId) -> Result<Vec<RecordKey>, Failure> {
    let known = open.replica.twins_of(id).into_iter();
    let ids: Vec<RecordId> = known.map(|key| RecordId::new(id.collection.clone(), key)).collect();
    let bases = open.store.get(&ids).await.map_err(storage)?;
    let there =
        ids.into_iter().zip(&bases).filter(|(id, base)| open.replica.view(id, base.as_ref()).is_some());
    Ok(there.map(|(id, _)| id.key).collect())
}

async fn conflict<S: LocalStore>(
    open: &Workspace<S>,
    now: Timestamp,
    id: ChangeId,
) -> Result<Answer, Failure> {
    let conflict = open
        .replica
        .any_conflict(id)
        .ok_or_else(|| Failure::input("This was settled long ago; there is nothing left to review here."))?;
    let base = base(open, &conflict.record).await?;
    Ok(Answer::Conflict(Box::new(open.replica.conflict_info(now, conflict, base.as_ref()))))
}

/// The page of merges with what their records are now.
async fn merges<S: LocalStore>(
    open: &Workspace<S>,
    record: Option<&RecordId>,
    offset: usize,
    limit: usize,
) -> Result<Answer, Failure> {
    let mut found = open.replica.merges(record, offset, limit);
    let ids: Vec<RecordId> = found.merges.iter().map(|info| info.merge.record.clone()).collect();
    let bases = open.store.get(&ids).await.map_err(storage)?;
    for (info, base) in found.merges.iter_mut().zip(&bases) {
        info.record = open.replica.view(&info.merge.record, base.as_ref());
    }
    Ok(Answer::Merges(found))
}

pub(super) fn minted(now: Timestamp, random: [u8; 16]) -> RecordKey {
    uuid_key(now, ten(random))
}

fn ten(random: [u8; 16]) -> [u8; 10] {
    random[..10].try_into().expect("10 bytes of 16")
}
