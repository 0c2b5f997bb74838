//! Errors in the log of the engines that run in the test's own process.

use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// What was written.
#[derive(Clone, Default)]
pub struct Errors(Arc<Mutex<Vec<String>>>);

impl Errors {
    /// What was written so far; it is forgotten here.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Does something and notes what is written on this thread meanwhile.
pub fn watched<T>(errors: &Errors, work: impl FnOnce() -> T) -> T {
    tracing::subscriber::with_default(errors.clone(), work)
}

/// Writes every error of this process to standard error, as a program does that sets a log up.
pub fn to_stderr() {
    drop(tracing::subscriber::set_global_default(Shown));
}

struct Shown;

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // writing to a text never fails
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

fn line(event: &Event<'_>) -> String {
    let mut line = Line(String::from(" ERROR"));
    event.record(&mut line);
    line.0
}

macro_rules! of_errors {
    ($name:ty, $take:expr) => {
        impl Subscriber for $name {
            fn enabled(&self, metadata: &Metadata<'_>) -> bool {
                // a node that is away is an error to the database's driver, and none to whoever takes it away
                *metadata.level() == Level::ERROR && !metadata.target().starts_with("scylla")
            }
            fn new_span(&self, _: &Attributes<'_>) -> Id {
                Id::from_u64(1)
            }
            fn record(&self, _: &Id, _: &Record<'_>) {}
            fn record_follows_from(&self, _: &Id, _: &Id) {}
            fn event(&self, event: &Event<'_>) {
                let take: fn(&Self, String) = $take;
                take(self, line(event));
            }
            fn enter(&self, _: &Id) {}
            fn exit(&self, _: &Id) {}
        }
    };
}

of_errors!(Errors, |errors, line| errors.0.lock().unwrap_or_else(PoisonError::into_inner).push(line));
of_errors!(Shown, |_, line| eprintln!("{line}"));
