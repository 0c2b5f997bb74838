//! One real Apache Cassandra node: started, paused, killed.

use super::jars::jars;
use crate::tools;
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// One node answers after 8 s on two idle cores; this is for a loaded machine.
const START: Duration = Duration::from_secs(180);
/// How long a port that was given back may still be taken.
const LET_GO: Duration = Duration::from_secs(2);
/// How long a node may take to flush and leave.
const STOP: Duration = Duration::from_secs(30);

/// Where a node lives. Several nodes of one cluster differ in `dir` and `ip` and share the rest.
#[derive(Clone, Debug)]
pub struct Place {
    /// Configuration, data and log; made when missing, reused when there.
    pub dir: PathBuf,
    /// A loopback address, 127.0.0.1 to 127.255.255.254.
    pub ip: Ipv4Addr,
    /// For clients (CQL).
    pub port: u16,
    /// Between nodes.
    pub storage_port: u16,
    /// By which address the other nodes know it, where that is not `ip`: something that listens there leads to it.
    pub known_as: Option<Ipv4Addr>,
    /// The node to ask for the cluster, as the others know it; for the first node itself.
    pub seed: Ipv4Addr,
    /// When it calls a write done.
    pub commit_log: CommitLog,
    /// Further lines of its configuration.
    pub settings: String,
}

impl Place {
    /// That of the only node of a cluster.
    fn of_one(dir: PathBuf, ip: Ipv4Addr, port: u16, storage_port: u16) -> Self {
        let commit_log = CommitLog::Periodic;
        Self { dir, ip, port, storage_port, known_as: None, seed: ip, commit_log, settings: String::new() }
    }
}

/// When a node calls a write done: its `commitlog_sync`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitLog {
    /// Before it is on the disk, as Cassandra does unless told otherwise: a node that is killed forgets what it called
    /// done in its last tenth of a second, one whose power fails up to 10 s.
    Periodic,
    /// Once it is on the disk.
    Batch,
}

/// A node that runs as long as this value lives.
#[derive(Debug)]
pub struct Node {
    place: Place,
    child: Child,
}

impl Node {
    /// Starts a cluster of one and waits until it answers clients. A port that is taken, or a node that stops by itself, is an error with
    /// the end of the node's log.
    pub fn start(dir: impl Into<PathBuf>, ip: Ipv4Addr, port: u16, storage_port: u16) -> Result<Node> {
        Node::start_at(Place::of_one(dir.into(), ip, port, storage_port))
    }

    /// The address of a node for a suite: `MOORING_TEST_CASSANDRA=host:port` names one that runs already, else one is started for as long
    /// as it is kept.
    pub fn for_suite(dir: &Path, ip: Ipv4Addr) -> Result<(String, Option<Node>)> {
        Self::for_suite_with(dir, ip, String::new)
    }

    /// The same; one that is started has further lines of configuration.
    pub fn for_suite_with(
        dir: &Path,
        ip: Ipv4Addr,
        settings: impl FnOnce() -> String,
    ) -> Result<(String, Option<Node>)> {
        if let Ok(address) = std::env::var("MOORING_TEST_CASSANDRA") {
            return Ok((address, None));
        }
        let place = Place::of_one(dir.into(), ip, free_port(ip)?, free_port(ip)?);
        let node = Node::start_at(Place { settings: settings(), ..place })?;
        Ok((node.address(), Some(node)))
    }

    /// Starts a node, perhaps of a larger cluster: first the seed, then the others, one after the other.
    pub fn start_at(place: Place) -> Result<Node> {
        let child = spawn(&place, false)?;
        let mut node = Node { place, child };
        wait(&node.place, &mut node.child)?;
        Ok(node)
    }

    /// Starts a node that outlives this process; its process id is in the folder's `pid` file.
    pub(super) fn start_detached(place: &Place) -> Result<()> {
        let mut child = spawn(place, true)?;
        fs::write(place.dir.join("pid"), child.id().to_string())?;
        wait(place, &mut child)
    }

    /// `IP:PORT` for a driver.
    pub fn address(&self) -> String {
        format!("{}:{}", self.place.ip, self.place.port)
    }

