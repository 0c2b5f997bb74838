//! Every limit of the server's HTTP side, with the sentence it follows from. Those of the wire are in
//! [`sync_protocol::limits`].

use std::time::Duration;
use tower_http::CompressionLevel;

/// Connections open at once: each costs a file descriptor and some 20 KiB; above this a second node is the answer.
pub const CONNECTIONS: usize = 16_384;

/// Connections of one address (an IPv6 /64 counts as one) where no proxy stands between: an office of a hundred people,
/// each with a page that waits and one that sends. Above that its longest silent one gives way.
pub const CONNECTIONS_PER_ADDRESS: usize = 256;

/// Open files that are no connections: the store's (sled wants one for each large record that it writes), the log, the
/// nodes of a cluster, files of the web application on their way.
pub const DESCRIPTORS_ASIDE: usize = 256;

/// First pause after a connection could not be taken; doubles up to [`ACCEPT_PAUSE_LONGEST`].
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Longest such pause: whoever waits to be let in shall not wait longer once there is room.
pub const ACCEPT_PAUSE_LONGEST: Duration = Duration::from_secs(1);

/// Pulls that wait at once, all users together: three quarters of the connections, so that pushes and sign-ins find one.
pub const PULLS: usize = 12_288;

/// Pulls of one user at once: one per device and workspace that is open; nobody has a hundred of them in front.
pub const PULLS_PER_USER: usize = 64;

/// How long what another server process may have changed of a session, a membership or a workspace is remembered: so late does a
/// removal through that one act here. Clients that wait are asked for it all at once.
pub const REMEMBERED_FOR: Duration = Duration::from_secs(1);

/// Sessions, memberships and workspaces that are remembered, of each so many: some MiB.
pub const REMEMBERED: usize = 65_536;

/// Cells ([`sync_protocol::limits::CHANGE_CELLS`]) of all changes that are read and at work at once: some 200 MiB where
/// somebody does their worst; an ordinary push takes a hundredth.
pub const CELLS: usize = 4 * sync_protocol::limits::PUSH_CELLS;

/// Cells of one user's: half of all, so that nobody takes everybody's.
pub const CELLS_PER_USER: usize = 2 * sync_protocol::limits::PUSH_CELLS;

/// Pushes and snapshots at work at once: what the store and the judge have under way; more only wait for each other.
pub const WORK: usize = 256;

/// Pushes and snapshots of one user at once: a replica sends one at a time; a person has a handful of replicas.
pub const WORK_PER_USER: usize = 16;

/// KiB of request bodies in memory at once, counted as they grow and after decompression, until the work on them is
/// done: 32 of the longest ones. What is made of a body in memory is some times its size.
pub const BODIES_KIB: usize = 128 << 10;

/// KiB of them from one user: eight of the longest ones; a quarter of all, so that nobody takes everybody's.
pub const BODIES_KIB_PER_USER: usize = 32 << 10;

/// Time to send a request's head, and to be silent between requests: a phone on a bad link manages in a few seconds.
pub const HEAD_TIME: Duration = Duration::from_secs(20);

/// Silence in the middle of a body, a request's or an answer's: a train in a tunnel comes out of most.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What each byte of a body buys of that time, so that 8 kbit/s get through whatever the size, and a byte now and then
/// does not: a link of the second generation has four times as much.
pub const PER_BYTE: Duration = Duration::from_millis(1);

/// Time for an answer from the last byte of the request: the longest wait of a pull and a slow database together.
pub const REQUEST_TIME: Duration = Duration::from_secs(60);

/// Time for a health check's read: a load balancer asks every few seconds and counts a late answer as none.
pub const HEALTH_TIME: Duration = Duration::from_secs(2);

/// For so long the answer to a health check holds: whoever asks more often costs no further read.
pub const HEALTH_PAUSE: Duration = Duration::from_millis(500);

/// Time that a stopping server gives to what is under way: service managers kill after 10 to 90 s.
pub const STOP_TIME: Duration = Duration::from_secs(10);

/// Headers of one request: browsers and proxies send about 30.
pub const HEADERS: usize = 64;

/// Bytes of a request's head: a cookie jar of another application on the same host may come along.
pub const HEAD_BYTES: usize = 32 << 10;

/// Bytes of a small request (sign-in, workspace, member): two labels and a password, in the longest JSON escapes.
pub const SMALL_BYTES: usize = 16 << 10;

/// Keys of rows that somebody says were written, in one request.
pub const TOUCHED_KEYS: usize = 1_000;

