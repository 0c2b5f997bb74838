//! Mooring's desktop shell: the same screens on sled.

fn main() {}
