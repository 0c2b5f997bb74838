//! An engine on stores in memory, without a server: commands as screens and programs give them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Value as Json, json};
use sync_client::api::{Answer, Command, Failure};
use sync_client::device::Device;
use sync_client::engine::{Engine, Events, Handle};
use sync_client::store::StoreError;
use sync_client::store::memory::{MemoryDisk, MemoryStore};
use sync_protocol::{CollectionId, RecordId, RecordKey, Timestamp};

/// A device whose disks outlive its engines.
#[derive(Clone, Default)]
pub struct Desk(Rc<Kept>);

#[derive(Default)]
struct Kept {
    profile: RefCell<Option<String>>,
    disks: RefCell<BTreeMap<String, MemoryDisk>>,
    minted: Cell<u128>,
    saves: Cell<u32>,
    /// Milliseconds that have passed.
    passed: Cell<i64>,
}

impl Device for Desk {
    type Store = MemoryStore;

    async fn load_profile(&self) -> Result<Option<String>, StoreError> {
        Ok(self.0.profile.borrow().clone())
    }

    async fn save_profile(&self, text: &str) -> Result<(), StoreError> {
        *self.0.profile.borrow_mut() = Some(text.to_owned());
        self.0.saves.set(self.0.saves.get() + 1);
        Ok(())
    }

    async fn open_store(&self, name: &str) -> Result<MemoryStore, StoreError> {
        MemoryStore::open(&self.disk(name))
    }

    async fn stores(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.0.disks.borrow().keys().cloned().collect())
    }

    async fn delete_store(&self, name: &str) -> Result<(), StoreError> {
        self.0.disks.borrow_mut().remove(name);
        Ok(())
    }

    fn now(&self) -> Timestamp {
        Timestamp(1_800_000_000_000 + self.0.passed.get())
    }

    fn random(&self) -> [u8; 16] {
        self.0.minted.set(self.0.minted.get() + 1);
        // the last bytes of a key differ, too
        (self.0.minted.get() * 0x0001_0000_0001_0000_0001_0000_0001).to_be_bytes()
    }

    async fn sleep(&self, ms: u64) {
        tokio::time::sleep(std::time::Duration::from_millis(ms)).await;
    }

    fn home_server(&self) -> Option<String> {
        None
    }

    fn name(&self) -> String {
        "desk".into()
    }

    fn channel(&self) -> &'static str {
        "embedded"
    }
}

impl Desk {
    /// A person who was signed in here once, with a workspace that is opened at each start.
    pub fn new() -> Self {
        let id = uuid::Uuid::from_u128(7);
        let profile = json!({
            "user": {"id": id, "name": "Ada"},
            "workspaces": [{"id": id, "name": "Team", "partitions": 4, "role": "editor"}],
            "last": id,
        });
        let desk = Self::default();
        *desk.0.profile.borrow_mut() = Some(profile.to_string());
        desk
    }

    /// The same, with a server that does not answer.
    pub fn offline() -> Self {
        let desk = Self::new();
        let profile = desk.profile().map(|text| text.replacen('{', r#"{"server": "http://127.0.0.1:9","#, 1));
        *desk.0.profile.borrow_mut() = profile;
        desk
    }

    /// What the device remembers beside its stores.
    pub fn profile(&self) -> Option<String> {
        self.0.profile.borrow().clone()
    }

    /// Lets time pass.
    pub fn pass(&self, ms: i64) {
        self.0.passed.set(self.0.passed.get() + ms);
    }

    /// How often an engine has written that.
    pub fn saves(&self) -> u32 {
        self.0.saves.get()
    }

    /// It remembers something else.
    pub fn set_profile(&self, text: &str) {
        *self.0.profile.borrow_mut() = Some(text.to_owned());
    }

    /// What a store is on.
    pub fn disk(&self, name: &str) -> MemoryDisk {
        self.0.disks.borrow_mut().entry(name.to_owned()).or_default().clone()
    }

    /// The disk of the workspace of [`Desk::new`].
    pub fn team(&self) -> MemoryDisk {
        let id = uuid::Uuid::from_u128(7);
        self.disk(&format!("{id}.{id}"))
    }

    /// Starts the engine, lets somebody work with it, and stops it.
    pub fn at_work(&self, work: impl AsyncFnOnce(Handle)) {
        self.heard_at_work(async |handle, _events| work(handle).await);
    }

    /// The same for somebody who hears what it tells.
    pub fn heard_at_work(&self, work: impl AsyncFnOnce(Handle, Events)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (handle, events, run) = Engine::start(self.clone());
        // what is asked ends before the engine does
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = work(handle, events) => {}
                () = run => panic!("the engine stopped"),
            }
        });
    }
}

pub async fn ask(handle: &Handle, command: Command) -> Answer {
    handle.call(command).await.unwrap()
}

pub async fn refused(handle: &Handle, command: Command) -> Failure {
    handle.call(command).await.unwrap_err()
}

/// A command in the words in which it travels.
pub fn command(json: Json) -> Command {
    serde_json::from_value(json).unwrap()
}

pub fn id(key: i64) -> RecordId {
    RecordId::new(CollectionId::new("things").unwrap(), RecordKey::Int(key))
}

/// The record's values; null where there is none.
pub async fn view(handle: &Handle, key: i64) -> Json {
    let Answer::Record(found) = ask(handle, Command::Record { id: id(key) }).await else {
        panic!("a record")
    };
    serde_json::to_value(found.fields).unwrap()
}

/// Makes the collection that tests use: two whole numbers and a count.
pub async fn define(handle: &Handle) {
    let field = |name: &str, held: &str| json!({"name": name, "label": name, "type": held, "position": 0});
    let fields = [field("n", "integer"), field("m", "integer"), field("stock", "counter")];
    ask(handle, command(json!({"new_collection": {"label": "Things", "fields": fields}}))).await;
}
