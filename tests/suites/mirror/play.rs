//! What each word of a table does.
//!
//! Devices are off the network but for `sync` and where something is expected of them. An expectation is waited for: a mirror
//! looks by itself. Each scenario has a table and a workspace of its own; at its end all three sums are equal, and the reviews are
//! those that it named last.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mooring_tests::Server;
use sync_client::api::{Answer, Command as Ask, Seen};
use sync_protocol::message::Workspace;
use sync_protocol::schema::Field;
use sync_protocol::{
    Choice, CollectionId, FieldName, FieldType, Fields, Outcome, Policy, RecordId, RecordKey, Value,
    record::value_of,
};
use xtask::cassandra::Node;

use crate::examples::{self, Examples};
use crate::outside::{self, KEYSPACE, Outside, Said};
use crate::stage::{Actor, PASSWORD, Stage, person_of};
use crate::table::{Line, Scenario, fields, json, pair};

/// The table of a scenario that does not say what its own is like.
const COLUMNS: &str = "id int PRIMARY KEY, name text, phone text, n int";
/// How long an expectation is waited for.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What all scenarios share.
pub struct Scene<'a> {
    pub stage: &'a Stage,
    pub outside: &'a Outside,
    /// Where the scenarios have a node to themselves.
    pub node: Option<&'a RefCell<Option<Node>>>,
}

/// A scenario under way.
pub struct Play<'a> {
    pub scene: &'a Scene<'a>,
    pub workspace: Workspace,
    pub actors: BTreeMap<String, Actor>,
    pub collection: CollectionId,
    /// `keyspace.table`.
    pub table: String,
    pub mirror: Option<String>,
    /// Reviews that are expected now.
    pub open: usize,
    /// A second server on the same data.
    pub second: Option<Server>,
    /// What `docs/mirror.md` tells programs, once one of it was run.
    pub examples: Option<Examples>,
}

/// The whole of one scenario.
pub async fn play(scene: &Scene<'_>, scenario: &Scenario, place: usize) -> Result<()> {
    let stage = scene.stage;
    let folder = stage.folder.path().join(format!("devices-{place}"));
    let mut people: Vec<&str> = scenario.with.iter().map(|name| person_of(name)).collect::<Result<_>>()?;
    people.sort_unstable();
    people.dedup();
    let workspace = stage.workspace(&scenario.name, &people).await?;
    let mut play = Play {
        scene,
        workspace,
        actors: BTreeMap::new(),
        collection: CollectionId::new("things")?,
        table: format!("{KEYSPACE}.t{:x}_{place}", std::process::id()),
        mirror: None,
        open: 0,
        second: None,
        examples: None,
    };
    for name in &scenario.with {
        let actor = Actor::enter(stage, &folder, name, &play.workspace).await?;
        play.actors.insert(name.clone(), actor);
    }
    if !scenario.lines.iter().any(|line| ["create", "publish", "example"].contains(&line.words[0].as_str())) {
        scene.outside.cql(&format!("CREATE TABLE {} ({COLUMNS})", play.table)).await?;
    }
    for line in &scenario.lines {
        let told = || format!("line {}: {}", line.number, line.text);
        Box::pin(play.line(line, scenario)).await.with_context(told)?;
    }
    play.ends().await.context("at the end")?;
    play.rest().await.context("after the end")
}

