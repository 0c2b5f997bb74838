//! Looks at rows of a mirrored table: judged beside everybody's changes, and what is agreed on moves in the same step.
//!
//! The change that follows from a look gets its counter here, the one after the last that was judged of the mirror's replica in the
//! partition. Exactly once needs no memory of its own then: where a commit's outcome is not known, or another server was faster,
//! the look is judged again from what is stored, and finds the shadow moved.

use std::collections::BTreeMap;
use std::sync::Arc;
use sync_protocol::gate;
use sync_protocol::schema::Collection;
use sync_protocol::{
    Change, ChangeId, Conflict, Edit, Partition, Rejection, Revision, Timestamp, Verdict, WorkspaceId,
};
use xxhash_rust::xxh3::xxh3_128;

use super::case::{Asked, Case, Told, What};
use super::commit::Answer as Waiting;
use super::judge::{Group, KeptShadow};
use super::limits::REFUSED_RESTS;
use super::push::answered;
use super::quota;
use super::schema::Fresh;
use super::{EngineError, PartitionEngine};
use crate::mirror::decide::{Blocked, Facts, inward, outward};
use crate::mirror::look::{Answer, Look, Looked, Mapped, replica_of};
use crate::mirror::row::{Refused, SeenRow, Shadow};
use crate::store::PartitionId;

impl PartitionEngine {
    /// What follows from these looks at rows of a mirrored table, in the same order: each makes at most one change of the
    /// mirror's, and says what is to be written to the table. The intents of those writes are stored before the answer
    /// is given.
    ///
    /// # Errors
    /// As of [`PartitionEngine::push`]: an error says nothing about the single looks; looking again is right and safe.
    pub async fn look(
        &self,
        workspace: WorkspaceId,
        partitions: u16,
        mirror: &Mapped,
        looks: Vec<Look>,
    ) -> Result<Vec<Looked>, EngineError> {
        let schema = self.schema_of(workspace, Fresh::From(Revision(0))).await?;
        let mapped = Arc::new(mirror.clone());
        let count = looks.len();
        let mut cases: BTreeMap<Partition, (Vec<usize>, Case)> = BTreeMap::new();
        for (place, look) in looks.into_iter().enumerate() {
            let partition = look.record.partition(partitions);
            let (places, case) = cases.entry(partition).or_insert_with(|| {
                (Vec::new(), self.own_case(replica_of(mirror.mirror, partition), partitions, &schema))
            });
            places.push(place);
            case.asked.push(Asked {
                record: look.record.to_text(),
                refused: look.record.collection.is_reserved().then_some(Rejection::NotPermitted),
                what: What::Look { look, mapped: mapped.clone() },
            });
        }
        let mut waiting: Vec<(Vec<usize>, Waiting)> = Vec::with_capacity(cases.len());
        for (partition, (places, case)) in cases {
            waiting.push((places, self.submit(PartitionId { workspace, partition }, case)?));
        }
        let mut all: Vec<Option<Looked>> = vec![None; count];
        for (places, answer) in waiting {
            for (place, told) in places.into_iter().zip(answered(answer).await?) {
                if let Told::Looked(looked) = told {
                    all[place] = Some(looked);
                }
            }
        }
        Ok(all.into_iter().flatten().collect())
    }
}

