//! From a wish to a mirror: a table and a collection that are there, or one of the two that is to be made for the other.

use std::collections::BTreeMap;
use sync_protocol::mirror::{ColumnNote, Direction, Expiry};
use sync_protocol::schema::{Collection, Field, collection_record, field_record};
use sync_protocol::{CollectionId, FieldName, FieldType, Fields, Partition, RecordId, Verdict, WorkspaceId};
use uuid::Uuid;

use super::cql::describe::{TableInfo, describe, keyspaces, tables};
use super::cql::mapping::{ChosenColumn, Mapping, Proposal, propose};
use super::cql::publish::{self, KeyForm};
use super::definition::{Definition, State};
use super::desk::{Desk, DeskError};
use super::look::replica_of;

/// What somebody wants mirrored.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Where.
    pub workspace: WorkspaceId,
    /// The keyspace.
    pub keyspace: String,
    /// The table.
    pub table: String,
    /// The collection, by its name or by what people call it; called like the table unless given.
    pub collection: Option<String>,
    /// Which way changes go.
    pub direction: Direction,
    /// Other fields than those that are proposed, by column; an empty text leaves the column out.
    pub map: BTreeMap<String, String>,
    /// The columns of the key, where somebody wants to be sure of them.
    pub key: Vec<String>,
    /// What an expiry means.
    pub expiry: Expiry,
    /// Whether the table is to be made for the collection.
    pub publish: bool,
    /// Who wants it.
    pub by: String,
}

/// A mirror that could be, and what has to be made for it.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The mirror. Of a table that is not there yet the id is nil.
    pub definition: Definition,
    /// What the collection is called, if it is to be made.
    pub new_collection: Option<String>,
    /// Fields that it does not have yet.
    pub new_fields: Vec<Field>,
    /// What there is to say about columns.
    pub notes: Vec<ColumnNote>,
    /// The statement that makes the table, if it is to be made.
    pub create: Option<String>,
    /// The collection as it will be.
    pub collection: Collection,
}

fn refused<T>(why: impl Into<String>) -> Result<T, DeskError> {
    Err(DeskError::Refused(why.into()))
}

impl Desk {
    /// The tables that might be mirrored, by keyspace. `allowed`: only of these keyspaces.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn tables(
        &self,
        allowed: Option<&[String]>,
    ) -> Result<BTreeMap<String, Vec<String>>, DeskError> {
        let cluster = self.cluster().await?;
        let mut all = BTreeMap::new();
        for keyspace in keyspaces(cluster).await? {
            if allowed.is_none_or(|allowed| allowed.contains(&keyspace)) {
                let tables = tables(cluster, &keyspace).await?;
                all.insert(keyspace, tables);
            }
        }
        Ok(all)
    }

    /// Works out what a mirror would be. Nothing is changed.
    ///
    /// # Errors
    /// What stands in the way, naming the column or the option, and what to do.
    pub async fn plan(&self, wish: &Wish) -> Result<Planned, DeskError> {
        self.workspace(wish.workspace).await?;
        let schema = self.engine().schema(wish.workspace).await?;
        let label = wish.collection.clone().unwrap_or_else(|| wish.table.replace('_', " "));
        let name = CollectionId::new(label.clone()).ok().filter(|name| schema.collection(name).is_some());
        let by_label =
            schema.collections().find(|(_, have)| have.label == label).map(|(name, _)| name.clone());
        let name = name.or(by_label).unwrap_or_else(|| CollectionId::from_label(&label));
        if name.is_reserved() {
            return refused(format!(
                "“{name}” is a collection of Mooring's own. Choose another one with --collection"
            ));
        }
        let have = schema.collection(&name);
        let found = describe(self.cluster().await?, &wish.keyspace, &wish.table).await?;
        match (found, wish.publish) {
            (Some(_), true) => refused(format!(
                "{}.{} is there already. Leave --publish out to mirror it as it is",
                wish.keyspace, wish.table
            )),
            (None, false) => refused(format!(
                "There is no table {}.{}. Check the name, or make it for a collection with --publish",
                wish.keyspace, wish.table
            )),
            (None, true) => match have {
                Some(have) => publish_plan(self, wish, name, have),
                None => refused(format!(
                    "There is no collection “{label}” to make a table for. Name one with --collection"
                )),
            },
            (Some(info), false) => existing_plan(self, wish, name, label, have, &info),
        }
    }

    /// Makes what a plan lacks, and the mirror. A server starts with it within some seconds.
    ///
    /// # Errors
    /// Where the database does not take it. What was made stays: doing it again goes on.
    pub async fn add(&self, wish: &Wish) -> Result<Definition, DeskError> {
        let mut planned = self.plan(wish).await?;
        if let Some(create) = &planned.create {
            publish::make(self.cluster().await?, create).await?;
            let made = Wish { publish: false, ..wish.clone() };
            planned = self.plan(&made).await?;
        }
        let definition = planned.definition;
        let row = self.workspace(wish.workspace).await?;
        let mut records: Vec<(RecordId, Option<Fields>)> = Vec::new();
        if let Some(label) = &planned.new_collection {
            let (id, fields) = collection_record(&definition.collection, label, None);
            records.push((id, Some(fields)));
        }
        for field in &planned.new_fields {
            let (id, fields) = field_record(&definition.collection, field);
            records.push((id, Some(fields)));
        }
        let replica = replica_of(definition.id, Partition(0));
        for verdict in self.engine().write_own(row.id, row.partitions, replica, records).await? {
            if let Verdict::Rejected { message, .. } = verdict {
                return refused(format!("The collection cannot be made: {message}"));
            }
        }
        self.store_new(&definition).await?;
        Ok(definition)
    }
}

