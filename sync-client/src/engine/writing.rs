//! Commands that edit records: each is one step, saved wholly or not at all, and can be taken back.

use std::collections::BTreeSet;
use std::sync::Arc;
use sync_protocol::Ordered;

use sync_protocol::RecordId;
use sync_protocol::record::fields_size;

use super::Engine;
use super::past::{Step, Way};
use super::records::minted;
use super::workspace::Workspace;
use crate::api::{Answer, Failure, Op, Types, Undone};
use crate::device::Device;
use crate::limits;
use crate::query::storage;
use crate::replica::activity::is_activity;
use crate::replica::rules::Rules;
use crate::replica::write::{Bases, Want};
use crate::store::{Batch, LocalStore, Memos, Written};

/// Whether a step is held to what fields ask of their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// It gives new values.
    ToRules,
    /// It makes a record what it was before.
    ToNone,
}

impl<D: Device> Engine<D> {
    /// Several edits that a program asks for.
    pub(super) async fn write(
        &mut self,
        ops: Vec<Op>,
        label: Option<String>,
        types: Types,
        memos: Memos,
    ) -> Result<Answer, Failure> {
        let too_much = |what: &str, most: usize| {
            Failure::input(format!("One step has at most {most} {what}. Make several of it."))
        };
        if ops.len() > limits::STEP_OPS {
            return Err(too_much("edits", limits::STEP_OPS));
        }
        if ops.iter().map(Op::size).sum::<usize>() > limits::STEP_BYTES {
            return Err(too_much("bytes", limits::STEP_BYTES));
        }
        if label.as_ref().is_some_and(|label| label.chars().count() > sync_protocol::limits::LABEL_CHARS) {
            return Err(Failure::input("The name of this step is too long. Choose a shorter one."));
        }
        let replica = &self.workspace()?.replica;
        let kept = replica.memos();
        let is_new =
            |(name, _): &&(String, String)| kept.binary_search_by(|(known, _)| known.cmp(name)).is_err();
        let count = kept.len() - replica.activity_count() + memos.iter().filter(is_new).count();
        let is_large = |(name, text): &(String, String)| {
            name.len() > limits::MEMO_NAME_BYTES || text.len() > limits::MEMO_BYTES
        };
        if count > limits::MEMOS || memos.iter().any(is_large) {
            return Err(Failure::input(
                "This is more than a program can keep on this device beside its records.",
            ));
        }
        self.save_ops(ops, label, types, memos, Held::ToRules).await
    }

    /// What programs keep on this device under names that begin so.
    pub(super) fn memos(&mut self, prefix: &str) -> Result<Memos, Failure> {
        let all = self.workspace()?.replica.memos().iter();
        Ok(all.filter(|(name, _)| name.starts_with(prefix) && !is_activity(name)).cloned().collect())
    }

    /// Edits as one step, with an answer that names the record of each.
    pub(super) async fn save_ops(
        &mut self,
        ops: Vec<Op>,
        label: Option<String>,
        types: Types,
        memos: Memos,
        held: Held,
    ) -> Result<Answer, Failure> {
        let mut read = BTreeSet::new();
        let mut wants = Vec::new();
        for op in ops {
            // nobody can have a key that is minted just now: there is nothing to read
            let is_minted = matches!(op, Op::Insert { key: None, .. });
            let (id, want) = self.wanted(op);
            if !is_minted {
                read.insert(id.clone());
            }
            wants.push((id, want));
        }
        let open = self.workspace()?;
        let bases = bases(open, read).await?;
        let rules = match held {
            Held::ToRules => {
                let asked = open.replica.asked_about(&wants);
                Some(Rules::new(
                    open.tables.holders(&open.store, &open.replica, asked).await.map_err(storage)?,
                ))
            }
            Held::ToNone => None,
        };
        self.save_wants(wants, label, &types, memos, &bases, rules).await
    }

    /// One edit of a person.
    pub(super) async fn save_one(&mut self, op: Op, held: Held) -> Result<Answer, Failure> {
        self.save_ops(vec![op], None, Types::new(), Memos::new(), held).await
    }

    fn wanted(&self, op: Op) -> (RecordId, Want) {
        match op {
            Op::Insert { collection, key, fields } => {
                let key = key.unwrap_or_else(|| minted(self.device.now(), self.device.random()));
                (RecordId::new(collection, key), Want::New(fields))
            }
            Op::Edit { id, fields } => (id, Want::Change(fields)),
            Op::Put { id, fields } => (id, Want::Exactly(fields)),
            Op::Delete { id } => (id, Want::Gone),
        }
    }

