//! Sentences 21 and 22: user code never runs while the thread's slot is inconsistent, so it may call any function of the crate.
//! (`tests/reentrancy.rs` has a case for each line of the source where user code can run.)

use std::cell::Cell;
use std::fmt;

use contextvars::{Context, ContextVar, copy_context, forbid_bare_set, propagate, propagate_fn};

use crate::support::{Counted, Counter, OnDrop, on_thread, panic_text};

static A: ContextVar<u32> = ContextVar::new("a");

/// Calls the main functions of the crate and checks their results.
fn use_the_crate() {
    let before = copy_context();
    let seen = A.try_get().ok();
    let token = A.set(100);
    assert_eq!(token.old_value().copied(), seen);
    assert_eq!(A.sync_scope(101, || A.get()), 101);
    drop(A.bind(102));
    assert_eq!(copy_context().run(|| A.with(|v| *v)), 100);
    Context::new().with_value(&A, 103).run(|| A.set(104));
    assert_eq!(propagate(|| A.get())(), 100);
    assert!(A.reset(token).is_ok());
    assert_eq!(A.try_get().ok(), seen);
    assert_eq!(copy_context().len(), before.len());
}

/// A value that uses the crate in each of its methods that the crate calls.
struct Busy {
    used: Counter,
}

impl Busy {
    fn new(used: &Counter) -> Self {
        Self { used: used.clone() }
    }

    fn work(&self) {
        use_the_crate();
        drop(Counted::new(&self.used));
    }
}

impl Clone for Busy {
    fn clone(&self) -> Self {
        self.work();
        Self::new(&self.used)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.work();
    }
}

impl fmt::Debug for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.work();
        f.write_str("Busy")
    }
}

static BUSY: ContextVar<Busy> = ContextVar::new("busy").debug();

/// Returns how often values of `BUSY` used the crate while `f` ran in a context in which `A` is 1.
fn work_done(f: impl FnOnce(&Counter)) -> usize {
    let counter = Counter::new();
    let mut context = Context::new().with_value(&A, 1);
    context.run(|| f(&counter));
    assert_eq!(context.get(&A), Some(&1));
    drop(context);
    counter.made()
}

#[test]
fn clone_may_use_the_crate() {
    let work = work_done(|used| {
        let token = BUSY.set(Busy::new(used));
        let clones = [BUSY.get(), BUSY.get_or(Busy::new(&Counter::new()))];
        assert_eq!(used.made(), 2, "once for each clone");
        drop(clones);
        assert!(BUSY.reset(token).is_ok());
    });
    assert_eq!(work, 5, "and once for each of the three values");
}

#[test]
fn drop_of_a_replaced_or_reset_or_removed_value_may_use_the_crate() {
    let work = work_done(|used| {
        drop(BUSY.set(Busy::new(used)));
        drop(BUSY.set(Busy::new(used)));
        assert_eq!(used.made(), 1, "replaced");

        let token = BUSY.set(Busy::new(used));
        assert!(BUSY.reset(token).is_ok());
        assert_eq!(used.made(), 2, "reset");

        BUSY.sync_scope(Busy::new(used), use_the_crate);
        assert_eq!(used.made(), 3, "out of scope");

        let mut context = Context::new().with_value(&BUSY, Busy::new(used));
        assert!(context.remove(&BUSY));
        assert_eq!(used.made(), 4, "removed");
        drop(context.with_value(&BUSY, Busy::new(used)));
        assert_eq!(used.made(), 5, "with its context");
    });
    assert_eq!(work, 6, "and the second value with the context of the test");
}

#[test]
fn drop_of_a_context_that_is_replaced_may_use_the_crate() {
    let work = work_done(|used| {
        let mut context = Context::new().with_value(&BUSY, Busy::new(used));
        context.run(use_the_crate);
        context = Context::new();
        context.run(use_the_crate);
        assert_eq!(used.made(), 1);
    });
    assert_eq!(work, 1);
}

#[test]
fn debug_may_use_the_crate() {
    let work = work_done(|used| {
        let context = Context::new().with_value(&BUSY, Busy::new(used));
        assert!(format!("{context:?}").contains("Busy"));
    });
    assert_eq!(work, 2, "shown and dropped");
}

#[test]
fn closures_may_use_the_crate() {
    let calls = Cell::new(0);
    let busy = || {
        use_the_crate();
        calls.set(calls.get() + 1);
    };
    let mut context = Context::new().with_value(&A, 1);
    context.run(|| {
        busy();
        A.with(|_| busy());
        assert!(A.try_with(|_| busy()).is_ok());
        A.sync_scope(2, busy);
        propagate(busy)();
        propagate_fn(busy)();
    });
    context.retain(|_| {
        busy();
        true
    });
    context.iter().for_each(|_| busy());
    assert_eq!(calls.get(), 8);
}

#[test]
fn default_functions_may_use_the_crate() {
    static BUSY_DEFAULT: ContextVar<u32> = ContextVar::with_default("busy default", || {
        use_the_crate();
        7
    });
    Context::new().with_value(&A, 1).run(|| assert_eq!(BUSY_DEFAULT.get(), 7));
}

