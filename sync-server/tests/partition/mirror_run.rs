//! Runs from a seed: programs with clocks that are off, people, two servers that reconcile and are killed between any two steps,
//! commits in doubt. Then an independent account of every value that was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sync_protocol::feed::EntryKind;
use sync_protocol::{
    Choice, Conflict, ConflictKind, Edit, Entry, FieldName, Outcome, Record, RecordKey, Value,
};
use sync_server::mirror::look::{Answer, Look};
use sync_server::mirror::row::{SeenRow, WriteTime};
use sync_server::mirror::write::{RowWrite, Write};
use sync_server::partition::{PartitionEngine, Settings};
use sync_server::store::{Commit, Kind, PartitionStore};

use crate::faults::{Fault, Faulty};
use crate::kit::{World, field};
use crate::mirror_kit::{Scene, is_mirrors, keep, text};
use crate::table::{after, as_written, written};

/// A defect, planted to see that the account finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    /// Writes have the time of the writer's clock.
    WritesNow,
    /// What was written is taken for what is there.
    BelievesWrites,
    /// What is agreed on moves in a commit of its own.
    ShadowApart,
    /// What is not there once is gone.
    BelievesAbsence,
}

/// A generator of its own: the same seed, the same run.
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn percent(&mut self, n: u64) -> bool {
        self.below(100) < n
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len() as u64) as usize]
    }
}

/// Commits that are now and then in doubt, late or not taken, until it is quiet.
fn doubtful(
    mut random: Random,
    quiet: Arc<AtomicBool>,
    bug: Option<Bug>,
) -> impl FnMut(&mut Commit) -> Option<Fault> + Send {
    move |commit| {
        let dice = random.below(100);
        if quiet.load(Ordering::SeqCst) {
            return None;
        }
        // half of the time the server is killed before the second commit
        if bug == Some(Bug::ShadowApart) && dice.is_multiple_of(2) {
            commit.rows.retain(|row| row.kind != Kind::Shadow);
        }
        match dice {
            0..5 => Some(Fault::UnknownApplied),
            5..10 => Some(Fault::UnknownLost),
            10..15 => Some(Fault::UnknownLate),
            15..18 => Some(Fault::Unavailable),
            _ => None,
        }
    }
}

/// Where a server is with a row.
#[derive(Clone, Debug)]
enum Stage {
    Idle,
    Knows { key: i64, since: u64, wrote: Option<Write> },
    HasRead { key: i64, since: u64, wrote: Option<Write>, seen: Option<SeenRow> },
    Writes { key: i64, since: u64, seen: Option<SeenRow>, write: Write },
}

const KEYS: i64 = 3;
/// Stands for all fields of a row.
const ROW: &str = "whole_row";
/// Milliseconds by which the clocks of programs are ahead.
const CLOCKS: [i64; 5] = [3_600_000, 30, 0, -5, -3_600_000];

struct Run {
    scene: Scene,
    random: Random,
    bug: Option<Bug>,
    servers: Vec<(PartitionEngine, Stage)>,
    quiet: Arc<AtomicBool>,
    /// Writes of servers that were killed, or of a slow network.
    on_the_way: Vec<(i64, Option<SeenRow>, Write)>,
    next: u64,
    /// How often programs wrote each value.
    wrote: BTreeMap<(i64, FieldName, String), usize>,
    /// How often programs took a field's value away, or something expired.
    took: BTreeMap<(i64, FieldName), usize>,
    /// Foreign values that a look saw.
    looked_at: BTreeSet<(i64, FieldName, String)>,
    faults: Vec<String>,
    /// What happened, to be read where something is wrong.
    story: Vec<String>,
}

fn as_text(value: &Value) -> String {
    value.0.to_string()
}

