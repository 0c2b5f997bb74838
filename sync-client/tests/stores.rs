//! The conformance suite on the stores that run natively.

use std::cell::RefCell;
use std::collections::BTreeMap;
use sync_client::store::conformance::{CHECKS, Factory, run};
use sync_client::store::memory::{Fault, MemoryDisk, MemoryStore};
use sync_client::store::{Batch, LocalStore, StoreError};

#[derive(Default)]
struct InMemory(RefCell<BTreeMap<String, MemoryDisk>>);

impl Factory for InMemory {
    type Store = MemoryStore;

    async fn open(&self, name: &str) -> Result<MemoryStore, StoreError> {
        MemoryStore::open(self.0.borrow_mut().entry(name.to_owned()).or_default())
    }

    fn fail_next_commit(&self, name: &str, error: StoreError) -> bool {
        let disks = self.0.borrow();
        disks[name].fail(Fault { commit: 1, error, stored: false });
        true
    }
}

async fn conforms(factory: &impl Factory) {
    let mut failed = Vec::new();
    for check in CHECKS {
        match run(factory, check).await {
            Ok(()) => println!("ok      {check}"),
            Err(why) => failed.push(format!("{check}: {why}")),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[tokio::test(flavor = "current_thread")]
async fn memory_conforms() {
    conforms(&InMemory::default()).await;
}

#[tokio::test(flavor = "current_thread")]
async fn memory_has_one_owner_and_fails_when_told() {
    let disk = MemoryDisk::new();
    let store = MemoryStore::open(&disk).unwrap();
    assert!(matches!(MemoryStore::open(&disk), Err(StoreError::InUse)));
    disk.fail(Fault { commit: 2, error: StoreError::Full, stored: true });
    assert_eq!(store.commit(&Batch::default()).await, Ok(()));
    assert_eq!(store.commit(&Batch::default()).await, Err(StoreError::Full));
    assert_eq!(disk.commits(), 2);
    drop(store);
    assert!(MemoryStore::open(&disk).is_ok());
}
