//! What the engine counts of its work, for whoever watches over the server.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use sync_protocol::Verdict;

use crate::store::{Committed, StoreError};

/// Counts since the process began. Clones count together.
#[derive(Clone, Debug)]
pub struct Figures {
    verdicts: Family<Kind, Counter>,
    steps: Family<End, Counter>,
    groups: Histogram,
    answers: Counter,
    packings: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct End {
    end: &'static str,
}

impl Default for Figures {
    fn default() -> Self {
        // up to the most that one group has
        let groups = Histogram::new(exponential_buckets(1.0, 4.0, 7));
        Self {
            verdicts: Family::default(),
            steps: Family::default(),
            groups,
            answers: Counter::default(),
            packings: Counter::default(),
        }
    }
}

impl Figures {
    /// Has them told with all others.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("verdicts", "Changes that devices were told a verdict of", self.verdicts.clone());
        registry.register(
            "steps",
            "Steps of partitions by their end: committed; lost to another server, or unknown for a while, and judged again; failed",
            self.steps.clone(),
        );
        registry.register(
            "answers_made",
            "Answers to pulls that were put together; all who wait at one place are given the same",
            self.answers.clone(),
        );
        registry.register(
            "answers_packed",
            "Answers to pulls that were compressed; all who accept the same are sent the same bytes",
            self.packings.clone(),
        );
        registry.register("step_entries", "Entries of the feed in a committed step", self.groups.clone());
    }

    /// Answers to pulls that were made; each may have been given to many.
    pub fn answers(&self) -> u64 {
        self.answers.get()
    }

    /// Times that an answer to a pull was written and compressed; each may have been sent to many.
    pub fn packings(&self) -> u64 {
        self.packings.get()
    }

    pub(super) fn packed(&self) {
        self.packings.inc();
    }

    pub(super) fn answer_made(&self) {
        self.answers.inc();
    }

    pub(super) fn judged(&self, verdicts: &[Verdict]) {
        for verdict in verdicts {
            let kind = match verdict {
                Verdict::Applied { .. } => "applied",
                Verdict::Merged { .. } => "merged",
                Verdict::Conflicted { .. } => "needs_review",
                Verdict::Rejected { .. } => "rejected",
                Verdict::Duplicate { .. } => "known_before",
            };
            self.verdicts.get_or_create(&Kind { kind }).inc();
        }
    }

    pub(super) fn stepped(&self, end: &Result<Committed, StoreError>, entries: usize) {
        let end = match end {
            Ok(Committed::Yes) => {
                self.groups.observe(entries as f64);
                "committed"
            }
            Ok(Committed::HeadMoved) => "lost",
            Ok(Committed::Unknown) => "unknown",
            Err(_) => "failed",
        };
        self.steps.get_or_create(&End { end }).inc();
    }
}
