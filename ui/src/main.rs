//! Mooring's screens (Yew): in the browser and, unchanged, in the desktop shell.

fn main() {}
