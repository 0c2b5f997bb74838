//! Every call in turn: a process of its own opens the store and waits; strace makes one call fail; the process says what it
//! was told, goes on, and tries again.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use mooring_tests::disk::scratch;
use mooring_tests::inject::{Fault, Seen, Watch, is_possible};
use sync_client::store::LocalStore;

use super::{device, profile, server};

/// Set in a process that is to try: which store, which kind of batch, where.
const TRIES: &str = "MOORING_TEST_TRIES";
/// What its lines begin with.
const MARK: &str = "tries: ";
/// Opening is a kind of its own for stores that may be opened after a crash.
const OPENING: &str = "opening";
/// Tries until a disk that works again must have been believed: the server's store looks once a second.
const AGAIN: usize = 30;

/// A process that takes longer hangs: the longest known takes some seconds.
const HANGS: Duration = Duration::from_secs(40);

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Subject {
    Device,
    Server,
    Profile,
}

impl Subject {
    fn named(name: &str) -> Self {
        let all = [Self::Device, Self::Server, Self::Profile];
        all.into_iter().find(|subject| format!("{subject:?}") == name).expect("one of them")
    }

    fn kinds(self) -> Vec<&'static str> {
        match self {
            Self::Device => device::KINDS.into_iter().chain([OPENING]).collect(),
            Self::Server => server::KINDS.into_iter().chain([OPENING]).collect(),
            Self::Profile => profile::KINDS.into(),
        }
    }

    fn files(self, folder: &Path) -> Vec<PathBuf> {
        match self {
            Self::Device => device::files(folder),
            Self::Server => server::files(folder),
            Self::Profile => profile::files(folder),
        }
    }

    async fn prepare(self, folder: &Path, kind: &str) -> Result<()> {
        match self {
            Self::Device => device::prepare(&device::open(folder)?, kind).await?,
            Self::Server => server::prepare(&server::open(folder)?).await?,
            Self::Profile => profile::prepare(folder, kind).await?,
        }
        Ok(())
    }

    async fn look(self, folder: &Path) -> Result<String> {
        Ok(match self {
            Self::Device => device::all_of(&device::open(folder)?).await?,
            Self::Server => server::all_of(&server::open(folder)?).await?,
            Self::Profile => profile::all_of(folder).await?,
        })
    }

    /// What is held before, and after.
    async fn states(self, kind: &str) -> Result<[String; 2]> {
        Ok(match self {
            Self::Device => device::states(kind).await?,
            Self::Server => server::states(kind).await?,
            Self::Profile => {
                let folder = tempfile::tempdir()?;
                profile::prepare(folder.path(), kind).await?;
                let before = profile::all_of(folder.path()).await?;
                profile::attempt(folder.path(), kind).await?;
                [before, profile::all_of(folder.path()).await?]
            }
        })
    }

    /// Tries once while calls fail, and then until it works.
    async fn try_it(self, folder: &Path, kind: &str) -> Result<()> {
        match self {
            Self::Device if kind == OPENING => {
                tell_and_wait("ready")?;
                told(device::open(folder).map(drop))?;
                device::open(folder)?;
            }
            Self::Device => {
                let store = device::open(folder)?;
                device::prepare_open(&store, kind).await?;
                tell_and_wait("ready")?;
                let [before, after] = device::states(kind).await?;
                told(device::attempt(&store, kind).await)?;
                store.mend().await?;
                let found = device::all_of(&store).await?;
                ensure!(
                    found == before || found == after,
                    "half a batch is shown: {}",
                    beside(&found, &before)
                );
                if found == before {
                    device::attempt(&store, kind).await?;
                }
                ensure!(device::all_of(&store).await? == after, "the next try does something else");
            }
            Self::Server if kind == OPENING => {
                tell_and_wait("ready")?;
                told(server::open(folder).map(drop))?;
                server::open(folder)?;
            }
            Self::Server => {
                let store = server::open(folder)?;
                tell_and_wait("ready")?;
                let [before, after] = server::states(kind).await?;
                told(server::attempt(&store, kind).await)?;
                for _ in 0..AGAIN {
                    match server::all_of(&store).await {
                        Ok(found) if found == after => return Ok(()),
                        Ok(found) => {
                            ensure!(found == before, "half a change is shown: {}", beside(&found, &before));
                            // how it ends is seen by the next look
                            drop(server::attempt(&store, kind).await);
                        }
                        Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                    }
                }
                bail!("it does not go on: {:?}", server::all_of(&store).await.err());
            }
            Self::Profile => {
                tell_and_wait("ready")?;
                told(profile::attempt(folder, kind).await)?;
                profile::attempt(folder, kind).await?;
            }
        }
        Ok(())
    }
}

fn told<T, E: std::fmt::Display>(outcome: Result<T, E>) -> Result<()> {
    match outcome {
        Ok(_) => tell_and_wait("stored"),
        Err(error) => tell_and_wait(&format!("refused: {error}")),
    }
}

fn tell_and_wait(line: &str) -> Result<()> {
    println!("{MARK}{line}");
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}

/// The process that tries.
pub fn serve() {
    let Ok(what) = std::env::var(TRIES) else { return };
    let [subject, kind, folder] = what.split('|').collect::<Vec<_>>()[..] else { panic!("{what}") };
    // a store that waits for ever is a failure that is told
    std::thread::spawn(|| {
        std::thread::sleep(HANGS);
        println!("{MARK}failed: it hangs");
        std::process::exit(1);
    });
    let tried = runtime().block_on(Subject::named(subject).try_it(Path::new(folder), kind));
    println!("{MARK}{}", tried.map_or_else(|error| format!("failed: {error:#}"), |()| "done".into()));
}

