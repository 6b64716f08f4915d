//! If a destructor panics, all other values are dropped nevertheless.

use std::panic::{AssertUnwindSafe, catch_unwind};

use contextvars::{Context, ContextVar};

use super::{FRAGILE, Fragile, STEADY, state};
use crate::probe::At;
use crate::support::{Counted, Counter, panic_text};

/// Tries each of many values as the one whose destructor panics.
#[test]
fn a_drop_that_panics_does_not_keep_the_other_values_of_its_context() {
    let counter = Counter::new();
    let variables: Vec<ContextVar<Fragile>> = (0..40).map(|_| ContextVar::new("many")).collect();
    for breaking in 0..variables.len() {
        let full = variables.iter().enumerate().fold(Context::new(), |context, (n, var)| {
            let breaks = if n == breaking { At::Drop } else { At::Never };
            context.with_value(var, Fragile::new(&counter, breaks))
        });
        assert_eq!(counter.live(), variables.len());
        assert_eq!(panic_text(|| drop(full)), "Drop breaks");
        assert_eq!(counter.live(), 0, "number {breaking} of {} broke", variables.len());
    }
    assert_eq!(state(), (0, None, false));
}

/// The same through `retain`, which drops them.
#[test]
fn a_drop_that_panics_in_retain_does_not_keep_the_others() {
    let counter = Counter::new();
    let variables: Vec<ContextVar<Fragile>> = (0..40).map(|_| ContextVar::new("many")).collect();
    for breaking in 0..variables.len() {
        let mut full = variables.iter().enumerate().fold(Context::new(), |context, (n, var)| {
            let breaks = if n == breaking { At::Drop } else { At::Never };
            context.with_value(var, Fragile::new(&counter, breaks))
        });
        assert_eq!(panic_text(|| full.retain(|_| false)), "Drop breaks");
        assert_eq!(full.iter().count(), full.len());
        let present = variables.iter().filter(|var| full.contains(var)).count();
        assert_eq!((present, counter.live()), (full.len(), full.len()));
        drop(catch_unwind(AssertUnwindSafe(|| drop(full))));
        assert_eq!(counter.live(), 0, "number {breaking} of {} broke", variables.len());
    }
}

/// Contexts in contexts: a panic of an inner value prevents no drop of an outer one, and the reverse.
#[test]
fn a_drop_that_panics_does_not_keep_the_values_of_contexts_around_it() {
    const LEVELS: u32 = if cfg!(miri) { 24 } else { 60 };
    let counter = Counter::new();
    for breaking in 0..LEVELS {
        // The nest is the only value of a context, so that nothing else is dropped after it.
        let nest = Context::new().with_value(&NEXT, Inner(nest(LEVELS, breaking, &counter)));
        assert_eq!(counter.live(), 3 * LEVELS as usize);
        assert_eq!(panic_text(|| drop(nest)), "Drop breaks");
        assert_eq!(counter.live(), 0, "level {breaking} broke");
    }
    drop(nest(LEVELS, LEVELS, &counter));
    assert_eq!(counter.live(), 0);
}

struct Inner(#[expect(dead_code, reason = "held to be dropped")] Context);

static NEXT: ContextVar<Inner> = ContextVar::new("next");
static BESIDE: ContextVar<Inner> = ContextVar::new("beside");

/// Each level has a value that may panic, one that does not, the next level, and a small context.
fn nest(levels: u32, breaking: u32, counter: &Counter) -> Context {
    (0..levels).fold(Context::new(), |next, level| {
        let breaks = if level == breaking { At::Drop } else { At::Never };
        let beside = Context::new().with_value(&STEADY, Counted::new(counter));
        Context::new()
            .with_value(&STEADY, Counted::new(counter))
            .with_value(&NEXT, Inner(next))
            .with_value(&FRAGILE, Fragile::new(counter, breaks))
            .with_value(&BESIDE, Inner(beside))
    })
}

/// A panic must not leave the queue of deferred drops in a state that defers later drops for ever.
#[test]
fn after_a_drop_that_panicked_contexts_are_dropped_at_once_again() {
    let counter = Counter::new();
    assert_eq!(
        panic_text(|| drop(Context::new().with_value(&FRAGILE, Fragile::new(&counter, At::Drop)))),
        "Drop breaks"
    );
    drop(Context::new().with_value(&STEADY, Counted::new(&counter)));
    assert_eq!(counter.live(), 0);
}
