//! The steps that tabs and programs can take back, for as long as the workspace is open.

use std::collections::BTreeSet;
use std::sync::Arc;
use sync_protocol::Ordered;

use sync_protocol::{Change, Edit, Fields, RecordId, reserved};

use crate::api::{StepInfo, Undoable};
use crate::limits;
use crate::store::Batch;

/// What one step did.
#[derive(Debug, Default)]
pub(super) struct Step {
    label: Option<String>,
    /// The edits of people's records, in their order; none where they are too much to keep.
    pub edits: Vec<(RecordId, Edit)>,
    bytes: usize,
}

/// The steps of everybody who works on this device.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// Who was at work last comes last.
    of: Vec<(Arc<str>, Steps)>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Steps {
    done: Vec<Step>,
    undone: Vec<Step>,
}

/// Which of somebody's steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The last one done.
    Undo,
    /// The last one undone.
    Redo,
}

impl Way {
    pub fn other(self) -> Self {
        match self {
            Self::Undo => Self::Redo,
            Self::Redo => Self::Undo,
        }
    }
}

impl Step {
    pub fn of(label: Option<String>, batch: &Batch, asked: &[RecordId]) -> Self {
        let mut step = Self { label, ..Self::default() };
        step.add(batch, asked);
        step
    }

    /// What a batch does is a part of the step. Fields that it declares stay; of Mooring's own records only definitions that
    /// somebody `asked` to change, and shared views, become what they were. Edits that come to nothing do no harm: they are not found when the
    /// step is taken back.
    pub fn add(&mut self, batch: &Batch, asked: &[RecordId]) {
        let defines = |change: &Change| match change.record.collection.as_str() {
            reserved::COLLECTIONS | reserved::FIELDS => {
                matches!(change.edit, Edit::Patch { .. }) && asked.contains(&change.record)
            }
            // a view is shared, or shared no more, and nothing else
            reserved::VIEWS => true,
            _ => false,
        };
        let kept = |change: &&Change| !change.record.collection.is_reserved() || defines(change);
        for change in batch.enqueue.iter().filter(kept) {
            self.bytes += change.size();
            self.edits.push((change.record.clone(), change.edit.clone()));
        }
        if self.bytes > limits::UNDO_BYTES {
            self.edits.clear();
        }
    }

    /// The edits that take it back, as a step.
    pub fn back(&self, batch: &Batch, asked: &[RecordId]) -> Self {
        Self::of(self.label.clone(), batch, asked)
    }

    pub fn label(&self) -> Option<String> {
        self.label.clone()
    }

    /// `way`: of an undone step its taking back is kept, and it is told as it was.
    fn info(&self, way: Way) -> StepInfo {
        let of = |kind: fn(&Edit) -> bool| {
            let edits = self.edits.iter().filter(|(_, edit)| kind(edit));
            edits.map(|(id, _)| id.clone()).ordered_set()
        };
        let all = of(|_| true).len();
        let (new, gone) =
            (of(|e| matches!(e, Edit::Insert { .. })), of(|e| matches!(e, Edit::Delete { .. })));
        // what was deleted and added again in one step is changed
        let count = |one: &BTreeSet<RecordId>, other: &BTreeSet<RecordId>| {
            one.iter().filter(|id| !other.contains(*id)).count()
        };
        let (added, deleted) = (count(&new, &gone), count(&gone, &new));
        let changed = all - added - deleted;
        let (added, deleted) = if way == Way::Undo { (added, deleted) } else { (deleted, added) };
        StepInfo { label: self.label.clone(), added, changed, deleted }
    }
}

impl Steps {
    fn way(&mut self, way: Way) -> &mut Vec<Step> {
        match way {
            Way::Undo => &mut self.done,
            Way::Redo => &mut self.undone,
        }
    }
}

impl Past {
    /// Somebody has made a step: what they had undone cannot be redone on top of it.
    pub fn did(&mut self, who: &Arc<str>, step: Step) {
        if step.bytes == 0 {
            return;
        }
        let steps = self.of(who);
        let mut gone = std::mem::take(&mut steps.undone);
        if step.edits.is_empty() {
            // too much to keep: and what was before it is not what is undone next
            gone.append(&mut steps.done);
        } else if steps.done.len() == limits::UNDO_STEPS {
            gone.push(steps.done.remove(0));
        }
        self.bytes -= gone.iter().map(|step| step.bytes).sum::<usize>();
        self.give(who, Way::Undo, step);
    }

    /// Takes the step that is undone (or redone) next.
    pub fn take(&mut self, who: &Arc<str>, way: Way) -> Option<Step> {
        let step = self.of(who).way(way).pop()?;
        self.bytes -= step.bytes;
        Some(step)
    }

    /// A step that can be undone (or redone) next.
    pub fn give(&mut self, who: &Arc<str>, way: Way, step: Step) {
        if step.edits.is_empty() {
            return;
        }
        self.bytes += step.bytes;
        self.of(who).way(way).push(step);
        while self.of.len() > limits::UNDO_TABS || self.bytes > limits::UNDO_BYTES {
            let oldest = &mut self.of[0].1;
            let way = if oldest.done.is_empty() { &mut oldest.undone } else { &mut oldest.done };
            if way.is_empty() {
                self.of.remove(0);
            } else {
                self.bytes -= way.remove(0).bytes;
            }
        }
    }

    /// What somebody can undo and redo next.
    pub fn next(&self, who: &str) -> Undoable {
        let steps = self.of.iter().find(|(of, _)| **of == *who).map(|(_, steps)| steps);
        Undoable {
            undo: steps.and_then(|steps| steps.done.last()).map(|step| step.info(Way::Undo)),
            redo: steps.and_then(|steps| steps.undone.last()).map(|step| step.info(Way::Redo)),
        }
    }

    /// What a record held that one of the steps deleted.
    pub fn deleted(&self, id: &RecordId) -> Option<&Fields> {
        let steps = self.of.iter().rev().flat_map(|(_, steps)| steps.done.iter().rev().chain(&steps.undone));
        let mut edits = steps.flat_map(|step| step.edits.iter().rev());
        edits.find_map(|(of, edit)| match edit {
            Edit::Delete { base } if of == id => Some(base),
            _ => None,
        })
    }

    /// Somebody's steps; who is at work comes last.
    fn of(&mut self, who: &Arc<str>) -> &mut Steps {
        let at = self.of.iter().position(|(of, _)| of == who);
        let found = at.map_or_else(|| (who.clone(), Steps::default()), |at| self.of.remove(at));
        self.of.push(found);
        let last = self.of.len() - 1;
        &mut self.of[last].1
    }
}
