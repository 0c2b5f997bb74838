//! How much is asked of each node of the database at once: as much as it answers quickly, by all mirrors of a server together.
//!
//! Each node has places. A row takes one at each node that has it, a range some more, for as long as it is asked for. What answers
//! within a few milliseconds gets more of them, what keeps others waiting fewer: so many rows a second as the node does
//! beside its other work.

use scylla::routing::Token;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::TableError;
use super::ranges::TokenRange;
use super::table::Table;

/// Places of a node at first, at least and at most.
const FIRST: usize = 12;
const LEAST: usize = 8;
/// Also the most rows that one mirror ever asks for at once.
pub const MOST: usize = 48;
/// More for a node that answers quickly.
const MORE: usize = 2;
/// Places of a range: a sum over one keeps a node busy for longer than a row does. Far below [`LEAST`]: those who look for changes shall
/// not have to wait for each other.
const RANGE: usize = 2;
/// A row that takes longer than this on the average keeps others waiting: the database has enough to do.
const SLOW: Duration = Duration::from_millis(60);
/// What has waited for so long goes on without a place: whoever has one may itself wait for something else.
const PATIENCE: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug, Default)]
pub struct Budget(Mutex<BTreeMap<Uuid, Arc<Node>>>);

/// What one node is asked for.
#[derive(Debug)]
struct Node {
    places: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    at_once: usize,
    /// Places that are given up as soon as somebody leaves them.
    owed: usize,
    /// Rows since the number of places was last thought over, how long they took altogether, and whether all places were taken.
    rows: usize,
    took: Duration,
    full: bool,
}

/// Places at some nodes, until it is dropped.
#[must_use]
pub struct Place {
    at: Vec<(Arc<Node>, OwnedSemaphorePermit)>,
    since: Instant,
}

impl Budget {
    /// A place at each of these nodes.
    async fn take(&self, mut nodes: Vec<Uuid>, places: usize) -> Place {
        // always in this order, so that no two wait for each other
        nodes.sort_unstable();
        nodes.dedup();
        let mut at = Vec::with_capacity(nodes.len());
        for node in nodes {
            let node = self.node(node);
            let wanted = u32::try_from(places).unwrap_or(1);
            let taken = timeout(PATIENCE, Arc::clone(&node.places).acquire_many_owned(wanted)).await;
            if let Ok(Ok(permit)) = taken {
                node.state().full |= node.places.available_permits() == 0;
                at.push((node, permit));
            }
        }
        Place { at, since: Instant::now() }
    }

    fn node(&self, id: Uuid) -> Arc<Node> {
        let mut nodes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(nodes.entry(id).or_default())
    }
}

impl Default for Node {
    fn default() -> Self {
        let state = State { at_once: FIRST, owed: 0, rows: 0, took: Duration::ZERO, full: false };
        Self { places: Arc::new(Semaphore::new(FIRST)), state: Mutex::new(state) }
    }
}

impl Node {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A row took so long. Once as many are through as there are places, there are more of them or fewer.
    fn answered(&self, took: Duration) {
        let mut state = self.state();
        state.rows += 1;
        state.took += took;
        if state.rows < state.at_once {
            return;
        }
        let average = state.took / u32::try_from(state.rows).unwrap_or(u32::MAX);
        let before = state.at_once;
        let wanted = match average > SLOW {
            true => before / 2,
            // more than anybody asks for says nothing of what the node can do
            false if !state.full => before,
            false => before + MORE,
        };
        (state.rows, state.took, state.full) = (0, Duration::ZERO, false);
        state.at_once = wanted.clamp(LEAST, MOST);
        if state.at_once < before {
            state.owed += before - state.at_once;
            state.owed -= self.places.forget_permits(state.owed);
        } else {
            let more = state.at_once - before;
            let paid = more.min(state.owed);
            state.owed -= paid;
            self.places.add_permits(more - paid);
        }
    }

    fn left(&self, mut permit: OwnedSemaphorePermit) {
        let mut state = self.state();
        let owed = state.owed.min(permit.num_permits());
        if let Some(given_up) = permit.split(owed) {
            given_up.forget();
            state.owed -= owed;
        }
    }
}

impl Place {
    /// A row was read or written: how long that took says how much the nodes have to do, where they were asked at all.
    pub fn answered<T>(self, said: &Result<T, TableError>) {
        if matches!(said, Err(TableError::Key(_) | TableError::Unfit { .. })) {
            return;
        }
        let took = self.since.elapsed();
        self.at.iter().for_each(|(node, _)| node.answered(took));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for (node, permit) in self.at.drain(..) {
            node.left(permit);
        }
    }
}

impl Table {
    /// A place for a row with that token. It is taken before the clock is read: see [`crate::mirror::look::Look::read_at`].
    pub async fn place_of(&self, token: i64) -> Place {
        self.cluster.budget.take(self.nodes_of(token), 1).await
    }

