//! Deadlines in context variables: a request has a time at which it ends, its tasks inherit that time, and each call tells the next
//! service how much of it is left.
//!
//! The deadline is a variable of the program, on tokio's clock. All functions take it as an argument, so a program may have several.
//!
//! ```
//! use contextvars::ContextVar;
//! use contextvars_deadline::{time_left, until_deadline, within};
//! use std::future::pending;
//! use std::time::Duration;
//! use tokio::time::Instant;
//!
//! static DEADLINE: ContextVar<Instant> = ContextVar::new("deadline");
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let request = within(&DEADLINE, Duration::from_secs(10), async {
//!     let task = contextvars_tokio::spawn(until_deadline(&DEADLINE, pending::<()>()));
//!     assert!(time_left(&DEADLINE).unwrap() <= Duration::from_secs(10));
//!     task.await.unwrap()
//! });
//! assert!(request.await.is_err(), "it ends after ten seconds");
//! assert_eq!(time_left(&DEADLINE), None);
//! # }
//! ```
//!
//! # Which function
//!
//! - [`within`] gives a deadline: at the edge of the program to the whole request, and inside of it to a part, such as one call.
//! - [`until_deadline`] gives none, and ends a future at the deadline that the request has. Use it for each task that works
//!   for the request: tasks inherit the deadline as a value, but nothing ends them.
//! - [`time_left`] is for other timeouts, such as that of a database, and for code that decides whether to begin.
//! - [`grpc_timeout`] and [`grpc_timeout_at_most`] carry the deadline from one service to the next.
//!
//! # Limits
//!
//! - A future can only be ended at an `.await`, because it is dropped. Code that blocks is not interrupted, and a task that the
//!   future has spawned goes on, unless the task is wrapped itself.
//! - After the deadline, each further call of [`within`] and [`until_deadline`] ends after one poll. So a loop that tries a call again
//!   must check [`time_left`], unless the loop is itself inside of a [`within`] or an [`until_deadline`], which ends it.
//! - A future is dropped with its deadline bound, so its destructors can read [`time_left`].
//! - tonic's channel and its server both end a call at the time that the header says, with the code `Cancelled`. The variable is for
//!   the handler: to limit its tasks, to stop early, and to pass the time that is left to the next service.
//! - An injection removes the header if there is no deadline. So call [`within`] instead of tonic's `Request::set_timeout`.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(missing_docs)]

mod future;
mod header;

pub use future::{time_left, until_deadline, within};
pub use header::{grpc_timeout, grpc_timeout_at_most};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
