//! The sentences of docs/semantics.md on variables, contexts, tasks and user code: one module for each topic, and one test or more
//! for each clause.
//!
//! Tests run side by side in one process (or one after the other on one thread), so each has variables of its own, and one that
//! looks at a whole context does so in a context or on a thread of its own.

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
mod threads;
mod unset;
mod user_code;
mod with_context;
