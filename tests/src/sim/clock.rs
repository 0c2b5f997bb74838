//! The world's time, and the clocks that show it wrongly.

use std::sync::Arc;

use sync_protocol::Timestamp;
use sync_server::store::clock::ManualClock;
use tokio::time::Instant;

/// When the world begins.
const BEGIN: i64 = 1_700_000_000_000;

/// Reads the world's time, wherever it is.
#[derive(Clone, Copy)]
pub struct Watch(Instant);

impl Watch {
    /// What a clock shows that is right.
    pub fn now(self) -> Timestamp {
        Timestamp(BEGIN + self.0.elapsed().as_millis() as i64)
    }
}

/// Virtual time: the paused clock of the runtime, seen from outside.
pub struct Time {
    begin: Instant,
    store: (Arc<ManualClock>, i64),
    nodes: [(Arc<ManualClock>, i64); 2],
}

impl Default for Time {
    fn default() -> Self {
        let clock = || (Arc::new(ManualClock::new(Timestamp(BEGIN))), 0);
        Self { begin: Instant::now(), store: clock(), nodes: [clock(), clock()] }
    }
}

impl Time {
    /// What a clock shows that is right.
    pub fn now(&self) -> Timestamp {
        Timestamp(BEGIN + self.elapsed_ms() as i64)
    }

    /// The same for others.
    pub fn watch(&self) -> Watch {
        Watch(self.begin)
    }

    /// Milliseconds since the world began.
    pub fn elapsed_ms(&self) -> u64 {
        self.begin.elapsed().as_millis() as u64
    }

    /// The clock by which the store's rows expire.
    pub fn store(&self) -> Arc<ManualClock> {
        self.store.0.clone()
    }

    /// The nodes' clocks.
    pub fn nodes(&self) -> [Arc<ManualClock>; 2] {
        [self.nodes[0].0.clone(), self.nodes[1].0.clone()]
    }

    /// A node's clock jumps.
    pub fn skew_node(&mut self, n: usize, ms: i64) {
        self.nodes[n % 2].1 = ms;
        self.show();
    }

    /// Rows grow older.
    pub fn pass(&mut self, minutes: u64) {
        self.store.1 += minutes as i64 * 60_000;
        self.show();
    }

    /// Sets all clocks to what they show now.
    pub fn show(&self) {
        for (clock, skew) in self.nodes.iter().chain([&self.store]) {
            clock.set(Timestamp(self.now().0 + skew));
        }
    }
}