impl Group<'_> {
    /// The answer to one look, with its effects in the draft; `None` where the group ends before it.
    pub(super) fn look(
        &mut self,
        case: &Case,
        asked: &Asked,
        look: &Look,
        mapped: &Mapped,
    ) -> Option<Looked> {
        let text = &asked.record;
        let told = |answer, version| Looked {
            answer,
            version,
            shadow: None,
            ahead: None,
            unwritable: Default::default(),
        };
        if let Some(reason) = &asked.refused {
            return Some(told(Answer::Refused(reason.clone()), look.since));
        }
        let loaded = self.loaded.shadows.get(&look.shadow_key)?;
        let (agreed, weight) = match self.draft.shadows.get(&look.shadow_key) {
            Some(kept) => (kept.shadow().cloned().unwrap_or_default(), kept.weight()),
            None => (loaded.clone(), quota::shadow_weight(loaded)),
        };
        self.record(text)?;
        if self.loaded.unread.contains(text) {
            return None;
        }
        if agreed.version != look.since {
            return Some(told(Answer::Again, agreed.version));
        }
        let Some(collection) = case.schema.collection(&look.record.collection) else {
            let reason = Rejection::UnknownCollection { collection: look.record.collection.to_string() };
            return Some(told(Answer::Refused(reason), agreed.version));
        };
        let blocked = self.blocked(case, text);
        let facts = self.facts(look, mapped, collection, text, &blocked);
        let (ahead, stop) = (facts.ahead(), facts.stop());
        let incoming = inward(facts, &agreed);
        if let Some((edit, at)) = incoming.edit {
            let mark = mark(look.seen.as_ref(), collection);
            if let Some(refused) = agreed.refused.as_ref().filter(|refused| refused.holds(&mark, self.now)) {
                return Some(told(Answer::Refused(refused.reason.clone()), agreed.version));
            }
            if let Verdict::Rejected { reason, .. } = self.minted(case, asked, look, edit, at)? {
                // nothing was taken in: what is agreed on stays, and this is not tried again until something is another
                let refused = Refused { reason: reason.clone(), mark, at: self.now };
                let shadow = Shadow { refused: Some(Box::new(refused)), ..agreed };
                let version = self.keep(&look.shadow_key, shadow, weight, text);
                return Some(told(Answer::Refused(reason), version));
            }
        }
        let blocked = self.blocked(case, text);
        let facts = self.facts(look, mapped, collection, text, &blocked);
        let out = match &stop {
            Some(_) => None,
            None => Some(outward(facts, incoming.shadow.clone())),
        };
        let (shadow, write, unwritable) = match out {
            Some(out) => (out.shadow, out.write, out.unwritable),
            None => (incoming.shadow, None, Default::default()),
        };
        let answer = match (stop, write) {
            (Some(stop), _) => Answer::Stopped(stop),
            (None, Some(write)) => Answer::Write(write),
            (None, None) if blocked.any() => Answer::Parked,
            (None, None) => Answer::Agreed,
        };
        let goes_on = matches!(answer, Answer::Write(_));
        let mut at_hand = goes_on.then(|| shadow.clone());
        let version = match shadow == agreed {
            true => agreed.version,
            false => self.keep(&look.shadow_key, shadow, weight, text),
        };
        at_hand.iter_mut().for_each(|shadow| shadow.version = version);
        Some(Looked { answer, version, shadow: at_hand, ahead, unwritable })
    }

    fn facts<'f>(
        &'f self,
        look: &'f Look,
        mapped: &'f Mapped,
        collection: &'f Collection,
        text: &str,
        blocked: &'f Blocked,
    ) -> Facts<'f> {
        let (seen, wrote, read_at) = (look.seen.as_ref(), look.wrote.as_ref(), look.read_at);
        let record = self.record(text).flatten();
        Facts { mapped, collection, seen, wrote, read_at, record, blocked, now: self.now }
    }

    /// What of a row waits for a person: by the open conflicts of the mirror's about its record.
    fn blocked(&self, case: &Case, text: &str) -> Blocked {
        let open = self.loaded.open.get(text);
        let own: Vec<ChangeId> =
            open.into_iter().flatten().filter(|id| id.replica == case.replica).copied().collect();
        let known: Vec<&Conflict> = own.iter().filter_map(|id| self.conflict(text, *id)).collect();
        let more = known.len() < own.len();
        Blocked::by(known.into_iter(), more)
    }

    /// The verdict about the mirror's next change. One that is rejected leaves no trace: it had no name before.
    fn minted(
        &mut self,
        case: &Case,
        asked: &Asked,
        look: &Look,
        edit: Edit,
        at: Timestamp,
    ) -> Option<Verdict> {
        let saw = self.record(&asked.record)?.filter(|record| !record.deleted).map(|record| record.rev);
        let counter = self.state(case.replica)?.last.next();
        let id = ChangeId { replica: case.replica, counter };
        let change = Change { id, record: look.record.clone(), at, saw, edit };
        if let Err(reason) = gate::form(&change) {
            return Some(reason.into());
        }
        let said = change.digest();
        let verdict = self.judge(case, &asked.record, &change, said, false)?;
        if !matches!(verdict, Verdict::Rejected { .. }) {
            self.note(case, id, said, &verdict);
        }
        Some(verdict)
    }

    /// Stores what is agreed on; gives its new version. `before`: what the old one counted in bytes.
    fn keep(&mut self, key: &str, mut shadow: Shadow, before: u64, text: &str) -> u64 {
        shadow.version += 1;
        let version = shadow.version;
        let lives = self.record(text).flatten().is_some_and(|record| !record.deleted);
        let kept =
            if shadow.there || lives { KeptShadow::Lasts(shadow) } else { KeptShadow::Expires(shadow) };
        self.weigh(before, &kept);
        self.draft.shadows.insert(key.to_owned(), kept);
        version
    }

    /// Counts a shadow that takes the place of one of that weight.
    pub(super) fn weigh(&mut self, before: u64, kept: &KeptShadow) {
        let bytes = &mut self.draft.head.kept.bytes;
        *bytes = bytes.saturating_add(kept.weight()).saturating_sub(before);
        self.writes(kept.shadow().map_or(100, Shadow::size));
    }
}

impl Refused {
    /// Whether the same would be refused again: nothing is another, and room, where that was wanting, was not made since.
    fn holds(&self, mark: &str, now: Timestamp) -> bool {
        let wants_room = matches!(self.reason, Rejection::Impossible { .. });
        let rests = u128::from(now.0.abs_diff(self.at.0)) < REFUSED_RESTS.as_millis();
        self.mark == mark && (!wants_room || rests)
    }
}

/// Of a row and the collection that it was refused by.
fn mark(seen: Option<&SeenRow>, collection: &Collection) -> String {
    let cells = seen.map(|row| &row.cells);
    let text = serde_json::to_string(&(cells, collection)).expect("texts as keys: always JSON");
    format!("{:032x}", xxh3_128(text.as_bytes()))
}
