//! The command line. Every option can also be set by a variable of the environment, or in a file.

mod file;

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use sync_protocol::WorkspaceId;
use sync_protocol::message::Role;

use crate::app::Options;
use crate::limits;
use crate::mirror::commands::MirrorCommand;
use crate::mirror::sample;
use crate::partition::Quotas;
use crate::store::cassandra::{CassandraOptions, ClusterTls, keyspace};
use crate::telemetry::LogFormat;
use crate::tls::Files;
pub use file::{ParseError, parse, settings};

/// Mooring's server: keeps the records of a team in step between its devices and its database.
#[derive(Debug, Parser)]
#[command(name = "mooring-server", version)]
pub struct Cli {
    /// A file of settings in TOML, by the names of the options, such as horizon-days = 30. What the command line or the
    /// environment says wins.
    #[arg(long, env = "MOORING_CONFIG", value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve until stopped by SIGTERM or Ctrl-C.
    Serve(Box<ServeArgs>),
    /// Say how `serve` would serve, and whether it could: nothing is opened, made or listened on.
    CheckConfig(Box<ServeArgs>),
    /// Accounts.
    #[command(subcommand)]
    User(UserCommand),
    /// Workspaces.
    #[command(subcommand)]
    Workspace(WorkspaceCommand),
    /// Members of workspaces.
    #[command(subcommand)]
    Member(MemberCommand),
    /// Tables of the organisation that are kept in step with collections. Needs --cassandra.
    #[command(subcommand)]
    Mirror(MirrorCommand),
    /// Print the protocol as an OpenAPI document: what /openapi.json serves.
    Openapi,
}

/// How to serve.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address and port to listen on.
    #[arg(long, env = "MOORING_LISTEN", default_value = "127.0.0.1:8420")]
    pub listen: SocketAddr,
    /// A certificate in PEM, with those that lead to its authority: the server speaks TLS (https) and nothing else. Read
    /// again within a minute after it changes.
    #[arg(long, env = "MOORING_TLS_CERTIFICATE", value_name = "FILE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,
    /// The private key of that certificate, in PEM.
    #[arg(long, env = "MOORING_TLS_KEY", value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
    /// Address and port for whoever watches over the server: /metrics for Prometheus, /healthz and /readyz. Everybody who
    /// reaches it may read it: keep it off the networks of clients.
    #[arg(long, env = "MOORING_METRICS", value_name = "ADDRESS")]
    pub metrics: Option<SocketAddr>,
    /// Where the data is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Folder with the web application; without it, none is served.
    #[arg(long, env = "MOORING_WEB", value_name = "FOLDER")]
    pub web: Option<PathBuf>,
    /// Let anybody on this machine in as a sample user, with a sample workspace. Only on a loopback address.
    #[arg(long, env = "MOORING_DEMO")]
    pub demo: bool,
    /// With --demo and --cassandra: make a sample table, and mirror it.
    #[arg(long, hide = true, requires_all = ["demo", "cassandra"])]
    pub sample_table: bool,
    /// Days for which the feed and deleted records are kept; a device that was away longer takes a fresh copy.
    #[arg(long, env = "MOORING_HORIZON_DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    pub horizon_days: u32,
    /// The same in seconds: for tests.
    #[arg(long, hide = true, conflicts_with = "horizon_days", value_parser = clap::value_parser!(u32).range(1..))]
    pub horizon_seconds: Option<u32>,
    /// How log lines look.
    #[arg(long, env = "MOORING_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
    /// Another origin (scheme, host and port) whose pages may call the server; may be given several times.
    #[arg(long, env = "MOORING_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',', value_parser = origin)]
    pub allow_origin: Vec<String>,
    /// The server stands behind a proxy: take the client's address from the last entry of X-Forwarded-For.
    #[arg(long, env = "MOORING_BEHIND_PROXY")]
    pub behind_proxy: bool,
    /// Workspaces that one person makes in a row; after those, one a minute.
    #[arg(long, env = "MOORING_WORKSPACES_IN_A_ROW", value_name = "NUMBER", default_value_t = limits::WORKSPACES_IN_A_ROW)]
    pub workspaces_in_a_row: u32,
    /// MiB that one workspace may keep: its records, what waits for review, and the history up to the horizon.
    #[arg(long, env = "MOORING_QUOTA_MIB", value_name = "MIB", default_value_t = Quotas::default().bytes >> 20, value_parser = clap::value_parser!(u64).range(1..=1 << 40))]
    pub quota_mib: u64,
    /// Records that one workspace may hold.
    #[arg(long, env = "MOORING_QUOTA_RECORDS", value_name = "NUMBER", default_value_t = Quotas::default().records, value_parser = clap::value_parser!(u64).range(1..))]
    pub quota_records: u64,
    /// Keyspaces whose tables owners of workspaces may mirror from the app, separated by commas: this server reads and writes
    /// all tables there for them that its account on Cassandra may. Without any, mirrors are only added on the command line.
    #[arg(long, env = "MOORING_MIRROR_KEYSPACES", value_name = "NAMES", value_delimiter = ',')]
    pub mirror_keyspaces: Vec<String>,
    /// Make no accounts for people who are invited: only whoever runs the server adds them.
    #[arg(long, env = "MOORING_NO_NEW_ACCOUNTS")]
    pub no_new_accounts: bool,
    /// Edits that may wait for review in one workspace.
    #[arg(long, env = "MOORING_QUOTA_REVIEWS", value_name = "NUMBER", default_value_t = Quotas::default().reviews, value_parser = clap::value_parser!(u64).range(1..))]
    pub quota_reviews: u64,
}

