//! The fourteen sentences of the design, one module for each, one test or more for each clause.
//!
//! `details` holds what the listing of the public surface settles beyond them. Tests run side by side
//! in one process (or one after the other on one thread), so each has variables of its own, and one
//! that looks at a whole context does so in a context or on a thread of its own.

#[path = "../support/mod.rs"]
mod support;

mod binding; // 13
mod changes;
mod contexts; // 4
mod default; // 2, the default
mod details;
mod drops; // 12
mod forbid; // 14
mod get; // 2, the reads
mod identity; // 1
mod local; // 9
mod lookup;
mod run; // 5
mod scope;
mod set_reset; // 3
mod sharing; // 7
mod thread_end; // 11
mod threads; // 8
mod unset;
mod user_code; // 10
mod with_context; // 6
