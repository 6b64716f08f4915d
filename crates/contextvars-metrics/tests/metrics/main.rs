//! The labels that reach the inner recorder.

#[path = "../../../../tests/support/allocations.rs"]
mod allocations;
mod autotraits;
mod bound;
mod calls;
mod cost;
mod labels;
mod teardown;
mod user_code;

use contextvars::ContextVar;
use contextvars_metrics::ContextRecorder;

use calls::Calls;

static TENANT: ContextVar<String> = ContextVar::new("tenant");
static ROUTE: ContextVar<&str> = ContextVar::new("route");

/// Returns the calls that reach the inner recorder of `recorder` while `f` runs.
fn calls(recorder: &ContextRecorder<Calls>, f: impl FnOnce()) -> Vec<String> {
    metrics::with_local_recorder(recorder, f);
    recorder.inner().take()
}

fn recorder() -> ContextRecorder<Calls> {
    ContextRecorder::new(Calls::default())
}
