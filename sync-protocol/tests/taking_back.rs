//! What must hold of decisions and of merged texts, whatever the values.

use std::collections::BTreeMap;

use crate::common::{World, name, replica};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use sync_protocol::merge::{Meeting, Merged, Work, merge};
use sync_protocol::{Choice, Outcome, Policy, RecordKey, Timestamp, Value};

const A: u128 = 1;
const B: u128 = 2;
const C: u128 = 3;
const FIELDS: [&str; 6] = ["n", "m", "stock", "tags", "last", "body"];

fn cases() -> ProptestConfig {
    let cases = std::env::var("CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn value(field: &str, n: u8) -> Json {
    match field {
        _ if n == 0 => Json::Null,
        "tags" => json!([format!("tag {n}")]),
        "body" => json!(format!("line {n}\n")),
        _ => json!(n),
    }
}

fn values(numbers: &[u8]) -> serde_json::Map<String, Json> {
    let pairs = FIELDS.iter().zip(numbers).map(|(field, n)| ((*field).to_owned(), value(field, *n)));
    pairs.filter(|(_, value)| !value.is_null()).collect()
}

/// What one side does to the fields: `None` leaves one alone.
type Edits = Vec<Option<u8>>;

fn edits() -> impl Strategy<Value = Edits> {
    proptest::collection::vec(proptest::option::weighted(0.6, 0..4u8), FIELDS.len())
}

fn deltas(base: &[u8], edits: &Edits) -> Json {
    let touched = FIELDS.iter().zip(base).zip(edits);
    let pairs = touched.filter_map(|((field, base), wanted)| {
        let wanted = (*wanted)?;
        (wanted != *base).then(|| ((*field).to_owned(), json!([value(field, *base), value(field, wanted)])))
    });
    Json::Object(pairs.collect())
}

/// A conflict of each kind, where one comes of these edits: A's (or a delete) came first, then B's (or a delete).
fn meet(base: &[u8], first: &Option<Edits>, second: &Option<Edits>) -> Option<World> {
    let mut w = World::with(Json::Object(values(base)));
    let seen = w.values();
    for (by, edits) in [(A, first), (B, second)] {
        match edits {
            Some(edits) => w.patch(by, deltas(base, edits)),
            None => w.delete(by, seen.clone()),
        };
    }
    (w.open() == 1).then_some(w)
}

#[derive(Clone, Debug)]
enum Decision {
    Keep(Vec<u8>),
    Delete,
    Both,
}

fn decisions() -> impl Strategy<Value = Decision> {
    prop_oneof![
        4 => proptest::collection::vec(0..3u8, FIELDS.len()).prop_map(Decision::Keep),
        1 => Just(Decision::Delete),
        1 => Just(Decision::Both),
    ]
}

fn outcome(decision: &Decision) -> Outcome {
    match decision {
        Decision::Delete => Outcome::Delete,
        Decision::Both => Outcome::KeepBoth { key: RecordKey::Text("two".into()) },
        Decision::Keep(choices) => {
            let choice = |(field, choice): (&&str, &u8)| {
                let own = || Choice::Own(Value(value(field, 3)));
                (name(field), [Choice::Current, Choice::Incoming, own()][*choice as usize].clone())
            };
            Outcome::Keep { choices: FIELDS.iter().zip(choices).map(choice).collect() }
        }
    }
}

fn numbers() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(0..4u8, FIELDS.len())
}

fn side() -> impl Strategy<Value = Option<Edits>> {
    proptest::option::weighted(0.8, edits())
}

