//! Sentence 3: the default is computed once per process, shared by all contexts, and never part of a context.

use std::ptr::from_ref;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, LazyLock};
use std::thread;

use contextvars::{Context, ContextVar, copy_context};

use crate::support::{Counted, Counter, OnDrop, on_thread, panic_text};

#[test]
fn the_default_is_computed_once_per_process() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    static COUNTED: ContextVar<usize> =
        ContextVar::with_default("counted", || CALLS.fetch_add(1, Ordering::Relaxed) + 40);

    assert_eq!(CALLS.load(Ordering::Relaxed), 0, "not before the first read");
    for _ in 0..3 {
        Context::new().run(|| assert_eq!(COUNTED.get(), 40));
        on_thread(|| assert_eq!(COUNTED.get(), 40));
    }
    assert_eq!(CALLS.load(Ordering::Relaxed), 1);
}

#[test]
fn the_default_is_computed_once_when_threads_race_for_it() {
    const THREADS: usize = 8;
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    fn count() -> usize {
        thread::yield_now(); // lets other threads arrive during this computation
        CALLS.fetch_add(1, Ordering::Relaxed)
    }
    for round in 0..100 {
        let var = Arc::new(ContextVar::with_default("raced", count));
        let start = Arc::new(Barrier::new(THREADS));
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let (var, start) = (Arc::clone(&var), Arc::clone(&start));
                thread::spawn(move || {
                    start.wait();
                    var.get()
                })
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().expect("no thread panics"), round);
        }
        assert_eq!(CALLS.load(Ordering::Relaxed), round + 1);
    }
}

#[test]
fn the_default_is_shared() {
    static TEXT: ContextVar<String> = ContextVar::with_default("text", || String::from("shared"));
    let place = || TEXT.with(|text| from_ref(text) as usize);
    let here = Context::new().run(place);
    assert_eq!(Context::new().run(place), here, "by every context");
    assert_eq!(on_thread(place), here, "and by every thread");
    assert_eq!(TEXT.try_with(|text| from_ref(text) as usize).ok(), Some(here));
}

#[test]
fn the_default_is_never_stored_in_a_context() {
    static LEVEL: ContextVar<u32> = ContextVar::with_default("level", || 1);
    let mut context = Context::new();
    let copy = context.run(|| {
        assert_eq!(LEVEL.get(), 1);
        copy_context()
    });
    for context in [context, copy] {
        assert_eq!(context.get(&LEVEL), None);
        assert!(!context.contains(&LEVEL));
        assert_eq!((context.len(), context.iter().count()), (0, 0));
    }
}

#[test]
fn the_default_is_never_an_old_value() {
    static LEVEL: ContextVar<u32> = ContextVar::with_default("level", || 1);
    let mut context = Context::new();
    context.run(|| {
        assert_eq!(LEVEL.get(), 1);
        let token = LEVEL.set(2);
        assert_eq!(token.old_value(), None);
        assert!(LEVEL.reset(token).is_ok());
        assert_eq!(LEVEL.get(), 1, "the default applies again");
    });
    assert!(context.is_empty());
}

#[test]
fn a_default_that_panics_is_tried_again_at_the_next_read() {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    static THIRD: ContextVar<u32> =
        ContextVar::with_default("third", || match CALLS.fetch_add(1, Ordering::Relaxed) {
            failed @ 0..2 => panic!("attempt {failed}"),
            attempt => attempt,
        });

    Context::new().run(|| {
        assert_eq!(panic_text(|| THIRD.get()), "attempt 0");
        assert_eq!(panic_text(|| THIRD.try_with(|_| ())), "attempt 1");
        assert_eq!(THIRD.get(), 2);
        assert_eq!(THIRD.get(), 2);
    });
    assert_eq!(CALLS.load(Ordering::Relaxed), 3);
}

#[test]
fn a_default_that_panicked_on_one_thread_is_tried_again_on_another() {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    static SECOND: ContextVar<u32> = ContextVar::with_default("second", || {
        let attempt = CALLS.fetch_add(1, Ordering::Relaxed);
        assert!(attempt > 0, "the first attempt");
        attempt
    });
    assert_eq!(on_thread(|| panic_text(|| SECOND.get())), "the first attempt");
    assert_eq!(on_thread(|| SECOND.get()), 1);
    assert_eq!(Context::new().run(|| SECOND.get()), 1);
}

