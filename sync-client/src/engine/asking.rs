//! What is asked of the server for a screen: a record's history, and everything that was decided.

use futures::FutureExt;
use sync_protocol::message::{Audit, AuditAnswer, History, HistoryAnswer};
use sync_protocol::mirror::ResumeMirror;
use sync_protocol::{Cursor, Entry, RecordId, Revision, WorkspaceId};
use uuid::Uuid;

use super::account::refused;
use super::{Done, Engine, Reply, failure};
use crate::api::{Answer, Event, Failure, FailureKind, FileFormat, MirrorAsk, MirrorTold};
use crate::audit;
use crate::device::Device;
use crate::limits;
use crate::replica::session::SendError;
use crate::transport::Transport;

/// The end of such a request.
pub(super) enum Told {
    History(WorkspaceId, Reply, Result<HistoryAnswer, SendError>),
    /// With the number of the export that asked: a stopped one may still be answered.
    Audit(u64, Result<AuditAnswer, SendError>),
    Mirror(Reply, Result<MirrorTold, SendError>),
}

/// An export under way.
pub(super) struct AuditExport {
    number: u64,
    format: FileFormat,
    entries: Vec<Entry>,
    reply: Reply,
}

impl AuditExport {
    pub(super) fn cancel(self) {
        drop(self.reply.send(Err(Failure::input("The export was stopped. Nothing was saved."))));
    }
}

impl<D: Device> Engine<D> {
    pub(super) fn history(&mut self, record: RecordId, resume: Option<Revision>, reply: Reply) {
        let (transport, workspace, path) = match self.ask_path("history") {
            Ok(found) => found,
            Err(failure) => return drop(reply.send(Err(failure))),
        };
        let request = async move {
            let body = History { record, resume };
            Done::Told(Told::History(workspace, reply, transport.post(&path, &body, limits::ANSWER_MS).await))
        };
        self.account.push(request.boxed_local());
    }

    pub(super) fn export_audit(&mut self, format: FileFormat, reply: Reply) {
        if self.audit.is_some() {
            let message = "An export is under way. Wait for its end, or stop it.";
            return drop(reply.send(Err(Failure::input(message))));
        }
        self.exports += 1;
        self.audit = Some(AuditExport { number: self.exports, format, entries: Vec::new(), reply });
        if let Err(failure) = self.ask_audit(None) {
            self.end_audit(Err(failure));
        }
    }

    pub(super) fn mirror(&mut self, ask: MirrorAsk, reply: Reply) {
        let (transport, _, path) = match self.ask_path("mirror") {
            Ok(found) => found,
            Err(failure) => return drop(reply.send(Err(failure))),
        };
        let request = async move { Done::Told(Told::Mirror(reply, mirror(&transport, &path, ask).await)) };
        self.account.push(request.boxed_local());
    }

    fn ask_audit(&mut self, resume: Option<Cursor>) -> Result<(), Failure> {
        let (transport, _, path) = self.ask_path("audit")?;
        let number = self.exports;
        let request = async move {
            let answer = transport.post(&path, &Audit { resume }, limits::ANSWER_MS).await;
            Done::Told(Told::Audit(number, answer))
        };
        self.account.push(request.boxed_local());
        Ok(())
    }

    fn ask_path(&mut self, what: &str) -> Result<(Transport, WorkspaceId, String), Failure> {
        let open = self.workspace()?;
        if open.local {
            return Err(Failure::input("This workspace is on this device only; no server knows of it."));
        }
        let workspace = open.replica.meta().workspace;
        let transport =
            self.transport.clone().ok_or_else(|| failure(FailureKind::NeedsSignIn, "Sign in first."))?;
        Ok((transport, workspace, format!("/v1/workspaces/{workspace}/{what}")))
    }

    pub(super) fn told(&mut self, told: Told) {
        match told {
            Told::History(workspace, reply, result) => {
                let answer = result.map_err(|error| refused(&error)).and_then(|answer| {
                    let now = self.device.now();
                    let replica = &self.workspace()?.replica;
                    if replica.meta().workspace != workspace {
                        return Err(Failure::input("The workspace was closed."));
                    }
                    let page = replica.history_page(now, answer);
                    Ok(Answer::History(Box::new(page)))
                });
                drop(reply.send(answer));
            }
            Told::Mirror(reply, result) => {
                let answer = result.map_err(|error| refused(&error));
                drop(reply.send(answer.map(|told| Answer::Mirror(Box::new(told)))));
            }
            Told::Audit(number, _) if self.audit.as_ref().is_none_or(|audit| audit.number != number) => {}
            Told::Audit(_, Err(error)) => self.end_audit(Err(refused(&error))),
            Told::Audit(_, Ok(answer)) => self.audit_page(answer),
        }
    }

    fn audit_page(&mut self, answer: AuditAnswer) {
        let Some(audit) = &mut self.audit else { return };
        audit.entries.extend(answer.entries);
        if audit.entries.len() > limits::AUDIT_ENTRIES {
            let message = "There is more than one file can hold. Ask the person who runs the server for it.";
            return self.end_audit(Err(Failure::input(message)));
        }
        self.tell(Event::Working { done: answer.done as usize, total: answer.total as usize });
        match answer.next {
            Some(next) => {
                if let Err(failure) = self.ask_audit(Some(next)) {
                    self.end_audit(Err(failure));
                }
            }
            None => self.end_audit(Ok(())),
        }
    }

    fn end_audit(&mut self, result: Result<(), Failure>) {
        let Some(AuditExport { format, entries, reply, .. }) = self.audit.take() else { return };
        let answer = result.and_then(|()| {
            let replica = &self.workspace()?.replica;
            Ok(Answer::Text(audit::written(replica, format, &entries)))
        });
        drop(reply.send(answer));
    }
}

/// Asks the server about mirrors. `path` is that of the workspace up to the word.
async fn mirror(transport: &Transport, path: &str, ask: MirrorAsk) -> Result<MirrorTold, SendError> {
    // what reads tables takes its time
    let wait = limits::ANSWER_MS;
    match ask {
        MirrorAsk::List => transport.get(&format!("{path}s"), wait).await.map(MirrorTold::All),
        MirrorAsk::Tables => transport.get(&format!("{path}-tables"), wait).await.map(MirrorTold::Tables),
        MirrorAsk::Plan(new) => transport
            .post(&format!("{path}-plan"), &new, wait)
            .await
            .map(|plan| MirrorTold::Plan(Box::new(plan))),
        MirrorAsk::Add(new) => transport
            .post(&format!("{path}s"), &new, wait)
            .await
            .map(|mirror| MirrorTold::One(Box::new(mirror))),
        MirrorAsk::Pause { id } => one(transport, path, id, "pause", false).await,
        MirrorAsk::Resume { id, accept_loss } => one(transport, path, id, "resume", accept_loss).await,
        MirrorAsk::Resync { id } => one(transport, path, id, "resync", false).await,
        MirrorAsk::Remove { id } => {
            let path = format!("{path}s/{id}/remove");
            transport.post(&path, &ResumeMirror::default(), wait).await.map(MirrorTold::All)
        }
    }
}

async fn one(
    transport: &Transport,
    path: &str,
    id: Uuid,
    verb: &str,
    accept_loss: bool,
) -> Result<MirrorTold, SendError> {
    let path = format!("{path}s/{id}/{verb}");
    transport
        .post(&path, &ResumeMirror { accept_loss }, limits::ANSWER_MS)
        .await
        .map(|mirror| MirrorTold::One(Box::new(mirror)))
}
