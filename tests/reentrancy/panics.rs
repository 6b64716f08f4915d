//! A panic in user code leaves the current context unchanged and leaks no value.

mod drops;
mod others;

use std::sync::LazyLock;

use contextvars::{Context, ContextExt as _, ContextVar, copy_context, forbid_bare_set, propagate};

use crate::operations::OPERATIONS;
use crate::probe::{At, Probe, SUBJECT, State, arm, at_entry, at_exit, disarm};
use crate::support::{ByHand, Counted, Counter, on_thread, panic_text, yield_once};

/// A counted value that panics in one of its traits. The text names the trait.
struct Fragile {
    counted: Counted,
    breaks: At,
}

impl Fragile {
    fn new(counter: &Counter, breaks: At) -> Self {
        Self { counted: Counted::new(counter), breaks }
    }

    fn break_at(&self, here: At) {
        assert!(self.breaks != here || std::thread::panicking(), "{here:?} breaks");
    }
}

impl Clone for Fragile {
    fn clone(&self) -> Self {
        self.break_at(At::Clone);
        Self { counted: self.counted.clone(), breaks: At::Never }
    }
}

impl std::fmt::Debug for Fragile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.break_at(At::Debug);
        f.write_str("Fragile")
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        self.break_at(At::Drop);
    }
}

static FRAGILE: ContextVar<Fragile> = ContextVar::new("fragile").debug();
static STEADY: ContextVar<Counted> = ContextVar::new("steady").debug();

/// Returns the state of the current context.
fn state() -> (usize, Option<u32>, bool) {
    let current = Context::current();
    assert_eq!(current.iter().count(), current.len());
    let steady = STEADY.try_with(Counted::number).ok();
    (current.len(), steady, FRAGILE.try_with(|_| ()).is_ok())
}

/// Runs `user` in several kinds of context in which `STEADY` is set and `FRAGILE` is unset. It must panic with `expected`,
/// leave the context unchanged, and leave no value alive.
fn unharmed(expected: &str, user: impl Fn(&Counter)) {
    let counter = Counter::new();
    let steady = STEADY.set(Counted::numbered(&counter, 1));
    check_unharmed(expected, &counter, &user);
    Context::new().with_value(&STEADY, Counted::numbered(&counter, 1)).run(|| {
        check_unharmed(expected, &counter, &user);
        let _copy = copy_context();
        check_unharmed(expected, &counter, &user);
    });
    STEADY.with(|lent| {
        check_unharmed(expected, &counter, &user);
        assert_eq!(lent.number(), 1);
    });
    let check = async { check_unharmed(expected, &counter, &user) };
    ByHand::new(check.in_current_context()).last_step();
    STEADY.reset(steady).unwrap();
    assert_eq!(state(), (0, None, false));
    assert_eq!(counter.live(), 0);
}

fn check_unharmed(expected: &str, counter: &Counter, user: &dyn Fn(&Counter)) {
    let (before, live) = (state(), counter.live());
    assert_eq!(before, (1, Some(1), false));
    let anchor = STEADY.set(Counted::numbered(counter, 1));
    assert_eq!(panic_text(|| user(counter)), expected);
    assert_eq!(state(), before);
    STEADY.reset(anchor).expect("the same context is current");
    STEADY.sync_scope(Counted::numbered(counter, 2), || assert_eq!(state(), (1, Some(2), false)));
    assert_eq!((state(), counter.live()), (before, live));
}

/// Runs `user`, which panics, with a fragile value bound.
fn while_set(counter: &Counter, breaks: At, user: impl FnOnce()) {
    FRAGILE.sync_scope(Fragile::new(counter, breaks), user);
}

// === Clone and Debug ===

#[test]
fn a_clone_that_panics_in_get() {
    unharmed("Clone breaks", |counter| while_set(counter, At::Clone, || drop(FRAGILE.get())));
}

#[test]
fn a_clone_that_panics_in_try_get() {
    unharmed("Clone breaks", |counter| {
        while_set(counter, At::Clone, || drop(FRAGILE.try_get()));
    });
}

#[test]
fn a_clone_that_panics_in_get_or_drops_the_fallback() {
    unharmed("Clone breaks", |counter| {
        while_set(counter, At::Clone, || {
            drop(FRAGILE.get_or(Fragile::new(counter, At::Never)));
        });
    });
}

#[test]
fn a_clone_that_panics_inside_a_loan() {
    unharmed("Clone breaks", |counter| {
        while_set(counter, At::Clone, || {
            FRAGILE.with(|lent| {
                drop(FRAGILE.set(Fragile::new(counter, At::Never)));
                drop(lent.clone());
            });
        });
    });
}

#[test]
fn a_debug_that_panics() {
    unharmed("Debug breaks", |counter| {
        while_set(counter, At::Debug, || drop(format!("{:?}", Context::current())));
    });
}

// === default functions ===

