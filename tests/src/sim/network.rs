//! The way between a device and the server: messages are lost, late, doubled, or arrive when nobody waits any more.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sync_client::replica::session::SendError;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;

use super::desk::Desk;
use super::plan::Weather;
use super::random::Random;
use super::server::{Answer, Ask, Member, Server, shortened};

/// Ways that are cut.
pub const REQUESTS: u8 = 1;
/// Ways that are cut.
pub const ANSWERS: u8 = 2;

/// What reaches a device.
pub struct Arrival {
    /// Which device.
    pub device: usize,
    /// Which start of its program asked.
    pub epoch: u64,
    /// Whether it was a push.
    pub push: bool,
    /// The answer.
    pub answer: Result<Answer, SendError>,
}

/// What becomes of one request, drawn when it is sent.
pub struct Fate {
    there: Duration,
    back: Duration,
    given_up: Duration,
    lost_there: bool,
    lost_back: bool,
    ghost: Option<Duration>,
    twice: Option<Duration>,
    short: Option<u64>,
}

impl Fate {
    /// Draws one.
    pub fn of(random: &mut Random, weather: &Weather) -> Self {
        let ms = Duration::from_millis;
        let lost_there = random.percent(weather.drop / 2);
        let lost_back = random.percent(weather.drop / 2);
        let ghost = random.percent(weather.ghost);
        let twice = random.percent(weather.duplicate);
        let short = random.percent(weather.short);
        Self {
            there: ms(random.below(weather.latency)),
            back: ms(random.below(weather.latency)),
            given_up: ms(random.between(10, 2_000)),
            lost_there,
            lost_back,
            ghost: ghost.then(|| ms(random.between(1_000, 60_000))),
            twice: twice.then(|| ms(random.between(1, 40_000))),
            short: short.then(|| random.draw()),
        }
    }
}

/// One request on its way.
pub struct Letter {
    /// From which device.
    pub device: usize,
    /// To which node.
    pub node: usize,
    /// Of which start of its program.
    pub epoch: u64,
    /// The member.
    pub member: Arc<Member>,
    /// What is asked.
    pub ask: Ask,
    /// What becomes of it.
    pub fate: Fate,
    /// Into how many partitions the workspace is sliced.
    pub partitions: u16,
}

/// Carries a request to a node and its answer back.
pub async fn carry(server: Server, desk: Desk, letter: Letter, arrivals: UnboundedSender<Arrival>) {
    let Letter { device, node, epoch, member, ask, fate, partitions } = letter;
    let push = matches!(ask, Ask::Push(_));
    let arrive = |answer| {
        // nobody waits any more once the run is over
        let _ = arrivals.send(Arrival { device, epoch, push, answer });
    };
    let lost = || Err(SendError::NoAnswer("cut".into()));
    if let Some(after) = fate.twice.filter(|_| push) {
        let (server, member, ask) = (server.clone(), member.clone(), ask.clone());
        tokio::spawn(async move {
            sleep(after).await;
            server.met("network: request delivered twice");
            drop(server.serve(node, &member, ask).await);
        });
    }
    if let Some(after) = fate.ghost.filter(|_| push) {
        sleep(fate.given_up).await;
        arrive(lost());
        sleep(after).await;
        server.met("network: request given up, arrives later");
        drop(server.serve(node, &member, ask).await);
        return;
    }
    sleep(fate.there).await;
    let cut = |way| member.cut.load(Ordering::SeqCst) & way != 0;
    if fate.lost_there || cut(REQUESTS) {
        server.met(if fate.lost_there { "network: request lost" } else { "network: request cut off" });
        sleep(fate.given_up).await;
        return arrive(lost());
    }
    let mut answer = if push {
        server.serve(node, &member, ask).await
    } else {
        let (server, member) = (server.clone(), member.clone());
        desk.wait(async move { server.serve(node, &member, ask).await }).await
    };
    sleep(fate.back).await;
    if fate.lost_back || cut(ANSWERS) {
        server.met(if fate.lost_back { "network: answer lost" } else { "network: answer cut off" });
        sleep(fate.given_up).await;
        return arrive(lost());
    }
    if let (Ok(answer), Some(pick)) = (&mut answer, fate.short) {
        server.met("network: short answer");
        shortened(answer, pick, partitions);
    }
    arrive(answer);
}