#[test]
fn the_panic_of_a_default_leaves_the_readers_context_as_it_was() {
    static BOUND: ContextVar<u32> = ContextVar::new("bound");
    static BROKEN: ContextVar<u32> = ContextVar::with_default("broken", || {
        BOUND.set(2);
        panic!("no default")
    });
    let mut context = Context::new().with_value(&BOUND, 1);
    context.run(|| {
        let token = BOUND.set(3);
        assert_eq!(panic_text(|| BROKEN.get()), "no default");
        assert_eq!(BOUND.get(), 3);
        assert!(BOUND.reset(token).is_ok(), "it is the same context still");
    });
    assert_eq!(context.get(&BOUND), Some(&1));
}

#[test]
fn a_default_runs_in_an_empty_context() {
    static REQUEST: ContextVar<u32> = ContextVar::new("request");
    static SEEN: ContextVar<(bool, usize)> =
        ContextVar::with_default("seen", || (REQUEST.try_get().is_ok(), copy_context().len()));

    let mut context = Context::new().with_value(&REQUEST, 7);
    context.run(|| {
        assert_eq!(SEEN.get(), (false, 0), "nothing of a request is baked into the process");
        assert_eq!(REQUEST.get(), 7, "and it is back afterwards");
    });
}

#[test]
fn values_set_by_a_default_stay_in_its_empty_context() {
    static SET_INSIDE: ContextVar<u32> = ContextVar::new("set inside");
    static SETTER: ContextVar<u32> = ContextVar::with_default("setter", || {
        SET_INSIDE.set(1);
        SET_INSIDE.get() + 1
    });
    let mut context = Context::new();
    context.run(|| assert_eq!(SETTER.get(), 2));
    assert!(context.is_empty());
}

#[test]
fn a_default_may_read_the_default_of_another() {
    static BASE: ContextVar<u32> = ContextVar::with_default("base", || 20);
    static DOUBLE: ContextVar<u32> = ContextVar::with_default("double", || 2 * BASE.get());
    let mut context = Context::new().with_value(&BASE, 1);
    context.run(|| assert_eq!(DOUBLE.get(), 40, "and not the value of the request"));
}

#[test]
fn a_default_that_reads_its_own_variable_panics_and_says_so() {
    static OUROBOROS: ContextVar<u32> = ContextVar::with_default("ouroboros", || OUROBOROS.get());
    Context::new().run(|| {
        for _ in 0..2 {
            let text = panic_text(|| OUROBOROS.get());
            assert!(text.contains("ouroboros") && text.contains("default"), "{text}");
        }
        let text = panic_text(|| OUROBOROS.try_get());
        assert!(text.contains("ouroboros") && text.contains("default"), "{text}");
    });
}

#[test]
fn a_cycle_of_defaults_on_one_thread_panics_and_says_so() {
    static HEN: ContextVar<u32> = ContextVar::with_default("hen", || EGG.get());
    static EGG: ContextVar<u32> = ContextVar::with_default("egg", || HEN.get());
    Context::new().run(|| {
        for (var, name) in [(&HEN, "hen"), (&EGG, "egg")] {
            let text = panic_text(|| var.get());
            assert!(text.contains(name) && text.contains("default"), "{text}");
        }
    });
}

#[test]
fn a_default_may_give_its_own_variable_a_value_or_a_fallback() {
    // Neither read needs the default, because a value or a fallback takes precedence.
    static VALUED: ContextVar<u32> = ContextVar::with_default("valued", || {
        VALUED.set(1);
        VALUED.get() + 1
    });
    static FELL_BACK: ContextVar<u32> =
        ContextVar::with_default("fell back", || FELL_BACK.get_or(3) + 1);
    Context::new().run(|| assert_eq!((VALUED.get(), FELL_BACK.get()), (2, 4)));
}

#[test]
fn a_default_that_caught_its_own_recursion_is_used() {
    static CAREFUL: ContextVar<u32> = ContextVar::with_default("careful", || {
        let text = panic_text(|| CAREFUL.get());
        u32::from(text.contains("careful"))
    });
    Context::new().run(|| assert_eq!((CAREFUL.get(), CAREFUL.get()), (1, 1)));
}

/// Regression: a value that the default's function had set panicked in its drop, and the computed default was leaked.
#[test]
fn a_default_whose_context_fails_to_drop_is_dropped() {
    static COUNTER: LazyLock<Counter> = LazyLock::new(Counter::new);
    static FAILING: ContextVar<OnDrop<fn()>> = ContextVar::new("failing");
    static MADE: ContextVar<Counted> = ContextVar::with_default("made", || {
        FAILING.set(OnDrop(|| panic!("cannot be dropped")));
        Counted::new(&COUNTER)
    });
    assert_eq!(panic_text(|| MADE.with(|_| ())), "cannot be dropped");
    assert_eq!((COUNTER.made(), COUNTER.live()), (1, 0));
}
