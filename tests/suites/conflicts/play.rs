//! What each word of a table does.
//!
//! Devices are off the network but for `sync`: each of those named sends what it has, one after the other; then all of
//! them hear of everything. `1@B` is the conflict of record 1 whose incoming side is device B's; `1` where there is one.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value as Json;
use sync_client::api::{
    Answer, Command as Ask, ConflictInfo, HistoryPage, RecordInfo, Review, ReviewFilter, ReviewQuery,
    ReviewTab, Seen, Unsent,
};
use sync_protocol::message::Workspace;
use sync_protocol::schema::Field;
use sync_protocol::{
    ChangeId, CollectionId, ConflictKind, FieldName, FieldType, Fields, Policy, RecordId, RecordKey,
    Timestamp, Value, record::value_of,
};

use crate::counts;
use crate::ledger::Ledger;
use crate::stage::{Actor, Stage, person_of};
use crate::table::{Line, Scenario, fields, json};

/// A scenario under way.
pub struct Play<'a> {
    pub stage: &'a Stage,
    pub workspace: Workspace,
    pub actors: BTreeMap<String, Actor>,
    pub ledger: Ledger,
    /// Records by the names that `both` gave them.
    pub twins: BTreeMap<String, RecordId>,
    /// Screens that were opened and not looked at since.
    screens: BTreeMap<(String, RecordId), Fields>,
    pub reviews: BTreeMap<(String, String), ConflictInfo>,
    /// What each device's last bulk decision settled.
    pub bulk: BTreeMap<String, Vec<ChangeId>>,
}

/// The whole of one scenario.
pub async fn play(stage: &Stage, scenario: &Scenario, place: usize) -> Result<()> {
    let folder = stage.folder.path().join(format!("devices-{place}"));
    let people: Vec<&str> = scenario.with.iter().map(|name| person_of(name)).collect::<Result<_>>()?;
    let people: std::collections::BTreeSet<&str> = people.into_iter().collect();
    let people: Vec<&str> = people.into_iter().collect();
    let workspace = stage.workspace(&scenario.name, &people).await?;
    let mut play = Play {
        stage,
        workspace,
        actors: BTreeMap::new(),
        ledger: Ledger::default(),
        twins: BTreeMap::new(),
        screens: BTreeMap::new(),
        reviews: BTreeMap::new(),
        bulk: BTreeMap::new(),
    };
    for name in &scenario.with {
        let actor = Actor::enter(stage, &folder, name, &play.workspace).await?;
        if play.actors.is_empty() {
            define(&actor, scenario.policy.as_deref()).await?;
            actor.online().await?;
            actor.offline().await?;
        }
        play.actors.insert(name.clone(), actor);
    }
    play.sync(&scenario.with).await?;
    for line in &scenario.lines {
        let told = || format!("line {}: {}", line.number, line.text);
        for name in Box::pin(play.line(line)).await.with_context(told)? {
            counts::agree(play.actor(&name)?).await.with_context(told)?;
        }
    }
    play.sync(&scenario.with).await.context("at the end")?;
    let (ledger, actors) = (&play.ledger, &play.actors);
    ledger.conservation(actors).await.context("at the end")
}

/// The collection that all scenarios use: every type, and fields with each policy of their own.
async fn define(actor: &Actor, policy: Option<&str>) -> Result<()> {
    let fields = [
        ("name", "text", None),
        ("phone", "text", None),
        ("n", "integer", None),
        ("m", "integer", None),
        ("price", "decimal", None),
        ("done", "yes_no", None),
        ("day", "date", None),
        ("at", "date_time", None),
        ("colour", "choice", None),
        ("tags", "tags", None),
        ("labels", "tags", Some("set")),
        ("stock", "counter", None),
        ("count", "integer", Some("counter")),
        ("note", "long_text", None),
        ("story", "long_text", Some("text")),
        ("title", "text", Some("text")),
        ("first", "integer", Some("first")),
        ("last", "integer", Some("last")),
        ("any", "json", None),
    ];
    let fields = fields.into_iter().zip(0..).map(|((name, kind, policy), at)| field(name, kind, policy, at));
    let fields = fields.collect::<Result<Vec<_>>>()?;
    actor.ask(Ask::NewCollection { label: "Things".into(), fields }).await?;
    let policy = policy.map(|name| Policy::from_name(name).context("no such policy")).transpose()?;
    if policy.is_some() {
        actor.ask(Ask::SetPolicy { collection: CollectionId::new("things")?, policy }).await?;
    }
    Ok(())
}

