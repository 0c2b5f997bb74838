//! One mirror, kept in step.

use futures::future;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use sync_protocol::RecordKey;
use sync_protocol::mirror::{Direction, MirrorPhase};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::Uuid;

use super::error::WorkError;
use super::lease::Lease;
use super::link::Link;
use super::notice::{EVERY, Noticing};
use super::rounds::{Reads, Report};
use super::share::Share;
use crate::mirror::definition::{Definition, State};
use crate::mirror::desk::Desk;
use crate::mirror::status::Board;

/// How often all rows are compared by value: what no count and no sum shows is found then.
const SLOW_ROUND: Duration = Duration::from_hours(24);
/// How often the status is told, if it is another one.
const TELL: Duration = Duration::from_millis(500);
/// Pauses after something was in the way.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long a mirror must have run well for its pauses to begin anew.
const WELL: Duration = Duration::from_secs(60);

/// Works on a mirror until `end`.
pub async fn run(
    desk: Desk,
    mut definition: watch::Receiver<Definition>,
    lease: Arc<Lease>,
    end: CancellationToken,
) {
    let id = definition.borrow().id;
    if definition.borrow().state == State::Removing {
        let removed = definition.borrow().clone();
        tokio::select! {
            () = end.cancelled() => {}
            forgotten = desk.forget(&removed) => if let Err(error) = forgotten {
                warn!(mirror = %id, %error, "a mirror is not removed yet");
            },
        }
        return;
    }
    let board = Arc::new(Board::default());
    let work = async {
        let mut pause = FIRST_PAUSE;
        loop {
            let started = Instant::now();
            let known = definition.borrow_and_update().clone();
            let ended = follow(&desk, &known, &mut definition, &board, &lease).await;
            let error = match ended {
                Ended::Changed => continue,
                Ended::Done => return,
                Ended::By(error) => error,
            };
            if let WorkError::Pause(reason) | WorkError::Loss(reason) = &error {
                let loss = matches!(error, WorkError::Loss(_));
                info!(mirror = %id, reason, "a mirror pauses");
                match desk.stop(&known, reason, loss).await {
                    Ok(now) if now.state != State::Running => return,
                    // somebody set something else meanwhile, of which word comes
                    Ok(_) => {}
                    Err(error) => warn!(mirror = %id, %error, "a mirror cannot be paused now"),
                }
            }
            if started.elapsed() > WELL {
                pause = FIRST_PAUSE;
            }
            info!(mirror = %id, %error, "a mirror is tried again");
            board.set(|status| status.trouble = Some(error.to_string()));
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    };
    tokio::select! {
        () = end.cancelled() => {}
        () = work => {}
        never = tell(&desk, id, &board) => match never {},
    }
    if let Err(error) = told(&desk, id, &board).await {
        tracing::debug!(%error, "a mirror's last status is not told");
    }
}

enum Ended {
    /// Somebody set something else.
    Changed,
    /// There is nothing more to do.
    Done,
    By(WorkError),
}

/// Keeps a mirror in step until it is another one, or something is in the way.
async fn follow(
    desk: &Desk,
    now: &Definition,
    definition: &mut watch::Receiver<Definition>,
    board: &Arc<Board>,
    lease: &Arc<Lease>,
) -> Ended {
    let work = async {
        let mut link = Link::open(desk, now.clone()).await?;
        link.board = Arc::clone(board);
        link.lease = Some(Arc::clone(lease));
        if let Err(error) = desk.tell(now).await {
            return Err(WorkError::from_desk(error));
        }
        board.set(|status| status.trouble = None);
        let inward = inward(&link);
        let outward = link.outward();
        match future::select(std::pin::pin!(inward), std::pin::pin!(outward)).await {
            future::Either::Left((ended, _)) => ended,
            future::Either::Right((ended, _)) => ended.map(|never| match never {}),
        }
    };
    let ended: Result<(), WorkError> = tokio::select! {
        ended = work => ended,
        _ = definition.changed() => return Ended::Changed,
    };
    match ended {
        Ok(()) => Ended::Done,
        // described again, with what stands in the way
        Err(WorkError::Changed(why)) => match Link::open(desk, now.clone()).await {
            Err(error @ (WorkError::Pause(_) | WorkError::Loss(_))) => Ended::By(error),
            _ => Ended::By(WorkError::Later(why)),
        },
        Err(error) => Ended::By(error),
    }
}

/// From the table to the records. Ends where it was to be done one time.
async fn inward(link: &Link) -> Result<(), WorkError> {
    let definition = &link.definition;
    if !link.mapped.inward {
        link.board.set(|status| status.phase = MirrorPhase::Following);
        return future::pending().await;
    }
    link.board.set(|status| status.phase = MirrorPhase::Comparing);
    let mut noticing = Noticing::default();
    let mut left: Vec<RecordKey> = Vec::new();
    let mut share = Share::default();
    let mut slow = Instant::now() + SLOW_ROUND;
    let mut asked = definition.rounds_asked > definition.rounds_done;
    loop {
        let forgotten = link.calendar(|calendar| calendar.has_forgotten(link.desk.now()));
        let reads = match asked || forgotten || Instant::now() >= slow {
            true => Some(Reads::All),
            false if !share.is_free(Instant::now()) => None,
            false => noticing.asks(link).await?.then_some(Reads::Differing),
        };
        if let Some(reads) = reads {
            let started = Instant::now();
            let round = link.round(reads).await;
            let Report { left: again, more, looked } = round?;
            left.extend(again);
            if more {
                noticing.forget();
            }
            if reads == Reads::All {
                slow = Instant::now() + SLOW_ROUND;
                asked = false;
                round_done(link).await?;
            }
            if definition.direction == Direction::Once && left.is_empty() && !more {
                return once_done(link).await;
            }
            share.took(started, looked);
            link.board.set(|status| status.phase = MirrorPhase::Following);
        }
        let due = link.calendar(|calendar| calendar.due(link.desk.now()));
        if !due.is_empty() {
            let outcome = link.reconcile(due).await?;
            link.board.set(|status| status.found += outcome.changed as u64);
            left.extend(outcome.left);
        }
        tokio::time::sleep(EVERY).await;
        if !left.is_empty() {
            left = link.reconcile(std::mem::take(&mut left)).await?.left;
        }
    }
}

async fn round_done(link: &Link) -> Result<(), WorkError> {
    let asked = link.definition.rounds_asked;
    if link.definition.rounds_done >= asked {
        return Ok(());
    }
    let done = link.desk.change(link.definition.id, |definition| {
        let changes = definition.rounds_done < asked;
        definition.rounds_done = asked;
        Ok(changes)
    });
    done.await.map(drop).map_err(WorkError::from_desk)
}

async fn once_done(link: &Link) -> Result<(), WorkError> {
    let done = link.desk.change(link.definition.id, |definition| {
        let changes = definition.state == State::Running && definition.is_as_known(&link.definition);
        if changes {
            definition.state = State::Done;
        }
        Ok(changes)
    });
    done.await.map(drop).map_err(WorkError::from_desk)
}

/// Tells the status whenever it is another one.
async fn tell(desk: &Desk, id: Uuid, board: &Board) -> Infallible {
    let mut last = None;
    loop {
        let status = board.read();
        if last.as_ref() != Some(&status) {
            match told(desk, id, board).await {
                Ok(()) => last = Some(status),
                Err(error) => tracing::debug!(%error, "a mirror's status is not told"),
            }
        }
        tokio::time::sleep(TELL).await;
    }
}

async fn told(desk: &Desk, id: Uuid, board: &Board) -> Result<(), crate::store::StoreError> {
    let mut status = board.read();
    status.at = desk.now();
    let text = serde_json::to_string(&status).expect("plain data is always JSON");
    desk.store().set_mirror_status(id, &text).await
}
