//! What happens in a run, as data: made up front from the seed, so that steps can be taken out and the rest replayed.

use super::random::Random;

/// A whole run.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Decides everything that the steps leave open.
    pub seed: u64,
    /// What the whole run is like.
    pub weather: Weather,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// The server's store is sled on files instead of the one in memory: threads and files decide the order of some things,
    /// so that a run may differ from another of the same seed.
    pub on_sled: bool,
}

/// What a whole run is like. Rates are of a hundred.
#[derive(Clone, Debug, PartialEq)]
pub struct Weather {
    /// Local copies, 2 to 5.
    pub replicas: usize,
    /// Slices of the workspace.
    pub partitions: u16,
    /// Records that people work on.
    pub keys: u64,
    /// Requests or answers lost.
    pub drop: u64,
    /// Requests delivered twice.
    pub duplicate: u64,
    /// Requests given up by their sender that arrive later all the same.
    pub ghost: u64,
    /// Answers cut short within the protocol: fewer entries, fewer pages.
    pub short: u64,
    /// Longest way of a message, in milliseconds.
    pub latency: u64,
    /// Commits of the server's store with a fault.
    pub store: u64,
    /// Calls of the server's store that take a while.
    pub store_slow: u64,
    /// The server keeps its feed for minutes only.
    pub short_horizon: bool,
    /// The collection is mirrored in a table that other programs write.
    pub mirrored: bool,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Milliseconds since the step before.
    pub after: u64,
    /// The replica (or, for what is about the server, the node) that it is about.
    pub at: usize,
    /// What happens.
    pub what: What,
}

/// What happens. Numbers choose among what there is when the step comes.
#[allow(missing_docs, reason = "the lines above say what the numbers are of")]
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A person adds a record.
    Insert { key: u64, value: u64 },
    /// A person edits a field or two.
    Edit { key: u64, field: u64, value: u64 },
    /// A person deletes a record.
    Delete { key: u64 },
    /// A person settles a conflict.
    Resolve { pick: u64, how: u64 },
    /// A person settles all conflicts by one rule.
    Bulk { rule: u64 },
    /// A person takes a decision back.
    TakeBack { pick: u64 },
    /// A person sends a rejected change again.
    Retry { pick: u64 },
    /// A person throws a rejected change away.
    Discard { pick: u64 },
    /// A person says something about a conflict.
    Comment { pick: u64 },
    /// A person adds a field to the collection, or removes it again.
    Field { add: bool },
    /// A person deletes the collection itself, or brings it back.
    Collection { gone: bool },
    /// The power is cut at one of the next commits.
    Crash { commits: u64, stored: bool },
    /// One of the next commits finds the disk full.
    Full { commits: u64 },
    /// The program ends and starts again.
    Restart,
    /// A second program tries to open the store.
    SecondOwner,
    /// The disk is copied, for later.
    Backup,
    /// The disk is set back to the last copy.
    Restore { resumed: bool },
    /// The disk becomes a copy of another device's.
    Copy { from: u64 },
    /// The person signs out and keeps the data.
    SignOut,
    /// The session's token expires.
    Expire,
    /// The person signs in.
    SignIn,
    /// The network breaks: 1 requests, 2 answers, 3 both.
    Cut { way: u8 },
    /// The network works again.
    Mend,
    /// The screen is focused, the network comes back: a reason to try now.
    Nudge,
    /// The device's clock jumps.
    Skew { ms: i64 },
    /// A server node's clock jumps.
    ServerSkew { ms: i64 },
    /// A server node dies and starts again.
    NodeCrash,
    /// The server's store does not answer for a while.
    Dark { ms: u64 },
    /// The member may only read from now on, or may write again.
    Role { reader: bool },
    /// Much time passes for the server's rows.
    Pass { minutes: u64 },
    /// Another program writes into the mirrored table.
    Program { key: u64, pick: u64 },
    /// A server that mirrors dies between any two steps, and begins again knowing nothing.
    MirrorCrash { worker: u64 },
    /// Who mirrors: one of the two servers; or both, where one has lost its lease and does not know it.
    Lease { worker: u64 },
    /// Nothing but time.
    Wait,
}

const DAY: u64 = 86_400_000;

impl Plan {
    /// The plan of a seed with that many steps.
    pub fn of(seed: u64, steps: usize) -> Self {
        let mut random = Random::of(seed, 1);
        let mut weather = Weather::of(&mut random);
        let mut steps: Vec<Step> = (0..steps).map(|_| Step::of(&mut random, &weather)).collect();
        // two people who look at the same at the same time: where edits meet most
        for at in 1..steps.len() {
            if let (What::Edit { key, field, .. }, true) = (&steps[at - 1].what, random.percent(30)) {
                let what = What::Edit { key: *key, field: *field, value: random.draw() };
                let replica = random.below(weather.replicas as u64) as usize;
                steps[at] = Step { after: random.below(50), at: replica, what };
            }
        }
        if seed % MIRRORED == 2 {
            weather.mirrored = true;
            mirrored(&mut Random::of(seed, 5), &weather, &mut steps);
        }
        Self { seed, weather, steps, on_sled: false }
    }
}

