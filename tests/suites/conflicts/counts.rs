//! Counts, lists, badges and marks come from one place: whatever is asked, the answers agree.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail, ensure};
use sync_client::api::{Answer, Command as Ask, Review, ReviewFilter, ReviewQuery, ReviewTab, RowsQuery};
use sync_protocol::{CollectionId, RecordId};

use crate::stage::Actor;

/// Records looked at one by one; more only take time.
const LOOKED_AT: usize = 8;

/// The badge, the list, the marks of rows, the counts of collections and the records' own pages say the same.
pub async fn agree(actor: &Actor) -> Result<()> {
    let Answer::Session(session) = actor.ask(Ask::Session).await? else { bail!("no session") };
    if session.open.is_none() {
        return Ok(());
    }
    let status = actor.client().status().await?;
    let review = list(actor, ReviewTab::Open).await?;
    let (open, rejected) = (review.items.len(), review.rejected.len());
    let name = &actor.name;
    ensure!(review.matching == open, "{name}: {} match, {open} are listed", review.matching);
    ensure!(review.open == open, "{name}: {} are counted, {open} are listed", review.open);
    ensure!(
        status.review() == (open + rejected) as u64,
        "{name}: the badge says {}, the list has {open} and {rejected} rejected",
        status.review()
    );
    let snoozed = list(actor, ReviewTab::Snoozed).await?;
    ensure!(snoozed.items.len() == review.snoozed, "{name}: snoozed");
    let settled = list(actor, ReviewTab::Settled).await?;
    ensure!(settled.items.len() == review.settled, "{name}: settled");
    let people: usize = review.facets.collections.values().sum();
    ensure!(people == open, "{name}: the filter of collections counts {people} of {open}");
    marks(actor, &review).await
}

async fn marks(actor: &Actor, review: &Review) -> Result<()> {
    let name = &actor.name;
    let mut conflicts: BTreeMap<RecordId, usize> = BTreeMap::new();
    for item in &review.items {
        *conflicts.entry(item.record.clone()).or_default() += 1;
    }
    let mut rejected: BTreeMap<RecordId, usize> = BTreeMap::new();
    for entry in &review.rejected {
        *rejected.entry(entry.id.clone()).or_default() += 1;
    }
    let concerned: BTreeSet<&RecordId> = conflicts.keys().chain(rejected.keys()).collect();
    for id in concerned.iter().take(LOOKED_AT) {
        let Answer::Record(info) = actor.ask(Ask::Record { id: (*id).clone() }).await? else {
            bail!("no record")
        };
        let (wanted, got) = (conflicts.get(*id).copied().unwrap_or_default(), info.conflicts.len());
        ensure!(wanted == got, "{name}: {id} has {got} conflicts on its page, {wanted} in the list");
        let wanted = rejected.get(*id).copied().unwrap_or_default();
        ensure!(wanted == info.rejected.len(), "{name}: {id} has {} rejected", info.rejected.len());
        ensure!(info.marks.review == conflicts.contains_key(*id), "{name}: mark of the page of {id}");
        ensure!(info.marks.rejected == rejected.contains_key(*id), "{name}: rejected mark of {id}");
    }
    let Answer::Collections(collections) = actor.ask(Ask::Collections).await? else {
        bail!("no collections")
    };
    for collection in collections {
        let of = |id: &&&RecordId| id.collection == collection.id;
        let wanted = concerned.iter().filter(of).count() as u64;
        ensure!(
            collection.review == wanted,
            "{name}: {} says {}, not {wanted}",
            collection.id,
            collection.review
        );
        for (key, marks) in rows(actor, &collection.id).await? {
            let id = RecordId::new(collection.id.clone(), key);
            ensure!(marks.review == conflicts.contains_key(&id), "{name}: mark of the row {id}");
            ensure!(marks.rejected == rejected.contains_key(&id), "{name}: rejected mark of the row {id}");
        }
    }
    Ok(())
}

async fn rows(
    actor: &Actor,
    collection: &CollectionId,
) -> Result<Vec<(sync_protocol::RecordKey, sync_client::api::Marks)>> {
    let query = RowsQuery {
        collection: collection.clone(),
        search: String::new(),
        sort: None,
        descending: false,
        only: None,
        offset: 0,
        limit: 500,
    };
    match actor.ask(Ask::Rows(query)).await? {
        Answer::Rows(rows) => Ok(rows.rows.into_iter().map(|row| (row.key, row.marks)).collect()),
        other => bail!("no rows: {other:?}"),
    }
}

async fn list(actor: &Actor, tab: ReviewTab) -> Result<Review> {
    let filter = ReviewFilter { tab, ..ReviewFilter::default() };
    match actor.ask(Ask::Review(ReviewQuery { filter, limit: 500, ..ReviewQuery::default() })).await? {
        Answer::Review(review) => Ok(review),
        other => bail!("no review: {other:?}"),
    }
}
