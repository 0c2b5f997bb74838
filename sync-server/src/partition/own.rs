//! What the server writes itself: records that tell about a mirror, and the rows that a mirror keeps beside the records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use sync_protocol::preceding::Preceding;
use sync_protocol::record::per_field;
use sync_protocol::{
    Change, ChangeId, Counter, Delta, Edit, FieldName, Fields, Partition, RecordId, ReplicaId, Revision,
    Schema, Value, Verdict, WorkspaceId, gate, record,
};

use super::case::{Asked, Case, Told, What};
use super::judge::{Group, KeptShadow};
use super::push::answered;
use super::quota;
use super::schema::Fresh;
use super::{EngineError, PartitionEngine};
use crate::store::{Kind, PartitionId, StoreError};

impl PartitionEngine {
    /// Makes records what they are to be: with just these values, or deleted (`None`). The changes are those of `replica`, which
    /// only the server speaks for; nobody's permission is asked. One verdict per record; `Duplicate`: it was so already.
    ///
    /// # Errors
    /// As of [`PartitionEngine::push`]; doing it again is right and safe.
    pub async fn write_own(
        &self,
        workspace: WorkspaceId,
        partitions: u16,
        replica: ReplicaId,
        wanted: Vec<(RecordId, Option<Fields>)>,
    ) -> Result<Vec<Verdict>, EngineError> {
        let schema = self.schema_of(workspace, Fresh::Now).await?;
        let mut cases: BTreeMap<Partition, (Vec<usize>, Case)> = BTreeMap::new();
        let mut verdicts = vec![Verdict::Duplicate { forgotten: false }; wanted.len()];
        for (place, (id, fields)) in wanted.into_iter().enumerate() {
            let (places, case) = cases
                .entry(id.partition(partitions))
                .or_insert_with(|| (Vec::new(), self.own_case(replica, partitions, &schema)));
            places.push(place);
            let record = id.to_text();
            case.asked.push(Asked { record, refused: None, what: What::Own { id, fields } });
        }
        for (partition, (places, case)) in cases {
            let answer = self.submit(PartitionId { workspace, partition }, case)?;
            for (place, told) in places.into_iter().zip(answered(answer).await?) {
                if let Told::Verdict(verdict) = told {
                    verdicts[place] = verdict;
                }
            }
        }
        Ok(verdicts)
    }

    /// Moves rows of a mirror's in one partition.
    pub(super) async fn move_rows(&self, id: PartitionId, rows: Vec<What>) -> Result<(), EngineError> {
        let mut case = self.own_case(ReplicaId(uuid::Uuid::nil()), 1, &Arc::default());
        let asked = |what| Asked { record: String::new(), refused: None, what };
        case.asked = rows.into_iter().map(asked).collect();
        answered(self.submit(id, case)?).await.map(drop)
    }

    /// A case of what is asked in the server itself.
    pub(super) fn own_case(&self, replica: ReplicaId, partitions: u16, schema: &Arc<Schema>) -> Case {
        Case {
            replica,
            settled: Counter(0),
            schema: schema.clone(),
            room: self.inner.shared.settings.quotas.room(partitions),
            asked: Vec::new(),
            told: Vec::new(),
            preceding: Preceding::default(),
        }
    }

    pub(super) async fn schema_of(
        &self,
        workspace: WorkspaceId,
        fresh: Fresh,
    ) -> Result<Arc<Schema>, StoreError> {
        self.inner.schemas.get(self.store(), workspace, fresh).await
    }
}

impl Group<'_> {
    /// Makes a record what it is to be; `None` where the group ends before it.
    pub(super) fn own(
        &mut self,
        case: &Case,
        asked: &Asked,
        id: &RecordId,
        wanted: Option<&Fields>,
    ) -> Option<Verdict> {
        if let Some(reason) = &asked.refused {
            return Some(reason.clone().into());
        }
        let live = self.record(&asked.record)?.filter(|record| !record.deleted);
        let edit = match (wanted, live) {
            (None, None) => return Some(Verdict::Duplicate { forgotten: false }),
            (Some(fields), None) => Edit::Insert { fields: fields.clone() },
            (None, Some(live)) => Edit::Delete { base: live.fields.clone() },
            (Some(fields), Some(live)) => match changed(&live.fields, fields) {
                deltas if deltas.is_empty() => return Some(Verdict::Duplicate { forgotten: false }),
                fields => Edit::Patch { fields },
            },
        };
        let change = Change {
            id: ChangeId { replica: case.replica, counter: self.state(case.replica)?.last.next() },
            record: id.clone(),
            at: self.now,
            saw: live.map(|record| record.rev),
            edit,
        };
        let verdict = match gate::form(&change) {
            Ok(()) => self.judge(case, &asked.record, &change, change.digest(), false)?,
            Err(reason) => Verdict::from(reason),
        };
        if !matches!(verdict, Verdict::Rejected { .. }) {
            self.note(case, change.id, change.digest(), &verdict);
        }
        Some(verdict)
    }

    pub(super) fn forget(&mut self, kind: Kind, key: &str) {
        if kind == Kind::Mirror {
            self.draft.carried.insert(key.to_owned(), None);
            return;
        }
        let before = match self.draft.shadows.get(key) {
            Some(kept) => kept.weight(),
            None => self.loaded.shadows.get(key).map_or(0, quota::shadow_weight),
        };
        self.weigh(before, &KeptShadow::Forgotten);
        self.draft.shadows.insert(key.to_owned(), KeptShadow::Forgotten);
    }

    /// Never back: where another server was faster, the feed up to there has been carried.
    pub(super) fn carry(&mut self, mirror: &str, seq: Revision) {
        let known = self.draft.carried.get(mirror).copied().flatten();
        if known.or(self.loaded.carried.get(mirror).copied()).is_none_or(|known| known < seq) {
            self.draft.carried.insert(mirror.to_owned(), Some(seq));
        }
    }
}

/// What has to change of a record's values.
fn changed(before: &Fields, wanted: &Fields) -> BTreeMap<FieldName, Delta> {
    let names: BTreeSet<&FieldName> = before.keys().chain(wanted.keys()).collect();
    let value = |fields, name| -> Value { record::value_of(fields, name).clone() };
    per_field(
        names
            .into_iter()
            .filter(|name| before.get(*name) != wanted.get(*name))
            .map(|name| (name.clone(), Delta { base: value(before, name), incoming: value(wanted, name) })),
    )
}
