//! libFuzzer on the target that `MOORING_FUZZ` names. `./x fuzz` builds it so that it sees what an input reaches.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mooring_tests::fuzz::Target;
use std::sync::LazyLock;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("MOORING_FUZZ").unwrap_or_default();
    Target::named(&name).unwrap_or_else(|| panic!("MOORING_FUZZ names no target: “{name}”"))
});

fuzz_target!(|data: &[u8]| (TARGET.run)(data));
