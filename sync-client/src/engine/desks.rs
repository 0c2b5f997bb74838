//! The workspaces that are open at once. The engine works at one desk at a time: what goes on at the others waits there, each with
//! a store, a conversation with the server and troubles of its own.
//!
//! Whoever asks has a seat: the tab or program is told what happens at the desk where it sits, and what it asks for is done there.
//! A request that names its workspace is done there wherever its asker sat before, for it may have come from an engine before
//! this one.

use std::sync::Arc;
use std::task::Poll;

use futures::future::{LocalBoxFuture, poll_fn};
use futures::stream::{FuturesUnordered, StreamExt};
use sync_protocol::{Timestamp, WorkspaceId};

#[cfg(feature = "screens")]
use super::auditing::AuditExport;
use super::deciding::Deciding;
#[cfg(feature = "screens")]
use super::importing::Importing;
use super::workspace::Workspace;
use super::{Done, Engine};
use crate::api::Failure;
use crate::device::Device;
use crate::limits;
use crate::status::Status;

/// How long a workspace stays open that nobody looks at, in milliseconds: longer than a page takes to be loaded again.
const ALONE_MS: i64 = 60_000;

/// A workspace by its id; `None`: none, for those who have not chosen one.
pub(super) type Place = Option<WorkspaceId>;

/// What goes on in one workspace.
pub(super) struct Desk<S> {
    pub open: Option<Workspace<S>>,
    /// Why it could not be opened.
    pub shut: Option<Failure>,
    #[cfg(feature = "screens")]
    pub file: Option<crate::import::File>,
    #[cfg(feature = "screens")]
    pub importing: Option<Importing>,
    #[cfg(feature = "screens")]
    /// What the last import refused, as a file.
    pub refused_rows: Option<String>,
    pub deciding: Option<Deciding>,
    #[cfg(feature = "screens")]
    pub audit: Option<AuditExport>,
    /// Requests under way; dropped when it is closed.
    pub requests: FuturesUnordered<LocalBoxFuture<'static, Done>>,
    pub told: Option<Status>,
    pub tidy_at: Option<Timestamp>,
    /// When the store is asked how full it is; `None` while nothing was written since.
    pub usage_at: Option<Timestamp>,
    /// When a store that failed is tried again.
    pub mend_at: Option<Timestamp>,
    /// Since when nobody looks at it.
    alone_since: Option<Timestamp>,
}

impl<S> Default for Desk<S> {
    fn default() -> Self {
        Self {
            open: None,
            shut: None,
            #[cfg(feature = "screens")]
            file: None,
            #[cfg(feature = "screens")]
            importing: None,
            #[cfg(feature = "screens")]
            refused_rows: None,
            deciding: None,
            #[cfg(feature = "screens")]
            audit: None,
            requests: FuturesUnordered::new(),
            told: None,
            tidy_at: None,
            usage_at: None,
            mend_at: None,
            alone_since: None,
        }
    }
}

impl<S> Desk<S> {
    /// Whether work goes on by itself, some at a time.
    pub fn is_busy(&self) -> bool {
        #[cfg(feature = "screens")]
        if self.importing.is_some() {
            return true;
        }
        self.deciding.is_some()
    }

    fn is_used(&self) -> bool {
        self.open.is_some() || self.shut.is_some()
    }
}

/// Who looks at what.
#[derive(Default)]
pub(super) struct Seats(Vec<(Arc<str>, Place)>);

impl Seats {
    /// Where somebody sits; `None` where they have none yet.
    pub fn of(&self, who: &str) -> Option<Place> {
        self.0.iter().find(|(of, _)| **of == *who).map(|(_, place)| *place)
    }

    /// Everybody who looks at a workspace.
    pub fn at(&self, place: Place) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter().filter(move |(_, at)| *at == place).map(|(who, _)| who)
    }

    fn set(&mut self, who: &Arc<str>, place: Place) {
        match self.0.iter_mut().find(|(of, _)| of == who) {
            Some((_, at)) => *at = place,
            None => self.0.push((who.clone(), place)),
        }
    }

    fn leave(&mut self, who: &str) {
        self.0.retain(|(of, _)| **of != *who);
    }

    /// A workspace was closed: those who looked at it look at none.
    fn close(&mut self, place: Place) {
        self.0.iter_mut().filter(|(_, at)| *at == place).for_each(|(_, at)| *at = None);
    }
}

