//! Tables that other programs write, on a real Apache Cassandra: what is read from them, and what writing to them comes to.
//!
//! Starts a node of its own, on which users have rights. All rows that are another program's are written by plain CQL.

#[path = "mirror_table/keys.rs"]
mod keys;
#[path = "mirror_table/kinds.rs"]
mod kinds;
#[path = "mirror_table/many.rs"]
mod many;
#[path = "mirror_table/shapes.rs"]
mod shapes;
#[path = "mirror_table/writes.rs"]
mod writes;

use anyhow::{Context, Result, anyhow, ensure};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::value::{CqlValue, Row};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use sync_protocol::{FieldName, RecordKey, Value};
use sync_server::mirror::cql::Cluster;
use sync_server::mirror::cql::describe::describe;
use sync_server::mirror::cql::mapping::{Chosen, propose};
use sync_server::mirror::cql::table::Table;
use sync_server::mirror::row::{SeenRow, WriteTime};
use sync_server::mirror::write::{CellWrite, RowWrite, Write};
use sync_server::store::Read;
use sync_server::store::cassandra::CassandraOptions;
use xtask::cassandra::{CommitLog, Node, Place, free_port};

/// An address of its own, so that no other node on this machine is in the way.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 41, 1);
const SETTINGS: &str = "authenticator: PasswordAuthenticator
authorizer: CassandraAuthorizer
permissions_validity: 0ms
roles_validity: 0ms
materialized_views_enabled: true
dynamic_data_masking_enabled: true";
/// The user that a database of its own rights begins with.
const ROOT: (&str, &str) = ("cassandra", "cassandra");
/// How long that user may take to come to be.
const BEGINS: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_other_programs() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let port = free_port(ADDRESS)?;
    let mut storage_port = free_port(ADDRESS)?;
    while storage_port == port {
        storage_port = free_port(ADDRESS)?;
    }
    let place = Place {
        dir: folder.path().into(),
        ip: ADDRESS,
        port,
        storage_port,
        known_as: None,
        seed: ADDRESS,
        commit_log: CommitLog::Periodic,
        settings: SETTINGS.into(),
    };
    let node = Node::start_at(place)?;
    let scene = Scene::begin(node.address()).await?;

    kinds::every_type_goes_both_ways(&scene).await?;
    kinds::nothing_and_empty_are_two(&scene).await?;
    keys::keys_of_every_type_name_their_rows(&scene).await?;
    keys::rows_without_a_record_key_are_told(&scene).await?;
    writes::a_fenced_write_wins_over_a_clock_ahead(&scene).await?;
    writes::what_is_newer_than_the_fence_holds(&scene).await?;
    writes::a_deleted_cell_wins_a_tie(&scene).await?;
    writes::an_absent_cell_may_lie_under_a_tombstone(&scene).await?;
    writes::a_deleted_row_leaves_a_later_cell(&scene).await?;
    writes::a_row_without_values_is_there(&scene).await?;
    writes::what_is_left_of_a_life_is_kept(&scene).await?;
    writes::elements_come_and_go_one_by_one(&scene).await?;
    writes::what_a_column_does_not_take_is_refused_whole(&scene).await?;
    many::a_range_is_read_in_pages(&scene).await?;
    many::a_digest_finds_the_range_of_a_changed_row(&scene).await?;
    many::a_range_of_what_was_deleted_is_split(&scene).await?;
    many::nodes_count_writes_and_no_reads(&scene).await?;
    shapes::what_cannot_be_mirrored_is_refused_with_a_reason(&scene).await?;
    shapes::a_table_that_changes_is_noticed(&scene).await?;
    shapes::a_table_for_a_collection_is_that_collection(&scene).await?;
    shapes::errors_are_sorted_by_what_comes_next(&scene).await?;
    Ok(())
}

/// A cluster, seen by another program and by us.
struct Scene {
    address: String,
    plain: Session,
    cluster: Arc<Cluster>,
}

impl Scene {
    async fn begin(address: String) -> Result<Self> {
        let since = Instant::now();
        let plain = loop {
            match SessionBuilder::new().known_node(&address).user(ROOT.0, ROOT.1).build().await {
                Ok(session) => break session,
                Err(error) if since.elapsed() > BEGINS => return Err(error.into()),
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        };
        for keyspace in ["shop", "mooring"] {
            let replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
            plain
                .query_unpaged(format!("CREATE KEYSPACE {keyspace} WITH replication = {replication}"), ())
                .await?;
        }
        let cluster = Arc::new(Cluster::connect(options(&address, ROOT)).await?);
        Ok(Self { address, plain, cluster })
    }

    /// As another program.
    async fn cql(&self, text: impl AsRef<str>) -> Result<Vec<Row>> {
        let text = text.as_ref();
        let result = self.plain.query_unpaged(text, ()).await.with_context(|| text.to_owned())?;
        if !result.is_rows() {
            return Ok(Vec::new());
        }
        Ok(result.into_rows_result()?.rows::<Row>()?.collect::<Result<_, _>>()?)
    }

    /// The first cell of the first row, as another program sees it.
    async fn cell(&self, text: impl AsRef<str>) -> Result<Option<CqlValue>> {
        let rows = self.cql(text).await?;
        Ok(rows.into_iter().next().and_then(|row| row.columns.into_iter().next().flatten()))
    }

    async fn chosen(&self, table: &str) -> Result<Chosen> {
        let info = describe(&self.cluster, "shop", table).await?.context("no such table")?;
        Ok(propose(&info)?.chosen)
    }

    /// All of a table, as it is proposed.
    async fn open(&self, table: &str) -> Result<Table> {
        self.open_as(&self.chosen(table).await?).await
    }

    async fn open_as(&self, chosen: &Chosen) -> Result<Table> {
        let opened = Table::open(self.cluster.clone(), chosen).await?;
        opened.map_err(|differences| anyhow!("{differences:?}"))
    }
}

fn options(address: &str, (user, password): (&str, &str)) -> CassandraOptions {
    CassandraOptions {
        credentials: Some((user.into(), password.into())),
        ..CassandraOptions::new(vec![address.into()])
    }
}

fn field(name: &str) -> FieldName {
    FieldName::new(name).expect("a name")
}

fn key(text: &str) -> RecordKey {
    RecordKey::from_input(text)
}

/// One cell of a write.
fn cell(name: &str, value: impl Into<Value>, at: WriteTime) -> (FieldName, CellWrite) {
    (field(name), CellWrite { value: value.into(), at, ttl: None })
}

fn cells<const N: usize>(cells: [(FieldName, CellWrite); N]) -> Write {
    Write { cells: cells.into(), row: RowWrite::Keep }
}

/// The row, which is there.
async fn row(table: &Table, name: &str) -> Result<SeenRow> {
    table.read(&key(name), Read::Serial).await?.with_context(|| format!("no row {name}"))
}

fn value<'r>(row: &'r SeenRow, name: &str) -> &'r Value {
    row.cells.get(name).map_or(&Value::ABSENT, |cell| &cell.value)
}

fn written(row: &SeenRow, name: &str) -> WriteTime {
    row.cells[name].written
}

/// Microseconds since 1970.
fn micros() -> WriteTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    since.as_micros() as i64
}

/// Both are the same to the last bit; what is no number is, too.
fn same(one: &Option<CqlValue>, other: &Option<CqlValue>) -> Result<()> {
    ensure!(format!("{one:?}") == format!("{other:?}"), "{one:?} is not {other:?}");
    Ok(())
}
