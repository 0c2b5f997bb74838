//! Every limit of the server's HTTP side, with the sentence it follows from. Those of the wire are in
//! [`sync_protocol::limits`].

use std::time::Duration;

/// Connections open at once: each costs a file descriptor and some 20 KiB; above this a second node is the answer.
pub const CONNECTIONS: usize = 8_192;

/// Pulls that wait at once, all users together: half of the connections, so that pushes and sign-ins find one.
pub const PULLS: usize = 4_096;

/// Pulls of one user at once: one per device and workspace that is open; nobody has a hundred of them in front.
pub const PULLS_PER_USER: usize = 64;

/// Pushes and snapshots at work at once: 256 bodies of 4 MiB, with the values read from them, fit into some GiB.
pub const WORK: usize = 256;

/// Pushes and snapshots of one user at once: a replica sends one at a time; a person has a handful of replicas.
pub const WORK_PER_USER: usize = 16;

/// Time to send a request's head, and to be silent between requests: a phone on a bad link manages in a few seconds.
pub const HEAD_TIME: Duration = Duration::from_secs(20);

/// Time to send a request's body: [`sync_protocol::limits::REQUEST_BYTES`] at 1.2 Mbit/s.
pub const BODY_TIME: Duration = Duration::from_secs(30);

/// Time in which a client must take some bytes of an answer: longer silence means that it is gone.
pub const WRITE_TIME: Duration = Duration::from_secs(30);

/// Time for a whole request: the longest body, the longest wait of a pull and a slow database together.
pub const REQUEST_TIME: Duration = Duration::from_secs(75);

/// Time for a health check's read: a load balancer asks every few seconds and counts a late answer as none.
pub const HEALTH_TIME: Duration = Duration::from_secs(2);

/// Time that a stopping server gives to what is under way: service managers kill after 10 to 90 s.
pub const STOP_TIME: Duration = Duration::from_secs(10);

/// Headers of one request: browsers and proxies send about 30.
pub const HEADERS: usize = 64;

/// Bytes of a request's head: a cookie jar of another application on the same host may come along.
pub const HEAD_BYTES: usize = 32 << 10;

/// Bytes of a small request (sign-in, workspace, member): two labels and a password, in the longest JSON escapes.
pub const SMALL_BYTES: usize = 16 << 10;

/// Bytes of a pull or snapshot request: a cursor of [`sync_protocol::limits::PARTITIONS_MAX`] numbers of 20 digits, twice.
pub const CURSOR_BYTES: usize = 64 << 10;

/// Bodies larger than this are read on a thread that may block: below, the hand-over costs more than the parsing.
pub const INLINE_BYTES: usize = 128 << 10;

/// Bytes of a login: the longest e-mail address that mail servers carry is 254.
pub const LOGIN_BYTES: usize = 254;

/// Fewest characters of a new password: NIST SP 800-63B asks for at least 8.
pub const PASSWORD_CHARS: usize = 8;

/// Most bytes of a password: NIST SP 800-63B asks for room for 64 characters; this is a long sentence in any script.
pub const PASSWORD_BYTES: usize = 1_024;

/// Life of a session: people sign in once a month.
pub const SESSION_TIME: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Password checks at once: each takes 19 MiB and one core for some 20 ms.
pub const PASSWORD_CHECKS: usize = 4;

/// Longest queueing for a password check: after that the honest answer is "slow down".
pub const PASSWORD_QUEUE: Duration = Duration::from_secs(5);

/// Failed sign-ins in a row of one login: a person who mistypes has ten tries.
pub const SIGN_INS_PER_LOGIN: u32 = 10;

/// After those, one try of that login per this time: 8,640 guesses a day are nothing against a password of 8 characters.
pub const SIGN_IN_PAUSE_LOGIN: Duration = Duration::from_secs(10);

/// Failed sign-ins in a row from one address: an office behind one address on a Monday morning.
pub const SIGN_INS_PER_ADDRESS: u32 = 60;

/// After those, one try from that address per this time.
pub const SIGN_IN_PAUSE_ADDRESS: Duration = Duration::from_secs(2);

/// Logins and addresses remembered for the two limits above: some MiB.
pub const THROTTLED: usize = 65_536;

/// Workspaces of one user: more than a screen can list; a runaway script is stopped here.
pub const WORKSPACES_PER_USER: usize = 500;

/// Answers smaller than this are not compressed: they fit one packet anyway.
pub const COMPRESS_FROM: u16 = 860;

/// When to come back after "unavailable": long enough for a database node to be replaced by its neighbour.
pub const RETRY_AFTER: Duration = Duration::from_secs(2);