impl Run {
    async fn new(seed: u64, bug: Option<Bug>) -> Self {
        let world = World::new(1 + (seed % 2) as u16);
        let clock = world.clock.clone();
        let node = |store: Arc<dyn PartitionStore>| {
            // the account reads the whole feed
            let horizon = Duration::from_hours(90 * 24);
            PartitionEngine::new(
                store,
                Settings { horizon, clock: clock.clone(), seed, ..Settings::default() },
            )
        };
        let scene = Scene::on(world.clone(), node(world.store.clone())).await;
        let quiet = Arc::new(AtomicBool::new(false));
        let servers = (0..2)
            .map(|n| {
                let draw = doubtful(Random(seed ^ (n + 77)), quiet.clone(), bug);
                let store = Faulty::drawn(scene.world.store.clone(), draw);
                (node(store), Stage::Idle)
            })
            .collect();
        Self {
            scene,
            random: Random(seed),
            bug,
            servers,
            quiet,
            on_the_way: Vec::new(),
            next: 0,
            wrote: BTreeMap::new(),
            took: BTreeMap::new(),
            looked_at: BTreeSet::new(),
            faults: Vec::new(),
            story: Vec::new(),
        }
    }

    fn note(&mut self, key: i64, what: impl FnOnce() -> String) {
        let at = self.scene.now().0;
        self.story.push(format!("{at} {key}: {}", what()));
    }

    fn fresh(&mut self, who: &str) -> Value {
        self.next += 1;
        text(&format!("{who}{}", self.next))
    }

    fn is_foreign(&self, key: i64, name: &FieldName, value: &Value) -> bool {
        self.wrote.contains_key(&(key, name.clone(), as_text(value)))
    }

    fn program_puts(&mut self, key: i64, name: &str, value: Value, at: WriteTime, lives: Option<Duration>) {
        *self.wrote.entry((key, field(name), as_text(&value))).or_default() += 1;
        let expires = lives.map(|lives| after(self.scene.now(), lives));
        if lives.is_some() {
            *self.took.entry((key, field(name))).or_default() += 1;
        }
        self.scene.row(key, |row| row.cell_for(&field(name), Some(value), at, expires));
    }

    fn program_takes(&mut self, key: i64, name: &str) {
        *self.took.entry((key, field(name))).or_default() += 1;
    }

    fn program(&mut self) {
        let key = self.random.below(KEYS as u64) as i64;
        let before = shown(self.scene.seen(key).as_ref());
        self.program_acts(key);
        let after = shown(self.scene.seen(key).as_ref());
        if before != after {
            self.note(key, || format!("program: {after}"));
        }
    }

    fn program_acts(&mut self, key: i64) {
        let micros = self.random.below(1_000) as i64;
        let at = written(self.scene.now(), *self.random.of(&CLOCKS)) + micros;
        let name = *self.random.of(&["a", "b", "l"]);
        match self.random.below(10) {
            0..4 => {
                let value = self.fresh("p");
                self.program_puts(key, name, value, at, None);
            }
            4 | 5 => {
                for name in ["a", "b", "l"] {
                    let value = self.fresh("p");
                    self.program_puts(key, name, value, at, None);
                }
                self.scene.row(key, |row| row.mark(at, None));
            }
            6 => {
                // all columns again as they were read
                for (name, value) in self.scene.values(key).unwrap_or_default() {
                    self.program_puts(key, &name, value, at, None);
                }
            }
            7 => {
                let read = self.scene.values(key).and_then(|mut row| row.remove("n"));
                let count = read.and_then(|n| n.as_integer()).unwrap_or(0);
                self.program_puts(key, "n", Value::from(count + 1), at, None);
            }
            8 if self.random.percent(50) => {
                let (value, lives) = (self.fresh("p"), Duration::from_secs(1 + self.random.below(100)));
                self.program_puts(key, name, value, at, Some(lives));
            }
            8 => {
                self.program_takes(key, name);
                self.scene.row(key, |row| row.cell(&field(name), None, at));
            }
            _ => {
                for name in ["a", "b", "n", "l"] {
                    self.program_takes(key, name);
                }
                self.scene.row(key, |row| row.delete(at));
            }
        }
    }

