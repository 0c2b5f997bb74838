//! Decisions of a table: one by one, taken back, and many at once.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use sync_client::api::{Answer, BulkReport, BulkRule, Command as Ask, ReviewFilter, Which};
use sync_protocol::{Choice, CollectionId, FieldName, Fields, Outcome, RecordId, RecordKey, Value};

use crate::play::{Play, kind};
use crate::table::{json, pair};

impl Play<'_> {
    pub async fn settle(&mut self, name: &str, words: &[&str]) -> Result<()> {
        let shown = self.reviews.remove(&(name.to_owned(), words[0].to_owned()));
        let info = match shown {
            Some(info) => info,
            None => self.conflict(name, words[0]).await?,
        };
        let id = info.conflict.record.clone();
        let mut own = Fields::new();
        let outcome = match words.get(1).copied() {
            Some("delete") => Outcome::Delete,
            Some("both") => {
                let key = self.free_key(&id, words[2])?;
                Outcome::KeepBoth { key }
            }
            _ => {
                let mut choices = BTreeMap::new();
                for word in &words[1..] {
                    let (field, choice) = word.split_once('=').context("field=choice")?;
                    let field = FieldName::new(field)?;
                    let choice = match choice {
                        "current" => Choice::Current,
                        "incoming" => Choice::Incoming,
                        value => {
                            let value = Value(json(value)?);
                            own.insert(field.clone(), value.clone());
                            Choice::Own(value)
                        }
                    };
                    choices.insert(field, choice);
                }
                Outcome::Keep { choices }
            }
        };
        let (saw_conflict, saw_record) = (info.conflict.rev, info.record_rev);
        let resolve = Ask::Resolve { conflict: info.conflict.id, saw_conflict, saw_record, outcome };
        self.actor(name)?.ask(resolve).await?;
        self.ledger.values(name, &id, own);
        Ok(())
    }

    /// A key for a record beside another: the same partition, so that both are written in one step.
    fn free_key(&mut self, beside: &RecordId, twin: &str) -> Result<RecordKey> {
        let partitions = self.workspace.partitions;
        let ids =
            (0..).map(|n| RecordId::new(beside.collection.clone(), RecordKey::Text(format!("{twin}{n}"))));
        let id = ids.into_iter().find(|id| id.partition(partitions) == beside.partition(partitions));
        let id = id.context("one of many keys fits")?;
        self.twins.insert(twin.to_owned(), id.clone());
        Ok(id.key)
    }

    pub async fn undo(&mut self, name: &str, words: &[&str]) -> Result<()> {
        let conflicts = if words == ["bulk"] {
            self.bulk.get(name).context("no bulk decision")?.clone()
        } else {
            let mut ids = Vec::new();
            for word in words {
                ids.push(self.conflict(name, word).await?.conflict.id);
            }
            ids
        };
        for conflict in &conflicts {
            let info = self.info_of(name, *conflict).await?;
            self.ledger.taken_back(name, &info.conflict.record);
        }
        let answer = self.actor(name)?.ask(Ask::TakeBack { conflicts: conflicts.clone() }).await?;
        let Answer::Bulk(report) = answer else { bail!("no report") };
        ensure!(report.done == conflicts, "taken back: {} of {}", report.done.len(), conflicts.len());
        Ok(())
    }

    /// A rule, `only` some, `where` a filter lets in, and what its report says; the dry run says the same.
    pub async fn bulk(&mut self, name: &str, words: &[&str]) -> Result<()> {
        let (rule, mut words) = match words {
            ["current", rest @ ..] => (BulkRule::Current, rest),
            ["incoming", rest @ ..] => (BulkRule::Incoming, rest),
            ["newest", rest @ ..] => (BulkRule::Newest, rest),
            ["person", person, rest @ ..] => (BulkRule::Person((*person).into()), rest),
            ["device", device, rest @ ..] => (BulkRule::Device((*device).into()), rest),
            other => bail!("no such rule: {other:?}"),
        };
        let mut which = Which::Filter(ReviewFilter::default());
        if let ["only", refs, rest @ ..] = words {
            let mut ids = Vec::new();
            for word in refs.split(',') {
                ids.push(self.conflict(name, word).await?.conflict.id);
            }
            (which, words) = (Which::Ids(ids), rest);
        }
        if let ["where", wanted, rest @ ..] = words {
            (which, words) = (Which::Filter(filter(wanted)?), rest);
        }
        let mut reports = Vec::new();
        for dry_run in [true, false] {
            let ask = Ask::ResolveMany { which: which.clone(), rule: rule.clone(), dry_run };
            let Answer::Bulk(report) = self.actor(name)?.ask(ask).await? else { bail!("no report") };
            reports.push(report);
        }
        ensure!(reports[0] == reports[1], "the dry run said {:?}, then it was {:?}", reports[0], reports[1]);
        let report: BulkReport = reports.remove(1);
        for word in words {
            let (what, wanted) = pair(word)?;
            let got = match what {
                "keep" => report.keep,
                "take" => report.take,
                "mixed" => report.mixed,
                "left" => report.left_total,
                other => bail!("a report has no {other}"),
            };
            ensure!(wanted == got, "{what} is {got}: {report:?}");
        }
        ensure!(report.done.len() == report.keep + report.take + report.mixed, "{report:?}");
        self.bulk.insert(name.to_owned(), report.done);
        Ok(())
    }
}

fn filter(word: &str) -> Result<ReviewFilter> {
    let (what, of) = word.split_once('=').context("what=of")?;
    let all = ReviewFilter::default();
    Ok(match what {
        "person" => ReviewFilter { person: Some(of.into()), ..all },
        "device" => ReviewFilter { device: Some(of.into()), ..all },
        "kind" => ReviewFilter { kind: Some(kind(of)?), ..all },
        "collection" => ReviewFilter { collection: Some(CollectionId::new(of)?), ..all },
        other => bail!("no filter {other}"),
    })
}