    async fn save_wants(
        &mut self,
        wants: Vec<(RecordId, Want)>,
        label: Option<String>,
        types: &Types,
        memos: Memos,
        bases: &Bases,
        rules: Option<Rules>,
    ) -> Result<Answer, Failure> {
        let (now, who) = (self.device.now(), self.who.clone());
        let ids: Vec<RecordId> = wants.iter().map(|(id, _)| id.clone()).collect();
        let batch = self.workspace()?.replica.write_by(now, wants, types, bases, rules)?;
        let batch = Batch { memos, ..batch };
        let step = Step::of(label, &batch, &ids);
        let answer = self.finish(batch, Written::Saved(ids)).await?;
        self.workspace()?.past.did(&who, step);
        Ok(answer)
    }

    /// Brings back records that were deleted on this device.
    pub(super) async fn undelete(&mut self, ids: Vec<RecordId>) -> Result<Answer, Failure> {
        let open = self.workspace()?;
        let ids: BTreeSet<RecordId> = ids.into_iter().ordered_set();
        let bases = bases(open, ids.clone()).await?;
        let held = |id: &RecordId| open.replica.deleted(id).or_else(|| open.past.deleted(id).cloned());
        // somebody may have brought it back meanwhile
        let gone = ids.into_iter().filter(|id| open.replica.view(id, bases.get(id)).is_none());
        let back: Vec<_> = gone.filter_map(|id| held(&id).map(|fields| (id, Want::New(fields)))).collect();
        if back.is_empty() {
            return Err(Failure::input(
                "There is nothing to bring back from this device any more. The history of the record has its versions.",
            ));
        }
        self.save_wants(back, None, &Types::new(), Memos::new(), &bases, None).await
    }

    /// Takes a step of whoever asks back, or the taking back of one.
    pub(super) async fn undo(&mut self, way: Way) -> Result<Answer, Failure> {
        let who = self.who.clone();
        let step = self.workspace()?.past.take(&who, way).ok_or_else(|| {
            Failure::input(match way {
                Way::Undo => "There is nothing to undo.",
                Way::Redo => "There is nothing to redo.",
            })
        })?;
        let answer = self.undo_step(&who, way, &step).await;
        if answer.is_err() {
            // nothing was saved: it can be tried again
            self.workspace()?.past.give(&who, way, step);
        }
        answer
    }

    async fn undo_step(&mut self, who: &Arc<str>, way: Way, step: &Step) -> Result<Answer, Failure> {
        let now = self.device.now();
        let open = self.workspace()?;
        let bases = bases(open, step.edits.iter().map(|(id, _)| id.clone()).ordered_set()).await?;
        let mut undo = open.replica.undo(&step.edits, &bases);
        let left = undo.kept();
        let ids: Vec<RecordId> =
            undo.wants.iter().map(|(id, _)| id.clone()).ordered_set().into_iter().collect();
        let batch = open.replica.write(now, undo.wants, &Types::new(), &bases)?;
        open.past.give(who, way.other(), step.back(&batch, &ids));
        let next = open.past.next(who);
        let undone = Undone { label: step.label(), ids, left, next };
        let changes = !batch.enqueue.is_empty();
        let answer = self.finish(batch, Written::Undone(Box::new(undone))).await;
        if let (Err(_), true, Some(open)) = (&answer, changes, &mut self.desk.open) {
            open.past.take(who, way.other());
        }
        answer
    }
}

impl Op {
    /// Bytes of what it brings, near enough for limits.
    fn size(&self) -> usize {
        match self {
            Self::Insert { fields, .. } | Self::Put { fields, .. } => fields_size(fields),
            Self::Edit { fields, .. } => fields
                .iter()
                .map(|(name, seen)| name.as_str().len() + seen.saw.size() + seen.want.size())
                .sum(),
            Self::Delete { .. } => 0,
        }
    }
}

/// What the store has of records.
async fn bases<S: LocalStore>(open: &Workspace<S>, ids: BTreeSet<RecordId>) -> Result<Bases, Failure> {
    let ids: Vec<RecordId> = ids.into_iter().collect();
    let found = open.store.get(&ids).await.map_err(storage)?;
    Ok(ids.into_iter().zip(found).filter_map(|(id, base)| Some((id, base?))).ordered_map())
}
