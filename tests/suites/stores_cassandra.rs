//! The server's store on a real Apache Cassandra: the conformance suite, and what only a shared database must do.
//!
//! Starts a node of its own. `MOORING_TEST_CASSANDRA=host:port` names one that runs already.

#[path = "stores_cassandra/moved.rs"]
mod moved;
#[path = "stores_cassandra/tls.rs"]
mod tls;

use anyhow::{Context, Result, ensure};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use sync_protocol::message::{Audit, History, Pull, Push, Role};
use sync_protocol::schema::{collection_record, field_record};
use sync_protocol::{
    Change, ChangeId, CollectionId, Counter, Cursor, Delta, Edit, FieldName, FieldType, Fields, Partition,
    RecordId, RecordKey, ReplicaId, Revision, Timestamp, UserId, Value, Verdict, WorkspaceId, schema::Field,
};
use sync_server::partition::{Author, PartitionEngine, Settings};
use sync_server::store::cassandra::{CassandraOptions, CassandraStore};
use sync_server::store::clock::{Clock, SystemClock};
use sync_server::store::conformance::{Subject, run_all};
use sync_server::store::{
    Account, Commit, Committed, DirectoryStore, Head, InvitationRow, InvitationStore, Kept, Kind,
    PartitionId, PartitionStore, Read, SessionRow, Step, StoreError,
};
use xtask::cassandra::{Node, free_port};

/// The hash of a token.
const OLD: [u8; 32] = [0x0b; 32];

/// An address of its own, so that no other node on this machine is in the way.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 21, 1);

#[tokio::test(flavor = "multi_thread")]
async fn the_store_on_cassandra() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let certificates = tls::Certificates::make(&folder.path().join("certificates"))?;
    let tls_port = free_port(ADDRESS)?;
    let (address, node) = Node::for_suite_with(folder.path(), ADDRESS, || certificates.settings(tls_port))?;
    let keyspace = format!("test_{:x}", std::process::id());
    match &node {
        Some(_) => tls::only_those_who_are_known(&certificates, (ADDRESS, tls_port), &keyspace).await?,
        None => println!("TLS is only tried with a node of the suite's own"),
    }
    let options =
        CassandraOptions { keyspace: keyspace.clone(), ..CassandraOptions::new(vec![address.clone()]) };

    servers_start_together(&options).await?;
    let store = Arc::new(CassandraStore::connect(options.clone()).await?);
    run_all(Subject::in_real_time(store.clone())).await;
    nodes_write_together([store.clone(), Arc::new(CassandraStore::connect(options.clone()).await?)]).await?;
    what_has_expired_ends_in_a_copy_and_never_in_503(&store, &options).await?;
    what_guards_access_is_written_conditionally(&store, &options).await?;
    moved::there_and_back(&store, folder.path()).await?;
    servers_notice_each_other([store.clone(), Arc::new(CassandraStore::connect(options.clone()).await?)])
        .await?;
    a_newer_keyspace_is_refused(&options).await?;
    a_first_start_that_was_broken_off_is_finished(&options).await?;
    a_keyspace_of_the_first_release_goes_on(&options).await?;

    let session = SessionBuilder::new().known_node(&address).build().await?;
    session.query_unpaged(format!("DROP KEYSPACE {keyspace}"), ()).await?;
    Ok(())
}

/// The first start of several servers at once makes the tables once.
async fn servers_start_together(options: &CassandraOptions) -> Result<()> {
    let starts = (0..3).map(|_| tokio::spawn(CassandraStore::connect(options.clone())));
    for start in starts.collect::<Vec<_>>() {
        start.await??;
    }
    Ok(())
}

async fn a_newer_keyspace_is_refused(options: &CassandraOptions) -> Result<()> {
    let session = SessionBuilder::new().known_nodes(&options.nodes).build().await?;
    let set = |version: i32| {
        let table = format!("{}.schema_version", options.keyspace);
        session.query_unpaged(format!("UPDATE {table} SET version = {version} WHERE what = 'tables'"), ())
    };
    set(99).await?;
    let refused = CassandraStore::connect(options.clone()).await;
    ensure!(matches!(refused, Err(StoreError::Newer(_))), "a newer keyspace was opened");
    set(1).await?;
    CassandraStore::connect(options.clone()).await?;
    Ok(())
}

