//! What tables there are, and what they look like: read from `system_schema`.

use scylla::deserialize::row::DeserializeRow;
use scylla::serialize::row::SerializeRow;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

use super::types::{ColumnType, MadeTypes, UnknownType};
use super::{Cluster, TableError, rows};

/// A table as the database describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableInfo {
    /// Its keyspace.
    pub keyspace: String,
    /// Its name.
    pub table: String,
    /// Which one of that name: a table that is made anew has another.
    pub id: Uuid,
    /// Its columns: the key's in order, then the others by name.
    pub columns: Vec<Column>,
    /// Seconds that cells live where their writer says nothing; 0: for good.
    pub default_ttl: i32,
    /// Columns that it had once, and when they were dropped in microseconds. One of that name may be there again: another one.
    pub dropped: BTreeMap<String, i64>,
    /// Whether the servers tell when elements of collections were written: Cassandra 5.0 and later.
    pub tells_elements: bool,
    /// Why it cannot be mirrored at all, if so.
    pub refused: Option<Refusal>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, or the text of one that is unknown.
    pub of: Result<ColumnType, UnknownType>,
    /// What it is to the table.
    pub role: Role,
    /// Its place in its part of the key.
    pub position: i32,
    /// Whether the database shows another value than it holds to those who may not see it.
    pub masked: bool,
}

/// What a column is to its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Part of the partition key.
    Partition,
    /// Part of the key within a partition.
    Clustering,
    /// One value for a whole partition.
    Static,
    /// A value of a row.
    Regular,
}

/// Why a table cannot be mirrored, and what to do. `Display` is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Cassandra's own.
    #[error("these are the database's own tables")]
    System,
    /// Mooring's own.
    #[error("these are Mooring's own tables; what is in them is shared through workspaces")]
    Own,
    /// A materialised view.
    #[error("this is a view, which cannot be written to; mirror its table {0}")]
    View(String),
    /// Counters.
    #[error("this is a table of counters, which cannot be set; keep the numbers in a column of type bigint")]
    Counters,
    /// Of before CQL.
    #[error(
        "this table was made WITH COMPACT STORAGE; ALTER TABLE … DROP COMPACT STORAGE makes it an ordinary one"
    )]
    Compact,
    /// Rows are not spread by Murmur3.
    #[error("this cluster spreads its rows by {0}; only Murmur3Partitioner is known here")]
    Partitioner(String),
    /// A key that no text names.
    #[error("column {column} of the key: {why}; a table with another key can be mirrored")]
    Key {
        /// The column.
        column: String,
        /// What is wrong with its type.
        why: String,
    },
}

/// The keyspaces that have tables of somebody.
///
/// # Errors
///
/// Where the database does not answer.
pub async fn keyspaces(cluster: &Cluster) -> Result<Vec<String>, TableError> {
    let found: Vec<(String,)> = ask(cluster, "SELECT keyspace_name FROM system_schema.keyspaces", ()).await?;
    let foreign = |name: &String| !is_system(name) && !cluster.is_own(name);
    Ok(found.into_iter().map(|(name,)| name).filter(foreign).collect::<BTreeSet<_>>().into_iter().collect())
}

/// The tables of a keyspace, by name.
///
/// # Errors
///
/// Where the database does not answer.
pub async fn tables(cluster: &Cluster, keyspace: &str) -> Result<Vec<String>, TableError> {
    let query = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?";
    let found: Vec<(String,)> = ask(cluster, query, (keyspace,)).await?;
    Ok(found.into_iter().map(|(name,)| name).collect())
}

