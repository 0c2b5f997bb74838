//! The database's clock: what a mirror goes by. Programs that give no time of their own write by it, values go by themselves by it;
//! the clock of the server that mirrors may be hours off, and a write with a time that is still to come would hold against theirs.

use scylla::client::session::Session;
use scylla::value::CqlTimeuuid;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use sync_protocol::Timestamp;

use super::{Cluster, TableError, rows};

/// How long what was heard counts on by the time that has passed since.
const LASTS: Duration = Duration::from_secs(60);

/// What the database's clock showed when it was last asked, and when the answer came: it is that much later now, or a little more.
#[derive(Debug)]
pub(super) struct Heard(Mutex<(Timestamp, Instant)>);

impl Heard {
    /// Asks the node whose turn it is.
    pub(super) async fn from(session: &Session) -> Result<Self, TableError> {
        Ok(Self(Mutex::new(ask(session).await?)))
    }

    fn get(&self) -> (Timestamp, Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cluster {
    /// What the database's clock shows, or a little less.
    pub fn now(&self) -> Timestamp {
        let (at, since) = self.heard.get();
        Timestamp(at.0.saturating_add(i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX)))
    }

    /// Asks the database for its clock, where the last answer is older than a minute.
    ///
    /// # Errors
    ///
    /// Where it does not answer: the time goes on from the last answer.
    pub async fn hear_time(&self) -> Result<(), TableError> {
        if self.heard.get().1.elapsed() >= LASTS {
            let heard = ask(&self.session).await?;
            *self.heard.0.lock().unwrap_or_else(PoisonError::into_inner) = heard;
        }
        Ok(())
    }
}

async fn ask(session: &Session) -> Result<(Timestamp, Instant), TableError> {
    let answer = session.query_unpaged("SELECT now() FROM system.local", ()).await?;
    let came = Instant::now();
    let shown =
        rows::<(CqlTimeuuid,)>(answer)?.into_iter().next().and_then(|(id,)| id.as_ref().get_timestamp());
    let (seconds, nanos) = shown.ok_or_else(|| TableError::answer("no time from the database"))?.to_unix();
    let millis = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000);
    Ok((Timestamp(millis.saturating_add(i64::from(nanos / 1_000_000))), came))
}
