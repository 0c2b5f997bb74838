//! Other programs that write the mirrored table, with clocks that are off, and know nothing of a mirror.

use std::time::Duration;

use sync_protocol::{FieldName, RecordId, Value};
use sync_server::mirror::row::WriteTime;

use super::account::Account;
use super::row::{after, written};
use super::{COLUMNS, COUNTED};
use crate::sim::random::Random;

/// Milliseconds by which the clocks of programs are ahead.
const CLOCKS: [i64; 5] = [3_600_000, 30, 0, -5, -3_600_000];

/// Numbers from here on are of programs.
const NUMBERS: u64 = 10_000;

impl Account {
    /// A program does something to a row; the number decides what. Gives that in words.
    pub fn program(&mut self, record: &RecordId, pick: u64) -> String {
        let mut random = Random::new(pick);
        let clock = CLOCKS[random.below(CLOCKS.len() as u64) as usize];
        let at = written(self.table.now(), clock) + random.below(1_000) as WriteTime;
        let name = FieldName::from_label(COLUMNS[random.below(4) as usize]);
        match random.below(16) {
            0..=3 => {
                let value = self.fresh(&name);
                self.puts(record, &name, value, at, None);
                format!("{name} at {clock}")
            }
            // all columns, whatever is there
            4 | 5 => {
                for name in COLUMNS.into_iter().filter(|name| *name != COUNTED).map(FieldName::from_label) {
                    let value = self.fresh(&name);
                    self.puts(record, &name, value, at, None);
                }
                self.inserts(record, at);
                format!("inserts at {clock}")
            }
            // one column
            6 => {
                let value = self.fresh(&name);
                self.puts(record, &name, value, at, None);
                self.inserts(record, at);
                format!("inserts {name} at {clock}")
            }
            // all columns again, as they were read
            7 => {
                let cells = self.table.read(record).map(|row| row.cells).unwrap_or_default();
                for (name, cell) in cells {
                    self.puts(record, &name, cell.value, at, None);
                }
                format!("writes again at {clock}")
            }
            8 => {
                let name = FieldName::from_label(COUNTED);
                let row = self.table.read(record);
                let count = row.and_then(|row| row.cells.get(&name)?.value.as_integer()).unwrap_or(0);
                self.puts(record, &name, Value::from(count + 1), at, None);
                format!("counts at {clock}")
            }
            9 => {
                let value = self.fresh(&name);
                let lives = Duration::from_secs(1 + random.below(100));
                self.puts(record, &name, value, at, Some(lives));
                format!("{name} for {} s at {clock}", lives.as_secs())
            }
            10 => {
                self.takes(record, &name, at);
                format!("deletes {name} at {clock}")
            }
            11 => {
                self.deletes(record, at);
                format!("deletes at {clock}")
            }
            // compare-and-set: what is read is what the database holds, and still the ballot may be the older time
            12 | 13 => {
                let (at, value) = (self.table.ballot(), self.fresh(&name));
                self.puts(record, &name, value, at, None);
                format!("{name} if it is as it was")
            }
            14 => {
                if self.table.read(record).is_some() {
                    let at = self.table.ballot();
                    self.deletes(record, at);
                }
                "deletes if it exists".into()
            }
            _ => {
                if self.table.read(record).is_none() {
                    let (at, value) = (self.table.ballot(), self.fresh(&name));
                    self.puts(record, &name, value, at, None);
                    self.inserts(record, at);
                }
                format!("inserts {name} if it does not exist")
            }
        }
    }

    /// A value that nobody else writes.
    fn fresh(&mut self, name: &FieldName) -> Value {
        self.next += 1;
        match name.as_str() {
            "title" => Value::from(format!("p{}", self.next).as_str()),
            _ => Value((NUMBERS + self.next).into()),
        }
    }

    fn puts(
        &mut self,
        record: &RecordId,
        name: &FieldName,
        value: Value,
        at: WriteTime,
        lives: Option<Duration>,
    ) {
        self.wrote(record, name, &value);
        if lives.is_some() {
            self.took(record, name);
        }
        self.touch(record, |row, now| {
            row.cell_for(name, Some(value), at, lives.map(|lives| after(now, lives)));
        });
    }

    fn inserts(&mut self, record: &RecordId, at: WriteTime) {
        self.touch(record, |row, _| row.mark(at, None));
    }

    fn takes(&mut self, record: &RecordId, name: &FieldName, at: WriteTime) {
        self.took(record, name);
        self.touch(record, |row, _| row.cell(name, None, at));
    }

    fn deletes(&mut self, record: &RecordId, at: WriteTime) {
        COLUMNS.into_iter().map(FieldName::from_label).for_each(|name| self.took(record, &name));
        self.touch(record, |row, _| row.delete(at));
    }
}
