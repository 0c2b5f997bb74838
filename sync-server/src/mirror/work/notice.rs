//! Whether anybody else has written to the table: by what the nodes have counted.

use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

use super::error::WorkError;
use super::link::Link;
use crate::mirror::cql::counts::WriteCounts;

/// How often is asked.
pub const EVERY: Duration = Duration::from_millis(500);
/// So long it may stay unclear whether a count is of own writes alone, while those go on.
const UNCLEAR: Duration = Duration::from_millis(1_500);
/// A node that says nothing may have taken anything: while it is silent, the sums are looked at that often.
const SILENT: Duration = Duration::from_secs(10);

/// What was counted when all was as agreed on.
#[derive(Debug, Default)]
pub struct Noticing {
    base: Option<Base>,
    unclear: Option<Instant>,
    silent: Option<Instant>,
}

#[derive(Debug)]
struct Base {
    counts: WriteCounts,
    /// Own writes that were certainly done, and those that were begun.
    done: u64,
    begun: u64,
}

impl Noticing {
    /// Whether a round is due.
    ///
    /// # Errors
    /// Where the table is another one than was chosen.
    pub async fn asks(&mut self, link: &Link) -> Result<bool, WorkError> {
        let done = link.own.done();
        let counts = link.table.write_counts().await;
        link.board.set(|status| status.trouble.clone_from(&counts.refused));
        let begun = link.own.begun();
        let doubt = link.own.take_doubt();
        let now = Base { counts, done, begun };
        let Some(base) = self.base.as_mut().filter(|_| !doubt) else {
            // a round begins with a look at the table's description
            self.base = Some(now);
            return Ok(true);
        };
        if schemas(&base.counts) != schemas(&now.counts) {
            link.unchanged().await?;
            for (node, count) in &mut base.counts.nodes {
                count.schema = now.counts.nodes.get(node).map_or(count.schema, |now| now.schema);
            }
        }
        if !now.counts.silent.is_empty() {
            let since = *self.silent.get_or_insert_with(Instant::now);
            if since.elapsed() < SILENT && now.counts.nodes == base.counts.nodes {
                return Ok(false);
            }
            self.silent = Some(Instant::now());
            self.base = Some(now);
            return Ok(true);
        }
        self.silent = None;
        let (base_moves, asks) = match explained(base, &now, link.table.copies()) {
            Explained::Nothing => (false, false),
            Explained::Own => (true, false),
            Explained::Unclear => {
                let since = *self.unclear.get_or_insert_with(Instant::now);
                if since.elapsed() < UNCLEAR {
                    return Ok(false);
                }
                (true, true)
            }
            Explained::Others => (true, true),
        };
        self.unclear = None;
        if base_moves {
            self.base = Some(now);
        }
        Ok(asks)
    }

    /// What was found may not be all of it: the next question is answered with yes.
    pub fn forget(&mut self) {
        self.base = None;
    }
}

fn schemas(counts: &WriteCounts) -> BTreeSet<Uuid> {
    counts.nodes.values().map(|count| count.schema).collect()
}

#[derive(Debug, PartialEq, Eq)]
enum Explained {
    /// Nothing was written.
    Nothing,
    /// Own writes alone.
    Own,
    /// Own writes are under way: perhaps those alone.
    Unclear,
    /// Somebody else wrote, or it cannot be told.
    Others,
}

fn explained(base: &Base, now: &Base, copies: u64) -> Explained {
    let nodes = |counts: &WriteCounts| {
        counts
            .nodes
            .iter()
            .map(|(node, count)| (*node, count.generation, count.truncated))
            .collect::<Vec<_>>()
    };
    // a node that came, went or started anew counts from nought; one that emptied the table does not count that
    if nodes(&base.counts) != nodes(&now.counts) {
        return Explained::Others;
    }
    let sum = |counts: &WriteCounts| counts.nodes.values().map(|count| count.writes).sum::<i64>();
    let Ok(written) = u64::try_from(sum(&now.counts) - sum(&base.counts)) else { return Explained::Others };
    let (least, most) = (now.done.saturating_sub(base.begun), now.begun.saturating_sub(base.done));
    match (least * copies, most * copies) {
        (0, 0) if written == 0 => Explained::Nothing,
        (least, most) if least == most && written == least => Explained::Own,
        (least, most) if least != most && (least..=most).contains(&written) => Explained::Unclear,
        _ => Explained::Others,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mirror::cql::counts::NodeCount;

    fn base(writes: i64, done: u64, begun: u64) -> Base {
        let node = NodeCount { generation: 1, writes, schema: Uuid::nil(), truncated: None };
        let counts = WriteCounts { nodes: [(Uuid::nil(), node)].into(), ..WriteCounts::default() };
        Base { counts, done, begun }
    }

    #[test]
    fn own_writes_are_no_news_and_others_among_them_are() {
        let at_first = base(10, 3, 3);
        assert_eq!(explained(&at_first, &base(10, 3, 3), 1), Explained::Nothing);
        assert_eq!(explained(&at_first, &base(12, 5, 5), 1), Explained::Own);
        assert_eq!(explained(&at_first, &base(16, 5, 5), 3), Explained::Own);
        assert_eq!(explained(&at_first, &base(13, 5, 5), 1), Explained::Others);
        assert_eq!(explained(&at_first, &base(11, 5, 5), 1), Explained::Others);
        assert_eq!(explained(&at_first, &base(12, 4, 6), 1), Explained::Unclear);
        assert_eq!(explained(&at_first, &base(14, 4, 6), 1), Explained::Others);
        let mut restarted = base(10, 3, 3);
        restarted.counts.nodes.get_mut(&Uuid::nil()).unwrap().generation = 2;
        assert_eq!(explained(&at_first, &restarted, 1), Explained::Others);
        let mut emptied = base(10, 3, 3);
        emptied.counts.nodes.get_mut(&Uuid::nil()).unwrap().truncated = Some(sync_protocol::Timestamp(7));
        assert_eq!(explained(&at_first, &emptied, 1), Explained::Others);
    }
}
