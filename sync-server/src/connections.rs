//! Who is connected: so many at once, so many per address, and where there are more, whoever has been silent for longest
//! gives way. Nobody who says nothing keeps others out.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// All open connections.
#[derive(Debug)]
pub struct Connections {
    most: usize,
    per_address: usize,
    state: Mutex<State>,
    /// Rung whenever somebody leaves or becomes silent.
    room: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Grows with every arrival and every time that somebody becomes silent.
    clock: u64,
    open: HashMap<u64, Open>,
    /// Silent ones by since when.
    silent: BTreeMap<u64, u64>,
    addresses: HashMap<IpAddr, Address>,
}

#[derive(Debug)]
struct Open {
    address: IpAddr,
    silent_since: Option<u64>,
    end: CancellationToken,
}

#[derive(Debug, Default)]
struct Address {
    open: usize,
    silent: BTreeMap<u64, u64>,
}

/// A place among the connections, given back when dropped. Silent at first: its request has yet to come.
#[derive(Debug)]
pub struct Place {
    connections: Arc<Connections>,
    id: u64,
    /// Cancelled when the connection has to give way.
    pub end: CancellationToken,
}

/// For as long as it lives, the connection is at work and does not give way.
#[derive(Debug)]
pub struct AtWork(Arc<Place>);

impl Connections {
    /// So many at once, and so many of one address.
    pub fn new(most: usize, per_address: usize) -> Self {
        Self { most, per_address, state: Mutex::default(), room: Notify::new() }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.state().open.len()
    }

    /// Waits until there is a place, or somebody silent who can give way.
    pub async fn room(&self) {
        loop {
            let room = self.room.notified();
            let full = {
                let state = self.state();
                state.open.len() >= self.most && state.silent.is_empty()
            };
            if !full {
                return;
            }
            room.await;
        }
    }

    /// Takes a place; `None` where that address has as many as it may, all of them at work.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Arc<Place>> {
        let mut state = self.state();
        let of_address = state.addresses.get(&address);
        if of_address.is_some_and(|of| of.open >= self.per_address) {
            let oldest = of_address.and_then(|of| of.silent.values().next().copied())?;
            state.gives_way(oldest);
        }
        if state.open.len() >= self.most {
            let oldest = state.silent.values().next().copied()?;
            state.gives_way(oldest);
        }
        let id = state.tick();
        let end = CancellationToken::new();
        state.open.insert(id, Open { address, silent_since: None, end: end.clone() });
        state.addresses.entry(address).or_default().open += 1;
        state.falls_silent(id);
        Some(Arc::new(Place { connections: Arc::clone(self), id, end }))
    }

    /// Ends the one that has been silent for longest; false where nobody is silent.
    pub fn end_oldest(&self) -> bool {
        let mut state = self.state();
        let oldest = state.silent.values().next().copied();
        oldest.inspect(|oldest| state.gives_way(*oldest)).is_some()
    }

    /// Ends all that are silent.
    pub fn end_silent(&self) {
        while self.end_oldest() {}
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    fn falls_silent(&mut self, id: u64) {
        let now = self.tick();
        let Some(open) = self.open.get_mut(&id) else { return };
        open.silent_since = Some(now);
        self.silent.insert(now, id);
        self.addresses.entry(open.address).or_default().silent.insert(now, id);
    }

    fn works(&mut self, id: u64) {
        let Some(open) = self.open.get_mut(&id) else { return };
        let Some(since) = open.silent_since.take() else { return };
        self.silent.remove(&since);
        if let Some(of) = self.addresses.get_mut(&open.address) {
            of.silent.remove(&since);
        }
    }

    fn gives_way(&mut self, id: u64) {
        if let Some(open) = self.leaves(id) {
            open.end.cancel();
        }
    }

    fn leaves(&mut self, id: u64) -> Option<Open> {
        self.works(id);
        let open = self.open.remove(&id)?;
        if let Some(of) = self.addresses.get_mut(&open.address) {
            of.open -= 1;
            if of.open == 0 {
                self.addresses.remove(&open.address);
            }
        }
        Some(open)
    }
}

impl Place {
    /// A request came.
    pub fn works(self: &Arc<Self>) -> AtWork {
        self.connections.state().works(self.id);
        AtWork(Arc::clone(self))
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.connections.state().falls_silent(self.0.id);
        self.0.connections.room.notify_one();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.state().leaves(self.id);
        self.connections.room.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u8) -> IpAddr {
        [192, 0, 2, n].into()
    }

    #[test]
    fn the_longest_silent_one_gives_way_and_who_works_does_not() {
        let connections = Arc::new(Connections::new(3, 3));
        let first = connections.enter(address(1)).unwrap();
        let second = connections.enter(address(2)).unwrap();
        let third = connections.enter(address(3)).unwrap();
        let at_work = first.works();
        let fourth = connections.enter(address(4)).unwrap();
        assert!(second.end.is_cancelled() && !first.end.is_cancelled() && !third.end.is_cancelled());
        drop(at_work);
        let _fifth = connections.enter(address(5)).unwrap();
        assert!(third.end.is_cancelled() && !first.end.is_cancelled() && !fourth.end.is_cancelled());
        assert_eq!(connections.count(), 3);
        drop((second, third));
        assert_eq!(connections.count(), 3, "who gave way is counted no more");
        drop((first, fourth));
        assert_eq!(connections.count(), 1);
    }

    #[test]
    fn one_address_takes_its_share_and_no_more() {
        let connections = Arc::new(Connections::new(10, 2));
        let (one, two) = (connections.enter(address(1)).unwrap(), connections.enter(address(1)).unwrap());
        let other = connections.enter(address(2)).unwrap();
        let three = connections.enter(address(1)).unwrap();
        assert!(one.end.is_cancelled() && !other.end.is_cancelled());
        let _at_work = (two.works(), three.works());
        assert!(connections.enter(address(1)).is_none(), "all of them are at work");
        assert!(connections.enter(address(3)).is_some());
    }

    #[tokio::test]
    async fn room_is_waited_for_where_everybody_works() {
        let connections = Arc::new(Connections::new(1, 1));
        let place = connections.enter(address(1)).unwrap();
        let at_work = place.works();
        assert!(connections.enter(address(2)).is_none());
        let waiting = tokio::spawn({
            let connections = Arc::clone(&connections);
            async move { connections.room().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(at_work);
        waiting.await.unwrap();
        assert!(connections.enter(address(2)).is_some() && place.end.is_cancelled());
    }
}
