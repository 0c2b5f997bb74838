//! Who waits in a workspace, to be told when what they may do there has changed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use sync_protocol::{UserId, WorkspaceId};
use tokio::sync::watch;

type Member = (WorkspaceId, UserId);

/// One channel per member who waits: a change wakes nobody else, in no workspace.
#[derive(Clone, Debug, Default)]
pub struct Members(Arc<Mutex<BTreeMap<Member, Weak<watch::Sender<u64>>>>>);

/// The wait of one member. Whatever changes after it was made is noticed.
#[derive(Debug)]
pub struct Waiting {
    changes: watch::Receiver<u64>,
    /// Shared by all waits of this member; `None` only while it is dropped.
    channel: Option<Arc<watch::Sender<u64>>>,
    members: Members,
    member: Member,
}

impl Members {
    /// From here on no change of this membership is missed.
    pub fn wait(&self, workspace: WorkspaceId, user: UserId) -> Waiting {
        let member = (workspace, user);
        let mut map = self.map();
        let channel = map.get(&member).and_then(Weak::upgrade).unwrap_or_else(|| {
            let channel = Arc::new(watch::Sender::new(0));
            map.insert(member, Arc::downgrade(&channel));
            channel
        });
        let changes = channel.subscribe();
        Waiting { changes, channel: Some(channel), members: self.clone(), member }
    }

    /// What this member may do has changed.
    pub fn changed(&self, workspace: WorkspaceId, user: UserId) {
        if let Some(channel) = self.map().get(&(workspace, user)).and_then(Weak::upgrade) {
            channel.send_modify(|changes| *changes = changes.wrapping_add(1));
        }
    }

    fn map(&self) -> MutexGuard<'_, BTreeMap<Member, Weak<watch::Sender<u64>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Resolves with the next change.
    pub async fn changed(&mut self) {
        // the channel is held: it does not close
        let _ = self.changes.changed().await;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut map = self.members.map();
        self.channel = None;
        if map.get(&self.member).is_some_and(|channel| channel.strong_count() == 0) {
            map.remove(&self.member);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;
    use uuid::Uuid;

    #[tokio::test(start_paused = true)]
    async fn a_change_wakes_its_member_alone_and_nothing_is_left_behind() {
        let members = Members::default();
        let (workspace, other) = (WorkspaceId(Uuid::from_u128(1)), WorkspaceId(Uuid::from_u128(2)));
        let (ann, bob) = (UserId(Uuid::from_u128(3)), UserId(Uuid::from_u128(4)));
        let mut waits = [members.wait(workspace, ann), members.wait(workspace, ann)];
        let mut others = [members.wait(workspace, bob), members.wait(other, ann)];
        members.changed(workspace, ann);
        members.changed(other, bob);
        let soon = Duration::from_secs(1);
        for wait in &mut waits {
            assert!(timeout(soon, wait.changed()).await.is_ok());
        }
        for wait in &mut others {
            assert!(timeout(soon, wait.changed()).await.is_err());
        }
        drop(others);
        assert_eq!(members.map().len(), 1);
        drop(waits);
        assert!(members.map().is_empty());
    }
}
