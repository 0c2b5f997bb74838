//! What is still to be written to the table.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use sync_protocol::{FieldName, Record, Value};

use super::super::row::{Cell, Intent, SeenRow, Shadow, WriteTime};
use super::super::write::{CellWrite, RowWrite, Write};
use super::fence::{climb, intend};
use super::{Facts, latest, micros};

/// What goes out after a look.
#[derive(Clone, Debug, PartialEq)]
pub struct Outward {
    /// The writes; `None` where there are none.
    pub write: Option<Write>,
    /// The shadow with their intents.
    pub shadow: Shadow,
    /// Fields that people changed and the table cannot take.
    pub unwritable: BTreeSet<FieldName>,
}

/// The writes after which the row is what the record says. `shadow` is what [`super::inward`] left.
pub fn outward(facts: Facts<'_>, shadow: Shadow) -> Outward {
    let mut out = Outward { write: None, shadow, unwritable: BTreeSet::new() };
    if !facts.mapped.outward || facts.blocked.row {
        return out;
    }
    match (facts.live(), facts.seen) {
        (Some(live), Some(row)) => out.row_follows(facts, live, row),
        (Some(live), None) => out.row_comes(facts, live),
        (None, Some(row)) => out.row_goes(facts, row),
        (None, None) => out.stays_away(facts),
    }
    out
}

impl Outward {
    /// The record is there, the row is there.
    fn row_follows(&mut self, facts: Facts<'_>, live: &Record, row: &SeenRow) {
        let mut cells = BTreeMap::new();
        for field in &facts.mapped.fields {
            let seen = row.cells.get(field);
            let wanted = facts.collection.plain(field, live.value(field));
            let differs = !facts.same(field, wanted, seen.map_or(&Value::ABSENT, |cell| &cell.value));
            if facts.mapped.read_only.contains(field) {
                if differs && !self.is_kept(facts, field, wanted) {
                    self.unwritable.insert(field.clone());
                }
                continue;
            }
            if !facts.blocked.fields.contains(field) {
                let write = match seen {
                    Some(cell) => self.over(facts, field, cell, wanted, differs),
                    None => self.where_none_is(facts, field, wanted),
                };
                cells.extend(write.map(|write| (field.clone(), write)));
            }
        }
        // a row that was made by UPDATE goes with its last value, and its record stays
        let goes = |field: &FieldName| cells.get(field).is_some_and(|write| write.value.is_absent());
        let mut marker = (!row.cells.is_empty() && row.cells.keys().all(goes))
            .then(|| cells.values().map(|write| write.at).max().unwrap_or_default().saturating_add(1));
        if self.shadow.deleting {
            // the record is back before its row was gone: nothing that the delete on its way could take is left below it
            let deleted = self.shadow.deleted.unwrap_or(WriteTime::MIN);
            if self.shadow.inserting.is_none_or(|at| at <= deleted) {
                marker = marker.max(Some(deleted.saturating_add(1)));
            } else if row.cells.values().all(|cell| cell.written > deleted) {
                (self.shadow.deleting, self.shadow.inserting) = (false, None);
            }
        }
        self.shadow.inserting = marker.or(self.shadow.inserting);
        let row = marker.map_or(RowWrite::Keep, |at| RowWrite::Insert { at });
        self.write = (!cells.is_empty() || marker.is_some()).then_some(Write { cells, row });
    }

    /// The record is there, the row is not.
    fn row_comes(&mut self, facts: Facts<'_>, live: &Record) {
        let as_kept = |field: &FieldName| {
            let wanted = facts.collection.plain(field, live.value(field));
            facts.same(field, wanted, self.shadow.value(field))
        };
        if self.shadow.there && facts.mapped.fields.iter().all(as_kept) {
            // it went by itself, and the record was to stay
            return;
        }
        let mut cells = BTreeMap::new();
        let writable = facts.mapped.fields.difference(&facts.mapped.read_only);
        for field in writable.filter(|field| !facts.blocked.fields.contains(*field)) {
            let wanted = facts.collection.plain(field, live.value(field));
            let write = match wanted.is_absent() {
                true => self.where_none_is(facts, field, wanted),
                false => self.climbing(facts, field, wanted),
            };
            cells.extend(write.map(|write| (field.clone(), write)));
        }
        let value = cells.values().filter(|write| !write.value.is_absent()).map(|write| write.at).max();
        let known = self.shadow.cells.values().map(|cell| cell.written).max().max(self.shadow.deleted);
        let made = facts.wrote.is_some_and(|wrote| matches!(wrote.row, RowWrite::Insert { .. }));
        let at = value.unwrap_or_else(|| unreadable(self.shadow.inserting, made, known, facts));
        let at = at.max(self.shadow.inserting.unwrap_or(at));
        self.shadow.inserting = Some(at);
        let unwritable = facts.mapped.read_only.iter().filter(|field| !live.value(field).is_absent());
        self.unwritable.extend(unwritable.cloned());
        self.write = Some(Write { cells, row: RowWrite::Insert { at } });
    }

