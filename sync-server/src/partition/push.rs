//! A push: checked, cut into runs and partitions, judged there, put together again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use sync_protocol::gate::text::Unread;
use sync_protocol::message::Push;
use sync_protocol::preceding::Preceding;
use sync_protocol::{
    Change, Counter, Edit, Partition, RecordId, Rejection, Revision, Schema, Verdict, WorkspaceId,
    limits::{FIELDS, PUSH_CHANGES},
    reserved,
};
use sync_protocol::{gate, permit};

use super::case::{Asked, Case, Told, What};
use super::commit::{self, Answer};
use super::schema::Fresh;
use super::{Author, EngineError, PartitionEngine};
use crate::store::{PartitionId, StoreError};

impl PartitionEngine {
    /// Judges the changes of one replica: one verdict per change, in the same order.
    ///
    /// An error says nothing about the single changes; the replica sends them again and gets the verdicts of those
    /// that were judged. In a workspace of one partition, changes that fit one group are one atomic step.
    pub async fn push(
        &self,
        workspace: WorkspaceId,
        partitions: u16,
        author: Author,
        push: &Push,
    ) -> Result<Vec<Verdict>, EngineError> {
        check_form(author, push)?;
        let mut verdicts = Vec::with_capacity(push.changes.len());
        // the schema is judged in order with what uses it: a new field, then a record with it, in one push
        let runs = push.changes.chunk_by(|a, b| is_reserved(a) == is_reserved(b));
        let mut taken = self.inner.names.used_elsewhere(workspace, push, partitions);
        taken.extend(&push.only_known);
        let mut after_schema = false;
        let mut preceding = Preceding::default();
        for run in runs {
            let schema = self.schema_for(workspace, push.schema_seen, after_schema, run).await?;
            let case = Case {
                replica: author.replica,
                settled: push.settled,
                schema,
                room: self.inner.shared.settings.quotas.room(partitions),
                asked: Vec::new(),
                told: Vec::new(),
                preceding: preceding.clone(),
            };
            let judged = self.run(workspace, partitions, author, run, &taken, case).await?;
            for (change, verdict) in run.iter().zip(&judged) {
                preceding.note(change, verdict);
            }
            verdicts.extend(judged);
            after_schema = is_reserved(&run[0]);
        }
        self.figures().judged(&verdicts);
        if after_schema {
            // the next push through this node shall see it at once
            self.inner.schemas.get(self.store(), workspace, Fresh::Now).await?;
        }
        Ok(verdicts)
    }

    /// The same for a push as it came: changes that could not be read are refused in their place, and with each what
    /// follows it in the same record.
    pub async fn push_read(
        &self,
        workspace: WorkspaceId,
        partitions: u16,
        author: Author,
        mut push: Push,
        mut unread: BTreeMap<usize, Unread>,
    ) -> Result<Vec<Verdict>, EngineError> {
        if unread.is_empty() {
            return self.push(workspace, partitions, author, &push).await;
        }
        let mut first: BTreeMap<RecordId, Counter> = BTreeMap::new();
        let count = push.changes.len() + unread.len();
        let mut verdicts: Vec<Option<Verdict>> = Vec::with_capacity(count);
        let mut changes = std::mem::take(&mut push.changes).into_iter();
        for place in 0..count {
            let refused = match unread.remove(&place) {
                Some(Unread { id, record, reason }) => {
                    if let (Some(id), Some(record)) = (id, record) {
                        first.entry(record).or_insert(id.counter);
                    }
                    Some(reason)
                }
                None => changes.next().and_then(|change| {
                    // what is not to be judged keeps no order
                    let is_judged = !push.only_known.contains(&change.id.counter);
                    let counter = first.get(&change.record).copied().filter(|_| is_judged);
                    if counter.is_none() {
                        push.changes.push(change);
                    }
                    counter.map(|counter| Rejection::FollowsRejected { counter })
                }),
            };
            verdicts.push(refused.map(Verdict::from));
        }
        let mut judged = self.push(workspace, partitions, author, &push).await?.into_iter();
        Ok(verdicts.into_iter().filter_map(|refused| refused.or_else(|| judged.next())).collect())
    }

    /// Fresh enough for the author, and up to date before anything is refused because of it.
    async fn schema_for(
        &self,
        workspace: WorkspaceId,
        seen: Revision,
        moved: bool,
        run: &[Change],
    ) -> Result<Arc<Schema>, StoreError> {
        // Mooring's own collections are the same in every workspace; fields that are added are counted
        if is_reserved(&run[0]) && !run.iter().any(adds_field) {
            return Ok(Arc::default());
        }
        let (schemas, store) = (&self.inner.schemas, self.store());
        if moved {
            return schemas.get(store, workspace, Fresh::Now).await;
        }
        let schema = schemas.get(store, workspace, Fresh::From(seen)).await?;
        if run.iter().all(|change| !refused_by_schema(change, &schema)) {
            return Ok(schema);
        }
        schemas.get(store, workspace, Fresh::Now).await
    }