fn new_definition(desk: &Desk, wish: &Wish, collection: CollectionId, proposal: &Proposal) -> Definition {
    Definition {
        id: Uuid::now_v7(),
        workspace: wish.workspace,
        collection,
        chosen: proposal.chosen.clone(),
        direction: wish.direction,
        expiry: wish.expiry,
        by: wish.by.clone(),
        made_at: desk.now(),
        state: State::Running,
        rounds_asked: 0,
        rounds_done: 0,
        loss_meant_until: None,
    }
}

/// A table for a collection.
fn publish_plan(
    desk: &Desk,
    wish: &Wish,
    name: CollectionId,
    have: &Collection,
) -> Result<Planned, DeskError> {
    let fields: Vec<Field> = have.ordered().into_iter().cloned().collect();
    let create = publish::create_table(&wish.keyspace, &wish.table, KeyForm::Text, &fields);
    let create = create.or_else(|fields| {
        let names: Vec<&str> = fields.iter().map(FieldName::as_str).collect();
        refused(format!(
            "No column can hold {}: a later version of Mooring made that field",
            names.join(", ")
        ))
    })?;
    let chosen = super::cql::mapping::Chosen {
        keyspace: wish.keyspace.clone(),
        table: wish.table.clone(),
        id: Uuid::nil(),
        key: Vec::new(),
        columns: Vec::new(),
    };
    let proposal = Proposal { chosen, fields, notes: Vec::new() };
    Ok(Planned {
        definition: new_definition(desk, wish, name, &proposal),
        new_collection: None,
        new_fields: Vec::new(),
        notes: Vec::new(),
        create: Some(create),
        collection: have.clone(),
    })
}

/// A table that is there.
fn existing_plan(
    desk: &Desk,
    wish: &Wish,
    name: CollectionId,
    label: String,
    have: Option<&Collection>,
    info: &TableInfo,
) -> Result<Planned, DeskError> {
    let place = format!("{}.{}", info.keyspace, info.table);
    let mut proposal = propose(info).or_else(|why| refused(format!("{place} cannot be mirrored: {why}")))?;
    let key: Vec<&str> = proposal.chosen.key.iter().map(|key| key.column.as_str()).collect();
    if !wish.key.is_empty() && wish.key != key {
        return refused(format!(
            "--key: the key of {place} is {}. A record is found by the table's own primary key",
            key.join(", ")
        ));
    }
    mapped_as_wished(wish, &mut proposal)?;
    let mut collection =
        have.cloned().unwrap_or_else(|| Collection { label: label.clone(), ..Collection::default() });
    let mut new_fields = Vec::new();
    let mut place_of =
        collection.fields.values().map(|field| field.position).max().map_or(0, |last| last + 1);
    for column in &mut proposal.chosen.columns {
        if let Some(field) = collection.fields.get(&column.field) {
            column.field_type = field.field_type;
            continue;
        }
        let proposed = proposal.fields.iter().find(|field| field.name == column.field);
        let mut field = proposed.cloned().unwrap_or_else(|| new_field(column));
        field.position = place_of;
        place_of += 1;
        collection.fields.insert(field.name.clone(), field.clone());
        new_fields.push(field);
    }
    if let Err(differences) = Mapping::new(&proposal.chosen, info) {
        let all: Vec<String> = differences.iter().map(ToString::to_string).collect();
        return refused(format!(
            "{place} and the collection “{label}” do not fit: {}. Map the column to another field with --map COLUMN=FIELD, or leave it out with --map COLUMN=",
            all.join("; ")
        ));
    }
    let notes = proposal.notes.iter().map(|note| ColumnNote {
        column: note.column.clone(),
        left_out: note.left_out,
        why: note.why.to_string(),
    });
    Ok(Planned {
        notes: notes.collect(),
        definition: new_definition(desk, wish, name, &proposal),
        new_collection: have.is_none().then_some(label),
        new_fields,
        create: None,
        collection,
    })
}

fn mapped_as_wished(wish: &Wish, proposal: &mut Proposal) -> Result<(), DeskError> {
    for (column, field) in &wish.map {
        let chosen = &mut proposal.chosen.columns;
        let Some(at) = chosen.iter().position(|have| have.column == *column) else {
            let why = proposal.notes.iter().find(|note| note.column == *column);
            return refused(match why {
                Some(note) => format!("--map {column}: {}", note.why),
                None => format!("--map {column}: there is no such column beside the key"),
            });
        };
        if field.is_empty() {
            let left_out = chosen.remove(at);
            proposal.fields.retain(|have| have.name != left_out.field);
            continue;
        }
        let name = FieldName::new(field.clone()).unwrap_or_else(|_| FieldName::from_label(field));
        if let Some(have) = proposal.fields.iter_mut().find(|have| have.name == chosen[at].field) {
            have.name = name.clone();
            have.label.clone_from(field);
        }
        chosen[at].field = name;
    }
    Ok(())
}

fn new_field(column: &ChosenColumn) -> Field {
    let label = column.field.to_string();
    let (name, field_type): (FieldName, FieldType) = (column.field.clone(), column.field_type);
    Field::new(name, label, field_type)
}