    /// A place for a sum over a range, or for a page of its rows.
    pub(super) async fn place_of_range(&self, range: TokenRange) -> Place {
        self.cluster.budget.take(self.nodes_of(range.upto), RANGE).await
    }

    /// The nodes that have a token; one that stands for all where the driver does not know.
    fn nodes_of(&self, token: i64) -> Vec<Uuid> {
        let (mapping, state) = (self.mapping(), self.cluster.session.get_cluster_state());
        let nodes = state.get_token_endpoints(&mapping.keyspace, &mapping.table, Token::new(token));
        let nodes: Vec<Uuid> = nodes.iter().map(|(node, _)| node.host_id).collect();
        if nodes.is_empty() { vec![Uuid::nil()] } else { nodes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::task::JoinSet;
    use tokio::time::sleep;

    const NODE: Uuid = Uuid::from_u128(1);

    /// How many are asked for at once, and the most there ever were.
    #[derive(Default)]
    struct Load(AtomicUsize, AtomicUsize);

    impl Load {
        fn more(&self, by: usize) {
            let now = self.0.fetch_add(by, Ordering::SeqCst) + by;
            self.1.fetch_max(now, Ordering::SeqCst);
        }

        fn less(&self, by: usize) {
            self.0.fetch_sub(by, Ordering::SeqCst);
        }

        fn most(&self) -> usize {
            self.1.swap(0, Ordering::SeqCst)
        }
    }

    /// A mirror that has very many rows to ask for.
    fn mirror(all: &mut JoinSet<()>, budget: &Arc<Budget>, load: &Arc<Load>, rows: usize, each: Duration) {
        for _ in 0..rows {
            let (budget, load) = (Arc::clone(budget), Arc::clone(load));
            all.spawn(async move {
                let place = budget.take(vec![NODE], 1).await;
                load.more(1);
                sleep(each).await;
                load.less(1);
                place.answered(&Ok(()));
            });
        }
    }

    fn at_once(budget: &Budget, node: Uuid) -> usize {
        budget.node(node).state().at_once
    }

    #[tokio::test(start_paused = true)]
    async fn two_mirrors_together_stay_within_what_a_node_does() {
        let (budget, load) = (Arc::new(Budget::default()), Arc::new(Load::default()));
        let quick = Duration::from_millis(2);
        for places in (FIRST..=MOST).step_by(MORE) {
            assert_eq!(at_once(&budget, NODE), places);
            // as many as are counted until there are more places: none of them meets those
            let mut both = JoinSet::new();
            mirror(&mut both, &budget, &load, places / 2, quick);
            mirror(&mut both, &budget, &load, places / 2, quick);
            both.join_all().await;
            assert_eq!(load.most(), places);
        }
        let mut both = JoinSet::new();
        mirror(&mut both, &budget, &load, 500, quick);
        mirror(&mut both, &budget, &load, 500, quick);
        both.join_all().await;
        assert_eq!((load.most(), at_once(&budget, NODE)), (MOST, MOST));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_node_is_asked_for_less_and_another_one_is_not() {
        let (budget, load) = (Arc::new(Budget::default()), Arc::new(Load::default()));
        let slow = Duration::from_millis(200);
        for most in [FIRST, LEAST] {
            let mut both = JoinSet::new();
            mirror(&mut both, &budget, &load, 20, slow);
            mirror(&mut both, &budget, &load, 20, slow);
            both.join_all().await;
            assert_eq!((load.most(), at_once(&budget, NODE)), (most, LEAST));
        }
        assert_eq!(at_once(&budget, Uuid::from_u128(2)), FIRST);
        // quick again: it comes back
        let mut both = JoinSet::new();
        mirror(&mut both, &budget, &load, 1_000, Duration::from_millis(1));
        both.join_all().await;
        assert!(at_once(&budget, NODE) > FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_range_takes_the_places_of_some_rows() {
        let budget = Budget::default();
        let mut ranges = Vec::new();
        for _ in 0..FIRST / RANGE {
            ranges.push(budget.take(vec![NODE], RANGE).await);
        }
        let mut row = std::pin::pin!(budget.take(vec![NODE], 1));
        assert!(futures::poll!(&mut row).is_pending());
        drop(ranges.pop());
        assert!(futures::poll!(&mut row).is_ready());
        // a range says nothing of how long a row takes
        assert_eq!(at_once(&budget, NODE), FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let budget = Budget::default();
        let _held = budget.take(vec![NODE], FIRST).await;
        let since = Instant::now();
        let without = budget.take(vec![NODE], 1).await;
        assert_eq!((since.elapsed(), without.at.len()), (PATIENCE, 0));
    }
}