fn field(name: &str, kind: &str, policy: Option<&str>, position: i64) -> Result<Field> {
    let field_type = FieldType::from_name(kind).with_context(|| format!("no type {kind}"))?;
    let options = if field_type == FieldType::Choice {
        vec!["red".into(), "green".into(), "blue".into()]
    } else {
        vec![]
    };
    let policy = policy.map(|name| Policy::from_name(name).context("no such policy")).transpose()?;
    Ok(Field { options, policy, position, ..Field::new(FieldName::new(name)?, name, field_type) })
}

impl Play<'_> {
    /// Does one line; which devices it changed.
    async fn line(&mut self, line: &Line) -> Result<Vec<String>> {
        let words: Vec<&str> = line.words.iter().map(String::as_str).collect();
        if self.actors.contains_key(words[0]) {
            let (actor, words) = (words[0], &words[1..]);
            match words[0] {
                "sees" => {
                    self.expect(actor, &words[1..]).await?;
                    return Ok(Vec::new());
                }
                "cannot" => {
                    let reason = json(words[1])?;
                    let reason = reason.as_str().context("the reason is a text")?;
                    let Err(error) = self.act(actor, &words[2..]).await else { bail!("it was done") };
                    let told = format!("{error:#}");
                    ensure!(told.contains(reason), "refused for another reason: {told}");
                }
                _ => self.act(actor, words).await?,
            }
            return Ok(vec![actor.to_owned()]);
        }
        match words[0] {
            "sync" => {
                self.sync(&line.words[1..]).await?;
                return Ok(line.words[1..].to_vec());
            }
            "kill" => self.stage.kill_server()?,
            "wait" => {
                // for a horizon to pass: time is what is waited for
                tokio::time::sleep(std::time::Duration::from_millis(words[1].parse()?)).await;
            }
            // the server's own words: one device asks
            "verdict" | "history" | "audit" => {
                let first = self.actors.keys().next().context("a scenario has devices")?;
                self.expect(first, &words).await?;
            }
            _ => {
                for actor in self.actors.keys() {
                    self.expect(actor, &words).await.with_context(|| format!("on {actor}"))?;
                }
            }
        }
        Ok(Vec::new())
    }

    async fn sync(&mut self, names: &[String]) -> Result<()> {
        let mut actors = Vec::new();
        for name in names {
            let actor = self.actor(name)?;
            actor.online().await?;
            actors.push(actor);
        }
        // what the others sent, and the own changes as the feed tells them; it may bring names to write
        for _ in 0..2 {
            for actor in &actors {
                actor.online().await?;
            }
        }
        for actor in actors {
            actor.offline().await?;
        }
        Ok(())
    }

    pub fn actor(&self, name: &str) -> Result<&Actor> {
        self.actors.get(name).with_context(|| format!("no device {name} in this scenario"))
    }

    async fn act(&mut self, name: &str, words: &[&str]) -> Result<()> {
        let rest = &words[1..];
        match words[0] {
            "add" => {
                for id in self.records(rest[0])? {
                    let fields = fields(&rest[1..])?;
                    let (collection, key) = (id.collection.clone(), Some(id.key.clone()));
                    self.actor(name)?.ask(Ask::Insert { collection, key, fields: fields.clone() }).await?;
                    self.ledger.values(name, &id, fields);
                }
                Ok(())
            }
            "set" => {
                for id in self.records(rest[0])? {
                    self.set(name, &id, fields(&rest[1..])?).await?;
                }
                Ok(())
            }
            // field, how many times: each edit is made on what the one before left
            "type" => {
                let (id, field, times) =
                    (self.record(rest[0])?, FieldName::new(rest[1])?, rest[2].parse::<u32>()?);
                for n in 1..=times {
                    let text = Value::from(format!("{name}{n}"));
                    self.set(name, &id, Fields::from([(field.clone(), text)])).await?;
                }
                Ok(())
            }
            "drop" => {
                let ids = self.records(rest[0])?;
                self.actor(name)?.ask(Ask::Delete { ids: ids.clone() }).await?;
                ids.iter().for_each(|id| self.ledger.gone(name, id));
                Ok(())
            }
            // a screen is opened: `set` and `settle` say what was on it
            "look" => {
                let id = self.record(rest[0])?;
                let seen = self.info(name, &id).await?.fields.unwrap_or_default();
                self.screens.insert((name.into(), id), seen);
                Ok(())
            }
            "open" => {
                let info = self.conflict(name, rest[0]).await?;
                self.reviews.insert((name.into(), rest[0].into()), info);
                Ok(())
            }
            "settle" => self.settle(name, rest).await,
            "undo" => self.undo(name, rest).await,
            // the settled one where another is open
            "undo-settled" => {
                let id = self.record(rest[0])?;
                let items = self.review(name, ReviewTab::Settled, Some(id)).await?.items;
                let conflicts = items.iter().map(|item| item.id).collect();
                self.actor(name)?.ask(Ask::TakeBack { conflicts }).await.map(drop)
            }
            "bulk" => self.bulk(name, rest).await,
            "assign" => {
                let conflict = self.conflict(name, rest[0]).await?.conflict.id;
                let Answer::People(people) = self.actor(name)?.ask(Ask::People).await? else {
                    bail!("no people")
                };
                let to = people.iter().find(|person| person.name == rest[1]).map(|person| person.user);
                ensure!(to.is_some() || rest[1] == "nobody", "{people:?}");
                self.actor(name)?.ask(Ask::Assign { conflict, to }).await.map(drop)
            }
            "snooze" => {
                let conflict = self.conflict(name, rest[0]).await?.conflict.id;
                let until = (rest[1] == "on").then_some(Timestamp(4_000_000_000_000));
                self.actor(name)?.ask(Ask::Snooze { conflict, until }).await.map(drop)
            }
            "say" => {
                let conflict = self.conflict(name, rest[0]).await?.conflict.id;
                let text = json(rest[1])?.as_str().context("a text")?.to_owned();
                self.actor(name)?.ask(Ask::Comment { conflict, text: text.clone() }).await?;
                self.ledger.said(name, &text);
                Ok(())
            }
            "forge" => self.forge(name, rest).await,
            "retry" | "discard" => {
                let id = self.record(rest[0])?;
                let rejected = self.review(name, ReviewTab::Open, None).await?.rejected;
                let entry = rejected.iter().find(|r| r.id == id).context("nothing of it is rejected")?;
                let counter = entry.counter;
                if words[0] == "retry" {
                    return self.actor(name)?.ask(Ask::Retry { counter }).await.map(drop);
                }
                self.ledger.discarded(name, &id);
                self.actor(name)?.ask(Ask::Discard { counter }).await.map(drop)
            }
            "collection" => {
                let fields = vec![field("name", "text", None, 0)?];
                self.actor(name)?.ask(Ask::NewCollection { label: rest[0].into(), fields }).await.map(drop)
            }
            // collection.name, type, label, policy
            "field" => {
                let (collection, field_name) = rest[0].split_once('.').context("collection.field")?;
                let mut field = field(field_name, rest[1], rest.get(3).copied(), 50)?;
                field.label = rest.get(2).unwrap_or(&field_name).to_string();
                let collection = CollectionId::new(collection)?;
                self.actor(name)?.ask(Ask::SetField { collection, field }).await.map(drop)
            }
            "policy" => {
                let collection = CollectionId::new(rest[0])?;
                self.actor(name)?
                    .ask(Ask::SetPolicy { collection, policy: Policy::from_name(rest[1]) })
                    .await
                    .map(drop)
            }
            // the nth version of the history, 0 the newest
            "restore" => {
                let (id, nth) = (self.record(rest[0])?, rest[1].parse::<usize>()?);
                let versions = self.history(name, &id).await?.versions;
                let fields = versions.get(nth).context("there is no such version")?.fields.clone();
                self.actor(name)?.ask(Ask::Restore { id: id.clone(), fields: fields.clone() }).await?;
                self.ledger.values(name, &id, fields);
                Ok(())
            }
            "restart" => self.actors.get_mut(name).context("no such device")?.restart().await,
            "clock" => {
                self.actor(name)?.clock(rest[0].parse()?);
                Ok(())
            }
            "sign-out" => {
                let unsent = if rest[0] == "keep" { Unsent::Keep } else { Unsent::Ask };
                self.actor(name)?.ask(Ask::SignOut { unsent }).await.map(drop)
            }
            "sign-in" => self.actor(name)?.sign_in(&self.workspace).await,
            other => bail!("{name} cannot “{other}”: no such word"),
        }
    }

    async fn set(&mut self, name: &str, id: &RecordId, wanted: Fields) -> Result<()> {
        let screen = self.screens.remove(&(name.to_owned(), id.clone()));
        let seen = match screen {
            Some(seen) => seen,
            None => self.info(name, id).await?.fields.unwrap_or_default(),
        };
        let pairs = wanted.iter().map(|(field, want)| {
            (field.clone(), Seen { saw: value_of(&seen, field).clone(), want: want.clone() })
        });
        self.actor(name)?.ask(Ask::Edit { id: id.clone(), fields: pairs.collect() }).await?;
        self.ledger.values(name, id, wanted);
        Ok(())
    }

    // ---- what a screen asks

    pub async fn info(&self, name: &str, id: &RecordId) -> Result<RecordInfo> {
        match self.actor(name)?.ask(Ask::Record { id: id.clone() }).await? {
            Answer::Record(info) => Ok(*info),
            other => bail!("no record: {other:?}"),
        }
    }

    pub async fn info_of(&self, name: &str, id: ChangeId) -> Result<ConflictInfo> {
        match self.actor(name)?.ask(Ask::Conflict { id }).await? {
            Answer::Conflict(info) => Ok(*info),
            other => bail!("no conflict: {other:?}"),
        }
    }

    pub async fn review(&self, name: &str, tab: ReviewTab, record: Option<RecordId>) -> Result<Review> {
        let filter = ReviewFilter { tab, record, ..ReviewFilter::default() };
        match self
            .actor(name)?
            .ask(Ask::Review(ReviewQuery { filter, limit: 500, ..ReviewQuery::default() }))
            .await?
        {
            Answer::Review(review) => Ok(review),
            other => bail!("no review: {other:?}"),
        }
    }

    /// The conflict that a word names, open before settled.
    pub async fn conflict(&self, name: &str, word: &str) -> Result<ConflictInfo> {
        let (record, device) = match word.split_once('@') {
            Some((record, device)) => (record, Some(device)),
            None => (word, None),
        };
        let id = self.record(record)?;
        for tab in [ReviewTab::Open, ReviewTab::Settled] {
            let items = self.review(name, tab, Some(id.clone())).await?.items;
            let mut found = items.iter().filter(|item| device.is_none_or(|d| item.incoming.device == d));
            if let Some(first) = found.next() {
                let alone = tab == ReviewTab::Settled || found.next().is_none();
                ensure!(alone, "{name} has several conflicts of {word}");
                return self.info_of(name, first.id).await;
            }
        }
        bail!("{name} has no conflict {word}")
    }

    pub async fn history(&self, name: &str, id: &RecordId) -> Result<HistoryPage> {
        history(self.actor(name)?, id).await
    }

    pub fn record(&self, word: &str) -> Result<RecordId> {
        Ok(self.records(word)?.remove(0))
    }

    /// `1`, `1..200`, `rooms/1`, or a name that `both` gave.
    fn records(&self, word: &str) -> Result<Vec<RecordId>> {
        if let Some(twin) = self.twins.get(word) {
            return Ok(vec![twin.clone()]);
        }
        let (collection, key) = word.split_once('/').unwrap_or(("things", word));
        let collection = CollectionId::new(collection)?;
        let id = |key| RecordId::new(collection.clone(), key);
        Ok(match key.split_once("..") {
            Some((from, to)) => (from.parse()?..=to.parse()?).map(|n| id(RecordKey::Int(n))).collect(),
            None => vec![id(RecordKey::from_input(key))],
        })
    }
}

/// All versions of a record; needs the network for a moment.
pub async fn history(actor: &Actor, id: &RecordId) -> Result<HistoryPage> {
    actor.online().await?;
    let all = actor.history(id).await?;
    actor.offline().await?;
    Ok(all)
}

pub fn kind(word: &str) -> Result<ConflictKind> {
    Ok(serde_json::from_value(Json::from(word))?)
}