    /// The record is deleted, the row is there. A tombstone of the row takes everything up to its time, so it gets the lowest
    /// of all cells: what is newer than that goes cell by cell before. What a program writes meanwhile then holds against each
    /// as it would have held against the value that was seen.
    fn row_goes(&mut self, facts: Facts<'_>, row: &SeenRow) {
        if facts.blocked.any() || !self.shadow.there {
            return;
        }
        let lowest = row.cells.values().map(|cell| cell.written).min();
        let mut cells = BTreeMap::new();
        for field in facts.mapped.fields.difference(&facts.mapped.read_only) {
            let write = match row.cells.get(field) {
                Some(cell) if Some(cell.written) > lowest || self.may_change(facts, field, cell) => {
                    self.over(facts, field, cell, &Value::ABSENT, true)
                }
                Some(_) => None,
                None => self.where_none_is(facts, field, &Value::ABSENT),
            };
            cells.extend(write.map(|write| (field.clone(), write)));
        }
        if !cells.is_empty() {
            self.write = Some(Write { cells, row: RowWrite::Keep });
            return;
        }
        let known = row.cells.values().map(|cell| cell.written).max().max(self.shadow.inserting);
        let at = match self.shadow.deleted.filter(|_| self.shadow.deleting && row.cells.is_empty()) {
            // only the marker is left, which is newer, and whose time nobody can read
            Some(tried) => {
                let made = facts.wrote.is_some_and(|wrote| wrote.row == RowWrite::Delete { at: tried });
                unreadable(Some(tried), made, None, facts)
            }
            None => known.max(self.shadow.deleted).unwrap_or_else(|| unreadable(None, false, None, facts)),
        };
        self.shadow.deleting = true;
        self.shadow.deleted = self.shadow.deleted.max(Some(at));
        self.write = Some(Write { cells: BTreeMap::new(), row: RowWrite::Delete { at } });
    }

    /// Whether a write on its way could still take the place of a cell.
    fn may_change(&self, facts: Facts<'_>, field: &FieldName, cell: &Cell) -> bool {
        let list = self.shadow.intents.get(field).map_or(&[][..], Vec::as_slice);
        list.iter().any(|intent| {
            intent.written > cell.written
                || intent.written == cell.written && !facts.same(field, &intent.value, &cell.value)
        })
    }

    /// Neither is there: what is still on its way shall find a tombstone.
    fn stays_away(&mut self, facts: Facts<'_>) {
        let mut cells = BTreeMap::new();
        for field in facts.mapped.fields.difference(&facts.mapped.read_only) {
            let write = self.where_none_is(facts, field, &Value::ABSENT);
            cells.extend(write.map(|write| (field.clone(), write)));
        }
        let marker =
            self.shadow.inserting.filter(|at| self.shadow.deleted.is_none_or(|deleted| deleted < *at));
        match marker.filter(|_| cells.is_empty()) {
            Some(at) => {
                self.shadow.deleted = Some(at);
                self.write = Some(Write { cells, row: RowWrite::Delete { at } });
            }
            None => self.write = (!cells.is_empty()).then_some(Write { cells, row: RowWrite::Keep }),
        }
    }

