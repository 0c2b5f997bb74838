//! A mirrored table in the world: the table itself, other programs that write it, and the servers that keep it in step with
//! the collection, in steps between which anything may happen.
//!
//! The server's own code decides (`mirror::look`, `mirror::decide`, the lane of the partition). What surrounds it is a model:
//! [`table`] is Cassandra as a mirror meets it, [`programs`] are those who write it with clocks that are off, [`worker`] reads, looks,
//! writes and reads again. [`account`] is told what happens in the table and what is committed, and holds the one against the other.

pub mod account;
pub mod programs;
#[path = "../../../../sync-server/tests/partition/table.rs"]
pub mod row;
pub mod table;
pub mod told;
pub mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sync_protocol::mirror::Expiry;
use sync_protocol::{FieldName, Partition, RecordId, ReplicaId, WorkspaceId};
use sync_server::mirror::look::{Mapped, replica_of, shadow_key};
use sync_server::mirror::row::SeenRow;
use sync_server::mirror::write::Write;
use tokio::task::JoinHandle;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use super::bugs::Bug;
use super::model::Shared;
use super::server::Server;
use account::Account;
use worker::Worker;

/// The one mirror.
const MIRROR: Uuid = Uuid::from_u128(0x77);

/// Fields that have a column.
const COLUMNS: [&str; 5] = ["title", "n", "last", "first", "stock"];

/// Those of them where a person is asked.
const ASKED: [&str; 2] = ["title", "n"];

/// Where what is added up has no value of its own.
const COUNTED: &str = "stock";

fn columns() -> impl Iterator<Item = FieldName> {
    COLUMNS.into_iter().map(FieldName::from_label)
}

fn mapped() -> Mapped {
    Mapped {
        mirror: MIRROR,
        fields: columns().collect(),
        read_only: Default::default(),
        inward: true,
        outward: true,
        expiry: Expiry::Delete,
    }
}

/// Where the shadow of a record's row is.
fn shadow_of(record: &RecordId) -> String {
    let key = record.key.to_text();
    shadow_key(MIRROR, xxh3_64(key.as_bytes()).cast_signed(), &record.key)
}

/// Whether a replica is the mirror in a partition.
pub fn is_mirror(replica: ReplicaId, place: usize) -> bool {
    replica == replica_of(MIRROR, Partition(place as u16))
}

/// A write that is on its way.
#[derive(Clone)]
pub struct Letter {
    /// When it arrives, in milliseconds of the world.
    due: i64,
    record: RecordId,
    seen: Option<SeenRow>,
    write: Write,
}

/// What the workers share.
#[derive(Clone)]
struct Office {
    server: Server,
    model: Shared,
    workspace: WorkspaceId,
    partitions: u16,
    bug: Option<Bug>,
    /// Who works: 0, 1, or both at once (2).
    lease: Arc<AtomicU64>,
    /// Nothing goes wrong by itself any more.
    calm: Arc<AtomicBool>,
    /// Servers in the middle of a round.
    busy: Arc<AtomicU64>,
}

/// A server is in the middle of a round, until this is dropped: also where it dies.
struct Busy(Arc<AtomicU64>);

impl Busy {
    fn of(office: &Office) -> Self {
        office.busy.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(&office.busy))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The servers that mirror, from outside.
pub struct Mirror {
    office: Office,
    seed: u64,
    starts: u64,
    tasks: [Option<JoinHandle<()>>; 2],
}

impl Mirror {
    /// Begins to mirror.
    pub fn new(
        server: Server,
        model: Shared,
        account: Account,
        partitions: u16,
        seed: u64,
        bug: Option<Bug>,
    ) -> Self {
        model.lock().mirror = Some(account);
        let (lease, calm, workspace) = (Arc::default(), Arc::default(), server.workspace());
        let busy = Arc::default();
        let office = Office { server, model, workspace, partitions, bug, lease, calm, busy };
        let mut mirror = Self { office, seed, starts: 0, tasks: [None, None] };
        (0..2).for_each(|n| mirror.start(n));
        mirror
    }

    fn start(&mut self, n: usize) {
        self.starts += 1;
        let worker = Worker::new(self.office.clone(), n, self.seed, self.starts);
        self.tasks[n] = Some(tokio::spawn(worker.work()));
    }

    /// A server dies, wherever it is, and begins again knowing nothing.
    pub fn crash(&mut self, n: usize) {
        if let Some(task) = self.tasks[n % 2].take() {
            task.abort();
        }
        self.start(n % 2);
    }

    /// Who mirrors from now on.
    pub fn lease(&self, worker: u64) {
        self.office.lease.store(worker, Ordering::SeqCst);
    }

    /// Nothing goes wrong by itself any more; what is on its way arrives.
    pub fn heal(&self) {
        self.office.calm.store(true, Ordering::SeqCst);
        self.deliver(true);
    }

    /// Much time has passed for what is stored: nothing that was begun before is still under way.
    pub fn pass(&mut self) {
        self.deliver(true);
        (0..2).for_each(|n| self.crash(n));
    }

    /// Writes arrive that were on their way; all of them where nothing more is to come.
    pub fn deliver(&self, all: bool) {
        let mut model = self.office.model.lock();
        let Some(account) = &mut model.mirror else { return };
        let now = account.table.watch_now().0;
        let due = account.on_the_way.iter().filter(|letter| all || letter.due <= now).count();
        if due == 0 {
            return;
        }
        let (arrive, stay) = std::mem::take(&mut account.on_the_way)
            .into_iter()
            .partition::<Vec<_>, _>(|letter| all || letter.due <= now);
        account.on_the_way = stay;
        for letter in arrive {
            model.written(&letter.record, letter.seen.as_ref(), &letter.write);
        }
    }

    /// Whether all that happened was looked at, and nothing is on its way.
    pub fn is_quiet(&self) -> bool {
        // one that is still at it may have looked before hours passed, and lets the row rest from now on
        self.office.busy.load(Ordering::SeqCst) == 0
            && self.office.model.lock().mirror.as_ref().is_none_or(Account::rests)
    }
}
