//! One window for a folder of records: whoever is started second hands over what it was started with, and goes.
//!
//! Beside the records lie a lock, held by the program that has the window, and its socket, by which it hears of others. The
//! folder is its owner's alone. It needs no message bus, and each folder has a window of its own.

#[cfg(unix)]
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

#[cfg(unix)]
use anyhow::Context;

use crate::arrival::Start;

/// Held by the program that has the window.
#[derive(Debug)]
pub(crate) struct First {
    #[cfg(unix)]
    _lock: File,
    #[cfg(unix)]
    listener: std::os::unix::net::UnixListener,
}

#[cfg(unix)]
pub(crate) use unix::first;

#[cfg(unix)]
mod unix {
    use std::io::{Read, Write};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::time::{Duration, Instant};

    use super::*;

    const LOCK: &str = "window-in-use";
    const SOCKET: &str = "window";
    /// How long the first program may take to say that it has heard: it may be starting, or ending.
    const PATIENCE: Duration = Duration::from_secs(10);
    /// After this the next try.
    const AGAIN: Duration = Duration::from_millis(50);
    /// Bytes that a start may have: what a command line holds.
    const MOST: u64 = 2 << 20;
    /// How long a program may take to say with what it was started.
    const PROMPT: Duration = Duration::from_secs(2);
    const HEARD: &[u8] = b"heard\n";

    /// Whether this is the first program on a folder; otherwise `None`, and the first one has taken over what this one was
    /// started with.
    pub(crate) fn first(folder: &Path, start: &Start) -> anyhow::Result<Option<First>> {
        let lock = File::options().create(true).append(true).open(folder.join(LOCK)).context("its lock")?;
        let since = Instant::now();
        let path = folder.join(SOCKET);
        loop {
            if locked(&lock)? {
                match std::fs::remove_file(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                    _ => {}
                }
                let listener = UnixListener::bind(&path).context("its socket")?;
                return Ok(Some(First { _lock: lock, listener }));
            }
            match hand_over(&path, start) {
                Ok(()) => return Ok(None),
                Err(error) if since.elapsed() > PATIENCE => {
                    return Err(error).context("Mooring is running already, and does not answer");
                }
                Err(_) => std::thread::sleep(AGAIN),
            }
        }
    }

    fn locked(lock: &File) -> io::Result<bool> {
        match lock.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn hand_over(path: &Path, start: &Start) -> io::Result<()> {
        let mut stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(&serde_json::to_vec(start)?)?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut heard = Vec::new();
        stream.take(HEARD.len() as u64).read_to_end(&mut heard)?;
        if heard == HEARD { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    impl First {
        /// Tells, on a thread of its own, with what others are started.
        pub(crate) fn listen(self, heard: impl Fn(Start) + Send + 'static) -> io::Result<()> {
            let Self { _lock: lock, listener } = self;
            let all = move || {
                // it is held as long as somebody listens
                let _lock = lock;
                for stream in listener.incoming() {
                    match stream.and_then(hear) {
                        Ok(start) => heard(start),
                        Err(error) => tracing::warn!(%error, "a second start was not understood"),
                    }
                }
            };
            std::thread::Builder::new().name("second-starts".into()).spawn(all).map(drop)
        }
    }

    fn hear(mut stream: UnixStream) -> io::Result<Start> {
        stream.set_read_timeout(Some(PROMPT))?;
        stream.set_write_timeout(Some(PROMPT))?;
        let mut text = Vec::new();
        (&stream).take(MOST).read_to_end(&mut text)?;
        let start = serde_json::from_slice(&text)?;
        stream.write_all(HEARD)?;
        Ok(start)
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::arrival::Arrival;

        #[test]
        fn the_second_hands_over_and_takes_the_place_of_one_that_is_gone() {
            let folder = std::env::temp_dir().join(format!("mooring-first-{}", uuid::Uuid::new_v4()));
            std::fs::create_dir(&folder).expect("a folder");
            let start = |path: &str| Start { arrivals: vec![Arrival::Link(path.into())], hidden: false };
            // what a program left that was killed
            drop(UnixListener::bind(folder.join(SOCKET)).expect("a socket"));
            let one = super::super::first(&folder, &start("/w/a")).expect("usable").expect("the first");
            let (told, heard) = std::sync::mpsc::channel();
            one.listen(move |start| told.send(start).expect("it is heard")).expect("a thread");
            let two = super::super::first(&folder, &start("/w/b")).expect("usable");
            assert!(two.is_none());
            assert_eq!(heard.recv(), Ok(start("/w/b")));
            std::fs::remove_dir_all(folder).expect("its folder");
        }
    }
}

/// Elsewhere a plugin of Tauri's hands over, before a second one has a window.
#[cfg(not(unix))]
pub(crate) fn first(_folder: &Path, _start: &Start) -> anyhow::Result<Option<First>> {
    Ok(Some(First {}))
}

#[cfg(not(unix))]
impl First {
    pub(crate) fn listen(self, _heard: impl Fn(Start) + Send + 'static) -> io::Result<()> {
        Ok(())
    }
}
