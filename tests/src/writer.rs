//! People who write without a pause, and know what was called saved.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use sync_client::api::Command as Ask;
use sync_protocol::{FieldName, FieldType, Fields, RecordId, Value};

use crate::Client;
use crate::crew::{count_up, field, number, person, value};

/// Makes the collection that [`Writer`]s write to, with its counter at zero.
pub async fn boats(device: &Client) -> Result<()> {
    let fields = vec![field("name", FieldType::Text, 0), field("n", FieldType::Counter, 1)];
    device.ask(Ask::NewCollection { label: "Crew".into(), fields }).await?;
    let RecordId { collection, key } = person(1);
    device.ask(Ask::Insert { collection, key: Some(key), fields: [(name("n"), 0.into())].into() }).await?;
    Ok(())
}

fn name(name: &str) -> FieldName {
    FieldName::from_label(name)
}

/// Adds records and counts a counter up, in turns; knows what was called saved, and what may have been.
pub struct Writer {
    next: i64,
    /// What was called saved: names by key.
    pub added: BTreeMap<i64, String>,
    /// Of these, devices are asked for those with keys from here on.
    asked_from: i64,
    doubtful: Option<i64>,
    /// Counts that were called saved.
    pub counted: i64,
    doubtful_counts: i64,
}

impl Writer {
    /// One that adds records with the keys from `first` on.
    pub fn new(first: i64) -> Self {
        Self {
            next: first,
            added: BTreeMap::new(),
            asked_from: first,
            doubtful: None,
            counted: 0,
            doubtful_counts: 0,
        }
    }

    /// What was added so far was found everywhere: devices are not asked for it again, only for what is added from here on.
    pub fn proven(&mut self) {
        self.asked_from = self.next;
    }

    /// Devices are asked for all again.
    pub fn doubt(&mut self) {
        self.asked_from = 0;
    }

    /// One record and one count; an error where no answer came.
    pub async fn write(&mut self, device: &Client) -> Result<()> {
        let (key, text) = (self.next, format!("boat {}", self.next));
        self.next += 1;
        self.doubtful = Some(key);
        let fields = [(name("name"), Value::from(&*text))].into();
        let id = person(key);
        device.ask(Ask::Insert { collection: id.collection, key: Some(id.key), fields }).await?;
        self.doubtful = None;
        self.added.insert(key, text);
        self.doubtful_counts += 1;
        count_up(device, &person(1), "n").await?;
        self.doubtful_counts -= 1;
        self.counted += 1;
        Ok(())
    }

    /// Whether a device has all that was called saved, and nothing but that and what may have been.
    pub async fn meets(&mut self, device: &Client) -> Result<()> {
        self.has_added(device).await?;
        if let Some(key) = self.doubtful.take()
            && value(device, &person(key), "name").await?.is_some()
        {
            self.added.insert(key, format!("boat {key}"));
        }
        let number = number(device, &person(1), "n").await?;
        let most = self.counted + self.doubtful_counts;
        ensure!(
            (self.counted..=most).contains(&number),
            "counted {number}, saved {} to {most}",
            self.counted
        );
        (self.counted, self.doubtful_counts) = (number, 0);
        Ok(())
    }

    fn asked(&self) -> impl Iterator<Item = (&i64, &String)> {
        self.added.range(self.asked_from..)
    }

    /// Whether a device has all records that were called saved, but for those that are [proven](Self::proven).
    pub async fn has_added(&self, device: &Client) -> Result<()> {
        for (key, text) in self.asked() {
            let found = value(device, &person(*key), "name").await?;
            ensure!(found.as_ref() == Some(text), "record {key} was saved as {text:?} and is {found:?}");
        }
        Ok(())
    }
}

/// The same numbers each time.
pub struct Random(pub u64);

impl Random {
    /// A number below that.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Waits until these devices have exactly what these people saved, proven by checksums, with nothing to review.
pub async fn all_have(devices: &[&Client], writers: &[&Writer]) -> Result<()> {
    let sum: i64 = writers.iter().map(|writer| writer.counted).sum();
    for device in devices {
        device.synced().await?;
        // what others sent may still be on its way, and not in the order in which they sent it
        for key in writers.iter().flat_map(|writer| writer.asked().map(|(key, _)| key)) {
            device.until_record(&person(*key), |fields| fields.is_some()).await?;
        }
        let counted = |fields: Option<&Fields>| fields.is_some_and(|f| f.get("n") == Some(&Value::from(sum)));
        device.until_record(&person(1), counted).await?;
        let status = device.synced().await?;
        ensure!(status.review() == 0, "no two edits met, and yet there is something to review: {status:?}");
        for writer in writers {
            writer.has_added(device).await?;
        }
    }
    Ok(())
}
