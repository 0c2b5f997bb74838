//! How a run ends: all faults are over, everything is sent and read, a person decides about what is left, and all see
//! the same.

use super::checks::Invariant;
use super::device::{Device, is_own};
use super::disk::now;
use super::model::Shared;
use super::things;
use super::world::World;
use sync_client::store::LocalStore;

/// Virtual time in which everything must be sent and read, in milliseconds: the longest wait that a replica accepts
/// (ten minutes, stretched by a clock that was set back), one more that it chooses itself, and the exchange.
const HEALED_WITHIN: u64 = 780_000;

/// Rounds in which everything that is left must be decided.
const ROUNDS: usize = 400;

/// Ends a run.
pub async fn end(world: &mut World) {
    world.heal();
    if !quiet(world, HEALED_WITHIN).await {
        return;
    }
    converged(&world.model, &world.devices);
    conserved(&world.model, &world.devices);
    if !decide(world).await {
        return;
    }
    if world.is_mirrored() {
        world.hours_pass();
        if !decide(world).await {
            return;
        }
        world.model.lock().mirrored();
    }
    for device in &mut world.devices {
        device.restart();
        device.check_base(true);
    }
    // a push that was on its way for long may have come meanwhile
    if !decide(world).await {
        return;
    }
    converged(&world.model, &world.devices);
    conserved(&world.model, &world.devices);
    all_see_the_same(&world.model, &world.devices);
}

/// A person decides about all that is left; whether everything came to rest.
async fn decide(world: &mut World) -> bool {
    for _ in 0..ROUNDS {
        if !quiet(world, HEALED_WITHIN).await {
            return false;
        }
        let time = world.time.now();
        if !world.devices.iter_mut().any(|device| device.tidy_up(time)) {
            break;
        }
    }
    true
}

async fn quiet(world: &mut World, within: u64) -> bool {
    let quiet = world.until_quiet(within).await;
    let unrest = if quiet { String::new() } else { world.unrest() };
    world
        .model
        .lock()
        .checks
        .that(Invariant::Liveness, quiet, || format!("{within} ms after healing: {unrest}"));
    quiet
}

/// Everybody holds what the server holds, and what is not sent waits for a person.
pub(super) fn converged(model: &Shared, devices: &[Device]) {
    let mut model = model.lock();
    for device in devices {
        let (n, replica) = (device.n, &device.replica);
        let stored = now(device.disk.store_in_use().checksums());
        for (place, found) in (0..).zip(sums(&model)) {
            let partition = sync_protocol::Partition(place);
            let text = |sums: Option<&sync_protocol::checksum::Checksums>| {
                let sums = sums.cloned().unwrap_or_default().0;
                sums.iter()
                    .map(|(name, sum)| (name.clone(), sum.to_string()))
                    .collect::<std::collections::BTreeMap<_, _>>()
            };
            let (known, scanned) = (text(replica.checksums().get(&partition)), text(stored.get(&partition)));
            model.checks.that(Invariant::Convergence, known == found && scanned == found, || {
                format!("partition {place} sums to {found:?}, replica {n} has {scanned:?} and says {known:?}")
            });
        }
        for pending in replica.outbox() {
            let change = &pending.change;
            let behind = replica.quarantine().any(|q| {
                q.change.record == change.record
                    && q.change.id.counter < change.id.counter
                    && q.change.about().is_none()
            });
            model.checks.that(Invariant::RefusedChangeIsLocal, behind, || {
                format!("{} of {} waits, and nothing of its record was rejected", change.id, change.record)
            });
        }
    }
}

fn sums(model: &super::model::Model) -> Vec<std::collections::BTreeMap<sync_protocol::CollectionId, String>> {
    model.parts.iter().map(|part| part.sums()).collect()
}

/// Every edit that was said to be saved is somewhere.
pub(super) fn conserved(model: &Shared, devices: &[Device]) {
    let mut model = model.lock();
    for device in devices {
        let promises = &device.promises;
        for (counter, change) in &promises.acked {
            let id = change.id;
            let judged = model.seq_of(change).is_some();
            let decided = change.about().is_some() || is_own(change);
            let kept = judged
                || promises.outbox.contains_key(counter)
                || promises.quarantine.contains(counter)
                || promises.again.contains_key(counter)
                || promises.discarded.contains(counter)
                || decided && model.rejected.contains(&id);
            model
                .checks
                .that(Invariant::Conservation, kept, || format!("{id} of {} is nowhere", change.record));
        }
    }
}

/// Nothing is open any more: every person sees the records that the feed leads to.
pub(super) fn all_see_the_same(model: &Shared, devices: &[Device]) {
    let views: Vec<_> = devices.iter().map(|device| device.views()).collect();
    let mut model = model.lock();
    let things = things::collection();
    let mut folded = std::collections::BTreeMap::new();
    let mut open = Vec::new();
    for part in &model.parts {
        let live = part.records.iter().filter(|(id, record)| !record.deleted && id.collection == things);
        folded.extend(live.map(|(id, record)| (id.clone(), record.fields.clone())));
        open.extend(part.conflicts.values().filter(|c| c.resolved.is_none()).map(|c| c.id));
    }
    let open_here: usize =
        devices.iter().map(|d| d.replica.conflicts().count() + d.replica.quarantine().count()).sum();
    model.checks.that(Invariant::Liveness, open.is_empty() && open_here == 0, || {
        format!("still open after all rounds of deciding: {open:?}, {open_here} on devices")
    });
    for (n, view) in views.iter().enumerate() {
        model
            .checks
            .that(Invariant::Convergence, *view == folded, || format!("replica {n} sees other records"));
    }
}
