//! What is asked of the server for a screen: a record's history; `mirroring` and `auditing` have the rest.

#[cfg(feature = "screens")]
use sync_protocol::message::AuditAnswer;
use sync_protocol::message::{Deleted, DeletedAnswer, DeletedPlace, History, HistoryAnswer};
use sync_protocol::{CollectionId, RecordId, Revision, WorkspaceId};

use super::refusal::refused;
use super::{Done, Engine, Reply, failure};
#[cfg(feature = "screens")]
use crate::api::MirrorTold;
use crate::api::{Answer, Failure, FailureKind};
use crate::device::Device;
use crate::limits;
use crate::replica::session::SendError;
use crate::transport::Transport;

/// The end of such a request.
pub(super) enum Told {
    History(WorkspaceId, Reply, Result<HistoryAnswer, SendError>),
    /// Of a collection.
    Deleted(WorkspaceId, CollectionId, Reply, Result<DeletedAnswer, SendError>),
    #[cfg(feature = "screens")]
    /// With the number of the export that asked: a stopped one may still be answered.
    Audit(u64, Result<AuditAnswer, SendError>),
    #[cfg(feature = "screens")]
    Mirror(Reply, Result<MirrorTold, SendError>),
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
        self.later(request);
    }

    /// Deleted records: first what this device knows by itself, then what the server keeps.
    pub(super) fn deleted(&mut self, collection: CollectionId, resume: Option<DeletedPlace>, reply: Reply) {
        let here = match (&resume, self.workspace()) {
            (None, Ok(open)) => Ok(Answer::Deleted(open.replica.deleted_here(&collection))),
            (None, Err(failure)) => Err(failure),
            (Some(_), _) => match self.ask_path("deleted") {
                Err(failure) => Err(failure),
                Ok((transport, workspace, path)) => {
                    let request = async move {
                        let body = Deleted { collection: collection.clone(), resume };
                        let answer = transport.post(&path, &body, limits::ANSWER_MS).await;
                        Done::Told(Told::Deleted(workspace, collection, reply, answer))
                    };
                    return self.later(request);
                }
            },
        };
        drop(reply.send(here));
    }

    pub(super) fn ask_path(&mut self, what: &str) -> Result<(Transport, WorkspaceId, String), Failure> {
        let open = self.workspace()?;
        if open.replica.is_local() {
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
            Told::Deleted(workspace, collection, reply, result) => {
                let answer = result.map_err(|error| refused(&error)).and_then(|answer| {
                    let replica = &self.workspace()?.replica;
                    if replica.meta().workspace != workspace {
                        return Err(Failure::input("The workspace was closed."));
                    }
                    Ok(Answer::Deleted(replica.deleted_there(&collection, answer)))
                });
                drop(reply.send(answer));
            }
            #[cfg(feature = "screens")]
            Told::Mirror(reply, result) => {
                let answer = result.map_err(|error| refused(&error));
                drop(reply.send(answer.map(|told| Answer::Mirror(Box::new(told)))));
            }
            #[cfg(feature = "screens")]
            Told::Audit(number, result) => self.audit_told(number, result),
        }
    }
}