/// The keyspace is there and nothing in it: an operator made it, or the first start ended there.
async fn a_first_start_that_was_broken_off_is_finished(options: &CassandraOptions) -> Result<()> {
    let keyspace = format!("{}_begun", options.keyspace);
    let session = SessionBuilder::new().known_nodes(&options.nodes).build().await?;
    make_keyspace(&session, &keyspace).await?;
    let options = CassandraOptions { keyspace: keyspace.clone(), ..options.clone() };
    let starts = (0..3).map(|_| tokio::spawn(CassandraStore::connect(options.clone())));
    for start in starts.collect::<Vec<_>>() {
        let store = start.await?.context("a start on a keyspace without tables")?;
        ensure!(store.workspace(WorkspaceId(uuid::Uuid::nil())).await?.is_none());
    }
    session.query_unpaged(format!("DROP KEYSPACE {keyspace}"), ()).await?;
    Ok(())
}

async fn make_keyspace(session: &Session, keyspace: &str) -> Result<()> {
    let make = format!(
        "CREATE KEYSPACE {keyspace} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}"
    );
    session.query_unpaged(make, ()).await?;
    Ok(())
}

/// Tables and rows as the first release made them: they are read, and written on.
async fn a_keyspace_of_the_first_release_goes_on(options: &CassandraOptions) -> Result<()> {
    let k = format!("{}_old", options.keyspace);
    let session = SessionBuilder::new().known_nodes(&options.nodes).build().await?;
    make_keyspace(&session, &k).await?;
    let (workspace, user) = (uuid::Uuid::now_v7(), uuid::Uuid::now_v7());
    let (old, later) = ("0b".repeat(32), SystemClock.now().0 + 3_600_000);
    for statement in [
        format!("CREATE TABLE {k}.schema_version (what text PRIMARY KEY, version int, owner uuid)"),
        format!("CREATE TABLE {k}.partition_rows (workspace uuid, partition int, kind text, key text, step bigint static, head bigint static, checksums text static, body text, PRIMARY KEY ((workspace, partition), kind, key))"),
        format!("CREATE TABLE {k}.accounts (user uuid PRIMARY KEY, login text, name text, password_hash text)"),
        format!("CREATE TABLE {k}.logins (login text PRIMARY KEY, user uuid)"),
        format!("CREATE TABLE {k}.sessions (token_hash blob PRIMARY KEY, user uuid, expires bigint)"),
        format!("CREATE TABLE {k}.workspaces (id uuid PRIMARY KEY, name text, partitions int)"),
        format!("CREATE TABLE {k}.members (user uuid, workspace uuid, role text, PRIMARY KEY (user, workspace))"),
        format!("CREATE TABLE {k}.replicas (replica uuid PRIMARY KEY, user uuid)"),
        format!("CREATE TABLE {k}.sessions_of (user uuid, token_hash blob, PRIMARY KEY (user, token_hash))"),
        format!("UPDATE {k}.schema_version SET version = 2 WHERE what = 'tables'"),
        format!("INSERT INTO {k}.accounts (user, login, name, password_hash) VALUES ({user}, 'ann', 'Ann', 'hash')"),
        format!("INSERT INTO {k}.logins (login, user) VALUES ('ann', {user}) IF NOT EXISTS"),
        format!("INSERT INTO {k}.members (user, workspace, role) VALUES ({user}, {workspace}, 'owner')"),
        format!("INSERT INTO {k}.sessions (token_hash, user, expires) VALUES (0x{old}, {user}, {later}) IF NOT EXISTS"),
        format!("INSERT INTO {k}.sessions_of (user, token_hash) VALUES ({user}, 0x{old})"),
        format!("BEGIN UNLOGGED BATCH
            UPDATE {k}.partition_rows SET step = 1, head = 1, checksums = '{{}}' WHERE workspace = {workspace} AND partition = 0 IF step = null;
            INSERT INTO {k}.partition_rows (workspace, partition, kind, key, body) VALUES ({workspace}, 0, 'replica', 'r', '{{}}');
            APPLY BATCH"),
    ] {
        session.query_unpaged(statement, ()).await?;
    }
    let store = CassandraStore::connect(CassandraOptions { keyspace: k.clone(), ..options.clone() }).await?;
    let id = PartitionId { workspace: WorkspaceId(workspace), partition: Partition(0) };
    let head = store.head(id, Read::Quorum).await?;
    ensure!((head.step, head.revision) == (Step(1), Revision(1)), "{head:?}");
    ensure!(head.kept == Kept::default(), "{head:?}");
    let kept = Kept { bytes: 5, ..Kept::default() };
    let next = Head { step: Step(2), kept, ..head };
    let commit = Commit { expected: Step(1), head: next.clone(), rows: vec![] };
    ensure!(store.commit(id, commit).await? == Committed::Yes);
    ensure!(store.head(id, Read::Serial).await? == next);
    let user = UserId(user);
    ensure!(store.account("ann").await?.is_some_and(|account| account.user == user));
    store.set_password(user, "new").await?;
    ensure!(store.account_of(user).await?.is_some_and(|account| account.password_hash == "new"));
    // the index of members by workspace is filled by the database, in its own time
    let members = BTreeMap::from([(user, Role::Owner)]);
    let listed = async {
        while store.members_of(id.workspace, 10).await.ok() != Some(members.clone()) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), listed)
        .await
        .context("the members of before are listed")?;
    let before = store.session(&OLD).await?.context("a session of before")?;
    ensure!(before == SessionRow::new(user, before.expires), "{before:?}");
    store.note_session(&OLD, Some("Till 2"), Timestamp(7)).await?;
    ensure!(
        store.sessions_of(user, 10).await?.iter().any(|(hash, row)| *hash == OLD && row.device == "Till 2")
    );
    store.set_member(id.workspace, user, Some(Role::Reader)).await?;
    ensure!(store.role(id.workspace, user).await? == Some(Role::Reader));
    store.set_member(id.workspace, user, None).await?;
    ensure!(store.role(id.workspace, user).await?.is_none());
    session.query_unpaged(format!("DROP KEYSPACE {k}"), ()).await?;
    Ok(())
}