    async fn person(&mut self) {
        let key = self.random.below(KEYS as u64) as i64;
        let name = *self.random.of(&["a", "b", "l", "note"]);
        let record = self.scene.record(key).await;
        let dice = self.random.below(12);
        match record {
            Some(record) if dice == 0 => {
                self.scene.person(key, Edit::Delete { base: record.fields }).await;
            }
            Some(record) if dice == 1 => {
                let count = record.value(&field("n")).as_integer().unwrap_or(0);
                self.scene.ann_sets(key, &[("n", Value::from(count + 1))]).await;
            }
            Some(_) if dice == 2 => self.scene.ann_sets(key, &[(name, Value::ABSENT)]).await,
            Some(_) | None if dice == 3 => self.settle(key).await,
            _ => {
                let value = self.fresh("ann");
                self.scene.ann_sets(key, &[(name, value)]).await;
            }
        }
    }

    /// Whatever waits first is decided one way or the other.
    async fn settle(&mut self, key: i64) {
        let Some(open) = self.scene.open(key).await.into_iter().next() else { return };
        let outcome = match self.random.below(4) {
            0 if open.kind != ConflictKind::EditEdit => Outcome::Delete,
            1 => keep(&open, Choice::Current),
            2 if open.fields.values().any(|sides| sides.clash) => {
                let value = self.fresh("ann");
                let own = |name: &FieldName| {
                    let value = if name.as_str() == "n" { Value::from(1_000) } else { value.clone() };
                    (name.clone(), Choice::Own(value))
                };
                Outcome::Keep { choices: open.fields.keys().map(own).collect() }
            }
            _ => keep(&open, Choice::Incoming),
        };
        self.scene.settle(&open, outcome).await;
    }

    /// A read; now and then something is not there for once.
    fn read(&mut self, key: i64) -> Option<SeenRow> {
        let quiet = self.quiet.load(Ordering::SeqCst);
        let mut seen = self.scene.seen(key);
        if !quiet && self.random.percent(6) {
            if self.random.percent(50) {
                seen = None;
            } else if let Some(row) = &mut seen
                && !row.cells.is_empty()
            {
                let names: Vec<FieldName> = row.cells.keys().cloned().collect();
                row.cells.remove(self.random.of(&names));
            }
            if self.bug != Some(Bug::BelievesAbsence) {
                // whatever is not there is read once more
                seen = self.scene.seen(key);
            }
        }
        seen
    }

    async fn server(&mut self, at: usize) {
        if self.random.percent(8) {
            // killed
            if let Stage::Writes { key, seen, write, .. } = self.servers[at].1.clone()
                && self.random.percent(60)
            {
                self.on_the_way.push((key, seen, write));
            }
            self.servers[at].1 = Stage::Idle;
            return;
        }
        let next = match self.servers[at].1.clone() {
            Stage::Idle => {
                let key = self.random.below(KEYS as u64) as i64;
                Stage::Knows { key, since: self.scene.shadow(key).await.version, wrote: None }
            }
            Stage::Knows { key, since, wrote } => Stage::HasRead { key, since, wrote, seen: self.read(key) },
            Stage::HasRead { key, since, wrote, seen } => self.look(at, key, since, wrote, seen).await,
            Stage::Writes { key, since, seen, write } => match self.random.below(10) {
                0 => {
                    self.on_the_way.push((key, seen, write));
                    Stage::Knows { key, since, wrote: None }
                }
                1 => Stage::Knows { key, since, wrote: None },
                _ => {
                    self.put(key, seen.as_ref(), &write);
                    match self.bug {
                        Some(Bug::BelievesWrites) => {
                            let seen = as_written(seen, &write);
                            Stage::HasRead { key, since, wrote: Some(write), seen }
                        }
                        _ => Stage::Knows { key, since, wrote: Some(write) },
                    }
                }
            },
        };
        self.servers[at].1 = next;
    }

