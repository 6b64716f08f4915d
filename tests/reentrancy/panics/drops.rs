//! Destructors that panic, at each place where the crate drops a value.

use std::future::poll_fn;
use std::task::Poll;

use contextvars::{Context, ContextExt as _, ContextVar, copy_context, propagate, propagate_fn};

use super::{FRAGILE, Fragile, STEADY, unharmed, while_set};
use crate::probe::At;
use crate::support::{ByHand, Counted, Counter, yield_once};

fn fragile_context(counter: &Counter) -> Context {
    copy_context().with_value(&FRAGILE, Fragile::new(counter, At::Drop))
}

#[test]
fn a_drop_that_panics_with_a_token() {
    unharmed("Drop breaks", |counter| {
        FRAGILE.sync_scope(Fragile::new(counter, At::Never), || {
            let breaking = FRAGILE.set(Fragile::new(counter, At::Drop));
            let holder = FRAGILE.set(Fragile::new(counter, At::Never));
            drop(breaking);
            drop(holder);
        });
    });
}

#[test]
fn a_drop_that_panics_in_reset() {
    unharmed("Drop breaks", |counter| {
        let token = FRAGILE.set(Fragile::new(counter, At::Drop));
        drop(FRAGILE.reset(token));
    });
}

#[test]
fn a_drop_that_panics_at_the_end_of_a_scope() {
    unharmed("Drop breaks", |counter| while_set(counter, At::Drop, || ()));
}

#[test]
fn a_drop_that_panics_when_a_scope_completes_or_is_given_up() {
    let scope = |counter: &Counter| {
        let fragile = Fragile::new(counter, At::Drop);
        ByHand::new(FRAGILE.scope(fragile, yield_once()))
    };
    unharmed("Drop breaks", |counter| scope(counter).finish());
    unharmed("Drop breaks", |counter| drop(scope(counter)));
    unharmed("Drop breaks", |counter| {
        let mut begun = scope(counter);
        begun.step();
        drop(begun);
    });
}

#[test]
fn a_drop_that_panics_with_a_binding() {
    unharmed("Drop breaks", |counter| drop(FRAGILE.bind(Fragile::new(counter, At::Drop))));
}

#[test]
fn a_drop_that_panics_in_remove() {
    unharmed("Drop breaks", |counter| {
        fragile_context(counter).remove(&FRAGILE);
    });
}

#[test]
fn a_drop_that_panics_in_retain() {
    unharmed("Drop breaks", |counter| {
        fragile_context(counter).retain(|entry| entry.is(&STEADY));
    });
}

#[test]
fn a_drop_that_panics_in_with_value() {
    unharmed("Drop breaks", |counter| {
        drop(fragile_context(counter).with_value(&FRAGILE, Fragile::new(counter, At::Never)));
    });
}

#[test]
fn a_drop_that_panics_with_a_context() {
    unharmed("Drop breaks", |counter| drop(fragile_context(counter)));
}

#[test]
fn a_drop_that_panics_with_a_context_inside_a_run() {
    unharmed("Drop breaks", |counter| {
        let inner = fragile_context(counter);
        copy_context().run(move || drop(inner));
    });
}

#[test]
fn a_drop_that_panics_with_the_context_of_a_future() {
    unharmed("Drop breaks", |counter| drop(async {}.in_context(fragile_context(counter))));
    unharmed("Drop breaks", |counter| {
        ByHand::new(async {}.in_context(fragile_context(counter))).last_step();
    });
}

#[test]
fn a_drop_that_panics_with_a_future() {
    unharmed("Drop breaks", |counter| {
        let captured = Fragile::new(counter, At::Drop);
        drop(async move { drop(captured) }.in_current_context());
    });
    unharmed("Drop breaks", |counter| {
        let captured = Fragile::new(counter, At::Drop);
        let held = async move {
            let _captured = captured;
            yield_once().await;
        };
        ByHand::new(held.in_current_context()).step();
    });
}

#[test]
fn a_drop_that_panics_on_completion_of_a_future() {
    unharmed("Drop breaks", |counter| {
        let captured = Fragile::new(counter, At::Drop);
        let held = poll_fn(move |_| {
            let _ = &captured;
            Poll::Ready(())
        });
        ByHand::new(held.in_current_context()).last_step();
    });
}

#[test]
fn a_drop_that_panics_with_a_closure_that_is_never_called() {
    unharmed("Drop breaks", |counter| {
        let captured = Fragile::new(counter, At::Drop);
        drop(propagate(move || drop(captured)));
    });
}

#[test]
fn a_drop_that_panics_with_a_closure_that_is_called() {
    unharmed("Drop breaks", |counter| {
        let captured = Fragile::new(counter, At::Drop);
        propagate(move || drop(captured))();
    });
}

#[test]
fn a_drop_that_panics_with_an_unneeded_fallback() {
    unharmed("Drop breaks", |counter| {
        while_set(counter, At::Never, || {
            drop(FRAGILE.get_or(Fragile::new(counter, At::Drop)));
        });
    });
}

#[test]
fn a_drop_that_panics_at_the_end_of_a_loan() {
    unharmed("Drop breaks", |counter| {
        let token = FRAGILE.set(Fragile::new(counter, At::Drop));
        FRAGILE.with(|_| FRAGILE.with(|_| FRAGILE.reset(token).unwrap()));
    });
}

// What a closure returned is not lost when something is dropped, and panics, behind its back.

#[test]
fn a_drop_that_panics_does_not_keep_the_result_of_scope() {
    unharmed("Drop breaks", |counter| {
        let result = || Counted::new(counter);
        drop(FRAGILE.sync_scope(Fragile::new(counter, At::Drop), result));
    });
}

#[test]
fn a_drop_that_panics_does_not_keep_the_result_of_with() {
    unharmed("Drop breaks", |counter| {
        let token = FRAGILE.set(Fragile::new(counter, At::Drop));
        drop(FRAGILE.with(|_| {
            FRAGILE.reset(token).unwrap();
            Counted::new(counter)
        }));
    });
}

#[test]
fn a_drop_that_panics_does_not_keep_the_result_of_a_propagated_closure() {
    unharmed("Drop breaks", |counter| {
        drop(fragile_context(counter).run(|| propagate(|| Counted::new(counter)))());
    });
    unharmed("Drop breaks", |counter| {
        let work = propagate_fn(|| {
            drop(FRAGILE.set(Fragile::new(counter, At::Drop)));
            Counted::new(counter)
        });
        drop(work());
    });
}

#[test]
fn a_drop_that_panics_does_not_keep_the_output_of_a_future() {
    unharmed("Drop breaks", |counter| {
        let captured = Fragile::new(counter, At::Drop);
        let future = poll_fn(|_| {
            let _ = &captured;
            Poll::Ready(Counted::new(counter))
        });
        drop(ByHand::new(future.in_current_context()).last_step());
    });
}

/// The context of a default function is dropped after it, with the values that the function set.
#[test]
fn a_drop_that_panics_after_a_default_function_does_not_keep_the_default() {
    thread_local!(static COUNTER: Counter = Counter::new());
    fn make() -> Counted {
        COUNTER.with(|counter| {
            drop(FRAGILE.set(Fragile::new(counter, At::Drop)));
            Counted::new(counter)
        })
    }
    let broken = ContextVar::with_default("broken", make);
    unharmed("Drop breaks", |_| broken.with(|_| ()));
    unharmed("Drop breaks", |_| drop(broken.get()));
    assert_eq!(COUNTER.with(Counter::live), 0);
}