/// Everything of the record and its conflict but the numbers that always move on.
fn state(w: &World) -> Json {
    let conflict = w.conflict();
    let live = w.record.as_ref().filter(|r| !r.deleted);
    let authors: BTreeMap<&str, Json> = live
        .iter()
        .flat_map(|record| FIELDS.iter().map(|field| (*field, json!(record.field_stamp(&name(field)).by))))
        .filter(|(field, _)| live.is_some_and(|record| record.fields.contains_key(*field)))
        .collect();
    let twins: Vec<&RecordKey> = w.twins.values().filter(|r| !r.deleted).map(|r| &r.key).collect();
    let sides: BTreeMap<_, _> = conflict
        .fields
        .iter()
        .map(|(field, s)| (field, json!([s.base, s.current, s.incoming, s.clash])))
        .collect();
    json!([w.values(), authors, twins, conflict.kind, sides, w.open()])
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn taking_a_decision_back_restores_all_where_nobody_has_been_there_since(
        base in numbers(), first in side(), second in side(), decision in decisions(), by in prop_oneof![Just(A), Just(B), Just(C)],
    ) {
        let Some(mut w) = meet(&base, &first, &second) else { return Ok(()) };
        let before = state(&w);
        let said = w.resolve(by, outcome(&decision));
        if said.starts_with("rejected") {
            prop_assert_eq!(state(&w), before, "a decision that is not taken changes nothing");
            return Ok(());
        }
        prop_assert_eq!(w.open(), 0);
        prop_assert_eq!(w.reopen(C), "applied");
        prop_assert_eq!(state(&w), before);
    }

    #[test]
    fn keeping_both_keeps_every_value_of_both(base in numbers(), first in edits(), second in edits()) {
        let Some(mut w) = meet(&base, &Some(first), &Some(second)) else { return Ok(()) };
        let (record, conflict) = (w.values(), w.conflict().clone());
        prop_assert_eq!(w.resolve(C, outcome(&Decision::Both)), "applied");
        prop_assert_eq!(w.values(), record.clone(), "the first one stays as it is");
        let twin = &w.twins[&RecordKey::Text("two".into())];
        for field in FIELDS {
            let wanted = match conflict.fields.get(field) {
                Some(sides) => sides.incoming.0.clone(),
                None => record[field].clone(),
            };
            prop_assert_eq!(&twin.value(&name(field)).0, &wanted, "{}", field);
        }
    }

    #[test]
    fn what_others_did_since_is_not_taken_back(
        base in numbers(), first in edits(), second in edits(), choices in proptest::collection::vec(0..3u8, FIELDS.len()),
        touched in 0..2usize,
    ) {
        let Some(mut w) = meet(&base, &Some(first), &Some(second)) else { return Ok(()) };
        let before = w.values();
        if w.resolve(C, outcome(&Decision::Keep(choices))).starts_with("rejected") {
            return Ok(());
        }
        let field = FIELDS[touched];
        let saw = w.values()[field].clone();
        w.patch(A, json!({ field: [saw, 77] }));
        prop_assert_eq!(w.reopen(C), "applied");
        let after = w.values();
        prop_assert_eq!(&after[field], &json!(77));
        for other in FIELDS.iter().filter(|other| **other != field) {
            prop_assert_eq!(&after[*other], &before[*other], "{}", other);
        }
    }

    /// A word that only one side changed is in the merged text as that side has it, and none is glued to another.
    #[test]
    fn merging_texts_loses_no_word(current in word_edits(), incoming in word_edits(), count in 1..8usize) {
        let base: Vec<String> = (0..count).map(|n| format!("w{n}")).collect();
        let (mine, theirs) = (edited(&base, &current, "c"), edited(&base, &incoming, "i"));
        let text = |words: &[String]| Value::from(words.join(" "));
        let at = Timestamp(1);
        let (base_text, current_text, incoming_text) = (text(&base), text(&mine), text(&theirs));
        let meeting = Meeting {
            base: &base_text,
            current: &current_text,
            incoming: &incoming_text,
            current_at: at,
            incoming_at: at,
            inserted: false,
        };
        let Merged::Combined(merged) = merge(meeting, Policy::Text, &Work::default()) else { return Ok(()) };
        let merged: Vec<&str> = merged.as_text().unwrap().split_whitespace().collect();
        let mut wanted: Vec<&str> = Vec::new();
        wanted.extend(base.iter().filter(|w| mine.contains(w) && theirs.contains(w)).map(String::as_str));
        wanted.extend(mine.iter().chain(&theirs).filter(|w| !base.contains(w)).map(String::as_str));
        wanted.sort_unstable();
        let mut got = merged.clone();
        got.sort_unstable();
        prop_assert_eq!(got, wanted, "{:?} and {:?} of {:?} became {:?}", mine, theirs, base, merged);
    }

    /// The same with words that come again and again, in several lines.
    #[test]
    fn merging_texts_with_repeated_words_loses_none(
        words in proptest::collection::vec(0..4u8, 1..12), edits in proptest::collection::vec((any::<bool>(), prop_oneof![6 => Just(0u8), 1 => Just(1), 2 => Just(2), 1 => Just(3)]), 12),
        lines in any::<bool>(),
    ) {
        if let Some((got, wanted)) = one_side_each(&words, &edits, lines) {
            prop_assert!(nothing_is_lost(&got, &wanted), "{:?} for {:?}", got, wanted);
        }
    }
}

