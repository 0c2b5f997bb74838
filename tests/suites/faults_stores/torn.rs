//! Batches that a power cut tore: the files are cut short, blank or garbled from some place on in what the last batches
//! wrote, every 512 bytes, and opened. What is there must be whole batches, the first ones in order.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use mooring_tests::disk::scratch;
use sync_client::store::{Batch, Loaded, LocalStore, Rebuilt};

use super::faults::fresh;
use super::{device, server};

/// Bytes that a disk writes at once.
const SECTOR: usize = 512;

/// What becomes of a file from some place on.
#[derive(Clone, Copy, Debug)]
enum Tear {
    Short,
    Blank,
    Garbled,
}

impl Tear {
    /// Each place is torn in one way, its neighbours in others.
    fn at(place: usize) -> Self {
        [Self::Short, Self::Blank, Self::Garbled][place / SECTOR % 3]
    }

    fn of(self, whole: &[u8], at: usize) -> Vec<u8> {
        let mut bytes = whole.to_vec();
        match self {
            Self::Short => bytes.truncate(at),
            Self::Blank => bytes[at..].fill(0),
            Self::Garbled => bytes[at..].iter_mut().zip(0_u64..).for_each(|(byte, n)| {
                *byte ^= (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8 | 1;
            }),
        }
        bytes
    }
}

/// Every sector's beginning from the first byte that differs to the last that is written, and one odd place in each.
fn places(before: &[u8], after: &[u8]) -> Vec<usize> {
    let begin = before.iter().zip(after).position(|(a, b)| a != b).unwrap_or(before.len().min(after.len()));
    let end = after.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    (begin / SECTOR..=end / SECTOR)
        .flat_map(|n| [n * SECTOR, n * SECTOR + 37 + n * 101 % 400])
        .filter(|at| (begin..after.len()).contains(at))
        .collect()
}

/// Opens a copy of a folder in which one file is torn; panics count.
async fn torn(from: &Path, file: &str, bytes: &[u8]) -> Result<(tempfile::TempDir, PathBuf)> {
    let place = scratch()?;
    let copy = place.path().join("copy");
    fresh(from, &copy)?;
    std::fs::write(copy.join(file), bytes)?;
    Ok((place, copy))
}

/// All kinds of batches, one after the other, numbered so that each can be stored after the others.
fn batches() -> Vec<Batch> {
    let kinds = ["a page of the feed", "a verdict", "a decision", "a page of a snapshot"];
    kinds.map(device::batch).into()
}

/// What is a copy of the server's data, and what exists nowhere else.
async fn halves(store: &impl LocalStore) -> Result<(String, Loaded)> {
    let loaded = store.load().await?;
    let copied = Loaded { outbox: vec![], quarantine: vec![], counter: Default::default(), ..loaded.clone() };
    let records = device::records(store).await?;
    Ok((format!("{copied:?} {records:?}"), loaded))
}

#[tokio::test]
async fn a_device_opens_whole_batches_whatever_a_power_cut_left_of_the_records() -> Result<()> {
    let place = scratch()?;
    let folder = place.path().join("whole");
    let store = device::open(&folder)?;
    let mut states = vec![halves(&store).await?.0];
    for batch in device::ground() {
        store.commit(&batch).await?;
        states.push(halves(&store).await?.0);
    }
    let begin = std::fs::read(folder.join("records/db"))?;
    for batch in batches() {
        store.commit(&batch).await?;
        states.push(halves(&store).await?.0);
    }
    // all of it is on the disk
    store.commit(&Batch { settle: vec![sync_protocol::Counter(99)], ..Batch::default() }).await?;
    let unsent = halves(&store).await?.1;
    let whole = std::fs::read(folder.join("records/db"))?;
    let cut_off = place.path().join("cut off");
    fresh(&folder, &cut_off)?;
    drop(store);
    let (mut cases, mut rebuilt) = (0, 0);
    for at in places(&begin, &whole) {
        let tear = Tear::at(at);
        let case = || format!("{tear:?} from {at}");
        let (_place, copy) = torn(&cut_off, "records/db", &tear.of(&whole, at)).await?;
        let opened = catch_unwind(AssertUnwindSafe(|| device::open(&copy)));
        let store = opened.map_err(|_| anyhow::anyhow!("{}: a panic", case()))?.with_context(case)?;
        let (copied, found) = halves(&store).await.with_context(case)?;
        rebuilt += usize::from(store.rebuilt() != Rebuilt::No);
        // what was begun anew knows only who it is
        let anew = store.rebuilt() != Rebuilt::No && device::records(&store).await?.is_empty();
        ensure!(anew || states.contains(&copied), "{}: a mix: {copied}", case());
        let is_kept = unsent.outbox.iter().all(|change| found.outbox.contains(change))
            && unsent
                .quarantine
                .iter()
                .all(|q| found.quarantine.contains(q) || found.outbox.contains(&q.change));
        ensure!(is_kept, "{}: unsent changes are gone: {:?}", case(), found.outbox);
        cases += 1;
    }
    println!("device: {cases} torn logs of records, {rebuilt} times set aside");
    ensure!(cases > 50, "{cases} cases");
    Ok(())
}

#[tokio::test]
async fn a_device_opens_whole_batches_whatever_a_power_cut_left_of_the_journal() -> Result<()> {
    let place = scratch()?;
    let folder = place.path().join("whole");
    let store = device::open(&folder)?;
    for batch in device::ground() {
        store.commit(&batch).await?;
    }
    let (before, journal) = (device::all_of(&store).await?, std::fs::read(folder.join("unsent.journal"))?);
    // the line is on its way to the disk, the records are not
    let cut_off = place.path().join("cut off");
    fresh(&folder, &cut_off)?;
    store.commit(&device::batch("an edit saved")).await?;
    let edited = store.load().await?.outbox;
    let whole = std::fs::read(folder.join("unsent.journal"))?;
    drop(store);
    let mut cases = 0;
    let steps = (journal.len()..whole.len()).step_by(9).chain(whole.len() - 3..=whole.len());
    for (at, n) in steps.zip(0..) {
        let tear = Tear::at(n * SECTOR);
        let (_place, copy) = torn(&cut_off, "unsent.journal", &tear.of(&whole, at)).await?;
        let store = device::open(&copy)?;
        let is_whole = store.load().await?.outbox == edited || device::all_of(&store).await? == before;
        ensure!(is_whole, "{tear:?} from {at}: {:?}", store.load().await?.outbox);
        cases += 1;
    }
    println!("device: {cases} torn journals");
    Ok(())
}

#[tokio::test]
async fn a_server_opens_whole_steps_whatever_a_power_cut_left() -> Result<()> {
    let place = scratch()?;
    let folder = place.path().join("whole");
    let store = server::open(&folder)?;
    server::prepare(&store).await?;
    drop(store);
    // opening empties the journal: from here on it holds what sled may lack
    let store = server::open(&folder)?;
    let begun = place.path().join("begun");
    fresh(&folder, &begun)?;
    let mut states = vec![server::all_of(&store).await?];
    for kind in ["verdicts of a group", "a new account", "a session begins", "all sessions end"] {
        server::attempt(&store, kind).await?;
        states.push(server::all_of(&store).await?);
    }
    let journal = std::fs::read(folder.join("journal"))?;
    let (log_before, log) = (std::fs::read(begun.join("db/db"))?, {
        drop(store);
        std::fs::read(folder.join("db/db"))?
    });
    let mut cases = 0;
    // sled has nothing of it yet, and the journal is torn: the first steps in order
    let mut last = 0;
    for at in places(&[], &journal) {
        let tear = Tear::at(at);
        let (_place, copy) = torn(&begun, "journal", &tear.of(&journal, at)).await?;
        let found = server::all_of(&server::open(&copy)?).await?;
        let steps = states.iter().position(|state| *state == found);
        let steps = steps.with_context(|| format!("{tear:?} from {at}: a mix: {found}"))?;
        ensure!(steps >= last, "{tear:?} from {at}: fewer steps than of less");
        last = steps;
        cases += 1;
    }
    println!("server: {cases} torn journals");
    // sled's log is torn behind what the journal was emptied for: all of it
    let all = states.last().context("states")?;
    std::fs::write(begun.join("journal"), &journal)?;
    let mut cases = 0;
    for at in places(&log_before, &log) {
        let tear = Tear::at(at);
        let case = || format!("{tear:?} from {at}");
        let (_place, copy) = torn(&begun, "db/db", &tear.of(&log, at)).await?;
        let opened = catch_unwind(AssertUnwindSafe(|| server::open(&copy)));
        let store = opened.map_err(|_| anyhow::anyhow!("{}: a panic", case()))?.with_context(case)?;
        ensure!(server::all_of(&store).await? == *all, "{}: steps are missing", case());
        cases += 1;
    }
    println!("server: {cases} torn logs");
    Ok(())
}
