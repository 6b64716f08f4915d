//! The number of allocations that extraction and injection make for an ordinary request, without those of the carriers.

#[path = "../../../tests/support/allocations.rs"]
mod allocations;

use contextvars::ContextVar;
use contextvars_wire::{Propagator, TraceContext, inject_fn, text};

static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
static MEMBERS: [ContextVar<String>; 3] =
    [ContextVar::new("tenant"), ContextVar::new("user"), ContextVar::new("plan")];

/// Three allocations are for the variables' strings, and three for the texts that the codecs write.
#[test]
#[cfg_attr(no_free_lists, ignore = "each value and branch is allocated")]
fn an_extraction_and_an_injection_allocate_at_most_ten_times() {
    let wire = Propagator::builder()
        .trace_context(&TRACE)
        .baggage("tenant", text(&MEMBERS[0]))
        .baggage("user", text(&MEMBERS[1]))
        .baggage("plan", text(&MEMBERS[2]))
        .build()
        .unwrap();
    let headers = [
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("accept", "application/json"),
        ("baggage", "tenant=acme,user=u-4711,plan=gold"),
    ];
    let request = || {
        let mut sent = 0;
        let got = wire.extract(&headers);
        let injected = wire.inject_from(&got.context, &mut inject_fn(|_, _| sent += 1));
        assert!(got.problems.is_empty() && injected.problems.is_empty());
        assert_eq!(sent, 2);
    };
    (0..3).for_each(|_| request()); // fills the memory that a thread keeps for reuse
    let count = allocations::of(request);
    assert!(count <= 10, "{count} allocations");
}