    /// Judges one run; `taken` are ids that are another change's, `empty` is a case without changes yet.
    async fn run(
        &self,
        workspace: WorkspaceId,
        partitions: u16,
        author: Author,
        run: &[Change],
        taken: &BTreeSet<Counter>,
        empty: Case,
    ) -> Result<Vec<Verdict>, EngineError> {
        let mut cases: BTreeMap<Partition, (Vec<usize>, Case)> = BTreeMap::new();
        let mut shape = run.iter().any(adds_field).then(|| Schema::clone(&empty.schema));
        for (place, change) in run.iter().enumerate() {
            let crowded = shape.as_mut().and_then(|shape| crowded(shape, change));
            let partition = change.record.partition(partitions);
            let (places, case) = cases.entry(partition).or_insert_with(|| (Vec::new(), empty.clone()));
            places.push(place);
            case.asked.push(Asked {
                record: change.record.to_text(),
                refused: gate::form(change).err().or_else(|| permit::refusal(&author, change)).or(crowded),
                what: What::Change {
                    said: change.digest(),
                    taken: taken.contains(&change.id.counter),
                    twin_is_elsewhere: change
                        .twin()
                        .is_some_and(|twin| twin.partition(partitions) != partition),
                    change: change.clone(),
                },
            });
        }
        // all of them are on their way before the first is waited for
        let mut waiting: Vec<(Vec<usize>, Answer)> = Vec::with_capacity(cases.len());
        for (partition, (places, case)) in cases {
            waiting.push((places, self.submit(PartitionId { workspace, partition }, case)?));
        }
        let mut verdicts = vec![Verdict::Duplicate { forgotten: false }; run.len()];
        for (places, answer) in waiting {
            for (place, told) in places.into_iter().zip(answered(answer).await?) {
                if let Told::Verdict(verdict) = told {
                    verdicts[place] = verdict;
                }
            }
        }
        Ok(verdicts)
    }

    pub(super) fn submit(&self, id: PartitionId, case: Case) -> Result<Answer, EngineError> {
        let lane = self.lane(id);
        let (answer, start) = lane.submit(case, self.tick(), &self.inner.shared.queued)?;
        if start {
            self.spawn(commit::run(lane, self.inner.shared.clone()));
        }
        Ok(answer)
    }
}

/// What the lane says.
pub(super) async fn answered(answer: Answer) -> Result<Vec<Told>, EngineError> {
    let gone = || StoreError::Unavailable("the work on this partition was broken off".into());
    answer.await.map_err(|_| gone())?
}

fn is_reserved(change: &Change) -> bool {
    change.record.collection.is_reserved()
}

/// Whether the change adds a field.
fn adds_field(change: &Change) -> bool {
    matches!(change.edit, Edit::Insert { .. }) && change.record.collection.as_str() == reserved::FIELDS
}

/// Why there is no room for a field that the change adds, if so; else it counts for the changes after it.
fn crowded(shape: &mut Schema, change: &Change) -> Option<Rejection> {
    let Edit::Insert { fields } = &change.edit else { return None };
    if shape.has_room(&change.record) {
        shape.apply(&change.record, Some(fields));
        return None;
    }
    let rule = format!("a collection has at most {FIELDS} fields; make two of it");
    Some(Rejection::InvalidSchema { rule })
}

fn refused_by_schema(change: &Change, schema: &Schema) -> bool {
    matches!(
        gate::check(change, schema),
        Err(Rejection::UnknownCollection { .. } | Rejection::UnknownField { .. } | Rejection::Misfit { .. })
    )
}

fn check_form(author: Author, push: &Push) -> Result<(), EngineError> {
    let bad = |why: &str| Err(EngineError::BadRequest(why.to_owned()));
    if push.replica != author.replica {
        return bad("the push names another replica than the one that is signed in");
    }
    if push.changes.len() > PUSH_CHANGES {
        return bad(&format!("a push has at most {PUSH_CHANGES} changes"));
    }
    if push.changes.iter().any(|change| change.id.replica != push.replica) {
        return bad("a push carries the changes of one replica");
    }
    let counters = || push.changes.iter().map(|change| change.id.counter);
    if !counters().is_sorted_by(|a, b| a < b) {
        return bad("the counters of a push's changes must grow");
    }
    if counters().next().is_some_and(|first| first <= push.settled) {
        return bad("a change whose outcome the replica holds must not be sent again");
    }
    Ok(())
}
