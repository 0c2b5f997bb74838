//! One suite for every [`LocalStore`]: what the trait promises, checked through the trait alone.
//!
//! A check returns what went wrong instead of panicking, so that a browser can run all of them and report each.

mod base;
mod history;
mod samples;
mod unsent;

use super::{LocalStore, StoreError};
use std::fmt::Debug;

/// Opens the stores that the checks work on.
#[allow(async_fn_in_trait, reason = "stores live on one thread; no Send bound is wanted")]
pub trait Factory {
    /// The store under test.
    type Store: LocalStore;

    /// Opens the store of that name; makes an empty one where there is none. The checks drop a store before they
    /// open it again.
    async fn open(&self, name: &str) -> Result<Self::Store, StoreError>;

    /// Makes the next commit to the store of that name fail; false where the store has no such means.
    fn fail_next_commit(&self, _name: &str, _error: StoreError) -> bool {
        false
    }

    /// From now on one of the requests that an operation makes of what lies below fails: the first, the second, and so
    /// on, or none. False where the store has no such means.
    fn fail_request(&self, _name: &str, _request: Option<usize>) -> bool {
        false
    }
}

macro_rules! checks {
    ($($module:ident :: $name:ident),+ $(,)?) => {
        /// The names of all checks.
        pub const CHECKS: &[&str] = &[$(stringify!($name)),+];

        /// Runs one check on an empty store that bears its name.
        pub async fn run<F: Factory>(factory: &F, check: &str) -> Result<(), String> {
            match check {
                $(stringify!($name) => $module::$name(factory, check).await.map_err(|e| e.0),)+
                _ => Err(format!("there is no check {check}")),
            }
        }
    };
}

checks! {
    unsent::new_store_is_empty,
    unsent::state_survives_reopening,
    unsent::outbox_keeps_its_order,
    unsent::counter_never_goes_back,
    unsent::bulk_is_settled_in_parts,
    unsent::ten_thousand_changes,
    unsent::conflicts_come_and_go,
    unsent::quarantine_waits_for_a_person,
    unsent::decisions_come_and_go,
    unsent::failed_commit_leaves_nothing,
    base::records_change_and_vanish,
    base::later_wins_in_a_batch,
    base::pages_and_records_meet,
    base::cleared_partition_is_empty,
    base::odd_keys,
    base::huge_record,
    base::scan_meets_each_record_once,
    history::long_random_history,
    history::each_request_fails,
}

/// Why a check failed.
struct Broken(String);

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        Self(format!("{error:?}"))
    }
}

type Checked = Result<(), Broken>;

fn same<T: PartialEq + Debug>(what: &str, got: T, want: T) -> Checked {
    if got == want { Ok(()) } else { Err(Broken(format!("{what}: got {got:.300?}, want {want:.300?}"))) }
}

fn holds(what: &str, condition: bool) -> Checked {
    if condition { Ok(()) } else { Err(Broken(what.to_owned())) }
}
