//! What was sent and received, in words and as a small chart.

use super::count;
use sync_client::api::ActivityInfo;
use sync_protocol::{CollectionId, Timestamp};

const HOUR_MS: i64 = 3_600_000;

/// Hours that the chart shows.
pub const HOURS: usize = 24;

/// Changes sent and received in each of the last hours, the oldest first.
pub fn by_hour(all: &[ActivityInfo], now: Timestamp) -> [(u64, u64); HOURS] {
    let mut hours = [(0, 0); HOURS];
    for entry in all {
        // a clock that was set back has entries to come: they are of now
        let ago = (now.0 - entry.at.0).max(0) / HOUR_MS;
        if let Some(place) = usize::try_from(ago).ok().and_then(|ago| (HOURS - 1).checked_sub(ago)) {
            let (sent, received) = &mut hours[place];
            *(if entry.sent { sent } else { received }) += entry.total();
        }
    }
    hours
}

/// `Sent 12 changes`, `Received 1 change`.
pub fn title(entry: &ActivityInfo) -> String {
    format!("{} {}", if entry.sent { "Sent" } else { "Received" }, count::changes(entry.total()))
}

/// Where: `People 10, Equipment 2`; `label`: what a collection is called, where it is known.
pub fn places(entry: &ActivityInfo, label: impl Fn(&CollectionId) -> Option<String>) -> String {
    let named = entry
        .of
        .iter()
        .map(|(id, n)| format!("{} {}", label(id).unwrap_or_else(|| id.to_string()), count::number(*n)));
    let others = (entry.others > 0).then(|| format!("others {}", count::number(entry.others)));
    named.chain(others).collect::<Vec<_>>().join(", ")
}

/// What came of it, where that is worth a word.
pub fn outcomes(entry: &ActivityInfo) -> Vec<String> {
    let part = |n: u64, words: &str| (n > 0).then(|| format!("{} {words}", count::number(n)));
    let review = part(entry.review, if entry.review == 1 { "needs review" } else { "need review" });
    [part(entry.merged, "merged"), review, part(entry.refused, "refused")].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: i64, sent: bool, n: u64) -> ActivityInfo {
        let of = [(CollectionId::from_label("People"), n)].into();
        ActivityInfo { at: Timestamp(at), sent, of, ..ActivityInfo::default() }
    }

    #[test]
    fn hours_are_added_up_and_older_ones_left_out() {
        let now = 100 * HOUR_MS;
        let all = [
            entry(now, true, 2),
            entry(now - 1, true, 1),
            entry(now - HOUR_MS, false, 5),
            entry(now - 24 * HOUR_MS, true, 9),
            entry(now + 5, false, 1),
        ];
        let hours = by_hour(&all, Timestamp(now));
        assert_eq!((hours[23], hours[22], hours[0]), ((3, 1), (0, 5), (0, 0)));
    }

    #[test]
    fn entries_read_well() {
        let mut one = entry(0, true, 1_200);
        one.of.insert(CollectionId::from_label("Boats"), 1);
        (one.refused, one.merged, one.review) = (1, 2, 1);
        assert_eq!(title(&one), "Sent 1,201 changes");
        let label = |id: &CollectionId| (id.as_str() == "people").then(|| "People".to_owned());
        assert_eq!(places(&one, label), "boats 1, People 1,200");
        assert_eq!(outcomes(&one), ["2 merged", "1 needs review", "1 refused"]);
        assert_eq!(title(&entry(0, false, 1)), "Received 1 change");
        assert!(outcomes(&entry(0, false, 1)).is_empty());
    }
}