impl<D: Device> Engine<D> {
    /// Goes to a desk; what is under way at this one goes on.
    pub(super) fn turn_to(&mut self, place: Place) {
        if place == self.place {
            return;
        }
        let at = self.aside.iter().position(|(other, _)| *other == place);
        let next = at.map_or_else(Desk::default, |at| self.aside.swap_remove(at).1);
        let left = (std::mem::replace(&mut self.place, place), std::mem::replace(&mut self.desk, next));
        if left.0.is_none() || left.1.is_used() {
            self.aside.push(left);
        }
    }

    /// All desks.
    pub(super) fn desks(&self) -> impl Iterator<Item = (Place, &Desk<D::Store>)> {
        let aside = self.aside.iter().map(|(place, desk)| (*place, desk));
        std::iter::once((self.place, &self.desk)).chain(aside)
    }

    pub(super) fn desks_mut(&mut self) -> impl Iterator<Item = &mut Desk<D::Store>> {
        std::iter::once(&mut self.desk).chain(self.aside.iter_mut().map(|(_, desk)| desk))
    }

    /// Where they are.
    pub(super) fn places(&self) -> Vec<Place> {
        self.desks().map(|(place, _)| place).collect()
    }

    /// A workspace that is open.
    pub(super) fn opened(&self, workspace: WorkspaceId) -> Option<&Workspace<D::Store>> {
        self.desks().find(|(place, _)| *place == Some(workspace))?.1.open.as_ref()
    }

    /// Whether it is open, or was to be opened.
    pub(super) fn has_desk(&self, workspace: WorkspaceId) -> bool {
        self.desks().any(|(place, desk)| place == Some(workspace) && desk.is_used())
    }

    /// What whoever is answered looks at, if it is open.
    pub(super) fn looked_at(&self) -> Place {
        let place = self.events.seats().of(&self.who).flatten();
        place.filter(|workspace| self.opened(*workspace).is_some())
    }

    /// Goes to where the asker sits, or to the workspace that the request names: that is opened where it was open before
    /// another engine took over. Who has no seat yet takes one there.
    pub(super) async fn sit(&mut self, named: Place) {
        let seat = self.events.seats().of(&self.who);
        let place = match (named, seat) {
            (Some(workspace), _) => {
                if !self.has_desk(workspace) && self.profile.open.contains(&workspace) {
                    // where that fails, its desk says why
                    drop(self.open_here(workspace).await);
                }
                if !self.has_desk(workspace) {
                    // nothing of it can be asked for any more; where the asker looks by now stays open
                    return self.turn_to(None);
                }
                named
            }
            (None, Some(place)) => place,
            (None, None) => {
                // whoever has not chosen one yet looks where the program itself looks
                let shown = self.events.seats().of("").flatten().or(self.profile.last);
                shown.filter(|shown| self.has_desk(*shown))
            }
        };
        if seat.flatten().is_none() {
            self.take_seat(place).await;
        }
        self.turn_to(place);
        // it is used, whoever looks at it
        self.desk.alone_since = None;
    }

    /// The asker looks at this from now on. What they leave is closed where nobody else looks at it.
    pub(super) async fn take_seat(&mut self, place: Place) {
        let before = self.events.seats().of(&self.who);
        if before == Some(place) {
            return;
        }
        if let Some(Some(left)) = before
            && self.events.seats().at(Some(left)).nth(1).is_none()
        {
            // they still hear that its views end
            self.close_one(left).await;
        }
        self.events.seats_mut().set(&self.who, place);
        let here = self.place;
        let desk = if here == place { Some(&mut self.desk) } else { self.find_aside(place) };
        // told again, to those who have just come
        desk.into_iter().for_each(|desk| desk.told = None);
    }

    fn find_aside(&mut self, place: Place) -> Option<&mut Desk<D::Store>> {
        self.aside.iter_mut().find(|(at, _)| *at == place).map(|(_, desk)| desk)
    }

