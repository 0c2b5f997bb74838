//! What stands between a server and a real Cassandra: lets every frame of CQL pass, or does to some what databases in
//! trouble do. On `scylla-proxy`, which the makers of the driver test it with.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use scylla::client::session::Session;
use scylla::errors::DbError;
use scylla_proxy::{
    Action, Condition, Node, Proxy, Reaction, RequestFrame, RequestOpcode, RequestReaction, RequestRule,
    ResponseFrame, ResponseOpcode, ResponseReaction, ResponseRule, RunningProxy, ShardAwareness,
    TransportFactory,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use xtask::cassandra::free_port;

/// Which requests of a server are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    /// The conditional batch that commits a group of changes.
    Commit,
    /// Reading a partition's head, as a pull does.
    Head,
    /// Reading it at serial consistency, which decides what is in doubt.
    HeadSerial,
    /// Reading the feed.
    Feed,
    /// Reading what was judged of a replica.
    Replica,
    /// Looking a session up, as each request does.
    Session,
    /// Looking up what a member may do.
    Role,
    /// Looking a workspace up.
    Workspace,
    /// The conditional insert that binds a replica to its user.
    Claim,
    /// Looking an account up, to sign in.
    Account,
    /// Storing a new session.
    AddSession,
    /// Taking, and giving back, what lets one server at a time make tables. These are prepared as they are sent, so they
    /// can be met only by their answers.
    Lock,
}

/// What becomes of them.
#[derive(Clone, Debug)]
pub enum What {
    /// The database never sees the request; this is the answer.
    Refused(DbError),
    /// The database does it; this is the answer. For conditional writes only.
    DoneBut(DbError),
    /// This is the answer, and the database does it so much later. For [`At::Commit`] only.
    DoneLater(DbError, Duration),
    /// All connections are cut before the database sees the request.
    Cut,
    /// All connections are cut when the database has done it. For conditional writes only.
    DoneButCut,
    /// The answer comes so much later. For conditional writes only.
    Slow(Duration),
}

/// The next so many requests of a kind fare like that.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Which.
    pub at: At,
    /// How.
    pub what: What,
    /// How many.
    pub times: usize,
}

/// Of the streams of a connection the one that a driver would use last of all: it takes the lowest that is free.
const NOBODYS: i16 = i16::MAX;

type Frames<T> = (UnboundedSender<(T, Option<u16>)>, UnboundedReceiver<(T, Option<u16>)>);

/// A proxy in front of one node.
pub struct Database {
    /// Its own threads, so that nothing that the test does slows it down. `None` once it is dropped.
    runtime: Option<Runtime>,
    running: RunningProxy,
    /// `IP:PORT` for a server.
    pub address: SocketAddr,
    /// Requests that a fault met.
    struck: Frames<RequestFrame>,
    /// Answers that a fault met.
    struck_answers: Frames<ResponseFrame>,
    /// Commits that none met on their way to the node.
    passed: Frames<RequestFrame>,
    /// The node's prepared statements: id and text.
    statements: Vec<(Vec<u8>, String)>,
    met: usize,
    commits: u64,
}

impl Database {
    /// An open way to a node, on another port of the same address: a driver asks the node for its address, and goes
    /// to the port there at which it was told of the node. So all that it sends comes through here.
    pub async fn to(node: &str) -> Result<Self> {
        let node: SocketAddr = node.parse()?;
        let IpAddr::V4(ip) = node.ip() else { bail!("{node} is not of version 4") };
        let inner = SocketAddr::from((ip, free_port(ip)?));
        let node = Node::new(node, inner, ShardAwareness::Unaware, None, None);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let running = runtime.spawn(Proxy::new([node]).run()).await??;
        let listener = runtime.spawn(TcpListener::bind((ip, 0))).await??;
        let address = listener.local_addr()?;
        runtime.spawn(lead_in(listener, running.transport_factory(), inner));
        let mut database = Self {
            runtime: Some(runtime),
            running,
            address,
            struck: unbounded_channel(),
            struck_answers: unbounded_channel(),
            passed: unbounded_channel(),
            statements: Vec::new(),
            met: 0,
            commits: 0,
        };
        database.set(&[])?;
        Ok(database)
    }

    /// Learns which statements the server has prepared.
    pub async fn learn(&mut self, session: &Session) -> Result<()> {
        let query = "SELECT prepared_id, query_string FROM system.prepared_statements";
        let rows = session.query_unpaged(query, ()).await?.into_rows_result()?;
        self.statements = rows.rows()?.collect::<Result<_, _>>()?;
        Ok(())
    }

    /// From now on these faults, the first of a kind first, and nothing else.
    pub fn set(&mut self, faults: &[Fault]) -> Result<()> {
        let (mut requests, mut answers) = (Vec::new(), Vec::new());
        for Fault { at, what, times } in faults {
            let times = Condition::TrueForLimitedTimes(*times);
            let (request, answer) = (self.requests_to(*at)?, answers_to(*at));
            let mut on_request = |condition: Condition, reaction: RequestReaction| {
                let reaction = reaction.with_feedback_when_performed(self.struck.0.clone());
                requests.push(RequestRule(condition.and(times.clone()), reaction));
            };
            let mut on_answer = |condition: Condition, reaction: ResponseReaction| {
                let reaction = reaction.with_feedback_when_performed(self.struck_answers.0.clone());
                answers.push(ResponseRule(condition.and(times.clone()), reaction));
            };
            match what.clone() {
                What::Refused(error) => on_request(request, RequestReaction::forge_with_error(error)),
                What::Cut => on_request(request, RequestReaction::drop_connection()),
                What::DoneLater(error, after) => {
                    let mut reaction = RequestReaction::forge_with_error(error);
                    // the driver has had its answer: the second one is not for it
                    let late = |mut frame: RequestFrame| {
                        frame.params.stream = NOBODYS;
                        frame
                    };
                    reaction.to_addressee =
                        Some(Action { delay: Some(after), msg_processor: Some(Arc::new(late)) });
                    on_request(request, reaction);
                }
                What::DoneBut(error) => {
                    let replace = move |frame: ResponseFrame| {
                        ResponseFrame::forged_error(frame.params, error.clone(), None).expect("short texts")
                    };
                    on_answer(answer, ResponseReaction::transform_frame(Arc::new(replace)));
                }
                What::DoneButCut => on_answer(answer, ResponseReaction::drop_connection()),
                What::Slow(time) => on_answer(answer, ResponseReaction::delay(time)),
            }
        }
        let count = RequestReaction::noop().with_feedback_when_performed(self.passed.0.clone());
        requests.push(RequestRule(self.requests_to(At::Commit)?, count));
        let node = &mut self.running.running_nodes[0];
        node.change_request_rules(Some(requests));
        node.change_response_rules(Some(answers));
        Ok(())
    }

