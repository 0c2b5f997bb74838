//! One Mooring replica: local store, outbox, sync session. Runs natively (sled) and in the browser (IndexedDB).
//!
//! Where to start: [`api`] is all that a screen knows; [`replica`] is the state without I/O; [`store`] is where it
//! lives; [`engine`] runs replicas on stores against a server; [`native`] is the device of a program with a folder.
//!
//! A program that keeps records in a folder, without a server so far:
//!
//! ```
//! use sync_client::api::{Answer, Command, Failure, Session};
//! use sync_client::engine::{Engine, Handle};
//! use sync_client::native::NativeDevice;
//! use sync_protocol::{CollectionId, FieldName, RecordId, RecordKey, Value};
//!
//! async fn keep(handle: Handle) -> Result<Value, Failure> {
//!     let Answer::Session(Session { local, .. }) = handle.call(Command::NewLocal("Harbour".into())).await? else {
//!         unreachable!("a new workspace is answered with the session");
//!     };
//!     handle.call(Command::Open { workspace: local[0].id }).await?;
//!     let boats = CollectionId::new("boats").expect("a valid name");
//!     handle.call(Command::OpenCollection(boats.clone())).await?; // fields appear as they are written
//!     let name = FieldName::new("name").expect("a valid name");
//!     let key = RecordKey::Int(1);
//!     let fields = [(name.clone(), Value::from("Rán"))].into();
//!     // when it is answered, it is on the disk
//!     handle.call(Command::Insert { collection: boats.clone(), key: Some(key.clone()), fields }).await?;
//!     let Answer::Got(got) = handle.call(Command::Get { ids: vec![RecordId::new(boats, key)] }).await? else {
//!         unreachable!("records are answered with their values");
//!     };
//!     Ok(got.into_iter().flatten().next().and_then(|mut fields| fields.remove(&name)).unwrap_or_default())
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! let name = runtime.block_on(async {
//!     let device = NativeDevice::open(folder, "My program", "embedded")?;
//!     let (handle, _events, run) = Engine::start(device);
//!     // the engine works for as long as it is polled
//!     tokio::select! {
//!         kept = keep(handle) => Ok::<_, Box<dyn std::error::Error>>(kept?),
//!         () = run => Err("the engine has stopped".into()),
//!     }
//! })?;
//! assert_eq!(name, Value::from("Rán"));
//! # Ok(())
//! # }
//! ```
//!
//! With a server, `Command::Connect` and `Command::SignIn` come first, and `Command::Open` takes one of the session's workspaces. Several
//! are open at once, each looked at by a handle of its own name ([`engine::Handle::named`]).

#![deny(missing_docs)]

pub mod api;
#[cfg(feature = "screens")]
pub mod audit;
#[cfg(target_arch = "wasm32")]
pub mod browser;
pub mod delta;
pub mod device;
pub mod engine;
pub mod few;
#[cfg(feature = "screens")]
pub mod import;
pub mod keys;
pub mod limits;
#[cfg(not(target_arch = "wasm32"))]
pub mod native;
pub mod query;
pub mod replica;
#[cfg(not(target_arch = "wasm32"))]
pub mod secrets;
#[cfg(feature = "screens")]
pub mod sheet;
pub mod status;
pub mod steps;
pub mod store;
pub mod text;
pub mod transport;
