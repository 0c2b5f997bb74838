//! The parts that pages are made of: PatternFly's classes on plain HTML.

pub mod audit_export;
pub mod author;
pub mod button;
pub mod changes;
pub mod collection_export;
pub mod dialog;
pub mod difference;
pub mod field_input;
pub mod field_value;
pub mod form;
pub mod icon;
pub mod link;
pub mod menu;
pub mod merge_box;
pub mod pill;
pub mod progress;
pub mod search_box;
pub mod signature;
pub mod states;
pub mod status_details;
pub mod toast;
pub mod type_select;