/// A plain write would take its time from a clock, and lose against an older one of a node whose clock is ahead: so each
/// of these goes through Paxos, which leaves its trace.
async fn what_guards_access_is_written_conditionally(
    store: &CassandraStore,
    options: &CassandraOptions,
) -> Result<()> {
    let session = SessionBuilder::new().known_nodes(&options.nodes).build().await?;
    let (workspace, user) = (WorkspaceId(uuid::Uuid::now_v7()), UserId(uuid::Uuid::now_v7()));
    let agreed = async |table: &str, key: &[u8]| -> Result<bool> {
        let id = "SELECT id FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?";
        let id = session.query_unpaged(id, (&options.keyspace, table)).await?.into_rows_result()?;
        let (id,) = id.first_row::<(uuid::Uuid,)>()?;
        let rows = "SELECT cf_id FROM system.paxos WHERE row_key = ? AND cf_id = ?";
        let rows = session.query_unpaged(rows, (key, id)).await?.into_rows_result()?;
        Ok(rows.rows_num() > 0)
    };
    let account = Account { user, login: user.to_string(), name: "Ann".into(), password_hash: "hash".into() };
    ensure!(store.add_account(&account).await?);
    store.set_member(workspace, user, Some(Role::Owner)).await?;
    for table in ["accounts", "members"] {
        ensure!(agreed(table, user.0.as_bytes()).await?, "{table} are written plainly");
    }
    let invitation = InvitationRow {
        id: uuid::Uuid::now_v7(),
        workspace,
        role: Role::Editor,
        by: user,
        expires: Timestamp(SystemClock.now().0 + 3_600_000),
        uses: 1,
    };
    store.add_invitation(&OLD, &invitation).await?;
    ensure!(agreed("invitations", &OLD).await?, "invitations are written plainly");
    Ok(())
}