    /// The end of the node's log.
    pub fn log_tail(&self) -> String {
        log_tail(&self.place.dir)
    }

    /// Freezes the process, as a long pause of its machine would.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets a paused process go on.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// `kill -9`; start again with the same place to bring it back.
    pub fn kill(mut self) -> Result<Place> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(self.place.clone())
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // SIGKILL ends a paused process too; after `kill` both calls do nothing
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port of that address that nobody uses just now.
pub fn free_port(ip: Ipv4Addr) -> Result<u16> {
    Ok(TcpListener::bind((ip, 0))?.local_addr()?.port())
}

/// The process of the node whose folder this is, if it runs.
pub(super) fn running(dir: &Path) -> Option<Pid> {
    let pid: i32 = fs::read_to_string(dir.join("pid")).ok()?.trim().parse().ok()?;
    let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let ours = config_argument(dir);
    command.split(|byte| *byte == 0).any(|word| word == ours.as_bytes()).then(|| Pid::from_raw(pid))?
}

/// Waits until a node that somebody else started answers clients.
pub(super) fn wait_for(place: &Place, pid: Pid) -> Result<()> {
    let until = Instant::now() + START;
    while !answers(place.ip, place.port) {
        if test_kill_process(pid).is_err() {
            bail!("the node stopped:\n{}", log_tail(&place.dir));
        }
        if Instant::now() > until {
            bail!(
                "the node runs and does not answer on {}:{} (was it started with another --port?):\n{}",
                place.ip,
                place.port,
                log_tail(&place.dir)
            );
        }
        sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// Asks the processes to end, and ends those that do not.
pub(super) fn stop(pids: &[Pid]) -> Result<()> {
    for pid in pids {
        kill_process(*pid, Signal::TERM)?;
    }
    let until = Instant::now() + STOP;
    for pid in pids {
        while test_kill_process(*pid).is_ok() {
            if Instant::now() > until {
                kill_process(*pid, Signal::KILL)?;
                break;
            }
            sleep(Duration::from_millis(100));
        }
    }
    Ok(())
}

/// Whether a CQL server is there: it answers OPTIONS with SUPPORTED.
pub(super) fn answers(ip: Ipv4Addr, port: u16) -> bool {
    const OPTIONS: [u8; 9] = [4, 0, 0, 0, 5, 0, 0, 0, 0];
    const SUPPORTED: u8 = 6;
    let ask = || -> std::io::Result<u8> {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from((ip, port)), Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(&OPTIONS)?;
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        Ok(head[4])
    };
    ask().is_ok_and(|opcode| opcode == SUPPORTED)
}

fn wait(place: &Place, child: &mut Child) -> Result<()> {
    let until = Instant::now() + START;
    while !answers(place.ip, place.port) {
        if let Some(status) = child.try_wait()? {
            bail!("the node stopped ({status}):\n{}", log_tail(&place.dir));
        }
        if Instant::now() > until {
            child.kill()?;
            child.wait()?;
            bail!("the node did not answer within {} s:\n{}", START.as_secs(), log_tail(&place.dir));
        }
        sleep(Duration::from_millis(200));
    }
    Ok(())
}

fn spawn(place: &Place, detached: bool) -> Result<Child> {
    for (port, option) in [(place.port, "--port"), (place.storage_port, "--storage-port")] {
        is_free(place.ip, port).with_context(|| {
            format!("another program uses {}:{port}; stop it, or choose another port with {option}", place.ip)
        })?;
    }
    let lib = jars()?;
    let java = tools::java().context("no Java 17 or 11")?;
    let conf = place.dir.join("conf");
    fs::create_dir_all(&conf)?;
    fs::write(conf.join("cassandra.yaml"), yaml(place))?;
    fs::write(conf.join("logback.xml"), LOGBACK)?;
    let log = fs::File::create(place.dir.join("cassandra.log"))?;
    let mut command = if detached {
        // its own session: neither Ctrl-C nor a closed terminal reaches it
        let mut setsid = Command::new("setsid");
        setsid.arg(java);
        setsid
    } else {
        Command::new(java)
    };
    command
        .args(EXPORTS.iter().map(|name| format!("--add-exports={name}=ALL-UNNAMED")))
        .args(OPENS.iter().map(|name| format!("--add-opens={name}=ALL-UNNAMED")))
        .args([
            "-Xms512M",
            "-Xmx512M",
            "-XX:+UseSerialGC",
            "-XX:+ExitOnOutOfMemoryError",
            "-Xss512k",
            "-Djava.net.preferIPv4Stack=true",
        ])
        .arg(format!("-Dlogback.configurationFile={}", conf.join("logback.xml").display()))
        .arg(config_argument(&place.dir))
        .arg(format!("-Dcassandra.storagedir={}", place.dir.display()))
        .args(["-Dcassandra-foreground=yes", "-Dcassandra.skip_wait_for_gossip_to_settle=0"])
        .args(["-Dcassandra.ring_delay_ms=1000", "-Dcassandra.superuser_setup_delay_ms=0"])
        .arg("-cp")
        .arg(lib.join("*"))
        .arg("org.apache.cassandra.service.CassandraDaemon");
    let log_too = log.try_clone()?;
    command
        .current_dir(&place.dir)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(log_too)
        .spawn()
        .context("cannot start Java")
}

/// Whether nobody uses the port. A socket that this process has closed is open a moment longer in a child that another
/// thread is just starting: the child has all of them until it is the program it shall be.
fn is_free(ip: Ipv4Addr, port: u16) -> std::io::Result<()> {
    let until = Instant::now() + LET_GO;
    loop {
        match TcpListener::bind((ip, port)) {
            Err(error) if Instant::now() > until => return Err(error),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => sleep(Duration::from_millis(10)),
            other => return other.map(drop),
        }
    }
}

/// The argument that tells the processes of different folders apart.
fn config_argument(dir: &Path) -> String {
    format!("-Dcassandra.config=file://{}/conf/cassandra.yaml", dir.display())
}

fn log_tail(dir: &Path) -> String {
    let log = fs::read_to_string(dir.join("cassandra.log")).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

fn yaml(place: &Place) -> String {
    let Place { ip, port, storage_port, seed, settings, .. } = place;
    let known_as = place.known_as.unwrap_or(*ip);
    let dir = place.dir.display();
    let commit_log = match place.commit_log {
        CommitLog::Periodic => "commitlog_sync: periodic\ncommitlog_sync_period: 10000ms",
        CommitLog::Batch => "commitlog_sync: batch",
    };
    format!(
        "cluster_name: mooring
num_tokens: 16
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
data_file_directories: [{dir}/data]
commitlog_directory: {dir}/commitlog
saved_caches_directory: {dir}/saved_caches
hints_directory: {dir}/hints
cdc_raw_directory: {dir}/cdc
{commit_log}
endpoint_snitch: SimpleSnitch
listen_address: {ip}
broadcast_address: {known_as}
rpc_address: {ip}
storage_port: {storage_port}
native_transport_port: {port}
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters:
      - seeds: \"{seed}:{storage_port}\"
paxos_variant: v2
# a hundredth of the default: what reads through expired rows shows here and not only after years
tombstone_warn_threshold: 500
tombstone_failure_threshold: 1000
auto_bootstrap: false
{settings}
"
    )
}

const LOGBACK: &str = r#"<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%-5level [%thread] %date{ISO8601} %logger{0} - %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="OUT"/></root>
</configuration>
"#;

// What Cassandra reaches into; as in the jvm17-server.options that it ships.
const EXPORTS: [&str; 9] = [
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.base/java.lang.ref",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "jdk.unsupported/sun.misc",
];
const OPENS: [&str; 15] = [
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.lang.reflect",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "java.rmi/sun.rmi.transport.tcp",
    "jdk.management/com.sun.management.internal",
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn a_port_given_back_is_free_while_other_threads_start_programs() {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    Command::new("true").status().expect("a program");
                }
            });
            // some two in a thousand were taken at first
            let tried: Vec<_> = (0..5_000)
                .map(|_| free_port(Ipv4Addr::LOCALHOST).map(|port| is_free(Ipv4Addr::LOCALHOST, port)))
                .collect();
            done.store(true, Ordering::Relaxed);
            for free in tried {
                free.expect("a port").expect("it is free");
            }
        });
    }
}
