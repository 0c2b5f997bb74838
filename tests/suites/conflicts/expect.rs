//! What a table may expect of a device; without `sees` it is expected of all.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value as Json, json as of};
use sync_client::api::{Answer, Command as Ask, FileFormat, MergeInfo, ReviewTab};
use sync_protocol::message::{Pull, PullAnswer};
use sync_protocol::{Choice, Cursor, Entry, FieldName, Outcome, RecordKey, record::value_of};

use crate::play::{Play, kind};
use crate::table::{fields, json, pair};

impl Play<'_> {
    pub async fn expect(&self, name: &str, words: &[&str]) -> Result<()> {
        let rest = &words[1..];
        match words[0] {
            // how many there are
            "open" => self.count(name, "open", rest).await,
            "settled" => self.count(name, "settled", rest).await,
            "snoozed" => self.count(name, "snoozed", rest).await,
            "rejects" => self.count(name, "rejected", rest).await,
            "merges" => equal("merges", self.merges(name).await?.len(), rest[0].parse()?),
            "pending" => {
                equal("pending", self.actor(name)?.client().status().await?.pending, rest[0].parse()?)
            }
            "records" => {
                let rows = self.actor(name)?.client().rows("things").await?;
                equal("records", rows.len(), rest[0].parse()?)
            }
            // a conflict's field: base, current, incoming; `quiet` where it does not clash
            "sides" | "quiet" => {
                let info = self.conflict(name, rest[0]).await?;
                let sides = info.conflict.fields.get(rest[1]).context("the conflict has no such field")?;
                let got = of!([sides.base, sides.current, sides.incoming, sides.clash]);
                let wanted =
                    [json(rest[2])?, json(rest[3])?, json(rest[4])?, Json::Bool(words[0] == "sides")];
                equal("sides", got, Json::from(wanted.to_vec()))
            }
            "kind" => equal("kind", self.conflict(name, rest[0]).await?.conflict.kind, kind(rest[1])?),
            "titled" => {
                equal("title", Json::from(self.conflict(name, rest[0]).await?.item.title), json(rest[1])?)
            }
            // who made each side: `by 1 n A B`
            "by" => {
                let info = self.conflict(name, rest[0]).await?;
                let field = FieldName::new(rest[1])?;
                let current = info.current_by.get(&field).map_or("nobody", |author| author.device.as_str());
                let incoming = &info.incoming_by[&field];
                let person = crate::stage::person_of(&incoming.device)?;
                equal("person", incoming.person.as_str(), person)?;
                equal("authors", [current, &incoming.device], [rest[2], rest[3]])
            }
            "values" => {
                let got = self.info(name, &self.record(rest[0])?).await?.fields;
                let wanted = if rest[1] == "gone" { None } else { Some(fields(&rest[1..])?) };
                equal("values", of!(got), of!(wanted))
            }
            // some fields of a record
            "has" => {
                let got = self.info(name, &self.record(rest[0])?).await?.fields.context("it is gone")?;
                for (field, wanted) in fields(&rest[1..])? {
                    equal(field.as_str(), &value_of(&got, &field).0, &wanted.0)?;
                }
                Ok(())
            }
            // what a review shows of the record beside the sides
            "shows" => {
                let info = self.conflict(name, rest[0]).await?;
                let got = info.record.unwrap_or_default();
                for (field, wanted) in fields(&rest[1..])? {
                    equal(field.as_str(), &value_of(&got, &field).0, &wanted.0)?;
                }
                Ok(())
            }
            // the record beside which somebody kept it
            "beside" => {
                let got = self.info(name, &self.record(rest[0])?).await?.twin_of;
                equal("twin_of", got, Some(RecordKey::from_input(rest[1])))
            }
            // which policy is shown with a conflict's field
            "rule" => {
                let policies = self.conflict(name, rest[0]).await?.policies;
                equal("policy", policies.get(rest[1]).map(|p| p.name()), Some(rest[2]))
            }
            "met" => self.met(name, rest).await,
            "history" => self.history_is(name, rest).await,
            "decided" => self.decided(name, rest).await,
            "returned" => self.returned(name, rest).await,
            "rejected" => {
                let id = self.record(rest[0])?;
                let rejected = self.review(name, ReviewTab::Open, None).await?.rejected;
                let entry = rejected.iter().find(|r| r.id == id).context("nothing of it is rejected")?;
                let wanted = json(rest[1])?;
                ensure!(entry.message.contains(wanted.as_str().context("a text")?), "{}", entry.message);
                equal("wanted", of!(entry.wanted), of!(fields(&rest[2..])?))
            }
            "assigned" => {
                let item = self.conflict(name, rest[0]).await?.item;
                equal(
                    "assigned",
                    item.assigned.map_or("nobody".into(), |person| person.name),
                    rest[1].to_owned(),
                )
            }
            "said" => {
                let info = self.conflict(name, rest[0]).await?;
                let said: Vec<_> =
                    info.comments.iter().map(|c| format!("{}: {}", c.person, c.text)).collect();
                let wanted: Vec<String> = rest[1..]
                    .iter()
                    .map(|w| Ok(json(w)?.as_str().unwrap_or_default().to_owned()))
                    .collect::<Result<_>>()?;
                equal("comments", said, wanted)
            }
            "label" => {
                let Answer::Collections(all) = self.actor(name)?.ask(Ask::Collections).await? else {
                    bail!("none")
                };
                let (collection, field) = rest[0].split_once('.').context("collection.field")?;
                let found = all.iter().find(|c| c.id.as_str() == collection).context("no such collection")?;
                let field = found.collection.fields.get(field).context("no such field")?;
                equal("label", field.label.as_str(), rest[1])
            }
            // what the server said of a device's last change of a record
            "verdict" => self.verdict(rest).await,
            "audit" => self.audit(name, rest).await,
            other => bail!("no expectation “{other}”"),
        }
    }

    async fn count(&self, name: &str, what: &str, words: &[&str]) -> Result<()> {
        let review = self.review(name, ReviewTab::Open, None).await?;
        let got = match what {
            "open" => review.open,
            "settled" => review.settled,
            "snoozed" => review.snoozed,
            _ => review.rejected.len(),
        };
        equal(what, got, words[0].parse()?)
    }

    async fn merges(&self, name: &str) -> Result<Vec<MergeInfo>> {
        match self.actor(name)?.ask(Ask::Merges { record: None, offset: 0, limit: 500 }).await? {
            Answer::Merges(merges) => Ok(merges.merges),
            other => bail!("no merges: {other:?}"),
        }
    }

    /// `met 1 stock 5 6 8 9 counter`: base, current, incoming, result, policy of the newest merge of that record.
    async fn met(&self, name: &str, words: &[&str]) -> Result<()> {
        let id = self.record(words[0])?;
        let merges = self.merges(name).await?;
        let found =
            merges.iter().find(|info| info.merge.record == id && info.merge.fields.contains_key(words[1]));
        let met = &found.context("no such merge")?.merge.fields[words[1]];
        let got = of!([met.base, met.current, met.incoming, met.result, met.policy]);
        let wanted = words[2..6].iter().map(|word| json(word)).chain([Ok(Json::from(words[6]))]);
        equal("merge", got, Json::from(wanted.collect::<Result<Vec<_>>>()?))
    }

    /// `history 1 n B=3 A=2 A=1`: newest first, who made each version and what the field was; `gone` where deleted.
    async fn history_is(&self, name: &str, words: &[&str]) -> Result<()> {
        let (id, field) = (self.record(words[0])?, FieldName::new(words[1])?);
        let versions = self.history(name, &id).await?.versions;
        let got = versions.iter().map(|version| {
            let value = if version.deleted {
                "gone".to_owned()
            } else {
                value_of(&version.fields, &field).0.to_string()
            };
            format!("{}={value}", version.by.device)
        });
        equal("history", got.collect::<Vec<_>>().join(" "), words[2..].join(" "))
    }

    /// `decided 1 A n=incoming`, `decided 1 A delete`, `decided 1 A both`: how a settled conflict ended.
    async fn decided(&self, name: &str, words: &[&str]) -> Result<()> {
        let info = self.conflict(name, words[0]).await?;
        let settled = info.item.settled.context("it is not settled")?;
        equal("by", settled.by.device.as_str(), words[1])?;
        self.is_outcome(&settled.outcome, &words[2..])
    }

    /// `returned 1 "has changed" n=incoming`: a decision that came back, why, and its choices.
    async fn returned(&self, name: &str, words: &[&str]) -> Result<()> {
        let info = self.conflict(name, words[0]).await?;
        let (outcome, reason) = info.returned.context("nothing came back")?;
        let wanted = json(words[1])?;
        ensure!(reason.to_string().contains(wanted.as_str().context("a text")?), "{reason}");
        ensure!(info.item.returned, "the line does not say so");
        self.is_outcome(&outcome, &words[2..])
    }

    fn is_outcome(&self, outcome: &Outcome, words: &[&str]) -> Result<()> {
        match (outcome, words) {
            (Outcome::Delete, ["delete"]) | (Outcome::KeepBoth { .. }, ["both"]) => Ok(()),
            (Outcome::Keep { choices }, words) => {
                let told = choices.iter().map(|(name, choice)| match choice {
                    Choice::Current => format!("{name}=current"),
                    Choice::Incoming => format!("{name}=incoming"),
                    Choice::Own(value) => format!("{name}={}", value.0),
                });
                for word in words.iter().filter(|w| !w.ends_with("=current") && !w.ends_with("=incoming")) {
                    pair(word)?;
                }
                equal("choices", told.collect::<Vec<_>>(), words.iter().map(|w| (*w).to_owned()).collect())
            }
            other => bail!("it was decided otherwise: {other:?}"),
        }
    }

    /// `verdict B 1 conflicted`: by what stands in the feed.
    async fn verdict(&self, words: &[&str]) -> Result<()> {
        let entries = self.feed().await?;
        let (device, id) = (words[0], self.record(words[1])?);
        let named = entries.iter().rev().filter_map(|entry| {
            let record = entry
                .record
                .as_ref()
                .filter(|_| entry.collection.as_ref().is_some_and(|c| c.as_str() == "_devices"))?;
            (value_of(&record.fields, &FieldName::new("name").ok()?).as_text() == Some(device))
                .then(|| record.key.clone())
        });
        let Some(RecordKey::Text(replica)) = named.into_iter().next() else { bail!("no device {device}") };
        let of_record = |entry: &&Entry| {
            let own = entry
                .record
                .as_ref()
                .is_some_and(|r| r.key == id.key && entry.collection.as_ref() == Some(&id.collection));
            let other =
                entry.conflicts().next().map(|c| &c.record).or(entry.merge.as_ref().map(|m| &m.record));
            own || other == Some(&id)
        };
        let found =
            entries.iter().rev().filter(of_record).find(|entry| entry.change.replica.to_string() == replica);
        let got =
            found.map_or("none".into(), |entry| of!(entry.kind).as_str().unwrap_or_default().to_owned());
        equal("verdict", got.as_str(), words[2])
    }

    /// The whole feed, as any program could read it.
    async fn feed(&self) -> Result<Vec<Entry>> {
        let ada = self.stage.ada();
        let path = format!("/v1/workspaces/{}/pull", self.workspace.id);
        let mut cursor = Cursor::start(self.workspace.partitions);
        let mut entries = Vec::new();
        loop {
            let answer: PullAnswer = ada.post(&path, &Pull { cursor, wait_ms: 0 }, 30_000).await?;
            entries.extend(answer.feeds.into_iter().flat_map(|feed| feed.entries));
            cursor = answer.cursor;
            if !answer.more {
                return Ok(entries);
            }
        }
    }

    /// `audit settled 1 n 3 A`: both exports have a row of that kind, record and field, with that result, by that device.
    async fn audit(&self, name: &str, words: &[&str]) -> Result<()> {
        let [what, record, field, result, by] = words else { bail!("audit what record field result by") };
        let actor = self.actor(name)?;
        let Answer::Text(text) = actor.ask_online(Ask::ExportAudit { format: FileFormat::Json }).await?
        else {
            bail!("no text")
        };
        let rows: Vec<Json> = serde_json::from_str(&text)?;
        let wanted = if *result == "none" { Json::Null } else { json(result)? };
        let id = self.record(record)?;
        let is = |row: &&Json| {
            row["what"].as_str().map(|w| w.replace(' ', "-")).as_deref() == Some(*what)
                && row["record"] == id.key.to_string()
                && row["field"] == *field
        };
        let found: Vec<&Json> = rows.iter().filter(is).collect();
        let as_wanted = |row: &&Json| row["result"] == wanted && row["by"]["device"] == *by;
        ensure!(found.iter().any(as_wanted), "audit: {found:?} of {}", rows.len());
        let Answer::Text(text) = actor.ask_online(Ask::ExportAudit { format: FileFormat::Csv }).await? else {
            bail!("no text")
        };
        let cells = [what.replace('-', " "), id.key.to_string(), (*field).to_owned()];
        let row = |line: &&str| {
            cells
                .iter()
                .all(|cell| line.split(',').any(|have| have.trim_matches(['\u{feff}', '"', '\'']) == cell))
        };
        ensure!(text.lines().filter(row).count() == found.len(), "the two exports differ:\n{text}");
        Ok(())
    }
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, got: T, wanted: T) -> Result<()> {
    ensure!(got == wanted, "{what}: it is {got:?}, expected was {wanted:?}");
    Ok(())
}