impl Play<'_> {
    /// No mirror looks at a table of which nothing is expected any more: a hundred that do take the time of the scenarios
    /// that come after.
    async fn rest(&self) -> Result<()> {
        let Some(mirror) = &self.mirror else { return Ok(()) };
        let path = format!("/v1/workspaces/{}/mirrors/{mirror}/pause", self.workspace.id);
        let _: serde_json::Value = self.scene.stage.ada().post(&path, &serde_json::json!({}), 30_000).await?;
        Ok(())
    }

    async fn line(&mut self, line: &Line, scenario: &Scenario) -> Result<()> {
        let words: Vec<&str> = line.words.iter().map(String::as_str).collect();
        let rest = &words[1..];
        if self.actors.contains_key(words[0]) {
            return self.act(words[0], rest).await;
        }
        match words[0] {
            "sync" => {
                for name in rest {
                    let actor = self.actor(name)?;
                    actor.online().await?;
                    actor.offline().await?;
                }
                Ok(())
            }
            "create" => {
                let columns = self.filled(rest[0])?;
                let with = rest.get(1).map_or(Ok(String::new()), |word| self.filled(word))?;
                self.cql(&format!("CREATE TABLE {} ({columns}) {with}", self.table)).await
            }
            "cql" => {
                for text in rest {
                    let text = self.filled(text)?;
                    self.cql(&text).await?;
                }
                Ok(())
            }
            "collect" => self.collect(rest, scenario.policy.as_deref()).await,
            "mirror" | "publish" => {
                let more: &[&str] = if words[0] == "publish" { &["--publish"] } else { &[] };
                let said = self.add(&[rest, more].concat()).await?;
                ensure!(said.code == 0, "exit code {}: {}", said.code, said.error);
                self.mirror = Some(said.out.trim().to_owned());
                Ok(())
            }
            // `refused "why" --map a=b`: the definition, with exit code 3
            "refused" => {
                let said = self.add(&rest[1..]).await?;
                ensure!(said.code == 3, "exit code {}: {}{}", said.code, said.out, said.error);
                let why = text(rest[0])?;
                ensure!(said.error.contains(&why), "refused for another reason: {}", said.error);
                Ok(())
            }
            // `plan new_here=1 equal=2 [-- --direction in]`: the dry run
            "plan" => {
                let options = rest.iter().position(|word| *word == "--");
                let (counts, options) = rest.split_at(options.unwrap_or(rest.len()));
                let more = ["--dry-run", "--json"];
                let planned =
                    self.add(&[options.get(1..).unwrap_or_default(), &more].concat()).await?.json()?;
                for word in counts {
                    let (name, wanted) = pair(word)?;
                    ensure!(planned[name] == wanted, "{name} is {}: {planned}", planned[name]);
                }
                Ok(())
            }
            // `do pause`, `do resume --accept-loss`, `do touched 1 2`
            "do" => {
                let said = self.command(rest).await?;
                ensure!(said.code == 0, "exit code {}: {}{}", said.code, said.out, said.error);
                if rest[0] == "remove" {
                    self.mirror = None;
                }
                Ok(())
            }
            // `example insert`: as it stands in `docs/mirror.md`
            "example" if rest[0] == "table" => {
                self.table = examples::TABLE.to_owned();
                let text = self.examples()?.sql(rest[0])?;
                self.cql(&text).await
            }
            "example" if rest[0] == "grants" => {
                for text in self.examples()?.sql(rest[0])?.split_terminator(';') {
                    self.cql(text.trim()).await?;
                }
                Ok(())
            }
            "example" => {
                let environment = self.environment()?;
                self.examples()?.run(rest[0], &environment).await
            }
            "node" => self.node(rest).await,
            "fill" => self.fill(rest).await,
            "comes-back" => {
                let (insert, select) = (self.filled(rest[0])?, self.filled(rest[1])?);
                self.comes_back(&insert, &select).await
            }
            "kill" => self.scene.stage.kill_server(),
            "second" => {
                self.second = Some(self.scene.stage.another_server(0)?);
                Ok(())
            }
            "kill-second" => self.second.take().context("there is no second server")?.kill(),
            _ => self.expect(words[0], rest).await,
        }
    }

    fn examples(&mut self) -> Result<&mut Examples> {
        if self.examples.is_none() {
            self.examples = Some(Examples::read()?);
        }
        self.examples.as_mut().context("they were just read")
    }

    /// What the examples find in their environment.
    fn environment(&self) -> Result<Vec<(&'static str, String)>> {
        let stage = self.scene.stage;
        Ok(vec![
            ("MOORING_CASSANDRA", outside::option(stage, "--cassandra")?.to_owned()),
            ("MOORING_KEYSPACE", outside::option(stage, "--keyspace")?.to_owned()),
            ("MOORING_URL", stage.url()),
            ("MOORING_LOGIN", "ada".to_owned()),
            ("MOORING_PASSWORD", PASSWORD.to_owned()),
            ("MOORING_WORKSPACE", self.workspace.id.to_string()),
            ("MOORING_MIRROR", self.mirror.clone().unwrap_or_default()),
        ])
    }

    pub fn actor(&self, name: &str) -> Result<&Actor> {
        self.actors.get(name).with_context(|| format!("no device {name} in this scenario"))
    }

    pub fn first(&self) -> Result<&Actor> {
        self.actors.values().next().context("a scenario has devices")
    }

    pub fn record(&self, word: &str) -> RecordId {
        let key = word.strip_prefix('"').and_then(|word| word.strip_suffix('"')).unwrap_or(word);
        RecordId::new(self.collection.clone(), RecordKey::from_input(key))
    }

    /// A text with the table's name and times in the places of `{t}`, `{now}`, `{now+3600000}` (milliseconds).
    pub fn filled(&self, word: &str) -> Result<String> {
        let mut filled = text(word)?.replace("{t}", &self.table).replace("{k}", KEYSPACE);
        let (_, name) = self.table.split_once('.').context("keyspace.table")?;
        filled = filled.replace("{name}", name);
        while let Some((before, rest)) = filled.split_once("{now") {
            let (shift, after) = rest.split_once('}').context("{now without }")?;
            let shift: i64 = if shift.is_empty() { 0 } else { shift.parse()? };
            filled = format!("{before}{}{after}", outside::micros() + shift * 1_000);
        }
        Ok(filled)
    }

    async fn cql(&self, text: &str) -> Result<()> {
        self.scene.outside.cql(text).await.map(drop)
    }

    async fn add(&self, options: &[&str]) -> Result<Said> {
        let mut words = vec!["add".to_owned(), self.workspace.id.to_string()];
        words.extend(["--table".to_owned(), self.table.clone()]);
        if !options.contains(&"--collection") {
            words.extend(["--collection", "things"].map(str::to_owned));
        }
        for word in options {
            words.push(if word.starts_with('"') { text(word)? } else { (*word).to_owned() });
        }
        outside::mirror(self.scene.stage, &words).await
    }

    /// A command about the scenario's mirror.
    pub async fn command(&self, words: &[&str]) -> Result<Said> {
        let id = self.mirror.clone().context("there is no mirror")?;
        let mut line = vec![words[0].to_owned(), id];
        for word in &words[1..] {
            line.push(if word.starts_with('"') { text(word)? } else { (*word).to_owned() });
        }
        outside::mirror(self.scene.stage, &line).await
    }

    /// The collection, made by the first device: `collect name:text n:integer`.
    async fn collect(&self, words: &[&str], policy: Option<&str>) -> Result<()> {
        let actor = self.first()?;
        let mut fields = Vec::new();
        for (word, position) in words.iter().zip(0..) {
            let (name, kind) = word.split_once(':').context("name:type")?;
            let field_type = FieldType::from_name(kind).with_context(|| format!("no type {kind}"))?;
            let (name, label) = (FieldName::new(name)?, name.to_owned());
            fields.push(Field { position, ..Field::new(name, label, field_type) });
        }
        actor.ask(Ask::NewCollection { label: "Things".into(), fields }).await?;
        if let Some(policy) = policy {
            self.set_policy(policy).await?;
        }
        actor.online().await?;
        actor.offline().await
    }

    async fn set_policy(&self, policy: &str) -> Result<()> {
        let policy = Some(Policy::from_name(policy).context("no such policy")?);
        self.first()?.ask(Ask::SetPolicy { collection: self.collection.clone(), policy }).await?;
        Ok(())
    }

    pub async fn act(&self, name: &str, words: &[&str]) -> Result<()> {
        let (actor, rest) = (self.actor(name)?, &words[1..]);
        match words[0] {
            "add" => {
                let id = self.record(rest[0]);
                let (collection, key) = (id.collection, Some(id.key));
                actor.ask(Ask::Insert { collection, key, fields: fields(&rest[1..])? }).await?;
            }
            "set" => {
                let id = self.record(rest[0]);
                let seen = self.seen(actor, &id).await?.context("no such record")?;
                let pairs = fields(&rest[1..])?.into_iter().map(|(field, want)| {
                    let saw = value_of(&seen, &field).clone();
                    (field, Seen { saw, want })
                });
                actor.ask(Ask::Edit { id: id.clone(), fields: pairs.collect() }).await?;
            }
            "delete" => {
                actor.ask(Ask::Delete { ids: vec![self.record(rest[0])] }).await?;
            }
            "many" => self.many(name, rest).await?,
            "policy" => self.set_policy(rest[0]).await?,
            // `A decide 1 name=incoming`, `A decide 1 delete`
            "decide" => {
                let info = self.conflict(actor, rest[0]).await?;
                let outcome = match rest[1] {
                    "delete" => Outcome::Delete,
                    _ => {
                        let mut choices = BTreeMap::new();
                        for word in &rest[1..] {
                            let (field, choice) = word.split_once('=').context("field=choice")?;
                            let choice = match choice {
                                "current" => Choice::Current,
                                "incoming" => Choice::Incoming,
                                value => Choice::Own(Value(json(value)?)),
                            };
                            choices.insert(FieldName::new(field)?, choice);
                        }
                        Outcome::Keep { choices }
                    }
                };
                let (saw_conflict, saw_record) = (info.conflict.rev, info.record_rev);
                let resolve = Ask::Resolve { conflict: info.conflict.id, saw_conflict, saw_record, outcome };
                actor.ask(resolve).await?;
            }
            "back" => {
                let conflict = self.settled(actor, rest[0]).await?;
                actor.ask(Ask::TakeBack { conflicts: vec![conflict] }).await?;
            }
            other => bail!("{name} cannot “{other}”: no such word"),
        }
        Ok(())
    }

    /// A record's values as the person sees them.
    pub async fn seen(&self, actor: &Actor, id: &RecordId) -> Result<Option<Fields>> {
        match actor.ask(Ask::Record { id: id.clone() }).await? {
            Answer::Record(info) => Ok(info.fields),
            other => bail!("no record: {other:?}"),
        }
    }
}

/// Asks again and again until it is so.
pub async fn until<F: Future<Output = Result<()>>>(mut holds: impl FnMut() -> F) -> Result<()> {
    let since = Instant::now();
    loop {
        match holds().await {
            Ok(()) => return Ok(()),
            Err(error) if since.elapsed() > PATIENCE => {
                return Err(error.context(format!("not within {PATIENCE:?}")));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// A word in quotes.
pub fn text(word: &str) -> Result<String> {
    Ok(json(word)?.as_str().context("a text")?.to_owned())
}