/// One seed in so many has a mirrored table. The others are what they were before there were any.
const MIRRORED: u64 = 4;

/// A share of the steps is about the mirrored table.
fn mirrored(random: &mut Random, weather: &Weather, steps: &mut [Step]) {
    for step in steps {
        let (key, pick) = (random.below(weather.keys), random.draw());
        let what = match random.below(100) {
            0..=21 => What::Program { key, pick },
            22 => What::MirrorCrash { worker: pick % 2 },
            23 => What::Lease { worker: pick % 3 },
            _ => continue,
        };
        step.what = what;
    }
}

impl Plan {
    /// The same on files.
    pub fn on_sled(self) -> Self {
        Self { on_sled: true, ..self }
    }
}

impl Weather {
    /// Two replicas, one slice, one record, and nothing ever goes wrong by itself.
    pub const CALM: Self = Self {
        replicas: 2,
        partitions: 1,
        keys: 1,
        drop: 0,
        duplicate: 0,
        ghost: 0,
        short: 0,
        latency: 0,
        store: 0,
        store_slow: 0,
        short_horizon: false,
        mirrored: false,
    };

    fn of(random: &mut Random) -> Self {
        let calm = random.percent(15);
        let mut rate = |most: u64| if calm { 0 } else { random.below(most + 1) };
        let (drop, duplicate, ghost, short) = (rate(30), rate(10), rate(6), rate(25));
        let (store, store_slow) = (rate(20), rate(20));
        Self {
            replicas: random.between(2, 5) as usize,
            partitions: random.between(1, 3) as u16,
            keys: random.between(2, 8),
            drop,
            duplicate,
            ghost,
            short,
            latency: [20, 200, 2_000][random.below(3) as usize],
            store,
            store_slow,
            short_horizon: random.percent(30),
            mirrored: false,
        }
    }
}

impl Step {
    fn of(random: &mut Random, weather: &Weather) -> Self {
        let at = random.below(weather.replicas as u64) as usize;
        let after = match random.below(20) {
            0..=5 => random.below(10),
            6..=17 => random.between(10, 400),
            _ => random.between(400, 3_000),
        };
        Self { after, at, what: What::of(random, weather) }
    }
}

impl What {
    fn of(random: &mut Random, weather: &Weather) -> Self {
        let key = random.below(weather.keys);
        let pick = random.draw();
        match random.below(1_000) {
            0..=99 => Self::Insert { key, value: pick },
            100..=399 => Self::Edit { key, field: random.draw(), value: pick },
            400..=449 => Self::Delete { key },
            450..=569 => Self::Resolve { pick, how: random.draw() },
            570..=579 => Self::Bulk { rule: pick },
            580..=629 => Self::TakeBack { pick },
            630..=659 => Self::Retry { pick },
            660..=684 => Self::Discard { pick },
            685..=694 => Self::Comment { pick },
            695..=709 => Self::Field { add: random.percent(60) },
            710..=739 => Self::Crash { commits: random.below(4), stored: random.percent(50) },
            740..=749 => Self::Full { commits: random.below(3) },
            750..=769 => Self::Restart,
            770..=774 => Self::SecondOwner,
            775..=782 => Self::SignOut,
            783..=797 => Self::Expire,
            798..=827 => Self::SignIn,
            828..=847 => Self::Cut { way: random.between(1, 3) as u8 },
            848..=877 => Self::Mend,
            878..=882 => Self::Nudge,
            883..=897 => Self::Skew { ms: skew(random) },
            898..=904 => Self::ServerSkew { ms: skew(random) },
            905..=919 => Self::NodeCrash,
            920..=924 => Self::Dark { ms: random.between(100, 5_000) },
            925..=934 => Self::Role { reader: random.percent(40) },
            935..=941 => Self::Pass { minutes: random.between(1, 30) },
            942..=944 => Self::Collection { gone: true },
            945..=956 => Self::Collection { gone: false },
            988..=991 => Self::Backup,
            992..=995 => Self::Restore { resumed: pick.is_multiple_of(2) },
            996..=999 => Self::Copy { from: pick },
            _ => Self::Wait,
        }
    }
}

/// Up to a day forwards or backwards.
fn skew(random: &mut Random) -> i64 {
    let most = [1_000, 600_000, DAY][random.below(3) as usize];
    random.below(2 * most + 1) as i64 - most as i64
}
