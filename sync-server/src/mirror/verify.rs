//! Three sums, of the table, of what was agreed on and of the records, while everything runs.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use sync_protocol::message::History;
use sync_protocol::mirror::Verified;
use sync_protocol::schema::Collection;
use sync_protocol::{FieldName, Partition, Record, RecordId, RecordKey, Value};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::cql::TableError;
use super::cql::ranges::TokenRange;
use super::definition::Definition;
use super::desk::{Desk, DeskError};
use super::look::{replica_of, shadow_key};
use super::row::{SeenRow, Shadow};
use super::work::Link;
use crate::store::Read;

/// Rows that are looked at again, and listed: where there are more, all is said.
const SUSPECTS: usize = 500;
/// What is on its way has arrived after so many looks.
const LOOKS: usize = 8;
const PAUSE: Duration = Duration::from_millis(750);
/// Suspects that are looked at together: each costs three to four questions to the database.
const AT_ONCE: usize = 32;

#[derive(Default)]
struct Sums {
    table: u64,
    agreed: u64,
    records: u64,
    rows: u64,
}

/// The three sides of one row.
struct Sides {
    row: Option<SeenRow>,
    shadow: Shadow,
    record: Option<Record>,
}

/// What a look at one row found.
enum Look {
    Equal(Sides),
    /// A person is asked.
    Waits,
    /// It cannot be a record, or the record cannot be a row.
    Refused,
    Differs(Sides),
}

impl Desk {
    /// Compares every row with what was agreed on and with its record. Nothing is changed.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn verify(&self, definition: &Definition) -> Result<Verified, DeskError> {
        let link = Link::open(self, definition.clone()).await?;
        let schema = self.engine().schema(definition.workspace).await?;
        let Some(collection) = schema.collection(&definition.collection).cloned() else {
            return Err(DeskError::Refused("The collection is not there any more.".into()));
        };
        let check = Check { desk: self, link, collection, definition };
        let mut sums = Sums::default();
        let mut told = Verified::default();
        let (mut met, mut suspects) = (BTreeSet::new(), BTreeSet::new());
        check.rows(&mut sums, &mut told, &mut met, &mut suspects).await?;
        check.agreed(&met, &mut suspects).await?;
        check.records(&met, &mut suspects).await?;
        check.suspects(suspects, &mut sums, &mut told).await?;
        told.rows = sums.rows;
        let hex = |sum: u64| format!("{sum:016x}");
        (told.table_sum, told.agreed_sum, told.records_sum) =
            (hex(sums.table), hex(sums.agreed), hex(sums.records));
        told.equal = told.differing.is_empty() && told.refused == 0;
        Ok(told)
    }
}

struct Check<'a> {
    desk: &'a Desk,
    link: Link,
    collection: Collection,
    definition: &'a Definition,
}

fn mark(key: &RecordKey) -> u64 {
    xxh3_64(key.to_text().as_bytes())
}

