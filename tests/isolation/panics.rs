//! A panic leaves the current context unchanged: it has the same identity, values and tokens as before.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use contextvars::{Context, ContextExt, ContextVar, copy_context, propagate, propagate_fn};

use crate::support::{ByHand, OnDrop, on_thread, panic_text};

static A: ContextVar<u32> = ContextVar::new("a");
static B: ContextVar<u32> = ContextVar::new("b");

/// Checks that `f` panics with the text "boom" and leaves the current context unchanged.
fn nothing_is_left_of<R>(f: impl Fn() -> R + Send + Copy + 'static) {
    everywhere(move || {
        let before = copy_context();
        restores(f);
        assert!(before.ptr_eq(&copy_context()), "it is the same snapshot");
    });
}

/// Checks that `f`, which binds a variable, panics with the text "boom", and that the variable is restored.
fn is_restored_after<R>(f: impl Fn() -> R + Send + Copy + 'static) {
    everywhere(move || restores(f));
}

/// Runs `f` with `A` set to 1: on a thread of its own, in a context, and in a future.
fn everywhere(f: impl Fn() + Send + Copy + 'static) {
    let check = move || {
        let token = A.set(1);
        f();
        assert!(A.reset(token).is_ok(), "it is the same context");
        assert!(copy_context().is_empty());
    };
    on_thread(check);
    Context::new().run(check);
    ByHand::new(async { check() }.in_context(Context::new())).last_step();
}

fn restores<R>(f: impl Fn() -> R) {
    assert_eq!(panic_text(f), "boom");
    assert_eq!((A.get(), B.try_get().ok(), copy_context().len()), (1, None, 1));
}

/// Changes both variables, and panics.
fn boom() -> u32 {
    A.set(8);
    B.set(9);
    panic!("boom")
}

#[test]
fn a_panic_in_run() {
    nothing_is_left_of(|| Context::current().run(boom));
    nothing_is_left_of(|| Context::new().run(|| Context::current().run(boom)));
}

#[test]
fn a_panic_in_poll() {
    nothing_is_left_of(|| {
        ByHand::new(async { boom() }.in_current_context()).last_step();
    });
    nothing_is_left_of(|| {
        let inner = async { boom() }.in_context(Context::new());
        ByHand::new(async { inner.await + 1 }.in_current_context()).last_step();
    });
}

#[test]
fn a_panic_in_a_propagated_closure() {
    nothing_is_left_of(|| propagate(boom)());
    nothing_is_left_of(|| propagate_fn(boom)());
}

#[test]
fn a_panic_in_the_drop_of_a_capture() {
    nothing_is_left_of(|| {
        let guard = OnDrop(|| {
            boom();
        });
        drop(propagate(move || drop(guard)));
    });
    nothing_is_left_of(|| {
        let guard = OnDrop(|| {
            boom();
        });
        drop(propagate_fn(move || assert!(format!("{guard:?}").contains("OnDrop"))));
    });
}

/// A future that completes at its second poll and panics when it is dropped.
struct PanicsInDrop {
    polled: bool,
}

impl Future for PanicsInDrop {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<()> {
        if self.polled {
            Poll::Ready(())
        } else {
            self.polled = true;
            Poll::Pending
        }
    }
}

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        boom();
    }
}

#[test]
fn a_panic_in_the_drop_of_a_future_that_was_never_polled() {
    nothing_is_left_of(|| drop(PanicsInDrop { polled: false }.in_current_context()));
}

#[test]
fn a_panic_in_the_drop_of_a_future_that_is_cancelled() {
    nothing_is_left_of(|| {
        let mut future = ByHand::new(PanicsInDrop { polled: false }.in_current_context());
        future.step();
        drop(future);
    });
}

#[test]
fn a_panic_in_the_drop_of_a_future_that_completes() {
    nothing_is_left_of(|| {
        ByHand::new(PanicsInDrop { polled: true }.in_current_context()).last_step();
    });
}

#[test]
fn a_panic_in_a_scope_a_binding_or_a_loan() {
    is_restored_after(|| A.sync_scope(2, || panic!("boom")));
    is_restored_after(|| {
        let (_one, _two) = (A.bind(2), B.bind(3));
        panic!("boom")
    });
    nothing_is_left_of(|| A.with(|_| panic!("boom")));
    nothing_is_left_of(|| A.try_with(|_| panic!("boom")));
    is_restored_after(|| A.with(|_| A.sync_scope(2, || A.with(|_| panic!("boom")))));
}

#[test]
fn a_panic_in_a_default() {
    static BROKEN: ContextVar<u32> = ContextVar::with_default("broken", boom);
    nothing_is_left_of(|| BROKEN.get());
    nothing_is_left_of(|| BROKEN.with(|_| ()));
}

/// A value that panics when it is dropped, if it is armed.
struct Fragile {
    armed: bool,
}

impl Drop for Fragile {
    fn drop(&mut self) {
        assert!(!self.armed, "boom");
    }
}

#[test]
fn a_panic_in_the_drop_of_a_value() {
    static FRAGILE: ContextVar<Fragile> = ContextVar::new("fragile");
    let context = || Context::new().with_value(&FRAGILE, Fragile { armed: true });
    nothing_is_left_of(move || drop(context()));
    nothing_is_left_of(move || drop(context().with_value(&FRAGILE, Fragile { armed: false })));
    nothing_is_left_of(move || context().remove(&FRAGILE));
    nothing_is_left_of(move || context().retain(|_| false));
    is_restored_after(|| FRAGILE.sync_scope(Fragile { armed: true }, || ()));
    is_restored_after(|| drop(FRAGILE.bind(Fragile { armed: true })));
    is_restored_after(|| {
        let token = FRAGILE.set(Fragile { armed: true });
        assert!(FRAGILE.reset(token).is_ok());
    });
}

/// A value that panics when it is cloned or printed.
struct Shy;

impl Clone for Shy {
    fn clone(&self) -> Self {
        boom();
        Self
    }
}

impl fmt::Debug for Shy {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("boom")
    }
}

static SHY: ContextVar<Shy> = ContextVar::new("shy").debug();

#[test]
fn a_panic_in_the_clone_or_the_debug_of_a_value() {
    let context = || Context::new().with_value(&SHY, Shy);
    nothing_is_left_of(move || context().run(|| SHY.get()));
    nothing_is_left_of(move || context().run(|| SHY.get_or(Shy)));
    nothing_is_left_of(move || context().run(|| SHY.try_get()));
    nothing_is_left_of(move || format!("{:?}", context()));
}

#[test]
fn a_panic_in_a_retain() {
    nothing_is_left_of(|| Context::current().retain(|_| panic!("boom")));
}

#[test]
fn a_panicking_value_leaves_its_own_context_usable() {
    let mut context = Context::new().with_value(&SHY, Shy).with_value(&A, 1);
    for _ in 0..3 {
        assert_eq!(panic_text(|| context.run(|| SHY.get())), "boom");
        assert_eq!((context.get(&A), context.get(&B)), (Some(&8), Some(&9)), "user code set these");
        assert_eq!(context.len(), 3);
    }
    assert!(context.remove(&SHY));
    assert_eq!(context.run(|| A.get()), 8);
}
