//! What stands between the nodes of a Cassandra cluster: lets everything pass, or loses what one node sends to another.

use std::collections::BTreeSet;
use std::io;
use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// From which node to which, counted from 0.
pub type Way = (usize, usize);

/// What a node says first on each connection that it opens: four bytes that are always the same, four of flags, one that
/// counts the next six, and its address and port, as the others know them.
const HELLO: usize = 15;
const MAGIC: [u8; 4] = [0xca, 0x55, 0x2d, 0xfa];
const ADDRESS: std::ops::Range<usize> = 9..13;

/// The links between nodes, each of which calls itself by an address on which this listens.
pub struct Links {
    /// Its own thread, so that nothing that the test does slows it down. `None` once it is dropped.
    runtime: Option<Runtime>,
    held: watch::Sender<BTreeSet<Way>>,
}

/// One connection's view of them.
#[derive(Clone)]
struct Link {
    names: Vec<Ipv4Addr>,
    held: watch::Receiver<BTreeSet<Way>>,
}

impl Links {
    /// Open links between nodes: the addresses by which they call themselves, and those on which they listen, in order.
    pub async fn between(names: &[Ipv4Addr], nodes: &[Ipv4Addr], port: u16) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let held = watch::Sender::new(BTreeSet::new());
        for (to, (name, node)) in names.iter().zip(nodes).enumerate() {
            let listener = runtime.spawn(TcpListener::bind((*name, port))).await??;
            let link = Link { names: names.to_vec(), held: held.subscribe() };
            runtime.spawn(link.listen(listener, to, (*node, port)));
        }
        Ok(Self { runtime: Some(runtime), held })
    }

    /// Loses all that goes these ways, and nothing else. As on a network that loses packets, connections stay and fall
    /// silent, and what was lost is sent again until it arrives: here that is when its way is open.
    pub fn lose(&self, ways: impl IntoIterator<Item = Way>) {
        self.held.send_replace(ways.into_iter().collect());
    }

    /// Loses nothing any more.
    pub fn heal(&self) {
        self.lose([]);
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Link {
    async fn listen(self, listener: TcpListener, to: usize, node: (Ipv4Addr, u16)) {
        while let Ok((caller, _)) = listener.accept().await {
            let link = self.clone();
            tokio::spawn(async move {
                // how a connection ends does not matter here: both sides see it
                drop(link.connect(caller, to, node).await);
            });
        }
    }

    async fn connect(self, mut caller: TcpStream, to: usize, node: (Ipv4Addr, u16)) -> Result<()> {
        let mut hello = [0; HELLO];
        caller.read_exact(&mut hello).await?;
        let from = self.caller(&hello).with_context(|| format!("who is {hello:x?}?"))?;
        let mut node = TcpStream::connect(node).await?;
        caller.set_nodelay(true)?;
        node.set_nodelay(true)?;
        self.clone().open((from, to)).await?;
        node.write_all(&hello).await?;
        let ((from_caller, to_caller), (from_node, to_node)) = (caller.into_split(), node.into_split());
        let there = self.clone().pass((from, to), from_caller, to_node);
        let back = self.pass((to, from), from_node, to_caller);
        tokio::try_join!(there, back)?;
        Ok(())
    }

    fn caller(&self, hello: &[u8; HELLO]) -> Option<usize> {
        let address: [u8; 4] = hello[ADDRESS].try_into().ok()?;
        let known = self.names.iter().position(|name| name.octets() == address);
        known.filter(|_| hello.starts_with(&MAGIC))
    }

    /// Waits until what goes that way is not lost.
    async fn open(mut self, way: Way) -> io::Result<()> {
        let open = self.held.wait_for(|held| !held.contains(&way)).await;
        open.map(drop).map_err(io::Error::other)
    }

    async fn pass(self, way: Way, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = from.read(&mut buffer).await?;
            // also where it is the end: that is a packet too
            self.clone().open(way).await?;
            if read == 0 {
                return to.shutdown().await;
            }
            to.write_all(&buffer[..read]).await?;
        }
    }
}
