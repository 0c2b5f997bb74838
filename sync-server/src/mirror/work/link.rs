//! One mirror as this process works on it: its table, its partitions, and what is known of both.

use std::sync::{Arc, Mutex, PoisonError};
use sync_protocol::{CollectionId, WorkspaceId};

use super::calendar::Calendar;
use super::error::WorkError;
use super::lease::Lease;
use super::own::OwnWrites;
use super::plan::Plan;
use super::told::Told;
use crate::mirror::cql::table::Table;
use crate::mirror::definition::Definition;
use crate::mirror::desk::{Desk, DeskError};
use crate::mirror::look::Mapped;
use crate::mirror::status::Board;

/// See the module.
pub struct Link {
    pub(super) desk: Desk,
    pub(super) definition: Definition,
    pub(super) mapped: Mapped,
    pub(in crate::mirror) table: Table,
    pub(in crate::mirror) partitions: u16,
    pub(super) board: Arc<Board>,
    /// What lets this server write; `None` where single rows are brought together, which may be done at any time.
    pub(super) lease: Option<Arc<Lease>>,
    pub(super) own: OwnWrites,
    /// What its nodes told of the table before the last round that found all in step.
    pub(super) told: Mutex<Option<Told>>,
    plan: Mutex<Plan>,
    calendar: Mutex<Calendar>,
}

impl Link {
    /// Opens a mirror's table as it was chosen.
    ///
    /// # Errors
    /// Where it is another one by now, or the database does not answer.
    pub async fn open(desk: &Desk, definition: Definition) -> Result<Self, WorkError> {
        let row = desk.workspace(definition.workspace).await.map_err(WorkError::from_desk)?;
        let cluster = desk.cluster().await?.clone();
        let table = match Table::open(cluster, &definition.chosen).await? {
            Ok(table) => table,
            Err(differences) => return Err(WorkError::differences(&definition, &differences)),
        };
        Ok(Self {
            desk: desk.clone(),
            mapped: definition.mapped(),
            definition,
            table,
            partitions: row.partitions,
            board: Arc::default(),
            lease: None,
            own: OwnWrites::default(),
            told: Mutex::default(),
            plan: Mutex::default(),
            calendar: Mutex::default(),
        })
    }

    pub(super) fn workspace(&self) -> WorkspaceId {
        self.definition.workspace
    }

    pub(super) fn collection(&self) -> &CollectionId {
        &self.definition.collection
    }

    pub(super) fn plan<T>(&self, act: impl FnOnce(&mut Plan) -> T) -> T {
        act(&mut self.plan.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn calendar<T>(&self, act: impl FnOnce(&mut Calendar) -> T) -> T {
        act(&mut self.calendar.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// # Errors
    /// Where the table is another one than was chosen.
    pub(super) async fn unchanged(&self) -> Result<(), WorkError> {
        let differences = self.table.differences().await?;
        if differences.is_empty() {
            return Ok(());
        }
        Err(WorkError::differences(&self.definition, &differences))
    }
}

impl From<WorkError> for DeskError {
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::Pause(why) | WorkError::Loss(why) => Self::Refused(why),
            WorkError::Later(why) | WorkError::Changed(why) => Self::Later(why),
        }
    }
}
