//! Records as a program reads them: values by key, without what a screen shows beside them.

use sync_protocol::{CollectionId, RecordId, RecordKey};

use super::workspace::Workspace;
use crate::api::{Answer, Failure};
use crate::limits;
use crate::query::storage;
use crate::store::LocalStore;

/// The values of some records.
pub(super) async fn got<S: LocalStore>(open: &Workspace<S>, ids: &[RecordId]) -> Result<Answer, Failure> {
    bounded(ids.len())?;
    let bases = open.store.get(ids).await.map_err(storage)?;
    let seen = ids.iter().zip(&bases).map(|(id, base)| open.replica.view(id, base.as_ref()));
    Ok(Answer::Got(seen.collect()))
}

/// Some records of a collection, behind a key.
pub(super) async fn page<S: LocalStore>(
    open: &mut Workspace<S>,
    collection: &CollectionId,
    after: Option<RecordKey>,
    limit: usize,
) -> Result<Answer, Failure> {
    bounded(limit)?;
    let views = open.tables.views(&open.store, &open.replica, collection).await.map_err(storage)?;
    Ok(Answer::Page(views.behind(after).take(limit).map(|(k, f)| (k.clone(), f.clone())).collect()))
}

fn bounded(records: usize) -> Result<(), Failure> {
    if records > limits::ROWS {
        return Err(Failure::input(format!("At most {} records can be asked for at once.", limits::ROWS)));
    }
    Ok(())
}