/// News of another server come by one read, and only of what has moved.
async fn servers_notice_each_other(stores: [Arc<CassandraStore>; 2]) -> Result<()> {
    let workspace = WorkspaceId(uuid::Uuid::now_v7());
    let id = |n| PartitionId { workspace, partition: Partition(n) };
    ensure!(stores[1].news(workspace, 4).await? == Cursor::start(4));
    // the older one later, as from a node whose clock is behind
    for (n, head) in [(1, 7), (3, 2), (1, 5)] {
        stores[0].tell(id(n), Revision(head));
        let until = Instant::now() + Duration::from_secs(10);
        let told = |news: Cursor| news.get(Partition(n)) >= Revision(head);
        while !told(stores[1].news(workspace, 4).await?) {
            ensure!(Instant::now() < until, "nobody is told of {head} in {n}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    let heads = [0, 7, 0, 2].map(Revision);
    ensure!(stores[1].news(workspace, 4).await? == Cursor(heads.into()));
    Ok(())
}

/// More expired rows than the database goes through (see the node's configuration): a device that was away takes a copy.
async fn what_has_expired_ends_in_a_copy_and_never_in_503(
    store: &Arc<CassandraStore>,
    options: &CassandraOptions,
) -> Result<()> {
    let horizon = Duration::from_secs(4);
    let engine = PartitionEngine::new(store.clone(), Settings { horizon, ..Settings::default() });
    let workspace = WorkspaceId(uuid::Uuid::now_v7());
    let collection = CollectionId::new("airports")?;
    let mut device = Device::new();
    let (made, fields) = collection_record(&collection, "Airports", None);
    let made = device.change(made, Edit::Insert { fields });
    engine.push(workspace, 1, device.author, &device.push(vec![made])).await?;
    for n in 0..1_400 {
        let id = RecordId::new(collection.clone(), RecordKey::Int(n));
        let change = device.change(id, Edit::Insert { fields: Fields::new() });
        engine.push(workspace, 1, device.author, &device.push(vec![change])).await?;
    }
    let from = |n| Pull { cursor: Cursor(vec![Revision(n)]), wait_ms: 0 };
    // whatever the others took: the one that comes after them finds that they are past the horizon, and leaves a floor
    for newest in [1_400, 1_401] {
        let until = Instant::now() + Duration::from_secs(60);
        while engine.pull(workspace, 1, &from(newest)).await?.expired.is_empty() {
            ensure!(Instant::now() < until, "nothing expires");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        if newest == 1_400 {
            let id = RecordId::new(collection.clone(), RecordKey::Int(1_400));
            let change = device.change(id, Edit::Insert { fields: Fields::new() });
            engine.push(workspace, 1, device.author, &device.push(vec![change])).await?;
        }
    }
    for n in [0, 1, 300, 1_000, 1_400] {
        ensure!(engine.pull(workspace, 1, &from(n)).await?.expired == [Partition(0)], "cursor {n}");
    }
    ensure!(engine.audit(workspace, 1, &Audit::default()).await?.entries.is_empty());
    let record = RecordId::new(collection.clone(), RecordKey::Int(0));
    ensure!(engine.history(workspace, 1, &History { record, resume: None }).await?.expired);
    let head = store.head(PartitionId { workspace, partition: Partition(0) }, Read::Quorum).await?;
    ensure!(head.kept.floor.seq > Revision(0), "{:?}", head.kept);

    // the same where no floor is known, as an older release leaves it
    let id = PartitionId { workspace, partition: Partition(0) };
    let old = Head { step: head.step.next(), kept: Kept::default(), ..head.clone() };
    let commit = Commit { expected: head.step, head: old, rows: vec![] };
    ensure!(store.commit(id, commit).await? == Committed::Yes);
    let session = SessionBuilder::new().known_nodes(&options.nodes).build().await?;
    let first = format!(
        "DELETE FROM {}.partition_rows WHERE workspace = ? AND partition = 0 AND kind = '_head' AND key = '' IF EXISTS",
        options.keyspace
    );
    session.query_unpaged(first, (workspace.0,)).await?;
    ensure!(matches!(
        store.range(id, Kind::Feed, Some("0"), 10, 1 << 20, Read::Quorum).await,
        Err(StoreError::Expired(_))
    ));
    ensure!(engine.pull(workspace, 1, &from(0)).await?.expired == [Partition(0)]);
    ensure!(engine.audit(workspace, 1, &Audit::default()).await?.next.is_none());
    // and people go on writing there, through a server that has just started
    let engine = PartitionEngine::new(store.clone(), Settings { horizon, ..Settings::default() });
    let late = RecordId::new(collection.clone(), RecordKey::Int(9_000));
    let late = device.change(late, Edit::Insert { fields: Fields::new() });
    let verdicts = engine.push(workspace, 1, device.author, &device.push(vec![late])).await?;
    ensure!(matches!(verdicts[0], Verdict::Applied { .. }), "{verdicts:?}");
    Ok(())
}

struct Device {
    author: Author,
    next: u64,
}

impl Device {
    fn new() -> Self {
        let author = Author {
            replica: ReplicaId(uuid::Uuid::now_v7()),
            user: UserId(uuid::Uuid::now_v7()),
            standing: Role::Editor.into(),
        };
        Self { author, next: 1 }
    }

    fn change(&mut self, record: RecordId, edit: Edit) -> Change {
        let id = ChangeId { replica: self.author.replica, counter: Counter(self.next) };
        self.next += 1;
        Change { id, record, at: Timestamp(1), saw: None, edit }
    }

    fn push(&self, changes: Vec<Change>) -> Push {
        Push {
            replica: self.author.replica,
            settled: Counter(0),
            schema_seen: Revision(0),
            changes,
            only_known: Default::default(),
        }
    }
}

/// Two servers, eight devices, five counters: every addition counts once, and both servers tell one story.
async fn nodes_write_together(stores: [Arc<CassandraStore>; 2]) -> Result<()> {
    const PARTITIONS: u16 = 4;
    let engines = stores.map(|store| PartitionEngine::new(store, Settings::default()));
    let workspace = WorkspaceId(uuid::Uuid::now_v7());
    let collection = CollectionId::new("airports")?;
    let visits = FieldName::new("visits")?;
    let mut maker = Device::new();
    let field = Field { position: 1, ..Field::new(visits.clone(), "Visits", FieldType::Counter) };
    let key = |n: i64| RecordId::new(collection.clone(), RecordKey::Int(n));
    let mut made = Vec::new();
    for (id, fields) in [collection_record(&collection, "Airports", None), field_record(&collection, &field)]
    {
        made.push(maker.change(id, Edit::Insert { fields }));
    }
    for n in 0..5 {
        let fields = Fields::from([(visits.clone(), Value::from(0))]);
        made.push(maker.change(key(n), Edit::Insert { fields }));
    }
    engines[0].push(workspace, PARTITIONS, maker.author, &maker.push(made)).await?;

    let devices = (0..8).map(|n: usize| {
        let (engine, collection, visits) = (engines[n % 2].clone(), collection.clone(), visits.clone());
        tokio::spawn(async move {
            let mut device = Device::new();
            for _ in 0..10 {
                let changes = (0..5).map(|n| {
                    let delta = Delta { base: Value::from(3), incoming: Value::from(4) };
                    let fields = BTreeMap::from([(visits.clone(), delta)]);
                    device
                        .change(RecordId::new(collection.clone(), RecordKey::Int(n)), Edit::Patch { fields })
                });
                let changes: Vec<Change> = changes.collect();
                let push = device.push(changes);
                let verdicts = engine.push(workspace, PARTITIONS, device.author, &push).await?;
                let counted = |v: &Verdict| matches!(v, Verdict::Applied { .. } | Verdict::Merged { .. });
                ensure!(verdicts.iter().all(counted), "{verdicts:?}");
            }
            Ok(())
        })
    });
    for device in devices.collect::<Vec<_>>() {
        device.await??;
    }
    for engine in &engines {
        let mut cursor = Cursor::start(PARTITIONS);
        let mut last: BTreeMap<RecordKey, Option<i64>> = BTreeMap::new();
        loop {
            let answer = engine.pull(workspace, PARTITIONS, &Pull { cursor, wait_ms: 0 }).await?;
            for entry in answer.feeds.iter().flat_map(|feed| &feed.entries) {
                let record = entry.record.as_ref().context("every change changed its record")?;
                if entry.collection.as_ref() == Some(&collection) {
                    last.insert(record.key.clone(), record.value(&visits).as_integer());
                }
            }
            cursor = answer.cursor;
            if !answer.more {
                break;
            }
        }
        ensure!(cursor.0.iter().map(|r| r.0).sum::<u64>() == 7 + 8 * 10 * 5, "{cursor:?}");
        for n in 0..5 {
            ensure!(last[&RecordKey::Int(n)] == Some(80), "{last:?}");
        }
    }
    Ok(())
}