/// Describes a table; `None` where there is none. One that cannot be mirrored is described, too, with the reason.
///
/// # Errors
///
/// Where the database does not answer.
pub async fn describe(
    cluster: &Cluster,
    keyspace: &str,
    table: &str,
) -> Result<Option<TableInfo>, TableError> {
    let place = (keyspace, table);
    let query = "SELECT id, default_time_to_live, flags FROM system_schema.tables
        WHERE keyspace_name = ? AND table_name = ?";
    let found: Vec<(Uuid, Option<i32>, Option<Vec<String>>)> = ask(cluster, query, place).await?;
    let query =
        "SELECT id, base_table_name FROM system_schema.views WHERE keyspace_name = ? AND view_name = ?";
    let views: Vec<(Uuid, String)> = ask(cluster, query, place).await?;
    let (id, default_ttl, flags, view) = match (found.into_iter().next(), views.into_iter().next()) {
        (Some((id, ttl, flags)), _) => (id, ttl.unwrap_or(0), flags.unwrap_or_default(), None),
        (None, Some((id, base))) => (id, 0, Vec::new(), Some(base)),
        (None, None) => return Ok(None),
    };
    let tells_elements = tells_elements(cluster).await?;
    let columns = columns(cluster, keyspace, table, tells_elements).await?;
    let query = "SELECT column_name, toUnixTimestamp(dropped_time) FROM system_schema.dropped_columns
        WHERE keyspace_name = ? AND table_name = ?";
    let dropped: Vec<(String, i64)> = ask(cluster, query, place).await?;
    let has = |flag: &str| flags.iter().any(|have| have == flag);
    let refused = if is_system(keyspace) {
        Some(Refusal::System)
    } else if cluster.is_own(keyspace) {
        Some(Refusal::Own)
    } else if let Some(base) = view {
        Some(Refusal::View(base))
    } else if has("counter") {
        Some(Refusal::Counters)
    } else if has("dense") || has("super") || !has("compound") {
        Some(Refusal::Compact)
    } else {
        foreign_partitioner(cluster).await?.map(Refusal::Partitioner)
    };
    Ok(Some(TableInfo {
        keyspace: keyspace.to_owned(),
        table: table.to_owned(),
        id,
        columns,
        default_ttl,
        dropped: dropped.into_iter().collect(),
        tells_elements,
        refused,
    }))
}

async fn columns(
    cluster: &Cluster,
    keyspace: &str,
    table: &str,
    tells_elements: bool,
) -> Result<Vec<Column>, TableError> {
    let query = "SELECT type_name, field_names, field_types FROM system_schema.types WHERE keyspace_name = ?";
    let found: Vec<(String, Vec<String>, Vec<String>)> = ask(cluster, query, (keyspace,)).await?;
    let types =
        found.into_iter().map(|(name, fields, types)| (name, fields.into_iter().zip(types).collect()));
    let made = MadeTypes { keyspace: keyspace.to_owned(), types: types.collect() };
    // as old as the times of elements
    let masked: Vec<(String,)> = match tells_elements {
        true => {
            let query = "SELECT column_name FROM system_schema.column_masks
                WHERE keyspace_name = ? AND table_name = ?";
            ask(cluster, query, (keyspace, table)).await?
        }
        false => Vec::new(),
    };
    let query = "SELECT column_name, type, kind, position FROM system_schema.columns
        WHERE keyspace_name = ? AND table_name = ?";
    let found: Vec<(String, String, String, i32)> = ask(cluster, query, (keyspace, table)).await?;
    let columns = found.into_iter().map(|(name, text, kind, position)| Column {
        of: ColumnType::parse(&text, &made),
        role: match kind.as_str() {
            "partition_key" => Role::Partition,
            "clustering" => Role::Clustering,
            "static" => Role::Static,
            _ => Role::Regular,
        },
        position,
        masked: masked.iter().any(|(masked,)| *masked == name),
        name,
    });
    let mut columns: Vec<Column> = columns.collect();
    columns.sort_by(|a, b| (a.role, a.position, &a.name).cmp(&(b.role, b.position, &b.name)));
    Ok(columns)
}

/// Whether every node is of a release that tells when elements of collections were written.
async fn tells_elements(cluster: &Cluster) -> Result<bool, TableError> {
    let mut releases: Vec<(Option<String>,)> =
        ask(cluster, "SELECT release_version FROM system.local", ()).await?;
    releases
        .extend(ask::<(Option<String>,)>(cluster, "SELECT release_version FROM system.peers_v2", ()).await?);
    let major = |release: &str| release.split('.').next().and_then(|major| major.parse::<u32>().ok());
    Ok(releases.iter().all(|(release,)| release.as_deref().and_then(major).is_some_and(|major| major >= 5)))
}

async fn foreign_partitioner(cluster: &Cluster) -> Result<Option<String>, TableError> {
    let found: Vec<(String,)> = ask(cluster, "SELECT partitioner FROM system.local", ()).await?;
    let name = found.into_iter().next().map(|(name,)| name).unwrap_or_default();
    Ok((!name.ends_with("Murmur3Partitioner")).then_some(name))
}

fn is_system(keyspace: &str) -> bool {
    keyspace == "system" || keyspace.starts_with("system_")
}

async fn ask<T>(cluster: &Cluster, query: &str, values: impl SerializeRow) -> Result<Vec<T>, TableError>
where
    T: for<'f, 'm> DeserializeRow<'f, 'm>,
{
    rows(cluster.session.query_unpaged(query, values).await?)
}