/// Bytes of such a request: as many keys of [`sync_protocol::limits::KEY_BYTES`], in the longest JSON escapes.
pub const TOUCHED_BYTES: usize = TOUCHED_KEYS * 6 * sync_protocol::limits::KEY_BYTES;

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

/// Failed sign-ins in a row of one login from one address: a person who mistypes has ten tries.
pub const SIGN_INS_PER_LOGIN: u32 = 10;

/// After those, one try of that login from there per this time.
pub const SIGN_IN_PAUSE_LOGIN: Duration = Duration::from_secs(10);

/// Failed sign-ins in a row of one login from all addresses that are new to it: ten guessers at work on one person.
pub const SIGN_INS_PER_LOGIN_IN_ALL: u32 = 100;

/// After those, one such try per this time: 17,280 guesses a day are nothing against a password of 8 characters that is
/// no common one. Shorter than the pause of one address, so that one guesser alone never takes all.
pub const SIGN_IN_PAUSE_LOGIN_IN_ALL: Duration = Duration::from_secs(5);

/// Failed sign-ins in a row from one address: an office behind one address on a Monday morning.
pub const SIGN_INS_PER_ADDRESS: u32 = 60;

/// After those, one try from that address per this time.
pub const SIGN_IN_PAUSE_ADDRESS: Duration = Duration::from_secs(2);

/// Logins and addresses remembered for each of the limits above: some MiB.
pub const THROTTLED: usize = 65_536;

/// Workspaces of one user: more than a screen can list; a runaway script is stopped here.
pub const WORKSPACES_PER_USER: usize = 500;

/// Workspaces that others may add one person to: enough for any job, and half of the above is left to make own ones.
pub const ADDED_PER_USER: usize = 250;

/// Workspaces that one person makes in a row: a consultant who sets up a year's customers in one morning.
pub const WORKSPACES_IN_A_ROW: u32 = 50;

/// After those, one per this time: a script that fills other people's lists is stopped here.
pub const WORKSPACE_PAUSE: Duration = Duration::from_secs(60);

/// Logins that there is no account of, as one person may ask for them in a row when adding members: a list with some
/// misspelt addresses. Whoever tries which logins there are is stopped here.
pub const UNKNOWN_LOGINS: u32 = 20;

/// After those, one per this time.
pub const UNKNOWN_LOGIN_PAUSE: Duration = Duration::from_secs(60);

/// People remembered for the limits of the two above.
pub const SPARING: usize = 16_384;

/// Members of one workspace: a list that a person looks through; whoever runs the server can add more.
pub const MEMBERS: usize = 1_000;

/// Members that are read where an owner is looked for: what the command line may have added is among them.
pub const MEMBERS_READ: usize = 10_000;

/// Members that are read where all of them are meant: more than any workspace has.
pub const MEMBERS_ALL: usize = 1_000_000;

/// Invitations of one workspace that still let somebody in: one for each person who is asked, and a screen full.
pub const INVITATIONS: usize = 50;

/// Sessions of one account that are listed: more than anybody has devices.
pub const SESSIONS_LISTED: usize = 100;

/// When a device was last heard of is noted once in this time: one write per device and hour, whatever it does.
pub const SEEN_EVERY: Duration = Duration::from_secs(3_600);

/// Tries with links of invitations that do not hold, and accounts made with such links, in a row from one address: a whole
/// class that joins from one room.
pub const JOINS_PER_ADDRESS: u32 = 60;

/// After those, one per this time. Guessing a link of 256 bits is hopeless at any speed; this is for the database.
pub const JOIN_PAUSE: Duration = Duration::from_secs(2);

/// Time for an order of whoever runs the server: every row of a large workspace is looked at and mended.
pub const ORDER_TIME: Duration = Duration::from_secs(3_600);

/// Answers smaller than this are not compressed: they fit one packet anyway.
pub const COMPRESS_FROM: u16 = 860;

/// How much of a processor an answer's compression may take. Of records like those of `./x bench client`, 5 MB of JSON, a
/// core made 22 % in 32 ms (zstd), 24 % in 75 ms (brotli), 27 % in 56 ms (gzip); one level more takes twice as long for no more
/// than a tenth less.
pub const COMPRESSION: CompressionLevel = CompressionLevel::Precise(1);

/// When to come back after "unavailable": long enough for a database node to be replaced by its neighbour.
pub const RETRY_AFTER: Duration = Duration::from_secs(2);
