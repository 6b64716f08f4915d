//! No value leaks: from one task to another, from one thread to another, out of a panic, or out of a future that is dropped
//! in another place than it was made. This is docs/semantics.md, "Tasks and threads".

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
