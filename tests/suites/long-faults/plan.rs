//! What a round has in store: drawn from the seed, and the same each time.

use std::time::Duration;

use mooring_tests::database::At::{
    Account, AddSession, Claim, Commit, Feed, Head, HeadSerial, Lock, Replica, Role, Session, Workspace,
};
use mooring_tests::database::What::{Cut, DoneBut, DoneButCut, DoneLater, Refused, Slow};
use mooring_tests::database::{At, Fault, What};
use mooring_tests::errors::{
    CAS_WRITE_UNKNOWN, cas_timeout, read_failure, read_timeout, unavailable, write_failure,
};
use mooring_tests::writer::Random;
use scylla::errors::DbError;

/// Where, while somebody who is known here works; commits more often than the rest, for there is most to be lost.
const MEMBERS: [At; 9] = [Commit, Commit, Commit, Head, HeadSerial, Feed, Session, Role, Workspace];
/// Where, while somebody signs in for the first time.
const NEWCOMERS: [At; 5] = [Claim, Replica, Account, AddSession, Commit];
/// Most faults at once.
const AT_ONCE: u64 = 5;
/// Of so many rounds one has a newcomer.
const NEWCOMER: u64 = 4;
/// Most times that a fault strikes: more than a server tries before it tells the device to come back.
const TIMES: u64 = 14;
/// How much later what is called undone is done, and answers come: up to more than the server waits for one.
const LATER_MS: u64 = 14_000;
/// Faults last at least so long, and up to twice as long.
const ROUND_MS: u64 = 2_000;

/// Some seconds of trouble.
#[derive(Debug)]
pub struct Round {
    pub faults: Vec<Fault>,
    /// Somebody signs in for the first time meanwhile.
    pub newcomer: bool,
    /// How long it lasts.
    pub time: Duration,
}

impl Round {
    /// The round of that number, whichever came before it.
    pub fn draw(seed: u64, number: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(1_000_003).wrapping_add(number));
        // neighbouring numbers begin alike
        random.below(1);
        let newcomer = random.below(NEWCOMER) == 0;
        let faults = (0..=random.below(AT_ONCE)).map(|_| fault(&mut random, newcomer)).collect();
        Self { faults, newcomer, time: Duration::from_millis(ROUND_MS + random.below(ROUND_MS)) }
    }
}

/// What befalls the server's first start.
pub fn first_start(seed: u64) -> [Fault; 1] {
    let mut random = Random(seed);
    let what =
        DoneBut(pick(&mut random, &[cas_timeout(), CAS_WRITE_UNKNOWN, DbError::Overloaded, unavailable()]));
    [Fault { at: Lock, what, times: 2 }]
}

fn fault(random: &mut Random, newcomer: bool) -> Fault {
    let at = match newcomer && random.below(2) == 0 {
        true => pick(random, &NEWCOMERS),
        false => pick(random, &MEMBERS),
    };
    // most troubles are short
    let most = 1 + random.below(TIMES);
    Fault { at, what: what(random, at), times: 1 + random.below(most) as usize }
}

fn what(random: &mut Random, at: At) -> What {
    let conditional = matches!(at, Commit | Claim);
    let later = Duration::from_millis(random.below(LATER_MS));
    match random.below(if conditional { 6 } else { 2 }) {
        0 => Refused(pick(random, &refusals(conditional))),
        1 => Cut,
        2 => DoneBut(pick(random, &doubts())),
        3 => DoneButCut,
        4 => Slow(later),
        _ if at == Commit => DoneLater(pick(random, &doubts()), later),
        _ => DoneBut(pick(random, &doubts())),
    }
}

/// What a database says of what it has not done.
fn refusals(conditional: bool) -> Vec<DbError> {
    let mut all = vec![
        read_timeout(),
        read_failure(),
        unavailable(),
        DbError::Overloaded,
        DbError::ServerError,
        DbError::IsBootstrapping,
        DbError::TruncateError,
    ];
    if conditional {
        all.extend([cas_timeout(), write_failure(), CAS_WRITE_UNKNOWN]);
    }
    all
}

/// What a database says of a conditional write that it has done, or does later.
fn doubts() -> Vec<DbError> {
    vec![
        cas_timeout(),
        write_failure(),
        CAS_WRITE_UNKNOWN,
        unavailable(),
        read_timeout(),
        read_failure(),
        DbError::Overloaded,
        DbError::ServerError,
    ]
}

fn pick<T: Clone>(random: &mut Random, all: &[T]) -> T {
    all[random.below(all.len() as u64) as usize].clone()
}
