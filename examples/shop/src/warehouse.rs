//! The warehouse, a second process: its service, the shop's client for it, and the code that starts and stops it.

pub(crate) mod client;
pub(crate) mod process;
pub(crate) mod service;
