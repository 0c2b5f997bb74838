//! What every request works with.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::answer::Failure;
use crate::auth::Auth;
use crate::auth::throttle::Throttle;
use crate::limits;
use crate::members::Members;
use crate::metrics::Metrics;
use crate::mirror::desk::Desk;
use crate::partition::{PartitionEngine, Quotas, Settings};
use crate::slots::Slots;
use crate::store::cassandra::{CassandraOptions, CassandraStore};
use crate::store::clock::Clock;
use crate::store::front::Front;
use crate::store::{PartitionStore, Store};

/// What a server does beside keeping data.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The folder with the web application; `None` serves none.
    pub web: Option<PathBuf>,
    /// Whether clients connect by TLS.
    pub tls: bool,
    /// Whether one click signs in as the sample user. Only on a loopback address.
    pub demo: bool,
    /// Other origins whose pages may call the server.
    pub allow_origin: BTreeSet<String>,
    /// Whether the client's address is the last one in `X-Forwarded-For`.
    pub behind_proxy: bool,
    /// Workspaces that one person makes in a row; [`limits::WORKSPACES_IN_A_ROW`] unless given.
    pub workspaces_in_a_row: Option<u32>,
    /// How much each workspace may keep.
    pub quotas: Quotas,
    /// Keyspaces whose tables owners may mirror.
    pub mirror_keyspaces: Vec<String>,
    /// Whether accounts are only made by whoever runs the server: an invitation makes none.
    pub no_new_accounts: bool,
}

/// Shared by all requests; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// See [`App`].
pub struct Inner {
    /// Accounts, workspaces, members.
    pub store: Arc<dyn Store>,
    /// The same, as the door remembers it.
    pub door: Arc<Front>,
    /// Judges changes and reads the feed.
    pub engine: PartitionEngine,
    /// Sessions.
    pub auth: Auth,
    /// The server's clock.
    pub clock: Arc<dyn Clock>,
    /// What was asked for on the command line.
    pub options: Options,
    /// What is counted.
    pub metrics: Metrics,
    /// Pulls under way.
    pub pulls: Slots,
    /// Pushes and snapshots under way.
    pub work: Slots,
    /// KiB of request bodies in memory.
    pub bodies: Slots,
    /// What the changes at work take in memory, in cells.
    pub cells: Slots,
    /// What the last health check found, and when.
    pub health: Mutex<Option<(Instant, Result<(), Failure>)>>,
    /// Who waits for a change of what they may do: a role that this node changes.
    pub members: Members,
    /// Held while a role is changed, so that two owners cannot take each other's role at the same moment.
    pub changing_members: Mutex<()>,
    /// Commits go on when their client is gone; a stopping server waits for them.
    pub commits: TaskTracker,
    /// Who makes how many workspaces.
    pub making: Throttle,
    /// Who asks for how many logins that there are none of.
    pub asking: Throttle,
    /// Who tries links of invitations that do not hold, or makes accounts with them.
    pub joining: Throttle,
    /// What there is to do with mirrors; `None` on a store that no other program writes to.
    pub desk: Option<Desk>,
    /// Cancelled once the server stops: waiting pulls end.
    pub stopping: CancellationToken,
}

impl App {
    /// On a store; `horizon` is how long the feed is kept.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, horizon: Duration, options: Options) -> Self {
        Self::with(store, None, clock, horizon, options)
    }

    /// The same on Apache Cassandra, where tables can be mirrored.
    pub fn on_cassandra(
        store: Arc<CassandraStore>,
        cluster: CassandraOptions,
        clock: Arc<dyn Clock>,
        horizon: Duration,
        options: Options,
    ) -> Self {
        Self::with(Arc::clone(&store) as Arc<dyn Store>, Some((store, cluster)), clock, horizon, options)
    }

    fn with(
        store: Arc<dyn Store>,
        cassandra: Option<(Arc<CassandraStore>, CassandraOptions)>,
        clock: Arc<dyn Clock>,
        horizon: Duration,
        options: Options,
    ) -> Self {
        let mut seed = [0; 8];
        // without random numbers the pauses of several nodes are less well spread, no more
        let _ = getrandom::fill(&mut seed);
        let in_a_row = options.workspaces_in_a_row.unwrap_or(limits::WORKSPACES_IN_A_ROW);
        let settings = Settings {
            horizon,
            clock: Arc::clone(&clock),
            seed: u64::from_ne_bytes(seed),
            quotas: options.quotas,
            ..Settings::default()
        };
        let door = Arc::new(Front::new(store, Arc::clone(&clock)));
        let store = Arc::clone(&door) as Arc<dyn Store>;
        let engine = PartitionEngine::new(Arc::clone(&store) as Arc<dyn PartitionStore>, settings);
        let desk =
            cassandra.map(|(store, cluster)| Desk::new(store, cluster, engine.clone(), Arc::clone(&clock)));
        Self(Arc::new(Inner {
            desk,
            auth: Auth::new(Arc::clone(&door), Arc::clone(&clock)),
            store,
            door,
            engine,
            clock,
            options,
            metrics: Metrics::default(),
            pulls: Slots::new(limits::PULLS, limits::PULLS_PER_USER),
            work: Slots::new(limits::WORK, limits::WORK_PER_USER),
            bodies: Slots::new(limits::BODIES_KIB, limits::BODIES_KIB_PER_USER),
            cells: Slots::new(limits::CELLS, limits::CELLS_PER_USER),
            health: Mutex::default(),
            members: Members::default(),
            changing_members: Mutex::default(),
            commits: TaskTracker::new(),
            making: Throttle::new(in_a_row, limits::WORKSPACE_PAUSE, limits::SPARING),
            asking: Throttle::new(limits::UNKNOWN_LOGINS, limits::UNKNOWN_LOGIN_PAUSE, limits::SPARING),
            joining: Throttle::new(limits::JOINS_PER_ADDRESS, limits::JOIN_PAUSE, limits::SPARING),
            stopping: CancellationToken::new(),
        }))
    }
}

impl std::ops::Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// The address at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);
