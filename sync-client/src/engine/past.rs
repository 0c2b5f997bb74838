//! The steps that tabs and programs can take back, for as long as the workspace is open.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use sync_protocol::{Edit, Fields, RecordId};

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
    of: VecDeque<(Arc<str>, Steps)>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Steps {
    done: VecDeque<Step>,
    undone: VecDeque<Step>,
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
    pub fn new(label: Option<String>) -> Self {
        Self { label, ..Self::default() }
    }

    /// What a batch does is a part of the step. Fields that it declares stay.
    pub fn and(mut self, batch: &Batch) -> Self {
        for change in batch.enqueue.iter().filter(|change| !change.record.collection.is_reserved()) {
            self.bytes += change.size();
            self.edits.push((change.record.clone(), change.edit.clone()));
        }
        if self.bytes > limits::UNDO_BYTES {
            self.edits.clear();
        }
        self
    }

    /// The edits that take it back, as a step.
    pub fn back(&self, batch: &Batch) -> Self {
        Self::new(self.label.clone()).and(batch)
    }

    pub fn label(&self) -> Option<String> {
        self.label.clone()
    }

    /// `way`: of an undone step its taking back is kept, and it is told as it was.
    fn info(&self, way: Way) -> StepInfo {
        let mut ends: BTreeMap<&RecordId, (bool, bool)> = BTreeMap::new();
        for (id, edit) in &self.edits {
            let (is_new, is_gone) =
                (matches!(edit, Edit::Insert { .. }), matches!(edit, Edit::Delete { .. }));
            ends.entry(id).and_modify(|(_, gone)| *gone = is_gone).or_insert((is_new, is_gone));
        }
        let count = |kind| ends.values().filter(|ends| **ends == kind).count();
        let (new, gone) = (count((true, false)), count((false, true)));
        let (added, deleted) = if way == Way::Undo { (new, gone) } else { (gone, new) };
        StepInfo { label: self.label.clone(), added, changed: count((false, false)), deleted }
    }
}

impl Steps {
    fn way(&mut self, way: Way) -> &mut VecDeque<Step> {
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
        let mut gone: Vec<Step> = steps.undone.drain(..).collect();
        if step.edits.is_empty() {
            // too much to keep: and what was before it is not what is undone next
            gone.extend(steps.done.drain(..));
        } else if steps.done.len() == limits::UNDO_STEPS {
            gone.extend(steps.done.pop_front());
        }
        self.bytes -= gone.iter().map(|step| step.bytes).sum::<usize>();
        self.give(who, Way::Undo, step);
    }

    /// Takes the step that is undone (or redone) next.
    pub fn take(&mut self, who: &Arc<str>, way: Way) -> Option<Step> {
        let step = self.of(who).way(way).pop_back()?;
        self.bytes -= step.bytes;
        Some(step)
    }

    /// A step that can be undone (or redone) next.
    pub fn give(&mut self, who: &Arc<str>, way: Way, step: Step) {
        if step.edits.is_empty() {
            return;
        }
        self.bytes += step.bytes;
        self.of(who).way(way).push_back(step);
        while self.of.len() > limits::UNDO_TABS || self.bytes > limits::UNDO_BYTES {
            let Some((_, oldest)) = self.of.front_mut() else { break };
            match oldest.done.pop_front().or_else(|| oldest.undone.pop_front()) {
                Some(step) => self.bytes -= step.bytes,
                None => drop(self.of.pop_front()),
            }
        }
    }

    /// What somebody can undo and redo next.
    pub fn next(&self, who: &str) -> Undoable {
        let steps = self.of.iter().find(|(of, _)| **of == *who).map(|(_, steps)| steps);
        Undoable {
            undo: steps.and_then(|steps| steps.done.back()).map(|step| step.info(Way::Undo)),
            redo: steps.and_then(|steps| steps.undone.back()).map(|step| step.info(Way::Redo)),
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
        let found = at.and_then(|at| self.of.remove(at)).unwrap_or_else(|| (who.clone(), Steps::default()));
        self.of.push_back(found);
        let last = self.of.len() - 1;
        &mut self.of[last].1
    }
}
