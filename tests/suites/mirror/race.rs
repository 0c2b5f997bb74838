//! A race: programs with clocks that are off, plain and conditional, people on devices that come and go, and a server that is killed
//! again and again. Whoever writes notes what it wrote; [`crate::account`] holds all of it against what is there in the end.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures::future::LocalBoxFuture;
use scylla::value::CqlValue;
use sync_client::api::{Answer, Command as Ask, ReviewFilter, ReviewQuery, ReviewTab, Seen};
use sync_protocol::message::Workspace;
use sync_protocol::{
    Choice, CollectionId, FieldName, Outcome, RecordId, RecordKey, Rejection, Value, record::value_of,
};

use crate::account::{Cell as Place, Foreign, Log};
use crate::outside::{self, KEYSPACE, Outside};
use crate::stage::{Actor, Kind, Stage};

/// Rows of the table, each of two columns.
pub const ROWS: i32 = 100;
pub const COLUMNS: [&str; 2] = ["name", "phone"];
/// Rows that the program whose clock is far ahead writes to: over its values no other program's hold.
const AHEAD: i32 = 25;
/// The programs' clocks in milliseconds.
const CLOCKS: [i64; 5] = [3_600_000, 30, 0, -5, -3_600_000];
/// Pauses of each.
const PROGRAM: Duration = Duration::from_millis(200);
const PERSON: Duration = Duration::from_millis(700);
/// When the server is killed first, and how often then: the mirror of a server that was killed is taken over once its lease is out.
const FIRST_KILL: Duration = Duration::from_secs(6);
const KILL: Duration = Duration::from_secs(45);
/// How long everything may take to come to rest.
const REST: Duration = Duration::from_secs(120);

/// Numbers that follow from a seed.
pub struct Dice(Cell<u64>);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Cell::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1))
    }

    pub fn below(&self, end: i32) -> i32 {
        let mut x = self.0.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0.set(x);
        i32::try_from(x % u64::from(end.unsigned_abs())).expect("below a small number")
    }
}

struct Race<'a> {
    stage: &'a Stage,
    outside: &'a Outside,
    table: String,
    log: RefCell<Log>,
    ends: Instant,
}

/// Runs for that long, then accounts for everything.
pub async fn race(address: &str, outside: &Outside, lasts: Duration, seed: u64) -> Result<()> {
    let name = format!("race_{:x}", seed & 0xff_ffff);
    let stage = Stage::set(&Kind::Cassandra(address.to_owned()), &name, &[]).await?;
    let workspace = stage.workspace("The race", &["Ada", "Bob"]).await?;
    let table = format!("{KEYSPACE}.{name}_{:x}", std::process::id());
    outside.cql(&format!("CREATE TABLE {table} (id int PRIMARY KEY, name text, phone text)")).await?;
    for row in 0..ROWS {
        outside
            .cql(&format!("INSERT INTO {table} (id, name, phone) VALUES ({row}, 'first', 'first')"))
            .await?;
    }
    let folder = stage.folder.path().join("race");
    let mut actors = Vec::new();
    for name in ["A", "B"] {
        actors.push(Actor::enter(&stage, &folder, name, &workspace).await?);
    }
    let mirror = add(&stage, &workspace, &table).await?;
    for actor in &actors {
        until_rows(actor).await?;
    }

    let race = Race { stage: &stage, outside, table, log: RefCell::default(), ends: Instant::now() + lasts };
    let mut all: Vec<LocalBoxFuture<'_, Result<()>>> = Vec::new();
    for (program, clock) in CLOCKS.into_iter().enumerate() {
        all.push(Box::pin(race.program(program, clock, Dice::new(seed + program as u64))));
    }
    all.push(Box::pin(race.conditional(Dice::new(seed + 50))));
    for (actor, n) in actors.iter().zip(100..) {
        all.push(Box::pin(race.person(actor, Dice::new(seed + n))));
    }
    all.push(Box::pin(race.killer()));
    futures::future::try_join_all(all).await?;

    for actor in &actors {
        race.comes_to_rest(actor).await?;
    }
    verify(&stage, &mirror, REST).await?;
    for actor in &actors {
        actor.online().await?;
    }
    race.log.into_inner().check(&actors[0]).await?;
    // a node with little memory keeps only so many tables
    outside.forget(&format!("TABLE {}", race.table)).await?;
    let keyspace = outside::option(&stage, "--keyspace")?.to_owned();
    drop((actors, stage));
    outside.forget(&format!("KEYSPACE {keyspace}")).await
}

