//! The screens.

mod activity;
pub mod arrivals;
pub mod collection;
pub mod collection_form;
mod deleted;
pub mod frame;
pub mod import;
pub mod later;
mod left;
mod local;
pub mod merges;
mod mirrors;
pub mod people;
pub mod record;
pub mod review;
pub mod settings;
pub mod sign_in_again;
pub mod sign_out;
pub mod start;
mod twice;
pub mod workspaces;