/// Each place is edited by one side at most, so it is known what both want; words come again and again, as they do.
fn one_side_each(words: &[u8], edits: &[(bool, u8)], lines: bool) -> Option<(Counts, Counts)> {
    let base: Vec<String> =
        words.iter().map(|n| ["the", "pump", "on", "deck"][*n as usize].to_owned()).collect();
    let of =
        |mine: bool| edits.iter().map(|(by, edit)| if *by == mine { *edit } else { 0 }).collect::<Vec<u8>>();
    let all: Vec<u8> = edits.iter().map(|(_, edit)| *edit).collect();
    let text = |words: &[String]| {
        let blank = |n: usize| if lines && n % 3 == 2 { "\n" } else { " " };
        Value::from(words.iter().enumerate().map(|(n, w)| format!("{w}{}", blank(n))).collect::<String>())
    };
    let (mine, theirs) = (edited(&base, &of(true), "new"), edited(&base, &of(false), "new"));
    let at = Timestamp(1);
    let (base_text, current, incoming) = (text(&base), text(&mine), text(&theirs));
    let meeting = Meeting {
        base: &base_text,
        current: &current,
        incoming: &incoming,
        current_at: at,
        incoming_at: at,
        inserted: false,
    };
    let Merged::Combined(merged) = merge(meeting, Policy::Text, &Work::default()) else { return None };
    Some((count(merged.as_text().unwrap().split_whitespace()), count(edited(&base, &all, "new").iter())))
}

type Counts = BTreeMap<String, usize>;

fn count(words: impl Iterator<Item = impl AsRef<str>>) -> Counts {
    let mut counts = Counts::new();
    words.for_each(|word| *counts.entry(word.as_ref().to_owned()).or_default() += 1);
    counts
}

/// Nothing is lost: every word is there as often as both want it together. Where both took one of several equal words
/// in a row away, nobody can tell whether it was the same one: then one more may be left. New words come once.
fn nothing_is_lost(got: &Counts, wanted: &Counts) -> bool {
    let there = |(word, n): (&String, &usize)| got.get(word).is_some_and(|have| have >= n);
    let once = |(word, n): (&String, &usize)| !word.starts_with("new") || *n == 1;
    wanted.iter().all(there) && got.iter().all(once) && got.keys().all(|word| !word.is_empty())
}

#[test]
fn most_texts_edited_in_different_places_merge() {
    let mut merged = 0;
    for n in 0..200u64 {
        let mut seed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = |below: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            ((seed >> 20) % below) as u8
        };
        let words: Vec<u8> = (0..10).map(|_| next(4)).collect();
        let edits: Vec<(bool, u8)> = (0..10).map(|_| (next(2) == 0, next(12).saturating_sub(8))).collect();
        if let Some((got, wanted)) = one_side_each(&words, &edits, true) {
            assert!(nothing_is_lost(&got, &wanted), "{got:?} for {wanted:?}");
            merged += 1;
        }
    }
    assert!(merged > 30, "only {merged} of 200 merge: the property would say little");
}

/// Per place: leave the word, drop it, replace it, or put one before it.
fn word_edits() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(prop_oneof![6 => Just(0u8), 1 => Just(1), 2 => Just(2), 1 => Just(3)], 8)
}

/// The words that come new are told apart by side and place.
fn edited(base: &[String], edits: &[u8], side: &str) -> Vec<String> {
    let mut words = Vec::new();
    for ((word, edit), n) in base.iter().zip(edits).zip(0..) {
        match edit {
            1 => {}
            2 => words.push(format!("{side}{n}")),
            3 => words.extend([format!("{side}{n}"), word.clone()]),
            _ => words.push(word.clone()),
        }
    }
    words
}

#[test]
fn the_property_meets_every_kind_of_conflict() {
    let edit = |n: u8| Some(vec![Some(n); FIELDS.len()]);
    let base = [1; 6];
    for (first, second, kind) in
        [(edit(2), edit(3), "edit_edit"), (None, edit(3), "edit_delete"), (edit(2), None, "delete_edit")]
    {
        let w = meet(&base, &first, &second).unwrap();
        assert_eq!(json!(w.conflict().kind), json!(kind));
        assert_eq!(w.conflict().incoming.by, replica(B));
    }
}
