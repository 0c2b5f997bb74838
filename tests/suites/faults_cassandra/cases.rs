//! The cases: what happens to which requests, and who works meanwhile.

use std::time::Duration;

use mooring_tests::database::At::{
    Account, AddSession, Claim, Commit, Feed, Head, HeadSerial, Lock, Replica, Role, Session, Workspace,
};
use mooring_tests::database::What::{Cut, DoneBut, DoneButCut, DoneLater, Refused, Slow};
use mooring_tests::database::{At, Fault, What};
use mooring_tests::errors::{CAS_WRITE_UNKNOWN, cas_timeout, read_timeout, unavailable, write_failure};
use scylla::errors::DbError;

/// Who works while it happens.
pub enum By {
    /// Two people who have been there all the time.
    Members,
    /// Somebody who signs in for the first time.
    Newcomer,
}

pub struct Case {
    pub name: &'static str,
    pub by: By,
    pub faults: Vec<Fault>,
}

/// More tries than a server makes before it tells the device to come back.
const MANY: usize = 13;
/// Longer than the server waits for an answer.
const TOO_LATE: Duration = Duration::from_secs(13);
/// Longer than the server takes to judge again.
const LATER: Duration = Duration::from_secs(2);

fn fault(at: At, what: What, times: usize) -> Fault {
    Fault { at, what, times }
}

fn members(name: &'static str, faults: impl Into<Vec<Fault>>) -> Case {
    Case { name, by: By::Members, faults: faults.into() }
}

fn newcomer(name: &'static str, faults: impl Into<Vec<Fault>>) -> Case {
    Case { name, by: By::Newcomer, faults: faults.into() }
}

/// All of them.
pub fn all() -> Vec<Case> {
    let mut all = commits();
    all.extend(in_a_row());
    all.extend(reads());
    all.extend(doors());
    all
}

/// The server that makes the tables is neither told that it may, nor that others may again.
pub fn first_start() -> [Fault; 1] {
    [fault(Lock, DoneBut(cas_timeout()), 2)]
}

/// One commit fares badly.
fn commits() -> Vec<Case> {
    let once = |name, what| members(name, [fault(Commit, what, 1)]);
    vec![
        once("a commit times out and is not written", Refused(cas_timeout())),
        once("a commit times out and is written", DoneBut(cas_timeout())),
        once("a commit times out and is written two seconds later", DoneLater(cas_timeout(), LATER)),
        once("a commit is unknown to the database itself, and not written", Refused(CAS_WRITE_UNKNOWN)),
        once("a commit is unknown to the database itself, and written", DoneBut(CAS_WRITE_UNKNOWN)),
        once("a commit finds too few nodes, and is not written", Refused(unavailable())),
        once("a commit finds too few nodes, and is written", DoneBut(unavailable())),
        once("a commit meets an overloaded node, and is not written", Refused(DbError::Overloaded)),
        once("a commit meets an overloaded node, and is written", DoneBut(DbError::Overloaded)),
        once("a commit fails on a node, and is written", DoneBut(write_failure())),
        once("a commit times out while it reads, and is not written", Refused(read_timeout())),
        once("a commit meets a defect of the database, and is not written", Refused(DbError::ServerError)),
        once("a commit meets a defect of the database, and is written", DoneBut(DbError::ServerError)),
        once("a commit meets a node that only starts", Refused(DbError::IsBootstrapping)),
        once("all connections are cut before a commit is written", Cut),
        once("all connections are cut after a commit is written", DoneButCut),
        once("a commit is answered after the time limit", Slow(TOO_LATE)),
    ]
}

/// Troubles seldom come alone.
fn in_a_row() -> Vec<Case> {
    vec![
        members(
            "three commits in a row are written, and nobody is told",
            [fault(Commit, DoneBut(cas_timeout()), 3)],
        ),
        members(
            "more commits in a row time out than a server tries",
            [fault(Commit, Refused(cas_timeout()), MANY)],
        ),
        members(
            "a commit is written, then the database is away for what would tell",
            [fault(Commit, DoneBut(cas_timeout()), 1), fault(HeadSerial, Refused(unavailable()), 2)],
        ),
        members(
            "connections are cut after a commit, and again when the head is read",
            [fault(Commit, DoneButCut, 1), fault(HeadSerial, Cut, 1)],
        ),
    ]
}

/// Reads of a push and of a pull.
fn reads() -> Vec<Case> {
    vec![
        members("the head cannot be read for a while", [fault(Head, Refused(unavailable()), 3)]),
        members("connections are cut while the head is read", [fault(Head, Cut, 2)]),
        // after a commit in doubt: what a server has committed for certain it tells from memory
        members(
            "the feed cannot be read for a while",
            [fault(Commit, DoneBut(cas_timeout()), 1), fault(Feed, Refused(read_timeout()), 3)],
        ),
        newcomer(
            "what was judged of a replica cannot be read",
            [fault(Replica, Refused(DbError::Overloaded), 2)],
        ),
    ]
}

/// What stands at the door: sessions, members, who owns a replica. Trouble there is no "no" either.
fn doors() -> Vec<Case> {
    vec![
        members("sessions cannot be looked up", [fault(Session, Refused(read_timeout()), 3)]),
        members("members cannot be looked up", [fault(Role, Refused(unavailable()), 3)]),
        members("workspaces cannot be looked up", [fault(Workspace, Refused(DbError::ServerError), 3)]),
        newcomer("a replica's owner times out and is not written", [fault(Claim, Refused(cas_timeout()), 1)]),
        newcomer("a replica's owner times out and is written", [fault(Claim, DoneBut(cas_timeout()), 1)]),
        newcomer("connections are cut after a replica's owner is written", [fault(Claim, DoneButCut, 1)]),
        newcomer("accounts cannot be looked up", [fault(Account, Refused(unavailable()), 2)]),
        newcomer("a session cannot be stored", [fault(AddSession, Refused(DbError::Overloaded), 2)]),
    ]
}
