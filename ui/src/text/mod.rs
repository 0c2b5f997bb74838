//! The words on the screens that are made, not written: counts, times, types, sentences about what happened.

pub mod activity;
pub mod author;
pub mod count;
pub mod difference;
pub mod field;
pub mod history;
pub mod keys;
pub mod lines;
pub mod locale;
pub mod mirror;
pub mod palette;
pub mod policy;
pub mod review;
pub mod step;
pub mod time;
pub mod words;
