//! If memory runs out, std aborts the process; nothing of this crate unwinds or goes on with half of a change.

use std::fmt::Write as _;

use contextvars::fields::{self, kv};
use contextvars::{Context, ContextExt as _, ContextVar, copy_context, propagate_fn};
use contextvars_wire::{Propagator, TraceContext, text};

use crate::allocations::fail_after;
use crate::support::{ByHand, yield_once};
use crate::{role, run_child};

static USER: ContextVar<String> = ContextVar::new("user").logged();
static STEP: ContextVar<u32> = ContextVar::with_default("step", || 0);
static CART: ContextVar<Vec<u32>> = ContextVar::new("cart");
static NEST: ContextVar<Context> = ContextVar::new("nest");
static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
static NUMBERS: [ContextVar<u64>; 12] = [const { ContextVar::new("number") }; 12];

const HEADERS: [(&str, &str); 3] = [
    ("traceparent", "00-12345678901234567890123456789012-1234567890123456-01"),
    ("tracestate", "a=1,b=2"),
    ("baggage", "user=ann,other=1;p=2"),
];

/// A request that uses every part of the crate which allocates. Returns the text that it writes.
fn request() -> String {
    let propagator = Propagator::builder()
        .trace_context(&TRACE)
        .baggage("user", text(&USER))
        .build()
        .expect("the list of headers is valid");
    let mut said = String::new();
    let mut context = propagator.extract(&HEADERS[..]).context;
    context.run(|| {
        fields::set(kv! { path = "/pay", sum = 7 });
        write_variables(&mut said);
        write_tasks(&mut said);
        write_copies(&mut said);
        fields::visit(|key, value| write!(said, "{key}={value} ").expect("a string takes all"));
        let mut sent = Vec::<(String, String)>::new();
        propagator.inject(&mut sent);
        let trace = TRACE.with(|trace| trace.trace_id().to_string());
        said += if sent[0].1.contains(&trace) { "sent" } else { "lost" };
    });
    said
}

/// Sets, resets and binds variables, some of them while they are borrowed.
fn write_variables(said: &mut String) {
    let tokens: Vec<_> =
        NUMBERS.iter().zip(1..).map(|(var, number)| (var, var.set(number))).collect();
    let sum: u64 = NUMBERS.iter().map(ContextVar::get).sum();
    for (var, token) in tokens.into_iter().rev() {
        var.reset(token).expect("the same context is current");
    }
    CART.set(vec![1, 2, 3]);
    let lent = CART.with(|cart| {
        let _bound = CART.bind(Vec::new());
        drop(CART.unset());
        cart.len()
    });
    write!(said, "{sum} {lent} {} ", CART.get().len()).expect("a string takes all");
}

/// Polls a future in a scope and a context, and calls a closure that carries a context.
fn write_tasks(said: &mut String) {
    let task = async {
        STEP.set(STEP.get() + 1);
        yield_once().await;
        fields::set(kv! { inside = true });
        STEP.get()
    };
    let mut task = ByHand::new(STEP.scope(4, task).in_current_context());
    let step = task.finish();
    let closure = propagate_fn(|| (STEP.get(), USER.get()));
    let (outside, user) = closure();
    write!(said, "{step} {outside} {user} ").expect("a string takes all");
}

/// Compares a changed copy with the current context, applies the changes, and drops a deep chain of contexts.
fn write_copies(said: &mut String) {
    let base = copy_context();
    let mut copy = base.clone().with_value(&STEP, 9);
    copy.insert(&CART, vec![4; 20]);
    let changes = copy.changes_since(&base);
    changes.apply();
    let chain = (0..40).fold(Context::new(), |inner, _| Context::new().with_value(&NEST, inner));
    drop(chain);
    let (number, step, cart) = (changes.len(), STEP.get(), CART.with(Vec::len));
    write!(said, "{number} {step} {cart} ").expect("a string takes all");
}

const WRITTEN: &str = "78 3 3 5 0 ann 2 9 20 user=ann path=/pay sum=7 sent";
const ENDED: &str = "the request ended";
const MADE: &str = "and the allocation was made";

#[test]
#[cfg_attr(miri, ignore = "Miri starts no processes")]
fn a_failed_allocation_aborts_the_process_or_changes_nothing() {
    if let Some(allocations) = role() {
        let (said, made) = fail_after(allocations.parse().unwrap(), request);
        assert_eq!(said, WRITTEN);
        return println!("{ENDED} {}", if made { MADE } else { "" });
    }
    assert_eq!(request(), WRITTEN);
    for allocations in 0.. {
        let this = "allocation::a_failed_allocation_aborts_the_process_or_changes_nothing";
        let child = run_child(this, &allocations.to_string());
        let [out, err] = [&child.stdout, &child.stderr].map(|text| String::from_utf8_lossy(text));
        assert!(!err.contains("Sanitizer") && !err.contains("panicked"), "{allocations}: {err}");
        if child.status.success() {
            assert!(out.contains(ENDED), "{allocations}: {out}");
            if !out.contains(MADE) {
                return println!("{allocations} allocations");
            }
        } else {
            assert!(!out.contains(ENDED), "{allocations}: {out}");
            assert!(err.contains("memory allocation of "), "{allocations}: {err}");
            assert_aborted(child.status, &err);
        }
    }
}

#[cfg(unix)]
fn assert_aborted(status: std::process::ExitStatus, said: &str) {
    use std::os::unix::process::ExitStatusExt as _;

    const SIGABRT: i32 = 6;
    assert_eq!(status.signal(), Some(SIGABRT), "{status}, {said}");
}

#[cfg(not(unix))]
fn assert_aborted(status: std::process::ExitStatus, said: &str) {
    assert!(!status.success(), "{status}, {said}");
}
