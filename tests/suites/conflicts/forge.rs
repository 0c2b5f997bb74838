//! What a program could send that does not keep to the commands: the server has to refuse it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use sync_client::api::{Answer, Command as Ask};
use sync_protocol::message::{Push, PushAnswer};
use sync_protocol::{
    Change, ChangeId, Counter, Edit, Fields, RecordId, RecordKey, Rejection, ReplicaId, Revision, Timestamp,
    UserId, Value, Verdict, reserved,
};

use crate::play::Play;

impl Play<'_> {
    /// `comment REF PERSON` or `snooze REF PERSON`: in that person's name, with the forger's session.
    pub async fn forge(&self, name: &str, words: &[&str]) -> Result<()> {
        let conflict = self.conflict(name, words[1]).await?.conflict.id;
        let Answer::People(people) = self.actor(name)?.ask(Ask::People).await? else { bail!("no people") };
        let victim = people.iter().find(|person| person.name == words[2]).context("no such person")?.user;
        let (record, fields) = match words[0] {
            "comment" => comment(conflict, victim),
            "snooze" => snooze(conflict, victim),
            other => bail!("no forgery {other}"),
        };
        let replica = ReplicaId(uuid::Uuid::now_v7());
        let id = ChangeId { replica, counter: Counter(1) };
        let change = Change { id, record, at: Timestamp(1), saw: None, edit: Edit::Insert { fields } };
        let push = Push {
            replica,
            settled: Counter(0),
            schema_seen: Revision(0),
            changes: vec![change],
            only_known: Default::default(),
        };
        let path = format!("/v1/workspaces/{}/push", self.workspace.id);
        let sender = self.stage.signed_in(self.actor(name)?.person).await?;
        let answer: PushAnswer = sender.post(&path, &push, 30_000).await?;
        let refused =
            matches!(&answer.verdicts[..], [Verdict::Rejected { reason: Rejection::NotPermitted, .. }]);
        ensure!(refused, "it was not refused: {:?}", answer.verdicts);
        Ok(())
    }
}

fn comment(conflict: ChangeId, user: UserId) -> (RecordId, Fields) {
    let key = RecordKey::Text(uuid::Uuid::now_v7().to_string());
    let fields = BTreeMap::from([
        (reserved::field("conflict"), Value::from(conflict.to_string())),
        (reserved::field("user"), Value::from(user.to_string())),
        (reserved::field("text"), Value::from("forged")),
        (reserved::field("at"), Value::from("2026-11-23T10:00:00Z")),
    ]);
    (RecordId::new(reserved::collection(reserved::COMMENTS), key), fields)
}

fn snooze(conflict: ChangeId, user: UserId) -> (RecordId, Fields) {
    let key = RecordKey::Text(format!("{user}/{conflict}"));
    let fields = BTreeMap::from([(reserved::field("until"), Value::from("2096-11-23T10:00:00Z"))]);
    (RecordId::new(reserved::collection(reserved::SNOOZES), key), fields)
}