/// The three sums, waited for.
pub async fn verify(stage: &Stage, mirror: &str, patience: Duration) -> Result<()> {
    let since = Instant::now();
    loop {
        let said = outside::mirror(stage, &["verify".into(), mirror.to_owned(), "--json".into()]).await?;
        if said.code == 0 {
            return Ok(());
        }
        ensure!(since.elapsed() < patience, "exit code {}: {}{}", said.code, said.out, said.error);
    }
}

/// Mirrors a table; the mirror's id.
pub async fn add(stage: &Stage, workspace: &Workspace, table: &str) -> Result<String> {
    let id = workspace.id.to_string();
    let words = ["add", &id, "--table", table, "--collection", "things"].map(str::to_owned);
    let said = outside::mirror(stage, &words).await?;
    ensure!(said.code == 0, "{}", said.error);
    Ok(said.out.trim().to_owned())
}

async fn until_rows(actor: &Actor) -> Result<()> {
    let since = Instant::now();
    loop {
        actor.online().await?;
        let rows = actor.client().rows("things").await.map_or(0, |rows| rows.len());
        if i32::try_from(rows)? == ROWS {
            return actor.offline().await;
        }
        ensure!(since.elapsed() < REST, "{rows} rows came");
    }
}

pub fn record(row: i32) -> RecordId {
    let things = CollectionId::new("things").expect("a name");
    RecordId::new(things, RecordKey::Int(row.into()))
}

