//! What the nodes tell of the table as a whole: whether it was described anew, or emptied.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use sync_protocol::Timestamp;
use uuid::Uuid;

use super::error::WorkError;
use super::link::Link;
use super::reconcile::Open;
use crate::mirror::row::WriteTime;

/// By node: which start, the version of its schema, when it last emptied the table.
pub type Told = BTreeMap<Uuid, (i32, Uuid, Option<Timestamp>)>;

impl Link {
    /// Asks the nodes; `None` where one is silent.
    pub(super) async fn ask_told(&self) -> Option<Told> {
        let counts = self.table.write_counts().await;
        let nodes = counts.nodes.into_iter();
        let told = nodes.map(|(node, count)| (node, (count.generation, count.schema, count.truncated)));
        counts.silent.is_empty().then(|| told.collect())
    }

    /// All was in step, and this was told before it was looked at.
    pub(super) fn keep_told(&self, told: Option<Told>) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = told;
    }

    /// Whether the nodes tell the same as before the last round that found all in step.
    pub(super) async fn is_as_told(&self) -> bool {
        let kept = self.told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        kept.is_some() && self.ask_told().await == kept
    }

    /// Values that are missing because the whole table was emptied are no edits.
    ///
    /// # Errors
    /// Where a person shall say whether that was meant.
    pub(super) async fn not_emptied(&self, open: &[Open]) -> Result<(), WorkError> {
        if !self.mapped.inward || self.loss_is_meant() {
            return Ok(());
        }
        let Some(at) = self.emptied().await else { return Ok(()) };
        if open.iter().any(|one| one.misses_since_before(at)) {
            let what = format!("{} was emptied by TRUNCATE", self.definition.table());
            return Err(WorkError::loss(&what));
        }
        Ok(())
    }

    /// Whether a person said that most rows are gone because that is what was meant.
    pub(super) fn loss_is_meant(&self) -> bool {
        self.definition.loss_meant_until.is_some_and(|until| self.desk.now() < until)
    }

    /// When the table was emptied, if that was since the mirror was made.
    pub(super) async fn emptied(&self) -> Option<Timestamp> {
        let at = self.table.write_counts().await.truncated();
        at.filter(|at| *at > self.definition.made_at)
    }
}

/// Whether the latest cell of a row was written before then; a row without cells may have been there before.
pub(super) fn is_before(written: Option<WriteTime>, at: Timestamp) -> bool {
    written.is_none_or(|written| written.div_euclid(1_000) < at.0)
}
