//! Suites that span Mooring's crates: real servers, real browsers, the desktop shell.
