//! Mooring's build and test commands; called through ./x.

fn main() {}
