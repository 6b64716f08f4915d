//! The atomics and thread-locals that the rest of the crate builds on, named in one place.

pub(crate) use std::sync::atomic::{AtomicU32, Ordering};
pub(crate) use std::thread_local;
