//! Five people who write without a pause, and how fast they go on.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use mooring_tests::Client;
use mooring_tests::writer::{Writer, boats};
use sync_client::status::Tone;
use tokio::task::JoinHandle;

const PEOPLE: usize = 5;
/// Changes of each person that must be accepted before a node's trouble counts as lived through.
const ACCEPTED: u64 = 3;
/// Within this time they must be: no longer than one loses sight of a server that is restarted.
const PATIENCE: Duration = Duration::from_secs(30);
/// So long a device may still say what was true before.
const MOMENT: Duration = Duration::from_secs(2);
/// What a person may read behind *Problem: see details* while the server reaches no majority.
const WAITING: &str =
    "The server's database does not answer now. Nothing is lost: your device sends again by itself.";

/// People who write: one record and one count, and again once the server has accepted them.
pub struct Crew {
    people: Vec<Person>,
    stop: Rc<Cell<bool>>,
}

struct Person {
    device: Rc<Client>,
    accepted: Rc<Cell<u64>>,
    work: JoinHandle<Result<Writer>>,
}

impl Crew {
    pub async fn start(dir: &Path, url: &str) -> Result<Self> {
        let stop = Rc::new(Cell::new(false));
        let mut people = Vec::new();
        for n in 0..PEOPLE {
            let name = format!("device {n}");
            let device = Rc::new(Client::start(&dir.join(&name), &name)?);
            device.join(url).await?;
            if n == 0 {
                boats(&device).await?;
            }
            device.synced().await?;
            people.push((n, device));
        }
        let people = people.into_iter().map(|(n, device)| {
            let accepted = Rc::new(Cell::new(0));
            let mut writer = Writer::new(1_000_000 * (1 + n as i64));
            let work = tokio::task::spawn_local({
                let (device, accepted, stop) = (device.clone(), accepted.clone(), stop.clone());
                async move {
                    while !stop.get() {
                        writer.write(&device).await?;
                        device.until("accepted", |status| status.pending == 0).await?;
                        accepted.set(accepted.get() + 1);
                    }
                    Ok(writer)
                }
            });
            Person { device, accepted, work }
        });
        Ok(Self { people: people.collect(), stop })
    }

    /// Waits until changes of each person were accepted, all of them made from here on.
    pub async fn goes_on(&self, when: &str) -> Result<()> {
        let started = Instant::now();
        // what was on its way when the trouble began does not count
        let wanted: Vec<u64> =
            self.people.iter().map(|person| person.accepted.get() + 1 + ACCEPTED).collect();
        let done = || self.people.iter().zip(&wanted).filter(|(p, w)| p.accepted.get() >= **w).count();
        while done() < PEOPLE {
            if let Some(person) = self.people.iter().position(|person| person.work.is_finished()) {
                bail!("{when}: person {person} had to stop");
            }
            ensure!(started.elapsed() < PATIENCE, "{when}: {} of {PEOPLE} people go on", done());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let accepted: u64 = self.people.iter().map(|person| person.accepted.get()).sum();
        eprintln!("{:6.1} s until all go on where {when} ({accepted})", started.elapsed().as_secs_f64());
        Ok(())
    }

    /// Watches for as long as people may have to wait elsewhere, where nothing can be accepted: nothing is, and each
    /// person is told the truth, which is that it waits.
    pub async fn stands_still(&self) -> Result<()> {
        let started = Instant::now();
        let before: Vec<u64> = self.people.iter().map(|person| person.accepted.get()).collect();
        let mut told = BTreeMap::<String, u64>::new();
        while started.elapsed() < PATIENCE {
            for (n, (person, before)) in self.people.iter().zip(&before).enumerate() {
                ensure!(!person.work.is_finished(), "person {n} had to stop");
                // what was committed a moment before may be told a moment later
                let accepted = person.accepted.get() - before;
                ensure!(accepted <= 1, "{accepted} changes of person {n} were accepted by no majority");
                let status = person.device.status().await?;
                ensure!(status.review() == 0, "person {n} was told “no”: {status:?}");
                let pill = status.pill();
                *told.entry(pill.text.clone()).or_default() += 1;
                let waits = match pill.tone {
                    Tone::Problem => status.problem.as_deref() == Some(WAITING),
                    tone => matches!(tone, Tone::Busy | Tone::Calm) || started.elapsed() < MOMENT,
                };
                ensure!(waits, "person {n} reads {}: {status:?}", pill.text);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for (n, person) in self.people.iter().enumerate() {
            ensure!(person.device.status().await?.pending > 0, "person {n} does not wait");
        }
        eprintln!("{:6.1} s nothing was accepted, and people read {told:?}", started.elapsed().as_secs_f64());
        Ok(())
    }

    pub async fn stop(self) -> Result<(Vec<Rc<Client>>, Vec<Writer>)> {
        self.stop.set(true);
        let (mut devices, mut writers) = (Vec::new(), Vec::new());
        for person in self.people {
            writers.push(person.work.await??);
            devices.push(person.device);
        }
        Ok((devices, writers))
    }
}
