//! Which ranges of the table are another than was agreed on: the database adds them up, and few rows are read.

use futures::stream::{self, StreamExt, TryStreamExt};

use super::error::WorkError;
use super::link::Link;
use super::plan::{Cuts, Part, total};
use super::rounds::{Reads, place};
use crate::mirror::cql::TableError;
use crate::mirror::cql::ranges::{RangeDigest, TokenRange};

/// Rows that one question adds up: some ten milliseconds. More would keep others waiting, and fewer cost more questions.
const ASKED_ROWS: i64 = 5_000;
/// Ranges that are asked about together.
const ASKED_RANGES: usize = 16;
/// Ranges of a table of which nothing is known.
const FIRST_RANGES: usize = 64;
/// Questions at once.
const AT_ONCE: usize = 3;
/// How often a range is halved that the database does not add up.
const HALVED: u32 = 12;

/// A range whose rows are to be read, and what the database adds up there; `None` where it does not.
#[derive(Debug)]
pub(super) struct Summed {
    pub(super) range: TokenRange,
    pub(super) sum: Option<RangeDigest>,
}

impl Link {
    /// The ranges whose rows are to be read; and how many were asked about.
    pub(super) async fn sums(&self, reads: Reads) -> Result<(u64, Vec<Summed>), WorkError> {
        let groups = self.plan(|plan| {
            plan.join_small();
            plan.groups(ASKED_ROWS, ASKED_RANGES)
        });
        let ranges = groups.iter().map(|group| group.len() as u64).sum();
        let differing: Vec<Vec<Summed>> = stream::iter(groups)
            .map(|group| async move {
                match reads {
                    Reads::All => self.sum(around(&group), HALVED).await,
                    Reads::Differing => self.differing_of(group).await,
                }
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok((ranges, differing.into_iter().flatten().collect()))
    }

    /// Which of these neighbours are others than was agreed on. All are added up by one question first: mostly that is the end.
    async fn differing_of(&self, group: Vec<Part>) -> Result<Vec<Summed>, WorkError> {
        if group.len() > 1 {
            let agreed = total(&group, RangeDigest::none(self.table.mapping()));
            match self.table.digest(around(&group)).await {
                Ok(sum) if sum == agreed => return Ok(Vec::new()),
                Ok(_) | Err(TableError::Smaller(_) | TableError::Later(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut differing = Vec::new();
        for part in group {
            for summed in self.sum(part.range, HALVED).await? {
                let agreed = part.sum.as_ref().filter(|_| summed.range == part.range);
                if summed.sum.is_none() || summed.sum.as_ref() != agreed {
                    differing.push(summed);
                }
            }
        }
        Ok(differing)
    }

    /// The sums over a range, or over its halves where the database does not manage it; none where it does not for the smallest.
    async fn sum(&self, range: TokenRange, halved: u32) -> Result<Vec<Summed>, WorkError> {
        match self.table.digest(range).await {
            Ok(sum) => Ok(vec![Summed { range, sum: Some(sum) }]),
            Err(TableError::Smaller(_) | TableError::Later(_)) if halved > 0 && range.split(2).len() == 2 => {
                // where the database is away altogether, this says so
                self.table.digest(TokenRange { after: i64::MAX - 1, upto: i64::MAX }).await?;
                let mut all = Vec::new();
                for half in range.split(2) {
                    all.extend(Box::pin(self.sum(half, halved - 1)).await?);
                }
                Ok(all)
            }
            Err(TableError::Smaller(_)) => Ok(vec![Summed { range, sum: None }]),
            Err(error) => Err(error.into()),
        }
    }

    /// The ranges by what was agreed on: nothing of the table is read for that.
    pub(super) async fn first_plan(&self) -> Result<(), WorkError> {
        let mapping = self.table.mapping();
        let none = RangeDigest::none(mapping);
        let mut cuts = Cuts::new(i64::MIN, none.clone());
        let mut any = false;
        let mut after: Option<String> = None;
        loop {
            let page = self.shadows(TokenRange::RING, after.as_deref()).await?;
            for (key, shadow) in &page.rows {
                let Some((token, record)) = place(key) else { continue };
                if shadow.there {
                    any = true;
                    cuts.row(token);
                    cuts.of(token).add(mapping, &shadow.row().cells);
                    self.remember(&record, shadow);
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let parts = match any {
            true => cuts.ranges(i64::MAX),
            false => {
                let ranges = TokenRange::RING.split(FIRST_RANGES).into_iter();
                ranges.map(|range| Part { range, sum: Some(none.clone()) }).collect()
            }
        };
        self.plan(|plan| plan.set(parts));
        Ok(())
    }
}

/// From the first one's beginning to the last one's end.
fn around(group: &[Part]) -> TokenRange {
    let ends = group.first().zip(group.last());
    let (first, last) = ends.expect("a group has ranges");
    TokenRange { after: first.range.after, upto: last.range.upto }
}