fn runtime() -> tokio::runtime::Runtime {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    // calls are counted per thread
    runtime.enable_all().max_blocking_threads(1).build().expect("a runtime")
}

/// That process, seen from outside.
struct Tries {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Tries {
    fn start(subject: Subject, kind: &str, folder: &Path) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--exact", "store_process", "--nocapture"]);
        command.env(TRIES, format!("{subject:?}|{kind}|{}", folder.display()));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let stdin = child.stdin.take().context("stdin is piped")?;
        let stdout = BufReader::new(child.stdout.take().context("stdout is piped")?);
        Ok(Self { child, stdin, stdout })
    }

    fn line(&mut self) -> Result<String> {
        loop {
            let mut line = String::new();
            ensure!(self.stdout.read_line(&mut line)? > 0, "the process ended");
            if let Some((_, text)) = line.trim_end().split_once(MARK) {
                return Ok(text.to_owned());
            }
        }
    }

    fn go_on(&mut self) -> Result<()> {
        // who does not listen any more has ended: how it did tells whether the store or the watching did it
        let Err(error) = writeln!(self.stdin) else { return Ok(()) };
        bail!("{error}: the process ended with {}", self.child.wait()?)
    }
}

impl Drop for Tries {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// For each kind and each file: first it is seen which calls are made, then each of them is made to fail.
pub fn every_call_fails_in_turn(subject: Subject) {
    if !is_possible() {
        return;
    }
    let kinds = Mutex::new(subject.kinds().into_iter());
    let failed = Mutex::new(Vec::new());
    let count = Mutex::new((0, 0));
    let work = || {
        while let Some(kind) = { kinds.lock().expect("no panic").next() } {
            match runtime().block_on(one_kind(subject, kind)) {
                Ok((cases, refused)) => {
                    println!("{subject:?}: {kind}: {cases} calls, {refused} times refused");
                    let mut count = count.lock().expect("no panic");
                    *count = (count.0 + cases, count.1 + refused);
                }
                Err(error) => failed.lock().expect("no panic").push(format!("{kind}: {error:#}")),
            }
        }
    };
    std::thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(work))));
    let (cases, refused) = *count.lock().expect("no panic");
    println!("{subject:?}: {cases} calls failed in turn, {refused} times the caller was told");
    let failed = failed.into_inner().expect("no panic");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(refused > 0, "nothing was ever refused");
}

async fn one_kind(subject: Subject, kind: &str) -> Result<(usize, usize)> {
    let place = scratch()?;
    let ground = place.path().join("ground");
    subject.prepare(&ground, kind).await?;
    let states = subject.states(kind).await?;
    let (mut cases, mut refused) = (0, 0);
    let untouched = one_case(subject, kind, &place, None, &states).await?;
    let calls: BTreeSet<(usize, Fault)> = untouched.calls.iter().map(|seen| (seen.file, seen.call)).collect();
    for (file, fault) in calls {
        let case = one_case(subject, kind, &place, Some((file, fault)), &states);
        let seen = case.await.with_context(|| format!("file {file}, {fault:?}"))?;
        cases += usize::from(seen.calls.iter().any(|seen| seen.failed));
        refused += usize::from(seen.told.starts_with("refused"));
    }
    Ok((cases, refused))
}

struct Case {
    calls: Vec<Seen>,
    told: String,
}

async fn one_case(
    subject: Subject,
    kind: &str,
    place: &tempfile::TempDir,
    fault: Option<(usize, Fault)>,
    states: &[String; 2],
) -> Result<Case> {
    let (folder, copy) = (place.path().join("tried"), place.path().join("copy"));
    fresh(&place.path().join("ground"), &folder)?;
    let mut tries = Tries::start(subject, kind, &folder)?;
    ready(&mut tries)?;
    let all = subject.files(&folder);
    let files = fault.map_or(all.clone(), |(file, _)| vec![all[file].clone()]);
    let log = place.path().join("log");
    let watch = Watch::begin(tries.child.id(), &files, fault.map(|(_, call)| call), &log)?;
    tries.go_on()?;
    let told = tries.line()?;
    let calls = watch.end()?;
    // as if the program ended here, whatever it still has in mind
    fresh(&folder, &copy)?;
    let found = subject.look(&copy).await.context("after a crash right then")?;
    let whole = states.contains(&found);
    ensure!(whole, "{told}; after a crash right then: {}", beside(&found, &states[0]));
    if fault.is_none() {
        ensure!(told == "stored", "{told}");
    }
    tries.go_on()?;
    let done = tries.line()?;
    ensure!(done == "done", "{told}; then {done}");
    drop(tries);
    let found = subject.look(&folder).await?;
    // what may be relaxed is fetched again from the server
    let relaxed = subject == Subject::Device && !device::batch(kind).must_be_strict() && found == states[0];
    ensure!(found == states[1] || relaxed, "{told}; in the end: {}", beside(&found, &states[1]));
    Ok(Case { calls, told })
}

/// From where on it differs.
fn beside(found: &str, wanted: &str) -> String {
    let same = found.bytes().zip(wanted.bytes()).take_while(|(a, b)| a == b).count();
    let from = |text: &str| {
        String::from_utf8_lossy(&text.as_bytes()[same.saturating_sub(60)..])
            .chars()
            .take(240)
            .collect::<String>()
    };
    format!("{} and not {}", from(found), from(wanted))
}

fn ready(tries: &mut Tries) -> Result<()> {
    let line = tries.line()?;
    ensure!(line == "ready", "{line}");
    Ok(())
}

/// A copy in the place of what is there.
pub fn fresh(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        std::fs::remove_dir_all(to)?;
    }
    std::fs::create_dir_all(to)?;
    if !from.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            fresh(&source, &target)?;
        } else {
            std::fs::copy(&source, &target)?;
        }
    }
    Ok(())
}
