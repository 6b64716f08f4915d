//! Futures with deadlines, by tokio's paused clock, and the header.

mod future;
mod header;

use std::time::Duration;

use contextvars::ContextVar;
use tokio::time::Instant;

static DEADLINE: ContextVar<Instant> = ContextVar::new("deadline");

const SECOND: Duration = Duration::from_secs(1);