    async fn look(
        &mut self,
        at: usize,
        key: i64,
        since: u64,
        wrote: Option<Write>,
        seen: Option<SeenRow>,
    ) -> Stage {
        let look = Look { wrote, ..self.scene.look_of(key, since, seen.clone()) };
        let (world, mapped) = (&self.scene.world, &self.scene.mapped);
        let looked = self.servers[at].0.look(world.workspace, world.partitions, mapped, vec![look]).await;
        let Ok(mut looked) = looked else { return Stage::Idle };
        let looked = looked.remove(0);
        let record = self.scene.record(key).await.map(|record| {
            record.fields.into_iter().map(|(n, v)| format!("{n}={}", v.0)).collect::<Vec<_>>().join(" ")
        });
        let answer = match &looked.answer {
            Answer::Write(write) => shown_write(write),
            other => format!("{other:?}"),
        };
        self.note(key, || {
            format!("server {at} saw {} since {since}, record now {record:?}: {answer}", shown(seen.as_ref()))
        });
        if looked.answer != Answer::Again {
            for (name, cell) in seen.iter().flat_map(|row| &row.cells) {
                if self.is_foreign(key, name, &cell.value) {
                    self.looked_at.insert((key, name.clone(), as_text(&cell.value)));
                }
            }
        }
        match looked.answer {
            Answer::Write(write) => Stage::Writes { key, since: looked.version, seen, write },
            Answer::Again => Stage::Knows { key, since: looked.version, wrote: None },
            Answer::Agreed | Answer::Parked => Stage::Idle,
            other @ (Answer::Refused(_) | Answer::Stopped(_)) => panic!("{other:?}"),
        }
    }

    /// Puts a write into the table. What it takes away must have been seen by somebody who looked: `no_revert`.
    fn put(&mut self, key: i64, seen: Option<&SeenRow>, write: &Write) {
        let mut write = write.clone();
        let now = written(self.scene.now(), 0);
        if self.bug == Some(Bug::WritesNow) {
            write.cells.values_mut().for_each(|cell| cell.at = now);
            if let RowWrite::Delete { at } = &mut write.row {
                *at = now;
            }
        }
        let before = self.scene.seen(key);
        self.scene.write(key, &write);
        let left = self.scene.seen(key);
        self.note(key, || format!("writes {}: {}", shown_write(&write), shown(left.as_ref())));
        for (name, cell) in before.iter().flat_map(|row| &row.cells) {
            let stays = left.as_ref().and_then(|row| row.cells.get(name)) == Some(cell);
            let known = (key, name.clone(), as_text(&cell.value));
            let foreign = self.is_foreign(key, name, &cell.value);
            if stays || !foreign || self.looked_at.contains(&known) {
                continue;
            }
            let fence = seen.and_then(|row| row.cells.get(name)).map(|cell| cell.written);
            // where there was no cell, nothing could be read of what was there; and times that differ by no more than the number
            // of writes on their way are as good as a tie
            if fence.is_some_and(|fence| cell.written > fence + 32) {
                self.faults
                    .push(format!("no_revert: {known:?} of {} goes unseen by {write:?}", cell.written));
            }
        }
    }

    async fn step(&mut self) {
        let pause = [0, 0, 1, 3, 40, 2_000, 30_000][self.random.below(7) as usize];
        self.scene.pass(Duration::from_millis(pause));
        match self.random.below(100) {
            0..14 => self.program(),
            14..26 => self.person().await,
            26..30 if !self.on_the_way.is_empty() => {
                let at = self.random.below(self.on_the_way.len() as u64) as usize;
                let (key, seen, write) = self.on_the_way.swap_remove(at);
                self.put(key, seen.as_ref(), &write);
            }
            n => self.server(n as usize % 2).await,
        }
    }

    /// Nobody does anything any more, but what waits is settled and what is on its way arrives: `mirror_converges`.
    async fn calm_down(&mut self) {
        self.quiet.store(true, Ordering::SeqCst);
        for (key, seen, write) in std::mem::take(&mut self.on_the_way) {
            self.put(key, seen.as_ref(), &write);
        }
        for round in 0..120 {
            let mut rests = true;
            for key in 0..KEYS {
                let steps = self.scene.steps().await;
                // the servers that have seen it all, not a new one
                let at = round % 2;
                let mut stage =
                    Stage::Knows { key, since: self.scene.shadow(key).await.version, wrote: None };
                for _ in 0..12 {
                    stage = match stage {
                        Stage::Idle => break,
                        Stage::Knows { key, since, wrote } => {
                            Stage::HasRead { key, since, wrote, seen: self.scene.seen(key) }
                        }
                        Stage::HasRead { key, since, wrote, seen } => {
                            self.look(at, key, since, wrote, seen).await
                        }
                        Stage::Writes { key, since, seen, write } => {
                            rests = false;
                            self.put(key, seen.as_ref(), &write);
                            Stage::Knows { key, since, wrote: Some(write) }
                        }
                    };
                }
                rests &= self.scene.steps().await == steps;
                if !self.scene.open(key).await.is_empty() {
                    self.settle(key).await;
                    rests = false;
                }
            }
            if rests && round > 5 {
                return;
            }
            self.scene.pass(Duration::from_secs(120));
        }
        self.faults.push("mirror_converges: it does not come to rest".into());
    }

