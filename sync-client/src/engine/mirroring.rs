//! What owners ask of the server about mirrors.

use sync_protocol::mirror::ResumeMirror;
use uuid::Uuid;

use super::asking::Told;
use super::{Done, Engine, Reply};
use crate::api::{MirrorAsk, MirrorTold};
use crate::device::Device;
use crate::limits;
use crate::replica::session::SendError;
use crate::transport::Transport;

impl<D: Device> Engine<D> {
    pub(super) fn mirror(&mut self, ask: MirrorAsk, reply: Reply) {
        let (transport, _, path) = match self.ask_path("mirror") {
            Ok(found) => found,
            Err(failure) => return drop(reply.send(Err(failure))),
        };
        let request = async move { Done::Told(Told::Mirror(reply, mirror(&transport, &path, ask).await)) };
        self.later(request);
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
