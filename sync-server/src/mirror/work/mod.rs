//! What makes mirrors run: each server looks at the directory, takes a lease on what nobody works on, and keeps its tables and
//! collections in step until it stops.
//!
//! A lease only spares double work. Everything that two servers might do at once for one mirror is conditional or comes to the
//! same.

mod calendar;
mod conflicts;
mod error;
mod lease;
mod link;
mod notice;
mod outward;
mod own;
mod plan;
mod reconcile;
mod rounds;
mod runner;
mod share;
mod sums;
mod told;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use uuid::Uuid;

pub use error::WorkError;
use lease::Lease;
pub use link::Link;
pub use reconcile::Outcome;

use super::definition::{Definition, State};
use super::desk::Desk;

/// How often the directory is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long one that is to end is waited for.
const ENDS: Duration = Duration::from_millis(500);
/// How often a lease is renewed.
const RENEW: Duration = Duration::from_secs(5);
/// One mirror that this server has.
struct Held {
    definition: watch::Sender<Definition>,
    end: CancellationToken,
    task: JoinHandle<()>,
    lease: Arc<Lease>,
}

/// Works on mirrors until the server stops.
pub async fn run(desk: Desk, stopping: CancellationToken) {
    let me = Uuid::now_v7();
    let mut held: BTreeMap<Uuid, Held> = BTreeMap::new();
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stopping.cancelled() => break,
            _ = ticks.tick() => {}
        }
        let looked = tokio::select! {
            () = stopping.cancelled() => break,
            looked = look(&desk, me, &mut held, &stopping) => looked,
        };
        if let Err(error) = looked {
            debug!(%error, "the directory of mirrors cannot be looked at now");
        }
        // without word of the lease somebody else may have it
        for one in held.values().filter(|one| !one.lease.holds()) {
            one.end.cancel();
        }
    }
    for (id, one) in held {
        one.end.cancel();
        if (one.task.is_finished() || one.task.await.is_ok())
            && let Err(error) = desk.store().give_mirror(id, me).await
        {
            debug!(%error, "a mirror's lease ends by itself");
        }
    }
}

async fn look(
    desk: &Desk,
    me: Uuid,
    held: &mut BTreeMap<Uuid, Held>,
    stopping: &CancellationToken,
) -> Result<(), super::desk::DeskError> {
    let rows = desk.store().mirrors().await?;
    if rows.is_empty() && held.is_empty() {
        return Ok(());
    }
    let mut all: BTreeMap<Uuid, Definition> = BTreeMap::new();
    for row in &rows {
        match super::desk::parsed(row) {
            Ok(definition) => drop(all.insert(row.id, definition)),
            Err(error) => warn!(mirror = %row.id, %error, "a mirror cannot be read"),
        }
    }
    for (id, one) in held.iter_mut() {
        let wanted = all.get(id).filter(|definition| runs(definition));
        let Some(definition) = wanted else {
            one.end.cancel();
            continue;
        };
        one.definition.send_if_modified(|old| {
            let changes = !definition.is_as_known(old);
            old.clone_from(definition);
            changes
        });
        if one.lease.age() >= RENEW {
            let asked = Instant::now();
            match desk.store().keep_mirror(*id, me).await {
                Ok(true) => one.lease.renewed(asked),
                Ok(false) => one.end.cancel(),
                Err(error) => debug!(%error, "a mirror's lease cannot be renewed now"),
            }
        }
    }
    for one in held.values_mut().filter(|one| one.end.is_cancelled() && !one.task.is_finished()) {
        // what takes longer is given back at another time
        drop(timeout(ENDS, &mut one.task).await);
    }
    // what has ended is given back, so that it can be removed, or taken by others
    let ended: Vec<Uuid> = held.iter().filter(|(_, one)| one.task.is_finished()).map(|(id, _)| *id).collect();
    for id in ended {
        held.remove(&id);
        desk.store().give_mirror(id, me).await?;
    }
    let leases: BTreeMap<Uuid, Uuid> = desk.store().mirror_leases().await?.into_iter().collect();
    for (id, definition) in all {
        // one of its own that it does not work on: giving it back was not answered
        let free = !held.contains_key(&id) && leases.get(&id).is_none_or(|server| *server == me);
        if !free || !has_work(&definition) {
            continue;
        }
        let lease = Arc::new(Lease::given(Instant::now()));
        let taken = match leases.contains_key(&id) {
            true => desk.store().keep_mirror(id, me).await?,
            false => desk.store().take_mirror(id, me).await?,
        };
        if !taken {
            continue;
        }
        // somebody may have paused or resumed it since the directory was read
        let row = desk.store().mirror(id).await?;
        let definition = row.as_ref().map(super::desk::parsed).transpose()?;
        let Some(definition) = definition.filter(has_work) else {
            desk.store().give_mirror(id, me).await?;
            continue;
        };
        info!(mirror = %id, table = definition.table(), "this server works on a mirror");
        let (sender, receiver) = watch::channel(definition.clone());
        let end = stopping.child_token();
        let task = tokio::spawn(runner::run(desk.clone(), receiver, Arc::clone(&lease), end.clone()));
        held.insert(id, Held { definition: sender, end, task, lease });
    }
    Ok(())
}

fn runs(definition: &Definition) -> bool {
    definition.state == State::Running
}

fn has_work(definition: &Definition) -> bool {
    runs(definition) || definition.state == State::Removing
}