    async fn account(&mut self) {
        for key in 0..KEYS {
            let (record, seen) = (self.scene.record(key).await, self.scene.seen(key));
            let shadow = self.scene.shadow(key).await;
            if record.is_some() != seen.is_some() || shadow.there != seen.is_some() {
                self.faults.push(format!("mirror_converges: {key}: {record:?} {seen:?} {shadow:?}"));
            }
            for name in &self.scene.mapped.fields {
                let row = seen.as_ref().and_then(|row| row.cells.get(name)).map(|cell| &cell.value);
                let row = row.unwrap_or(&Value::ABSENT);
                let own = record.as_ref().map_or(&Value::ABSENT, |record| record.value(name));
                if row != own || shadow.value(name) != row {
                    let told = (own.0.clone(), row.0.clone(), shadow.value(name).0.clone());
                    self.faults.push(format!("mirror_converges: {key}.{name}: record, row, shadow {told:?}"));
                }
            }
        }
        let feed = self.scene.feed().await;
        // what is counted is in a sum, and nobody's own value
        for (key, name, value) in self.looked_at.iter().filter(|(_, name, _)| name.as_str() != "n") {
            if !feed.iter().any(|entry| tells(entry, *key, name, value)) {
                self.faults.push(format!("foreign_write_accounted: {value} of {key}.{name} is nowhere"));
            }
        }
        for ((key, name, value), times) in told_by_mirror(&feed) {
            let most = match value.as_str() {
                // a row goes with its last cell, whichever that is
                "null" if name.as_str() == ROW => {
                    self.took.iter().filter(|((of, _), _)| *of == key).map(|(_, times)| times).sum()
                }
                "null" => self.took.get(&(key, name.clone())).copied().unwrap_or(0),
                _ => self.wrote.get(&(key, name.clone(), value.clone())).copied().unwrap_or(0),
            };
            if times > most && name.as_str() != "n" {
                self.faults.push(format!(
                    "no_revert: the mirror told {value} of {key}.{name} {times} times, programs {most} times"
                ));
            }
        }
        self.scene.world.audit().await;
    }
}

fn shown(row: Option<&SeenRow>) -> String {
    let Some(row) = row else { return "no row".into() };
    let cells = row.cells.iter().map(|(name, cell)| {
        format!("{name}={}@{}{}", cell.value.0, cell.written, cell.expires.map_or("", |_| "!"))
    });
    format!("[{}]", cells.collect::<Vec<_>>().join(" "))
}

fn shown_write(write: &Write) -> String {
    let cells = write.cells.iter().map(|(name, cell)| format!("{name}={}@{}", cell.value.0, cell.at));
    format!("{:?} {}", write.row, cells.collect::<Vec<_>>().join(" "))
}

fn key_of(record: &RecordKey) -> i64 {
    match record {
        RecordKey::Int(key) => *key,
        other => panic!("{other}"),
    }
}

fn sides<'a>(conflict: &'a Conflict, name: &FieldName) -> impl Iterator<Item = &'a Value> {
    conflict.fields.get(name).into_iter().flat_map(|sides| [&sides.base, &sides.current, &sides.incoming])
}