    /// How many frames faults have met so far.
    pub fn met(&mut self) -> usize {
        self.count();
        self.met
    }

    /// How many commits have come this way so far, whatever became of them.
    pub fn commits(&mut self) -> u64 {
        self.count();
        self.commits
    }

    fn count(&mut self) {
        while let Ok((frame, _)) = self.struck.1.try_recv() {
            self.met += 1;
            self.commits += u64::from(frame.opcode == RequestOpcode::Batch);
        }
        while self.struck_answers.1.try_recv().is_ok() {
            self.met += 1;
        }
        while self.passed.1.try_recv().is_ok() {
            self.commits += 1;
        }
    }

    fn requests_to(&self, at: At) -> Result<Condition> {
        // how version 4 of the protocol writes a consistency
        const QUORUM: &[u8] = &[0, 4];
        const SERIAL: &[u8] = &[0, 8];
        let (words, then, within): (_, &[u8], &[u8]) = match at {
            At::Commit => return Ok(Condition::RequestOpcode(RequestOpcode::Batch)),
            At::Lock => return Ok(Condition::False),
            At::Head => ("SELECT step, head, checksums", QUORUM, b""),
            At::HeadSerial => ("SELECT step, head, checksums", SERIAL, b""),
            At::Feed => ("AND key > ? LIMIT ?", b"", b"feed"),
            At::Replica => ("AND key IN ?", b"", b"replica"),
            At::Session => ("SELECT user, expires, device, since, seen FROM mooring.sessions", b"", b""),
            At::Role => ("SELECT role FROM mooring.members", b"", b""),
            At::Workspace => ("SELECT name, partitions FROM mooring.workspaces", b"", b""),
            At::Claim => ("INSERT INTO mooring.replicas", b"", b""),
            At::Account => ("password_hash FROM mooring.accounts WHERE user", b"", b""),
            At::AddSession => ("INSERT INTO mooring.sessions (", b"", b""),
        };
        let id = self.statements.iter().find(|(_, text)| text.contains(words)).map(|(id, _)| id);
        let mut id = id.with_context(|| format!("no statement of the server has “{words}”"))?.clone();
        // the consistency stands right behind the statement
        id.extend_from_slice(then);
        let mut conditions = vec![Condition::RequestOpcode(RequestOpcode::Execute), contains(&id)];
        if !within.is_empty() {
            conditions.push(contains(within));
        }
        Ok(Condition::all(conditions))
    }
}

/// Takes the server's connections for the proxy. It would take them itself, and send each frame in two pieces of which
/// the second waits for the first to be acknowledged: 40 ms for every answer.
async fn lead_in(listener: TcpListener, proxy: Arc<TransportFactory>, inner: SocketAddr) {
    while let Ok((mut server, _)) = listener.accept().await {
        let Ok(proxied) = proxy.connect(inner, None, None) else { return };
        tokio::spawn(async move {
            // how a connection ends does not matter here, and once one way has ended the other one has nothing to say
            drop(server.set_nodelay(true));
            let (mut from_server, to_server) = server.split();
            let (from_proxy, mut to_proxy) = tokio::io::split(proxied);
            tokio::select! {
                _ = tokio::io::copy(&mut from_server, &mut to_proxy) => {}
                _ = answers(from_proxy, to_server) => {}
            }
        });
    }
}

/// Passes answers on, frame by frame, but for those that nobody waits for.
async fn answers(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> std::io::Result<()> {
    // version and flags, two bytes of stream, what it is, four bytes of length
    const HEAD: usize = 9;
    loop {
        let mut frame = vec![0; HEAD];
        from.read_exact(&mut frame).await?;
        let length = u32::from_be_bytes([frame[5], frame[6], frame[7], frame[8]]);
        frame.resize(HEAD + length as usize, 0);
        from.read_exact(&mut frame[HEAD..]).await?;
        if i16::from_be_bytes([frame[2], frame[3]]) != NOBODYS {
            to.write_all(&frame).await?;
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Answers to conditional writes name their table. To others there are none that could be told from each other.
fn answers_to(at: At) -> Condition {
    let table: &[u8] = match at {
        At::Commit => b"partition_rows",
        At::Claim => b"replicas",
        // not those that name the owner who stands in the way
        At::Lock => return conditional(b"schema_version").and(Condition::not(contains(b"owner"))),
        _ => return Condition::False,
    };
    conditional(table)
}

fn conditional(table: &[u8]) -> Condition {
    let result = Condition::ResponseOpcode(ResponseOpcode::Result);
    Condition::all([result, contains(table), contains(b"[applied]")])
}

fn contains(bytes: &[u8]) -> Condition {
    Condition::BodyContainsCaseSensitive(bytes.into())
}