    /// A tab or program has gone.
    pub(super) fn gone(&mut self, who: &str) {
        self.events.seats_mut().leave(who);
    }

    /// Closes a workspace, wherever the engine is at work.
    pub(super) async fn close_one(&mut self, workspace: WorkspaceId) {
        if !self.has_desk(workspace) {
            return;
        }
        let here = self.place;
        self.turn_to(Some(workspace));
        self.close().await;
        self.turn_to(here);
    }

    /// Closes all; the engine stands where nobody sits.
    pub(super) async fn close_all(&mut self) {
        for place in self.places() {
            self.turn_to(place);
            self.close().await;
        }
        self.turn_to(None);
    }

    /// Nobody looks at this desk any more. It is closed, and open no longer for those who did.
    pub(super) fn seats_closed(&mut self) {
        let place = self.place;
        if place.is_some() {
            self.events.seats_mut().close(place);
            self.desk.told = None;
            self.profile.open.retain(|open| Some(*open) != place);
            self.find_aside(None).into_iter().for_each(|none| none.told = None);
        }
    }

    /// Makes room for one more workspace.
    ///
    /// # Errors
    /// That as many are open as may be, each looked at by somebody.
    pub(super) async fn make_room(&mut self) -> Result<(), Failure> {
        let open: Vec<(WorkspaceId, Option<Timestamp>)> = self
            .desks()
            .filter(|(_, desk)| desk.is_used())
            .filter_map(|(place, desk)| Some((place?, desk.alone_since.filter(|_| !desk.is_busy()))))
            .collect();
        if open.len() < limits::OPEN_WORKSPACES {
            return Ok(());
        }
        let alone = open.into_iter().filter_map(|(workspace, since)| Some((since?, workspace))).min();
        let Some((_, alone)) = alone else {
            return Err(Failure::input(format!(
                "{} workspaces are open on this device, in other tabs. Close one of them first.",
                limits::OPEN_WORKSPACES
            )));
        };
        self.close_one(alone).await;
        Ok(())
    }

    /// Takes note of desks that nobody looks at, and closes those that have been so for long.
    pub(super) async fn leave_alone(&mut self) {
        let now = self.device.now();
        let mut due = Vec::new();
        let looked_at: Vec<Place> = self
            .places()
            .into_iter()
            .filter(|place| self.events.seats().at(*place).next().is_some())
            .collect();
        let here = self.place;
        let all = std::iter::once((&here, &mut self.desk));
        for (place, desk) in all.chain(self.aside.iter_mut().map(|(place, desk)| (&*place, desk))) {
            let Some(workspace) = place else { continue };
            if looked_at.contains(place) || !desk.is_used() {
                desk.alone_since = None;
                continue;
            }
            let since = *desk.alone_since.get_or_insert(now);
            // a clock that was set back begins anew
            if now < since {
                desk.alone_since = Some(now);
            } else if now.0 - since.0 >= ALONE_MS && !desk.is_busy() {
                due.push(*workspace);
            }
        }
        if !due.is_empty() {
            for workspace in due {
                self.close_one(workspace).await;
            }
            drop(self.save_profile().await); // the next one tells it as well
        }
    }

    /// When the next of them is closed.
    pub(super) fn alone_until(&self) -> Option<Timestamp> {
        let since = self.desks().filter_map(|(_, desk)| desk.alone_since);
        since.min().map(|since| Timestamp(since.0 + ALONE_MS))
    }
}

/// The end of the next request of any desk.
pub(super) async fn next_done<S>(
    here: Place,
    desk: &mut Desk<S>,
    aside: &mut [(Place, Desk<S>)],
) -> (Place, Done) {
    poll_fn(|context| {
        let all =
            std::iter::once((here, &mut *desk)).chain(aside.iter_mut().map(|(place, desk)| (*place, desk)));
        for (place, desk) in all {
            if let Poll::Ready(Some(done)) = desk.requests.poll_next_unpin(context) {
                return Poll::Ready((place, done));
            }
        }
        Poll::Pending
    })
    .await
}
