//! The screens.

pub mod collection;
pub mod collection_form;
pub mod frame;
pub mod import;
mod later;
mod left;
mod local;
pub mod merges;
mod mirrors;
pub mod record;
pub mod review;
pub mod settings;
pub mod sign_in_again;
pub mod sign_out;
pub mod start;
pub mod workspaces;