/// Whether an entry of the feed has that value: in the record, in a review, or where a policy decided.
fn tells(entry: &Entry, key: i64, name: &FieldName, value: &str) -> bool {
    let is = |found: &Value| as_text(found) == value;
    let in_orders =
        entry.collection.as_ref().is_some_and(|collection| *collection == crate::mirror_kit::collection());
    let record = entry.record.as_ref().filter(|record| in_orders && record.key == RecordKey::Int(key));
    let conflicts = entry.conflicts().filter(|conflict| conflict.record == crate::mirror_kit::order(key));
    let merge = entry.merge.as_ref().filter(|merge| merge.record == crate::mirror_kit::order(key));
    record.is_some_and(|record| is(record.value(name)))
        || conflicts.flat_map(|conflict| sides(conflict, name)).any(is)
        || merge.and_then(|merge| merge.fields.get(name)).is_some_and(|met| is(&met.incoming))
}

/// How often the mirror's changes said each value: as it was applied, or as it came to wait.
fn told_by_mirror(feed: &[Entry]) -> BTreeMap<(i64, FieldName, String), usize> {
    let mut told = BTreeMap::new();
    let mut records: BTreeMap<i64, Record> = BTreeMap::new();
    let mut waiting: BTreeMap<String, Conflict> = BTreeMap::new();
    for entry in feed {
        let own = is_mirrors(entry.change);
        let mut tell = |key: i64, name: &FieldName, value: &Value| {
            if own {
                *told.entry((key, name.clone(), as_text(value))).or_default() += 1;
            }
        };
        let in_orders = entry.collection.as_ref().is_some_and(|c| *c == crate::mirror_kit::collection());
        if let Some(record) = entry.record.as_ref().filter(|_| in_orders) {
            let key = key_of(&record.key);
            let before = records.insert(key, record.clone());
            let before =
                before.filter(|before| !before.deleted).map(|before| before.fields).unwrap_or_default();
            if record.deleted {
                tell(key, &field(ROW), &Value::ABSENT);
                continue;
            }
            let names: BTreeSet<&FieldName> = before.keys().chain(record.fields.keys()).collect();
            for name in names.into_iter().filter(|name| name.as_str() != "note") {
                let now = record.value(name);
                if before.get(name).unwrap_or(&Value::ABSENT) != now && entry.kind != EntryKind::Resolved {
                    tell(key, name, now);
                }
            }
        }
        for conflict in
            entry.conflicts().filter(|conflict| conflict.record.collection == crate::mirror_kit::collection())
        {
            let before = waiting.insert(conflict.id.to_string(), conflict.clone());
            if conflict.kind == ConflictKind::DeleteEdit {
                if conflict.is_open() {
                    tell(key_of(&conflict.record.key), &field(ROW), &Value::ABSENT);
                }
                continue;
            }
            for (name, sides) in conflict.fields.iter().filter(|(name, _)| name.as_str() != "note") {
                let known = before.as_ref().and_then(|before| before.fields.get(name));
                if known.is_none_or(|known| known.incoming != sides.incoming) && conflict.is_open() {
                    tell(key_of(&conflict.record.key), name, &sides.incoming);
                }
            }
        }
    }
    told
}

async fn run(seed: u64, bug: Option<Bug>) -> Vec<String> {
    let mut run = Run::new(seed, bug).await;
    for _ in 0..400 {
        run.step().await;
    }
    run.calm_down().await;
    run.account().await;
    if !run.faults.is_empty() && std::env::var_os("MOORING_MIRROR_STORY").is_some() {
        println!("{}", run.story.join("\n"));
    }
    run.faults
}

fn seeds() -> u64 {
    std::env::var("MOORING_MIRROR_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(60)
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_every_value_that_was_seen_is_accounted_for() {
    let first = std::env::var("MOORING_MIRROR_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    for seed in first..first + seeds() {
        let faults = run(seed, None).await;
        assert!(faults.is_empty(), "MOORING_MIRROR_SEED={seed}: {faults:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn planted_defects_are_found() {
    for bug in [Bug::WritesNow, Bug::BelievesWrites, Bug::ShadowApart, Bug::BelievesAbsence] {
        let mut found = None;
        for seed in 1..=seeds() {
            if let Some(fault) = run(seed, Some(bug)).await.into_iter().next() {
                found = Some((seed, fault));
                break;
            }
        }
        let (seed, fault) = found.unwrap_or_else(|| panic!("{bug:?} is not found"));
        println!("{bug:?}: seed {seed}: {fault}");
    }
}