#[test]
fn a_default_function_that_panics_is_tried_again() {
    static COUNTER: LazyLock<Counter> = LazyLock::new(Counter::new);

    let broken: ContextVar<u32> = ContextVar::with_default("broken", || {
        drop(STEADY.set(Counted::new(&COUNTER)));
        panic!("no default")
    });
    unharmed("no default", |_| {
        let _ = broken.get();
    });
    unharmed("no default", |_| drop(broken.try_get()));
    unharmed("no default", |_| broken.with(|_| ()));
    unharmed("no default", |_| drop(broken.try_with(|_| ())));
    assert_eq!(broken.get_or(7), 7);
    assert_eq!(COUNTER.live(), 0);
}

#[test]
fn a_default_function_that_reads_its_own_variable_panics_and_says_so() {
    static CIRCULAR: ContextVar<u32> = ContextVar::with_default("circular", || CIRCULAR.get() + 1);
    let text = panic_text(|| CIRCULAR.get());
    assert!(text.contains("circular"), "{text}");
    unharmed(&text, |_| {
        let _ = CIRCULAR.get();
    });
}

// === closures ===

#[test]
fn a_closure_that_panics() {
    unharmed("stop", |_| STEADY.with(|_| panic!("stop")));
    unharmed("stop", |_| drop(STEADY.try_with(|_| -> () { panic!("stop") })));
    unharmed("stop", |counter| STEADY.sync_scope(Counted::new(counter), || panic!("stop")));
    unharmed("stop", |_| copy_context().run(|| panic!("stop")));
    unharmed("stop", |_| propagate(|| panic!("stop"))());
    unharmed("stop", |_| copy_context().retain(|_| panic!("stop")));
}

#[test]
fn a_closure_that_panics_after_it_has_set() {
    let set_and_panic = |counter: &Counter| {
        drop(STEADY.set(Counted::numbered(counter, 3)));
        drop(FRAGILE.set(Fragile::new(counter, At::Never)));
        panic!("stop")
    };
    unharmed("stop", |counter| copy_context().run(|| set_and_panic(counter)));
    unharmed("stop", |counter| propagate(|| set_and_panic(counter))());
    unharmed("stop", |counter| {
        copy_context().run(|| STEADY.with(|_| STEADY.with(|_| set_and_panic(counter))));
    });
}

#[test]
fn a_binding_is_undone_by_a_panic() {
    unharmed("stop", |counter| {
        let _binding = STEADY.bind(Counted::numbered(counter, 4));
        let _second = FRAGILE.bind(Fragile::new(counter, At::Never));
        panic!("stop")
    });
}

#[test]
fn a_poll_that_panics() {
    unharmed("stop", |counter| {
        let future = async {
            drop(STEADY.set(Counted::numbered(counter, 5)));
            yield_once().await;
            panic!("stop")
        };
        let mut future = ByHand::new(future.in_current_context());
        future.step();
        let _ = future.poll();
    });
}

#[test]
fn a_closure_of_retain_that_panics_leaves_a_whole_context() {
    let counter = Counter::new();
    let variables: Vec<ContextVar<Counted>> = (0..20).map(|_| ContextVar::new("many")).collect();
    let full = variables
        .iter()
        .fold(Context::new(), |context, var| context.with_value(var, Counted::new(&counter)));
    for stop_at in 0..20 {
        let mut context = full.clone();
        let mut calls = 0;
        let text = panic_text(|| {
            context.retain(|_| {
                calls += 1;
                assert!(calls <= stop_at, "stop");
                calls % 2 == 0
            });
        });
        assert_eq!(text, "stop");
        assert_eq!(context.iter().count(), context.len());
        let present = variables.iter().filter(|var| context.contains(var)).count();
        assert_eq!(present, context.len());
    }
    drop(full);
    assert_eq!(counter.live(), 0);
}

#[test]
fn a_refused_set_drops_its_value_and_changes_nothing() {
    on_thread(|| {
        let counter = Counter::new();
        forbid_bare_set();
        let text = panic_text(|| STEADY.set(Counted::new(&counter)));
        assert!(text.contains("steady"), "{text}");
        assert_eq!((state(), counter.live(), counter.made()), ((0, None, false), 0, 1));
        STEADY.sync_scope(Counted::numbered(&counter, 1), || {
            panic_text(|| STEADY.set(Counted::new(&counter)));
            assert_eq!(state(), (1, Some(1), false));
        });
        assert_eq!((state(), counter.live()), ((0, None, false), 0));
        Context::new().run(|| drop(STEADY.set(Counted::numbered(&counter, 2))));
        assert_eq!(counter.live(), 0);
    });
}

#[test]
fn the_destructor_of_a_refused_value_may_call_everything() {
    for operation in OPERATIONS.iter().flat_map(|group| group.iter()) {
        println!("{}", operation.name);
        on_thread(|| {
            forbid_bare_set();
            arm(*operation);
            let text = panic_text(|| SUBJECT.set(Probe::firing(At::Drop, 1)));
            assert!(text.contains("subject"), "{text}");
            disarm().unwrap();
            assert_eq!((at_entry().len, State::now()), (0, at_exit()));
        });
    }
}