impl Race<'_> {
    fn goes_on(&self) -> bool {
        Instant::now() < self.ends
    }

    /// A program that writes with its own clock, and reads what it has written.
    async fn program(&self, program: usize, clock: i64, dice: Dice) -> Result<()> {
        let rows = if clock > 1_000_000 { AHEAD } else { ROWS };
        let mut number = 0;
        while self.goes_on() {
            number += 1;
            let place = Place { row: dice.below(rows), column: COLUMNS[dice.below(2) as usize] };
            let (value, at) = (format!("p{program}-{number}"), outside::micros() + clock * 1_000);
            let (table, column, row) = (&self.table, place.column, place.row);
            self.outside
                .cql(&format!(
                    "UPDATE {table} USING TIMESTAMP {at} SET {column} = '{value}' WHERE id = {row}"
                ))
                .await?;
            self.note(place, value, Some(at)).await?;
            tokio::time::sleep(PROGRAM).await;
        }
        Ok(())
    }

    /// A program that writes conditionally; the database gives the times.
    async fn conditional(&self, dice: Dice) -> Result<()> {
        let mut number = 0;
        while self.goes_on() {
            number += 1;
            let place = Place { row: dice.below(ROWS), column: COLUMNS[dice.below(2) as usize] };
            let value = format!("lwt-{number}");
            let (table, column, row) = (&self.table, place.column, place.row);
            self.outside
                .cql(&format!("UPDATE {table} SET {column} = '{value}' WHERE id = {row} IF EXISTS"))
                .await?;
            self.note(place, value, None).await?;
            tokio::time::sleep(PROGRAM * 2).await;
        }
        Ok(())
    }

    /// Whether the database kept a write, by what is there right after it.
    async fn note(&self, place: Place, value: String, at: Option<i64>) -> Result<()> {
        let (table, column, row) = (&self.table, place.column, place.row);
        let query = format!("SELECT {column}, writetime({column}) FROM {table} WHERE id = {row}");
        let found =
            self.outside.cql(&query).await?.into_iter().next().context("a row of the race is gone")?;
        let kept = match found.columns.as_slice() {
            [Some(CqlValue::Text(text)), Some(CqlValue::BigInt(written))] if *text == value => Some(*written),
            _ => None,
        };
        let foreign = Foreign { value, at: at.or(kept), kept: kept.is_some() };
        self.log.borrow_mut().foreign.entry(place).or_default().push(foreign);
        Ok(())
    }

    /// A person who is offline for a while, edits some records, and comes back; then decides what waits.
    async fn person(&self, actor: &Actor, dice: Dice) -> Result<()> {
        let mut number = 0;
        while self.goes_on() {
            actor.offline().await?;
            let mut rows: Vec<i32> = (0..4).map(|_| dice.below(ROWS)).collect();
            rows.sort_unstable();
            rows.dedup();
            for row in rows {
                number += 1;
                let place = Place { row, column: COLUMNS[dice.below(2) as usize] };
                let value = format!("{}-{number}", actor.name);
                self.edit(actor, place, &value).await?;
                self.log.borrow_mut().people.entry(place).or_default().push(value);
            }
            tokio::time::sleep(PERSON).await;
            actor.online().await?;
            self.discard_late(actor).await?;
            self.decide(actor, &dice).await?;
        }
        Ok(())
    }

    async fn edit(&self, actor: &Actor, place: Place, value: &str) -> Result<()> {
        let id = record(place.row);
        let seen = match actor.ask(Ask::Record { id: id.clone() }).await? {
            Answer::Record(info) => match info.fields {
                Some(fields) => fields,
                None => {
                    bail!("the record of row {} is gone: {}", place.row, self.story(actor, place.row).await?)
                }
            },
            other => bail!("no record: {other:?}"),
        };
        let field = FieldName::new(place.column)?;
        let seen = Seen { saw: value_of(&seen, &field).clone(), want: Value::from(value) };
        actor.ask(Ask::Edit { id, fields: BTreeMap::from([(field, seen)]) }).await?;
        Ok(())
    }

    /// All that is known of a row, for whoever looks for a cause.
    async fn story(&self, actor: &Actor, row: i32) -> Result<String> {
        actor.online().await?;
        let story = crate::account::story(&crate::account::history(actor, row).await?);
        let query = format!(
            "SELECT name, writetime(name), phone, writetime(phone) FROM {} WHERE id = {row}",
            self.table
        );
        let rows = self.outside.cql(&query).await?;
        Ok(format!("{story}\n{rows:?}"))
    }

    async fn decide(&self, actor: &Actor, dice: &Dice) -> Result<()> {
        let filter = ReviewFilter { tab: ReviewTab::Open, ..ReviewFilter::default() };
        let Answer::Review(review) =
            actor.ask(Ask::Review(ReviewQuery { filter, limit: 3, ..ReviewQuery::default() })).await?
        else {
            bail!("no review")
        };
        for item in review.items {
            let Answer::Conflict(info) = actor.ask(Ask::Conflict { id: item.id }).await? else {
                bail!("no conflict")
            };
            let choice = || if dice.below(2) == 0 { Choice::Current } else { Choice::Incoming };
            let choices = info.conflict.fields.keys().map(|field| (field.clone(), choice())).collect();
            let (saw_conflict, saw_record) = (info.conflict.rev, info.record_rev);
            let outcome = Outcome::Keep { choices };
            let resolve = Ask::Resolve { conflict: info.conflict.id, saw_conflict, saw_record, outcome };
            // another device may have been faster: then there is nothing to decide any more
            drop(actor.ask(resolve).await);
        }
        Ok(())
    }

    /// Throws decisions away that came too late: another device or the program was faster. What the person edited on top of them
    /// goes on then.
    async fn discard_late(&self, actor: &Actor) -> Result<bool> {
        let Answer::Review(review) =
            actor.ask(Ask::Review(ReviewQuery { limit: 1, ..ReviewQuery::default() })).await?
        else {
            bail!("no review")
        };
        for rejected in &review.rejected {
            let counter = rejected.counter;
            actor
                .ask(match (&rejected.about, &rejected.reason) {
                    (Some(_), _) => Ask::Discard { counter },
                    (None, Rejection::FollowsRejected { .. }) => Ask::Retry { counter },
                    _ => bail!("an edit was refused: {}", rejected.message),
                })
                .await?;
        }
        Ok(!review.rejected.is_empty())
    }

    async fn comes_to_rest(&self, actor: &Actor) -> Result<()> {
        let since = Instant::now();
        loop {
            actor.online().await?;
            if !self.discard_late(actor).await? && actor.client().status().await?.pending == 0 {
                return Ok(());
            }
            ensure!(since.elapsed() < REST, "{} does not come to rest", actor.name);
        }
    }

    async fn killer(&self) -> Result<()> {
        let mut next = FIRST_KILL;
        while self.ends.saturating_duration_since(Instant::now()) > next {
            tokio::time::sleep(std::mem::replace(&mut next, KILL)).await;
            self.stage.kill_server()?;
            self.log.borrow_mut().kills += 1;
        }
        Ok(())
    }
}