    /// Over a cell that was seen: also where it is right, as long as an earlier write of the mirror's could still take its place.
    fn over(
        &mut self,
        facts: Facts<'_>,
        field: &FieldName,
        seen: &Cell,
        wanted: &Value,
        differs: bool,
    ) -> Option<CellWrite> {
        let fence = latest(&self.shadow, field, Some(seen))?;
        let newest = self.shadow.intents.get(field).and_then(|list| list.last());
        let threatened = self.may_change(facts, field, seen)
            || self.shadow.deleted.is_some_and(|deleted| deleted >= seen.written);
        if !differs && !threatened {
            return None;
        }
        let ttl = rest_of_life(facts, seen);
        // a tombstone holds against what is as old as it is
        let at = if wanted.is_absent() { fence } else { fence.saturating_add(1) };
        let on_its_way = newest.is_some_and(|intent| {
            intent.written == fence
                && facts.same(field, &intent.value, wanted)
                && (wanted.is_absent() || intent.written > seen.written)
                && self.shadow.deleted.is_none_or(|deleted| deleted < intent.written || wanted.is_absent())
        });
        Some(self.written(field, wanted, if on_its_way { fence } else { at }, on_its_way, ttl))
    }

    /// Where there is no cell.
    fn where_none_is(&mut self, facts: Facts<'_>, field: &FieldName, wanted: &Value) -> Option<CellWrite> {
        if !wanted.is_absent() {
            return if self.is_kept(facts, field, wanted) {
                None
            } else {
                self.climbing(facts, field, wanted)
            };
        }
        // a value that is on its way shall find a tombstone
        let newest = self.shadow.intents.get(field).and_then(|list| list.last())?;
        let comes =
            !newest.value.is_absent() && self.shadow.deleted.is_none_or(|deleted| deleted < newest.written);
        let at = newest.written;
        comes.then(|| self.written(field, wanted, at, false, None))
    }

    /// A value where nothing can be read of what was there.
    fn climbing(&mut self, facts: Facts<'_>, field: &FieldName, wanted: &Value) -> Option<CellWrite> {
        let list = self.shadow.intents.get(field).map_or(&[][..], Vec::as_slice);
        let agreed = self.shadow.cells.get(field).map(|cell| cell.written);
        let deletes =
            list.iter().filter(|intent| intent.value.is_absent()).map(|intent| intent.written).max();
        let known = agreed.max(deletes).max(self.shadow.deleted);
        let tried = list.last().filter(|intent| known.is_none_or(|known| intent.written > known)).cloned();
        let Some(Intent { value, written }) = tried else {
            return climb(known, None, micros(facts.read_at))
                .map(|at| self.written(field, wanted, at, false, None));
        };
        if facts.was_in_vain(field, written)
            && let Some(at) = climb(known, Some(written), micros(facts.read_at))
        {
            return Some(self.written(field, wanted, at, false, None));
        }
        // the latest try once more; another value is as good as it a moment later
        let again = facts.same(field, &value, wanted);
        let at = if again { written } else { written.saturating_add(1) };
        Some(self.written(field, wanted, at, again, None))
    }

    /// Whether a cell went by itself and the record's value was to stay without it.
    fn is_kept(&self, facts: Facts<'_>, field: &FieldName, wanted: &Value) -> bool {
        facts.cell(field).is_none()
            && !wanted.is_absent()
            && facts.same(field, self.shadow.value(field), wanted)
    }

    /// The write, with its intent unless it is on its way already. Where too many are, the newest of them instead.
    fn written(
        &mut self,
        field: &FieldName,
        value: &Value,
        at: WriteTime,
        on_its_way: bool,
        ttl: Option<Duration>,
    ) -> CellWrite {
        if on_its_way || intend(&mut self.shadow, field, value, at) {
            return CellWrite { value: value.clone(), at, ttl };
        }
        let newest = self.shadow.intents.get(field).and_then(|list| list.last());
        let Intent { value, written } = newest.expect("none is refused where there is none").clone();
        CellWrite { value, at: written, ttl }
    }
}

/// The time for a row's marker or against it, which nobody can read: low first, and once that was made in vain, the time of the
/// look.
fn unreadable(tried: Option<WriteTime>, made: bool, known: Option<WriteTime>, facts: Facts<'_>) -> WriteTime {
    let read_at = micros(facts.read_at);
    match tried.filter(|tried| known.is_none_or(|known| *tried > known)) {
        Some(tried) if made => tried.max(read_at),
        Some(tried) => tried,
        None => climb(known, None, read_at).unwrap_or(read_at),
    }
}

/// A cell that was to go by itself still does, whoever writes it.
fn rest_of_life(facts: Facts<'_>, seen: &Cell) -> Option<Duration> {
    let left = seen.expires?.0.saturating_sub(facts.read_at.0);
    Some(Duration::from_millis(u64::try_from(left).unwrap_or(0)).max(Duration::from_secs(1)))
}
