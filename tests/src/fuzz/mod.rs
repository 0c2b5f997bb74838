//! What decodes bytes from elsewhere, fed with anything. A target takes any bytes and panics where a promise is broken;
//! whatever it refuses is fine. The corpus in `tests/fuzz/TARGET` is replayed by the suite `fuzz`; `./x fuzz` goes on
//! from it with libFuzzer.

use std::path::PathBuf;

mod answers;
mod import;
mod requests;
mod rows_of_devices;
mod rows_of_servers;
mod values;
mod wire;

/// Something that decodes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// As the command line and the folder of its corpus call it.
    pub name: &'static str,
    /// Decodes; panics where a promise is broken.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 7] = [
    Target { name: "wire", run: wire::run },
    Target { name: "values", run: values::run },
    Target { name: "import", run: import::run },
    Target { name: "requests", run: requests::run },
    Target { name: "answers", run: answers::run },
    Target { name: "rows_of_devices", run: rows_of_devices::run },
    Target { name: "rows_of_servers", run: rows_of_servers::run },
];

impl Target {
    /// The target of that name.
    pub fn named(name: &str) -> Option<Self> {
        TARGETS.into_iter().find(|target| target.name == name)
    }

    /// The folder of its inputs.
    pub fn corpus(self) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(self.name)
    }
}

/// The first line as text, and the rest.
fn head(data: &[u8]) -> Option<(&str, &[u8])> {
    let end = data.iter().position(|byte| *byte == b'\n')?;
    Some((std::str::from_utf8(&data[..end]).ok()?, &data[end + 1..]))
}

/// Waits for what never waits on anything: stores in memory, and sled, which blocks.
fn ready<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}