impl Check<'_> {
    fn record(&self, key: &RecordKey) -> RecordId {
        RecordId::new(self.definition.collection.clone(), key.clone())
    }

    async fn rows(
        &self,
        sums: &mut Sums,
        told: &mut Verified,
        met: &mut BTreeSet<u64>,
        suspects: &mut BTreeSet<RecordKey>,
    ) -> Result<(), DeskError> {
        let mut pages = self.link.table.read_range(TokenRange::RING);
        while let Some(found) = pages.next().await? {
            let mut rows: Vec<(RecordKey, SeenRow)> = Vec::with_capacity(found.len());
            for found in found {
                match found.row {
                    Ok(row) => rows.push(row),
                    Err(_) => told.refused += 1,
                }
            }
            let keys: Vec<RecordKey> = rows.iter().map(|(key, _)| key.clone()).collect();
            let sides = self.stored(&keys).await?;
            for ((key, row), (shadow, record)) in rows.into_iter().zip(sides) {
                met.insert(mark(&key));
                let sides = Sides { row: Some(row), shadow, record };
                if self.equal(&sides) {
                    self.add(&key, &sides, sums);
                } else if suspects.len() <= SUSPECTS {
                    suspects.insert(key);
                }
            }
        }
        Ok(())
    }

    async fn stored(&self, keys: &[RecordKey]) -> Result<Vec<(Shadow, Option<Record>)>, DeskError> {
        let (row, mirror) = (&self.link, self.definition.id);
        let mut all = Vec::with_capacity(keys.len());
        let ids: Vec<RecordId> = keys.iter().map(|key| self.record(key)).collect();
        let workspace = self.definition.workspace;
        let records = self.desk.engine().records_with(workspace, row.partitions, &ids).await?;
        let mut shadows = vec![Shadow::default(); keys.len()];
        let mut places: std::collections::BTreeMap<Partition, Vec<(usize, String)>> = Default::default();
        for (at, id) in ids.iter().enumerate() {
            let token = self.link.table.token_of(&id.key)?;
            let key = shadow_key(mirror, token, &id.key);
            places.entry(id.partition(row.partitions)).or_default().push((at, key));
        }
        for (partition, places) in places {
            let (at, keys): (Vec<usize>, Vec<String>) = places.into_iter().unzip();
            let found = self.desk.engine().shadows_of(workspace, partition, &keys).await?;
            at.into_iter().zip(found).for_each(|(at, shadow)| shadows[at] = shadow);
        }
        all.extend(shadows.into_iter().zip(records));
        Ok(all)
    }

    /// What was agreed on and has no row.
    async fn agreed(&self, met: &BTreeSet<u64>, suspects: &mut BTreeSet<RecordKey>) -> Result<(), DeskError> {
        let mut after: Option<String> = None;
        loop {
            let engine = self.desk.engine();
            let (workspace, ring) = (self.definition.workspace, (i64::MIN, i64::MAX));
            let page = engine
                .shadows(workspace, self.link.partitions, self.definition.id, ring, after.as_deref())
                .await?;
            for (key, _) in page.rows.iter().filter(|(_, shadow)| shadow.there) {
                let key = key.splitn(3, '\t').nth(2).and_then(RecordKey::from_text);
                let key = key.filter(|key| !met.contains(&mark(key)));
                suspects.extend(key.filter(|_| suspects.len() <= SUSPECTS));
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Records that have no row.
    async fn records(
        &self,
        met: &BTreeSet<u64>,
        suspects: &mut BTreeSet<RecordKey>,
    ) -> Result<(), DeskError> {
        if !self.definition.mapped().outward {
            return Ok(());
        }
        for partition in (0..self.link.partitions).map(Partition) {
            let mut after: Option<String> = None;
            loop {
                let page = self
                    .desk
                    .engine()
                    .records_of(
                        self.definition.workspace,
                        partition,
                        &self.definition.collection,
                        after.as_deref(),
                    )
                    .await?;
                for id in page.rows.into_iter().filter(|id| !met.contains(&mark(&id.key))) {
                    if suspects.len() <= SUSPECTS {
                        suspects.insert(id.key);
                    }
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Looks at each again until it is equal, or waits for a person, or it is certain that neither is so.
    async fn suspects(
        &self,
        mut suspects: BTreeSet<RecordKey>,
        sums: &mut Sums,
        told: &mut Verified,
    ) -> Result<(), DeskError> {
        for look in 0..LOOKS {
            if suspects.is_empty() {
                return Ok(());
            }
            if look > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            let keys = std::mem::take(&mut suspects);
            let looks: Vec<(RecordKey, Look)> = stream::iter(keys.into_iter().map(|key| self.look(key)))
                .buffered(AT_ONCE)
                .try_collect()
                .await?;
            for (key, found) in looks {
                match found {
                    Look::Equal(sides) => self.add(&key, &sides, sums),
                    Look::Waits => told.waiting += 1,
                    Look::Refused => told.refused += 1,
                    Look::Differs(sides) if look + 1 == LOOKS => {
                        self.add(&key, &sides, sums);
                        told.differing.push(key.to_string());
                    }
                    Look::Differs(_) => {
                        suspects.insert(key);
                    }
                }
            }
        }
        Ok(())
    }

    /// The three sides of a row as they are now.
    async fn look(&self, key: RecordKey) -> Result<(RecordKey, Look), DeskError> {
        let Some((shadow, record)) = self.one(&key).await? else { return Ok((key, Look::Refused)) };
        let row = match self.link.table.read(&key, Read::Quorum).await {
            Ok(row) => row,
            Err(TableError::Unfit { .. } | TableError::Key(_)) => return Ok((key, Look::Refused)),
            Err(error) => return Err(error.into()),
        };
        let sides = Sides { row, shadow, record };
        let found = if self.equal(&sides) {
            Look::Equal(sides)
        } else if self.waits(&key).await? {
            Look::Waits
        } else if sides.shadow.refused.is_some() {
            Look::Refused
        } else {
            Look::Differs(sides)
        };
        Ok((key, found))
    }

    /// What is stored of a key; `None` where it names no row.
    async fn one(&self, key: &RecordKey) -> Result<Option<(Shadow, Option<Record>)>, DeskError> {
        match self.stored(std::slice::from_ref(key)).await {
            Ok(stored) => Ok(stored.into_iter().next()),
            Err(DeskError::Table(TableError::Key(_))) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn waits(&self, key: &RecordKey) -> Result<bool, DeskError> {
        let record = self.record(key);
        let replica = replica_of(self.definition.id, record.partition(self.link.partitions));
        let asked = History { record, resume: None };
        let answer =
            self.desk.engine().history(self.definition.workspace, self.link.partitions, &asked).await?;
        Ok(answer.conflicts.iter().any(|conflict| conflict.is_open() && conflict.id.replica == replica))
    }

    fn fields(&self) -> impl Iterator<Item = &FieldName> {
        self.definition.chosen.columns.iter().map(|column| &column.field)
    }

    fn equal(&self, sides: &Sides) -> bool {
        let record = sides.record.as_ref().filter(|record| !record.deleted);
        match (&sides.row, sides.shadow.there, record) {
            (None, false, None) => true,
            (Some(row), true, Some(record)) => self.fields().all(|field| {
                let agreed = sides.shadow.value(field);
                let same = |value: &Value| self.collection.same(field, agreed, value);
                same(row.cells.get(field).map_or(&Value::ABSENT, |cell| &cell.value))
                    && same(record.value(field))
            }),
            _ => false,
        }
    }

    fn add(&self, key: &RecordKey, sides: &Sides, sums: &mut Sums) {
        let record = sides.record.as_ref().filter(|record| !record.deleted);
        for field in self.fields() {
            let one = |value: &Value| match value.is_absent() {
                true => 0,
                false => {
                    let plain = self.collection.plain(field, value);
                    let text = format!("{}\t{field}\t{}", key.to_text(), plain.0);
                    xxh3_64_with_seed(text.as_bytes(), 1)
                }
            };
            let cell = sides.row.as_ref().and_then(|row| row.cells.get(field));
            sums.table = sums.table.wrapping_add(cell.map_or(0, |cell| one(&cell.value)));
            sums.agreed = sums.agreed.wrapping_add(one(sides.shadow.value(field)));
            sums.records = sums.records.wrapping_add(record.map_or(0, |record| one(record.value(field))));
        }
        let there = |there: bool| if there { xxh3_64(key.to_text().as_bytes()) } else { 0 };
        sums.table = sums.table.wrapping_add(there(sides.row.is_some()));
        sums.agreed = sums.agreed.wrapping_add(there(sides.shadow.there));
        sums.records = sums.records.wrapping_add(there(record.is_some()));
        sums.rows += u64::from(sides.row.is_some());
    }
}