/// Where the data is.
#[derive(Clone, Debug, Args)]
pub struct StoreArgs {
    /// Folder of the embedded store; ./mooring-data unless given.
    #[arg(long, env = "MOORING_DATA", value_name = "FOLDER", conflicts_with = "cassandra")]
    pub data: Option<PathBuf>,
    /// Nodes of an Apache Cassandra cluster, as host:port, separated by commas.
    #[arg(long, env = "MOORING_CASSANDRA", value_name = "NODES", value_delimiter = ',')]
    pub cassandra: Vec<String>,
    /// User on the cluster, where it asks for one; the password is read from MOORING_CASSANDRA_PASSWORD.
    #[arg(long, env = "MOORING_CASSANDRA_USER", value_name = "USER")]
    pub cassandra_user: Option<String>,
    /// TLS to the cluster: the certificates of the authorities that sign those of its nodes, in PEM. A node's certificate
    /// is for its address, for its name in --cassandra, or for one of --cassandra-name.
    #[arg(long, env = "MOORING_CASSANDRA_CA", value_name = "FILE", requires = "cassandra")]
    pub cassandra_ca: Option<PathBuf>,
    /// Names that the nodes' certificates are made out to, separated by commas, where these are not their addresses.
    #[arg(
        long,
        env = "MOORING_CASSANDRA_NAME",
        value_name = "NAMES",
        value_delimiter = ',',
        requires = "cassandra_ca"
    )]
    pub cassandra_name: Vec<String>,
    /// The server's own certificate, where the nodes ask for one, in PEM; it is read again for each new connection.
    #[arg(long, env = "MOORING_CASSANDRA_CERTIFICATE", value_name = "FILE", requires_all = ["cassandra_ca", "cassandra_key"])]
    pub cassandra_certificate: Option<PathBuf>,
    /// Its private key, in PEM.
    #[arg(long, env = "MOORING_CASSANDRA_KEY", value_name = "FILE", requires = "cassandra_certificate")]
    pub cassandra_key: Option<PathBuf>,
    /// Keyspace on the cluster; made if it is not there.
    #[arg(long, env = "MOORING_KEYSPACE", default_value = "mooring", value_parser = keyspace)]
    pub keyspace: String,
    /// Replication of a new keyspace, as CQL writes it, such as "{'class': 'NetworkTopologyStrategy', 'dc1': 3}".
    #[arg(long, env = "MOORING_REPLICATION")]
    pub replication: Option<String>,
    /// Agree on conditional writes within the local datacentre only. All nodes of one keyspace must say the same.
    #[arg(long, env = "MOORING_LOCAL_SERIAL")]
    pub local_serial: bool,
}

