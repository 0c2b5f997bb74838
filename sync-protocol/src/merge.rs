//! Three-way merge of one field, by value.

use crate::Ordered;
use std::cell::Cell;
use std::collections::BTreeSet;

use crate::id::{FieldName, Timestamp};
use crate::limits;
use crate::policy::Policy;
use crate::schema::Collection;
use crate::value::Value;

mod difference;
mod text;

/// The steps that may still be taken to merge the texts of one change. They are counted, not timed: whoever judges, and on
/// whatever machine, stops at the same one, and then asks a person. So the count is a part of the rules.
#[derive(Debug)]
pub struct Work(Cell<usize>);

impl Default for Work {
    /// What one change may take.
    fn default() -> Self {
        Self(Cell::new(limits::MERGE_STEPS))
    }
}

impl Work {
    /// Does something with no more of it than texts of so many bytes may take.
    fn within<T>(&self, bytes: usize, act: impl FnOnce(&Self) -> T) -> T {
        let part = self.0.get().min(bytes.saturating_mul(limits::MERGE_STEPS_PER_BYTE));
        let work = Self(Cell::new(part));
        let done = act(&work);
        self.0.set(self.0.get() - (part - work.0.get()));
        done
    }

    /// Takes steps; `None` where so many are not left.
    fn spend(&self, steps: usize) -> Option<()> {
        let left = self.0.get().checked_sub(steps);
        self.0.set(left.unwrap_or(0));
        left.map(drop)
    }
}

/// What becomes of one touched field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// The field stays as it is: both sides agree, or the policy keeps the current value.
    Keep,
    /// The incoming value, nothing else had changed.
    Set(Value),
    /// A value that the policy made of both sides.
    Combined(Value),
    /// A person has to decide.
    Clash,
}

/// The two edits of one field that meet.
#[derive(Clone, Copy, Debug)]
pub struct Meeting<'a> {
    /// What the incoming change's author saw.
    pub base: &'a Value,
    /// What the record has.
    pub current: &'a Value,
    /// What the incoming change wants.
    pub incoming: &'a Value,
    /// When the current value was set.
    pub current_at: Timestamp,
    /// When the incoming change was made (never later than the server's time).
    pub incoming_at: Timestamp,
    /// Whether the incoming change's author saw no record at all: then there is nothing to count from.
    pub inserted: bool,
}

/// Merges one field by its collection's rule. `work` is a part of what its change may take.
pub fn merge_field(meeting: Meeting<'_>, collection: &Collection, field: &FieldName, work: &Work) -> Merged {
    let meeting = Meeting {
        base: collection.plain(field, meeting.base),
        current: collection.plain(field, meeting.current),
        incoming: collection.plain(field, meeting.incoming),
        ..meeting
    };
    let policy = match collection.policy(field) {
        // two who each make a record with five of something have not counted ten
        Policy::Counter if meeting.inserted => Policy::Ask,
        policy => policy,
    };
    merge(meeting, policy, work)
}

/// Merges one field by a policy, with a part of the work that its change may take (design, rule 2): it clashes when `current != base` and `current != incoming`; then the policy
/// decides. A change that wants what its author saw wants nothing. A counter adds even where both sides reached the same number: two people who each counted one more
/// counted two.
pub fn merge(m: Meeting<'_>, policy: Policy, work: &Work) -> Merged {
    if m.base.same(m.incoming) {
        return Merged::Keep; // nothing was wanted
    }
    if m.current.same(m.base) {
        return Merged::Set(m.incoming.clone());
    }
    if policy == Policy::Counter {
        return match added(m) {
            Some(value) if value == *m.current => Merged::Keep,
            Some(value) => Merged::Combined(value),
            None if m.current.same(m.incoming) => Merged::Keep,
            None => Merged::Clash,
        };
    }
    if m.current.same(m.incoming) {
        return Merged::Keep;
    }
    let combined = match policy {
        Policy::Ask | Policy::Counter => None,
        Policy::First => return Merged::Keep,
        Policy::Last if m.incoming_at >= m.current_at => Some(m.incoming.clone()),
        Policy::Last => return Merged::Keep,
        Policy::Set => united(m),
        Policy::Text => merged_text(m, work),
    };
    match combined {
        None => Merged::Clash,
        Some(value) if value == *m.current => Merged::Keep,
        Some(value) => Merged::Combined(value),
    }
}

