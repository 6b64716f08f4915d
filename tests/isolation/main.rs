//! Nothing leaks: not from a task to its neighbour, not from a thread to the next, not out of a panic,
//! not out of a future that is dropped where it was not made.

#[path = "../support/mod.rs"]
mod support;

mod blocking;
mod by_hand;
mod forbid_pool;
mod hopping;
mod joined;
mod panics;
mod tasks;
mod wrapper;
