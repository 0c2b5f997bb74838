//! The pill in every state that there is.

use sync_client::status::{Phase, Status, Tone, Transport};

const PHASES: [Phase; 7] = [
    Phase::Closed,
    Phase::FirstSync,
    Phase::Syncing,
    Phase::Idle,
    Phase::NeedsSignIn,
    Phase::NeedsUpdate,
    Phase::Removed,
];
const TRANSPORTS: [Transport; 3] = [Transport::Offline, Transport::Connecting, Transport::Online];

fn every() -> Vec<Status> {
    let mut all = Vec::new();
    for phase in PHASES {
        for transport in TRANSPORTS {
            for (pending, held) in [(0, 0), (1, 0), (3, 0), (1, 1), (3, 2)] {
                for (conflicts, rejected) in [(0, 0), (2, 0), (0, 1), (2, 1)] {
                    for problem in [None, Some("The server cannot be reached.".to_owned())] {
                        for verified in [false, true] {
                            let problem = problem.clone();
                            all.push(Status {
                                phase,
                                transport,
                                pending,
                                held,
                                conflicts,
                                rejected,
                                problem,
                                verified,
                                ..Status::default()
                            });
                        }
                    }
                }
            }
        }
    }
    all
}

/// The same rules, written as the person reads them: what is most urgent first.
fn expected(s: &Status) -> (Tone, String) {
    let review = s.conflicts + s.rejected;
    let changes = if s.pending == 1 { "1 change".to_owned() } else { format!("{} changes", s.pending) };
    let offline = s.transport == Transport::Offline;
    let (tone, words) = if s.phase == Phase::Closed && s.problem.is_none() {
        (Tone::Calm, "No workspace open".to_owned())
    } else if s.phase == Phase::NeedsUpdate {
        (Tone::Attention, "Needs an update of Mooring to sync".to_owned())
    } else if s.phase == Phase::NeedsSignIn && s.pending == 0 {
        (Tone::Attention, "Needs sign-in".to_owned())
    } else if s.phase == Phase::NeedsSignIn {
        (Tone::Attention, format!("Needs sign-in, {changes} safe on this device"))
    } else if s.phase == Phase::Removed && s.pending == 0 {
        (Tone::Attention, "No longer a member".to_owned())
    } else if s.phase == Phase::Removed {
        (Tone::Attention, format!("No longer a member, {changes} safe on this device"))
    } else if s.problem.is_some() {
        (Tone::Problem, "Problem: see details".to_owned())
    } else if !offline && s.phase == Phase::FirstSync {
        (Tone::Busy, "Syncing 0 %".to_owned())
    } else if offline && s.pending > 0 {
        (Tone::Calm, format!("Offline, {changes} safe on this device"))
    } else if offline {
        (Tone::Calm, "Offline".to_owned())
    } else if s.pending > s.held {
        (Tone::Busy, format!("Sending {}", s.pending - s.held))
    } else if s.held == 1 {
        (Tone::Attention, "1 change waits for review".to_owned())
    } else if s.held > 1 {
        (Tone::Attention, format!("{} changes wait for review", s.held))
    } else if s.phase == Phase::Syncing || s.transport == Transport::Connecting {
        (Tone::Busy, "Syncing".to_owned())
    } else if s.verified && review > 0 {
        (Tone::Attention, "Synced and verified".to_owned())
    } else if s.verified {
        (Tone::Good, "Synced and verified".to_owned())
    } else {
        (Tone::Busy, "Checking".to_owned())
    };
    (tone, words)
}

#[test]
fn the_pill_says_what_is_most_urgent() {
    for status in every() {
        let pill = status.pill();
        assert_eq!((pill.tone, pill.text), expected(&status), "{status:?}");
    }
}

#[test]
fn the_pill_is_never_green_unless_all_is_proven() {
    let green: Vec<Status> = every().into_iter().filter(|s| s.pill().tone == Tone::Good).collect();
    assert_eq!(green.len(), 1);
    for s in green {
        assert_eq!((s.review(), s.pending, s.verified, s.problem), (0, 0, true, None));
        assert_eq!((s.phase, s.transport), (Phase::Idle, Transport::Online));
    }
}

#[test]
fn what_waits_behind_a_refused_change_is_not_said_to_be_sent() {
    let online =
        Status { phase: Phase::Idle, transport: Transport::Online, rejected: 1, ..Status::default() };
    for (pending, held, text) in [
        (1, 1, "1 change waits for review"),
        (3, 3, "3 changes wait for review"),
        (3, 1, "Sending 2"),
        (18_000, 0, "Sending 18,000"),
    ] {
        let pill = Status { pending, held, ..online.clone() }.pill();
        assert_eq!(pill.text, text);
        assert_ne!(pill.tone, Tone::Good);
    }
    let offline = Status { pending: 18_000, transport: Transport::Offline, ..online };
    assert_eq!(offline.pill().text, "Offline, 18,000 changes safe on this device");
}

#[test]
fn the_first_sync_says_how_far_it_is() {
    for (progress, text) in [
        (None, "Syncing 0 %"),
        (Some((0, 0)), "Syncing 100 %"),
        (Some((40, 100)), "Syncing 40 %"),
        (Some((999, 1000)), "Syncing 99 %"),
        (Some((1_001, 1_000)), "Syncing 100 %"),
        (Some((u64::MAX / 200, u64::MAX / 100)), "Syncing 50 %"),
    ] {
        let status =
            Status { phase: Phase::FirstSync, transport: Transport::Online, progress, ..Status::default() };
        assert_eq!(status.pill().text, text);
    }
}
