//! `--sample-table`: a table of its own and a collection beside it, so that somebody with cqlsh sees both ways in a minute.

use std::collections::BTreeMap;
use sync_protocol::WorkspaceId;
use sync_protocol::mirror::{Direction, Expiry};

use super::cql::describe::keyspaces;
use super::cql::publish::make;
use super::desk::{Desk, DeskError};
use super::proposal::Wish;

/// Where the sample table is.
pub const KEYSPACE: &str = "mooring_sample";

const TABLE: &str = "orders";

const STATEMENTS: [&str; 8] = [
    "CREATE KEYSPACE IF NOT EXISTS mooring_sample WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "CREATE TABLE IF NOT EXISTS mooring_sample.orders (id int PRIMARY KEY, customer text, item text, price decimal, paid boolean, ordered date)",
    "INSERT INTO mooring_sample.orders (id, customer, item, price, paid, ordered) VALUES (1, 'Ada Quay', 'Mooring rope, 20 m', 48.50, true, '2026-10-02')",
    "INSERT INTO mooring_sample.orders (id, customer, item, price, paid, ordered) VALUES (2, 'Baltic Ferries', 'Fender, large', 112.00, false, '2026-10-05')",
    "INSERT INTO mooring_sample.orders (id, customer, item, price, paid, ordered) VALUES (3, 'Cape Lines', 'Signal flags', 36.90, false, '2026-10-11')",
    "INSERT INTO mooring_sample.orders (id, customer, item, price, paid, ordered) VALUES (4, 'Dock & Sons', 'Anchor chain, 10 m', 240.00, true, '2026-10-19')",
    "INSERT INTO mooring_sample.orders (id, customer, item, price, paid, ordered) VALUES (5, 'East Pier', 'Life jacket', 64.25, false, '2026-11-02')",
    "INSERT INTO mooring_sample.orders (id, customer, item, price, paid, ordered) VALUES (6, 'Fjord Tours', 'Deck lamp', 18.75, true, '2026-11-14')",
];

/// Makes the table and its mirror. Where the keyspace is there already, nothing: it was made before, and may have been changed since.
///
/// # Errors
/// Where the database does not answer, or the server's account may not make keyspaces.
pub async fn prepare(desk: &Desk, workspace: WorkspaceId) -> Result<(), DeskError> {
    let cluster = desk.cluster().await?;
    if keyspaces(cluster).await?.iter().any(|there| there == KEYSPACE) {
        return Ok(());
    }
    for statement in STATEMENTS {
        make(cluster, statement).await?;
    }
    let wish = Wish {
        workspace,
        keyspace: KEYSPACE.to_owned(),
        table: TABLE.to_owned(),
        collection: Some("Orders".to_owned()),
        direction: Direction::Both,
        map: BTreeMap::new(),
        key: Vec::new(),
        expiry: Expiry::Delete,
        publish: false,
        by: "The sample".to_owned(),
    };
    desk.add(&wish).await.map(drop)
}
