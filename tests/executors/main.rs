//! The boundaries that a context is carried across: streams and sinks, executors, rayon, threads.
//!
//! Where a test can reach the threads of a pool, their root context holds a value that no test binds. Code that runs outside of
//! its own context reads that value, and the test fails.

#[path = "../support/mod.rs"]
mod support;

mod checked;
mod common;
mod pool;

mod connection;
mod forbid;
mod rayon;
mod rayon_ends;
mod rayon_iter;
mod rayon_nested;
mod rayon_stages;
mod recipes;
mod spawner;
mod stream_methods;
mod streams;
mod stress;
mod stress_teardown;
mod theft;
mod threads;
