//! The sentences of docs/semantics.md on variables, contexts, tasks and user code: one module for each topic, and at least one
//! test for each clause.
//!
//! Tests run concurrently in one process, or one after the other on one thread. Each test therefore has its own variables, and
//! a test that checks a whole context uses a context or a thread of its own.

#[path = "../support/mod.rs"]
mod support;

mod binding;
mod changes;
mod contexts;
mod default;
mod details;
mod drops;
mod forbid;
mod get;
mod identity;
mod local;
mod lookup;
mod run;
mod scope;
mod set_reset;
mod sharing;
mod thread_end;
#[cfg(not(target_family = "wasm"))] // which has no threads
mod threads;
mod unset;
mod user_code;
mod with_context;
