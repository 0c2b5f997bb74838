//! The engine in a browser: it runs in a dedicated worker, so that the page never stalls, and in one tab at a time.
//!
//! Tabs find a leader by a Web Lock that lasts as long as its tab. The leader's worker runs the engine; the others
//! pass their page's commands to it over a BroadcastChannel and get its answers and events, so all tabs show the same.
//! When the leader goes, the next tab in line takes over and what was not answered is asked again.

mod device;
mod platform;
mod store;
mod tabs;

pub use device::BrowserDevice;
pub use store::BrowserStore;
pub use tabs::{Tab, run_worker};