#[test]
fn the_same_variable_may_be_set_while_it_is_lent() {
    static TEXT: ContextVar<String> = ContextVar::new("text");
    Context::new().with_value(&TEXT, String::from("first")).run(|| {
        let token = TEXT.with(|text| {
            let token = TEXT.set(String::from("second"));
            TEXT.with(|second| {
                TEXT.set(String::from("third"));
                assert_eq!((text.as_str(), second.as_str()), ("first", "second"));
            });
            assert_eq!((text.as_str(), TEXT.get().as_str()), ("first", "third"));
            token
        });
        assert!(TEXT.reset(token).is_ok());
        assert_eq!(TEXT.get(), "first");
    });
}

#[test]
fn a_borrowed_value_stays_valid_without_any_other_owner() {
    static VALUE: ContextVar<Counted> = ContextVar::new("value");
    let counter = Counter::new();
    Context::new().run(|| {
        let token = VALUE.set(Counted::numbered(&counter, 1));
        VALUE.with(|value| {
            assert!(VALUE.reset(token).is_ok());
            assert!(VALUE.try_get().is_err());
            assert_eq!((value.number(), counter.live()), (1, 1), "the borrow keeps it alive");
        });
        assert_eq!(counter.live(), 0, "and releases it");

        VALUE.set(Counted::numbered(&counter, 2));
        VALUE.with(|value| {
            drop(VALUE.set(Counted::numbered(&counter, 3)));
            drop(VALUE.set(Counted::numbered(&counter, 4)));
            assert_eq!(counter.live(), 2, "3 was dropped, because it was not borrowed");
            assert_eq!(value.number(), 2);
        });
        assert_eq!(counter.live(), 1);
    });
    assert_eq!(counter.live(), 0);
}

/// A number, and a closure that runs when it is dropped.
struct Witness(u32, #[expect(dead_code, reason = "it is there to be dropped")] OnDrop<fn()>);

#[test]
fn a_replaced_value_is_dropped_when_the_slot_is_whole() {
    thread_local!(static SEEN: Cell<Option<u32>> = const { Cell::new(None) });
    static WITNESS: ContextVar<Witness> = ContextVar::new("witness");
    fn look() {
        SEEN.set(Some(WITNESS.try_with(|witness| witness.0).unwrap_or(0)));
    }
    Context::new().run(|| {
        drop(WITNESS.set(Witness(1, OnDrop(look))));
        drop(WITNESS.set(Witness(2, OnDrop(look))));
        assert_eq!(SEEN.take(), Some(2), "the new value is already there");
        WITNESS.sync_scope(Witness(3, OnDrop(look)), || ());
        assert_eq!(SEEN.take(), Some(2), "the old value is already back");
    });
    assert_eq!(SEEN.take(), Some(0), "the context is already left");
}

#[test]
fn a_panicking_clone_or_drop_leaves_the_context_whole() {
    static FRAGILE: ContextVar<OnDrop<fn()>> = ContextVar::new("fragile");
    let mut context = Context::new().with_value(&A, 1);
    context.run(|| {
        drop(FRAGILE.set(OnDrop(|| panic!("in drop"))));
        let text = panic_text(|| drop(FRAGILE.set(OnDrop(|| ()))));
        assert_eq!(text, "in drop");
        assert_eq!(A.get(), 1);
        assert!(FRAGILE.try_with(|_| ()).is_ok(), "the new value is there");
        let token = A.set(2);
        assert!(A.reset(token).is_ok());
    });
    assert_eq!((context.get(&A), context.len()), (Some(&1), 2));
}

#[test]
fn closures_that_are_never_called_drop_their_captures_inside_their_context() {
    let seen = Cell::new(None);
    let work = Context::new().with_value(&A, 1).run(|| {
        let captured = OnDrop(|| seen.set(A.try_get().ok()));
        propagate(move || drop(captured))
    });
    Context::new().with_value(&A, 9).run(|| {
        drop(work);
        assert_eq!(seen.take(), Some(1));
        assert_eq!(A.get(), 9);
    });

    let work = Context::new().with_value(&A, 2).run(|| {
        let captured = OnDrop(|| seen.set(A.try_get().ok()));
        propagate_fn(move || captured_is_here(&captured))
    });
    drop(work);
    assert_eq!(seen.take(), Some(2));
}

#[test]
fn a_called_closure_drops_its_captures_inside_too() {
    let seen = Cell::new(None);
    let work = Context::new().with_value(&A, 1).run(|| {
        let captured = OnDrop(|| seen.set(A.try_get().ok()));
        propagate(move || drop(captured))
    });
    work();
    assert_eq!(seen.take(), Some(1));

    let work = Context::new().with_value(&A, 2).run(|| {
        let captured = OnDrop(|| seen.set(A.try_get().ok()));
        propagate_fn(move || captured_is_here(&captured))
    });
    work();
    assert_eq!(seen.get(), None);
    drop(work);
    assert_eq!(seen.take(), Some(2));
}

fn captured_is_here<F: FnMut()>(captured: &OnDrop<F>) {
    let _: &F = &captured.0;
}

#[test]
fn a_drop_on_a_forbidding_thread_may_still_scope_and_bind() {
    on_thread(|| {
        forbid_bare_set();
        let binding = A.bind(1);
        drop(OnDrop(|| assert_eq!(A.sync_scope(2, || A.get()), 2)));
        assert_eq!(A.get(), 1);
        drop(binding);
    });
}
