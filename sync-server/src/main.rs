//! `mooring-server`: see `docs/server.md`.

use anyhow::Context;
use std::io::IsTerminal;
use std::path::absolute;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use sync_server::app::App;
use sync_server::config::{
    self, Command, MemberCommand, ParseError, ServeArgs, StoreArgs, UserCommand, WorkspaceCommand,
};
#[cfg(unix)]
use sync_server::local;
use sync_server::mirror::commands::{MirrorCommand, NOT_AS_IT_SHOULD_BE};
use sync_server::mirror::desk::Desk;
use sync_server::mirror::sample;
use sync_server::mirror::work;
use sync_server::order::Order;
use sync_server::partition::{PartitionEngine, Settings};
use sync_server::server::{Server, may_listen};
use sync_server::store::cassandra::{CassandraOptions, CassandraStore};
use sync_server::store::clock::SystemClock;
use sync_server::store::sled::SledStore;
use sync_server::store::{Store, StoreError};
use sync_server::tls::Tls;
use sync_server::{admin, demo, metrics, system, telemetry};
use tokio::net::{TcpListener, lookup_host};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Memory that a burst took goes back to the system; glibc keeps it in the arena of each thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    system::keep_files_private();
    let command = match config::parse(std::env::args_os()) {
        Ok(cli) => cli.command,
        Err(ParseError::Line(error)) => error.exit(),
        Err(error @ ParseError::File { .. }) => {
            eprintln!("mooring-server: {error}");
            return ExitCode::FAILURE;
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("mooring-server: no threads to work with: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(async {
        match command {
            Command::Serve(args) => serve(*args).await.map(|()| ExitCode::SUCCESS),
            Command::CheckConfig(args) => check_config(&args).await.map(|()| ExitCode::SUCCESS),
            Command::Mirror(command) => mirror(command).await,
            other => administer(other).await.map(|()| ExitCode::SUCCESS),
        }
    });
    // what a thread is still at is not waited for: nothing of it was promised
    runtime.shutdown_timeout(Duration::from_secs(1));
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("mooring-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(args: ServeArgs) -> anyhow::Result<()> {
    telemetry::start(args.log_format);
    system::raise_descriptors();
    let options = args.options();
    let tls = usable(&args)?.map(Arc::new);
    let Opened { store, cassandra, beyond_help } = open(&args.store).await?;
    let clock = Arc::new(SystemClock);
    let app = match cassandra {
        Some((store, cluster)) => App::on_cassandra(store, cluster, clock, args.horizon(), options),
        None => App::new(store, clock, args.horizon(), options),
    };
    let server = Server::bind(args.listen, app.clone(), tls.clone()).await?;
    let watched = match args.metrics {
        Some(address) => Some(
            TcpListener::bind(address)
                .await
                .with_context(|| format!("cannot listen on {address} for --metrics"))?,
        ),
        None => None,
    };
    if args.demo {
        demo::prepare(&app).await.context("the samples of --demo cannot be written")?;
    }
    if let Some(desk) = app.desk.as_ref().filter(|_| args.sample_table)
        && let Err(error) = sample::prepare(desk, demo::WORKSPACE).await
    {
        warn!(%error, "the sample table cannot be made");
    }
    #[cfg(unix)]
    if args.store.cassandra.is_empty()
        && let Err(error) = local::serve(app.clone(), &args.store.folder())
    {
        warn!(%error, "accounts, workspaces and members cannot be changed from the command line while this server runs");
    }
    if let Some(desk) = &app.desk {
        app.commits.spawn(work::run(desk.clone(), app.stopping.clone()));
    }
    let address = server.address().context("the address listened on")?;
    info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
    let stopping = app.stopping.clone();
    if let Some(listener) = watched {
        info!(address = %listener.local_addr().context("the address of --metrics")?, "figures are told");
        let (app, stopping) = (app.clone(), stopping.clone());
        tokio::spawn(async move {
            if let Err(error) = metrics::serve(listener, app, stopping.cancelled_owned()).await {
                warn!(%error, "no figures are told any more");
            }
        });
    }
    // for people and for scripts that wait: the only line on standard output
    println!("Mooring listens on {}://{address}", if tls.is_some() { "https" } else { "http" });
    if let Some(tls) = tls {
        tokio::spawn(async move {
            tokio::select! {
                () = tls.follow() => {}
                () = stopping.cancelled() => {}
            }
        });
    }
    let signal = stop_signal()?;
    let gone = beyond_help.clone();
    server
        .run(async move {
            tokio::select! {
                () = signal => {}
                () = gone.cancelled() => {}
            }
        })
        .await;
    if beyond_help.is_cancelled() {
        anyhow::bail!(
            "The files of the store failed and could not be opened again within 30 s. Nothing that was saved is lost: start the server again, and look at the disk and at how many files the process may open (ulimit -n)"
        );
    }
    Ok(())
}

/// What can be told of the settings before anything is opened: the certificate, where there is one.
fn usable(args: &ServeArgs) -> anyhow::Result<Option<Tls>> {
    if let Some(web) = &args.web
        && !web.join("index.html").is_file()
    {
        anyhow::bail!(
            "{} has no index.html: give --web the folder of the built web application",
            web.display()
        );
    }
    Ok(args.tls().map(Tls::open).transpose()?)
}

async fn check_config(args: &ServeArgs) -> anyhow::Result<()> {
    println!("{}", config::settings(std::env::args_os())?.trim_end());
    usable(args)?;
    may_listen(args.listen, args.demo)?;
    if let Some(tls) = args.store.cluster_tls() {
        tls.config()?;
    }
    for node in &args.store.cassandra {
        let addresses = lookup_host(node).await;
        addresses.map(drop).with_context(|| format!("there is no address of the node {node} (host:port)"))?;
    }
    println!("# These settings can be used.");
    Ok(())
}

async fn administer(command: Command) -> anyhow::Result<()> {
    let (order, store) = match command {
        Command::Serve(_) | Command::CheckConfig(_) | Command::Mirror(_) => unreachable!("main does these"),
        Command::Openapi => {
            println!("{}", sync_server::openapi::document());
            return Ok(());
        }
        Command::User(UserCommand::Add { login, name, store }) => {
            (Order::AddUser { login, name, password: admin::read_password()? }, store)
        }
        Command::User(UserCommand::Passwd { login, store }) => {
            (Order::SetPassword { login, password: admin::read_password()? }, store)
        }
        Command::User(UserCommand::Erase { login, also, yes, store }) => {
            (Order::EraseUser { login, also, yes }, store)
        }
        Command::Workspace(WorkspaceCommand::Add { name, owner, partitions, store }) => {
            (Order::AddWorkspace { name, owner, partitions }, store)
        }
        Command::Workspace(WorkspaceCommand::Check(args)) => {
            (Order::CheckWorkspace { workspace: args.workspace, mend: args.mend }, args.store)
        }
        Command::Workspace(WorkspaceCommand::Export { workspace, to, json, store }) => {
            (Order::ExportWorkspace { workspace, to: absolute(&to)?, json }, store)
        }
        Command::Workspace(WorkspaceCommand::Erase { workspace, yes, store }) => {
            (Order::EraseWorkspace { workspace, yes }, store)
        }
        Command::Workspace(WorkspaceCommand::Import { from, dry_run, json, store }) => {
            (Order::ImportWorkspace { from: absolute(&from)?, dry_run, json }, store)
        }
        Command::Member(MemberCommand::Set { workspace, login, role, store }) => {
            (Order::SetMember { workspace, login, role: role.role() }, store)
        }
    };
    println!("{}", carry_out(order, &store).await?);
    Ok(())
}

/// By the server that has the folder, or else by ourselves.
async fn carry_out(order: Order, args: &StoreArgs) -> anyhow::Result<String> {
    #[cfg(unix)]
    if args.cassandra.is_empty()
        && let Some(done) = local::send(&args.folder(), &order).await
    {
        return done;
    }
    // where somebody looks; scripts read what is on standard output
    let shown = std::io::stderr().is_terminal();
    let progress = |done, of| {
        if shown {
            eprint!("\r{done} of {of} partitions{}", if done == of { "\n" } else { "" });
        }
    };
    let store = open(args).await?.store;
    let engine = PartitionEngine::new(store.clone(), Settings::default());
    order.carry_out(&*store, &engine, progress).await
}

async fn mirror(command: MirrorCommand) -> anyhow::Result<ExitCode> {
    let how = command.how();
    anyhow::ensure!(
        !how.store.cassandra.is_empty(),
        "Only tables of Apache Cassandra are mirrored: name its nodes with --cassandra"
    );
    let horizon = how.horizon();
    let Opened { store, cassandra, .. } = open(&how.store).await?;
    let (cassandra, cluster) = cassandra.context("the store on Cassandra")?;
    let settings = Settings { horizon, ..Settings::default() };
    let engine = PartitionEngine::new(store, settings);
    let desk = Desk::new(cassandra, cluster, engine, Arc::new(SystemClock));
    match command.carry_out(&desk).await {
        Ok(code) => Ok(code),
        Err(error) if error.is_refusal() => {
            eprintln!("mooring-server: {error}");
            Ok(ExitCode::from(NOT_AS_IT_SHOULD_BE))
        }
        Err(error) => Err(error.into()),
    }
}

/// A store that is open.
struct Opened {
    store: Arc<dyn Store>,
    /// The same, where it is on Cassandra.
    cassandra: Option<(Arc<CassandraStore>, CassandraOptions)>,
    /// Cancelled once the store is beyond help in this process.
    beyond_help: CancellationToken,
}

async fn open(args: &StoreArgs) -> anyhow::Result<Opened> {
    if let Some(options) = args.cluster(std::env::var("MOORING_CASSANDRA_PASSWORD").ok()) {
        let what =
            format!("The keyspace {} on {} cannot be opened", options.keyspace, options.nodes.join(", "));
        return match CassandraStore::connect(options.clone()).await {
            Ok(store) => {
                let store = Arc::new(store);
                let cassandra = Some((Arc::clone(&store), options));
                Ok(Opened { store, cassandra, beyond_help: CancellationToken::new() })
            }
            Err(StoreError::Unavailable(why)) => {
                let how = if options.tls.is_some() {
                    "CQL with TLS"
                } else {
                    "CQL without TLS (--cassandra-ca is for one that asks for it)"
                };
                Err(anyhow::anyhow!(
                    "{what}: {why}. Check that Cassandra runs there and takes {how} on that port (9042 unless configured)"
                ))
            }
            Err(error) => Err(anyhow::Error::new(error).context(what)),
        };
    }
    let folder = args.folder();
    if args.data.is_none() {
        eprintln!("No --data and no --cassandra given: the data is in ./{}.", folder.display());
    }
    let what = match SledStore::open(&folder) {
        Ok(store) => {
            system::warn_where_others_read(&folder);
            let beyond_help = store.beyond_help();
            return Ok(Opened { store: Arc::new(store), cassandra: None, beyond_help });
        }
        Err(error @ StoreError::InUse(_)) => anyhow::Error::new(error).context(
            "The embedded store serves one process at a time. Stop the other mooring-server first, or use --cassandra",
        ),
        Err(StoreError::Unavailable(why)) => {
            anyhow::anyhow!("{} cannot hold the store: {why}. Choose another folder with --data", folder.display())
        }
        Err(error) => {
            anyhow::Error::new(error).context(format!("The store in {} cannot be opened", folder.display()))
        }
    };
    Err(what)
}

/// Resolves at SIGTERM or Ctrl-C.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .context("cannot listen for SIGTERM")?;
    Ok(async move {
        #[cfg(unix)]
        let terminated = terminate.recv();
        #[cfg(not(unix))]
        let terminated = std::future::pending::<Option<()>>();
        tokio::select! {
            _ = terminated => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    })
}