/// `user ...`
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add an account. The password is asked for, or read from standard input.
    Add {
        /// The name to sign in with, such as an e-mail address.
        login: String,
        /// What people call them.
        #[arg(long)]
        name: String,
        /// Where the data is.
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Take a person away: account, sessions, memberships, and their name in workspaces. What they wrote stays.
    Erase {
        /// The name to sign in with.
        login: String,
        /// The id of a workspace that they have left, where their name is still read; may be given several times.
        #[arg(long, value_name = "WORKSPACE")]
        also: Vec<WorkspaceId>,
        /// Do it. Without this it is only said what would go.
        #[arg(long)]
        yes: bool,
        /// Where the data is.
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Set a new password. It is asked for, or read from standard input.
    Passwd {
        /// The name to sign in with.
        login: String,
        /// Where the data is.
        #[command(flatten)]
        store: StoreArgs,
    },
}

/// `workspace ...`
#[derive(Debug, Subcommand)]
pub enum WorkspaceCommand {
    /// Add a workspace and print its id.
    Add {
        /// What people call it.
        name: String,
        /// Login of its owner.
        #[arg(long)]
        owner: String,
        /// Into how many partitions its records are sliced, for good; 1 gives one total order.
        #[arg(long, default_value_t = sync_protocol::limits::PARTITIONS, value_parser = clap::value_parser!(u16).range(1..=i64::from(sync_protocol::limits::PARTITIONS_MAX)))]
        partitions: u16,
        /// Where the data is.
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Look at every stored row of a workspace: whether each can be read by every device.
    Check(CheckArgs),
    /// Put a workspace away in a file, with its history up to the horizon, its reviews and its members, who keep their passwords:
    /// as a backup, or to take it to another store or server. Servers may run meanwhile.
    Export {
        /// Id of the workspace.
        workspace: WorkspaceId,
        /// The file to make; it can be read by its owner only, and has the hashes of passwords in it.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// Print what was put away as JSON.
        #[arg(long)]
        json: bool,
        /// Where the data is.
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Take a workspace away for good, with its records, its history and its reviews, for everybody. Without --yes it only
    /// says what would go.
    Erase {
        /// Id of the workspace.
        workspace: WorkspaceId,
        /// Do it.
        #[arg(long)]
        yes: bool,
        /// Where the data is.
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Bring a workspace in from such a file, under its id: devices that are sent there go on where they were once their people have
    /// signed in. All of the file is looked at before anything is written.
    Import {
        /// The file.
        from: PathBuf,
        /// Only look at the file, and say what is in it.
        #[arg(long)]
        dry_run: bool,
        /// Print what was brought in as JSON.
        #[arg(long)]
        json: bool,
        /// Where the data is.
        #[command(flatten)]
        store: StoreArgs,
    },
}

/// `workspace check ...`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Id of the workspace.
    pub workspace: WorkspaceId,
    /// Mend what can be mended: cut values that lie too deep for devices to read, and drop groups of the feed that
    /// nobody can read, so that devices fetch the records as they are.
    #[arg(long)]
    pub mend: bool,
    /// Where the data is.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// `member ...`
#[derive(Debug, Subcommand)]
pub enum MemberCommand {
    /// Set what an account may do in a workspace.
    Set {
        /// Id of the workspace.
        workspace: WorkspaceId,
        /// Login of the account.
        login: String,
        /// What it may do.
        role: RoleArg,
        /// Where the data is.
        #[command(flatten)]
        store: StoreArgs,
    },
}

/// A role on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleArg {
    /// Read.
    Reader,
    /// Read, change records, settle conflicts, make and change collections.
    Editor,
    /// All of that, and manage members.
    Owner,
    /// No member (any more).
    None,
}

impl RoleArg {
    /// The role; `None` is no membership.
    pub fn role(self) -> Option<Role> {
        match self {
            Self::Reader => Some(Role::Reader),
            Self::Editor => Some(Role::Editor),
            Self::Owner => Some(Role::Owner),
            Self::None => None,
        }
    }
}

impl ServeArgs {
    /// How long the feed is kept.
    pub fn horizon(&self) -> Duration {
        let days = Duration::from_secs(u64::from(self.horizon_days) * 24 * 3_600);
        self.horizon_seconds.map_or(days, |seconds| Duration::from_secs(seconds.into()))
    }

    /// The files of the certificate, where there is one.
    pub fn tls(&self) -> Option<Files> {
        let (certificate, key) = (self.tls_certificate.clone()?, self.tls_key.clone()?);
        Some(Files { certificate, key })
    }

    /// Those that were named, and that of the sample table where there is one.
    fn mirrored_keyspaces(&self) -> Vec<String> {
        let sample = self.sample_table.then(|| sample::KEYSPACE.to_owned());
        self.mirror_keyspaces.iter().cloned().chain(sample).collect()
    }

    /// What the server does beside keeping data.
    pub fn options(&self) -> Options {
        Options {
            web: self.web.clone(),
            tls: self.tls_certificate.is_some(),
            demo: self.demo,
            allow_origin: self.allow_origin.iter().cloned().collect(),
            behind_proxy: self.behind_proxy,
            workspaces_in_a_row: Some(self.workspaces_in_a_row),
            mirror_keyspaces: self.mirrored_keyspaces(),
            no_new_accounts: self.no_new_accounts,
            quotas: Quotas {
                bytes: self.quota_mib << 20,
                records: self.quota_records,
                reviews: self.quota_reviews,
            },
        }
    }
}

impl StoreArgs {
    /// The folder of the embedded store.
    pub fn folder(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| PathBuf::from("mooring-data"))
    }

    /// How to reach the cluster, where one was named. `password` is only used with a user.
    pub fn cluster(&self, password: Option<String>) -> Option<CassandraOptions> {
        if self.cassandra.is_empty() {
            return None;
        }
        let mut options = CassandraOptions::new(self.cassandra.clone());
        options.keyspace.clone_from(&self.keyspace);
        options.replication.clone_from(&self.replication);
        options.credentials = self.cassandra_user.clone().map(|user| (user, password.unwrap_or_default()));
        options.local_serial = self.local_serial;
        options.tls = self.cluster_tls();
        Some(options)
    }

    /// TLS to the cluster, where it is asked for.
    pub fn cluster_tls(&self) -> Option<ClusterTls> {
        let authorities = self.cassandra_ca.clone()?;
        let own = self.cassandra_certificate.clone().zip(self.cassandra_key.clone());
        // where a node is named by its name, that is whom one asked for
        let host = |node: &String| node.rsplit_once(':').map_or(node.clone(), |(host, _)| host.to_owned());
        let hosts = self
            .cassandra
            .iter()
            .map(host)
            .filter(|host| !host.contains(':') && host.parse::<IpAddr>().is_err());
        Some(ClusterTls {
            authorities,
            own: own.map(|(certificate, key)| Files { certificate, key }),
            names: hosts.chain(self.cassandra_name.iter().cloned()).collect(),
        })
    }
}

fn origin(text: &str) -> Result<String, String> {
    let whole = text.split_once("://").is_some_and(|(scheme, host)| {
        !scheme.is_empty() && !host.is_empty() && !host.contains(['/', '*', ' '])
    });
    if whole {
        Ok(text.to_owned())
    } else {
        Err("an origin is a scheme, a host and a port where it is not the usual one, without a path, such as https://app.example.com".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn nodes_are_known_by_the_names_that_they_are_asked_for_by() {
        let parse = |options: &str| {
            let line = format!("mooring-server serve {options}");
            let Command::Serve(args) = Cli::try_parse_from(line.split(' '))?.command else { panic!("serve") };
            Ok::<_, clap::Error>(args.store.cluster_tls())
        };
        let nodes = "--cassandra db1.example.org:9142,10.0.0.7:9142,[::1]:9142";
        assert_eq!(parse(nodes).expect("no TLS"), None);
        let tls =
            parse(&format!("{nodes} --cassandra-ca ca.pem --cassandra-name db2.example.org,db3.example.org"));
        let tls = tls.expect("options").expect("TLS");
        assert_eq!(tls.names, ["db1.example.org", "db2.example.org", "db3.example.org"]);
        assert_eq!((tls.authorities, tls.own), ("ca.pem".into(), None));
        assert!(parse("--cassandra-ca ca.pem").is_err(), "TLS to which nodes?");
        assert!(parse(&format!("{nodes} --cassandra-name db2")).is_err());
        let own = "--cassandra-certificate own.pem";
        assert!(parse(&format!("{nodes} --cassandra-ca ca.pem {own}")).is_err(), "no key");
        let tls = parse(&format!("{nodes} --cassandra-ca ca.pem {own} --cassandra-key own.key"));
        assert!(tls.expect("options").is_some_and(|tls| tls.own.is_some()));
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
        let parse = |line: &str| Cli::try_parse_from(line.split(' '));
        assert!(parse("mooring-server serve --demo --allow-origin https://a.example").is_ok());
        assert!(parse("mooring-server serve --data d --cassandra h:9042").is_err());
        assert!(parse("mooring-server serve --allow-origin *").is_err());
        assert!(parse("mooring-server serve --cassandra h:9042 --keyspace Mine").is_err());
        assert!(parse("mooring-server serve --horizon-days 0").is_err());
        let mirror = |line: &str| parse(&format!("mooring-server mirror {line}"));
        let id = "0192f3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
        assert!(mirror(&format!("add {id} --table shop.orders --map a=b --direction in --dry-run")).is_ok());
        assert!(mirror(&format!("add {id} --table orders")).is_err());
        assert!(mirror(&format!("add {id} --table shop.orders --map a")).is_err());
        assert!(mirror("list").is_err() && mirror("list --all --json").is_ok());
        assert!(mirror(&format!("touched {id}")).is_err() && mirror(&format!("touched {id} 7 8")).is_ok());
    }
}
