//! The second process: its service, how the shop calls it, and how the shop starts and ends it.

pub(crate) mod client;
pub(crate) mod process;
pub(crate) mod service;
