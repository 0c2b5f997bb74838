//! What judging takes: texts that are hard to compare are asked about, in time that follows from their size; what people do
//! with long texts merges by itself.

use std::time::{Duration, Instant};

use crate::common::World;
use serde_json::{Value as Json, json};
use sync_protocol::schema::field_record;
use sync_protocol::{FieldType, Policy};

/// Builds of tests are some twenty times slower than a server's, and share their processors with others: what used to take
/// hours has to show, no more.
const WITHIN: Duration = Duration::from_secs(10);

fn lines(seed: u64, count: usize, of: u64) -> String {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + ((state >> 33) % of) as u8)
    };
    (0..count).flat_map(|_| [next(), '\n']).collect()
}

/// What becomes of `incoming` where `current` has been saved, both made of `base`; and the text then.
fn meet(base: &str, current: &str, incoming: &str) -> (String, String) {
    let mut w = World::with(json!({"body": "seed"}));
    w.patch(9, json!({"body": ["seed", current]}));
    let began = Instant::now();
    let said = w.patch(1, json!({"body": [base, incoming]}));
    assert!(began.elapsed() < WITHIN, "{:?}", began.elapsed());
    (said, w.values()["body"].as_str().unwrap().to_owned())
}

#[test]
fn texts_that_have_nothing_in_common_cost_next_to_nothing() {
    let (said, _) = meet(&"b\n".repeat(240_000), &"a\n".repeat(500_000), &"c\n".repeat(240_000));
    assert_eq!(said, "conflicted");
}

#[test]
fn texts_that_are_hard_to_compare_are_asked_about() {
    let (said, _) = meet(&lines(1, 240_000, 8), &lines(2, 500_000, 8), &lines(3, 240_000, 8));
    assert_eq!(said, "conflicted");
    let words = |seed, of| lines(seed, 60_000, of).replace('\n', " ");
    let (said, _) = meet(&words(1, 20), &words(2, 20), &words(3, 20));
    assert_eq!(said, "conflicted");
    let (said, _) = meet(&"a".repeat(300_000), &"ab".repeat(200_000), &"ba".repeat(100_000));
    assert_eq!(said, "conflicted");
    let repeated = |line: &str, other: &str| format!("{line}{other}").repeat(60_000);
    let (said, _) = meet(&repeated("a\n", "b\n"), &repeated("b\n", "a\n"), &repeated("a\n", "a\n"));
    assert_eq!(said, "conflicted");
}

#[test]
fn all_fields_of_a_change_share_the_work() {
    let mut w = World::new();
    let all: Vec<String> = (0..200).map(|n| format!("text{n}")).collect();
    for name in &all {
        let field = crate::common::field(name, FieldType::LongText, Some(Policy::Text));
        let (id, values) = field_record(&w.id.collection, &field);
        w.schema.apply(&id, Some(&values));
    }
    let texts = |seed: u64| (seed..).map(|seed| lines(seed, 1_200, 8)).take(all.len());
    let record: serde_json::Map<_, _> = all.iter().cloned().zip(texts(1).map(Json::from)).collect();
    w.insert(9, Json::Object(record));
    let deltas =
        all.iter().cloned().zip(texts(1_000).zip(texts(2_000)).map(|(base, wants)| json!([base, wants])));
    let began = Instant::now();
    assert_eq!(w.patch(1, Json::Object(deltas.collect())), "conflicted");
    assert!(began.elapsed() < WITHIN, "{:?}", began.elapsed());
}

#[test]
fn a_long_log_that_one_appends_to_and_another_corrects_merges() {
    let line = |n: usize| format!("{n:05} pump {} checked\n", n % 7);
    let log: String = (0..16_000).map(line).collect();
    let appended = log.clone() + &(16_000..17_000).map(line).collect::<String>();
    let right = |n: usize| if n % 5 == 3 { line(n).replace("checked", "replaced") } else { line(n) };
    let corrected: String = (0..16_000).map(right).collect();
    let (said, text) = meet(&log, &appended, &corrected);
    assert_eq!(said, "merged");
    let both: String = (0..16_000).map(right).chain((16_000..17_000).map(line)).collect();
    assert!(text == both, "both are there");
}

#[test]
fn different_paragraphs_of_long_prose_merge_also_where_they_have_no_lines() {
    let word =
        |n: usize| ["the", "harbour", "of", "lights", "and", "winds", "was", "quiet"][(n * n + n / 3) % 8];
    let paragraph = |n: usize| (0..60).map(|w| format!("{} {}{} ", word(n + w), n, w)).collect::<String>();
    for end in ["\n\n", ". "] {
        let all: Vec<String> = (0..150).map(paragraph).collect();
        let mut first = all.clone();
        first[20] = paragraph(920);
        first.insert(40, paragraph(921));
        let mut second = all.clone();
        second[100] = paragraph(930);
        second.remove(120);
        let mut both = first.clone();
        both[101] = paragraph(930);
        both.remove(121);
        let (said, text) = meet(&all.join(end), &first.join(end), &second.join(end));
        assert_eq!(said, "merged");
        assert!(text == both.join(end), "both are there");
    }
}