/// `current + incoming - base`, where an absent value counts as 0. `None` on overflow or where one is no number.
fn added(m: Meeting<'_>) -> Option<Value> {
    let number = |v: &Value| if v.is_absent() { Some(0) } else { v.as_integer().map(i128::from) };
    let sum = number(m.current)? + number(m.incoming)? - number(m.base)?;
    if m.incoming.is_absent() {
        return None; // cleared against counted: no number means both
    }
    Some(Value::from(i64::try_from(sum).ok()?))
}

/// What was removed goes, what was added comes.
fn united(m: Meeting<'_>) -> Option<Value> {
    fn tags(v: &Value) -> Option<BTreeSet<&str>> {
        if v.is_absent() { Some(BTreeSet::new()) } else { v.as_tags() }
    }
    let (base, current, incoming) = (tags(m.base)?, tags(m.current)?, tags(m.incoming)?);
    let kept = current.iter().filter(|t| !base.contains(*t) || incoming.contains(*t));
    let added = incoming.iter().filter(|t| !base.contains(*t));
    let all: BTreeSet<&str> = kept.chain(added).copied().ordered_set();
    Some(if all.is_empty() { Value::ABSENT } else { Value::from_tags(all) })
}

/// Three-way merge by lines and words; `None` where the edits overlap, or are too much to compare.
fn merged_text(m: Meeting<'_>, work: &Work) -> Option<Value> {
    let (base, current, incoming) = (m.base.as_text()?, m.current.as_text()?, m.incoming.as_text()?);
    text::merge(base, current, incoming, work).map(Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn meet(
        base: serde_json::Value,
        current: serde_json::Value,
        incoming: serde_json::Value,
        policy: Policy,
    ) -> Merged {
        let (base, current, incoming) = (Value(base), Value(current), Value(incoming));
        let at = |ms| Timestamp(ms);
        let meeting = Meeting {
            base: &base,
            current: &current,
            incoming: &incoming,
            current_at: at(20),
            incoming_at: at(10),
            inserted: false,
        };
        merge(meeting, policy, &Work::default())
    }

    fn combined(value: serde_json::Value) -> Merged {
        Merged::Combined(Value(value))
    }

    #[test]
    fn the_rule_by_value() {
        assert_eq!(meet(json!(1), json!(1), json!(2), Policy::Ask), Merged::Set(Value(json!(2))));
        assert_eq!(meet(json!(1), json!(2), json!(2), Policy::Ask), Merged::Keep);
        assert_eq!(meet(json!(1), json!(1), json!(1), Policy::Ask), Merged::Keep);
        assert_eq!(meet(json!(1), json!(2), json!(3), Policy::Ask), Merged::Clash);
        assert_eq!(meet(json!(null), json!(2), json!(3), Policy::Ask), Merged::Clash);
    }

    #[test]
    fn policies() {
        assert_eq!(meet(json!(1), json!(2), json!(3), Policy::First), Merged::Keep);
        assert_eq!(
            meet(json!(1), json!(2), json!(3), Policy::Last),
            Merged::Keep,
            "the current edit is younger"
        );
        assert_eq!(meet(json!(5), json!(6), json!(6), Policy::Counter), combined(json!(7)));
        assert_eq!(meet(json!(5), json!(9), json!(3), Policy::Counter), combined(json!(7)));
        assert_eq!(meet(json!(null), json!(2), json!(3), Policy::Counter), combined(json!(5)));
        assert_eq!(meet(json!(0), json!(i64::MAX), json!(1), Policy::Counter), Merged::Clash);
        assert_eq!(
            meet(json!(["a", "b"]), json!(["a", "b", "c"]), json!(["b", "d"]), Policy::Set),
            combined(json!(["b", "c", "d"]))
        );
        assert_eq!(meet(json!(["a"]), json!(["a", "x"]), json!(null), Policy::Set), combined(json!(["x"])));
        assert_eq!(
            meet(json!("a\nb\nc\n"), json!("A\nb\nc\n"), json!("a\nb\nC\n"), Policy::Text),
            combined(json!("A\nb\nC\n"))
        );
        assert_eq!(meet(json!("a\n"), json!("b\n"), json!("c\n"), Policy::Text), Merged::Clash);
    }
}
