//! Everything that was decided, as a file: asked of the server piece by piece.

use sync_protocol::message::{Audit, AuditAnswer};
use sync_protocol::{Cursor, Entry};

use super::asking::Told;
use super::refusal::refused;
use super::{Done, Engine, Reply};
use crate::api::{Answer, Event, Failure, FileFormat};
use crate::audit;
use crate::device::Device;
use crate::limits;
use crate::replica::session::SendError;

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
    pub(super) fn export_audit(&mut self, format: FileFormat, reply: Reply) {
        if self.desk.audit.is_some() {
            let message = "An export is under way. Wait for its end, or stop it.";
            return drop(reply.send(Err(Failure::input(message))));
        }
        self.exports += 1;
        self.desk.audit = Some(AuditExport { number: self.exports, format, entries: Vec::new(), reply });
        if let Err(failure) = self.ask_audit(None) {
            self.end_audit(Err(failure));
        }
    }

    fn ask_audit(&mut self, resume: Option<Cursor>) -> Result<(), Failure> {
        let (transport, _, path) = self.ask_path("audit")?;
        let number = self.exports;
        let request = async move {
            let answer = transport.post(&path, &Audit { resume }, limits::ANSWER_MS).await;
            Done::Told(Told::Audit(number, answer))
        };
        self.later(request);
        Ok(())
    }

    /// A piece, or why there is none. A stopped export may still be answered.
    pub(super) fn audit_told(&mut self, number: u64, result: Result<AuditAnswer, SendError>) {
        if self.desk.audit.as_ref().is_none_or(|audit| audit.number != number) {
            return;
        }
        match result {
            Err(error) => self.end_audit(Err(refused(&error))),
            Ok(answer) => self.audit_page(answer),
        }
    }

    fn audit_page(&mut self, answer: AuditAnswer) {
        let Some(audit) = &mut self.desk.audit else { return };
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
        let Some(AuditExport { format, entries, reply, .. }) = self.desk.audit.take() else { return };
        let answer = result.and_then(|()| {
            let replica = &self.workspace()?.replica;
            Ok(Answer::Text(audit::written(replica, format, &entries)))
        });
        drop(reply.send(answer));
    }
}
