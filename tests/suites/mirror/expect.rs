//! What a table may expect: of the first device, of the table, of the command line.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value as Json, json as of};
use sync_client::api::{
    Answer, Command as Ask, ConflictInfo, Review, ReviewFilter, ReviewQuery, ReviewTab, VersionInfo,
};
use sync_protocol::record::value_of;
use sync_protocol::{ChangeId, FieldName, RecordId};

use crate::outside;
use crate::play::{Play, text, until};
use crate::stage::Actor;
use crate::table::{fields, json, pair};

impl Play<'_> {
    pub async fn expect(&mut self, word: &str, rest: &[&str]) -> Result<()> {
        if word == "open" {
            self.open = rest[0].parse()?;
        }
        let play = &*self;
        until(|| play.holds(word, rest)).await
    }

    async fn holds(&self, word: &str, rest: &[&str]) -> Result<()> {
        let actor = self.first()?;
        match word {
            // all that a record holds; `gone`: there is none
            "values" => self.sees(actor, rest).await,
            // the same of another device
            "sees" => self.sees(self.actor(rest[0])?, &rest[1..]).await,
            // all that a row holds beside its key
            "row" => {
                let query =
                    format!("SELECT JSON * FROM {} WHERE id = {}", self.table, rest[0].replace('"', "'"));
                let rows = self.scene.outside.cell(&query).await?;
                let mut row: Option<Map<String, Json>> = serde_json::from_str(&rows)?;
                if let Some(row) = &mut row {
                    row.retain(|name, value| name != "id" && !value.is_null());
                }
                let wanted = if rest[1..] == ["gone"] { None } else { Some(fields(&rest[1..])?) };
                equal("the row", of!(row), of!(wanted))
            }
            // `select "3" "SELECT count(*) FROM {t}"`
            "select" => {
                let got = self.scene.outside.cell(&self.filled(rest[1])?).await?;
                equal("the cell", got, text(rest[0])?)
            }
            // a number between two
            "living" => {
                let got = self.scene.outside.cell(&self.filled(rest[0])?).await?;
                let (least, most): (i64, i64) = (rest[1].parse()?, rest[2].parse()?);
                ensure!(got.parse().is_ok_and(|got| (least..=most).contains(&got)), "{got} seconds are left");
                Ok(())
            }
            "open" => {
                actor.online().await?;
                equal("open reviews", self.review(actor, ReviewTab::Open, None).await?.open, rest[0].parse()?)
            }
            // base, current, incoming
            "sides" => {
                actor.online().await?;
                let info = self.conflict(actor, rest[0]).await?;
                let sides = info.conflict.fields.get(rest[1]).context("the conflict has no such field")?;
                let wanted = [json(rest[2])?, json(rest[3])?, json(rest[4])?];
                equal("sides", of!([sides.base, sides.current, sides.incoming]), Json::from(wanted.to_vec()))
            }
            // who made each side: `by 1 name A CQL`
            "by" => {
                actor.online().await?;
                let info = self.conflict(actor, rest[0]).await?;
                let field = FieldName::new(rest[1])?;
                let current = info.current_by.get(&field).map_or("nobody".into(), author);
                let incoming = info.incoming_by.get(&field).map_or("nobody".into(), author);
                equal("authors", [current.as_str(), incoming.as_str()], [rest[2], rest[3]])
            }
            // `history 1 name CQL="b" A="a"`: newest first
            "history" => {
                actor.online().await?;
                let field = FieldName::new(rest[1])?;
                let versions = self.versions(actor, &self.record(rest[0])).await?;
                let got = versions.iter().map(|version| match version.deleted {
                    true => format!("{}=gone", author(&version.by)),
                    false => format!("{}={}", author(&version.by), value_of(&version.fields, &field).0),
                });
                equal("history", got.collect::<Vec<_>>().join(" "), rest[2..].join(" "))
            }
            // `told 1 open "Ada" "Another program, through CQL"`: what a program reads of a review; whose value holds, whose waits
            "told" => {
                let (keyspace, table) = self.table.split_once('.').context("keyspace.table")?;
                let query = format!(
                    "SELECT JSON state, current_by, incoming_by FROM {}.mirror_conflicts WHERE keyspace_name = '{keyspace}' AND table_name = '{table}' AND row_key = '{}'",
                    outside::option(self.scene.stage, "--keyspace")?,
                    rest[0]
                );
                let told: Json = serde_json::from_str(&self.scene.outside.cell(&query).await?)?;
                let wanted = [Json::from(rest[1]), json(rest[2])?, json(rest[3])?];
                let got = of!([told["state"], told["current_by"], told["incoming_by"]]);
                equal("what programs are told", got, Json::from(wanted.to_vec()))
            }
            // record, row and what was agreed on are the same: a write has been read back
            "agreed" => {
                let said = self.command(&["verify"]).await?;
                ensure!(said.code == 0, "not the same: {}{}", said.out, said.error);
                Ok(())
            }
            "paused" => {
                let said = self.command(&["show", "--json"]).await?;
                let shown = said.json()?;
                ensure!(said.code == 3 && shown["state"] == "paused", "it is not paused: {shown}");
                let reason = shown["reason"].as_str().unwrap_or_default();
                ensure!(reason.contains(&self.filled(rest[0])?), "paused for another reason: {reason}");
                Ok(())
            }
            // `shows /status/ahead/key="1"`
            "shows" => {
                let shown = self.command(&["show", "--json"]).await?.json()?;
                for word in rest {
                    let (path, wanted) = pair(word)?;
                    let got = shown.pointer(path).cloned().unwrap_or_default();
                    ensure!(got == wanted, "{path} is {got}: {shown}");
                }
                Ok(())
            }
            // `says "text"`: somewhere in what is shown for people
            "says" => {
                let shown = self.command(&["show"]).await?.out;
                ensure!(shown.contains(&text(rest[0])?), "{shown}");
                Ok(())
            }
            // `fails 3 verify`: a command and its exit code
            "fails" => {
                let said = self.command(&rest[1..]).await?;
                equal("exit code", said.code, rest[0].parse()?)
            }
            // `lists 1`: mirrors of the workspace
            "lists" => {
                let words = ["list".to_owned(), self.workspace.id.to_string(), "--json".to_owned()];
                let listed = outside::mirror(self.scene.stage, &words).await?.json()?;
                equal("mirrors", listed.as_array().map_or(0, Vec::len), rest[0].parse()?)
            }
            other => bail!("no word “{other}”"),
        }
    }

    async fn sees(&self, actor: &Actor, rest: &[&str]) -> Result<()> {
        actor.online().await?;
        let got = self.seen(actor, &self.record(rest[0])).await?;
        let wanted = if rest[1..] == ["gone"] { None } else { Some(fields(&rest[1..])?) };
        equal("the record", of!(got), of!(wanted))
    }

    /// Everything is equal, and nobody waits for anything that the scenario did not say.
    pub async fn ends(&self) -> Result<()> {
        if self.mirror.is_some() {
            let shown = self.command(&["show", "--json"]).await?.json()?;
            let both = shown["state"] == "running" && shown["direction"] == "both";
            if both && shown["status"]["refused"] == 0 {
                until(|| async {
                    let said = self.command(&["verify", "--json"]).await?;
                    ensure!(said.code == 0, "exit code {}: {}{}", said.code, said.out, said.error);
                    let sums = said.json()?;
                    equal("sums", &sums["table_sum"], &sums["records_sum"])?;
                    equal("sums", &sums["table_sum"], &sums["agreed_sum"])
                })
                .await?;
            }
        }
        if let Some(examples) = &self.examples {
            examples.all_ran()?;
        }
        for actor in self.actors.values() {
            actor.online().await?;
            let review = self.review(actor, ReviewTab::Open, None).await?;
            equal("open reviews", review.open, self.open)?;
            equal("rejected", review.rejected.len(), 0)?;
        }
        Ok(())
    }

    async fn review(&self, actor: &Actor, tab: ReviewTab, record: Option<RecordId>) -> Result<Review> {
        let filter = ReviewFilter { tab, record, ..ReviewFilter::default() };
        let query = ReviewQuery { filter, limit: 500, ..ReviewQuery::default() };
        match actor.ask(Ask::Review(query)).await? {
            Answer::Review(review) => Ok(review),
            other => bail!("no review: {other:?}"),
        }
    }

    /// The one open conflict of a record.
    pub async fn conflict(&self, actor: &Actor, word: &str) -> Result<ConflictInfo> {
        let items = self.review(actor, ReviewTab::Open, Some(self.record(word))).await?.items;
        ensure!(items.len() == 1, "{} open reviews of {word}", items.len());
        match actor.ask(Ask::Conflict { id: items[0].id }).await? {
            Answer::Conflict(info) => Ok(*info),
            other => bail!("no conflict: {other:?}"),
        }
    }

    /// The one settled conflict of a record.
    pub async fn settled(&self, actor: &Actor, word: &str) -> Result<ChangeId> {
        let items = self.review(actor, ReviewTab::Settled, Some(self.record(word))).await?.items;
        ensure!(items.len() == 1, "{} settled reviews of {word}", items.len());
        Ok(items[0].id)
    }

    async fn versions(&self, actor: &Actor, id: &RecordId) -> Result<Vec<VersionInfo>> {
        let mut all = Vec::new();
        let mut resume = None;
        loop {
            let page = match actor.ask(Ask::History { id: id.clone(), resume }).await? {
                Answer::History(page) => *page,
                other => bail!("no history: {other:?}"),
            };
            all.extend(page.versions);
            resume = page.next;
            if resume.is_none() {
                return Ok(all);
            }
        }
    }
}

/// A device, or `CQL`.
fn author(author: &sync_client::api::Author) -> String {
    match (author.channel.as_str(), author.person.as_str()) {
        ("mirror", "Another program, through CQL") => "CQL".into(),
        ("mirror", other) => format!("{other}?"),
        _ => author.device.clone(),
    }
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, got: T, wanted: T) -> Result<()> {
    ensure!(got == wanted, "{what}: {got:?}, not {wanted:?}");
    Ok(())
}
